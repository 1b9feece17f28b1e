/** `sluice quantize` from end to end: the file that it writes, what it says of the error, and how it refuses. */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createSessionSync,
  type Model,
  modelFromLayers,
  quantizeModel,
  readModel,
  writeSafetensors,
} from "../../src/index.ts";
import { toF32 } from "../../src/tensor.ts";
import { f32, graphModel } from "../graph/model.ts";
import { tensors } from "../tensors.ts";
import { cell, makeFolder, modelOf, sluice, writeModels } from "./files.ts";

const folder = makeFolder();
const LARGE = modelFromLayers([{ type: "gru", name: "rnn" }], tensors(cell("rnn", 3, 64, 64)));
beforeAll(() => {
  writeModels(folder);
  write("rows.csv", ROWS.map((row) => `${row.join(",")}\n`).join(""));
  write("four.csv", "1,-2,3,-4\n");
  write("large.safetensors", writeSafetensors(LARGE));
});
afterAll(() => rmSync(folder, { recursive: true }));

const ROWS = Array.from({ length: 20 }, (_, t) => [Math.sin(t), Math.cos(3 * t) * 2]);

function write(name: string, contents: string | Uint8Array): void {
  writeFileSync(join(folder, name), contents);
}

function read(name: string): Model {
  return readModel(new Uint8Array(readFileSync(join(folder, name))));
}

function quantize(...args: string[]) {
  return sluice(folder, ["quantize", ...args]);
}

describe("the file that it writes", () => {
  it("is the model with int8 weights, a quarter of the size", () => {
    const { code, out, err } = quantize("large.safetensors", "-o", "small.safetensors");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(
      /^large\.safetensors: 100,640 bytes; in int8 2\d,\d+ bytes, 2\d %\nwritten to small\.safetensors\n$/,
    );
    const bytes = readFileSync(join(folder, "small.safetensors"));
    expect(bytes.length).toBeLessThan(0.3 * readFileSync(join(folder, "large.safetensors")).length);
    expect(new Uint8Array(bytes)).toEqual(writeSafetensors(quantizeModel(LARGE)));
    expect(createSessionSync(read("small.safetensors"), { variant: "simd" }).info.precision).toBe("int8");
    expect(sluice(folder, ["inspect", "small.safetensors"]).out).toContain("rnn.weight_hh_l0.scale");
  });

  it("holds operators of graphs too: their weights stay f32 beside those of a linear layer in int8", () => {
    const graph = graphModel({
      inputs: [{ name: "x", dtype: "F32", shape: [4] }],
      nodes: [
        { op: "mul", name: "square", inputs: ["x", "x"] },
        {
          op: "linear",
          name: "head",
          inputs: ["square"],
          attrs: { bias: false },
          tensors: { weight: f32([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]) },
        },
      ],
      outputs: ["head"],
    });
    write("graph.safetensors", writeSafetensors(graph));
    const { code, err } = quantize("graph.safetensors", "-o", "graph-int8.safetensors", "--data", "four.csv");
    expect([code, err]).toEqual([0, ""]);
    expect(sluice(folder, ["inspect", "graph-int8.safetensors"]).out).toContain("head.weight.scale");
  });

  it.each([
    ["f16", 2 ** -11],
    ["bf16", 2 ** -8],
  ])("in %s has half of the size and every number rounded to nearest", (to, bound) => {
    expect(quantize("large.safetensors", "--to", to, "--output", `${to}.safetensors`).code).toBe(0);
    const { tensors: half } = read(`${to}.safetensors`);
    for (const [name, tensor] of LARGE.tensors) {
      const [got, expected] = [half.get(name), tensor].map((one) => toF32(one as typeof tensor));
      expect(half.get(name)?.dtype).toBe(to.toUpperCase());
      expected.forEach((value, i) => {
        expect(Math.abs(got[i] - value)).toBeLessThanOrEqual(Math.max(bound * Math.abs(value), 2 ** -25));
      });
      // And what is rounded stays.
      expect(new Set(Array.from(got)).size).toBeGreaterThan(10);
    }
  });

  it("in f16 and bf16 rounds ties to even, to subnormals and to the sign of zero", () => {
    const cases: [value: number, f16: number, bf16: number][] = [
      [1, 0x3c00, 0x3f80],
      [-0, 0x8000, 0x8000],
      [1 + 2 ** -11, 0x3c00, 0x3f80],
      [1 + 3 * 2 ** -11, 0x3c02, 0x3f80],
      [1 + 2 ** -8, 0x3c04, 0x3f80],
      [1 + 3 * 2 ** -8, 0x3c0c, 0x3f82],
      [2 - 2 ** -12, 0x4000, 0x4000],
      [65504, 0x7bff, 0x4780],
      [2 ** -24, 0x0001, 0x3380],
      [-3 * 2 ** -25, 0x8002, 0xb3c0],
      [2 ** -25, 0x0000, 0x3300],
      [2 ** -14, 0x0400, 0x3880],
    ];
    const data = Float32Array.from(cases, ([value]) => value);
    const weight = { name: "w.weight", dtype: "F32", shape: [1, cases.length], data } as const;
    const model = modelFromLayers([{ type: "linear", name: "w", bias: false }], new Map([["w.weight", weight]]));
    write("ties.safetensors", writeSafetensors(model));
    quantize("ties.safetensors", "--to", "f16", "-o", "ties.f16.safetensors");
    quantize("ties.safetensors", "--to", "bf16", "-o", "ties.bf16.safetensors");
    const bits = (name: string) => Array.from(read(name).tensors.get("w.weight")?.data as Uint16Array);
    expect(bits("ties.f16.safetensors")).toEqual(cases.map(([, f16]) => f16));
    expect(bits("ties.bf16.safetensors")).toEqual(cases.map(([, , bf16]) => bf16));
    write(
      "wide.safetensors",
      writeSafetensors({ ...model, tensors: new Map([["w.weight", { ...weight, data: data.map((v) => v * 2) }]]) }),
    );
    const { code, err } = quantize("wide.safetensors", "--to", "f16", "-o", "wide.f16.safetensors");
    expect([code, err]).toEqual([
      1,
      "sluice: w.weight: expected numbers in the range of F16; got 131008. Use --to bf16 or int8.\n",
    ]);
  });
});

describe("what it says of the error", () => {
  const xs = Float32Array.from(ROWS.flat());
  const compared = (model: Model) => {
    const [f32, int8] = (["f32", "int8"] as const).map((precision) =>
      createSessionSync(model, { precision }).stream().run(xs),
    );
    const errors = Array.from(f32 as Float32Array, (v, i) => Math.abs((int8 as Float32Array)[i] - v));
    return { max: Math.max(...errors), rms: Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / errors.length) };
  };

  it("is that of both models over the data, and no file is written without --output", () => {
    const { code, out } = quantize("classifier.safetensors", "--data", "rows.csv", "--json");
    expect(code).toBe(0);
    const { data } = JSON.parse(out);
    expect(data).toMatchObject({ file: "rows.csv", rows: 20, precision: ["f32", "int8"] });
    const { max, rms } = compared(modelOf("classifier"));
    expect(data.outputs[0].max).toBe(max);
    expect(data.outputs[0].rms).toBeCloseTo(rms, 12);
    expect(data.outputs[0].changed).toBeLessThanOrEqual(2);
    const text = quantize("classifier.safetensors", "--data", "rows.csv").out;
    expect(text).toContain(`rows.csv: 20 rows, int8 against the file (f32, `);
    expect(text).toContain(max.toPrecision(3));
    expect(text).not.toContain("bits per character");
  });

  it("is bits per character for text and a model with a vocabulary", () => {
    write("text.txt", "ab\né😀ba".repeat(50));
    const { data } = JSON.parse(quantize("characters.safetensors", "--data", "text.txt", "--json").out);
    const model = modelOf("characters");
    const vocabulary = model.info.vocabulary ?? [];
    const ids = [..."ab\né😀ba".repeat(50)].map((char) => vocabulary.indexOf(char));
    const bits = (["f32", "int8"] as const).map((precision) => {
      const stream = createSessionSync(model, { precision }).stream();
      let sum = 0;
      for (let t = 0; t + 1 < ids.length; t++) {
        const y = Array.from(stream.step(ids[t]), Math.exp);
        sum -= Math.log2(y[ids[t + 1]] / y.reduce((all, e) => all + e));
      }
      return sum / (ids.length - 1);
    });
    expect(data.bitsPerCharacter[0]).toBeCloseTo(bits[0], 5);
    expect(data.bitsPerCharacter[1]).toBeCloseTo(bits[1], 5);
    expect(quantize("characters.safetensors", "--data", "text.txt").out).toContain(
      `bits per character: ${bits[0].toFixed(4)} in the file, ${bits[1].toFixed(4)} in int8`,
    );
  });

  it("is there for models that run backwards, with several outputs, and for f16", () => {
    const whole = JSON.parse(quantize("bidirectional.safetensors", "--data", "rows.csv", "--json").out).data;
    expect(whole.rows).toBe(20);
    expect(whole.outputs[0].max).toBeGreaterThan(0);
    write("three.csv", "1,2,3\n-1,0.5,0.25\n");
    const several = JSON.parse(
      quantize("several.safetensors", "--data", "three.csv", "--to", "f16", "--json").out,
    ).data;
    expect(several.precision).toEqual(["f32", "f32"]);
    expect(several.outputs.map(({ name }: { name: string }) => name)).toEqual(["rnn", "head"]);
    for (const { max } of several.outputs) {
      expect(max).toBeGreaterThan(0);
      expect(max).toBeLessThan(0.01);
    }
  });
});

describe("it refuses", () => {
  it.each([
    ["neither --output nor --data", ["classifier.safetensors"], 2, "expected --output or --data; got neither"],
    [
      "another kind",
      ["classifier.safetensors", "--to", "int4", "-o", "x"],
      2,
      '--to: expected int8, f16, bf16; got "int4"',
    ],
    ["no file", ["-o", "x"], 2, "expected FILE"],
    ["a folder that is not there", ["classifier.safetensors", "-o", "no/x"], 1, "no/x: no such file or directory"],
    ["no rows", ["classifier.safetensors", "--data", "empty.csv"], 1, "empty.csv: expected one row or more; got none"],
    ["weights alone", ["classifier.weights.safetensors", "-o", "x"], 1, "Pass --layers"],
  ] as const)("%s", (_, args, code, message) => {
    write("empty.csv", "");
    const ended = quantize(...args);
    expect([ended.code, ended.out]).toEqual([code, ""]);
    expect(ended.err).toContain(message);
  });

  it("a model that is quantised", () => {
    write("int8.safetensors", writeSafetensors(quantizeModel(modelOf("classifier"))));
    expect(quantize("int8.safetensors", "-o", "x").err).toBe(
      "sluice: int8.safetensors: expected weights that are not quantised; got int8\n",
    );
  });

  it("and explains itself", () => {
    expect(quantize("--help").out).toMatch(/^Usage: sluice quantize FILE/);
    expect(sluice(folder, ["--help"]).out).toContain("quantize FILE");
  });
});
