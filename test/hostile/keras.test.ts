/**
 * Malformed Keras files, each with its one error: HDF5 (hdf5-cases.ts), configs, weights that do not fit them, archives. Then
 * files cut anywhere and seeded damage, which must end in a Model or one of our errors.
 */

import { describe, expect, it } from "vitest";
import { Field, parseJson } from "../../src/formats/json.ts";
import { kerasModel } from "../../src/formats/keras/model.ts";
import { type KerasLimits, type KerasOptions, keras } from "../../src/formats/keras.ts";
import { f32 } from "../../src/formats/nested.ts";
import { crc32, readZip, unpack, ZIP_LIMITS } from "../../src/formats/zip.ts";
import { FormatError, ModelError, readModel } from "../../src/keras.ts";
import { CORE } from "../../src/ops/core.ts";
import type { Tensor } from "../../src/tensor.ts";
import { type Case, file, HDF5_CASES } from "./hdf5-cases.ts";

function refusal(read: () => unknown): FormatError | ModelError {
  try {
    read();
  } catch (error) {
    if (error instanceof FormatError || error instanceof ModelError) return error;
    throw error;
  }
  throw new Error("expected an error");
}

function expectRefusal(read: () => unknown, code: string, message: string): void {
  const error = refusal(read);
  expect({ code: error.code, message: error.message }).toEqual({
    code: `ERR_${code}`,
    message: expect.stringContaining(message),
  });
}

const BARE = [
  { type: "lstm", name: "lstm" },
  { type: "linear", name: "dense" },
];
const REFUSED = [{ type: "linear", name: "d" }];

describe.each(Object.entries(HDF5_CASES))("malformed HDF5: %s", (group, cases) => {
  it.each(cases as Case[])("%s", (_, bytes, code, message) => {
    const layers = group === "files of h5py" ? REFUSED : BARE;
    expectRefusal(() => readModel(bytes(), { layers }), code, message);
  });

  it("has every name once", () => {
    expect(new Set(cases.map(([name]) => name)).size).toBe(cases.length);
  });
});

describe("HDF5 that is unusual and right", () => {
  it.each(["compact", "int8"])("%s.h5 is read", (name) => {
    expect(readModel(file(`refused/${name}.h5`), { layers: REFUSED }).tensors.size).toBe(2);
  });
});

describe("weights alone", () => {
  it("whose GRU resets before the product do not become one that resets after it", () => {
    const read = (resetAfter?: boolean) =>
      readModel(file("refused/gru.h5"), { layers: [{ type: "gru", name: "d", resetAfter }] });
    expect([read(), read(false)].map(({ nodes }) => nodes[0].attrs.resetAfter)).toEqual([false, false]);
    expectRefusal(() => read(true), "ATTRIBUTE", "d: resetAfter: expected false by the bias (6); got true.");
  });
});

describe("limits", () => {
  const CASES: [limits: Partial<KerasLimits>, name: string, message: string][] = [
    [{ fileBytes: 100 }, "weights.h5", "file: expected at most 100 bytes; got 13368"],
    [{ fileBytes: 100 }, "functional3.keras", "file: expected at most 100 bytes"],
    [{ objects: 20 }, "weights.h5", "expected at most 20 objects; got more"],
    [{ objects: 100 }, "refused/texts.h5", "expected at most 100 objects in heaps; got more"],
    [{ depth: 1 }, "weights.h5", "expected groups at most 1 deep; got more"],
    [{ rank: 1 }, "weights.h5", "expected at most 1 dimensions; got 2"],
    [{ configBytes: 300 }, "chunked.h5", "model_config: expected at most 300 bytes"],
    [{ configBytes: 10 }, "functional3.keras", "metadata.json: expected at most 10 bytes"],
    [{ members: 2 }, "functional3.keras", "file: expected at most 2 members; got 3"],
  ];

  it.each(CASES)("%j", (limits, name, message) => {
    expectRefusal(
      () => readModel(file(name), { limits, layers: name === "weights.h5" ? BARE : undefined }),
      "LIMIT",
      message,
    );
  });

  it("jsonDepth and nameLength", () => {
    expectRefusal(
      () => readModel(file("chunked.h5"), { limits: { jsonDepth: 3 } }),
      "JSON",
      "at most 3 levels of nesting",
    );
    expectRefusal(() => readModel(file("chunked.h5"), { limits: { nameLength: 3 } }), "NAME", "a name of 1 … 3 units");
  });
});

type Json = Record<string, unknown>;

const LSTM = {
  name: "lstm",
  units: 2,
  activation: "tanh",
  recurrent_activation: "sigmoid",
  use_bias: true,
  return_sequences: true,
  return_state: false,
  go_backwards: false,
  stateful: false,
  batch_input_shape: [null, null, 3],
};
const DENSE = { name: "dense", units: 2, activation: "linear", use_bias: true };
const WEIGHTS: Record<string, number[][]> = {
  lstm: [[3, 8], [2, 8], [8]],
  dense: [[2, 2], [2]],
};
const layer = (class_name: string, config: Json, more: Json = {}) => ({ class_name, config, ...more });
const sequential = (...layers: unknown[]) => ({ class_name: "Sequential", config: { name: "s", layers } });

function tensors(shapes: Record<string, number[][]>): Map<string, Tensor[]> {
  return new Map(
    Object.entries(shapes).map(([name, list]) => [
      name,
      list.map((shape, i) => f32(`${name}/${i}`, shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5))),
    ]),
  );
}

function build(config: unknown, shapes = WEIGHTS, version: number | null = 2, options: KerasOptions = {}): unknown {
  const root = new Field(parseJson(JSON.stringify(config), { path: "config", depth: 64 }), "config", "ERR_GRAPH");
  return kerasModel(CORE, root, () => tensors(shapes), version ?? undefined, options as object);
}

/** An LSTM or a dense layer with other settings, in a model of both. */
const lstm = (change: Json) => sequential(layer("LSTM", { ...LSTM, ...change }), layer("Dense", DENSE));
const dense = (change: Json) => sequential(layer("LSTM", LSTM), layer("Dense", { ...DENSE, ...change }));
/** One more layer after the LSTM. */
const then = (class_name: string, config: Json = {}) =>
  sequential(layer("LSTM", LSTM), layer(class_name, { name: "more", ...config }), layer("Dense", DENSE));
const wrapped = (config: Json, inner: unknown = layer("LSTM", { ...LSTM, name: "inner" })) =>
  sequential(
    layer("Bidirectional", {
      name: "lstm",
      batch_input_shape: [null, null, 3],
      merge_mode: "concat",
      layer: inner,
      ...config,
    }),
  );

const INPUT = layer(
  "InputLayer",
  { name: "in", batch_input_shape: [null, null, 3] },
  { name: "in", inbound_nodes: [] },
);
const node = (class_name: string, config: Json, inbound_nodes: unknown) =>
  layer(class_name, config, { name: config.name, inbound_nodes });
const functional = (layers: unknown[], more: Json = {}) => ({
  class_name: "Functional",
  config: {
    name: "f",
    layers: [INPUT, ...layers],
    input_layers: [["in", 0, 0]],
    output_layers: [["lstm", 0, 0]],
    ...more,
  },
});
const inbound = (inbound_nodes: unknown) => functional([node("LSTM", LSTM, inbound_nodes)]);
const tensor = (name: string, ...history: unknown[]) => ({
  class_name: "__keras_tensor__",
  config: { shape: [null, null, 3], dtype: "float32", keras_history: [name, ...history] },
});
const called = (args: unknown, kwargs: Json = {}) => inbound([{ args, kwargs }]);

type Config = [
  name: string,
  config: unknown,
  code: string,
  message: string,
  shapes?: Record<string, number[][]>,
  version?: number | null,
];

const MODELS: Config[] = [
  ["a list", [], "GRAPH", "config: expected an object; got an array of 0"],
  ["no class", { config: {} }, "GRAPH", 'config: expected a field "class_name"; got none'],
  ["no config", { class_name: "Sequential" }, "GRAPH", 'expected a field "config"'],
  [
    "a model of a class of its own",
    { class_name: "MyModel", config: {} },
    "UNSUPPORTED_OP",
    'class "MyModel" is not supported',
  ],
  ["a Lambda as model", { class_name: "Lambda", config: {} }, "UNSUPPORTED_OP", 'class "Lambda" is not supported'],
  ["__lambda__", { class_name: "__lambda__", config: { value: "x" } }, "UNSUPPORTED_OP", 'class "__lambda__" is not'],
  [
    "a model of another module",
    { module: "os", class_name: "Sequential", config: {} },
    "UNSUPPORTED_OP",
    'of "os" is not Keras',
  ],
  ["a registered model", { class_name: "Sequential", registered_name: "My>S", config: {} }, "UNSUPPORTED_OP", '"My>S"'],
  ["no layers", sequential(), "GRAPH", "config.config.layers: expected one layer or more"],
  ["layers as an object", { class_name: "Sequential", config: { layers: {} } }, "GRAPH", "layers: expected an array"],
  ["a layer that is text", sequential("LSTM"), "GRAPH", "layers[0]: expected an object"],
  ["a layer without class", sequential({ config: LSTM }), "GRAPH", 'expected a field "class_name"'],
  ["a layer without config", sequential({ class_name: "LSTM" }), "GRAPH", 'expected a field "config"'],
  ["a layer without name", sequential(layer("LSTM", {})), "GRAPH", 'expected a field "name"'],
  ["a layer with an empty name", lstm({ name: "" }), "NAME", "a layer's name without NUL"],
  ["a name with NUL", lstm({ name: "a\0b" }), "NAME", 'got "a\\u0000b"'],
  ["two layers of one name", dense({ name: "lstm" }), "DUPLICATE", 'expected every name once; got "lstm"'],
  [
    "a Lambda with code",
    then("Lambda", { function: ["4wEAAAA", null, null] }),
    "UNSUPPORTED_OP",
    'more: layer "Lambda" is not',
  ],
  ["TFOpLambda", then("TFOpLambda", { function: "math.add" }), "UNSUPPORTED_OP", 'layer "TFOpLambda" is not supported'],
  ["a layer called constructor", then("constructor"), "UNSUPPORTED_OP", 'layer "constructor" is not supported'],
  ["a layer called __proto__", then("__proto__"), "UNSUPPORTED_OP", 'layer "__proto__" is not supported'],
  ["ConvLSTM2D", then("ConvLSTM2D"), "UNSUPPORTED_OP", 'layer "ConvLSTM2D" is not supported'],
  ["RNN of cells", then("RNN"), "UNSUPPORTED_OP", 'layer "RNN" is not supported. Supported: SimpleRNN, GRU'],
  ["Flatten", then("Flatten"), "UNSUPPORTED_OP", 'layer "Flatten" is not supported'],
  ["Multiply", then("Multiply"), "UNSUPPORTED_OP", 'layer "Multiply" is not supported'],
  ["a model inside", then("Functional"), "UNSUPPORTED_OP", 'layer "Functional" is not supported'],
  ["a class as long as a book", then("x".repeat(1e5)), "UNSUPPORTED_OP", `layer "${"x".repeat(60)}" is not supported`],
  [
    "a layer of another module",
    sequential(layer("LSTM", LSTM, { module: "my.layers" })),
    "UNSUPPORTED_OP",
    'of "my.layers" is not Keras',
  ],
  [
    "a registered layer",
    sequential(layer("LSTM", LSTM, { registered_name: "My>LSTM" })),
    "UNSUPPORTED_OP",
    '"My>LSTM"',
  ],
  ["a module that is a number", sequential(layer("LSTM", LSTM, { module: 1 })), "UNSUPPORTED_OP", "of 1 is not Keras"],
  [
    "no output_layers",
    { class_name: "Model", config: { layers: [INPUT] } },
    "GRAPH",
    'expected a field "output_layers"',
  ],
  [
    "an output that is no layer",
    functional([node("LSTM", LSTM, [[["in", 0, 0, {}]]])], { output_layers: [["x", 0, 0]] }),
    "GRAPH",
    'got "x"',
  ],
  [
    "the second output of a layer",
    functional([node("LSTM", LSTM, [[["in", 0, 0, {}]]])], { output_layers: [["lstm", 0, 1]] }),
    "GRAPH",
    "is read in another way",
  ],
  ["an input that is no layer", inbound([[["x", 0, 0, {}]]]), "GRAPH", 'lstm: the layer reads "x", which is no layer'],
  ["a layer that reads itself", inbound([[["lstm", 0, 0, {}]]]), "GRAPH", "lstm: the layer is part of a circle"],
  ["a layer that reads nothing", inbound([]), "GRAPH", "lstm: the layer reads nothing"],
  ["a shared layer", inbound([[["in", 0, 0, {}]], [["in", 0, 0, {}]]]), "GRAPH", "is used more than once"],
  ["the second node of a layer", inbound([[["in", 1, 0, {}]]]), "GRAPH", "in: the layer is read in another way"],
  ["the state of a layer", inbound([[["in", 0, 1, {}]]]), "GRAPH", "in: the layer is read in another way"],
  ["a call with arguments", inbound([[["in", 0, 0, { mask: 1 }]]]), "GRAPH", "in: the layer is read in another way"],
  [
    "an initial state",
    inbound([
      [
        ["in", 0, 0, {}],
        ["in", 0, 0, {}],
      ],
    ]),
    "ATTRIBUTE",
    "lstm (LSTM): expected 1 input; got 2",
  ],
  ["a node without a name", inbound([[[]]]), "GRAPH", "expected a layer's name"],
  ["a name that is a number", inbound([[[1, 0, 0, {}]]]), "GRAPH", "expected a string; got 1"],
  ["a node that is text", inbound(["in"]), "GRAPH", "inbound_nodes[0]: expected an object"],
  ["Keras 3: no args", inbound([{ kwargs: {} }]), "GRAPH", 'expected a field "args"'],
  ["Keras 3: two args", called([tensor("in", 0, 0), tensor("in", 0, 0)]), "GRAPH", "is called with 2 arguments"],
  ["Keras 3: training", called([tensor("in", 0, 0)], { training: true }), "GRAPH", "is called with training"],
  ["Keras 3: a mask", called([tensor("in", 0, 0)], { mask: tensor("in", 0, 0) }), "GRAPH", "is called with mask"],
  ["Keras 3: a number", called([{ class_name: "x" }]), "GRAPH", "is called with more than tensors"],
  ["Keras 3: no history", called([{ class_name: "__keras_tensor__", config: {} }]), "GRAPH", '"keras_history"'],
  ["Keras 3: the second node", called([tensor("in", 1, 0)]), "GRAPH", "is read in another way"],
  [
    "more layers than allowed",
    sequential(...Array.from({ length: 5000 }, (_, i) => layer("Dropout", { ...LSTM, name: `d${i}` }))),
    "LIMIT",
    "at most 4096 layers",
  ],
];

const INPUTS: Config[] = [
  [
    "no shape",
    lstm({ batch_input_shape: undefined }),
    "ATTRIBUTE",
    "expected a shape of batch, time and features; got 0 axes",
  ],
  ["a shape of batch alone", lstm({ batch_input_shape: [null] }), "ATTRIBUTE", "got 1 axes"],
  ["a shape of four axes", lstm({ batch_input_shape: [null, 1, 1, 3] }), "ATTRIBUTE", "got 4 axes"],
  [
    "features of any number",
    lstm({ batch_input_shape: [null, null, null] }),
    "ATTRIBUTE",
    "expected features of a known number",
  ],
  [
    "0 features",
    lstm({ batch_input_shape: [null, null, 0] }),
    "GRAPH",
    "batch_input_shape[2]: expected an integer ≥ 1",
  ],
  ["features of text", lstm({ batch_input_shape: [null, null, "3"] }), "GRAPH", 'expected an integer ≥ 1; got "3"'],
  ["other features than the weights'", lstm({ batch_input_shape: [null, null, 4] }), "SHAPE", "of size 3; got 4"],
  [
    "rows instead of a sequence",
    lstm({ batch_input_shape: [null, 3] }),
    "ATTRIBUTE",
    "lstm (LSTM): expected a sequence; got one row",
  ],
  [
    "an embedding of a matrix",
    sequential(layer("Embedding", { name: "dense", input_dim: 2, output_dim: 2, batch_input_shape: [null, null, 2] })),
    "ATTRIBUTE",
    "and one id; got 3 axes",
  ],
];

const SETTINGS: Config[] = [
  ["no units", lstm({ units: undefined }), "GRAPH", 'expected a field "units"'],
  ["units of 0", lstm({ units: 0 }), "GRAPH", "units: expected an integer ≥ 1; got 0"],
  ["units of −1", lstm({ units: -1 }), "GRAPH", "got -1"],
  ["units of text", lstm({ units: "8" }), "GRAPH", 'got "8"'],
  ["units of 2³¹", lstm({ units: 2 ** 31 }), "SHAPE", "expected shape (any, 8589934592); got (3, 8)"],
  ["use_bias of text", lstm({ use_bias: "yes" }), "GRAPH", "use_bias: expected true or false"],
  ["an unknown setting", lstm({ gate_order: "ofic" }), "ATTRIBUTE", 'lstm (LSTM): gate_order "ofic" is not supported'],
  ["time_major", lstm({ time_major: true }), "ATTRIBUTE", "time_major true is not supported"],
  ["zero_output_for_mask", lstm({ zero_output_for_mask: true }), "ATTRIBUTE", "zero_output_for_mask true"],
  ["reset_after of an LSTM", lstm({ reset_after: true }), "ATTRIBUTE", "reset_after true is not supported"],
  ["an unknown activation", lstm({ activation: "swish" }), "ATTRIBUTE", 'activation "swish" is not supported'],
  [
    "an activation of one's own",
    lstm({ activation: { class_name: "function", config: "f" } }),
    "ATTRIBUTE",
    "activation of its own",
  ],
  [
    "softmax in a cell",
    lstm({ recurrent_activation: "softmax" }),
    "ATTRIBUTE",
    "recurrent_activation softmax is not supported",
  ],
  [
    "hard_sigmoid of an unknown version",
    dense({ activation: "hard_sigmoid" }),
    "ATTRIBUTE",
    "depends on Keras's version",
    WEIGHTS,
    null,
  ],
  [
    "an activation called constructor",
    dense({ activation: "constructor" }),
    "ATTRIBUTE",
    '"constructor" is not supported',
  ],
  ["an unknown precision", dense({ dtype: "int8" }), "ATTRIBUTE", 'dtype "int8" is not supported'],
  [
    "a quantised policy",
    dense({ dtype: { class_name: "QuantizedDTypePolicy", config: { name: "int8_from_float32" } } }),
    "ATTRIBUTE",
    "int8_from_float32",
  ],
  [
    "Masking",
    then("Masking", { mask_value: 0 }),
    "ATTRIBUTE",
    "more (Masking): masks are not supported. Run sequences without",
  ],
  [
    "an embedding with a mask",
    sequential(layer("Embedding", { name: "dense", input_dim: 2, output_dim: 2, mask_zero: true })),
    "ATTRIBUTE",
    'pass ignore: ["dense"]',
  ],
  ["a Concatenate of one", then("Concatenate", { axis: -1 }), "ATTRIBUTE", "expected 2 inputs or more; got 1"],
  ["an Add of one", then("Add"), "ATTRIBUTE", "more (Add): expected 2 inputs or more; got 1"],
  [
    "an Add of a sequence and a row",
    functional(
      [
        node("LSTM", LSTM, [[["in", 0, 0, {}]]]),
        node("LSTM", { ...LSTM, name: "b", return_sequences: false }, [[["in", 0, 0, {}]]]),
        node("Add", { name: "sum" }, [
          [
            ["lstm", 0, 0, {}],
            ["b", 0, 0, {}],
          ],
        ]),
      ],
      { output_layers: [["sum", 0, 0]] },
    ),
    "ATTRIBUTE",
    "sum (Add): expected sequences or single rows; got both",
    { ...WEIGHTS, b: WEIGHTS.lstm },
  ],
  [
    "a Concatenate of time",
    then("Concatenate", { axis: 0 }),
    "ATTRIBUTE",
    "axis 0 is not supported; expected the last axis",
  ],
  [
    "a norm of another axis",
    then("LayerNormalization", { axis: [1, 2] }),
    "ATTRIBUTE",
    "axis an array of 2 is not supported",
  ],
  ["rms_scaling", then("LayerNormalization", { rms_scaling: true }), "ATTRIBUTE", "rms_scaling true is not supported"],
  ["an epsilon of text", then("LayerNormalization", { epsilon: "1" }), "GRAPH", "epsilon: expected a number"],
  ["a ReLU with a top", then("ReLU", { max_value: 6 }), "ATTRIBUTE", "max_value 6 is not supported"],
  ["a ReLU with a slope", then("ReLU", { negative_slope: 0.5 }), "ATTRIBUTE", "negative_slope 0.5 is not supported"],
  ["a ReLU with a threshold", then("ReLU", { threshold: 1 }), "ATTRIBUTE", "threshold 1 is not supported"],
  ["a Softmax over the batch", then("Softmax", { axis: 0 }), "ATTRIBUTE", "axis 0 is not supported"],
  ["a Softmax over time", then("Softmax", { axis: 1 }), "ATTRIBUTE", "axis 1 is not supported; expected the last axis"],
  [
    "a Softmax of single rows over an axis that they do not have",
    sequential(
      layer("LSTM", { ...LSTM, return_sequences: false }),
      layer("Softmax", { name: "more", axis: 2 }),
      layer("Dense", DENSE),
    ),
    "ATTRIBUTE",
    "axis 2 is not supported; expected the last axis",
  ],
  [
    "TimeDistributed of an LSTM",
    then("TimeDistributed", { layer: layer("LSTM", LSTM) }),
    "ATTRIBUTE",
    "of LSTM is not supported",
  ],
  ["TimeDistributed of nothing", then("TimeDistributed"), "GRAPH", 'expected a field "layer"'],
  [
    "TimeDistributed without a config",
    then("TimeDistributed", { layer: { class_name: "Dense" } }),
    "GRAPH",
    '"config"',
  ],
  [
    "TimeDistributed of a row",
    sequential(
      layer("LSTM", { ...LSTM, return_sequences: false }),
      layer("TimeDistributed", { name: "dense", layer: layer("Dense", DENSE) }),
    ),
    "ATTRIBUTE",
    "expected a sequence; got one row",
  ],
  [
    "two LSTMs, the first with its last step alone",
    sequential(layer("LSTM", { ...LSTM, return_sequences: false }), layer("LSTM", { ...LSTM, name: "b" })),
    "ATTRIBUTE",
    "b (LSTM): expected a sequence",
  ],
  [
    "a convolution over three steps",
    then("Conv1D", { filters: 2, kernel_size: [3] }),
    "ATTRIBUTE",
    "kernel_size 3 is not supported",
  ],
  [
    "a convolution with strides",
    then("Conv1D", { filters: 2, kernel_size: [1], strides: [2] }),
    "ATTRIBUTE",
    "strides 2",
  ],
  [
    "a convolution in groups",
    then("Conv1D", { filters: 2, kernel_size: [1], groups: 2 }),
    "ATTRIBUTE",
    "groups 2 is not supported",
  ],
  [
    "a convolution of channels first",
    then("Conv1D", { filters: 2, kernel_size: [1], data_format: "channels_first" }),
    "ATTRIBUTE",
    "channels_first",
  ],
];

const BOTH = { lstm: [...WEIGHTS.lstm, ...WEIGHTS.lstm] };
const BIDIRECTIONAL: Config[] = [
  ["merge_mode of null", wrapped({ merge_mode: null }), "ATTRIBUTE", "merge_mode null is not supported", BOTH],
  ["merge_mode mul", wrapped({ merge_mode: "mul" }), "ATTRIBUTE", 'merge_mode "mul" is not supported', BOTH],
  ["no layer", wrapped({ layer: undefined }), "GRAPH", 'expected a field "layer"', BOTH],
  ["a layer without a config", wrapped({}, { class_name: "LSTM" }), "GRAPH", 'expected a field "config"', BOTH],
  [
    "a layer of another module inside",
    wrapped({}, layer("LSTM", LSTM, { module: "my" })),
    "UNSUPPORTED_OP",
    'of "my" is not Keras',
    BOTH,
  ],
  ["a dense layer inside", wrapped({}, layer("Dense", DENSE)), "ATTRIBUTE", "of Dense is not supported", BOTH],
  ["a layer without a class inside", wrapped({}, { config: LSTM }), "ATTRIBUTE", "of nothing is not supported", BOTH],
  [
    "a backward layer as forward layer",
    wrapped({}, layer("LSTM", { ...LSTM, go_backwards: true })),
    "ATTRIBUTE",
    "expected a forward layer and a backward one",
    BOTH,
  ],
  [
    "two forward layers",
    wrapped({ backward_layer: layer("LSTM", LSTM) }),
    "ATTRIBUTE",
    "expected a forward layer and a backward one",
    BOTH,
  ],
  [
    "directions that give unlike",
    wrapped({ backward_layer: layer("LSTM", { ...LSTM, go_backwards: true, return_sequences: false }) }),
    "ATTRIBUTE",
    "that give alike",
    BOTH,
  ],
  ["weights of one direction", wrapped({}), "MISSING_TENSOR", "expected more than 3 arrays of weights", WEIGHTS],
  [
    "weights of three directions",
    wrapped({}),
    "UNUSED_TENSOR",
    "expected 6 arrays of weights; got 9",
    { lstm: [...BOTH.lstm, ...WEIGHTS.lstm] },
  ],
  [
    "an unknown setting inside",
    wrapped({}, layer("LSTM", { ...LSTM, peephole: true })),
    "ATTRIBUTE",
    "peephole true is not supported",
    BOTH,
  ],
  [
    "of one row",
    sequential(
      INPUT,
      layer("LSTM", { ...LSTM, return_sequences: false }),
      layer("Bidirectional", { name: "b", merge_mode: "concat", layer: layer("LSTM", LSTM) }),
    ),
    "ATTRIBUTE",
    "b (Bidirectional): expected a sequence",
  ],
];

const shaped = (shapes: Record<string, number[][]>) => ({ ...WEIGHTS, ...shapes });
const GRU = (change: Json) => sequential(layer("GRU", { ...LSTM, name: "gru", ...change }));
const ARRAYS: Config[] = [
  [
    "no weights of a layer",
    lstm({}),
    "MISSING_TENSOR",
    "lstm (LSTM): expected more than 0 arrays of weights",
    shaped({ lstm: [] }),
  ],
  [
    "no bias",
    lstm({}),
    "MISSING_TENSOR",
    "expected more than 2 arrays of weights",
    shaped({
      lstm: [
        [3, 8],
        [2, 8],
      ],
    }),
  ],
  ["a bias that use_bias denies", lstm({ use_bias: false }), "UNUSED_TENSOR", "expected 2 arrays of weights; got 3"],
  [
    "a kernel of rank 1",
    lstm({}),
    "SHAPE",
    "lstm (LSTM): weights 1: expected shape (any, 8); got (24)",
    shaped({ lstm: [[24], [2, 8], [8]] }),
  ],
  [
    "a transposed kernel",
    lstm({}),
    "SHAPE",
    "weights 1: expected shape (any, 8); got (8, 3)",
    shaped({ lstm: [[8, 3], [2, 8], [8]] }),
  ],
  [
    "a recurrent kernel of another size",
    lstm({}),
    "SHAPE",
    "weights 2: expected shape (2, 8); got (3, 8)",
    shaped({ lstm: [[3, 8], [3, 8], [8]] }),
  ],
  [
    "a bias of another size",
    lstm({}),
    "SHAPE",
    "weights 3: expected shape (8); got (6)",
    shaped({ lstm: [[3, 8], [2, 8], [6]] }),
  ],
  [
    "a bias of two rows",
    lstm({}),
    "SHAPE",
    "weights 3: expected shape (8); got (2, 8)",
    shaped({
      lstm: [
        [3, 8],
        [2, 8],
        [2, 8],
      ],
    }),
  ],
  [
    "a kernel of no rows",
    lstm({}),
    "SHAPE",
    "expected shape (any, 8); got (0, 8)",
    shaped({ lstm: [[0, 8], [2, 8], [8]] }),
  ],
  [
    "reset_after with one row of bias",
    GRU({ reset_after: true }),
    "SHAPE",
    "weights 3: expected shape (2, 6); got (6)",
    { gru: [[3, 6], [2, 6], [6]] },
  ],
  [
    "one row of bias with reset_after false",
    GRU({ reset_after: false }),
    "SHAPE",
    "weights 3: expected shape (6); got (2, 6)",
    {
      gru: [
        [3, 6],
        [2, 6],
        [2, 6],
      ],
    },
  ],
  [
    "twelve arrays, as of Keras 1",
    lstm({}),
    "SHAPE",
    "weights 1: expected shape (any, 8); got (3, 2)",
    shaped({ lstm: Array.from({ length: 4 }, () => [[3, 2], [2, 2], [2]]).flat() }),
  ],
  [
    "a dense kernel of another size",
    dense({}),
    "SHAPE",
    "dense (Dense): weights 1: expected shape (any, 2); got (2, 3)",
    shaped({ dense: [[2, 3], [3]] }),
  ],
  [
    "a dense layer after another size",
    dense({}),
    "SHAPE",
    'expected "lstm" of size 3; got 2',
    shaped({ dense: [[3, 2], [2]] }),
  ],
  [
    "weights of a Dropout",
    then("Dropout", { rate: 0.5 }),
    "UNUSED_TENSOR",
    "more (Dropout): expected 0 arrays",
    shaped({ more: [[1]] }),
  ],
  [
    "weights of an activation",
    then("Activation", { activation: "tanh" }),
    "UNUSED_TENSOR",
    "expected 0 arrays of weights",
    shaped({ more: [[1]] }),
  ],
  [
    "a norm with vectors unlike",
    then("LayerNormalization"),
    "SHAPE",
    "weights 2: expected shape (2); got (3)",
    shaped({ more: [[2], [3]] }),
  ],
  [
    "a norm with three vectors",
    then("LayerNormalization"),
    "UNUSED_TENSOR",
    "expected 2 arrays of weights; got 3",
    shaped({ more: [[2], [2], [2]] }),
  ],
  [
    "an embedding of another size",
    sequential(layer("Embedding", { name: "dense", input_dim: 9, output_dim: 2 })),
    "SHAPE",
    "expected shape (9, 2); got (2, 2)",
  ],
];

const CONFIGS: Record<string, Config[]> = {
  models: MODELS,
  inputs: INPUTS,
  settings: SETTINGS,
  Bidirectional: BIDIRECTIONAL,
  weights: ARRAYS,
};

describe.each(Object.entries(CONFIGS))("malformed config: %s", (_, cases) => {
  it.each(cases)("%s", (...row) => {
    const [, config, code, message, shapes] = row;
    const version = row[5] === undefined ? 2 : row[5];
    expectRefusal(() => build(config, shapes, version), code, message);
  });

  it("has every name once", () => {
    expect(new Set(cases.map(([name]) => name)).size).toBe(cases.length);
  });
});

describe("a mask that the caller takes on", () => {
  const masking = layer("Masking", { name: "mask", mask_value: 0, batch_input_shape: [null, null, 3] });
  const words = layer("Embedding", {
    name: "words",
    input_dim: 5,
    output_dim: 3,
    mask_zero: true,
    batch_input_shape: [null, null],
  });
  const backwards = (return_sequences: boolean) => layer("LSTM", { ...LSTM, go_backwards: true, return_sequences });
  const weights = shaped({ words: [[5, 3]], forward: [[3, 12], [3, 12], [12]] });
  const read =
    (...layers: unknown[]) =>
    () =>
      build(sequential(...layers, layer("Dense", DENSE)), weights, 2, { ignore: ["mask", "words"] });
  const dropout = layer("Dropout", { name: "drop", rate: 0.5 });
  const forward = layer("LSTM", { ...LSTM, name: "forward", units: 3 });

  it.each([
    ["itself", masking],
    ["an embedding's", words],
    ["through a layer that does nothing", masking, dropout],
    ["through a layer that runs forward", words, forward],
  ])("is refused before a layer whose outputs stay in the order of computation: %s", (_, ...layers) => {
    expectRefusal(
      read(...layers, backwards(true)),
      "ATTRIBUTE",
      "lstm (LSTM): go_backwards with return_sequences after a mask",
    );
  });

  it("is none for its last output alone, nor for layers without one", () => {
    expect(read(masking, backwards(false))).not.toThrow();
    expect(read(words, dropout, backwards(false))).not.toThrow();
    expect(read(forward, backwards(true))).not.toThrow();
  });
});

describe("configs that are unusual and right", () => {
  it.each([
    ["masks that the caller takes on", then("Masking", { mask_value: 0 }), { ignore: ["more"] }],
    ["half precision, with a warning", dense({ dtype: "mixed_float16" }), {}],
    [
      "a norm without scale",
      then("BatchNormalization", { scale: false, center: false }),
      {},
      shaped({ more: [[2], [2]] }),
    ],
    [
      "layers in another order than they run",
      functional([node("Dense", DENSE, [[["lstm", 0, 0, {}]]]), node("LSTM", LSTM, [[["in", 0, 0, {}]]])], {
        output_layers: [["dense", 0, 0]],
      }),
      {},
    ],
  ])("%s", (name, config, options, shapes = WEIGHTS) => {
    const model = build(config, shapes, 2, options) as { warnings: string[] };
    expect(model.warnings).toEqual(
      name.startsWith("half") ? ["dense (Dense): trained in mixed_float16, runs in f32."] : [],
    );
  });
});

/** Members of an archive, all stored. */
function zip(members: Record<string, Uint8Array | string>): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(members)) {
    const data = Buffer.from(content as Uint8Array);
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(20, 4);
    head.writeUInt32LE(crc32(new Uint8Array(data)), 14);
    head.writeUInt32LE(data.length, 18);
    head.writeUInt32LE(data.length, 22);
    head.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    head.copy(entry, 6, 4, 30);
    entry.writeUInt32LE(at, 42);
    parts.push(head, Buffer.from(name), data);
    directory.push(entry, Buffer.from(name));
    at += 30 + name.length + data.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(members).length, 8);
  end.writeUInt16LE(Object.keys(members).length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(at, 16);
  return new Uint8Array(Buffer.concat([...parts, list, end]));
}

const archive = file("functional3.keras");
const members = Object.fromEntries([...readZip(archive, ZIP_LIMITS)].map(([name, member]) => [name, unpack(member)]));
const without = (name: string) => zip(Object.fromEntries(Object.entries(members).filter(([key]) => key !== name)));
const other = (name: string, content: Uint8Array | string) => zip({ ...members, [name]: content });

describe("malformed archives", () => {
  const CASES: [name: string, bytes: Uint8Array, code: string, message: string][] = [
    ["empty", new Uint8Array(), "HEADER", "file: expected Keras (.h5, .keras); got 0 bytes that begin"],
    ["64 bytes 0x00", new Uint8Array(64), "HEADER", 'got 64 bytes that begin "\\u0000'],
    ["ONNX", Uint8Array.of(8, 8, 0x12, 7), "FOREIGN_FORMAT", "file: expected Keras (.h5, .keras); got ONNX."],
    ["JSON", new Uint8Array(Buffer.from("{}")), "FOREIGN_FORMAT", "got JSON"],
    [
      "half of the archive",
      archive.subarray(0, archive.length >> 1),
      "TRUNCATED",
      "a zip end record in the last 22 bytes",
    ],
    ["no config.json", without("config.json"), "ZIP", "file: expected a member config.json; got none"],
    ["no metadata.json", without("metadata.json"), "ZIP", "file: expected a member metadata.json; got none"],
    ["no weights", without("model.weights.h5"), "ZIP", "file: expected a member model.weights.h5; got none"],
    ["weights as npz", zip({ "model.weights.npz": "" }), "ZIP", "got model.weights.npz too"],
    ["a program", other("run.py", "import os"), "ZIP", "got run.py too"],
    ["a way out", other("../../etc/passwd", "x"), "NAME", 'expected a relative name; got "../../etc/passwd"'],
    ["a config that is no JSON", other("config.json", "{"), "JSON", "config.json at byte 1: expected"],
    ["a config of 10⁵ brackets", other("config.json", "[".repeat(1e5)), "JSON", "at most 64 levels of nesting"],
    [
      "a key twice in the config",
      other("config.json", '{"class_name":1,"class_name":2}'),
      "DUPLICATE",
      "every key once",
    ],
    ["metadata that are no object", other("metadata.json", "[]"), "GRAPH", "metadata.json: expected an object"],
    [
      "a version that is a number",
      other("metadata.json", '{"keras_version":3}'),
      "GRAPH",
      "keras_version: expected a string",
    ],
    [
      "weights that are no HDF5",
      other("model.weights.h5", new Uint8Array(8)),
      "TRUNCATED",
      "superblock at byte 8: expected",
    ],
    [
      "weights of another model",
      other("model.weights.h5", file("latest.h5")),
      "HDF5",
      '/: expected layer_names, or a group "layers"; got neither',
    ],
  ];

  it.each(CASES)("%s", (_, bytes, code, message) => {
    expectRefusal(() => readModel(bytes), code, message);
  });

  it("are told from HDF5 and other archives by their members", () => {
    expect([archive, file("weights.h5"), zip({ "a/data.pkl": "" }), new Uint8Array(9)].map(keras.matches)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it("with other layers than their weights are refused", () => {
    const config = JSON.parse(Buffer.from(members["config.json"]).toString());
    const layers = config.config.layers as { class_name: string; config: Json }[];
    layers[1].class_name = "LSTM";
    expectRefusal(
      () => readModel(other("config.json", JSON.stringify(config))),
      "HDF5",
      "/layers/gru_2: expected a group that a layer",
    );
    layers.splice(1, 6);
    config.config.output_layers = [["x", 0, 0]];
    layers.splice(1);
    expectRefusal(
      () => readModel(other("config.json", JSON.stringify(config))),
      "HDF5",
      "a group that a layer of the config has",
    );
  });
});

describe("damage", () => {
  /** Numerical Recipes' congruential generator. */
  function random(seed: number): (limit: number) => number {
    let state = seed;
    return (limit) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
  }

  const NAMES = [
    "weights.h5",
    "latest.h5",
    "chunked.h5",
    "sequential2-text.h5",
    "bidirectional3.keras",
    "bf16.weights.h5",
  ];
  const options = (name: string): KerasOptions => {
    if (name === "weights.h5") return { layers: BARE };
    return name.startsWith("bf16") ? { layers: BARE.map((one) => ({ ...one, name: `my_${one.name}` })) } : {};
  };

  it.each(NAMES)("%s cut anywhere is refused", (name) => {
    const bytes = file(name);
    for (let end = 0; end < bytes.length; end += 1 + (end % 97)) {
      refusal(() => readModel(bytes.subarray(0, end), options(name)));
    }
  });

  it.each(NAMES)("%s with other bytes is a Model or refused", (name) => {
    const next = random(2);
    const bytes = file(name);
    let refused = 0;
    for (let round = 0; round < 250; round++) {
      const damaged = bytes.slice();
      const view = new DataView(damaged.buffer);
      for (let k = 0; k <= next(4); k++) {
        const at = next(bytes.length - 8);
        if (next(3) === 0) view.setUint32(at & ~7, [0, 1, 0xffffffff, 0x7fffffff, bytes.length, at][next(6)], true);
        else damaged[at] ^= 1 << next(8);
      }
      try {
        readModel(damaged, { ...options(name), nonFinite: "allow" });
      } catch (error) {
        if (!(error instanceof FormatError || error instanceof ModelError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(25);
  });
});
