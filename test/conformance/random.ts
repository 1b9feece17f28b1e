/**
 * Random models against the oracle, the reference in f64: every cell with every option, every other operator, sizes on
 * and around every edge of a tile. The reference itself is asked whether a sequence at once is its steps one by one, with
 * the state handed over outside, or its sequences one by one where the model has a reverse direction.
 */

import { createSessionSync, type Model, type Session } from "../../src/index.ts";
import { type Case, type Implementation, withSession } from "./cases.ts";
import { expectClose, expectNames, scaleOf } from "./compare.ts";
import { argument, batchOf, column, joined, memberState, type Outcome, rows, width } from "./drive.ts";
import { type Data, type Layer, randomInputs, randomModel, randomState, type State, seeded } from "./models.ts";
import { operators } from "./random-operators.ts";
import { recurrent } from "./random-recurrent.ts";

/** A model to be made from its name, and what to feed it. */
export interface Trial {
  readonly name: string;
  readonly layers: readonly Layer[];
  readonly options?: Parameters<typeof randomModel>[2];
  /** Steps; 6 where absent. */
  readonly steps?: number;
  /** How many ids a table has. */
  readonly ids?: number;
  /** Multiplies what goes in. */
  readonly gain?: number;
  /** In place of the common one, with a reason where it is given. */
  readonly tolerance?: number;
}

/** Three sequences, so that a tile of four has an edge; the second is short, the third shorter. */
const BATCH = 3;

/**
 * Each pre-activation is a sum of up to 258 products of numbers below 2, so it carries a few 10⁻⁷ of rounding; the
 * random matrices contract, so that steps and layers add to it and do not multiply it. In units of the largest output.
 */
const TOLERANCE = 2e-6;

export function random(implementation: Implementation): Case[] {
  return [...recurrent(), ...operators()].map((trial) => ({
    name: `random/${trial.name}`,
    run: () => check(trial, implementation),
  }));
}

function check(trial: Trial, implementation: Implementation): void {
  const { name, layers, options, steps: T = 6, ids = 2, gain = 1 } = trial;
  const model = randomModel(name, layers, options);
  const random = seeded(`${name} inputs`);
  const lengths = [T, Math.ceil(T / 2), 1];
  const sequences = lengths.map((length) =>
    randomInputs(model, length, random, ids).map((data) =>
      data instanceof Float32Array ? data.map((v) => v * gain) : data,
    ),
  );
  const state = randomState(model, BATCH, random);
  const whole = (session: Session): Outcome => {
    const inputs = argument(model.inputs, batchOf(model, sequences, lengths, T));
    const result = session.run(inputs, { batch: BATCH, lengths: Int32Array.from(lengths), state });
    return { outputs: result.outputs, state: result.state };
  };
  withSession(implementation, model, (session) => {
    const got = whole(session);
    if (implementation.name === ORACLE.name) {
      sequences.forEach((sequence, b) => {
        const length = lengths[b];
        const first = memberState(state, BATCH, b, model);
        const outputs = Object.fromEntries(
          model.outputs.map((info) => {
            const all = got.outputs[info.name];
            // What follows a `last` has one row for each sequence.
            const collapsed = all.length === BATCH * width(info);
            return [info.name, collapsed ? column(all, 1, BATCH, b) : column(all, T, BATCH, b, length)];
          }),
        );
        const alone = { outputs, state: memberState(got.state, BATCH, b, model) };
        compare(`sequence ${b}`, alone, apart(session, model, sequence, length, first), trial);
      });
    } else {
      compare(name, got, withSession(ORACLE, model, whole), trial);
    }
  });
}

const ORACLE: Implementation = {
  name: "reference",
  createSession: (model, options) => createSessionSync(model, { ...options, variant: "reference" }),
};

/** One sequence, step after step where the model can; its state crosses as f32. */
function apart(session: Session, model: Model, inputs: readonly Data[], length: number, first: State): Outcome {
  const sequenceModel = model.nodes.some(({ op, attrs }) => attrs.bidirectional || attrs.reverse || op === "last");
  const count = sequenceModel ? length : 1;
  let state = first;
  const parts: State[] = [];
  for (let t = 0; t < length; t += count) {
    const result = session.run(argument(model.inputs, rows(model, inputs, t, count)), { state });
    parts.push(result.outputs);
    state = result.state;
  }
  return { outputs: joined(parts), state };
}

function compare(what: string, got: Outcome, expected: Outcome, { tolerance = TOLERANCE }: Trial): void {
  expectNames(`${what}: outputs`, Object.keys(got.outputs), Object.keys(expected.outputs));
  expectNames(`${what}: state`, Object.keys(got.state), Object.keys(expected.state));
  for (const [kind, values] of [
    ["output", expected.outputs],
    ["state", expected.state],
  ] as const) {
    for (const [name, truth] of Object.entries(values)) {
      const source = kind === "output" ? got.outputs : got.state;
      expectClose(`${what}: ${kind} ${name}`, source[name], truth, tolerance * scaleOf(truth));
    }
  }
}
