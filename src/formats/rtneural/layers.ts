/**
 * RTNeural's JSON → Model. Written by its Python exporter from Keras models, read by RTNeural/model_loader.h; AIDA-X adds
 * `in_skip`, `in_gain` and `out_gain`. A GRU has two rows of bias and its reset after the product.
 */

import { ModelError } from "../../errors.ts";
import { type LayerSpec, type LayersOptions, layersToModel } from "../../layers.ts";
import type { Model, ModelInfo } from "../../model.ts";
import type { OpTable } from "../../ops/core.ts";
import { GRAPH } from "../../ops/graph.ts";
import { MAX_SIZE } from "../../ops/op.ts";
import { elements, type Tensor } from "../../tensor.ts";
import { type Field, show } from "../json.ts";
import { cellTensors, GATES, toRows } from "../keras/weights.ts";
import { byName, f32, firstColumns, numbers } from "../nested.ts";
import { appendConv1d, appendConv2d, type Chain, checkFeatures, checkOrder, endOf, lastSize, timeOf } from "./conv.ts";

/** Says nothing about the numbers: who made the model, how well it fits. */
const DESCRIPTIVE = ["author", "name", "esr", "metadata", "input_batch", "output_batch"] as const;

/** Also the names of ours; RTNeural's elu has alpha 1 too. */
const ACTIVATIONS: readonly string[] = ["tanh", "relu", "sigmoid", "elu", "softmax"];

/** @throws FormatError for the JSON, ModelError for layers that are not supported */
export function readRtneuralLayers(ops: OpTable, root: Field, options: LayersOptions): Model {
  const fields = root.fields(["in_shape", "layers"], ["in_skip", "in_gain", "out_gain", "samplerate", ...DESCRIPTIVE]);
  const shape = inputShape(fields.in_shape, fields.layers.items());
  const inputSize = elements(shape);
  const chain: Chain = {
    layers: [],
    tensors: [],
    states: [],
    shape,
    frames: shrinks(fields.in_shape, fields.layers.items()),
  };
  const inGain = gain(fields.in_gain);
  if (inGain !== 1) {
    if (inputSize > 1) throw unsupported(fields.in_gain as Field, "of a model with more than one input");
    chain.layers.push({ type: "activation", name: "in_gain", activation: { name: "affine", alpha: inGain, beta: 0 } });
  }
  const skip = fields.in_skip?.value == null ? 0 : fields.in_skip.integer(0);
  if (skip > 1) throw unsupported(fields.in_skip as Field, "beyond 1");
  const from = endOf(chain);
  for (const [i, field] of fields.layers.items().entries()) appendLayer(chain, field, i);
  if (skip === 1) {
    const size = elements(chain.shape);
    if (size !== 1 || shape.length > 1) throw unsupported(fields.in_skip as Field, `onto an output of ${size}`);
    const inputs = [endOf(chain), from];
    if (inputSize > 1) {
      chain.layers.push({ type: "linear", name: "skip", inputs: [from], bias: false });
      chain.tensors.push(firstColumns("skip.weight", 1, inputSize));
      inputs[1] = "skip";
    }
    chain.layers.push({ type: "add", name: "in_skip", inputs });
  }
  const outGain = gain(fields.out_gain);
  if (outGain !== 1) {
    const activation = { name: "affine", alpha: outGain, beta: 0 };
    chain.layers.push({ type: "activation", name: "out_gain", inputs: [endOf(chain)], activation });
  }
  // What the core can run runs at any entry; convolutions are operators of graphs.
  const table = chain.layers.some(({ type }) => type === "conv") ? GRAPH : ops;
  const model = layersToModel(table, chain.layers, byName(chain.tensors), {
    ...options,
    inputs: [{ name: "input", dtype: "F32", shape }],
    states: chain.states,
    info: infoOf(fields.samplerate, fields.metadata),
  });
  return { ...model, warnings: silentLayers(fields.layers.items()) };
}

/** Early exporters wrote no activation, and the program that loaded the file knew it (KlonCentaur runs tanh). */
function silentLayers(layers: readonly Field[]): string[] {
  return layers.slice(0, -1).flatMap((field) => {
    const members = new Map(field.entries());
    if (!DENSE.includes(members.get("type")?.value as string) || members.has("activation")) return [];
    return [`${field.path} (dense): names no activation, so none runs; some programs add tanh here.`];
  });
}

/** Hz, where the file says it: at the top, or in AIDA-X's metadata. */
function infoOf(samplerate: Field | undefined, metadata: Field | undefined): ModelInfo {
  const members = metadata?.value instanceof Map ? metadata.entries() : [];
  const inside = members.find(([key, { value }]) => key === "samplerate" && typeof value === "number")?.[1];
  const field = inside ?? samplerate;
  if (field === undefined || field.value === null) return {};
  const { value } = field; // some exporters write it as text
  const sampleRate = typeof value === "string" && /^\d{1,7}$/.test(value) ? Number(value) : value;
  if (typeof sampleRate !== "number" || sampleRate <= 0) throw field.error("a rate > 0");
  return { sampleRate };
}

/** Decibels → a factor. */
function gain(field: Field | undefined): number {
  return field === undefined || field.value === null ? 1 : 10 ** (field.number() / 20);
}

/** The type of a layer; "" where it names none. */
const typeOf = (field: Field): string =>
  field
    .entries()
    .find(([key]) => key === "type")?.[1]
    .string() ?? "";

/** A row of the input: (I); of a model with a conv2d (features, channels); over whole frames (T, I). */
function inputShape(field: Field, layers: readonly Field[]): number[] {
  const size = lastSize(field);
  const more = timeOf(field);
  const two = layers.some((layer) => typeOf(layer) === "conv2d") || shrinks(field, layers);
  if (!two) return [size];
  if (more === undefined || !Number.isInteger(more) || more < 1 || more * size > MAX_SIZE)
    throw field.as("ERR_SHAPE").error(`a size before the last, which conv2d needs, and at most ${MAX_SIZE} of both`);
  return [more, size];
}

/** Whether a conv1d has fewer steps than what comes before it: its exporter cut the edges off whole frames. */
function shrinks(field: Field, layers: readonly Field[]): boolean {
  let before = field.items().length === 3 ? timeOf(field) : undefined;
  return layers.some((layer) => {
    const shape = layer.entries().find(([key]) => key === "shape")?.[1];
    const time = Array.isArray(shape?.value) ? timeOf(shape) : undefined;
    const less = typeOf(layer) === "conv1d" && time !== undefined && before !== undefined && time < before;
    before = time;
    return less;
  });
}

function unsupported(field: Field, what: string): ModelError {
  const { path, value } = field;
  return new ModelError("ERR_ATTRIBUTE", `${path}: ${show(value)} ${what} is not supported.`);
}

const DENSE = ["dense", "time-distributed-dense"];
const SUPPORTED = [...DENSE, "gru", "lstm", "conv1d", "conv2d", "activation", "prelu", "batchnorm", "batchnorm2d"];

/** Fields of a layer beside type, shape, weights and activation. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  batchnorm: ["epsilon"],
  batchnorm2d: ["epsilon", "num_filters_in", "num_features_in"],
  conv1d: ["kernel_size", "dilation"],
  conv2d: [
    ...["kernel_size_time", "kernel_size_feature", "dilation", "strides", "padding"],
    ...["num_filters_in", "num_features_in", "num_filters_out"],
  ],
};

/** Adds one layer of the file, and the activation that it names, to the chain. */
function appendLayer(chain: Chain, field: Field, i: number): void {
  const type = typeOf(field);
  if (!SUPPORTED.includes(type)) {
    const node = field.path;
    const hint = `Supported: ${SUPPORTED.join(", ")}.`;
    throw new ModelError("ERR_UNSUPPORTED_OP", `${node}: layer type ${show(type)} is not supported.`, { node, hint });
  }
  const kind = DENSE.includes(type) ? "dense" : type;
  checkOrder(chain, kind, field);
  const own = Object.hasOwn(FIELDS, type) ? FIELDS[type] : [];
  const groups = type === "conv1d" ? ["groups"] : [];
  const fields = field.fields<string, string>(["type", "shape", "weights", ...own], ["activation", ...groups]);
  const name = `${kind}${i}`;
  const weights = fields.weights.items();
  const inputSize = chain.shape[chain.shape.length - 1];
  const out = lastSize(fields.shape);
  const add = (spec: LayerSpec, ...tensors: Tensor[]) => {
    chain.layers.push(spec);
    chain.tensors.push(...tensors);
  };
  const expectArrays = (...counts: number[]) => {
    if (counts.includes(weights.length)) return;
    throw fields.weights.as("ERR_SHAPE").error(`${counts.join(" or ")} arrays of a ${type} layer`);
  };
  const expectSize = () => {
    if (out === inputSize) return;
    throw fields.shape.as("ERR_SHAPE").error(`${inputSize} last, the size of its input`, out);
  };
  const vector = (k: number, suffix: string) => f32(`${name}.${suffix}`, [out], numbers(weights[k], [out]));

  if (type === "conv1d" || type === "conv2d") {
    expectArrays(1, 2);
    if (type === "conv1d") appendConv1d(chain, name, fields as never, weights);
    else appendConv2d(chain, name, fields as never, weights);
  } else if (kind === "dense") {
    expectArrays(1, 2);
    const rows = toRows(numbers(weights[0], [inputSize, out]), inputSize, out);
    const bias = weights.length === 2 ? [vector(1, "bias")] : [];
    add({ type: "linear", name }, f32(`${name}.weight`, [out, inputSize], rows), ...bias);
  } else if (type === "gru" || type === "lstm") {
    expectArrays(3);
    const rows = GATES[type].length * out;
    const tensors = {
      inputSize,
      hiddenSize: out,
      kernel: numbers(weights[0], [inputSize, rows]),
      recurrent: numbers(weights[1], [out, rows]),
      bias: numbers(weights[2], type === "gru" ? [2, rows] : [rows]),
    };
    add({ type, name }, ...cellTensors(type, tensors, name));
  } else if (type === "batchnorm" || type === "batchnorm2d") {
    expectArrays(2, 4);
    expectSize();
    if (type === "batchnorm2d") checkFeatures(chain, fields as never);
    const suffixes = ["weight", "bias", "running_mean", "running_var"].slice(-weights.length);
    const eps = fields.epsilon.number();
    add({ type: "batchNorm", name, eps }, ...suffixes.map((suffix, k) => vector(k, suffix)));
  } else {
    expectSize();
    expectArrays(type === "prelu" ? 1 : 0);
    if (type === "prelu") appendPrelu(chain, name, slopes(weights[0], out));
  }
  chain.shape = [...chain.shape.slice(0, -1), out];
  appendActivation(chain, type, name, fields.activation);
}

/** One slope for all, or one for each element. */
function slopes(field: Field, size: number): Float32Array {
  const [row] = field.items();
  const shared = Array.isArray(row?.value) && row.value.length === 1;
  return shared ? new Float32Array(size).fill(numbers(field, [1, 1])[0]) : numbers(field, [1, size]);
}

/** relu(x) − slope ∘ relu(−x): the operators have one slope for a whole row. */
function appendPrelu({ layers, tensors }: Chain, name: string, slope: Float32Array): void {
  if (slope.every((one) => one === slope[0])) {
    layers.push({ type: "activation", name, activation: { name: "leakyRelu", alpha: slope[0] } });
    return;
  }
  const input = layers.length === 0 ? "input" : (layers[layers.length - 1].name as string);
  const [above, minus, below, scaled] = ["above", "minus", "below", "scaled"].map((part) => `${name}.${part}`);
  const size = slope.length;
  layers.push({ type: "activation", name: above, inputs: [input], activation: "relu" });
  layers.push({ type: "activation", name: minus, inputs: [input], activation: { name: "affine", alpha: -1, beta: 0 } });
  layers.push({ type: "activation", name: below, activation: "relu" });
  layers.push({ type: "batchNorm", name: scaled, eps: 0 });
  layers.push({ type: "add", name, inputs: [above, scaled] });
  tensors.push(
    f32(
      `${scaled}.weight`,
      [size],
      slope.map((one) => -one),
    ),
    f32(`${scaled}.bias`, [size], new Float32Array(size)),
    f32(`${scaled}.running_mean`, [size], new Float32Array(size)),
    f32(`${scaled}.running_var`, [size], new Float32Array(size).fill(1)),
  );
}

/** RTNeural runs tanh and sigmoid in cells, whatever they name; a name that says otherwise is refused. */
function appendActivation({ layers }: Chain, type: string, name: string, field: Field | undefined): void {
  const activation = field?.string() ?? "";
  if (type === "gru" || type === "lstm") {
    if (activation === "" || activation === "tanh") return;
    throw unsupported(field as Field, `in a ${type}, where RTNeural runs tanh,`);
  }
  if (activation === "") return;
  if (!ACTIVATIONS.includes(activation)) throw unsupported(field as Field, "as activation");
  const named = type === "activation" ? { name } : { name: `${name}.${activation}` };
  layers.push(activation === "softmax" ? { type: "softmax", ...named } : { type: "activation", ...named, activation });
}
