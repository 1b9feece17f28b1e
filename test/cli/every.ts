/** A small file of every format that Sluice reads, in a folder, with what the command line is told of it. */

import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { writeSafetensors } from "../../src/index.ts";
import { model as writeOnnx } from "../formats/onnx/writer.ts";
import { tensors } from "../tensors.ts";
import { GOLDEN } from "../vectors.ts";
import { modelOf, RECIPES } from "./files.ts";

export interface EveryFile {
  readonly file: string;
  /** What a program imports to read it. */
  readonly entry: string;
  /** Elements of its output for the zeros of the printed program. */
  readonly outputs: number;
  /** Weights alone: guessed layers run them. */
  readonly weights?: true;
  readonly options?: readonly string[];
}

/** Numbers that differ, in nested arrays. */
function numbers(...shape: number[]): unknown {
  let seed = 7;
  const fill = ([size, ...rest]: number[]): unknown =>
    Array.from({ length: size }, () => {
      if (rest.length > 0) return fill(rest);
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return seed / 2 ** 31 - 0.5;
    });
  return fill(shape);
}

const RTNEURAL = {
  in_shape: [null, null, 3],
  layers: [
    {
      type: "gru",
      activation: "",
      shape: [null, null, 2],
      weights: [numbers(3, 6), numbers(2, 6), numbers(2, 6)],
    },
    { type: "dense", activation: "tanh", shape: [null, null, 2], weights: [numbers(2, 2), numbers(2)] },
  ],
};

const GUITARML = {
  model_data: {
    model: "SimpleRNN",
    input_size: 1,
    skip: 1,
    output_size: 1,
    unit_type: "LSTM",
    num_layers: 1,
    hidden_size: 2,
    bias_fl: true,
  },
  state_dict: {
    "rec.weight_ih_l0": numbers(8, 1),
    "rec.weight_hh_l0": numbers(8, 2),
    "rec.bias_ih_l0": numbers(8),
    "rec.bias_hh_l0": numbers(8),
    "lin.weight": numbers(1, 2),
    "lin.bias": numbers(1),
  },
};

const NAM = {
  version: "0.5.4",
  architecture: "LSTM",
  config: { input_size: 1, hidden_size: 2, num_layers: 1 },
  weights: numbers(4 * 2 * 3 + 4 * 2 + 4 + 3),
  sample_rate: 48000,
};

/** Inputs, outputs, activation and how many weights of six small layers. */
const RNNOISE = [
  [2, 1, 0, 3],
  [1, 1, 0, 9],
  [4, 1, 2, 18],
  [4, 2, 0, 42],
  [2, 3, 1, 9],
  [1, 1, 1, 2],
];

function rnnoise(): string {
  const layers = RNNOISE.map(([inputs, outputs, activation, count]) => {
    const weights = Array.from({ length: count }, (_, i) => ((i * 37) % 101) - 50);
    return `${inputs} ${outputs} ${activation}\n${weights.join(" ")}\n`;
  });
  return `rnnoise-nu model file version 1\n${layers.join("")}`;
}

/** Floats of a shape, for the ONNX writer. */
function floats(...shape: number[]): readonly [readonly number[], number[]] {
  return [shape, (numbers(...shape) as number[]).flat(shape.length) as number[]];
}

function onnxGru(): Uint8Array {
  return writeOnnx({
    inputs: { x: ["T", "N", 2] },
    outputs: { y: ["T", 1, "N", 3] },
    initializers: { W: floats(1, 9, 2), R: floats(1, 9, 3), B: floats(1, 18) },
    nodes: [{ op: "GRU", name: "rnn", inputs: ["x", "W", "R", "B"], outputs: ["y"] }],
  });
}

/** The same as torch ≥ 2.9 leaves it, and with operators of graphs around it. */
function onnxGraph(): Uint8Array {
  return writeOnnx({
    exporter: ["pytorch", "2.9.0"],
    inputs: { frame: [1, 1, 4], h0: [1, 1, 3], gain: [] },
    outputs: { y: [1, 1, 1, 3], hn: [1, 1, 3] },
    initializers: { w: floats(2, 1, 3), W: floats(1, 9, 8), R: floats(1, 9, 3), shape: [[3], [1, 1, 8], "int64"] },
    nodes: [
      { op: "Conv", name: "smooth", inputs: ["frame", "w"], outputs: ["c"], attrs: { pads: [1, 1] } },
      { op: "Mul", name: "scale", inputs: ["c", "gain"], outputs: ["s"] },
      { op: "Reshape", inputs: ["s", "shape"], outputs: ["r"] },
      { op: "GRU", name: "rnn", inputs: ["r", "W", "R", "", "", "h0"], outputs: ["y", "hn"] },
    ],
  });
}

/** Writes them, and says what they are. */
export function writeEveryFile(folder: string): readonly EveryFile[] {
  const golden = (path: string, name = path.slice(path.lastIndexOf("/") + 1)) => {
    copyFileSync(join(GOLDEN, path), join(folder, name));
    return name;
  };
  const made = (name: string, data: Uint8Array | string) => {
    writeFileSync(join(folder, name), data);
    return name;
  };
  golden("tfjs/functional.0.bin");
  return [
    { file: made("native.safetensors", writeSafetensors(modelOf("amplifier"))), entry: "sluice", outputs: 1 },
    {
      file: made("state_dict.safetensors", encodeSafetensors(tensors(RECIPES.amplifier.shapes).values())),
      entry: "sluice",
      outputs: 1,
      weights: true,
    },
    { file: golden("pt/model.pt"), entry: "sluice/pytorch", outputs: 3, weights: true },
    { file: made("core.onnx", onnxGru()), entry: "sluice/onnx", outputs: 3 },
    { file: made("graph.onnx", onnxGraph()), entry: "sluice/onnx", outputs: 3, options: ["--constant", "gain=2"] },
    { file: golden("keras/functional3.keras"), entry: "sluice/keras", outputs: 2 },
    { file: golden("keras/sequential2.h5"), entry: "sluice/keras", outputs: 1 },
    { file: golden("keras/weights.h5", "only.weights.h5"), entry: "sluice/keras", outputs: 2, weights: true },
    { file: golden("tfjs/functional.json"), entry: "sluice/tfjs", outputs: 2 },
    { file: made("rtneural.json", JSON.stringify(RTNEURAL)), entry: "sluice/rtneural", outputs: 2 },
    { file: made("guitarml.json", JSON.stringify(GUITARML)), entry: "sluice/rtneural", outputs: 1 },
    { file: made("amp.nam", JSON.stringify(NAM)), entry: "sluice/rtneural", outputs: 1 },
    { file: made("small.rnnn", rnnoise()), entry: "sluice/rtneural", outputs: 3 },
    { file: golden("npz/gru.npz"), entry: "sluice/npz", outputs: 4, weights: true },
    { file: golden("flax/gru.msgpack"), entry: "sluice/flax", outputs: 2, weights: true },
    { file: golden("flax/nnx-gru.npz"), entry: "sluice/flax", outputs: 4, weights: true },
    { file: golden("flax/gru.safetensors", "flax.safetensors"), entry: "sluice/flax", outputs: 2, weights: true },
  ];
}
