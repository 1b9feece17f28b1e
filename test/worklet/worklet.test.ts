/**
 * `sluice/worklet` on the audio thread of Chromium (OfflineAudioContext): the bits of Node's `simd` build, knobs, reset,
 * failures, policies. And the processor's file in a process without the globals that audio threads lack.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSessionSync, type Model, writeSafetensors } from "../../src/index.ts";
import type { FrameOptions } from "../../src/worklet/layout.ts";
import { audioLayout } from "../../src/worklet/layout.ts";
import type { SluiceNodeOptions } from "../../src/worklet.ts";
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
import { bitsOf, inChild } from "../host/child.ts";

const root = new URL("../../", import.meta.url);
const RATE = 48_000;
const AT = { quantum: 128, sampleRate: RATE };

const model = (name: string, inputs: number, outputs: number, options = {}) =>
  randomModel(
    name,
    [
      { type: "gru", name: "rnn", inputSize: inputs, hiddenSize: 24 },
      { type: "linear", name: "head", inFeatures: 24, outFeatures: outputs },
    ],
    options,
  );

const MODELS = {
  amp: model("amp", 1, 1),
  knobs: model("knobs", 3, 1),
  frames: model("frames", 160, 160, { initial: true }),
  overlapped: model("overlapped", 512, 512),
  context: model("context", 96, 32),
  voice: model("voice", 480, 1),
  lstm: randomModel("lstm", [
    { type: "lstm", name: "rnn", inputSize: 4, hiddenSize: 40, numLayers: 2 },
    { type: "linear", name: "head", inFeatures: 40, outFeatures: 4 },
  ]),
  sided: randomModel(
    "sided",
    [
      { type: "concat", inputs: ["audio", "tone"] },
      { type: "rnn", name: "rnn", inputSize: 2, hiddenSize: 1 },
    ],
    {
      inputs: [
        { name: "audio", dtype: "F32", shape: [1] },
        { name: "tone", dtype: "F32", shape: [1] },
      ],
    },
  ),
} satisfies Record<string, Model>;
type Name = keyof typeof MODELS;

const CASES: readonly [what: string, name: Name, options: SluiceNodeOptions][] = [
  ["sample by sample", "amp", {}],
  ["after silence that settles it", "amp", { prewarm: 1000 }],
  ["in frames that do not fit the quantum, from a learned state", "frames", {}],
  ["in frames that overlap and are added", "overlapped", { hop: 128 }],
  ["in frames that overlap by no multiple of the quantum", "overlapped", { hop: 100 }],
  ["with samples of context", "context", {}],
  ["one number for each frame", "voice", {}],
  ["a stacked LSTM in frames of 4", "lstm", {}],
];

/** The samples of a plain loop over Node's simd build. */
function expected(name: Name, x: Float32Array, options: FrameOptions & { prewarm?: number }): Float32Array {
  const { frame, hop, output, latencySamples } = audioLayout(MODELS[name], options, AT);
  const stream = createSessionSync(MODELS[name], { variant: "simd" }).stream();
  for (let at = 0; at < (options.prewarm ?? 0); at += hop) stream.step(new Float32Array(frame));
  const delay = latencySamples - (output === "frame" ? frame - hop : 0);
  const y = new Float32Array(x.length + frame + delay);
  for (let k = 0; (k + 1) * hop <= x.length; k++) {
    const end = (k + 1) * hop;
    const row = stream.step(Float32Array.from({ length: frame }, (_, i) => x[end - frame + i] ?? 0)) as Float32Array;
    for (let i = 0; i < (output === "frame" ? frame : hop); i++) {
      y[delay + k * hop + i] += output === "held" ? row[0] : row[i];
    }
  }
  return y.slice(0, x.length);
}

const signal = (name: string, length = 128 * 40) => uniform(seeded(name), length, -1, 1);

/** In the page: renders what `play` builds over a source of `x`, one channel for each array. */
const HOST = `
  const host = (async () => {
    const [core, worklet] = await Promise.all(["/dist/index.js", "/dist/worklet.js"].map((path) => import(path)));
    const models = ${JSON.stringify(Object.fromEntries(Object.entries(MODELS).map(([name, one]) => [name, [...writeSafetensors(one)]])))};
    const model = (name) => core.readModel(Uint8Array.from(models[name]));
    const bits = (y) => Array.from(new Uint32Array(y.buffer, y.byteOffset, y.length));
    async function render(xs, play, length = xs[0].length) {
      const context = new OfflineAudioContext(xs.length, length, ${RATE});
      const buffer = context.createBuffer(xs.length, xs[0].length, ${RATE});
      xs.forEach((x, c) => buffer.copyToChannel(Float32Array.from(x), c));
      const source = new AudioBufferSourceNode(context, { buffer });
      const node = await play(context, source);
      source.start();
      const rendered = await context.startRendering();
      return { node, channels: xs.map((_, c) => rendered.getChannelData(c)) };
    }
    return { core, worklet, model, bits, render };
  })();`;

describe.skipIf(CHROMIUM === undefined)(`a node in Chromium${NO_CHROMIUM}`, () => {
  let browser: Browser;
  let server: Server;
  let page: Page;
  let strict: Page;
  beforeAll(async () => {
    const texts = {
      "index.html": `<!doctype html><meta charset="utf-8"><script src="host.js"></script>`,
      "host.js": HOST,
    };
    server = await serve(
      { dist: fileURLToPath(new URL("dist", root)), page: texts, strict: texts },
      {
        strict: {
          "content-security-policy": "default-src 'none'; connect-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
        },
      },
    );
    browser = await openBrowser();
    page = await browser.open(`${server.url}/page/index.html`);
    strict = await browser.open(`${server.url}/strict/index.html`);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  /** Runs in the page with what the host has; `given` are JSON. */
  const inPage = (body: string, given: object = {}, where = page) =>
    where.evaluate(`host.then(async ({ core, worklet, model, bits, render }) => {
      const { ${Object.keys(given).join(", ")} } = ${JSON.stringify(given)};
      ${body}
    })`);

  it.each(CASES)("gives the bits of Node's simd build: %s", async (_, name, options) => {
    const x = signal(name);
    const answer = (await inPage(
      `const { node, channels: [y] } = await render([x], async (context, source) => {
         const node = await worklet.createSluiceNode(context, model(name), { ...options, variant: "simd" });
         source.connect(node).connect(context.destination);
         return node;
       });
       return { y: bits(y), latency: node.latencySamples, is: node instanceof AudioWorkletNode };`,
      { x: [...x], name, options },
    )) as { y: number[]; latency: number; is: boolean };
    expect(answer.is).toBe(true);
    expect(answer.latency).toBe(audioLayout(MODELS[name], options, AT).latencySamples);
    expect(answer.y).toEqual(bitsOf(expected(name, x, options)));
  });

  it("each channel is a stream of its own, and one that is not connected is silence", async () => {
    const xs = [signal("left"), signal("right")];
    const answer = (await inPage(
      `const { channels } = await render(xs, async (context, source) => {
         const node = await worklet.createSluiceNode(context, model("amp"), { channels: 2, variant: "simd" });
         source.connect(node).connect(context.destination);
       });
       const { channels: [quiet] } = await render([xs[0]], async (context) => {
         (await worklet.createSluiceNode(context, model("amp"), { variant: "simd" })).connect(context.destination);
       });
       return [...channels, quiet].map(bits);`,
      { xs: xs.map((x) => [...x]) },
    )) as number[][];
    const outputs = [...xs, new Float32Array(xs[0].length)].map((x) => bitsOf(expected("amp", x, {})));
    expect(answer).toEqual(outputs);
  });

  it("knobs are AudioParams of their own range, and a sample hears their value at that time", async () => {
    const x = signal("knobs");
    const params = [
      { name: "gain", defaultValue: 0.25, minValue: 0, maxValue: 1 },
      { name: "tone", defaultValue: 0.5, minValue: -0.5, maxValue: 2 },
    ];
    const { y, ranges } = (await inPage(
      `let ranges;
       const { channels: [y] } = await render([x], async (context, source) => {
         const node = await worklet.createSluiceNode(context, model("knobs"), { params, variant: "simd" });
         ranges = [...node.parameters].map(([name, { defaultValue, minValue, maxValue }]) => ({ name, defaultValue, minValue, maxValue }));
         // What is connected to a param is added to its value: here the samples themselves, cut to its range.
         node.parameters.get("tone").value = 0;
         source.connect(node.parameters.get("tone"));
         // A node with other knobs and one with none, in the same context.
         const other = await worklet.createSluiceNode(context, model("sided"), { params: [{ name: "tone" }], variant: "simd" });
         ranges.push([...other.parameters.keys()]);
         ranges.push([...(await worklet.createSluiceNode(context, model("amp"), {})).parameters.keys()]);
         source.connect(node).connect(context.destination);
       });
       return { y: bits(y), ranges };`,
      { x: [...x], params },
    )) as { y: number[]; ranges: unknown[] };
    expect(ranges).toEqual([...params, ["tone"], []]);
    expect(y).toEqual(bitsOf(knobbed(x, (i) => Math.max(-0.5, x[i]))));
  });

  it("knobs that are set hold, those beside the samples and those of inputs of their own", async () => {
    const x = signal("set");
    const answer = (await inPage(
      `const set = async (name, params, values) => {
         const { channels: [y] } = await render([x], async (context, source) => {
           const node = await worklet.createSluiceNode(context, model(name), { params, variant: "simd" });
           for (const [key, value] of Object.entries(values)) node.parameters.get(key).value = value;
           source.connect(node).connect(context.destination);
         });
         return bits(y);
       };
       return [
         await set("knobs", [{ name: "gain", defaultValue: 0.25 }, { name: "tone", defaultValue: 0.5 }], {}),
         await set("knobs", [{ name: "gain" }, { name: "tone" }], { gain: 0.25, tone: -0.75 }),
         await set("sided", [{ name: "tone", defaultValue: 0.125 }], {}),
       ];`,
      { x: [...x] },
    )) as number[][];
    const sided = createSessionSync(MODELS.sided, { variant: "simd" }).stream();
    const y = Float32Array.from(x, (sample) => {
      return (sided.step({ audio: sample, tone: 0.125 }) as unknown as Float32Array)[0];
    });
    expect(answer).toEqual([bitsOf(knobbed(x, () => 0.5)), bitsOf(knobbed(x, () => -0.75)), bitsOf(y)]);
  });

  it("reset begins anew, and dispose ends it", async () => {
    const x = signal("reset", 128 * 8);
    const answer = (await inPage(
      `const halves = [...x, ...x];
       const run = (act) => render([halves], async (context, source) => {
         const node = await worklet.createSluiceNode(context, model("frames"), { variant: "simd", prewarm: 300 });
         context.suspend(x.length / ${RATE}).then(async () => {
           act(node);
           await new Promise((resolve) => setTimeout(resolve, 50));
           await context.resume();
         });
         source.connect(node).connect(context.destination);
       });
       const { channels: [again] } = await run((node) => node.reset());
       const { channels: [ended] } = await run((node) => node.dispose());
       return { again: bits(again), silent: ended.slice(x.length).every((y) => y === 0), before: bits(ended.slice(0, x.length)) };`,
      { x: [...x] },
    )) as { again: number[]; silent: boolean; before: number[] };
    const once = bitsOf(expected("frames", x, { prewarm: 300 }));
    expect(answer.again).toEqual([...once, ...once]);
    expect(answer.before).toEqual(once);
    expect(answer.silent).toBe(true);
  });

  it("a model that gives no finite numbers is passed by, with one event", async () => {
    const x = signal("failing", 128 * 6);
    const answer = (await inPage(
      `const broken = model("frames");
       broken.tensors.get("head.bias").data.fill(NaN);
       const events = [];
       const { node, channels: [y] } = await render([x], async (context, source) => {
         const node = await worklet.createSluiceNode(context, broken);
         node.addEventListener("processorerror", ({ error, message }) => {
           events.push([error instanceof core.SessionError, error.code, message === error.message]);
         });
         source.connect(node).connect(context.destination);
         return node;
       });
       await new Promise((resolve) => setTimeout(resolve, 100));
       return { events, y: Array.from(y), latency: node.latencySamples };`,
      { x: [...x] },
    )) as { events: unknown[]; y: number[]; latency: number };
    expect(answer.events).toEqual([[true, "ERR_EXECUTE", true]]);
    expect(answer.y).toEqual(Array.from(x, (_, i) => x[i - answer.latency] ?? 0));
  });

  it("a model of half the rate gives its own samples at every second one", async () => {
    const x = signal("half");
    const [y, named] = (await inPage(
      `const play = async (model, options) => bits((await render([x], async (context, source) => {
         const node = await worklet.createSluiceNode(context, model, { ...options, variant: "simd" });
         source.connect(node).connect(context.destination);
       })).channels[0]);
       const amp = model("amp");
       return [await play(amp, { sampleRate: 24000 }), await play({ ...amp, info: { sampleRate: 24000 } }, {})];`,
      { x: [...x] },
    )) as number[][];
    const slow = x.filter((_, i) => i % 2 === 0);
    expect(y.filter((_, i) => i % 2 === 0)).toEqual(bitsOf(expected("amp", slow, {})));
    expect(named).toEqual(y);
  });

  it("a minute of sound leaves no garbage on the audio thread", async () => {
    const prepare = (create: string) =>
      inPage(`
        const context = new OfflineAudioContext(1, 60 * ${RATE}, ${RATE});
        const source = new OscillatorNode(context);
        const node = await (${create})(context);
        source.connect(node).connect(context.destination);
        source.start();
        globalThis.minute = () => context.startRendering().then(({ length }) => length);`);
    const collections = async () => {
      const events = await browser.trace(["v8.gc", "disabled-by-default-v8.gc"], async () => {
        expect(await page.evaluate("minute()")).toBe(60 * RATE);
      });
      const collectors = /^V8\.GC_(SCAVENGER|MARK_COMPACTOR|MINOR_MARK_SWEEPER)$/;
      return events.filter(({ thread, name }) => thread.includes("AudioWorklet") && collectors.test(name)).length;
    };
    await prepare(`(context) => worklet.createSluiceNode(context, model("sided"), { params: [{ name: "tone" }] })`);
    // Before V8 has compiled it, code that adds numbers boxes them: what the context and that leave may be collected once.
    expect(await collections()).toBeLessThanOrEqual(1);
    // The same count where something is allocated.
    await prepare(`async (context) => {
      const code = "registerProcessor('waste', class extends AudioWorkletProcessor { process(_, [[y]]) { y.set(Array.from(y)); return true; } });";
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
      return new AudioWorkletNode(context, "waste");
    }`);
    expect(await collections()).toBeGreaterThan(5);
  });

  it("what is wrong is a rejection, with class and code", async () => {
    const answer = await inPage(`
      const context = new OfflineAudioContext(1, 128, 48000);
      const amp = model("amp");
      const refused = (...args) => worklet.createSluiceNode(...args).then(() => "nothing", (error) =>
        [error.name, error.code ?? error.message, Object.getPrototypeOf(error) === (core[error.name] ?? globalThis[error.name]).prototype]);
      return [
        await refused({}, amp),
        await refused({ sampleRate: 48000 }, amp),
        await refused(context, {}),
        await refused(context, amp, { frame: 2 }),
        await refused(context, amp, { prewarm: -1 }),
        await refused(context, amp, { url: "/dist/nowhere.js" }),
        await refused(context, amp, { url: "/dist/index.js" }),
        await refused(context, amp, { wasm: Uint8Array.of(0, 97, 115, 109) }),
        await refused(context, { ...amp, info: { sampleRate: 96000 } }),
        await refused(context, { ...amp, nodes: [{ ...amp.nodes[0], op: "fourier" }, amp.nodes[1]] }),
        await refused(context, { ...amp, nodes: [{ ...amp.nodes[0], attrs: { ...amp.nodes[0].attrs, reverse: true } }, amp.nodes[1]] }),
      ];`);
    expect(answer).toEqual([
      ["TypeError", '"context" expected an AudioContext, got Object', true],
      ["SessionError", "ERR_WORKER", true],
      ["TypeError", '"model" expected a Model, got Object', true],
      ["RangeError", '"frame" expected input of 1 numbers to be a frame and 0 params, got 2', true],
      ["RangeError", '"prewarm" expected an integer ≥ 0, got -1', true],
      ["SessionError", "ERR_WORKER", true],
      ["SessionError", "ERR_WORKER", true],
      ["ModelError", "ERR_VARIANT", true],
      ["ModelError", "ERR_SAMPLE_RATE", true],
      ["ModelError", "ERR_UNSUPPORTED_OP", true],
      ["ModelError", expect.stringMatching(/ERR_SEQUENCE_MODEL|ERR_MISSING_TENSOR/), true],
    ]);
  });

  it("a node of graphs takes no script of the core's, and one of the core's takes that of graphs", async () => {
    const answer = await inPage(`
      const graph = await import("/dist/graph-worklet.js");
      const made = ({ createSluiceNode }, url, params) =>
        createSluiceNode(new OfflineAudioContext(1, 128, 48000), model(params ? "knobs" : "amp"), { url, params }).then(
          () => "made",
          ({ code, message }) => code + " " + message,
        );
      const [plain, whole] = ["/dist/worklet-processor.js", "/dist/graph-worklet-processor.js"];
      const params = [{ name: "a" }, { name: "b" }];
      return [await made(graph, plain), await made(graph, plain, params), await made(graph, whole, params), await made(worklet, whole)];`);
    const refused =
      /^ERR_WORKER worklet: expected sluice\/graph\/worklet-processor at [^ #]+worklet-processor.js; got another/;
    expect(answer).toEqual([expect.stringMatching(refused), expect.stringMatching(refused), "made", "made"]);
  });

  it("a context loads the file once for the same knobs, and a served file works under a strict policy", async () => {
    const body = `
      const context = new OfflineAudioContext(1, 128, 48000);
      const { addModule } = context.audioWorklet;
      const added = [];
      context.audioWorklet.addModule = function (url) { added.push(url); return addModule.call(this, url); };
      const [one, two] = await Promise.all([1, 2].map(() => worklet.createSluiceNode(context, model("amp"), options)));
      await worklet.createSluiceNode(context, model("knobs"), { ...options, params: [{ name: "a" }, { name: "ü #" }] });
      const { length } = added;
      const error = await worklet.createSluiceNode(new OfflineAudioContext(1, 128, 48000), model("amp")).then(() => "none", ({ code, hint }) => code + hint);
      return { length, error };`;
    expect(await inPage(body, { options: {} })).toEqual({ length: 2, error: "none" });
    expect(await inPage(body, { options: { url: "/dist/worklet-processor.js" } }, strict)).toEqual({
      length: 2,
      error: expect.stringMatching(/^ERR_WORKER.*"sluice\/worklet-processor"/),
    });
  });
});

/** Node's simd build, gain 0.25 and a tone for each sample. */
function knobbed(x: Float32Array, tone: (i: number) => number): Float32Array {
  const stream = createSessionSync(MODELS.knobs, { variant: "simd" }).stream();
  return Float32Array.from(x, (sample, i) => stream.step(Float32Array.of(sample, 0.25, tone(i)))[0]);
}

describe("the processor's file", () => {
  it("weighs at most 22 KiB after gzip", () => {
    const { length } = gzipSync(readFileSync(new URL("dist/worklet-processor.js", root)), { level: 9 });
    expect(length).toBeLessThanOrEqual(22 * 1024);
  });

  it.each([
    ["at the model's rate", RATE],
    ["at a higher rate", 44_100],
  ])("runs without what audio threads lack, and collects no garbage over a minute of sound %s", (_, sampleRate) => {
    const program = `
      import { GCProfiler } from "node:v8";
      const url = new URL("worklet-processor.js", entry).href;
      const core = await import(entry);
      const module = await core.compileKernels({ variant: "simd" });
      const model = core.readModel(given);
      for (const name of "TextDecoder TextEncoder atob btoa URL fetch performance setTimeout queueMicrotask structuredClone".split(" "))
        delete globalThis[name];
      const registered = new Map();
      globalThis.sampleRate = ${sampleRate};
      globalThis.AudioWorkletProcessor = class { port = { postMessage: (message) => answer({ message }) } };
      globalThis.registerProcessor = (name, Processor) => registered.set(name, Processor);
      const name = url + "#" + encodeURIComponent('[{"name":"gain"}]');
      await import(name);
      const Processor = registered.get(name);
      const layout = ${JSON.stringify(audioLayout(MODELS.knobs, { sampleRate, params: [{ name: "gain" }, { name: "tone" }] }, AT))};
      const processor = new Processor({ processorOptions: { module, model, layout } });
      const inputs = [[new Float32Array(128).fill(0.5)]];
      const outputs = [[new Float32Array(128)]];
      const parameters = { gain: new Float32Array(1), tone: new Float32Array(128) };
      const play = (n) => { for (let i = 0; i < n; i++) processor.process(inputs, outputs, parameters); };
      play(10_000); // on a busy machine the engine takes long to compile, and what is not compiled boxes numbers
      const profiler = new GCProfiler();
      profiler.start();
      play(22_500);
      const { length } = profiler.stop().statistics;
      processor.port.onmessage({ data: "dispose" });
      answer({
        length, knobs: Processor.parameterDescriptors, last: bits(outputs[0][0]).at(-1), alive: processor.process(inputs, outputs, parameters),
      });`;
    const answer = inChild(program, MODELS.knobs, ["--max-semi-space-size=1"]) as Record<string, unknown>;
    const stream = createSessionSync(MODELS.knobs, { variant: "simd" }).stream();
    const xs = new Float32Array(128 * 3).map((_, i) => (i % 3 === 0 ? 0.5 : 0));
    let y = new Float32Array(0);
    for (let i = 0; i < 32_500; i++) y = stream.run(xs) as typeof y;
    const last = sampleRate === RATE ? bitsOf(y).at(-1) : expect.any(Number);
    expect(answer).toEqual({ length: 0, knobs: [{ name: "gain" }], last, alive: false });
  });
});
