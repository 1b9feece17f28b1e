/** `sluice inspect`: what it says of files, and that the code it ends with runs. */

import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { createSessionSync } from "../../src/index.ts";
import { tensors } from "../tensors.ts";
import { type Ended, FLAGS, makeFolder, modelOf, RECIPES, sluice, writeModels } from "./files.ts";

const folder = makeFolder();
beforeAll(() => writeModels(folder));
afterAll(() => rmSync(folder, { recursive: true }));

const ended = new Map<string, Ended>();

/** Runs once for the same arguments. */
function inspect(...args: string[]): Ended {
  const key = args.join(" ");
  const result = ended.get(key) ?? sluice(folder, ["inspect", ...args]);
  ended.set(key, result);
  return result;
}

/** The report's lines from the first import on, and one more that prints a value as JSON; what that prints. */
function runCode(report: string, value: string): unknown {
  const code = report.slice(report.indexOf("import {"));
  writeFileSync(join(folder, "code.mjs"), `${code}console.log(JSON.stringify(${value}));\n`);
  const { stdout, stderr } = spawnSync(process.execPath, [...FLAGS, "code.mjs"], { cwd: folder });
  expect(String(stderr)).toBe("");
  return JSON.parse(String(stdout).trimEnd().split("\n").at(-1) as string);
}

const list = (numbers: Iterable<number>) => [...numbers];

describe("the code at the end of the report runs the file:", () => {
  it("a stream of numbers", () => {
    const { out, code } = inspect("classifier.safetensors");
    expect(code).toBe(0);
    const y = createSessionSync(modelOf("classifier")).stream().step(new Float32Array(2));
    expect(runCode(out, "[...output]")).toEqual(list(y));
  });

  it("a stream of ids, which begins with a letter of the vocabulary", () => {
    const y = createSessionSync(modelOf("characters")).stream().step(1);
    expect(runCode(inspect("characters.safetensors").out, "[...output]")).toEqual(list(y));
  });

  it("several inputs and outputs", () => {
    const x = { "left side": new Float32Array(1), right: new Float32Array(2) };
    const y = createSessionSync(modelOf("several")).stream().step(x) as unknown as Record<string, Float32Array>;
    expect(runCode(inspect("several.safetensors").out, "[[...outputs.rnn], [...outputs.head]]")).toEqual([
      list(y.rnn),
      list(y.head),
    ]);
  });

  it("whole sequences", () => {
    const { output } = createSessionSync(modelOf("bidirectional")).run(new Float32Array(20));
    expect(runCode(inspect("bidirectional.safetensors").out, "[...output]")).toEqual(list(output));
  });

  it("weights alone, with the guessed layers", () => {
    const y = createSessionSync(modelOf("characters")).stream().step(0);
    expect(runCode(inspect("characters.weights.safetensors").out, "[...output]")).toEqual(list(y));
  });

  it("weights alone, with the layers that were said", () => {
    const layers = JSON.stringify(RECIPES.classifier.layers);
    const { out } = inspect("classifier.weights.safetensors", "--layers", layers);
    const y = createSessionSync(modelOf("classifier")).stream().step(new Float32Array(2));
    expect(runCode(out, "[...output]")).toEqual(list(y));
  });
});

describe("the report", () => {
  it("says what the file is, its layers, and what the user has to know to run it", () => {
    const { out } = inspect("classifier.safetensors");
    for (const line of [
      /^classifier\.safetensors: safetensors, a model with its graph, [\d,]+ bytes, 6 tensors, 153 parameters$/m,
      /^ {2}rnn\.weight_ih_l0 +F32 +\(15, 2\)$/m,
      /^ {2}rnn +gru +2 → 5 +135 parameters +state rnn\.h \(1, 5\)$/m,
      /^ {2}head +linear +5 → 3 +18 parameters +activation relu$/m,
      /^ {2}\(no name\) +softmax +3 → 3$/m,
      /^input +input {2}F32 \(2\)$/m,
      /^output +softmax2 {2}F32 \(3\)$/m,
      /^sample rate +16000 Hz$/m,
      /^mean +2 numbers; subtract it from every input row: the model does not$/m,
      /^time +streams/m,
      /^memory +[\d,]+ bytes: weights /m,
    ])
      expect(out).toMatch(line);
  });

  it("has no character that is invisible or turns the line around", () => {
    const { out } = inspect("classifier.safetensors");
    expect(out).toContain('"ma\\u{202e}ybe"');
    expect(out).not.toMatch(/[^\P{C}\n]/u);
  });

  it("names the layer that needs the whole sequence", () => {
    const { out } = inspect("bidirectional.safetensors");
    expect(out).toMatch(/^time +rnn \(lstm\): runs backwards over time/m);
    expect(out).toMatch(/^ {2}rnn +lstm +2 → 6 .*state rnn\.h \(2, 3\), rnn\.c \(2, 3\); bidirectional true$/m);
    expect(out).toMatch(/^input +input {2}F32 \(T, 2\)$/m);
  });

  it("marks what names and shapes do not tell of weights alone", () => {
    const { out } = inspect("classifier.weights.safetensors");
    expect(out).toContain("weights alone (a state_dict)");
    expect(out).toMatch(/^ {2}\{ type: "linear", name: "head" \} +\? activation after it: none is assumed$/m);
    expect(out).toMatch(/^ {2}\? order: /m);
    expect(out).toMatch(/^ {2}\? initial states: zero is assumed$/m);
    const several = inspect("several.weights.safetensors").out;
    expect(several).toMatch(/^ {2}\{ type: "rnn", name: "rnn" \} +\? nonlinearity: tanh is assumed, it may be relu$/m);
  });

  it("says why guessed layers do not run, and ends without code", () => {
    const odd = tensors({ "a.weight": [2, 3], "a.bias": [2], "other.thing": [1] });
    writeFileSync(join(folder, "odd.safetensors"), encodeSafetensors(odd.values()));
    const { out, code } = inspect("odd.safetensors");
    expect(code).toBe(0);
    expect(out).toMatch(/^These layers do not run: other\.thing: no layer uses it\..*Say them with --layers\.$/m);
    expect(out).not.toContain("import");
  });
});

describe("--json", () => {
  it("is one document of the same facts", () => {
    const facts = JSON.parse(inspect("several.safetensors", "--json").out);
    expect(facts).toMatchObject({ file: "several.safetensors", format: "graph" });
    expect(facts.tensors).toHaveLength(6);
    expect(
      facts.model.layers.map(({ from, to, parameters }: Record<string, unknown>) => [from, to, parameters]),
    ).toEqual([
      [[1, 2], 3, 0],
      [[3], 4, 36],
      [[4], 2, 10],
    ]);
    expect(facts.model.layers[1]).toMatchObject({ notable: { nonlinearity: "relu" }, attrs: { numLayers: 1 } });
    expect(facts.model.memory.bytes.weights).toBeGreaterThan(0);
    expect(facts.model.code.at(-1)).toBe("console.log(outputs);");
  });

  it("has the guess and its doubts", () => {
    const { format, guess } = JSON.parse(inspect("several.weights.safetensors", "--json").out);
    expect(format).toBe("weights");
    expect(guess.layers).toEqual([
      { type: "rnn", name: "rnn" },
      { type: "linear", name: "head" },
    ]);
    expect(guess.unknown).toHaveLength(2);
  });
});

describe("a file that is no model", () => {
  it("ends with code 1 and one line that names it", () => {
    writeFileSync(join(folder, "a.pt"), "PK\x03\x04 and more bytes than eight");
    expect(inspect("a.pt")).toMatchObject({ code: 1, out: "" });
    expect(inspect("a.pt").err).toMatch(
      /^sluice: a\.pt: file: expected Keras, .* or safetensors; got a zip archive.*\n$/,
    );
    expect(inspect("none.safetensors").err).toBe("sluice: none.safetensors: no such file or directory\n");
  });
});
