/** INPUT → batches of rows, (rows, columns) each, from a .csv, .npy or text file or from standard input as it arrives. */

import { createReadStream } from "node:fs";
import { parseNpy } from "../formats/npy.ts";
import type { Model } from "../index.ts";
import { toF32 } from "../tensor.ts";
import { type Columns, columnsOf } from "./columns.ts";
import { readCsv } from "./csv.ts";
import { nameError, readBytes } from "./file.ts";
import { readText, vocabularyOf } from "./text.ts";

/** Ctrl-C while standard input is read, or standard output closed: it ends here, and what was read counts. */
export class Interrupted extends Error {}

/** Rows of one execution that come from a file: they and their outputs are in memory together. */
const BATCH = 4096;

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
  const array = await readBytes(path, (bytes) => parseNpy(bytes));
  const { shape, dtype } = array;
  const data = dtype === "F16" ? toF32({ name: path, ...array }) : array.data;
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
