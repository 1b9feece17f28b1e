/** Layers models of TensorFlow.js against what it computes itself (test/golden/tfjs.mjs). */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatOf } from "../../src/all.ts";
import { createSessionSync, readModel, shardNames } from "../../src/tfjs.ts";
import { GOLDEN, readJson } from "../vectors.ts";

const FOLDER = join(GOLDEN, "tfjs");
const { files } = readJson(FOLDER, "manifest.json") as { files: Record<string, { input: number[]; output: number[] }> };
const bytesOf = (name: string) => new Uint8Array(readFileSync(join(FOLDER, name)));

describe("a layers model of TensorFlow.js", () => {
  it.each(Object.entries(files))("%s computes what TensorFlow.js does", (name, { input, output }) => {
    const model = readModel(bytesOf(`${name}.json`), { files: bytesOf });
    const session = createSessionSync(model);
    const ids = model.inputs[0].dtype === "I32";
    const run = session.run(ids ? Int32Array.from(input) : Float32Array.from(input));
    expect(run.output.length).toBe(output.length);
    run.output.forEach((value, i) => {
      expect(Math.abs(value - output[i]), `element ${i}`).toBeLessThanOrEqual(2e-6 * Math.max(1, Math.abs(output[i])));
    });
    session.dispose();
  });

  it("names its shards, which are asked for once each, in their order", () => {
    const bytes = bytesOf("sequential.json");
    const asked: string[] = [];
    readModel(bytes, {
      files: (name) => {
        asked.push(name);
        return bytesOf(name);
      },
    });
    expect(asked).toEqual(["sequential.0.bin", "sequential.1.bin", "sequential.2.bin"]);
    expect(shardNames(bytes)).toEqual(asked);
  });

  it("finds each weight by its name, in any order of the manifest", () => {
    const json = JSON.parse(Buffer.from(bytesOf("reset-after.json")).toString());
    const [group] = json.weightsManifest;
    const data = bytesOf("reset-after.0.bin");
    let at = 0;
    const parts = group.weights.map(({ shape }: { shape: number[] }) => {
      const size = 4 * shape.reduce((a, b) => a * b, 1);
      at += size;
      return data.subarray(at - size, at);
    });
    group.weights.reverse();
    const reversed = Buffer.concat(parts.reverse());
    const turned = readModel(new TextEncoder().encode(JSON.stringify(json)), { files: () => new Uint8Array(reversed) });
    expect(turned.tensors).toEqual(readModel(bytesOf("reset-after.json"), { files: () => data }).tensors);
  });

  it("is known by its first bytes at sluice/all", () => {
    for (const name of Object.keys(files)) expect(formatOf(bytesOf(`${name}.json`)).entry).toBe("sluice/tfjs");
  });
});
