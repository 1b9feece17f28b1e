/**
 * Int8 sessions against the truth: every golden file within a bar of its own. It is absolute, in units of the largest
 * magnitude of what is compared, at least 1: 2e-2, 4e-2 where an RNN feeds itself its state without a gate.
 *
 * Saturated cases are reported only: there the rounding of the weights alone, in exact arithmetic, misses the bar, so that
 * no arithmetic over int8 weights could meet it. Which they are is decided by that, and their names are listed.
 */

import { basename } from "node:path";
import { createSessionSync, type Model, quantizeModel } from "../../src/index.ts";
import { GOLDEN, NO_VECTORS, safetensorsIn, VECTORS } from "../vectors.ts";
import { type Case, type Implementation, withSession } from "./cases.ts";
import { expectNames, scaleOf } from "./compare.ts";
import { type Golden, outsideGolden, readGolden } from "./golden.ts";

const REPORTED = [
  "gru_2layer_bidir_saturated",
  "gru_reset_before_saturated",
  "gru_saturated",
  "lstm_peephole_saturated",
  "lstm_saturated",
  "rnn_saturated",
];

export function int8(implementation: Implementation): Case[] {
  const cases = (group: string, paths: readonly string[]): Case[] =>
    paths.map((path) => ({
      name: `${group}/${basename(path, ".safetensors")}`,
      run: () => check(path, implementation),
    }));
  const outside = VECTORS
    ? cases("int8-pytorch", outsideGolden())
    : [{ name: "int8-pytorch/all", run() {}, skip: NO_VECTORS }];
  return [...cases("int8-golden", safetensorsIn(GOLDEN)), ...outside];
}

function check(path: string, implementation: Implementation): void {
  const golden = readGolden(path);
  const { model } = golden;
  const bar = model.nodes.some(({ op }) => op === "rnn") ? 4e-2 : 2e-2;
  const error = errorOf(golden, model, implementation);
  const name = basename(path, ".safetensors");
  const rounded = errorOf(golden, quantizeModel(model), REFERENCE);
  if (REPORTED.includes(name) !== rounded > bar)
    throw new Error(`${name}: rounding the weights alone gives ${rounded}`);
  if (!REPORTED.includes(name) && !(error <= bar)) throw new Error(`${name}: expected an error ≤ ${bar}, got ${error}`);
  if (!Number.isFinite(error)) throw new Error(`${name}: expected finite numbers`);
}

/** Runs int8 weights in f64. */
const REFERENCE = { createSession: (model: Model) => createSessionSync(model, { variant: "reference" }) };

/** The largest error of outputs and states, each in units of its largest magnitude, at least 1. */
function errorOf(
  { about, input, initial, truth }: Golden,
  model: Model,
  implementation: Pick<Implementation, "createSession">,
): number {
  const { batch, lengths } = about;
  const state = Object.keys(initial).length > 0 ? initial : undefined;
  const result = withSession(implementation, model, (session) =>
    session.run(input, { batch, lengths: lengths ? Int32Array.from(lengths) : undefined, state }),
  );
  expectNames("state", Object.keys(result.state), Object.keys(truth.state));
  const pairs = [
    [result.output, truth.output] as const,
    ...Object.keys(truth.state).map((name) => [result.state[name], truth.state[name]] as const),
  ];
  let worst = 0;
  for (const [got, expected] of pairs) {
    const scale = scaleOf(expected);
    expected.forEach((v, i) => {
      const error = Math.abs(got[i] - v) / scale;
      if (!(error <= worst)) worst = error;
    });
  }
  return worst;
}
