/**
 * One network, a GRU and a linear layer, in every format that can say it: the same weights and, bit for bit, the same outputs.
 * Files are written here by hand, since no library writes them all.
 */

import { describe, expect, it } from "vitest";
import { readModel } from "../../src/all.ts";
import { readFlaxModel } from "../../src/formats/flax.ts";
import { encodeNpy } from "../../src/formats/npy.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { createSessionSync, type LayerSpec, type Model, type Tensor, writeSafetensors } from "../../src/index.ts";
import { CORE } from "../../src/ops/core.ts";
import { counts, dict, int, pickle, pt, storage, str, tensor, zip } from "../hostile/files.ts";
import { tensors } from "../tensors.ts";

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
