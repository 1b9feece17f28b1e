/** INPUT → batches of rows, (rows, columns) each, from a .csv, .npy or text file or from standard input as it arrives. */

import { createReadStream } from "node:fs";
import { parseNpy } from "../formats/npy.ts";
import type { Model, Numbers, ValueInfo } from "../index.ts";
import { readCsv } from "./csv.ts";
import { nameError, readBytes } from "./file.ts";
import { readText, vocabularyOf } from "./text.ts";

/** What a row holds: the elements of all inputs of a model, one after another. */
export interface Columns {
  readonly size: number;
  /** What column i expects instead of this value, or undefined. */
  refuse(i: number, value: number): string | undefined;
}

/** Ctrl-C while standard input is read: there is no more to come, and what was read counts. */
export class Interrupted extends Error {}

/** Rows of one execution that come from a file: they and their outputs are in memory together. */
const BATCH = 4096;

export function sizeOf({ shape }: ValueInfo): number {
  return shape.reduce<number>((product, axis) => product * (typeof axis === "number" ? axis : 1), 1);
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

/** Batches of rows of INPUT; `-` or none is standard input. */
export function readRows(model: Model, input = "-"): AsyncGenerator<Float32Array, void> {
  const columns = columnsOf(model);
  if (input.endsWith(".npy")) return readNpyRows(input, columns);
  const name = input === "-" ? "standard input" : input;
  const chunks = input === "-" ? standardInput() : fileText(input);
  const vocabulary = input.endsWith(".csv") ? undefined : vocabularyOf(model);
  if (input === "-" && process.stdin.isTTY) {
    const row = vocabulary === undefined ? `rows of ${columns.size} numbers, between commas` : "text";
    process.stderr.write(`sluice: expects ${row}; Ctrl-D ends it\n`);
  }
  return vocabulary === undefined ? readCsv(chunks, name, columns) : readText(chunks, name, vocabulary);
}

async function* fileText(path: string): AsyncGenerator<string, void> {
  try {
    for await (const chunk of createReadStream(path, "utf8")) yield chunk;
  } catch (error) {
    throw nameError(path, error);
  }
}

async function* standardInput(): AsyncGenerator<string, void> {
  const { stdin } = process;
  let interrupted = false;
  const stop = () => {
    interrupted = true;
    stdin.destroy();
  };
  process.once("SIGINT", stop);
  try {
    for await (const chunk of stdin.setEncoding("utf8")) yield chunk as unknown as string;
  } catch (error) {
    if (!interrupted) throw error;
  } finally {
    process.off("SIGINT", stop);
  }
  if (interrupted) throw new Interrupted();
}

async function* readNpyRows(path: string, columns: Columns): AsyncGenerator<Float32Array, void> {
  const { shape, data } = await readBytes(path, parseNpy);
  const flat = shape.length === 1 && columns.size === 1;
  if (!flat && (shape.length !== 2 || shape[1] !== columns.size)) {
    throw new Error(`${path}: expected shape (rows, ${columns.size}); got (${shape.join(", ")})`);
  }
  const width = columns.size;
  for (let from = 0; from < data.length; from += BATCH * width) {
    const part = data.subarray(from, from + BATCH * width);
    const rows = new Float32Array(part.length);
    for (let i = 0; i < rows.length; i++) {
      const value = Number(part[i]);
      const expected = columns.refuse(i % width, value);
      if (expected !== undefined) {
        const row = Math.floor((from + i) / width);
        throw new Error(`${path}: row ${row}, column ${i % width}: expected ${expected}; got ${value}`);
      }
      rows[i] = value;
    }
    yield rows;
  }
}
