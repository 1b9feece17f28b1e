/** The vectors of test/audio/vectors, and how far numbers are from them. */

import { readFileSync } from "node:fs";
import { parseNpz } from "../../src/formats/npz.ts";

/** Names and f64 arrays of a file, row by row. */
export function readVectors(name: string): Map<string, Float64Array> {
  const bytes = new Uint8Array(readFileSync(new URL(`vectors/${name}.npz`, import.meta.url)));
  return new Map([...parseNpz(bytes)].map(([key, { data }]) => [key, Float64Array.from(data as Float64Array)]));
}

export function get<T>(map: ReadonlyMap<string, T>, key: string): T {
  const value = map.get(key);
  if (value === undefined) throw new Error(`no ${key}`);
  return value;
}

/** The largest absolute difference; of unequal lengths: infinity. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    if (!(d <= most)) most = d; // NaN stays
  }
  return most;
}

/** Numbers in [−1, 1) that are the same each time. */
export function noise(length: number, seed = 1): Float64Array {
  let state = seed;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}
