/** Small model files in a folder of their own, and the built command line run on them. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { type LayerSpec, type LayersOptions, type Model, modelFromLayers, writeSafetensors } from "../../src/index.ts";

import { tensors } from "../tensors.ts";

export const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

/** A new folder in which `sluice` is this package. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(fileURLToPath(new URL("../..", import.meta.url)), join(folder, "node_modules/sluice"), "junction");
  return folder;
}

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The flags of this process, so that a child picks the same build of the kernels. */
export const FLAGS = process.execArgv.filter((flag) => flag.startsWith("--experimental-wasm"));

export function sluice(folder: string, args: readonly string[], input = ""): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...FLAGS, CLI, ...args], { cwd: folder, input });
  return { code: status, out: String(stdout), err: String(stderr) };
}

/** The shapes of a recurrent layer's tensors. */
export function cell(name: string, gates: number, inputSize: number, hiddenSize: number, suffix = "_l0") {
  const rows = gates * hiddenSize;
  return {
    [`${name}.weight_ih${suffix}`]: [rows, inputSize],
    [`${name}.weight_hh${suffix}`]: [rows, hiddenSize],
    [`${name}.bias_ih${suffix}`]: [rows],
    [`${name}.bias_hh${suffix}`]: [rows],
  };
}

interface Recipe {
  readonly layers: readonly LayerSpec[];
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly options?: LayersOptions;
}

export const RECIPES = {
  classifier: {
    layers: [{ type: "gru", name: "rnn" }, { type: "linear", name: "head", activation: "relu" }, { type: "softmax" }],
    shapes: { ...cell("rnn", 3, 2, 5), "head.weight": [3, 5], "head.bias": [3] },
    options: { info: { labels: ["yes", "no", "ma\u202eybe"], sampleRate: 16000, mean: [0, 1] } },
  },
  bidirectional: {
    layers: [
      { type: "lstm", name: "rnn", bidirectional: true },
      { type: "linear", name: "head" },
    ],
    shapes: {
      ...cell("rnn", 4, 2, 3),
      ...cell("rnn", 4, 2, 3, "_l0_reverse"),
      "head.weight": [2, 6],
      "head.bias": [2],
    },
  },
  several: {
    layers: [
      { type: "concat", name: "both", inputs: ["left side", "right"] },
      { type: "rnn", name: "rnn", nonlinearity: "relu" },
      { type: "linear", name: "head" },
    ],
    shapes: { ...cell("rnn", 1, 3, 4), "head.weight": [2, 4], "head.bias": [2] },
    options: {
      inputs: [
        { name: "left side", dtype: "F32", shape: [1] },
        { name: "right", dtype: "F32", shape: [2] },
      ],
      outputs: ["rnn", "head"],
    },
  },
  characters: {
    layers: [
      { type: "embedding", name: "embedding" },
      { type: "gru", name: "rnn" },
      { type: "linear", name: "head" },
    ],
    shapes: { "embedding.weight": [5, 4], ...cell("rnn", 3, 4, 8), "head.weight": [5, 8], "head.bias": [5] },
    options: { info: { vocabulary: ["\n", "a", "b", "é", "😀"] } },
  },
  amplifier: {
    layers: [
      { type: "gru", name: "rnn" },
      { type: "linear", name: "head" },
    ],
    shapes: { ...cell("rnn", 3, 1, 8), "head.weight": [1, 8], "head.bias": [1] },
  },
} satisfies Record<string, Recipe>;

export function modelOf(name: keyof typeof RECIPES): Model {
  const { layers, shapes, options }: Recipe = RECIPES[name];
  return modelFromLayers(layers, tensors(shapes), options);
}

/** Writes `NAME.safetensors` with the graph and `NAME.weights.safetensors` without. */
export function writeModels(folder: string): void {
  for (const name of Object.keys(RECIPES) as (keyof typeof RECIPES)[]) {
    writeFileSync(join(folder, `${name}.safetensors`), writeSafetensors(modelOf(name)));
    const bare = encodeSafetensors(tensors(RECIPES[name].shapes).values());
    writeFileSync(join(folder, `${name}.weights.safetensors`), bare);
  }
}
