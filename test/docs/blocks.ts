/**
 * The code of a document, and the files that it reads: model.safetensors (frames of 8 numbers → GRU, 16 → linear, 4),
 * state_dict.safetensors (the same weights as PyTorch saves them, no graph) and amp.safetensors (a sample and a knob → LSTM,
 * 8 → linear, a sample).
 */

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { modelFromLayers, type Tensor, writeSafetensors } from "../../src/index.ts";
import { elements } from "../../src/tensor.ts";

const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

export interface Block {
  readonly line: number;
  readonly language: "js" | "ts";
  /** With the preludes before it. */
  readonly code: string;
  /** Needs a browser. */
  readonly page: boolean;
}

/** The blocks of a text. `<!-- prelude -->` puts one before all later ones, `<!-- page -->` says that it is a page's. */
export function blocksOf(text: string): Block[] {
  let prelude = "";
  return [...text.matchAll(/^(?:<!-- (prelude|page) -->\n)?```(js|ts)\n(.*?)^```$/gms)].map(
    ({ 0: match, 1: mark, 2: language, 3: code, index }) => {
      const page = mark === "page";
      const block = {
        line: text.slice(0, index + match.indexOf("```")).split("\n").length,
        language: language as Block["language"],
        code: page ? code : `${prelude}${code}`,
        page,
      };
      if (mark === "prelude") prelude += code;
      return block;
    },
  );
}

/** The comments after every console.log, in order. */
export function printed(code: string): string[] {
  return [...code.matchAll(/^.*console\.log\(.*\); \/\/ (.*)$/gm)].map(([, comment]) => comment);
}

/** Tensors by PyTorch's names; every number is another, and none is large. */
function tensors(shapes: Readonly<Record<string, readonly number[]>>): Map<string, Tensor> {
  let seed = 0;
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const data = Float32Array.from({ length: elements(shape) }, () => Math.sin(++seed) / 2);
      return [name, { name, dtype: "F32", shape, data }];
    }),
  );
}

/** Writes the files that documents read. */
export function writeModels(folder: string): void {
  const weights = tensors({
    "rnn.weight_ih_l0": [48, 8],
    "rnn.weight_hh_l0": [48, 16],
    "rnn.bias_ih_l0": [48],
    "rnn.bias_hh_l0": [48],
    "head.weight": [4, 16],
    "head.bias": [4],
  });
  const layers = [
    { type: "gru", name: "rnn" },
    { type: "linear", name: "head" },
  ];
  writeFileSync(join(folder, "state_dict.safetensors"), encodeSafetensors(weights.values()));
  writeFileSync(join(folder, "model.safetensors"), writeSafetensors(modelFromLayers(layers, weights)));
  const amp = modelFromLayers(
    [
      { type: "lstm", name: "rnn" },
      { type: "linear", name: "head" },
    ],
    tensors({
      "rnn.weight_ih_l0": [32, 2],
      "rnn.weight_hh_l0": [32, 8],
      "rnn.bias_ih_l0": [32],
      "rnn.bias_hh_l0": [32],
      "head.weight": [1, 8],
      "head.bias": [1],
    }),
  );
  writeFileSync(join(folder, "amp.safetensors"), writeSafetensors(amp));
}

/** A test for each block of a document: it runs in the folder and prints what its comments say. */
export function describeBlocks(name: string, text: string, folder: string): void {
  const blocks = blocksOf(text).filter(({ page }) => !page);
  if (blocks.length === 0) return;
  describe.concurrent(`the code of ${name}`, () => {
    for (const { line, language, code } of blocks) {
      it(`of line ${line} runs and prints what it says`, async () => {
        const program = join(folder, `${name.replace(/\W/g, "-")}-${line}.m${language}`);
        writeFileSync(program, code);
        const loader = language === "ts" ? ["--import", TSX] : [];
        const { stdout } = await promisify(execFile)(process.execPath, [...loader, program], { cwd: folder });
        const expected = printed(code);
        if (expected.length > 0) expect(stdout.trimEnd().split("\n")).toEqual(expected);
      });
    }
  });
}
