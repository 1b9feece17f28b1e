/**
 * What a baked model's `.js` runs: the exports of its .wasm as an engine, and a stream over it. scripts/build.mjs bundles this
 * file into text, src/bake/wrapper.ts puts a model's description behind it: so it is the package's own stream, with its checks
 * and messages, and needs no package.
 */

import { H_HASH, H_RUN, H_VERSION, HEADER, HEADER_BYTES } from "../../assembly/abi.ts";
import type { Engine, IoRegion, States, Variant } from "../engine.ts";
import { ModelError, SessionError } from "../errors.ts";
import { instantiate, isRemote, type KernelBinary, type Kernels, type WasmSource } from "../kernels.ts";
import { readAll } from "../load.ts";
import { Members, prepare, type SessionCore } from "../members.ts";
import type { Model, ModelInfo, StateInfo, ValueInfo } from "../model.ts";
import type { Numbers, Output, Port } from "../ports.ts";
import type { Precision } from "../quantize.ts";
import { Stream } from "../stream.ts";

/** An input or output: the values of row r begin r · stride bytes after input_ptr or output_ptr. */
export interface PortInfo extends ValueInfo {
  readonly stride: number;
  /** Ids run from 0 to ids − 1. */
  readonly ids?: number;
  /** Follows a `last`: a sequence model's run gives its last row only. */
  readonly last?: true;
}

/** What the custom section `sluice` of the .wasm says, and the wrapper knows. */
export interface Description {
  /** Of header, programs and entry points: what abi_version() says. */
  readonly version: number;
  readonly variant: Exclude<Variant, "reference">;
  readonly precision: Precision;
  readonly maxSteps: number;
  /** The model needs its whole sequence: reset() and one run(t); step() answers status 2. */
  readonly sequence: boolean;
  readonly inputs: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
  /** The elements of a state in `rows` rows, `stride` bytes apart, from `offset` bytes after state_ptr on. */
  readonly states: readonly (StateInfo & { readonly rows: number; readonly offset: number; readonly stride: number })[];
  /** The words before saved state (src/members.ts). */
  readonly head: readonly number[];
  readonly info: ModelInfo;
}

/** assembly/bake.ts has the contracts. */
interface Exports extends Kernels {
  input_ptr(i: number): number;
  output_ptr(i: number): number;
  state_ptr(): number;
  state_size(): number;
  reset(): number;
  run(steps: number): number;
}

/** The whole sequence at once, from the initial state: for models that run backwards over time. */
export interface Sequence {
  run(xs: Numbers | Readonly<Record<string, Numbers>>): Output;
}

/** @throws ModelError ERR_VARIANT for another .wasm than the description's */
export function createBaked(description: Description, binary: KernelBinary): Stream | Sequence {
  const engine = createEngine(description, instantiate(binary) as Exports);
  const ports = (infos: readonly PortInfo[]) =>
    infos.map(({ name, dtype, shape, ids }): Port => ({ name, dtype, ids, size: sizeOf(shape) }));
  const core: SessionCore = {
    model: description as Pick<Model, "states"> as Model,
    engine,
    inputs: ports(description.inputs),
    outputs: ports(description.outputs),
    whole: description.sequence,
    live: new Set(),
    head: Uint32Array.from(description.head),
  };
  return description.sequence ? createSequence(core, description) : new Stream(core);
}

/** `createBaked` of what a URL, a Response or a caller gives. */
export async function loadBaked(description: Description, source: WasmSource): Promise<Stream | Sequence> {
  return createBaked(description, isRemote(source) ? await readAll(source) : source);
}

function sizeOf(shape: ValueInfo["shape"]): number {
  return shape.reduce<number>((product, axis) => product * (typeof axis === "number" ? axis : 1), 1);
}

function createSequence(core: SessionCore, { outputs }: Description): Sequence {
  const members = new Members(core, 1);
  return {
    run(xs) {
      const prepared = prepare(core, xs, undefined, { count: 1 });
      members.states.reset(0);
      const ys = members.run(prepared);
      const cut = (y: Float32Array, i: number) => {
        const { size } = core.outputs[i];
        if (!outputs[i].last) return y;
        return y.length > 0 ? y.slice(-size) : new Float32Array(size); // of no steps it is zero, as in session.run
      };
      if (ys instanceof Float32Array) return cut(ys, 0);
      return Object.fromEntries(outputs.map(({ name }, i) => [name, cut(ys[name], i)]));
    },
  };
}

function createEngine(description: Description, wasm: Exports): Engine {
  const { variant, precision, maxSteps, inputs, outputs, states } = description;
  const { buffer } = wasm.memory;
  const header = new Uint32Array(buffer, HEADER, HEADER_BYTES / 4);
  const [, , low, high] = description.head;
  const rows = () => new Uint32Array(buffer, header[H_RUN / 4], 1)[0];
  if (
    header[H_VERSION / 4] !== description.version ||
    header[H_HASH / 4] !== low ||
    header[H_HASH / 4 + 1] !== high ||
    rows() !== maxSteps
  ) {
    throw new ModelError("ERR_VARIANT", "wasm: expected the file that was baked with this wrapper; got another.");
  }
  const region = (address: number, { dtype, shape, stride }: PortInfo): IoRegion => {
    const data = new (dtype === "I32" ? Int32Array : Float32Array)(buffer, address, (maxSteps * stride) / 4);
    return { data, stride: stride / 4, row: data.subarray(0, sizeOf(shape)) };
  };
  const state = new Float32Array(buffer, wasm.state_ptr(), wasm.state_size() / 4);
  const one: States = {
    count: 1,
    read: (_, index, into) => eachRow(index, (at, from, size) => into.set(state.subarray(at, at + size), from)),
    write: (_, index, values) => eachRow(index, (at, from, size) => state.set(values.subarray(from, from + size), at)),
    reset: () => wasm.reset(),
    copy() {},
    trace: () => undefined,
    dispose() {},
  };
  /** Every row of a state: its element in memory, its element in (rows, size). */
  function eachRow(index: number, visit: (at: number, from: number, size: number) => void): void {
    const { offset, stride, rows, shape } = states[index];
    const size = sizeOf(shape) / rows;
    for (let r = 0; r < rows; r++) visit((offset + r * stride) / 4, r * size, size);
  }
  let given = false;
  return {
    variant,
    precision,
    bytes: () => ({ weights: 0, programs: 0, io: 0, scratch: 0, statePerStream: wasm.state_size() }),
    rows: maxSteps,
    reserve(rows) {
      if (rows > maxSteps) throw new RangeError(`"xs" expected at most ${maxSteps} steps (--max-steps), got ${rows}`);
    },
    inputs: inputs.map((port, i) => region(wasm.input_ptr(i), port)),
    outputs: outputs.map((port, i) => region(wasm.output_ptr(i), port)),
    createStates() {
      if (given) throw new SessionError("ERR_STATE", "stream: a baked model has one state; create it once more.");
      given = true;
      return one;
    },
    execute: (_, steps) => wasm.run(steps),
    executeGroup: (_, __, ___, ____, steps) => wasm.run(steps),
    dispose() {},
  };
}
