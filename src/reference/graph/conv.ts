/** Convolutions and pools over one or two axes, straight from the definition: x (1, C, …), padding counted, never stored. */

import { build, count, type Dense, stridesOf } from "./tensor.ts";

export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Begins of all axes, then ends. */
  readonly padding: readonly number[];
}

/** weight (O, I / groups, …kernel) → y (1, O, …): y[o, p] = b[o] + Σ w[o, c, k] · x[c, p · stride − begin + k · dilation]. */
export function conv(
  x: Dense,
  weight: Float64Array,
  bias: Float64Array | undefined,
  { kernel, stride, dilation, padding }: Window,
  groups: number,
  shape: readonly number[],
): Float64Array {
  const perGroup = x.shape[1] / groups;
  const outPerGroup = shape[1] / groups;
  const taps = count(kernel);
  const strides = stridesOf(x.shape);
  return build(shape, ([, o, ...place]) => {
    let sum = bias?.[o] ?? 0;
    const first = Math.floor(o / outPerGroup) * perGroup;
    let t = o * perGroup * taps;
    for (let c = 0; c < perGroup; c++) {
      build(kernel, (k) => {
        const w = weight[t++];
        let from = (first + c) * strides[1];
        for (let a = 0; a < kernel.length; a++) {
          const i = place[a] * stride[a] - padding[a] + k[a] * dilation[a];
          if (i < 0 || i >= x.shape[2 + a]) return 0;
          from += i * strides[2 + a];
        }
        sum += w * x.data[from];
        return 0;
      });
    }
    return sum;
  });
}

/** weight (I, O / groups, …kernel): every input adds w · x to the places p · stride − begin + k · dilation. */
export function convTranspose(
  x: Dense,
  weight: Float64Array,
  bias: Float64Array | undefined,
  { kernel, stride, dilation, padding }: Window,
  groups: number,
  shape: readonly number[],
): Float64Array {
  const perGroup = x.shape[1] / groups;
  const outPerGroup = shape[1] / groups;
  const taps = count(kernel);
  const strides = stridesOf(shape);
  const out = build(shape, ([, o]) => bias?.[o] ?? 0);
  let i = 0;
  build(x.shape, ([, c, ...place]) => {
    const value = x.data[i++];
    const group = Math.floor(c / perGroup);
    for (let o = 0; o < outPerGroup; o++) {
      let t = (c * outPerGroup + o) * taps;
      build(kernel, (k) => {
        const w = weight[t++];
        let to = (group * outPerGroup + o) * strides[1];
        for (let a = 0; a < kernel.length; a++) {
          const p = place[a] * stride[a] - padding[a] + k[a] * dilation[a];
          if (p < 0 || p >= shape[2 + a]) return 0;
          to += p * strides[2 + a];
        }
        out[to] += w * value;
        return 0;
      });
    }
    return 0;
  });
  return out;
}

/** The largest element of each window, or the mean of its elements; padding is no element unless it counts as zeros. */
export function pool(
  x: Dense,
  { kernel, stride, dilation, padding }: Window,
  mean: boolean,
  countPadding: boolean,
  shape: readonly number[],
): Float64Array {
  const strides = stridesOf(x.shape);
  return build(shape, ([, c, ...place]) => {
    const found: number[] = [];
    build(kernel, (k) => {
      let from = c * strides[1];
      for (let a = 0; a < kernel.length; a++) {
        const i = place[a] * stride[a] - padding[a] + k[a] * dilation[a];
        if (i < 0 || i >= x.shape[2 + a]) return 0;
        from += i * strides[2 + a];
      }
      found.push(x.data[from]);
      return 0;
    });
    if (!mean) return found.reduce((a, b) => Math.max(a, b), -Infinity);
    return found.reduce((a, b) => a + b, 0) / (countPadding ? count(kernel) : found.length);
  });
}
