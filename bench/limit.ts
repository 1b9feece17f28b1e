/**
 * The multiply-add limit of each build of the kernels, measured in this run: GMAC/s of a loop that reads one operand of every
 * multiply-add from memory (bench/assembly/limit.ts), and the clock, from a chain of dependent integer operations.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export type Build = "simd" | "relaxed";

export interface Limits {
  /** GHz. */
  readonly clock: number;
  /** GMAC/s by build; those that this engine runs. */
  readonly gmacs: ReadonlyMap<Build, number>;
}

interface Loops {
  readonly memory: WebAssembly.Memory;
  long(w: number, bytes: number, turns: number): number;
  short(w: number, bytes: number, turns: number): number;
  chain(seed: number, turns: number): number;
}

const ASC = fileURLToPath(new URL("../node_modules/assemblyscript/bin/asc.js", import.meta.url));
const SOURCES = resolve(import.meta.dirname, "assembly");
/** Where the operands lie, and how many bytes of them: within any first cache. */
const OPERANDS = 4096;
const BYTES = 6144;
/** Best of so many samples of about a millisecond: what another process takes can only make one slower. */
const SAMPLES = 80;
/** What a core with two 128-bit multiply-adds a cycle can do: x86 since Haswell and Zen, and most arm64. */
const LANES_PER_CYCLE = 8;

/**
 * Compiled in a process of its own: the compiler changes the prototypes of typed arrays, and V8 then takes 10 to 30 ns more for a
 * step that copies its rows.
 */
function loopsOf(build: Build): Loops | undefined {
  const folder = mkdtempSync(join(tmpdir(), "sluice-limit-"));
  try {
    const outFile = join(folder, "limit.wasm");
    const features = build === "simd" ? "simd" : "simd,relaxed-simd";
    const options = [
      "-O3",
      "--noAssert",
      "--runtime",
      "stub",
      "--use",
      "abort=",
      "--initialMemory",
      "1",
      "--enable",
      features,
    ];
    execFileSync(process.execPath, [ASC, "limit.ts", "--config", "none", "--outFile", outFile, ...options], {
      cwd: SOURCES,
    });
    const binary = readFileSync(outFile);
    if (!WebAssembly.validate(binary)) return undefined;
    return new WebAssembly.Instance(new WebAssembly.Module(binary)).exports as unknown as Loops;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The most that `work` does in a millisecond, in thousands of millions a second. */
function best(amount: number, work: () => number): number {
  let most = 0;
  for (let i = 0; i < SAMPLES; i++) {
    const start = performance.now();
    work();
    most = Math.max(most, amount / (performance.now() - start) / 1e6);
  }
  return most;
}

export async function measureLimits(): Promise<Limits> {
  const gmacs = new Map<Build, number>();
  let clock = 0;
  for (const build of ["simd", "relaxed"] as const) {
    const loops = loopsOf(build);
    if (loops === undefined) continue;
    new Float32Array(loops.memory.buffer, OPERANDS).fill(1e-9, 0, BYTES / 4);
    const turns = 5000;
    const amount = (BYTES / 4) * turns;
    for (const form of [loops.long, loops.short]) {
      // Engines compile a hot function once more, beside the main thread.
      for (let i = 0; i < 5; i++) form(OPERANDS, BYTES, 1000);
      await setTimeout(100);
      gmacs.set(
        build,
        Math.max(
          gmacs.get(build) ?? 0,
          best(amount, () => form(OPERANDS, BYTES, turns)),
        ),
      );
    }
    loops.chain(1, 100_000);
    await setTimeout(50);
    clock = Math.max(
      clock,
      best(16 * 200_000, () => loops.chain(1, 200_000)),
    );
  }
  return { clock, gmacs };
}

/** "clock 3.69 GHz; multiply-add limit 28.6 (simd), 29.4 GMAC/s (relaxed), 97 and 99 % of 2 × 4 lanes a cycle" */
export function limitsText({ clock, gmacs }: Limits): string {
  const limits = [...gmacs].map(([build, gmac]) => `${gmac.toFixed(1)} (${build})`).join(", ");
  const shares = [...gmacs.values()].map((gmac) => ((100 * gmac) / (clock * LANES_PER_CYCLE)).toFixed(0)).join(" and ");
  return `clock ${clock.toFixed(2)} GHz; multiply-add limit, GMAC/s: ${limits}, ${shares} % of 2 × 4 lanes a cycle`;
}
