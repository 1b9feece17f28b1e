/**
 * A layers model of TensorFlow.js → Model: model.json has the topology, which is Keras's config, and a manifest of weights that
 * lie one after another in shards (tfjs-core/src/io/types.ts, io_utils.ts). Shards come from the caller, by their names; nothing
 * that a file says is opened or fetched.
 */

import { ModelError } from "../errors.ts";
import type { Model } from "../model.ts";
import type { OpTable } from "../ops/core.ts";
import { shapeText, type Tensor } from "../tensor.ts";
import { refuseOther } from "./foreign.ts";
import type { Format } from "./format.ts";
import { Field, parseJson, show } from "./json.ts";
import { kerasModel, kerasOutline } from "./keras/model.ts";
import { type ReadModelOptions as NativeOptions, refuseLayers } from "./native.ts";
import { checkBytes, failure } from "./safetensors.ts";
import { readWeight, type Weight, weightOf } from "./tfjs/weights.ts";

/** What a file may ask for; more is ERR_LIMIT (ERR_JSON for jsonDepth). */
export interface TfjsLimits {
  readonly fileBytes: number;
  readonly configBytes: number;
  readonly jsonDepth: number;
  readonly shards: number;
  readonly tensors: number;
  readonly rank: number;
  readonly nameLength: number;
}

export const TFJS_LIMITS: TfjsLimits = {
  // Of the shards. The weights must fit a linear memory of 2³² bytes. Largest realistic: 374 MB.
  fileBytes: 2 ** 32,
  // Parsing takes 15 to 30 times the memory of the text. Largest realistic: 2 MB, a network of 1,000 layers.
  configBytes: 2 ** 24,
  // The JSON parser recurses. Largest realistic: 25, a wrapped layer of a functional model.
  jsonDepth: 64,
  // Each is asked for. Largest realistic: 100, the converter's shards of 4 MB.
  shards: 4096,
  // A tensor costs about 500 bytes whatever its size. Largest realistic: 1,000.
  tensors: 2 ** 16,
  // Messages print whole shapes. Largest realistic: 4, a 2-D convolution.
  rank: 8,
  // Names are keys and stand in messages. Largest realistic: 150, scopes six deep.
  nameLength: 1024,
};

export interface TfjsOptions extends Omit<NativeOptions, "limits" | "layers" | "inputs" | "outputs"> {
  /** The bytes of a shard. It is asked for plain relative names only: `group1-shard1of1.bin`. */
  readonly files?: (name: string) => Uint8Array;
  readonly limits?: Partial<TfjsLimits>;
}

interface Group {
  readonly paths: readonly string[];
  readonly weights: readonly Weight[];
}

interface Parts {
  readonly topology: Field;
  /** Major version of Keras; TensorFlow.js keeps to the functions of Keras 2. */
  readonly keras: number;
  readonly groups: readonly Group[];
}

function readParts(bytes: Uint8Array, limits: TfjsLimits): Parts {
  checkBytes(bytes);
  if (!/^\s*\{/.test(String.fromCharCode(...bytes.subarray(0, 64)))) refuseOther(bytes, "TensorFlow.js (model.json)");
  if (bytes.length > limits.configBytes) {
    throw failure("ERR_LIMIT", "file", `at most ${limits.configBytes} bytes`, bytes.length, 0);
  }
  const root = new Field(parseJson(bytes, { depth: limits.jsonDepth }), "", "ERR_GRAPH");
  const format = new Map(root.entries()).get("format");
  if (format !== undefined && format.value !== "layers-model") {
    const hint = "Of a graph model, convert the Keras model or its ONNX export instead.";
    throw format.as("ERR_FOREIGN_FORMAT").error('"layers-model"', `${show(format.value)}.`, hint);
  }
  const { modelTopology, weightsManifest } = root.fields(
    ["modelTopology", "weightsManifest"],
    ["format", "generatedBy", "convertedBy", "trainingConfig", "userDefinedMetadata"],
  );
  const topology = modelTopology.fields(
    [],
    ["class_name", "config", "model_config", "keras_version", "backend", "training_config"],
  );
  // "tfjs-layers 4.22.0", or Keras's own of a converted model.
  const major = /^(\d{1,3})\./.exec(topology.keras_version?.string() ?? "")?.[1];
  return {
    topology: topology.model_config ?? modelTopology,
    keras: Number(major ?? 2),
    groups: readManifest(weightsManifest, limits),
  };
}

function readManifest(manifest: Field, limits: TfjsLimits): Group[] {
  const paths = new Set<string>();
  const names = new Set<string>();
  return manifest.items().map((field) => {
    const group = field.fields(["paths", "weights"]);
    for (const one of group.paths.items()) {
      const path = one.string();
      if (!PLAIN.test(path)) throw one.as("ERR_NAME").error("a plain relative name", show(path));
      if (paths.has(path)) throw one.as("ERR_DUPLICATE").error("every shard once", show(path));
      if (paths.size === limits.shards) throw one.as("ERR_LIMIT").error(`at most ${limits.shards} shards`, "more");
      paths.add(path);
    }
    const weights = group.weights.items().map((one) => {
      const weight = weightOf(one, limits);
      if (names.has(weight.name)) throw one.as("ERR_DUPLICATE").error("every weight once", show(weight.name));
      if (names.size === limits.tensors) throw one.as("ERR_LIMIT").error(`at most ${limits.tensors} weights`, "more");
      names.add(weight.name);
      return weight;
    });
    return { paths: group.paths.items().map((one) => one.string()), weights };
  });
}

/** Letters, digits, "_", "-", inside also "." and spaces, in folders or none: no way up, no scheme, no query. */
const PLAIN = /^[\p{L}\p{N}_-][\p{L}\p{N}_. -]*(\/[\p{L}\p{N}_-][\p{L}\p{N}_. -]*)*$/u;

/** The bytes of a group: its shards, one after another. `size` is what its weights take. */
function readGroup({ paths }: Group, size: number, files: NonNullable<TfjsOptions["files"]>): Uint8Array {
  const shards = paths.map((path) => {
    const bytes = files(path);
    const type = Object.prototype.toString.call(bytes).slice(8, -1);
    if (type !== "Uint8Array") throw new TypeError(`"files" expected a Uint8Array for ${show(path)}, got ${type}`);
    return bytes;
  });
  const total = shards.reduce((sum, { length }) => sum + length, 0);
  if (total !== size) {
    const what = paths.length === 1 ? paths[0] : `${paths[0] ?? "no shards"} and ${Math.max(0, paths.length - 1)} more`;
    throw failure(total < size ? "ERR_TRUNCATED" : "ERR_SIZE", what, `${size} bytes for its weights`, total);
  }
  if (shards.length === 1) return shards[0];
  const all = new Uint8Array(total);
  let at = 0;
  for (const shard of shards) {
    all.set(shard, at);
    at += shard.length;
  }
  return all;
}

function readWeights({ groups }: Parts, { files }: TfjsOptions, limits: TfjsLimits): Tensor[] {
  const total = groups.reduce((sum, { weights }) => sum + weights.reduce((part, { bytes }) => part + bytes, 0), 0);
  if (total > limits.fileBytes) {
    throw failure("ERR_LIMIT", "weightsManifest", `at most ${limits.fileBytes} bytes of weights`, total);
  }
  if (files === undefined && groups.length > 0) {
    const names = groups.flatMap(({ paths }) => paths);
    throw new TypeError(
      `"files" expected a function that gives the bytes of ${names.slice(0, 9).join(", ")}, got none`,
    );
  }
  return groups.flatMap((group) => {
    const size = group.weights.reduce((sum, { bytes }) => sum + bytes, 0);
    const data = readGroup(group, size, files as NonNullable<TfjsOptions["files"]>);
    let at = 0;
    return group.weights.map((weight) => {
      at += weight.bytes;
      return readWeight(weight, data.subarray(at - weight.bytes, at));
    });
  });
}

/** In the order in which Keras lists the weights of a layer. */
const ORDER = ["embeddings", "gamma", "kernel", "recurrent_kernel", "beta", "bias", "moving_mean", "moving_variance"];

/** `gru/kernel`, `bidirectional/backward_lstm/lstm_cell/kernel`: a weight is its layer's by the name before the first slash. */
function byLayer(weights: readonly Tensor[], names: readonly string[], ignore: readonly string[]) {
  const layers = new Map<string, [place: number, Tensor][]>();
  const longest = [...names].sort((a, b) => b.length - a.length);
  for (const weight of weights) {
    const { name } = weight;
    if (ignore.includes(name)) continue;
    const layer = longest.find((one) => name.startsWith(`${one}/`));
    const parts = name.slice((layer ?? "").length + 1).split("/");
    const kind = ORDER.indexOf(parts.at(-1) as string);
    if (layer === undefined || kind < 0) {
      const hint = "Name it in ignore if the model does not need it.";
      const got = layer === undefined ? "no layer has it" : "no layer knows it";
      throw new ModelError("ERR_UNUSED_TENSOR", `${show(name)}: ${got}; its shape is ${shapeText(weight.shape)}.`, {
        tensor: name,
        hint,
      });
    }
    const place = kind + (parts.length > 1 && parts[0].startsWith("backward_") ? ORDER.length : 0);
    const list = layers.get(layer) ?? [];
    if (list.some(([other]) => other === place)) {
      throw new ModelError("ERR_GRAPH", `${show(name)}: expected one ${parts.at(-1)} in ${layer}; got two.`, {
        tensor: name,
      });
    }
    layers.set(layer, [...list, [place, weight]]);
  }
  return new Map(
    [...layers].map(([layer, list]) => [layer, list.sort(([a], [b]) => a - b).map(([, weight]) => weight)]),
  );
}

/** @throws FormatError for the bytes, ModelError for what they mean */
export function readTfjsModel(ops: OpTable, bytes: Uint8Array, options: TfjsOptions = {}): Model {
  refuseLayers(options as Pick<NativeOptions, "layers" | "inputs" | "outputs">);
  const limits = { ...TFJS_LIMITS, ...options.limits };
  const parts = readParts(bytes, limits);
  const { limits: _, files, ...rest } = options;
  const weightsOf = (layers: readonly { readonly name: string }[]) => {
    const names = layers.map(({ name }) => name);
    return byLayer(readWeights(parts, options, limits), names, options.ignore ?? []);
  };
  return kerasModel(ops, parts.topology, weightsOf, parts.keras, rest);
}

/** The names of the shards that a model.json lists, in order: what `files` will be asked for. */
export function tfjsShards(bytes: Uint8Array, options: TfjsOptions = {}): string[] {
  return readParts(bytes, { ...TFJS_LIMITS, ...options.limits }).groups.flatMap(({ paths }) => paths);
}

export const tfjs: Format = {
  name: "TensorFlow.js",
  entry: "sluice/tfjs",
  conventions: "gates z, r, h and i, f, c, o; weights (I, G·H); one bias, two in a GRU whose reset_after is true",
  matches: (bytes) =>
    /^\s*\{[\s\S]*"(modelTopology|weightsManifest|layers-model|graph-model)"/.test(
      String.fromCharCode(...bytes.subarray(0, 4096)),
    ),
  read: readTfjsModel,
  files: true,
  outline: (bytes) => kerasOutline(readParts(bytes, TFJS_LIMITS).topology),
};
