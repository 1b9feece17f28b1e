/**
 * Models of audio plugins against what their authors' runtimes give: RTNeural's fixtures, KlonCentaur's GRUs, Neural Amp Modeler's
 * LSTMs, RNNoise, frame after frame with the state kept. What no outside file has (skips, gains, slopes) is built here.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cellTensors, toRows } from "../../src/formats/keras/weights.ts";
import { byName, f32 } from "../../src/formats/nested.ts";
import { createSessionSync as createCoreSession } from "../../src/index.ts";
import {
  createSessionSync,
  loadModel,
  type Model,
  modelFromLayers,
  readModel,
  type Stream,
} from "../../src/rtneural.ts";
import { NO_VECTORS, VECTORS } from "../vectors.ts";

const utf8 = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const bytesAt = (path: string) => new Uint8Array(readFileSync(join(VECTORS as string, path)));
const floatsAt = (path: string) => new Float32Array(bytesAt(path).buffer);
const csvAt = (path: string) =>
  Float32Array.from(
    readFileSync(join(VECTORS as string, path), "utf8")
      .trim()
      .split(/[\s,]+/),
    Number,
  );

/** The outputs of a stream, step by step. */
function steps(model: Model, xs: Float32Array): Float32Array {
  const stream = createSessionSync(model).stream();
  const size = model.inputs[0].shape[0] as number;
  return Float32Array.from(
    Array.from({ length: xs.length / size }, (_, t) => [
      ...(stream.step(xs.subarray(t * size, (t + 1) * size)) as Float32Array),
    ]).flat(),
  );
}

/** Within `tolerance` · max(1, |expected|). */
function expectClose(got: Float32Array, expected: Float32Array, tolerance: number): void {
  expect(got.length).toBe(expected.length);
  let worst = 0;
  got.forEach((one, i) => {
    const error = Math.abs(one - expected[i]) / Math.max(1, Math.abs(expected[i]));
    if (!(error <= worst)) worst = error;
  });
  expect(worst).toBeLessThanOrEqual(tolerance);
}

const TORCH = (type: string) => [
  { type, name: type },
  { type, name: `${type}2`, numLayers: 3 },
  { type: "linear", name: "dense" },
];

describe.skipIf(!VECTORS)(`RTNeural's fixtures${VECTORS ? "" : ` (${NO_VECTORS})`}`, () => {
  const fixture = (name: string) => bytesAt(`suites/rtneural/models/${name}.json`);

  // 1e-6 and 5e-6 are the bars of RTNeural's own tests.
  it.each([
    ["dense", 1e-6],
    ["gru", 5e-6],
    ["gru_1d", 5e-6],
    ["lstm", 1e-6],
    ["lstm_1d", 1e-6],
  ])("%s gives the outputs of Keras", (name, tolerance) => {
    const xs = csvAt(`suites/rtneural/test_data/${name}_x_python.csv`);
    const ys = csvAt(`suites/rtneural/test_data/${name}_y_python.csv`);
    const model = readModel(fixture(name));
    expectClose(steps(model, xs), ys, tolerance);
    expectClose(createSessionSync(model).run(xs).output, ys, tolerance);
  });

  it("conv, with dilation and groups, and a conv1d before a gru run from step to step", () => {
    const [xs, ys] = ["x", "y"].map((part) => csvAt(`suites/rtneural/test_data/conv_${part}_python.csv`));
    const model = readModel(fixture("conv"));
    expect(model.states.map(({ name, shape }) => [name, shape])).toEqual([
      ["conv1d1.cache", [1, 8, 2]],
      ["conv1d5.cache", [1, 4, 4]],
    ]);
    expectClose(steps(model, xs), ys, 1e-6);
    expectClose(createSessionSync(model).run(xs).output, ys, 1e-6);
    expect(readModel(fixture("full_model")).states.map(({ name }) => name)).toEqual(["gru2.h", "conv1d1.cache"]);
  });

  it("conv2d gives the outputs of Keras, which pads time with what is to come, 13 steps later", () => {
    const [xs, ys] = ["x", "y"].map((part) => csvAt(`suites/rtneural/test_data/conv2d_${part}_python.csv`));
    const model = readModel(fixture("conv2d"));
    const [features, outputs] = [23, 8];
    expect([model.inputs[0].shape, model.outputs[0].shape]).toEqual([
      [features, 1],
      [outputs, 1],
    ]);
    const stream = createSessionSync(model).stream();
    const got = Array.from({ length: 50 }, (_, t) => [
      ...(stream.step(xs.subarray(t * features, (t + 1) * features)) as Float32Array),
    ]);
    // The kernels reach 14 steps back: what is before them is zero here, and edges there.
    expectClose(Float32Array.from(got.slice(14).flat()), ys.subarray(outputs, outputs * 37), 1e-6);
  });

  it("conv_stateless, whose file cuts the edges off, runs over whole frames", () => {
    const [xs, ys] = ["x", "y"].map((part) => csvAt(`suites/rtneural/test_data/conv_stateless_${part}_python.csv`));
    const model = readModel(fixture("conv_stateless"));
    expect([model.inputs[0].shape, model.outputs[0].shape, model.states]).toEqual([[128, 1], [16, 1], []]);
    expectClose(createSessionSync(model).run(xs).output, ys, 1e-6);
  });

  it("conv1d_torch, a state_dict as JSON, is a layer of graphs over the whole signal", () => {
    const xs = csvAt("suites/rtneural/test_data/conv1d_torch_x_python.csv");
    const ys = csvAt("suites/rtneural/test_data/conv1d_torch_y_python.csv");
    const model = readModel(fixture("conv1d_torch"), {
      layers: [{ type: "conv", name: "", kernel: [5], inChannels: 1, outChannels: 12 }],
      inputs: [{ name: "input", dtype: "F32", shape: [1, 1, xs.length] }],
    });
    expectClose(createSessionSync(model).run(xs).output, ys, 1e-6);
  });

  it.each(["gru", "lstm"])(
    "%s_torch, a state_dict as JSON, gives the outputs of PyTorch under a list of layers",
    (name) => {
      const model = readModel(fixture(`${name}_torch`), { layers: TORCH(name) });
      const xs = csvAt(`suites/rtneural/test_data/${name}_torch_x_python.csv`);
      expectClose(steps(model, xs), csvAt(`suites/rtneural/test_data/${name}_torch_y_python.csv`), 1e-6);
      expect(() => readModel(fixture(`${name}_torch`))).toThrow(`{"type":"${name}","name":"${name}"}`);
    },
  );

  it("bad_lstm, whose weights are of another size than it says, is refused", () => {
    expect(() => readModel(fixture("bad_lstm"))).toThrow(
      "layers[0].weights[0][0]: expected an array of 64; got an array of 80",
    );
  });
});

describe.skipIf(!VECTORS)(`guitar amplifiers${VECTORS ? "" : ` (${NO_VECTORS})`}`, () => {
  const folder = "models/guitar";
  const input = VECTORS ? floatsAt(`${folder}/input_48k_f32.f32`) : new Float32Array();
  it.each([0, 25, 50, 75, 100])("centaur_%i runs 4,800 samples as its golden", (gain) => {
    const model = readModel(bytesAt(`${folder}/kloncentaur/centaur_${gain}.json`));
    expect(model.warnings).toEqual([]);
    expectClose(steps(model, input), floatsAt(`${folder}/kloncentaur/centaur_${gain}.json.out.f32`), 1e-5);
  });

  // The plugin runs tanh after the first layer of these files, which they do not say; their inputs are sample, gain, 1/fs.
  it.each(["centaur", "centaur_large"])(
    "%s warns of the tanh that it does not name, and runs with it as its golden",
    (name) => {
      const { tensors, warnings } = readModel(bytesAt(`${folder}/kloncentaur/${name}.json`));
      expect(warnings).toEqual(["layers[0] (dense): names no activation, so none runs; some programs add tanh here."]);
      const layers = [
        { type: "linear", name: "dense0", activation: "tanh" },
        { type: "gru", name: "gru1" },
        { type: "linear", name: "dense2" },
      ];
      const xs = Float32Array.from([...input].flatMap((sample) => [sample, 0.5, 1 / 48000]));
      expectClose(
        steps(modelFromLayers(layers, tensors), xs),
        floatsAt(`${folder}/kloncentaur/${name}.json.out.f32`),
        1e-5,
      );
    },
  );

  it.each(["BossLSTM-1x16", "BossLSTM-2x8", "lstm"])(
    "%s.nam begins with its learned state and runs 4,800 samples",
    (name) => {
      const model = readModel(bytesAt(`${folder}/nam/${name}.nam`));
      expect(model.states.map(({ initial }) => initial)).toEqual(["lstm.h0", "lstm.c0"]);
      expect(model.info).toEqual(name === "lstm" ? { sampleRate: 48000 } : {});
      expectClose(steps(model, input), floatsAt(`${folder}/nam/${name}.nam.out.f32`), 1e-5);
    },
  );
});

interface RnnoiseLayer {
  readonly type: "dense" | "gru";
  readonly in: number;
  readonly out: number;
  readonly activation: string;
  readonly kernel: readonly number[];
  readonly recurrent?: readonly number[];
  readonly bias: readonly number[];
}

/** RNNoise's graph in code, from the weights as JSON. */
function rnnoiseFromJson(path: string): Model {
  const json = JSON.parse(readFileSync(join(VECTORS as string, path), "utf8"));
  const names = ["input_dense", "vad_gru", "noise_gru", "denoise_gru", "denoise_output", "vad_output"];
  const scaled = (list: readonly number[]) => Float32Array.from(list, (one) => one * json.weightScale);
  const tensors = names.flatMap((name) => {
    const layer = json[name] as RnnoiseLayer;
    const kernel = scaled(layer.kernel);
    const bias = scaled(layer.bias);
    if (layer.recurrent === undefined) {
      return [
        f32(`${name}.weight`, [layer.out, layer.in], toRows(kernel, layer.in, layer.out)),
        f32(`${name}.bias`, [layer.out], bias),
      ];
    }
    const sizes = { inputSize: layer.in, hiddenSize: layer.out };
    return cellTensors("gru", { ...sizes, kernel, recurrent: scaled(layer.recurrent), bias }, name);
  });
  const gru = (name: string, ...inputs: string[]) => {
    const layer = { type: "gru", name, resetAfter: false, activations: ["sigmoid", json[name].activation] };
    if (inputs.length === 1) return [{ ...layer, inputs }];
    return [
      { type: "concat", name: `${name}_in`, inputs },
      { ...layer, inputs: [`${name}_in`] },
    ];
  };
  const dense = (name: string, input: string) => ({
    type: "linear",
    name,
    inputs: [input],
    activation: json[name].activation,
  });
  return modelFromLayers(
    [
      dense("input_dense", "features"),
      ...gru("vad_gru", "input_dense"),
      ...gru("noise_gru", "input_dense", "vad_gru", "features"),
      ...gru("denoise_gru", "vad_gru", "noise_gru", "features"),
      dense("denoise_output", "denoise_gru"),
      dense("vad_output", "vad_gru"),
    ],
    byName(tensors),
    {
      inputs: [{ name: "features", dtype: "F32", shape: [42] }],
      outputs: ["denoise_output", "vad_output"],
    },
  );
}

describe.skipIf(!VECTORS)(`RNNoise${VECTORS ? "" : ` (${NO_VECTORS})`}`, () => {
  const golden = "models/rnnoise/golden";

  function frames(model: Model, check: (stream: Stream, y: Record<string, Float32Array>, t: number) => void): void {
    const xs = floatsAt("models/rnnoise/golden/bd_features.f32");
    const stream = createSessionSync(model).stream();
    for (let t = 0; t < xs.length / 42; t++) {
      check(stream, stream.step(xs.subarray(t * 42, (t + 1) * 42)) as unknown as Record<string, Float32Array>, t);
    }
  }

  const MODELS: [name: string, model: () => Model][] = [
    ["bd", () => readModel(bytesAt("models/rnnoise/bd.rnnn"))],
    ["orig", () => rnnoiseFromJson(`${golden}/orig.json`)],
  ];

  it.each(MODELS)("%s: 200 frames as in f64", (name, model) => {
    const gains = floatsAt(`models/rnnoise/golden_exact/${name}/gains.f32`);
    const vad = floatsAt(`models/rnnoise/golden_exact/${name}/vad.f32`);
    let count = 0;
    frames(model(), (_, { denoise_output, vad_output }, t) => {
      expectClose(denoise_output, gains.subarray(t * 22, (t + 1) * 22), 1e-5);
      expectClose(vad_output, vad.subarray(t, t + 1), 1e-5);
      count++;
    });
    expect(count).toBe(200);
  });

  // The C library looks tanh up in 201 entries: up to 4.8e-6 of gains and 9.4e-6 of vad away from f64 (the NOTE of the golden).
  it.each(MODELS)("%s: 200 frames and states as the C library, but for its table of tanh", (name, model) => {
    const of = (what: string) => floatsAt(`${golden}/${name}_${what}.f32`);
    const [gains, vad] = [of("gains"), of("vad")];
    const states = ["vad", "noise", "denoise"].map((part) => [part, of(`${part}_state`)] as const);
    frames(model(), (stream, { denoise_output, vad_output }, t) => {
      expectClose(denoise_output, gains.subarray(t * 22, (t + 1) * 22), 1e-5 + 4.8e-6);
      expectClose(vad_output, vad.subarray(t, t + 1), 1e-5 + 9.4e-6);
      for (const [part, all] of states) {
        const state = stream.state[`${part}_gru.h`];
        expectClose(state, all.subarray(t * state.length, (t + 1) * state.length), 1e-4);
      }
    });
  });

  it("bd from its text is bd from JSON, bit for bit", () => {
    const [text, json] = [readModel(bytesAt("models/rnnoise/bd.rnnn")), rnnoiseFromJson(`${golden}/bd.json`)];
    expect([...text.tensors.keys()].sort()).toEqual([...json.tensors.keys()].sort());
    for (const [name, { data }] of text.tensors) expect(data, name).toEqual(json.tensors.get(name)?.data);
  });
});

describe("convolutions", () => {
  /** Numbers that differ, in arrays of a shape. */
  // biome-ignore lint/suspicious/noExplicitAny: arrays of numbers, or of arrays of them, as JSON has them
  const wave = (k: number, ...shape: number[]): any[] =>
    Array.from({ length: shape[0] }, (_, i) =>
      shape.length > 1 ? wave(k * 1.3 + i, ...shape.slice(1)) : Math.fround(Math.sin(k * 7 + i * 2.1)),
    );
  const VARIANTS = ["reference", "auto"] as const;

  it.each([
    [3, 2, 2, false],
    [2, 1, 1, false],
    [1, 1, 2, false],
    [3, 2, 2, true],
  ])("conv1d: a kernel of %i, dilation %i, groups %i, whole frames: %s", (K, d, groups, whole) => {
    const [T, I, O] = [9, 4, 6];
    const past = (K - 1) * d;
    const [kernel, bias] = [wave(1, K, I / groups, O), wave(2, O)];
    const conv = { type: "conv1d", activation: "", kernel_size: [K], dilation: [d], groups, weights: [kernel, bias] };
    const file = whole
      ? { in_shape: [null, T, I], layers: [{ ...conv, shape: [null, T - past, O] }] }
      : { in_shape: [null, null, I], layers: [{ ...conv, shape: [null, null, O] }] };
    const xs: number[][] = wave(3, T, I);
    // Output o belongs to the group of its block; before the first step lie zeros.
    const y = (t: number) =>
      bias.map((b: number, o: number) => {
        let sum = b;
        for (let k = 0; k < K; k++)
          for (let i = 0; i < I / groups; i++)
            sum += kernel[k][i][o] * (xs[t - (K - 1 - k) * d]?.[Math.floor(o / (O / groups)) * (I / groups) + i] ?? 0);
        return sum;
      });
    const expected = Array.from({ length: whole ? T - past : T }, (_, t) => y(whole ? t + past : t)).flat();
    const model = readModel(utf8(file));
    expect(model.states).toHaveLength(whole || past === 0 ? 0 : 1);
    for (const variant of VARIANTS) {
      const session = createSessionSync(model, { variant });
      expectClose(session.run(Float32Array.from(xs.flat())).output, Float32Array.from(expected), 1e-5);
    }
    if (!whole) expectClose(steps(model, Float32Array.from(xs.flat())), Float32Array.from(expected), 1e-5);
  });

  it.each([
    ["same", 2, 3],
    ["valid", 1, 4],
    ["same", 1, 2],
  ] as const)("conv2d: padding %s, strides %i, %i features wide; past steps are a state", (padding, stride, wide) => {
    const [T, F, I, O, time, d] = [7, 8, 2, 3, 2, 2];
    const total = padding === "same" ? Math.max(0, (Math.ceil(F / stride) - 1) * stride + wide - F) : 0;
    const features = Math.floor((F + total - wide) / stride) + 1;
    const kernel = wave(1, time, wide, I, O);
    const bias = wave(2, O);
    const file = {
      in_shape: [null, null, F, I],
      layers: [
        {
          ...{ type: "conv2d", activation: "relu", shape: [null, null, features, O], padding },
          ...{ kernel_size_time: time, kernel_size_feature: wide, dilation: d, strides: stride },
          ...{ num_filters_in: I, num_features_in: F, num_filters_out: O, weights: [kernel, bias] },
        },
      ],
    };
    const xs: number[][][] = wave(3, T, F, I);
    const expected: number[] = [];
    for (let t = 0; t < T; t++)
      for (let f = 0; f < features; f++)
        for (let o = 0; o < O; o++) {
          let sum = bias[o];
          for (let a = 0; a < time; a++)
            for (let b = 0; b < wide; b++)
              for (let i = 0; i < I; i++)
                sum +=
                  kernel[a][b][i][o] * (xs[t - (time - 1 - a) * d]?.[f * stride + b - Math.floor(total / 2)]?.[i] ?? 0);
          expected.push(Math.max(sum, 0));
        }
    const model = readModel(utf8(file));
    const given = Float32Array.from(xs.flat(2));
    for (const variant of VARIANTS)
      expectClose(createSessionSync(model, { variant }).run(given).output, Float32Array.from(expected), 1e-5);
  });

  it("run with the graph kernels; the core names the import that has them", () => {
    const conv = { type: "conv1d", shape: [1], kernel_size: [2], dilation: [1], weights: [wave(1, 2, 1, 1)] };
    const model = readModel(utf8({ in_shape: [1], layers: [conv] }));
    expect(() => createCoreSession(model)).toThrow("conv1d0");
    expect(createSessionSync(model).stream().step(Float32Array.of(1))).toHaveLength(1);
  });
});

const AIDA = {
  in_shape: [null, null, 1],
  in_skip: 1,
  layers: [{ type: "dense", activation: "", shape: [null, null, 1], weights: [[[2]], [0.25]] }],
};

describe("RTNeural's JSON", () => {
  const run = (json: unknown, ...xs: number[]) => [...steps(readModel(utf8(json)), Float32Array.from(xs))];

  it("adds the input to the output where AIDA-X says in_skip", () => {
    expect(run(AIDA, 1, -3)).toEqual([3.25, -8.75]);
    expect(run({ ...AIDA, in_skip: 0 }, 1, -3)).toEqual([2.25, -5.75]);
    expect(run({ ...AIDA, in_skip: null }, 1)).toEqual([2.25]);
  });

  it("scales before and after by AIDA-X's decibels, the skipped input too", () => {
    const [got] = run({ ...AIDA, in_gain: 20, out_gain: -20 }, 3);
    expect(got).toBeCloseTo((30 + 60.25) / 10, 5);
    expect(run({ ...AIDA, in_gain: 0, out_gain: null }, 1)).toEqual([3.25]);
  });

  it("skips the first of several inputs", () => {
    const layers = [{ ...AIDA.layers[0], weights: [[[2], [10]], [0]] }];
    expect(run({ ...AIDA, in_shape: [null, null, 2], layers }, 1, 5)).toEqual([53]);
  });

  it("has one slope or one for each element in a prelu", () => {
    const dense = { type: "dense", shape: [null, 2], weights: [[[1, -1]]] };
    const prelu = (weights: number[]) => [
      dense,
      { type: "prelu", activation: "", shape: [null, 2], weights: [[weights]] },
    ];
    expect(run({ in_shape: [null, 1], layers: prelu([0.5]) }, 2, -4)).toEqual([2, -1, -2, 4]);
    expect(run({ in_shape: [null, 1], layers: prelu([0.5, 0.25]) }, 2, -4)).toEqual([2, -0.5, -2, 4]);
    const first = { type: "prelu", shape: [2], weights: [[[0.5, -0.25]]] };
    expect(run({ in_shape: [2], layers: [first] }, -2, -4)).toEqual([-1, 1]);
  });

  it("normalises with the statistics of a batchnorm, with and without gamma and beta", () => {
    const norm = (...weights: number[][]) => ({ type: "batchnorm", shape: [null, 2], epsilon: 1, weights });
    expect(run({ in_shape: [2], layers: [norm([1, 2], [3, 8])] }, 5, 5)).toEqual([2, 1]);
    expect(run({ in_shape: [2], layers: [norm([2, 3], [10, 20], [1, 2], [3, 8])] }, 5, 5)).toEqual([14, 23]);
  });

  it.each(["tanh", "relu", "sigmoid", "elu", "softmax"])("runs %s after a layer and as a layer", (activation) => {
    const dense = { type: "dense", activation, shape: [2], weights: [[[1, -1]], [0, 0.5]] };
    const after = run({ in_shape: [1], layers: [dense] }, 0.75);
    const layers = [
      { ...dense, activation: "" },
      { type: "activation", activation, shape: [2], weights: [] },
    ];
    expect(run({ in_shape: [1], layers }, 0.75)).toEqual(after);
    expect(after).not.toEqual([0.75, -0.25]);
  });

  it("says its rate, at the top or in the metadata, as a number or text", () => {
    const rate = (json: object) => readModel(utf8({ ...AIDA, ...json })).info.sampleRate;
    expect(rate({ samplerate: 44100 })).toBe(44100);
    expect(rate({ samplerate: "48000" })).toBe(48000);
    expect(rate({ metadata: { name: "x", samplerate: 96000 } })).toBe(96000);
    expect(rate({ metadata: { samplerate: "96000" } })).toBe(undefined);
    expect(rate({ metadata: "none", samplerate: null })).toBe(undefined);
  });

  it("warns of a layer that names no activation, unless it is the last", () => {
    const [dense] = AIDA.layers;
    const silent = { type: "dense", shape: [1], weights: [[[1]]] };
    expect(readModel(utf8({ ...AIDA, layers: [silent, dense, silent] })).warnings).toHaveLength(1);
    expect(readModel(utf8({ ...AIDA, layers: [dense, silent] })).warnings).toEqual([]);
  });

  it("is loaded from bytes", async () => {
    const model = await loadModel(utf8(AIDA));
    expect(model.nodes.map(({ op }) => op)).toEqual(["linear", "add"]);
  });
});

/** A GuitarML file of one unit with weights that count up. */
function guitarml(model_data: Record<string, unknown> = {}, inputs = 1, outputs = 1): unknown {
  let count = 0;
  const array = (...shape: number[]): unknown =>
    Array.from({ length: shape[0] }, () => (shape.length > 1 ? array(...shape.slice(1)) : (count++ % 7) / 8 - 0.375));
  return {
    model_data: {
      model: "SimpleRNN",
      input_size: inputs,
      skip: 0,
      output_size: outputs,
      unit_type: "GRU",
      num_layers: 1,
      hidden_size: 3,
      bias_fl: true,
      ...model_data,
    },
    state_dict: {
      "rec.weight_ih_l0": array(9, inputs),
      "rec.weight_hh_l0": array(9, 3),
      "rec.bias_ih_l0": array(9),
      "rec.bias_hh_l0": array(9),
      "lin.weight": array(outputs, 3),
      "lin.bias": array(outputs),
    },
  };
}

describe("GuitarML's JSON", () => {
  const xs = Float32Array.of(0.5, -1, 2, 0.25);

  it("is the state_dict that it holds", () => {
    const { state_dict } = guitarml() as { state_dict: unknown };
    const layers = [
      { type: "gru", name: "rec" },
      { type: "linear", name: "lin" },
    ];
    expect(steps(readModel(utf8(guitarml())), xs)).toEqual(steps(readModel(utf8(state_dict), { layers }), xs));
  });

  it("adds as many inputs to the outputs as skip says", () => {
    const plain = steps(readModel(utf8(guitarml())), xs);
    expect(steps(readModel(utf8(guitarml({ skip: 1 }))), xs)).toEqual(plain.map((y, i) => y + xs[i]));
    const two = steps(readModel(utf8(guitarml({}, 2))), xs);
    expect(steps(readModel(utf8(guitarml({ skip: 1 }, 2))), xs)).toEqual(two.map((y, i) => y + xs[2 * i]));
    const both = steps(readModel(utf8(guitarml({}, 2, 2))), xs);
    expect(steps(readModel(utf8(guitarml({ skip: 2 }, 2, 2))), xs)).toEqual(both.map((y, i) => y + xs[i]));
  });
});

describe("Neural Amp Modeler's file", () => {
  it("has as many outputs as out_channels says", () => {
    const count = 4 * 2 * (1 + 2 + 1) + 4 + 3 * 3;
    const weights = Array.from({ length: count }, (_, i) => (i % 5) / 5);
    const config = { input_size: 1, hidden_size: 2, num_layers: 1, in_channels: 1, out_channels: 3 };
    const model = readModel(utf8({ version: "0.5.4", architecture: "LSTM", config, weights, sample_rate: null }));
    expect(model.outputs[0].shape).toEqual([3]);
    expect([...(model.tensors.get("lstm.h0")?.data ?? [])]).toEqual([32, 33].map((i) => Math.fround((i % 5) / 5)));
  });
});
