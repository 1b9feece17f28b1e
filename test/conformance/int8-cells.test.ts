/**
 * Whole layers in int8 against the arithmetic in plain TypeScript: both builds give its bits, step after step; and both give
 * each other's on every golden file and every operator.
 */

import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { createSessionSync, type Model, quantizeModel, type Tensor } from "../../src/index.ts";
import { GOLDEN, safetensorsIn } from "../vectors.ts";
import { expectBits, expectSameState } from "./compare.ts";
import { argument } from "./drive.ts";
import { outsideGolden, readGolden } from "./golden.ts";
import {
  type CellWeights,
  gruStep,
  lstmStep,
  product,
  type Quantized,
  quantizeRows,
  rnnStep,
} from "./int8-arithmetic.ts";
import { type Layer, randomInputs, randomModel, randomState, seeded } from "./models.ts";
import { operators } from "./random-operators.ts";
import { cell, recurrent } from "./random-recurrent.ts";
import { HAS_RELAXED } from "./relaxed.ts";

const VARIANTS = HAS_RELAXED ? (["simd", "relaxed"] as const) : (["simd"] as const);

const STEPS = 40;

/** The tensors of a layer as the arithmetic takes them, quantised by its own means. */
function cellWeights(model: Model): CellWeights {
  const f32 = (name: string) => (model.tensors.get(name) as Tensor).data as Float32Array;
  const rows = f32("bias_ih_l0").length;
  const int8 = (name: string): Quantized => quantizeRows(f32(name), rows);
  return {
    input: int8("weight_ih_l0"),
    hidden: int8("weight_hh_l0"),
    biasInput: f32("bias_ih_l0"),
    biasHidden: f32("bias_hh_l0"),
  };
}

type Steps = (x: Float32Array, state: Float32Array[], weights: CellWeights) => Float32Array[];

const CELLS: [name: string, layer: Layer, step: Steps][] = [
  ["rnn", cell("rnn", 5, 9), (x, [h], w) => [rnnStep(x, h, w)]],
  ["rnn of 33", cell("rnn", 18, 33), (x, [h], w) => [rnnStep(x, h, w)]],
  ["gru", cell("gru", 3, 6), (x, [h], w) => [gruStep(x, h, w, true)]],
  ["gru of 33", cell("gru", 1, 33), (x, [h], w) => [gruStep(x, h, w, true)]],
  ["gru, reset before", cell("gru", 4, 17, { resetAfter: false }), (x, [h], w) => [gruStep(x, h, w, false)]],
  ["lstm", cell("lstm", 2, 7), (x, state, w) => lstmStep(x, state, w)],
  ["lstm of 32", cell("lstm", 40, 32), (x, state, w) => lstmStep(x, state, w)],
];

describe.each(VARIANTS)("int8 layers of the %s build have the bits of the arithmetic", (variant) => {
  it.each(CELLS)("%s", (name, layer, step) => {
    const model = randomModel(name, [layer]);
    const weights = cellWeights(model);
    const random = seeded(name);
    const stream = createSessionSync(model, { variant, precision: "int8" }).stream();
    const first = randomState(model, 1, random);
    stream.setState(first);
    let state = model.states.map(({ name }) => first[name]);
    const [xs] = randomInputs(model, STEPS, random);
    const size = xs.length / STEPS;
    for (let t = 0; t < STEPS; t++) {
      const x = xs.subarray(t * size, (t + 1) * size) as Float32Array;
      state = step(x, state, weights);
      expectBits(`step ${t}`, stream.step(x), state[0]);
    }
    model.states.forEach(({ name }, i) => {
      expectBits(name, stream.state[name], state[i]);
    });
  });

  it("linear, also where the table of an embedding is multiplied beforehand", () => {
    const model = randomModel("words", [
      { type: "embedding", name: "embed", numEmbeddings: 3, embeddingDim: 9 },
      { type: "linear", name: "head", inFeatures: 9, outFeatures: 21 },
    ]);
    const f32 = (name: string) => (model.tensors.get(name) as Tensor).data as Float32Array;
    const weights = quantizeRows(f32("head.weight"), 21);
    const stream = createSessionSync(model, { variant, precision: "int8" }).stream();
    for (let id = 0; id < 3; id++) {
      const x = f32("embed.weight").subarray(id * 9, id * 9 + 9);
      expectBits(`id ${id}`, stream.step(id), product(weights, x, f32("head.bias")));
    }
  });
});

describe.runIf(HAS_RELAXED)("both builds give the same bits in int8", () => {
  it.each([...safetensorsIn(GOLDEN), ...outsideGolden()].map((path) => [basename(path), path]))("%s", (_, path) => {
    const { about, model, input, initial } = readGolden(path);
    const state = Object.keys(initial).length > 0 ? initial : undefined;
    const lengths = about.lengths ? Int32Array.from(about.lengths) : undefined;
    const [simd, relaxed] = VARIANTS.map((variant) =>
      createSessionSync(model, { variant, precision: "int8" }).run(input, { batch: about.batch, lengths, state }),
    );
    expectSameState("outputs", relaxed.outputs, simd.outputs);
    expectSameState("state", relaxed.state, simd.state);
  });

  it("every operator and every option of the random models", () => {
    for (const { name, layers, options, ids = 2 } of [...recurrent(), ...operators()]) {
      const model = randomModel(name, layers, options);
      const xs = argument(model.inputs, randomInputs(model, 7, seeded(name), ids));
      const [simd, relaxed] = VARIANTS.map((variant) =>
        createSessionSync(model, { variant, precision: "int8" }).run(xs),
      );
      expectSameState(name, relaxed.outputs, simd.outputs);
      expectSameState(`${name}: state`, relaxed.state, simd.state);
    }
  });
});

describe("precision", () => {
  const model = randomModel("precision", [cell("gru", 5, 9)]);
  const [xs] = randomInputs(model, 8, seeded("precision"));
  const run = (of: Model, precision?: "f32" | "int8") => {
    const session = createSessionSync(of, { variant: "simd", precision });
    return { precision: session.info.precision, output: session.run(xs).output };
  };

  it("follows the model's weights unless it is given", () => {
    expect(run(model).precision).toBe("f32");
    expect(run(model, "int8").precision).toBe("int8");
    expect(run(quantizeModel(model)).precision).toBe("int8");
    expect(run(quantizeModel(model), "f32").precision).toBe("f32");
    expectBits("quantised before or while loading", run(quantizeModel(model)).output, run(model, "int8").output);
  });

  it("f32 of an int8 model is the model with dequantised weights", () => {
    const reference = createSessionSync(quantizeModel(model), { variant: "reference", precision: "int8" });
    expect(reference.info.precision).toBe("f64");
    const truth = reference.run(xs).output;
    run(quantizeModel(model), "f32").output.forEach((v, i) => {
      expect(Math.abs(v - truth[i])).toBeLessThan(2e-6);
    });
  });

  it("a batch norm goes into int8 weights as into others", () => {
    const layers: Layer[] = [
      { type: "linear", name: "in", inFeatures: 6, outFeatures: 9 },
      { type: "batchNorm", name: "norm", size: 9 },
    ];
    const normed = randomModel("norm", layers);
    const [x] = randomInputs(normed, 1, seeded("norm"));
    const step = (of: Model) =>
      createSessionSync(of, { variant: "simd", precision: "int8" })
        .stream()
        .step(x as Float32Array);
    const truth = createSessionSync(normed, { variant: "reference" })
      .stream()
      .step(x as Float32Array);
    for (const of of [normed, quantizeModel(normed)]) {
      step(of).forEach((v, i) => {
        expect(Math.abs(v - truth[i])).toBeLessThan(2e-2);
      });
    }
  });
});
