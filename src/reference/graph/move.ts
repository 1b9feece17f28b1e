/** What moves elements and changes none: every element of the output is one of the input, found by its index. */

import { build, count, type Dense, stridesOf } from "./tensor.ts";

/** y[i₀, i₁, …] = x[start₀ + i₀ · step₀, …]. */
export function slice(
  x: Dense,
  starts: readonly number[],
  steps: readonly number[],
  sizes: readonly number[],
): Float64Array {
  const strides = stridesOf(x.shape);
  return build(sizes, (index) => x.data[strides.reduce((sum, s, a) => sum + s * (starts[a] + steps[a] * index[a]), 0)]);
}

/** Axis k of y is axis perm[k] of x. */
export function transpose(x: Dense, perm: readonly number[]): Float64Array {
  const strides = stridesOf(x.shape);
  const shape = perm.map((axis) => x.shape[axis]);
  return build(shape, (index) => x.data[perm.reduce((sum, axis, k) => sum + strides[axis] * index[k], 0)]);
}

export function concat(parts: readonly Dense[], axis: number): Float64Array {
  const strides = parts.map(({ shape }) => stridesOf(shape));
  const shape = parts[0].shape.map((size, a) => (a === axis ? parts.reduce((sum, p) => sum + p.shape[a], 0) : size));
  return build(shape, (index) => {
    let at = index[axis];
    let part = 0;
    while (at >= parts[part].shape[axis]) at -= parts[part++].shape[axis];
    return parts[part].data[strides[part].reduce((sum, s, a) => sum + s * (a === axis ? at : index[a]), 0)];
  });
}

/** `reflect` mirrors at the edge without repeating it. */
export function pad(x: Dense, pads: readonly number[], mode: string, value: number): Float64Array {
  const rank = x.shape.length;
  const strides = stridesOf(x.shape);
  const shape = x.shape.map((size, axis) => pads[axis] + size + pads[rank + axis]);
  return build(shape, (index) => {
    let from = 0;
    for (let axis = 0; axis < rank; axis++) {
      const size = x.shape[axis];
      let i = index[axis] - pads[axis];
      if (mode === "reflect") i = i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
      if (i < 0 || i >= size) return value;
      from += strides[axis] * i;
    }
    return x.data[from];
  });
}

/** The whole of x, again and again along each axis. */
export function tile(x: Dense, repeats: readonly number[]): Float64Array {
  const strides = stridesOf(x.shape);
  const shape = x.shape.map((size, axis) => size * repeats[axis]);
  return build(shape, (index) => x.data[strides.reduce((sum, s, a) => sum + s * (index[a] % x.shape[a]), 0)]);
}

/** y[…, i…, …] = x[…, ids[i…], …]; a negative id counts from the end. Undefined: an id out of range. */
export function gather(x: Dense, ids: Dense, axis: number): Float64Array | undefined {
  const n = x.shape[axis];
  if (ids.data.some((id) => id < -n || id >= n)) return undefined;
  const outer = count(x.shape.slice(0, axis));
  const inner = count(x.shape.slice(axis + 1));
  const out = new Float64Array(outer * ids.data.length * inner);
  for (let o = 0, at = 0; o < outer; o++) {
    for (const id of ids.data) {
      const from = (o * n + (id < 0 ? id + n : id)) * inner;
      out.set(x.data.subarray(from, from + inner), at);
      at += inner;
    }
  }
  return out;
}

/** The cache with `update` written over it from `starts` on. */
export function overwrite(cache: Dense, update: Dense, starts: readonly number[]): Float64Array {
  const out = cache.data.slice();
  const strides = stridesOf(cache.shape);
  let i = 0;
  build(update.shape, (index) => {
    out[strides.reduce((sum, s, a) => sum + s * (starts[a] + index[a]), 0)] = update.data[i];
    return i++;
  });
  return out;
}
