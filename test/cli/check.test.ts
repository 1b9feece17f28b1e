/** `sluice check`: weights, inputs and outputs of PyTorch (test/golden), as they are and with one thing or two wrong. */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readExpected } from "../../src/cli/expected.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { createSessionSync, modelFromLayers, quantizeModel, type Tensor, writeSafetensors } from "../../src/index.ts";
import { readNpz } from "../../src/npz.ts";
import { model as writeOnnx } from "../formats/onnx/writer.ts";
import { NO_VECTORS, VECTORS } from "../vectors.ts";
import { makeFolder, modelOf, sluice } from "./files.ts";
import { array, npz, savedOf } from "./saved.ts";

const folder = makeFolder();
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, bytes: Uint8Array) => writeFileSync(join(folder, name), bytes);
const check = (...args: string[]) => sluice(folder, ["check", ...args]);
const f32 = (name: string, shape: readonly number[], data: ArrayLike<number>): Tensor => ({
  name,
  dtype: "F32",
  shape,
  data: Float32Array.from(data),
});
const floats = (tensors: ReadonlyMap<string, Tensor>, name: string) => tensors.get(name)?.data as Float32Array;

/** (A, B, C) → (B, A, C) */
function turned({ name, shape: [a, b, c], data }: Tensor): Tensor {
  const from = data as Float32Array;
  return f32(
    name,
    [b, a, c],
    Array.from(from, (_, i) => from[(Math.floor(i / c) % a) * b * c + Math.floor(i / (a * c)) * c + (i % c)]),
  );
}

const gru = savedOf("gru_9x8");
const head = savedOf("model_linear_relu_lstm_linear");

beforeAll(() => {
  write("gru.safetensors", encodeSafetensors(gru.weights.values()));
  write("gru.npz", npz(gru.arrays.values()));
  write("head.safetensors", encodeSafetensors(head.weights.values()));
  write("head.npz", npz(head.arrays.values()));
});

it("advice for a layer without a name leaves other layers without one as they are", () => {
  const y = gru.arrays.get("y") as Tensor;
  write(
    "tanh.npz",
    npz(new Map(gru.arrays).set("y", f32("y", y.shape, floats(gru.arrays, "y").map(Math.tanh))).values()),
  );
  const end = { type: "activation", activation: "tanh" };
  const layers = JSON.stringify([{ type: "gru", resetAfter: false }, end]);
  const args = ["--expect", "tanh.npz", "--layers"];
  const { fits } = JSON.parse(check("gru.safetensors", ...args, layers, "--output", "right.safetensors", "--json").out);
  expect(fits[0].changes[0].advice).toBe('in layers: {"type":"gru","resetAfter":true}');
  expect(fits[0].layers).toEqual([{ type: "gru", resetAfter: true }, end]);
  expect(check("gru.safetensors", ...args, JSON.stringify(fits[0].layers)).out).toContain("check: ok");
  expect(check("right.safetensors", "--expect", "tanh.npz").out).toContain("check: ok");
});

describe("a model that gives what training saved", () => {
  it("is ok: the largest difference, exit code 0", () => {
    const { out, err, code } = check("gru.safetensors", "--expect", "gru.npz");
    expect([err, code]).toEqual(["", 0]);
    expect(out).toMatch(/^gru\.safetensors \(safetensors\) against gru\.npz: 4 steps of 4 sequences$/m);
    expect(out).toMatch(/^layers as names and shapes suggest them: --layers '\[\{"type":"gru"\}\]'$/m);
    expect(out).toMatch(/^ {2}output y +values to ±0\.\d+ +largest difference \d\.\d+e-[78]/m);
    expect(out).toMatch(/^ {2}state hn /m);
    expect(out).toMatch(/^check: ok, relative difference \d\.\d+e-[78] \(tolerance 0\.0001\)$/m);
  });

  it("--json has the same facts", () => {
    const facts = JSON.parse(check("gru.safetensors", "--expect", "gru.npz", "--json").out);
    expect(facts).toMatchObject({ ok: true, format: "safetensors", steps: 4, sequences: 4, guess: [{ type: "gru" }] });
    expect(facts.difference).toBeLessThan(1e-6);
    expect(facts.gaps.map(({ name }: { name: string }) => name)).toEqual(["y", "hn"]);
    expect(facts.fits).toBeUndefined();
  });

  it.each(["gru_ragged", "lstm_bidir", "gru_2layer", "model_embedding_gru_linear_ragged", "model_stored_state"])(
    "%s: lengths, directions, layers, ids, stored states",
    (name) => {
      const { layers, weights, arrays } = savedOf(name);
      write("other.safetensors", writeSafetensors(modelFromLayers(layers, weights)));
      write("other.npz", npz(arrays.values()));
      const { out, code } = check("other.safetensors", "--expect", "other.npz", "--tolerance", "1e-5");
      expect(out).toMatch(/^check: ok, /m);
      expect(code).toBe(0);
    },
  );

  it("may have its last step saved alone, and arrays of one sequence without the axis of sequences", () => {
    const { layers, weights, arrays } = savedOf("rnn_relu_9x8");
    write("one.safetensors", writeSafetensors(modelFromLayers(layers, weights)));
    const [x, y, h0] = ["x", "y", "h0"].map((name) => floats(arrays, name));
    write("one.npz", npz([f32("x", [8, 9], x), f32("y", [8, 8], y), f32("h0", [8], h0)]));
    expect(check("one.safetensors", "--expect", "one.npz").out).toContain("check: ok");
    write("last.npz", npz([f32("x", [8, 1, 9], x), f32("y", [1, 8], y.subarray(56)), f32("h0", [1, 1, 8], h0)]));
    expect(check("one.safetensors", "--expect", "last.npz").out).toContain("check: ok");
  });

  it("may come batch first", () => {
    const saved = [...["x", "y"].map((name) => turned(gru.arrays.get(name) as Tensor)), gru.arrays.get("h0") as Tensor];
    write("first.npz", npz(saved));
    expect(check("gru.safetensors", "--expect", "first.npz", "--batch-first").out).toContain("check: ok");
    write("said.npz", npz([...saved, { name: "batch_first", dtype: "BOOL", shape: [], data: Uint8Array.of(1) }]));
    expect(check("gru.safetensors", "--expect", "said.npz").out).toContain("check: ok");
    const { out, code } = check("gru.safetensors", "--expect", "first.npz");
    expect(code).toBe(1);
    expect(out).toContain("the arrays have time and batch the other way around");
    expect(out).toContain("what to do: --batch-first, or batch_first=True among the arrays");
  });

  it("hears that one step from zero says nothing of the state's weights", () => {
    const facts = (name: string, shape: number[], count: number) =>
      f32(name, shape, floats(gru.arrays, name).subarray(0, count));
    write("step.npz", npz([facts("x", [1, 1, 9], 9), f32("y", [1, 1, 8], new Float32Array(8))]));
    const { out } = check("gru.safetensors", "--expect", "step.npz", "--tolerance", "60");
    expect(out).toContain("hint: one step from the zero state tells nothing of the weights that read the state");
  });
});

describe("a model that gives something else", () => {
  it("is told which change it is, what to do, and how far it was; exit code 1", () => {
    const layers = head.layers.map(({ activation: _, ...rest }) => rest);
    const args = ["head.safetensors", "--expect", "head.npz", "--layers", JSON.stringify(layers)];
    const { out, err, code } = check(...args);
    expect([err, code]).toEqual(["", 1]);
    expect(out).toMatch(
      /^ {2}output y .*largest difference 0\.\d+ +at \[\d, \d, 0\]: expected -?\d\.\d+, got -?\d\.\d+$/m,
    );
    expect(out).toMatch(/^check: mismatch; with one change the outputs agree, relative difference \d\.\d+e-[78]$/m);
    expect(out).toMatch(/^ {2}input_layer: relu after it$/m);
    const relu = '{"type":"linear","name":"input_layer","inFeatures":5,"outFeatures":12,"activation":"relu"}';
    expect(out).toContain(`    what to do: in layers: ${relu}\n  --layers '[${relu},{"type":"lstm",`);
    const facts = JSON.parse(check(...args, "--json").out);
    expect(facts.fits[0].changes).toMatchObject([{ nodes: ["input_layer"], what: "relu after it" }]);
    expect(facts.tried).toBeGreaterThan(20);
    const said = ["--layers", JSON.stringify(facts.fits[0].layers)];
    expect(check("head.safetensors", "--expect", "head.npz", ...said).out).toContain("check: ok");
  });

  it("is written as it should be with --output", () => {
    const layers = JSON.stringify(head.layers.map(({ activation: _, ...rest }) => rest));
    const args = ["head.safetensors", "--expect", "head.npz", "--layers", layers, "-o", "right.safetensors"];
    expect(check(...args).out).toMatch(/^written to right\.safetensors$/m);
    expect(check("right.safetensors", "--expect", "head.npz").out).toContain("check: ok");
  });

  it("of ONNX as torch ≥ 2.9 writes it hears of --gru-reset after", () => {
    const zrn = (name: string) => {
      const data = floats(gru.weights, name);
      const size = data.length / 3;
      return [...data.subarray(size, 2 * size), ...data.subarray(0, size), ...data.subarray(2 * size)];
    };
    const file = writeOnnx({
      exporter: ["pytorch", "2.9.0"],
      inputs: { x: ["T", "N", 9], h0: [1, "N", 8] },
      outputs: { y: ["T", 1, "N", 8], hn: [1, "N", 8] },
      initializers: {
        W: [[1, 24, 9], zrn("weight_ih_l0")],
        R: [[1, 24, 8], zrn("weight_hh_l0")],
        B: [
          [1, 48],
          [...zrn("bias_ih_l0"), ...zrn("bias_hh_l0")],
        ],
      },
      nodes: [{ op: "GRU", name: "rnn", inputs: ["x", "W", "R", "B", "", "h0"], outputs: ["y", "hn"] }],
    });
    write("gru.onnx", file);
    const { out, code } = check("gru.onnx", "--expect", "gru.npz");
    expect(code).toBe(1);
    expect(out).toMatch(/^warning: rnn \(GRU\): linear_before_reset is 0/m);
    expect(out).toMatch(/^ {2}rnn: the reset gate applies after the product$/m);
    expect(out).toMatch(/^ {4}what to do: --gru-reset after, or gruReset: "after" in code$/m);
    expect(check("gru.onnx", "--expect", "gru.npz", "--gru-reset", "after").out).toContain("check: ok");
  });

  it("of a file that is wrong in itself hears of --output", () => {
    const model = modelFromLayers([{ type: "gru", resetAfter: false }], gru.weights);
    write("wrong.safetensors", writeSafetensors(model));
    const { out } = check("wrong.safetensors", "--expect", "gru.npz");
    expect(out).toContain(
      "what to do: the file says otherwise: correct what made it, or take what --output FILE writes",
    );
  });

  it("whose arrays fit but one way around hears of that", () => {
    const x = turned(gru.arrays.get("x") as Tensor);
    const zeros = f32("h0", [1, 4, 8], new Float32Array(32));
    const model = modelFromLayers([{ type: "gru" }, { type: "last" }], gru.weights);
    write("last.safetensors", writeSafetensors(model));
    const short = f32(
      "x",
      [4, 3, 9],
      Array.from({ length: 108 }, (_, i) => (x.data as Float32Array)[Math.floor(i / 27) * 36 + (i % 27)]),
    );
    const y = f32("y", [4, 8], lastOf(short));
    write("short.npz", npz([short, y, zeros]));
    const { out, code } = check("last.safetensors", "--expect", "short.npz");
    expect(code).toBe(1);
    expect(out).toMatch(/^the arrays do not fit: y: expected \(3, 8\); got \(4, 8\)$/m);
    expect(out).toContain("--batch-first");
    expect(check("last.safetensors", "--expect", "short.npz", "--batch-first").out).toContain("check: ok");
  });

  it("by rounding hears of half precision; of another bias, that it is zero; of int8, of the tolerance", () => {
    const rough = new Map(gru.arrays);
    rough.delete("hn");
    rough.set(
      "y",
      f32(
        "y",
        [4, 4, 8],
        Array.from(floats(gru.arrays, "y"), (value) => Math.round(value * 512) / 512),
      ),
    );
    write("rough.npz", npz(rough.values()));
    const half = check("gru.safetensors", "--expect", "rough.npz");
    expect(half.out).toMatch(/^ {2}no known change explains it: \d+ were tried, alone and in pairs$/m);
    expect(half.out).toContain("hint: a difference of this size comes from half precision");
    const weights = new Map(gru.weights);
    weights.set("bias_hh_l0", f32("bias_hh_l0", [24], new Float32Array(24)));
    write("nobias.safetensors", encodeSafetensors(weights.values()));
    const missing = check("nobias.safetensors", "--expect", "gru.npz");
    expect(missing.out).toContain("hint: gru: the second bias (bias_hh) is zero; was it saved?");
    expect(missing.code).toBe(1);
    write("int8.safetensors", writeSafetensors(quantizeModel(modelFromLayers([{ type: "gru" }], gru.weights))));
    expect(check("int8.safetensors", "--expect", "gru.npz").out).toContain("hint: the weights are int8");
    expect(check("int8.safetensors", "--expect", "gru.npz", "--tolerance", "0.05").out).toContain("check: ok");
  });

  it("by a function that hardly bends small outputs is no less a mismatch", () => {
    // tanh of 0.04 is 2e-5 less: within 1e-4, but not within 1e-4 of the outputs.
    const weights = [f32("head.weight", [1, 1], [1]), f32("head.bias", [1], [0])];
    write("small.safetensors", encodeSafetensors(weights));
    const x = Float32Array.from({ length: 50 }, (_, i) => 0.04 * Math.sin(i));
    write("small.npz", npz([f32("x", [50, 1, 1], x), f32("y", [50, 1, 1], x.map(Math.tanh))]));
    const { out, code } = check("small.safetensors", "--expect", "small.npz");
    expect(code).toBe(1);
    expect(out).toContain("head: tanh after it");
    write("same.npz", npz([f32("x", [50, 1, 1], x), f32("y", [50, 1, 1], x)]));
    expect(check("small.safetensors", "--expect", "same.npz")).toMatchObject({ code: 0 });
  });

  it("in several ways alike hears that the arrays do not tell them apart", () => {
    // Two layers that change nothing: the function may follow either.
    const y = floats(gru.arrays, "y").map((value) => 1 / (1 + Math.exp(-value)));
    const ones = Float32Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 1 : 0));
    const layers = [{ type: "gru" }, { type: "linear", name: "a" }, { type: "linear", name: "b" }];
    const same = ["a", "b"].map((name): [string, Tensor] => [`${name}.weight`, f32(`${name}.weight`, [8, 8], ones)]);
    write("same.safetensors", writeSafetensors(modelFromLayers(layers, new Map([...gru.weights, ...same]))));
    write("same.npz", npz([gru.arrays.get("x") as Tensor, gru.arrays.get("h0") as Tensor, f32("y", [4, 4, 8], y)]));
    const { out } = check("same.safetensors", "--expect", "same.npz");
    expect(out).toMatch(/^ {2}a: sigmoid after it$/m);
    expect(out).toMatch(/^ {2}or: b: sigmoid after it$/m);
    expect(out).toContain("hint: several changes fit: save more steps");
  });
});

/** What the GRU gives last for (B, T, I). */
function lastOf({ data, shape: [batch, steps, size] }: Tensor): number[] {
  const session = createSessionSync(modelFromLayers([{ type: "gru" }], gru.weights));
  const { output } = session.run(data as Float32Array, { batch, batchFirst: true, keep: "last" });
  expect([steps, size]).toEqual([3, 9]);
  session.dispose();
  return [...output];
}

describe.skipIf(!VECTORS)(`models of others${VECTORS ? "" : ` (${NO_VECTORS})`}`, () => {
  it("byte_sb with the arrays that its authors saved", () => {
    const model = join(VECTORS ?? "", "models/byte_sb/model.onnx");
    const arrays = readNpz(new Uint8Array(readFileSync(join(VECTORS ?? "", "models/byte_sb/io.npz"))));
    const [x, y] = ["input", "Add_26"].map((name) => arrays.get(name) as Tensor);
    write("byte_sb.npz", npz([x, { ...y, name: "y" }]));
    const args = [model, "--expect", "byte_sb.npz"];
    expect(check(...args, "--batch-first").out).toContain("check: ok");
    expect(check(...args).out).toContain("the arrays have time and batch the other way around");
  });

  it("centaur.json, whose plugin runs a tanh that the file does not name", () => {
    const guitar = join(VECTORS ?? "", "models/guitar");
    const raw = (name: string) => new Float32Array(new Uint8Array(readFileSync(join(guitar, name))).buffer);
    const xs = [...raw("input_48k_f32.f32")].flatMap((sample) => [sample, 0.5, 1 / 48000]);
    const y = raw("kloncentaur/centaur.json.out.f32");
    write("centaur.npz", npz([f32("x", [y.length, 3], xs), f32("y", [y.length], y)]));
    const { out } = check(join(guitar, "kloncentaur/centaur.json"), "--expect", "centaur.npz", "--tolerance", "1e-5");
    expect(out).toMatch(/^check: mismatch; with one change the outputs agree, relative difference \d\.\d+e-7$/m);
    expect(out).toMatch(/^ {2}dense0: tanh after it$/m);
  });
});

describe("arrays that do not fit", () => {
  const model = modelFromLayers([{ type: "gru" }], gru.weights);
  const x = gru.arrays.get("x") as Tensor;
  const y = gru.arrays.get("y") as Tensor;
  const h0 = gru.arrays.get("h0") as Tensor;

  it.each<[string, readonly Tensor[], string]>([
    ["no input", [y], "input: expected an array called input or x; got y"],
    ["no output", [x], "output: expected an array called y or output; got x"],
    ["nothing", [], "input: expected an array called input or x; got none"],
    [
      "an array that says nothing",
      [x, y, f32("z", [1], [0])],
      "z: expected one of x, y, input, gru0, h0, hn, lengths, batch_first; got an array that says nothing of the model",
    ],
    ["another size", [f32("x", [4, 4, 7], new Float32Array(112)), y], "x: expected (T, 9) or (T, B, 9); got (4, 4, 7)"],
    [
      "an axis too many",
      [f32("x", [1, 4, 4, 9], floats(gru.arrays, "x")), y],
      "x: expected (T, 9) or (T, B, 9); got (1, 4, 4, 9)",
    ],
    [
      "other steps",
      [x, f32("y", [3, 4, 8], new Float32Array(96))],
      "y: expected (4, 4, 8), or the last step, (4, 8); got (3, 4, 8)",
    ],
    [
      "a state of another size",
      [x, y, f32("h0", [1, 4, 9], new Float32Array(36))],
      "h0: expected (1, 4, 8); got (1, 4, 9)",
    ],
    ["other lengths", [x, y, h0, array("lengths", [1, 2])], "lengths: expected (4), numbers in 0…4; got (2)"],
    [
      "a length past the end",
      [x, y, h0, array("lengths", [1, 2, 5, 4])],
      "lengths: expected (4), numbers in 0…4; got (4)",
    ],
    [
      "lengths of a half",
      [x, y, f32("lengths", [4], [1, 2, 0.5, 4])],
      "lengths: expected integers of 32 bits; got 0.5",
    ],
  ])("%s", (_, arrays, message) => {
    const named = new Map(arrays.map((one) => [one.name, one]));
    expect(() => readExpected(model, named, false)).toThrow(expect.objectContaining({ name: "FormatError" }));
    expect(() => readExpected(model, named, false)).toThrow(
      message.replace(
        "output: expected an array called y",
        `${model.outputs[0].name}: expected an array called ${model.outputs[0].name} or y`,
      ),
    );
  });

  it("of several inputs of other lengths", () => {
    const several = modelOf("several");
    const named = new Map(
      [
        f32("left side", [2, 1], [1, 2]),
        f32("right", [3, 2], [1, 2, 3, 4, 5, 6]),
        f32("head", [2, 2], [1, 2, 3, 4]),
      ].map((one) => [one.name, one]),
    );
    expect(() => readExpected(several, named, false)).toThrow(
      "right: expected (2) first, as left side has; got (3, 2)",
    );
  });

  it("and calls that are wrong end with one line and a code", () => {
    write("bad.npz", npz([x]));
    expect(check("gru.safetensors", "--expect", "bad.npz")).toMatchObject({ code: 1, out: "" });
    expect(check("gru.safetensors", "--expect", "bad.npz").err).toMatch(
      /^sluice: bad\.npz: .*: expected an array called .* or y or output; got x\n$/,
    );
    expect(check("gru.safetensors").err).toBe(
      "sluice: expected --expect IO.npz; got none (sluice check --help tells more)\n",
    );
    expect(check("gru.safetensors", "--expect", "gru.npz", "--tolerance", "x")).toMatchObject({ code: 2 });
    expect(check("gru.safetensors", "--expect", "none.npz").err).toBe("sluice: none.npz: no such file or directory\n");
    expect(check("gru.safetensors", "--expect", "gru.safetensors").err).toMatch(
      /^sluice: gru\.safetensors: file: expected NumPy \(\.npz\); got safetensors/,
    );
    expect(check("gru.safetensors", "--expect", "gru.npz", "-o", "no/x").err).toBe(
      "sluice: no/x: no such file or directory\n",
    );
    expect(check("gru.safetensors", "--expect", "gru.npz", "--layers", '[{"type":"lstm"}]').code).toBe(1);
    expect(check("--help").out).toMatch(/^Usage: sluice check FILE --expect IO\.npz/);
    expect(readFileSync(join(folder, "gru.safetensors")).length).toBeGreaterThan(100);
  });
});
