import { describe, expect, it } from "vitest";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import {
  createSessionSync,
  type LayerSpec,
  type LayersOptions,
  modelFromLayers,
  readModel,
  type Tensor,
  writeSafetensors,
} from "../../src/index.ts";
import { tensors } from "../tensors.ts";

const SQUARE = tensors({ "w.weight": [4, 4], "w.bias": [4] });
const LINEAR: LayerSpec = { type: "linear", name: "w" };
const F32 = (shape: (number | string)[], name = "input") => ({ name, dtype: "F32", shape }) as const;

describe("a model that cannot be right is refused at load", () => {
  const cases: [string, LayerSpec[], ReadonlyMap<string, Tensor>, LayersOptions, string][] = [
    ["two layers with one name", [LINEAR, LINEAR], SQUARE, {}, "ERR_GRAPH"],
    [
      "two layers without a name that share tensors",
      [{ type: "gru" }, { type: "gru" }],
      tensors({ weight_ih_l0: [12, 4], weight_hh_l0: [12, 4], bias_ih_l0: [12], bias_hh_l0: [12] }),
      {},
      "ERR_GRAPH",
    ],
    ["an output twice", [LINEAR], SQUARE, { outputs: ["w", "w"] }, "ERR_GRAPH"],
    ["no output", [LINEAR], SQUARE, { outputs: [] }, "ERR_GRAPH"],
    ["an input of size 0", [LINEAR], SQUARE, { inputs: [F32([0])] }, "ERR_SHAPE"],
    ["an input of half a number", [LINEAR], SQUARE, { inputs: [F32([1.5])] }, "ERR_SHAPE"],
    ["an input of a negative size", [LINEAR], SQUARE, { inputs: [F32([-4])] }, "ERR_SHAPE"],
    ["an input over another axis than time", [LINEAR], SQUARE, { inputs: [F32(["x", 4])] }, "ERR_SHAPE"],
    ["an input of four million and more", [{ type: "softmax" }], new Map(), { inputs: [F32([2 ** 23])] }, "ERR_SHAPE"],
    [
      "several ids in a row",
      [{ type: "embedding", name: "e" }],
      tensors({ "e.weight": [5, 2] }),
      { inputs: [{ name: "tokens", dtype: "I32", shape: [3] }] },
      "ERR_SHAPE",
    ],
    [
      "a name with NUL",
      [{ ...LINEAR, name: "\x000" }],
      tensors({ "\x000.weight": [4, 4], "\x000.bias": [4] }),
      {},
      "ERR_GRAPH",
    ],
    [
      "rows that double for ever",
      Array.from({ length: 40 }, (_, i) => ({
        type: "concat",
        name: `c${i}`,
        inputs: i === 0 ? ["input", "input"] : [`c${i - 1}`, `c${i - 1}`],
      })),
      new Map(),
      { inputs: [F32([2])] },
      "ERR_SHAPE",
    ],
    [
      "more layers than any file has",
      [{ type: "gru", hiddenSize: 1, inputSize: 1, numLayers: 4e6 }],
      new Map(),
      {},
      "ERR_ATTRIBUTE",
    ],
    [
      "too few numbers for the shape",
      [LINEAR],
      new Map([...SQUARE, ["w.weight", { name: "w.weight", dtype: "F32", shape: [4, 4], data: new Float32Array(3) }]]),
      {},
      "ERR_SHAPE",
    ],
    [
      "another array than the dtype's",
      [LINEAR],
      new Map([...SQUARE, ["w.bias", { name: "w.bias", dtype: "F16", shape: [4], data: new Float32Array(4) }]]),
      {},
      "ERR_DTYPE",
    ],
    ["a layer that is no record", [null as unknown as LayerSpec], SQUARE, {}, "ERR_GRAPH"],
    ["inputs that are no list", [{ ...LINEAR, inputs: "input" as unknown as string[] }], SQUARE, {}, "ERR_GRAPH"],
    [
      "forwards and backwards at once and backwards alone",
      [{ type: "gru", name: "g", bidirectional: true, reverse: true }],
      tensors({ "g.weight_ih_l0": [6, 2], "g.weight_hh_l0": [6, 2] }),
      {},
      "ERR_MISSING_TENSOR|ERR_ATTRIBUTE",
    ],
    [
      "two functions where there is one place",
      [{ ...LINEAR, activation: ["relu", "tanh"] as never }],
      SQUARE,
      {},
      "ERR_ATTRIBUTE",
    ],
  ];

  it.each(cases)("%s", (_, layers, given, options, code) => {
    let thrown: unknown;
    try {
      modelFromLayers(layers, given, options);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: "ModelError", code: expect.stringMatching(`^(${code})$`) });
  });

  it.each([
    ["the first layer", [{ type: "gru", name: "gru" }], "gru (gru): input is not given, nor by its tensors."],
    [
      "another",
      [LINEAR, { type: "linear", name: "hed" }],
      "hed (linear): outFeatures is not given, nor by its tensors.",
    ],
  ])("%s under a name that its tensors do not have is asked about that", (_, layers: LayerSpec[], message) => {
    expect(() => modelFromLayers(layers, SQUARE)).toThrow(
      expect.objectContaining({
        code: "ERR_SIZE_UNKNOWN",
        message: expect.stringMatching(
          new RegExp(`^${message.replace(/[().]/g, "\\$&")} Is its name their prefix\\? Else add `),
        ),
      }),
    );
  });

  it("names from a file stand in messages short and without control characters", () => {
    const name = `\u001b[2J${"x".repeat(5000)}`;
    const build = () => modelFromLayers([{ type: "linear", name }], tensors({ a: [1] }), { inputs: [F32([1])] });
    expect(build).toThrow(expect.objectContaining({ name: "ModelError" }));
    try {
      modelFromLayers([{ type: name }], new Map());
    } catch (error) {
      const { message } = error as Error;
      expect(message).not.toContain("\u001b");
    }
  });

  it("a native file's own graph is not overruled", () => {
    const bytes = writeSafetensors(modelFromLayers([LINEAR], SQUARE));
    for (const options of [{ outputs: ["w"] }, { inputs: [F32([4])] }, { layers: [LINEAR] }]) {
      expect(() => readModel(bytes, options)).toThrow(TypeError);
    }
  });
});

describe("a model that is only large or unusual runs", () => {
  it("a chain of five thousand layers, in time that grows with its length", () => {
    const layers = Array.from({ length: 5000 }, () => ({ type: "softmax" }));
    const model = modelFromLayers(layers, new Map(), { inputs: [F32([3])] });
    const y = createSessionSync(model, { variant: "simd", maxSteps: 1 }).stream().step(new Float32Array(3));
    expect(y[0]).toBeCloseTo(1 / 3, 6);
  });

  it("tensors under another key than their name are written and read back by the key", () => {
    const renamed = new Map([...SQUARE].map(([key, tensor]) => [key, { ...tensor, name: `model.${key}` }]));
    const model = modelFromLayers([LINEAR], renamed);
    expect([...readModel(writeSafetensors(model)).tensors.keys()].sort()).toEqual(["w.bias", "w.weight"]);
  });

  it("sizes that a layer leaves undefined follow from the tensors", () => {
    const model = modelFromLayers([{ ...LINEAR, outFeatures: undefined, inFeatures: undefined }], SQUARE);
    expect(model.nodes[0].attrs).toMatchObject({ inFeatures: 4, outFeatures: 4 });
    expect(encodeSafetensors(SQUARE.values()).length).toBeGreaterThan(80);
  });
});
