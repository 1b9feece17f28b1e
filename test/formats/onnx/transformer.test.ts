/** Transformers as PyTorch exports them (test/golden/transformer.py): a window at once, and a row a call with caches as states. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createSessionSync, readModel } from "../../../src/onnx.ts";
import { expectClose } from "../../conformance/compare.ts";
import { model as write } from "./writer.ts";

const at = (name: string) => readFileSync(new URL(`../../golden/transformer/${name}`, import.meta.url));

interface Case {
  readonly file: string;
  readonly input: readonly number[];
  readonly output: readonly number[];
}

const cases = new Map(
  (JSON.parse(at("manifest.json").toString()).cases as Case[]).map((one) => [one.file, one] as const),
);
const caseOf = (file: string) => {
  const { input, output } = cases.get(file) as Case;
  return { model: readModel(at(file)), xs: Float32Array.from(input), expected: Float32Array.from(output) };
};

describe.each(["simd", "relaxed", "reference"] as const)("a Transformer on %s", (variant) => {
  it("encodes a window with a causal mask of −∞", () => {
    const { model, xs, expected } = caseOf("encoder.onnx");
    expectClose("the window", createSessionSync(model, { variant }).stream().step(xs), expected, 1e-5);
  });

  it("takes a row a call, with the keys and values of the last rows as its states", () => {
    const { model, xs, expected } = caseOf("cached.onnx");
    expect(model.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(model.states.map(({ name }) => name)).toEqual([
      "keys0_cache",
      "values0_cache",
      "keys1_cache",
      "values1_cache",
      "mask_state",
    ]);
    const session = createSessionSync(model, { variant });
    const stream = session.stream();
    const size = xs.length / (expected.length / 3);
    const steps = Array.from({ length: xs.length / size }, (_, t) => [
      ...stream.step(xs.subarray(t * size, (t + 1) * size)),
    ]);
    expectClose("steps", Float32Array.from(steps.flat()), expected, 1e-5);
    expect([...session.stream().run(xs)]).toEqual(steps.flat());
  });
});

it.each([
  [Infinity, undefined],
  [-Infinity, undefined],
  [Number.NaN, "ERR_NON_FINITE"],
])("a constant of %d is a mask, unless it is no number", (value, code) => {
  const file = write({
    inputs: { x: [1, 2] },
    outputs: { y: [1, 2] },
    nodes: [{ op: "Add", inputs: ["x", "mask"], outputs: ["y"] }],
    initializers: {
      mask: [
        [1, 2],
        [0, value],
      ],
    },
  });
  const run = () => [...createSessionSync(readModel(file)).stream().step(Float32Array.of(1, 1))];
  if (code) expect(run).toThrow(expect.objectContaining({ code, tensor: expect.stringContaining("mask") }));
  else expect(run()).toEqual([1, value]);
});
