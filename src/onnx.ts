/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The entry `sluice/onnx`: ONNX files (opsets 7 … 26), with the graph kernels. Exports the same names as `sluice`.
 */

// First, so that the texts of the kernels stand before the code and not amid it: gzip forgets what is 32 KiB back.
export * from "./graph-entry.ts";

import { type ReadOnnxOptions, readOnnxModel } from "./formats/onnx/read.ts";
import { type LoadOptions, loadBytes, type ModelSource } from "./load.ts";
import type { Model } from "./model.ts";
import { GRAPH } from "./ops/graph.ts";

/**
 * Reads an ONNX model. What can be known before it runs is folded away; what is left runs one step at a time, along the free
 * axis of its inputs, or as one execution of fixed shapes.
 *
 * Shapes   `shapes: { x: ["T", 1, 40] }` says which axis is the stream of steps where the file does not tell, or fixes sizes
 * Cost     weights are copied into our gate order; the rest are views of `bytes` where they are aligned
 * @throws FormatError when the bytes are wrong, ModelError when what they say does not fit or is not supported
 * @example
 * const model = readModel(bytes, { shapes: { input: [1, 576] }, constants: { sr: 16000 } });
 */
export function readModel(bytes: Uint8Array, options?: ReadOnnxOptions): Model {
  return readOnnxModel(GRAPH, bytes, options);
}

/**
 * Loads and reads a model: a path or file: URL where the host has files, any other URL through fetch, a Response, or bytes.
 * @example
 * const model = await loadModel("model.onnx");
 */
export async function loadModel(source: ModelSource, options: LoadOptions & ReadOnnxOptions = {}): Promise<Model> {
  return readModel(await loadBytes(source, options), options);
}

export type { OnnxLimits as Limits } from "./formats/onnx/limits.ts";
export type { ConstantInput, ReadOnnxOptions as ReadModelOptions } from "./formats/onnx/read.ts";
