/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The entry `sluice/npz`: arrays that NumPy saved (.npz), with the core kernels. Exports the same names as `sluice`.
 */

import type { ReadModelOptions as NativeOptions } from "./formats/native.ts";
import { type NpzOptions, parseNpz, readNpzModel } from "./formats/npz.ts";
import { type LoadOptions, loadBytes, type ModelSource } from "./load.ts";
import type { Model } from "./model.ts";
import { CORE } from "./ops/core.ts";
import type { Tensor } from "./tensor.ts";

export interface ReadModelOptions extends Omit<NativeOptions, "limits">, NpzOptions {}

/**
 * Reads arrays that have the names and layouts of a state_dict, as `layers` says. For others: `readNpz`, which gives the
 * arrays, and `modelFromLayers`, which takes them under the names that layers have.
 * @throws FormatError when the bytes are wrong, ModelError when what they say does not fit
 * @example
 * const model = readModel(bytes, { layers: [{ type: "gru", name: "rnn" }, { type: "linear", name: "head" }] });
 */
export function readModel(bytes: Uint8Array, options?: ReadModelOptions): Model {
  return readNpzModel(CORE, bytes, options);
}

/** Loads and reads a model: a path or file: URL where the host has files, any other URL through fetch, a Response, or bytes. */
export async function loadModel(source: ModelSource, options: LoadOptions & ReadModelOptions = {}): Promise<Model> {
  return readModel(await loadBytes(source, options), options);
}

/**
 * The arrays of a .npz file by name, row by row.
 * @throws FormatError when the bytes are wrong
 * @example
 * const kernel = readNpz(bytes).get("kernel");
 */
export function readNpz(bytes: Uint8Array, options?: NpzOptions): Map<string, Tensor> {
  return parseNpz(bytes, options);
}

export type { NpzOptions } from "./formats/npz.ts";
export type { ZipLimits as Limits } from "./formats/zip.ts";
export * from "./index.ts";
