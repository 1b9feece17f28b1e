/**
 * Model → smaller model with the same answers: a batch norm whose input is one linear layer's output, used nowhere else,
 * goes into that layer's weights. W' = scale ∘ W, b' = scale ∘ b + shift.
 */

import { countUses, type Model, type Node, tensorKey } from "./model.ts";
import { dataOf, normalisation } from "./pack.ts";

export function foldBatchNorms(model: Model): Model {
  const tensors = new Map(model.tensors);
  const uses = countUses(model);
  const linears = new Map<string, number>();
  const nodes: Node[] = [];
  for (const node of model.nodes) {
    const [input] = node.inputs;
    const at = linears.get(input);
    if (node.op !== "batchNorm" || node.attrs.axis !== undefined || at === undefined || uses.get(input) !== 1) {
      if (node.op === "linear" && !node.attrs.activation) linears.set(node.outputs[0], nodes.length);
      nodes.push(node);
      continue;
    }
    linears.set(node.outputs[0], at);
    const { name, attrs } = nodes[at];
    const data = dataOf(tensors);
    const columns = attrs.inFeatures as number;
    const [scale, shift] = normalisation(node, data);
    const set = (suffix: string, shape: number[], values: Float32Array) => {
      const key = tensorKey(name, suffix);
      tensors.set(key, { name: key, dtype: "F32", shape, data: values });
    };
    const bias = attrs.bias ? data(tensorKey(name, "bias")) : undefined;
    set(
      "bias",
      [scale.length],
      shift.map((b, i) => b + scale[i] * (bias?.[i] ?? 0)),
    );
    const weight = data(tensorKey(name, "weight"));
    set(
      "weight",
      [scale.length, columns],
      weight.map((w, i) => w * scale[Math.floor(i / columns)]),
    );
    nodes[at] = { ...nodes[at], outputs: node.outputs, attrs: { ...attrs, bias: true } };
  }
  return { ...model, nodes, tensors };
}
