/**
 * Model → Session: picks what runs it. `auto` takes the build that was measured fastest on this engine, and the reference
 * where there is no WebAssembly, no SIMD, or a policy that forbids compiling; `session.info` tells which. The synchronous way
 * carries the reference, and int8; the other loads each where it is needed, so that a page does not.
 */

import { createArena } from "./arena.ts";
import { checkInteger, checkOneOf, checkOptions, wrongKind } from "./arguments.ts";
import type { Engine, Variant } from "./engine.ts";
import { ModelError } from "./errors.ts";
import { checkGraph, type Graph } from "./graph.ts";
import {
  compile,
  decode,
  fastestFirst,
  instantiate,
  isRemote,
  type KernelBinary,
  type KernelSet,
  type WasmSource,
} from "./kernels.ts";
import { isQuantized, type Model } from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import { type Precision, packedWeights } from "./quantize.ts";
import { Runtime } from "./runtime.ts";
import { Session } from "./session.ts";

/** What an entry of the package carries: a kernel set and its operator table. */
export interface Kit extends KernelSet {
  readonly ops: OpTable;
}

export interface RuntimeOptions<Source = WasmSource> {
  /** "auto" (default): the fastest build that this engine runs, or the reference if it runs none. */
  readonly variant?: "auto" | Variant;
  /** The kernels, instead of those inside the module: a compiled Module or bytes; if creation is async, also a URL or Response. */
  readonly wasm?: Source;
}

export interface SessionOptions<Source = WasmSource> extends RuntimeOptions<Source> {
  /** Rows of one execution: how many steps a run batches, how many members of a group advance together. Default: 64. */
  readonly maxSteps?: number;
  /**
   * The arithmetic of the kernels' products. Default: as the model's weights. "int8" quantises f32 weights, "f32" widens int8
   * weights. The reference always computes in f64, from the weights as they are.
   */
  readonly precision?: Precision;
  /** One memory for several sessions (`createRuntime`). */
  readonly runtime?: Runtime;
}

/** The reference as an engine, with the operators that an entry has. */
export type CreateReference = (model: Model, options: { rows: number; values: Graph["values"] }) => Engine;

/**
 * What `variant` and `wasm` leave to try, in this order.
 * @throws TypeError for a `wasm` of another kind
 */
function candidates(kit: Kit, { variant = "auto", wasm }: RuntimeOptions<KernelBinary>): readonly KernelBinary[] {
  if (wasm !== undefined) return [decode(wasm)];
  return variant === "auto" ? fastestFirst(kit) : [kit[variant as "simd"]];
}

function checkVariant(variant: string, ...others: readonly string[]): void {
  checkOneOf("variant", variant, ["auto", "simd", "relaxed", ...others]);
}

/** Undefined: the reference. */
export function openRuntime(kit: Kit, options: RuntimeOptions<KernelBinary>): Runtime | undefined {
  const { variant = "auto", wasm } = options;
  checkVariant(variant, "reference");
  if (variant === "reference") return undefined;
  let got: unknown;
  for (const binary of candidates(kit, options)) {
    try {
      const kernels = instantiate(binary, kit);
      const runtime = new Runtime(kernels, kit.ops);
      if (kit.ops.constant && kernels.relaxed() < 2) got = "a build without the operators of graphs";
      else if (variant === "auto" || variant === runtime.variant) return runtime;
      else got = `a build for "${runtime.variant}"`;
    } catch (error) {
      got = error;
    }
  }
  if (variant === "auto" && wasm === undefined) return undefined;
  throw new ModelError("ERR_VARIANT", `variant: expected kernels that run as "${variant}"; got ${got}.`);
}

/** A Module for other threads; ModelError ERR_VARIANT where the engine runs no build. */
export async function compileBuild(kit: Kit, options: RuntimeOptions): Promise<WebAssembly.Module> {
  const given = await fetched(options);
  const { variant = "auto" } = given;
  checkVariant(variant);
  let got: unknown;
  for (const binary of candidates(kit, given)) {
    try {
      return await compile(binary);
    } catch (error) {
      got = error;
    }
  }
  throw new ModelError("ERR_VARIANT", `variant: expected kernels that compile as "${variant}"; got ${got}.`);
}

/** Undefined: the reference. */
function runtimeFor(kit: Kit, model: Model, options: SessionOptions<KernelBinary>): Runtime | undefined {
  const { maxSteps = 64, variant = "auto", precision, runtime } = options;
  checkVariant(variant, "reference");
  if (!Array.isArray(model?.nodes)) throw wrongKind("model", "a Model", model);
  checkOptions(options, ["variant", "wasm", "maxSteps", "precision", "runtime"]);
  checkInteger("maxSteps", maxSteps, 1);
  if (precision !== undefined) checkOneOf("precision", precision, ["f32", "int8"]);
  if (runtime === undefined) return openRuntime(kit, options);
  if (!(runtime?.f32 && runtime.ops)) throw wrongKind("runtime", "a Runtime", runtime);
  if (variant === "auto" || variant === runtime.variant) return runtime;
  throw new ModelError("ERR_VARIANT", `variant: expected "${variant}"; got a runtime of "${runtime.variant}".`);
}

/** The model, checked, and what is to run it. */
function prepare(kit: Kit, model: Model, options: SessionOptions<KernelBinary>) {
  const runtime = runtimeFor(kit, model, options);
  // A runtime from another entry runs what its own kernels have.
  const ops = runtime?.ops ?? kit.ops;
  const { maxSteps: rows = 64, precision } = options;
  return { model, runtime, ops, rows, precision, graph: checkGraph(ops, model) };
}

/** `reference` loads what `auto` falls back to. */
export async function openSession(
  kit: Kit,
  model: Model,
  options: SessionOptions,
  reference: () => Promise<CreateReference>,
): Promise<Session> {
  const prepared = prepare(kit, model, await fetched(options));
  if (!prepared.runtime) return lay(prepared, undefined, await reference());
  // A file beside: few models have int8 weights or batch norms.
  return lay(prepared, packsAsIs(prepared) ? undefined : (await import("./quantize.ts")).packedWeights);
}

/** With what `auto` falls back to. */
export function openSessionSync(
  kit: Kit,
  model: Model,
  options: SessionOptions<KernelBinary>,
  reference: CreateReference,
): Session {
  return lay(prepare(kit, model, options), packedWeights, reference);
}

/** Nothing to quantise, to widen or to fold. */
function packsAsIs({ model, precision }: Pick<ReturnType<typeof prepare>, "model" | "precision">): boolean {
  return precision !== "int8" && !isQuantized(model) && model.nodes.every(({ op }) => op !== "batchNorm");
}

function lay(
  { model, runtime, ops, rows, precision, graph }: ReturnType<typeof prepare>,
  packed: typeof packedWeights | undefined,
  reference?: CreateReference,
): Session {
  const engine = runtime
    ? createArena(ops, packed?.(ops, model, precision) ?? model, runtime, rows)
    : reference?.(model, { rows, values: graph.values });
  return new Session(model, graph, engine as Engine);
}

/** Options whose `wasm` is at hand. */
export async function fetched<O extends RuntimeOptions>(options: O): Promise<O & RuntimeOptions<KernelBinary>> {
  const { wasm } = options;
  // A file beside.
  return { ...options, wasm: isRemote(wasm) ? await (await import("./load.ts")).readAll(wasm) : wasm };
}
