/** The columns of rows: which elements of a model's inputs stand in them, what they may hold, and rows ↔ inputs. */

import type { Model, Numbers, ValueInfo } from "../index.ts";

/** What a row holds: the elements of all inputs of a model, one after another. */
export interface Columns {
  readonly size: number;
  /** What column i expects instead of this value, or undefined. */
  refuse(i: number, value: number): string | undefined;
}

export function sizeOf({ shape }: ValueInfo): number {
  return shape.reduce<number>((product, axis) => product * (typeof axis === "number" ? axis : 1), 1);
}

/** Does it need a whole sequence? Then an axis of its inputs is free: its name, not a size. */
export function isSequenceModel({ inputs }: Model): boolean {
  return inputs.some(({ shape }) => shape.some((axis) => typeof axis === "string"));
}

/** Ids of an input run from 0 to idLimit − 1: the smallest table that they are looked up in. */
export function idLimit(model: Model, input: string): number {
  const tables = model.nodes.filter(({ op, inputs }) => op === "embedding" && inputs[0] === input);
  return Math.min(...tables.map(({ attrs }) => attrs.numEmbeddings as number));
}

export function columnsOf(model: Model): Columns {
  const limits = model.inputs.flatMap((input) =>
    Array<number | undefined>(sizeOf(input)).fill(input.dtype === "I32" ? idLimit(model, input.name) : undefined),
  );
  return {
    size: limits.length,
    refuse(i, value) {
      const limit = limits[i];
      if (limit !== undefined) {
        return Number.isInteger(value) && value >= 0 && value < limit ? undefined : `an id in 0…${limit - 1}`;
      }
      return Number.isFinite(value) && !Number.isFinite(Math.fround(value))
        ? "a number in the range of f32"
        : undefined;
    },
  };
}

/** Rows → what a stream or session runs: an array for the only input, else a record. Ids are exact in f32 (below 2²²). */
export function inputsOf({ inputs }: Model, rows: Float32Array): Numbers | Record<string, Numbers> {
  const typed = (dtype: string, numbers: Float32Array) => (dtype === "I32" ? Int32Array.from(numbers) : numbers);
  if (inputs.length === 1) return typed(inputs[0].dtype, rows);
  const parts = splitRows(rows, inputs.map(sizeOf));
  return Object.fromEntries(inputs.map(({ name, dtype }, i) => [name, typed(dtype, parts[i])]));
}

/** (rows, a + b + …) → (rows, a), (rows, b), … */
export function splitRows(rows: Float32Array, sizes: readonly number[]): Float32Array[] {
  const width = sizes.reduce((sum, size) => sum + size, 0);
  let column = 0;
  return sizes.map((size) => {
    const part = new Float32Array((rows.length / width) * size);
    for (let i = 0, from = column; i < part.length; i += size, from += width) {
      part.set(rows.subarray(from, from + size), i);
    }
    column += size;
    return part;
  });
}
