/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The entry `sluice/flax`: parameter trees of Flax (.msgpack, .npz, .safetensors), with the core kernels. Exports the same
 * names as `sluice`.
 */

import { type FlaxOptions, readFlaxModel, readFlaxTensors } from "./formats/flax.ts";
import type { ReadModelOptions as NativeOptions } from "./formats/native.ts";
import { type LoadOptions, loadBytes, type ModelSource } from "./load.ts";
import type { Model } from "./model.ts";
import { CORE } from "./ops/core.ts";
import type { Tensor } from "./tensor.ts";

export interface ReadModelOptions extends Omit<NativeOptions, "limits">, FlaxOptions {}

/**
 * Reads a parameter tree, as `layers` says; the name of a layer is its module's path, `Encoder_0.RNN_0`.
 * @throws FormatError when the bytes are wrong, ModelError when what they say does not fit; without `layers` a ModelError
 *         ERR_LAYERS_NEEDED that prints the layers the tree looks like
 * @example
 * const model = readModel(bytes, { layers: [{ type: "gru", name: "RNN_0" }, { type: "linear", name: "Dense_0" }] });
 */
export function readModel(bytes: Uint8Array, options?: ReadModelOptions): Model {
  return readFlaxModel(CORE, bytes, options);
}

/** Loads and reads a model: a path or file: URL where the host has files, any other URL through fetch, a Response, or bytes. */
export async function loadModel(source: ModelSource, options: LoadOptions & ReadModelOptions = {}): Promise<Model> {
  return readModel(await loadBytes(source, options), options);
}

/** The tensors of a parameter tree, under the names and in the layouts that layers have. */
export function readParams(bytes: Uint8Array, options?: FlaxOptions): Map<string, Tensor> {
  return readFlaxTensors(bytes, options);
}

export type { FlaxLimits as Limits } from "./formats/flax/msgpack.ts";
export type { FlaxOptions } from "./formats/flax.ts";
export * from "./index.ts";
