/**
 * A NaN or an infinity stays in the stream, member or sequence that produced it: its neighbours keep their bits, although
 * they share tiles with it and 0 · NaN is NaN, and a reset makes the stream clean again.
 */

import type { Model, Session } from "../../src/index.ts";
import { type Case, type Implementation, withSession } from "./cases.ts";
import { expectBits, expectSameState } from "./compare.ts";
import { batchOf, column, joined, ones, runSession, runStream, width } from "./drive.ts";
import { type Layer, randomModel, type State, seeded, uniform } from "./models.ts";
import { cell } from "./random-recurrent.ts";

const MODELS: readonly { name: string; layers: readonly Layer[] }[] = [
  { name: "rnn", layers: [cell("rnn", 5, 6)] },
  { name: "gru", layers: [cell("gru", 5, 9, { numLayers: 2 })] },
  { name: "gru-before", layers: [cell("gru", 5, 33, { resetAfter: false })] },
  { name: "lstm", layers: [cell("lstm", 5, 7, { projSize: 3, peephole: true })] },
  {
    name: "heads",
    layers: [
      cell("lstm", 5, 17, { name: "lstm" }),
      { type: "layerNorm", name: "norm", size: 17 },
      { type: "linear", name: "head", inFeatures: 17, outFeatures: 3, activation: "sigmoid" },
      { type: "softmax", name: "soft" },
    ],
  },
];

const POISONS = [Number.NaN, Infinity, -Infinity];

const T = 6;
const WIDTH = 5;

export function isolation(implementation: Implementation): Case[] {
  return MODELS.flatMap(({ name, layers }) =>
    Object.entries(CHECKS).map(([what, check]) => ({
      name: `isolation/${name}/${what}`,
      run() {
        const model = randomModel(name, layers);
        withSession(implementation, model, (session) => {
          for (const poison of POISONS) check(session, model, poison);
        });
      },
    })),
  );
}

/** n sequences of T rows; every element of row 1 of the one called `poisoned` is the poison. */
function sequences(n: number, poisoned: number, poison: number): Float32Array[] {
  const random = seeded(`isolation ${n}`);
  return Array.from({ length: n }, (_, i) => {
    const xs = uniform(random, T * WIDTH);
    return i === poisoned ? xs.fill(poison, WIDTH, 2 * WIDTH) : xs;
  });
}

const CHECKS: Record<string, (session: Session, model: Model, poison: number) => void> = {
  "a stream beside it"(session, model, poison) {
    const [sick, well] = sequences(2, 0, poison);
    const expected = runStream(session.stream(), model, [well], ones(T));
    const [a, b] = [session.stream(), session.stream()];
    const parts: State[] = [];
    for (let t = 0; t < T; t++) {
      const row = (xs: Float32Array) => xs.subarray(t * WIDTH, (t + 1) * WIDTH);
      a.step(row(sick));
      parts.push(runStream(b, model, [row(well)], [1]).outputs);
    }
    for (const { name } of model.outputs) {
      expectBits(`${name}, step by step`, joined(parts)[name], expected.outputs[name]);
    }
    expectSameState("state", b.state, expected.state);
    if (Number.isNaN(poison)) expectPoisoned(a.state);
    const fresh = session.stream();
    const cures = { reset: () => a.reset(), setState: () => a.setState(fresh.state), load: () => a.load(fresh.save()) };
    for (const [cure, apply] of Object.entries(cures)) {
      apply();
      const clean = runStream(a, model, [well], [T]);
      expectSameState(`outputs after ${cure}`, clean.outputs, expected.outputs);
      expectSameState(`state after ${cure}`, clean.state, expected.state);
      runStream(a, model, [sick], [T]);
    }
    expectSameState("the next session.run", runSession(session, model, [well]).outputs, expected.outputs);
  },

  "its neighbours in a group"(session, model, poison) {
    for (const n of [2, 3, 4, 5, 9]) {
      for (const poisoned of new Set([0, n >> 1, n - 1])) {
        const all = sequences(n, poisoned, poison);
        const [xs] = batchOf(
          model,
          all.map((x) => [x]),
          ones(n).map(() => T),
          T,
        );
        const [run, step] = [session.group(n), session.group(n)];
        const ran = run.run(xs as Float32Array) as Float32Array;
        const size = width(model.outputs[0]);
        for (let t = 0; t < T; t++) {
          const y = step.step(xs.slice(t * n * WIDTH, (t + 1) * n * WIDTH) as Float32Array) as Float32Array;
          expectBits(`group of ${n}, step ${t}`, y, ran.slice(t * n * size, (t + 1) * n * size));
        }
        for (let i = 0; i < n; i++) {
          expectSameState(`group of ${n}, step and run, member ${i}`, step.state(i), run.state(i));
          const alone = runStream(session.stream(), model, [all[i]], ones(T));
          const what = `group of ${n}, ${poison} in ${poisoned}, member ${i}`;
          expectBits(what, column(ran, T, n, i), alone.outputs[model.outputs[0].name]);
          expectSameState(what, run.state(i), alone.state);
          if (i !== poisoned) expectFinite(what, run.state(i));
        }
        run.reset(poisoned);
        expectSameState("after reset", run.state(poisoned), session.stream().state);
        run.dispose();
        step.dispose();
      }
    }
  },

  "the other sequences of a batch, and a clean batch after it"(session, model, poison) {
    const lengths = [T, 3, T, 0, T];
    const expected = session.run(
      batchOf(
        model,
        sequences(5, -1, 0).map((x) => [x]),
        lengths,
        T,
      )[0],
      options(lengths),
    );
    const got = session.run(
      batchOf(
        model,
        sequences(5, 2, poison).map((x) => [x]),
        lengths,
        T,
      )[0],
      options(lengths),
    );
    for (const b of [0, 1, 3, 4]) {
      for (const { name } of model.outputs) {
        const part = (outputs: State) => column(outputs[name], T, 5, b);
        expectBits(`sequence ${b}: ${name}`, part(got.outputs), part(expected.outputs));
      }
    }
    const again = session.run(
      batchOf(
        model,
        sequences(5, -1, 0).map((x) => [x]),
        lengths,
        T,
      )[0],
      options(lengths),
    );
    expectSameState("a clean batch after it", again.outputs, expected.outputs);
    expectSameState("a clean batch after it: state", again.state, expected.state);
  },
};

function options(lengths: readonly number[]) {
  return { batch: lengths.length, lengths: Int32Array.from(lengths) };
}

function expectPoisoned(state: State): void {
  if (!Object.values(state).some((values) => values.some(Number.isNaN)))
    throw new Error("expected a NaN in its own state");
}

function expectFinite(what: string, state: State): void {
  for (const [name, values] of Object.entries(state)) {
    if (!values.every(Number.isFinite)) throw new Error(`${what}: ${name}: expected finite numbers`);
  }
}
