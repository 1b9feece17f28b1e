/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The entry `sluice/pytorch`: files of torch.save that hold a state_dict (.pt, .pth), with the core kernels. Exports the same
 * names as `sluice`.
 */

import type { ReadModelOptions as NativeOptions } from "./formats/native.ts";
import { type PytorchOptions, readPytorchModel, readPytorchTensors } from "./formats/pytorch.ts";
import { type LoadOptions, loadBytes, type ModelSource } from "./load.ts";
import type { Model } from "./model.ts";
import { CORE } from "./ops/core.ts";
import type { Tensor } from "./tensor.ts";

export interface ReadModelOptions extends Omit<NativeOptions, "limits">, PytorchOptions {}

/**
 * Reads a state_dict that torch.save wrote, as `layers` says. Nothing of the pickle in it is executed.
 *
 * Cost     tensors are views of `bytes` where they are aligned and lie row by row
 * @throws FormatError when the bytes are wrong, ModelError when what they say does not fit; without `layers` a ModelError
 *         ERR_LAYERS_NEEDED that prints the layers the tensors look like
 * @example
 * const model = readModel(bytes, { layers: [{ type: "gru", name: "rnn" }, { type: "linear", name: "head" }] });
 */
export function readModel(bytes: Uint8Array, options?: ReadModelOptions): Model {
  return readPytorchModel(CORE, bytes, options);
}

/**
 * Loads and reads a model: a path or file: URL where the host has files, any other URL through fetch, a Response, or bytes.
 * @example
 * const model = await loadModel("model.pt", { layers: [{ type: "gru", name: "rnn" }] });
 */
export async function loadModel(source: ModelSource, options: LoadOptions & ReadModelOptions = {}): Promise<Model> {
  return readModel(await loadBytes(source, options), options);
}

/** The tensors of a state_dict by name, in its order. */
export function readStateDict(bytes: Uint8Array, options?: PytorchOptions): Map<string, Tensor> {
  return readPytorchTensors(bytes, options);
}

export type { PytorchLimits as Limits, PytorchOptions } from "./formats/pytorch.ts";
export * from "./index.ts";
