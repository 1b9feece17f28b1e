/** Random graphs from a seed: operators whose sizes lie on and around the edges of tiles, values read several times, states. */

import type { Model } from "../../src/graph-entry.ts";
import { seeded } from "../conformance/models.ts";
import { f32, graphModel, i32, type NodeSpec } from "./model.ts";

/** Around 4, 8, 16 and 32: vectors, half and whole panels. */
const EDGES = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 33];

interface Value {
  readonly name: string;
  readonly shape: readonly number[];
}

type Random = () => number;

/** What may come next. None of them makes numbers grow without bound, or a difference in the last place jump. */
type Rule = (maker: Maker, x: Value) => Value | undefined;

interface Maker {
  readonly nodes: NodeSpec[];
  readonly values: Value[];
  readonly random: Random;
  pick<T>(list: readonly T[]): T;
  numbers(count: number, scale?: number): Float32Array;
  push(
    x: readonly Value[],
    op: string,
    shape: readonly number[],
    attrs?: Record<string, unknown>,
    tensors?: NodeSpec["tensors"],
  ): Value;
  /** A value of this shape: one that is there, or a new constant. */
  like(shape: readonly number[]): Value;
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
/** (1, channels, length). */
const framed =
  (rule: Rule): Rule =>
  (maker, x) =>
    x.shape.length === 3 && x.shape[0] === 1 ? rule(maker, x) : undefined;
const rank =
  (n: number, rule: Rule): Rule =>
  (maker, x) =>
    x.shape.length === n ? rule(maker, x) : undefined;

const RULES: Readonly<Record<string, Rule>> = {
  function: (m, x) =>
    m.push([x], "activation", x.shape, {
      function: m.pick(["tanh", "sigmoid", "relu", "abs", "gelu", "silu", "sin", "cos", "neg", "mish", "hardSwish"]),
    }),
  squashed: (m, x) => m.push([x], "activation", x.shape, { function: "tanh" }),
  clip: (m, x) => m.push([x], "activation", x.shape, { function: [{ name: "clip", alpha: -0.5, beta: 0.75 }] }),
  same: (m, x) => m.push([x, m.like(x.shape)], m.pick(["add", "sub", "mul", "minimum", "maximum"]), x.shape),
  broadcast: (m, x) => {
    const shape = x.shape.map((size) => (m.random() < 0.5 ? 1 : size)).slice(Math.floor(m.random() * x.shape.length));
    const other = m.like(shape);
    return m.push(m.random() < 0.5 ? [x, other] : [other, x], m.pick(["add", "mul", "maximum"]), x.shape);
  },
  twice: (m, x) => m.push([x, x], m.pick(["add", "mul"]), x.shape),
  prelu: (m, x) => m.push([x, m.like([x.shape[x.shape.length - 1]])], "prelu", x.shape),
  transpose: (m, x) => {
    const perm = [...x.shape.keys()].sort(() => m.random() - 0.5);
    return m.push(
      [x],
      "transpose",
      perm.map((axis) => x.shape[axis]),
      { perm },
    );
  },
  flat: (m, x) => m.push([x], "reshape", [1, product(x.shape)], { shape: [1, product(x.shape)] }),
  split: (m, x) => {
    const size = product(x.shape);
    const first = m.pick([1, 2, 3, 4, 5, 8].filter((n) => size % n === 0));
    return m.push([x], "reshape", [1, first, size / first], { shape: [1, first, size / first] });
  },
  slice: (m, x) => {
    const sizes = x.shape.map((size) => Math.max(1, Math.ceil(size * m.random())));
    const starts = x.shape.map((size, a) => Math.floor((size - sizes[a] + 1) * m.random()));
    return m.push([x], "slice", sizes, { starts, sizes });
  },
  backwards: (m, x) => {
    const starts = x.shape.map((size) => size - 1);
    return m.push([x], "slice", x.shape, { starts, steps: x.shape.map(() => -1), sizes: x.shape });
  },
  concat: (m, x) => {
    const axis = Math.floor(m.random() * x.shape.length);
    const other = m.like(x.shape);
    return m.push(
      [x, other, x],
      "concat",
      x.shape.map((size, a) => (a === axis ? 3 * size : size)),
      { axis },
    );
  },
  pad: (m, x) => {
    const mode = m.pick(["constant", "reflect"]);
    const pads = [...x.shape, ...x.shape].map((size) =>
      m.random() < 0.5 ? 0 : Math.min(mode === "reflect" ? size - 1 : 3, 2),
    );
    const shape = x.shape.map((size, a) => pads[a] + size + pads[x.shape.length + a]);
    return m.push([x], "pad", shape, mode === "reflect" ? { pads, mode } : { pads, mode, value: -0.5 });
  },
  gather: (m, x) => {
    const axis = Math.floor(m.random() * x.shape.length);
    const ids = Array.from(
      { length: m.pick([1, 2, 5]) },
      () => Math.floor(m.random() * 2 * x.shape[axis]) - x.shape[axis],
    );
    const name = `ids${m.nodes.length}`;
    m.nodes.push({
      op: "constant",
      name,
      attrs: { shape: [ids.length], dtype: "I32" },
      tensors: { value: i32([ids.length], ids) },
    });
    return m.push(
      [x, { name, shape: [ids.length] }],
      "gather",
      x.shape.map((size, a) => (a === axis ? ids.length : size)),
      { axis },
    );
  },
  scatter: (m, x) => {
    const sizes = x.shape.map((size) => Math.ceil(size / 2));
    const starts = x.shape.map((size, a) => size - sizes[a]);
    return m.push([x, m.like(sizes)], "scatterCache", x.shape, { starts });
  },
  mean: (m, x) => {
    const axes = [...x.shape.keys()].filter(() => m.random() < 0.5);
    if (axes.length === 0) return undefined;
    return m.push(
      [x],
      m.pick(["mean", "max"]),
      x.shape.map((size, a) => (axes.includes(a) ? 1 : size)),
      { axes, keepdim: true },
    );
  },
  softmax: (m, x) => m.push([x], "softmax", x.shape, { axis: Math.floor(m.random() * x.shape.length) }),
  layerNorm: (m, x) => {
    const size = x.shape[x.shape.length - 1];
    if (size < 3) return undefined;
    return m.push(
      [x],
      "layerNorm",
      x.shape,
      { size, eps: 0.1 },
      { weight: f32([size], m.numbers(size)), bias: f32([size], m.numbers(size)) },
    );
  },
  batchNorm: (m, x) => {
    const axis = Math.floor(m.random() * x.shape.length);
    const size = x.shape[axis];
    const positive = m.numbers(size).map((v) => Math.abs(v) + 0.5);
    return m.push(
      [x],
      "batchNorm",
      x.shape,
      { size, axis, affine: false },
      { running_mean: f32([size], m.numbers(size)), running_var: f32([size], positive) },
    );
  },
  linear: (m, x) => {
    const k = x.shape[x.shape.length - 1];
    const n = m.pick(EDGES);
    return m.push(
      [x],
      "linear",
      [...x.shape.slice(0, -1), n],
      { inFeatures: k, outFeatures: n },
      { weight: f32([n, k], m.numbers(n * k, 1 / Math.sqrt(k))), bias: f32([n], m.numbers(n)) },
    );
  },
  matmul: (m, x) => {
    const k = x.shape[x.shape.length - 1];
    const n = m.pick(EDGES);
    if (x.shape.length < 2) return undefined;
    const right = m.like([...(m.random() < 0.5 ? x.shape.slice(0, -2) : []), k, n]);
    return m.push([x, right], "matmul", [...x.shape.slice(0, -1), n]);
  },
  conv: framed((m, x) => {
    const [, c, length] = x.shape;
    const groups = m.pick([1, c]);
    const o = groups === 1 ? m.pick(EDGES) : c * m.pick([1, 2, 4]);
    const kernel = m.pick([1, 2, 3, 5].filter((k) => k <= length));
    const [stride, dilation] = [m.pick([1, 2, 3]), kernel === 1 ? 1 : m.pick([1, 2])];
    const padding = [m.pick([0, 1, 2]), m.pick([0, 1])];
    const covered = (kernel - 1) * dilation + 1;
    const places = Math.floor((length + padding[0] + padding[1] - covered) / stride) + 1;
    if (places < 1) return undefined;
    const fan = (c / groups) * kernel;
    const attrs = {
      kernel: [kernel],
      stride: [stride],
      dilation: [dilation],
      padding,
      groups,
      inChannels: c,
      outChannels: o,
    };
    return m.push([x], "conv", [1, o, places], attrs, {
      weight: f32([o, c / groups, kernel], m.numbers(o * fan, 1 / Math.sqrt(fan))),
      bias: f32([o], m.numbers(o)),
    });
  }),
  convTranspose: framed((m, x) => {
    const [, c, length] = x.shape;
    const [o, kernel, stride] = [m.pick([1, 2, 4, 5, 8]), m.pick([1, 2, 3, 4]), m.pick([1, 2, 3])];
    const attrs = { kernel: [kernel], stride: [stride], inChannels: c, outChannels: o };
    return m.push([x], "convTranspose", [1, o, (length - 1) * stride + kernel], attrs, {
      weight: f32([c, o, kernel], m.numbers(c * o * kernel, 1 / Math.sqrt(c * kernel))),
      bias: f32([o], m.numbers(o)),
    });
  }),
  pool: framed((m, x) => {
    const kernel = m.pick([1, 2, 3].filter((k) => k <= x.shape[2]));
    const stride = m.pick([1, 2]);
    const attrs = { kernel: [kernel], stride: [stride], padding: [kernel - 1, 0] };
    return m.push(
      [x],
      m.pick(["maxPool", "avgPool"]),
      [1, x.shape[1], Math.floor((x.shape[2] - 1) / stride) + 1],
      attrs,
    );
  }),
  scan: rank(3, (m, x) => {
    const [T, B, I] = x.shape;
    const hidden = m.pick([1, 3, 4, 5, 8, 9]);
    const [op, gates] = m.pick([
      ["gru", 3],
      ["lstm", 4],
      ["rnn", 1],
    ] as const);
    const attrs = { inputSize: I, hiddenSize: hidden, scan: true, reverse: m.random() < 0.5 };
    const weights = {
      weight_ih_l0: f32([gates * hidden, I], m.numbers(gates * hidden * I, 1 / Math.sqrt(I))),
      weight_hh_l0: f32([gates * hidden, hidden], m.numbers(gates * hidden * hidden, 1 / Math.sqrt(hidden))),
      bias_ih_l0: f32([gates * hidden], m.numbers(gates * hidden)),
      bias_hh_l0: f32([gates * hidden], m.numbers(gates * hidden)),
    };
    return m.push(m.random() < 0.5 ? [x, m.like([1, B, hidden])] : [x], op, [T, B, hidden], attrs, weights);
  }),
};

/** How many different operators a random graph may have. */
export const RULE_NAMES: readonly string[] = Object.keys(RULES);

/** The largest value that a random graph makes. */
const MOST = 6000;

export function randomGraph(seed: string): Model {
  const random = seeded(seed);
  const nodes: NodeSpec[] = [];
  const values: Value[] = [];
  const maker: Maker = {
    nodes,
    values,
    random,
    pick: (list) => list[Math.floor(random() * list.length)],
    numbers: (count, scale = 1) => Float32Array.from({ length: count }, () => (random() * 2 - 1) * scale),
    push(x, op, shape, attrs = {}, tensors) {
      const name = `${op}${nodes.length}`;
      nodes.push({ op, name, inputs: x.map((one) => one.name), attrs, tensors });
      const value = { name, shape };
      values.push(value);
      return value;
    },
    like(shape) {
      const there = values.filter((one) => `${one.shape}` === `${shape}`);
      if (there.length > 0 && random() < 0.7) return maker.pick(there);
      const name = `constant${nodes.length}`;
      nodes.push({
        op: "constant",
        name,
        attrs: { shape },
        tensors: { value: f32(shape, maker.numbers(product(shape))) },
      });
      return { name, shape };
    },
  };
  const shape = maker.pick([
    [maker.pick(EDGES)],
    [1, maker.pick(EDGES)],
    [1, maker.pick(EDGES), maker.pick(EDGES)],
    [2, 3, maker.pick(EDGES)],
    [1, 4, 3, maker.pick(EDGES)],
  ]);
  const stateShape = [1, maker.pick(EDGES), maker.pick([1, 3, 5, 8])];
  const paired = random() < 0.4;
  const x: Value = { name: "x", shape };
  values.push(x);
  if (paired) values.push({ name: "s", shape: stateShape });
  while (nodes.length < 14) {
    // Late values more often, so that graphs are deep; early ones still, so that some live long.
    const from = values[Math.max(0, Math.min(values.length - 1, Math.floor(values.length * (1 - random() ** 3))))];
    const before = nodes.length;
    const y = RULES[maker.pick(RULE_NAMES)](maker, from);
    if (y === undefined) nodes.splice(before);
    else if (product(y.shape) > MOST) {
      nodes.splice(before);
      values.splice(values.indexOf(y));
    }
  }
  const ends = values.slice(-3).map(({ name }) => name);
  const outputs = [...new Set([values[Math.floor(values.length / 2)].name, ...ends])].filter(
    (name) => name !== "s" && name !== "x",
  );
  if (paired) {
    const size = product(stateShape);
    const last = values[values.length - 1];
    maker.push(
      [last],
      "mean",
      last.shape.map(() => 1),
      { axes: last.shape.map((_, axis) => axis), keepdim: true },
    );
    nodes.push({
      op: "reshape",
      name: "level",
      inputs: [nodes[nodes.length - 1].name as string],
      attrs: { shape: [1] },
    });
    nodes.push({
      op: "constant",
      name: "decay",
      attrs: { shape: stateShape },
      tensors: { value: f32(stateShape, maker.numbers(size, 0.5)) },
    });
    nodes.push(
      { op: "mul", name: "left", inputs: ["s", "decay"] },
      { op: "add", name: "next", inputs: ["left", "level"] },
    );
  }
  return graphModel({
    inputs: [{ name: "x", dtype: "F32", shape }],
    nodes,
    outputs,
    states: paired ? [{ name: "s", shape: stateShape, input: "s", output: "next" }] : [],
  });
}
