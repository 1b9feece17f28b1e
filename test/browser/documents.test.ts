/**
 * The blocks of the documents that need a browser, in a page of Chromium with an import map over dist/. What stands after a
 * console.log as a comment is what it prints.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Block, blocksOf, printed, writeModels } from "../docs/blocks.ts";
import { type Browser, CHROMIUM, NO_CHROMIUM, openBrowser, type Server, serve } from "./chromium.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DOCUMENTS = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => join("docs", name))];
const BLOCKS = DOCUMENTS.flatMap((file) =>
  blocksOf(readFileSync(join(ROOT, file), "utf8"))
    .filter(({ page }) => page)
    .map((block): [string, Block] => [`${file}, line ${block.line}`, block]),
);

const IMPORTS = Object.fromEntries(
  ["", "/worker", "/worklet"].map((name) => [`sluice${name}`, `/dist${name || "/index"}.js`]),
);

/** Says "done" when the module has run to its end. */
const page = (code: string) => `<!doctype html><meta charset="utf-8">
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module">globalThis.done = import("./${code}").then(() => {});</script>`;

describe.skipIf(CHROMIUM === undefined)(`the documents in Chromium${NO_CHROMIUM}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-page-"));
  let browser: Browser;
  let server: Server;
  beforeAll(async () => {
    writeModels(folder);
    const models = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]);
    const pages = BLOCKS.flatMap(([, { code }], i) => [
      [`${i}.html`, page(`${i}.js`)],
      [`${i}.js`, code],
    ]);
    server = await serve({ dist: join(ROOT, "dist"), docs: Object.fromEntries([...models, ...pages]) });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(BLOCKS)("%s runs and prints what it says", async (name, { code }) => {
    const at = BLOCKS.findIndex(([other]) => other === name);
    const { evaluate, messages } = await browser.open(`${server.url}/docs/${at}.html`);
    await evaluate("done");
    expect(messages).toEqual(printed(code));
  });
});
