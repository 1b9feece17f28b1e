/**
 * Every JavaScript and TypeScript block of the documents runs, in a process and a folder of its own in which `sluice` is the
 * built package. What stands after a console.log as a comment is what it prints. A block under `<!-- prelude -->` is put
 * before all later blocks of its file; one under `<!-- page -->` needs a browser and is run there (test/browser/).
 *
 * Files in the folder: model.safetensors (frames of 8 numbers → GRU, 16 → linear, 4), state_dict.safetensors (the same
 * weights as PyTorch saves them, no graph), model.pt, gru.npz, functional.json (of test/golden), model.onnx (frames of 8
 * numbers → GRU, 4).
 */

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
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { model as writeOnnx } from "../formats/onnx/writer.ts";
import { describeBlocks, writeModels } from "./blocks.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FILES = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => join("docs", name))];

const folder = mkdtempSync(join(tmpdir(), "sluice-docs-"));

beforeAll(() => {
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules", "sluice"), "junction");
  writeModels(folder);
  copyFileSync(join(ROOT, "test/golden/pt/model.pt"), join(folder, "model.pt"));
  copyFileSync(join(ROOT, "test/golden/npz/gru.npz"), join(folder, "gru.npz"));
  for (const name of ["functional.json", "functional.0.bin"]) {
    copyFileSync(join(ROOT, "test/golden/tfjs", name), join(folder, name));
  }
  const zeros = (...shape: number[]) => [shape, new Array<number>(shape.reduce((a, b) => a * b)).fill(0)] as const;
  const gru = writeOnnx({
    inputs: { x: ["T", "N", 8] },
    outputs: { y: ["T", 1, "N", 4] },
    initializers: { W: zeros(1, 12, 8), R: zeros(1, 12, 4) },
    nodes: [{ op: "GRU", name: "rnn", inputs: ["x", "W", "R"], outputs: ["y"], attrs: { linear_before_reset: 1 } }],
  });
  writeFileSync(join(folder, "model.onnx"), gru);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const file of FILES) describeBlocks(file, readFileSync(join(ROOT, file), "utf8"), folder);
