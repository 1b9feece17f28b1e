/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The entry `sluice/keras`: models of Keras 2 and 3 (.h5, .keras, .weights.h5), with the core kernels. Exports the same names
 * as `sluice`.
 */

import { type KerasOptions, readKerasModel } from "./formats/keras.ts";
import { type LoadOptions, loadBytes, type ModelSource } from "./load.ts";
import type { Model } from "./model.ts";
import { CORE } from "./ops/core.ts";

/**
 * Reads a model of Keras with its config. A file of weights alone needs `layers`, whose names are those of Keras's layers.
 *
 * Cost     weights are transposed and their gates put in order, once
 * @throws FormatError when the bytes are wrong, ModelError when what they say does not fit or is not supported
 * @example
 * const model = readModel(bytes);
 */
export function readModel(bytes: Uint8Array, options?: KerasOptions): Model {
  return readKerasModel(CORE, bytes, options);
}

/**
 * Loads and reads a model: a path or file: URL where the host has files, any other URL through fetch, a Response, or bytes.
 * @example
 * const model = await loadModel("model.keras");
 */
export async function loadModel(source: ModelSource, options: LoadOptions & KerasOptions = {}): Promise<Model> {
  return readModel(await loadBytes(source, options), options);
}

export type { KerasLimits as Limits, KerasOptions as ReadModelOptions } from "./formats/keras.ts";
export * from "./index.ts";
