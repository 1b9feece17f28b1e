/** Files of every format at `sluice/all`: which one a file is of, by its first bytes; its options; and files of none, here and at each entry. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as all from "../../src/all.ts";
import { FormatError, formatOf, type ReadModelOptions, readModel } from "../../src/all.ts";
import * as flax from "../../src/flax.ts";
import * as graph from "../../src/graph-entry.ts";
import * as native from "../../src/index.ts";
import * as keras from "../../src/keras.ts";
import * as npz from "../../src/npz.ts";
import * as onnx from "../../src/onnx.ts";
import * as pytorch from "../../src/pytorch.ts";
import * as rtneural from "../../src/rtneural.ts";
import * as tfjs from "../../src/tfjs.ts";
import { GOLDEN } from "../vectors.ts";
import { model as writeOnnx } from "./onnx/writer.ts";

const golden = (path: string) => new Uint8Array(readFileSync(join(GOLDEN, path)));
const text = (content: string) => new TextEncoder().encode(content);
const latin1 = (content: string) => Uint8Array.from(content, (char) => char.charCodeAt(0));

function refusal(read: () => unknown): FormatError {
  try {
    read();
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error("expected an error");
}

it("the functions that depend on kernels or operators are those of sluice/graph", () => {
  const own = ["readModel", "loadModel"];
  for (const [name, value] of Object.entries(graph)) {
    if (!own.includes(name)) expect((all as Record<string, unknown>)[name], name).toBe(value);
  }
});

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
    expect(formatOf(golden(path)).name).toBe(name);
  });
});

describe("readModel", () => {
  const node = { op: "Tanh", name: "n", inputs: ["x"], outputs: ["y"] };
  const ONNX = writeOnnx({ inputs: { x: ["T", 4] }, outputs: { y: ["T", 4] }, nodes: [node] });
  const CASES: [name: string, file: Uint8Array, limits: ReadModelOptions["limits"], message: string][] = [
    ["Keras", golden("keras/weights.h5"), { objects: 20 }, "at most 20 objects"],
    ["PyTorch", golden("pt/model.pt"), { members: 1 }, "at most 1 members"],
    ["Flax", golden("flax/gru.msgpack"), { tensors: 1 }, "at most 1"],
    ["NumPy", golden("npz/gru.npz"), { members: 1 }, "at most 1 members"],
    ["ONNX", ONNX, { messages: 3 }, "at most 3 messages in the file"],
    ["TensorFlow.js", golden("tfjs/functional.json"), { configBytes: 100 }, "at most 100 bytes"],
    ["RTNeural", text('{"in_shape":[null,null,1],"layers":[]}'), { fileBytes: 10 }, "at most 10 bytes"],
    ["safetensors", golden("gru_2layer.safetensors"), { headerBytes: 10 }, "at most 10 bytes"],
  ];

  it.each(CASES)("passes limits to the reader of %s", (name, file, limits, message) => {
    expect(formatOf(file).name).toBe(name);
    const { code, message: said } = refusal(() => readModel(file, { limits, files: () => new Uint8Array() }));
    expect(code).toBe("ERR_LIMIT");
    expect(said).toContain(message);
  });
});

describe("a file of a kind that nobody knows", () => {
  const ENTRIES: Record<string, [entry: { readModel(bytes: Uint8Array): unknown }, expected: string]> = {
    sluice: [native, "safetensors"],
    "sluice/keras": [keras, "Keras (.h5, .keras)"],
    "sluice/pytorch": [pytorch, "a file of torch.save"],
    "sluice/onnx": [onnx, "ONNX"],
    "sluice/tfjs": [tfjs, "TensorFlow.js (model.json)"],
    "sluice/rtneural": [rtneural, "RTNeural, GuitarML, NAM or RNNoise"],
    "sluice/npz": [npz, "NumPy (.npz)"],
    "sluice/flax": [flax, "Flax (.msgpack, .npz, .safetensors)"],
    "sluice/all": [all, "Keras, PyTorch, Flax, NumPy, ONNX, TensorFlow.js, RTNeural or safetensors"],
  };
  const FILES: [name: string, file: Uint8Array, begins: string][] = [
    ["text", text("hello, this is text"), "hello, t"],
    ["YAML", text("model:\n  type: lstm\n"), "model:\\n "],
    ["a picture", latin1("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "\\u{89}PNG\\r\\n\\u001a\\n"],
    ["sound", latin1("RIFF\x24\0\0\0WAVEfmt "), "RIFF$\\u0000\\u0000\\u0000"],
    ["a graph of TensorFlow", latin1("\n\x2d\n\x05input\x12\x0bPlaceholder"), "\\n-\\n\\u0005inpu"],
    ["a list of JSON", text("[1, 2, 3, 4]"), "[1, 2, 3"],
  ];
  const rows = Object.entries(ENTRIES).flatMap(([name, entry]) =>
    FILES.map((file) => [name, ...file, ...entry] as const),
  );

  it.each(rows)(
    "is refused at %s by what was expected and how it begins: %s",
    (_, __, file, begins, entry, expected) => {
      const { code, message, offset } = refusal(() => entry.readModel(file));
      const where = expected === "ONNX" ? "file at byte 0" : "file";
      expect(message).toBe(`${where}: expected ${expected}; got ${file.length} bytes that begin "${begins}"`);
      expect([code, offset]).toEqual(["ERR_HEADER", 0]);
    },
  );

  it.each(Object.entries(ENTRIES).filter(([name]) => name !== "sluice/onnx"))(
    "is another one than a file whose kind is known, at %s",
    (_, [entry, expected]) => {
      const { code, message } = refusal(() => entry.readModel(text("<!doctype html>")));
      expect(message).toBe(`file: expected ${expected}; got HTML or XML. Is it an error page?`);
      expect(code).toBe("ERR_FOREIGN_FORMAT");
    },
  );
});
