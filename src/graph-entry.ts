/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The entry `sluice/graph`: the names of `sluice`, with the operators of graphs beside the core's layers. The entries of
 * formats that hold graphs (`sluice/onnx` and others) take their sessions from here.
 */

// Kernels, and file bytes → Model. The order is that of the bundle, where gzip finds what is alike within 32 KiB.

import { relaxed, simd } from "../build/kernels-graph.ts";
import { checkOptions } from "./arguments.ts";
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
 * Reads a model: a native file, or a state_dict in safetensors with `layers`.
 *
 * Cost     tensors are views of `bytes` where they are aligned, copies elsewhere: leave `bytes` unchanged while the model is used
 * @throws FormatError if the bytes are wrong, ModelError if what they say does not fit; without the `layers` that a state_dict
 *         needs, ERR_LAYERS_NEEDED with a list to start from
 * @example
 * const model = readModel(bytes, { layers: [{ type: "gru", name: "rnn" }, { type: "linear", name: "head" }] });
 */
export function readModel(bytes: Uint8Array, options?: ReadModelOptions): Model {
  return readSafetensorsModel(GRAPH, bytes, options);
}

/**
 * Loads and reads a model: from a path or file: URL where the host has files, from any other URL through `fetch`, from a
 * Response, or from bytes.
 *
 * @throws as `readModel`; FormatError ERR_RESPONSE for an answer without success; what the file system, `fetch` or `signal` throws
 * @example
 * const model = await loadModel("model.safetensors");
 */
export async function loadModel(source: ModelSource, options: LoadOptions & ReadModelOptions = {}): Promise<Model> {
  return readModel(await loadBytes(source, options), options);
}

/**
 * Makes a model of layers and of tensors with PyTorch's state_dict names. Sizes are inferred from the tensors where possible.
 *
 * Shapes   as in PyTorch: weight_ih (G·H, I), weight_hh (G·H, H), weight (O, I); docs/layers.md has all
 * @throws ModelError that names the layer or tensor and says what to add
 * @example
 * const model = modelFromLayers([{ type: "lstm", name: "lstm" }], readSafetensors(bytes));
 */
export function modelFromLayers(
  layers: readonly LayerSpec[],
  tensors: ReadonlyMap<string, Tensor>,
  options: LayersOptions = {},
): Model {
  checkOptions(options, ["inputs", "outputs", "ignore", "nonFinite", "info", "states"]);
  return layersToModel(GRAPH, layers, tensors, options);
}

/**
 * Plans a model, packs its weights into memory, and returns a session that runs it.
 *
 * Cost     compiles the kernels once per call (or per `runtime`) and copies the weights; `session.info.bytes` tells how much memory
 * @throws TypeError, RangeError for options; ModelError ERR_VARIANT if the requested variant is not available here,
 *         ERR_UNSUPPORTED_OP if these kernels lack an operator; SessionError ERR_MEMORY
 * @example
 * const session = await createSession(model, { variant: "simd" });
 */
export async function createSession(model: Model, options: SessionOptions = {}): Promise<Session> {
  return openSession(kit, model, options, async () => (await import("./backend-graph.ts")).createGraphReference);
}

/**
 * `createSession` without a promise, for audio worklets and request handlers. `wasm` is a compiled Module or bytes.
 *
 * Cost     compiles the kernels (30 KB) on the calling thread
 * @throws as `createSession`
 * @example
 * const session = createSessionSync(model);
 */
export function createSessionSync(model: Model, options: SessionOptions<KernelBinary> = {}): Session {
  return openSessionSync(kit, model, options, createGraphReference);
}

/**
 * Creates one memory for many sessions, to be passed as `createSession(model, { runtime })`. Returns undefined if `variant` is
 * "auto" and the engine runs neither build, or if it is "reference": then the sessions use the reference.
 *
 * @throws ModelError ERR_VARIANT if the requested variant is not available here
 * @example
 * const runtime = await createRuntime();
 * const sessions = await Promise.all(models.map((model) => createSession(model, { runtime })));
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime | undefined> {
  return openRuntime(kit, await fetched(options));
}

/** `createRuntime` without a promise. `wasm` is a compiled Module or bytes. */
export function createRuntimeSync(options: RuntimeOptions<KernelBinary> = {}): Runtime | undefined {
  return openRuntime(kit, options);
}

export type { RuntimeOptions, SessionOptions } from "./create.ts";
/**
 * Compiles the kernels to a Module that can be sent to other threads and used there as `wasm`: one compilation for all.
 * @throws ModelError ERR_VARIANT if the engine cannot run them or the page's policy forbids it
 * @example
 * const session = createSessionSync(model, { wasm: await compileKernels() });
 */
export async function compileKernels(options: RuntimeOptions = {}): Promise<WebAssembly.Module> {
  return compileBuild(kit, options);
}

/**
 * Returns the model with its recurrent and linear weights as int8 and one scale per row; operators of graphs stay f32.
 * @throws ModelError ERR_NON_FINITE if a weight is NaN or infinite
 * @example
 * const file = writeSafetensors(quantizeModel(model));
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
