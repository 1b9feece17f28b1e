/** Properties of streams: a stream is its state, wherever that comes from and goes to, and none touches another. */

import { createSessionSync, type Model, type Session, type StreamGroup } from "../../src/index.ts";
import { elements } from "../../src/tensor.ts";
import { withSession } from "./cases.ts";
import { expectBits, expectBytes, expectClose, expectSameState, scaleOf } from "./compare.ts";
import { argument, type Outcome, ones, rows, runStream, width } from "./drive.ts";
import { below, type Data, randomState, type State, seeded } from "./models.ts";
import { expectSame, type Property } from "./subject.ts";

export const streams: Record<string, Property> = {
  "streams that take turns do not touch"({ model, session, random, inputs }) {
    const all = Array.from({ length: 3 }, () => ({
      xs: inputs(12),
      stream: session.stream(),
      at: 0,
      parts: [] as State[],
    }));
    while (all.some(({ at }) => at < 12)) {
      const one = all[below(random, 3)];
      const count = Math.min(1 + below(random, 3), 12 - one.at);
      if (count === 0) continue;
      const outcome = runStream(one.stream, model, rows(model, one.xs, one.at, count), [count]);
      one.parts.push(outcome.outputs);
      one.at += count;
      if (below(random, 4) === 0) session.run(argument(model.inputs, inputs(3)));
      if (below(random, 4) === 0) session.warmup(2);
    }
    for (const { xs, stream } of all) {
      expectSameState("after turns", stream.state, runStream(session.stream(), model, xs, ones(12)).state);
    }
  },

  "a clone goes its own way"({ model, session, inputs }) {
    const [before, one, other] = [inputs(4), inputs(5), inputs(5)];
    const stream = session.stream();
    runStream(stream, model, before, [4]);
    const clone = stream.clone();
    const a = runStream(stream, model, one, ones(5));
    const b = runStream(clone, model, other, [5]);
    expectSame("the original", a, after(session, model, before, one));
    expectSame("the clone", b, after(session, model, before, other));
  },

  "reset makes a stream new"({ model, session, random, inputs }) {
    const xs = inputs(6);
    const stream = session.stream();
    const fresh = stream.state;
    stream.setState(randomState(model, 1, random));
    runStream(stream, model, inputs(3), [1, 2]);
    stream.reset();
    expectSameState("after reset", stream.state, fresh);
    for (const { name, initial, shape } of model.states) {
      const expected = initial === undefined ? new Float32Array(elements(shape)) : model.tensors.get(initial)?.data;
      expectBits(`initial ${name}`, fresh[name], expected as Float32Array);
    }
    expectSame("after reset", runStream(stream, model, xs, [6]), runStream(session.stream(), model, xs, [6]));
  },

  "state set, saved, loaded and given is the state"({ model, session, random, inputs }, implementation) {
    const state = randomState(model, 1, random);
    const stream = session.stream();
    stream.setState(state);
    expectSameState("setState", stream.state, state);
    const bytes = stream.save();
    const size = model.states.reduce((sum, { shape }) => sum + 4 * elements(shape), 0);
    if (bytes.length < size || bytes.length > size + 32) {
      throw new Error(`save(): expected ${size} bytes and at most 32 more, got ${bytes.length}`);
    }
    // Not at a multiple of four, and with something before and after it.
    const place = new Uint8Array(bytes.length + 8).fill(0xaa);
    expectBytes("save into", stream.save(place.subarray(3, -2)), bytes);
    expectBytes(
      "around it",
      Uint8Array.of(...place.subarray(0, 3), ...place.subarray(-5)),
      new Uint8Array(8).fill(0xaa),
    );
    const xs = inputs(5);
    const expected = runStream(stream, model, xs, ones(5));
    const loaded = session.stream();
    loaded.load(place.subarray(3, 3 + bytes.length));
    expectSameState("load", loaded.state, state);
    expectSame("from the loaded state", runStream(loaded, model, xs, ones(5)), expected);
    expectSame("from the given state", runStream(session.stream({ state }), model, xs, ones(5)), expected);
    const group = session.group(3);
    group.load(1, bytes);
    expectSameState("group.load", group.state(1), state);
    expectSameState("group.load, its neighbours", group.state(2), group.state(0));
    expectBytes("group.save", group.save(1), bytes);
    // One state alone, the others stay.
    for (const { name, shape } of model.states) {
      const one = { [name]: randomState(model, 1, random)[name] };
      loaded.load(bytes);
      loaded.setState(one);
      expectSameState(`setState of ${name} ${shape}`, loaded.state, { ...state, ...one });
    }
    withSession(implementation, model, (another) => {
      const resumed = another.stream();
      resumed.load(bytes);
      expectSame("in another session", runStream(resumed, model, xs, ones(5)), expected);
      expectBytes("save in another session", another.stream({ state }).save(), bytes);
    });
  },

  "a state resumes in the reference"({ model, session, inputs }) {
    const stream = session.stream();
    runStream(stream, model, inputs(7), [7]);
    const xs = inputs(5);
    const bytes = stream.save();
    const expected = runStream(stream, model, xs, ones(5));
    const reference = createSessionSync(model, { variant: "reference" });
    const resumed = reference.stream();
    resumed.load(bytes);
    const got = runStream(resumed, model, xs, ones(5));
    for (const name of Object.keys(expected.outputs)) {
      const scale = scaleOf(expected.outputs[name]);
      // The reference quantises no vectors.
      const tolerance = session.info.precision === "int8" ? 4e-2 : 2e-6;
      expectClose(name, expected.outputs[name], got.outputs[name], tolerance * scale);
    }
    reference.dispose();
  },

  "steps do not grow memory"({ model, session, inputs }) {
    const stream = session.stream();
    const group = session.group(5);
    const xs = argument(model.inputs, inputs(1));
    const five = argument(model.inputs, inputs(5));
    stream.run(five);
    const before = JSON.stringify(session.info.bytes);
    const { buffer } = stream.input;
    for (let i = 0; i < 200; i++) {
      stream.step(xs);
      stream.run(five);
      group.step(five);
      stream.reset();
    }
    const grown = JSON.stringify(session.info.bytes);
    if (grown !== before) throw new Error(`bytes: expected ${before}, got ${grown}`);
    if (stream.input.buffer !== buffer) throw new Error("input: expected the same memory, got another");
  },

  "what is given back is used again"({ session, random }) {
    const kept = session.stream();
    const live: { dispose(): void }[] = [];
    const change = (count: number) => {
      for (let i = 0; i < count; i++) {
        if (live.length < 6) live.push(below(random, 2) === 0 ? kept.clone() : session.group(1 + below(random, 40)));
        else live.splice(below(random, 6), 1)[0].dispose();
      }
      return kept.input.buffer.byteLength;
    };
    const before = change(200);
    // Room for gaps that do not fit, but not for gaps that are lost.
    const after = change(1000);
    if (after > 2 * before) throw new Error(`memory: expected at most ${2 * before} bytes, got ${after}`);
  },

  "memory that is full to the last byte grows"({ model, session, random }) {
    for (const odd of [0, 1]) {
      // A gap that is too small for what follows, then pairs up to the end of memory and past it.
      const gap = session.stream();
      const fence = Array.from({ length: 1 + odd }, () => session.stream());
      gap.dispose();
      const size = fence[0].input.buffer.byteLength;
      const pairs: { readonly group: StreamGroup; readonly state: State }[] = [];
      do {
        const [group, state] = [session.group(2), randomState(model, 1, random)];
        group.setState(1, state);
        pairs.push({ group, state });
      } while (pairs.length < 600 && fence[0].input.buffer.byteLength === size);
      for (const { group, state } of pairs) expectSameState("a group beside others", group.state(1), state);
      for (const one of [...fence, ...pairs.map(({ group }) => group)]) one.dispose();
    }
  },

  "what is refused takes no memory"({ model, session, inputs }) {
    const xs = argument(model.inputs, inputs(4));
    const refused = [
      () => session.stream({ state: { unknown: new Float32Array(1) } }),
      () => session.run(xs, { batch: 4, state: { unknown: new Float32Array(1) } }),
      () => session.run(xs, { lengths: [1, 2, 3, -1] }),
      () => session.group(0),
    ];
    expectNoGrowth(session, () => {
      for (const call of refused) {
        try {
          call();
        } catch {
          continue;
        }
        throw new Error("expected a refusal");
      }
    });
  },

  "a stream lives through growth, and freed places are clean"({ model, session, inputs }) {
    const xs = inputs(12);
    const stream = session.stream();
    const parts: Outcome[] = [];
    for (let i = 0; i < 4; i++) {
      parts.push(runStream(stream, model, rows(model, xs, 3 * i, 3), [1, 2]));
      const group = session.group(40 * 4 ** i);
      const last = group.state(40 * 4 ** i - 1);
      expectSameState("a new group", last, session.stream().state);
      session.run(argument(model.inputs, inputs(30 * (i + 1))), { batch: 30 });
      group.setState(0, randomState(model, 1, seeded(`${i}`)));
      group.dispose();
    }
    const expected = runStream(session.stream(), model, xs, ones(12));
    expectSameState("after growth", stream.state, expected.state);
    parts.forEach((part, i) => {
      for (const { name } of model.outputs) {
        const size = expected.outputs[name].length / 12;
        expectBits(
          `after growth: ${name}`,
          part.outputs[name],
          expected.outputs[name].slice(3 * i * size, 3 * (i + 1) * size),
        );
      }
    });
  },
};

/** After the first times that `use` is called, linear memory stays as large as it is. */
function expectNoGrowth(session: Session, use: () => void): void {
  const stream = session.stream();
  for (let i = 0; i < 3; i++) use();
  const bytes = stream.input.buffer.byteLength;
  // Often enough for what is lost each time, 64 bytes at least, to take more than the 64 KiB that memory grows by.
  const times = session.info.variant === "reference" ? 1 : 1100;
  for (let i = 0; i < times; i++) use();
  const grown = stream.input.buffer.byteLength;
  if (grown !== bytes) throw new Error(`memory: expected ${bytes} bytes, got ${grown}`);
}

/** The second of two sequences, after the first, step by step in a stream of its own. */
function after(session: Session, model: Model, first: readonly Data[], second: readonly Data[]): Outcome {
  const stream = session.stream();
  const count = (xs: readonly Data[]) => xs[0].length / width(model.inputs[0]);
  runStream(stream, model, first, ones(count(first)));
  return runStream(stream, model, second, ones(count(second)));
}
