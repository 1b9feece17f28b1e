/** The built command line on models of TensorFlow.js, whose weights lie beside them. */

import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GOLDEN } from "../vectors.ts";
import { FLAGS, makeFolder, sluice } from "./files.ts";

const folder = makeFolder();
cpSync(join(GOLDEN, "tfjs"), join(folder, "web"), { recursive: true });
const { files } = JSON.parse(readFileSync(join(GOLDEN, "tfjs/manifest.json"), "utf8"));

describe("sluice", () => {
  it("inspects a model.json, and ends with lines that run it", () => {
    const { code, out, err } = sluice(folder, ["inspect", "web/reset-after.json"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("web/reset-after.json: TensorFlow.js, a model with its graph");
    const at = out.indexOf("import {");
    writeFileSync(join(folder, "program.mjs"), out.slice(at));
    const printed = execFileSync(process.execPath, [...FLAGS, "program.mjs"], { cwd: folder }).toString();
    expect(printed).toContain("Float32Array(4)");
  });

  it("runs one, with the shards beside it", () => {
    const { input, output } = files["reset-after"];
    const rows = Array.from({ length: 6 }, (_, t) => input.slice(3 * t, 3 * t + 3).join());
    const { code, out, err } = sluice(folder, ["run", "web/reset-after.json", "-"], `${rows.join("\n")}\n`);
    expect([code, err]).toEqual([0, ""]);
    const got = out
      .trim()
      .split("\n")
      .slice(-6)
      .flatMap((line) => line.split(",").map(Number));
    expect(got.map((value) => value.toFixed(4))).toEqual(output.map((value: number) => value.toFixed(4)));
  });

  it("names a shard that is not there", () => {
    expect(readdirSync(join(folder, "web"))).toContain("uint8.json");
    writeFileSync(join(folder, "alone.json"), readFileSync(join(folder, "web/uint8.json")));
    const { code, err } = sluice(folder, ["inspect", "alone.json"]);
    expect(code).toBe(1);
    expect(err).toMatch(/^sluice: alone\.json: uint8\.0\.bin: no such file or directory/);
  });
});
