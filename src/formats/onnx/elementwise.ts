/** Operators that compute element by element, with NumPy's broadcasting. */

import type { ActivationSpec } from "../../model.ts";
import { broadcast } from "../../reference/graph/tensor.ts";
import { elements } from "../../tensor.ts";
import type { OnnxOp, Step } from "./step.ts";
import { ELEMENT_TYPES } from "./tensor.ts";
import {
  type Elements,
  type Info,
  newElements,
  placesOf,
  spreadStrides,
  TIME,
  type Value,
  type ValueKind,
} from "./value.ts";

/** A function of two elements: ours for graphs, and how it folds. */
interface Binary {
  readonly op: string;
  readonly fold: (a: number, b: number, integers: boolean) => number;
  /** BOOL → BOOL. */
  readonly logical?: boolean;
  /** Numbers → BOOL. */
  readonly compares?: boolean;
  /** Most inputs. */
  readonly most?: number;
  readonly since?: number;
}

/** Integers divide towards zero, as in C. */
const BINARY: Readonly<Record<string, Binary>> = {
  Add: { op: "add", fold: (a, b) => a + b },
  Sub: { op: "sub", fold: (a, b) => a - b },
  Mul: { op: "mul", fold: (a, b) => a * b },
  Div: { op: "div", fold: (a, b, integers) => (integers ? Math.trunc(a / b) : a / b) },
  Pow: { op: "pow", fold: (a, b) => a ** b },
  Min: { op: "minimum", fold: (a, b) => Math.min(a, b), most: 2 ** 16, since: 8 },
  Max: { op: "maximum", fold: (a, b) => Math.max(a, b), most: 2 ** 16, since: 8 },
  Equal: { op: "equal", fold: (a, b) => Number(a === b), compares: true },
  Greater: { op: "greater", fold: (a, b) => Number(a > b), compares: true },
  Less: { op: "less", fold: (a, b) => Number(a < b), compares: true },
  GreaterOrEqual: { op: "greaterEqual", fold: (a, b) => Number(a >= b), compares: true, since: 12 },
  LessOrEqual: { op: "lessEqual", fold: (a, b) => Number(a <= b), compares: true, since: 12 },
  And: { op: "logicalAnd", fold: (a, b) => a & b, logical: true },
  Or: { op: "logicalOr", fold: (a, b) => a | b, logical: true },
  Xor: { op: "logicalXor", fold: (a, b) => a ^ b, logical: true },
};

function broadcastShape(step: Step, values: readonly Value[]): number[] {
  const shape = broadcast(...values.map((value) => value.shape));
  if (shape) return shape;
  throw step.shapeError("shapes that broadcast", ...values.map((value) => value.shape));
}

/**
 * What the free axis allows: TIME is at least 1, and unknown otherwise. Arithmetic keeps it only where it stays as it is.
 */
function withTime(step: Step, op: string, a: number, b: number): number {
  if (op === "Equal" && a !== b && Math.min(a, b) < 1) return 0;
  if (op === "Equal" && a === b) return 1;
  const other = a === TIME ? b : a;
  if ((op === "Mul" || (op === "Div" && a === TIME)) && other === 1) return TIME;
  if ((op === "Add" || (op === "Sub" && a === TIME)) && other === 0) return TIME;
  if (BINARY[op].compares && other < 1) return BINARY[op].fold(a, b, true);
  throw unfolded(step);
}

/** Folds two inputs, or more from the left. */
function foldBinary(step: Step, [{ kind, shape }]: readonly Info[]): Elements[] {
  const { op } = step.node;
  const f = BINARY[op].fold;
  const all = step.inputs as Value[];
  const integers = all[0].kind !== "F32";
  const places = all.map((value) => placesOf(shape, spreadStrides(value.shape, shape)));
  const out = newElements(kind, elements(shape));
  for (let i = 0; i < out.length; i++) {
    let sum = (all[0].data as Elements)[places[0][i]];
    for (let k = 1; k < all.length; k++) {
      const next = (all[k].data as Elements)[places[k][i]];
      const time = integers && (sum === TIME || next === TIME);
      sum = time ? withTime(step, op, sum, next) : f(sum, next, integers);
    }
    if (kind === "I32" && !Number.isSafeInteger(sum) && sum !== TIME)
      throw step.error("ERR_SHAPE", `expected integers of 53 bits; got ${sum}.`);
    out[i] = sum;
  }
  return [out];
}

const binary = ({ op: ours, logical = false, compares = false, most = 2, since }: Binary): OnnxOp => ({
  since,
  inputs: [most === 2 ? 2 : 1, most],
  infer: (step) => {
    const { op } = step.node;
    const all = step.inputs.map((_, i) => step.input(i));
    const [{ kind }] = all;
    const fits = op === "Pow" || all.every((value) => value.kind === kind);
    if (!fits || (kind === "BOOL" && !logical && op !== "Equal") || (logical && kind !== "BOOL"))
      throw step.error(
        "ERR_DTYPE",
        `expected inputs of one dtype; got ${all.map((value) => value.kind).join(" and ")}.`,
      );
    return [{ kind: logical || compares ? "BOOL" : kind, shape: broadcastShape(step, all) }];
  },
  fold: foldBinary,
  emit: (step, to) => to.binary(step, ours),
});

const where: OnnxOp = {
  since: 9,
  inputs: [3, 3],
  infer: (step) => {
    const [condition, a, b] = [0, 1, 2].map((i) => step.input(i));
    if (condition.kind !== "BOOL" || a.kind !== b.kind)
      throw step.error("ERR_DTYPE", `expected BOOL and two of one dtype; got ${condition.kind}, ${a.kind}, ${b.kind}.`);
    return [{ kind: a.kind, shape: broadcastShape(step, [condition, a, b]) }];
  },
  fold: (step, [{ kind, shape }]) => {
    const [condition, a, b] = (step.inputs as Value[]).map(({ shape: from, data }) => {
      const places = placesOf(shape, spreadStrides(from, shape));
      return (i: number) => (data as Elements)[places[i]];
    });
    const out = newElements(kind, elements(shape));
    for (let i = 0; i < out.length; i++) out[i] = condition(i) ? a(i) : b(i);
    return [out];
  },
  emit: (step, to) => to.node(step, "where", step.inputs as Value[]),
};

/** A function of one element: ours for graphs, and how it folds. */
interface Unary {
  readonly spec: (step: Step) => ActivationSpec;
  readonly fold: (x: number, spec: ActivationSpec) => number;
  readonly attrs?: readonly string[];
  readonly since?: number;
  readonly kinds?: readonly ValueKind[];
}

/** Ours has ONNX's name, with a small letter first. */
const ours = ({ node: { op } }: Step) => op[0].toLowerCase() + op.slice(1);

const plain = (fold: (x: number) => number, rest: Partial<Unary> = {}): Unary => ({
  spec: (step) => ({ name: ours(step) }),
  fold,
  ...rest,
});

const tuned = (alpha: number, beta: number | undefined, fold: Unary["fold"], since?: number): Unary => ({
  spec: (step) => ({
    name: ours(step),
    alpha: step.float("alpha", alpha),
    ...(beta !== undefined && { beta: step.float("beta", beta) }),
  }),
  fold,
  attrs: beta === undefined ? ["alpha"] : ["alpha", "beta"],
  since,
});

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const signed: Partial<Unary> = { kinds: ["F32", "I32"] };

/** Rounds halves to even. */
function round(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest < 0.5 ? low : rest > 0.5 || low % 2 !== 0 ? low + 1 : low;
}

/** Not folded: erf has no closed form, and files apply it to what is computed. */
const unknown = () => Number.NaN;

const UNARY: Readonly<Record<string, Unary>> = {
  Sigmoid: plain(sigmoid),
  Tanh: plain(Math.tanh),
  Relu: plain((x) => Math.max(x, 0)),
  LeakyRelu: tuned(0.01, undefined, (x, { alpha = 0 }) => (x < 0 ? alpha * x : x)),
  Elu: tuned(1, undefined, (x, { alpha = 0 }) => (x < 0 ? alpha * Math.expm1(x) : x)),
  HardSigmoid: tuned(0.2, 0.5, (x, { alpha = 0, beta = 0 }) => Math.min(Math.max(alpha * x + beta, 0), 1)),
  ThresholdedRelu: tuned(1, undefined, (x, { alpha = 0 }) => (x > alpha ? x : 0), 10),
  Softplus: plain(softplus),
  Softsign: plain((x) => x / (1 + Math.abs(x))),
  Mish: plain((x) => x * Math.tanh(softplus(x)), { since: 18 }),
  Abs: plain(Math.abs, signed),
  Neg: plain((x) => -x, signed),
  Exp: plain(Math.exp),
  Log: plain(Math.log),
  Sqrt: plain(Math.sqrt),
  Reciprocal: plain((x) => 1 / x),
  Erf: plain(unknown, { since: 9 }),
  Floor: plain(Math.floor),
  Ceil: plain(Math.ceil),
  Round: plain(round, { since: 11 }),
  Sin: plain(Math.sin),
  Cos: plain(Math.cos),
  Gelu: {
    spec: (step) => ({ name: step.word("approximate", "none", "tanh") === "tanh" ? "geluTanh" : "gelu" }),
    fold: unknown,
    attrs: ["approximate"],
    since: 20,
  },
  Not: plain((x) => 1 - x, { spec: () => ({ name: "logicalNot" }), kinds: ["BOOL"] }),
};

const unary = ({ spec, fold, attrs = [], since, kinds = ["F32"] }: Unary): OnnxOp => ({
  since,
  inputs: [1, 1],
  attrs,
  infer: (step) => {
    const { kind, shape } = step.input(0);
    if (kinds.includes(kind)) return [{ kind, shape }];
    throw step.error("ERR_DTYPE", `expected ${kinds.join(" or ")}; got ${kind}.`);
  },
  ...(fold !== unknown && {
    fold: (step: Step) => {
      const f = spec(step);
      const { kind, data } = step.input(0);
      const known = data as Elements;
      if (kind === "I32" && known.includes(TIME)) throw unfolded(step);
      return [known.map((x: number) => fold(x, f)) as Elements];
    },
  }),
  activation: spec,
  emit: (step, to) => {
    const f = spec(step);
    const x = step.input(0);
    if (f.name === "logicalNot") to.node(step, "logicalNot", [x]);
    else if (x.kind === "F32") to.activation(step, x, f);
    else if (f.name === "neg") to.node(step, "sub", [integer(0), x]);
    else to.node(step, "maximum", [x, to.extra(step, "sub", [integer(0), x], to.shape(x))]);
  },
});

/** A known integer, which broadcasts. */
const integer = (value: number): Value => ({ name: `${value}`, kind: "I32", shape: [], data: Float64Array.of(value) });

const unfolded = (step: Step) => step.freeAxis("computes with the length of the free axis T.");

/** The bounds of Clip: attributes before opset 11, inputs after. */
function bounds(step: Step): { min: number; max: number } {
  const bound = (i: number, name: string, otherwise: number) =>
    (step.has(name) ? step.float(name, otherwise) : step.known(i, name)?.[0]) ?? otherwise;
  const largest = 3.4028234663852886e38;
  return { min: bound(1, "min", -largest), max: bound(2, "max", largest) };
}

const clip: OnnxOp = {
  inputs: [1, 3],
  attrs: ["min", "max"],
  infer: (step) => {
    const { kind, shape } = step.input(0);
    if (kind === "BOOL") throw step.error("ERR_DTYPE", `expected numbers; got ${kind}.`);
    return [{ kind, shape }];
  },
  fold: (step) => {
    const { min, max } = bounds(step);
    return [(step.input(0).data as Elements).map((x: number) => Math.min(Math.max(x, min), max)) as Elements];
  },
  emit: (step, to) => {
    const { min, max } = bounds(step);
    const x = step.input(0);
    if (x.kind === "F32") to.activation(step, x, { name: "clip", alpha: min, beta: max });
    else {
      const [low, high] = [Math.max(min, -(2 ** 31)), Math.min(max, 2 ** 31 - 1)];
      to.node(step, "minimum", [to.extra(step, "maximum", [x, integer(low)], to.shape(x)), integer(high)]);
    }
  },
};

const prelu: OnnxOp = {
  inputs: [2, 2],
  infer: (step) => {
    const [x, slope] = [step.input(0), step.input(1)];
    const shape = broadcastShape(step, [x, slope]);
    if (`${shape}` !== `${x.shape}`) throw step.shapeError("a slope that broadcasts to x", x.shape, slope.shape);
    return [{ kind: "F32", shape }];
  },
  emit: (step, to) => {
    const slope = step.input(1).data;
    if (slope?.length === 1) to.activation(step, step.input(0), { name: "leakyRelu", alpha: slope[0] });
    else to.node(step, "prelu", step.inputs as Value[]);
  },
};

const cast: OnnxOp = {
  inputs: [1, 1],
  attrs: ["to", "saturate"],
  infer: (step) => {
    const to = step.int("to", 0);
    const kind = ELEMENT_TYPES.get(to)?.kind;
    if (kind === undefined) throw step.error("ERR_DTYPE", `to: expected a dtype of numbers; got ${to}.`);
    return [{ kind, shape: step.input(0).shape }];
  },
  fold: (step, [{ kind }]) => {
    const { kind: from, data } = step.input(0);
    const known = data as Elements;
    if (from !== "I32" && kind === "I32") {
      const out = Float64Array.from(known, Math.trunc);
      if (out.every(Number.isSafeInteger)) return [out];
      throw step.error("ERR_DTYPE", "expected numbers that fit an integer; got others.");
    }
    if (from === "I32" && kind === "F32" && known.includes(TIME)) throw unfolded(step);
    if (kind === "BOOL") return [Float64Array.from(known, (x) => Number(x !== 0))];
    return [kind === "F32" ? Float32Array.from(known) : Float64Array.from(known)];
  },
  emit: (step, to) => {
    const { kind } = step.outputs[0];
    const from = step.input(0).kind;
    if (from === kind || (from === "BOOL" && kind === "I32")) to.rename(step);
    else if (kind === "BOOL") {
      const x = step.input(0);
      const zero: Value = { name: "0", kind: from, shape: [], data: newElements(from, 1) };
      to.node(step, "logicalNot", [to.extra(step, "equal", [x, zero], to.shape(x), {}, "BOOL")]);
    } else to.node(step, "cast", [step.input(0)], { to: kind === "F32" ? "F32" : "I32" });
  },
};

export const ELEMENTWISE: Readonly<Record<string, OnnxOp>> = {
  ...Object.fromEntries(Object.entries(BINARY).map(([op, row]) => [op, binary(row)])),
  ...Object.fromEntries(Object.entries(UNARY).map(([op, row]) => [op, unary(row)])),
  Where: where,
  Clip: clip,
  PRelu: prelu,
  Cast: cast,
};
