/** What the tests of the examples' pages share: a page's status, its buttons and file inputs, and axe-core. */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, vi } from "vitest";
import type { Page } from "../browser/chromium.ts";

const AXE = fileURLToPath(new URL("../pages/node_modules/axe-core/axe.min.js", import.meta.url));
export const NO_AXE = existsSync(AXE) ? "" : " (skipped: no axe-core; npm ci --prefix test/pages installs it)";

export const status = (page: Page) => page.evaluate(`document.querySelector("#status").textContent`);
export const until = (page: Page, expected: string) =>
  vi.waitFor(async () => expect(await status(page)).toContain(expected), 20_000);
export const press = (page: Page, id: string) => page.evaluate(`document.getElementById("${id}").click()`);

/** Puts the server's file into a file input, as a person would. */
export const choose = (page: Page, id: string, path: string) =>
  page.evaluate(`(async () => {
    const bytes = await (await fetch(${JSON.stringify(path)})).arrayBuffer();
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], ${JSON.stringify(path.replace(/^.*\//, ""))}));
    const input = document.getElementById(${JSON.stringify(id)});
    input.files = transfer.files;
    input.dispatchEvent(new Event("change"));
  })()`);

/** Flags of a Chromium that plays without being clicked, and whose microphone hears this WAV file, again and again. */
export const fakeMicrophone = (path: string) => [
  "--autoplay-policy=no-user-gesture-required",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  `--use-file-for-fake-audio-capture=${path}`,
];

/** What axe-core finds serious or critical. */
export async function seriousFindings(page: Page): Promise<unknown> {
  await page.evaluate(`${readFileSync(AXE, "utf8")};0`);
  const found = (await page.evaluate(
    `axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => [id, impact, nodes[0].html]))`,
  )) as [id: string, impact: string, html: string][];
  return found.filter(([, impact]) => impact === "serious" || impact === "critical");
}
