/**
 * The rows of baked models: the streaming model in f32 and in int8, a graph, and the GRU-128, each one .wasm file, in hosts with
 * and without JavaScript.
 */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bakeModel } from "../../src/bake.ts";
import { createSessionSync } from "../../src/graph-entry.ts";
import * as sluice from "../../src/index.ts";
import { seeded, uniform } from "../conformance/models.ts";
import { f32, graphModel } from "../graph/model.ts";
import { bin, bundle, HERE, makeFolder, outputOf, removeFolder, versionOf } from "./files.ts";
import { type Answer, gru128, rows, streaming, takeSteps } from "./program.ts";
import { askWorkerd, type Host } from "./servers.ts";

/** Takes the streaming model's inputs: a cache that comes back as an output beside a GRU that carries. */
function graph(): sluice.Model {
  const random = seeded("baked graph");
  const weights = (...shape: number[]) =>
    f32(
      shape,
      uniform(
        random,
        shape.reduce((a, b) => a * b),
        -0.5,
        0.5,
      ),
    );
  const gru = { weight_ih_l0: weights(21, 5), weight_hh_l0: weights(21, 7), bias_ih_l0: weights(21) };
  return graphModel({
    inputs: [
      { name: "token", dtype: "I32", shape: [1] },
      { name: "frame", dtype: "F32", shape: [1, 5] },
    ],
    states: [{ name: "cache", shape: [1, 10], input: "cache", output: "next" }],
    nodes: [
      { op: "embedding", name: "table", inputs: ["token"], tensors: { weight: weights(13, 5) } },
      { op: "mul", name: "x", inputs: ["table", "frame"] },
      { op: "concat", name: "long", inputs: ["cache", "x"], attrs: { axis: 1 } },
      { op: "slice", name: "next", inputs: ["long"], attrs: { starts: [0, 5], sizes: [1, 10] } },
      { op: "linear", name: "mix", inputs: ["long"], tensors: { weight: weights(5, 15), bias: weights(5) } },
      { op: "gru", name: "rnn", inputs: ["mix"], tensors: { ...gru, bias_hh_l0: weights(21) } },
      { op: "linear", name: "head", inputs: ["rnn"], tensors: { weight: weights(5, 7), bias: weights(5) } },
    ],
    outputs: ["head"],
  });
}

/** What is checked, by the names of its files. */
const CHECKED = {
  streaming: { model: () => streaming(sluice), precision: "f32" },
  int8: { model: () => streaming(sluice), precision: "int8" },
  graph: { model: graph, precision: "f32" },
} as const;
const NAMES = Object.keys(CHECKED);

/** What each of them must answer. */
export function bakedBits(): number[] {
  return Object.values(CHECKED).flatMap(({ model, precision }) =>
    takeSteps(createSessionSync(model(), { variant: "simd", precision }).stream()),
  );
}

/** A folder with the models and their wrappers. */
function makeBaked(): string {
  const folder = makeFolder();
  const gru = { model: () => sluice.readModel(gru128(sluice)), precision: "f32" } as const;
  for (const [name, { model, precision }] of Object.entries({ ...CHECKED, gru })) {
    const { wasm, js } = bakeModel(model(), name, { precision });
    writeFileSync(join(folder, `${name}.wasm`), wasm);
    writeFileSync(join(folder, `${name}.js`), js);
  }
  return folder;
}

const WRAPPERS = [...NAMES, "gru"].map((name) => `./${name}.js`);

const MAIN = `
${NAMES.map((name) => `import { load as ${name} } from "./${name}.js";`).join("\n")}
import { load as loadGru } from "./gru.js";
import { takeSteps, timeSteps } from "program";
const from = performance.now();
const gru = await loadGru();
gru.step(new Float32Array(128));
const firstMs = performance.now() - from;
const bits = [];
for (const load of [${NAMES}]) bits.push(...takeSteps(await load()));
console.log(JSON.stringify({ variant: "simd", bits, firstMs, stepUs: timeSteps(gru, () => performance.now()) }));
`;

async function runMain(command: string, args: readonly string[]): Promise<Answer> {
  const folder = makeBaked();
  try {
    writeFileSync(join(folder, "main.mjs"), await bundle(MAIN, { external: WRAPPERS }));
    return JSON.parse(await outputOf(command, [...args, "main.mjs"], folder));
  } finally {
    removeFolder(folder);
  }
}

const WORKER = `
${NAMES.map((name) => `import ${name} from "./${name}.wasm";\nimport { create as create_${name} } from "./${name}.js";`).join("\n")}
import gru from "./gru.wasm";
import { create as createGru } from "./gru.js";
import { steps, takeSteps } from "program";
let one;
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/first") {
      one = createGru(gru);
      one.step(new Float32Array(128));
    }
    if (pathname === "/steps") steps(one, Number(searchParams.get("count")));
    if (pathname === "/check") {
      const streams = [${NAMES.map((name) => `create_${name}(${name})`)}];
      return Response.json({ variant: "simd", bits: streams.flatMap((stream) => takeSteps(stream)) });
    }
    return new Response("");
  },
};
`;

async function runWorkerd(): Promise<Answer> {
  const folder = makeBaked();
  writeFileSync(join(folder, "worker.mjs"), await bundle(WORKER, { external: WRAPPERS }));
  const files = [...NAMES, "gru"].flatMap((name) => [
    [`${name}.js`, "esModule"],
    [`${name}.wasm`, "wasm"],
  ]);
  return askWorkerd(folder, { "worker.mjs": "esModule", ...Object.fromEntries(files) });
}

async function runWasmtime(): Promise<Answer> {
  const modules = join(HERE, "node_modules/.wasmtime");
  if (!existsSync(modules)) throw new Error(`${modules}: expected what scripts/hosts.sh installs there; got nothing`);
  const folder = makeBaked();
  try {
    const { tokens, frames } = rows();
    writeFileSync(join(folder, "tokens"), tokens);
    writeFileSync(join(folder, "frames"), frames);
    return JSON.parse(await outputOf("python3", [join(HERE, "wasmtime.py"), modules, ...NAMES], folder));
  } finally {
    removeFolder(folder);
  }
}

export const BAKED: readonly Host[] = [
  { name: `Node ${versionOf("node26")}`, run: () => runMain(bin("node26"), []) },
  {
    name: `Deno ${versionOf("deno")}`,
    run: () => runMain(bin("deno"), ["run", "-A", "--no-lock"]),
  },
  { name: `Bun ${versionOf("bun")}`, run: () => runMain(bin("bun"), ["run"]) },
  { name: `workerd ${versionOf("workerd")} (modules imported)`, run: runWorkerd },
  { name: `wasmtime ${versionOf("wasmtime")}, from Python (no JavaScript)`, run: runWasmtime },
];
