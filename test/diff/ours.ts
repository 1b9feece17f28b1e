/** A random model through the sessions of Sluice, and how far outputs are apart. */

import { createSessionSync, type Model, type Runtime, readModel } from "../../src/onnx.ts";
import { model as write } from "../formats/onnx/writer.ts";
import type { Drawn } from "./builder.ts";
import type { Streamed } from "./cells.ts";

/** Of f32 through a few nodes: so much of the largest element, or of 1. */
const TOLERANCE = 1e-3;

type Numbers = Float32Array | Int32Array;
type Runtimes = readonly (Runtime | undefined)[];
/** By the file's names, in ONNX's order. */
export type Outputs = ReadonlyMap<string, ArrayLike<number>>;

/**
 * What the reference gives, and after it each of the runtimes.
 * @throws ModelError where the model is refused
 */
export function runOurs(drawn: Drawn | Streamed, runtimes: Runtimes): Outputs[] {
  const model = readModel(write(drawn.file));
  return "x" in drawn ? runStream(model, drawn, runtimes) : runGraph(model, drawn, runtimes);
}

function runGraph(model: Model, { feeds }: Drawn, runtimes: Runtimes): Outputs[] {
  const given = model.inputs.map(({ name, dtype }): [string, Numbers] => {
    const data = feeds.get(name)?.data ?? [];
    return [name, dtype === "F32" ? Float32Array.from(data) : Int32Array.from(data)];
  });
  return sessions(
    model,
    runtimes,
    (session) => new Map(Object.entries(session.run(Object.fromEntries(given)).outputs)),
  );
}

function runStream(
  model: Model,
  { feeds, N, x, rows, states, initial, lengths }: Streamed,
  runtimes: Runtimes,
): Outputs[] {
  const data = (name: string) => Float32Array.from(feeds.get(name)?.data ?? []);
  return sessions(model, runtimes, (session) => {
    const state = Object.fromEntries(
      [...initial]
        .filter(([name]) => session.states.some((one) => one.name === name))
        .map(([name, input]) => [name, data(input)]),
    );
    const result = session.run(data(x), { batch: N, state, ...(lengths && { lengths }) });
    return new Map([
      [rows, result.output],
      ...[...states].map(([name, output]) => [output, result.state[name]] as const),
    ]);
  });
}

type Session = ReturnType<typeof createSessionSync>;

function sessions(model: Model, runtimes: Runtimes, use: (session: Session) => Outputs): Outputs[] {
  const all = [{ variant: "reference" as const }, ...runtimes.map((runtime) => ({ runtime }))];
  return all.map((options) => {
    const session = createSessionSync(model, options);
    try {
      return use(session);
    } finally {
      session.dispose();
    }
  });
}

/** The largest difference in units of the tolerance; NaN only with NaN. */
export function distance(
  got: ArrayLike<number> | undefined,
  expected: ArrayLike<number>,
  skip?: (i: number) => boolean,
): number {
  if (got?.length !== expected.length) return Infinity;
  let scale = 1;
  for (let i = 0; i < expected.length; i++)
    if (Number.isFinite(expected[i])) scale = Math.max(scale, Math.abs(expected[i]));
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    if (skip?.(i) || Object.is(got[i], expected[i]) || got[i] === expected[i]) continue;
    const error = Math.abs(got[i] - expected[i]) / scale / TOLERANCE;
    worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
  }
  return worst;
}

/** Rows past a length hold what heads make of zeros there. */
export function pastLength(drawn: Drawn | Streamed, name: string, count: number): ((i: number) => boolean) | undefined {
  if (!("x" in drawn) || !drawn.lengths || name !== drawn.rows) return undefined;
  const { lengths, N, T } = drawn;
  const size = count / (T * N);
  return (i) => Math.floor(i / size / N) >= lengths[Math.floor(i / size) % N];
}
