/** A model file → the lines of JavaScript that run it: a test runs what is printed. */

import type { LayerSpec, Model, ValueInfo } from "../index.ts";
import { idLimit, sizeOf } from "./columns.ts";
import type { GraphOptions } from "./file.ts";
import { printable, vocabularyOf } from "./text.ts";

/** A value as JavaScript: keys without quotes where they need none, nothing invisible in texts. */
export function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([key, one]) => `${keyOf(key)}: ${literal(one)}`);
    return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
  }
  return printable(JSON.stringify(value) ?? "undefined");
}

function keyOf(name: string): string {
  return /^[a-z]\w*$/i.test(name) ? name : literal(name);
}

/** `entry`: what to import; `graph`: what the user said of a graph; `files`: the weights lie beside the file; `layers` and `ignore` for a file that holds weights alone; `needsSequence` for session.run instead of a stream. */
export function codeOf(
  path: string,
  model: Model,
  {
    entry,
    files,
    layers,
    ignore,
    graph = {},
    needsSequence,
  }: {
    readonly entry: string;
    readonly files?: true;
    readonly layers?: readonly LayerSpec[];
    readonly ignore?: readonly string[];
    readonly graph?: GraphOptions;
    readonly needsSequence: boolean;
  },
): string[] {
  const steps = needsSequence ? 10 : 1;
  const lines = [
    ...(files ? ['import { readFileSync } from "node:fs";'] : []),
    `import { createSession, loadModel } from "${entry}";`,
    "",
  ];
  if (layers !== undefined) {
    lines.push("const layers = [", ...layers.map((layer) => `  ${literal(layer)},`), "];");
  }
  const folder = literal(path.slice(0, path.search(/[^\\/]*$/)));
  const shards = `files: (name) => new Uint8Array(readFileSync(${folder} + name))`;
  const read = [
    ...(layers ? ["layers"] : []),
    ...(files ? [shards] : []),
    ...(ignore ? [`ignore: ${literal(ignore)}`] : []),
    ...Object.entries(graph).map(([key, value]) => `${key}: ${literal(value)}`),
  ].join(", ");
  const options = read === "" ? "" : `, { ${read} }`;
  lines.push(`const model = await loadModel(${literal(path)}${options});`);
  lines.push("const session = await createSession(model);");
  if (!needsSequence) lines.push("const stream = session.stream();");
  lines.push("");

  if (model.inputs.length === 1) {
    const [input] = model.inputs;
    const note = noteOf(input, model);
    lines.push(`const input = ${inputOf(input, model, steps)}; // ${needsSequence ? `${steps} steps of ` : ""}${note}`);
  } else {
    lines.push("const input = {");
    for (const input of model.inputs) {
      lines.push(`  ${keyOf(input.name)}: ${inputOf(input, model, steps)}, // ${noteOf(input, model)}`);
    }
    lines.push("};");
  }
  const result = model.outputs.length === 1 ? "output" : "outputs";
  if (needsSequence) lines.push(`const { ${result} } = session.run(input);`);
  else lines.push(`const ${result} = stream.step(input); // once for each time step`);
  const { labels } = model.info;
  const [output] = model.outputs;
  if (!needsSequence && model.outputs.length === 1 && labels !== undefined && labels.length === sizeOf(output)) {
    lines.push("console.log(model.info.labels[output.indexOf(Math.max(...output))]);");
  } else lines.push(`console.log(${result});`);
  return lines;
}

function inputOf(input: ValueInfo, model: Model, steps: number): string {
  if (input.dtype === "F32") return `new Float32Array(${steps > 1 ? `${steps} * ` : ""}${sizeOf(input)})`;
  const numbers = steps * sizeOf(input);
  if (numbers > 1) return `new Int32Array(${numbers})`;
  const vocabulary = vocabularyOf(model);
  const letter = vocabulary?.find((char) => /[a-z]/i.test(char)) ?? vocabulary?.[0];
  return letter === undefined ? "0" : `model.info.vocabulary.indexOf(${literal(letter)})`;
}

function noteOf(input: ValueInfo, model: Model): string {
  const limit = idLimit(model, input.name);
  if (input.dtype === "I32" && limit < Infinity) return `an id, 0…${limit - 1}`;
  if (input.dtype === "I32") return "whole numbers";
  const size = sizeOf(input);
  return size === 1 ? "1 number" : `${size} numbers`;
}
