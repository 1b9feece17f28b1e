/**
 * Models of spectra and of graphs on the audio thread of Chromium, against plain loops of Stft, a stream of Node's simd build and
 * Istft; the load that a node counts; and graphs in a worker.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createSessionSync as openOnnx, readModel as readOnnx } from "sluice/onnx";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { gtcrn } from "../../examples/denoise/denoiser.ts";
import { Istft, Stft, type StftOptions } from "../../src/audio/stft.ts";
import { readWav } from "../../src/audio.ts";
import { buildModel } from "../../src/graph.ts";
import { createSessionSync, readModel } from "../../src/graph-entry.ts";
import { createSession as createWorkerSession } from "../../src/graph-worker.ts";
import { type Model, writeSafetensors } from "../../src/index.ts";
import { GRAPH } from "../../src/ops/graph.ts";
import { audioLayout } from "../../src/worklet/layout.ts";
import { LoadMeter } from "../../src/worklet/load.ts";
import {
  type Browser,
  CHROMIUM,
  NO_CHROMIUM,
  openBrowser,
  type Page,
  type Server,
  serve,
} from "../browser/chromium.ts";
import { randomModel, seeded, uniform } from "../conformance/models.ts";
import { bitsOf } from "../host/child.ts";
import { NO_VECTORS, VECTORS } from "../vectors.ts";

// A busy machine is slow, not wrong.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const root = new URL("../../", import.meta.url);
const RATE = 48_000;

const net = (name: string, size: number) =>
  randomModel(name, [
    { type: "gru", name: "rnn", inputSize: size, hiddenSize: 12 },
    { type: "linear", name: "head", inFeatures: 12, outFeatures: size },
  ]);

/** y = x · |x|, of a spectrum of 66 numbers. */
const built: Model = buildModel(
  GRAPH,
  {
    inputs: [{ name: "x", dtype: "F32", shape: [1, 33, 2] }],
    nodes: [
      { name: "size", op: "activation", inputs: ["x"], outputs: ["a"], attrs: { function: "abs" } },
      { name: "product", op: "mul", inputs: ["x", "a"], outputs: ["y"], attrs: {} },
    ],
    tensors: new Map(),
  },
  ["y"],
);
const squared = readModel(writeSafetensors(built)); // with all attributes

const MODELS = { wide: net("wide", 514), short: net("short", 18), squared };
type Name = keyof typeof MODELS;
const SPECTRA: readonly [name: Name, entry: "worklet" | "graph-worklet", stft: StftOptions][] = [
  ["wide", "worklet", { frame: 512, hop: 256, window: "sqrt-hann" }],
  ["wide", "graph-worklet", { frame: 400, hop: 160, fftSize: 512 }],
  ["short", "worklet", { frame: 16, hop: 4, window: "hamming" }],
  ["squared", "graph-worklet", { frame: 64 }],
];

/** The first spectrum is that of the first whole frame. */
function expected(model: Model, options: StftOptions, x: Float32Array, quantum = 128): Float32Array {
  const stft = new Stft(options);
  const istft = new Istft(options);
  const stream = createSessionSync(model, { variant: "simd" }).stream();
  const { latencySamples } = audioLayout(model, { stft: options }, { quantum, sampleRate: RATE });
  const { frame, hop } = stft;
  const y = new Float32Array(x.length + latencySamples + hop);
  // Frames by hand: of an Stft, a new hop of which is a whole frame.
  const whole = new Stft({ ...options, hop: frame });
  for (let from = 0; from + frame <= x.length; from += hop) {
    whole.reset();
    const spectrum = whole.step(x.subarray(from, from + frame), new Float32Array(stft.spectrumLength));
    const given = stream.step(spectrum) as Float32Array;
    istft.step(given, y.subarray(latencySamples + from, latencySamples + from + hop));
  }
  return y.slice(0, x.length);
}

it("spectra are framed so that no sample is missing, whatever frame, hop and quantum are", () => {
  const stft = { frame: 16, hop: 4 };
  const at = (quantum: number) => audioLayout(MODELS.short, { stft }, { quantum, sampleRate: RATE }).latencySamples;
  // frame − g + (−frame mod g), g = gcd(4, quantum)
  expect([1, 2, 3, 4, 128].map(at)).toEqual([15, 14, 15, 12, 12]);
  const model = net("odd", 514);
  const odd = { stft: { frame: 400, hop: 160, fftSize: 512 } };
  expect(audioLayout(model, odd, { quantum: 128, sampleRate: RATE }).latencySamples).toBe(384);
});

it("options that do not fit spectra are refused", () => {
  const refused = (name: Name, options: object) => () =>
    audioLayout(MODELS[name], options, { quantum: 128, sampleRate: RATE });
  const stft = { frame: 512 };
  expect(refused("wide", { stft, hop: 128 })).toThrow('"stft" expected no frame and hop beside it, got 128');
  expect(refused("short", { stft })).toThrow(
    '"stft" expected input of 18 numbers to be a spectrum and 0 params, got spectra of 514',
  );
  expect(refused("wide", { stft: { frame: 1 } })).toThrow(RangeError);
  const rating = randomModel("rating", [{ type: "linear", name: "l", inFeatures: 514, outFeatures: 1 }]);
  expect(() => audioLayout(rating, { stft }, { quantum: 128, sampleRate: RATE })).toThrow("a spectrum of 514, got 1");
});

it("a meter counts quanta, those that last too long, and shares of the time", () => {
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  try {
    const meter = new LoadMeter(128, 32_000); // 4 ms
    expect(meter.take()).toEqual({ quanta: 0, missed: 0, mean: 0, max: 0 });
    for (const ms of [1, 0, 5, 4, -2]) {
      meter.begin();
      now += ms;
      meter.end();
    }
    expect(meter.take()).toEqual({ quanta: 5, missed: 1, mean: 0.5, max: 1.25 });
    expect(meter.take().quanta).toBe(0);
  } finally {
    clock.mockRestore();
  }
});

it("a graph runs in a worker", async () => {
  const session = await createWorkerSession(squared, { url: new URL("dist/graph-worker-thread.js", root) });
  const x = uniform(seeded("worker"), 66, -1, 1);
  const y = await (await session.stream()).step(x);
  expect(y).toEqual(x.map((value) => value * Math.abs(value)));
  session.dispose();
});

const HOST = `
  const host = (async () => {
    const [core, graph, onnx] = await Promise.all(["index", "graph", "onnx"].map((name) => import("/dist/" + name + ".js")));
    const models = ${JSON.stringify(Object.fromEntries(Object.entries(MODELS).map(([name, one]) => [name, [...writeSafetensors(one)]])))};
    const model = (name) => graph.readModel(Uint8Array.from(models[name]));
    const bits = (y) => Array.from(new Uint32Array(y.buffer, y.byteOffset, y.length));
    async function render(x, entry, model, options, sampleRate = ${RATE}) {
      const { createSluiceNode } = await import("/dist/" + entry + ".js");
      const context = new OfflineAudioContext(1, x.length, sampleRate);
      const buffer = context.createBuffer(1, x.length, sampleRate);
      buffer.copyToChannel(Float32Array.from(x), 0);
      const source = new AudioBufferSourceNode(context, { buffer });
      const node = await createSluiceNode(context, model, options);
      const errors = [];
      node.addEventListener("processorerror", ({ message }) => errors.push(message));
      source.connect(node).connect(context.destination);
      source.start();
      const y = (await context.startRendering()).getChannelData(0);
      return { y, node, errors };
    }
    return { core, graph, onnx, model, bits, render };
  })();`;

describe.skipIf(CHROMIUM === undefined)(`in Chromium${NO_CHROMIUM}`, () => {
  let browser: Browser;
  let server: Server;
  let page: Page;
  beforeAll(async () => {
    const texts = {
      "index.html": `<!doctype html><meta charset="utf-8"><script src="host.js"></script>`,
      "host.js": HOST,
    };
    const models = VECTORS && join(VECTORS, "models");
    server = await serve({ dist: fileURLToPath(new URL("dist", root)), page: texts, ...(models && { models }) });
    browser = await openBrowser(["--autoplay-policy=no-user-gesture-required"]);
    page = await browser.open(`${server.url}/page/index.html`);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  const inPage = (body: string, given: object = {}) =>
    page.evaluate(`host.then(async ({ core, graph, onnx, model, bits, render }) => {
      const { ${Object.keys(given).join(", ")} } = ${JSON.stringify(given)};
      ${body}
    })`);

  it.each(SPECTRA)("%s through %s is its loop over spectra, bit for bit: %o", async (name, entry, stft) => {
    const x = uniform(seeded(name), 128 * 30, -1, 1);
    const y = await inPage(
      `const { y, errors } = await render(x, entry, model(name), { stft, variant: "simd" });
       return errors.length > 0 ? errors : bits(y);`,
      { x: [...x], entry, name, stft },
    );
    expect(y).toEqual(bitsOf(expected(MODELS[name], stft, x)));
  });

  it("a model of spectra that gives no finite numbers is passed by, as late as its output", async () => {
    const x = uniform(seeded("failing"), 128 * 12, -1, 1);
    const { y, errors, latency } = (await inPage(
      `const broken = model("wide");
       broken.tensors.get("head.bias").data.fill(NaN);
       const { y, node, errors } = await render(x, "worklet", broken, { stft: { frame: 512, hop: 128 } });
       await new Promise((resolve) => setTimeout(resolve, 100));
       return { y: Array.from(y), errors: errors.length, latency: node.latencySamples };`,
      { x: [...x] },
    )) as { y: number[]; errors: number; latency: number };
    expect([errors, latency]).toEqual([1, 384]);
    expect(y).toEqual(Array.from(x, (_, i) => x[i - latency] ?? 0));
  });

  it("a graph given to the core's node is refused, with the import that has it", async () => {
    const answer = await inPage(
      `return render([0], "worklet", model("squared"), { stft: { frame: 64 } }).catch(({ code, hint }) => [code, hint]);`,
    );
    expect(answer).toEqual(["ERR_SHAPE", expect.stringContaining("sluice/graph")]);
  });

  it("a node of a live context counts its quanta, and begins anew at each answer", async () => {
    const answer = (await inPage(`
      const { createSluiceNode } = await import("/dist/worklet.js");
      const context = new AudioContext();
      const node = await createSluiceNode(context, model("short"), { stft: { frame: 16 } });
      new ConstantSourceNode(context).connect(node).connect(context.destination);
      await context.resume();
      const loads = [];
      const none = await node.load();
      for (let i = 0; i < 2; i++) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        loads.push(await node.load());
      }
      const elapsed = context.currentTime * context.sampleRate / 128;
      const late = node.load().catch(({ code }) => code);
      node.dispose();
      const codes = [await late, await node.load().catch(({ code }) => code)];
      await context.close();
      return { loads, elapsed, codes, none };`)) as {
      loads: { quanta: number; missed: number; mean: number; max: number }[];
      elapsed: number;
      codes: string[];
      none: object;
    };
    expect(answer.none).toEqual({ quanta: 0, missed: 0, mean: 0, max: 0 });
    expect(answer.codes).toEqual(["ERR_DISPOSED", "ERR_DISPOSED"]);
    const [first, second] = answer.loads;
    expect(Math.min(first.quanta, second.quanta)).toBeGreaterThan(0);
    expect(first.quanta + second.quanta).toBeLessThanOrEqual(answer.elapsed + 128);
    for (const { quanta, missed, mean, max } of answer.loads) {
      expect(missed).toBeLessThanOrEqual(quanta);
      expect(mean).toBeGreaterThanOrEqual(0);
      expect(max).toBeGreaterThanOrEqual(mean);
    }
  });

  it.skipIf(!VECTORS)(
    `GTCRN gives Node's bits, and its authors' recording, 55 dB${VECTORS ? "" : ` (${NO_VECTORS})`}`,
    async () => {
      const read = (name: string) => new Uint8Array(readFileSync(join(VECTORS ?? "", "models/gtcrn", name)));
      const recording = (name: string) => Float32Array.from(readWav(read(name)).channels[0]);
      const mix = recording("mix.wav");
      // As the authors begin and end a recording: mirrored.
      const x = new Float32Array(Math.ceil((mix.length + 1024) / 256) * 256);
      x.set(mix, 256);
      for (let n = 0; n < 256; n++) {
        x[n] = mix[256 - n];
        x[256 + mix.length + n] = mix[mix.length - 2 - n];
      }
      const denoiser = gtcrn(openOnnx(readOnnx(read("gtcrn_simple.onnx")), { variant: "simd" }).stream());
      const direct = new Float32Array(x.length);
      for (let at = 0; at < x.length; at += 256) denoiser.step(x.subarray(at, at + 256), direct.subarray(at, at + 256));
      const { y, errors, latency } = (await inPage(
        `const gtcrn = await onnx.loadModel("/models/gtcrn/gtcrn_simple.onnx");
       const stft = { frame: 512, hop: 256, window: "sqrt-hann" };
       const { y, node, errors } = await render(x, "graph-worklet", gtcrn, { stft, sampleRate: 16000, variant: "simd" }, 16000);
       return { y: bits(y), errors, latency: node.latencySamples };`,
        { x: [...x] },
      )) as { y: number[]; errors: string[]; latency: number };
      expect(errors).toEqual([]);
      expect(latency).toBe(384);
      // The loop gives a hop in the step that completes its frame: 256 samples late. The node's quanta are halves of a hop.
      const got = new Float32Array(Uint32Array.from(y).buffer);
      expect(bitsOf(got.slice(384))).toEqual(bitsOf(direct.slice(256, 256 + x.length - 384)));
      const clean = recording("enh_stream.wav");
      let [signal, difference] = [0, 0];
      for (let i = 0; i < clean.length; i++) {
        signal += clean[i] ** 2;
        difference += (got[i + 256 + 384] - clean[i]) ** 2;
      }
      expect(10 * Math.log10(signal / difference)).toBeGreaterThan(55);
    },
  );
});
