/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The entry `sluice/rtneural`: models of audio plugins as text (RTNeural, GuitarML, Neural Amp Modeler, RNNoise), with the
 * graph kernels. Exports the same names as `sluice`.
 */

import { type RtneuralOptions, readRtneural } from "./formats/rtneural.ts";
import { type LoadOptions, loadBytes, type ModelSource } from "./load.ts";
import type { Model } from "./model.ts";
import { CORE } from "./ops/core.ts";

/**
 * Reads a model of RTNeural (JSON), GuitarML (JSON), Neural Amp Modeler (.nam with an LSTM) or RNNoise (.rnnn). A state_dict as
 * JSON, such as RTNeural's torch_helpers read, needs `layers`.
 *
 * Cost     parsing takes about 20 times the memory of the text
 * @throws FormatError when the text is wrong, ModelError when what it says does not fit or is not supported
 * @example
 * const model = readModel(bytes);
 */
export function readModel(bytes: Uint8Array, options?: RtneuralOptions): Model {
  return readRtneural(CORE, bytes, options);
}

/**
 * Loads and reads a model: a path or file: URL where the host has files, any other URL through fetch, a Response, or bytes.
 * @example
 * const model = await loadModel("amplifier.nam");
 */
export async function loadModel(source: ModelSource, options: LoadOptions & RtneuralOptions = {}): Promise<Model> {
  return readModel(await loadBytes(source, options), options);
}

export type { RtneuralLimits as Limits, RtneuralOptions as ReadModelOptions } from "./formats/rtneural.ts";
export * from "./graph-entry.ts";
