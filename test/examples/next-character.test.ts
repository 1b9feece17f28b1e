/** The programs of examples/next-character as a reader runs them: in a process of their own, over the built package. */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { readModel } from "../../src/index.ts";
import { elements } from "../../src/tensor.ts";
import { NO_VECTORS, readJson, VECTORS } from "../vectors.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/next-character", import.meta.url));

interface Manifest {
  readonly text: { readonly name: string; readonly sha256: string; readonly heldOutCharacters: number };
  readonly sizes: Readonly<Record<"vocabulary" | "embedding" | "hidden" | "parameters", number>>;
  readonly bitsPerCharacter: Readonly<Record<"f32" | "f64", number>>;
}

const manifest = readJson(EXAMPLE, "manifest.json") as Manifest;

/** Rejects when the program fails; a terminal is neither its input nor its output. */
function run(program: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, ["--import", "tsx", join(EXAMPLE, program), ...args]);
}

describe("the next-character model", () => {
  const bytes = new Uint8Array(readFileSync(join(EXAMPLE, "model.safetensors")));

  it("is what its manifest says", () => {
    const { info, nodes, tensors } = readModel(bytes);
    expect(info.vocabulary).toHaveLength(manifest.sizes.vocabulary);
    expect(nodes.map(({ op }) => op)).toEqual(["embedding", "gru", "linear"]);
    expect(nodes[0].attrs.embeddingDim).toBe(manifest.sizes.embedding);
    expect(nodes[1].attrs.hiddenSize).toBe(manifest.sizes.hidden);
    const parameters = [...tensors.values()].reduce((sum, { shape }) => sum + elements(shape), 0);
    expect(parameters).toBe(manifest.sizes.parameters);
  });

  it("takes at most 1.5 MB", () => {
    expect(bytes.length).toBeLessThanOrEqual(1.5e6);
  });
});

describe("complete.ts", () => {
  const seeded = (seed: string) => run("complete.ts", "KING", "--length", "120", "--seed", seed);

  it("prints the prompt and as many characters as it was asked for, and ends", async () => {
    const { stdout, stderr } = await seeded("5");
    expect(stdout).toMatch(/^KING/);
    expect([...stdout]).toHaveLength("KING".length + 120 + "\n".length);
    expect(stderr).toMatch(
      /^\n\d+ characters\/s, printing included; [\d.]+ µs per step; \w+, Node [\d.]+ \(V8 [\d.]+\)\n$/,
    );
  });

  it("prints the same text for the same seed, another one for another seed", async () => {
    const [first, second, other] = [await seeded("5"), await seeded("5"), await seeded("6")];
    expect(second.stdout).toBe(first.stdout);
    expect(other.stdout).not.toBe(first.stdout);
  });

  it("says in plain words which characters it does not know", async () => {
    await expect(run("complete.ts", "naïve")).rejects.toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^The model has never seen ï — it knows /),
    });
  });
});

describe("evaluate.ts", () => {
  const text = VECTORS && join(VECTORS, "data", "shakespeare", manifest.text.name);
  const name = "measures the bits per character that PyTorch measured, to four decimals";

  if (text === undefined) it.skip(`${name} (${NO_VECTORS})`, () => {});
  else if (!existsSync(text)) it.skip(`${name} (${manifest.text.name} is not there)`, () => {});
  else {
    it(name, { timeout: 120_000 }, async () => {
      expect(createHash("sha256").update(readFileSync(text)).digest("hex")).toBe(manifest.text.sha256);
      const { stdout } = await run("evaluate.ts", text);
      const { f64 } = manifest.bitsPerCharacter;
      expect(stdout).toMatch(`${f64.toFixed(4)} bits per character over the last ${manifest.text.heldOutCharacters} `);
    });

    it("measures them within 0.01 in int8", { timeout: 120_000 }, async () => {
      const { stdout } = await run("evaluate.ts", text, "int8");
      const [, bits] = /^([\d.]+) bits per character .* \(int8, \w+\)\n$/.exec(stdout) ?? [];
      expect(Math.abs(Number(bits) - manifest.bitsPerCharacter.f64)).toBeLessThan(0.01);
    });
  }
});
