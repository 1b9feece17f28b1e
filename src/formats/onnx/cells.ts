/**
 * LSTM cells that are written out in products, parts and functions → the layer. What is found is exactly
 *
 *     c' = σ(f) ∘ c + σ(i) ∘ tanh(g)      h' = σ(o) ∘ tanh(c')      i, f, g, o: parts of W x + U h + b
 *
 * by its operators and shapes, never by names.
 */

import { emitStep } from "./emit-recurrent.ts";
import { transposed } from "./product.ts";
import { type OnnxOp, Step } from "./step.ts";
import { sizeOf, type Value } from "./value.ts";

/** A product of a value with a known matrix, (rows, columns). */
interface Product {
  readonly x: Value;
  readonly weight: Float32Array;
  readonly columns: number;
}

interface Cell {
  readonly x: Product;
  readonly h: Product;
  readonly c: Value;
  readonly bias: Float32Array;
  readonly hidden: number;
  /** Where i, f, g, o begin among the rows. */
  readonly gates: readonly number[];
}

/** The steps, with a step for each cell where c' was computed; what else needs its parts still finds them. */
export function fuseCells(steps: readonly Step[]): Step[] {
  const cells = new Map<Step | undefined, Step>();
  const replaced = new Set<Step>();
  for (const step of steps) {
    const found = step.node.op === "Mul" ? cellOf(step.outputs[0]) : undefined;
    if (!found || cells.has(found.next.step)) continue;
    const { cell, next } = found;
    const fused = new Step(step.node, layerOf(cell), step.version, step.reading);
    fused.inputs = [cell.x.x, cell.h.x, cell.c];
    fused.outputs = [step.outputs[0], next];
    cells.set(next.step, fused);
    replaced.add(step);
  }
  for (const fused of cells.values()) for (const value of fused.outputs) value.step = fused;
  return steps.filter((step) => !replaced.has(step)).map((step) => cells.get(step) ?? step);
}

/** The two inputs of a step, either way round. */
function* pairs(value: Value | undefined, op: string): Generator<readonly [Value, Value]> {
  if (value?.step?.node.op !== op || value.step.inputs.length !== 2) return;
  const [a, b] = value.step.inputs as [Value, Value];
  yield [a, b];
  yield [b, a];
}

/** What a function is of. */
function inside(value: Value, op: string): Value | undefined {
  return value.step?.node.op === op ? value.step.input(0) : undefined;
}

/** The cell whose h' a value is, and its c'. */
function cellOf(h: Value): { cell: Cell; next: Value } | undefined {
  for (const [gate, squashed] of pairs(h, "Mul")) {
    const o = inside(gate, "Sigmoid");
    const next = inside(squashed, "Tanh");
    if (!o || !next) continue;
    for (const [kept, added] of pairs(next, "Add")) {
      for (const [forget, c] of pairs(kept, "Mul")) {
        for (const [input, candidate] of pairs(added, "Mul")) {
          const parts = [inside(input, "Sigmoid"), inside(forget, "Sigmoid"), inside(candidate, "Tanh"), o];
          const cell = parts.every((part) => part !== undefined) ? read(parts as Value[], c) : undefined;
          if (cell) return { cell, next };
        }
      }
    }
  }
  return undefined;
}

function read(parts: readonly Value[], c: Value): Cell | undefined {
  const places = parts.map(partOf);
  const [first] = places;
  const hidden = parts[0].shape[parts[0].shape.length - 1];
  if (!first || !places.every((place) => place?.of === first.of)) return undefined;
  const rows = 4 * hidden;
  const { shape } = first.of;
  if (shape[shape.length - 1] !== rows || sizeOf(shape) !== rows || sizeOf(c.shape) !== hidden) return undefined;
  const gates = places.map((place) => place?.start ?? 0);
  if (parts.some((part) => part.shape[part.shape.length - 1] !== hidden) || new Set(gates).size !== 4) return undefined;
  const products: Product[] = [];
  const bias = new Float64Array(rows);
  if (!collect(first.of, rows, products, bias, 0) || products.length !== 2) return undefined;
  const k = products.findLastIndex(({ columns }) => columns === hidden);
  if (k < 0) return undefined;
  return { x: products[1 - k], h: products[k], c, bias: Float32Array.from(bias), hidden, gates };
}

/** What a value is a part of, along the last axis, and where it begins. */
function partOf({ step, name }: Value): { of: Value; start: number } | undefined {
  if (step?.node.op !== "Split" || step.row.fold === undefined) return undefined;
  const axis = step.int("axis", 0);
  const { shape } = step.input(0);
  if ((axis < 0 ? axis + shape.length : axis) !== shape.length - 1) return undefined;
  const index = step.outputs.findIndex((output) => output.name === name);
  const start = step.outputs.slice(0, index).reduce((sum, output) => sum + output.shape[shape.length - 1], 0);
  return { of: step.input(0), start };
}

/** Adds up what a sum is made of: two products at most, and known vectors. */
function collect(value: Value, rows: number, products: Product[], bias: Float64Array, depth: number): boolean {
  if (value.data) return addVector(value, bias);
  const { step } = value;
  if (!step || depth > 8) return false;
  if (step.node.op === "Add")
    return step.inputs.every((part) => part && collect(part, rows, products, bias, depth + 1));
  const [a, b, c] = step.inputs as [Value, Value, Value | undefined];
  if (!b?.data || b.shape.length !== 2 || products.length === 2) return false;
  const columns = a.shape[a.shape.length - 1];
  if (step.node.op === "MatMul") {
    products.push({ x: a, weight: transposed(b.data, columns, rows), columns });
    return sizeOf(a.shape) === columns;
  }
  const plain =
    step.node.op === "Gemm" && !step.int("transA", 0) && step.float("alpha", 1) === 1 && step.float("beta", 1) === 1;
  if (!plain || sizeOf(a.shape) !== columns) return false;
  products.push({
    x: a,
    weight: step.int("transB", 0) ? Float32Array.from(b.data) : transposed(b.data, columns, rows),
    columns,
  });
  return c === undefined || collect(c, rows, products, bias, depth + 1);
}

function addVector({ data, places }: Value, bias: Float64Array): boolean {
  if (!data || places || (data.length !== bias.length && data.length !== 1)) return false;
  for (let i = 0; i < bias.length; i++) bias[i] += data[data.length === 1 ? 0 : i];
  return true;
}

/** A row that becomes an lstm over its one step. */
const layerOf = ({ x, h, bias, hidden, gates }: Cell): OnnxOp => ({
  inputs: [3, 3],
  infer: () => [],
  emit: (step, to) => {
    const rows = (from: Float32Array, width: number) => {
      const out = new Float32Array(from.length);
      gates.forEach((start, gate) => {
        out.set(from.subarray(start * width, (start + hidden) * width), gate * hidden * width);
      });
      return out;
    };
    const all = 4 * hidden;
    emitStep(
      to,
      step,
      "lstm",
      [step.input(0), step.input(1), step.input(2)],
      { inputSize: x.columns, hiddenSize: hidden, bias: true },
      [
        ["weight_ih_l0", [all, x.columns], rows(x.weight, x.columns)],
        ["weight_hh_l0", [all, hidden], rows(h.weight, hidden)],
        ["bias_ih_l0", [all], rows(bias, 1)],
        ["bias_hh_l0", [all], new Float32Array(all)],
      ],
    );
  },
});
