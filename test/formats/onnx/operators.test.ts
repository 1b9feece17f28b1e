/**
 * Operators of graphs through ONNX files of fixed shapes: attributes and inputs of every opset's form reach the right ones of
 * ours. The expected numbers are worked out here, by loops that follow ONNX's text.
 */

import { describe, expect, it } from "vitest";
import { createSessionSync, type ReadModelOptions, readModel } from "../../../src/onnx.ts";
import { expectClose } from "../../conformance/compare.ts";
import { type Attr, type File, type Node, model as write } from "./writer.ts";

type Init = NonNullable<File["initializers"]>;

interface One {
  readonly op: string;
  readonly opset?: number;
  readonly shape: readonly number[];
  readonly more?: Init;
  /** Names of the inputs; x and what `more` has, by default. */
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly attrs?: Readonly<Record<string, Attr>>;
  readonly x?: readonly number[];
  readonly options?: ReadModelOptions;
}

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
/** Numbers that differ, of both signs. */
const wave = (count: number, k = 1) => Array.from({ length: count }, (_, i) => Math.fround(Math.sin(k * i + 0.3 * k)));

/** The outputs of one node over x; integers and conditions come out as floats. */
function run(
  { op, opset = 17, shape, more = {}, inputs, outputs = ["y"], attrs, x = wave(size(shape)), options = {} }: One,
  integers: readonly string[] = [],
): Float32Array[] {
  const file: File = {
    opset,
    inputs: { x: shape },
    outputs: Object.fromEntries(outputs.map((name) => [`${name}.out`, [1]])),
    initializers: more,
    nodes: [
      { op, name: "n", inputs: inputs ?? ["x", ...Object.keys(more)], outputs, attrs },
      ...outputs.map((name) => ({
        op: integers.includes(name) ? "Cast" : "Identity",
        inputs: [name],
        outputs: [`${name}.out`],
        attrs: (integers.includes(name) ? { to: 1 } : {}) as Record<string, Attr>,
      })),
    ],
  };
  const model = readModel(write(file), { shapes: { x: shape }, ...options });
  const { outputs: got } = createSessionSync(model).run({ x: Float32Array.from(x) });
  return outputs.map((name) => got[`${name}.out`]);
}

const f = (shape: readonly number[], values: readonly number[]) => [shape, values] as const;
const i = (...values: readonly number[]) => [[values.length], values, "int64"] as const;

/** A convolution over (1, C, ...), by the definition; a length stands as (1, length). */
function convolve(
  x: readonly number[],
  [C, Hx, Wx]: readonly number[],
  w: readonly number[],
  [O, Cg, Kh, Kw]: readonly number[],
  o: { stride: number[]; dilation: number[]; pads: number[]; groups: number },
) {
  const Ho = Math.floor((Hx + o.pads[0] + o.pads[2] - (Kh - 1) * o.dilation[0] - 1) / o.stride[0]) + 1;
  const Wo = Math.floor((Wx + o.pads[1] + o.pads[3] - (Kw - 1) * o.dilation[1] - 1) / o.stride[1]) + 1;
  const y: number[] = [];
  for (let k = 0; k < O; k++)
    for (let a = 0; a < Ho; a++)
      for (let b = 0; b < Wo; b++) {
        let sum = 0;
        for (let c = 0; c < Cg; c++)
          for (let p = 0; p < Kh; p++)
            for (let q = 0; q < Kw; q++) {
              const r = a * o.stride[0] + p * o.dilation[0] - o.pads[0];
              const s = b * o.stride[1] + q * o.dilation[1] - o.pads[1];
              const channel = Math.floor(k / (O / o.groups)) * Cg + c;
              if (r >= 0 && r < Hx && s >= 0 && s < Wx && channel < C)
                sum += x[(channel * Hx + r) * Wx + s] * w[((k * Cg + c) * Kh + p) * Kw + q];
            }
        y.push(sum);
      }
  return y;
}

describe("windows", () => {
  it.each([
    [
      "Conv of one axis",
      [1, 2, 9],
      [4, 2, 3],
      { strides: [2], pads: [1, 0] },
      { stride: [1, 2], dilation: [1, 1], pads: [0, 1, 0, 0], groups: 1 },
    ],
    [
      "Conv dilated",
      [1, 2, 9],
      [4, 2, 3],
      { dilations: [3] },
      { stride: [1, 1], dilation: [1, 3], pads: [0, 0, 0, 0], groups: 1 },
    ],
    [
      "Conv depthwise",
      [1, 3, 9],
      [6, 1, 2],
      { group: 3 },
      { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0], groups: 3 },
    ],
    [
      "Conv SAME_UPPER",
      [1, 2, 9],
      [1, 2, 4],
      { auto_pad: "SAME_UPPER" },
      { stride: [1, 1], dilation: [1, 1], pads: [0, 1, 0, 2], groups: 1 },
    ],
    [
      "Conv SAME_LOWER",
      [1, 2, 9],
      [1, 2, 4],
      { auto_pad: "SAME_LOWER" },
      { stride: [1, 1], dilation: [1, 1], pads: [0, 2, 0, 1], groups: 1 },
    ],
    [
      "Conv VALID",
      [1, 2, 9],
      [1, 2, 4],
      { auto_pad: "VALID", kernel_shape: [4] },
      { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0], groups: 1 },
    ],
  ] as const)("%s", (_, shape, weight, attrs, options) => {
    const w = wave(size(weight), 2);
    const [got] = run({ op: "Conv", shape, more: { w: f(weight, w) }, attrs: attrs as never });
    expectClose(
      "y",
      got,
      convolve(wave(size(shape)), [shape[1], 1, shape[2]], w, [weight[0], weight[1], 1, weight[2]], options as never),
      1e-5,
    );
  });

  it("Conv of two axes, grouped, strided, dilated, with a bias, a norm and a function after it", () => {
    const [shape, weight] = [
      [1, 4, 6, 7],
      [4, 2, 2, 3],
    ];
    const [w, b] = [wave(size(weight), 2), wave(4, 3)];
    const stats = { scale: wave(4, 5), shift: wave(4, 6), mean: wave(4, 7), variance: [1, 0.5, 2, 0.25] };
    const file: File = {
      inputs: { x: shape },
      outputs: { y: [1] },
      initializers: {
        w: f(weight, w),
        b: f([4], b),
        ...Object.fromEntries(Object.entries(stats).map(([name, values]) => [name, f([4], values)])),
      },
      nodes: [
        {
          op: "Conv",
          inputs: ["x", "w", "b"],
          outputs: ["c"],
          attrs: { group: 2, strides: [2, 1], dilations: [1, 2], pads: [1, 2, 0, 1] },
        },
        { op: "BatchNormalization", inputs: ["c", "scale", "shift", "mean", "variance"], outputs: ["n"] },
        { op: "Relu", inputs: ["n"], outputs: ["y"] },
      ],
    };
    const model = readModel(write(file));
    expect(model.nodes.map(({ op }) => op)).toEqual(["conv"]);
    const plain = convolve(wave(size(shape)), [4, 6, 7], w, weight, {
      stride: [2, 1],
      dilation: [1, 2],
      pads: [1, 2, 0, 1],
      groups: 2,
    });
    const inner = plain.length / 4;
    const expected = plain.map((value, at) => {
      const c = Math.floor(at / inner);
      return Math.max(
        0,
        ((value + b[c] - stats.mean[c]) / Math.sqrt(stats.variance[c] + 1e-5)) * stats.scale[c] + stats.shift[c],
      );
    });
    expectClose("y", createSessionSync(model).run({ x: Float32Array.from(wave(size(shape))) }).output, expected, 1e-5);
  });

  it("ConvTranspose, grouped and strided, with a norm after it", () => {
    const [C, L, G, Og, K, S] = [4, 5, 2, 3, 3, 2];
    const w = wave(C * Og * K, 2);
    const x = wave(C * L);
    const scale = wave(G * Og, 3);
    const file: File = {
      inputs: { x: [1, C, L] },
      outputs: { y: [1] },
      initializers: {
        w: f([C, Og, K], w),
        s: f([6], scale),
        zero: f([6], new Array(6).fill(0.25)),
        one: f([6], new Array(6).fill(1)),
      },
      nodes: [
        {
          op: "ConvTranspose",
          inputs: ["x", "w"],
          outputs: ["c"],
          attrs: { group: G, strides: [S], pads: [1, 0], output_padding: [1] },
        },
        {
          op: "BatchNormalization",
          inputs: ["c", "s", "zero", "zero", "one"],
          outputs: ["y"],
          attrs: { epsilon: { float: 0 } },
        },
      ],
    };
    const length = (L - 1) * S + K + 1 - 1;
    const y = new Array<number>(G * Og * length).fill(0);
    for (let c = 0; c < C; c++)
      for (let t = 0; t < L; t++)
        for (let o = 0; o < Og; o++)
          for (let k = 0; k < K; k++) {
            const at = t * S + k - 1;
            const channel = Math.floor(c / (C / G)) * Og + o;
            if (at >= 0 && at < length) y[channel * length + at] += x[c * L + t] * w[(c * Og + o) * K + k];
          }
    const expected = y.map((value, at) => (value - 0.25) * scale[Math.floor(at / length)] + 0.25);
    expectClose("y", createSessionSync(readModel(write(file))).run({ x: Float32Array.from(x) }).output, expected, 1e-5);
  });

  it("pools", () => {
    const x = [1, 5, 2, 4, 3, 0];
    const shape = [1, 1, 6];
    expectClose("max", run({ op: "MaxPool", shape, x, attrs: { kernel_shape: [2], strides: [2] } })[0], [5, 4, 3], 0);
    expectClose(
      "mean",
      run({ op: "AveragePool", shape, x, attrs: { kernel_shape: [3], strides: [3], pads: [1, 2] } })[0],
      [3, 3, 0],
      1e-6,
    );
    expectClose(
      "mean of all",
      run({
        op: "AveragePool",
        shape,
        x,
        attrs: { kernel_shape: [3], strides: [3], pads: [1, 2], count_include_pad: 1 },
      })[0],
      [2, 3, 0],
      1e-6,
    );
    expectClose("global", run({ op: "GlobalAveragePool", shape: [1, 2, 3], x: [1, 2, 3, 4, 5, 9] })[0], [2, 6], 1e-6);
  });

  it("Pad in the forms of three opsets", () => {
    const x = [1, 2, 3];
    expectClose(
      "11",
      run({ op: "Pad", shape: [1, 3], x, more: { p: i(0, 1, 0, 2), v: f([], [9]) } })[0],
      [9, 1, 2, 3, 9, 9],
      0,
    );
    expectClose(
      "7",
      run({ op: "Pad", opset: 9, shape: [1, 3], x, attrs: { pads: [0, 1, 0, 0], value: { float: 4 } } })[0],
      [4, 1, 2, 3],
      0,
    );
    expectClose(
      "18",
      run({
        op: "Pad",
        opset: 18,
        shape: [1, 3],
        x,
        inputs: ["x", "p", "", "a"],
        more: { p: i(1, 1), a: i(-1) },
        attrs: { mode: "reflect" },
      })[0],
      [2, 1, 2, 3, 2],
      0,
    );
    expectClose("none", run({ op: "Pad", shape: [1, 3], x, more: { p: i(0, 0, 0, 0) } })[0], x, 0);
  });
});

describe("element by element", () => {
  const x = [-2, -0.5, 0, 0.5, 1.5, 3];
  const shape = [2, 3];
  const cases: readonly (readonly [op: string, f: (v: number) => number, attrs?: One["attrs"], opset?: number])[] = [
    ["Abs", Math.abs],
    ["Neg", (v) => -v],
    ["Exp", Math.exp],
    ["Floor", Math.floor],
    ["Ceil", Math.ceil],
    ["Round", (v) => [-2, -0, 0, 0, 2, 3][x.indexOf(v)]],
    ["Sin", Math.sin],
    ["Cos", Math.cos],
    ["Reciprocal", (v) => 1 / v],
    ["Softplus", (v) => Math.log1p(Math.exp(v))],
    ["Elu", (v) => (v < 0 ? 0.5 * Math.expm1(v) : v), { alpha: { float: 0.5 } }],
    ["HardSigmoid", (v) => Math.min(1, Math.max(0, 0.2 * v + 0.5))],
    ["Mish", (v) => v * Math.tanh(Math.log1p(Math.exp(v))), {}, 18],
    [
      "Gelu",
      (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))),
      { approximate: "tanh" },
      20,
    ],
  ];
  it.each(cases.map(([op, ...rest]) => [op, rest] as const))("%s", (op, [function_, attrs, opset]) => {
    expectClose(op, run({ op, shape, x, attrs, opset })[0], x.map(function_), 2e-6);
  });

  it("Log, Sqrt, Erf and the exact Gelu", () => {
    const positive = [0.25, 1, 2, 4];
    expectClose("Log", run({ op: "Log", shape: [4], x: positive })[0], positive.map(Math.log), 1e-6);
    expectClose("Sqrt", run({ op: "Sqrt", shape: [4], x: positive })[0], [0.5, 1, Math.SQRT2, 2], 1e-6);
    // erf from a table, 10 digits
    expectClose(
      "Erf",
      run({ op: "Erf", shape: [3], x: [0.5, 1, -1] })[0],
      [0.5204998778, 0.8427007929, -0.8427007929],
      1e-6,
    );
    expectClose("Gelu", run({ op: "Gelu", opset: 20, shape: [2], x: [1, -1] })[0], [0.8413447461, -0.1586552539], 1e-6);
  });

  it("arithmetic with broadcasting, on either side", () => {
    const w = f([2, 1], [2, 4]);
    expectClose("Add", run({ op: "Add", shape, x, more: { w } })[0], [0, 1.5, 2, 4.5, 5.5, 7], 1e-6);
    expectClose(
      "Sub",
      run({ op: "Sub", shape, x, more: { w }, inputs: ["w", "x"] })[0],
      [4, 2.5, 2, 3.5, 2.5, 1],
      1e-6,
    );
    expectClose("Mul", run({ op: "Mul", shape, x, more: { w } })[0], [-4, -1, 0, 2, 6, 12], 1e-6);
    expectClose("Div", run({ op: "Div", shape, x, more: { w } })[0], [-1, -0.25, 0, 0.125, 0.375, 0.75], 1e-6);
    expectClose(
      "Pow",
      run({ op: "Pow", shape, x, more: { e: f([], [2]) } })[0],
      x.map((v) => v * v),
      1e-6,
    );
    expectClose("Pow of a half", run({ op: "Pow", shape: [2], x: [4, 9], more: { e: f([], [0.5]) } })[0], [2, 3], 1e-6);
    expectClose("Min", run({ op: "Min", shape, x, more: { w, v: f([3], [1, -1, 0]) } })[0], [-2, -1, 0, 0.5, -1, 0], 0);
    expectClose("Max", run({ op: "Max", shape, x, more: { w } })[0], [2, 2, 2, 4, 4, 4], 0);
    for (const [op, inputs, expected] of [
      ["Sub", ["x", "s"], (v: number) => v - 0.5],
      ["Sub", ["s", "x"], (v: number) => 0.5 - v],
      ["Div", ["x", "s"], (v: number) => v / 0.5],
      ["Mul", ["s", "x"], (v: number) => v * 0.5],
      ["Add", ["s", "x"], (v: number) => v + 0.5],
    ] as const)
      expectClose(
        `${op} ${inputs}`,
        run({ op, shape, x, more: { s: f([], [0.5]) }, inputs })[0],
        x.map(expected),
        1e-6,
      );
  });

  it("comparisons, logic and Where", () => {
    const w = f([3], [0, 0, 1]);
    const expectations: readonly (readonly [string, (a: number, b: number) => boolean])[] = [
      ["Greater", (a, b) => a > b],
      ["Less", (a, b) => a < b],
      ["GreaterOrEqual", (a, b) => a >= b],
      ["LessOrEqual", (a, b) => a <= b],
      ["Equal", (a, b) => a === b],
    ];
    for (const [op, compare] of expectations)
      expectClose(
        op,
        run({ op, shape, x, more: { w } }, ["y"])[0],
        x.map((v, at) => Number(compare(v, [0, 0, 1][at % 3]))),
        0,
      );
    const file: File = {
      inputs: { x: shape },
      outputs: { y: [1] },
      initializers: { zero: f([], [0]), one: f([], [1]) },
      nodes: [
        { op: "Greater", inputs: ["x", "zero"], outputs: ["p"] },
        { op: "Less", inputs: ["x", "one"], outputs: ["q"] },
        { op: "And", inputs: ["p", "q"], outputs: ["both"] },
        { op: "Not", inputs: ["both"], outputs: ["outside"] },
        { op: "Or", inputs: ["outside", "both"], outputs: ["all"] },
        { op: "And", inputs: ["outside", "all"], outputs: ["o"] },
        { op: "Where", inputs: ["o", "x", "one"], outputs: ["y"] },
      ],
    };
    expectClose(
      "y",
      createSessionSync(readModel(write(file))).run({ x: Float32Array.from(x) }).output,
      [-2, -0.5, 0, 1, 1.5, 3],
      0,
    );
  });

  it("PRelu with one slope and with several, Clip in both forms, Cast there and back", () => {
    expectClose(
      "one",
      run({ op: "PRelu", shape, x, more: { s: f([1], [0.1]) } })[0],
      x.map((v) => (v < 0 ? 0.1 * v : v)),
      1e-6,
    );
    expectClose(
      "several",
      run({ op: "PRelu", shape: [1, 2, 3], x, more: { s: f([2, 1], [0.5, 2]) } })[0],
      [-1, -0.25, 0, 0.5, 1.5, 3],
      1e-6,
    );
    expectClose(
      "11",
      run({ op: "Clip", shape, x, more: { lo: f([], [-1]), hi: f([], [1]) } })[0],
      [-1, -0.5, 0, 0.5, 1, 1],
      0,
    );
    expectClose(
      "6",
      run({ op: "Clip", opset: 9, shape, x, attrs: { min: { float: 0 } } })[0],
      [0, 0, 0, 0.5, 1.5, 3],
      0,
    );
    expectClose("Cast", run({ op: "Cast", shape, x, attrs: { to: 6 } }, ["y"])[0], [-2, 0, 0, 0, 1, 3], 0);
  });
});

describe("products, reductions and moves", () => {
  it("MatMul of two computed values, and over a batch; Gemm with a computed C; Einsum", () => {
    const file: File = {
      inputs: { x: [2, 3] },
      outputs: { y: [1], z: [1] },
      initializers: { w: f([3, 2], [1, 2, 3, 4, 5, 6]) },
      nodes: [
        { op: "Transpose", inputs: ["x"], outputs: ["t"] },
        { op: "MatMul", inputs: ["x", "t"], outputs: ["y"] },
        { op: "Gemm", inputs: ["x", "w", "y"], outputs: ["z"] },
      ],
    };
    const { outputs } = createSessionSync(readModel(write(file))).run({ x: Float32Array.of(1, 2, 3, 4, 5, 6) });
    expectClose("y", outputs.y, [14, 32, 32, 77], 1e-5);
    expectClose("z", outputs.z, [22 + 14, 28 + 32, 49 + 32, 64 + 77], 1e-5);
    // btgi,gih->btgh: a linear layer for each group
    const [B, T, G, I, H] = [1, 2, 3, 2, 4];
    const [x, w] = [wave(B * T * G * I), wave(G * I * H, 2)];
    const expected: number[] = [];
    for (let t = 0; t < T; t++)
      for (let g = 0; g < G; g++)
        for (let h = 0; h < H; h++)
          expected.push(
            Array.from({ length: I }, (_, k) => x[(t * G + g) * I + k] * w[(g * I + k) * H + h]).reduce(
              (a, b) => a + b,
            ),
          );
    expectClose(
      "einsum",
      run({
        op: "Einsum",
        shape: [B, T, G, I],
        x,
        more: { w: f([G, I, H], w) },
        attrs: { equation: "btgi,gih->btgh" },
      })[0],
      expected,
      1e-6,
    );
  });

  it("reductions in the forms of opsets, ArgMax and TopK", () => {
    const x = [1, 5, 2, 4, 3, 0];
    const shape = [2, 3];
    expectClose("mean", run({ op: "ReduceMean", shape, x, attrs: { axes: [1] } })[0], [8 / 3, 7 / 3], 1e-6);
    expectClose(
      "mean, 18",
      run({ op: "ReduceMean", opset: 18, shape, x, more: { a: i(0) }, attrs: { keepdims: 0 } })[0],
      [2.5, 4, 1],
      1e-6,
    );
    expectClose("sum of all", run({ op: "ReduceSum", shape, x })[0], [15], 1e-6);
    expectClose("none", run({ op: "ReduceSum", shape, x, attrs: { noop_with_empty_axes: 1 } })[0], x, 0);
    expectClose("max", run({ op: "ReduceMax", shape, x, attrs: { axes: [-1] } })[0], [5, 4], 0);
    expectClose("argmax", run({ op: "ArgMax", shape, x, attrs: { axis: 1 } }, ["y"])[0], [1, 0], 0);
    const [values, places] = run({ op: "TopK", shape, x, more: { k: i(2) }, outputs: ["v", "p"] }, ["p"]);
    expectClose("topk", values, [5, 2, 4, 3], 0);
    expectClose("places", places, [1, 2, 0, 1], 0);
    expectClose(
      "least",
      run({ op: "TopK", shape, x, more: { k: i(1) }, outputs: ["v", "p"], attrs: { axis: 0, largest: 0 } }, ["p"])[0],
      [1, 3, 0],
      0,
    );
  });

  it("Softmax over the last axis of several rows, LogSoftmax over the first, LayerNormalization", () => {
    const x = wave(6);
    const rows = [x.slice(0, 3), x.slice(3)];
    const soft = (line: readonly number[]) => line.map((v) => Math.exp(v) / line.map(Math.exp).reduce((a, b) => a + b));
    expectClose("softmax", run({ op: "Softmax", shape: [2, 3], x })[0], rows.flatMap(soft), 1e-6);
    const columns = [0, 1, 2].map((c) => soft([x[c], x[c + 3]]).map(Math.log));
    expectClose(
      "log",
      run({ op: "LogSoftmax", shape: [2, 3], x, attrs: { axis: 0 } })[0],
      [0, 1].flatMap((r) => columns.map((c) => c[r])),
      1e-6,
    );
    const norm = rows.flatMap((line) => {
      const mean = (line[0] + line[1] + line[2]) / 3;
      const variance = line.map((v) => (v - mean) ** 2).reduce((a, b) => a + b) / 3;
      return line.map((v, at) => ((v - mean) / Math.sqrt(variance + 1e-5)) * [1, 2, 3][at] + [0, 1, -1][at]);
    });
    expectClose(
      "layer norm",
      run({ op: "LayerNormalization", shape: [2, 3], x, more: { s: f([3], [1, 2, 3]), b: f([3], [0, 1, -1]) } })[0],
      norm,
      1e-5,
    );
  });

  it("moves", () => {
    const x = Array.from({ length: 24 }, (_, at) => at);
    const shape = [2, 3, 4];
    expectClose(
      "Transpose",
      run({ op: "Transpose", shape, x, attrs: { perm: [2, 0, 1] } })[0],
      [0, 1, 2, 3].flatMap((c) => [0, 1].flatMap((a) => [0, 1, 2].map((b) => a * 12 + b * 4 + c))),
      0,
    );
    expectClose(
      "Slice",
      run({ op: "Slice", shape, x, more: { s: i(3, -1), e: i(-100, 0), a: i(2, 1), d: i(-2, -1) } })[0],
      [0, 1].flatMap((a) => [2, 1].flatMap((b) => [3, 1].map((c) => a * 12 + b * 4 + c))),
      0,
    );
    expectClose(
      "Slice, 9",
      run({ op: "Slice", opset: 9, shape, x, attrs: { starts: [1], ends: [3], axes: [1] } })[0],
      [0, 1].flatMap((a) => [1, 2].flatMap((b) => [0, 1, 2, 3].map((c) => a * 12 + b * 4 + c))),
      0,
    );
    expectClose(
      "Gather",
      run({ op: "Gather", shape, x, more: { n: i(2, 0, -1) }, attrs: { axis: 1 } })[0],
      [0, 1].flatMap((a) => [2, 0, 2].flatMap((b) => [0, 1, 2, 3].map((c) => a * 12 + b * 4 + c))),
      0,
    );
    const [p, q] = run({ op: "Split", shape, x, more: { s: i(1, 3) }, outputs: ["p", "q"], attrs: { axis: 2 } });
    expectClose("Split", p, [0, 4, 8, 12, 16, 20], 0);
    expectClose(
      "Split",
      q,
      x.filter((v) => v % 4 !== 0),
      0,
    );
    expectClose(
      "Concat",
      run({
        op: "Concat",
        shape: [2, 1, 2],
        x: [1, 2, 3, 4],
        inputs: ["x", "w"],
        more: { w: f([2, 2, 2], [5, 6, 7, 8, 9, 10, 11, 12]) },
        attrs: { axis: 1 },
      })[0],
      [1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12],
      0,
    );
    expectClose(
      "Expand",
      run({ op: "Expand", shape: [2, 1], x: [1, 2], more: { s: i(2, 2, 3) } })[0],
      [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2],
      0,
    );
    expectClose(
      "Tile",
      run({ op: "Tile", shape: [1, 2], x: [1, 2], more: { r: i(2, 2) } })[0],
      [1, 2, 1, 2, 1, 2, 1, 2],
      0,
    );
    expectClose("Reshape", run({ op: "Reshape", shape, x, more: { s: i(0, -1) } })[0], x, 0);
  });

  it("Conv whose one column of windows sees nothing but padding", () => {
    const [shape, weight] = [
      [1, 2, 5, 1],
      [3, 2, 2, 1],
    ];
    const w = wave(size(weight), 2);
    const attrs = { strides: [2, 2], pads: [0, 1, 0, 0] };
    const options = { stride: [2, 2], dilation: [1, 1], pads: [0, 1, 0, 0], groups: 1 };
    const [got] = run({ op: "Conv", shape, more: { w: f(weight, w) }, attrs });
    expectClose("y", got, convolve(wave(size(shape)), [2, 5, 1], w, weight, options), 1e-6);
    expect([...got]).toEqual(new Array(6).fill(0));
  });

  it("Neg, Abs and Clip of integers, and what becomes a condition, are computed", () => {
    const shape = [4];
    const file = (node: Node): File => ({
      inputs: { x: [shape, "int32"] },
      outputs: { y: shape },
      initializers: { low: [[], [-2], "int32"], high: [[], [5], "int32"] },
      nodes: [node, { op: "Cast", inputs: ["n"], outputs: ["y"], attrs: { to: 1 } }],
    });
    const given = [-7, 0, 3, 9];
    const integers = (op: string, inputs = ["x"], attrs = {}) =>
      createSessionSync(readModel(write(file({ op, inputs, outputs: ["n"], attrs })))).run({
        x: Int32Array.from(given),
      }).output;
    expectClose("Neg", integers("Neg"), [7, 0, -3, -9], 0);
    expectClose("Abs", integers("Abs"), [7, 0, 3, 9], 0);
    expectClose("Clip", integers("Clip", ["x", "low", "high"]), [-2, 0, 3, 5], 0);
    expectClose("Clip without bounds", integers("Clip"), given, 0);
    expectClose("Cast of integers to a condition", integers("Cast", ["x"], { to: 9 }), [1, 0, 1, 1], 0);
    expectClose(
      "Cast of floats to a condition",
      run({ op: "Cast", shape, x: [-0.25, 0, 0.5, Number.NaN], attrs: { to: 9 } }, ["y"])[0],
      [1, 0, 1, 1],
      0,
    );
  });

  it("one row of a table of integers is no embedding", () => {
    const file: File = {
      inputs: { i: [[1], "int64"] },
      outputs: { y: [1, 2] },
      initializers: { table: [[3, 2], [1, 2, 3, 4, 5, 6], "int64"] },
      nodes: [
        { op: "Gather", inputs: ["table", "i"], outputs: ["row"] },
        { op: "Cast", inputs: ["row"], outputs: ["y"], attrs: { to: 1 } },
      ],
    };
    const { output } = createSessionSync(readModel(write(file))).run({ i: Int32Array.of(2) });
    expectClose("y", output, [5, 6], 0);
  });

  it("Concat of several rows joins each of them", () => {
    const model = readModel(
      write({
        inputs: { x: [2, 2] },
        outputs: { y: [2, 4] },
        nodes: [{ op: "Concat", inputs: ["x", "x"], outputs: ["y"], attrs: { axis: -1 } }],
      }),
    );
    const { output } = createSessionSync(model).run({ x: Float32Array.of(1, 2, 3, 4) });
    expectClose("y", output, [1, 2, 1, 2, 3, 4, 3, 4], 0);
  });

  it("an output that is known before anything runs has its name", () => {
    const file: File = {
      inputs: { x: [2, 3] },
      outputs: { sizes: [2], y: [2, 3] },
      nodes: [
        { op: "Shape", inputs: ["x"], outputs: ["n"] },
        { op: "Cast", inputs: ["n"], outputs: ["sizes"], attrs: { to: 1 } },
        { op: "Relu", inputs: ["x"], outputs: ["y"] },
      ],
    };
    const { outputs } = createSessionSync(readModel(write(file))).run({ x: new Float32Array(6) });
    expect(outputs).toEqual({ sizes: Float32Array.of(2, 3), y: new Float32Array(6) });
  });

  it("ScatterND that writes a block of a cache", () => {
    const file: File = {
      inputs: { x: [3, 2], u: [2, 2] },
      outputs: { y: [1] },
      initializers: { n: [[2, 1], [1, 2], "int64"] },
      nodes: [{ op: "ScatterND", inputs: ["x", "n", "u"], outputs: ["y"] }],
    };
    const model = readModel(write(file));
    const { output } = createSessionSync(model).run({
      x: Float32Array.of(1, 2, 3, 4, 5, 6),
      u: Float32Array.of(7, 8, 9, 10),
    });
    expectClose("y", output, [1, 2, 7, 8, 9, 10], 0);
  });
});

describe("an LSTM cell that is written out", () => {
  const [I, H] = [3, 2];
  /** Gates in an order of their own; `broken` changes one thing, after which it is no LSTM cell. */
  const file = (order: readonly string[], gemm: boolean, broken = false): File => {
    const [w, u, b] = [wave(I * 4 * H, 2), wave(H * 4 * H, 3), wave(4 * H, 5)];
    const product = gemm
      ? [
          { op: "Gemm", inputs: ["x", "w", "b"], outputs: ["p"] },
          { op: "Gemm", inputs: ["h", "u"], outputs: ["q"] },
          { op: "Add", inputs: ["q", "p"], outputs: ["sum"] },
        ]
      : [
          { op: "MatMul", inputs: ["x", "w"], outputs: ["p"] },
          { op: "MatMul", inputs: ["h", "u"], outputs: ["q"] },
          { op: "Add", inputs: ["p", "q"], outputs: ["pq"] },
          { op: "Add", inputs: ["pq", "b"], outputs: ["sum"] },
        ];
    return {
      inputs: { x: [1, I], h: [1, H], c: [1, H] },
      outputs: { y: [1, H], hn: [1, H], cn: [1, H] },
      initializers: { w: f([I, 4 * H], w), u: f([H, 4 * H], u), b: f([4 * H], b) },
      nodes: [
        ...product,
        { op: "Split", inputs: ["sum"], outputs: order, attrs: { axis: 1 } },
        ...["i", "f", "o"].map((gate) => ({ op: "Sigmoid", inputs: [gate], outputs: [`s${gate}`] })),
        { op: broken ? "Softsign" : "Tanh", inputs: ["g"], outputs: ["tg"] },
        { op: "Mul", inputs: ["c", "sf"], outputs: ["kept"] },
        { op: "Mul", inputs: ["si", "tg"], outputs: ["added"] },
        { op: "Add", inputs: ["kept", "added"], outputs: ["cn"] },
        { op: "Tanh", inputs: ["cn"], outputs: ["squashed"] },
        { op: "Mul", inputs: ["squashed", "so"], outputs: ["hn"] },
        { op: "Identity", inputs: ["hn"], outputs: ["y"] },
      ],
    };
  };
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

  it.each([
    [["i", "f", "g", "o"], true],
    [["i", "o", "f", "g"], false],
    [["g", "f", "i", "o"], false],
  ] as const)("in the order %s is one layer", (order, gemm) => {
    const made = file(order, gemm);
    const model = readModel(write(made));
    expect(model.nodes.filter(({ op }) => op === "lstm")).toHaveLength(1);
    expect(
      model.nodes.map(({ op }) => op).filter((op) => op !== "reshape" && op !== "lstm" && op !== "activation"),
    ).toEqual([]);
    const stream = createSessionSync(model).stream();
    const data = (name: string) =>
      (made.initializers as Record<string, readonly [unknown, readonly number[]]>)[name][1];
    let [h, c] = [new Array<number>(H).fill(0), new Array<number>(H).fill(0)];
    for (let t = 0; t < 4; t++) {
      const x = wave(I, t + 2);
      const sum = Array.from(
        { length: 4 * H },
        (_, k) =>
          data("b")[k] +
          x.reduce((s, v, n) => s + v * data("w")[n * 4 * H + k], 0) +
          h.reduce((s, v, n) => s + v * data("u")[n * 4 * H + k], 0),
      );
      const part = (gate: string, k: number) => sum[order.indexOf(gate as never) * H + k];
      c = c.map((v, k) => sigmoid(part("f", k)) * v + sigmoid(part("i", k)) * Math.tanh(part("g", k)));
      h = c.map((v, k) => sigmoid(part("o", k)) * Math.tanh(v));
      expectClose(`step ${t}`, stream.step(Float32Array.from(x)) as Float32Array, h, 1e-6);
    }
  });

  it("with another function is left as it is", () => {
    const model = readModel(write(file(["i", "f", "g", "o"], true, true)));
    expect(model.nodes.some(({ op }) => op === "lstm")).toBe(false);
    expect(model.states.map(({ name }) => name)).toEqual(["h", "c"]);
  });
});

describe("a GRU cell that is written out", () => {
  const [I, H] = [3, 2];
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  const W = { zr: wave(I * 2 * H, 2), n: wave(I * H, 3) };
  const U = { zr: wave(H * 2 * H, 5), n: wave(H * H, 7) };
  const b = { zr: wave(2 * H, 11), n: wave(H, 13), inner: wave(H, 17) };

  type Form = "(1 - z) n + z h" | "n + z (h - n)" | "(n - z n) + h z";
  /** h' of z, n and h. */
  const mixed = (form: Form): Node[] => {
    const kept = { op: "Mul", inputs: ["z", "h"], outputs: ["kept"] };
    if (form === "n + z (h - n)")
      return [
        { op: "Sub", inputs: ["h", "n"], outputs: ["less"] },
        { op: "Mul", inputs: ["less", "z"], outputs: ["part"] },
        { op: "Add", inputs: ["n", "part"], outputs: ["hn"] },
      ];
    if (form === "(1 - z) n + z h")
      return [
        { op: "Sub", inputs: ["one", "z"], outputs: ["rest"] },
        { op: "Mul", inputs: ["n", "rest"], outputs: ["new"] },
        kept,
        { op: "Add", inputs: ["kept", "new"], outputs: ["hn"] },
      ];
    return [
      { op: "Mul", inputs: ["z", "n"], outputs: ["zn"] },
      { op: "Sub", inputs: ["n", "zn"], outputs: ["new"] },
      kept,
      { op: "Add", inputs: ["new", "kept"], outputs: ["hn"] },
    ];
  };
  const candidate = (after: boolean): Node[] =>
    after
      ? [
          { op: "Gemm", inputs: ["h", "un", "inner"], outputs: ["hun"] },
          { op: "Mul", inputs: ["hun", "r"], outputs: ["scaled"] },
          { op: "MatMul", inputs: ["x", "wn"], outputs: ["xw"] },
          { op: "Add", inputs: ["xw", "bn"], outputs: ["xn"] },
          { op: "Add", inputs: ["scaled", "xn"], outputs: ["sum"] },
        ]
      : [
          { op: "Mul", inputs: ["r", "h"], outputs: ["scaled"] },
          { op: "Gemm", inputs: ["x", "wn", "bn"], outputs: ["xn"] },
          { op: "MatMul", inputs: ["scaled", "un"], outputs: ["hun"] },
          { op: "Add", inputs: ["xn", "hun"], outputs: ["sum"] },
        ];
  const file = (form: Form, after: boolean, change: (nodes: Node[]) => Node[] = (nodes) => nodes): File => ({
    inputs: { x: [1, I], h: [1, H] },
    outputs: { y: [1, H], hn: [1, H] },
    initializers: {
      wzr: f([I, 2 * H], W.zr),
      wn: f([I, H], W.n),
      uzr: f([H, 2 * H], U.zr),
      un: f([H, H], U.n),
      bzr: f([2 * H], b.zr),
      bn: f([H], b.n),
      inner: f([H], b.inner),
      one: f([], [1]),
      two: f([], [2]),
    },
    nodes: change([
      { op: "MatMul", inputs: ["x", "wzr"], outputs: ["xzr"] },
      { op: "Gemm", inputs: ["h", "uzr", "bzr"], outputs: ["hzr"] },
      { op: "Add", inputs: ["xzr", "hzr"], outputs: ["zr"] },
      { op: "Split", inputs: ["zr"], outputs: ["az", "ar"], attrs: { axis: -1 } },
      { op: "Sigmoid", inputs: ["az"], outputs: ["z"] },
      { op: "Sigmoid", inputs: ["ar"], outputs: ["r"] },
      ...candidate(after),
      { op: "Tanh", inputs: ["sum"], outputs: ["n"] },
      ...mixed(form),
      { op: "Identity", inputs: ["hn"], outputs: ["y"] },
    ]),
  });

  const times = (v: readonly number[], m: readonly number[], columns: number) =>
    Array.from({ length: columns }, (_, c) => v.reduce((s, one, k) => s + one * m[k * columns + c], 0));
  /** The equations, in f64. */
  const next = (x: readonly number[], h: readonly number[], after: boolean): number[] => {
    const gates = times(x, W.zr, 2 * H).map((v, k) => sigmoid(v + times(h, U.zr, 2 * H)[k] + b.zr[k]));
    const [z, r] = [gates.slice(0, H), gates.slice(H)];
    const inner = after
      ? times(h, U.n, H).map((v, k) => r[k] * (v + b.inner[k]))
      : times(
          h.map((v, k) => r[k] * v),
          U.n,
          H,
        );
    const n = times(x, W.n, H).map((v, k) => Math.tanh(v + b.n[k] + inner[k]));
    return h.map((v, k) => (1 - z[k]) * n[k] + z[k] * v);
  };

  it.each([
    ["(1 - z) n + z h", true],
    ["(1 - z) n + z h", false],
    ["n + z (h - n)", true],
    ["n + z (h - n)", false],
    ["(n - z n) + h z", true],
    ["(n - z n) + h z", false],
  ] as const)("as %s, reset after the product: %s, is one layer that gives the equations' numbers", (form, after) => {
    const model = readModel(write(file(form, after)));
    const cells = model.nodes.filter(({ op }) => op === "gru");
    expect(cells.map(({ attrs }) => attrs.resetAfter)).toEqual([after]);
    expect(model.nodes.every(({ op }) => ["gru", "reshape", "activation"].includes(op))).toBe(true);
    for (const variant of ["reference", "auto"] as const) {
      const stream = createSessionSync(model, { variant }).stream();
      let h = new Array<number>(H).fill(0);
      for (let t = 0; t < 5; t++) {
        const x = wave(I, t + 2);
        h = next(x, h, after);
        expectClose(`step ${t}`, stream.step(Float32Array.from(x)) as Float32Array, h, 1e-6);
      }
    }
  });

  it("a gate that is added to itself forty times is looked at no further", () => {
    const doubled = Array.from({ length: 40 }, (_, i): Node => {
      const from = i === 0 ? "az" : `az${i}`;
      return { op: "Add", inputs: [from, from], outputs: [`az${i + 1}`] };
    });
    const change = (nodes: Node[]) => [
      ...nodes.slice(0, 4),
      ...doubled,
      ...nodes.slice(4).map((one) => (one.outputs[0] === "z" ? { ...one, inputs: ["az40"] } : one)),
    ];
    const model = readModel(write(file("(1 - z) n + z h", true, change)));
    expect(model.nodes.some(({ op }) => op === "gru")).toBe(false);
  });

  const replaced = (output: string, node: Partial<Node>) => (nodes: Node[]) =>
    nodes.map((one) => (one.outputs[0] === output ? { ...one, ...node } : one));
  it.each([
    ["another function of the candidate", replaced("n", { op: "Softsign" })],
    ["another function of a gate", replaced("z", { op: "HardSigmoid" })],
    ["2 − z", replaced("rest", { inputs: ["two", "z"] })],
    ["1 − r in place of 1 − z", replaced("rest", { inputs: ["one", "r"] })],
    ["another state that is kept", replaced("kept", { inputs: ["z", "n"] })],
    ["z − 1", replaced("rest", { inputs: ["z", "one"] })],
    ["a reset gate of h alone", replaced("r", { inputs: ["hr"] })],
    ["a candidate that adds h itself", replaced("scaled", { inputs: ["h", "r"] })],
    ["a scaled product", replaced("hzr", { attrs: { alpha: { float: 2 } } })],
  ])("with %s is left as it is, and gives the same numbers as the reference", (name, change) => {
    const more: Node[] =
      name === "a reset gate of h alone" ? [{ op: "MatMul", inputs: ["h", "un"], outputs: ["hr"] }] : [];
    const model = readModel(write(file("(1 - z) n + z h", true, (nodes) => [...more, ...change(nodes)])));
    expect(model.nodes.some(({ op }) => op === "gru")).toBe(false);
    const [expected, got] = (["reference", "auto"] as const).map((variant) => {
      const stream = createSessionSync(model, { variant }).stream();
      return [2, 3, 4].flatMap((t) => [...(stream.step(Float32Array.from(wave(I, t))) as Float32Array)]);
    });
    expectClose("y", Float32Array.from(got), expected, 1e-5);
  });
});
