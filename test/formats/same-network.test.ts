/**
 * One network in every format that can say it: the same weights and, bit for bit, the same outputs. First GRU, LSTM and a
 * linear layer in files that PyTorch and h5py wrote (test/golden/same.py), then a GRU and a linear layer in files that are
 * written here by hand.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createSessionSync as createGraphSession, createRuntimeSync, readModel } from "../../src/all.ts";
import { readFlaxModel } from "../../src/formats/flax.ts";
import { encodeNpy } from "../../src/formats/npy.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { createSessionSync, type LayerSpec, type Model, type Tensor, writeSafetensors } from "../../src/index.ts";
import { readNpz } from "../../src/npz.ts";
import { CORE } from "../../src/ops/core.ts";
import { counts, dict, int, pickle, pt, storage, str, tensor, zip } from "../hostile/files.ts";
import { tensors } from "../tensors.ts";
import { GOLDEN, readJson } from "../vectors.ts";

const [I, H, O] = [3, 4, 2];
const LAYERS: LayerSpec[] = [
  { type: "gru", name: "rnn" },
  { type: "linear", name: "head" },
];
const weights = tensors({
  "rnn.weight_ih_l0": [3 * H, I],
  "rnn.weight_hh_l0": [3 * H, H],
  "rnn.bias_ih_l0": [3 * H],
  "rnn.bias_hh_l0": [3 * H],
  "head.weight": [O, H],
  "head.bias": [O],
});
const get = (name: string) => weights.get(name)?.data as Float32Array;
// Flax has a bias on the state's side for n alone.
get("rnn.bias_hh_l0").fill(0, 0, 2 * H);

/** Rows of PyTorch's r, z, n as columns in another order of gates: (columns, 3 · H). */
function kernel(name: string, columns: number, gates: readonly number[]): Float32Array {
  const data = get(name);
  const out: number[] = [];
  for (let j = 0; j < columns; j++) {
    for (const gate of gates) for (let i = 0; i < H; i++) out.push(data[(gate * H + i) * columns + j]);
  }
  return Float32Array.from(out);
}

const transposed = (name: string, columns: number, rows: number) =>
  Float32Array.from({ length: rows * columns }, (_, i) => get(name)[(i % rows) * columns + Math.floor(i / rows)]);

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const nested = (data: Float32Array, columns: number) =>
  Array.from({ length: data.length / columns }, (_, i) => [...data.subarray(i * columns, (i + 1) * columns)]);
const raw = ({ data }: Pick<Tensor, "data">) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Keras's order is z, r, h. */
const ZRH = [1, 0, 2];
const KERAS = {
  kernel: kernel("rnn.weight_ih_l0", I, ZRH),
  recurrent: kernel("rnn.weight_hh_l0", H, ZRH),
  bias: Float32Array.of(...kernel("rnn.bias_ih_l0", 1, ZRH), ...kernel("rnn.bias_hh_l0", 1, ZRH)),
  head: transposed("head.weight", H, O),
};

function torch(): Uint8Array {
  const list = [...weights.values()];
  const entries = list.map(({ name, shape, data }, i): [Uint8Array, Uint8Array] => {
    const stride = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    const held = storage({ key: str(`${i}`), count: int(data.length) });
    return [str(name), tensor({ storage: held, size: counts(shape), stride: counts(stride) })];
  });
  return pt(
    pickle(dict(...entries)),
    list.map((one, i) => ({ name: `x/data/${i}`, data: raw(one) })),
  );
}

function flax(): Uint8Array {
  const gates = ["r", "z", "n"].flatMap((gate, g): [string, number[], Float32Array][] => [
    [`rnn/cell/i${gate}/kernel`, [I, H], kernel("rnn.weight_ih_l0", I, [g])],
    [`rnn/cell/i${gate}/bias`, [H], kernel("rnn.bias_ih_l0", 1, [g])],
    [`rnn/cell/h${gate}/kernel`, [H, H], kernel("rnn.weight_hh_l0", H, [g])],
  ]);
  const all: [string, number[], Float32Array][] = [
    ...gates,
    ["rnn/cell/hn/bias", [H], kernel("rnn.bias_hh_l0", 1, [2])],
    ["head/kernel", [H, O], KERAS.head],
    ["head/bias", [O], get("head.bias")],
  ];
  return encodeSafetensors(all.map(([name, shape, data]) => ({ name: `params/${name}`, dtype: "F32", shape, data })));
}

function tfjs(): [file: Uint8Array, shard: Uint8Array] {
  const units = { units: H, reset_after: true, recurrent_activation: "sigmoid", activation: "tanh" };
  const layers = [
    {
      class_name: "GRU",
      config: { name: "rnn", ...units, return_sequences: true, batch_input_shape: [null, null, I] },
    },
    { class_name: "Dense", config: { name: "head", units: O, activation: "linear" } },
  ];
  const list: [string, number[], Float32Array][] = [
    ["rnn/kernel", [I, 3 * H], KERAS.kernel],
    ["rnn/recurrent_kernel", [H, 3 * H], KERAS.recurrent],
    ["rnn/bias", [2, 3 * H], KERAS.bias],
    ["head/kernel", [H, O], KERAS.head],
    ["head/bias", [O], get("head.bias")],
  ];
  const file = json({
    format: "layers-model",
    modelTopology: { class_name: "Sequential", config: { name: "s", layers } },
    weightsManifest: [{ paths: ["a.bin"], weights: list.map(([name, shape]) => ({ name, shape, dtype: "float32" })) }],
  });
  return [file, new Uint8Array(Buffer.concat(list.map(([, , data]) => raw({ data }))))];
}

const rtneural = () =>
  json({
    in_shape: [null, null, I],
    layers: [
      {
        type: "gru",
        activation: "",
        shape: [null, null, H],
        weights: [nested(KERAS.kernel, 3 * H), nested(KERAS.recurrent, 3 * H), nested(KERAS.bias, 3 * H)],
      },
      {
        type: "dense",
        activation: "",
        shape: [null, null, O],
        weights: [nested(KERAS.head, O), [...get("head.bias")]],
      },
    ],
  });

const native = readModel(encodeSafetensors(weights.values()), { layers: LAYERS });

const READ: Record<string, () => Model> = {
  "safetensors with its graph": () => readModel(writeSafetensors(native)),
  "PyTorch .pt": () => readModel(torch(), { layers: LAYERS }),
  ".npz": () => {
    const members = [...weights.values()].map((one) => ({ name: `${one.name}.npy`, data: encodeNpy(one) }));
    return readModel(zip(members), { layers: LAYERS });
  },
  Flax: () => readFlaxModel(CORE, flax(), { layers: LAYERS }),
  "TensorFlow.js": () => {
    const [file, shard] = tfjs();
    return readModel(file, { files: () => shard });
  },
  RTNeural: () => readModel(rtneural()),
};

function outputOf(model: Model): Uint8Array {
  const session = createSessionSync(model);
  const input = Float32Array.from({ length: 20 * I }, (_, i) => Math.sin(i * i));
  const { output } = session.run(input);
  session.dispose();
  return raw({ data: output });
}

describe("one network", () => {
  it.each(Object.entries(READ))("from %s has the same weights and outputs", (_, read) => {
    const model = read();
    const values = ({ tensors }: Model) =>
      [...tensors.values()].map((one) => Buffer.from(raw(one)).toString("hex")).sort();
    expect(values(model)).toEqual(values(native));
    expect(model.nodes.map(({ op }) => op)).toEqual(native.nodes.map(({ op }) => op));
    expect(outputOf(model)).toEqual(outputOf(native));
  });
});

const SAME = join(GOLDEN, "same");
const fileOf = (name: string) => new Uint8Array(readFileSync(join(SAME, name)));

const NET: LayerSpec[] = [
  { type: "gru", name: "gru" },
  { type: "lstm", name: "lstm" },
  { type: "linear", name: "head" },
];

/** What lies in memory once a session is made (programs, packed weights, tables), and what it gives for PyTorch's input. */
function laidOut(name: string, layers?: LayerSpec[]) {
  const model = readModel(fileOf(name), { layers, files: fileOf });
  const runtime = createRuntimeSync({ variant: "simd" });
  const session = createGraphSession(model, { runtime });
  const memory = createHash("sha256")
    .update(raw({ data: runtime?.u32 as Uint32Array }))
    .digest("hex");
  const { output } = session.run(readNpz(fileOf("io.npz")).get("x")?.data as Float32Array, { batch: 2 });
  session.dispose();
  return { model, memory, output };
}

describe("one network of PyTorch", () => {
  const first = laidOut("model.pt", NET);

  it("has the files of its manifest", () => {
    const { files } = readJson(SAME, "manifest.json") as { files: Record<string, string> };
    for (const [name, sha256] of Object.entries(files)) {
      expect(createHash("sha256").update(fileOf(name)).digest("hex"), name).toBe(sha256);
    }
  });

  it("gives PyTorch's outputs", () => {
    const expected = readNpz(fileOf("io.npz")).get("y")?.data as Float32Array;
    expect(first.output.length).toBe(expected.length);
    first.output.forEach((value, i) => {
      expect(Math.abs(value - expected[i]), `element ${i}`).toBeLessThanOrEqual(1e-6);
    });
  });

  it.each([
    ["model.safetensors", NET],
    ["model.onnx", undefined],
    ["model.keras", undefined],
    ["model.h5", undefined],
    ["model.json", undefined],
    ["rtneural.json", undefined],
  ])("from %s has the same packed weights and programs, byte for byte, and the same outputs", (name, layers) => {
    const { model, memory, output } = laidOut(name, layers);
    expect(model.nodes.map(({ op }) => op)).toEqual(["gru", "lstm", "linear"]);
    expect(raw({ data: output })).toEqual(raw({ data: first.output }));
    expect(memory).toBe(first.memory);
  });

  it("in memory is another where one weight is another", () => {
    const model = readModel(fileOf("model.safetensors"), { layers: NET });
    const tensors = new Map(model.tensors);
    const bias = tensors.get("head.bias") as Tensor;
    tensors.set("head.bias", { ...bias, data: Float32Array.from(bias.data as Float32Array, (one) => one + 1e-6) });
    const runtime = createRuntimeSync({ variant: "simd" });
    createGraphSession({ ...model, tensors }, { runtime });
    const memory = createHash("sha256")
      .update(raw({ data: runtime?.u32 as Uint32Array }))
      .digest("hex");
    expect(memory).not.toBe(first.memory);
  });
});
