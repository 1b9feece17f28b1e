/** Files → bytes → what a reader makes of them, with the file's name before the message of every error. */

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type Format,
  formatOf,
  type LayerSpec,
  type Model,
  ModelError,
  type ReadModelOptions,
  readModel,
  readTensors,
} from "../all.ts";
import { guessChain } from "./guess.ts";
import { printable } from "./text.ts";
import { UsageError } from "./usage.ts";

/** The bytes of a file, read by `read`. */
export async function readBytes<T>(path: string, read: (bytes: Uint8Array) => T): Promise<T> {
  try {
    // A Buffer of a small file lies anywhere in Node's pool: the copy is aligned, so that tensors are views.
    return read(new Uint8Array(await readFile(path)));
  } catch (error) {
    throw nameError(path, error);
  }
}

/** The same error, with the file before its message; "ENOENT: no such file or directory, open 'a'" loses code and call. */
export function nameError(path: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  error.message = `${path}: ${/^E[A-Z]+: (.*), \w+/.exec(error.message)?.[1] ?? error.message}`;
  return error;
}

/** The value of --layers: JSON, or the name of a file of it after @. */
export async function layersOption(value: string | undefined): Promise<LayerSpec[] | undefined> {
  if (value === undefined) return undefined;
  const text = value.startsWith("@")
    ? await readBytes(value.slice(1), (bytes) => Buffer.from(bytes).toString())
    : value;
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`--layers: expected JSON, a list of layers; got ${JSON.stringify(text.slice(0, 60))}`);
  }
}

/** Gives the files beside a model file: its shards. Readers ask for plain relative names only. */
export function filesBeside(path: string): (name: string) => Uint8Array {
  return (name) => {
    try {
      return new Uint8Array(readFileSync(join(dirname(path), name)));
    } catch (error) {
      throw nameError(name, error);
    }
  };
}

/** How a file is read: of weights --layers and --ignore; of a graph --shape, --constant, --pair and --gru-reset. */
export interface WeightsOptions {
  readonly layers?: string;
  readonly ignore?: readonly string[];
  readonly shape?: readonly string[];
  readonly constant?: readonly string[];
  readonly pair?: readonly string[];
  readonly "gru-reset"?: string;
}

/** What the user says of a graph, as the reader takes it. */
export type GraphOptions = Pick<ReadModelOptions, "shapes" | "constants" | "state" | "gruReset">;

export function graphOptions({ shape, constant, pair, "gru-reset": reset }: WeightsOptions): GraphOptions {
  if (reset !== undefined && reset !== "after") throw new UsageError(`--gru-reset: expected after; got "${reset}"`);
  return {
    ...(shape && {
      shapes: named("shape", shape, (text) =>
        text.split(",").map((axis) => (axis === "T" ? axis : numberIn("shape", axis, "sizes"))),
      ),
    }),
    ...(constant && {
      constants: named("constant", constant, (text) =>
        text.split(",").map((each) => numberIn("constant", each, "numbers")),
      ),
    }),
    ...(pair && { state: named("pair", pair, (text) => text) }),
    ...(reset && { gruReset: reset }),
  };
}

/** Number() takes "" for 0. */
function numberIn(option: string, text: string, expected: string): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!Number.isNaN(value)) return value;
  throw new UsageError(`--${option}: expected ${expected} between commas; got "${text}"`);
}

/** NAME=VALUE, several times. */
function named<T>(option: string, values: readonly string[], read: (text: string) => T): Record<string, T> {
  return Object.fromEntries(
    values.map((value) => {
      const at = value.indexOf("=");
      if (at > 0) return [value.slice(0, at), read(value.slice(at + 1))];
      throw new UsageError(`--${option}: expected NAME=VALUE; got "${value}"`);
    }),
  );
}

/** What a file was read as. */
export interface ReadFile {
  readonly model: Model;
  readonly format: Format;
  /** What its weights mean, where it holds these alone: said, or guessed. */
  readonly layers?: readonly LayerSpec[];
  readonly guess?: readonly LayerSpec[];
}

/** The model of a file, with guessed layers where none are said: for a command that sees whether they are right. */
export async function readOrGuess(path: string, options: WeightsOptions): Promise<ReadFile> {
  const { ignore } = options;
  const said = await layersOption(options.layers);
  const others = { ignore, files: filesBeside(path), ...graphOptions(options) };
  return readBytes(path, (bytes) => {
    const format = formatOf(bytes);
    try {
      return { model: readModel(bytes, { layers: said, ...others }), format, layers: said };
    } catch (error) {
      if ((error as ModelError).code !== "ERR_LAYERS_NEEDED") throw error;
      const guess = guessChain(readTensors(bytes, { ignore }) ?? new Map(), format.eps);
      try {
        return { model: readModel(bytes, { layers: guess, ...others }), format, layers: guess, guess };
      } catch (problem) {
        if (!(problem instanceof ModelError)) throw problem;
        throw new Error(
          `holds weights alone, and the guessed layers do not run: ${problem.message} Say them with --layers.`,
        );
      }
    }
  });
}

/** The model of a file, for commands that need one. */
export async function readModelFile(path: string, options: WeightsOptions): Promise<Model> {
  const layers = await layersOption(options.layers);
  return readBytes(path, (bytes) => {
    try {
      return readModel(bytes, { layers, ignore: options.ignore, files: filesBeside(path), ...graphOptions(options) });
    } catch (error) {
      if ((error as ModelError).code !== "ERR_LAYERS_NEEDED") throw error;
      const guess = JSON.stringify(
        guessChain(readTensors(bytes, { ignore: options.ignore }) ?? new Map(), formatOf(bytes).eps),
      );
      throw new Error(`holds weights alone. Pass --layers; by names and shapes it looks like --layers '${guess}'`);
    }
  });
}

/** What the reader warned of, on standard error: of commands whose own output is not about the file. */
export function printWarnings({ warnings }: Model): void {
  for (const text of warnings) process.stderr.write(`sluice: warning: ${printable(text)}\n`);
}
