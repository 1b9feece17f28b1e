/**
 * The native file: safetensors whose `__metadata__.sluice` is the graph as JSON (docs/formats.md has each field). What another
 * version may have added is refused, never skipped.
 */

import { ModelError } from "../errors.ts";
import { buildModel, nodeText, opOf } from "../graph.ts";
import { guessLayers, type LayerSpec, type LayersOptions, layersToModel } from "../layers.ts";
import type { Model, ModelInfo, Node, StateInfo, ValueInfo } from "../model.ts";
import type { OpTable } from "../ops/core.ts";
import { resolveAttrs } from "../ops/op.ts";
import { shapeText, type Tensor } from "../tensor.ts";
import type { Format } from "./format.ts";
import { Field, type JsonValue, parseJson } from "./json.ts";
import { encodeSafetensors, type Limits, parseSafetensors, readSafetensors } from "./safetensors.ts";

const VERSION = 1;

export interface ReadModelOptions extends Omit<LayersOptions, "info"> {
  /** What the tensors mean, for files that hold weights only. */
  readonly layers?: readonly LayerSpec[];
  readonly limits?: Partial<Limits>;
}

/**
 * A model from the bytes of a safetensors file: the native file as it says, a bare state_dict with `layers`.
 * @throws FormatError for the bytes, ModelError for what they mean
 */
export function readSafetensorsModel(ops: OpTable, bytes: Uint8Array, options: ReadModelOptions = {}): Model {
  const { tensors, metadata } = parseSafetensors(bytes, options);
  const graph = metadata.get("sluice");
  if (graph !== undefined) {
    refuseLayers(options);
    return readGraph(ops, graph, tensors, options);
  }
  return tensorsToModel(ops, tensors, options);
}

/** What a caller says of weights alone is an error where the file says it. */
export function refuseLayers(options: Pick<ReadModelOptions, "layers" | "inputs" | "outputs">): void {
  for (const key of ["layers", "inputs", "outputs"] as const) {
    if (options[key] !== undefined)
      throw new TypeError(`"${key}" expected none for a file that has its own graph, got some`);
  }
}

/** A model of tensors alone: by `layers`, and without them an error that says what they look like. */
export function tensorsToModel(ops: OpTable, tensors: ReadonlyMap<string, Tensor>, options: ReadModelOptions): Model {
  if (options.layers !== undefined) return layersToModel(ops, options.layers, tensors, options);
  throw new ModelError("ERR_LAYERS_NEEDED", "model: expected a graph or layers; got tensors alone.", {
    hint: `Pass layers. By its names and shapes the file looks like ${JSON.stringify(guessLayers(tensors))}.`,
  });
}

export const safetensors: Format = {
  name: "safetensors",
  entry: "sluice",
  conventions: "gates r, z, n and i, f, g, o; weights (G·H, I); two biases; a state_dict: reset after the product",
  matches: (bytes) => bytes[8] === 0x7b, // the header's {
  read: readSafetensorsModel,
  tensors: readSafetensors,
};

function readGraph(ops: OpTable, text: string, tensors: Map<string, Tensor>, options: ReadModelOptions): Model {
  const root = new Field(parseJson(text, { path: "sluice" }), "sluice", "ERR_GRAPH");
  const fields = root.fields(["version", "inputs", "outputs", "nodes", "states", "quant", "info"]);
  if (fields.version.integer(0) !== VERSION) throw fields.version.as("ERR_VERSION").error(`${VERSION}`);
  for (const [name, field] of fields.quant.entries()) attachScale(tensors, name, field);
  const inputs = fields.inputs.items().map(readValue);
  const outputs = fields.outputs.items().map(readValue);
  const nodes = fields.nodes.items().map((field): Node => {
    const { name, op, inputs, outputs, attrs } = field.fields(["name", "op", "inputs", "outputs", "attrs"]);
    const node = { name: name.string(), op: op.string() };
    return {
      ...node,
      inputs: inputs.strings(),
      outputs: outputs.strings(),
      attrs: resolveAttrs(
        opOf(ops, node),
        Object.fromEntries(attrs.entries().map(([key, { value }]) => [key, plain(value)])),
        nodeText(node),
      ),
    };
  });
  const info = readInfo(fields.info);
  const states = fields.states.items().map((field): StateInfo => {
    const { name, shape, initial, input, output } = field.fields(["name", "shape"], ["input", "output", "initial"]);
    return {
      name: name.string(),
      shape: shape.items().map((axis) => axis.integer(1)),
      ...(input && { input: input.string() }),
      ...(output && { output: output.string() }),
      ...(initial && { initial: initial.string() }),
    };
  });
  const paired = states.filter(({ input }) => input !== undefined);
  const model = buildModel(
    ops,
    { inputs, nodes, tensors, info, states: paired },
    outputs.map(({ name }) => name),
    options,
  );
  // What follows from the nodes is in the file for readers of it; it must agree.
  for (const [key, said] of Object.entries({ inputs, outputs, states })) {
    const [is, got] = [model[key as "inputs"], said].map((value) => JSON.stringify(value));
    if (is !== got) throw fields[key as "inputs"].error(is, got);
  }
  return model;
}

/** NAME and its scale become one tensor; the graph's checks look at what they hold. */
function attachScale(tensors: Map<string, Tensor>, name: string, field: Field): void {
  const { scale, axis } = field.fields(["scale", "axis"]);
  if (axis.integer(0) !== 0) throw axis.error("0, the rows");
  const key = `${name}.scale`;
  if (scale.string() !== key) throw scale.error(`"${key}"`);
  const [tensor, numbers] = [name, key].map((each) => {
    const one = tensors.get(each);
    if (one) return one;
    throw new ModelError("ERR_MISSING_TENSOR", `${each}: ${field.path} names it; the file does not have it.`, {
      tensor: each,
    });
  });
  const { dtype, shape, data } = numbers;
  if (dtype !== "F32" || `${shape}` !== `${tensor.shape[0]}`) {
    const expected = `F32 of ${shapeText(tensor.shape.slice(0, 1))}`;
    throw new ModelError("ERR_SHAPE", `${key}: expected ${expected}; got ${dtype} of ${shapeText(shape)}`, {
      tensor: key,
    });
  }
  tensors.delete(key);
  tensors.set(name, { ...tensor, scale: data as Float32Array });
}

function readValue(field: Field): ValueInfo {
  const { name, dtype, shape } = field.fields(["name", "dtype", "shape"]);
  const type = dtype.string();
  if (type !== "F32" && type !== "I32") throw dtype.error('"F32" or "I32"');
  return {
    name: name.string(),
    dtype: type,
    shape: shape.items().map((axis) => (typeof axis.value === "string" ? axis.value : axis.integer(1))),
  };
}

/** Records for Maps, as attributes have them. */
function plain(value: JsonValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [key, plain(one)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

/** What `info` may have. */
const INFO = {
  vocabulary: "strings",
  labels: "strings",
  sampleRate: "number",
  mean: "numbers",
  std: "numbers",
  description: "string",
  license: "string",
} as const;

function readInfo(field: Field): ModelInfo {
  const fields = field.fields([], Object.keys(INFO) as (keyof typeof INFO)[]);
  return Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, one[INFO[key as keyof typeof INFO]]()]));
}

/**
 * Returns the bytes of a native file, which holds weights and graph and is read without `layers`. The same model gives the same bytes.
 *
 * Cost     one copy of the tensors
 * @example
 * await writeFile("model.safetensors", writeSafetensors(model));
 */
export function writeSafetensors(model: Model): Uint8Array {
  const { inputs, outputs, nodes, states, info, tensors } = model;
  const quant: [string, unknown][] = [];
  const stored: Tensor[] = [];
  for (const { name, dtype, shape, data, scale } of [...tensors.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    stored.push({ name, dtype, shape, data });
    if (scale === undefined) continue;
    const key = `${name}.scale`;
    quant.push([name, { scale: key, axis: 0 }]);
    stored.push({ name: key, dtype: "F32", shape: [scale.length], data: scale });
  }
  const graph = { version: VERSION, inputs, outputs, nodes, states, quant: Object.fromEntries(quant), info };
  return encodeSafetensors(stored, [["sluice", JSON.stringify(graph)]]);
}
