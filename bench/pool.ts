/**
 * A pool of two workers over one of one: 96 sequences of 200 steps through a GRU of 128 units (a worker takes about 95 ms a
 * dozen), by turns, seven times each. The sum of all outputs is printed, the same for both.
 *
 *     npm run build && npx tsx bench/pool.ts
 */

import { cpus } from "node:os";
import { type LayerSpec, modelFromLayers, type Tensor } from "../src/index.ts";
import type { Pool } from "../src/pool.ts";

const { createPool } = (await import(
  new URL("../dist/pool.js", import.meta.url).href
)) as typeof import("../src/pool.ts");

const H = 128;
const layers: LayerSpec[] = [{ type: "gru", name: "gru" }];
const shapes = { weight_ih_l0: [3 * H, H], weight_hh_l0: [3 * H, H], bias_ih_l0: [3 * H], bias_hh_l0: [3 * H] };
let seed = 1;
const next = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 31 - 1;
};
const tensors = Object.entries(shapes).map(([suffix, shape]): [string, Tensor] => {
  const name = `gru.${suffix}`;
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() / 11);
  return [name, { name, dtype: "F32", shape, data }];
});
const model = modelFromLayers(layers, new Map(tensors));
const sequences = Array.from({ length: 96 }, () => Float32Array.from({ length: 200 * H }, next));

async function take(pool: Pool): Promise<{ readonly ms: number; readonly sum: number }> {
  const from = performance.now();
  let sum = 0;
  for await (const { output } of pool.map(sequences, { keep: "last" })) for (const y of output) sum += y;
  return { ms: performance.now() - from, sum };
}

const pools = [await createPool(model, { workers: 1 }), await createPool(model, { workers: 2 })];
for (const pool of pools) await take(pool);
const times: number[][] = [[], []];
const sums = new Set<number>();
for (let turn = 0; turn < 7; turn++) {
  for (const [i, pool] of pools.entries()) {
    const { ms, sum } = await take(pool);
    times[i].push(ms);
    sums.add(sum);
  }
}
for (const pool of pools) pool.dispose();
const text = (values: readonly number[]) => {
  const sorted = [...values].sort((a, b) => a - b);
  return [sorted[0], sorted[3], sorted[6]].map((ms) => ms.toFixed(0)).join(" … ");
};
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[3];
console.log(`${cpus()[0].model}, ${cpus().length} cores; Node ${process.versions.node}; sum ${[...sums].join(" ≠ ")}`);
console.log(`1 worker   ${text(times[0])} ms`);
console.log(`2 workers  ${text(times[1])} ms, ${(median(times[0]) / median(times[1])).toFixed(2)} × (medians)`);
console.log(`           ${(Math.min(...times[0]) / Math.min(...times[1])).toFixed(2)} × (the quickest of each)`);
