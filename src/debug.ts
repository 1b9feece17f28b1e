/**
 * The entry `sluice/debug`: the same names over the debug build, whose kernels check their arguments. An assertion that fails
 * there throws with its message, file and line, by @assemblyscript/loader. Slow; for development only.
 */

import { instantiateSync } from "@assemblyscript/loader";
import { debug } from "../build/kernels-debug.ts";
import { type Kit, openSession, type SessionOptions } from "./create.ts";
import type { KernelBinary } from "./kernels.ts";
import type { Model } from "./model.ts";
import { CORE } from "./ops/core.ts";
import type { Session } from "./session.ts";

const kit: Kit = {
  simd: debug,
  relaxed: debug,
  ops: CORE,
  instantiate: (module) => instantiateSync(module).instance,
};

/** `createSessionSync` of `sluice`, over the debug build. */
export function createSessionSync(model: Model, options: SessionOptions<KernelBinary> = {}): Session {
  return openSession(kit, model, options);
}

/** `createSession` of `sluice`, over the debug build. */
export async function createSession(model: Model, options: SessionOptions<KernelBinary> = {}): Promise<Session> {
  return openSession(kit, model, options);
}

export * from "./index.ts";
