import { describe, expect, it } from "vitest";
import { activation } from "../../src/reference/activation.ts";
import { lstmStep as step } from "../../src/reference/lstm.ts";
import type { CellOptions } from "../../src/reference/rnn.ts";

const identity = activation({ name: "identity" });
const IDENTITIES = [identity, identity, identity];

/** I = 1, H = 2; every number differs, so that no two gates can be exchanged. */
const weights = {
  weightIh: Float64Array.of(0.1, -0.2, 0.3, 0.4, -0.5, 0.6, 0.7, -0.8),
  weightHh: Float64Array.of(
    -0.15,
    0.25,
    0.35,
    -0.45,
    0.55,
    0.65,
    -0.75,
    0.85,
    0.95,
    1.05,
    -1.15,
    1.25,
    0.12,
    0.22,
    0.32,
    0.42,
  ),
  biasIh: Float64Array.of(0.01, 0.02, -0.03, 0.04, 0.05, -0.06, 0.07, 0.08),
  biasHh: Float64Array.of(0.11, -0.12, 0.13, 0.14, -0.15, 0.16, 0.17, -0.18),
};
const x = Float64Array.of(1.5);
const state = { h: Float64Array.of(0.3, -0.7), c: Float64Array.of(2, -0.9) };

interface Weights {
  weightIh: Float64Array;
  weightHh: Float64Array;
  biasIh?: Float64Array;
  biasHh?: Float64Array;
  weightHr?: Float64Array;
  peephole?: Float64Array;
}

/** A step with weights and states by name and the default functions. */
function lstmStep(x: Float64Array, before: typeof state, weights: Weights, options: Partial<CellOptions> = {}) {
  const { weightIh, weightHh, biasIh, biasHh, weightHr, peephole } = weights;
  const tensors = [weightIh, weightHh, biasIh, biasHh, weightHr, peephole] as const;
  const [h, c] = step(x, [before.h, before.c], tensors, { activations: [], ...options });
  return { h, c };
}

/** The same weights with the bias of gates raised: 0 i, 1 f, 2 g, 3 o. */
function raised(by: Partial<Record<number, number>>): typeof weights {
  return { ...weights, biasIh: weights.biasIh.map((b, i) => b + (by[i >> 1] ?? 0)) };
}

/** One unit with W = U = 0: the biases are the pre-activations of i, f, g, o. */
function scalar(pre: number[], h: number, c: number, options: Partial<CellOptions>, more: Partial<Weights> = {}) {
  const cell = {
    weightIh: new Float64Array(4),
    weightHh: new Float64Array(4),
    biasIh: Float64Array.from(pre),
    ...more,
  };
  const next = lstmStep(Float64Array.of(1), { h: Float64Array.of(h), c: Float64Array.of(c) }, cell, options);
  return [next.h[0], next.c[0]];
}

describe("lstmStep", () => {
  it("adds W x + b_ih + U h + b_hh in gate order i, f, g, o", () => {
    // x = 3, h = 5: i = 3 + 25 + 9 + 13, f = 6 + 30 + 10 + 14, g = 9 + 35 + 11 + 15, o = 12 + 40 + 12 + 16
    const cell = {
      weightIh: Float64Array.of(1, 2, 3, 4),
      weightHh: Float64Array.of(5, 6, 7, 8),
      biasIh: Float64Array.of(9, 10, 11, 12),
      biasHh: Float64Array.of(13, 14, 15, 16),
    };
    const before = { h: Float64Array.of(5), c: Float64Array.of(2) };
    const { h, c } = lstmStep(Float64Array.of(3), before, cell, { activations: IDENTITIES });
    expect(c[0]).toBe(60 * 2 + 50 * 70);
    expect(h[0]).toBe(80 * c[0]);
    expect(before).toEqual({ h: Float64Array.of(5), c: Float64Array.of(2) });
  });

  it("uses sigmoid, tanh and tanh unless told otherwise", () => {
    const activations = ["sigmoid", "tanh", "tanh"].map((name) => activation({ name }));
    expect(lstmStep(x, state, weights)).toEqual(lstmStep(x, state, weights, { activations }));
    const [h, c] = scalar([0, 0, 1, 0], 0, 3, {});
    expect(c).toBeCloseTo(0.5 * 3 + 0.5 * Math.tanh(1), 15);
    expect(h).toBeCloseTo(0.5 * Math.tanh(c), 15);
  });

  it("applies its three functions to gates, candidate and output", () => {
    const activations = [2, 3, 5].map((alpha) => activation({ name: "affine", alpha, beta: 0 }));
    const [h, c] = scalar([1, 10, 100, 1000], 0, 7, { activations });
    expect(c).toBe(20 * 7 + 2 * 300);
    expect(h).toBe(2000 * 5 * c);
  });

  it("keeps c where f is 1 and i is 0", () => {
    const { h, c } = lstmStep(x, state, raised({ 0: -1000, 1: 1000, 3: 1000 }));
    expect(c).toEqual(state.c);
    expect(h).toEqual(state.c.map(Math.tanh));
  });

  it("forgets c where f is 0", () => {
    const cell = raised({ 1: -1000 });
    const other = { h: state.h, c: Float64Array.of(-5, 40) };
    expect(lstmStep(x, other, cell)).toEqual(lstmStep(x, state, cell));
  });

  it("gives h = 0 where o is 0, whatever c is", () => {
    const { h, c } = lstmStep(x, state, raised({ 3: -1000 }));
    expect(h).toEqual(Float64Array.of(0, -0).map((_, j) => 0 * Math.tanh(c[j])));
  });

  it("shows i and f the old c and o the new one through the peepholes", () => {
    const peephole = Float64Array.of(2, 3, 5);
    // c = 7: i = 1 + 2·7 = 15, f = 10 + 3·7 = 31, c' = 31·7 + 15·100 = 1717, o = 1000 + 5·1717
    const [h, c] = scalar([1, 10, 100, 1000], 0, 7, { activations: IDENTITIES }, { peephole });
    expect([h, c]).toEqual([(1000 + 5 * 1717) * 1717, 1717]);
  });

  it("keeps the peepholes of units apart", () => {
    const cell = {
      weightIh: new Float64Array(8),
      weightHh: new Float64Array(16),
      peephole: Float64Array.of(1, 2, 3, 4, 5, 6),
    };
    const c = Float64Array.of(10, 100);
    const next = lstmStep(x, { h: new Float64Array(2), c }, cell, { activations: IDENTITIES });
    expect(next.c).toEqual(Float64Array.of(3 * 10 * 10, 4 * 100 * 100));
    expect(next.h).toEqual(Float64Array.of(5 * 300 * 300, 6 * 40000 * 40000));
  });

  it("takes 1 − i for f where the gates are coupled, and then ignores f", () => {
    const options = { activations: IDENTITIES, coupledInputForget: true };
    const peephole = Float64Array.of(2, 0, 0);
    // i = 1 + 2·7 = 15, f = −14, c' = −14·7 + 15·100
    expect(scalar([1, 10, 100, 1], 0, 7, options, { peephole })[1]).toBe(-14 * 7 + 15 * 100);
    expect(lstmStep(x, state, raised({ 1: 9 }), { coupledInputForget: true })).toEqual(
      lstmStep(x, state, weights, { coupledInputForget: true }),
    );
  });

  it("clips what enters i, f, g and o, peepholes included, but not what enters the output function", () => {
    const options = { activations: IDENTITIES, clip: 3 };
    const peephole = Float64Array.of(-100, 0, 0);
    // i = −3, f = 3, g = 3, o = 3, c' = 3·7 − 3·3 = 12, h' = 3·12
    expect(scalar([4, 5, 6, 7], 0, 7, options, { peephole })).toEqual([36, 12]);
  });

  it("projects h to P, and takes h of size P", () => {
    // P = 1, H = 2: only W_hr and the columns of U differ from the cell without a projection.
    const weightHh = weights.weightHh.filter((_, i) => i % 2 === 0);
    const cell = { ...weights, weightHh, weightHr: Float64Array.of(2, -3) };
    const small = { h: Float64Array.of(0.3), c: state.c };
    const plain = lstmStep(x, { h: Float64Array.of(0.3, 0), c: state.c }, weights);
    const projected = lstmStep(x, small, cell);
    expect(projected.c).toEqual(plain.c);
    expect(projected.h).toEqual(Float64Array.of(2 * plain.h[0] - 3 * plain.h[1]));
  });
});
