/** What the graph cases are asked of: the reference, and each build of the kernels that this engine runs. */

import { createSessionSync, type Model, type Session } from "../../src/graph-entry.ts";

type Options = NonNullable<Parameters<typeof createSessionSync>[1]>;
export type Variant = "reference" | "simd" | "relaxed";

export const VARIANTS: readonly Variant[] = ["reference", "simd", "relaxed"];
export const KERNELS: readonly Variant[] = ["simd", "relaxed"];

/** A session that runs what was asked for: a variant that fell back on another would pass everything else. */
export function open(model: Model, variant: Variant, options: Options = {}): Session {
  const session = createSessionSync(model, { ...options, variant });
  if (session.info.variant !== variant) throw new Error(`variant: expected ${variant}; got ${session.info.variant}`);
  return session;
}
