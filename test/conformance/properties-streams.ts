/** Properties of streams and groups: a member is a stream, a stream is its state, and none touches another. */

import { createSessionSync, type Model, type Session } from "../../src/index.ts";
import { elements } from "../../src/tensor.ts";
import { withSession } from "./cases.ts";
import { expectBits, expectBytes, expectClose, expectSameState, scaleOf } from "./compare.ts";
import { argument, batchOf, byName, column, concatenated, type Outcome, ones, rows, runStream, width } from "./drive.ts";
import { below, type Data, randomState, type State, seeded, shuffled } from "./models.ts";
import { expectSame, type Property } from "./subject.ts";

/** One, below, at and above a tile of four vectors, and more than a table of steps holds. */
const GROUPS = [1, 2, 3, 4, 5, 8, 13, 64, 65];

export const streams: Record<string, Property> = {
  "a member of a group is a stream alone"({ model, session, random, inputs }) {
    const T = 5;
    for (const n of GROUPS) {
      const sequences = Array.from({ length: n }, () => inputs(T));
      const states = sequences.map(() => randomState(model, 1, random));
      const xs = batchOf(
        model,
        sequences,
        sequences.map(() => T),
        T,
      );
      for (const form of ["run", "step"] as const) {
        const group = session.group(n);
        states.forEach((state, i) => group.setState(i, state));
        const parts =
          form === "run" ? [group.run(argument(model.inputs, xs))] : eachStep(model, xs, T, n, (x) => group.step(x));
        const outputs = parts.map((part) => byName(model.outputs, part));
        // Every member in small groups, in large ones those beside an edge of a tile.
        for (const i of n <= 13 ? shuffled(random, n) : [0, 1, 3, 4, 31, 32, 62, 63, n - 1]) {
          const alone = runStream(session.stream({ state: states[i] }), model, sequences[i], ones(T));
          for (const { name } of model.outputs) {
            const size = alone.outputs[name].length / T;
            const all = outputs.map((part) => part[name]);
            const got = form === "run" ? column(all[0], T, n, i) : columnOf(all, size, i);
            expectBits(`group of ${n}, ${form}, member ${i}: ${name}`, got, alone.outputs[name]);
          }
          expectSameState(`group of ${n}, ${form}, member ${i}`, group.state(i), alone.state);
        }
        group.dispose();
      }
    }
  },

  "only the members that are named take a step"({ model, session, random, inputs }) {
    const n = 13;
    const group = session.group(n);
    const streams = Array.from({ length: n }, () => session.stream());
    for (let round = 0; round < 12; round++) {
      const members = shuffled(random, n).slice(0, 1 + below(random, n));
      const xs = inputs(members.length);
      const y = byName(model.outputs, group.step(argument(model.inputs, xs), undefined, members));
      members.forEach((member, row) => {
        const alone = byName(model.outputs, streams[member].step(argument(model.inputs, rows(model, xs, row, 1))));
        for (const { name } of model.outputs) {
          expectBits(`round ${round}, member ${member}: ${name}`, column(y[name], 1, members.length, row), alone[name]);
        }
      });
      streams.forEach((stream, i) => expectSameState(`round ${round}, member ${i}`, group.state(i), stream.state));
    }
    group.reset(4);
    streams[4].reset();
    streams.forEach((stream, i) => expectSameState(`after reset(4), member ${i}`, group.state(i), stream.state));
    group.reset();
    for (let i = 0; i < n; i++) expectSameState(`after reset(), member ${i}`, group.state(i), session.stream().state);
  },

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
    const xs = inputs(5);
    const expected = runStream(stream, model, xs, ones(5));
    const loaded = session.stream();
    loaded.load(bytes);
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
      expectClose(name, expected.outputs[name], got.outputs[name], 2e-6 * scale);
    }
    reference.dispose();
  },

  "a given y is filled and returned, and nothing given is changed"({ model, session, inputs }) {
    if (model.inputs.length > 1 || model.outputs.length > 1) return;
    const size = width(model.outputs[0]);
    const [xs] = inputs(3);
    const before = xs.slice();
    const [a, b] = [session.stream(), session.stream()];
    const x = rows(model, [xs], 0, 1)[0];
    const y = new Float32Array(size);
    if (a.step(x, y) !== y) throw new Error("step(x, y): expected y");
    expectBits("step into y", y, b.step(x) as Float32Array);
    const ys = new Float32Array(3 * size);
    if (a.run(xs, ys) !== ys) throw new Error("run(xs, ys): expected ys");
    expectBits("run into ys", ys, b.run(xs) as Float32Array);
    const group = session.group(3);
    const yg = new Float32Array(3 * size);
    if (group.step(xs, yg) !== yg) throw new Error("group.step(xs, ys): expected ys");
    const kept = yg.slice();
    group.step(xs);
    expectBits("the y of an earlier step", yg, kept);
    if (before.some((value, i) => !Object.is(value, xs[i]))) throw new Error("x was written to");
  },

  "steps do not grow memory"({ model, session, inputs }) {
    const stream = session.stream();
    const group = session.group(5);
    const xs = argument(model.inputs, inputs(1));
    const five = argument(model.inputs, inputs(5));
    stream.run(five);
    const before = JSON.stringify(session.info.bytes);
    for (let i = 0; i < 200; i++) {
      stream.step(xs);
      stream.run(five);
      group.step(five);
      stream.reset();
    }
    const grown = JSON.stringify(session.info.bytes);
    if (grown !== before) throw new Error(`bytes: expected ${before}, got ${grown}`);
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

/** The second of two sequences, after the first, step by step in a stream of its own. */
function after(session: Session, model: Model, first: readonly Data[], second: readonly Data[]): Outcome {
  const stream = session.stream();
  const count = (xs: readonly Data[]) => xs[0].length / width(model.inputs[0]);
  runStream(stream, model, first, ones(count(first)));
  return runStream(stream, model, second, ones(count(second)));
}

/** `step` with the n rows of each of T steps. */
function eachStep<R>(
  model: Model,
  xs: readonly Data[],
  T: number,
  n: number,
  step: (x: ReturnType<typeof argument>) => R,
): R[] {
  return Array.from({ length: T }, (_, t) => step(argument(model.inputs, rows(model, xs, t * n, n))));
}

/** Row i of each of many (n, size). */
function columnOf(all: readonly Float32Array[], size: number, i: number): Float32Array {
  return concatenated(all.map((y) => y.subarray(i * size, (i + 1) * size)));
}
