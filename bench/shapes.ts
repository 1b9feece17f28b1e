/** The recurrent networks of real models by name, layers of one size, and a model of each with random weights. */

import type { LayerSpec, Model, Tensor, ValueInfo } from "../src/index.ts";
import { sluice } from "./harness.ts";

export type Cell = "gru" | "lstm";

/** A layer and the shapes of its tensors by name. */
interface Part {
  readonly layer: LayerSpec;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

export interface Shape {
  readonly name: string;
  readonly parts: readonly Part[];
  /** Where the first layer does not tell. */
  readonly inputs?: readonly ValueInfo[];
  /** Steps per second of the model at work, where it has a rate. */
  readonly rate?: number;
}

export function recurrent(cell: Cell, name: string, inputSize: number, hiddenSize: number, attributes = {}): Part {
  const rows = (cell === "gru" ? 3 : 4) * hiddenSize;
  return {
    layer: { type: cell, name, ...attributes },
    shapes: {
      [`${name}.weight_ih_l0`]: [rows, inputSize],
      [`${name}.weight_hh_l0`]: [rows, hiddenSize],
      [`${name}.bias_ih_l0`]: [rows],
      [`${name}.bias_hh_l0`]: [rows],
    },
  };
}

function linear(name: string, inFeatures: number, outFeatures: number, attributes = {}): Part {
  return {
    layer: { type: "linear", name, ...attributes },
    shapes: { [`${name}.weight`]: [outFeatures, inFeatures], [`${name}.bias`]: [outFeatures] },
  };
}

function concat(name: string, ...inputs: string[]): Part {
  return { layer: { type: "concat", name, inputs }, shapes: {} };
}

/** Reset before the product, ReLU as candidate: src/rnn_data.c of xiph/rnnoise, branch 0.1.x. */
const RNNOISE_GRU = { resetAfter: false, activations: [{ name: "sigmoid" }, { name: "relu" }] };

/** The whole network of xiph/rnnoise 0.1.x, a frame of 480 samples at 48 kHz; the speech probability is the last output. */
export const RNNOISE: Shape = {
  name: "RNNoise 0.1",
  rate: 100,
  inputs: [{ name: "features", dtype: "F32", shape: [42] }],
  parts: [
    linear("dense", 42, 24, { activation: "tanh" }),
    recurrent("gru", "vad", 24, 24, RNNOISE_GRU),
    linear("speech", 24, 1, { activation: "sigmoid" }),
    concat("for noise", "dense", "vad", "features"),
    recurrent("gru", "noise", 90, 48, RNNOISE_GRU),
    concat("for denoise", "vad", "noise", "features"),
    recurrent("gru", "denoise", 114, 96, RNNOISE_GRU),
    linear("gains", 96, 22, { activation: "sigmoid" }),
    concat("outputs", "gains", "speech"),
  ],
};

/** Silero and DTLN take frames of 512 and 128 samples at 16 kHz. */
export const MODELS: readonly Shape[] = [
  RNNOISE,
  { name: "Silero VAD v5, its LSTM", rate: 31.25, parts: [recurrent("lstm", "rnn", 128, 128)] },
  {
    name: "DTLN stage 1",
    rate: 125,
    parts: [
      recurrent("lstm", "first", 257, 128),
      recurrent("lstm", "second", 128, 128),
      linear("mask", 128, 257, { activation: "sigmoid" }),
    ],
  },
  {
    name: "next character (examples/)",
    parts: [
      { layer: { type: "embedding", name: "embedding" }, shapes: { "embedding.weight": [65, 64] } },
      recurrent("gru", "rnn", 64, 256),
      linear("head", 256, 65),
    ],
  },
];

/** Guitar amplifiers: a sample in, a sample out, at 48 kHz. */
export const AUDIO_SIZES = [8, 16, 24, 32, 40, 64];

export function amplifier(cell: Cell, hiddenSize: number): Shape {
  const parts = [recurrent(cell, "rnn", 1, hiddenSize), linear("head", hiddenSize, 1)];
  return { name: `amplifier ${cell.toUpperCase()} 1→${hiddenSize}→1`, rate: 48000, parts };
}

/** in = out = H: the sizes that other runtimes are measured at. */
export const SIZES = [8, 16, 32, 64, 128, 256, 512, 1024];

export function square(cell: Cell, size: number, attributes = {}): Shape {
  return { name: `${cell.toUpperCase()} ${size}`, parts: [recurrent(cell, "rnn", size, size, attributes)] };
}

/** Multiply-adds of one step. */
export function products({ parts }: Shape): number {
  const matrices = parts
    .filter(({ layer }) => layer.type !== "embedding")
    .flatMap(({ shapes }) => Object.values(shapes));
  return matrices.reduce((sum, [rows, columns = 0]) => sum + rows * columns, 0);
}

/** The model, its weights and biases uniform in ±1/√k: k columns of its matrix, or the hidden size, as PyTorch begins. */
export function modelOf({ parts, inputs }: Shape): Model {
  const random = uniform(parts.length);
  const tensors = new Map<string, Tensor>();
  for (const { shapes } of parts) {
    const matrices = Object.values(shapes).filter((shape) => shape.length === 2);
    const columns = matrices.at(-1)?.[1] ?? 1;
    for (const [name, shape] of Object.entries(shapes)) {
      const length = shape.reduce((product, size) => product * size, 1);
      tensors.set(name, { name, dtype: "F32", shape, data: random(length).map((x) => x / Math.sqrt(columns)) });
    }
  }
  const layers = parts.map(({ layer }) => layer);
  return sluice.modelFromLayers(layers, tensors, inputs && { inputs });
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
