/** Models of graph operators made in tests: a list of nodes with their tensors → Model. */

import { buildModel, nodeText, opOf } from "../../src/graph.ts";
import type { Model, Tensor } from "../../src/graph-entry.ts";
import { GRAPH } from "../../src/ops/graph.ts";
import { inferAttrs, resolveAttrs } from "../../src/ops/op.ts";

export interface NodeSpec {
  readonly op: string;
  readonly name?: string;
  readonly inputs?: readonly string[];
  /** Its name where absent. */
  readonly outputs?: readonly string[];
  readonly attrs?: Readonly<Record<string, unknown>>;
  /** By suffix. */
  readonly tensors?: Readonly<Record<string, Pick<Tensor, "dtype" | "shape" | "data">>>;
}

export interface GraphSpec {
  readonly inputs: Model["inputs"];
  readonly nodes: readonly NodeSpec[];
  readonly outputs: readonly string[];
  readonly states?: Model["states"];
  readonly tensors?: readonly Tensor[];
}

export function graphModel({ inputs, nodes, outputs, states, tensors = [] }: GraphSpec, ops = GRAPH): Model {
  const all = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const built = nodes.map((node, i) => {
    const { op, name = `n${i}`, inputs = [], attrs = {} } = node;
    for (const [suffix, tensor] of Object.entries(node.tensors ?? {}))
      all.set(`${name}.${suffix}`, { ...tensor, name: `${name}.${suffix}` });
    const row = opOf(ops, { name, op });
    const given = inferAttrs(row, attrs, (suffix) => node.tensors?.[suffix]?.shape);
    return {
      name,
      op,
      inputs,
      outputs: node.outputs ?? [name],
      attrs: resolveAttrs(row, given, nodeText({ name, op })),
    };
  });
  return buildModel(ops, { inputs, nodes: built, tensors: all, states }, outputs);
}

/** Numbers as a tensor. */
export function f32(shape: readonly number[], data: ArrayLike<number>): Omit<Tensor, "name"> {
  return { dtype: "F32", shape, data: Float32Array.from(data) };
}

export function i32(shape: readonly number[], data: ArrayLike<number>): Omit<Tensor, "name"> {
  return { dtype: "I32", shape, data: Int32Array.from(data) };
}
