/**
 * Model → Plan: where every byte lies, and the programs that the kernels walk. Plain data; it knows shapes and places,
 * never numbers, and is printed and tested without WebAssembly.
 *
 * A place is a region and an offset; the arena turns it into an address when it knows where its regions lie. Buffers are
 * planned for `rows` rows (steps × members). Weights keep their places whatever `rows` is, so a session that needs room for
 * more rows plans again and packs nothing twice.
 */

import { OP_CHECK_IDS, OP_COPY, OP_LINEAR, OP_LOOKUP, OP_PACK, OP_PACK_INT8, OP_TRACE } from "../assembly/abi.ts";
import { checkGraph } from "./graph.ts";
import { countUses, type Model, type Node } from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import {
  align,
  type Block,
  byUnits,
  int8Bytes,
  type Lookup,
  type Lowering,
  type Operand,
  type Place,
  type ProgramRecord,
  paddedBytes,
  quantizedBytes,
  REGIONS,
  type Region,
  type Rows,
  record,
} from "./program.ts";
import { elements } from "./tensor.ts";

/** One step of loading (src/pack.ts): a place is filled from tensors, or a program runs over what is there. */
export type Load =
  | { readonly kind: "rows"; readonly at: Place; readonly blocks: readonly Block[]; readonly columns: number }
  | {
      readonly kind: "int8";
      readonly at: Place;
      readonly scales: Place;
      readonly blocks: readonly Block[];
      readonly columns: number;
    }
  | { readonly kind: "table"; readonly at: Place; readonly lookup: Lookup }
  | { readonly kind: "normalisation"; readonly at: Place; readonly shift: Place; readonly node: Node }
  | { readonly kind: "integers"; readonly at: Place; readonly values: ArrayLike<number> }
  | { readonly kind: "program"; readonly rows: number; readonly record: ProgramRecord };

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
  /** How the weights come into memory, in this order. */
  readonly load: readonly Load[];
  readonly inputs: readonly Rows[];
  readonly outputs: readonly Rows[];
  readonly states: readonly StatePlan[];
  /** The values that a trace shows: their columns in a step's row of the ring. */
  readonly traces: readonly { readonly name: string; readonly column: number; readonly size: number }[];
  /** A ring of `steps` rows, `stride` bytes apart, and the offset of the count of steps seen. */
  readonly ring: { readonly steps: number; readonly stride: number; readonly counter: number };
  readonly bytes: Readonly<Record<Region, number>>;
}

const blockBytes = (blocks: readonly Block[]) => blocks.reduce((sum, { rows }) => sum + paddedBytes(rows), 0);

export function planModel(ops: OpTable, model: Model, rows: number, traceSteps = 0): Plan {
  const graph = checkGraph(ops, model);
  const bytes = Object.fromEntries(REGIONS.map((region) => [region, 0])) as Record<Region, number>;
  const take = (region: Region, size: number): Place => {
    const offset = bytes[region];
    bytes[region] += align(size, 64);
    return { region, offset };
  };
  const sizeOf = (name: string) => graph.values.get(name)?.size as number;
  const rowsIn = (region: Region, size: number, stride = paddedBytes(size)): Rows => ({
    place: take(region, rows * stride),
    stride,
    size,
  });

  const inputs = model.inputs.map(({ name, dtype }) =>
    rowsIn("io", sizeOf(name), dtype === "I32" && sizeOf(name) === 1 ? 4 : undefined),
  );
  const outputs = new Map(model.outputs.map(({ name }) => [name, rowsIn("io", sizeOf(name))]));
  let stateBytes = 0;
  const states = model.states.map(({ name, shape, input }) => {
    const [count, size] = input === undefined ? shape : [1, elements(shape)];
    const stride = paddedBytes(size);
    stateBytes += count * stride;
    return { name, offset: stateBytes - count * stride, rows: count, size, stride };
  });
  take("state", stateBytes);

  const values = new Map(model.inputs.map(({ name }, i) => [name, inputs[i]]));
  const lookups = new Map<string, Lookup>();
  const checks: ProgramRecord[] = [];
  const body: ProgramRecord[] = [];
  const load: Load[] = [];
  const uses = countUses(model);
  let names = 0;

  const isInt8 = ([{ tensors }]: readonly Block[]) => model.tensors.get(tensors[0])?.scale !== undefined;
  /** An embedding that a product with it takes in: W · table is no larger than the table and W. */
  const folds = (x: string, weights: readonly Block[], times: number): Lookup | undefined => {
    const n = (blockBytes(weights) / 4) * times;
    const lookup = lookups.get(x);
    const { count, size } = lookup ?? { count: 0, size: 0 };
    return count * n > size * (count + (isInt8(weights) ? n / 4 : n)) ? undefined : lookup;
  };
  const table = (region: Region, lookup: Lookup): Place => {
    const at = take(region, lookup.count * paddedBytes(lookup.size));
    load.push({ kind: "table", at, lookup });
    return at;
  };
  const runOnce = (rows: number, op: number, ...operands: Operand[]) => {
    load.push({ kind: "program", rows, record: record(op, ...operands) });
  };
  const panels = (region: Region, blocks: readonly Block[], columns: number, units = false): Place => {
    const n = blockBytes(blocks) / 4;
    if (isInt8(blocks)) {
      const at = take(region, int8Bytes(n, columns));
      const matrix = to.shared("matrix", (align(n * columns, 16) + n * 4) / rows);
      const scales = { ...matrix, offset: align(n * columns, 16) };
      load.push({ kind: "int8", at: matrix, scales, blocks, columns });
      runOnce(0, OP_PACK_INT8, at, matrix, scales, n, columns);
      return at;
    }
    const size = n * 4 * columns;
    const at = take(region, size);
    const matrix = to.shared("matrix", size / rows);
    load.push({ kind: "rows", at: matrix, blocks: units ? byUnits(blocks) : blocks, columns });
    runOnce(0, OP_PACK, at, matrix, n, columns, Number(units));
    return at;
  };

  const to: Lowering = {
    value(name) {
      const lookup = lookups.get(name);
      if (lookup !== undefined) {
        lookups.delete(name);
        const y = to.define(name, lookup.size);
        const ids = to.value(lookup.ids);
        to.emit(OP_LOOKUP, y, table("weights", lookup), y.stride, ids);
      }
      return values.get(name) as Rows;
    },
    define(name, size) {
      const y = outputs.get(name) ?? rowsIn("scratch", size);
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
      const { offset, stride } = states.find((state) => state.name === name) as StatePlan;
      return { region: "state", offset: offset + row * stride };
    },
    panels: (blocks, columns, units) => panels("weights", blocks, columns, units),
    vector(blocks) {
      const at = take("weights", blockBytes(blocks));
      load.push({ kind: "rows", at, blocks, columns: 1 });
      return at;
    },
    quantized: (tensor, k) => (model.tensors.get(tensor)?.scale ? to.shared("q", quantizedBytes(k)) : 0),
    normalisation(node) {
      const size = paddedBytes(node.attrs.size as number);
      const at = take("weights", size);
      const shift = take("weights", size);
      load.push({ kind: "normalisation", at, shift, node });
      return [at, shift];
    },
    lookup(name, lookup) {
      const ids = to.value(lookup.ids);
      checks.push(record(OP_CHECK_IDS, ids, lookup.count));
      lookups.set(name, lookup);
      if (outputs.has(name) || uses.get(name) !== 1) to.value(name);
    },
    input(gx, x, weights, bias, times, units) {
      if (isInt8(weights) || folds(x, weights, times)) {
        to.product(gx, x, weights, bias, times);
        return [0, 0, 0, 0, 0];
      }
      const rows = to.value(x);
      return [rows, rows.size, to.panels(weights, rows.size, units), to.vector(bias)];
    },
    product(y, x, weights, bias, times) {
      const stride = blockBytes(weights);
      const n = stride / 4;
      const lookup = folds(x, weights, times);
      if (lookup === undefined) {
        const rows = to.value(x);
        const { size } = rows;
        const q = isInt8(weights) ? to.shared("q", quantizedBytes(size)) : 0;
        to.emit(OP_LINEAR, y, to.panels(weights, size), to.vector(bias), n, size, rows, q);
        return;
      }
      const { count, size, ids } = lookup;
      const folded = take("weights", count * stride);
      const at = panels("temporary", weights, size);
      const b = to.vector(bias);
      const rowsOf = table("temporary", lookup);
      // Nothing stands in `matrix` any more.
      const q = isInt8(weights) ? to.shared("matrix", (count * quantizedBytes(size)) / rows) : 0;
      runOnce(count, OP_LINEAR, folded, stride, at, b, n, size, rowsOf, paddedBytes(size), q);
      to.emit(OP_LOOKUP, y, folded, stride, to.value(ids));
    },
    emit(op, ...operands) {
      body.push(record(op, ...operands));
    },
  };
  const frame = { model, rows, values, outputs, uses, load, body, checks, states, stateBytes, to, take, runOnce };
  const more = ops.constant?.graph?.extend({ ...frame, shapes: graph.values });
  Object.assign(to, more?.lowering);
  // A trace shows every node's output but an embedding's rows, which may never exist.
  const traces: Plan["traces"][number][] = [];
  let column = 0;
  for (const { op, outputs } of traceSteps > 0 ? model.nodes : []) {
    const [name] = outputs;
    if (op === "embedding" || op === "constant" || graph.values.get(name)?.ids !== false) continue;
    traces.push({ name, column, size: sizeOf(name) });
    column += sizeOf(name);
  }
  const stride = paddedBytes(column);
  const ring = take("ring", traceSteps * stride);
  const counter = take("ring", 4);

  more?.begin();
  const traced: ProgramRecord[] = [...body];
  for (const node of model.nodes) {
    const from = body.length;
    ops[node.op].lower(to, node);
    traced.push(...body.slice(from));
    more?.after(node);
    const one = traces.find(({ name }) => name === node.outputs[0]);
    if (one === undefined) continue;
    const x = to.value(one.name);
    const last = Number(one === traces[traces.length - 1]);
    traced.push(record(OP_TRACE, ring, stride, one.column * 4, traceSteps, counter, last, x, x.size));
  }
  const copies: ProgramRecord[] = [];
  for (const [name, y] of outputs) {
    const x = to.value(name);
    if (x !== y) copies.push(record(OP_COPY, y, 0, x, x.size));
  }
  more?.end(copies);

  return {
    rows,
    program: [...checks, ...body, ...copies],
    traced: [...checks, ...traced, ...copies],
    load,
    inputs,
    outputs: [...outputs.values()],
    states,
    traces,
    ring: { steps: traceSteps, stride, counter: counter.offset },
    bytes,
  };
}
