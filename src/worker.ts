/**
 * The entry `sluice/worker`: the names of `sluice`, with sessions whose work is done in a worker. Files are read where they
 * are asked for, since reading is waiting for bytes; the Model is plain data and is sent.
 *
 *     page: Model → worker: Session, streams, groups → page: outputs, their buffers moved
 */

import { thread } from "../build/worker-thread.ts";
import type { RuntimeOptions } from "./create.ts";
import type { Variant } from "./engine.ts";
import { compileKernels, type Model, type SessionInfo, type SessionOptions } from "./index.ts";
import { type CallOptions, Calls, openWorker, type ThreadOptions } from "./worker/calls.ts";
import { WorkerRuntime, WorkerSession } from "./worker/proxies.ts";

export type WorkerRuntimeOptions = RuntimeOptions & ThreadOptions & Pick<CallOptions, "signal">;

export type WorkerSessionOptions = Omit<SessionOptions, "runtime"> &
  ThreadOptions &
  CallOptions & {
    /** The worker of several sessions (`createRuntime` of this entry). */
    readonly runtime?: WorkerRuntime;
  };

/**
 * A worker with one memory, for several sessions.
 * @throws SessionError ERR_WORKER when the worker does not start; ModelError ERR_VARIANT
 * @example
 * const runtime = await createRuntime();
 */
export async function createRuntime({
  url,
  worker,
  signal,
  wasm,
  ...options
}: WorkerRuntimeOptions = {}): Promise<WorkerRuntime> {
  const sent = { ...options, wasm: wasm && (await compileKernels({ wasm })) };
  const calls = new Calls(openWorker(thread, { url, worker }));
  return started(calls, async () => {
    const made = await calls.call(0, "createRuntime", [sent], { signal });
    return new WorkerRuntime(calls, made as { target: number; variant: Variant });
  });
}

/**
 * Plans a model and lays it into memory, in a worker of its own or that of `runtime`. The model is copied there; with
 * `transfer` its tensors move, and it can be used nowhere else afterwards.
 * @throws as `createSession` of `sluice`; SessionError ERR_WORKER when the worker does not start
 * @example
 * const session = await createSession(model);
 */
export async function createSession(
  model: Model,
  { url, worker, signal, transfer, runtime, wasm, ...options }: WorkerSessionOptions = {},
): Promise<WorkerSession> {
  const sent = { ...options, wasm: wasm && (await compileKernels({ wasm })) };
  const calls = runtime?.calls ?? new Calls(openWorker(thread, { url, worker }));
  const create = async () => {
    const made = await calls.call(runtime?.target ?? 0, "createSession", [model, sent], { signal, transfer });
    return new WorkerSession(calls, model, made as { target: number; info: SessionInfo }, runtime === undefined);
  };
  return runtime ? create() : started(calls, create);
}

/** What `create` gives; the worker ends where it fails. */
async function started<T>(calls: Calls, create: () => Promise<T>): Promise<T> {
  try {
    return await create();
  } catch (error) {
    calls.end(error as Error);
    throw error;
  }
}

export {
  compileKernels,
  FormatError,
  guessLayers,
  loadModel,
  ModelError,
  modelFromLayers,
  readModel,
  readSafetensors,
  SessionError,
  writeSafetensors,
} from "./index.ts";
export type { CallOptions, ThreadOptions, WorkerLike } from "./worker/calls.ts";
export type { WorkerGroup, WorkerRuntime, WorkerSession, WorkerStream } from "./worker/proxies.ts";
