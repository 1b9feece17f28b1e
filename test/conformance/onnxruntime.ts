/**
 * The operator tests of ONNX Runtime for GRU and RNN (its deep_cpu_gru_op_test.cc and rnn_op_test.cc, MIT): single nodes
 * with their tensors in ONNX's order, turned into layers of ours. Their weak points are covered elsewhere; their strong ones
 * are reverse and bidirectional runs over ragged lengths, exchanged functions, and inputs of 1e20.
 */

import { type Model, modelFromLayers } from "../../src/index.ts";
import { NO_VECTORS, readJson, VECTORS } from "../vectors.ts";
import { type Case, type Implementation, withSession } from "./cases.ts";
import { expectClose } from "./compare.ts";
import { tensor, tensorMap } from "./models.ts";

interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface OnnxCase {
  readonly name: string;
  readonly op: "GRU" | "RNN";
  readonly attrs: {
    readonly hidden_size: number;
    readonly direction: "forward" | "reverse" | "bidirectional";
    readonly activations: readonly string[];
    readonly activation_alpha?: readonly number[];
    readonly activation_beta?: readonly number[];
    readonly linear_before_reset?: number;
  };
  readonly inputs: readonly OnnxTensor[];
  readonly outputs: readonly OnnxTensor[];
}

/** How many there are: a case that is lost on the way is a failure. */
const COUNT = 29;

/** The expected values are another f32 implementation's with 6 to 8 digits: half a digit of theirs and an error of ours. */
const TOLERANCE = 2e-6;

/** ONNX's names in lower case: ours, and whether it takes a value from activation_alpha and from activation_beta. */
const FUNCTIONS: Record<string, [name: string, alpha: boolean, beta: boolean]> = {
  sigmoid: ["sigmoid", false, false],
  tanh: ["tanh", false, false],
  leakyrelu: ["leakyRelu", true, false],
  scaledtanh: ["scaledTanh", true, true],
};

export function onnxruntime(implementation: Implementation): Case[] {
  if (!VECTORS) return [{ name: "onnxruntime/all", run() {}, skip: NO_VECTORS }];
  const all = readJson(VECTORS, "suites/onnxruntime-op-tests/cases.json") as OnnxCase[];
  return [
    {
      name: "onnxruntime/count",
      run() {
        if (all.length !== COUNT) throw new Error(`onnxruntime: expected ${COUNT} cases, got ${all.length}`);
      },
    },
    ...all.map((one) => ({ name: `onnxruntime/${one.name}`, run: () => check(one, implementation) })),
  ];
}

function check(one: OnnxCase, implementation: Implementation): void {
  const input = (name: string) => one.inputs.find((tensor) => tensor.name === name);
  const x = input("X") as OnnxTensor;
  const [T, B] = x.shape;
  const h0 = input("initial_h");
  const lengths = input("sequence_lens");
  withSession(implementation, toModel(one), (session) => {
    const { output, state } = session.run(Float32Array.from(x.data), {
      batch: B,
      lengths: lengths && Int32Array.from(lengths.data),
      state: h0 && { h: Float32Array.from(h0.data) },
    });
    for (const { name, shape, data } of one.outputs) {
      if (name === "Y_h") expectClose("Y_h", state.h, data, TOLERANCE);
      else if (name === "Y") expectClose("Y", output, timeBatchDirection(data, T, shape[1], B, shape[3]), TOLERANCE);
      else throw new Error(`${one.name}: no such output: ${name}`);
    }
  });
}

function toModel({ op, attrs, inputs }: OnnxCase): Model {
  const [W, R, B] = ["W", "R", "B"].map((name) => inputs.find((tensor) => tensor.name === name));
  if (!W || !R) throw new Error("expected W and R");
  const H = attrs.hidden_size;
  const [directions, rows, I] = W.shape;
  // The block of ours that stands at each place: ONNX has z, r, h where we have r, z, n.
  const blocks = op === "GRU" ? [1, 0, 2] : [0];
  const gates = (name: string, data: readonly number[], at: number, columns: number) => {
    const block = H * columns;
    const values = blocks.flatMap((gate) => data.slice(at + gate * block, at + (gate + 1) * block));
    return tensor(name, columns === 1 && name.startsWith("bias") ? [rows] : [rows, columns], Float32Array.from(values));
  };
  const tensors = Array.from({ length: directions }, (_, d) => {
    const s = d === 1 ? "_reverse" : "";
    const weights = [
      gates(`weight_ih_l0${s}`, W.data, d * rows * I, I),
      gates(`weight_hh_l0${s}`, R.data, d * rows * H, H),
    ];
    if (!B) return weights;
    return [
      ...weights,
      gates(`bias_ih_l0${s}`, B.data, d * 2 * rows, 1),
      gates(`bias_hh_l0${s}`, B.data, (d * 2 + 1) * rows, 1),
    ];
  });
  const layer = {
    name: "",
    inputSize: I,
    hiddenSize: H,
    bias: B !== undefined,
    bidirectional: attrs.direction === "bidirectional",
    reverse: attrs.direction === "reverse",
    activations: functions(attrs),
  };
  return modelFromLayers(
    [op === "GRU" ? { type: "gru", ...layer, resetAfter: attrs.linear_before_reset === 1 } : { type: "rnn", ...layer }],
    tensorMap(tensors.flat()),
  );
}

/** alpha and beta are taken in order, only by the functions that use them. */
function functions({ activations, activation_alpha = [], activation_beta = [] }: OnnxCase["attrs"]) {
  const alphas = [...activation_alpha];
  const betas = [...activation_beta];
  return activations.map((onnxName) => {
    const [name, alpha, beta] = FUNCTIONS[onnxName.toLowerCase()];
    return { name, ...(alpha && { alpha: alphas.shift() }), ...(beta && { beta: betas.shift() }) };
  });
}

/** (T, D, B, H) → (T, B, D, H) */
function timeBatchDirection(data: readonly number[], T: number, D: number, B: number, H: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let t = 0; t < T; t++) {
    for (let d = 0; d < D; d++) {
      for (let b = 0; b < B; b++) {
        const from = ((t * D + d) * B + b) * H;
        out.set(data.slice(from, from + H), ((t * B + b) * D + d) * H);
      }
    }
  }
  return out;
}
