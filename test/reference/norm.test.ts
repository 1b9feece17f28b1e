import { describe, expect, it } from "vitest";
import { batchNorm, layerNorm } from "../../src/reference/norm.ts";

describe("layerNorm", () => {
  it("gives mean 0 and variance 1 where eps is 0", () => {
    const y = layerNorm(Float64Array.of(3, -1, 4, 1.5, -9), 0);
    const mean = y.reduce((sum, v) => sum + v, 0) / y.length;
    expect(mean).toBeCloseTo(0, 14);
    expect(y.reduce((sum, v) => sum + (v - mean) ** 2, 0) / y.length).toBeCloseTo(1, 14);
  });

  it("divides by √(biased variance + eps), then scales and shifts", () => {
    // mean 2, variance ((−1)² + 1²) / 2 = 1, √(1 + 3) = 2
    expect(layerNorm(Float64Array.of(1, 3), 3)).toEqual(Float64Array.of(-0.5, 0.5));
    expect(layerNorm(Float64Array.of(1, 3), 3, Float64Array.of(10, 100))).toEqual(Float64Array.of(-5, 50));
    const y = layerNorm(Float64Array.of(1, 3), 3, Float64Array.of(10, 100), Float64Array.of(1, 2));
    expect(y).toEqual(Float64Array.of(-4, 52));
  });

  it("gives zeros for a constant row", () => {
    expect(layerNorm(Float64Array.of(7, 7, 7), 1e-5)).toEqual(new Float64Array(3));
  });
});

describe("batchNorm", () => {
  it("uses the given statistics of each element", () => {
    const x = Float64Array.of(5, 5);
    const mean = Float64Array.of(1, 9);
    const variance = Float64Array.of(3, 15);
    expect(batchNorm(x, mean, variance, 1)).toEqual(Float64Array.of(2, -1));
    const y = batchNorm(x, mean, variance, 1, Float64Array.of(10, 100), Float64Array.of(0.5, -0.5));
    expect(y).toEqual(Float64Array.of(20.5, -100.5));
  });
});
