/** A session and what training saved → how far its outputs and states are from that. */

import type { Session } from "../all.ts";
import type { Expected } from "./expected.ts";

/** One array: where it is farthest. */
export interface Gap {
  readonly name: string;
  readonly kind: "output" | "state";
  /** The largest |got − expected|. */
  readonly max: number;
  /** The largest magnitude of what was expected. */
  readonly magnitude: number;
  /** Indices of the largest: step, sequence, element; of an array with a row for each sequence without the step. */
  readonly at: readonly number[];
  readonly expected: number;
  readonly got: number;
}

/** Outputs smaller than this are compared as if they were this large: rounding does not shrink with them for ever. */
const SMALLEST = 0.01;

/** max / magnitude: what is compared with the tolerance. Not absolute: small outputs would pass with a function missing. */
export function sizeOfGap({ max, magnitude }: Gap): number {
  return max / Math.max(SMALLEST, magnitude);
}

/** The largest of all arrays. */
export function worstOf(gaps: readonly Gap[]): Gap {
  return gaps.reduce((worst, gap) => (sizeOfGap(gap) > sizeOfGap(worst) ? gap : worst));
}

/** Runs all sequences, and compares every output that is expected, past no sequence's length, and every final state. */
export function gapsOf(session: Session, expected: Expected): Gap[] {
  const { steps, batch, lengths, inputs, state, outputs, finals } = expected;
  const given = Object.keys(state).length > 0 ? { state } : {};
  const result = session.run(inputs, lengths ? { lengths, ...given } : { batch, ...given });
  const valid = lengths ?? new Array<number>(batch).fill(steps);
  const gaps = outputs.map(({ name, index, size, data, last, collapsed }) => {
    const got = result.outputs[session.outputs[index].name];
    const rows = last ? 1 : steps;
    const pairs = function* (): Generator<[at: number[], expected: number, got: number]> {
      for (let t = 0; t < rows; t++) {
        for (let b = 0; b < batch; b++) {
          if (last ? valid[b] === 0 : t >= valid[b]) continue;
          const from = (t * batch + b) * size;
          const row = last && !collapsed ? ((valid[b] - 1) * batch + b) * size : from;
          for (let i = 0; i < size; i++) yield [last ? [b, i] : [t, b, i], data[from + i], got[row + i]];
        }
      }
    };
    return gapOf(name, "output", pairs());
  });
  const states = finals.map(({ name, state, data }) => {
    const got = result.state[state];
    const pairs = function* (): Generator<[at: number[], expected: number, got: number]> {
      for (let i = 0; i < data.length; i++) yield [[i], data[i], got[i]];
    };
    return gapOf(name, "state", pairs());
  });
  return [...gaps, ...states];
}

function gapOf(name: string, kind: Gap["kind"], pairs: Iterable<[at: number[], expected: number, got: number]>): Gap {
  let gap: Gap = { name, kind, max: 0, magnitude: 0, at: [], expected: 0, got: 0 };
  let magnitude = 0;
  for (const [at, expected, got] of pairs) {
    if (Number.isFinite(expected)) magnitude = Math.max(magnitude, Math.abs(expected));
    // Where both are NaN, or the same infinity, they agree; where one is, nothing is farther.
    const difference = Object.is(expected, got) ? 0 : Math.abs(got - expected);
    const max = Number.isNaN(difference) ? Infinity : difference;
    if (max > gap.max) gap = { ...gap, max, at, expected, got };
  }
  return { ...gap, magnitude };
}

/** The first steps of the first sequences: what is tried many times is tried on these first. */
export function cut(expected: Expected, mostSteps: number, mostBatch: number): Expected {
  const { inputs, outputs, state, lengths } = expected;
  const whole = outputs.some(({ last }) => last);
  if (whole || Object.keys(state).length > 0) return expected;
  const steps = Math.min(expected.steps, mostSteps);
  const batch = Math.min(expected.batch, mostBatch);
  const rows = expected.steps * expected.batch;
  const cutRows = <Data extends Float32Array | Float64Array | Int32Array>(data: Data): Data => {
    const size = data.length / rows;
    const out = data.slice(0, steps * batch * size) as Data;
    for (let t = 0; t < steps; t++) {
      const from = t * expected.batch * size;
      out.set(data.subarray(from, from + batch * size), t * batch * size);
    }
    return out;
  };
  return {
    steps,
    batch,
    ...(lengths && { lengths: lengths.slice(0, batch).map((one) => Math.min(one, steps)) }),
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, data]) => [name, cutRows(data)])),
    state,
    outputs: outputs.map((output) => ({ ...output, data: cutRows(output.data) })),
    finals: [],
  };
}
