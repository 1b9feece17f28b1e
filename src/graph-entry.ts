/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The entry `sluice/graph`: the names of `sluice`, with the operators of graphs beside the core's layers. The entries of
 * formats that hold graphs (`sluice/onnx` and others) take their sessions from here.
 */

// Kernels, and file bytes → Model. The order is that of the bundle, where gzip finds what is alike within 32 KiB.

import { relaxed, simd } from "../build/kernels-graph.ts";
import { type ReadModelOptions, readSafetensorsModel } from "./formats/native.ts";
import { type LayerSpec, type LayersOptions, layersToModel } from "./layers.ts";
import { type LoadOptions, loadBytes, type ModelSource } from "./load.ts";
import type { Model } from "./model.ts";
import { GRAPH } from "./ops/graph.ts";
import { quantizeWeights } from "./quantize.ts";
import type { Tensor } from "./tensor.ts";

// Model → Session

import { createGraphReference } from "./backend-graph.ts";
import {
  compileBuild,
  fetched,
  type Kit,
  openRuntime,
  openSession,
  openSessionSync,
  type RuntimeOptions,
  type SessionOptions,
} from "./create.ts";
import type { KernelBinary } from "./kernels.ts";
import type { Runtime } from "./runtime.ts";
import type { Session } from "./session.ts";

/** The graph kernels and their operator table: what readers of graphs build their models with. */
const kit: Kit = { simd, relaxed, ops: GRAPH };

/**
 * Reads a model: a native file, or a bare state_dict in safetensors with `layers`.
 *
 * Cost     tensors are views of `bytes` where they are aligned
 * @throws FormatError when the bytes are wrong, ModelError when what they say does not fit
 * @example
 * const model = readModel(bytes, { layers: [{ type: "gru", name: "rnn" }, { type: "linear", name: "head" }] });
 */
export function readModel(bytes: Uint8Array, options?: ReadModelOptions): Model {
  return readSafetensorsModel(GRAPH, bytes, options);
}

/**
 * Loads and reads a model: a path or file: URL where the host has files, any other URL through fetch, a Response, or bytes.
 * @example
 * const model = await loadModel("model.safetensors");
 */
export async function loadModel(source: ModelSource, options: LoadOptions & ReadModelOptions = {}): Promise<Model> {
  return readModel(await loadBytes(source, options), options);
}

/**
 * A model from layers and tensors under PyTorch's state_dict names; sizes are inferred where the tensors tell them.
 * @throws ModelError that names the layer or tensor and says what to add
 * @example
 * const model = modelFromLayers([{ type: "lstm", name: "lstm" }], readSafetensors(bytes));
 */
export function modelFromLayers(
  layers: readonly LayerSpec[],
  tensors: ReadonlyMap<string, Tensor>,
  options?: LayersOptions,
): Model {
  return layersToModel(GRAPH, layers, tensors, options);
}

/**
 * Plans a model and lays it into memory.
 * @throws ModelError ERR_VARIANT when the variant asked for is not to be had; SessionError ERR_MEMORY
 * @example
 * const session = await createSession(model);
 */
export async function createSession(model: Model, options: SessionOptions = {}): Promise<Session> {
  return openSession(kit, model, options, async () => (await import("./backend-graph.ts")).createGraphReference);
}

/** `createSession` without a promise: for audio worklets and handlers. Compiling the kernels takes a few milliseconds. */
export function createSessionSync(model: Model, options: SessionOptions<KernelBinary> = {}): Session {
  return openSessionSync(kit, model, options, createGraphReference);
}

/**
 * One memory for many sessions, passed as `createSession(model, { runtime })`; undefined where `auto` finds that the engine
 * runs no build, so that the sessions take the reference.
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime | undefined> {
  return openRuntime(kit, await fetched(options));
}

export function createRuntimeSync(options: RuntimeOptions<KernelBinary> = {}): Runtime | undefined {
  return openRuntime(kit, options);
}

export type { RuntimeOptions, SessionOptions } from "./create.ts";
/**
 * The kernels as a Module, which can be sent to other threads and used there as `wasm`: compiled once for all of them.
 * @throws ModelError ERR_VARIANT where the engine does not run or the page's policy does not allow them
 */
export async function compileKernels(options: RuntimeOptions = {}): Promise<WebAssembly.Module> {
  return compileBuild(kit, options);
}

/**
 * The model with its recurrent and linear weights as int8 and a scale for each row; operators of graphs stay f32.
 * @throws ModelError ERR_NON_FINITE where a weight is NaN or infinite
 */
export function quantizeModel(model: Model): Model {
  return quantizeWeights(GRAPH, model);
}

export type { FormatErrorCode, ModelErrorCode, SessionErrorCode } from "./errors.ts";
export { FormatError, ModelError, SessionError } from "./errors.ts";
export type { ReadModelOptions } from "./formats/native.ts";
export { writeSafetensors } from "./formats/native.ts";
export type { Limits } from "./formats/safetensors.ts";
export { readSafetensors } from "./formats/safetensors.ts";
export type { StreamGroup } from "./group.ts";
export type { KernelBinary, WasmSource } from "./kernels.ts";
export type { LayerSpec, LayersOptions } from "./layers.ts";
export { guessLayers } from "./layers.ts";
export type { LoadOptions, ModelSource } from "./load.ts";
export type { State } from "./members.ts";
export type { ActivationSpec, AttrValue, Model, ModelInfo, Node, StateInfo, ValueInfo } from "./model.ts";
export type { Numbers, Output, StepInput } from "./ports.ts";
export type { Runtime } from "./runtime.ts";
export type { RunInput, RunOptions, RunResult, Session, SessionInfo } from "./session.ts";
export type { Stream, StreamOptions } from "./stream.ts";
export type { Dtype, Tensor, TensorData } from "./tensor.ts";
