/**
 * What every host runs: models made from a seed, taken through steps, sequences, groups, saved state; the bits of everything
 * that comes out. And one GRU of 128 units, timed. Host neutral: it runs in audio worklets, too.
 */

import type { LayerSpec, Model, Session, Stream, Tensor } from "../../src/index.ts";

/** The package, however the host imports it. */
export type Sluice = typeof import("../../src/index.ts");

/** What a row of the table says. */
export interface Answer {
  /** Chosen by `auto`. */
  readonly variant: string;
  /** The bits of all outputs on `simd`, as u32. */
  readonly bits: readonly number[];
  /** From the bytes of the GRU-128 model (397 KB) to its first output, the package being loaded; ms. */
  readonly firstMs?: number;
  /** A step of the GRU-128, in = out = 128, on the variant chosen; µs. */
  readonly stepUs?: number;
}

/** Numbers in [−1, 1) from a seed: Knuth's MMIX multiplier in 32 bits is enough to tell weights apart. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  };
}

type Shapes = Readonly<Record<string, readonly number[]>>;

function modelOf(sluice: Sluice, seed: number, layers: readonly LayerSpec[], shapes: Shapes, options?: object): Model {
  const next = numbers(seed);
  const tensors = Object.entries(shapes).map(([name, shape]): [string, Tensor] => {
    const bound = 1 / Math.sqrt(shape[shape.length - 1]);
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() * bound);
    return [name, { name, dtype: "F32", shape, data }];
  });
  return sluice.modelFromLayers([...layers], new Map(tensors), options);
}

const cell = (name: string, gates: number, I: number, H: number, suffix = "l0", width = H): Shapes => ({
  [`${name}.weight_ih_${suffix}`]: [gates * H, I],
  [`${name}.weight_hh_${suffix}`]: [gates * H, width],
  [`${name}.bias_ih_${suffix}`]: [gates * H],
  [`${name}.bias_hh_${suffix}`]: [gates * H],
});

/** Ids and numbers → LSTM with a projection → two layers of GRU → probabilities. */
export function streaming(sluice: Sluice): Model {
  const layers: LayerSpec[] = [
    { type: "embedding", name: "table", inputs: ["token"] },
    { type: "concat", name: "both", inputs: ["table", "frame"] },
    { type: "lstm", name: "lstm", projSize: 7 },
    { type: "gru", name: "gru", numLayers: 2 },
    { type: "layerNorm", name: "norm" },
    { type: "linear", name: "head", activation: "elu" },
    { type: "softmax", name: "soft" },
  ];
  const shapes = {
    "table.weight": [13, 6],
    ...cell("lstm", 4, 11, 18, "l0", 7),
    "lstm.weight_hr_l0": [7, 18],
    ...cell("gru", 3, 7, 33),
    ...cell("gru", 3, 33, 33, "l1"),
    "norm.weight": [33],
    "norm.bias": [33],
    "head.weight": [5, 33],
    "head.bias": [5],
  };
  const inputs = [
    { name: "token", dtype: "I32", shape: [] },
    { name: "frame", dtype: "F32", shape: [5] },
  ];
  return modelOf(sluice, 1, layers, shapes, { inputs });
}

/** Frames, backwards too. */
function both(sluice: Sluice): Model {
  const layers: LayerSpec[] = [
    { type: "rnn", name: "rnn", bidirectional: true },
    { type: "linear", name: "head" },
  ];
  const shapes = { ...cell("rnn", 1, 4, 10), ...cell("rnn", 1, 4, 10, "l0_reverse"), "head.weight": [3, 20] };
  return modelOf(sluice, 2, layers, { ...shapes, "head.bias": [3] });
}

/** The model that is timed, as a file. */
export function gru128(sluice: Sluice): Uint8Array {
  return sluice.writeSafetensors(modelOf(sluice, 3, [{ type: "gru", name: "gru" }], cell("gru", 3, 128, 128)));
}

/** Rows of the streaming model's inputs. */
export function rows(): { readonly tokens: Int32Array<ArrayBuffer>; readonly frames: Float32Array<ArrayBuffer> } {
  const next = numbers(4);
  const tokens = Int32Array.from({ length: 100 }, () => Math.floor((next() + 1) * 6.5));
  return { tokens, frames: Float32Array.from({ length: 500 }, next) };
}

/** Some of them one by one, the others at once: the bits of 100 steps, for a stream and for a baked model. */
export function takeSteps(stream: Pick<Stream, "step" | "run">): number[] {
  const { tokens, frames } = rows();
  const outputs: Float32Array[] = [];
  const take = (y: unknown) => outputs.push(y as Float32Array);
  for (let t = 0; t < 20; t++) take(stream.step({ token: tokens[t], frame: frames.slice(t * 5, t * 5 + 5) }));
  take(stream.run({ token: tokens.slice(20), frame: frames.slice(100) }));
  return outputs.flatMap((y) => bitsOf(y));
}

function bitsOf(y: ArrayBufferView): number[] {
  return [...new Uint32Array(y.buffer.slice(y.byteOffset, y.byteOffset + y.byteLength) as ArrayBuffer)];
}

/** The bits of everything, on `simd`. */
export function check(sluice: Sluice): number[] {
  // Through a file's bytes, as users have them.
  const open = (model: Model): Session =>
    sluice.createSessionSync(sluice.readModel(sluice.writeSafetensors(model)), { variant: "simd" });
  const next = numbers(5);

  const session = open(streaming(sluice));
  const stream = session.stream();
  const bits = [...takeSteps(stream), ...bitsOf(stream.save())];
  const group = session.group(5);
  const tokens = Int32Array.from({ length: 60 }, (_, i) => (i * 5) % 13);
  const ys = group.run({ token: tokens, frame: Float32Array.from({ length: 300 }, next) });
  bits.push(...bitsOf(ys as unknown as Float32Array));
  session.dispose();

  const whole = open(both(sluice));
  const sequences = [70, 1, 33].map((steps) => Float32Array.from({ length: steps * 4 }, next));
  bits.push(...bitsOf(whole.run(sequences).output));
  whole.dispose();
  return bits;
}

/** From bytes to a first output: the session, and a stream that has taken one step. */
export async function first(sluice: Sluice, bytes: Uint8Array): Promise<{ session: Session; stream: Stream }> {
  const session = await sluice.createSession(sluice.readModel(bytes));
  const stream = session.stream();
  stream.step(new Float32Array(128));
  return { session, stream };
}

/** Steps of the GRU-128; a number of the last output, so that nothing is left out. */
export function steps(stream: Pick<Stream, "step">, count: number): number {
  const x = new Float32Array(128).fill(0.1);
  const y = new Float32Array(128);
  for (let i = 0; i < count; i++) stream.step(x, y);
  return y[0];
}

/** Sequences of different lengths. */
export function poolRows(): { readonly token: Int32Array; readonly frame: Float32Array }[] {
  const { tokens, frames } = rows();
  return Array.from({ length: 24 }, (_, i) => ({ token: tokens.slice(i), frame: frames.slice(5 * i) }));
}

/** Sequences through a pool of two workers: the bits of all outputs. */
export async function checkPool(sluice: Sluice, { createPool }: typeof import("../../src/pool.ts")): Promise<Answer> {
  const pool = await createPool(streaming(sluice), { workers: 2, variant: "simd" });
  const bits: number[] = [];
  for await (const { output } of pool.map(poolRows())) bits.push(...bitsOf(output));
  const { variant } = pool.info;
  pool.dispose();
  return { variant, bits };
}

/** For hosts that have a clock: `now` in ms. */
export async function measure(sluice: Sluice, now: () => number): Promise<Answer> {
  const bytes = gru128(sluice);
  const start = now();
  const { session, stream } = await first(sluice, bytes);
  const firstMs = now() - start;
  return { variant: session.info.variant, bits: check(sluice), firstMs, stepUs: timeSteps(stream, now) };
}

/** µs of a step, hot: the quickest of ten batches of 20 ms or more, since some clocks tick in whole milliseconds. */
export function timeSteps(stream: Pick<Stream, "step">, now: () => number): number {
  steps(stream, 3000);
  let count = 1000;
  for (let from = now(); steps(stream, count) < 2 && now() - from < 20; from = now()) count *= 2;
  const times = Array.from({ length: 10 }, () => {
    const from = now();
    steps(stream, count);
    return ((now() - from) / count) * 1000;
  });
  return Math.min(...times);
}
