/** A Model → a session in a worker, for the entries with their kernels. */

import type { RuntimeOptions, SessionOptions } from "../create.ts";
import type { Variant } from "../engine.ts";
import type { compileKernels } from "../index.ts";
import type { Model } from "../model.ts";
import type { SessionInfo } from "../session.ts";
import { type CallOptions, Calls, openWorker, type ThreadOptions } from "./calls.ts";
import type { Made } from "./messages.ts";
import { WorkerRuntime, WorkerSession } from "./proxies.ts";

/** What an entry brings: its kernels for `wasm`, and the script that its worker loads. */
export interface WorkerKit {
  readonly compileKernels: typeof compileKernels;
  readonly script: string;
  /** What the package calls that script. */
  readonly name: string;
}

export type WorkerRuntimeOptions = RuntimeOptions & ThreadOptions & Pick<CallOptions, "signal">;

export type WorkerSessionOptions = Omit<SessionOptions, "runtime"> &
  ThreadOptions &
  CallOptions & {
    /** The worker of several sessions (`createRuntime` of this entry). */
    readonly runtime?: WorkerRuntime;
  };

/** What `createRuntime` of an entry does. */
export async function openWorkerRuntime(
  kit: WorkerKit,
  { url, worker, signal, wasm, ...options }: WorkerRuntimeOptions,
): Promise<WorkerRuntime> {
  const sent = { ...options, wasm: wasm && (await kit.compileKernels({ wasm })) };
  const calls = new Calls(openWorker(kit.script, { url, worker }), kit.name);
  return started(calls, async () => {
    const made = await calls.make<Made & { variant: Variant }>(0, "createRuntime", [sent], { signal });
    return new WorkerRuntime(calls, made);
  });
}

/** What `createSession` of an entry does. */
export async function openWorkerSession(
  kit: WorkerKit,
  model: Model,
  { url, worker, signal, transfer, runtime, wasm, ...options }: WorkerSessionOptions,
): Promise<WorkerSession> {
  const sent = { ...options, wasm: wasm && (await kit.compileKernels({ wasm })) };
  const calls = runtime?.calls ?? new Calls(openWorker(kit.script, { url, worker }), kit.name);
  const create = async () => {
    const target = runtime?.target ?? 0;
    const options = { signal, transfer };
    const made = await calls.make<Made & { info: SessionInfo }>(target, "createSession", [model, sent], options);
    return new WorkerSession(calls, model, made, runtime === undefined);
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
