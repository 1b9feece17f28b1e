/**
 * The entry `sluice/worker`: the names of `sluice`, with sessions whose work is done in a worker. Files are read where they
 * are asked for, since reading is waiting for bytes; the Model is plain data and is sent.
 *
 *     page: Model → worker: Session, streams, groups → page: outputs, their buffers moved
 */

import { thread } from "../build/worker-thread.ts";
import { compileKernels, type Model } from "./index.ts";
import {
  openWorkerRuntime,
  openWorkerSession,
  type WorkerKit,
  type WorkerRuntimeOptions,
  type WorkerSessionOptions,
} from "./worker/open.ts";
import type { WorkerRuntime, WorkerSession } from "./worker/proxies.ts";

const kit: WorkerKit = { compileKernels, script: thread, name: "sluice/worker-thread" };

/**
 * A worker with one memory, for several sessions.
 * @throws SessionError ERR_WORKER when the worker does not start; ModelError ERR_VARIANT
 * @example
 * const runtime = await createRuntime();
 */
export async function createRuntime(options: WorkerRuntimeOptions = {}): Promise<WorkerRuntime> {
  return openWorkerRuntime(kit, options);
}

/**
 * Plans a model and lays it into memory, in a worker of its own or that of `runtime`. The model is copied there; with
 * `transfer` its tensors move, and it can be used nowhere else afterwards.
 * @throws as `createSession` of `sluice`; SessionError ERR_WORKER when the worker does not start
 * @example
 * const session = await createSession(model);
 */
export async function createSession(model: Model, options: WorkerSessionOptions = {}): Promise<WorkerSession> {
  return openWorkerSession(kit, model, options);
}

export {
  compileKernels,
  FormatError,
  guessLayers,
  loadModel,
  ModelError,
  modelFromLayers,
  quantizeModel,
  readModel,
  readSafetensors,
  SessionError,
  writeSafetensors,
} from "./index.ts";
export type * from "./worker/types.ts";
