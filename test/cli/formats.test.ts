/** `sluice inspect` and `sluice run` on files of other formats: what they say, and that the printed code runs the file. */

import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GOLDEN, readJson } from "../vectors.ts";
import { FLAGS, makeFolder, sluice } from "./files.ts";

const folder = makeFolder();
const AMPLIFIER = {
  in_shape: [null, null, 1],
  layers: [{ type: "dense", activation: "", shape: [null, null, 1], weights: [[[2]], [0.25]] }],
};

beforeAll(() => {
  for (const name of ["chunked.h5", "bidirectional3.keras", "weights.h5"]) {
    copyFileSync(join(GOLDEN, "keras", name), join(folder, name));
  }
  writeFileSync(join(folder, "amplifier.json"), JSON.stringify(AMPLIFIER));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The report's code, with one more line that prints its output. */
function runCode(report: string): unknown {
  const code = report.slice(report.indexOf("import {"));
  writeFileSync(join(folder, "code.mjs"), `${code}console.log(JSON.stringify([...output]));\n`);
  const { stdout, stderr } = spawnSync(process.execPath, [...FLAGS, "code.mjs"], { cwd: folder });
  expect(String(stderr)).toBe("");
  return JSON.parse(String(stdout).trimEnd().split("\n").at(-1) as string);
}

describe("inspect", () => {
  it.each([
    ["chunked.h5", "sluice/keras", 2],
    ["bidirectional3.keras", "sluice/keras", 3],
    ["amplifier.json", "sluice/rtneural", 1],
  ])("%s ends with code that imports %s and runs", (name, entry, outputs) => {
    const { out, err, code } = sluice(folder, ["inspect", name]);
    expect([err, code]).toEqual(["", 0]);
    expect(out).toContain("a model with its graph");
    expect(out).toContain(`from "${entry}";`);
    expect(runCode(out)).toHaveLength(outputs);
  });

  it("weights alone: a guess that names Keras's layers", () => {
    const { out } = sluice(folder, ["inspect", "weights.h5"]);
    expect(out).toContain('{ type: "lstm", name: "lstm" }');
    expect(runCode(out)).toHaveLength(2);
  });
});

describe("run", () => {
  it("gives the outputs of a Keras file", () => {
    const { files } = readJson(GOLDEN, "keras/expected.json") as {
      files: Record<string, { input: number[]; output: number[] }>;
    };
    const { input, output } = files["chunked.h5"];
    const rows = Array.from({ length: input.length / 3 }, (_, t) => input.slice(3 * t, 3 * t + 3).join(",")).join("\n");
    writeFileSync(join(folder, "input.csv"), `${rows}\n`);
    const { out, err } = sluice(folder, ["run", "chunked.h5", "input.csv"]);
    expect(err).toBe("");
    const got = out
      .trim()
      .split(/[\s,]+/)
      .map(Number)
      .filter((one) => !Number.isNaN(one));
    expect(got.length).toBeGreaterThanOrEqual(output.length);
    const tail = got.slice(-output.length);
    for (const [i, one] of tail.entries()) expect(one).toBeCloseTo(output[i], 4);
  });

  it("names the file before what is wrong with it", () => {
    writeFileSync(join(folder, "cut.h5"), readFileSync(join(folder, "chunked.h5")).subarray(0, 5000));
    const { err, code } = sluice(folder, ["run", "cut.h5", "input.csv"]);
    expect(code).toBe(1);
    expect(err).toContain("cut.h5: superblock at byte 40: expected 30928 bytes of file; got 5000. Is it cut short?");
  });
});
