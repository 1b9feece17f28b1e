/** The recurrent layers of real models by name, and a model of each with random weights. */

import type { Model, Tensor } from "../src/index.ts";
import { sluice } from "./harness.ts";

export interface Shape {
  readonly name: string;
  readonly cell: "gru" | "lstm";
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** Steps per second of the model at work, where it has a rate. */
  readonly rate?: number;
  /** What the layer says beside its sizes. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** Reset before the product, ReLU as candidate: src/rnn_data.c of xiph/rnnoise, branch 0.1.x. */
const RNNOISE = { resetAfter: false, activations: [{ name: "sigmoid" }, { name: "relu" }] };

/** Hz of frames: RNNoise 480 samples at 48 kHz; Silero 512 and DTLN 128 samples at 16 kHz; amplifiers every sample at 48 kHz. */
export const MODELS: readonly Shape[] = [
  { name: "RNNoise VAD", cell: "gru", inputSize: 24, hiddenSize: 24, rate: 100, attributes: RNNOISE },
  { name: "RNNoise noise", cell: "gru", inputSize: 90, hiddenSize: 48, rate: 100, attributes: RNNOISE },
  { name: "RNNoise denoise", cell: "gru", inputSize: 114, hiddenSize: 96, rate: 100, attributes: RNNOISE },
  { name: "Silero VAD v5", cell: "lstm", inputSize: 128, hiddenSize: 128, rate: 31.25 },
  { name: "DTLN stage 1, layer 1", cell: "lstm", inputSize: 257, hiddenSize: 128, rate: 125 },
  { name: "DTLN stage 1, layer 2", cell: "lstm", inputSize: 128, hiddenSize: 128, rate: 125 },
  ...(["gru", "lstm"] as const).flatMap((cell) =>
    [8, 16, 24, 40].map((hiddenSize) => ({ name: "guitar amplifier", cell, inputSize: 1, hiddenSize, rate: 48000 })),
  ),
  { name: "next character", cell: "gru", inputSize: 64, hiddenSize: 256 },
];

/** in = out = H: the sizes that other runtimes are measured at. */
export const SQUARES: readonly Shape[] = (["gru", "lstm"] as const).flatMap((cell) =>
  [8, 16, 32, 64, 128, 256, 512].map((size) => ({ name: "square", cell, inputSize: size, hiddenSize: size })),
);

/** "guitar amplifier GRU 1→40" */
export function shapeText({ name, cell, inputSize, hiddenSize }: Shape): string {
  return `${name} ${cell.toUpperCase()} ${inputSize}→${hiddenSize}`;
}

/** Multiply-adds of one step. */
export function products({ cell, inputSize, hiddenSize }: Shape): number {
  return (cell === "gru" ? 3 : 4) * hiddenSize * (inputSize + hiddenSize);
}

/** A one-layer model named `rnn`, its weights uniform in ±1/√H as PyTorch begins. */
export function modelOf({ cell, inputSize, hiddenSize, attributes }: Shape): Model {
  const random = uniform(hiddenSize);
  const rows = (cell === "gru" ? 3 : 4) * hiddenSize;
  const tensors = new Map<string, Tensor>();
  for (const [suffix, shape] of [
    ["weight_ih_l0", [rows, inputSize]],
    ["weight_hh_l0", [rows, hiddenSize]],
    ["bias_ih_l0", [rows]],
    ["bias_hh_l0", [rows]],
  ] as const) {
    const name = `rnn.${suffix}`;
    const data = random(rows * (shape[1] ?? 1)).map((x) => x / Math.sqrt(hiddenSize));
    tensors.set(name, { name, dtype: "F32", shape, data });
  }
  return sluice.modelFromLayers([{ type: cell, name: "rnn", ...attributes }], tensors);
}

/** Arrays of numbers in −1 … 1, the same for the same seed (mulberry32). */
export function uniform(seed: number): (length: number) => Float32Array {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
  return (length) => Float32Array.from({ length }, next);
}
