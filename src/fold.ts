/**
 * Model → smaller model with the same answers: a batch norm whose input is one linear layer's output, used nowhere else,
 * goes into that layer's weights. W' = scale ∘ W, b' = scale ∘ b + shift.
 */

import { type Model, type Node, tensorKey } from "./model.ts";
import { dataOf, normalisation } from "./pack.ts";

export function foldBatchNorms(model: Model): Model {
  const tensors = new Map(model.tensors);
  const nodes: Node[] = [];
  for (const node of model.nodes) {
    const [input] = node.inputs;
    const at = nodes.findIndex(
      ({ op, outputs, attrs }) => op === "linear" && outputs[0] === input && !attrs.activation,
    );
    const shared =
      model.nodes.filter(({ inputs }) => inputs.includes(input)).length > 1 ||
      model.outputs.some(({ name }) => name === input);
    if (node.op !== "batchNorm" || at < 0 || shared) {
      nodes.push(node);
      continue;
    }
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
