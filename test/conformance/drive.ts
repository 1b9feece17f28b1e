/**
 * Drives a session over the same inputs in different ways and gives the results one form, so that any two can be
 * compared: whole, step by step, in chunks, and a sequence or member out of many.
 */

import type { Model, Session, Stream } from "../../src/index.ts";
import { elements } from "../../src/tensor.ts";
import type { Data, State } from "./models.ts";

/** What came out of every output, (T, O) each, and the state after the last step. */
export interface Outcome {
  readonly outputs: State;
  readonly state: State;
}

/** What run and step take: the array of a single input, a record of several; typed as both, so either overload fits. */
export function argument(infos: Model["inputs"], arrays: readonly Data[]): Data & Readonly<Record<string, Data>> {
  const given = infos.length === 1 ? arrays[0] : Object.fromEntries(infos.map(({ name }, i) => [name, arrays[i]]));
  return given as Data & Readonly<Record<string, Data>>;
}

/** Elements of one row; the free axis of a sequence model is no part of it. */
export function width({ shape }: Model["inputs"][number]): number {
  return elements(shape.filter((size) => typeof size === "number"));
}

/** What step and run give, by name: the array of a single output, a record of several. */
export function byName(infos: Model["outputs"], result: unknown): State {
  return infos.length === 1 ? { [infos[0].name]: result as Float32Array } : (result as State);
}

/** Rows `from` … `from + count` of every input. */
export function rows(model: Model, inputs: readonly Data[], from: number, count: number): Data[] {
  return inputs.map((data, i) => {
    const size = width(model.inputs[i]);
    return data.slice(from * size, (from + count) * size);
  });
}

/** Rows b, B + b, 2·B + b … of (T, B, …): one sequence of a batch, `length` of its rows. */
export function column<T extends Data | Float64Array>(data: T, T: number, B: number, b: number, length = T): T {
  const size = data.length / (T * B);
  const out = data.slice(0, length * size) as T;
  for (let t = 0; t < length; t++) out.set(data.subarray((t * B + b) * size, (t * B + b + 1) * size), t * size);
  return out;
}

/** One sequence's part of a state, each (layers × directions, B, H). */
export function memberState(state: State, B: number, b: number, model: Model): State {
  return Object.fromEntries(model.states.map(({ name, shape }) => [name, column(state[name], shape[0], B, b)]));
}

/** Sequences, each rows of every input, as one batch (T, B, …) padded with `filler`. */
export function batchOf(
  model: Model,
  sequences: readonly (readonly Data[])[],
  lengths: readonly number[],
  T: number,
  filler = 0,
): Data[] {
  const B = sequences.length;
  return model.inputs.map((info, i) => {
    const size = width(info);
    const out = info.dtype === "I32" ? new Int32Array(T * B * size) : new Float32Array(T * B * size).fill(filler);
    sequences.forEach((sequence, b) => {
      for (let t = 0; t < lengths[b]; t++) {
        out.set(sequence[i].subarray(t * size, (t + 1) * size), (t * B + b) * size);
      }
    });
    return out;
  });
}

/** One sequence through session.run. */
export function runSession(session: Session, model: Model, inputs: readonly Data[], state?: State): Outcome {
  const { outputs, state: last } = session.run(argument(model.inputs, inputs), { state });
  return { outputs, state: last };
}

/** One sequence through a stream, in chunks of the given numbers of steps; a chunk of one is a step. */
export function runStream(stream: Stream, model: Model, inputs: readonly Data[], chunks: readonly number[]): Outcome {
  const parts: State[] = [];
  let t = 0;
  for (const count of chunks) {
    const xs = argument(model.inputs, rows(model, inputs, t, count));
    parts.push(byName(model.outputs, count === 1 ? stream.step(xs) : stream.run(xs)));
    t += count;
  }
  return { outputs: joined(parts), state: stream.state };
}

export function ones(count: number): number[] {
  return Array<number>(count).fill(1);
}

/** The same names one after another: (T₁, O), (T₂, O) … → (T₁ + T₂ + …, O). */
export function joined(parts: readonly State[]): State {
  const names = Object.keys(parts[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, concatenated(parts.map((part) => part[name]))]));
}

export function concatenated<T extends Data>(arrays: readonly T[]): T {
  const length = arrays.reduce((sum, array) => sum + array.length, 0);
  const out = arrays[0] instanceof Int32Array ? new Int32Array(length) : new Float32Array(length);
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out as T;
}
