/**
 * The engine over WebAssembly: a Plan laid into linear memory. It turns places into addresses, packs the weights, writes
 * the programs, and keeps the typed-array views of io fresh when memory grows.
 */

import { MEMBER_BYTES } from "../assembly/abi.ts";
import type { Engine, IoRegion, States, TraceRows } from "./engine.ts";
import { foldBatchNorms } from "./fold.ts";
import type { Model } from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import { packWeights } from "./pack.ts";
import { encodeProgram, type Plan, planModel, type Region, type Rows } from "./plan.ts";
import type { Runtime } from "./runtime.ts";
import { type Tensor, toF32 } from "./tensor.ts";

/** Regions that depend on the number of rows, in the order in which they lie. */
const WORKING: readonly Region[] = ["io", "scratch", "gx", "hRows", "cRows", "nRows", "mRows"];

/** Where a plan's working regions lie: one allocation for programs, member table and rows. */
interface Working {
  readonly at: number;
  readonly bytes: number;
  readonly program: number;
  readonly programBytes: number;
  readonly members: number;
  readonly bases: Readonly<Record<string, number>>;
}

export function createArena(ops: OpTable, given: Model, runtime: Runtime, rows: number): Engine {
  const model = foldBatchNorms(given);
  let plan = planModel(ops, model, rows);
  const weights = runtime.allocate(plan.bytes.weights);
  load(plan, model.tensors, runtime, weights);
  let working = layOut(plan, runtime, weights);
  let inputs: readonly IoRegion[] = [];
  let outputs: readonly IoRegion[] = [];
  const image = initialState(plan, model);

  const view = (region: readonly Rows[], ids: (i: number) => boolean): IoRegion[] => {
    const { buffer } = runtime.f32;
    return region.map(({ place, stride, size }, i) => {
      const Numbers = ids(i) ? Int32Array : Float32Array;
      const at = working.bases[place.region] + place.offset;
      const data = new Numbers(buffer as ArrayBuffer, at, (plan.rows * stride) / 4);
      return { data, stride: stride / 4, row: data.subarray(0, size) };
    });
  };
  const renew = () => {
    inputs = view(plan.inputs, (i) => model.inputs[i].dtype === "I32");
    outputs = view(plan.outputs, () => false);
  };
  renew();

  const { execute, executeGroup } = runtime.kernels;
  return {
    variant: runtime.variant,
    get bytes() {
      return {
        weights: plan.bytes.weights,
        programs: working.programBytes,
        io: plan.bytes.io,
        scratch: working.bytes - working.programBytes - plan.bytes.io,
        statePerStream: plan.bytes.state,
      };
    },
    get rows() {
      return plan.rows;
    },
    get inputs() {
      if (inputs[0].data.length === 0) renew();
      return inputs;
    },
    get outputs() {
      if (outputs[0].data.length === 0) renew();
      return outputs;
    },
    reserve(needed) {
      if (needed <= plan.rows) return;
      runtime.free(working.at, working.bytes);
      plan = planModel(ops, model, needed);
      working = layOut(plan, runtime, weights);
      renew();
    },
    createStates(count, traceSteps = 0) {
      const traced = traceSteps > 0 ? planModel(ops, model, plan.rows, traceSteps) : undefined;
      return new ArenaStates(runtime, plan, image, count, traced && new Trace(runtime, traced, weights, working.bases));
    },
    execute(states, steps) {
      const { base, program } = states as ArenaStates;
      return execute(program === 0 ? working.program : program, base, steps);
    },
    executeGroup(states, members, first, count, steps, lengths) {
      const { base, stride } = states as ArenaStates;
      const { u32 } = runtime;
      let at = working.members / 4;
      for (let j = first; j < first + count; j++) {
        u32[at++] = base + (members === null ? j : members[j]) * stride;
        u32[at++] = lengths === null ? steps : lengths[j];
      }
      return executeGroup(working.program, working.members, count, steps);
    },
    dispose() {
      runtime.free(working.at, working.bytes);
      runtime.free(weights, plan.bytes.weights);
    },
  };
}

/** Fills the weights: packed tensors, then what the load programs compute from them. */
function load(plan: Plan, tensors: ReadonlyMap<string, Tensor>, runtime: Runtime, weights: number): void {
  const temporary = plan.bytes.temporary > 0 ? runtime.allocate(plan.bytes.temporary) : 0;
  const address = (region: Region) => (region === "weights" ? weights : temporary);
  packWeights(plan.packs, tensors, runtime.f32, ({ region, offset }) => address(region) + offset);
  for (const { rows, program } of plan.load) {
    const words = encodeProgram(program, rows, address);
    const at = runtime.allocate(words.byteLength);
    runtime.u32.set(words, at / 4);
    runtime.kernels.execute(at, 0, rows);
    runtime.free(at, words.byteLength);
  }
  if (temporary > 0) runtime.free(temporary, plan.bytes.temporary);
}

function layOut(plan: Plan, runtime: Runtime, weights: number): Working {
  const words = encodeProgram(plan.program, plan.rows, () => 0).length;
  const programBytes = Math.ceil(words / 16) * 64;
  const memberBytes = Math.ceil((plan.rows * MEMBER_BYTES) / 64) * 64;
  const bytes = programBytes + memberBytes + WORKING.reduce((sum, region) => sum + plan.bytes[region], 0);
  const at = runtime.allocate(bytes);
  const bases: Record<string, number> = { weights };
  let next = at + programBytes + memberBytes;
  for (const region of WORKING) {
    bases[region] = next;
    next += plan.bytes[region];
  }
  runtime.u32.set(
    encodeProgram(plan.program, plan.rows, (region) => bases[region]),
    at / 4,
  );
  return { at, bytes, program: at, programBytes, members: at + programBytes, bases };
}

/** The padded initial state, or undefined where all of it is zero. */
function initialState(plan: Plan, model: Model): Float32Array | undefined {
  const image = new Float32Array(plan.bytes.state / 4);
  let any = false;
  model.states.forEach(({ initial }, index) => {
    const tensor = initial === undefined ? undefined : model.tensors.get(initial);
    if (tensor === undefined) return;
    any = true;
    const { offset, rows, size, stride } = plan.states[index];
    const data = toF32(tensor);
    for (let r = 0; r < rows; r++) image.set(data.subarray(r * size, (r + 1) * size), (offset + r * stride) / 4);
  });
  return any ? image : undefined;
}

/** The traced program of one stream and its ring. */
class Trace {
  readonly program: number;
  readonly #runtime: Runtime;
  readonly #plan: Plan;
  readonly #ring: number;
  readonly #programBytes: number;

  constructor(runtime: Runtime, plan: Plan, weights: number, bases: Readonly<Record<string, number>>) {
    this.#runtime = runtime;
    this.#plan = plan;
    this.#ring = runtime.allocate(plan.bytes.ring);
    const places: Record<string, number> = { ...bases, weights, ring: this.#ring };
    const words = encodeProgram(plan.traced, plan.rows, (region) => places[region]);
    this.#programBytes = words.byteLength;
    this.program = runtime.allocate(words.byteLength);
    runtime.u32.set(words, this.program / 4);
  }

  read(): TraceRows {
    const { traces, ring } = this.#plan;
    const { f32, u32 } = this.#runtime;
    const seen = u32[(this.#ring + ring.counter) / 4];
    const steps = Math.min(seen, ring.steps);
    return new Map(
      traces.map(({ name, column, size }) => {
        const data = new Float32Array(steps * size);
        for (let s = 0; s < steps; s++) {
          const at = (this.#ring + ((seen - steps + s) % ring.steps) * ring.stride) / 4 + column;
          data.set(f32.subarray(at, at + size), s * size);
        }
        return [name, { shape: [steps, size], data }];
      }),
    );
  }

  dispose(): void {
    this.#runtime.free(this.program, this.#programBytes);
    this.#runtime.free(this.#ring, this.#plan.bytes.ring);
  }
}

class ArenaStates implements States {
  readonly base: number;
  /** Bytes from one member to the next. */
  readonly stride: number;
  /** The traced program, 0 where the stream is not traced. */
  readonly program: number;
  readonly #trace: Trace | undefined;
  readonly #runtime: Runtime;
  readonly #plan: Plan;
  readonly #image: Float32Array | undefined;

  constructor(
    runtime: Runtime,
    plan: Plan,
    image: Float32Array | undefined,
    readonly count: number,
    trace?: Trace,
  ) {
    this.#runtime = runtime;
    this.#plan = plan;
    this.#image = image;
    this.stride = plan.bytes.state;
    this.base = runtime.allocate(this.stride * count);
    this.#trace = trace;
    this.program = trace?.program ?? 0;
    if (image !== undefined) for (let member = 0; member < count; member++) this.reset(member);
  }

  read(member: number, index: number, into: Float32Array): void {
    const { rows, size } = this.#plan.states[index];
    const { f32 } = this.#runtime;
    for (let r = 0; r < rows; r++) {
      const at = this.#row(member, index, r);
      for (let i = 0; i < size; i++) into[r * size + i] = f32[at + i];
    }
  }

  write(member: number, index: number, from: Float32Array): void {
    const { rows, size } = this.#plan.states[index];
    const { f32 } = this.#runtime;
    for (let r = 0; r < rows; r++) {
      const at = this.#row(member, index, r);
      for (let i = 0; i < size; i++) f32[at + i] = from[r * size + i];
    }
  }

  reset(member: number): void {
    const at = (this.base + member * this.stride) / 4;
    if (this.#image === undefined) this.#runtime.f32.fill(0, at, at + this.stride / 4);
    else this.#runtime.f32.set(this.#image, at);
  }

  copy(member: number, from: States, fromMember: number): void {
    const { base, stride } = from as ArenaStates;
    const at = (base + fromMember * stride) / 4;
    this.#runtime.f32.copyWithin((this.base + member * this.stride) / 4, at, at + stride / 4);
  }

  trace(): TraceRows | undefined {
    return this.#trace?.read();
  }

  dispose(): void {
    this.#runtime.free(this.base, this.stride * this.count);
    this.#trace?.dispose();
  }

  /** Index in f32 of row r of a state. */
  #row(member: number, index: number, r: number): number {
    const { offset, stride } = this.#plan.states[index];
    return (this.base + member * this.stride + offset + r * stride) / 4;
  }
}
