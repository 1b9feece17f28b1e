import { expect, it } from "vitest";
import { embedding } from "../../src/reference/embedding.ts";

it("an embedding copies the row of its id", () => {
  const weight = Float64Array.of(1, 2, 3, 4, 5, 6);
  expect([0, 2].map((id) => embedding(id, weight, 2))).toEqual([Float64Array.of(1, 2), Float64Array.of(5, 6)]);
  embedding(1, weight, 2)[0] = 9;
  expect(weight[2]).toBe(3);
});
