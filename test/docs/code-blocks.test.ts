/**
 * Every JavaScript and TypeScript block of the documents runs, in a process and a folder of its own in which `sluice` is the
 * built package. What stands after a console.log as a comment is what it prints. A block under `<!-- prelude -->` is put
 * before all later blocks of its file; one under `<!-- page -->` needs a browser and is run there (test/browser/).
 *
 * Files in the folder: model.safetensors (frames of 8 numbers → GRU, 16 → linear, 4), state_dict.safetensors (the same
 * weights as PyTorch saves them, no graph), model.pt, gru.npz, functional.json (of test/golden).
 */

import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
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
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const file of FILES) describeBlocks(file, readFileSync(join(ROOT, file), "utf8"), folder);
