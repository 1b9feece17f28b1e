/**
 * The entry `sluice/debug`: the same names over the debug build, whose kernels check their arguments. An assertion that fails
 * there throws with its message, file and line, by @assemblyscript/loader. Slow; for development only.
 */

import { instantiateSync } from "@assemblyscript/loader";
import { debug } from "../build/kernels-debug.ts";
import { createReferenceEngine } from "./backend-reference.ts";
import {
  fetched,
  type Kit,
  openRuntime,
  openSession,
  openSessionSync,
  type RuntimeOptions,
  type SessionOptions,
} from "./create.ts";
import type { KernelBinary } from "./kernels.ts";
import type { Model } from "./model.ts";
import { CORE } from "./ops/core.ts";
import type { Runtime } from "./runtime.ts";
import type { Session } from "./session.ts";

const kit: Kit = {
  simd: debug,
  relaxed: debug,
  ops: CORE,
  instantiate: (module) => instantiateSync(module).instance,
};

/** `createSession` of `sluice`, over the debug build. */
export async function createSession(model: Model, options: SessionOptions = {}): Promise<Session> {
  return openSession(kit, model, options, async () => (await import("./backend-reference.ts")).createReferenceEngine);
}

/** `createSessionSync` of `sluice`, over the debug build. */
export function createSessionSync(model: Model, options: SessionOptions<KernelBinary> = {}): Session {
  return openSessionSync(kit, model, options, createReferenceEngine);
}

/** `createRuntime` of `sluice`, over the debug build. */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime | undefined> {
  return openRuntime(kit, await fetched(options));
}

/** `createRuntimeSync` of `sluice`, over the debug build. */
export function createRuntimeSync(options: RuntimeOptions<KernelBinary> = {}): Runtime | undefined {
  return openRuntime(kit, options);
}

export * from "./index.ts";
