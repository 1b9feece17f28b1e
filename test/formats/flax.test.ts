/** Parameter trees as Flax saves them, against its equations (test/golden/flax.py). */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatOf } from "../../src/all.ts";
import { createSessionSync, type LayerSpec, readModel, readParams } from "../../src/flax.ts";
import { GOLDEN, readJson } from "../vectors.ts";

interface Case {
  readonly layers: LayerSpec[];
  readonly input: number[];
  readonly output: number[];
}

const FOLDER = join(GOLDEN, "flax");
const { files } = readJson(FOLDER, "manifest.json") as { files: Record<string, Case> };
const bytesOf = (name: string) => new Uint8Array(readFileSync(join(FOLDER, name)));

describe("a parameter tree of Flax", () => {
  it.each(Object.entries(files))("%s computes what Flax's equations say", (name, { layers, input, output }) => {
    const model = readModel(bytesOf(name), { layers });
    const session = createSessionSync(model);
    const ids = model.inputs[0].dtype === "I32";
    const run = session.run(ids ? Int32Array.from(input) : Float32Array.from(input));
    expect(run.output.length).toBe(output.length);
    run.output.forEach((value, i) => {
      expect(Math.abs(value - output[i]), `element ${i}`).toBeLessThanOrEqual(5e-6);
    });
    session.dispose();
  });

  it("is the same tree in each carrier", () => {
    const [first, ...others] = ["gru.msgpack", "gru.npz", "gru.safetensors", "train-state.msgpack"].map((name) =>
      readParams(bytesOf(name)),
    );
    for (const other of others) expect(other).toEqual(first);
  });

  it("is known by its first bytes where it is msgpack", () => {
    for (const name of Object.keys(files).filter((name) => name.endsWith(".msgpack"))) {
      expect(formatOf(bytesOf(name)).entry, name).toBe("sluice/flax");
    }
  });

  it("without layers prints those that it looks like, with Flax's eps", () => {
    const guess = (name: string) => () => readModel(bytesOf(name));
    expect(guess("gru.msgpack")).toThrow('[{"type":"gru","name":"RNN_0"},{"type":"linear","name":"Dense_0"}]');
    expect(guess("norms.msgpack")).toThrow('{"type":"layerNorm","name":"LayerNorm_0","eps":0.000001}');
  });
});
