/**
 * LayerSpec[] + tensors → Model: for files that hold weights only, such as a PyTorch state_dict. Names are taken as they are,
 * sizes from the tensors where the layers do not say them.
 */

import { ModelError } from "./errors.ts";
import { buildModel, nodeText, opOf, outputsOf, rowShape } from "./graph.ts";
import {
  type ActivationSpec,
  type Model,
  type ModelInfo,
  type Node,
  type StateInfo,
  tensorKey,
  type ValueInfo,
} from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import { inferAttrs, inputSize, type Op, resolveAttrs, type Shaped } from "./ops/op.ts";
import { elements, type Tensor } from "./tensor.ts";

/**
 * One layer as plain JSON. Its own attributes stand beside these: `hiddenSize`, `numLayers`, … (docs/layers.md has all).
 * Sizes may be left out where the tensors tell them.
 */
export interface LayerSpec {
  /** rnn, lstm, gru, linear, embedding, layerNorm, batchNorm, activation, softmax, logSoftmax, add, concat, last. */
  readonly type: string;
  /** Prefix of the layer's tensors: `rnn` for `rnn.weight_ih_l0`; empty for none. Also the name of its output. */
  readonly name?: string;
  /** Earlier layers or model inputs; the previous layer unless given. */
  readonly inputs?: readonly string[];
  readonly activation?: string | ActivationSpec;
  readonly [attribute: string]: unknown;
}

export interface LayersOptions {
  /** The model's inputs, where the first layer does not tell: by default one, called `input` (`tokens` for an embedding). */
  readonly inputs?: readonly ValueInfo[];
  /** Names of the layers whose outputs are the model's; by default the last layer. */
  readonly outputs?: readonly string[];
  /** Tensors that may stay unused. */
  readonly ignore?: readonly string[];
  /** NaN or infinity among the parameters: "refuse" unless allowed. */
  readonly nonFinite?: "refuse" | "allow";
  readonly info?: ModelInfo;
  /** Layers that are states of the stream: what each is after a step (operators of graphs). */
  readonly states?: readonly StateInfo[];
}

/** @throws ModelError, with a hint that says what to add */
export function layersToModel(
  ops: OpTable,
  layers: readonly LayerSpec[],
  tensors: ReadonlyMap<string, Tensor>,
  options: LayersOptions = {},
): Model {
  if (!Array.isArray(layers) || layers.length === 0) {
    throw new ModelError("ERR_GRAPH", "layers: expected a list of one or more; got none.");
  }
  for (const layer of layers) {
    const { type, name = "", inputs = [] } = layer ?? {};
    if (Array.isArray(inputs) && [type, name, ...inputs].every((one) => typeof one === "string")) continue;
    throw new ModelError(
      "ERR_GRAPH",
      `layers: expected records with a type, a name and a list of inputs; got ${JSON.stringify(layer)}`,
    );
  }
  const named = cellNames(layers, tensors);
  const inputs = options.inputs ?? [inferInput(ops, layers[0], named)];
  const values = new Map(
    inputs.map(({ name, dtype, shape }): [string, Shaped] => [name, { dtype, shape: rowShape(shape) }]),
  );
  for (const { input, shape } of options.states ?? []) if (input) values.set(input, { dtype: "F32", shape });
  let previous = inputs[0]?.name ?? "";
  const nodes = layers.map((layer, i): Node => {
    const { type: op, name = "", inputs = [previous] } = layer;
    const row = opOf(ops, { name, op });
    const [first] = inputs;
    const from = values.get(first)?.shape;
    // An operator of graphs looks along the last axis, one of the core at the whole row.
    const width = row.shape && from ? from[from.length - 1] : from && elements(from);
    const attrs = resolveAttrs(row, attrsOf(row, layer, named, width), nodeText({ name, op }));
    previous = name === "" ? `${op}${i}` : name;
    const node = { name, op, inputs: [...inputs], outputs: [previous], attrs };
    const known = inputs.map((input: string) => values.get(input));
    // A name that is not known is refused by buildModel.
    if (!row.shape || !known.includes(undefined)) values.set(previous, outputsOf(row, node, known)[0]);
    return node;
  });
  const { info, states } = options;
  return buildModel(ops, { inputs, nodes, tensors: named, info, states }, options.outputs ?? [previous], options);
}

/** What the layer says, and what follows from its tensors and its input. An activation layer's `activation` is its function. */
function attrsOf(op: Op, layer: LayerSpec, tensors: ReadonlyMap<string, Tensor>, input?: number) {
  const { type, name = "", inputs: _, activation, ...rest } = layer;
  const key = type === "activation" ? "function" : "activation";
  const given = activation === undefined ? rest : { ...rest, [key]: activation };
  return inferAttrs(op, given, (suffix) => tensors.get(tensorKey(name, suffix))?.shape, input);
}

/** The one input of a chain: ids for an embedding, else as many numbers as the first layer takes. */
function inferInput(ops: OpTable, first: LayerSpec, tensors: ReadonlyMap<string, Tensor>): ValueInfo {
  const { type, name = "" } = first;
  const op = opOf(ops, { name, op: type });
  if (op.ids) return { name: "tokens", dtype: "I32", shape: [] };
  const size = inputSize(op, attrsOf(op, first, tensors));
  if (size !== undefined) return { name: "input", dtype: "F32", shape: [size] };
  const what = nodeText({ name, op: type });
  throw new ModelError("ERR_SIZE_UNKNOWN", `${what}: input is not given, nor by its tensors.`, {
    node: name,
    hint: 'Is its name their prefix? Else add inputs: [{ name: "input", dtype: "F32", shape: [size] }].',
  });
}

/** GRUCell, LSTMCell and RNNCell leave out the `_l0`: their tensors get it. */
function cellNames(layers: readonly LayerSpec[], tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const named = new Map(tensors);
  for (const { type, name = "" } of layers) {
    if (!["rnn", "gru", "lstm"].includes(type)) continue;
    for (const suffix of ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]) {
      const key = tensorKey(name, suffix);
      const tensor = named.get(key);
      if (tensor === undefined || named.has(`${key}_l0`)) continue;
      named.delete(key);
      named.set(`${key}_l0`, { ...tensor, name: `${key}_l0` });
    }
  }
  return named;
}

/**
 * Returns the layers that the tensors of a state_dict suggest, in their order, as a list to start from. It lacks what names and
 * shapes cannot tell: activations, the nonlinearity of an RNN, which layer reads which.
 * @example
 * const layers = guessLayers(readSafetensors(bytes)); // [{ type: "gru", name: "rnn" }, { type: "linear", name: "head" }]
 */
export function guessLayers(tensors: ReadonlyMap<string, Tensor>): LayerSpec[] {
  const prefixes = new Map<string, Map<string, readonly number[]>>();
  for (const [key, { shape }] of tensors) {
    const dot = key.lastIndexOf(".");
    const prefix = dot < 0 ? "" : key.slice(0, dot);
    const suffixes = prefixes.get(prefix) ?? new Map();
    prefixes.set(prefix, suffixes.set(key.slice(dot + 1), shape));
  }
  return [...prefixes].flatMap(([name, suffixes]) => {
    const layer = guessLayer(suffixes);
    return layer === undefined ? [] : [name === "" ? layer : { ...layer, name }];
  });
}

function guessLayer(suffixes: ReadonlyMap<string, readonly number[]>): LayerSpec | undefined {
  const names = [...suffixes.keys()];
  const hh = suffixes.get("weight_hh_l0") ?? suffixes.get("weight_hh");
  if (hh !== undefined) {
    const hidden = suffixes.get("weight_hr_l0")?.[1] ?? hh[1];
    const type = ["rnn", "", "gru", "lstm"][hh[0] / hidden - 1];
    if (!type) return undefined;
    const numLayers = names.filter((name) => /^weight_hh(_l\d+)?$/.test(name)).length;
    const bidirectional = names.some((name) => name.endsWith("_reverse"));
    return { type, ...(numLayers > 1 && { numLayers }), ...(bidirectional && { bidirectional }) };
  }
  const weight = suffixes.get("weight");
  if (suffixes.has("running_mean")) return { type: "batchNorm" };
  if (weight?.length === 2) return { type: suffixes.has("bias") ? "linear" : "embedding" };
  return weight?.length === 1 ? { type: "layerNorm" } : undefined;
}
