/** The amplifier's page in Chromium: what it says, what bypass changes in the sound, and what axe-core finds. */

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildPage } from "../../examples/page.ts";
import { noise } from "../audio/vectors.ts";
import {
  type Browser,
  CHROMIUM,
  NO_CHROMIUM,
  openBrowser,
  type Page,
  type Server,
  serve,
} from "../browser/chromium.ts";
import { choose, NO_AXE, press, seriousFindings, status, until } from "./pages.ts";

/** A GRU of 8 units in RTNeural's JSON whose head gives silence, so that what is heard with it is the bypass. */
const silent = (inputs = 1) => {
  const rows = (n: number, k: number) => Array.from({ length: n }, (_, i) => Array.from(noise(k, i + 1)));
  const gru = {
    type: "gru",
    activation: "",
    shape: [null, null, 8],
    weights: [rows(inputs, 24), rows(8, 24), rows(2, 24)],
  };
  const head = { type: "dense", activation: "", shape: [null, null, 1], weights: [Array(8).fill([0]), [0]] };
  return JSON.stringify({ in_shape: [null, null, inputs], layers: [gru, head] });
};

describe.skipIf(CHROMIUM === undefined)(`the amplifier's page in Chromium${NO_CHROMIUM}`, () => {
  let browser: Browser;
  let server: Server;
  beforeAll(async () => {
    const page = await buildPage(new URL("../../examples/amp/", import.meta.url));
    server = await serve({ page, files: { "silent.json": silent(), "knobs.json": silent(3), "broken.json": "{}" } });
    browser = await openBrowser(["--autoplay-policy=no-user-gesture-required"]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const open = () => browser.open(`${server.url}/page/index.html`);
  const level = (page: Page) => page.evaluate(`document.getElementById("level").value`) as Promise<number>;

  it("says what is wrong with a file that is no model", async () => {
    const page = await open();
    expect(await status(page)).toBe("Choose a model.");
    await choose(page, "file", "/files/broken.json");
    await until(page, "broken.json cannot be used.");
    expect(await page.evaluate(`document.getElementById("play").disabled`)).toBe(true);
    expect(page.messages).toEqual([]);
  });

  it("says so of a model that takes knobs beside the sample", async () => {
    const page = await open();
    await choose(page, "file", "/files/knobs.json");
    await until(
      page,
      "knobs.json cannot be used. It takes 3 numbers at a time and gives 1; this page runs models of one",
    );
    expect(await page.evaluate(`document.getElementById("play").disabled`)).toBe(true);
  });

  it("plays the string through the model, and past it when bypassed", async () => {
    const page = await open();
    await choose(page, "file", "/files/silent.json");
    await until(page, "silent.json is ready.");
    await press(page, "play");
    await until(page, "Playing.");
    await vi.waitFor(
      async () => expect(await page.evaluate(`document.getElementById("percent").textContent`)).toMatch(/^\d+\.\d %$/),
      20_000,
    );
    expect(await level(page)).toBe(0);
    await press(page, "bypass");
    await vi.waitFor(async () => expect(await level(page)).toBeGreaterThan(0.01), 20_000);
    await press(page, "play");
    await until(page, "Stopped.");
    expect(await level(page)).toBe(0);
    expect(page.messages).toEqual([]);
  });

  it.skipIf(NO_AXE !== "")(`axe-core finds nothing serious${NO_AXE}`, async () => {
    const page = await open();
    expect(await seriousFindings(page)).toEqual([]);
  });
});
