/**
 * The keyword spotter's page in Chromium: what it says without a model, which word it hears in a recording and from a microphone
 * (Chromium's, which plays a file), and what axe-core finds.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resample, writeWav } from "sluice/audio";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildPage } from "../../examples/page.ts";
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
import { choose, fakeMicrophone, NO_AXE, press, seriousFindings, status, until } from "./pages.ts";

const MODELS = VECTORS && join(VECTORS, "models", "ml-kws");
const RATE = 16_000;

/** The spoken clip of the models' authors, where it is, then a second of silence, at another rate. */
function clip(): Uint8Array {
  const bytes = MODELS ? readFileSync(join(MODELS, "demo_clip_16k_s16le.raw")) : new Uint8Array();
  const x = new Float32Array(2 * RATE);
  x.set(Float32Array.from(new Int16Array(new Uint8Array(bytes).buffer), (value) => value / 32768));
  return writeWav({ sampleRate: 48_000, channels: [resample(x, { from: RATE, to: 48_000 })], encoding: "s16" });
}

describe.skipIf(CHROMIUM === undefined)(`the keyword spotter's page in Chromium${NO_CHROMIUM}`, () => {
  let browser: Browser;
  let server: Server;
  const folder = mkdtempSync(join(tmpdir(), "sluice-keyword-"));
  beforeAll(async () => {
    writeFileSync(join(folder, "clip.wav"), clip());
    server = await serve({
      page: await buildPage(new URL("../../examples/keyword/page/", import.meta.url)),
      files: { "clip.wav": clip(), "broken.npz": Uint8Array.of(1, 2, 3), "text.wav": "no sound" },
      ...(MODELS && { models: MODELS }),
    });
    browser = await openBrowser(fakeMicrophone(join(folder, "clip.wav")));
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = () => browser.open(`${server.url}/page/index.html`);
  const disabled = (page: Page) =>
    page.evaluate(`["play", "microphone", "stop"].map((id) => document.getElementById(id).disabled)`);
  const heard = (page: Page) =>
    page.evaluate(`[...document.querySelectorAll("#heard li")].map((item) => item.textContent)`) as Promise<string[]>;

  it("says what to do where there is no model", async () => {
    const page = await open();
    expect(await status(page)).toBe("Choose a model to begin.");
    await choose(page, "sound", "/files/clip.wav");
    await until(page, "clip.wav is ready. Now choose a model.");
    expect(await disabled(page)).toEqual([true, true, true]);
    expect(page.messages).toEqual([]);
  });

  it("says what is wrong with a file that is no model", async () => {
    const page = await open();
    await choose(page, "model", "/files/broken.npz");
    await until(page, "broken.npz is not a model that this page can run.");
    expect(await disabled(page)).toEqual([true, true, true]);
    expect(page.messages).toEqual([]);
  });

  it.skipIf(!MODELS)(`takes the file that was chosen last${MODELS ? "" : ` (${NO_VECTORS})`}`, async () => {
    const page = await open();
    await page.evaluate(`Promise.all([fetch("/models/GRU_L.npz"), fetch("/files/broken.npz")])`);
    await choose(page, "model", "/models/GRU_L.npz");
    await choose(page, "model", "/files/broken.npz");
    await until(page, "broken.npz is not a model that this page can run.");
    expect(await disabled(page)).toEqual([true, true, true]);
  });

  it.skipIf(NO_AXE !== "")(`axe-core finds nothing serious${NO_AXE}`, async () => {
    const page = await open();
    expect(await page.evaluate(`document.querySelectorAll("meter").length`)).toBe(12);
    expect(await seriousFindings(page)).toEqual([]);
  });

  it.skipIf(!MODELS)(`names the word of a recording${MODELS ? "" : ` (${NO_VECTORS})`}`, async () => {
    const page = await open();
    await choose(page, "model", "/models/GRU_S.npz");
    await until(page, "GRU_S.npz is ready. Choose a recording");
    await choose(page, "sound", "/files/text.wav");
    await until(page, "text.wav is ready. Play it.");
    await press(page, "play");
    await until(page, "The recording does not play. This browser does not know its format");

    await choose(page, "sound", "/files/clip.wav");
    await until(page, "clip.wav is ready. Play it.");
    await press(page, "play");
    await until(page, "Playing clip.wav.");
    expect(await disabled(page)).toEqual([true, true, false]);
    await until(page, "The recording has ended.");
    expect(await heard(page)).toEqual([expect.stringMatching(/^right, \d+ %$/)]);
    expect(await page.evaluate(`document.querySelector("#word").textContent`)).toBe("silence");
    const bars = `[...document.querySelectorAll("meter")].map(({ value }) => value)`;
    const values = (await page.evaluate(bars)) as number[];
    expect(values.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    expect(await disabled(page)).toEqual([false, false, true]);
    expect(page.messages).toEqual([]);
  });

  it.skipIf(!MODELS)(`names the word that a microphone hears${MODELS ? "" : ` (${NO_VECTORS})`}`, async () => {
    const page = await open();
    await choose(page, "model", "/models/GRU_M.npz");
    await until(page, "GRU_M.npz is ready.");
    await press(page, "microphone");
    await until(page, "Listening. Say one of the words.");
    await vi.waitFor(async () => expect((await heard(page)).join()).toMatch(/right/), 20_000);
    await press(page, "stop");
    await until(page, "Stopped.");
    expect(await disabled(page)).toEqual([true, false, true]);
    expect(page.messages).toEqual([]);
  });
});
