/** Faults in what is computed: a sound implementation is given another model than it is asked about. */

import type { Model, Session } from "../../src/index.ts";
import type { Node } from "../../src/model.ts";
import { type Tensor, toF32 } from "../../src/tensor.ts";

/** An implementation that is wrong in one way: the model is changed before it sees it, or its session is driven wrongly. */
export interface Mutant {
  readonly fault: string;
  /** Beginnings of case names; of each, at least one case must fail. */
  readonly red: readonly string[];
  readonly model?: (model: Model) => Model;
  readonly session?: (session: Session, model: Model) => Session;
}

/** The model with some nodes' tensors changed; `change` sees the suffix without the node's name. */
function withTensors(op: string, change: (suffix: string, tensor: Tensor, node: Node) => Float32Array | undefined) {
  return (model: Model): Model => {
    const tensors = new Map(model.tensors);
    for (const node of model.nodes) {
      if (node.op !== op) continue;
      for (const [key, tensor] of model.tensors) {
        const prefix = node.name === "" ? "" : `${node.name}.`;
        if (!key.startsWith(prefix)) continue;
        const data = change(key.slice(prefix.length), tensor, node);
        if (data) tensors.set(key, { ...tensor, data });
      }
    }
    return { ...model, tensors };
  };
}

function withAttrs(op: string, change: (attrs: Node["attrs"]) => Node["attrs"]) {
  return (model: Model): Model => ({
    ...model,
    nodes: model.nodes.map((node) => (node.op === op ? { ...node, attrs: change(node.attrs) } : node)),
  });
}

/** Two gates change places in matrices and biases. */
function exchanged(op: string, a: number, b: number): (model: Model) => Model {
  return withTensors(op, (suffix, tensor, node) => {
    if (!/^(weight_ih|weight_hh|bias_ih|bias_hh)_l/.test(suffix)) return undefined;
    const block = ((node.attrs.hiddenSize as number) * (tensor.shape[1] ?? 1)) as number;
    const data = toF32(tensor).slice();
    const first = data.slice(a * block, (a + 1) * block);
    data.copyWithin(a * block, b * block, (b + 1) * block);
    data.set(first, b * block);
    return data;
  });
}

/** Every square block of U is transposed. */
function transposed(op: string): (model: Model) => Model {
  return withTensors(op, (suffix, tensor, node) => {
    const H = node.attrs.hiddenSize as number;
    if (!suffix.startsWith("weight_hh") || tensor.shape[1] !== H) return undefined;
    const data = toF32(tensor);
    return data.map((_, i) => {
      const [gate, row, column] = [Math.floor(i / (H * H)), Math.floor(i / H) % H, i % H];
      return data[gate * H * H + column * H + row];
    });
  });
}

function zeroed(op: string, pattern: RegExp, from = 0): (model: Model) => Model {
  return withTensors(op, (suffix, tensor, node) =>
    pattern.test(suffix)
      ? toF32(tensor)
          .slice()
          .fill(0, from * (node.attrs.hiddenSize as number))
      : undefined,
  );
}

export const COMPUTED: readonly Mutant[] = [
  {
    fault: "gru: r and z exchanged",
    red: ["golden/gru", "random/gru/size", "onnxruntime", "keras/recurrent.GRU"],
    model: exchanged("gru", 0, 1),
  },
  {
    fault: "gru: z and n exchanged",
    red: ["golden/gru", "random/gru/size", "onnxruntime", "keras/recurrent.GRU"],
    model: exchanged("gru", 1, 2),
  },
  {
    fault: "lstm: i and f exchanged",
    red: ["golden/lstm", "random/lstm/size", "keras/recurrent.LSTM"],
    model: exchanged("lstm", 0, 1),
  },
  {
    fault: "lstm: g and o exchanged",
    red: ["golden/lstm", "random/lstm/size", "keras/recurrent.LSTM"],
    model: exchanged("lstm", 2, 3),
  },
  {
    fault: "lstm: i and o exchanged",
    red: ["golden/lstm", "random/lstm/size", "keras/recurrent.LSTM"],
    model: exchanged("lstm", 0, 3),
  },
  {
    fault: "rnn: U transposed",
    red: ["golden/rnn", "random/rnn/size", "keras/recurrent.SimpleRNN"],
    model: transposed("rnn"),
  },
  {
    fault: "gru: U transposed",
    red: ["golden/gru", "random/gru/size", "onnxruntime", "keras/recurrent.GRU"],
    model: transposed("gru"),
  },
  {
    fault: "lstm: U transposed",
    red: ["golden/lstm", "random/lstm/size", "keras/recurrent.LSTM"],
    model: transposed("lstm"),
  },
  {
    fault: "rnn: b_hh dropped",
    red: ["golden/rnn", "random/rnn/size", "random/rnn/relu"],
    model: zeroed("rnn", /^bias_hh/),
  },
  {
    fault: "gru: b_hn dropped",
    red: ["golden/gru", "random/gru/size", "random/gru/resetBefore"],
    model: zeroed("gru", /^bias_hh/, 2),
  },
  {
    fault: "gru: b_ih of the second layer dropped",
    red: ["golden/gru", "random/gru/resetAfter"],
    model: zeroed("gru", /^bias_ih_l1/),
  },
  { fault: "lstm: b_ih dropped", red: ["golden/lstm", "random/lstm/size"], model: zeroed("lstm", /^bias_ih/) },
  {
    fault: "lstm: b_hh of the reverse direction dropped",
    red: ["golden/lstm", "random/lstm/plain/bidirectional"],
    model: zeroed("lstm", /^bias_hh.*_reverse/),
  },
  {
    fault: "lstm: output peephole dropped",
    red: ["golden/lstm_peephole", "random/lstm/peephole"],
    model: zeroed("lstm", /^weight_peephole/, 2),
  },
  {
    fault: "gru: the reset is moved",
    red: ["golden/gru", "random/gru/size", "random/gru/resetBefore", "onnxruntime", "keras/recurrent.GRU"],
    model: withAttrs("gru", (attrs) => ({ ...attrs, resetAfter: !attrs.resetAfter })),
  },
  {
    fault: "rnn: relu is tanh",
    red: ["golden/rnn_relu", "random/rnn/relu"],
    model: withAttrs("rnn", (attrs) => ({ ...attrs, nonlinearity: "tanh" })),
  },
  ...["rnn", "gru", "lstm"].map(
    (op): Mutant => ({
      fault: `${op}: no clip`,
      red: [`golden/${op}`, `random/${op}`],
      model: withAttrs(op, ({ clip: _, ...attrs }) => attrs),
    }),
  ),
  {
    fault: "lstm: gates are not coupled",
    red: ["golden/lstm_coupled", "random/lstm/coupled"],
    model: withAttrs("lstm", (attrs) => ({ ...attrs, coupledInputForget: false })),
  },
  {
    fault: "lstm: the default functions",
    red: ["golden/lstm", "random/lstm/activation"],
    model: withAttrs("lstm", ({ activations: _, ...attrs }) => attrs),
  },
  {
    fault: "layerNorm: eps",
    red: ["random/layerNorm"],
    model: withAttrs("layerNorm", (attrs) => ({ ...attrs, eps: 1e-4 })),
  },
  {
    fault: "batchNorm: the mean is not subtracted",
    red: ["golden/model", "random/batchNorm"],
    model: zeroed("batchNorm", /^running_mean/),
  },
  {
    fault: "linear: no bias",
    red: ["golden/model", "random/linear/size", "random/graph"],
    model: zeroed("linear", /^bias/),
  },
  {
    fault: "softmax is logSoftmax",
    red: ["golden/model", "random/softmax"],
    model: (model) => ({
      ...model,
      nodes: model.nodes.map((node) => (node.op === "softmax" ? { ...node, op: "logSoftmax" } : node)),
    }),
  },
];
