/** Properties of groups: a member is a stream alone, whatever the others do. */

import type { Stream, StreamGroup } from "../../src/index.ts";
import { withSession } from "./cases.ts";
import { expectBits, expectSameState } from "./compare.ts";
import { argument, batchOf, byName, column, concatenated, ones, rows, runStream } from "./drive.ts";
import { below, type Data, randomState, shuffled } from "./models.ts";
import type { Property, Subject } from "./subject.ts";

/** One, below, at and above a tile of four vectors, and more than a table of steps holds. */
const GROUPS = [1, 2, 3, 4, 5, 8, 13, 64, 65];

export const groups: Record<string, Property> = {
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
        for (const [i, state] of states.entries()) group.setState(i, state);
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
      expectStates(`round ${round}`, group, streams);
    }
    group.reset(4);
    streams[4].reset();
    expectStates("after reset(4)", group, streams);
    group.reset();
    for (let i = 0; i < n; i++) expectSameState(`after reset(), member ${i}`, group.state(i), session.stream().state);
  },

  "a group of more members than an execution holds"({ model, session, random, inputs }, implementation) {
    const [T, n] = [3, 9];
    const sequences = Array.from({ length: n }, () => inputs(T));
    const alone = sequences.map((xs) => runStream(session.stream(), model, xs, ones(T)));
    const lengths = sequences.map(() => T);
    for (const maxSteps of [1, 2, 7]) {
      withSession(
        implementation,
        model,
        (short) => {
          const group = short.group(n);
          const ys = byName(model.outputs, group.run(argument(model.inputs, batchOf(model, sequences, lengths, T))));
          const order = shuffled(random, n);
          const some = short.group(n);
          for (let t = 0; t < T; t++) {
            const xs = [...order].map((i) => rows(model, sequences[i], t, 1));
            some.step(argument(model.inputs, batchOf(model, xs, ones(n), 1)), undefined, order);
          }
          alone.forEach(({ outputs, state }, i) => {
            const what = `maxSteps ${maxSteps}, member ${i}`;
            for (const { name } of model.outputs)
              expectBits(`${what}: ${name}`, column(ys[name], T, n, i), outputs[name]);
            expectSameState(what, group.state(i), state);
            expectSameState(`${what} in another order`, some.state(i), state);
          });
        },
        { maxSteps },
      );
    }
  },
};

function expectStates(what: string, group: StreamGroup, streams: readonly Stream[]): void {
  for (const [i, stream] of streams.entries()) {
    expectSameState(`${what}, member ${i}`, group.state(i), stream.state);
  }
}

/** `step` with the n rows of each of T steps. */
function eachStep<R>(
  model: Subject["model"],
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
