/**
 * Checks a model against the operator table and derives what the rest needs to know of its values: sizes, which of them
 * are ids, which lost their time axis, and whether the model needs its whole sequence. Everything that can be wrong about
 * names, attributes, sizes and tensors fails here, at load.
 */

import { ModelError } from "./errors.ts";
import { type Model, type Node, type StateInfo, tensorKey, type ValueInfo } from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import type { Op, TensorRule } from "./ops/op.ts";
import { shapeText, type Tensor, toF32 } from "./tensor.ts";

/** One value of the graph. Its rows are `size` numbers, or one id. */
export interface GraphValue {
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

/** How a node is called in messages: `rnn (gru)`. */
export function nodeText({ name, op }: Pick<Node, "name" | "op">): string {
  return name === "" ? op : `${name} (${op})`;
}

/** The operator of a node, or a ModelError that names the node and what the set has. */
export function opOf(ops: OpTable, node: Pick<Node, "name" | "op">): Op {
  if (!Object.hasOwn(ops, node.op)) {
    throw new ModelError("ERR_UNSUPPORTED_OP", `${nodeText(node)}: operator "${node.op}" is not supported.`, {
      node: node.name,
      hint: `Supported: ${Object.keys(ops).join(", ")}.`,
    });
  }
  return ops[node.op];
}

/** Walks inputs and nodes; throws a ModelError at the first thing that disagrees. */
export function checkGraph(
  ops: OpTable,
  inputs: readonly ValueInfo[],
  nodes: readonly Node[],
  tensors: ReadonlyMap<string, Tensor>,
): Graph {
  const values = new Map<string, GraphValue>();
  const define = (name: string, value: GraphValue, by: string) => {
    if (values.has(name))
      throw new ModelError("ERR_GRAPH", `${by}: the name "${name}" is taken already.`, { node: by });
    values.set(name, value);
  };
  for (const { name, dtype, shape } of inputs) {
    const sizes = shape.filter((axis) => typeof axis === "number");
    define(name, { size: sizes.reduce((a, b) => a * b, 1), ids: dtype === "I32", collapsed: false }, "inputs");
  }
  let sequenceNode: string | undefined;
  for (const node of nodes) {
    const op = opOf(ops, node);
    const what = nodeText(node);
    checkArity(op, node, what);
    const from = node.inputs.map((name) => {
      const value = values.get(name);
      if (value === undefined) {
        throw new ModelError(
          "ERR_GRAPH",
          `${what}: its input "${name}" is no model input and no earlier node's output.`,
          {
            node: node.name,
          },
        );
      }
      return value;
    });
    checkInputs(op, node, what, from);
    for (const rule of op.tensors(node.attrs)) checkTensor(rule, node, tensors);
    const collapsed = node.op === "last" || from.some((value) => value.collapsed);
    if (collapsed && op.states !== undefined) {
      throw new ModelError("ERR_GRAPH", `${what}: follows a "last", which leaves no steps to run over.`, {
        node: node.name,
      });
    }
    if (op.needsSequence?.(node.attrs)) sequenceNode ??= what;
    define(
      node.outputs[0],
      {
        size: op.outputSize(
          node.attrs,
          from.map((v) => v.size),
        ),
        ids: false,
        collapsed,
      },
      what,
    );
  }
  return { values, sequenceNode };
}

function checkArity(op: Op, node: Node, what: string): void {
  const { inputs } = op;
  const fits = typeof inputs === "number" ? node.inputs.length === inputs : node.inputs.length >= inputs.atLeast;
  if (fits && node.outputs.length === 1) return;
  const expected = typeof inputs === "number" ? `${inputs}` : `${inputs.atLeast} or more`;
  throw new ModelError(
    "ERR_GRAPH",
    `${what}: expected ${expected} inputs and 1 output; got ${node.inputs.length} and ${node.outputs.length}`,
    { node: node.name },
  );
}

function checkInputs(op: Op, node: Node, what: string, from: readonly GraphValue[]): void {
  const expected = op.inputSize(node.attrs) ?? (node.op === "add" ? from[0].size : undefined);
  from.forEach((value, i) => {
    const name = node.inputs[i];
    if (value.ids !== Boolean(op.ids)) {
      const kind = op.ids ? "ids (I32)" : "numbers (F32)";
      throw new ModelError(
        "ERR_DTYPE",
        `${what}: expected ${kind} from "${name}"; got ${value.ids ? "ids" : "numbers"}`,
        {
          node: node.name,
        },
      );
    }
    if (expected !== undefined && value.size !== expected) {
      throw new ModelError("ERR_SHAPE", `${what}: expected "${name}" of size ${expected}; got ${value.size}`, {
        node: node.name,
      });
    }
  });
}

function checkTensor({ suffix, shape, optional }: TensorRule, node: Node, tensors: ReadonlyMap<string, Tensor>): void {
  const key = tensorKey(node.name, suffix);
  const tensor = tensors.get(key);
  if (tensor === undefined) {
    if (optional) return;
    throw new ModelError("ERR_MISSING_TENSOR", `${key}: ${nodeText(node)} needs it, shape ${shapeText(shape)}.`, {
      node: node.name,
      tensor: key,
      hint: `The file has ${listNames([...tensors.keys()])}.`,
    });
  }
  if (tensor.shape.length === shape.length && tensor.shape.every((size, i) => size === shape[i])) return;
  const transposed = shape.length === 2 && tensor.shape[0] === shape[1] && tensor.shape[1] === shape[0];
  const { inputSize, hiddenSize } = node.attrs;
  const sizes = hiddenSize === undefined ? "" : ` for inputSize ${inputSize}, hiddenSize ${hiddenSize}`;
  throw new ModelError(
    "ERR_SHAPE",
    `${key}: expected shape ${shapeText(shape)}${sizes}; got ${shapeText(tensor.shape)}.`,
    { node: node.name, tensor: key, hint: transposed ? "Is it transposed?" : undefined },
  );
}

/** States of all nodes, in their order: `NAME.h`, `NAME.c`, with the tensor that holds the initial value. */
export function statesOf(ops: OpTable, nodes: readonly Node[], tensors: ReadonlyMap<string, Tensor>): StateInfo[] {
  return nodes.flatMap((node) =>
    (ops[node.op].states?.(node.attrs) ?? []).map(({ suffix, shape }) => {
      const initial = tensorKey(node.name, `${suffix}0`);
      const name = tensorKey(node.name, suffix);
      return tensors.has(initial) ? { name, shape, initial } : { name, shape };
    }),
  );
}

/**
 * Splits off what no node uses: names in `ignore` and the counters of training go; anything else is an error, for a tensor
 * that nobody reads is a layer that nobody runs.
 */
export function usedTensors(
  ops: OpTable,
  nodes: readonly Node[],
  tensors: ReadonlyMap<string, Tensor>,
  ignore: readonly string[],
): Map<string, Tensor> {
  const wanted = new Set(
    nodes.flatMap((node) => ops[node.op].tensors(node.attrs).map((rule) => tensorKey(node.name, rule.suffix))),
  );
  const free = new Set(ignore);
  for (const node of nodes) for (const suffix of ops[node.op].ignored ?? []) free.add(tensorKey(node.name, suffix));
  const unused = [...tensors.keys()].filter((name) => !wanted.has(name) && !free.has(name));
  if (unused.length > 0) {
    const layer = /_l(\d+)(_reverse)?$/.exec(unused[0]);
    const hint = layer?.[2]
      ? "Is the layer bidirectional?"
      : layer && layer[1] !== "0"
        ? `Does the layer have numLayers ${Number(layer[1]) + 1}?`
        : "Add the layer that uses it, or name it in ignore.";
    throw new ModelError(
      "ERR_UNUSED_TENSOR",
      `${listNames(unused)}: no layer uses ${unused.length > 1 ? "them" : "it"}.`,
      {
        tensor: unused[0],
        hint,
      },
    );
  }
  return new Map([...tensors].filter(([name]) => wanted.has(name)));
}

/** NaN or infinity among the parameters is a broken export until the caller says otherwise. */
export function checkFinite(tensors: ReadonlyMap<string, Tensor>): void {
  for (const [name, tensor] of tensors) {
    const data = toF32(tensor);
    for (let i = 0; i < data.length; i++) {
      if (data[i] - data[i] !== 0) {
        throw new ModelError("ERR_NON_FINITE", `${name}: expected finite numbers; got ${data[i]} at element ${i}.`, {
          tensor: name,
          hint: 'Pass nonFinite: "allow" to run it all the same.',
        });
      }
    }
  }
}

function listNames(names: readonly string[]): string {
  return names.length > 6
    ? `${names.slice(0, 6).join(", ")} and ${names.length - 6} more`
    : names.join(", ") || "nothing";
}

/** Everything a Model must satisfy, put together; readers end here. */
export function buildModel(
  ops: OpTable,
  parts: Pick<Model, "inputs" | "nodes" | "tensors"> & Partial<Pick<Model, "info" | "warnings">>,
  outputs: readonly string[],
  options: { readonly ignore?: readonly string[]; readonly nonFinite?: "refuse" | "allow" } = {},
): Model {
  const { inputs, nodes, info = {}, warnings = [] } = parts;
  const { values, sequenceNode } = checkGraph(ops, inputs, nodes, parts.tensors);
  const tensors = usedTensors(ops, nodes, parts.tensors, options.ignore ?? []);
  if (options.nonFinite !== "allow") checkFinite(tensors);
  const axes = sequenceNode === undefined ? [] : ["T"];
  return {
    inputs: inputs.map(({ name, dtype, shape }) => ({
      name,
      dtype,
      shape: [...axes, ...shape.filter((axis) => typeof axis === "number")],
    })),
    outputs: outputs.map((name) => {
      const value = values.get(name);
      if (value === undefined)
        throw new ModelError("ERR_GRAPH", `outputs: "${name}" is no input and no node's output.`);
      if (value.ids) throw new ModelError("ERR_DTYPE", `outputs: "${name}" is an input of ids.`);
      return { name, dtype: "F32", shape: [...(value.collapsed ? [] : axes), value.size] };
    }),
    nodes,
    tensors,
    states: statesOf(ops, nodes, tensors),
    info,
    warnings,
  };
}
