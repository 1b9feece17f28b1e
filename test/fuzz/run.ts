/**
 * Files changed at random, read until the time is over: every reader gives a model or a FormatError or ModelError, soon, and
 * within memory in proportion.
 *
 *     npm run fuzz -- [FORMAT …] [--seconds 60] [--seed 1] [--only NUMBER]
 *
 * The same seed makes the same files in the same order; --only reads one of them again, and prints what comes of it. Exit
 * code 1 with the number of the file where something else happens.
 */

import { parseArgs } from "node:util";
import { FormatError, ModelError } from "../../src/errors.ts";
import { FUZZED, type Fuzzed } from "./formats.ts";

/** A file is a few kilobytes. The slowest takes 30 ms. */
const TIME_MS = 5000;
/** What a read may leave on the heap and in buffers: so many bytes, and so many for each byte of the file. */
const MEMORY = { fixed: 64 * 2 ** 20, each: 300 };

/** Where counts and sizes turn over. */
const EDGES = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const unknown = positionals.filter((name) => !FUZZED.some((row) => row.name === name));
if (unknown.length > 0) {
  throw new Error(`expected ${FUZZED.map(({ name }) => name).join(", ")}; got ${unknown.join(", ")}`);
}
const rows = positionals.length === 0 ? FUZZED : FUZZED.filter(({ name }) => positionals.includes(name));
for (const row of rows) fuzz(row);

/** Whole numbers below `limit`, by mulberry32. */
function randomOf(seed: number): (limit: number) => number {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

function fuzz({ name, seeds: load, read, inner }: Fuzzed): void {
  const seeds = load();
  const parts = seeds.map((seed) => inner?.(seed));
  const counts = new Map<string, number>();
  const end = performance.now() + 1000 * Number(values.seconds);
  let slowest = 0;
  let number = Number(values.only ?? 0);
  for (; values.only === undefined ? performance.now() < end : number <= Number(values.only); number++) {
    const random = randomOf(Math.imul(Number(values.seed), 0x9e3779b9) + number);
    const index = random(seeds.length);
    const part = random(2) === 0 ? parts[index] : undefined;
    const file = part ? part.wrap(mutate(part.bytes, seeds, random)) : mutate(seeds[index], seeds, random);
    const before = process.memoryUsage();
    const start = performance.now();
    let outcome = "read";
    let problem: string | undefined;
    try {
      read(file);
    } catch (error) {
      const known = error instanceof FormatError || error instanceof ModelError;
      outcome = known ? error.code : "another error";
      if (!known) problem = (error as Error).stack ?? String(error);
      else if (values.only !== undefined) console.log(error.message);
    }
    const time = performance.now() - start;
    const after = process.memoryUsage();
    const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    if (time > TIME_MS) problem = `took ${Math.round(time)} ms`;
    if (grown > MEMORY.fixed + MEMORY.each * file.length) problem = `left ${grown} bytes of ${file.length}`;
    slowest = Math.max(slowest, time);
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    if (problem === undefined) continue;
    console.error(`${name} --seed ${values.seed} --only ${number}: ${problem}`);
    process.exit(1);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const list = [...counts].sort((a, b) => b[1] - a[1]).map(([outcome, count]) => `${outcome} ${count}`);
  console.log(`${name}: ${total} files from ${seeds.length}, the slowest ${slowest.toFixed(0)} ms: ${list.join(", ")}`);
}

/** One to six changes, each of one kind. */
function mutate(seed: Uint8Array, seeds: readonly Uint8Array[], random: (limit: number) => number): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  for (let changes = 1 + random(6); changes > 0 && bytes.length > 0; changes--) {
    const at = random(bytes.length);
    const length = 1 + random(Math.min(bytes.length - at, 1 << random(10)));
    const kind = random(9);
    if (kind === 0) bytes[at] ^= 1 << random(8);
    else if (kind === 1) bytes[at] = random(256);
    else if (kind === 2) bytes[at] = [0, 1, 127, 128, 255, 0x28, 0x2e, 0x5b, 0x7b, 0x22][random(10)];
    else if (kind === 3) put(bytes, at, EDGES[random(EDGES.length)], [1, 2, 4, 8][random(4)]);
    else if (kind === 4) bytes.copyWithin(at, random(bytes.length), random(bytes.length));
    else if (kind === 5) bytes = join(bytes.subarray(0, at), bytes.subarray(at + length));
    else if (kind === 6) bytes = join(bytes.subarray(0, at + length), bytes.subarray(at));
    else if (kind === 7) {
      const other = seeds[random(seeds.length)];
      const from = random(other.length);
      bytes = join(bytes.subarray(0, at), other.subarray(from, from + length), bytes.subarray(at));
    } else if (random(4) === 0) bytes = bytes.slice(0, at);
    else if (bytes[at] >= 0x30 && bytes[at] <= 0x39) bytes[at] = 0x30 + random(10);
  }
  return bytes;
}

/** Little endian, as far as the bytes go. */
function put(bytes: Uint8Array, at: number, value: bigint, size: number): void {
  for (let i = 0; i < size && at + i < bytes.length; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 255n);
}

function join(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
