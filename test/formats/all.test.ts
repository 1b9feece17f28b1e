/** Which format a file is of, by its first bytes. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatOf } from "../../src/all.ts";
import { GOLDEN } from "../vectors.ts";

describe("formatOf", () => {
  it("takes safetensors for what it is, whatever its length begins with", () => {
    const bytes = new Uint8Array(64).fill(0x20);
    const view = new DataView(bytes.buffer);
    for (let length = 8; length < 2 ** 18; length += 8) {
      view.setBigUint64(0, BigInt(length), true);
      bytes[8] = 0x7b;
      const { name } = formatOf(bytes);
      if (name !== "safetensors") expect(`${length}: ${name}`).toBe("safetensors");
    }
  });

  it.each([
    ["flax/gru.msgpack", "Flax"],
    ["flax/gru.npz", "Flax"],
    ["flax/nnx-gru.npz", "Flax"],
    ["flax/gru.safetensors", "Flax"],
    ["npz/gru.npz", "NumPy"],
    ["npz/dtypes.npz", "NumPy"],
    ["pt/model.pt", "PyTorch"],
    ["pt/model-stream.pt", "PyTorch"],
    ["keras/functional3.keras", "Keras"],
    ["keras/weights.h5", "Keras"],
    ["tfjs/functional.json", "TensorFlow.js"],
    ["gru_2layer.safetensors", "safetensors"],
  ])("%s is %s", (path, name) => {
    expect(formatOf(new Uint8Array(readFileSync(join(GOLDEN, path)))).name).toBe(name);
  });
});
