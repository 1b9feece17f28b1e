/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The entry `sluice/all`: every format that Sluice reads, told apart by their first bytes. For tools that take any file; a
 * program that knows its model's format imports that format's entry, which is smaller.
 */

import { flax } from "./formats/flax.ts";
import type { Format, FormatOptions } from "./formats/format.ts";
import { keras } from "./formats/keras.ts";
import { safetensors } from "./formats/native.ts";
import { npz } from "./formats/npz.ts";
import { onnx } from "./formats/onnx/read.ts";
import { pytorch } from "./formats/pytorch.ts";
import { rtneural } from "./formats/rtneural.ts";
import { checkBytes, hasHeader, refuseForeign } from "./formats/safetensors.ts";
import { tfjs } from "./formats/tfjs.ts";
import { type LoadOptions, loadBytes, type ModelSource } from "./load.ts";
import type { Model } from "./model.ts";
import { GRAPH } from "./ops/graph.ts";
import type { Tensor } from "./tensor.ts";

/** The first that matches reads. */
const FORMATS: readonly Format[] = [keras, pytorch, flax, npz, onnx, tfjs, rtneural, safetensors];

/**
 * The format of a file. The length that safetensors begin with may look like the first bytes of any other.
 * @throws FormatError where it is none of these: ERR_FOREIGN_FORMAT with what it is, or ERR_HEADER with how it begins
 */
export function formatOf(bytes: Uint8Array): Format {
  checkBytes(bytes);
  const formats = hasHeader(bytes) ? [flax, safetensors] : FORMATS;
  return formats.find((format) => format.matches(bytes)) ?? refuseForeign(bytes, NAMES);
}

const NAMES = FORMATS.map(({ name }) => name)
  .join(", ")
  .replace(/, (?!.*,)/, " or ");

/**
 * Reads a model of any format; `layers` says what the tensors mean where a file holds nothing else.
 *
 * Cost     tensors are views of `bytes` where they are aligned
 * @throws FormatError when the bytes are wrong, ModelError when what they say does not fit
 * @example
 * const model = readModel(bytes, { layers: [{ type: "gru", name: "rnn" }, { type: "linear", name: "head" }] });
 */
export function readModel(bytes: Uint8Array, options: FormatOptions = {}): Model {
  const format = formatOf(bytes);
  for (const key of ["shapes", "constants", "state", "gruReset"] as const) {
    if (format !== onnx && options[key] !== undefined)
      throw new TypeError(`"${key}" expected none for ${format.name}, got some`);
  }
  return format.read(GRAPH, bytes, options);
}

/**
 * Loads and reads a model of any format: a path or file: URL where the host has files, any other URL through fetch, a
 * Response, or bytes.
 */
export async function loadModel(source: ModelSource, options: LoadOptions & FormatOptions = {}): Promise<Model> {
  return readModel(await loadBytes(source, options), options);
}

/** The tensors of a file that may hold nothing else; undefined where its format always has a graph. */
export function readTensors(bytes: Uint8Array, options?: FormatOptions): Map<string, Tensor> | undefined {
  return formatOf(bytes).tensors?.(bytes, options);
}

export type { Format, FormatOptions as ReadModelOptions, Outline } from "./formats/format.ts";
export * from "./graph-entry.ts";
