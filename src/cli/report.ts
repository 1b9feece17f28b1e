/** Facts of a model file → the report that `sluice inspect` prints. */

import type { AttrValue, ModelInfo, ValueInfo } from "../index.ts";
import { literal } from "./code.ts";
import type { Facts, Guess, LayerFacts, ModelFacts, Refused } from "./facts.ts";
import { count, table } from "./table.ts";
import { printable } from "./text.ts";

function shape(sizes: readonly (number | string)[]): string {
  return `(${sizes.join(", ")})`;
}

export function reportOf({ file, bytes, reader, format, tensors, guess, model }: Facts): string {
  const kind = format === "graph" ? "a model with its graph" : "weights alone (a state_dict)";
  const parameters = model === undefined ? "" : `, ${count(model.parameters)} parameters`;
  const lines = [`${file}: ${reader}, ${kind}, ${count(bytes)} bytes, ${count(tensors.length)} tensors${parameters}`];
  lines.push("", "tensors", ...table(tensors.map(({ name, dtype, shape: sizes }) => [name, dtype, shape(sizes)])));
  if (guess !== undefined) lines.push("", ...guessLines(guess));
  if (model !== undefined) lines.push("", ...modelLines(model));
  const code = model?.code ?? [];
  // printable() would turn code's line feeds into text: its own texts are escaped already.
  return [...lines.map(printable), ...(code.length > 0 ? ["", ...code] : []), ""].join("\n");
}

/** Of a file that is refused: its parts, those that are not supported first. */
export function refusedReport({ file, bytes, reader, inputs, parts }: Refused): string {
  const rank = ({ supported }: Refused["parts"][number]) => Number(supported);
  const rows = [...parts]
    .sort((a, b) => rank(a) - rank(b))
    .map(({ name, count: times, supported }) => [name, `${count(times)} ×`, supported ? "" : "not supported"]);
  const open = reader === "ONNX" && parts.every(({ supported }) => supported);
  const lines = [
    `${file}: ${reader}, ${count(bytes)} bytes; not read as it is`,
    "",
    ...table(
      inputs.map(({ name, shape: sizes }) => ["input", name, shape(sizes)]),
      "",
    ),
    "",
    "what it lists",
    ...table(rows),
    ...(open ? ["", ...openLines(inputs)] : []),
  ];
  return `${lines.map(printable).join("\n")}\n`;
}

/** How to say what an ONNX file leaves open, with its own names: of inputs with free axes, and of whole numbers such as a rate. */
function openLines(inputs: Refused["inputs"]): string[] {
  const free = inputs.filter(({ shape: sizes }) => sizes.some((size) => typeof size === "string" && size !== "T"));
  const scalars = inputs.filter(({ shape: sizes }) => sizes.length === 0);
  const rows = [
    ...free.map(({ name, shape: sizes }) => [
      `--shape ${name}=${sizes.join(",")}`,
      "a size for each name, or T for the steps",
    ]),
    ...scalars.map(({ name }) => [`--constant ${name}=NUMBER`, "if it never changes"]),
    ["--pair INPUT=OUTPUT", "an input that is a state, and the output that it becomes"],
  ];
  return ["All operators are supported. Options that may be missing:", ...table(rows)];
}

function guessLines({ layers, unknown, unknownOfAll, problem }: Guess): string[] {
  const lines = ["layers as names and shapes suggest them; ? is what these do not tell"];
  lines.push(...table(layers.map((layer, i) => [literal(layer), unknown[i].map((text) => `? ${text}`).join(" ")])));
  lines.push(...unknownOfAll.map((text) => `  ? ${text}`));
  if (problem !== undefined) lines.push("", `These layers do not run: ${problem} Say them with --layers.`);
  return lines;
}

function modelLines(model: ModelFacts): string[] {
  const { inputs, outputs, states, layers, conventions, info, warnings, memory, needsSequence } = model;
  const isId = (name: string) => layers.some(({ op, inputs: read }) => op === "embedding" && read[0] === name);
  const value = (what: string, { name, dtype, shape: sizes }: ValueInfo) => [
    what,
    `${name}  ${isId(name) ? "one id (I32)" : `${dtype} ${shape(sizes)}`}`,
  ];
  const { weights, programs, io, scratch, statePerStream } = memory.bytes;
  const facts = [
    ...inputs.map((one) => value("input", one)),
    ...outputs.map((one) => value("output", one)),
    ...states
      .filter(({ input }) => input !== undefined)
      .map(({ name, shape: sizes, output = "" }) => ["state", `${name}  F32 ${shape(sizes)}, back as ${output}`]),
    ...infoRows(info),
    ["time", needsSequence ?? "streams: one time step a call, with explicit state"],
    [
      "memory",
      `${count(weights + programs + io + scratch)} bytes: weights ${count(weights)}, programs ${count(programs)}, ` +
        `io ${count(io)}, scratch ${count(scratch)}; ${count(statePerStream)} more a stream (${memory.variant})`,
    ],
    ...warnings.map((text) => ["warning", text]),
  ];
  const found = conventions.map(({ of, what }) => [of, what]);
  return ["layers", ...table(layers.map(layerRow)), "", "conventions", ...table(found), "", ...table(facts, "")];
}

function layerRow({ name, op, from, to, parameters, states, notable }: LayerFacts): string[] {
  const attributes = Object.entries(notable).map(([key, value]) => `${key} ${attributeText(value)}`);
  const held = states.map((one) => `${one.name} ${shape(one.shape)}${one.initial ? ` from ${one.initial}` : ""}`);
  return [
    name || "(no name)",
    op,
    `${from.join(" + ")} → ${to}`,
    parameters === 0 ? "" : `${count(parameters)} parameters`,
    [...(held.length > 0 ? [`state ${held.join(", ")}`] : []), ...attributes].join("; "),
  ];
}

/** `2`, `relu`, `hardSigmoid (alpha 0.2, beta 0.5)` */
function attributeText(value: AttrValue): string {
  if (typeof value !== "object") return `${value}`;
  const texts = value.map((item) => {
    if (typeof item === "number") return `${item}`;
    const { name, ...parameters } = item;
    const list = Object.entries(parameters).map(([key, number]) => `${key} ${number}`);
    return list.length === 0 ? name : `${name} (${list.join(", ")})`;
  });
  return texts.join(", ");
}

function infoRows(info: ModelInfo): string[][] {
  const texts = (list: readonly string[]) => {
    const shown = list.slice(0, 12).map((text) => JSON.stringify(text));
    return `${count(list.length)}: ${shown.join(" ")}${list.length > 12 ? " …" : ""}`;
  };
  return Object.entries(info).map(([key, value]) => {
    if (key === "sampleRate") return ["sample rate", `${value} Hz`];
    if (typeof value === "string") return [key, value];
    if (key === "mean" || key === "std") {
      const use = key === "mean" ? "subtract it from every input row" : "divide every input row by it, after the mean";
      return [key, `${count(value.length)} numbers; ${use}: the model does not`];
    }
    return [key, texts(value)];
  });
}
