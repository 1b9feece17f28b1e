/**
 * How long a fresh workerd takes to its first HTTP response, from the start of the process: an empty Worker, one with a baked
 * GRU-128 (397 KB of weights), one with the package and the same model as a file. By turns, 30 times each.
 *
 *     npx tsx test/runtimes/first.ts
 */

import { copyFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { bakeModel } from "../../src/bake.ts";
import * as sluice from "../../src/index.ts";
import { bin, bundle, freePort, makeFolder, ROOT, removeFolder, start, stop } from "./files.ts";
import { gru128 } from "./program.ts";
import { config } from "./servers.ts";

const TURNS = 30;

const EMPTY = 'export default { fetch: () => new Response("0") };';
const BAKED = `
import module from "./gru.wasm";
import { create } from "./gru.js";
const stream = create(module);
export default { fetch: () => new Response(stream.step(new Float32Array(128))[0]) };
`;
const PACKAGE = `
import { createSessionSync, readModel } from "sluice";
import bytes from "./gru.safetensors";
const stream = createSessionSync(readModel(new Uint8Array(bytes))).stream();
export default { fetch: () => new Response(stream.step(new Float32Array(128))[0]) };
`;

const folder = makeFolder();
const bytes = gru128(sluice);
const { wasm, js } = bakeModel(sluice.readModel(bytes), "gru");
const files = { "gru.wasm": wasm, "gru.js": js, "gru.safetensors": bytes, "empty.mjs": EMPTY, "baked.mjs": BAKED };
for (const [name, contents] of Object.entries(files)) writeFileSync(join(folder, name), contents);
const options = { entry: "workerd.js", external: ["./gru.safetensors"] };
writeFileSync(join(folder, "package.mjs"), await bundle(PACKAGE, options));
for (const name of ["simd", "relaxed"]) copyFileSync(join(ROOT, `dist/${name}.wasm`), join(folder, `${name}.wasm`));

const WORKERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  empty: { "empty.mjs": "esModule" },
  baked: { "baked.mjs": "esModule", "gru.js": "esModule", "gru.wasm": "wasm" },
  package: { "package.mjs": "esModule", "gru.safetensors": "data", "simd.wasm": "wasm", "relaxed.wasm": "wasm" },
};

/** Until the server answers, from its start; ms. */
async function firstResponse(modules: Readonly<Record<string, string>>): Promise<number> {
  const port = await freePort();
  writeFileSync(join(folder, "config.capnp"), config(modules, port));
  const from = performance.now();
  const server = start(bin("workerd"), ["serve", "config.capnp"], folder);
  try {
    while (performance.now() - from < 20_000) {
      const answer = await ask(port);
      if (answer === undefined) continue;
      if (!answer.startsWith("HTTP/1.1 200")) throw new Error(`${answer}\n${server.said}`);
      return performance.now() - from;
    }
    throw new Error(`no answer\n${server.said}`);
  } finally {
    stop(server);
  }
}

/** One bare request, so that no client's own start counts; undefined while nobody listens. */
function ask(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    socket.on("data", (data) => {
      socket.destroy();
      resolve(String(data));
    });
    socket.on("error", () => setTimeout(resolve, 1));
  });
}

const times = Object.fromEntries(Object.keys(WORKERS).map((name) => [name, [] as number[]]));
for (let turn = 0; turn < TURNS; turn++) {
  for (const [name, modules] of Object.entries(WORKERS)) times[name].push(await firstResponse(modules));
}
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];
const empty = median(times.empty);
for (const [name, values] of Object.entries(times)) {
  const [least, middle, most] = [Math.min(...values), median(values), Math.max(...values)].map((ms) => ms.toFixed(1));
  const more = (median(values) - empty).toFixed(1);
  console.log(`${name.padEnd(8)} ${least} … ${middle} … ${most} ms, median over the empty one: ${more} ms`);
}
removeFolder(folder);
