/** What takes some axes together: sums, means, maxima, softmax, the places of the largest elements. */

import { logSoftmax } from "../softmax.ts";
import { count, type Dense } from "./tensor.ts";

/** Calls `each` with the elements along an axis, for every place of the other axes; `outer` and `inner` number it. */
export function along(x: Dense, axis: number, each: (line: Float64Array, outer: number, inner: number) => void): void {
  const n = x.shape[axis];
  const outer = count(x.shape.slice(0, axis));
  const inner = count(x.shape.slice(axis + 1));
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++)
      each(
        Float64Array.from({ length: n }, (_, k) => x.data[(o * n + k) * inner + i]),
        o,
        i,
      );
  }
}

/** Each line of the axis → m elements in its place. */
export function mapLines(
  x: Dense,
  axis: number,
  m: number,
  f: (line: Float64Array) => ArrayLike<number>,
): Float64Array {
  const inner = count(x.shape.slice(axis + 1));
  const out = new Float64Array((x.data.length / x.shape[axis]) * m);
  along(x, axis, (line, o, i) => {
    const to = f(line);
    for (let k = 0; k < m; k++) out[(o * m + k) * inner + i] = to[k];
  });
  return out;
}

export const REDUCTIONS = {
  sum: (line) => line.reduce((sum, v) => sum + v, 0),
  mean: (line) => line.reduce((sum, v) => sum + v, 0) / line.length,
  max: (line) => line.reduce((a, b) => Math.max(a, b), -Infinity),
} satisfies Record<string, (line: Float64Array) => number>;

/** The axes, one after another. A mean of means of equal counts is the mean. */
export function reduce(x: Dense, axes: readonly number[], f: (line: Float64Array) => number): Float64Array {
  let { shape, data } = x;
  for (const axis of axes) {
    data = mapLines({ shape, data }, axis, 1, (line) => [f(line)]);
    shape = shape.map((size, a) => (a === axis ? 1 : size));
  }
  return data;
}

export function softmax(x: Dense, axis: number, log: boolean): Float64Array {
  return mapLines(x, axis, x.shape[axis], (line) => (log ? logSoftmax(line) : logSoftmax(line).map(Math.exp)));
}

/** Places of the k largest (or smallest) elements, in order; of equal ones the first. NaN counts as the largest. */
export function order(line: Float64Array, k: number, largest: boolean): number[] {
  const rank = (v: number) => (Number.isNaN(v) ? Infinity : v);
  return Array.from(line.keys())
    .sort((a, b) => {
      const [x, y] = [line[a], line[b]];
      if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) === largest ? -1 : 1;
      const d = rank(x) === rank(y) ? 0 : rank(x) > rank(y) ? 1 : -1;
      return (largest ? -d : d) || a - b;
    })
    .slice(0, k);
}
