import { describe, expect, it } from "vitest";
import { logSoftmax, softmax } from "../../src/reference/softmax.ts";

const X = Float64Array.of(1, 2, 3);

describe("softmax", () => {
  it("gives e^x / Σ e^x", () => {
    const y = softmax(X);
    [0.09003057317038046, 0.24472847105479764, 0.6652409557748219].forEach((v, i) => {
      expect(y[i]).toBeCloseTo(v, 15);
    });
  });

  it("sums to 1 and stays finite for rows of any size", () => {
    for (const scale of [0, 1, 50, 1e4, 1e300]) {
      const y = softmax(Float64Array.of(-3, 0.5, 2.5, -1, 2.4).map((v) => v * scale));
      expect(y.reduce((a, b) => a + b)).toBeCloseTo(1, 15);
      expect(y.every((v) => v >= 0 && v <= 1)).toBe(true);
    }
  });

  it("does not change when a constant is added", () => {
    expect(softmax(X.map((v) => v + 1024))).toEqual(softmax(X));
  });

  it("gives 0 at −∞, and NaN everywhere for a row with NaN", () => {
    expect(softmax(Float64Array.of(-Infinity, 0, 0))).toEqual(Float64Array.of(0, 0.5, 0.5));
    expect(softmax(Float64Array.of(1, NaN, 2)).every(Number.isNaN)).toBe(true);
  });
});

describe("logSoftmax", () => {
  it("is the logarithm of softmax", () => {
    const y = logSoftmax(X);
    [-2.40760596444438, -1.4076059644443804, -0.4076059644443803].forEach((v, i) => {
      expect(y[i]).toBeCloseTo(v, 14);
    });
  });

  it("stays exact where softmax is 0", () => {
    expect(logSoftmax(Float64Array.of(0, -2000))).toEqual(Float64Array.of(0, -2000));
  });
});
