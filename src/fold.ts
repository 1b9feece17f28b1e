/**
 * Model → smaller model with the same answers: a batch norm whose input is one linear layer's output, used nowhere else,
 * goes into that layer's weights. W' = scale ∘ W, b' = scale ∘ b + shift, in f64 before they are rounded.
 */

import { type Model, type Node, tensorKey } from "./model.ts";
import { normalisation } from "./pack.ts";
import { type Tensor, toF32 } from "./tensor.ts";

export function foldBatchNorms(model: Model): Model {
  const tensors = new Map(model.tensors);
  const kept = model.outputs.map(({ name }) => name);
  const nodes: Node[] = [];
  for (const node of model.nodes) {
    const at = node.op === "batchNorm" ? nodes.findIndex((one) => one.outputs[0] === node.inputs[0]) : -1;
    const before = nodes[at];
    const uses = model.nodes.filter(({ inputs }) => inputs.includes(node.inputs[0])).length;
    if (at < 0 || before.op !== "linear" || before.attrs.activation || uses !== 1 || kept.includes(node.inputs[0])) {
      nodes.push(node);
      continue;
    }
    nodes[at] = { ...before, outputs: node.outputs, attrs: { ...before.attrs, bias: true } };
    foldInto(tensors, before, node);
  }
  return { ...model, nodes, tensors };
}

function foldInto(tensors: Map<string, Tensor>, { name, attrs }: Node, norm: Node): void {
  const data = (key: string) => toF32(tensors.get(key) as Tensor);
  const { scale, shift } = normalisation(norm.name, norm.attrs, data);
  const columns = attrs.inFeatures as number;
  const weight = data(tensorKey(name, "weight")).map((w, i) => w * scale[Math.floor(i / columns)]);
  const old = attrs.bias ? data(tensorKey(name, "bias")) : undefined;
  const bias = shift.map((b, i) => b + (old === undefined ? 0 : old[i] * scale[i]));
  for (const [suffix, values, shape] of [
    ["weight", weight, [scale.length, columns]],
    ["bias", bias, [scale.length]],
  ] as const) {
    const key = tensorKey(name, suffix);
    tensors.set(key, { name: key, dtype: "F32", shape, data: values });
  }
}
