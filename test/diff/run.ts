/**
 * Random ONNX models through Sluice and ONNX Runtime: graphs over all supported operators, and layers along a free axis with
 * every attribute of RNN, GRU and LSTM. Every difference is a bug or stands in known.ts with its reason.
 *
 *     npm ci --ignore-scripts --prefix test/diff
 *     npm run diff -- [--models 10000] [--seed 1] [--only NUMBER]
 *
 * The same seed makes the same models; --only runs one of them again and prints its nodes, cut to those that the first
 * output that differs needs. Exit code 1 where a model differs, or is refused, without a reason on the list.
 */

import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { FormatError, ModelError } from "../../src/errors.ts";
import { createRuntimeSync } from "../../src/onnx.ts";
import type { Node } from "../formats/onnx/writer.ts";
import type { Drawn } from "./builder.ts";
import type { Streamed } from "./cells.ts";
import { drawModel, type RandomGraph } from "./graphs.ts";
import { KNOWN, type Outcome } from "./known.ts";
import { runOrt } from "./ort.ts";
import { distance, type Outputs, pastLength, runOurs } from "./ours.ts";

const { values } = parseArgs({
  options: {
    models: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const seed = Number(values.seed);
// Node 20 has relaxed SIMD behind a flag; from 22 on it is there.
if (Number(process.versions.node.split(".")[0]) < 22) setFlagsFromString("--experimental-wasm-relaxed-simd");
const runtimes = (["simd", "relaxed"] as const).map((variant) => createRuntimeSync({ variant }));

async function compare(drawn: Drawn | Streamed): Promise<Outcome> {
  let expected: Map<string, ArrayLike<number>>;
  try {
    expected = await runOrt(drawn);
  } catch (error) {
    return { kind: "theirs", message: (error as Error).message };
  }
  let outputs: Outputs[];
  try {
    outputs = runOurs(drawn, runtimes);
  } catch (error) {
    const refused = error instanceof ModelError || error instanceof FormatError;
    return {
      kind: refused ? "refused" : "failed",
      message: refused ? `${error.code} ${error.message}` : String((error as Error).stack),
    };
  }
  for (const [name, y] of expected) {
    const skip = pastLength(drawn, name, y.length);
    const errors = outputs.map((one) => distance(one.get(name), y, skip));
    if (Math.max(...errors) <= 1) continue;
    const at = outputs.findIndex((_, i) => errors[i] > 1);
    const got = outputs[at].get(name) ?? [];
    const wrong = Array.from({ length: y.length }, (_, i) => i).filter(
      (i) => !skip?.(i) && distance([got[i]], [y[i]]) > 1,
    );
    return {
      kind: "differs",
      output: name,
      message: `${name}: ${errors.map((one) => one.toPrecision(3)).join(", ")} times the tolerance; ${wrong.length} of ${y.length}, element ${wrong[0]}: ${got[wrong[0]]}, theirs ${y[wrong[0]]}`,
    };
  }
  return { kind: "same", message: "" };
}

/** The first of the values, in the order of the nodes, that differs, with what it needs and nothing else. */
async function shrink({ builder, drawn }: RandomGraph): Promise<Drawn> {
  for (const value of builder.values) {
    const one = builder.draw([value]);
    if (one && !["same", "theirs"].includes((await compare(one)).kind)) return one;
  }
  return drawn;
}

function print({ file, feeds }: Drawn): void {
  console.log(`opset ${file.opset}`);
  for (const [name, { kind, shape, data }] of feeds)
    console.log(`${name}: ${kind} (${shape}) ${data.slice(0, 8).join(" ")}`);
  for (const [name, one] of Object.entries(file.initializers ?? {}))
    if (Array.isArray(one))
      console.log(`${name} = ${one[2]} (${one[0]}) ${(one[1] as number[]).slice(0, 8).join(" ")}`);
  for (const { op, inputs, outputs, attrs } of file.nodes as Node[])
    console.log(`${outputs.join(", ")} = ${op}(${inputs.join(", ")}) ${JSON.stringify(attrs ?? {})}`);
}

const counts = new Map<string, number>();
const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
const operators = new Map<string, number>();
const [first, end] =
  values.only === undefined ? [0, Number(values.models)] : [Number(values.only), Number(values.only) + 1];
let failures = 0;
for (let number = first; number < end; number++) {
  const drawn = drawModel(seed, number);
  const nodes = (drawn.drawn.file.nodes ?? []) as readonly Node[];
  const outcome = await compare(drawn.drawn);
  for (const op of new Set(nodes.map(({ op }) => op))) operators.set(op, (operators.get(op) ?? 0) + 1);
  const known =
    outcome.kind === "same"
      ? undefined
      : KNOWN.find((one) => one.kind === outcome.kind && one.fits(drawn.drawn.file, outcome));
  count(known ? `${outcome.kind}: ${known.reason}` : outcome.kind);
  if (outcome.kind === "same") continue;
  if (values.only !== undefined) {
    const small = drawn.kind === "graph" ? await shrink(drawn) : drawn.drawn;
    print(small);
    console.log((await compare(small)).message);
  }
  if (known && values.only === undefined) continue;
  if (!known) failures++;
  console.log(`--seed ${seed} --only ${number}: ${outcome.kind}: ${outcome.message}`);
}
console.log(`${end - first} models of seed ${seed}`);
for (const [what, models] of [...counts].sort((a, b) => b[1] - a[1]))
  console.log(`${`${models}`.padStart(7)}  ${what}`);
const list = [...operators].sort(([a], [b]) => (a < b ? -1 : 1)).map(([op, models]) => `${op} ${models}`);
console.log(`operators, and in how many models: ${list.join(", ")}`);
process.exit(failures > 0 ? 1 : 0);
