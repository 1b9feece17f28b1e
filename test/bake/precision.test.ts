/** Baked int8 models: a session's outputs and states of the same precision, bit for bit, in a third of the bytes. */

import { describe, expect, it } from "vitest";
import { bakeModel } from "../../src/bake.ts";
import { createSessionSync, type Model, quantizeModel, readModel, writeSafetensors } from "../../src/index.ts";
import { expectSameState } from "../conformance/compare.ts";
import { argument, byName, rows, runStream } from "../conformance/drive.ts";
import { randomInputs, randomModel, seeded } from "../conformance/models.ts";
import { operators } from "../conformance/random-operators.ts";
import { cell, recurrent } from "../conformance/random-recurrent.ts";
import { BUILDS } from "../kernels/machine.ts";
import { bake, open } from "./wrapper.ts";

const isSequenceModel = ({ nodes }: Model) => nodes.some(({ attrs }) => attrs.bidirectional || attrs.reverse);

describe.each(BUILDS)("baked %s in int8 gives a session's bits", (variant) => {
  // Every ninth trial, other ones for each build.
  const trials = [...recurrent(), ...operators()].filter((_, i) => i % 9 === BUILDS.indexOf(variant));
  it.each(trials.map((trial) => [trial.name, trial] as const))("%s", async (name, trial) => {
    const model = randomModel(name, trial.layers, trial.options);
    const session = createSessionSync(model, { variant, precision: "int8" });
    const { wasm, wrapper } = await bake(model, { variant, precision: "int8", maxSteps: 8 });
    const inputs = randomInputs(model, 20, seeded(`${name} baked int8`), trial.ids);
    const baked = wrapper.create(wasm);
    expect(open(wasm).description.precision).toBe(session.info.precision);
    if (isSequenceModel(model)) {
      const xs = argument(model.inputs, rows(model, inputs, 0, 8));
      expectSameState("outputs", byName(model.outputs, baked.run(xs)), session.run(xs).outputs);
      return;
    }
    const [got, expected] = [baked, session.stream()].map((stream) => runStream(stream, model, inputs, [1, 12, 1, 6]));
    expectSameState("outputs", got.outputs, expected.outputs);
    expectSameState("state", got.state, expected.state);
  });
});

describe("the precision of a baked model", () => {
  const words = randomModel("words", [
    { type: "embedding", name: "embed", numEmbeddings: 65, embeddingDim: 64 },
    cell("gru", 64, 256, { name: "gru" }),
    { type: "linear", name: "head", inFeatures: 256, outFeatures: 65 },
  ]);
  const deep = randomModel("deep", [
    cell("lstm", 40, 160, { name: "lstm", numLayers: 2 }),
    { type: "linear", name: "head", inFeatures: 160, outFeatures: 40 },
  ]);

  it.each([
    ["words", words],
    ["deep", deep],
  ])("int8 is under a third of f32's bytes: %s, of 1 MB and more", async (_, model) => {
    const bytes = [...model.tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(bytes).toBeGreaterThan(1_000_000);
    const [f32, int8] = [bakeModel(model, "m"), bakeModel(model, "m", { precision: "int8" })];
    expect(int8.wasm.length * 3).toBeLessThan(f32.wasm.length);
    const { weights } = createSessionSync(model, { variant: "simd", precision: "int8" }).info.bytes;
    const kernels = (await bake(randomModel("empty", [cell("gru", 1, 1)]))).wasm.length;
    expect(int8.wasm.length - weights).toBeLessThan(kernels + 8192);
  });

  it("is that of the weights unless it is given, through a file too", async () => {
    const tokens = Int32Array.from([3, 64, 0, 9]);
    const quantized = readModel(writeSafetensors(quantizeModel(words)));
    const expected = {
      int8: createSessionSync(words, { variant: "simd", precision: "int8" }).stream().run(tokens),
      f32: createSessionSync(quantized, { variant: "simd", precision: "f32" }).stream().run(tokens),
    };
    expect(expected.int8).not.toEqual(expected.f32);
    for (const [options, precision] of [
      [{}, "int8"],
      [{ precision: "int8" }, "int8"],
      [{ precision: "f32" }, "f32"],
    ] as const) {
      const { wasm, wrapper } = await bake(quantized, options);
      expect(open(wasm).description.precision).toBe(precision);
      expect(wrapper.create(wasm).run(tokens)).toEqual(expected[precision]);
    }
    expect(Buffer.compare((await bake(quantized)).wasm, bakeModel(quantized, "x").wasm)).toBe(0);
  });

  it("is checked by name", () => {
    expect(() => bakeModel(words, "m", { precision: "int4" as never })).toThrow(
      new RangeError('"precision" expected f32, int8, got int4'),
    );
    const name = "gru.weight_hh_l0";
    const broken = new Map(words.tensors);
    broken.set(name, { name, dtype: "F32", shape: [768, 256], data: new Float32Array(768 * 256).fill(Number.NaN) });
    expect(() => bakeModel({ ...words, tensors: broken }, "m", { precision: "int8" })).toThrow(
      `${name}: expected finite numbers to quantise; row 0 has others.`,
    );
  });
});
