/**
 * Baked graphs: every golden case of an operator, random graphs with and without states, a streaming graph with states of both
 * kinds, in f32 and int8. What comes out is what a session gives, bit for bit.
 */

import { describe, expect, it } from "vitest";
import { STATUS_STEPS } from "../../assembly/abi.ts";
import { bakeModel } from "../../src/bake.ts";
import { createSessionSync, type Model } from "../../src/graph-entry.ts";
import { expectSameState } from "../conformance/compare.ts";
import { byName } from "../conformance/drive.ts";
import { randomModel, seeded } from "../conformance/models.ts";
import { cell } from "../conformance/random-recurrent.ts";
import { f32, type GraphSpec, graphModel, i32 } from "../graph/model.ts";
import { randomGraph } from "../graph/random.ts";
import { streamingGraph } from "../graph/streaming.ts";
import { BUILDS } from "../kernels/machine.ts";
import { bake, open } from "./wrapper.ts";

const random = seeded("baked graphs");
const numbers = (count: number) => Float32Array.from({ length: count }, () => random() * 2 - 1);

const STREAMING = streamingGraph(numbers, numbers(10));

/** Rows of a table at ids that the input says. */
const LOOKING: GraphSpec = {
  inputs: [{ name: "which", dtype: "F32", shape: [2] }],
  nodes: [
    { op: "cast", name: "ids", inputs: ["which"], attrs: { to: "I32" } },
    { op: "constant", name: "table", attrs: { shape: [5, 4] }, tensors: { value: f32([5, 4], numbers(20)) } },
    { op: "gather", name: "rows", inputs: ["table", "ids"] },
    { op: "constant", name: "last", attrs: { shape: [1], dtype: "I32" }, tensors: { value: i32([1], [-1]) } },
    { op: "gather", name: "end", inputs: ["rows", "last"] },
  ],
  outputs: ["rows", "end"],
};

const product = (shape: readonly unknown[]) => shape.reduce<number>((n, axis) => n * (axis as number), 1);

/** Steps one by one and several at once, through the wrapper and through a session, and the states after them. */
async function expectSame(model: Model, variant: (typeof BUILDS)[number], precision?: "f32" | "int8"): Promise<void> {
  const { wasm, wrapper } = await bake(model, { variant, precision, maxSteps: 3 });
  const baked = wrapper.create(wasm);
  const stream = createSessionSync(model, { variant, precision }).stream();
  const size = product(model.inputs[0].shape);
  for (const steps of [1, 1, 5, 1]) {
    const xs = numbers(steps * size);
    const [got, expected] = [baked, stream].map((one) => byName(model.outputs, one.run(xs)));
    expectSameState("outputs", got, expected);
  }
  expectSameState("state", baked.state, stream.state);
  expect(baked.save()).toEqual(stream.save());
}

describe.each(BUILDS)("baked graphs of %s give a session's bits", (variant) => {
  it.each(Array.from({ length: 40 }, (_, i) => `baked ${variant} ${i}`))("%s", async (name) => {
    const model = randomGraph(name);
    await expectSame(model, variant);
    await expectSame(model, variant, "int8");
  });

  it("with states of both kinds, which move by their bytes", async () => {
    const model = graphModel(STREAMING);
    for (const precision of ["f32", "int8"] as const) await expectSame(model, variant, precision);
    const { wasm, wrapper } = await bake(model, { variant });
    const [one, two] = [wrapper.create(wasm), wrapper.create(wasm)];
    expect(one.state).toEqual(createSessionSync(model, { variant }).stream().state);
    one.run(numbers(40));
    two.load(one.save());
    const frame = numbers(10);
    expect(two.step(frame)).toEqual(one.step(frame));
    two.setState({ cache: new Float32Array(30).fill(0.25) });
    expect(two.state.cache).toEqual(new Float32Array(30).fill(0.25));
    two.reset();
    expect(two.state).toEqual(wrapper.create(wasm).state);
  });
});

describe("a baked graph", () => {
  it("takes one step at a time where a state pairs an output with an input, by its exports alone", async () => {
    const model = graphModel(STREAMING);
    const { exports, description, f32 } = open((await bake(model, { maxSteps: 16 })).wasm);
    expect(description.maxSteps).toBe(1);
    expect(description.states).toMatchObject([
      { name: "rnn.h", shape: [1, 5], rows: 1, offset: 0, stride: 32 },
      { name: "cache", shape: [1, 2, 15], rows: 1, offset: 32, stride: 128 },
      { name: "sum", shape: [2, 5], rows: 1, offset: 160, stride: 48 },
    ]);
    const stream = createSessionSync(model, { variant: "simd" }).stream();
    const at = exports.output_ptr(0) / 4;
    for (let t = 0; t < 5; t++) {
      const x = numbers(10);
      f32.set(x, exports.input_ptr(0) / 4);
      expect(t % 2 === 0 ? exports.step() : exports.run(1)).toBe(0);
      expect(f32.slice(at, at + 10)).toEqual((stream.step(x) as unknown as Record<string, Float32Array>).y);
    }
    expect(exports.run(2)).toBe(STATUS_STEPS);
  });

  it("answers 3 for an id that it computes outside its table", async () => {
    const model = graphModel(LOOKING);
    const { wasm, wrapper } = await bake(model);
    const { exports, f32 } = open(wasm);
    f32.set([0, 5], exports.input_ptr(0) / 4);
    expect(exports.step()).toBe(3);
    const which = Float32Array.of(4, -5);
    expect(wrapper.create(wasm).step(which)).toEqual(
      createSessionSync(model, { variant: "simd" }).stream().step(which),
    );
  });

  it("is the weights, the kernels of graphs and less than 8 KB; one of core layers has the core's kernels", async () => {
    const { readFileSync } = await import("node:fs");
    const kernels = (name: string) => readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url)).length;
    const core = randomModel("core", [cell("gru", 4, 8)]);
    for (const [model, binary] of [
      [graphModel(STREAMING), "graph-simd"],
      [core, "simd"],
    ] as const) {
      const { weights } = createSessionSync(model, { variant: "simd" }).info.bytes;
      const { wasm } = await bake(model);
      expect(wasm.length).toBeGreaterThan(kernels(binary));
      expect(wasm.length - weights - kernels(binary)).toBeLessThan(8192);
      expect(WebAssembly.Module.imports(open(wasm).module)).toEqual([]);
    }
    expect(kernels("graph-simd") - kernels("simd")).toBeGreaterThan(4096);
  });

  it("is refused by the name of what no kernels have", () => {
    const model = graphModel(LOOKING);
    const nodes = [...model.nodes.slice(0, -1), { ...model.nodes[model.nodes.length - 1], op: "nonZero" }];
    expect(() => bakeModel({ ...model, nodes }, "m")).toThrow('end (nonZero): operator "nonZero" is not supported.');
  });
});
