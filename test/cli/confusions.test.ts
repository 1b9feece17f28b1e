/**
 * What `sluice check` names for files that are wrong in one way or two: PyTorch's weights, inputs and outputs (test/golden),
 * and a change of the file that a framework or a conversion would make.
 */

import { describe, expect, it } from "vitest";
import {
  createSessionSync,
  type LayerSpec,
  type Model,
  modelFromLayers,
  readModel,
  type Tensor,
  writeSafetensors,
} from "../../src/all.ts";
import { gapsOf, sizeOfGap, worstOf } from "../../src/cli/compare.ts";
import { readExpected } from "../../src/cli/expected.ts";
import { findFits } from "../../src/cli/search.ts";
import { tensors } from "../tensors.ts";
import { type Saved, savedOf } from "./saved.ts";

const TOLERANCE = 1e-5;

/** Changes that fit, as the report says them. */
function fitsOf(model: Model, arrays: ReadonlyMap<string, Tensor>) {
  const expected = readExpected(model, arrays, false);
  const session = createSessionSync(model);
  const own = sizeOfGap(worstOf(gapsOf(session, expected)));
  session.dispose();
  const found = findFits({ model, expected, tolerance: TOLERANCE, variant: "auto" });
  return {
    own,
    found,
    said: found.fits.map(({ changes }) => changes.map(({ nodes, what }) => [...nodes, what].join(": "))),
  };
}

type Edit = (data: Float32Array, shape: readonly number[]) => Float32Array;

/** The weights with those whose names match changed. */
function edited({ weights }: Saved, names: RegExp, edit: Edit): Map<string, Tensor> {
  return new Map(
    [...weights].map(([name, tensor]) => {
      const data = Float32Array.from(tensor.data as Float32Array);
      return [name, { ...tensor, data: names.test(name) ? edit(data, tensor.shape) : data }];
    }),
  );
}

const ALL = /(weight|bias)_(ih|hh)/;

/** The file as one that has its gates in `order` would be. */
const reordered =
  (own: string, order: string): Edit =>
  (data) => {
    const size = data.length / own.length;
    const out = new Float32Array(data.length);
    for (let i = 0; i < out.length; i++) {
      const gate = own.indexOf(order[Math.floor(i / size)]);
      out[i] = data[gate * size + (i % size)];
    }
    return out;
  };

const flipped =
  (gates: number): Edit =>
  (data, [rows, columns]) => {
    const out = new Float32Array(data.length);
    const block = rows / gates;
    for (let g = 0; g < gates; g++)
      for (let i = 0; i < block; i++)
        for (let j = 0; j < columns; j++) out[(g * block + j) * columns + i] = data[(g * block + i) * columns + j];
    return out;
  };

/** (rows, columns) written column by column, and read as if row by row. */
const reshaped: Edit = (data, [rows, columns]) => {
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  return out;
};

const rowsOf =
  (gate: number, gates: number, change: (value: number) => number): Edit =>
  (data) =>
    data.map((value, i) => (Math.floor((gates * i) / data.length) === gate ? change(value) : value));

/** Layers without what a state_dict does not tell. */
const without = (layers: readonly LayerSpec[], ...keys: string[]): LayerSpec[] =>
  layers.map((layer) => Object.fromEntries(Object.entries(layer).filter(([key]) => !keys.includes(key))) as LayerSpec);

const same: Edit = (data) => data;

describe("one thing is wrong:", () => {
  it.each<[string, string, RegExp, Edit, (layers: readonly LayerSpec[]) => readonly LayerSpec[], string]>([
    [
      "a GRU with ONNX's gates",
      "gru_9x8",
      ALL,
      reordered("rzn", "zrn"),
      (l) => l,
      ": gates in the order z, r, n (ONNX, Keras)",
    ],
    ["a GRU with gates n, r, z", "gru_ragged", ALL, reordered("rzn", "nrz"), (l) => l, ": gates in the order n, r, z"],
    [
      "two layers of GRU",
      "gru_2layer",
      ALL,
      reordered("rzn", "zrn"),
      (l) => l,
      ": gates in the order z, r, n (ONNX, Keras)",
    ],
    [
      "an LSTM with ONNX's gates",
      "lstm_5x8",
      ALL,
      reordered("ifgo", "iofg"),
      (l) => l,
      ": gates in the order i, o, f, g (ONNX)",
    ],
    [
      "an LSTM with gates i, f, o, g",
      "lstm_5x8",
      ALL,
      reordered("ifgo", "ifog"),
      (l) => l,
      ": gates in the order i, f, o, g",
    ],
    [
      "an LSTM of both directions with Keras 1's gates",
      "lstm_bidir",
      ALL,
      reordered("ifgo", "igfo"),
      (l) => l,
      ": gates in the order i, g, f, o (Keras 1, TensorFlow 1)",
    ],
    [
      "a reset gate before the product",
      "gru_reset_before_5x7",
      ALL,
      same,
      (l) => without(l, "resetAfter"),
      ": the reset gate applies before the product",
    ],
    [
      "a reset gate after the product",
      "gru_9x8",
      ALL,
      same,
      (l) => l.map((one) => ({ ...one, resetAfter: false })),
      ": the reset gate applies after the product",
    ],
    [
      "a gate function that is not said",
      "gru_hardsigmoid_reset_before",
      ALL,
      same,
      (l) => without(l, "activations"),
      "rnn: gates with hard_sigmoid of Keras 1 and 2 and of ONNX, 0.2 x + 0.5",
    ],
    [
      "the other hard_sigmoid",
      "gru_hardsigmoid_reset_before",
      ALL,
      same,
      (l) => l.map((one) => ({ ...one, activations: [{ name: "hardSigmoid" }, { name: "tanh" }] })),
      "rnn: gates with hard_sigmoid of Keras 1 and 2 and of ONNX, 0.2 x + 0.5",
    ],
    [
      "a nonlinearity that is not said",
      "rnn_relu_9x8",
      ALL,
      same,
      (l) => without(l, "nonlinearity"),
      ": nonlinearity relu",
    ],
    [
      "weight_hh transposed gate by gate",
      "lstm_5x8",
      /weight_hh/,
      flipped(4),
      (l) => l,
      ": weight_hh transposed, gate by gate",
    ],
    ["weight_hh of an RNN transposed", "rnn_relu_9x8", /weight_hh/, flipped(1), (l) => l, ": weight_hh transposed"],
    [
      "weight_ih transposed, and reshaped",
      "gru_9x8",
      /weight_ih/,
      reshaped,
      (l) => l,
      ": weight_ih transposed, and reshaped as if not",
    ],
    [
      "both transposed, and reshaped",
      "lstm_5x8",
      /weight_/,
      reshaped,
      (l) => l,
      ": weight_ih and weight_hh transposed, and reshaped as if not",
    ],
    [
      "a linear layer transposed, and reshaped",
      "model_gru_layernorm_softmax",
      /head\.weight/,
      reshaped,
      (l) => l,
      "head: weight transposed, and reshaped as if not",
    ],
    [
      "a forget bias that TensorFlow 1 adds",
      "lstm_5x8",
      /bias_ih/,
      rowsOf(1, 4, (x) => x - 1),
      (l) => l,
      ": 1 added to the forget gate's bias (TensorFlow 1's forget_bias)",
    ],
    [
      "an update gate that weighs the new value",
      "gru_9x8",
      ALL,
      rowsOf(1, 3, (x) => -x),
      (l) => l,
      ": the update gate weighs the new value: h' = (1 − z) h + z n",
    ],
    [
      "an activation that is not said",
      "model_linear_relu_lstm_linear",
      ALL,
      same,
      (l) => without(l, "activation"),
      "input_layer: relu after it",
    ],
    [
      "a softmax that is not said",
      "model_gru_layernorm_softmax",
      ALL,
      same,
      (l) => l.slice(0, 3),
      "softmax after the last layer",
    ],
  ])("%s", (_, name, names, edit, layersOf, expected) => {
    const saved = savedOf(name);
    const model = modelFromLayers(layersOf(saved.layers), edited(saved, names, edit));
    const { own, said, found } = fitsOf(model, saved.arrays);
    expect(own).toBeGreaterThan(100 * TOLERANCE);
    expect(said).toEqual([[expected.replace(/^: /, model.nodes[0].name === "" ? ": " : "")]]);
    // The model that is written with --output is the right one.
    const back = readModel(writeSafetensors(found.fits[0].model));
    const session = createSessionSync(back);
    expect(sizeOfGap(worstOf(gapsOf(session, readExpected(back, saved.arrays, false))))).toBeLessThanOrEqual(TOLERANCE);
    session.dispose();
  });

  it("a layer without a name beside another without one", () => {
    const saved = savedOf("gru_9x8");
    const layers = [...saved.layers, { type: "activation", activation: "tanh" }];
    const y = saved.arrays.get("y") as Tensor;
    const arrays = new Map(saved.arrays).set("y", { ...y, data: (y.data as Float32Array).map(Math.tanh) });
    const wrong = layers.map((one) => (one.type === "gru" ? { ...one, resetAfter: false } : one));
    const { said, found } = fitsOf(modelFromLayers(wrong, saved.weights), arrays);
    expect(said).toEqual([[": the reset gate applies after the product"]]);
    // What --output writes can be read.
    const [gru, tanh] = readModel(writeSafetensors(found.fits[0].model)).nodes;
    expect([gru.attrs.resetAfter, Object.keys(tanh.attrs)]).toEqual([true, ["function"]]);
  });

  it("a bias that training did not have", () => {
    const saved = savedOf("gru_nobias");
    const more = tensors({ bias_ih_l0: [15], bias_hh_l0: [15] });
    more.set("bias_ih_l0", { ...(more.get("bias_ih_l0") as Tensor), data: new Float32Array(15) });
    const model = modelFromLayers(without(saved.layers, "bias"), new Map([...saved.weights, ...more]));
    expect(fitsOf(model, saved.arrays).said).toEqual([[": bias_hh not added"]]);
  });

  it.each([
    ["inside", "bias_ih", "bias_hh"],
    ["outside", "bias_hh", "bias_ih"],
  ])("n's bias, which was all %s the reset gate", (where, from, to) => {
    const saved = savedOf("gru_9x8");
    const right = edited(
      saved,
      new RegExp(from),
      rowsOf(2, 3, () => 0),
    );
    const [a, b] = [from, to].map((name) => right.get(`${name}_l0`)?.data as Float32Array);
    const session = createSessionSync(modelFromLayers(saved.layers, right), { variant: "reference" });
    const { output, state } = session.run(saved.arrays.get("x")?.data as Float32Array, {
      batch: 4,
      state: { h: saved.arrays.get("h0")?.data as Float32Array },
    });
    const arrays = new Map(saved.arrays);
    arrays.set("y", { ...(arrays.get("y") as Tensor), dtype: "F32", data: output });
    arrays.set("hn", { ...(arrays.get("hn") as Tensor), dtype: "F32", data: state.h });
    // The file has half of it on the wrong side.
    b.forEach((value, i) => {
      if (i < 16) return;
      a[i] = value / 2;
      b[i] = value / 2;
    });
    const { said } = fitsOf(modelFromLayers(saved.layers, right), arrays);
    expect(said).toEqual([[`: all of n's bias ${where} the reset gate`]]);
  });

  it("an eps", () => {
    const saved = savedOf("model_gru_layernorm_softmax");
    const small = edited(saved, /head\.weight|gru/, (data) => data.map((one) => one / 20));
    const layers = (eps: number) => saved.layers.map((one) => (one.type === "layerNorm" ? { ...one, eps } : one));
    const session = createSessionSync(modelFromLayers(layers(1e-3), small));
    const { output } = session.run(saved.arrays.get("x")?.data as Float32Array, { batch: 2 });
    const x = saved.arrays.get("x") as Tensor;
    const y: Tensor = { name: "y", dtype: "F32", shape: [7, 2, 10], data: output };
    const { said } = fitsOf(
      modelFromLayers(layers(1e-5), small),
      new Map([
        ["x", x],
        ["y", y],
      ]),
    );
    expect(said).toEqual([["norm: eps 0.001 (Keras)"]]);
  });

  it("one layer of several, which is named", () => {
    const saved = savedOf("model_three_gru_skips");
    const grus = saved.layers.filter(({ type }) => type === "gru").map(({ name }) => name as string);
    const weights = edited(saved, new RegExp(`^${grus[1]}\\..*(weight|bias)_`), reordered("rzn", "zrn"));
    const { said } = fitsOf(modelFromLayers(saved.layers, weights), saved.arrays);
    expect(said).toEqual([[`${grus[1]}: gates in the order z, r, n (ONNX, Keras)`]]);
  });

  it("all layers of several, which is said once", () => {
    const saved = savedOf("model_three_gru_skips");
    const weights = edited(saved, /_(ih|hh)_l/, reordered("rzn", "zrn"));
    const { found } = fitsOf(modelFromLayers(saved.layers, weights), saved.arrays);
    expect(found.fits).toHaveLength(1);
    expect(found.fits[0].changes[0].nodes).toHaveLength(3);
  });
});

describe("two things are wrong:", () => {
  it("the reset gate and the gates' function", () => {
    const saved = savedOf("gru_hardsigmoid_reset_before");
    const model = modelFromLayers(without(saved.layers, "activations", "resetAfter"), saved.weights);
    const { said } = fitsOf(model, saved.arrays);
    expect(said).toEqual([
      [
        "rnn: the reset gate applies before the product",
        "rnn: gates with hard_sigmoid of Keras 1 and 2 and of ONNX, 0.2 x + 0.5",
      ],
    ]);
  });

  it("the order of gates and an activation", () => {
    const saved = savedOf("model_linear_relu_lstm_linear");
    const weights = edited(saved, /lstm\./, reordered("ifgo", "iofg"));
    const { said } = fitsOf(modelFromLayers(without(saved.layers, "activation"), weights), saved.arrays);
    expect(said).toEqual([["lstm: gates in the order i, o, f, g (ONNX)", "input_layer: relu after it"]]);
  });
});

describe("nothing that is known is wrong:", () => {
  it("random weights fit with no change, and all were tried", () => {
    const saved = savedOf("gru_9x8");
    const weights = edited(saved, /bias_hh/, (data) => data.fill(0));
    const { found } = fitsOf(modelFromLayers(saved.layers, weights), saved.arrays);
    expect(found.fits).toEqual([]);
    expect(found.tried).toBeGreaterThan(50);
    expect(found.left).toBe(0);
  });

  it("one step from zero does not tell apart what reads the state", () => {
    const saved = savedOf("rnn_relu_9x8");
    const cut = (name: string, shape: number[], size: number): Tensor => ({
      name,
      dtype: "F32",
      shape,
      data: Float32Array.from(((saved.arrays.get(name) as Tensor).data as Float32Array).subarray(0, size)),
    });
    const session = createSessionSync(modelFromLayers(saved.layers, saved.weights));
    const x = cut("x", [1, 1, 9], 9);
    const { output } = session.run(x.data as Float32Array);
    const tanh = modelFromLayers(without(saved.layers, "nonlinearity"), saved.weights);
    const y: Tensor = { name: "y", dtype: "F32", shape: [1, 1, 8], data: output };
    const { said } = fitsOf(
      tanh,
      new Map([
        ["x", x],
        ["y", y],
      ]),
    );
    expect(said).toEqual([[": nonlinearity relu"]]);
  });
});
