import { describe, expect, it } from "vitest";
import { ACTIVATIONS, activation, clip } from "../../src/reference/activation.ts";

const ALL = Object.keys(ACTIVATIONS) as (keyof typeof ACTIVATIONS)[];

/** The function with its defaults; alpha 1.5 and beta −0.5 where it has none. */
function withDefaults(name: string): (x: number) => number {
  return activation(name === "affine" || name === "scaledTanh" ? { name, alpha: 1.5, beta: -0.5 } : { name });
}

/** Values from 60-digit arithmetic, rounded to f64. */
const VALUES: [name: string, x: number, y: number][] = [
  ["identity", -0.75, -0.75],
  ["sigmoid", 0, 0.5],
  ["sigmoid", 1, 0.7310585786300049],
  ["sigmoid", -1, 0.2689414213699951],
  ["sigmoid", 30, 0.9999999999999064],
  ["sigmoid", -100, 3.720075976020836e-44],
  ["sigmoid", -700, 9.85967654375977e-305],
  ["sigmoid", 100, 1],
  ["tanh", 1, 0.7615941559557649],
  ["tanh", -0.75, -0.6351489523872873],
  ["tanh", 100, 1],
  ["tanh", -100, -1],
  ["relu", 2, 2],
  ["relu", -2, 0],
  ["affine", 2, 2.5],
  ["leakyRelu", 2, 2],
  ["leakyRelu", -2, -0.02],
  ["elu", 2, 2],
  ["elu", -1, -0.6321205588285577],
  ["elu", -1e-10, -9.9999999995e-11],
  ["elu", -100, -1],
  ["elu", 100, 100],
  ["softsign", 3, 0.75],
  ["softsign", -3, -0.75],
  ["softplus", 0, Math.LN2],
  ["softplus", 1, 1.3132616875182228],
  ["softplus", -40, 4.248354255291589e-18],
  ["softplus", -100, 3.720075976020836e-44],
  ["softplus", 30, 30.000000000000092],
  ["softplus", 100, 100],
  ["scaledTanh", 2, 1.5 * -0.7615941559557649],
  ["thresholdedRelu", 1.5, 1.5],
  ["thresholdedRelu", 1, 0],
  ["thresholdedRelu", -3, 0],
];

/** Limits at −∞ and +∞. */
const LIMITS: Record<keyof typeof ACTIVATIONS, [low: number, high: number]> = {
  identity: [-Infinity, Infinity],
  sigmoid: [0, 1],
  tanh: [-1, 1],
  relu: [0, Infinity],
  hardSigmoid: [0, 1],
  affine: [-Infinity, Infinity],
  leakyRelu: [-Infinity, Infinity],
  elu: [-1, Infinity],
  softsign: [NaN, NaN],
  softplus: [0, Infinity],
  scaledTanh: [1.5, -1.5],
  thresholdedRelu: [0, Infinity],
};

describe("activation functions", () => {
  it.each(VALUES)("%s(%d) is %d to 2 ulp", (name, x, y) => {
    expect(Math.abs(withDefaults(name)(x) - y)).toBeLessThanOrEqual(2 * Number.EPSILON * Math.abs(y));
  });

  it.each(ALL)("%s has its limits at ±∞", (name) => {
    expect([withDefaults(name)(-Infinity), withDefaults(name)(Infinity)]).toEqual(LIMITS[name]);
  });

  it.each(ALL)("%s keeps NaN", (name) => {
    expect(withDefaults(name)(NaN)).toBeNaN();
  });

  it.each(ALL)("%s gives the same at +0 and −0, up to the sign of zero", (name) => {
    expect(withDefaults(name)(0) === withDefaults(name)(-0)).toBe(true);
  });

  it("hardSigmoid has its kinks at ±3 as in PyTorch, and at ±2.5 with alpha 0.2 as in ONNX", () => {
    const torch = activation({ name: "hardSigmoid" });
    expect([-3.01, -3, 0, 3, 3.01].map(torch)).toEqual([0, 0, 0.5, 1, 1]);
    expect(torch(-2.99)).toBeCloseTo(0.01 / 6, 14);
    expect(torch(2.99)).toBeCloseTo(1 - 0.01 / 6, 14);
    const onnx = activation({ name: "hardSigmoid", alpha: 0.2 });
    expect([-2.51, -2.5, 0, 2.5, 2.51].map(onnx)).toEqual([0, 0, 0.5, 1, 1]);
    expect(onnx(-2.49)).toBeCloseTo(0.002, 14);
    expect(onnx(2.49)).toBeCloseTo(0.998, 14);
  });

  it("takes alpha and beta from the spec", () => {
    expect(activation({ name: "hardSigmoid", alpha: 0.25, beta: 0.25 })(1)).toBe(0.5);
    expect(activation({ name: "leakyRelu", alpha: 0.5 })(-2)).toBe(-1);
    expect(activation({ name: "elu", alpha: 3 })(-100)).toBe(-3);
    expect(activation({ name: "thresholdedRelu", alpha: 2 })(1.5)).toBe(0);
    expect(activation({ name: "thresholdedRelu", alpha: -2 })(-1.5)).toBe(-1.5);
    expect(activation({ name: "scaledTanh", alpha: 2, beta: 0.5 })(1)).toBeCloseTo(0.9242343145200195, 15);
  });

  it("has no default alpha and beta where a model must give both", () => {
    for (const name of ["affine", "scaledTanh"]) expect(activation({ name })(1)).toBeNaN();
  });

  it("sigmoid(−x) is 1 − sigmoid(x) and softplus(x) − softplus(−x) is x", () => {
    const sigmoid = activation({ name: "sigmoid" });
    const softplus = activation({ name: "softplus" });
    for (let x = -40; x <= 40; x += 0.37) {
      expect(sigmoid(-x) + sigmoid(x)).toBeCloseTo(1, 15);
      expect(softplus(x) - softplus(-x)).toBeCloseTo(x, 13);
    }
  });

  it("clip limits to ±bound, to nothing where there is none, and keeps NaN", () => {
    expect([-3, -2, 1, 2, 3].map((x) => clip(x, 2))).toEqual([-2, -2, 1, 2, 2]);
    expect([-1e300, Infinity].map((x) => clip(x))).toEqual([-1e300, Infinity]);
    expect(clip(NaN, 2)).toBeNaN();
  });
});
