/**
 * The denoiser's page in Chromium: what it says without a model, what it plays with one, from a recording and from a microphone
 * (Chromium's, which plays a file), and what axe-core finds.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeWav } from "sluice/audio";
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
import { NO_VECTORS, VECTORS } from "../vectors.ts";
import { choose, fakeMicrophone, NO_AXE, press, seriousFindings, status, until } from "./pages.ts";

const RATE = 44_100;

/** Three seconds of a tone that comes and goes, in noise. */
const sound = writeWav({
  sampleRate: RATE,
  channels: [
    Float32Array.from(noise(3 * RATE, 5), (value, n) => {
      const tone = Math.sin((2 * Math.PI * 440 * n) / RATE) * Math.max(0, Math.sin((6 * n) / RATE));
      return 0.05 * value + 0.3 * tone;
    }),
  ],
});

describe.skipIf(CHROMIUM === undefined)(`the denoiser's page in Chromium${NO_CHROMIUM}`, () => {
  let browser: Browser;
  let server: Server;
  const folder = mkdtempSync(join(tmpdir(), "sluice-denoise-"));
  beforeAll(async () => {
    const models = VECTORS && join(VECTORS, "models");
    const files = { "sound.wav": sound, "broken.onnx": Uint8Array.of(1, 2, 3), "text.wav": "no sound" };
    server = await serve({
      page: await buildPage(new URL("../../examples/denoise/page/", import.meta.url)),
      files,
      ...(models && { models }),
    });
    writeFileSync(join(folder, "sound.wav"), sound);
    browser = await openBrowser(fakeMicrophone(join(folder, "sound.wav")));
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = () => browser.open(`${server.url}/page/index.html`);
  const disabled = (page: Page) =>
    page.evaluate(`["play", "microphone", "stop"].map((id) => document.getElementById(id).disabled)`);
  /** How much light a canvas has. */
  const light = (page: Page, id: string) =>
    page.evaluate(`(() => {
      const canvas = document.getElementById("${id}");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.reduce((sum, value, i) => (i % 4 === 3 ? sum : sum + value), 0);
    })()`) as Promise<number>;

  /** Until the node has said how much it takes of the audio thread. */
  const untilLoad = (page: Page) =>
    vi.waitFor(
      async () =>
        expect(await page.evaluate(`document.querySelector("#load-text").textContent`)).toMatch(
          /^\d+\.\d % · \d+ deadlines? missed$/,
        ),
      20_000,
    );

  it("says what to do where there is no model", async () => {
    const page = await open();
    expect(await status(page)).toBe("Choose GTCRN's ONNX file to begin.");
    expect(await disabled(page)).toEqual([true, true, true]);
    await choose(page, "sound", "/files/sound.wav");
    await until(page, "sound.wav is ready. Now choose GTCRN's ONNX file.");
    expect(await disabled(page)).toEqual([true, true, true]);
    expect(page.messages).toEqual([]);
  });

  it("says what is wrong with a file that is no model", async () => {
    const page = await open();
    await choose(page, "model", "/files/broken.onnx");
    await until(page, "broken.onnx is not a model that this page can run.");
    expect(await disabled(page)).toEqual([true, true, true]);
    expect(page.messages).toEqual([]);
  });

  it.skipIf(NO_AXE !== "")(`axe-core finds nothing serious${NO_AXE}`, async () => {
    const page = await open();
    expect(await seriousFindings(page)).toEqual([]);
    await page.evaluate(
      `document.querySelector("#bypass").parentElement.replaceChildren(document.querySelector("#bypass"))`,
    );
    const unlabelled = await page.evaluate(`axe.run().then(({ violations }) => violations.map(({ id }) => id))`);
    expect(unlabelled).toContain("label");
  });

  it.skipIf(!VECTORS)(`refuses another model by its sizes${VECTORS ? "" : ` (${NO_VECTORS})`}`, async () => {
    const page = await open();
    await choose(page, "model", "/models/dtln/model_1.onnx");
    await until(page, "Expected GTCRN, which takes spectra of 514 numbers; got 257.");
  });

  it.skipIf(!VECTORS)(
    `keeps a recording that is chosen while the model is read${VECTORS ? "" : ` (${NO_VECTORS})`}`,
    async () => {
      const page = await open();
      await page.evaluate(`(async () => {
        const paths = { model: "/models/gtcrn/gtcrn_simple.onnx", sound: "/files/sound.wav" };
        const inputs = await Promise.all(Object.entries(paths).map(async ([id, path]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([await (await fetch(path)).arrayBuffer()], path.replace(/^.*\\//, "")));
          const input = document.getElementById(id);
          input.files = transfer.files;
          return input;
        }));
        for (const input of inputs) input.dispatchEvent(new Event("change"));
      })()`);
      await until(page, "sound.wav is ready. Play it.");
      expect(await disabled(page)).toEqual([false, false, true]);
    },
  );

  it.skipIf(!VECTORS)(`plays a recording through GTCRN${VECTORS ? "" : ` (${NO_VECTORS})`}`, async () => {
    const page = await open();
    await choose(page, "model", "/models/gtcrn/gtcrn_simple.onnx");
    await until(page, "gtcrn_simple.onnx is ready. Choose a recording");
    await choose(page, "sound", "/files/text.wav");
    await until(page, "text.wav is ready. Play it.");
    await press(page, "play");
    await until(page, "The recording does not play. This browser does not know its format");

    await choose(page, "sound", "/files/sound.wav");
    await until(page, "sound.wav is ready. Play it.");
    await press(page, "play");
    await until(page, "Playing sound.wav.");
    expect(await disabled(page)).toEqual([true, true, false]);
    await press(page, "bypass");
    await untilLoad(page);
    const [before, after] = [await light(page, "before"), await light(page, "after")];
    expect(after).toBeGreaterThan(0);
    expect(after).toBeLessThan(before);
    await until(page, "The recording has ended.");
    expect(await disabled(page)).toEqual([false, false, true]);

    await press(page, "play");
    await until(page, "Playing sound.wav.");
    await press(page, "stop");
    await until(page, "Stopped.");
    expect(await page.evaluate(`document.querySelector("#load-text").textContent`)).toBe("not running");
    expect(page.messages).toEqual([]);
  });

  it.skipIf(!VECTORS)(
    `takes the noise out of what a microphone hears${VECTORS ? "" : ` (${NO_VECTORS})`}`,
    async () => {
      const page = await open();
      await choose(page, "model", "/models/gtcrn/gtcrn_simple.onnx");
      await until(page, "gtcrn_simple.onnx is ready.");
      await press(page, "microphone");
      await until(page, "Listening. Speak");
      expect(await disabled(page)).toEqual([true, true, false]);
      await untilLoad(page);
      const [before, after] = [await light(page, "before"), await light(page, "after")];
      expect(after).toBeGreaterThan(0);
      expect(after).toBeLessThan(before);
      await press(page, "stop");
      await until(page, "Stopped.");
      expect(await page.evaluate(`document.querySelector("#load-text").textContent`)).toBe("not running");
      expect(page.messages).toEqual([]);
    },
  );
});
