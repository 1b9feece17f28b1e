/** `sluice/worker` in Node's worker_threads and in a page of Chromium: the same checks, and what only one of them has. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSafetensors } from "../../src/index.ts";
import {
  type Browser,
  CHROMIUM,
  NO_CHROMIUM,
  openBrowser,
  type Page,
  type Server,
  serve,
} from "../browser/chromium.ts";
import { randomModel } from "../conformance/models.ts";
import { CHECKS, check } from "./checks.mjs";

const root = new URL("../../", import.meta.url);
const bytes = writeSafetensors(
  randomModel("worker", [
    { type: "gru", name: "rnn", inputSize: 3, hiddenSize: 9 },
    { type: "linear", name: "head", inFeatures: 9, outFeatures: 2 },
  ]),
);
const names = Object.keys(CHECKS);

const core = await import(new URL("dist/index.js", root).href);
const worker = await import(new URL("dist/worker.js", root).href);

describe("in worker_threads of Node", () => {
  const host = {
    core,
    worker,
    bytes,
    dying: (source: string) =>
      new Worker(`require("node:worker_threads").parentPort.once("message", () => { ${source} });`, { eval: true }),
    nowhere: new URL("nowhere.js", root).href,
  };

  it.each(names)("%s", async (name) => {
    const { got, expected } = await check(name, host);
    expect(got).toEqual(expected);
  });

  it("a worker that exits rejects everything that waits", async () => {
    const creation = worker.createSession(core.readModel(bytes), { worker: host.dying("process.exit(3)") });
    await expect(creation).rejects.toMatchObject({
      code: "ERR_WORKER",
      message: expect.stringContaining("an exit with 3"),
    });
  });

  it("the file of the thread serves as url", async () => {
    const session = await worker.createSession(core.readModel(bytes), { url: new URL("dist/worker-thread.js", root) });
    expect((await session.run(new Float32Array(6))).shape).toEqual([2, 1, 2]);
    session.dispose();
  });

  it("two sessions that were given one worker get their own answers", async () => {
    const one = new Worker(new URL("dist/worker-thread.js", root), { execArgv: [] });
    const other = core.readModel(
      writeSafetensors(randomModel("other", [{ type: "rnn", name: "rnn", inputSize: 3, hiddenSize: 5 }])),
    );
    const models = [core.readModel(bytes), other];
    const sessions = await Promise.all(models.map((model) => worker.createSession(model, { worker: one })));
    const runs = Array.from({ length: 10 }, () => sessions.map((session) => session.run(new Float32Array(6)))).flat();
    const shapes = (await Promise.all(runs)).map(({ shape }) => shape);
    expect(shapes).toEqual(runs.map((_, i) => (i % 2 === 0 ? [2, 1, 2] : [2, 1, 5])));
    sessions[0].dispose();
    await expect(sessions[1].run(new Float32Array(6))).rejects.toMatchObject({ code: "ERR_WORKER" });
  });

  it("a stream steps over what it is given, and nothing else", async () => {
    const session = await worker.createSession(core.readModel(bytes));
    const stream = await session.stream();
    await expect(stream.step()).rejects.toThrow('"x" expected an array, a number or a record, got undefined');
    expect((await stream.state)["rnn.h"].every((value: number) => value === 0)).toBe(true);
    session.dispose();
  });

  it("an idle worker does not keep the process", () => {
    const program = `
      const { createSession, readModel } = await import(${JSON.stringify(new URL("dist/worker.js", root).href)});
      const session = await createSession(readModel(Uint8Array.of(${bytes})));
      console.log((await session.run(new Float32Array(3))).shape.join());`;
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      encoding: "utf8",
      timeout: 30_000,
    });
    expect([status, stdout]).toEqual([0, "1,1,2\n"]);
  });
});

it("a host without workers is told", async () => {
  const { getBuiltinModule } = process;
  process.getBuiltinModule = (() => undefined) as typeof getBuiltinModule;
  try {
    await expect(worker.createSession(core.readModel(bytes))).rejects.toMatchObject({ code: "ERR_WORKER" });
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
});

const HOST = `
  const host = (async () => {
    const [core, worker, { check }] = await Promise.all(
      ["/dist/index.js", "/dist/worker.js", "/checks/checks.mjs"].map((path) => import(path)));
    const blob = (source) => URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    return {
      core, worker, check, bytes: Uint8Array.of(${bytes}), nowhere: "/dist/nowhere.js",
      dying: (source) => new Worker(blob("onmessage = () => { " + source + " };")),
    };
  })();`;

describe.skipIf(CHROMIUM === undefined)(`in Chromium${NO_CHROMIUM}`, () => {
  let browser: Browser;
  let server: Server;
  let page: Page;
  let strict: Page;
  beforeAll(async () => {
    const dist = fileURLToPath(new URL("dist", root));
    const checks = fileURLToPath(new URL(".", import.meta.url));
    const page0 = {
      "index.html": `<!doctype html><meta charset="utf-8"><script src="host.js"></script>`,
      "host.js": HOST,
    };
    server = await serve(
      { dist, checks, page: page0, strict: page0 },
      {
        strict: {
          "content-security-policy": "default-src 'none'; connect-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
        },
      },
    );
    browser = await openBrowser();
    page = await browser.open(`${server.url}/page/index.html`);
    strict = await browser.open(`${server.url}/strict/index.html`);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it.each(names)("%s", async (name) => {
    const { got, expected } = (await page.evaluate(
      `host.then((host) => host.check(${JSON.stringify(name)}, host))`,
    )) as { got: unknown; expected: unknown };
    expect(got).toEqual(expected);
  });

  it("under a strict policy, a served file works and the Blob is refused with the hint", async () => {
    const answer = await strict.evaluate(`host.then(async ({ core, worker, bytes }) => {
      const model = core.readModel(bytes);
      const shapes = [];
      for (const options of [
        { url: "/dist/worker-thread.js" },
        { worker: new Worker("/dist/worker-thread.js", { type: "module" }) },
        { worker: new Worker("/dist/worker-thread.js") },
      ]) {
        const session = await worker.createSession(model, options);
        shapes.push((await session.run(new Float32Array(6))).shape, session.info.variant);
        session.dispose();
      }
      const refused = await worker.createSession(model).catch(({ code, hint }) => [code, hint.includes("sluice/worker-thread")]);
      return { shapes, refused };
    })`);
    const one = [[2, 1, 2], "relaxed"];
    expect(answer).toEqual({ shapes: [...one, ...one, ...one], refused: ["ERR_WORKER", true] });
  });
});
