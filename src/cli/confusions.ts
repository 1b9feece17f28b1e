/**
 * What frameworks do otherwise, and files and conversions get wrong: one row for each idea, which says how a layer would be if
 * its file meant that. `sluice check` tries them where outputs differ.
 */

import type { ActivationSpec, LayerSpec, Model, Node, Tensor } from "../all.ts";
import { tensorKey } from "../model.ts";
import type { Attrs } from "../ops/op.ts";
import { suffixes } from "../ops/recurrent.ts";
import { toF32 } from "../tensor.ts";

/** One layer as it may have been meant. */
export interface Change {
  readonly idea: string;
  /** It is no layer's habit that others of its kind have too. */
  readonly single?: true;
  readonly node: string;
  readonly op: string;
  /** `gates in the order z, r, n (ONNX, Keras)` */
  readonly what: string;
  /** What the layer's LayerSpec must say. Without it the numbers of the file are others, or in another order. */
  readonly spec?: Omit<LayerSpec, "type">;
  /** Undefined where the model would be the same. */
  apply(model: Model): Model | undefined;
}

/** One row: the forms that a node may have had, each as attributes that are others or tensors that are. */
export interface Confusion {
  readonly idea: string;
  readonly ops: readonly string[];
  /** Layers of one model differ in it: it is not tried for all of them at once. */
  readonly single?: true;
  forms(node: Node, tensorOf: (suffix: string) => Tensor | undefined): Form[];
}

export interface Form {
  readonly what: string;
  readonly attrs?: Attrs;
  /** New data of tensors by suffix; made when it is tried, since all forms of a large layer together are many times its bytes. */
  readonly tensors?: () => Readonly<Record<string, Float32Array>>;
}

/** New data of a tensor; nothing where it stays. */
type Edit = (data: Float32Array, shape: readonly number[]) => Float32Array | undefined;

const GATES: Readonly<Record<string, string>> = { gru: "rzn", lstm: "ifgo" };

/** Orders by who has them; the rest are tried without a name. */
const ORDERS: Readonly<Record<string, string>> = {
  zrn: "ONNX, Keras",
  iofg: "ONNX",
  igfo: "Keras 1, TensorFlow 1",
};

const RECURRENT = ["rnn", "gru", "lstm"];

export const CONFUSIONS: readonly Confusion[] = [
  {
    idea: "gate order",
    ops: ["gru", "lstm"],
    forms({ op, attrs }, tensorOf) {
      const own = GATES[op];
      return permutations(own)
        .filter((order) => order !== own)
        .map((order) => ({
          what: `gates in the order ${[...order].join(", ")}${ORDERS[order] ? ` (${ORDERS[order]})` : ""}`,
          tensors: () =>
            eachOf(attrs, tensorOf, ["weight_ih", "weight_hh", "bias_ih", "bias_hh"], (data) => {
              const gates = blocks(data, own.length);
              return concat([...own].map((gate) => gates[order.indexOf(gate)]));
            }),
        }));
    },
  },
  {
    idea: "reset gate",
    ops: ["gru"],
    forms: ({ attrs }) => [
      {
        what: `the reset gate applies ${attrs.resetAfter ? "before" : "after"} the product`,
        attrs: { resetAfter: !attrs.resetAfter },
      },
    ],
  },
  {
    idea: "gate function",
    ops: ["gru", "lstm"],
    forms({ op, attrs }) {
      const others = op === "lstm" ? 3 : 2;
      const usual = ["sigmoid", "tanh", "tanh"].slice(0, others).map((name) => ({ name }));
      const now = (attrs.activations ?? usual) as readonly ActivationSpec[];
      return GATE_FUNCTIONS.filter(({ spec }) => !sameFunction(spec, now[0])).map(({ what, spec }) => ({
        what: `gates with ${what}`,
        attrs: { activations: now.map((one, i) => (i % others === 0 ? spec : one)) },
      }));
    },
  },
  {
    idea: "nonlinearity",
    ops: ["rnn"],
    forms: ({ attrs }) =>
      ["tanh", "relu"]
        .filter((name) => name !== attrs.nonlinearity && !attrs.activations)
        .map((name) => ({ what: `nonlinearity ${name}`, attrs: { nonlinearity: name } })),
  },
  {
    idea: "layout",
    ops: RECURRENT,
    forms({ op, attrs }, tensorOf) {
      const gates = GATES[op]?.length ?? 1;
      const square: Edit = (data, [rows, columns]) =>
        rows === gates * columns ? concat(blocks(data, gates).map((one) => transpose(one, columns))) : undefined;
      const reshaped: Edit = (data, [rows, columns]) => (rows === columns ? undefined : transpose(data, rows));
      return [["weight_ih"], ["weight_hh"], ["weight_ih", "weight_hh"]].flatMap((names) => {
        const every = (edit: Edit) => () => {
          const parts = names.map((name) => eachOf(attrs, tensorOf, [name], edit));
          return parts.some((part) => Object.keys(part).length === 0) ? {} : Object.assign({}, ...parts);
        };
        const what = `${names.join(" and ")} transposed`;
        return [
          { what: gates > 1 ? `${what}, gate by gate` : what, tensors: every(square) },
          { what: `${what}, and reshaped as if not`, tensors: every(reshaped) },
        ];
      });
    },
  },
  {
    idea: "layout",
    ops: ["linear"],
    forms: (_, tensorOf) => {
      const weight = tensorOf("weight");
      const square = weight?.shape[0] === weight?.shape[1];
      return weight === undefined
        ? []
        : [
            {
              what: square ? "weight transposed" : "weight transposed, and reshaped as if not",
              tensors: () => ({ weight: transpose(toF32(weight), weight.shape[0]) }),
            },
          ];
    },
  },
  {
    idea: "biases",
    ops: RECURRENT,
    forms({ attrs }, tensorOf) {
      const zero = (data: Float32Array) => (data.some((one) => one !== 0) ? new Float32Array(data.length) : undefined);
      return ["bias_hh", "bias_ih"].map((name) => ({
        what: `${name} not added`,
        tensors: () => eachOf(attrs, tensorOf, [name], zero),
      }));
    },
  },
  {
    idea: "biases",
    ops: ["gru"],
    forms({ attrs }, tensorOf) {
      if (!attrs.resetAfter || !attrs.bias) return [];
      return [
        ["bias_hh", "bias_ih", "all of n's bias outside the reset gate"],
        ["bias_ih", "bias_hh", "all of n's bias inside the reset gate"],
      ].map(([from, to, what]) => ({
        what,
        tensors() {
          const moved = suffixes(attrs).flatMap((suffix) => {
            const [left, right] = [from, to].map((name) => toF32(tensorOf(name + suffix) as Tensor).slice());
            const n = (2 * left.length) / 3;
            for (let i = n; i < left.length; i++) right[i] += left[i];
            left.fill(0, n);
            return [
              [from + suffix, left],
              [to + suffix, right],
            ];
          });
          return Object.fromEntries(moved);
        },
      }));
    },
  },
  {
    idea: "forget bias",
    ops: ["lstm"],
    forms: ({ attrs }, tensorOf) => [
      {
        what: "1 added to the forget gate's bias (TensorFlow 1's forget_bias)",
        tensors: () =>
          eachOf(attrs, tensorOf, ["bias_ih"], (data) =>
            data.map((one, i) => (Math.floor((4 * i) / data.length) === 1 ? one + 1 : one)),
          ),
      },
    ],
  },
  {
    idea: "update gate",
    ops: ["gru"],
    forms: ({ attrs }, tensorOf) => [
      {
        what: "the update gate weighs the new value: h' = (1 − z) h + z n",
        // σ(−x) = 1 − σ(x)
        tensors: () =>
          eachOf(attrs, tensorOf, ["weight_ih", "weight_hh", "bias_ih", "bias_hh"], (data) =>
            data.map((one, i) => (Math.floor((3 * i) / data.length) === 1 ? -one : one)),
          ),
      },
    ],
  },
  {
    idea: "activation",
    ops: ["linear"],
    single: true,
    forms: ({ attrs }) =>
      attrs.activation
        ? []
        : ["relu", "tanh", "sigmoid"].map((name) => ({ what: `${name} after it`, attrs: { activation: [{ name }] } })),
  },
  {
    idea: "eps",
    ops: ["layerNorm", "batchNorm"],
    forms: ({ attrs }) =>
      [
        [1e-5, "PyTorch, ONNX"],
        [1e-3, "Keras"],
        [1e-6, "Flax"],
      ]
        .filter(([eps]) => eps !== attrs.eps)
        .map(([eps, who]) => ({ what: `eps ${eps} (${who})`, attrs: { eps } })),
  },
];

const GATE_FUNCTIONS: readonly { readonly what: string; readonly spec: ActivationSpec }[] = [
  { what: "sigmoid", spec: { name: "sigmoid" } },
  {
    what: "hard_sigmoid of Keras 1 and 2 and of ONNX, 0.2 x + 0.5",
    spec: { name: "hardSigmoid", alpha: 0.2, beta: 0.5 },
  },
  {
    what: "hard_sigmoid of Keras 3 and PyTorch, x / 6 + 0.5",
    spec: { name: "hardSigmoid", alpha: 1 / 6, beta: 0.5 },
  },
];

/** Every change that the table knows of a model's layers. */
export function changesOf(model: Model): Change[] {
  return CONFUSIONS.flatMap(({ idea, ops, single, forms }) =>
    model.nodes
      .filter(({ op }) => ops.includes(op))
      .flatMap((node) => {
        const tensorOf = (suffix: string) => model.tensors.get(tensorKey(node.name, suffix));
        return forms(node, tensorOf).map(
          (form): Change => ({ ...changeOf(idea, node, form), ...(single && { single }) }),
        );
      }),
  );
}

function changeOf(
  idea: string,
  { name, op, outputs: [output] }: Node,
  { what, attrs, tensors = () => ({}) }: Form,
): Change {
  return {
    idea,
    node: name,
    op,
    what,
    ...(attrs && { spec: attrs }),
    apply(model) {
      const others = Object.entries(tensors());
      if (others.length === 0 && attrs === undefined) return undefined;
      const all = new Map(model.tensors);
      for (const [suffix, data] of others) {
        const key = tensorKey(name, suffix);
        const { shape } = all.get(key) as Tensor;
        all.set(key, { name: key, dtype: "F32", shape, data });
      }
      // Several nodes may have no name; outputs are unique.
      const nodes = model.nodes.map((node) =>
        node.outputs[0] === output ? { ...node, attrs: { ...node.attrs, ...attrs } } : node,
      );
      return { ...model, nodes, tensors: all };
    },
  };
}

/** Of every layer and direction. */
function eachOf(
  attrs: Attrs,
  tensorOf: (suffix: string) => Tensor | undefined,
  names: readonly string[],
  change: Edit,
): Record<string, Float32Array> {
  const tensors: Record<string, Float32Array> = {};
  for (const suffix of names.flatMap((name) => suffixes(attrs).map((end) => name + end))) {
    const tensor = tensorOf(suffix);
    const data = tensor && change(toF32(tensor), tensor.shape);
    if (data) tensors[suffix] = data;
  }
  return tensors;
}

function blocks(data: Float32Array, count: number): Float32Array[] {
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size));
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Data that was (columns, rows) as (rows, columns). */
function transpose(data: Float32Array, rows: number): Float32Array {
  const columns = data.length / rows;
  return data.map((_, at) => data[(at % columns) * rows + Math.floor(at / columns)]);
}

function sameFunction(a: ActivationSpec, b: ActivationSpec): boolean {
  const close = (x = 0, y = 0) => Math.abs(x - y) < 1e-6;
  return a.name === b.name && close(a.alpha, b.alpha) && close(a.beta, b.beta);
}

function permutations(text: string): string[] {
  if (text === "") return [""];
  return [...text].flatMap((one) => permutations(text.replace(one, "")).map((rest) => one + rest));
}
