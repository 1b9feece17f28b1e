/** Linear memory: cycles keep it as it is, what is freed is used again, and a member of a group costs little but its state. */

import { describe, expect, it } from "vitest";
import { createRuntimeSync, createSessionSync, type Model, type Runtime, type Session } from "../../src/index.ts";
import { below, randomModel, seeded, shuffled, uniform } from "../conformance/models.ts";
import { inChild } from "./child.ts";

const PAGE = 65536;
/** What a member may cost beside its state. */
const SLOT = 64;

const gru = randomModel("memory", [
  { type: "gru", name: "rnn", inputSize: 3, hiddenSize: 32 },
  { type: "linear", name: "head", inFeatures: 32, outFeatures: 2 },
]);
const folded = randomModel("folded", [
  { type: "embedding", name: "table", numEmbeddings: 20, embeddingDim: 30 },
  { type: "lstm", name: "rnn", inputSize: 30, hiddenSize: 6, numLayers: 2 },
]);
const bidirectional = randomModel("bidirectional", [
  { type: "gru", name: "rnn", inputSize: 3, hiddenSize: 9, bidirectional: true },
]);
const frames = uniform(seeded("frames"), 90, -1, 1);

function open(): Runtime {
  return createRuntimeSync({ variant: "simd" }) as Runtime;
}

/** Bytes of linear memory after each of `cycles` calls. */
function sizes(runtime: Runtime, cycles: number, cycle: (i: number) => void): Set<number> {
  const seen = new Set<number>();
  for (let i = 0; i < cycles; i++) {
    cycle(i);
    seen.add(runtime.memoryBytes);
  }
  return seen;
}

describe("2,000 cycles after the first leave linear memory at one size", () => {
  const streamCycles: Readonly<Record<string, (session: Session) => void>> = {
    "a stream": (session) => {
      const stream = session.stream();
      stream.step(frames.subarray(0, 3));
      stream.dispose();
    },
    "a traced stream": (session) => {
      const stream = session.stream({ trace: true, traceSteps: 5 });
      stream.run(frames.subarray(0, 30));
      stream.dispose();
    },
    "a stream and its clones": (session) => {
      const stream = session.stream();
      const clones = [stream.clone(), stream.clone(), stream.clone()];
      stream.dispose();
      for (const clone of clones) clone.dispose();
    },
    "a group": (session) => {
      const group = session.group(7);
      group.step(frames.subarray(0, 21));
      group.dispose();
    },
    "a run": (session) => {
      session.run(frames, { batch: 3 });
    },
    "a warm-up": (session) => session.warmup(1),
  };

  it.each(Object.entries(streamCycles))("of %s in one session", (_, cycle) => {
    const runtime = open();
    const session = createSessionSync(gru, { runtime });
    cycle(session);
    const { memoryBytes } = runtime;
    expect([...sizes(runtime, 2000, () => cycle(session))]).toEqual([memoryBytes]);
  });

  it.each(Object.entries({ gru, folded, bidirectional }))("of a session in one runtime: %s", (_, model) => {
    const runtime = open();
    const cycle = () => {
      const session = createSessionSync(model as Model, { runtime, maxSteps: 8 });
      if (model === gru) session.stream();
      session.dispose();
    };
    cycle();
    const { memoryBytes } = runtime;
    expect([...sizes(runtime, 2000, cycle)]).toEqual([memoryBytes]);
  });

  it("of sessions among others that stay", () => {
    const runtime = open();
    const staying = [createSessionSync(folded, { runtime }), createSessionSync(gru, { runtime })];
    const streams = staying.map((session) => session.stream());
    createSessionSync(gru, { runtime }).dispose();
    const { memoryBytes } = runtime;
    const seen = sizes(runtime, 200, (i) => createSessionSync(i % 2 ? gru : folded, { runtime }).dispose());
    expect([...seen]).toEqual([memoryBytes]);
    for (const stream of streams) stream.dispose();
  });
});

describe("freed regions are used again", () => {
  it("whatever the order in which streams and groups of many sizes end", () => {
    const random = seeded("order");
    const runtime = open();
    const session = createSessionSync(gru, { runtime });
    const counts = Array.from({ length: 60 }, () => 1 + below(random, 40));
    const total = counts.reduce((sum, n) => sum + n, 0);
    const all = session.group(total);
    const { memoryBytes } = runtime;
    all.dispose();
    for (let round = 0; round < 20; round++) {
      const groups = counts.map((n) => session.group(n));
      for (const i of shuffled(random, groups.length)) groups[i].dispose();
      // Only where all gaps have become one again does the whole fit.
      session.group(total).dispose();
      expect(runtime.memoryBytes).toBe(memoryBytes);
    }
  });

  it("a new stream is in the initial state, whatever lay there before", () => {
    const session = createSessionSync(gru, { variant: "simd" });
    for (let i = 0; i < 20; i++) {
      const stream = session.stream();
      expect(stream.state["rnn.h"].every((value) => value === 0)).toBe(true);
      stream.setState({ "rnn.h": new Float32Array(32).fill(Number.NaN) });
      stream.dispose();
    }
  });

  it("a session that has gone leaves no trace in the numbers of the next", () => {
    const runtime = open();
    const alone = createSessionSync(folded, { variant: "simd" }).run(Int32Array.of(3, 1, 4, 1, 5)).output;
    for (const model of [gru, bidirectional, gru]) {
      const session = createSessionSync(model, { runtime });
      session.run(new Float32Array(60).fill(Number.NaN));
      session.dispose();
      const next = createSessionSync(folded, { runtime });
      expect(next.run(Int32Array.of(3, 1, 4, 1, 5)).output).toEqual(alone);
      next.dispose();
    }
  });

  it("a sequence model that has grown its rows takes no more for as many", () => {
    const runtime = open();
    const session = createSessionSync(bidirectional, { runtime });
    session.run(new Float32Array(3 * 900));
    session.run(new Float32Array(3 * 900));
    const { memoryBytes } = runtime;
    expect([...sizes(runtime, 50, (i) => session.run(new Float32Array(3 * (900 - i))))]).toEqual([memoryBytes]);
  });
});

describe("a member of a group", () => {
  const members = 100_000;
  const stateBytes = 32 * 4;

  it("costs its state and at most 64 bytes of linear memory", () => {
    const runtime = open();
    const session = createSessionSync(gru, { runtime });
    const before = runtime.memoryBytes;
    const group = session.group(members);
    const cost = runtime.memoryBytes - before;
    expect(cost).toBeGreaterThan(0);
    expect(cost).toBeLessThanOrEqual(members * (stateBytes + SLOT) + PAGE);
    expect(session.info.bytes.statePerStream).toBeLessThanOrEqual(stateBytes + SLOT);
    group.dispose();
  });

  it("costs at most 64 bytes of the JavaScript heap, its part in a step by members included", () => {
    const program = `
      const { createRuntimeSync, createSessionSync, readModel } = await import(entry);
      const runtime = createRuntimeSync({ variant: "simd" });
      const session = createSessionSync(readModel(given), { runtime });
      const members = Int32Array.from({ length: ${members} }, (_, i) => i);
      const xs = new Float32Array(3 * ${members}), ys = new Float32Array(2 * ${members});
      const heap = () => {
        gc();
        const { heapUsed, arrayBuffers } = process.memoryUsage();
        return heapUsed + arrayBuffers;
      };
      session.group(1).step(new Float32Array(3));
      heap();
      const before = heap();
      const group = session.group(${members});
      group.step(xs, ys, members);
      const cost = heap() - before;
      group.dispose();
      answer(cost);`;
    expect(inChild(program, gru, ["--expose-gc"])).toBeLessThanOrEqual(members * SLOT);
  });
});
