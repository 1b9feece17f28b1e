/** Every format: what inspect ends with runs the very file, and convert writes the same model. */

import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createSessionSync, formatOf, type LayerSpec, type Model, readModel, readTensors } from "../../src/all.ts";
import { sizeOf } from "../../src/cli/columns.ts";
import { guessChain } from "../../src/cli/guess.ts";
import { model as writeOnnx } from "../formats/onnx/writer.ts";
import { NO_VECTORS, VECTORS } from "../vectors.ts";
import { type EveryFile, writeEveryFile } from "./every.ts";
import { FLAGS, makeFolder, sluice } from "./files.ts";

const folder = makeFolder();
const files = writeEveryFile(folder);
afterAll(() => rmSync(folder, { recursive: true }));

const bytesOf = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
const guesses = new Map<string, LayerSpec[]>(
  files
    .filter(({ weights }) => weights)
    .map(({ file }) => {
      const bytes = bytesOf(file);
      return [file, guessChain(readTensors(bytes) ?? new Map(), formatOf(bytes).eps)];
    }),
);

/** The file as the printed program reads it. */
function modelOf({ file, weights, options = [] }: EveryFile): Model {
  const constants = options[0] === "--constant" ? { constants: { gain: 2 } } : {};
  const layers = weights ? { layers: guesses.get(file) } : {};
  return readModel(bytesOf(file), { ...layers, ...constants, files: bytesOf });
}

/** Bytes of all outputs and states over inputs that differ at every step. */
function answersOf(model: Model): Buffer {
  const session = createSessionSync(model);
  const steps = 12;
  const inputs = model.inputs.map((input, k) => {
    const numbers = Array.from({ length: steps * sizeOf(input) }, (_, i) => Math.sin((i + 1) * (k + 2)));
    const data = input.dtype === "I32" ? Int32Array.from(numbers, (x) => (x > 0 ? 1 : 0)) : Float32Array.from(numbers);
    return [input.name, data] as const;
  });
  const { outputs, state } = session.run(Object.fromEntries(inputs));
  session.dispose();
  const all = [...Object.values(outputs), ...Object.values(state)];
  return Buffer.concat(all.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)));
}

describe("inspect", () => {
  it.each(files)("of $file ends with about ten lines that import $entry and run it", (one) => {
    const { file, entry, outputs, weights, options = [] } = one;
    const { out, err, code } = sluice(folder, ["inspect", file, ...options]);
    expect([err, code]).toEqual(["", 0]);
    expect(out).toContain(weights ? "weights alone" : "a model with its graph");
    expect(out).toMatch(/^conventions$/m);
    const program = out.slice(out.indexOf("import {"));
    expect(program).toContain(`from "${entry}";`);
    expect(
      program
        .trimEnd()
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("  {")).length,
    ).toBeLessThanOrEqual(11);
    const result = /const (\{ output \}|output) = /.test(program) ? "output" : "Object.values(outputs)[0]";
    writeFileSync(join(folder, "code.mjs"), `${program}console.log(JSON.stringify([...${result}]));\n`);
    const ran = spawnSync(process.execPath, [...FLAGS, "code.mjs"], { cwd: folder });
    expect(String(ran.stderr)).toBe("");
    expect(JSON.parse(String(ran.stdout).trimEnd().split("\n").at(-1) as string)).toHaveLength(outputs);
  });
});

describe("convert", () => {
  it.each(files)("of $file gives the same bits and, of a native file, the same graph", (one) => {
    const layers = guesses.get(one.file);
    const args = ["convert", one.file, "out.safetensors", ...(one.options ?? [])];
    const { out, err, code } = sluice(folder, layers ? [...args, "--layers", JSON.stringify(layers)] : args);
    expect([err, code]).toEqual(["", 0]);
    const model = modelOf(one);
    const back = readModel(bytesOf("out.safetensors"));
    expect({ ...back, warnings: [] }).toEqual({ ...model, tensors: new Map([...model.tensors].sort()), warnings: [] });
    expect(answersOf(back)).toEqual(answersOf(model));
    expect(out).toMatch(/^out\.safetensors: [\d,]+ bytes, \d+ nodes?; import from "sluice(\/graph)?"$/m);
    for (const warning of model.warnings) expect(out).toContain(`warning: ${warning}`);
  });

  it("prints the warning of a GRU of torch ≥ 2.9, which --gru-reset after corrects", () => {
    const args = ["convert", "graph.onnx", "out.safetensors", "--constant", "gain=2"];
    expect(sluice(folder, args).out).toMatch(/^warning: rnn \(GRU\): linear_before_reset is 0/m);
    const before = answersOf(readModel(bytesOf("out.safetensors")));
    expect(sluice(folder, [...args, "--gru-reset", "after"]).out).not.toContain("warning");
    const after = readModel(bytesOf("out.safetensors"));
    expect(after.nodes.find(({ op }) => op === "gru")?.attrs.resetAfter).toBe(true);
    expect(answersOf(after)).not.toEqual(before);
  });

  it("--json has the same facts", () => {
    const { out } = sluice(folder, ["convert", "graph.onnx", "out.safetensors", "--constant", "gain=2", "--json"]);
    const facts = JSON.parse(out);
    expect(facts).toMatchObject({ file: "graph.onnx", output: "out.safetensors", entry: "sluice/graph", nodes: 5 });
    expect(facts.warnings).toHaveLength(1);
    expect(facts.bytes.after).toBe(bytesOf("out.safetensors").length);
  });

  it("weights whose names are sorted are guessed with the recurrent layer first", () => {
    expect(guesses.get("state_dict.safetensors")?.map(({ type }) => type)).toEqual(["gru", "linear"]);
  });

  it("a converted graph is inspected with the entry that has its operators", () => {
    sluice(folder, ["convert", "graph.onnx", "graph.safetensors", "--constant", "gain=2"]);
    const { out } = sluice(folder, ["inspect", "graph.safetensors"]);
    expect(out).toContain('from "sluice/graph";');
    expect(out).toMatch(/^state +h0 {2}F32 \(1, 1, 3\), back as hn$/m);
  });

  it.each([
    [
      "its input",
      ["native.safetensors", "native.safetensors"],
      1,
      "native.safetensors: expected another file than the input; got the same",
    ],
    [
      "its input by another path",
      ["native.safetensors", "./native.safetensors"],
      1,
      "expected another file than the input",
    ],
    ["no output", ["native.safetensors"], 2, 'expected FILE and OUT; got "native.safetensors" alone'],
    ["three names", ["native.safetensors", "a", "b"], 2, 'expected FILE and OUT at most; got "b"'],
    ["a folder that is not there", ["native.safetensors", "no/out"], 1, "no/out: no such file or directory"],
    ["weights alone", ["state_dict.safetensors", "x"], 1, "holds weights alone. Pass --layers"],
    ["no file", ["none.safetensors", "x"], 1, "none.safetensors: no such file or directory"],
  ] as const)("refuses %s", (_, args, code, message) => {
    const before = bytesOf("native.safetensors");
    const ended = sluice(folder, ["convert", ...args]);
    expect([ended.code, ended.out]).toEqual([code, ""]);
    expect(ended.err).toContain(message);
    expect(bytesOf("native.safetensors")).toEqual(before);
  });
});

describe("inspect of what is refused", () => {
  it("lists the operators of an ONNX file, those that are not supported first, and names the first in its way", () => {
    const file = writeOnnx({
      inputs: { x: ["T", 1, 2] },
      outputs: { y: ["T", 1, 2] },
      nodes: [
        { op: "Relu", inputs: ["x"], outputs: ["a"] },
        { op: "Cosh", name: "odd", inputs: ["a"], outputs: ["y"] },
      ],
    });
    writeFileSync(join(folder, "odd.onnx"), file);
    const { out, err, code } = sluice(folder, ["inspect", "odd.onnx"]);
    expect(code).toBe(1);
    expect(err).toContain('odd.onnx: odd (Cosh): operator "Cosh" is not supported.');
    expect(out).toMatch(/^odd\.onnx: ONNX, \d+ bytes; not read as it is$/m);
    expect(out).toMatch(/^input {2}x {2}\(T, 1, 2\)$/m);
    expect(out).toMatch(/^ {2}Cosh {2}1 × {2}not supported\n {2}Relu {2}1 ×$/m);
    const facts = JSON.parse(sluice(folder, ["inspect", "odd.onnx", "--json"]).out);
    expect(facts.parts).toEqual([
      { name: "Relu", count: 1, supported: true },
      { name: "Cosh", count: 1, supported: false },
    ]);
    expect(facts.problem).toContain("Cosh");
  });

  it("prints the options that may be missing, with the names of the file", () => {
    const file = writeOnnx({
      inputs: { x: ["batch", "width"] },
      outputs: { y: ["batch", "width"] },
      nodes: [{ op: "Pad", inputs: ["x", "pads"], outputs: ["y"], attrs: { mode: "reflect" } }],
      initializers: { pads: [[4], [0, 0, 0, 2], "int64"] },
    });
    writeFileSync(join(folder, "open.onnx"), file);
    const { out, code } = sluice(folder, ["inspect", "open.onnx"]);
    expect(code).toBe(1);
    expect(out).toContain("All operators are supported. Options that may be missing:\n  --shape x=batch,width  a size");
    expect(out).toMatch(/^ {2}--pair INPUT=OUTPUT/m);
    expect(sluice(folder, ["inspect", "open.onnx", "--shape", "x=3,4"]).code).toBe(0);
  });

  it("lists the layers of a TensorFlow.js model", () => {
    const text = readFileSync(join(folder, "functional.json"), "utf8").replace(
      '"class_name": "Add"',
      '"class_name": "Multiply"',
    );
    writeFileSync(join(folder, "multiply.json"), text);
    const { out, err, code } = sluice(folder, ["inspect", "multiply.json"]);
    expect(code).toBe(1);
    expect(err).toContain('layer "Multiply" is not supported');
    expect(out).toMatch(/^ {2}Multiply +1 × {2}not supported$/m);
    expect(out).toMatch(/^ {2}LSTM +1 ×$/m);
  });

  it("has no list where the list itself is wrong", () => {
    writeFileSync(join(folder, "cut.onnx"), bytesOf("graph.onnx").subarray(0, 300));
    const { out, code } = sluice(folder, ["inspect", "cut.onnx"]);
    expect([out, code]).toEqual(["", 1]);
  });
});

describe.skipIf(!VECTORS)(`models of others${VECTORS ? "" : ` (${NO_VECTORS})`}`, () => {
  const models = join(VECTORS ?? "", "models");
  it.each([
    ["gtcrn/gtcrn_simple.onnx", []],
    ["dtln/model_1.onnx", []],
    ["dtln/model_2.onnx", ["--pair", "input_5=tf_op_layer_stack_5"]],
    ["silero-vad/silero_vad.onnx", ["--shape", "input=1,576", "--shape", "state=2,1,128", "--constant", "sr=16000"]],
    ["rnnoise/bd.rnnn", []],
    ["guitar/nam/BossLSTM-2x8.nam", []],
  ])("%s converts, and the native file gives the same bits", (path, options) => {
    const file = join(models, path);
    const ended = sluice(folder, ["convert", file, "theirs.safetensors", ...options]);
    expect([ended.err, ended.code]).toEqual(["", 0]);
    const shapes = options.includes("input=1,576") ? { shapes: { input: [1, 576], state: [2, 1, 128] } } : {};
    const constants = options.includes("sr=16000") ? { constants: { sr: 16000 } } : {};
    const state = options.includes("--pair") ? { state: { input_5: "tf_op_layer_stack_5" } } : {};
    const model = readModel(new Uint8Array(readFileSync(file)), { ...shapes, ...constants, ...state });
    expect(answersOf(readModel(bytesOf("theirs.safetensors")))).toEqual(answersOf(model));
  });
});
