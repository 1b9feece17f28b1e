import { describe, expect, it } from "vitest";
import { linear } from "../../src/reference/linear.ts";

describe("linear", () => {
  const weight = Float64Array.of(1, 2, 3, 4, 5, 6);

  it("multiplies row-major weights (O, I) and adds the bias", () => {
    expect(linear(Float64Array.of(1, 10, 100), weight, Float64Array.of(0.5, -0.5))).toEqual(
      Float64Array.of(321.5, 653.5),
    );
  });

  it("starts from zero without a bias", () => {
    expect(linear(Float64Array.of(1, 10), weight)).toEqual(Float64Array.of(21, 43, 65));
  });

  it("leaves its arguments as they are", () => {
    const x = Float64Array.of(1, 2, 3);
    const bias = Float64Array.of(1, 2);
    linear(x, weight, bias);
    expect([x, bias]).toEqual([Float64Array.of(1, 2, 3), Float64Array.of(1, 2)]);
    expect(weight).toEqual(Float64Array.of(1, 2, 3, 4, 5, 6));
  });
});
