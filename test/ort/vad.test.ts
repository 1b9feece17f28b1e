/**
 * A published program for onnxruntime-web, unmodified, in Chromium over `sluice/ort`: only the bundler's alias differs. It finds
 * the segments that it finds over onnxruntime-web.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type Browser,
  CHROMIUM,
  NO_CHROMIUM,
  openBrowser,
  type Page,
  type Server,
  serve,
} from "../browser/chromium.ts";
import { NO_VECTORS, VECTORS } from "../vectors.ts";

// A busy machine is slow, not wrong.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PACKAGES = join(HERE, "node_modules");
const HAS_PACKAGES = existsSync(PACKAGES);
const NO_PACKAGES = HAS_PACKAGES ? "" : " (skipped: no packages; npm ci --prefix test/ort installs them)";
const SLUICE = fileURLToPath(new URL("../../dist/ort.js", import.meta.url));
const PAGE = '<!doctype html><meta charset="utf-8"><script type="module" src="main.js"></script>';

async function bundle(alias: Record<string, string>): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, "page", "main.js")],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    legalComments: "none",
    alias,
    logLevel: "error",
  });
  return outputFiles[0].contents;
}

describe.skipIf(!HAS_PACKAGES || CHROMIUM === undefined)(`@ricky0123/vad-web${NO_PACKAGES}${NO_CHROMIUM}`, () => {
  let browser: Browser;
  let server: Server;
  let ours: Uint8Array;
  beforeAll(async () => {
    ours = await bundle({ "onnxruntime-web": SLUICE, "onnxruntime-web/wasm": SLUICE });
    server = await serve({
      ours: { "index.html": PAGE, "main.js": ours },
      theirs: { "index.html": PAGE, "main.js": await bundle({}) },
      runtime: join(PACKAGES, "onnxruntime-web", "dist"),
      models: join(PACKAGES, "@ricky0123", "vad-web", "dist"),
      vectors: join(VECTORS ?? HERE, "models", "silero-vad"),
    });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const open = (name: "ours" | "theirs"): Promise<Page> => browser.open(`${server.url}/${name}/index.html`);
  /** What the page said, but for the program's own log. */
  const said = ({ messages }: Page) => messages.filter((text) => !text.startsWith("VAD | debug"));

  it("all code together, the kernels inline, is at most 100 KB gzipped", () => {
    expect(gzipSync(ours, { level: 9 }).length).toBeLessThanOrEqual(100_000);
  });

  it("loads its detector for microphones, which imports onnxruntime-web/wasm", async () => {
    const page = await open("ours");
    expect(await page.evaluate('microphone("/models/", "/runtime/")')).toBe("function");
    expect(said(page)).toEqual([]);
  });

  describe.skipIf(!VECTORS)(`test.wav${VECTORS ? "" : `: ${NO_VECTORS}`}`, () => {
    it.each([
      ["whole recordings, Silero VAD 4", 'whole("/vectors/test.wav", "/models/silero_vad_legacy.onnx")'],
      ["frames, Silero VAD 6", 'frames("/vectors/test.wav", "/vectors/silero_vad.onnx")'],
    ])("%s: the segments of onnxruntime-web", async (_, call) => {
      const page = await open("ours");
      const found = await page.evaluate(call);
      const expected = await (await open("theirs")).evaluate(call);
      expect(expected).toMatchObject({ length: expect.any(Number) });
      expect((expected as unknown[]).length).toBeGreaterThan(1);
      expect(found).toEqual(expected);
      expect(said(page)).toEqual([]);
    });
  });
});

it("the test's package is what its lockfile says, which has no addresses", () => {
  const lock = JSON.parse(readFileSync(join(HERE, "package-lock.json"), "utf8"));
  const packages = Object.entries(lock.packages as Record<string, { readonly resolved?: string }>);
  expect(packages.filter(([, { resolved }]) => resolved)).toEqual([]);
});
