import { describe, expect, it } from "vitest";
import { activation } from "../../src/reference/activation.ts";
import { type CellOptions, rnnStep as step } from "../../src/reference/rnn.ts";

// I = 1, H = 2
const weights = {
  weightIh: Float64Array.of(0.5, -1),
  weightHh: Float64Array.of(1, 2, -3, 0.25),
  biasIh: Float64Array.of(0.25, 0.5),
  biasHh: Float64Array.of(-1, 2),
};
const x = Float64Array.of(2);
const h = Float64Array.of(0.5, -0.25);
// Rows: 0.5·2 + 0.25 + (1·0.5 − 2·0.25) − 1 = 0.25;  −1·2 + 0.5 + (−3·0.5 − 0.25·0.25) + 2 = −1.0625
const PRE = [0.25, -1.0625];

interface Weights {
  weightIh: Float64Array;
  weightHh: Float64Array;
  biasIh?: Float64Array;
  biasHh?: Float64Array;
}

/** A step with the weights by name and the default function, h → h'. */
function rnnStep(x: Float64Array, h: Float64Array, weights: Weights, options: Partial<CellOptions> = {}): Float64Array {
  const { weightIh, weightHh, biasIh, biasHh } = weights;
  return step(x, [h], [weightIh, weightHh, biasIh, biasHh], { activations: [], ...options })[0];
}

describe("rnnStep", () => {
  it("applies tanh to W x + b_ih + U h + b_hh", () => {
    expect([...rnnStep(x, h, weights)]).toEqual(PRE.map(Math.tanh));
  });

  it("applies another function where it is given", () => {
    expect([...rnnStep(x, h, weights, { activations: [activation({ name: "relu" })] })]).toEqual([0.25, 0]);
    expect([...rnnStep(x, h, weights, { activations: [activation({ name: "identity" })] })]).toEqual(PRE);
  });

  it("clips what enters the function", () => {
    const options = { activations: [activation({ name: "affine", alpha: 10, beta: 0 })], clip: 0.5 };
    expect([...rnnStep(x, h, weights, options)]).toEqual([2.5, -5]);
  });

  it("needs no biases, and leaves its arguments as they are", () => {
    const { weightIh, weightHh } = weights;
    expect([...rnnStep(x, h, { weightIh, weightHh })]).toEqual([1, -3.5625].map(Math.tanh));
    expect([x, h]).toEqual([Float64Array.of(2), Float64Array.of(0.5, -0.25)]);
  });
});
