/**
 * Cells that are written out in products, parts and functions → the layer. What is found is exactly
 *
 *     LSTM   c' = σ(f) ∘ c + σ(i) ∘ tanh(g)      h' = σ(o) ∘ tanh(c')       i, f, g, o linear in x and h
 *     GRU    h' = (1 − z) ∘ n + z ∘ h, or n + z ∘ (h − n)                   z = σ(…), r = σ(…) linear in x and h
 *            n = tanh(linear in x + r ∘ (linear in h)), or tanh(linear in x and r ∘ h)
 *
 * by its operators and shapes, never by names.
 */

import { elements } from "../../tensor.ts";
import { emitStep } from "./emit-recurrent.ts";
import { base, type Linear, linearOf } from "./linear.ts";
import { type OnnxOp, Step } from "./step.ts";
import type { Value } from "./value.ts";

/** A cell: what it reads, what it gives, and the layer over its one step. */
interface Cell {
  readonly inputs: readonly Value[];
  /** The state that is computed first: the layer stands in its place. */
  readonly outputs: readonly Value[];
  readonly at: Step;
  readonly row: OnnxOp;
}

/** The steps, with a step for each cell; what else needs its parts still finds them. */
export function fuseCells(steps: readonly Step[]): Step[] {
  const cells = new Map<Step, Step>();
  const replaced = new Set<Step>();
  for (const step of steps) {
    const cell = lstmOf(step.outputs[0]) ?? gruOf(step.outputs[0]);
    if (!cell || cells.has(cell.at)) continue;
    const fused = new Step(step.node, cell.row, step.version, step.reading);
    fused.inputs = [...cell.inputs];
    fused.outputs = [...cell.outputs];
    cells.set(cell.at, fused);
    if (cell.at !== step) replaced.add(step);
  }
  for (const fused of cells.values()) for (const value of fused.outputs) value.step = fused;
  return steps.filter((step) => !replaced.has(step)).map((step) => cells.get(step) ?? step);
}

/** The two inputs of a step, either way round. */
function* pairs(value: Value | undefined, op: string): Generator<readonly [Value, Value]> {
  if (value?.data || value?.step?.node.op !== op || value.step.inputs.length !== 2) return;
  const [a, b] = value.step.inputs as [Value, Value];
  yield [a, b];
  yield [b, a];
}

/** What a function is of. */
function inside(value: Value, op: string): Value | undefined {
  return !value.data && value.step?.node.op === op ? value.step.input(0) : undefined;
}

/** a − b. */
function difference(value: Value): readonly [Value, Value] | undefined {
  if (value.data || value.step?.node.op !== "Sub") return undefined;
  return [value.step.input(0), value.step.input(1)];
}

const isOne = ({ data, places }: Value) => !places && data?.length === 1 && data[0] === 1;

/** One row of so many numbers. */
const fits = ({ shape }: Value, size: number) => elements(shape) === size;

/** The cell whose h' a value is. */
function lstmOf(h: Value): Cell | undefined {
  for (const [gate, squashed] of pairs(h, "Mul")) {
    const o = inside(gate, "Sigmoid");
    const next = inside(squashed, "Tanh");
    if (!o || !next) continue;
    for (const [kept, added] of pairs(next, "Add")) {
      for (const [forget, c] of pairs(kept, "Mul")) {
        for (const [input, candidate] of pairs(added, "Mul")) {
          const parts = [inside(input, "Sigmoid"), inside(forget, "Sigmoid"), inside(candidate, "Tanh"), o];
          const cell = parts.every((part) => part !== undefined) ? readLstm(parts, c, h, next) : undefined;
          if (cell) return cell;
        }
      }
    }
  }
  return undefined;
}

function readLstm(parts: readonly Value[], c: Value, h: Value, next: Value): Cell | undefined {
  const hidden = elements(h.shape);
  if (!fits(c, hidden) || c.data || !parts.every((part) => fits(part, hidden))) return undefined;
  const gates = parts.map(linearOf);
  const [first] = gates;
  if (!first || !gates.every((gate) => gate?.products.size === 2)) return undefined;
  const read = [...first.products.keys()];
  const k = read.findLastIndex(({ shape }) => elements(shape) === hidden);
  if (k < 0 || !gates.every((gate) => read.every((value) => gate?.products.has(value)))) return undefined;
  const [x, state] = [read[1 - k], read[k]];
  return {
    inputs: [x, state, c],
    outputs: [h, next],
    at: next.step as Step,
    row: layerOf("lstm", gates as Linear[], x, state, {}),
  };
}

/** The cell whose h' a value is. */
function gruOf(h: Value): Cell | undefined {
  for (const [a, b] of pairs(h, "Add")) {
    for (const [gate, n, state] of interpolations(a, b)) {
      const [z, candidate] = [inside(gate, "Sigmoid"), inside(n, "Tanh")];
      const cell = z && candidate && readGru(z, candidate, state, h);
      if (cell) return cell;
    }
  }
  return undefined;
}

/** z, n and h of (1 − z) ∘ n + z ∘ h in its forms; a and b are what is added. */
function* interpolations(a: Value, b: Value): Generator<readonly [z: Value, n: Value, h: Value]> {
  for (const [z, other] of pairs(b, "Mul")) {
    // n + z ∘ (h − n)
    const [h, less] = difference(other) ?? [];
    if (h && less === a) yield [z, a, h];
    for (const [rest, n] of pairs(a, "Mul")) {
      const [one, same] = difference(rest) ?? [];
      if (one && isOne(one) && same === z) yield [z, n, other];
    }
    // n − z ∘ n
    const [n, scaled] = difference(a) ?? [];
    for (const [same, also] of pairs(scaled, "Mul")) if (n && same === z && also === n) yield [z, n, other];
  }
}

function readGru(gate: Value, candidate: Value, state: Value, next: Value): Cell | undefined {
  const hidden = elements(next.shape);
  const h = base(state);
  if (h.data || ![gate, candidate, state].every((value) => fits(value, hidden))) return undefined;
  const z = linearOf(gate);
  const x = z && otherThan(z, h);
  if (!z || !x) return undefined;
  for (const { reset, input, weight, apart } of candidates(candidate, h)) {
    const r = fits(reset, hidden) ? linearOf(reset) : undefined;
    if (!r || otherThan(r, h) !== x || input.products.size !== 1 || !input.products.has(x)) continue;
    const n = { products: new Map([...input.products, [h, weight] as const]), bias: input.bias };
    return {
      inputs: [x, h],
      outputs: [next],
      at: next.step as Step,
      row: layerOf("gru", [r, z, n], x, h, { resetAfter: apart !== undefined }, apart),
    };
  }
  return undefined;
}

/** The one value beside h that a gate reads; undefined where it does not read both. */
function otherThan({ products }: Linear, h: Value): Value | undefined {
  if (products.size !== 2 || !products.has(h)) return undefined;
  return [...products.keys()].find((value) => value !== h);
}

interface Candidate {
  /** What the reset gate is the sigmoid of. */
  readonly reset: Value;
  readonly input: Linear;
  /** Times h, or times r ∘ h. */
  readonly weight: Float64Array;
  /** Beside the product that is reset; where the reset comes before the product, there is none. */
  readonly apart?: Float64Array;
}

/** What is inside the tanh: linear in x + r ∘ (linear in h); or linear in x and r ∘ h. */
function* candidates(value: Value, h: Value): Generator<Candidate> {
  for (const [scaled, rest] of pairs(value, "Add")) {
    for (const [gate, product] of pairs(scaled, "Mul")) {
      const reset = inside(gate, "Sigmoid");
      const [input, recurrent] = [linearOf(rest), linearOf(product)];
      const weight = recurrent?.products.size === 1 ? recurrent.products.get(h) : undefined;
      if (reset && input && recurrent && weight) yield { reset, input, weight, apart: recurrent.bias };
    }
  }
  const whole = linearOf(value);
  for (const scaled of whole?.products.keys() ?? []) {
    for (const [gate, state] of pairs(scaled, "Mul")) {
      const reset = inside(gate, "Sigmoid");
      if (!whole || !reset || base(state) !== h) continue;
      const weight = whole.products.get(scaled) as Float64Array;
      const products = new Map([...whole.products].filter(([operand]) => operand !== scaled));
      yield { reset, input: { products, bias: whole.bias }, weight };
    }
  }
}

/** A row that becomes a layer over its one step; gates in our order. */
function layerOf(
  op: "lstm" | "gru",
  gates: readonly Linear[],
  x: Value,
  h: Value,
  more: Readonly<Record<string, boolean>>,
  apart?: Float64Array,
): OnnxOp {
  const hidden = gates[0].bias.length;
  const inputSize = elements(x.shape);
  const stacked = (parts: readonly Float64Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));
  return {
    inputs: [2, 3],
    infer: () => [],
    emit: (step, to) => {
      const rows = gates.length * hidden;
      const recurrent = new Float32Array(rows);
      if (apart) recurrent.set(apart, rows - hidden);
      const matrix = (of: Value) => stacked(gates.map(({ products }) => products.get(of) as Float64Array));
      emitStep(to, step, op, step.inputs as Value[], { inputSize, hiddenSize: hidden, bias: true, ...more }, [
        ["weight_ih_l0", [rows, inputSize], matrix(x)],
        ["weight_hh_l0", [rows, hidden], matrix(h)],
        ["bias_ih_l0", [rows], stacked(gates.map(({ bias }) => bias))],
        ["bias_hh_l0", [rows], recurrent],
      ]);
    },
  };
}
