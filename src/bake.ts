/**
 * The entry `sluice/bake`: Model → one .wasm file without imports, which carries the kernels, the programs and the weights, and
 * a typed wrapper for hosts that have JavaScript. No compiler takes part: the kernels pack the weights in a memory of their
 * own, as for a session, and what stands in that memory becomes the file's data section (docs/bake.md).
 *
 *     header, constants │ program │ weights │ initial state, state ║ io, scratch                 ║ packed program
 *     in the data section, from HEADER on, without runs of zeros     ║ zero when an instance begins ║ of a graph
 */

import {
  BAKE_MAGIC,
  BAKE_VERSION,
  CONSTANTS,
  H_HASH,
  H_INITIAL,
  H_INPUTS,
  H_MAGIC,
  H_OUTPUTS,
  H_PACKED,
  H_PACKED_BYTES,
  H_PORT_LIST,
  H_PORTS,
  H_RUN,
  H_STATE,
  H_STATE_BYTES,
  H_STEP,
  H_VERSION,
  HEADER,
  SOLO,
} from "../assembly/abi.ts";
import { baked } from "../build/baked.ts";
import { relaxed, simd } from "../build/kernels.ts";
import { relaxed as graphRelaxed, simd as graphSimd } from "../build/kernels-graph.ts";
import { initialState, ONCE_BYTES } from "./arena.ts";
import { checkInteger, checkOneOf, checkOptions, wrongKind } from "./arguments.ts";
import { appendImage, type Part } from "./bake/module.ts";
import { packProgram } from "./bake/packed.ts";
import { asciiJson, declarations, describe, program } from "./bake/wrapper.ts";
import { type Kit, openRuntime } from "./create.ts";
import { ModelError, SessionError } from "./errors.ts";
import { checkGraph, type Graph } from "./graph.ts";
import { decode, PAGE } from "./kernels.ts";
import type { Model } from "./model.ts";
import { CORE } from "./ops/core.ts";
import { GRAPH } from "./ops/graph.ts";
import { loadWeights } from "./pack.ts";
import { type Plan, planModel } from "./plan.ts";
import { encodeProgram, type Place, type Region, type Rows, WORKING } from "./program.ts";
import { type Precision, packedWeights } from "./quantize.ts";
import type { Runtime } from "./runtime.ts";

const CORE_KIT: Kit = { simd, relaxed, ops: CORE };
const GRAPH_KIT: Kit = { simd: graphSimd, relaxed: graphRelaxed, ops: GRAPH };

export interface BakeOptions {
  /** "simd" (default) runs on every engine with 128-bit SIMD, with the same bits everywhere; "relaxed" needs relaxed SIMD. */
  readonly variant?: "simd" | "relaxed";
  /** Default: as the model's weights. "int8" quantises f32 weights, "f32" widens int8 weights. */
  readonly precision?: Precision;
  /**
   * Steps of the longest `run(t)`, which sets the memory of an instance. Default: 64. A graph whose states pair an output with an
   * input takes one step at a time in any case.
   */
  readonly maxSteps?: number;
}

export interface Baked {
  /** The .wasm file. */
  readonly wasm: Uint8Array;
  /** An ES module that runs it and needs no package; its `load()` reads `NAME.wasm` beside it. */
  readonly js: string;
  /** The types of `js`. */
  readonly dts: string;
}

/**
 * Bakes a model into one .wasm file.
 *
 * Shapes   the outputs of `step()` and `run(t)` are a session's of the same variant and precision, bit for bit
 * Cost     milliseconds; the file is the packed weights without their long runs of zeros, the kernels and less than 8 KB; the
 *          kernels of graphs only where a model needs them
 *
 * @param name - what the file is called in the wrapper, without `.wasm`
 * @throws ModelError ERR_VARIANT if this engine does not support the variant, ERR_GRAPH for more than 16 inputs or outputs;
 *         SessionError ERR_MEMORY if an instance would need more than 4 GiB
 * @example
 * const { wasm, js, dts } = bakeModel(model, "model");
 */
export function bakeModel(model: Model, name: string, options: BakeOptions = {}): Baked {
  checkArguments(model, name, options);
  const { variant = "simd", precision, maxSteps = 64 } = options;
  const { kit, graph } = kitOf(model);
  const runtime = openRuntime(kit, { variant }) as Runtime;
  const packed = packedWeights(kit.ops, model, precision);
  // A state that pairs an output with an input: a step needs the one before it whole.
  const rows = model.states.some(({ input }) => input !== undefined) ? 1 : maxSteps;
  const plan = planModel(kit.ops, packed, rows);
  const layout = layOut(runtime, plan);
  if (layout.free > 2 ** 32)
    throw new SessionError("ERR_MEMORY", `maxSteps: expected an instance of at most 4 GiB; got ${layout.free} bytes.`);
  packInto(runtime, plan, packed, layout);

  const { f32, u32 } = runtime;
  const { code, none, initial, state, end, address } = layout;
  for (const copy of [initial, state]) f32.set(initialState(packed, plan), copy / 4);
  const description = describe(model, packed, graph, plan, variant);
  const header = (offset: number, ...values: readonly number[]) => u32.set(values, (HEADER + offset) / 4);
  const places = (rows: readonly Rows[]) => rows.map(({ place }) => address(place.region) + place.offset);
  header(H_MAGIC, BAKE_MAGIC);
  header(H_VERSION, BAKE_VERSION);
  // A sequence model takes no single steps: a program for no rows answers so.
  header(H_STEP, graph.sequenceNode === undefined ? code : none);
  header(H_RUN, code);
  header(H_STATE, state);
  header(H_STATE_BYTES, plan.bytes.state);
  header(H_INITIAL, initial);
  header(H_INPUTS, model.inputs.length);
  header(H_OUTPUTS, model.outputs.length);
  header(H_HASH, description.head[2], description.head[3]);
  header(H_PORT_LIST, ...places(plan.inputs));
  header(H_PORT_LIST + H_PORTS * 4, ...places(plan.outputs));

  u32.fill(0, SOLO / 4, CONSTANTS / 4);
  const parts: Part[] = [{ address: HEADER, bytes: new Uint8Array(u32.buffer, HEADER, end - HEADER) }];
  const words = encodeProgram(plan.program, rows, address);
  let { free } = layout;
  if (kit === GRAPH_KIT) {
    const bytes = packProgram(words);
    header(H_PACKED, free);
    header(H_PACKED_BYTES, bytes.length);
    parts.push({ address: free, bytes });
    free += bytes.length;
  } else u32.set(words, code / 4);
  return {
    wasm: appendImage(decode(kit[variant]) as Uint8Array, {
      pages: Math.ceil(free / PAGE),
      parts,
      description: asciiJson(description),
    }),
    js: program(description, name, baked),
    dts: declarations(description),
  };
}

function checkArguments(model: Model, name: string, options: BakeOptions): void {
  const { variant, precision, maxSteps } = options;
  if (!Array.isArray(model?.nodes)) throw wrongKind("model", "a Model", model);
  if (typeof name !== "string") throw wrongKind("name", "string", name);
  checkOptions(options, ["variant", "precision", "maxSteps"]);
  if (variant !== undefined) checkOneOf("variant", variant, ["simd", "relaxed"]);
  if (precision !== undefined) checkOneOf("precision", precision, ["f32", "int8"]);
  if (maxSteps !== undefined) checkInteger("maxSteps", maxSteps, 1);
  for (const [ports, what] of [
    [model.inputs, "inputs"],
    [model.outputs, "outputs"],
  ] as const) {
    if (ports.length > H_PORTS)
      throw new ModelError("ERR_GRAPH", `${what}: expected at most ${H_PORTS} to bake; got ${ports.length}.`);
  }
}

/** Addresses in the memory of an instance. */
interface Layout {
  /** The program, and one for no rows. */
  readonly code: number;
  readonly none: number;
  readonly initial: number;
  readonly state: number;
  /** Where that ends which the file holds. */
  readonly end: number;
  /** The first byte that nothing has. */
  readonly free: number;
  address(region: Region): number;
}

/** First what the file holds, then what an instance has beside it. */
function layOut(runtime: Runtime, plan: Plan): Layout {
  const code = runtime.allocate(encodeProgram(plan.program, plan.rows, () => 0).byteLength);
  const none = runtime.allocate(encodeProgram([], 0, () => 0).byteLength);
  const weights = runtime.allocate(plan.bytes.weights);
  const initial = runtime.allocate(plan.bytes.state);
  const state = runtime.allocate(plan.bytes.state);
  const end = state + plan.bytes.state;
  const bases: Partial<Record<Region, number>> = { weights };
  let free = Math.ceil(end / 64) * 64;
  for (const region of WORKING) {
    bases[region] = free;
    free += plan.bytes[region];
  }
  // While packing, matrices on their way to panels: an instance has its working memory at the same place.
  bases.temporary = runtime.allocate(plan.bytes.temporary);
  bases.matrix = runtime.allocate(plan.bytes.matrix);
  return { code, none, initial, state, end, free, address: (region) => bases[region] as number };
}

/** The weights as the kernels read them, packed by the kernels. */
function packInto(runtime: Runtime, plan: Plan, model: Model, { address }: Layout): void {
  const once = runtime.allocate(ONCE_BYTES);
  const at = ({ region, offset }: Place) => address(region) + offset;
  loadWeights(plan.load, model.tensors, runtime.f32, at, (record, rows) => {
    runtime.u32.set(encodeProgram([record], rows, address), once / 4);
    runtime.kernels.execute(once, 0, rows);
  });
}

/** The kernels that run a model; one that none runs is refused with what the whole table says. */
function kitOf(model: Model): { readonly kit: Kit; readonly graph: Graph } {
  const check = (kit: Kit) => ({ kit, graph: checkGraph(kit.ops, model) });
  try {
    return check(CORE_KIT);
  } catch {
    return check(GRAPH_KIT);
  }
}
