/**
 * Keras files: those that test/golden/keras.py writes, with the outputs of the equations in NumPy; the fixtures of Keras.js as
 * whole files (config and weights → reader); DTLN's file of weights under a list of layers.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Field, parseJson } from "../../src/formats/json.ts";
import { kerasModel } from "../../src/formats/keras/model.ts";
import { f32 } from "../../src/formats/nested.ts";
import { readRtneural } from "../../src/formats/rtneural.ts";
import {
  createSessionSync,
  type Model,
  modelFromLayers,
  readModel as readNative,
  writeSafetensors,
} from "../../src/index.ts";
import { loadModel, ModelError, readModel } from "../../src/keras.ts";
import { CORE } from "../../src/ops/core.ts";
import type { Tensor } from "../../src/tensor.ts";
import { GOLDEN, NO_VECTORS, readJson, VECTORS } from "../vectors.ts";

interface Expected {
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly second?: readonly number[];
}

const folder = join(GOLDEN, "keras");
const { files } = readJson(folder, "expected.json") as { files: Record<string, Expected> };
const bytesOf = (name: string) => new Uint8Array(readFileSync(join(folder, name)));

function expectClose(got: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(got.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < got.length; i++) {
    const error = Math.abs(got[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
    if (!(error <= worst)) worst = error;
  }
  expect(worst).toBeLessThanOrEqual(tolerance);
}

const inputOf = (model: Model, { input }: Expected) =>
  model.inputs[0].dtype === "I32" ? Int32Array.from(input) : Float32Array.from(input);

const BARE: Record<string, readonly string[]> = {
  "weights.h5": ["lstm", "dense"],
  "bf16.weights.h5": ["my_lstm", "my_dense"],
};

function open(name: string): Model {
  const [lstm, dense] = BARE[name] ?? [];
  const layers = lstm && [
    { type: "lstm", name: lstm },
    { type: "linear", name: dense },
  ];
  return readModel(bytesOf(name), layers ? { layers } : undefined);
}

describe("files in the layout of Keras", () => {
  it("are all here", () => {
    const names = readdirSync(folder).filter((name) => /\.(h5|keras)$/.test(name));
    expect(Object.keys(files).sort()).toEqual(names.sort());
    expect(names.length).toBe(16);
  });

  it.each(Object.keys(files))("%s gives the outputs of the equations", (name) => {
    const model = open(name);
    const expected = files[name];
    const { outputs } = createSessionSync(model).run(inputOf(model, expected), { batch: 1 });
    const names = model.outputs.map((one) => one.name);
    expectClose(outputs[names[0]], expected.output, 2e-6);
    if (expected.second) expectClose(outputs[names[1]], expected.second, 2e-6);
    expect(model.warnings).toEqual([]);
  });

  it.each(["sequential2-text.h5", "cudnn2.h5", "chunked.h5", "bf16.weights.h5"])("%s streams", (name) => {
    const model = open(name);
    const { input, output } = files[name];
    const stream = createSessionSync(model).stream();
    const size = model.inputs[0].shape[0] as number;
    const ys = Array.from({ length: input.length / size }, (_, t) => [
      ...(stream.step(Float32Array.from(input.slice(t * size, (t + 1) * size))) as Float32Array),
    ]);
    expectClose(ys.flat(), output, 2e-6);
  });

  it("that hold one model in other forms give the same tensors, bit for bit", () => {
    const [first, ...rest] = ["chunked", "gzip", "shuffled", "unlimited", "latest", "f64"].map((name) =>
      open(`${name}.h5`),
    );
    for (const model of rest) {
      expect([...model.tensors.keys()]).toEqual([...first.tensors.keys()]);
      for (const [name, { data }] of model.tensors) expect(data, name).toEqual(first.tensors.get(name)?.data);
    }
    const bare = open("weights.h5");
    for (const [name, { data }] of bare.tensors) expect(data, name).toEqual(first.tensors.get(name)?.data);
  });

  it("say both directions in one node, with or without a config of the backward layer", () => {
    const { nodes } = open("bidirectional3.keras");
    const both = nodes.filter(({ attrs }) => attrs.bidirectional);
    expect(both.map(({ name, attrs }) => [name, attrs.computedOrder])).toEqual([
      ["all", undefined],
      ["last", true],
    ]);
  });

  it("become native files", () => {
    const model = open("bidirectional3.keras");
    const again = readNative(writeSafetensors(model));
    expect(again.nodes).toEqual(model.nodes);
    const x = Int32Array.from(files["bidirectional3.keras"].input);
    expect(createSessionSync(again).run(x).output).toEqual(createSessionSync(model).run(x).output);
  });

  it("without a config ask for layers, and print a guess that names Keras's layers", () => {
    expect(() => readModel(bytesOf("weights.h5"))).toThrow(
      '[{"type":"linear","name":"dense"},{"type":"lstm","name":"lstm"}]'.slice(1, 20),
    );
    expect(() => readModel(bytesOf("bf16.weights.h5"))).toThrow('{"type":"lstm","name":"my_lstm"}');
  });

  it("with a config read it, unless layers are given", async () => {
    const layers = [{ type: "lstm", name: "lstm" }];
    const model = await loadModel(bytesOf("chunked.h5"), { layers, ignore: ["dense"] });
    expect(model.outputs[0].shape).toEqual([9]);
    expect(() => readModel(bytesOf("chunked.h5"), { outputs: ["lstm"] })).toThrow('"outputs" expected none');
  });

  it.each(["reference", "simd", "relaxed"] as const)(
    "run sequences of different lengths as each runs alone, whatever runs backwards: %s",
    (variant) => {
      for (const name of ["bidirectional3.keras", "functional3.keras", "backwards3.keras"]) {
        const model = open(name);
        const session = createSessionSync(model, { variant });
        const x = inputOf(model, files[name]);
        const size = model.inputs[0].shape[0] ?? 1;
        const lists = [2, 5, 0, 5].map((length) => x.subarray(0, length * (size as number)));
        const alone = lists.map((list) => session.run(list).outputs);
        const { outputs } = session.run(lists as unknown as Float32Array[], { batchFirst: true });
        for (const { name: output } of model.outputs) {
          const padded = outputs[output].length / lists.length;
          lists.forEach((_, j) => {
            const rows = [...alone[j][output], ...new Array(padded - alone[j][output].length).fill(0)];
            expect([...outputs[output].subarray(j * padded, (j + 1) * padded)], `${name} ${output}`).toEqual(rows);
          });
        }
      }
    },
  );

  it("whose layers run backwards do not stream", () => {
    const session = createSessionSync(open("backwards3.keras"));
    expect(() => session.stream()).toThrow("a (lstm): runs backwards over time, so the model needs its whole sequence");
  });
});

interface Fixture {
  readonly name: string;
  readonly layer: string;
  readonly attrs: Record<string, unknown> & {
    readonly units: number;
    readonly return_sequences: boolean;
    readonly go_backwards: boolean;
  };
  readonly calls: number;
  readonly input: { readonly shape: readonly number[]; readonly data: readonly number[] };
  readonly weights: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[];
  readonly expected: { readonly data: readonly number[] };
}

/** A sequential model of one layer, as Keras 2 writes its config. */
function oneLayer(
  className: string,
  config: Record<string, unknown>,
  { input, weights }: Pick<Fixture, "input" | "weights">,
): Model {
  const text = JSON.stringify({
    class_name: "Sequential",
    config: [{ class_name: className, config: { name: "net", batch_input_shape: [null, ...input.shape], ...config } }],
  });
  const tensors = weights.map(({ shape, data }, i) => f32(`${i}`, shape, Float32Array.from(data)));
  const root = new Field(parseJson(text, { depth: 64 }), "config", "ERR_GRAPH");
  return kerasModel(CORE, root, () => new Map([["net", tensors]]), 2, {});
}

// Inputs, weights and results are rounded to 6 decimals: half of the last one, and what that does over 8 or 14 steps.
const ROUNDED = 4e-6;

describe.skipIf(!VECTORS)(`Keras.js's fixtures as configs${VECTORS ? "" : ` (${NO_VECTORS})`}`, () => {
  const all = VECTORS ? (readJson(VECTORS, "suites/keras-js-recurrent/cases.json") as Fixture[]) : [];

  it("are 27, of which 6 give all the outputs of a layer that runs backwards", () => {
    const backwards = all.filter(({ attrs }) => attrs.go_backwards && attrs.return_sequences);
    expect([all.length, backwards.length]).toEqual([27, 6]);
  });

  describe.each(["reference", "simd", "relaxed"] as const)("%s", (variant) => {
    it.each(all)("$name", (one) => {
      const { layer, attrs, calls, input, expected } = one;
      const session = createSessionSync(oneLayer(layer, attrs, one), { variant });
      const x = Float32Array.from(input.data);
      let result = session.run(x);
      for (let call = 1; call < calls; call++) result = session.run(x, { state: result.state });
      expectClose(result.output, expected.data, ROUNDED);
    });
  });
});

describe.skipIf(!VECTORS)(`Keras.js's wrappers${VECTORS ? "" : ` (${NO_VECTORS})`}`, () => {
  const wrapper = (file: string, name: string) =>
    (readJson(VECTORS as string, `suites/keras-js-recurrent/${file}.json`) as Record<string, Fixture>)[name];
  const inner = (className: string, return_sequences: boolean) => ({
    class_name: className,
    config: { name: "inner", units: 4, activation: "tanh", recurrent_activation: "hard_sigmoid", return_sequences },
  });
  const simple = (return_sequences: boolean) => {
    const { recurrent_activation: _, ...config } = inner("SimpleRNN", return_sequences).config;
    return { class_name: "SimpleRNN", config };
  };

  // The attributes are in the tests of Keras.js.
  it.each([
    [0, simple(false), "sum"],
    [2, simple(false), "concat"],
    [3, simple(false), "ave"],
    [4, simple(true), "concat"],
    [5, inner("GRU", true), "concat"],
    [6, inner("LSTM", true), "concat"],
  ])("Bidirectional.%i", (number, layer, merge_mode) => {
    const one = wrapper("Bidirectional", `wrappers.Bidirectional.${number}`);
    const model = oneLayer("Bidirectional", { layer, merge_mode }, one);
    expectClose(createSessionSync(model).run(Float32Array.from(one.input.data)).output, one.expected.data, ROUNDED);
  });

  it("TimeDistributed.0, a dense layer", () => {
    const one = wrapper("TimeDistributed", "wrappers.TimeDistributed.0");
    const layer = { class_name: "Dense", config: { name: "d", units: 4, activation: "linear" } };
    const model = oneLayer("TimeDistributed", { layer }, one);
    expectClose(createSessionSync(model).run(Float32Array.from(one.input.data)).output, one.expected.data, ROUNDED);
  });

  it.each([0, 1, 2])("Embedding.%i", (number) => {
    const one = wrapper("Embedding", `embeddings.Embedding.${number}`);
    const [input_dim, output_dim] = one.weights[0].shape;
    const model = oneLayer("Embedding", { input_dim, output_dim }, one);
    expectClose(createSessionSync(model).run(Int32Array.from(one.input.data)).output, one.expected.data, ROUNDED);
  });
});

describe.skipIf(!VECTORS)(`DTLN's model.h5, which holds weights alone${VECTORS ? "" : ` (${NO_VECTORS})`}`, () => {
  const at = (path: string) => new Uint8Array(readFileSync(join(VECTORS as string, "models/dtln", path)));
  const floats = (path: string) => new Float32Array(at(`golden/${path}`).buffer);
  const lstms = (...names: string[]) => names.map((name) => ({ type: "lstm", name }));
  const FIRST = ["lstm", "lstm_1", "dense"];
  const SECOND = ["conv1d", "layer_normalization", "lstm_2", "lstm_3", "dense_1", "conv1d_1"];

  it("gives the masks and states of model_1 in 300 frames", () => {
    const layers = [...lstms("lstm", "lstm_1"), { type: "linear", name: "dense", activation: "sigmoid" }];
    const stream = createSessionSync(readModel(at("model.h5"), { layers, ignore: SECOND })).stream();
    const xs = floats("model_1/in_input_2.f32");
    const masks = floats("model_1/out_activation_2.f32");
    const states = floats("model_1/out_tf_op_layer_stack_2.f32");
    expect(xs.length).toBe(300 * 257);
    for (let t = 0; t < 300; t++) {
      const y = stream.step(xs.subarray(t * 257, (t + 1) * 257)) as Float32Array;
      expectClose(y, masks.subarray(t * 257, (t + 1) * 257), 1e-5);
      // (layer, unit, [h, c])
      const { "lstm.h": h, "lstm.c": c, "lstm_1.h": h1, "lstm_1.c": c1 } = stream.state;
      const state = [h, h1].flatMap((one, k) => [...one].flatMap((value, i) => [value, [c, c1][k][i]]));
      expectClose(state, states.subarray(t * 512, (t + 1) * 512), 1e-4);
    }
  });

  // The product of mask and code is the caller's here: the core's operators have none.
  it("gives the samples of model_2 in 300 blocks, its convolutions over one step as linear layers", () => {
    const layers = [
      { type: "linear", name: "conv1d" },
      { type: "layerNorm", name: "layer_normalization", eps: 1e-7 },
      ...lstms("lstm_2", "lstm_3"),
      { type: "linear", name: "dense_1", activation: "sigmoid" },
    ];
    const outputs = ["conv1d", "dense_1"];
    const mask = readModel(at("model.h5"), { layers, outputs, ignore: [...FIRST, "conv1d_1"] });
    const decode = readModel(at("model.h5"), {
      layers: [{ type: "linear", name: "conv1d_1" }],
      ignore: [...FIRST, ...SECOND.slice(0, -1)],
    });
    const [stream, decoder] = [mask, decode].map((model) => createSessionSync(model).stream());
    const xs = floats("model_2/in_input_4.f32");
    const ys = floats("model_2/out_conv1d_3.f32");
    expect(xs.length).toBe(300 * 512);
    for (let t = 0; t < 300; t++) {
      const both = stream.step(xs.subarray(t * 512, (t + 1) * 512)) as unknown as Record<string, Float32Array>;
      const code = both.conv1d.map((one, i) => one * both.dense_1[i]);
      expectClose(decoder.step(code) as Float32Array, ys.subarray(t * 512, (t + 1) * 512), 1e-5);
    }
  });

  it("is refused where a layer is missing or another type", () => {
    expect(() => readModel(at("model.h5"), { layers: lstms("lstm"), ignore: SECOND })).toThrow("no layer uses it");
    const layers = [{ type: "gru", name: "lstm" }];
    expect(() => readModel(at("model.h5"), { layers, ignore: [...SECOND, "lstm_1", "dense"] })).toThrow(ModelError);
    const norm = { layers: [{ type: "layerNorm", name: "layer_normalization" }] };
    expect(() => readModel(at("model.h5"), norm)).toThrow(
      "layer_normalization: eps is not in the file; Keras's default is 0.001",
    );
  });
});

describe("one network", () => {
  it("as .h5, .keras weights and RTNeural's JSON has the same tensors, bit for bit", () => {
    const model = open("chunked.h5");
    // Back to Keras's order: the numbers that RTNeural's exporter would write.
    const numbers = (name: string) => [...((model.tensors.get(name) as Tensor).data as Float32Array)];
    const columns = (name: string, rows: number) => {
      const data = numbers(name);
      const width = data.length / rows;
      return Array.from({ length: width }, (_, j) => Array.from({ length: rows }, (_, i) => data[i * width + j]));
    };
    const json = {
      in_shape: [null, null, 3],
      layers: [
        {
          type: "lstm",
          shape: [null, null, 9],
          weights: [columns("lstm.weight_ih_l0", 36), columns("lstm.weight_hh_l0", 36), numbers("lstm.bias_ih_l0")],
        },
        {
          type: "dense",
          activation: "",
          shape: [null, null, 2],
          weights: [columns("dense.weight", 2), numbers("dense.bias")],
        },
      ],
    };
    const rtneural = readRtneural(CORE, new TextEncoder().encode(JSON.stringify(json)));
    const pairs = [...rtneural.tensors.values()].map(({ data }, i) => [data, [...model.tensors.values()][i].data]);
    expect(pairs.length).toBe(6);
    for (const [one, other] of pairs) expect(one).toEqual(other);
    const x = Float32Array.from(files["chunked.h5"].input);
    expect(createSessionSync(rtneural).run(x).output).toEqual(createSessionSync(model).run(x).output);
  });
});

describe("a layer of the core", () => {
  it("gives what the same layer of Keras gives", () => {
    const model = open("chunked.h5");
    const layers = [
      { type: "lstm", name: "lstm" },
      { type: "linear", name: "dense" },
    ];
    const again = modelFromLayers(layers, model.tensors);
    const x = Float32Array.from(files["chunked.h5"].input);
    expect(createSessionSync(again).run(x).output).toEqual(createSessionSync(model).run(x).output);
  });
});
