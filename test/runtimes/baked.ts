/** The rows of baked models: the streaming model and the GRU-128, each one .wasm file, in hosts with and without JavaScript. */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bakeModel } from "../../src/bake.ts";
import * as sluice from "../../src/index.ts";
import { bin, bundle, HERE, makeFolder, outputOf, removeFolder, versionOf } from "./files.ts";
import { type Answer, gru128, rows, streaming, takeSteps } from "./program.ts";
import { askWorkerd, type Host } from "./servers.ts";

/** What each of them must answer. */
export function bakedBits(): number[] {
  return takeSteps(sluice.createSessionSync(streaming(sluice), { variant: "simd" }).stream());
}

/** A folder with both models and their wrappers. */
function makeBaked(): string {
  const folder = makeFolder();
  const models = { streaming: streaming(sluice), gru: sluice.readModel(gru128(sluice)) };
  for (const [name, model] of Object.entries(models)) {
    const { wasm, js } = bakeModel(model, name);
    writeFileSync(join(folder, `${name}.wasm`), wasm);
    writeFileSync(join(folder, `${name}.js`), js);
  }
  return folder;
}

const MAIN = `
import { load } from "./streaming.js";
import { load as loadGru } from "./gru.js";
import { takeSteps, timeSteps } from "program";
const from = performance.now();
const gru = await loadGru();
gru.step(new Float32Array(128));
const firstMs = performance.now() - from;
const bits = takeSteps(await load());
console.log(JSON.stringify({ variant: "simd", bits, firstMs, stepUs: timeSteps(gru, () => performance.now()) }));
`;

async function runMain(command: string, args: readonly string[]): Promise<Answer> {
  const folder = makeBaked();
  try {
    writeFileSync(join(folder, "main.mjs"), await bundle(MAIN, { external: ["./streaming.js", "./gru.js"] }));
    return JSON.parse(await outputOf(command, [...args, "main.mjs"], folder));
  } finally {
    removeFolder(folder);
  }
}

const WORKER = `
import streaming from "./streaming.wasm";
import gru from "./gru.wasm";
import { create } from "./streaming.js";
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
    if (pathname === "/check") return Response.json({ variant: "simd", bits: takeSteps(create(streaming)) });
    return new Response("");
  },
};
`;

async function runWorkerd(): Promise<Answer> {
  const folder = makeBaked();
  writeFileSync(join(folder, "worker.mjs"), await bundle(WORKER, { external: ["./streaming.js", "./gru.js"] }));
  return askWorkerd(folder, {
    "worker.mjs": "esModule",
    "streaming.js": "esModule",
    "gru.js": "esModule",
    "streaming.wasm": "wasm",
    "gru.wasm": "wasm",
  });
}

async function runWasmtime(): Promise<Answer> {
  const modules = join(HERE, "node_modules/.wasmtime");
  if (!existsSync(modules)) throw new Error(`${modules}: expected what scripts/hosts.sh installs there; got nothing`);
  const folder = makeBaked();
  try {
    const { tokens, frames } = rows();
    writeFileSync(join(folder, "tokens"), tokens);
    writeFileSync(join(folder, "frames"), frames);
    return JSON.parse(await outputOf("python3", [join(HERE, "wasmtime.py"), modules], folder));
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
