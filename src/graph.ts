/**
 * Checks a model against the operator table and derives what the rest needs to know of its values: sizes, which of them
 * are ids, which lost their time axis, and whether the model needs its whole sequence. Everything that can be wrong about
 * names, attributes, sizes and tensors fails here, at load.
 */

import { kindOf } from "./arguments.ts";
import { ModelError, type ModelErrorCode } from "./errors.ts";
import { type Model, type Node, type StateInfo, tensorKey } from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import { inputSize, MAX_SIZE, type Op, type Shaped } from "./ops/op.ts";
import { ARRAYS, elements, shapeText, type Tensor, toF32 } from "./tensor.ts";

/** One value of the graph. Its rows are `size` numbers, or one id; operators of the core see one axis of it. */
export interface GraphValue extends Shaped {
  readonly size: number;
  readonly ids: boolean;
  /** Follows a `last`: one row per sequence. */
  readonly collapsed: boolean;
}

export interface Graph {
  readonly values: ReadonlyMap<string, GraphValue>;
  /** The node that needs the whole sequence, where there is one. */
  readonly sequenceNode: string | undefined;
}

const MORE = '"sluice/graph" and "sluice/onnx" have more.';

type NodeName = Pick<Node, "name" | "op">;

/** How a node is called in messages: `rnn (gru)`. */
export function nodeText({ name, op }: NodeName): string {
  return printable(name === "" ? op : `${name} (${op})`);
}

/**
 * A name from a file as it stands in messages: short, without what turns a terminal around. The usual name is asked first:
 * \p{C} takes V8 3 ms to build.
 */
function printable(name: string): string {
  const short = name.slice(0, 120);
  return /^[ -~]*$/.test(short) ? short : short.replace(new RegExp(CONTROL, "gu"), "\ufffd");
}

/** No literal: V8 looks the classes of literals up when it reads the module, 0.2 ms. */
const CONTROL = "\\p{C}";

function nodeError(code: ModelErrorCode, node: NodeName, message: string, hint?: string): ModelError {
  return new ModelError(code, `${nodeText(node)}: ${message}`, { node: node.name, hint });
}

/** The operator of a node, or a ModelError that names the node and what the set has. */
export function opOf(ops: OpTable, node: NodeName): Op {
  if (Object.hasOwn(ops, node.op)) return ops[node.op];
  const hint = `Supported: ${Object.keys(ops).join(", ")}.${ops.constant ? "" : ` ${MORE}`}`;
  throw nodeError("ERR_UNSUPPORTED_OP", node, `operator "${printable(node.op)}" is not supported.`, hint);
}

/** What a node gives, by its row of the table. */
export function outputsOf(op: Op, node: Node, from: readonly (Shaped | undefined)[]): readonly Shaped[] {
  const refuse = (expected: string, got: unknown): never => {
    throw nodeError("ERR_SHAPE", node, `expected ${expected}; got ${got}`);
  };
  const sizes = from.map((value) => (value ? elements(value.shape) : 0));
  const outs = op.shape?.(node, from, refuse) ?? [{ shape: [op.size?.(node.attrs, sizes) as number], dtype: "F32" }];
  const { length } = node.outputs;
  return length > 0 && length <= outs.length ? outs : refuse(`1 … ${outs.length} outputs`, length);
}

/** The numbers of a row: the axes that are not named. */
export function rowSize(shape: readonly (number | string)[]): number {
  return elements(shape.filter((axis) => typeof axis === "number"));
}

/** Walks inputs and nodes; throws a ModelError at the first thing that disagrees. */
export function checkGraph(
  ops: OpTable,
  { inputs, nodes, tensors, states }: Pick<Model, "inputs" | "nodes" | "tensors" | "states">,
): Graph {
  const values = new Map<string, GraphValue>();
  let sequenceNode: string | undefined;
  const whole = ops.constant !== undefined;
  const define = (node: NodeName, name: string, shaped: Shaped, collapsed: boolean) => {
    const value = { ...shaped, size: elements(shaped.shape), ids: shaped.dtype === "I32", collapsed };
    if (values.has(name)) throw nodeError("ERR_GRAPH", node, `the name "${printable(name)}" is taken already.`);
    if (name.includes("\0")) throw nodeError("ERR_GRAPH", node, "expected names without NUL.");
    const { size, ids } = value;
    if (!Number.isInteger(size) || size < 1 || size > (ids && !whole ? 1 : MAX_SIZE)) {
      throw nodeError(
        "ERR_SHAPE",
        node,
        `expected "${printable(name)}" of ${ids && !whole ? "one id" : `1 … ${MAX_SIZE} numbers`}; got ${size}`,
      );
    }
    values.set(name, value);
  };
  for (const { name, dtype, shape } of inputs) {
    const sizes = shape.filter((axis) => typeof axis === "number");
    define({ name: "", op: "inputs" }, name, { shape: sizes, dtype }, false);
  }
  const paired = states.filter(({ input }) => input !== undefined);
  if (paired.length > 0 && !whole)
    throw new ModelError(
      "ERR_UNSUPPORTED_OP",
      `${paired[0].name}: states that pair an input with an output are not supported.`,
      { hint: MORE },
    );
  for (const { input, shape } of paired) {
    define({ name: "", op: "states" }, input as string, { shape, dtype: "F32" }, false);
  }
  const inputOf = (node: NodeName, name: string) => {
    const value = values.get(name);
    if (value) return value;
    throw nodeError(
      "ERR_GRAPH",
      node,
      `its input "${printable(name)}" is no model input and no earlier node's output.`,
    );
  };
  const owners = new Set<string>();
  for (const node of nodes) {
    const op = opOf(ops, node);
    const { attrs } = node;
    if (op.states || (op.tensors?.(attrs) ?? []).length > 0) {
      if (owners.has(node.name)) throw nodeError("ERR_GRAPH", node, "another layer with tensors has the same name.");
      owners.add(node.name);
    }
    const from = node.inputs.map((name) => (name === "" && op.shape ? undefined : inputOf(node, name)));
    if (!op.shape) checkRow(op, node, from as readonly GraphValue[]);
    const outs = outputsOf(op, node, from);
    checkTensors(op, node, tensors);
    const tensor = node.op === "constant" ? tensors.get(tensorKey(node.name, "value")) : undefined;
    const collapsed = node.op === "last" || from.some((value) => value?.collapsed);
    if (collapsed && op.states?.(attrs).length)
      throw nodeError("ERR_GRAPH", node, 'follows a "last", which leaves no steps to run over.');
    if ((attrs.bidirectional || attrs.reverse) && !attrs.scan) sequenceNode ??= nodeText(node);
    node.outputs.forEach((name, i) => {
      if (name !== "") define(node, name, { ...outs[i], tensor }, collapsed);
    });
  }
  ops.constant?.graph?.checkStates(values, paired, tensors);
  return { values, sequenceNode };
}

/** What rows without a shape rule ask of a node: inputs of one axis, all of the size that it says. */
function checkRow(op: Op, node: Node, from: readonly GraphValue[]): void {
  const { attrs, inputs, outputs } = node;
  if (outputs.length !== 1 || (op.several ? inputs.length < 2 : inputs.length !== 1)) {
    const got = `${inputs.length} and ${outputs.length}`;
    throw nodeError(
      "ERR_GRAPH",
      node,
      `expected ${op.several ? "2 or more inputs" : "1 input"} and 1 output; got ${got}`,
    );
  }
  if (attrs.bidirectional && attrs.reverse) {
    throw nodeError("ERR_ATTRIBUTE", node, "expected bidirectional or reverse; got both");
  }
  const foreign = Object.keys(attrs).find((key) => !Object.hasOwn(op.attrs, key));
  if (foreign !== undefined)
    throw nodeError("ERR_ATTRIBUTE", node, `attribute "${printable(foreign)}" is not supported.`, MORE);
  const expected = inputSize(op, attrs) ?? (node.op === "add" ? from[0].size : undefined);
  from.forEach(({ size, ids, shape }, i) => {
    const name = `"${inputs[i]}"`;
    if (shape.slice(0, -1).some((axis) => axis !== 1))
      throw nodeError("ERR_SHAPE", node, `expected ${name} with one axis; got ${shapeText(shape)}.`, MORE);
    if (ids !== Boolean(op.ids)) {
      const kinds = ["numbers (F32)", "ids (I32)"];
      throw nodeError("ERR_DTYPE", node, `expected ${kinds[+!ids]} from ${name}; got ${kinds[+ids]}`);
    }
    if ((expected ?? size) !== size)
      throw nodeError("ERR_SHAPE", node, `expected ${name} of size ${expected}; got ${size}`);
  });
}

function checkTensors(op: Op, node: Node, tensors: ReadonlyMap<string, Tensor>): void {
  for (const { suffix, shape, optional, dtype, matrix } of op.tensors?.(node.attrs) ?? []) {
    const key = tensorKey(node.name, suffix);
    const tensor = tensors.get(key);
    const details = { node: node.name, tensor: key };
    if (tensor === undefined) {
      if (optional) continue;
      const hint = `The file has ${listNames([...tensors.keys()])}.`;
      const message = `${key}: ${nodeText(node)} needs it, shape ${shapeText(shape)}.`;
      throw new ModelError("ERR_MISSING_TENSOR", message, { ...details, hint });
    }
    if (dtype !== undefined && tensor.dtype !== dtype)
      throw new ModelError("ERR_DTYPE", `${key}: expected a tensor of ${dtype}; got ${tensor.dtype}`, details);
    if (`${tensor.shape}` === `${shape}`) {
      checkData(tensor, key, details);
      if (tensor.scale !== undefined) checkScale(tensor, matrix, key, details);
      continue;
    }
    const { inputSize, hiddenSize } = node.attrs;
    const sizes = hiddenSize ? ` for inputSize ${inputSize}, hiddenSize ${hiddenSize}` : "";
    const message = `${key}: expected shape ${shapeText(shape)}${sizes}; got ${shapeText(tensor.shape)}.`;
    const transposed = shape.length > 1 && `${[...tensor.shape].reverse()}` === `${shape}`;
    throw new ModelError("ERR_SHAPE", message, { ...details, hint: transposed ? "Is it transposed?" : undefined });
  }
}

/** Readers give arrays that fit; callers who make tensors may not. */
function checkData({ dtype, shape, data }: Tensor, key: string, details: { node: string; tensor: string }): void {
  const expected = ARRAYS[dtype]?.name;
  const got = kindOf(data);
  if (got !== expected)
    throw new ModelError("ERR_DTYPE", `${key}: expected ${expected} for ${dtype}; got ${got}`, details);
  if (data.length === elements(shape)) return;
  throw new ModelError(
    "ERR_SHAPE",
    `${key}: expected ${elements(shape)} elements for ${shapeText(shape)}; got ${data.length}`,
    details,
  );
}

/** Largest number of columns of which the sum of products of bytes, 127 · 128 each, stays below 2³¹. */
const MAX_INT8_COLUMNS = 2 ** 17;

/** A quantised matrix: I8, a finite scale ≥ 0 for each row, and a layer that multiplies with it. */
function checkScale(
  { dtype, shape: [rows, columns], scale }: Tensor,
  matrix: boolean | undefined,
  key: string,
  details: { node: string; tensor: string },
): void {
  if (dtype !== "I8" || !matrix) {
    const expected = matrix ? "I8 beside a scale" : "no scale: only recurrent and linear weights are quantised";
    throw new ModelError("ERR_DTYPE", `${key}: expected ${expected}; got ${dtype}`, details);
  }
  if (columns > MAX_INT8_COLUMNS) {
    const message = `${key}: expected at most ${MAX_INT8_COLUMNS} columns for int8; got ${columns}`;
    throw new ModelError("ERR_SHAPE", message, details);
  }
  const numbers = kindOf(scale) === "Float32Array" ? (scale as Float32Array) : [];
  if (numbers.length !== rows) {
    throw new ModelError("ERR_SHAPE", `${key}.scale: expected Float32Array of ${rows}; got ${numbers.length}`, details);
  }
  const wrong = numbers.findIndex((s) => !(s >= 0 && s < Infinity));
  if (wrong < 0) return;
  const message = `${key}.scale: expected finite numbers ≥ 0; got ${numbers[wrong]} for row ${wrong}`;
  throw new ModelError("ERR_NON_FINITE", message, details);
}

function listNames(names: readonly string[]): string {
  return names.length > 6 ? `${names.slice(0, 6).join(", ")} and ${names.length - 6} more` : names.join(", ") || "none";
}

/** The tensors that nodes use. One that nobody reads is a layer that nobody runs: an error, unless `ignore` names it. */
function usedTensors(
  ops: OpTable,
  nodes: readonly Node[],
  tensors: ReadonlyMap<string, Tensor>,
  ignore: readonly string[],
  states: readonly StateInfo[],
): Map<string, Tensor> {
  const keys = (list: (node: Node) => readonly string[]) =>
    new Set(nodes.flatMap((node) => list(node).map((suffix) => tensorKey(node.name, suffix))));
  const used = keys(({ op, attrs }) => (ops[op].tensors?.(attrs) ?? []).map(({ suffix }) => suffix));
  for (const { initial } of states) if (initial !== undefined) used.add(initial);
  const ignored = keys(({ op }) => ops[op].ignored ?? []);
  const unused = [...tensors.keys()].filter((name) => !used.has(name) && !ignored.has(name) && !ignore.includes(name));
  if (unused.length > 0) {
    const [, layer, reverse] = /_l(\d+)(_reverse)?$/.exec(unused[0]) ?? [];
    let hint = "Add the layer that uses it, or name it in ignore.";
    if (reverse) hint = "Is the layer bidirectional?";
    else if (Number(layer) > 0) hint = `Does the layer have numLayers ${Number(layer) + 1}?`;
    throw new ModelError("ERR_UNUSED_TENSOR", `${listNames(unused)}: no layer uses it.`, { tensor: unused[0], hint });
  }
  // The key is the name: a caller may have put a tensor under another than its own.
  return new Map([...tensors].filter(([name]) => used.has(name)).map(([name, tensor]) => [name, { ...tensor, name }]));
}

/** NaN or infinity among the parameters is a broken export until the caller says otherwise. */
function checkFinite(tensors: ReadonlyMap<string, Tensor>): void {
  for (const [name, tensor] of tensors) {
    const data = toF32(tensor);
    // Native searches: a loop that runs once is not compiled, and a megabyte of it costs 10 ms of the start.
    const value = [NaN, Infinity, -Infinity].find((one) => data.includes(one));
    if (value === undefined) continue;
    throw new ModelError(
      "ERR_NON_FINITE",
      `${name}: expected finite numbers; got ${value} at element ${data.findIndex((one) => Object.is(one, value))}.`,
      {
        tensor: name,
        hint: 'Pass nonFinite: "allow" to run it all the same.',
      },
    );
  }
}

/** Everything a Model must satisfy, put together; readers end here. */
export function buildModel(
  ops: OpTable,
  {
    inputs,
    nodes,
    tensors: all,
    info = {},
    states: paired = [],
  }: Pick<Model, "inputs" | "nodes" | "tensors"> & Partial<Pick<Model, "info" | "states">>,
  outputs: readonly string[],
  options: { readonly ignore?: readonly string[]; readonly nonFinite?: "refuse" | "allow" } = {},
): Model {
  if (inputs.length === 0 || outputs.length === 0 || new Set(outputs).size !== outputs.length) {
    throw new ModelError("ERR_GRAPH", "model: expected inputs and outputs, none of them twice.");
  }
  for (const { name, dtype, shape } of inputs) {
    const axes = shape.every((axis) => axis === "T" || (Number.isInteger(axis) && (axis as number) > 0));
    if (!axes || (dtype !== "F32" && dtype !== "I32")) {
      throw new ModelError(
        "ERR_SHAPE",
        `${printable(name)}: expected sizes ≥ 1 of F32, or one id of I32; got ${shapeText(shape)} of ${dtype}`,
      );
    }
  }
  const { values, sequenceNode } = checkGraph(ops, { inputs, nodes, tensors: all, states: paired });
  const tensors = usedTensors(ops, nodes, all, options.ignore ?? [], paired);
  if (options.nonFinite !== "allow") checkFinite(tensors);
  const axes = sequenceNode === undefined ? [] : ["T"];
  const states = nodes.flatMap(({ name: prefix, op, attrs }) =>
    (ops[op].states?.(attrs) ?? []).map(({ suffix, shape }): StateInfo => {
      const initial = tensorKey(prefix, `${suffix}0`);
      const name = tensorKey(prefix, suffix);
      return tensors.has(initial) ? { name, shape, initial } : { name, shape };
    }),
  );
  return {
    inputs: inputs.map(({ name, dtype, shape }) => ({
      name,
      dtype,
      shape: [...axes, ...shape.filter((axis) => typeof axis === "number")],
    })),
    outputs: outputs.map((name) => {
      const value = values.get(name);
      if (!value || value.ids) throw new ModelError("ERR_GRAPH", `outputs: expected names of numbers; got "${name}".`);
      return {
        name,
        dtype: "F32",
        shape: [...(value.collapsed ? [] : axes), ...(ops.constant ? value.shape : [value.size])],
      };
    }),
    nodes,
    tensors,
    states: [...states, ...paired],
    info,
    warnings: [],
  };
}
