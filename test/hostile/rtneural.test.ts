/**
 * Malformed models of audio plugins, each with its one error: a valid file of each format, and what is wrong with it. Then
 * every prefix of the valid files, and seeded damage to their bytes, which must end in a Model or one of our errors.
 */

import { describe, expect, it } from "vitest";
import { FormatError, ModelError, type ReadModelOptions, readModel } from "../../src/rtneural.ts";

import {
  ACTIVATION,
  CONV1D,
  CONV2D,
  DENSE,
  FRAMES,
  GRU,
  GUITARML,
  HEAD,
  IMAGES,
  type Json,
  LSTM,
  NAM,
  NORM,
  NORM2D,
  PRELU,
  RNNOISE_LAYERS,
  RTNEURAL,
  rnnoise,
  utf8,
  VALID,
  zeros,
} from "./rtneural-files.ts";

/** The same with the layer's own fields replaced. */
const layer = (base: Json, change: Json, inputs = 2) => ({ in_shape: [inputs], layers: [{ ...base, ...change }] });
const image = (change: Json) => ({ ...IMAGES, layers: [{ ...CONV2D, ...change }] });
const frames = (change: Json) => ({ ...FRAMES, layers: [{ ...FRAMES.layers[0], ...change }] });
const rt = (change: Json) => ({ ...RTNEURAL, ...change });
const gru = (k: number, weights: unknown[]) => layer(GRU, { weights: GRU.weights.with(k, weights) }, 3);
const guitar = (change: Json) => ({ ...GUITARML, model_data: { ...GUITARML.model_data, ...change } });
const state = (change: Json) => ({ ...GUITARML, state_dict: { ...GUITARML.state_dict, ...change } });
const nam = (change: Json) => ({ ...NAM, ...change });
const config = (change: Json) => nam({ config: { ...NAM.config, ...change } });
const without = (base: Json, key: string) => Object.fromEntries(Object.entries(base).filter(([name]) => name !== key));
const ragged = (rows: unknown[], row: number, length: number) => rows.with(row, zeros(length));

/** The code is written without its ERR_; the message is a part of the whole. */
type Case = [name: string, file: Uint8Array | string | Json, code: string, message: string, options?: ReadModelOptions];

const FOREIGN = "FOREIGN_FORMAT";

const BYTES: Case[] = [
  ["empty", "", "HEADER", 'file: expected RTNeural, GuitarML, NAM or RNNoise; got 0 bytes that begin ""'],
  ["white space alone", " \n", "HEADER", '2 bytes that begin " \\n"'],
  ["64 bytes 0x00", new Uint8Array(64), "HEADER", "got 64 bytes that begin"],
  ["64 bytes 0xff", new Uint8Array(64).fill(255), "HEADER", "got 64 bytes that begin"],
  ["a byte that UTF-8 never has", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), "UTF8", "at byte 2: expected UTF-8"],
  ["a byte order mark", "\ufeff{}", "HEADER", "got 5 bytes that begin"],
  ["UTF-16", new Uint8Array([0x7b, 0, 0x7d, 0]), "JSON", "expected a key in quotes"],
  ["an array", "[]", "HEADER", 'got 2 bytes that begin "[]"'],
  ["a number", "1", "HEADER", 'got 1 bytes that begin "1"'],
  ["100,000 brackets", "[".repeat(1e5), "HEADER", "got 100000 bytes that begin"],
  ["100,000 brackets in a field", `{"in_shape":${"[".repeat(1e5)}`, "JSON", "at most 32 levels"],
  ["a number past f64", '{"in_shape":[1e400]}', "JSON", "a number in the range of f64"],
  ["NaN as text", '{"in_shape":[1],"layers":[NaN]}', "JSON", "layers[0] at byte 26: expected a value"],
  ["Infinity as text", '{"in_shape":[1],"layers":[-Infinity]}', "JSON", "expected a value"],
  ["a key twice", '{"in_shape":[1],"in_shape":[1]}', "DUPLICATE", "expected every key once"],
  ["a lone surrogate", '{"in_shape":"\\ud800"}', "UTF8", "surrogates in pairs"],
  ["two values", '{"in_shape":[1]} {}', "JSON", "expected the end"],
  ["more bytes than allowed", rt({}), "LIMIT", "file: expected at most 100 bytes", { limits: { fileBytes: 100 } }],
  ["deeper than allowed", rt({}), "JSON", "at most 4 levels", { limits: { depth: 4 } }],
  ["HDF5", "\x89HDF\r\n", FOREIGN, "file: expected RTNeural, GuitarML, NAM or RNNoise; got HDF5"],
  ["a zip archive", "PK\x03\x04", FOREIGN, "got a zip archive"],
  ["a page", "<!doctype html>", FOREIGN, "got HTML or XML."],
  ["a Git LFS pointer", "version https://git-lfs", FOREIGN, "got a Git LFS pointer."],
  ["TensorFlow.js", { format: "layers-model", modelTopology: {} }, "SHAPE", "format: expected an array of numbers"],
  ["a state_dict without layers", { a: [1] }, "LAYERS_NEEDED", "got tensors alone. Pass layers."],
  ["a state_dict with text", { a: ["1"] }, "DTYPE", 'a[0]: expected a number; got "1"'],
  ["a state_dict of an empty array", { a: [] }, "SHAPE", "a: expected 1 … 8 dimensions without an empty one; got (0)"],
  ["a state_dict of an empty row", { a: [[1], []] }, "SHAPE", "a[1]: expected an array of 1; got an array of 0"],
  ["nine dimensions", { a: [[[[[[[[[1]]]]]]]]] }, "SHAPE", "got (1, 1, 1, 1, 1, 1, 1, 1, 1)"],
  ["a tensor without a name", { "": [1] }, "NAME", 'expected a tensor name without NUL; got ""'],
  ["NUL in a tensor's name", '{"a\\u0000":[1]}', "NAME", "a tensor name without NUL"],
  [
    "a tensor called __proto__ that no layer uses",
    '{"__proto__":[1]}',
    "UNUSED_TENSOR",
    "__proto__: no layer uses it",
    {
      layers: [{ type: "activation", activation: "tanh" }],
      inputs: [{ name: "input", dtype: "F32", shape: [1] }],
    },
  ],
];

const RTNEURAL_CASES: Case[] = [
  ["no layers", without(RTNEURAL, "layers"), "GRAPH", 'expected a field "layers"; got none'],
  ["an empty list of layers", rt({ layers: [] }), "GRAPH", "layers: expected a list of one or more"],
  ["layers as an object", rt({ layers: {} }), "GRAPH", "layers: expected an array; got an object"],
  ["an unknown field", rt({ code: "exit" }), "GRAPH", "expected no fields but in_shape, layers, in_skip"],
  ["__proto__ as a field", '{"in_shape":[1],"layers":[],"__proto__":1}', "GRAPH", 'got "__proto__"'],
  ["in_shape null", rt({ in_shape: null }), "GRAPH", "in_shape: expected an array; got null"],
  ["in_shape empty", rt({ in_shape: [] }), "GRAPH", "in_shape: expected one size or more"],
  ["in_shape of nulls", rt({ in_shape: [null, null] }), "GRAPH", "in_shape[1]: expected an integer ≥ 1; got null"],
  ["an input of 0", rt({ in_shape: [0] }), "GRAPH", "in_shape[0]: expected an integer ≥ 1; got 0"],
  ["an input of −1", rt({ in_shape: [-1] }), "GRAPH", "got -1"],
  ["an input of 1.5", rt({ in_shape: [1.5] }), "GRAPH", "got 1.5"],
  ["an input of 2³²", rt({ in_shape: [2 ** 32] }), "LIMIT", "in_shape[0]: expected at most 4194304; got 4294967296"],
  ["an input of 2⁵³ + 1", '{"in_shape":[9007199254740993],"layers":[]}', "GRAPH", "an integer ≥ 1"],
  ["another input than the weights'", rt({ in_shape: [3] }), "SHAPE", "layers[0].weights[0]: expected an array of 3"],
  ["a layer that is no object", rt({ layers: [1] }), "GRAPH", "layers[0]: expected an object; got 1"],
  ["a layer without type", layer(without(DENSE, "type"), {}), "UNSUPPORTED_OP", 'layers[0]: layer type "" is not'],
  ["a type that is a number", layer(DENSE, { type: 1 }), "GRAPH", "layers[0].type: expected a string; got 1"],
  [
    "a conv1d without a kernel size",
    layer(without(CONV1D, "kernel_size"), {}),
    "GRAPH",
    'a field "kernel_size"; got none',
  ],
  ["a kernel of −3", layer(CONV1D, { kernel_size: [-3] }), "GRAPH", "kernel_size[0]: expected an integer ≥ 1; got -3"],
  ["a kernel that is no list", layer(CONV1D, { kernel_size: 3 }), "GRAPH", "kernel_size: expected an array; got 3"],
  ["a kernel size of nothing", layer(CONV1D, { kernel_size: [] }), "GRAPH", "kernel_size: expected one size or more"],
  ["a kernel of 2³²", layer(CONV1D, { kernel_size: [2 ** 32] }), "LIMIT", "kernel_size[0]: expected at most 4194304"],
  [
    "a kernel other than the weights'",
    layer(CONV1D, { kernel_size: [4] }),
    "SHAPE",
    "weights[0]: expected an array of 4",
  ],
  ["a dilation of 0", layer(CONV1D, { dilation: [0] }), "GRAPH", "dilation[0]: expected an integer ≥ 1; got 0"],
  [
    "a past of 8 million numbers",
    layer(CONV1D, { dilation: [2 ** 21] }),
    "LIMIT",
    "dilation: expected a past of at most 4194304 numbers",
  ],
  ["no groups", layer(CONV1D, { groups: 0 }), "GRAPH", "groups: expected an integer ≥ 1; got 0"],
  [
    "groups that do not divide",
    layer(CONV1D, { groups: 3 }),
    "SHAPE",
    "groups: expected groups that divide 2 inputs and 4 outputs; got 3",
  ],
  ["one group of two groups' weights", layer(CONV1D, { groups: 1 }), "SHAPE", "weights[0][0]: expected an array of 2"],
  ["a conv1d's bias of another size", layer(CONV1D, { weights: [zeros(3, 1, 4), zeros(3)] }), "SHAPE", "for shape (4)"],
  ["three arrays of a conv1d", layer(CONV1D, { weights: zeros(3) }), "SHAPE", "1 or 2 arrays of a conv1d layer"],
  ["strides of a conv1d", layer(CONV1D, { strides: 2 }), "GRAPH", 'got "strides"'],
  [
    "frames that lose other steps than the kernel takes",
    frames({ shape: [null, 4, 4] }),
    "SHAPE",
    "shape: expected 7 steps less the 4 that the kernel takes; got 4",
  ],
  [
    "frames shorter than the kernel",
    frames({ dilation: [4] }),
    "SHAPE",
    "7 steps less the 8 that the kernel takes; got 3",
  ],
  [
    "a gru over whole frames",
    { ...FRAMES, layers: [...FRAMES.layers, { ...GRU, shape: [null, 3, 2] }] },
    "UNSUPPORTED_OP",
    'layers[1]: layer type "gru" over whole frames is not supported',
  ],
  [
    "in_skip over whole frames",
    { ...FRAMES, in_skip: 1 },
    "ATTRIBUTE",
    "in_skip: 1 onto an output of 12 is not supported",
  ],
  [
    "features of null",
    { ...IMAGES, in_shape: [null, null, null, 1] },
    "SHAPE",
    "in_shape: expected a size before the last",
  ],
  ["features of 1.5", { ...IMAGES, in_shape: [1.5, 1] }, "SHAPE", "in_shape: expected a size before the last"],
  ["5 million numbers of features", { ...IMAGES, in_shape: [5e6, 1] }, "SHAPE", "at most 4194304 of both"],
  [
    "a conv2d of other features",
    image({ num_features_in: 4 }),
    "SHAPE",
    "num_features_in: expected 5, the features of",
  ],
  ["a conv2d of other filters", image({ num_filters_in: 2 }), "SHAPE", "num_filters_in: expected 1, the filters of"],
  [
    "a conv2d that gives other filters",
    image({ num_filters_out: 3 }),
    "SHAPE",
    "num_filters_out: expected 2, as its shape",
  ],
  ["a conv2d's shape of other features", image({ shape: [5, 2] }), "SHAPE", "shape: expected 3 features; got 5"],
  [
    "a kernel wider than the features",
    image({ kernel_size_feature: 6, padding: "valid", shape: [2] }),
    "SHAPE",
    "shape: expected 1 features; got 0",
  ],
  [
    "a padding of another kind",
    image({ padding: "causal" }),
    "GRAPH",
    'padding: expected "valid" or "same"; got "causal"',
  ],
  ["a stride of 0", image({ strides: 0 }), "GRAPH", "strides: expected an integer ≥ 1; got 0"],
  ["a past of 5 million numbers", image({ dilation: 2 ** 20 }), "LIMIT", "dilation: expected a past of at most"],
  ["a dilation of 2³²", image({ dilation: 2 ** 32 }), "LIMIT", "dilation: expected at most 4194304; got 4294967296"],
  [
    "a conv2d's weights of another kernel",
    image({ kernel_size_time: 3 }),
    "SHAPE",
    "weights[0]: expected an array of 3",
  ],
  [
    "a conv2d over a row without features",
    { in_shape: [5, 1], layers: [CONV2D, DENSE] },
    "UNSUPPORTED_OP",
    'layers[1]: layer type "dense" behind a conv2d is not supported',
  ],
  ["a batchnorm2d over a row", layer(NORM2D, {}), "UNSUPPORTED_OP", "over a row without features is not supported"],
  [
    "a batchnorm2d of other features",
    { ...IMAGES, layers: [CONV2D, { ...NORM2D, num_features_in: 5 }] },
    "SHAPE",
    "layers[1].num_features_in: expected 3, the features of its input",
  ],
  ["a type in capitals", layer(GRU, { type: "GRU" }), "UNSUPPORTED_OP", '"GRU" is not supported. Supported: dense'],
  ["a type called constructor", layer(GRU, { type: "constructor" }), "UNSUPPORTED_OP", '"constructor" is not'],
  ["a layer without shape", layer(without(DENSE, "shape"), {}), "GRAPH", 'layers[0]: expected a field "shape"'],
  ["a layer without weights", layer(without(DENSE, "weights"), {}), "GRAPH", 'expected a field "weights"'],
  ["a batchnorm without epsilon", layer(without(NORM, "epsilon"), {}), "GRAPH", 'expected a field "epsilon"'],
  ["an epsilon of text", layer(NORM, { epsilon: "1" }), "GRAPH", "layers[0].epsilon: expected a number"],
  ["an epsilon below 0", layer(NORM, { epsilon: -1 }), "ATTRIBUTE", "eps: expected a finite number ≥ 0; got -1"],
  ["an unknown field of a layer", layer(DENSE, { stateful: true }), "GRAPH", 'got "stateful"'],
  ["a shape of nulls", layer(DENSE, { shape: [null] }), "GRAPH", "layers[0].shape[0]: expected an integer ≥ 1"],
  ["a size past the limit", layer(DENSE, { shape: [2 ** 31] }), "LIMIT", "layers[0].shape[0]: expected at most"],
  ["a size of 4 million without weights", layer(DENSE, { shape: [2 ** 22] }), "SHAPE", "expected an array of 4194304"],
  ["no array of weights", layer(DENSE, { weights: [] }), "SHAPE", "1 or 2 arrays of a dense layer"],
  ["three arrays of a dense layer", layer(DENSE, { weights: zeros(3) }), "SHAPE", "1 or 2 arrays of a dense layer"],
  ["two arrays of a gru", layer(GRU, { weights: GRU.weights.slice(1) }, 3), "SHAPE", "3 arrays of a gru layer"],
  ["four arrays of an lstm", layer(LSTM, { weights: zeros(4) }), "SHAPE", "3 arrays of a lstm layer"],
  ["three arrays of a batchnorm", layer(NORM, { weights: zeros(3) }), "SHAPE", "2 or 4 arrays of a batchnorm layer"],
  ["weights of an activation", layer(ACTIVATION, { weights: [[1]] }), "SHAPE", "0 arrays of a activation layer"],
  ["two arrays of a prelu", layer(PRELU, { weights: zeros(2) }), "SHAPE", "1 arrays of a prelu layer"],
  [
    "a short row",
    gru(0, ragged(GRU.weights[0], 1, 5)),
    "SHAPE",
    "weights[0][1]: expected an array of 6; got an array of 5",
  ],
  [
    "a long row",
    gru(0, ragged(GRU.weights[0], 2, 7)),
    "SHAPE",
    "weights[0][2]: expected an array of 6; got an array of 7",
  ],
  ["a row too few", gru(0, zeros(2, 6)), "SHAPE", "weights[0]: expected an array of 3 for shape (3, 6)"],
  ["a recurrent kernel of another size", gru(1, zeros(3, 6)), "SHAPE", "weights[1]: expected an array of 2"],
  ["a gru's bias of one row", gru(2, zeros(6)), "SHAPE", "weights[2]: expected an array of 2 for shape (2, 6)"],
  ["an lstm's bias of two rows", layer(LSTM, { weights: LSTM.weights.with(2, zeros(2, 8)) }), "SHAPE", "for shape (8)"],
  ["a number instead of a row", gru(0, [1, 2, 3]), "SHAPE", "weights[0][0]: expected an array of 6; got 1"],
  [
    "a row instead of a number",
    gru(2, [zeros(6), [[], 0, 0, 0, 0, 0]]),
    "DTYPE",
    "weights[2][1][0]: expected a number",
  ],
  ["text among the weights", gru(2, [zeros(6), ["1", 0, 0, 0, 0, 0]]), "DTYPE", 'expected a number; got "1"'],
  ["null among the weights", gru(2, [zeros(6), [0, 0, null, 0, 0, 0]]), "DTYPE", "weights[2][1][2]: expected a number"],
  [
    "a weight past f32",
    layer(DENSE, { weights: [zeros(2, 3), [0, 1e39, 0]] }),
    "NON_FINITE",
    "got Infinity at element 1",
  ],
  [
    "an activation of a gru that RTNeural would not run",
    layer(GRU, { activation: "relu" }, 3),
    "ATTRIBUTE",
    "runs tanh",
  ],
  [
    "an unknown activation",
    layer(DENSE, { activation: "swish" }),
    "ATTRIBUTE",
    '"swish" as activation is not supported',
  ],
  [
    "an activation that is null",
    layer(DENSE, { activation: null }),
    "GRAPH",
    "activation: expected a string; got null",
  ],
  ["an activation of another size", layer(ACTIVATION, { shape: [3] }), "SHAPE", "shape: expected 2 last, the size of"],
  [
    "a batchnorm of another size",
    layer(NORM, { shape: [3] }),
    "SHAPE",
    "shape: expected 2 last, the size of its input",
  ],
  [
    "a prelu of another size",
    layer(PRELU, { weights: [[[1, 2, 3]]] }),
    "SHAPE",
    "weights[0][0]: expected an array of 2",
  ],
  ["a prelu without rows", layer(PRELU, { weights: [[]] }), "SHAPE", "expected an array of 1 for shape (1, 2)"],
  ["a prelu of a number", layer(PRELU, { weights: [0.5] }), "GRAPH", "weights[0]: expected an array; got 0.5"],
  ["in_skip of 2", rt({ in_skip: 2 }), "ATTRIBUTE", "in_skip: 2 beyond 1 is not supported"],
  ["in_skip of text", rt({ in_skip: "1" }), "GRAPH", "in_skip: expected an integer ≥ 0"],
  ["in_skip onto two outputs", rt({ in_skip: 1 }), "ATTRIBUTE", "in_skip: 1 onto an output of 2 is not supported"],
  ["in_gain of several inputs", rt({ in_gain: 1 }), "ATTRIBUTE", "more than one input is not supported"],
  ["out_gain of text", rt({ out_gain: "loud" }), "GRAPH", "out_gain: expected a number"],
  [
    "out_gain past every number",
    rt({ out_gain: 1e300 }),
    "ATTRIBUTE",
    "out_gain (activation): function: expected affine",
  ],
  ["a rate of 0", rt({ samplerate: 0 }), "GRAPH", "samplerate: expected a rate > 0; got 0"],
  ["a rate of words", rt({ samplerate: "fast" }), "GRAPH", 'samplerate: expected a rate > 0; got "fast"'],
  [
    "a rate below 0 in the metadata",
    rt({ metadata: { samplerate: -1 } }),
    "GRAPH",
    "metadata.samplerate: expected a rate",
  ],
];

const GUITARML_CASES: Case[] = [
  ["no state_dict", without(GUITARML, "state_dict"), "GRAPH", 'expected a field "state_dict"'],
  ["another field", { ...GUITARML, optimizer: 1 }, "GRAPH", 'got "optimizer"'],
  ["another field of model_data", guitar({ dropout: 1 }), "GRAPH", 'got "dropout"'],
  [
    "no unit_type",
    { ...GUITARML, model_data: without(GUITARML.model_data, "unit_type") },
    "GRAPH",
    '"unit_type"; got none',
  ],
  ["another model", guitar({ model: "GatedConvNet" }), "UNSUPPORTED_OP", 'model_data.model: "GatedConvNet" is not'],
  ["another unit", guitar({ unit_type: "TCN" }), "UNSUPPORTED_OP", 'model_data.unit_type: "TCN" is not supported'],
  ["the unit of another file", guitar({ unit_type: "GRU" }), "SHAPE", "rec.weight_ih_l0: expected shape (6, 2)"],
  ["a unit called constructor", guitar({ unit_type: "constructor" }), "UNSUPPORTED_OP", '"constructor" is not'],
  ["a unit that is a number", guitar({ unit_type: 1 }), "GRAPH", "unit_type: expected a string"],
  ["hidden_size of text", guitar({ hidden_size: "2" }), "GRAPH", "hidden_size: expected an integer ≥ 1"],
  ["hidden_size of 0", guitar({ hidden_size: 0 }), "GRAPH", "expected an integer ≥ 1; got 0"],
  [
    "hidden_size of 2³¹",
    guitar({ hidden_size: 2 ** 31 }),
    "ATTRIBUTE",
    "hiddenSize: expected an integer in 1 … 4194304",
  ],
  ["another hidden_size", guitar({ hidden_size: 3 }), "SHAPE", "rec.weight_ih_l0: expected shape (12, 2)"],
  ["another input_size", guitar({ input_size: 3 }), "SHAPE", "expected shape (8, 3)"],
  ["an input_size past the limit", guitar({ input_size: 2 ** 31 }), "LIMIT", "input_size: expected at most 4194304"],
  ["another output_size", guitar({ output_size: 2, skip: 2 }), "SHAPE", "lin.weight: expected shape (2, 2)"],
  [
    "two layers without the second",
    guitar({ num_layers: 2 }),
    "MISSING_TENSOR",
    "rec.weight_ih_l1: rec (lstm) needs it",
  ],
  ["2³¹ layers", guitar({ num_layers: 2 ** 31 }), "ATTRIBUTE", "numLayers: expected an integer in 1 … 256"],
  ["a skip of more than the inputs", guitar({ skip: 3 }), "ATTRIBUTE", "model_data.skip: expected 0, or 1 columns"],
  ["a skip below 0", guitar({ skip: -1 }), "GRAPH", "skip: expected an integer ≥ 0; got -1"],
  ["bias_fl of text", guitar({ bias_fl: "true" }), "GRAPH", "bias_fl: expected true or false"],
  ["bias_fl against the tensors", guitar({ bias_fl: false }), "UNUSED_TENSOR", "lin.bias: no layer uses it"],
  ["a tensor too many", state({ "rec.extra": [1] }), "UNUSED_TENSOR", "rec.extra: no layer uses it"],
  ["a tensor of text", state({ "lin.bias": "abc" }), "SHAPE", "state_dict.lin.bias: expected an array of numbers"],
  ["a ragged tensor", state({ "lin.weight": [[1, 2], [1]] }), "SHAPE", "lin.weight[1]: expected an array of 2"],
  ["a tensor with null", state({ "lin.bias": [null] }), "DTYPE", "lin.bias[0]: expected a number; got null"],
  ["the name of our own tensor", state({ "skip.weight": [[1, 0]] }), "DUPLICATE", "state_dict.skip.weight"],
];

const NAM_CASES: Case[] = [
  ["a WaveNet", nam({ architecture: "WaveNet" }), "UNSUPPORTED_OP", 'expected "LSTM"; got "WaveNet", which is not'],
  ["a ConvNet", nam({ architecture: "ConvNet" }), "UNSUPPORTED_OP", 'got "ConvNet"'],
  ["a Linear", nam({ architecture: "Linear" }), "UNSUPPORTED_OP", 'got "Linear"'],
  ["a CatLSTM", nam({ architecture: "CatLSTM" }), "UNSUPPORTED_OP", 'got "CatLSTM"'],
  ["an architecture of null", nam({ architecture: null }), "GRAPH", "architecture: expected a string"],
  ["version 0.4", nam({ version: "0.4.9" }), "VERSION", 'version: expected "0.5.x"; got "0.4.9"'],
  ["version 0.50", nam({ version: "0.50.0" }), "VERSION", 'got "0.50.0"'],
  ["a version as a number", nam({ version: 0.5 }), "GRAPH", "version: expected a string; got 0.5"],
  ["no weights", without(NAM, "weights"), "GRAPH", 'expected a field "weights"'],
  ["one weight too few", nam({ weights: NAM.weights.slice(1) }), "SHAPE", "weights: expected an array of 83"],
  ["one weight too many", nam({ weights: [...NAM.weights, 0] }), "SHAPE", "for shape (83); got an array of 84"],
  ["weights of text", nam({ weights: NAM.weights.with(80, "1") }), "DTYPE", 'weights[80]: expected a number; got "1"'],
  ["nested weights", nam({ weights: [NAM.weights] }), "SHAPE", "weights: expected an array of 83"],
  ["hidden_size of 0", config({ hidden_size: 0 }), "GRAPH", "config.hidden_size: expected an integer ≥ 1"],
  ["hidden_size past the limit", config({ hidden_size: 5000 }), "LIMIT", "config.hidden_size: expected at most 4096"],
  ["num_layers past the limit", config({ num_layers: 2 ** 40 }), "LIMIT", "config.num_layers: expected at most 4096"],
  ["input_size of −1", config({ input_size: -1 }), "GRAPH", "config.input_size: expected an integer ≥ 1"],
  ["in_channels of another size", config({ in_channels: 2 }), "GRAPH", "config.in_channels: expected input_size, 1"],
  ["out_channels of text", config({ out_channels: "1" }), "GRAPH", "config.out_channels: expected an integer"],
  ["another field of config", config({ train_burn_in: 1 }), "GRAPH", 'got "train_burn_in"'],
  ["another field", nam({ snapshot: 1 }), "GRAPH", 'got "snapshot"'],
  ["a rate of 0", nam({ sample_rate: 0 }), "GRAPH", "sample_rate: expected a rate > 0"],
  ["a rate of text", nam({ sample_rate: "48000" }), "GRAPH", "sample_rate: expected a number"],
  [
    "a weight past f32",
    nam({ weights: NAM.weights.with(3, 1e200) }),
    "NON_FINITE",
    "lstm.weight_ih_l0: expected finite numbers; got Infinity",
  ],
];

/** With one layer's numbers replaced. */
const noise = (row: number, change: readonly number[]) =>
  rnnoise(RNNOISE_LAYERS.map((one, i) => (i === row ? one.map((value, k) => change[k] ?? value) : one)));

const RNNOISE_CASES: Case[] = [
  ["the head alone", HEAD, "TRUNCATED", "input_dense: inputs: expected an integer in 1 … 128; got the end"],
  ["the head without a line feed", HEAD.trim(), "TRUNCATED", "got the end"],
  ["version 2", HEAD.replace("1", "2"), "VERSION", "line 1: expected rnnoise-nu model file version 1; got"],
  ["version 10", HEAD.replace("1", "10"), "VERSION", "version 10"],
  ["a word after the version", `${HEAD.trim()} 42 24 0`, "VERSION", "line 1: expected"],
  ["bytes that are no UTF-8", new Uint8Array([...utf8(HEAD), 0xff]), "UTF8", "file at byte 32: expected UTF-8"],
  ["no weights", `${HEAD}2 1 0`, "TRUNCATED", "input_dense: kernel: expected an integer in -128 … 127; got the end"],
  ["one weight too few", rnnoise().trimEnd().slice(0, -3), "TRUNCATED", "vad_output: bias: expected"],
  ["one weight too many", `${rnnoise()}1`, "SIZE", 'file: expected the end after six layers; got "1"'],
  [
    "a weight of 128",
    rnnoise().replace("-7", "128"),
    "HEADER",
    'input_dense: kernel: expected an integer in -128 … 127; got "128"',
  ],
  ["a weight of −129", rnnoise().replace("-7", "-129"), "HEADER", 'got "-129"'],
  ["a weight of 0.5", rnnoise().replace("-7", "0.5"), "HEADER", 'got "0.5"'],
  ["a weight of 1e1", rnnoise().replace("-7", "1e1"), "HEADER", 'got "1e1"'],
  ["a weight of 0x7", rnnoise().replace("-7", "0x7"), "HEADER", 'got "0x7"'],
  ["a weight of words", rnnoise().replace("-7", "seven"), "HEADER", 'got "seven"'],
  ["a weight in other digits", rnnoise().replace("-7", "٣"), "HEADER", "expected an integer"],
  ["a weight with NUL", rnnoise().replace("-7", "7\0"), "HEADER", 'got "7\\u0000"'],
  ["0 inputs", noise(0, [0]), "HEADER", 'input_dense: inputs: expected an integer in 1 … 128; got "0"'],
  ["129 outputs", noise(0, [2, 129]), "HEADER", 'input_dense: outputs: expected an integer in 1 … 128; got "129"'],
  ["10⁹ outputs", noise(1, [1, 1e9]), "HEADER", 'vad_gru: outputs: expected an integer in 1 … 128; got "1000000000"'],
  ["activation 3", noise(2, [4, 1, 3]), "HEADER", 'noise_gru: activation: expected an integer in 0 … 2; got "3"'],
  ["other inputs of vad_gru", noise(1, [2]), "SHAPE", "vad_gru: expected 1 inputs, input_dense; got 2"],
  [
    "other inputs of noise_gru",
    noise(2, [5]),
    "SHAPE",
    "noise_gru: expected 4 inputs, input_dense + vad_gru + features",
  ],
  [
    "other inputs of denoise_gru",
    noise(3, [1]),
    "SHAPE",
    "denoise_gru: expected 4 inputs, vad_gru + noise_gru + features",
  ],
  ["other inputs of vad_output", noise(5, [3]), "SHAPE", "vad_output: expected 1 inputs, vad_gru; got 3"],
];

const encode = (file: Uint8Array | string | Json) => {
  if (file instanceof Uint8Array) return file;
  if (typeof file !== "string") return utf8(JSON.stringify(file));
  // The magic of binary formats is bytes, not text.
  return /^[\x89P]/.test(file) ? Uint8Array.from(file, (char) => char.charCodeAt(0)) : utf8(file);
};

function refusal(read: () => unknown): FormatError | ModelError {
  try {
    read();
  } catch (error) {
    if (error instanceof FormatError || error instanceof ModelError) return error;
    throw error;
  }
  throw new Error("expected an error");
}

describe("the valid files that the malformed ones are made from", () => {
  it.each(Object.entries(VALID))("%s is read", (_, file) => {
    expect(readModel(encode(file)).nodes.length).toBeGreaterThan(1);
  });
});

const ALL: Record<string, Case[]> = {
  bytes: BYTES,
  RTNeural: RTNEURAL_CASES,
  GuitarML: GUITARML_CASES,
  NAM: NAM_CASES,
  RNNoise: RNNOISE_CASES,
};

describe.each(Object.entries(ALL))("malformed: %s", (_, cases) => {
  it.each(cases)("%s", (_, file, code, message, options) => {
    const error = refusal(() => readModel(encode(file), options));
    expect({ code: error.code, message: error.message }).toEqual({
      code: `ERR_${code}`,
      message: expect.stringContaining(message),
    });
  });

  it("has every name once", () => {
    expect(new Set(cases.map(([name]) => name)).size).toBe(cases.length);
  });
});

describe("a file that has its own graph", () => {
  it.each(Object.entries(VALID))("takes no layers, inputs or outputs: %s", (_, file) => {
    for (const options of [{ layers: [] }, { inputs: [] }, { outputs: [] }]) {
      const [key] = Object.keys(options);
      expect(() => readModel(encode(file), options)).toThrow(
        new TypeError(`"${key}" expected none for a file that has its own graph, got some`),
      );
    }
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

  it.each(Object.entries(VALID))("%s cut anywhere is refused", (_, file) => {
    const bytes = encode(file);
    // Without the white space at its end the text file is whole.
    const length = bytes.findLastIndex((byte) => byte > 0x20);
    for (let end = 0; end < length; end += 1 + (end % 7)) refusal(() => readModel(bytes.subarray(0, end)));
  });

  it.each(Object.entries(VALID))("%s with other bytes is a Model or refused", (_, file) => {
    const next = random(1);
    const bytes = encode(file);
    let refused = 0;
    for (let round = 0; round < 300; round++) {
      const damaged = bytes.slice();
      for (let k = 0; k <= next(3); k++)
        damaged[next(bytes.length)] = next(2) ? next(256) : '{}[]",:-0e'.charCodeAt(next(10));
      try {
        readModel(damaged);
      } catch (error) {
        if (!(error instanceof FormatError || error instanceof ModelError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(50);
  });
});
