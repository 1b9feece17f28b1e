/**
 * The engine over WebAssembly: a Plan laid into linear memory. It turns places into addresses, packs the weights, writes
 * the programs, and keeps the typed-array views of io fresh when memory grows.
 */

import { MEMBER_BYTES } from "../assembly/abi.ts";
import type { Engine, IoRegion, States, TraceRows } from "./engine.ts";
import { foldBatchNorms } from "./fold.ts";
import type { Model } from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import { loadWeights } from "./pack.ts";
import { type Plan, planModel } from "./plan.ts";
import { encodeProgram, type ProgramRecord, type Region, type Rows } from "./program.ts";
import type { Runtime } from "./runtime.ts";
import { toF32 } from "./tensor.ts";

/** Regions that depend on the number of rows, in the order in which they lie after the program and the member table. */
const WORKING: readonly Region[] = ["io", "scratch", "gx", "hRows", "cRows", "nRows", "mRows"];

/** Bytes of the longest program of one record that loading runs. */
const ONCE_BYTES = 64;

export function createArena(ops: OpTable, given: Model, runtime: Runtime, maxRows: number): Engine {
  const model = foldBatchNorms(given);
  const { kernels } = runtime;
  const bases: Partial<Record<Region, number>> = {};
  const address = (region: Region) => bases[region] as number;

  /** A program in memory of its own. */
  const write = (program: readonly ProgramRecord[], rows: number): Block => {
    const words = encodeProgram(program, rows, address);
    const block = allocate(runtime, words.byteLength);
    runtime.u32.set(words, block.at / 4);
    return block;
  };

  let plan = planModel(ops, model, maxRows);
  const weights = allocate(runtime, plan.bytes.weights);
  bases.weights = weights.at;
  const temporary = allocate(runtime, plan.bytes.temporary);
  const matrix = allocate(runtime, plan.bytes.matrix);
  bases.temporary = temporary.at;
  bases.matrix = matrix.at;
  // A block's place is taken before the copies, which hold a view of memory: nothing may grow it meanwhile.
  const once = allocate(runtime, ONCE_BYTES);
  loadWeights(
    plan.load,
    model.tensors,
    runtime.f32,
    ({ region, offset }) => address(region) + offset,
    (record, rows) => {
      runtime.u32.set(encodeProgram([record], rows, address), once.at / 4);
      kernels.execute(once.at, 0, rows);
    },
  );
  for (const block of [once, temporary, matrix]) block.free();

  let working: Block;
  let program: Block;
  let members = 0;
  let inputs: readonly IoRegion[] = [];
  let outputs: readonly IoRegion[] = [];

  const layOut = () => {
    members = plan.rows * MEMBER_BYTES;
    working = allocate(
      runtime,
      WORKING.reduce((sum, region) => sum + plan.bytes[region], align(members)),
    );
    let at = working.at + align(members);
    members = working.at;
    for (const region of WORKING) {
      bases[region] = at;
      at += plan.bytes[region];
    }
    program = write(plan.program, plan.rows);
    renew();
  };
  const renew = () => {
    const { buffer } = kernels.memory;
    const view = ({ place, stride, size }: Rows, ids: boolean): IoRegion => {
      const Numbers = ids ? Int32Array : Float32Array;
      const data = new Numbers(buffer, address(place.region) + place.offset, (plan.rows * stride) / 4);
      return { data, stride: stride / 4, row: data.subarray(0, size) };
    };
    inputs = plan.inputs.map((rows, i) => view(rows, model.inputs[i].dtype === "I32"));
    outputs = plan.outputs.map((rows) => view(rows, false));
  };
  layOut();

  // The padded initial state of one member.
  const image = new Float32Array(plan.bytes.state / 4);
  model.states.forEach(({ initial = "" }, i) => {
    const tensor = model.tensors.get(initial);
    const { offset, rows, size, stride } = plan.states[i];
    const data = tensor && toF32(tensor);
    if (data)
      for (let r = 0; r < rows; r++) image.set(data.subarray(r * size, (r + 1) * size), (offset + r * stride) / 4);
  });

  return {
    variant: runtime.variant,
    get bytes() {
      const { weights, io, state } = plan.bytes;
      return { weights, programs: program.bytes, io, scratch: working.bytes - io, statePerStream: state };
    },
    get rows() {
      return plan.rows;
    },
    // Growing memory detaches its views: their length is 0 then.
    get inputs() {
      if (inputs[0].data.length === 0) renew();
      return inputs;
    },
    get outputs() {
      if (outputs[0].data.length === 0) renew();
      return outputs;
    },
    reserve(rows) {
      if (rows <= plan.rows) return;
      working.free();
      program.free();
      plan = planModel(ops, model, rows);
      layOut();
    },
    createStates(count, traceSteps = 0) {
      if (traceSteps === 0) return new ArenaStates(runtime, plan, image, count);
      const traced = planModel(ops, model, plan.rows, traceSteps);
      const ring = allocate(runtime, traced.bytes.ring);
      bases.ring = ring.at;
      return new ArenaStates(runtime, traced, image, count, { ring, program: write(traced.traced, plan.rows) });
    },
    execute(states, steps) {
      const { base, program: traced } = states as ArenaStates;
      return kernels.execute(traced || program.at, base, steps);
    },
    executeGroup(states, indices, first, count, steps, lengths) {
      const { base, stride } = states as ArenaStates;
      const { u32 } = runtime;
      let at = members / 4;
      for (let j = first; j < first + count; j++) {
        u32[at++] = base + (indices === null ? j : indices[j]) * stride;
        u32[at++] = lengths === null ? steps : lengths[j];
      }
      return kernels.executeGroup(program.at, members, count, steps);
    },
    dispose() {
      working.free();
      program.free();
      weights.free();
    },
  };
}

/** Bytes of linear memory that are ours until they are given back. */
interface Block {
  readonly at: number;
  readonly bytes: number;
  free(): void;
}

function allocate(runtime: Runtime, bytes: number): Block {
  const at = runtime.allocate(bytes);
  return { at, bytes, free: () => runtime.free(at, bytes) };
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

class ArenaStates implements States {
  readonly base: number;
  /** Bytes from one member to the next. */
  readonly stride: number;
  /** The traced program, 0 where there is no trace. */
  readonly program: number;
  readonly #block: Block;

  constructor(
    private readonly runtime: Runtime,
    private readonly plan: Plan,
    private readonly image: Float32Array,
    readonly count: number,
    private readonly traced?: { readonly ring: Block; readonly program: Block },
  ) {
    this.stride = plan.bytes.state;
    this.#block = allocate(runtime, this.stride * count);
    this.base = this.#block.at;
    this.program = traced?.program.at ?? 0;
    if (image.some((value) => value !== 0)) for (let member = 0; member < count; member++) this.reset(member);
  }

  read(member: number, index: number, into: Float32Array, b: number, count: number): void {
    const { rows, size } = this.plan.states[index];
    const { f32 } = this.runtime;
    for (let r = 0; r < rows; r++) {
      const from = this.#at(member, index, r);
      into.set(f32.subarray(from, from + size), (r * count + b) * size);
    }
  }

  write(member: number, index: number, from: Float32Array, b: number, count: number): void {
    const { rows, size } = this.plan.states[index];
    for (let r = 0; r < rows; r++) {
      const at = (r * count + b) * size;
      this.runtime.f32.set(from.subarray(at, at + size), this.#at(member, index, r));
    }
  }

  reset(member: number): void {
    this.runtime.f32.set(this.image, this.#at(member));
  }

  copy(member: number, from: States, fromMember: number): void {
    const at = (from as ArenaStates).#at(fromMember);
    this.runtime.f32.copyWithin(this.#at(member), at, at + this.stride / 4);
  }

  trace(): TraceRows | undefined {
    const { traced, plan, runtime } = this;
    if (traced === undefined) return undefined;
    const { steps: capacity, stride, counter } = plan.ring;
    const { at } = traced.ring;
    const seen = runtime.u32[(at + counter) / 4];
    const steps = Math.min(seen, capacity);
    return new Map(
      plan.traces.map(({ name, column, size }) => {
        const data = new Float32Array(steps * size);
        for (let s = 0; s < steps; s++) {
          const from = (at + ((seen - steps + s) % capacity) * stride) / 4 + column;
          data.set(runtime.f32.subarray(from, from + size), s * size);
        }
        return [name, { shape: [steps, size], data }];
      }),
    );
  }

  dispose(): void {
    this.#block.free();
    this.traced?.ring.free();
    this.traced?.program.free();
  }

  /** Index in f32 of a member, or of row r of one of its states. */
  #at(member: number, index?: number, r = 0): number {
    const { offset, stride } = index === undefined ? { offset: 0, stride: 0 } : this.plan.states[index];
    return (this.base + member * this.stride + offset + r * stride) / 4;
  }
}
