/**
 * The functions over all of f32, through a model that is one activation layer: sigmoid and tanh against Math in f64 with
 * the range, symmetry and order that the numerics promise, the others against the equations of the reference.
 */

import type { Model } from "../../src/index.ts";
import { modelFromLayers } from "../../src/index.ts";
import type { ActivationSpec } from "../../src/model.ts";
import { activation } from "../../src/reference/activation.ts";
import { type Case, type Implementation, withSession } from "./cases.ts";
import { expectClose, expectUlp, ulp } from "./compare.ts";
import { seeded } from "./models.ts";
import { FUNCTIONS } from "./random-recurrent.ts";

/** Elements of the layer: vectors of four and none left over. */
const WIDTH = 1024;

type Points = readonly (readonly [x: number, y: number])[];

/** Values that f32 holds exactly, at the places where a function bends or jumps. */
const EXACT: readonly (readonly [spec: ActivationSpec, points: Points])[] = [
  [
    { name: "identity" },
    [
      [-3, -3],
      [0, 0],
      [2 ** -149, 2 ** -149],
    ],
  ],
  [
    { name: "relu" },
    [
      [-1, 0],
      [0, 0],
      [2 ** -149, 2 ** -149],
      [3, 3],
    ],
  ],
  [
    { name: "hardSigmoid", alpha: 0.25, beta: 0.5 },
    [
      [-2.5, 0],
      [-2, 0],
      [-1, 0.25],
      [1, 0.75],
      [2, 1],
      [2.5, 1],
    ],
  ],
  [
    { name: "affine", alpha: -2, beta: 0.5 },
    [
      [-1, 2.5],
      [0, 0.5],
      [1, -1.5],
    ],
  ],
  [
    { name: "leakyRelu", alpha: 0.25 },
    [
      [-4, -1],
      [0, 0],
      [4, 4],
    ],
  ],
  [
    { name: "elu", alpha: 0.5 },
    [
      [-1e4, -0.5],
      [0, 0],
      [4, 4],
    ],
  ],
  [
    { name: "softsign" },
    [
      [-1, -0.5],
      [0, 0],
      [3, 0.75],
    ],
  ],
  [
    { name: "softplus" },
    [
      [100, 100],
      [-200, 0],
    ],
  ],
  [
    { name: "scaledTanh", alpha: 2, beta: 0.5 },
    [
      [0, 0],
      [100, 2],
      [-100, -2],
    ],
  ],
  [
    { name: "thresholdedRelu", alpha: 0.5 },
    [
      [-1, 0],
      [0, 0],
      [0.5, 0],
      [0.5 + 2 ** -24, 0.5 + 2 ** -24],
      [2, 2],
    ],
  ],
];

export function functions(implementation: Implementation): Case[] {
  const through = (spec: ActivationSpec, xs: Float32Array) => evaluate(implementation, spec, xs);
  const sigmoid = (xs: Float32Array) => through({ name: "sigmoid" }, xs);
  const tanh = (xs: Float32Array) => through({ name: "tanh" }, xs);
  const cases: Record<string, () => void> = {
    "sigmoid/error"() {
      const xs = sweep();
      expectUlp("sigmoid", xs, sigmoid(xs), Float64Array.from(xs, logistic), 2.5);
    },
    "tanh/error"() {
      const xs = sweep();
      expectUlp("tanh", xs, tanh(xs), Float64Array.from(xs, Math.tanh), 2.5);
    },
    "sigmoid/range"() {
      expectRange(sweep(), sigmoid, 0, 1);
    },
    "tanh/range"() {
      expectRange(sweep(), tanh, -1, 1);
    },
    "sigmoid/order"() {
      expectOrder(sweep(), sigmoid);
    },
    "tanh/order"() {
      expectOrder(sweep(), tanh);
    },
    "tanh/odd"() {
      const xs = sweep();
      const [y, mirrored] = [tanh(xs), tanh(xs.map((x) => -x))];
      const wrong = y.findIndex((value, i) => !Object.is(value, -mirrored[i]));
      if (wrong >= 0) throw new Error(`tanh(${xs[wrong]}): expected ${-mirrored[wrong]}, got ${y[wrong]}`);
    },
    "sigmoid/points"() {
      expectPoints(sigmoid, [
        [0, 0.5],
        [-0, 0.5],
        [Infinity, 1],
        [-Infinity, 0],
        [NaN, NaN],
      ]);
      expectPoints(sigmoid, [
        [3.4e38, 1],
        [-3.4e38, 0],
        [1e-45, 0.5],
        [-104, 0],
        [-103, 2 ** -149],
      ]);
    },
    "tanh/points"() {
      expectPoints(tanh, [
        [0, 0],
        [-0, -0],
        [Infinity, 1],
        [-Infinity, -1],
        [NaN, NaN],
      ]);
      expectPoints(tanh, [
        [3.4e38, 1],
        [-3.4e38, -1],
        [2 ** -149, 2 ** -149],
        [-1e-30, Math.fround(-1e-30)],
      ]);
    },
  };
  for (const [spec, points] of EXACT) {
    cases[`${spec.name}/exact`] = () => expectPoints((xs) => through(spec, xs), points);
  }
  for (const spec of FUNCTIONS) {
    cases[`${spec.name}/equation`] = () => checkEquation(spec, through);
    cases[`${spec.name}/points`] ??= () => {
      const points = [0, Infinity, -Infinity, NaN].map((x): [number, number] => [x, activation(spec)(x)]);
      expectPoints((xs) => through(spec, xs), points, true);
    };
  }
  return Object.entries(cases).map(([name, run]) => ({ name: `functions/${name}`, run }));
}

function logistic(x: number): number {
  return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
}

/**
 * Within 4 ulp of the largest number on the way. The f32 parameters are half an ulp off as well. Sums that cancel (alpha·x +
 * beta) keep the error of their parts.
 */
function checkEquation(spec: ActivationSpec, through: (spec: ActivationSpec, xs: Float32Array) => Float32Array): void {
  const xs = sweep().filter((x) => Math.abs(x) < 1e4);
  const f = activation(spec);
  const { alpha = 1, beta = 1 } = spec;
  const sums = spec.name === "affine" || spec.name === "hardSigmoid";
  const got = through(spec, xs);
  const units = Float64Array.from(xs, (x) => ulp(sums ? Math.abs(alpha * x) + Math.abs(beta) : f(x)));
  const errors = Float64Array.from(xs, (x, i) => {
    // A kink that the f32 parameter moves: thresholdedRelu jumps at alpha.
    if (spec.name === "thresholdedRelu" && Math.abs(x - alpha) <= ulp(alpha)) return 0;
    return (got[i] - f(x)) / units[i];
  });
  expectClose(`${spec.name} in ulp`, errors, new Float64Array(xs.length), 4);
}

function expectRange(xs: Float32Array, f: (xs: Float32Array) => Float32Array, low: number, high: number): void {
  const y = f(xs);
  const wrong = y.findIndex((value) => !(value >= low && value <= high));
  if (wrong >= 0) throw new Error(`f(${xs[wrong]}): expected a number in ${low} … ${high}, got ${y[wrong]}`);
}

/** Rises, or falls by no more than one ulp between neighbours. */
function expectOrder(xs: Float32Array, f: (xs: Float32Array) => Float32Array): void {
  const y = f(xs);
  for (let i = 1; i < xs.length; i++) {
    if (y[i] >= y[i - 1] - ulp(y[i - 1])) continue;
    throw new Error(`f(${xs[i]}): expected at least f(${xs[i - 1]}) = ${y[i - 1]} less one ulp, got ${y[i]}`);
  }
}

function expectPoints(f: (xs: Float32Array) => Float32Array, points: Points, rounded = false): void {
  const y = f(Float32Array.from(points, ([x]) => x));
  points.forEach(([x, expected], i) => {
    const same = rounded ? Math.abs(y[i] - expected) <= 2 * ulp(expected) : Object.is(y[i], expected);
    if (!same && !Object.is(y[i], expected)) throw new Error(`f(${x}): expected ${expected}, got ${y[i]}`);
  });
}

/** f of every x: rows of WIDTH, the last filled up with zeros. */
function evaluate(implementation: Implementation, spec: ActivationSpec, xs: Float32Array): Float32Array {
  const padded = new Float32Array(Math.ceil(xs.length / WIDTH) * WIDTH);
  padded.set(xs);
  return withSession(implementation, oneLayer(spec), (session) => session.run(padded).output.slice(0, xs.length));
}

function oneLayer(activation: ActivationSpec): Model {
  const inputs = [{ name: "x", dtype: "F32" as const, shape: [WIDTH] }];
  return modelFromLayers([{ type: "activation", name: "f", activation }], new Map(), { inputs });
}

/** All of f32 without NaN and infinities, ascending: dense where the functions bend, then the tails, the tiny, and any bits. */
function sweep(): Float32Array {
  const xs: number[] = [0];
  const grid = (low: number, high: number, count: number) => {
    for (let i = 0; i < count; i++) xs.push(low + ((high - low) * i) / count);
  };
  grid(-20, 20, 30_000);
  // Where sigmoid is subnormal, and past it; where tanh becomes 1.
  grid(-106, -86, 10_000);
  grid(86, 106, 2_000);
  grid(7.5, 9.5, 5_000);
  grid(-9.5, -7.5, 5_000);
  for (let exponent = -149; exponent < 6; exponent++) {
    for (let i = 0; i < 32; i++) xs.push(2 ** exponent * (1 + i / 32), -(2 ** exponent) * (1 + i / 32));
  }
  const random = seeded("bits");
  const bits = Uint32Array.from({ length: 10_000 }, () => random() * 2 ** 32);
  xs.push(...new Float32Array(bits.buffer).filter(Number.isFinite));
  return Float32Array.from(xs).sort();
}
