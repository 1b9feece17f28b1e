/**
 * Quanta ↔ frames against a plain loop over the whole signal: whatever frame, hop and quantum are, every sample of the output
 * is the loop's, bit for bit, and as late as the layout says. And what is heard when the model fails.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Engine, States } from "../../src/engine.ts";
import { AudioModel, type OpenedModel } from "../../src/worklet/audio.ts";
import { audioLayout, type FrameOptions, type Layout } from "../../src/worklet/layout.ts";
import { randomModel, seeded, uniform } from "../conformance/models.ts";

/** A model with a state: row ↦ numbers that tell the row, the knobs and how many rows there were before. */
type Row = (row: Float32Array, before: number) => ArrayLike<number>;

/** An engine of `Row`s. */
function engineOf(rows: number, size: number, given: number, row: Row): Engine {
  const stride = (n: number) => Math.ceil(n / 4) * 4 + 4;
  const region = (n: number) => {
    const data = new Float32Array(rows * stride(n)).fill(NaN);
    return { data, stride: stride(n), row: data.subarray(0, n) };
  };
  const inputs = [region(size)];
  const outputs = [region(given)];
  const missing = () => {
    throw new Error("not asked for");
  };
  return {
    variant: "reference",
    precision: "f64",
    bytes: () => ({ weights: 0, programs: 0, io: 0, scratch: 0, statePerStream: 0 }),
    rows,
    inputs,
    outputs,
    reserve: missing,
    createStates: (): States => {
      const counter = { before: 0 };
      return {
        ...counter,
        count: 1,
        write(this: typeof counter, _member: number, _index: number, from: Float32Array) {
          this.before = from[0];
        },
        copy(this: typeof counter, _member: number, from: unknown) {
          this.before = (from as typeof counter).before;
        },
        read: missing,
        reset: missing,
        trace: missing,
        dispose: missing,
      } as States;
    },
    execute(states, steps) {
      const state = states as unknown as { before: number };
      for (let r = 0; r < steps; r++) {
        const x = inputs[0].data.slice(r * inputs[0].stride, r * inputs[0].stride + size);
        outputs[0].data.set(row(x, state.before++), r * outputs[0].stride);
      }
      return 0;
    },
    executeGroup: missing,
    dispose: missing,
  };
}

const mixed: Row = (row, before) => {
  const sum = row.reduce((sum, x, i) => Math.fround(sum + x * (i + 1)), 0);
  return row.map((x, i) => Math.fround(x * 0.5 + sum / (i + 3) + before / 7));
};

const RATE = 48_000;
const AT = { quantum: 128, sampleRate: RATE };

interface Sizes {
  readonly frame: number;
  readonly hop: number;
  readonly quantum: number;
  readonly output: Layout["output"];
  readonly knobs: number;
}

function layoutOf({ frame, hop, quantum, output, knobs }: Sizes, channels = 1): Layout {
  const given = output === "hop" ? hop : output === "frame" ? frame : 1;
  const model = randomModel("layout", [{ type: "linear", name: "l", inFeatures: frame + knobs, outFeatures: given }]);
  const params = Array.from({ length: knobs }, (_, i) => ({ name: `knob${i}` }));
  return audioLayout(model, { frame, hop, channels, params }, { quantum, sampleRate: RATE });
}

const givenBy = ({ output, hop, frame }: Layout) => (output === "hop" ? hop : output === "frame" ? frame : 1);

/** The whole output at once: no ring, no quantum. */
function plain(x: Float32Array, knobs: readonly Float32Array[], layout: Layout, row: Row): Float32Array {
  const { frame, hop, quantum, output, latencySamples } = layout;
  const delay = latencySamples - (output === "frame" ? frame - hop : 0);
  const y = new Float32Array(x.length + frame + delay);
  for (let k = 0; (k + 1) * hop <= x.length; k++) {
    const end = (k + 1) * hop;
    const window = Float32Array.from({ length: frame }, (_, i) => x[end - frame + i] ?? 0);
    const made = row(Float32Array.of(...window, ...knobs.map((knob) => knob[end - 1])), k);
    for (let i = 0; i < (output === "frame" ? frame : hop); i++) {
      y[delay + k * hop + i] += output === "held" ? made[0] : made[i];
    }
  }
  return y.slice(0, Math.floor(x.length / quantum) * quantum);
}

/** All quanta of a signal through an AudioModel; `knobs` are a-rate. */
function through(
  audio: AudioModel,
  x: Float32Array,
  knobs: readonly Float32Array[],
  { quantum }: Layout,
): Float32Array {
  const y = new Float32Array(x.length);
  for (let at = 0; at < x.length; at += quantum) {
    const parameters = Object.fromEntries(knobs.map((knob, i) => [`knob${i}`, knob.slice(at, at + quantum)]));
    audio.process([x.slice(at, at + quantum)], [y.subarray(at, at + quantum)], parameters);
  }
  return y;
}

/** Not asked for where there is no delay. */
const memory = (): never => {
  throw new Error("not asked for");
};

const silent = (error: unknown) => {
  throw error;
};

const sizes: fc.Arbitrary<Sizes> = fc
  .record({
    hop: fc.integer({ min: 1, max: 300 }),
    overlap: fc.integer({ min: 0, max: 300 }),
    quantum: fc.oneof(fc.constant(128), fc.integer({ min: 1, max: 300 })),
    output: fc.constantFrom<Layout["output"]>("hop", "frame", "held"),
    knobs: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ hop, overlap, quantum, output, knobs }) => {
    const frame = hop + overlap;
    // Where sizes coincide, the first of hop, frame, held is meant.
    const meant =
      output === "held" && hop > 1 && frame > 1 ? "held" : output === "frame" && overlap > 0 ? "frame" : "hop";
    return { hop, frame, quantum, output: meant, knobs };
  });

describe("quanta and frames", () => {
  it("the output is the plain loop's, for any frame, hop and quantum", () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 12 }), (some, quanta) => {
        const layout = layoutOf(some);
        expect(layout.output).toBe(some.output);
        const random = seeded(JSON.stringify(some));
        const x = uniform(random, quanta * some.quantum);
        const knobs = Array.from({ length: some.knobs }, () => uniform(random, x.length));
        const open = (rows: number) => ({
          engine: engineOf(rows, some.frame + some.knobs, givenBy(layout), (row, before) =>
            Array.from(mixed(row, before)).slice(0, givenBy(layout)),
          ),
          memory,
        });
        const audio = new AudioModel(layout, open, silent);
        const expected = plain(x, knobs, layout, mixed);
        expect(through(audio, x, knobs, layout)).toEqual(expected);
        audio.reset();
        expect(through(audio, x, knobs, layout)).toEqual(expected);
      }),
      { numRuns: 150, seed: 5 },
    );
  });

  it("the delay of the buffers is the least that never runs out", () => {
    fc.assert(
      fc.property(sizes, (some) => {
        const { latencySamples, output, frame, hop, quantum } = layoutOf(some);
        const left = Array.from({ length: hop }, (_, m) => ((m + 1) * quantum) % hop);
        expect(latencySamples - (output === "frame" ? frame - hop : 0)).toBe(Math.max(...left));
      }),
      { numRuns: 150, seed: 5 },
    );
  });

  it("channels do not hear each other, and one that is missing is silence", () => {
    const some: Sizes = { frame: 5, hop: 3, quantum: 8, output: "hop", knobs: 0 };
    const layout = layoutOf(some, 2);
    const row: Row = (row, before) => Array.from(mixed(row, before)).slice(0, 3);
    const audio = new AudioModel(layout, (rows) => ({ engine: engineOf(rows, 5, 3, row), memory }), silent);
    const x = uniform(seeded("left"), 40);
    const [left, right] = [new Float32Array(40), new Float32Array(40)];
    for (let at = 0; at < 40; at += 8)
      audio.process([x.slice(at, at + 8)], [left.subarray(at, at + 8), right.subarray(at, at + 8)], {});
    expect(left).toEqual(plain(x, [], layout, row));
    expect(right).toEqual(plain(new Float32Array(40), [], layout, row));
  });

  it("a knob of one value holds for the quantum, and a state to begin in is taken", () => {
    const layout = layoutOf({ frame: 1, hop: 1, quantum: 4, output: "hop", knobs: 1 });
    const engine = engineOf(4, 2, 1, ([x, knob], before) => [x * knob + before]);
    const audio = new AudioModel(layout, () => ({ engine, state: [Float32Array.of(100)], memory }), silent);
    const y = new Float32Array(4);
    audio.process([Float32Array.of(1, 2, 3, 4)], [y], { knob0: Float32Array.of(10) });
    expect([...y]).toEqual([110, 121, 132, 143]);
  });
});

describe("when the model fails", () => {
  /** The samples, as late as the layout says. */
  const dry = (x: Float32Array, { latencySamples }: Layout) => x.map((_, i) => x[i - latencySamples] ?? 0);
  const shapes: readonly Sizes[] = [
    { frame: 1, hop: 1, quantum: 128, output: "hop", knobs: 0 },
    { frame: 100, hop: 30, quantum: 128, output: "hop", knobs: 1 },
    { frame: 512, hop: 128, quantum: 128, output: "frame", knobs: 0 },
    { frame: 200, hop: 200, quantum: 128, output: "held", knobs: 0 },
  ];
  const x = uniform(seeded("dry"), 128 * 20);
  const knobs = [x];

  it.each(shapes)("to open, the samples pass with the same delay and one message: %j", (some) => {
    const layout = layoutOf(some);
    const told: unknown[] = [];
    const open = (): never => {
      throw new Error("no memory");
    };
    const audio = new AudioModel(layout, open, (error) => told.push(error));
    expect(through(audio, x, knobs, layout)).toEqual(dry(x, layout));
    audio.reset();
    expect(through(audio, x, knobs, layout)).toEqual(dry(x, layout));
    expect(told.map(String)).toEqual(["Error: no memory"]);
  });

  const failing: readonly [string, () => number, string][] = [
    [
      "throws",
      () => {
        throw new Error("unreachable");
      },
      "Error: unreachable",
    ],
    ["gives a status", () => 2, "SessionError: execute: expected status 0; got 2."],
  ];
  it.each(failing)("in the middle, because it %s: the samples pass from there on", (_, execute, message) => {
    for (const some of shapes) {
      const layout = layoutOf(some);
      const told: unknown[] = [];
      let fails = false;
      const open = (rows: number): OpenedModel => {
        const whole = engineOf(rows, some.frame + some.knobs, givenBy(layout), () =>
          new Float32Array(givenBy(layout)).fill(7),
        );
        const engine: Engine = { ...whole, execute: (states, n) => (fails ? execute() : whole.execute(states, n)) };
        return { engine, memory };
      };
      const audio = new AudioModel(layout, open, (error) => told.push(error));
      through(audio, x, knobs, layout);
      fails = true;
      // What was ready before is heard first.
      const y = through(audio, x, knobs, layout);
      const settled = layout.latencySamples + some.frame;
      expect(y.slice(settled)).toEqual(dry(x, layout).slice(settled));
      expect(told.map(String)).toEqual([message]);
    }
  });

  it("with numbers that are not finite, it begins anew after a quantum of the samples themselves", () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const layout = layoutOf({ frame: 1, hop: 1, quantum: 4, output: "hop", knobs: 0 });
      const told: unknown[] = [];
      // Counts its rows; a NaN in the count would stay.
      const engine = engineOf(4, 1, 1, ([x], before) => [x === 9 ? bad : before]);
      const audio = new AudioModel(
        layout,
        () => ({ engine, memory }),
        (error) => told.push(error),
      );
      const play = (...samples: number[]) => [...through(audio, Float32Array.from(samples), [], layout)];
      expect(play(5, 5, 5, 5)).toEqual([0, 1, 2, 3]);
      expect(play(6, 9, 8, 7)).toEqual([6, 9, 8, 7]);
      expect(play(5, 5, 5, 5, 6, 9, 6, 6)).toEqual([0, 1, 2, 3, 6, 9, 6, 6]);
      expect(told.map(String)).toEqual(["SessionError: output: expected finite numbers; got others."]);
      audio.reset();
      play(9, 0, 0, 0);
      expect(told).toHaveLength(2);
    }
  });
});

describe("layouts that cannot be", () => {
  const model = randomModel("layout", [{ type: "linear", name: "l", inFeatures: 10, outFeatures: 4 }]);
  const two = randomModel(
    "two",
    [
      { type: "concat", inputs: ["audio", "tone"] },
      { type: "linear", name: "l", inFeatures: 5, outFeatures: 4 },
    ],
    {
      inputs: [
        { name: "audio", dtype: "F32", shape: [4] },
        { name: "tone", dtype: "F32", shape: [1] },
      ],
    },
  );
  const single = randomModel("single", [{ type: "rnn", name: "rnn", inputSize: 1, hiddenSize: 1 }]);
  const wide = { ...two, inputs: [two.inputs[1], two.inputs[0]] };
  const tokens = randomModel("tokens", [{ type: "embedding", name: "e", numEmbeddings: 3, embeddingDim: 2 }]);
  const tone = { name: "tone" };
  const cases: readonly [typeof model, FrameOptions, string][] = [
    [model, { frame: 9 }, '"frame" expected input of 10 numbers to be a frame and 0 params, got 9'],
    [
      model,
      { params: Array.from({ length: 10 }, (_, i) => ({ name: `${i}` })) },
      '"frame" expected input of 10 numbers to be a frame and 10 params, got no frame',
    ],
    [model, { hop: 3 }, '"hop" expected l to give hop, frame or 1 numbers, got 4 for hop 3, frame 10'],
    [model, { hop: 11 }, '"hop" expected 1…10, got 11'],
    [model, { hop: 0 }, '"hop" expected 1…10, got 0'],
    [model, { channels: 0 }, '"channels" expected 1…32, got 0'],
    [model, { params: [tone, tone] }, '"params" expected each name once, got "tone" twice'],
    [model, { params: [{ name: "" }] }, '"params" expected names, got String'],
    [two, {}, '"params" expected one named "tone", an input of the model, got none'],
    [wide, { params: [{ name: "audio" }] }, "audio: expected one number beside the samples; got (4)."],
    [
      model,
      { sampleRate: 44_100 },
      "context: expected 44100 Hz; got 48000. Use new AudioContext({ sampleRate: 44100 }).",
    ],
    [{ ...model, info: { sampleRate: 16_000 } }, {}, "context: expected 16000 Hz; got 48000."],
    [single, { sampleRate: 96_000 }, "context: expected 96000 Hz; got 48000."],
    [single, { sampleRate: 1 }, "context: expected 1 Hz; got 48000."],
    [single, { sampleRate: NaN }, '"sampleRate" expected Hz, got NaN'],
    [single, { sampleRate: 0 }, '"sampleRate" expected Hz, got 0'],
    [tokens, {}, "tokens: expected numbers (F32); got ids (I32)."],
  ];

  it.each(cases.map(([model, options, message]) => [message, model, options] as const))(
    "%s",
    (message, model, options) => {
      expect(() => audioLayout(model, options, AT)).toThrow(message);
    },
  );

  it("and the sizes that are not said follow from the model", () => {
    expect(audioLayout(model, {}, AT)).toMatchObject({ frame: 10, hop: 4, output: "hop" });
    expect(audioLayout(two, { params: [tone] }, AT)).toMatchObject({
      frame: 4,
      hop: 4,
      params: [{ name: "tone", input: 1, at: 0 }],
      latencySamples: 0,
    });
    const amp = randomModel("amp", [
      { type: "gru", name: "rnn", inputSize: 2, hiddenSize: 4 },
      { type: "linear", name: "l", inFeatures: 4, outFeatures: 1 },
    ]);
    expect(audioLayout(amp, { params: [{ name: "gain" }] }, AT)).toMatchObject({
      frame: 1,
      hop: 1,
      output: "hop",
      params: [{ input: 0, at: 1 }],
    });
    const gate = randomModel("gate", [
      { type: "gru", name: "rnn", inputSize: 96, hiddenSize: 4 },
      { type: "linear", name: "l", inFeatures: 4, outFeatures: 1 },
    ]);
    expect(audioLayout(gate, {}, AT)).toMatchObject({ frame: 96, hop: 96, output: "held", latencySamples: 64 });
  });
});
