/** `sluice bench`: a model file → how long its steps take on this machine, and what that means for a stream of audio. */

import { cpus } from "node:os";
import { setTimeout } from "node:timers/promises";
import {
  createSession,
  type Model,
  type Numbers,
  type Session,
  type SessionInfo,
  type SessionOptions,
} from "../all.ts";
import { columnsOf, idLimit, inputsOf, sizeOf } from "./columns.ts";
import { printWarnings, readModelFile, type WeightsOptions } from "./file.ts";
import { mulberry32 } from "./text.ts";
import { checkVariant, numberOption } from "./usage.ts";

export interface BenchOptions extends WeightsOptions {
  readonly count?: string;
  readonly rate?: string;
  readonly quantum?: string;
  readonly hop?: string;
  readonly variant?: string;
  readonly json?: boolean;
}

/** µs. */
export interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly maximum: number;
}

/** What `--json` prints, and the report says in words. */
export interface Timing {
  readonly file: string;
  readonly session: SessionInfo;
  readonly host: { readonly engine: string; readonly processor: string; readonly platform: string };
  /** Steps taken before the first that counts. */
  readonly warmUp: number;
  /** What reading the clock takes, µs: it is subtracted from every time. */
  readonly clock: number;
  readonly step: Times;
  readonly quantum: Times & {
    readonly samples: number;
    readonly rate: number;
    /** Samples that one step stands for. */
    readonly hop: number;
    readonly steps: number;
    /** µs of a quantum at that rate. */
    readonly deadline: number;
    readonly missed: number;
  };
  /** Seconds of signal in a second, at the median. */
  readonly realTime: number;
}

/** Rows of random input that are taken in turn. */
const ROWS = 64;
const WARM_UP_MS = 300;
const LEAST_WARM_UP = 300;
/** Milliseconds without work in the middle of it: engines compile hot functions beside the main thread. */
const COMPILING = 30;
const CLOCK_READINGS = 2000;

export async function bench(path: string, options: BenchOptions): Promise<void> {
  const variant = checkVariant(options.variant) as SessionOptions["variant"];
  const count = numberOption("count", options.count, { otherwise: 5000, integer: true, least: 1 });
  const samples = numberOption("quantum", options.quantum, { otherwise: 128, integer: true, least: 1 });
  const given = numberOption("hop", options.hop, { otherwise: 0, integer: true, least: 1 });
  const model = await readModelFile(path, options);
  printWarnings(model);
  const rate = numberOption("rate", options.rate, {
    otherwise: model.info.sampleRate ?? 48000,
    integer: false,
    least: 1,
  });
  const [input] = model.inputs;
  const hop = given || (columnsOf(model).size === 1 && input.dtype === "F32" ? 1 : samples);
  const session = await createSession(model, { variant });
  const measured = await measure(model, session, count, Math.max(1, Math.ceil(samples / hop)));
  const { processor, engine, platform } = hostOf();
  const deadline = (samples / rate) * 1e6;
  const timing: Timing = {
    file: path,
    session: session.info,
    host: { engine, processor, platform },
    warmUp: measured.warmUp,
    clock: measured.clock,
    step: timesOf(measured.step),
    quantum: {
      ...timesOf(measured.quantum),
      samples,
      rate,
      hop,
      steps: measured.steps,
      deadline,
      missed: measured.quantum.filter((time) => time > deadline).length,
    },
    realTime: (measured.steps * hop * 1e6) / rate / timesOf(measured.quantum).p50,
  };
  process.stdout.write(options.json ? `${JSON.stringify(timing, undefined, 2)}\n` : reportOf(timing));
}

function hostOf(): Timing["host"] {
  const { node, v8 } = process.versions;
  const processor = cpus()[0]?.model.trim() ?? "an unknown processor";
  return { engine: `Node ${node} (V8 ${v8})`, processor, platform: `${process.platform} ${process.arch}` };
}

/** Times of single steps and of quanta of `steps` steps, µs; a quantum of one step is that step. */
async function measure(model: Model, session: Session, count: number, steps: number) {
  const stream = session.stream();
  const rows = Array.from({ length: ROWS }, (_, i) => randomRows(model, 1, i));
  const sequence = randomRows(model, steps, 0);
  const [y, ys] = [outputsOf(model, 1), outputsOf(model, steps)];
  const one = (i: number) => stream.step(rows[i % ROWS], y);
  const many = () => stream.run(sequence as Numbers, ys as Float32Array);

  let warmUp = 0;
  for (const half of [1, 2]) {
    const end = performance.now() + WARM_UP_MS / 2;
    while (performance.now() < end || warmUp < LEAST_WARM_UP) {
      one(warmUp++);
      if (steps === 1 || warmUp % steps !== 0) continue;
      many();
      warmUp += steps;
    }
    if (half === 1) await setTimeout(COMPILING);
  }
  const clock = timesOf(timed(CLOCK_READINGS, 0, () => {})).p50;
  const step = timed(count, clock, one);
  const quantum = steps === 1 ? step : timed(count, clock, many);
  return { warmUp, clock, steps, step, quantum };
}

/** µs of each of `count` calls, less `clock`; nothing is allocated between them. */
function timed(count: number, clock: number, call: (i: number) => unknown): Float64Array {
  const times = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    call(i);
    times[i] = Math.max(0, (performance.now() - start) * 1e3 - clock);
  }
  return times;
}

/** Numbers in −1 … 1, ids below their limit; what `stream.step` or `stream.run` takes. */
function randomRows(model: Model, count: number, seed: number): Numbers | Record<string, Numbers> {
  const random = mulberry32(seed);
  const row = model.inputs.flatMap((input) => {
    const limit = input.dtype === "I32" ? idLimit(model, input.name) : undefined;
    return Array.from({ length: sizeOf(input) }, () => limit);
  });
  const all = Float32Array.from({ length: count * row.length }, (_, i) => {
    const limit = row[i % row.length];
    return limit === undefined ? 2 * random() - 1 : Math.floor(random() * limit);
  });
  return inputsOf(model, all);
}

function outputsOf({ outputs }: Model, rows: number): Float32Array | Record<string, Float32Array> {
  const arrays = outputs.map((output) => [output.name, new Float32Array(rows * sizeOf(output))] as const);
  return arrays.length === 1 ? arrays[0][1] : Object.fromEntries(arrays);
}

/** The least time that so many of all times do not exceed: p99 of 100 times is the second largest. */
export function timesOf(times: Float64Array): Times {
  const sorted = times.slice().sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return { count: times.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), maximum: at(1) };
}

/** Three significant digits, with the unit that suits. */
function timeText(us: number): string {
  const [value, unit] = us < 1000 ? [us, "µs"] : [us / 1000, "ms"];
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ${unit}`;
}

export function reportOf({ file, session, host, warmUp, clock, step, quantum, realTime }: Timing): string {
  const number = (value: number) => value.toLocaleString("en-US", { maximumFractionDigits: 1 });
  const texts = ({ p50, p99, p999, maximum }: Times) =>
    [p50, p99, p999, maximum].map((time, i) => `${["p50", "p99", "p99.9", "max"][i]} ${timeText(time)}`).join(", ");
  const { samples, rate, hop, steps, deadline, missed, count } = quantum;
  const share = `${((100 * quantum.p50) / deadline).toPrecision(2)} % of it at the median`;
  const work = steps === 1 ? "one step" : `${number(steps)} steps in one call`;
  return [
    `${file}: ${session.variant}, ${session.precision}`,
    `host      ${host.engine}, ${host.processor}, ${host.platform}`,
    `warm-up   ${number(warmUp)} steps; random input; reading the clock, ${timeText(clock)}, is subtracted`,
    `step      ${texts(step)} (${number(step.count)} steps)`,
    `quantum   ${number(samples)} samples at ${number(rate)} Hz, ${timeText(deadline)}: ${work}, ${number(hop)} ${hop === 1 ? "sample" : "samples"} a step`,
    ...(steps === 1 ? [] : [`          ${texts(quantum)}`]),
    `deadline  missed ${number(missed)} of ${number(count)} times; ${share}`,
    `speed     ${realTime >= 100 ? number(Math.round(realTime)) : realTime.toPrecision(3)} × real time`,
    "",
  ].join("\n");
}
