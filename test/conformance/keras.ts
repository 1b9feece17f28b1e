/**
 * The recurrent fixtures of Keras.js (MIT), written by Keras 2: GRU with gates z, r, h and the reset before the product,
 * LSTM, SimpleRNN; kernels transposed and in Keras's gate order, hard_sigmoid of slope 0.2, go_backwards, stateful layers
 * that are called twice. Turned into layers of ours.
 */

import { type Model, modelFromLayers } from "../../src/index.ts";
import { NO_VECTORS, readJson, VECTORS } from "../vectors.ts";
import { type Case, type Implementation, withSession } from "./cases.ts";
import { expectClose } from "./compare.ts";
import { type State, tensor, tensorMap } from "./models.ts";

interface KerasArray {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface KerasCase {
  readonly name: string;
  readonly layer: "GRU" | "LSTM" | "SimpleRNN";
  readonly attrs: {
    readonly units: number;
    readonly activation: string;
    readonly recurrent_activation?: string;
    readonly use_bias: boolean;
    readonly return_sequences: boolean;
    readonly go_backwards: boolean;
    readonly stateful: boolean;
  };
  /** How often the layer is called with the same input; what is expected comes from the last call. */
  readonly calls: number;
  readonly input: KerasArray;
  /** kernel (I, G·H), recurrent kernel (H, G·H), bias (G·H) */
  readonly weights: readonly KerasArray[];
  readonly expected: KerasArray;
}

const COUNT = 27;

/** Inputs, weights and results are rounded to 6 decimals: half of the last one, and what that does over 8 or 14 steps. */
const TOLERANCE = 4e-6;

const LAYERS = {
  SimpleRNN: { type: "rnn", blocks: [0] },
  // z, r, h → r, z, n
  GRU: { type: "gru", blocks: [1, 0, 2] },
  // i, f, c, o → i, f, g, o
  LSTM: { type: "lstm", blocks: [0, 1, 2, 3] },
} as const;

const FUNCTIONS: Record<string, { name: string; alpha?: number; beta?: number }> = {
  tanh: { name: "tanh" },
  sigmoid: { name: "sigmoid" },
  hard_sigmoid: { name: "hardSigmoid", alpha: 0.2, beta: 0.5 },
};

export function keras(implementation: Implementation): Case[] {
  if (!VECTORS) return [{ name: "keras/all", run() {}, skip: NO_VECTORS }];
  const all = readJson(VECTORS, "suites/keras-js-recurrent/cases.json") as KerasCase[];
  return [
    {
      name: "keras/count",
      run() {
        if (all.length !== COUNT) throw new Error(`keras: expected ${COUNT} cases, got ${all.length}`);
      },
    },
    ...all.map((one) => ({ name: `keras/${one.name}`, run: () => check(one, implementation) })),
  ];
}

function check(one: KerasCase, implementation: Implementation): void {
  const { attrs, calls, input, expected } = one;
  const x = Float32Array.from(input.data);
  const [T] = input.shape;
  const H = attrs.units;
  withSession(implementation, toModel(one), (session) => {
    let state: State | undefined;
    for (let call = 1; call < calls; call++) state = session.run(x, { state }).state;
    const all = session.run(x, { state });
    expectClose("output", attrs.return_sequences ? all.output : all.output.slice(-H), expected.data, TOLERANCE);
    expectClose("last", session.run(x, { state, keep: "last" }).output, expected.data.slice(-H), TOLERANCE);
    if (attrs.go_backwards) return;
    const stream = session.stream();
    let last = new Float32Array();
    for (let step = 0; step < calls * T; step++) {
      const t = step % T;
      last = stream.step(x.subarray(t * input.shape[1], (t + 1) * input.shape[1])) as typeof last;
    }
    expectClose("stream", last, expected.data.slice(-H), TOLERANCE);
  });
}

function toModel({ layer, attrs, weights }: KerasCase): Model {
  const { type, blocks } = LAYERS[layer];
  const [kernel, recurrent, bias] = weights;
  const H = attrs.units;
  const rows = blocks.length * H;
  /** (columns, G·H) in Keras's order → (G·H, columns) in ours */
  const transposed = (name: string, { data, shape: [columns] }: KerasArray) => {
    const out = blocks.flatMap((gate) =>
      Array.from({ length: H * columns }, (_, i) => data[(i % columns) * rows + gate * H + Math.floor(i / columns)]),
    );
    return tensor(name, [rows, columns], Float32Array.from(out));
  };
  const tensors = [transposed("weight_ih_l0", kernel), transposed("weight_hh_l0", recurrent)];
  if (bias) {
    const ordered = blocks.flatMap((gate) => bias.data.slice(gate * H, (gate + 1) * H));
    tensors.push(tensor("bias_ih_l0", [rows], Float32Array.from(ordered)));
    tensors.push(tensor("bias_hh_l0", [rows], new Float32Array(rows)));
  }
  const activation = FUNCTIONS[attrs.activation];
  const gates = FUNCTIONS[attrs.recurrent_activation ?? "tanh"];
  const shared = {
    name: "",
    inputSize: kernel.shape[0],
    hiddenSize: H,
    bias: bias !== undefined,
    reverse: attrs.go_backwards,
    computedOrder: attrs.go_backwards,
  };
  const tensorsByName = tensorMap(tensors);
  if (type === "rnn") return modelFromLayers([{ type, ...shared, activations: [activation] }], tensorsByName);
  if (type === "gru") {
    return modelFromLayers([{ type, ...shared, resetAfter: false, activations: [gates, activation] }], tensorsByName);
  }
  return modelFromLayers([{ type, ...shared, activations: [gates, activation, activation] }], tensorsByName);
}
