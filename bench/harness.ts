/**
 * What every bench is made of: contestants whose outputs are compared with the reference before anything is timed, then warmed
 * up and sampled in turn in one process. Times are minimum, median and maximum; ratios are of medians of one comparison.
 */

import { setTimeout } from "node:timers/promises";

/** The built package, as users get it (`npm run build` first). */
export const sluice: typeof import("../src/index.ts") = await import(new URL("../dist/index.js", import.meta.url).href);

/** One way to do the work that a comparison is about. */
export interface Contestant {
  readonly name: string;
  /** Steps of one stream in one turn: times are given per step. */
  readonly steps: number;
  /** What `first` begins with, by the reference. */
  readonly expected: Float32Array;
  /** Of the output's absolute error, in units of the largest expected output or 1; TOLERANCE where it is not given. */
  readonly tolerance?: number;
  /** The outputs of the first turns. */
  first(): Float32Array | Promise<Float32Array>;
  /** Takes `turns` turns; returns a sum over numbers of every output, so that none can be left out. */
  run(turns: number): number | Promise<number>;
}

/** µs per step. */
export interface Timing {
  readonly minimum: number;
  readonly median: number;
  readonly maximum: number;
  /** What `run` returned, per turn: near the same for contestants that do the same work. */
  readonly checksum: number;
  /** Processor time of the whole comparison over its time: below 1, something else had the core meanwhile. */
  readonly share: number;
}

/** How long a comparison takes. */
export interface Effort {
  readonly samples: number;
  /** Milliseconds of a sample, of running before the first, and of all samples of a contestant whose turns are long. */
  readonly sampleMs: number;
  readonly warmUpMs: number;
  readonly longestMs: number;
}

export const FULL: Effort = { samples: 101, sampleMs: 2, warmUpMs: 100, longestMs: 5000 };
export const QUICK: Effort = { samples: 5, sampleMs: 0.5, warmUpMs: 5, longestMs: 200 };

/** Samples of a contestant however long its turns are. */
const FEWEST = 3;
/** Milliseconds without work after the first half of the warm-up: engines compile hot functions beside the main thread. */
const COMPILING = 20;
const TOLERANCE = 5e-6;

/**
 * Checks every contestant, warms it up, then takes one sample of each in turn, so that what else the machine does meets all of
 * them alike.
 *
 * @throws Error that names the contestant whose output is wrong
 */
export async function compare(contestants: readonly Contestant[], effort: Effort): Promise<Timing[]> {
  const lanes: { one: Contestant; turns: number; samples: number; times: number[]; sum: number }[] = [];
  for (const one of contestants) {
    verify(one, await one.first());
    lanes.push({ one, ...(await warmUp(one, effort)), times: [], sum: 0 });
  }
  const began = performance.now();
  const before = process.cpuUsage();
  for (let round = 0; lanes.some(({ samples }) => round < samples); round++) {
    for (let i = 0; i < lanes.length; i++) {
      // Everyone follows everyone: caches are as the one before left them.
      const lane = lanes[(i + round) % lanes.length];
      if (round >= lane.samples) continue;
      const start = performance.now();
      lane.sum += await lane.one.run(lane.turns);
      lane.times.push(((performance.now() - start) * 1e3) / (lane.turns * lane.one.steps));
    }
  }
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1e3 / (performance.now() - began);
  return lanes.map(({ turns, times, sum }) => ({ ...spread(times), checksum: sum / (turns * times.length), share }));
}

/** Warms up; returns how many turns make a sample, and how many samples there is time for. */
async function warmUp(one: Contestant, effort: Effort): Promise<{ turns: number; samples: number }> {
  let turns = 1;
  let perTurn = 0;
  for (const half of [1, 2]) {
    const end = performance.now() + effort.warmUpMs / 2;
    do {
      const start = performance.now();
      await one.run(turns);
      perTurn = (performance.now() - start) / turns;
      if (perTurn * turns < effort.sampleMs) turns *= 2;
    } while (performance.now() < end || perTurn * turns < effort.sampleMs);
    if (half === 1) await setTimeout(COMPILING);
  }
  turns = Math.max(1, Math.round(effort.sampleMs / perTurn));
  const samples = Math.floor(effort.longestMs / (turns * perTurn));
  return { turns, samples: Math.min(effort.samples, Math.max(FEWEST, samples)) };
}

function verify({ name, expected, tolerance = TOLERANCE }: Contestant, output: Float32Array): void {
  if (output.length < expected.length || expected.length === 0)
    throw new Error(`${name}: expected ${expected.length} outputs; got ${output.length}.`);
  const bound = tolerance * expected.reduce((largest, y) => Math.max(largest, Math.abs(y)), 1);
  const at = expected.findIndex((y, i) => !(Math.abs(output[i] - y) <= bound));
  if (at >= 0) throw new Error(`${name}: expected output ${at} to be ${expected[at]} ± ${bound}; got ${output[at]}.`);
}

export function spread(numbers: readonly number[]): { minimum: number; median: number; maximum: number } {
  const sorted = [...numbers].sort((a, b) => a - b);
  return { minimum: sorted[0], median: sorted[sorted.length >> 1], maximum: sorted[sorted.length - 1] };
}
