/**
 * What every bench is made of: contestants whose outputs are checked against the reference before anything is timed, then
 * sampled in turn in one process, and reported as minimum, median and maximum beside the machine that they ran on.
 */

import { spawnSync } from "node:child_process";
import { cpus } from "node:os";

/** The built package, as users get it (`npm run build` first). */
export const sluice: typeof import("../src/index.ts") = await import(new URL("../dist/index.js", import.meta.url).href);

/** One way to do the work that a comparison is about. */
export interface Contestant {
  readonly name: string;
  /** Steps of one stream in one turn: times are given per step. */
  readonly steps: number;
  /** The output that is checked. */
  first(): Float32Array | Promise<Float32Array>;
  /** Takes `turns` turns; returns a sum over numbers of every output, so that none can be left out. */
  run(turns: number): number | Promise<number>;
}

/** µs per step. */
export interface Timing {
  readonly name: string;
  readonly minimum: number;
  readonly median: number;
  readonly maximum: number;
  /** The median over the first contestant's. */
  readonly ratio: number;
  /** What `run` returned, per turn: near the same for all contestants. */
  readonly checksum: number;
}

/** Samples of each contestant, milliseconds of each, and of running before the first (engines compile twice). */
const SAMPLES = 25;
const SAMPLE_MS = 2;
const WARM_UP_MS = 50;

/**
 * Checks every contestant against `expected`, warms it up, then takes one sample of each in turn, so that what else the
 * machine does meets all of them alike.
 *
 * @param tolerance - of an output's absolute error, in units of the largest expected output or 1
 * @throws Error that names the contestant whose output is wrong
 */
export async function compare(
  contestants: readonly Contestant[],
  expected: Float32Array,
  tolerance = 5e-6,
): Promise<Timing[]> {
  const lanes: { one: Contestant; turns: number; times: number[]; sum: number }[] = [];
  for (const one of contestants) {
    verify(one.name, await one.first(), expected, tolerance);
    lanes.push({ one, turns: await warmUp(one), times: [], sum: 0 });
  }
  for (let s = 0; s < SAMPLES; s++) {
    for (let i = 0; i < lanes.length; i++) {
      // Everyone follows everyone: caches are as the one before left them.
      const lane = lanes[(i + s) % lanes.length];
      const start = performance.now();
      lane.sum += await lane.one.run(lane.turns);
      lane.times.push(((performance.now() - start) * 1e3) / (lane.turns * lane.one.steps));
    }
  }
  const base = spread(lanes[0].times).median;
  return lanes.map(({ one, turns, times, sum }) => {
    const timing = spread(times);
    return { name: one.name, ...timing, ratio: timing.median / base, checksum: sum / (turns * SAMPLES) };
  });
}

/** Runs for WARM_UP_MS; returns how many turns make a sample. */
async function warmUp(one: Contestant): Promise<number> {
  let turns = 1;
  const end = performance.now() + WARM_UP_MS;
  for (;;) {
    const start = performance.now();
    await one.run(turns);
    const now = performance.now();
    if (now - start < SAMPLE_MS) turns *= 2;
    else if (now >= end) return Math.max(1, Math.round((turns * SAMPLE_MS) / (now - start)));
  }
}

function verify(name: string, output: Float32Array, expected: Float32Array, tolerance: number): void {
  if (output.length !== expected.length)
    throw new Error(`${name}: expected ${expected.length} outputs; got ${output.length}.`);
  const bound = tolerance * expected.reduce((largest, y) => Math.max(largest, Math.abs(y)), 1);
  const at = output.findIndex((y, i) => !(Math.abs(y - expected[i]) <= bound));
  if (at >= 0) throw new Error(`${name}: expected output ${at} to be ${expected[at]} ± ${bound}; got ${output[at]}.`);
}

export function spread(numbers: readonly number[]): { minimum: number; median: number; maximum: number } {
  const sorted = [...numbers].sort((a, b) => a - b);
  return { minimum: sorted[0], median: sorted[sorted.length >> 1], maximum: sorted[sorted.length - 1] };
}

/** "1.85 (1.84–2.03)": median, minimum and maximum. */
export function timingText({ minimum, median, maximum }: ReturnType<typeof spread>): string {
  return `${short(median)} (${short(minimum)}–${short(maximum)})`;
}

/** Three significant digits, thousands in full. */
export function short(x: number): string {
  return Math.abs(x) >= 100 ? x.toFixed(0) : x.toPrecision(3);
}

/** Date, engine, processor, flags and commit: what a number means nothing without. */
export function heading(title: string): string {
  const { node, v8 } = process.versions;
  const flags = [...process.execArgv, process.env.NODE_OPTIONS ?? ""]
    .join(" ")
    .replace(/--(require|import) \S*\/tsx\/\S*/g, "")
    .trim();
  const git = spawnSync("git", ["describe", "--always", "--dirty"], { cwd: import.meta.dirname, encoding: "utf8" });
  const commit = git.stdout?.trim() || "unknown";
  const date = new Date().toISOString().slice(0, 10);
  const [{ model }] = cpus();
  return `${title}\n${date} · Node ${node} (V8 ${v8}) · ${model.trim()}, ${cpus().length} cores · flags: ${flags || "none"} · commit ${commit}\n`;
}

/** A Markdown table, columns aligned. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |\n`;
  return line(head) + line(widths.map((width) => "-".repeat(width))) + rows.map(line).join("");
}
