/**
 * A program's words → a packed program (assembly/abi.ts, PACKED_RUN): the records of a graph are alike, so most of their words
 * repeat those of a few records before. The kernels unpack it when a module is instantiated (assembly/bake.ts).
 */

import { PACKED_RUN } from "../../assembly/abi.ts";

/** Earlier places of the same word, nearest first, that are tried as the start of a run. */
const TRIED = 64;

export function packProgram(words: Uint32Array): Uint8Array {
  const places = new Map<number, number[]>();
  const bytes: number[] = [];
  for (let at = 0; at < words.length; ) {
    let [item, length, saved] = [2 * words[at], 1, 0];
    for (const place of places.get(words[at]) ?? []) {
      let [same, plain] = [0, 0];
      for (; same < PACKED_RUN && at + same < words.length && words[place + same] === words[at + same]; same++)
        plain += size(2 * words[at + same]);
      const run = 2 * (PACKED_RUN * (at - place) + same - 1) + 1;
      if (plain - size(run) > saved) [item, length, saved] = [run, same, plain - size(run)];
    }
    for (; item > 127; item = Math.floor(item / 128)) bytes.push((item % 128) | 128);
    bytes.push(item);
    for (const end = at + length; at < end; at++) {
      const known = places.get(words[at]);
      if (known === undefined) places.set(words[at], [at]);
      else if (known.unshift(at) > TRIED) known.pop();
    }
  }
  return Uint8Array.from(bytes);
}

/** Bytes of a number below 2⁴² in LEB128. */
function size(value: number): number {
  let bytes = 1;
  for (let limit = 128; value >= limit; limit *= 128) bytes++;
  return bytes;
}
