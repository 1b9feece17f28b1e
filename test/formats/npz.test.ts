/**
 * .npz files of NumPy (test/golden/npz.py), and published weights in .npz against their authors' outputs: how arrays of other
 * layouts become the tensors of layers.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatOf } from "../../src/all.ts";
import { createSessionSync, modelFromLayers, readModel, readNpz, type Tensor } from "../../src/npz.ts";
import { GOLDEN, NO_VECTORS, readJson, VECTORS } from "../vectors.ts";

type Facts = Record<string, { dtype: string; shape: number[]; bytes: string }>;

const FOLDER = join(GOLDEN, "npz");
const { files } = readJson(FOLDER, "manifest.json") as { files: Record<string, Facts> };
const read = (...path: string[]) => new Uint8Array(readFileSync(join(...path)));
const hex = ({ data }: Tensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex");

describe("a .npz file", () => {
  it.each(Object.entries(files))("%s has the arrays that NumPy put into it", (name, facts) => {
    const bytes = read(FOLDER, name);
    const arrays = readNpz(bytes);
    expect([...arrays.keys()].sort()).toEqual(Object.keys(facts).sort());
    for (const [key, { dtype, shape, bytes }] of Object.entries(facts)) {
      const array = arrays.get(key) as Tensor;
      expect([array.name, array.dtype, array.shape, hex(array)]).toEqual([key, dtype, shape, bytes]);
    }
    expect(formatOf(bytes).entry).toBe("sluice/npz");
  });

  it("with layers is a model, without them says which they may be", () => {
    const bytes = read(FOLDER, "gru.npz");
    const model = readModel(bytes, { layers: [{ type: "gru", name: "rnn" }] });
    expect(model.nodes[0].attrs).toMatchObject({ inputSize: 3, hiddenSize: 4 });
    expect(() => readModel(bytes)).toThrow('[{"type":"gru","name":"rnn"}]');
  });
});

/** f32 under a name of a layer's tensor. */
function tensor(name: string, shape: readonly number[], at: (...index: number[]) => number): [string, Tensor] {
  const [rows, columns = 1] = shape;
  const data = Float32Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns));
  return [name, { name, dtype: "F32", shape, data }];
}

/** Little-endian f32, as the golden files are. */
function floats(...path: string[]): Float32Array {
  return new Float32Array(read(...path).buffer);
}

function expectClose(got: ArrayLike<number>, golden: ArrayLike<number>): void {
  expect(got.length).toBe(golden.length);
  for (let i = 0; i < got.length; i++) {
    const bound = 1e-5 * Math.max(1, Math.abs(golden[i]));
    expect(Math.abs(got[i] - golden[i]), `element ${i}`).toBeLessThanOrEqual(bound);
  }
}

const MODELS = VECTORS === undefined ? "" : join(VECTORS, "models");
const there = (name: string) => VECTORS !== undefined && existsSync(join(MODELS, name));

describe(`keyword spotting in TensorFlow's layout${there("ml-kws") ? "" : ` (${NO_VECTORS})`}`, () => {
  it.skipIf(!there("ml-kws")).each(["GRU_S", "GRU_M", "GRU_L"])("%s gives its logits", (name) => {
    const arrays = readNpz(read(MODELS, "ml-kws", `${name}.npz`));
    const get = (key: string) => arrays.get(key) as Tensor;
    const [gates, candidate, bias, candidateBias] = ["gates_k", "cand_k", "gates_b", "cand_b"].map(
      (key) => get(key).data as Float32Array,
    );
    // One matrix for [x, h], columns r, u; another for the candidate. Ours: rows r, z, n, x and h apart.
    const [columns, H] = get("cand_k").shape;
    const I = columns - H;
    const weight = (row: number, column: number) =>
      row < 2 * H ? gates[column * 2 * H + row] : candidate[column * H + row - 2 * H];
    const W = get("W_o").data;
    const model = modelFromLayers(
      [
        { type: "gru", name: "rnn", resetAfter: false },
        { type: "last", name: "end" },
        { type: "linear", name: "head" },
      ],
      new Map([
        tensor("rnn.weight_ih_l0", [3 * H, I], weight),
        tensor("rnn.weight_hh_l0", [3 * H, H], (row, column) => weight(row, I + column)),
        tensor("rnn.bias_ih_l0", [3 * H], (row) => (row < 2 * H ? bias[row] : candidateBias[row - 2 * H])),
        tensor("rnn.bias_hh_l0", [3 * H], () => 0),
        tensor("head.weight", [12, H], (row, column) => Number(W[column * 12 + row])),
        ["head.bias", { ...get("b_o"), name: "head.bias" }],
      ]),
    );
    const folder = join(MODELS, "ml-kws/golden", name);
    const { tensors } = readJson(folder, "golden.json") as { tensors: { x: { shape: number[] } } };
    const [cases, steps, width] = tensors.x.shape;
    const [x, logits] = [floats(folder, "x.f32"), floats(folder, "logits.f32")];
    const session = createSessionSync(model);
    for (let i = 0; i < cases; i++) {
      const { output } = session.run(x.slice(i * steps * width, (i + 1) * steps * width));
      expectClose(output, logits.subarray(12 * i, 12 * i + 12));
    }
    session.dispose();
  });
});

describe(`graphemes to phonemes${there("g2p_en") ? "" : ` (${NO_VECTORS})`}`, () => {
  it.skipIf(!there("g2p_en"))("g2p_en says all 420 words as its authors' program does", () => {
    const arrays = readNpz(read(MODELS, "g2p_en/checkpoint20.npz"));
    const golden = readJson(MODELS, "g2p_en/golden.json") as {
      graphemes: string[];
      phonemes: string[];
      maxSteps: number;
      cases: { word: string; pred: string[] }[];
    };
    // PyTorch's layouts under other names.
    const rename = (from: string, to: string) => {
      const suffixes = ["w_ih", "w_hh", "b_ih", "b_hh"];
      const names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"];
      return names.map((name, i): [string, Tensor] => [
        `${to}.${name}`,
        arrays.get(`${from}_${suffixes[i]}`) as Tensor,
      ]);
    };
    const named = (from: string, to: string): [string, Tensor] => [to, arrays.get(from) as Tensor];
    const encoder = createSessionSync(
      modelFromLayers(
        [
          { type: "embedding", name: "emb" },
          { type: "gru", name: "rnn" },
        ],
        new Map([named("enc_emb", "emb.weight"), ...rename("enc", "rnn")]),
      ),
    );
    const decoder = createSessionSync(
      modelFromLayers(
        [
          { type: "embedding", name: "emb" },
          { type: "gru", name: "rnn" },
          { type: "linear", name: "head" },
        ],
        new Map([
          named("dec_emb", "emb.weight"),
          ...rename("dec", "rnn"),
          named("fc_w", "head.weight"),
          named("fc_b", "head.bias"),
        ]),
      ),
    );
    const [reader, writer] = [encoder.stream(), decoder.stream()];
    const [unknown, end] = [1, 2];
    expect(golden.cases).toHaveLength(420);
    for (const { word, pred } of golden.cases) {
      reader.reset();
      writer.reset();
      for (const letter of word) {
        const id = golden.graphemes.indexOf(letter);
        reader.step(id < 0 ? unknown : id);
      }
      reader.step(end);
      writer.setState({ "rnn.h": reader.state["rnn.h"] });
      const said: string[] = [];
      for (let id = 2; said.length < golden.maxSteps; ) {
        const logits = writer.step(id) as Float32Array;
        id = logits.indexOf(Math.max(...logits));
        if (golden.phonemes[id] === "</s>") break;
        said.push(golden.phonemes[id]);
      }
      expect([word, ...said]).toEqual([word, ...pred]);
    }
  });

  it.skipIf(!there("g2p_en"))("its encoder ends in the state of its golden tensors", () => {
    const arrays = readNpz(read(MODELS, "g2p_en/checkpoint20.npz"));
    const names: [string, string][] = [
      ["emb.weight", "enc_emb"],
      ["rnn.weight_ih_l0", "enc_w_ih"],
      ["rnn.weight_hh_l0", "enc_w_hh"],
      ["rnn.bias_ih_l0", "enc_b_ih"],
      ["rnn.bias_hh_l0", "enc_b_hh"],
    ];
    const layers = [
      { type: "embedding", name: "emb" },
      { type: "gru", name: "rnn" },
    ];
    const tensors = new Map(names.map(([to, from]) => [to, arrays.get(from) as Tensor]));
    const stream = createSessionSync(modelFromLayers(layers, tensors)).stream();
    const { graphemes } = readJson(MODELS, "g2p_en/golden.json") as { graphemes: string[] };
    for (const letter of "kubernetes") stream.step(graphemes.indexOf(letter));
    stream.step(2);
    expectClose(stream.state["rnn.h"], floats(MODELS, "g2p_en/golden_tensors/enc_last_kubernetes.f32"));
  });
});
