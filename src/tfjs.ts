/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The entry `sluice/tfjs`: layers models of TensorFlow.js (model.json and its shards), with the core kernels. Exports the same
 * names as `sluice`.
 */

import { readTfjsModel, type TfjsOptions, tfjsShards } from "./formats/tfjs.ts";
import { type LoadOptions, loadBytes, type ModelSource } from "./load.ts";
import type { Model } from "./model.ts";
import { CORE } from "./ops/core.ts";

/**
 * Reads a model.json. Its shards come from `files`, which is asked for the names that `shardNames` gives; nothing is fetched
 * because a file says so.
 * @throws FormatError when the bytes are wrong, ModelError when what they say does not fit or is not supported; TypeError
 *         where `files` is missing or gives no bytes
 * @example
 * const shards = new Map(await Promise.all(shardNames(json).map(async (name) => [name, await bytesOf(name)])));
 * const model = readModel(json, { files: (name) => shards.get(name) });
 */
export function readModel(bytes: Uint8Array, options?: TfjsOptions): Model {
  return readTfjsModel(CORE, bytes, options);
}

/** Loads and reads a model.json: a path or file: URL where the host has files, any other URL through fetch, a Response, or bytes. */
export async function loadModel(source: ModelSource, options: LoadOptions & TfjsOptions = {}): Promise<Model> {
  return readModel(await loadBytes(source, options), options);
}

/** The names of the shards that a model.json lists, in order: plain and relative, without a way up or a scheme. */
export function shardNames(bytes: Uint8Array, options?: TfjsOptions): string[] {
  return tfjsShards(bytes, options);
}

export type { TfjsLimits as Limits, TfjsOptions as ReadModelOptions } from "./formats/tfjs.ts";
export * from "./index.ts";
