/** Malformed model.json files and shards, each with its one error. Configs of layers have tests of their own (Keras). */

import { describe, expect, it } from "vitest";
import { FormatError, ModelError } from "../../src/errors.ts";
import { readTfjsModel, type TfjsOptions, tfjs, tfjsShards } from "../../src/formats/tfjs.ts";
import { CORE } from "../../src/ops/core.ts";

type Json = Record<string, unknown>;

const DENSE = { units: 2, name: "dense", batch_input_shape: [null, null, 3] };
const TOPOLOGY = {
  class_name: "Sequential",
  config: { name: "sequential", layers: [{ class_name: "Dense", config: DENSE }] },
  keras_version: "tfjs-layers 4.22.0",
  backend: "tensor_flow.js",
};
const KERNEL = { name: "dense/kernel", shape: [3, 2], dtype: "float32" };
const BIAS = { name: "dense/bias", shape: [2], dtype: "float32" };

const text = (value: string) => new TextEncoder().encode(value);
const file = (value: unknown) => text(JSON.stringify(value));
const model = (parts: Json = {}) =>
  file({ format: "layers-model", modelTopology: TOPOLOGY, weightsManifest: manifest([KERNEL, BIAS]), ...parts });
const manifest = (weights: readonly Json[], paths: readonly unknown[] = ["a.bin"]) => [{ paths, weights }];
const weights = (...list: Json[]) => model({ weightsManifest: manifest(list) });
const kernel = (parts: Json) => weights({ ...KERNEL, ...parts }, BIAS);
const quantized = (quantization: unknown, dtype = "float32") => kernel({ quantization, dtype });
const path = (...paths: unknown[]) => model({ weightsManifest: manifest([KERNEL, BIAS], paths) });
const layer = (className: string, config: Json) =>
  model({
    modelTopology: {
      ...TOPOLOGY,
      config: { name: "s", layers: [{ class_name: className, config: { ...DENSE, ...config } }] },
    },
  });

/** Bytes of every shard, however many are asked for. */
const shards = (length: number): TfjsOptions => ({ files: () => new Uint8Array(length) });

type Case = [name: string, file: Uint8Array, code: string, message: string, options?: TfjsOptions];

const CASES: Case[] = [
  // the file
  ["no bytes", text(""), "HEADER", 'file: expected TensorFlow.js (model.json); got 0 bytes that begin ""'],
  ["text", text("hello"), "HEADER", 'TensorFlow.js (model.json); got 5 bytes that begin "hello"'],
  ["HDF5", text("\x89HDF\r\n"), "HEADER", "TensorFlow.js (model.json)"],
  ["a page", text("<!doctype html>"), "FOREIGN_FORMAT", "got HTML or XML. Is it an error page?"],
  ["a list", text("[]"), "HEADER", 'got 2 bytes that begin "[]"'],
  ["cut short", model().slice(0, 100), "JSON", "modelTopology.config at byte 98: expected a closing quote"],
  ["a key twice", text('{"format":"layers-model","format":"layers-model"}'), "DUPLICATE", "every key once"],
  ["a million brackets", text(`{"format":${"[".repeat(1e6)}`), "JSON", "at most 64 levels of nesting"],
  ["infinity", text('{"modelTopology":{},"weightsManifest":[],"x":1e400}'), "JSON", "a number in the range of f64"],
  ["more bytes than the limit", model(), "LIMIT", "file: expected at most 9 bytes", { limits: { configBytes: 9 } }],
  [
    "a graph model",
    model({ format: "graph-model" }),
    "FOREIGN_FORMAT",
    'format: expected "layers-model"; got "graph-model". Of a graph',
  ],
  ["a format that is a number", model({ format: 1 }), "FOREIGN_FORMAT", 'expected "layers-model"; got 1'],
  ["no topology", file({ weightsManifest: [] }), "GRAPH", 'expected a field "modelTopology"; got none'],
  ["no manifest", file({ modelTopology: TOPOLOGY }), "GRAPH", 'expected a field "weightsManifest"; got none'],
  ["another field", model({ signature: {} }), "GRAPH", 'got "signature"'],
  ["__proto__", text('{"__proto__":{},"modelTopology":{},"weightsManifest":[]}'), "GRAPH", 'got "__proto__"'],
  ["a topology that is text", model({ modelTopology: "{}" }), "GRAPH", "modelTopology: expected an object"],
  [
    "a model_config that is text",
    model({ modelTopology: { model_config: "{}" } }),
    "GRAPH",
    "modelTopology.model_config: expected an object",
  ],
  ["a topology of nothing", model({ modelTopology: {} }), "GRAPH", 'expected a field "class_name"'],
  ["camel case", model({ modelTopology: { className: "Sequential", config: [] } }), "GRAPH", 'got "className"'],

  // the manifest
  ["a manifest that is an object", model({ weightsManifest: {} }), "GRAPH", "weightsManifest: expected an array"],
  ["a group of text", model({ weightsManifest: ["a"] }), "GRAPH", "weightsManifest[0]: expected an object"],
  [
    "a group without paths",
    model({ weightsManifest: [{ weights: [] }] }),
    "GRAPH",
    'weightsManifest[0]: expected a field "paths"',
  ],
  [
    "a group with more",
    model({ weightsManifest: [{ paths: [], weights: [], url: "x" }] }),
    "GRAPH",
    'no fields but paths, weights; got "url"',
  ],
  ...[
    "",
    "../a.bin",
    "a/../b.bin",
    "/etc/passwd",
    "https://example.org/a.bin",
    "//example.org/a.bin",
    "data:,x",
    "file:a.bin",
    "C:\\a.bin",
    "a\\b.bin",
    "a//b.bin",
    "a.bin?x",
    "a.bin#x",
    "%2e%2e/a.bin",
    "a\0.bin",
    "a\n.bin",
    ".",
    "..",
    ".hidden",
    "a/.hidden",
    "a/",
    "\u202ea.bin",
    "~/a.bin",
  ].map(
    (name): Case => [
      `a path ${JSON.stringify(name)}`,
      path(name),
      "NAME",
      "weightsManifest[0].paths[0]: expected a plain relative name",
    ],
  ),
  ["a path that is a number", path(1), "GRAPH", "weightsManifest[0].paths[0]: expected a string; got 1"],
  [
    "a path twice",
    path("a.bin", "a.bin"),
    "DUPLICATE",
    'weightsManifest[0].paths[1]: expected every shard once; got "a.bin"',
  ],
  [
    "more shards than the limit",
    path("a.bin", "b.bin"),
    "LIMIT",
    "at most 1 shards; got more",
    { limits: { shards: 1 } },
  ],
  [
    "a weight twice",
    weights(KERNEL, BIAS, BIAS),
    "DUPLICATE",
    'weightsManifest[0].weights[2]: expected every weight once; got "dense/bias"',
  ],
  ["more weights than the limit", model(), "LIMIT", "at most 1 weights; got more", { limits: { tensors: 1 } }],
  ["a weight without a name", kernel({ name: "" }), "NAME", 'weights[0].name: expected a name without NUL; got ""'],
  ["a weight with NUL in its name", kernel({ name: "a\0" }), "NAME", "a name without NUL"],
  [
    "a name of 1,025 letters",
    kernel({ name: "a".repeat(1025) }),
    "LIMIT",
    "a name of at most 1024 UTF-16 units; got 1025",
  ],
  ["a weight with more fields", kernel({ group: "x" }), "GRAPH", 'got "group"'],
  [
    "a weight without a shape",
    weights({ name: "dense/kernel", dtype: "float32" }),
    "GRAPH",
    'expected a field "shape"',
  ],
  ["a shape that is a number", kernel({ shape: 6 }), "SHAPE", "weights[0].shape: expected an array"],
  ["a size of −1", kernel({ shape: [-1, 2] }), "SHAPE", "shape[0]: expected an integer ≥ 0; got -1"],
  ["a size of 1.5", kernel({ shape: [1.5, 2] }), "SHAPE", "shape[0]: expected an integer ≥ 0"],
  ["a size that is null", kernel({ shape: [null, 2] }), "SHAPE", "shape[0]: expected an integer ≥ 0"],
  ["nine dimensions", kernel({ shape: Array(9).fill(1) }), "LIMIT", "at most 8 dimensions; got 9"],
  ["2⁶⁰ elements", kernel({ shape: [2 ** 30, 2 ** 30] }), "SHAPE", "fewer than 2⁵³ elements"],
  [
    "2⁴⁰ elements",
    kernel({ shape: [2 ** 20, 2 ** 20] }),
    "LIMIT",
    "weightsManifest: expected at most 4294967296 bytes of weights; got 4398046511112",
  ],
  [
    "a weight of text",
    kernel({ dtype: "string" }),
    "DTYPE",
    'weights[0].dtype: expected one of float32, int32, bool; got "string"',
  ],
  ["a weight of complex numbers", kernel({ dtype: "complex64" }), "DTYPE", 'got "complex64"'],
  ["a weight of every object", kernel({ dtype: "constructor" }), "DTYPE", 'got "constructor"'],
  ["quantization that is text", quantized("uint8"), "DTYPE", "quantization: expected an object"],
  ["quantization without a dtype", quantized({ scale: 1, min: 0 }), "DTYPE", 'quantization: expected a field "dtype"'],
  [
    "quantization to int8",
    quantized({ dtype: "int8", scale: 1, min: 0 }),
    "DTYPE",
    'uint8 or uint16 with scale and min, or float16 of float32; got "int8" of float32',
  ],
  [
    "quantization without a scale",
    quantized({ dtype: "uint8", min: 0 }),
    "DTYPE",
    "uint8 or uint16 with scale and min",
  ],
  [
    "quantization without a minimum",
    quantized({ dtype: "uint16", scale: 1 }),
    "DTYPE",
    "uint8 or uint16 with scale and min",
  ],
  [
    "quantization with a scale of text",
    quantized({ dtype: "uint8", scale: "1", min: 0 }),
    "DTYPE",
    'quantization.scale: expected a number; got "1"',
  ],
  ["halves with a scale", quantized({ dtype: "float16", scale: 1 }), "DTYPE", "float16 of float32"],
  ["halves of int32", quantized({ dtype: "float16" }, "int32"), "DTYPE", '"float16" of int32'],
  ["quantization of bool", quantized({ dtype: "uint8", scale: 1, min: 0 }, "bool"), "DTYPE", '"uint8" of bool'],
  ["quantization with more fields", quantized({ dtype: "uint8", scale: 1, min: 0, axis: 1 }), "DTYPE", 'got "axis"'],
  [
    "a scale of 1e308",
    quantized({ dtype: "uint8", scale: 1e308, min: 1e308 }),
    "NON_FINITE",
    "dense.weight: expected finite numbers; got Infinity",
    shards(14),
  ],

  // shards
  ["shards one byte short", model(), "TRUNCATED", "a.bin: expected 32 bytes for its weights; got 31", shards(31)],
  ["shards one byte long", model(), "SIZE", "a.bin: expected 32 bytes for its weights; got 33", shards(33)],
  [
    "two shards that are short",
    path("a.bin", "b.bin"),
    "TRUNCATED",
    "a.bin and 1 more: expected 32 bytes for its weights; got 30",
    shards(15),
  ],
  ["no shards for weights", path(), "TRUNCATED", "no shards and 0 more: expected 32 bytes for its weights; got 0"],
  ["shards for no weights", weights(), "SIZE", "a.bin: expected 0 bytes for its weights; got 32"],

  // weights and layers
  [
    "a weight of no layer",
    weights(KERNEL, { ...BIAS, name: "dense_1/bias" }),
    "UNUSED_TENSOR",
    '"dense_1/bias": no layer has it; its shape is (2). Name it in ignore',
  ],
  ["a weight without a layer", weights(KERNEL, { ...BIAS, name: "bias" }), "UNUSED_TENSOR", '"bias": no layer has it'],
  [
    "a weight that no layer knows",
    weights(KERNEL, { ...BIAS, name: "dense/gain" }),
    "UNUSED_TENSOR",
    '"dense/gain": no layer knows it',
  ],
  [
    "two kernels of a layer",
    weights(KERNEL, { ...KERNEL, name: "dense/inner/kernel", shape: [2] }),
    "GRAPH",
    '"dense/inner/kernel": expected one kernel in dense; got two.',
  ],
  ["no bias", weights(KERNEL), "MISSING_TENSOR", "dense (Dense): expected more than 1 arrays of weights", shards(24)],
  ["a kernel of another shape", weights({ ...KERNEL, shape: [2, 3] }, BIAS), "SHAPE", "dense"],
  ["a Lambda layer", layer("Lambda", { function: "x" }), "UNSUPPORTED_OP", 'layer "Lambda" is not supported'],
  ["a ConvLSTM", layer("ConvLSTM2D", {}), "UNSUPPORTED_OP", '"ConvLSTM2D" is not supported'],
  ["no units", layer("Dense", { units: 0 }), "GRAPH", "units: expected an integer ≥ 1; got 0"],
  [
    "an activation of its own",
    layer("Dense", { activation: "mish" }),
    "ATTRIBUTE",
    'activation "mish" is not supported',
  ],
  ["a node of gelu", layer("Dense", { activation: "gelu_new" }), "ATTRIBUTE", '"gelu_new" is not supported'],
];

describe("a malformed model of TensorFlow.js", () => {
  it("is in the table once", () => {
    expect(new Set(CASES.map(([name]) => name)).size).toBe(CASES.length);
    expect(CASES.length).toBeGreaterThan(80);
  });

  it.each(CASES)("is refused: %s", (_, file, code, message, options) => {
    const asked: string[] = [];
    const files = (name: string) => {
      asked.push(name);
      return new Uint8Array(32);
    };
    let error: unknown;
    try {
      readTfjsModel(CORE, file, { files, ...options });
    } catch (thrown) {
      error = thrown;
    }
    expect(error instanceof FormatError || error instanceof ModelError, String(error)).toBe(true);
    expect((error as FormatError).message).toContain(message);
    expect((error as FormatError).code).toBe(`ERR_${code}`);
    if (code === "NAME") expect(asked).toEqual([]);
  });

  it("says which shards are to be given, and what was given instead", () => {
    expect(() => readTfjsModel(CORE, model())).toThrow(
      new TypeError('"files" expected a function that gives the bytes of a.bin, got none'),
    );
    const files = () => "bytes" as unknown as Uint8Array;
    expect(() => readTfjsModel(CORE, model(), { files })).toThrow(
      new TypeError('"files" expected a Uint8Array for "a.bin", got String'),
    );
    const layers = { layers: [], ...shards(32) } as TfjsOptions;
    expect(() => readTfjsModel(CORE, model(), layers)).toThrow(TypeError);
    expect(() => readTfjsModel(CORE, "x" as unknown as Uint8Array)).toThrow(TypeError);
  });
});

describe("a well-formed model of TensorFlow.js", () => {
  it.each<[string, Uint8Array, number]>([
    ["as it is", model(), 32],
    ["of the converter", model({ modelTopology: { model_config: TOPOLOGY, keras_version: "2.15.0" } }), 32],
    ["without a format", file({ modelTopology: TOPOLOGY, weightsManifest: manifest([KERNEL, BIAS]) }), 32],
    ["before a space", text(` \n${new TextDecoder().decode(model())}`), 32],
    ["with int32 weights", weights({ ...KERNEL, dtype: "int32" }, BIAS), 32],
    [
      "with quantised int32 weights",
      weights({ ...KERNEL, dtype: "int32", quantization: { dtype: "uint8", scale: 0.5, min: -3 } }, BIAS),
      14,
    ],
    ["with names that TensorFlow nests", weights({ ...KERNEL, name: "dense/a/b/kernel" }, BIAS), 32],
  ])("is read: %s", (_, file, size) => {
    const { tensors } = readTfjsModel(CORE, file, shards(size));
    expect([...tensors.keys()].sort()).toEqual(["dense.bias", "dense.weight"]);
    expect(tfjs.matches(file)).toBe(true);
  });

  it("may have weights that are left out", () => {
    const file = weights(KERNEL, BIAS, { ...BIAS, name: "other/bias" });
    expect(readTfjsModel(CORE, file, { ...shards(40), ignore: ["other/bias"] }).tensors.size).toBe(2);
  });

  it("rounds quantised integers as TensorFlow.js does", () => {
    const file = weights({ ...KERNEL, dtype: "int32", quantization: { dtype: "uint8", scale: 0.5, min: -3 } }, BIAS);
    const bytes = Uint8Array.of(0, 1, 2, 3, 4, 255, 0, 0, 0, 0, 0, 0, 0, 0);
    const { tensors } = readTfjsModel(CORE, file, { files: () => bytes });
    // q · 0.5 − 3, halves up, then columns as rows.
    expect(tensors.get("dense.weight")?.data).toEqual(Float32Array.of(-3, -2, -1, -2, -1, 125));
  });

  it("may have shards in folders", () => {
    expect(tfjsShards(path("weights v1/group1-shard1of1.bin", "ü_2.bin"))).toEqual([
      "weights v1/group1-shard1of1.bin",
      "ü_2.bin",
    ]);
  });
});
