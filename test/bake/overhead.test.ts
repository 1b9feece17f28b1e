/** What a baked file has beside the kernels and the weights: less than 8 KB, for graphs of hundreds of nodes, too. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bakeModel } from "../../src/bake.ts";
import { createSessionSync, type Model, type ReadModelOptions, readModel } from "../../src/onnx.ts";
import { GRAPH } from "../../src/ops/graph.ts";
import { planModel } from "../../src/plan.ts";
import { encodeProgram } from "../../src/program.ts";
import { byName } from "../conformance/drive.ts";
import { randomInputs, randomModel, seeded } from "../conformance/models.ts";
import { cell } from "../conformance/random-recurrent.ts";
import { deepGraph } from "../graph/deep.ts";
import { NO_VECTORS, VECTORS } from "../vectors.ts";
import { overheadOf, sizeOfKernels } from "./overhead.ts";
import { bake } from "./wrapper.ts";

const BAR = 8192;

const bytesOf = (model: Model) => [...model.tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);

/** Three steps of a model of one input through the wrapper and through a session, and the states after them. */
async function expectSame(model: Model): Promise<void> {
  const { wasm, wrapper } = await bake(model);
  const [baked, stream] = [wrapper.create(wasm), createSessionSync(model, { variant: "simd" }).stream()];
  const [xs] = randomInputs(model, 3, seeded("overhead"));
  const [got, expected] = [baked, stream].map((one) => byName(model.outputs, one.run(xs)));
  expect(got).toEqual(expected);
  expect(baked.state).toEqual(stream.state);
}

describe("a baked file is kernels, weights and less than 8 KB", () => {
  it("of core layers", () => {
    const model = randomModel("words", [
      { type: "embedding", name: "embed", numEmbeddings: 65, embeddingDim: 64 },
      cell("lstm", 64, 100, { numLayers: 3 }),
      { type: "linear", name: "head", inFeatures: 100, outFeatures: 65 },
    ]);
    expect(overheadOf(model, "simd")).toBeLessThan(BAR);
  });

  it("of a graph of 480 nodes, whose program alone would be three times as long", async () => {
    const model = deepGraph("overhead", 40);
    expect(model.nodes).toHaveLength(480);
    expect(encodeProgram(planModel(GRAPH, model, 64).program, 64, () => 0).byteLength).toBeGreaterThan(3 * BAR);
    expect(overheadOf(model, "graph-simd")).toBeLessThan(BAR);
    await expectSame(model);
  });
});

const SILERO: ReadModelOptions = { shapes: { input: [1, 576] }, constants: { sr: 16000 } };

const PUBLISHED: readonly (readonly [file: string, kernels: "simd" | "graph-simd", options?: ReadModelOptions])[] = [
  ["gtcrn/gtcrn.onnx", "graph-simd"],
  ["gtcrn/gtcrn_simple.onnx", "graph-simd"],
  ["silero-vad/silero_vad.onnx", "graph-simd", SILERO],
  ["silero-vad/silero_vad_16k_op15.onnx", "graph-simd", SILERO],
  ["silero-vad/silero_vad_op18_ifless.onnx", "graph-simd", SILERO],
  ["dtln/model_1.onnx", "simd"],
  ["dtln/model_2.onnx", "graph-simd", { state: { input_5: "tf_op_layer_stack_5" } }],
];

describe.skipIf(!VECTORS)(`published models, baked${VECTORS ? "" : `: ${NO_VECTORS}`}`, () => {
  for (const [file, kernels, options] of PUBLISHED)
    it(`${file}: a session's bits, and less than 8 KB over kernels and weights`, async () => {
      const model = readModel(new Uint8Array(readFileSync(join(VECTORS as string, "models", file))), options);
      await expectSame(model);
      expect(overheadOf(model, kernels)).toBeLessThan(BAR);
      // Over the file's own tensors, before they are packed, too.
      expect(bakeModel(model, "m").wasm.length).toBeLessThan(sizeOfKernels(kernels) + bytesOf(model) + BAR);
    });
});
