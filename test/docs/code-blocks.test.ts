/**
 * Every JavaScript and TypeScript block of the documents runs, in a process and a folder of its own in which `sluice` is the
 * built package. What stands after a console.log as a comment is what it prints. A block under `<!-- prelude -->` is put
 * before all later blocks of its file.
 *
 * Files in the folder: model.safetensors (frames of 8 numbers → GRU, 16 → linear, 4), state_dict.safetensors (the same
 * weights as PyTorch saves them, no graph), model.pt and gru.npz (of test/golden).
 */

import { execFile } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { modelFromLayers, type Tensor, writeSafetensors } from "../../src/index.ts";
import { elements } from "../../src/tensor.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const FILES = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => join("docs", name))];

interface Block {
  readonly line: number;
  readonly language: "js" | "ts";
  readonly code: string;
}

/** The blocks of a file, each with the preludes before it. */
function blocksOf(text: string): Block[] {
  let prelude = "";
  return [...text.matchAll(/^(<!-- prelude -->\n)?```(js|ts)\n(.*?)^```$/gms)].map(
    ({ 0: match, 1: mark, 2: language, 3: code, index }) => {
      const block = {
        line: text.slice(0, index + match.indexOf("```")).split("\n").length,
        language: language as Block["language"],
        code: `${prelude}${code}`,
      };
      if (mark !== undefined) prelude += code;
      return block;
    },
  );
}

/** The comments after every console.log, in order. */
function printed(code: string): string[] {
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

const folder = mkdtempSync(join(tmpdir(), "sluice-docs-"));

beforeAll(() => {
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules", "sluice"), "junction");
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
  copyFileSync(join(ROOT, "test/golden/pt/model.pt"), join(folder, "model.pt"));
  copyFileSync(join(ROOT, "test/golden/npz/gru.npz"), join(folder, "gru.npz"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const file of FILES) {
  const blocks = blocksOf(readFileSync(join(ROOT, file), "utf8"));
  if (blocks.length === 0) continue;
  describe.concurrent(`the code of ${file}`, () => {
    for (const { line, language, code } of blocks) {
      it(`of line ${line} runs and prints what it says`, async () => {
        const program = join(folder, `${file.replace(/\W/g, "-")}-${line}.m${language}`);
        writeFileSync(program, code);
        const loader = language === "ts" ? ["--import", TSX] : [];
        const { stdout } = await promisify(execFile)(process.execPath, [...loader, program], { cwd: folder });
        const expected = printed(code);
        if (expected.length > 0) expect(stdout.trimEnd().split("\n")).toEqual(expected);
      });
    }
  });
}
