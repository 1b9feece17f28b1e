/** Files that PyTorch wrote, in every form of torch.save, against what PyTorch says is in them (test/golden/pt.py). */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatOf, readTensors } from "../../src/all.ts";
import { readPytorchTensors } from "../../src/formats/pytorch.ts";
import {
  createSessionSync,
  FormatError,
  ModelError,
  readModel,
  readStateDict,
  type Tensor,
} from "../../src/pytorch.ts";
import { GOLDEN, readJson } from "../vectors.ts";

interface Facts {
  readonly tensors?: Readonly<Record<string, { dtype: string; shape: number[]; bytes: string }>>;
  readonly code?: string;
  readonly run?: { readonly ids: number[]; readonly output: number[] };
}

const FOLDER = join(GOLDEN, "pt");
const { files } = readJson(FOLDER, "manifest.json") as { files: Record<string, Facts> };
const bytesOf = (name: string) => new Uint8Array(readFileSync(join(FOLDER, name)));
const LAYERS = [
  { type: "embedding", name: "emb" },
  { type: "lstm", name: "rnn", numLayers: 2 },
  { type: "linear", name: "head" },
];

function hex({ data }: Tensor): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex");
}

describe("a file of torch.save", () => {
  const readable = Object.entries(files).filter(([, { tensors }]) => tensors);

  it.each(readable)("%s has the tensors that PyTorch put into it", (name, { tensors = {} }) => {
    const read = readPytorchTensors(bytesOf(name));
    expect([...read.keys()].sort()).toEqual(Object.keys(tensors).sort());
    for (const [key, { dtype, shape, bytes }] of Object.entries(tensors)) {
      const tensor = read.get(key) as Tensor;
      expect([key, tensor.name, tensor.dtype, tensor.shape, hex(tensor)]).toEqual([key, key, dtype, shape, bytes]);
    }
  });

  it.each(readable.filter(([, { run }]) => run))("%s gives the numbers of PyTorch", (name, { run }) => {
    const stream = createSessionSync(readModel(bytesOf(name), { layers: LAYERS })).stream();
    const { ids, output } = run as NonNullable<Facts["run"]>;
    const got = ids.flatMap((id) => [...(stream.step(id) as Float32Array)]);
    expect(got).toHaveLength(output.length);
    got.forEach((value, i) => {
      expect(Math.abs(value - output[i])).toBeLessThanOrEqual(1e-6);
    });
  });

  const refused = Object.entries(files).filter(([, { code }]) => code);
  it.each(refused)("%s is refused by name", (name, { code }) => {
    let error: unknown;
    try {
      readPytorchTensors(bytesOf(name));
    } catch (thrown) {
      error = thrown;
    }
    expect(error instanceof FormatError || error instanceof ModelError).toBe(true);
    expect((error as FormatError).code).toBe(code);
  });

  it("says what a whole module is to be saved as", () => {
    expect(() => readStateDict(bytesOf("module.pt"))).toThrow(
      /"torch.nn.modules.rnn.GRU".*torch.save\(model.state_dict/,
    );
    expect(() => readStateDict(bytesOf("script.pt"))).toThrow(/TorchScript.*torch.jit.load\(path\).state_dict/);
  });

  it("without layers prints those that it looks like", () => {
    const guess = JSON.stringify([
      { type: "embedding", name: "emb" },
      { type: "lstm", numLayers: 2, name: "rnn" },
      { type: "linear", name: "head" },
    ]);
    expect(() => readModel(bytesOf("model.pt"))).toThrow(guess);
  });

  it("has views of the file where rows lie one after another, copies elsewhere", () => {
    const bytes = bytesOf("views.pt");
    const views = readStateDict(bytes);
    const own = (name: string) => views.get(name)?.data.buffer === bytes.buffer;
    expect(["whole", "row", "part", "odd"].map(own)).toEqual([true, true, true, true]);
    expect(["transposed", "columns", "permuted"].map(own)).toEqual([false, false, false]);
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    const copies = readStateDict(moved.subarray(1));
    for (const [name, tensor] of views) expect(hex(copies.get(name) as Tensor)).toBe(hex(tensor));
  });

  it("shares one storage between tied tensors", () => {
    const tied = readStateDict(bytesOf("tied.pt"));
    expect(tied.get("emb.weight")?.data.byteOffset).toBe(tied.get("head.weight")?.data.byteOffset);
  });

  it("is known by its first bytes at sluice/all", () => {
    for (const name of Object.keys(files)) expect(formatOf(bytesOf(name)).entry).toBe("sluice/pytorch");
    const names = [...(readTensors(bytesOf("model.pt"))?.keys() ?? [])];
    expect(names).toHaveLength(11);
    expect([names[0], names[10]]).toEqual(["emb.weight", "head.bias"]);
  });
});
