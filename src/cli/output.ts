/** Rows of outputs → CSV lines, JSON lines or a .npy file, on standard output or in a file. */

import { type FileHandle, open } from "node:fs/promises";
import { encodeNpy } from "../formats/npy.ts";
import type { Model } from "../index.ts";
import { sizeOf, splitRows } from "./columns.ts";
import { numberText } from "./csv.ts";
import { nameError } from "./file.ts";
import { Interrupted } from "./rows.ts";

/** Where text and bytes go. */
export interface Sink {
  write(part: string | Uint8Array): Promise<void>;
  end(): Promise<void>;
}

/**
 * Standard output, or the file at `path`, made anew when the first part is there: what goes wrong before leaves the old one.
 * Every write waits until the other side has taken it; where that wants no more, it throws Interrupted.
 */
export function openSink(path: string | undefined): Sink {
  if (path === undefined) {
    const write = (part: string | Uint8Array) =>
      new Promise<void>((resolve, reject) => {
        process.stdout.write(part, (error) => (error ? reject(new Interrupted()) : resolve()));
      });
    return { write, end: async () => {} };
  }
  let opened: Promise<FileHandle> | undefined;
  const use = async (act: (file: FileHandle) => Promise<void>) => {
    try {
      opened ??= open(path, "w");
      await act(await opened);
    } catch (error) {
      throw nameError(path, error);
    }
  };
  return { write: (part) => use((file) => file.appendFile(part)), end: () => use((file) => file.close()) };
}

/** Where rows of outputs go, (rows, columns) at a time. */
export interface Table {
  write(rows: Float32Array): Promise<void>;
  end(): Promise<void>;
}

export function openTable(
  model: Model,
  { output, json = false }: { readonly output?: string; readonly json?: boolean },
): Table {
  const sink = openSink(output);
  const width = model.outputs.reduce((sum, one) => sum + sizeOf(one), 0);
  if (output?.endsWith(".npy")) {
    const parts: Float32Array[] = [];
    return {
      async write(rows) {
        parts.push(rows);
      },
      async end() {
        const data = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
        let at = 0;
        for (const part of parts) {
          data.set(part, at);
          at += part.length;
        }
        await sink.write(encodeNpy({ dtype: "F32", shape: [data.length / width, width], data }));
        await sink.end();
      },
    };
  }
  const line = json ? jsonLine(model) : (row: Float32Array) => Array.from(row, numberText).join(",");
  let count = 0;
  return {
    async write(rows) {
      let text = "";
      for (let from = 0; from < rows.length; from += width) {
        text += `${line(rows.subarray(from, from + width), count++)}\n`;
      }
      await sink.write(text);
    },
    end: () => sink.end(),
  };
}

/** Row number `row` as a line of JSON; what is not finite is null. */
function jsonLine({ outputs, info }: Model): (row: Float32Array, number: number) => string {
  const { labels } = info;
  const plain = (numbers: Float32Array) => Array.from(numbers, (value) => Number(numberText(value)));
  const sizes = outputs.map(sizeOf);
  return (row, number) => {
    const parts = splitRows(row, sizes).map(plain);
    let output: unknown = parts[0];
    if (parts.length > 1) output = Object.fromEntries(outputs.map(({ name }, i) => [name, parts[i]]));
    else if (labels?.length === sizes[0]) output = Object.fromEntries(parts[0].map((value, i) => [labels[i], value]));
    return JSON.stringify({ row: number, output });
  };
}

/** What a stream or session gives → rows of all outputs side by side. */
export function joinOutputs(
  { outputs }: Model,
  given: Float32Array | Readonly<Record<string, Float32Array>>,
): Float32Array {
  if (given instanceof Float32Array) return given;
  if (outputs.length === 1) return given[outputs[0].name];
  const sizes = outputs.map(sizeOf);
  const width = sizes.reduce((sum, size) => sum + size, 0);
  const [rows, ...others] = outputs.map(({ name }, i) => given[name].length / sizes[i]);
  if (others.some((count) => count !== rows)) {
    throw new Error(`outputs: expected as many rows of each; got ${[rows, ...others].join(" and ")}`);
  }
  const joined = new Float32Array(rows * width);
  let column = 0;
  outputs.forEach(({ name }, i) => {
    for (let row = 0; row < rows; row++) {
      joined.set(given[name].subarray(row * sizes[i], (row + 1) * sizes[i]), row * width + column);
    }
    column += sizes[i];
  });
  return joined;
}
