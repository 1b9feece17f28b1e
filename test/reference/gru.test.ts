import { describe, expect, it } from "vitest";
import { activation } from "../../src/reference/activation.ts";
import { gruStep as step } from "../../src/reference/gru.ts";
import type { CellOptions } from "../../src/reference/rnn.ts";

const identity = activation({ name: "identity" });
const sigmoid = activation({ name: "sigmoid" });

/** I = 2, H = 2; every number differs, so that no two gates can be exchanged. */
const weights = {
  weightIh: Float64Array.of(0.1, -0.2, 0.3, 0.4, -0.5, 0.6, 0.7, 0.8, 0.9, -1, 1.1, 1.2),
  weightHh: Float64Array.of(-0.15, 0.25, 0.35, -0.45, 0.55, 0.65, -0.75, 0.85, 0.95, 1.05, -1.15, 1.25),
  biasIh: Float64Array.of(0.01, 0.02, -0.03, 0.04, 0.05, -0.06),
  biasHh: Float64Array.of(0.07, -0.08, 0.09, 0.11, -0.12, 0.13),
};
const x = Float64Array.of(0.5, -1.5);
const h = Float64Array.of(0.3, -0.7);

interface Weights {
  weightIh: Float64Array;
  weightHh: Float64Array;
  biasIh?: Float64Array;
  biasHh?: Float64Array;
}

/** A step with the weights by name and the default functions, h → h'. */
function gruStep(x: Float64Array, h: Float64Array, weights: Weights, options: Partial<CellOptions> = {}): Float64Array {
  const { weightIh, weightHh, biasIh, biasHh } = weights;
  return step(x, [h], [weightIh, weightHh, biasIh, biasHh], { activations: [], ...options })[0];
}

/** The same weights with the bias of one gate raised by `by`: 0 r, 1 z, 2 n. */
function raised(gate: number, by: number): typeof weights {
  return { ...weights, biasIh: weights.biasIh.map((b, i) => (i >> 1 === gate ? b + by : b)) };
}

/** One unit, x = 1, h = 2: scalars for the rows r, z, n of W and U and of both biases. */
function scalar(w: number[], u: number[], bi: number[], bh: number[], options: CellOptions): number {
  const cell = {
    weightIh: Float64Array.from(w),
    weightHh: Float64Array.from(u),
    biasIh: Float64Array.from(bi),
    biasHh: Float64Array.from(bh),
  };
  return gruStep(Float64Array.of(1), Float64Array.of(2), cell, options)[0];
}

describe("gruStep", () => {
  // With identities: r = 1 + 2·2 + 3 + 4 = 12, z = 5 + 2·6 + 7 + 8 = 32.
  const rows = [
    [1, 5, 9],
    [2, 6, 10],
    [3, 7, 11],
    [4, 8, 12],
  ] as const;
  const run = (resetAfter: boolean, options = {}) =>
    scalar([...rows[0]], [...rows[1]], [...rows[2]], [...rows[3]], {
      resetAfter,
      activations: [identity, identity],
      ...options,
    });

  it("multiplies U_n h + b_hn by r where the reset comes after the product", () => {
    const n = 9 + 11 + 12 * (10 * 2 + 12);
    expect(run(true)).toBe(32 * 2 + (1 - 32) * n);
  });

  it("multiplies h by r where the reset comes before the product", () => {
    const n = 9 + 11 + 10 * (12 * 2) + 12;
    expect(run(false)).toBe(32 * 2 + (1 - 32) * n);
  });

  it("has the reset after the product unless told otherwise", () => {
    expect(gruStep(x, h, weights)).toEqual(gruStep(x, h, weights, { resetAfter: true }));
    expect(gruStep(x, h, weights)).not.toEqual(gruStep(x, h, weights, { resetAfter: false }));
  });

  it("uses sigmoid for r and z and tanh for n unless told otherwise", () => {
    const tanh = activation({ name: "tanh" });
    expect(gruStep(x, h, weights)).toEqual(gruStep(x, h, weights, { activations: [sigmoid, tanh] }));
  });

  it("keeps h where z is saturated at 1, and takes n where it is at 0", () => {
    for (const resetAfter of [true, false]) {
      expect(gruStep(x, h, raised(1, 1000), { resetAfter })).toEqual(h);
      const n = gruStep(x, h, raised(1, -1000), { resetAfter });
      const z = h.map((_, j) => {
        const [a, b] = [weights.weightIh.subarray(4 + 2 * j), weights.weightHh.subarray(4 + 2 * j)];
        const bias = weights.biasIh[2 + j] + weights.biasHh[2 + j];
        return sigmoid(a[0] * x[0] + a[1] * x[1] + b[0] * h[0] + b[1] * h[1] + bias);
      });
      gruStep(x, h, weights, { resetAfter }).forEach((v, j) => {
        expect(v).toBeCloseTo(z[j] * h[j] + (1 - z[j]) * n[j], 15);
      });
    }
  });

  it("does not see h in n where r is saturated at 0, but for b_hn where the reset comes before", () => {
    const open = raised(1, -1000);
    const shut = { ...open, biasIh: open.biasIh.map((b, i) => (i < 2 ? -1000 : b)) };
    const wx = (j: number) => {
      const [a, b] = shut.weightIh.subarray(8 + 2 * j);
      return a * x[0] + b * x[1] + shut.biasIh[4 + j];
    };
    gruStep(x, h, shut, { resetAfter: true }).forEach((v, j) => {
      expect(v).toBeCloseTo(Math.tanh(wx(j)), 15);
    });
    gruStep(x, h, shut, { resetAfter: false }).forEach((v, j) => {
      expect(v).toBeCloseTo(Math.tanh(wx(j) + shut.biasHh[4 + j]), 15);
    });
  });

  it("agrees for both places of the reset where r is 1 and where U_n is diagonal", () => {
    const pairs = [
      raised(0, 1000),
      { ...weights, weightHh: weights.weightHh.map((u, i) => ([9, 10].includes(i) ? 0 : u)) },
    ];
    pairs[1].biasHh = weights.biasHh.map((b, i) => (i < 4 ? b : 0));
    for (const cell of pairs) {
      const after = gruStep(x, h, cell, { resetAfter: true });
      gruStep(x, h, cell, { resetAfter: false }).forEach((v, j) => {
        expect(v).toBeCloseTo(after[j], 15);
      });
    }
  });

  it("clips what enters r, z and n", () => {
    // r = 3, z = 3 (12 and 32 clipped), n = 3
    expect(run(true, { clip: 3 })).toBe(3 * 2 + (1 - 3) * 3);
  });

  it("is the same without biases as with zeros", () => {
    const { weightIh, weightHh } = weights;
    const zeros = { weightIh, weightHh, biasIh: new Float64Array(6), biasHh: new Float64Array(6) };
    for (const resetAfter of [true, false]) {
      expect(gruStep(x, h, { weightIh, weightHh }, { resetAfter })).toEqual(gruStep(x, h, zeros, { resetAfter }));
    }
  });
});
