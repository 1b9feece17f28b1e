/** Random RNN, GRU and LSTM nodes with every attribute: as nodes of a graph, and along the free axis of a model. */

import type { Attr, Shape } from "../formats/onnx/writer.ts";
import type { Builder, Drawn, Kind, Random, Value } from "./builder.ts";

const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const;
type Op = keyof typeof GATES;
const FUNCTIONS = { RNN: 1, GRU: 2, LSTM: 3 } as const;

/** ONNX's functions: whether they take alpha and beta, and whether they stay small. */
const ALL: readonly (readonly [name: string, alpha?: readonly [number, number], beta?: readonly [number, number]])[] = [
  ["Relu"],
  ["Tanh"],
  ["Sigmoid"],
  ["Affine", [-0.5, 0.5], [-0.5, 0.5]],
  ["LeakyRelu", [-0.3, 0.5]],
  ["ThresholdedRelu", [0.1, 1]],
  ["ScaledTanh", [0.2, 1], [0.2, 1]],
  ["HardSigmoid", [0.1, 0.4], [0.2, 0.6]],
  ["Elu", [0.2, 1]],
  ["Softsign"],
  ["Softplus"],
];

const SMALL = ALL.filter(([name]) => ["Sigmoid", "Tanh", "HardSigmoid", "Softsign", "ScaledTanh"].includes(name));

export interface Cell {
  readonly op: Op;
  readonly attrs: Record<string, Attr>;
  readonly H: number;
  readonly D: number;
  readonly layout: number;
}

/** Attributes that fit each other. */
export function drawCell(random: Random, opset: number, steps: number, streamed: boolean): Cell {
  const op = random.of(["RNN", "GRU", "LSTM"] as const);
  const H = random.chance(0.15) ? random.of([16, 17, 31, 33]) : random.int(1, 9);
  const direction = random.of(["forward", "forward", "reverse", "bidirectional"] as const);
  const D = direction === "bidirectional" ? 2 : 1;
  const layout = opset >= 14 && random.chance(0.3) && !streamed ? 1 : 0;
  const attrs: Record<string, Attr> = { hidden_size: H };
  if (direction !== "forward" || random.chance(0.3)) attrs.direction = direction;
  if (layout === 1 || (opset >= 14 && random.chance(0.2))) attrs.layout = layout;
  if (op === "GRU" && random.chance(0.5)) attrs.linear_before_reset = random.int(0, 1);
  if (op === "LSTM" && random.chance(0.3)) attrs.input_forget = random.int(0, 1);
  if (random.chance(0.25)) attrs.clip = { float: random.float(0.2, 2) };
  if (random.chance(0.4)) {
    const alphas: number[] = [];
    const betas: number[] = [];
    const names = Array.from({ length: FUNCTIONS[op] * D }, (_, i) => {
      // A gate that is no number below 1 lets states grow past f32.
      const gate = op !== "RNN" && i % FUNCTIONS[op] === 0 && steps > 2;
      const [name, alpha, beta] = random.of(gate ? SMALL : ALL);
      if (alpha) alphas.push(random.float(...alpha));
      if (beta) betas.push(random.float(...beta));
      return random.chance(0.1) ? name.toLowerCase() : name;
    });
    attrs.activations = names;
    if (alphas.length > 0) attrs.activation_alpha = { floats: alphas };
    if (betas.length > 0) attrs.activation_beta = { floats: betas };
  }
  return { op, attrs, H, D, layout };
}

const scale = (columns: number) => [-1 / Math.sqrt(columns), 1 / Math.sqrt(columns)] as const;

/** W, R, B of a cell as constants. */
function weights(to: Builder, { op, H, D }: Cell, I: number): (Value | undefined)[] {
  const rows = GATES[op] * H;
  return [
    to.constant([D, rows, I], "float", scale(I)),
    to.constant([D, rows, H], "float", scale(H)),
    to.random.chance(0.8) ? to.constant([D, 2 * rows], "float", [-0.7, 0.7]) : undefined,
  ];
}

/** A node over a value (T, N, I) of a graph of fixed shapes. */
export function recurrent(to: Builder): void {
  const { random } = to;
  const cell = drawCell(random, to.opset, 9, false);
  const { op, attrs, H, D, layout } = cell;
  const x = to.pick(
    ({ kind, shape, bound }) => kind === "float" && shape.length === 3 && bound <= 5,
    () => to.input([random.int(1, 7), random.int(1, 4), to.size()]),
  );
  const [T, N] = layout === 1 ? [x.shape[1], x.shape[0]] : x.shape;
  const state = layout === 1 ? [N, D, H] : [D, N, H];
  // One step of one sequence with a state to begin from is read as a stream, whose sessions are given states otherwise.
  const initial = () => (random.chance(0.5) && T * N > 1 ? to.fresh(state, "float", [-1, 1]) : undefined);
  const inputs = [
    x,
    ...weights(to, cell, x.shape[2]),
    random.chance(0.15) ? to.known([N], new Array<number>(N).fill(T), "int32") : undefined,
    initial(),
    ...(op === "LSTM"
      ? [initial(), random.chance(0.3) ? to.constant([D, 3 * H], "float", [-0.7, 0.7]) : undefined]
      : []),
  ];
  const shapes = [layout === 1 ? [N, T, D, H] : [T, D, N, H], state, ...(op === "LSTM" ? [state] : [])];
  to.many(op, inputs, shapes, { bound: 5, attrs });
}

/** A cell of one to three steps written out in products, parts and functions, in one of the ways in which exporters do it. */
export function writtenOut(to: Builder): void {
  const { random } = to;
  const [I, H] = [to.size(), to.size()];
  const row = (size: number) => [1, size];
  const small = { bound: 5 };
  const op = (name: string, ...inputs: Value[]) =>
    to.node(name, inputs, inputs.reduce((a, b) => (b.shape.length > a.shape.length ? b : a)).shape, small);
  const either = (name: string, a: Value, b: Value) => (random.chance(0.5) ? op(name, a, b) : op(name, b, a));
  const product = (x: Value, count: number, bias: boolean): Value => {
    const [columns, rows] = [x.shape[1], count * H];
    const b = to.constant([rows], "float", [-0.7, 0.7]);
    if (random.chance(0.5)) {
      const turned = random.chance(0.5);
      const W = to.constant(turned ? [rows, columns] : [columns, rows], "float", scale(columns));
      const c = bias ? b : to.known([rows], new Array<number>(rows).fill(0), "float");
      return to.node("Gemm", [x, W, c], row(rows), { ...small, attrs: turned ? { transB: 1 } : {} });
    }
    const y = to.node("MatMul", [x, to.constant([columns, rows], "float", scale(columns))], row(rows), small);
    return bias ? either("Add", y, b) : y;
  };
  const parts = (value: Value, count: number): Value[] => {
    if (count === 1) return [value];
    const sizes = new Array<number>(count).fill(H);
    if (random.chance(0.7)) {
      const split = to.opset < 13 ? undefined : to.known([count], sizes);
      const attrs: Record<string, Attr> = { axis: 1, ...(!split && { split: sizes }) };
      return to.many("Split", [value, split], sizes.map(row), { ...small, attrs });
    }
    return sizes.map((_, i) => {
      const [starts, ends] = [[i * H], [(i + 1) * H]];
      if (to.opset < 10) return to.node("Slice", [value], row(H), { ...small, attrs: { starts, ends, axes: [1] } });
      return to.node("Slice", [value, to.known([1], starts), to.known([1], ends), to.known([1], [1])], row(H), small);
    });
  };
  /** Gates as parts of one sum, of a product each, or of a product of x and h side by side. */
  const gates = (x: Value, h: Value, count: number): Value[] => {
    const form = random.int(0, 2);
    if (form === 0) return parts(either("Add", product(x, count, true), product(h, count, random.chance(0.5))), count);
    if (form === 1)
      return Array.from({ length: count }, () => either("Add", product(x, 1, true), product(h, 1, false)));
    const both = to.node("Concat", [x, h], row(I + H), { bound: 3, attrs: { axis: 1 } });
    return parts(product(both, count, true), count);
  };
  let h = to.input(row(H), "float", [-1, 1]);
  let c = to.input(row(H), "float", [-1, 1]);
  const lstm = random.chance(0.4);
  for (let step = random.int(1, 3); step > 0; step--) {
    const x = to.input(row(I), "float", [-1, 1]);
    if (lstm) {
      const [i, f, g, o] = gates(x, h, 4);
      c = either("Add", either("Mul", op("Sigmoid", f), c), either("Mul", op("Sigmoid", i), op("Tanh", g)));
      h = either("Mul", op("Sigmoid", o), op("Tanh", c));
      continue;
    }
    const [r, z] = gates(x, h, 2).map((gate) => op("Sigmoid", gate));
    const sum = random.chance(0.5)
      ? either("Add", product(x, 1, random.chance(0.5)), either("Mul", r, product(h, 1, random.chance(0.7))))
      : either("Add", product(x, 1, true), product(either("Mul", r, h), 1, random.chance(0.3)));
    const n = op("Tanh", sum);
    const form = random.int(0, 2);
    const one = to.known([], [1], "float");
    const kept = () => either("Mul", z, h);
    if (form === 0) h = either("Add", n, either("Mul", z, op("Sub", h, n)));
    else if (form === 1) h = either("Add", either("Mul", op("Sub", one, z), n), kept());
    else h = either("Add", op("Sub", n, either("Mul", z, n)), kept());
  }
}

/** A model along its free axis T, for N sequences, and how its inputs and outputs stand in a session. */
export interface Streamed extends Drawn {
  readonly T: number;
  readonly N: number;
  /** The input x (T, N, I). */
  readonly x: string;
  /** The output (T, N, O). */
  readonly rows: string;
  /** Outputs (D, N, H) that are final states, by the session's names. */
  readonly states: ReadonlyMap<string, string>;
  /** Inputs (D, N, H) that are initial states, by the session's names. */
  readonly initial: ReadonlyMap<string, string>;
  readonly lengths: readonly number[] | undefined;
}

/** What computes each row of (T, N, F) alone. */
function head(to: Builder, x: Value, opset: number): Value {
  const { random } = to;
  const F = x.shape[x.shape.length - 1];
  const kind = random.int(0, 6);
  const shape = (size: number) => [...x.shape.slice(0, -1), size];
  if (kind <= 1) {
    const O = to.size();
    const y = to.node("MatMul", [x, to.constant([F, O], "float", scale(F))], shape(O), {
      bound: x.bound * Math.sqrt(F),
    });
    return kind === 0 ? y : to.node("Add", [y, to.constant([O])], shape(O), { bound: y.bound + 2 });
  }
  if (kind === 2) return to.node(random.of(["Tanh", "Sigmoid", "Relu", "Softplus"]), [x], shape(F), { bound: x.bound });
  if (kind === 3) return to.node("Softmax", [x], shape(F), { bound: 1, attrs: { axis: opset < 13 ? 2 : -1 } });
  if (kind === 4 && opset >= 17)
    return to.node("LayerNormalization", [x, to.constant([F]), to.constant([F])], shape(F), {
      bound: 2 * Math.sqrt(F) + 2,
      attrs: { epsilon: { float: 1e-3 } },
    });
  if (kind === 5) return to.node("Mul", [x, to.constant([F])], shape(F), { bound: 2 * x.bound });
  return to.node("Concat", [x, to.node("Tanh", [x], shape(F), { bound: 1 })], shape(2 * F), {
    bound: x.bound,
    attrs: { axis: 2 },
  });
}

/** Layers and heads over x (T, N, I). */
export function drawStream(to: Builder): Streamed | undefined {
  const { random, opset } = to;
  const [T, N] = [random.int(1, 9), random.int(1, 4)];
  const states = new Map<string, Value>();
  const initial = new Map<string, string>();
  const free = new Map<string, Shape>();
  const input = to.input([T, N, to.size()]);
  free.set(input.name, ["T", "N", input.shape[2]]);
  const lens = random.chance(0.25) ? to.input([N], "int32", [1, T]) : undefined;
  if (lens) free.set(lens.name, ["N"]);
  let x = input;
  for (let layer = random.int(1, 3); layer > 0; layer--) {
    const cell = drawCell(random, opset, T, true);
    const { op, attrs, H, D } = cell;
    const name = `rnn${layer}`;
    const given = random.chance(0.4);
    const [h0, c0] = ["h", "c"].map((state) => {
      if (!given || (state === "c" && op !== "LSTM")) return undefined;
      const value = to.input([D, N, H], "float", [-1, 1]);
      initial.set(`${name}.${state}`, value.name);
      free.set(value.name, [D, "N", H]);
      return value;
    });
    const P = op === "LSTM" && random.chance(0.3) ? to.constant([D, 3 * H], "float", [-0.7, 0.7]) : undefined;
    const inputs = [x, ...weights(to, cell, x.shape[2]), lens, h0, ...(op === "LSTM" ? [c0, P] : [])];
    const state = [D, N, H];
    const shapes = [[T, D, N, H], state, ...(op === "LSTM" ? [state] : [])];
    const [Y, h, c] = to.many(op, inputs, shapes, { bound: 3, attrs, name });
    states.set(`${name}.h`, h);
    if (c) states.set(`${name}.c`, c);
    // (T, D, N, H) → (T, N, D · H), as exporters write it.
    if (D === 2 || random.chance(0.5)) {
      const turned = to.node("Transpose", [Y], [T, N, D, H], { bound: 3, attrs: { perm: [0, 2, 1, 3] } });
      x = to.node("Reshape", [turned, to.known([3], [0, 0, -1])], [T, N, D * H], { bound: 3 });
    } else if (opset < 13) x = to.node("Squeeze", [Y], [T, N, H], { bound: 3, attrs: { axes: [1] } });
    else x = to.node("Squeeze", [Y, to.known([1], [1])], [T, N, H], { bound: 3 });
    for (let i = random.int(0, 2); i > 0; i--) x = head(to, x, opset);
  }
  const drawn = to.draw([x, ...states.values()]);
  if (!drawn) return undefined;
  const { file, feeds } = drawn;
  const inputs = Object.entries(file.inputs ?? {}).map(([name, one]) => [
    name,
    [free.get(name), (one as [Shape, Kind])[1]],
  ]);
  return {
    file: {
      ...file,
      inputs: Object.fromEntries(inputs),
      outputs: {
        [`out.${x.name}`]: ["T", "N", x.shape[2]],
        ...Object.fromEntries([...states.values()].map(({ name, shape: [D, , H] }) => [`out.${name}`, [D, "N", H]])),
      },
    },
    feeds,
    T,
    N,
    x: input.name,
    rows: `out.${x.name}`,
    states: new Map([...states].map(([name, value]) => [name, `out.${value.name}`])),
    initial,
    lengths: lens && feeds.get(lens.name)?.data,
  };
}
