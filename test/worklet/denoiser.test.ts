/**
 * GTCRN and DTLN on the audio threads of Chromium and Firefox, in a processor of one's own over `sluice/graph` and `sluice/audio`:
 * Node's bits, and what their authors' runtimes gave, 55 dB.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { readWav } from "sluice/audio";
import { createSessionSync, type Model, readModel } from "sluice/onnx";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Denoiser, dtln, gtcrn } from "../../examples/denoise/denoiser.ts";
import { type Browser, CHROMIUM, NO_CHROMIUM, openBrowser, type Server, serve } from "../browser/chromium.ts";
import { FIREFOX, NO_FIREFOX, openFirefox } from "../browser/firefox.ts";
import { bitsOf } from "../host/child.ts";
import { NO_VECTORS, VECTORS } from "../vectors.ts";

// A busy machine is slow, not wrong.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = new URL("../../", import.meta.url);
const RATE = 16_000;
const QUANTUM = 128;
const SAMPLES = 300 * QUANTUM;

const FILES = { gtcrn: ["gtcrn/gtcrn_simple.onnx"], dtln: ["dtln/model_1.onnx", "dtln/model_2.onnx"] };
type Name = keyof typeof FILES;
/** The names of the state of DTLN's second file do not tell that they belong together. */
const OPTIONS = [{}, { state: { input_5: "tf_op_layer_stack_5" } }];

const HOST = `
  const open = async (files, options) => {
    const { loadModel } = await import("/dist/onnx.js");
    return Promise.all(files.map((file, i) => loadModel("/models/" + file, options[i])));
  };
  globalThis.render = async (x, files, options) => {
    const context = new OfflineAudioContext(1, x.length, ${RATE});
    await context.audioWorklet.addModule("processor.js");
    const models = (await open(files, options)).map(({ inputs, outputs, nodes, tensors, states }) => (
      { inputs, outputs, nodes, tensors, states, info: {}, warnings: [] }
    ));
    const node = new AudioWorkletNode(context, "denoiser", { processorOptions: { models } });
    const buffer = context.createBuffer(1, x.length, ${RATE});
    buffer.copyToChannel(Float32Array.from(x), 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(node).connect(context.destination);
    source.start();
    const y = (await context.startRendering()).getChannelData(0);
    return Array.from(new Uint32Array(y.buffer, y.byteOffset, y.length));
  };`;

const read = (name: string) => new Uint8Array(readFileSync(join(VECTORS ?? "", "models", name)));
const floats = (name: string) => new Float32Array(read(name).buffer);
const recording = (name: string) => Float32Array.from(readWav(read(name)).channels[0]);

function denoiserOf(name: Name): Denoiser {
  const models: Model[] = FILES[name].map((file, i) => readModel(read(file), OPTIONS[i]));
  const [first, second] = models.map((model) => createSessionSync(model, { variant: "simd" }).stream());
  return second ? dtln(first, second) : gtcrn(first);
}

/** The samples that a name is tested with: GTCRN's recording begins mirrored, as its authors have it. */
function soundOf(name: Name): Float32Array {
  const mix = recording("gtcrn/mix.wav").subarray(0, SAMPLES);
  if (name === "dtln") return mix;
  const x = new Float32Array(SAMPLES);
  for (let n = 0; n < 256; n++) x[n] = mix[256 - n];
  x.set(mix.subarray(0, SAMPLES - 256), 256);
  return x;
}

/** What the authors' runtimes gave, from the sample on at which the denoiser's first whole hop begins. */
function cleanOf(name: Name): Float32Array {
  if (name === "gtcrn") return recording("gtcrn/enh_stream.wav").subarray(0, SAMPLES - 512);
  const blocks = floats("dtln/golden/model_2/out_conv1d_3.f32");
  const sum = new Float32Array(SAMPLES + 384);
  for (const [i, value] of blocks.entries()) sum[Math.floor(i / 512) * 128 + (i % 512)] += value;
  return sum.subarray(0, SAMPLES);
}

const BROWSERS = [
  ["Chromium", CHROMIUM, NO_CHROMIUM, () => openBrowser()],
  ["Firefox", FIREFOX, NO_FIREFOX, () => openFirefox()],
] as const;

describe.each(BROWSERS)("denoisers on the audio thread of %s", (_, path, missing, openIt) => {
  describe.skipIf(path === undefined || !VECTORS)(
    `with the published models${missing || (VECTORS ? "" : ` (${NO_VECTORS})`)}`,
    () => {
      let browser: Pick<Browser, "open" | "close">;
      let server: Server;
      beforeAll(async () => {
        const { outputFiles } = await build({
          entryPoints: [fileURLToPath(new URL("test/worklet/denoiser-processor.ts", root))],
          bundle: true,
          write: false,
          format: "esm",
          target: "es2022",
        });
        const page = {
          "index.html": `<!doctype html><meta charset="utf-8"><script src="host.js"></script>`,
          "host.js": HOST,
          "processor.js": outputFiles[0].text,
        };
        const dist = fileURLToPath(new URL("dist", root));
        server = await serve({ page, dist, models: join(VECTORS ?? "", "models") });
        browser = await openIt();
      });
      afterAll(async () => {
        await browser?.close();
        await server?.close();
      });

      it.each(["gtcrn", "dtln"] as const)(
        "%s gives Node's bits, and what its authors' runtime does, 55 dB",
        async (name) => {
          const x = soundOf(name);
          const denoiser = denoiserOf(name);
          const { hop } = denoiser;
          const direct = new Float32Array(x.length);
          for (let at = 0; at < x.length; at += hop)
            denoiser.step(x.subarray(at, at + hop), direct.subarray(at, at + hop));
          const page = await browser.open(`${server.url}/page/index.html`);
          const given = [[...x], FILES[name], OPTIONS].map((one) => JSON.stringify(one)).join(", ");
          const bits = (await page.evaluate(`render(${given})`)) as number[];
          // A hop comes out from the quantum that fills it on.
          const late = hop - QUANTUM;
          expect(bits.slice(late)).toEqual(bitsOf(direct.subarray(0, x.length - late)));
          const got = new Float32Array(Uint32Array.from(bits).buffer);
          const expected = cleanOf(name);
          const begin = late + (name === "gtcrn" ? 512 : 0);
          let [signal, difference] = [0, 0];
          for (let i = 0; begin + i < got.length && i < expected.length; i++) {
            signal += expected[i] ** 2;
            difference += (got[begin + i] - expected[i]) ** 2;
          }
          expect(10 * Math.log10(signal / difference)).toBeGreaterThan(55);
        },
      );
    },
  );
});
