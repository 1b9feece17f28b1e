/**
 * A page over every entry, bundled by what people use, without configuration (Rollup with the plug-in that finds packages),
 * and run in Chromium: as it is, and under a strict Content-Security-Policy with the threads' files served.
 */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createSessionSync, writeSafetensors } from "../../src/index.ts";
import { type Browser, CHROMIUM, NO_CHROMIUM, openBrowser, type Server, serve } from "../browser/chromium.ts";
import { randomModel, seeded, uniform } from "../conformance/models.ts";
import { HAS_TOOLS, installPacked, NO_TOOLS, type Packed } from "./packed.ts";

// A busy machine is slow, not wrong.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** From main.js and index.html of a folder to a page in `out`. */
const BUNDLERS: Readonly<Record<string, readonly string[]>> = {
  esbuild: ["main.js", "--bundle", "--minify", "--format=esm", "--outdir=out-esbuild"],
  vite: ["build", "--outDir=out-vite", "--base=./", "--logLevel=error"],
  webpack: ["build", "--entry=./main.js", "--mode=production", "--output-path=out-webpack"],
  rollup: ["main.js", "--plugin=node-resolve", "--format=es", "--dir=out-rollup"],
};

const PAGE = '<!doctype html><meta charset="utf-8"><script type="module" src="main.js"></script>';
const POLICY = "default-src 'none'; connect-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

const model = randomModel("bundlers", [
  { type: "gru", name: "rnn", inputSize: 1, hiddenSize: 20 },
  { type: "linear", name: "head", inFeatures: 20, outFeatures: 1 },
]);
const samples = uniform(seeded("samples"), 128 * 10);
const expected = Array.from(createSessionSync(model, { variant: "simd" }).stream().run(samples));

describe.skipIf(!HAS_TOOLS || CHROMIUM === undefined)(`bundles in Chromium${NO_TOOLS}${NO_CHROMIUM}`, () => {
  let packed: Packed;
  let browser: Browser;
  let server: Server;
  beforeAll(async () => {
    packed = installPacked();
    server = await serve(
      {
        plain: packed.folder,
        strict: packed.folder,
        dist: join(packed.folder, "node_modules", "sluice", "dist"),
      },
      { strict: { "content-security-policy": POLICY } },
    );
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    packed?.remove();
  });

  /** Bundles a folder of app/ and gives what the page's `run` does, with the page's messages. */
  async function bundled(name: string, folder: string, policy: "plain" | "strict", options = {}): Promise<unknown> {
    const out = join(packed.folder, folder, `out-${name}`);
    if (!existsSync(out)) packed.tool(name, BUNDLERS[name], folder);
    if (!existsSync(join(out, "index.html"))) writeFileSync(join(out, "index.html"), PAGE);
    const page = await browser.open(`${server.url}/${policy}/${folder}/out-${name}/index.html`);
    const call = `run([${writeSafetensors(model)}], [${samples}], ${JSON.stringify(options)})`;
    const outputs = await page.evaluate(call);
    return { outputs, messages: page.messages };
  }

  describe.each(Object.keys(BUNDLERS))("%s", (name) => {
    it("page, worker and worklet give the bits of Node's simd build, and the page finds the reference", async () => {
      const answer = await bundled(name, "page", "plain");
      expect(answer).toEqual({ outputs: [expected, expected, expected, "reference"], messages: [] });
    });

    it("and under a strict policy, with the threads' files served", async () => {
      const files = { thread: "/dist/worker-thread.js", processor: "/dist/worklet-processor.js" };
      const answer = await bundled(name, "page", "strict", files);
      expect(answer).toEqual({ outputs: [expected, expected, expected, "reference"], messages: [] });
    });
  });

  it.each(["vite", "webpack"])("%s makes the worker's file itself, which needs no Blob", async (name) => {
    expect(await bundled(name, "own-worker", "strict")).toEqual({ outputs: [expected], messages: [] });
  });
});
