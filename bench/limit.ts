/**
 * The multiply-add limit of each build of the kernels, measured in this run: GMAC/s of a loop that reads one operand of every
 * multiply-add from memory (bench/assembly/limit.ts), and the clock, from a chain of dependent integer operations.
 */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import asc from "assemblyscript/asc";

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

/** Where the operands lie, and how many bytes of them: within any first cache. */
const OPERANDS = 4096;
const BYTES = 6144;
/** Best of so many samples of about a millisecond: what another process takes can only make one slower. */
const SAMPLES = 80;
/** What a core with two 128-bit multiply-adds a cycle can do: x86 since Haswell and Zen, and most arm64. */
const LANES_PER_CYCLE = 8;

async function loopsOf(build: Build): Promise<Loops | undefined> {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const files = {
    // The project's own configuration would add its entries.
    readFile(name: string, base: string): string | null {
      try {
        return name === "asconfig.json" ? null : readFileSync(resolve(base, name), "utf8");
      } catch {
        return null;
      }
    },
    writeFile(_: string, contents: string | Uint8Array) {
      if (typeof contents !== "string") binary = new Uint8Array(contents);
    },
  };
  const features = build === "simd" ? "simd" : "simd,relaxed-simd";
  const options = ["-O3", "--noAssert", "--runtime", "stub", "--use", "abort=", "--initialMemory", "1"];
  const where = ["limit.ts", "--baseDir", resolve(import.meta.dirname, "assembly"), "--outFile", "limit.wasm"];
  const { error, stderr } = await asc.main([...where, ...options, "--enable", features], files);
  if (error || binary === undefined) throw new Error(`asc limit.ts\n${stderr}`, { cause: error });
  if (!WebAssembly.validate(binary)) return undefined;
  return new WebAssembly.Instance(new WebAssembly.Module(binary)).exports as unknown as Loops;
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
    const loops = await loopsOf(build);
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
