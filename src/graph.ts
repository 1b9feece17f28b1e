/**
 * Checks a model against the operator table and derives what the rest needs to know of its values: sizes, which of them
 * are ids, which lost their time axis, and whether the model needs its whole sequence. Everything that can be wrong about
 * names, attributes, sizes and tensors fails here, at load.
 */

import { kindOf } from "./arguments.ts";
import { ModelError, type ModelErrorCode } from "./errors.ts";
import { type Model, type Node, type StateInfo, tensorKey } from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import { inputSize, MAX_SIZE, type Op, type Shaped, type TensorRule } from "./ops/op.ts";
import { printable } from "./printable.ts";
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
  /** The tensors that nodes use. */
  readonly used: ReadonlySet<string>;
}

const MORE = '"sluice/graph" and "sluice/onnx" have more.';

type NodeName = Pick<Node, "name" | "op">;

/** How a node is called in messages: `rnn (gru)`. */
export function nodeText({ name, op }: NodeName): string {
  return nameText(name === "" ? op : `${name} (${op})`);
}

/** A name from a file as it stands in messages. */
function nameText(name: string): string {
  return printable(name.slice(0, 120));
}

function nodeError(code: ModelErrorCode, node: NodeName, message: string, hint?: string): ModelError {
  return new ModelError(code, `${nodeText(node)}: ${message}`, { node: node.name, hint });
}

/** The operator of a node, or a ModelError that names the node and what the set has. */
export function opOf(ops: OpTable, node: NodeName): Op {
  if (Object.hasOwn(ops, node.op)) return ops[node.op];
  const hint = `Supported: ${Object.keys(ops).join(", ")}.${ops.constant ? "" : ` ${MORE}`}`;
  throw nodeError("ERR_UNSUPPORTED_OP", node, `operator "${nameText(node.op)}" is not supported.`, hint);
}

/** What a node gives, by its row of the table. */
export function outputsOf(op: Op, node: Node, from: readonly (Shaped | undefined)[]): readonly Shaped[] {
  const refuse = (expected: string, got: unknown): never => {
    throw nodeError("ERR_SHAPE", node, `expected ${expected}; got ${got}`);
  };
  const sizes = from.map((value) => (value ? elements(value.shape) : 0));
  const outs = op.shape?.(node, from, refuse) ?? [{ shape: [op.size?.(node.attrs, sizes) ?? sizes[0]], dtype: "F32" }];
  const { length } = node.outputs;
  return length > 0 && length <= outs.length ? outs : refuse(`1 … ${outs.length} outputs`, length);
}

/** The tensors that a node may have. */
export function tensorsOf(op: Op, { attrs }: Node): readonly TensorRule[] {
  return op.tensors?.(attrs) ?? [];
}

/** The axes of a row: those that are not named. */
export function rowShape(shape: readonly (number | string)[]): number[] {
  return shape.filter((axis) => typeof axis === "number");
}

/** The numbers of a row. */
export function rowSize(shape: readonly (number | string)[]): number {
  return elements(rowShape(shape));
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
    if (values.has(name)) throw nodeError("ERR_GRAPH", node, `the name "${nameText(name)}" is taken already.`);
    if (name.includes("\0")) throw nodeError("ERR_GRAPH", node, "expected names without NUL.");
    const { size, ids } = value;
    if (!Number.isInteger(size) || size < 1 || size > (ids && !whole ? 1 : MAX_SIZE)) {
      throw nodeError(
        "ERR_SHAPE",
        node,
        `expected "${nameText(name)}" of ${ids && !whole ? "one id" : `1 … ${MAX_SIZE} numbers`}; got ${size}`,
      );
    }
    values.set(name, value);
  };
  for (const { name, dtype, shape } of inputs) {
    define({ name: "", op: "inputs" }, name, { shape: rowShape(shape), dtype }, false);
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
  const used = new Set<string>();
  const owners = new Set<string>();
  for (const node of nodes) {
    const op = opOf(ops, node);
    const { attrs } = node;
    if (op.states || tensorsOf(op, node).length > 0) {
      if (owners.has(node.name)) throw nodeError("ERR_GRAPH", node, "another layer with tensors has the same name.");
      owners.add(node.name);
    }
    const from = node.inputs.map((name) => {
      const value = values.get(name);
      if (value || (name === "" && op.shape)) return value;
      const message = `its input "${nameText(name)}" is no model input and no earlier node's output.`;
      throw nodeError("ERR_GRAPH", node, message);
    });
    if (!op.shape) checkRow(op, node, from as readonly GraphValue[]);
    const outs = outputsOf(op, node, from);
    checkTensors(op, node, tensors, used);
    const tensor = node.op === "constant" ? tensors.get(tensorKey(node.name, "value")) : undefined;
    const collapsed = node.op === "last" || from.some((value) => value?.collapsed);
    if (collapsed && op.states?.(attrs).length)
      throw nodeError("ERR_GRAPH", node, 'follows a "last", which leaves no steps to run over.');
    if ((attrs.bidirectional || attrs.reverse) && !attrs.scan) sequenceNode ??= nodeText(node);
    node.outputs.forEach((name, i) => {
      if (name !== "") define(node, name, { ...outs[i], tensor }, collapsed);
    });
  }
  for (const { initial } of states) if (initial !== undefined) used.add(initial);
  ops.constant?.graph?.checkStates(values, paired, tensors, sequenceNode);
  return { values, sequenceNode, used };
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
    throw nodeError("ERR_ATTRIBUTE", node, `attribute "${nameText(foreign)}" is not supported.`, MORE);
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

/** Readers give tensors that fit their own shapes; callers who make them may not. */
function checkTensors(op: Op, node: Node, tensors: ReadonlyMap<string, Tensor>, used: Set<string>): void {
  for (const { suffix, shape, optional, dtype, matrix } of tensorsOf(op, node)) {
    const key = tensorKey(node.name, suffix);
    const tensor = tensors.get(key);
    if (tensor === undefined) {
      if (optional) continue;
      const message = `${key}: ${nodeText(node)} needs it, shape ${shapeText(shape)}.`;
      const hint = `The file has ${listNames([...tensors.keys()])}.`;
      throw new ModelError("ERR_MISSING_TENSOR", message, { node: node.name, tensor: key, hint });
    }
    used.add(key);
    const refusal = (code: ModelErrorCode, expected: string, got: unknown, hint?: string) =>
      new ModelError(code, `${key}: expected ${expected}; got ${got}`, { node: node.name, tensor: key, hint });
    if (dtype !== undefined && tensor.dtype !== dtype) throw refusal("ERR_DTYPE", `a tensor of ${dtype}`, tensor.dtype);
    if (`${tensor.shape}` !== `${shape}`) {
      const { inputSize, hiddenSize } = node.attrs;
      const sizes = hiddenSize ? ` for inputSize ${inputSize}, hiddenSize ${hiddenSize}` : "";
      const transposed = shape.length > 1 && `${[...tensor.shape].reverse()}` === `${shape}`;
      const hint = transposed ? "Is it transposed?" : undefined;
      throw refusal("ERR_SHAPE", `shape ${shapeText(shape)}${sizes}`, `${shapeText(tensor.shape)}.`, hint);
    }
    const [array, kind] = [ARRAYS[tensor.dtype]?.name, kindOf(tensor.data)];
    if (kind !== array) throw refusal("ERR_DTYPE", `${array} for ${tensor.dtype}`, kind);
    const { length } = tensor.data;
    if (length !== elements(shape))
      throw refusal("ERR_SHAPE", `${elements(shape)} elements for ${shapeText(shape)}`, length);
    if (tensor.scale !== undefined) checkScale(tensor, matrix, refusal);
  }
}

/** Largest number of columns of which the sum of products of bytes, 127 · 128 each, stays below 2³¹. */
const MAX_INT8_COLUMNS = 2 ** 17;

/** A quantised matrix: I8, a finite scale ≥ 0 for each row, and a layer that multiplies with it. */
function checkScale(
  { dtype, shape: [rows, columns], scale }: Tensor,
  matrix: boolean | undefined,
  refusal: (code: ModelErrorCode, expected: string, got: unknown) => ModelError,
): void {
  if (dtype !== "I8" || !matrix) {
    const none = "no scale: only recurrent and linear weights are quantised";
    throw refusal("ERR_DTYPE", matrix ? "I8 beside a scale" : none, dtype);
  }
  if (columns > MAX_INT8_COLUMNS) throw refusal("ERR_SHAPE", `at most ${MAX_INT8_COLUMNS} columns for int8`, columns);
  const numbers = kindOf(scale) === "Float32Array" ? (scale as Float32Array) : [];
  if (numbers.length !== rows) throw refusal("ERR_SHAPE", `a scale that is a Float32Array of ${rows}`, numbers.length);
  const wrong = numbers.findIndex((s) => !(s >= 0 && s < Infinity));
  if (wrong >= 0) throw refusal("ERR_NON_FINITE", "finite scales ≥ 0", `${numbers[wrong]} for row ${wrong}`);
}

function listNames(names: readonly string[]): string {
  return names.length > 6 ? `${names.slice(0, 6).join(", ")} and ${names.length - 6} more` : names.join(", ") || "none";
}

/** Those of the tensors that are used. One that nobody reads is a layer that nobody runs: an error, unless `ignore` names it. */
function usedTensors(
  ops: OpTable,
  nodes: readonly Node[],
  tensors: ReadonlyMap<string, Tensor>,
  used: ReadonlySet<string>,
  ignore: readonly string[],
): Map<string, Tensor> {
  const ignored = nodes.flatMap(({ name, op }) => (ops[op].ignored ?? []).map((suffix) => tensorKey(name, suffix)));
  const known = new Set([...used, ...ignored, ...ignore]);
  const unused = [...tensors.keys()].filter((name) => !known.has(name));
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

/** NaN or infinity among the parameters is a broken export until the caller says otherwise. Constants may be infinite: masks are. */
function checkFinite(tensors: ReadonlyMap<string, Tensor>, constants: ReadonlySet<string>): void {
  for (const [name, tensor] of tensors) {
    const data = toF32(tensor);
    // Native searches: a loop that runs once is not compiled, and a megabyte of it costs 10 ms of the start.
    const wrong = constants.has(name) ? [NaN] : [NaN, Infinity, -Infinity];
    const value = wrong.find((one) => data.includes(one));
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
        `${nameText(name)}: expected sizes ≥ 1 of F32, or one id of I32; got ${shapeText(shape)} of ${dtype}`,
      );
    }
  }
  const { values, sequenceNode, used } = checkGraph(ops, { inputs, nodes, tensors: all, states: paired });
  const tensors = usedTensors(ops, nodes, all, used, options.ignore ?? []);
  const constants = nodes.filter(({ op }) => op === "constant").map(({ name }) => tensorKey(name, "value"));
  if (options.nonFinite !== "allow") checkFinite(tensors, new Set(constants));
  const axes = sequenceNode === undefined ? [] : ["T"];
  const states = nodes.flatMap(({ name, op, attrs }) =>
    (ops[op].states?.(attrs) ?? []).map(({ suffix, shape }): StateInfo => {
      const initial = tensorKey(name, `${suffix}0`);
      return { name: tensorKey(name, suffix), shape, ...(tensors.has(initial) && { initial }) };
    }),
  );
  return {
    inputs: inputs.map(({ name, dtype, shape }) => ({
      name,
      dtype,
      shape: [...axes, ...rowShape(shape)],
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
    // In one order, which saved states depend on.
    states: [
      ...states,
      ...paired.map(({ name, shape, input, output, initial }) => ({
        name,
        shape,
        input,
        output,
        ...(initial && { initial }),
      })),
    ],
    info,
    warnings: [],
  };
}
