/**
 * A plan in the making: regions that grow as places are taken, rows for inputs, outputs and states, and what operators become
 * records with (Lowering). An embedding is no record until somebody needs its rows, since a product may take its table in.
 */

import { OP_CHECK_IDS, OP_LINEAR, OP_LOOKUP, OP_PACK, OP_PACK_INT8 } from "../assembly/abi.ts";
import type { GraphValue } from "./graph.ts";
import { countUses, type Model, type Node } from "./model.ts";
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

export interface PlanFrame {
  readonly model: Model;
  readonly rows: number;
  readonly shapes: ReadonlyMap<string, GraphValue>;
  readonly bytes: Record<Region, number>;
  readonly inputs: readonly Rows[];
  readonly outputs: ReadonlyMap<string, Rows>;
  /** Where the rows of each value lie that has some. */
  readonly values: Map<string, Rows>;
  readonly uses: ReadonlyMap<string, number>;
  readonly states: readonly StatePlan[];
  readonly stateBytes: number;
  readonly load: Load[];
  /** Records that stand before all others, and those of the nodes. */
  readonly checks: ProgramRecord[];
  readonly body: readonly ProgramRecord[];
  readonly to: Lowering;
  take(region: Region, bytes: number): Place;
  runOnce(rows: number, op: number, ...operands: Operand[]): void;
}

const blockBytes = (blocks: readonly Block[]) => blocks.reduce((sum, { rows }) => sum + paddedBytes(rows), 0);

/** With buffers for `rows` rows, and no record yet. */
export function createFrame(model: Model, shapes: ReadonlyMap<string, GraphValue>, rows: number): PlanFrame {
  const bytes = Object.fromEntries(REGIONS.map((region) => [region, 0])) as Record<Region, number>;
  const take = (region: Region, size: number): Place => {
    const offset = bytes[region];
    bytes[region] += align(size, 64);
    return { region, offset };
  };
  const sizeOf = (name: string) => (shapes.get(name) as GraphValue).size;
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
  return {
    model,
    rows,
    shapes,
    bytes,
    inputs,
    outputs,
    values,
    uses,
    states,
    stateBytes,
    load,
    checks,
    body,
    to,
    take,
    runOnce,
  };
}
