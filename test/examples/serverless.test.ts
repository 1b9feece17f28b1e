/**
 * The functions of examples/serverless, each started as its host starts it and called over HTTP. Hosts come from
 * test/runtimes (scripts/hosts.sh installs them); where they are not installed their tests are skipped by name.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSessionSync, readModel, type Stream } from "../../src/index.ts";
import {
  bin,
  bundle,
  eventually,
  freePort,
  HERE,
  makeFolder,
  removeFolder,
  type Started,
  start,
  stop,
} from "../runtimes/files.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/serverless", import.meta.url));
const folder = makeFolder();
const started: Started[] = [];

beforeAll(() => void execFileSync(process.execPath, [join(EXAMPLE, "build.js")]));
afterAll(() => {
  started.forEach(stop);
  removeFolder(folder);
});

const model = readModel(
  new Uint8Array(readFileSync(new URL("../../examples/next-character/model.safetensors", import.meta.url))),
);
const vocabulary = model.info.vocabulary as readonly string[];
const session = createSessionSync(model, { variant: "simd" });

/** What a function answers: the likeliest characters after a text. */
function expected(text: string, length: number, stream: Stream = session.stream()): string {
  let scores = new Float32Array(vocabulary.length);
  for (const character of text) stream.step(vocabulary.indexOf(character), scores);
  let answer = "";
  for (let i = 0; i < length; i++) {
    const id = scores.indexOf(Math.max(...scores));
    answer += vocabulary[id];
    scores = stream.step(id, scores) as typeof scores;
  }
  return answer;
}

async function expectAnswers(url: string): Promise<void> {
  const ask = async (query: string) => {
    const response = await fetch(`${url}?${query}`);
    return [response.status, await response.text()];
  };
  // The second begins anew.
  for (const text of ["First Citizen:", "O, "]) {
    expect(await ask(new URLSearchParams({ text, length: "30" }).toString())).toEqual([200, expected(text, 30)]);
  }
  const posted = await fetch(url, { method: "POST", body: "QUEEN" });
  expect(await posted.text()).toBe(expected("QUEEN", 40));
  expect(await ask("")).toEqual([400, "text: expected 1 … 2000 characters\n"]);
  expect((await ask("text=%7E"))[1]).toMatch(/^text: expected characters among /);
  expect(await ask("text=a&length=-1")).toEqual([400, "length: expected an integer in 0 … 200\n"]);
}

/** A server in a process of its own, once it answers. */
async function serve(port: number, ...[command, args, cwd]: Parameters<typeof start>): Promise<Started> {
  const server = start(command, args, cwd);
  started.push(server);
  await eventually(async () => {
    if (server.exitCode !== null) throw new Error(server.said);
    return fetch(`http://127.0.0.1:${port}/`);
  });
  return server;
}

const installed = existsSync(join(HERE, "node_modules"));
const describeHosts = (name: string, tests: () => void) =>
  installed
    ? describe(name, tests)
    : describe.skip(`${name} (test/runtimes is not installed: npm run test:hosts)`, tests);

describe("a Lambda handler, bundled", () => {
  it("answers a function URL", async () => {
    const { handler } = await import(pathToFileURL(join(EXAMPLE, "out/lambda.mjs")).href);
    // What a function URL makes of a request, and of the answer (payload version 2.0).
    const server = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part);
      const body = Buffer.concat(parts);
      const { pathname, search } = new URL(request.url as string, "http://localhost");
      const {
        statusCode,
        headers,
        body: text,
      } = await handler({
        rawPath: pathname,
        rawQueryString: search.slice(1),
        requestContext: { http: { method: request.method } },
        ...(body.length > 0 && { body: body.toString("base64"), isBase64Encoded: true }),
      });
      response.writeHead(statusCode, headers).end(text);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    await expectAnswers(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    server.close();
    server.closeAllConnections();
  });
});

describeHosts("in workerd", () => {
  const storage = join(folder, "storage");
  const open = async () => {
    const [worker, conversation] = [await freePort(), await freePort()];
    const addresses = Object.entries({ worker, conversation }).flatMap(([name, port]) => [
      "--socket-addr",
      `${name}=127.0.0.1:${port}`,
    ]);
    const args = ["serve", "workerd.capnp", ...addresses, "--directory-path", `storage=${storage}`];
    mkdirSync(storage, { recursive: true });
    const server = await serve(worker, bin("workerd"), args, EXAMPLE);
    return { server, worker: `http://127.0.0.1:${worker}/`, conversation: `http://127.0.0.1:${conversation}` };
  };

  it("a Worker answers", async () => {
    const { server, worker } = await open();
    await expectAnswers(worker);
    stop(server);
  });

  it("a Durable Object goes on where it was, after the server was killed, too", async () => {
    const streams = { "/anne": session.stream(), "/bert": session.stream() };
    for (const text of ["BRUTUS:", " No,", " not so"]) {
      const { server, conversation } = await open();
      for (const [name, stream] of Object.entries(streams)) {
        const said = name === "/anne" ? text : text.toLowerCase();
        const response = await fetch(`${conversation}${name}?length=12`, { method: "POST", body: said });
        expect(await response.text()).toBe(expected(said, 12, stream));
      }
      stop(server);
    }
  });
});

describeHosts("in Deno", () => {
  it("a server answers", async () => {
    const port = await freePort();
    const args = ["run", "--no-lock", "--allow-net", "--allow-read", "deno.js", `${port}`];
    await serve(port, bin("deno"), args, EXAMPLE);
    await expectAnswers(`http://127.0.0.1:${port}/`);
  });
});

describeHosts("in edge-runtime", () => {
  it("a Vercel Edge function answers", async () => {
    const code = `
      import edge from ${JSON.stringify(join(EXAMPLE, "out/edge.js"))};
      addEventListener("fetch", (event) => event.respondWith(edge(event.request)));`;
    writeFileSync(
      join(folder, "edge.js"),
      await bundle(code, { format: "iife", wasm: "export default modules.NAME;" }),
    );
    const host = `
      import { readFileSync } from "node:fs";
      import { EdgeRuntime, runServer } from ${JSON.stringify(join(HERE, "node_modules/edge-runtime/dist/index.js"))};
      const model = new WebAssembly.Module(readFileSync(${JSON.stringify(join(EXAMPLE, "out/model.wasm"))}));
      const runtime = new EdgeRuntime({
        initialCode: readFileSync("edge.js", "utf8"),
        extend: (context) => Object.assign(context, { modules: { model } }),
      });
      await runServer({ runtime, host: "127.0.0.1", port: Number(process.argv[2]) });`;
    writeFileSync(join(folder, "host.mjs"), host);
    const port = await freePort();
    await serve(port, process.execPath, ["host.mjs", `${port}`], folder);
    await expectAnswers(`http://127.0.0.1:${port}/`);
  });
});
