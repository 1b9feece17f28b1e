/**
 * The engine over WebAssembly: a Plan laid into linear memory. It turns places into addresses, packs the weights, writes
 * the programs, and keeps the typed-array views of io fresh when memory grows.
 */

import { MEMBER_BYTES } from "../assembly/abi.ts";
import type { Engine, IoRegion, States, TraceRows } from "./engine.ts";
import { isQuantized, type Model } from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import { loadWeights, setRows } from "./pack.ts";
import { type Plan, planModel } from "./plan.ts";
import { align, encodeProgram, type Place, type ProgramRecord, type Region, type Rows, WORKING } from "./program.ts";
import type { Runtime } from "./runtime.ts";
import { toF32 } from "./tensor.ts";

/** Bytes of the longest program of one record that loading runs. */
export const ONCE_BYTES = 256;

/** Of a model whose weights are as they are to be packed (src/quantize.ts). */
export function createArena(ops: OpTable, model: Model, runtime: Runtime, rows: number): Engine {
  return holding(runtime, (hold) => layArena(ops, model, hold, runtime, rows));
}

function layArena(ops: OpTable, model: Model, hold: Hold, runtime: Runtime, rows: number): Engine {
  const { kernels } = runtime;
  // Looked up once: an exports object is a dictionary, and slow to ask.
  const { execute, executeGroup } = kernels;

  /** A program in memory of its own. */
  const write = (hold: Hold, program: readonly ProgramRecord[], rows: number, bases: Bases): Block => {
    const words = encodeProgram(program, rows, (region) => bases[region] as number);
    const block = hold(words.byteLength);
    runtime.u32.set(words, block.at / 4);
    return block;
  };

  let plan = planModel(ops, model, rows);
  const weights = hold(plan.bytes.weights);
  const temporary = hold(plan.bytes.temporary);
  const matrix = hold(plan.bytes.matrix);
  // Its place is taken before the copies, which hold a view of memory: nothing may grow it meanwhile.
  const once = hold(ONCE_BYTES);
  let bases: Bases = { weights: weights.at, temporary: temporary.at, matrix: matrix.at };
  const address = (region: Region) => bases[region] as number;
  const at = ({ region, offset }: Place) => address(region) + offset;
  loadWeights(plan.load, model.tensors, runtime.f32, at, (record, rows) => {
    runtime.u32.set(encodeProgram([record], rows, address), once.at / 4);
    execute(once.at, 0, rows);
  });
  for (const block of [once, temporary, matrix]) block.free();
  const image = initialState(model, plan);

  /** A member table and the working regions of a plan, and its program; the old ones go when the new ones stand. */
  const layOut = (next: Plan, old: readonly Block[]) =>
    holding(runtime, (hold) => {
      const members = align(next.rows * MEMBER_BYTES, 64);
      const working = hold(WORKING.reduce((sum, region) => sum + next.bytes[region], members));
      const places = { ...bases };
      let at = working.at + members;
      for (const region of WORKING) {
        places[region] = at;
        at += next.bytes[region];
      }
      const program = write(hold, next.program, next.rows, places);
      for (const block of old) block.free();
      bases = places;
      return { working, program };
    });
  let { working, program } = layOut(plan, []);

  const view = ({ place, stride, size }: Rows, ids: boolean): IoRegion => {
    const Numbers = ids ? Int32Array : Float32Array;
    const data = new Numbers(kernels.memory.buffer, address(place.region) + place.offset, (plan.rows * stride) / 4);
    return { data, stride: stride / 4, row: data.subarray(0, size) };
  };

  // Without accessors: they would make it a dictionary, and V8 takes 10 ns to find a function in one.
  const engine: { -readonly [K in keyof Engine]: Engine[K] } = {
    variant: runtime.variant,
    precision: isQuantized(model) ? "int8" : "f32",
    inputs: [],
    outputs: [],
    rows: plan.rows,
    bytes() {
      const { weights, io, state } = plan.bytes;
      return { weights, programs: program.bytes, io, scratch: working.bytes - io, statePerStream: state };
    },
    reserve(rows) {
      if (rows <= plan.rows) return;
      const next = planModel(ops, model, rows);
      ({ working, program } = layOut(next, [working, program]));
      plan = next;
      engine.rows = plan.rows;
      renew();
    },
    createStates: (count, traceSteps = 0) =>
      holding(runtime, (hold, held) => {
        const block = hold(plan.bytes.state * count);
        if (traceSteps === 0) return new ArenaStates(runtime, plan, image, count, block, held);
        const traced = planModel(ops, model, plan.rows, traceSteps);
        const ring = hold(traced.bytes.ring);
        const program = write(hold, traced.traced, plan.rows, { ...bases, ring: ring.at });
        return new ArenaStates(runtime, traced, image, count, block, held, ring.at, program.at);
      }),
    execute(states, steps) {
      const { base, program: traced } = states as ArenaStates;
      return execute(traced === 0 ? program.at : traced, base, steps);
    },
    executeGroup(states, indices, first, count, steps, lengths) {
      const { base, stride } = states as ArenaStates;
      const { u32 } = runtime;
      let at = working.at / 4;
      for (let j = first; j < first + count; j++) {
        u32[at++] = base + (indices === null ? j : indices[j]) * stride;
        u32[at++] = lengths === null ? steps : lengths[j];
      }
      return executeGroup(program.at, working.at, count, steps);
    },
    dispose() {
      runtime.grown.delete(renew);
      working.free();
      program.free();
      weights.free();
    },
  };
  const renew = () => {
    engine.inputs = plan.inputs.map((rows, i) => view(rows, model.inputs[i].dtype === "I32"));
    engine.outputs = plan.outputs.map((rows) => view(rows, false));
  };
  renew();
  runtime.grown.add(renew);
  return engine;
}

/** The padded initial state of one member. */
export function initialState(model: Model, plan: Plan): Float32Array {
  const image = new Float32Array(plan.bytes.state / 4);
  model.states.forEach(({ initial = "" }, i) => {
    const tensor = model.tensors.get(initial);
    const { offset, size } = plan.states[i];
    if (tensor) setRows(image, offset / 4, toF32(tensor), size);
  });
  return image;
}

/** Where regions begin. */
type Bases = Partial<Record<Region, number>>;

/** Bytes of linear memory that are ours until they are given back. */
interface Block {
  readonly at: number;
  readonly bytes: number;
  free(): void;
}

type Hold = (bytes: number) => Block;

/** Runs what takes blocks; where it fails, those that it holds are given back. */
function holding<T>(runtime: Runtime, use: (hold: Hold, held: ReadonlySet<Block>) => T): T {
  const held = new Set<Block>();
  const hold = (bytes: number): Block => {
    const block: Block = {
      at: runtime.allocate(bytes),
      bytes,
      free() {
        if (held.delete(block)) runtime.free(block.at, bytes);
      },
    };
    held.add(block);
    return block;
  };
  try {
    return use(hold, held);
  } catch (error) {
    for (const block of held) block.free();
    throw error;
  }
}

export class ArenaStates implements States {
  readonly base: number;
  /** Bytes from one member to the next. */
  readonly stride: number;

  /** `ring` and `program`: of the trace, 0 where there is none. */
  constructor(
    private readonly runtime: Runtime,
    private readonly plan: Plan,
    private readonly image: Float32Array,
    readonly count: number,
    block: Block,
    private readonly held: ReadonlySet<Block>,
    private readonly ring = 0,
    readonly program = 0,
  ) {
    this.stride = plan.bytes.state;
    this.base = block.at;
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
    const { ring: at, plan, runtime } = this;
    if (this.program === 0) return undefined;
    const { steps: capacity, stride, counter } = plan.ring;
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
    for (const block of this.held) block.free();
  }

  /** Index in f32 of a member, or of row r of one of its states. */
  #at(member: number, index?: number, r = 0): number {
    const { offset, stride } = index === undefined ? { offset: 0, stride: 0 } : this.plan.states[index];
    return (this.base + member * this.stride + offset + r * stride) / 4;
  }
}
