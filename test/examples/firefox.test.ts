/**
 * The pages of the examples in Firefox: what axe-core finds, and that models are read, on the page and in its worker. What needs
 * a sound output, which a machine of tests has not, is tested in Chromium.
 */

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildPage } from "../../examples/page.ts";
import { type Browser, type Server, serve } from "../browser/chromium.ts";
import { FIREFOX, NO_FIREFOX, openFirefox } from "../browser/firefox.ts";
import { NO_VECTORS, VECTORS } from "../vectors.ts";
import { choose, NO_AXE, seriousFindings, status, until } from "./pages.ts";

// A busy machine is slow, not wrong.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const PAGES = { amp: "amp/", denoise: "denoise/page/", keyword: "keyword/page/" };

describe.skipIf(FIREFOX === undefined)(`the examples' pages in Firefox${NO_FIREFOX}`, () => {
  let browser: Pick<Browser, "open" | "close">;
  let server: Server;
  beforeAll(async () => {
    const built = Object.entries(PAGES).map(
      async ([name, folder]) => [name, await buildPage(new URL(`../../examples/${folder}`, import.meta.url))] as const,
    );
    server = await serve({
      ...Object.fromEntries(await Promise.all(built)),
      files: { "broken.bin": Uint8Array.of(1, 2, 3) },
      ...(VECTORS && { models: join(VECTORS, "models") }),
    });
    browser = await openFirefox();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const open = (name: string) => browser.open(`${server.url}/${name}/index.html`);

  it.skipIf(NO_AXE !== "").each(Object.keys(PAGES))(`axe-core finds nothing serious in %s${NO_AXE}`, async (name) => {
    expect(await seriousFindings(await open(name))).toEqual([]);
  });

  it.each([
    ["amp", "file", "broken.bin cannot be used."],
    ["denoise", "model", "broken.bin is not a model that this page can run."],
    ["keyword", "model", "broken.bin is not a model that this page can run."],
  ])("%s says what is wrong with a file that is no model", async (name, input, expected) => {
    const page = await open(name);
    expect(await status(page)).toMatch(/^Choose /);
    await choose(page, input, "/files/broken.bin");
    await until(page, expected);
    expect(page.messages).toEqual([]);
  });

  it.skipIf(!VECTORS).each([
    ["denoise", "gtcrn/gtcrn_simple.onnx", "gtcrn_simple.onnx is ready."],
    ["keyword", "ml-kws/GRU_S.npz", "GRU_S.npz is ready."],
  ])(`%s reads %s${VECTORS ? "" : ` (${NO_VECTORS})`}`, async (name, path, expected) => {
    const page = await open(name);
    await choose(page, "model", `/models/${path}`);
    await until(page, expected);
    expect(page.messages).toEqual([]);
  });
});
