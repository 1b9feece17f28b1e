/**
 * Model → Plan: where every byte lies, and the programs that the kernels walk. Plain data; it knows shapes and places,
 * never numbers, and is printed and tested without WebAssembly.
 *
 * A place is a region and an offset; the arena turns it into an address when it knows where its regions lie. Buffers are
 * planned for `rows` rows (steps × members). Weights keep their places whatever `rows` is, so a session that needs room for
 * more rows plans again and packs nothing twice.
 */

import { LANES, OP_CHECK_IDS, OP_COPY, OP_LINEAR, OP_LOOKUP, OP_TRACE } from "../assembly/abi.ts";
import { checkGraph, type Graph } from "./graph.ts";
import type { Model, Node } from "./model.ts";
import type { OpTable } from "./ops/core.ts";

/** Rows that live no longer than one layer, so that all layers share them: gate products, gathered states, cells' scratch. */
export type SharedRegion = "gx" | "hRows" | "cRows" | "nRows" | "mRows";

/** weights: written once. temporary: only while loading. io, scratch: rows. state: relative to a stream. ring: a stream's trace. */
export type Region = "weights" | "temporary" | "io" | "scratch" | SharedRegion | "state" | "ring";

export interface Place {
  readonly region: Region;
  readonly offset: number;
}

export type Operand = number | Place;

export interface ProgramRecord {
  readonly op: number;
  readonly operands: readonly Operand[];
}

/** Rows of one value: row r at place + r · stride. */
export interface Rows {
  readonly place: Place;
  /** Bytes, a multiple of 16; 4 for ids. */
  readonly stride: number;
  /** Elements of a row that mean something. */
  readonly size: number;
}

/** Rows firstRow … of a tensor; each block is padded with zero rows to a multiple of LANES. */
export interface Block {
  readonly tensor: string;
  readonly firstRow: number;
  readonly rows: number;
}

/** Likewise for a vector: the sum of the tensors' elements, zero where there are none. */
export interface VectorBlock {
  readonly tensors: readonly string[];
  readonly firstRow: number;
  readonly rows: number;
}

/** How a piece of the weights is made from tensors (src/pack.ts). */
export type Pack =
  | { readonly kind: "panels"; readonly at: Place; readonly blocks: readonly Block[]; readonly columns: number }
  | { readonly kind: "vector"; readonly at: Place; readonly blocks: readonly VectorBlock[] }
  | { readonly kind: "rows"; readonly at: Place; readonly tensor: string; readonly rows: number; readonly size: number }
  | { readonly kind: "normalisation"; readonly scale: Place; readonly shift: Place; readonly node: Node };

export interface StatePlan {
  readonly name: string;
  readonly offset: number;
  /** layers × directions rows of `size` elements, `stride` bytes apart. */
  readonly rows: number;
  readonly size: number;
  readonly stride: number;
}

export interface Plan {
  readonly rows: number;
  /** What every execution walks. */
  readonly program: readonly ProgramRecord[];
  /** The program with a trace of every node's output; the same kernels in the same order, so the same bits. */
  readonly traced: readonly ProgramRecord[];
  /** Run once after packing, over `rows` rows: embeddings folded into products. */
  readonly load: readonly { readonly rows: number; readonly program: readonly ProgramRecord[] }[];
  readonly packs: readonly Pack[];
  readonly inputs: readonly Rows[];
  readonly outputs: readonly Rows[];
  readonly states: readonly StatePlan[];
  /** The values that a trace shows: their columns in a step's row of the ring. */
  readonly traces: readonly { readonly name: string; readonly column: number; readonly size: number }[];
  /** A ring of `steps` rows, `stride` bytes apart, and the offset of the count of steps seen. */
  readonly ring: { readonly steps: number; readonly stride: number; readonly counter: number };
  readonly bytes: Readonly<Record<Region, number>>;
}

/** What an operator's `lower` may do. */
export interface Lowering {
  /** The rows of a value that exists. */
  value(name: string): Rows;
  /** Rows for a new value; an output's stand in io. */
  define(name: string, size: number): Rows;
  /** A second name for a value. */
  alias(name: string, of: string): void;
  /** A name that no value has. */
  fresh(): string;
  shared(region: SharedRegion, stride: number): Place;
  state(name: string, row: number): Place;
  /** A matrix packed in panels for gemm. */
  panels(blocks: readonly Block[], columns: number): Place;
  vector(blocks: readonly VectorBlock[]): Place;
  normalisation(node: Node): { readonly scale: Place; readonly shift: Place };
  /** ids → rows of a table, not emitted before somebody needs the rows themselves. */
  lookup(name: string, ids: string, table: string, count: number, size: number): void;
  /** y ← W·x + b; where x is an embedding, a row of W·table + b if that is smaller. `times`: how many products share x. */
  product(
    y: { readonly place: Operand; readonly stride: number },
    x: string,
    weights: readonly Block[],
    bias: readonly VectorBlock[],
    times: number,
  ): void;
  emit(op: number, ...operands: Operand[]): void;
}

interface Lookup {
  readonly ids: Rows;
  readonly table: string;
  readonly count: number;
  readonly size: number;
}

const vectorBytes = LANES * 4;

function align(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}

function paddedRows(blocks: readonly { readonly rows: number }[]): number {
  return blocks.reduce((sum, { rows }) => sum + align(rows, LANES), 0);
}

export function planModel(ops: OpTable, model: Model, rows: number, traceSteps = 0): Plan {
  const graph = checkGraph(ops, model.inputs, model.nodes, model.tensors);
  const bytes: Record<Region, number> = {
    weights: 0,
    temporary: 0,
    io: 0,
    scratch: 0,
    gx: 0,
    hRows: 0,
    cRows: 0,
    nRows: 0,
    mRows: 0,
    state: 0,
    ring: 0,
  };
  const take = (region: Region, size: number): Place => {
    const offset = bytes[region];
    bytes[region] += align(size, 64);
    return { region, offset };
  };

  const outputs = new Map(model.outputs.map(({ name }) => [name, ioRows(graph, name, rows, take)]));
  const inputs = model.inputs.map(({ name }) => ioRows(graph, name, rows, take));
  const states = planStates(model, take);
  const uses = countUses(model);

  const values = new Map<string, Rows>(model.inputs.map(({ name }, i) => [name, inputs[i]]));
  const lookups = new Map<string, Lookup>();
  const checks: ProgramRecord[] = [];
  const body: ProgramRecord[] = [];
  const packs: Pack[] = [];
  const load: { rows: number; program: ProgramRecord[] }[] = [];
  const traced: ProgramRecord[] = [];
  let names = 0;

  const to: Lowering = {
    value(name) {
      const lookup = lookups.get(name);
      if (lookup !== undefined) {
        lookups.delete(name);
        const y = to.define(name, lookup.size);
        const table = rowsOf(lookup, "weights");
        to.emit(OP_LOOKUP, y.place, y.stride, table, y.stride, lookup.ids.place, lookup.ids.stride);
      }
      return values.get(name) as Rows;
    },
    define(name, size) {
      const y = outputs.get(name) ?? scratchRows(size);
      values.set(name, y);
      return y;
    },
    alias(name, of) {
      values.set(name, to.value(of));
    },
    fresh: () => `\0${names++}`,
    shared(region, stride) {
      bytes[region] = Math.max(bytes[region], align(rows * stride, 64));
      return { region, offset: 0 };
    },
    state(name, row) {
      const state = states.find((one) => one.name === name) as StatePlan;
      return { region: "state", offset: state.offset + row * state.stride };
    },
    panels(blocks, columns) {
      const at = take("weights", paddedRows(blocks) * columns * 4);
      packs.push({ kind: "panels", at, blocks, columns });
      return at;
    },
    vector(blocks) {
      const at = take("weights", paddedRows(blocks) * 4);
      packs.push({ kind: "vector", at, blocks });
      return at;
    },
    normalisation(node) {
      const size = align((node.attrs.size as number) * 4, vectorBytes);
      const scale = take("weights", size);
      const shift = take("weights", size);
      packs.push({ kind: "normalisation", scale, shift, node });
      return { scale, shift };
    },
    lookup(name, ids, table, count, size) {
      const from = values.get(ids) as Rows;
      lookups.set(name, { ids: from, table, count, size });
      checks.push({ op: OP_CHECK_IDS, operands: [from.place, from.stride, count] });
      if (outputs.has(name) || (uses.get(name) ?? 0) !== 1) to.value(name);
    },
    product(y, x, weights, bias, times) {
      const n = paddedRows(weights);
      const lookup = lookups.get(x);
      if (lookup === undefined || lookup.count * n * times > lookup.count * lookup.size + n * times * lookup.size) {
        const from = to.value(x);
        to.emit(
          OP_LINEAR,
          y.place,
          y.stride,
          to.panels(weights, from.size),
          to.vector(bias),
          n,
          from.size,
          from.place,
          from.stride,
        );
        return;
      }
      const table = take("weights", lookup.count * n * 4);
      const at = take("temporary", n * lookup.size * 4);
      packs.push({ kind: "panels", at, blocks: weights, columns: lookup.size });
      const stride = align(lookup.size * 4, vectorBytes);
      const product = [table, n * 4, at, to.vector(bias), n, lookup.size, rowsOf(lookup, "temporary"), stride];
      load.push({ rows: lookup.count, program: [{ op: OP_LINEAR, operands: product }] });
      to.emit(OP_LOOKUP, y.place, y.stride, table, n * 4, lookup.ids.place, lookup.ids.stride);
    },
    emit(op, ...operands) {
      body.push({ op, operands });
    },
  };

  function scratchRows(size: number): Rows {
    const stride = align(size * 4, vectorBytes);
    return { place: take("scratch", rows * stride), stride, size };
  }

  function rowsOf({ table, count, size }: Lookup, region: Region): Place {
    const at = take(region, count * align(size * 4, vectorBytes));
    packs.push({ kind: "rows", at, tensor: table, rows: count, size });
    return at;
  }

  const { traces, ring, record: traceRecord } = planTrace(model, graph, traceSteps, take);
  for (const node of model.nodes) {
    const from = body.length;
    ops[node.op].lower(to, node);
    traced.push(...body.slice(from));
    const trace = traces.find(({ name }) => name === node.outputs[0]);
    if (trace !== undefined) traced.push(traceRecord(trace, to.value(trace.name)));
  }
  for (const [name, y] of outputs) {
    const x = to.value(name);
    if (x !== y) {
      const copy = { op: OP_COPY, operands: [y.place, y.stride, 0, x.place, x.stride, x.size] };
      body.push(copy);
      traced.push(copy);
    }
  }

  return {
    rows,
    program: [...checks, ...body],
    traced: traceSteps > 0 ? [...checks, ...traced] : [],
    load,
    packs,
    inputs,
    outputs: [...outputs.values()],
    states,
    traces,
    ring,
    bytes,
  };
}

function ioRows(graph: Graph, name: string, rows: number, take: (region: Region, size: number) => Place): Rows {
  const { size, ids } = graph.values.get(name) as { size: number; ids: boolean };
  const stride = ids ? 4 : align(size * 4, vectorBytes);
  return { place: take("io", rows * stride), stride, size };
}

/** Every node's output but an embedding's rows, which may never exist: a step's row of the ring holds one after another. */
function planTrace(model: Model, graph: Graph, steps: number, take: (region: Region, size: number) => Place) {
  const traces: { readonly name: string; readonly column: number; readonly size: number }[] = [];
  let column = 0;
  for (const { op, outputs } of steps > 0 ? model.nodes : []) {
    if (op === "embedding") continue;
    const { size } = graph.values.get(outputs[0]) as { size: number };
    traces.push({ name: outputs[0], column, size });
    column += size;
  }
  const stride = align(column * 4, vectorBytes);
  const at = take("ring", steps * stride);
  const counter = take("ring", 4);
  const record = (trace: (typeof traces)[number], x: Rows): ProgramRecord => {
    const advance = Number(trace === traces[traces.length - 1]);
    return {
      op: OP_TRACE,
      operands: [at, stride, trace.column * 4, steps, counter, advance, x.place, x.stride, x.size],
    };
  };
  return { traces, ring: { steps, stride, counter: counter.offset }, record };
}

function planStates(model: Model, take: (region: Region, size: number) => Place): StatePlan[] {
  let offset = 0;
  const states = model.states.map(({ name, shape: [rows, size] }) => {
    const stride = align(size * 4, vectorBytes);
    const state = { name, offset, rows, size, stride };
    offset += rows * stride;
    return state;
  });
  take("state", offset);
  return states;
}

function countUses(model: Model): Map<string, number> {
  const uses = new Map<string, number>();
  for (const node of model.nodes) for (const name of node.inputs) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}

/** A program as u32 words: rows, records, OP_END. `address` knows where the regions lie; states stay relative. */
export function encodeProgram(
  program: readonly ProgramRecord[],
  rows: number,
  address: (region: Exclude<Region, "state">) => number,
): Uint32Array {
  const words = [rows];
  for (const { op, operands } of program) {
    words.push(op, operands.length + 2);
    for (const operand of operands) {
      if (typeof operand === "number") words.push(operand);
      else if (operand.region === "state") words.push(operand.offset | 1);
      else words.push(address(operand.region) + operand.offset);
    }
  }
  words.push(0, 0);
  return Uint32Array.from(words);
}
