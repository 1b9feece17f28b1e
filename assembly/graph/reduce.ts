/**
 * What takes lines together: n elements, `inner` elements apart, of outer · inner lines. Sums are f64, as in norm.ts.
 *
 * Oracle   src/reference/graph/reduce.ts, src/reference/norm.ts
 */

import { REDUCE_MAX, REDUCE_MEAN } from "../abi";
import { expV } from "../math";
import { log64 } from "./functions";

/** Each line → its sum, mean or largest element. */
export function reduce(y: usize, x: usize, kind: usize, outer: usize, n: usize, inner: usize): void {
  const step = inner << 2;
  const over: f64 = kind == REDUCE_MEAN ? <f64>n : 1;
  for (let o: usize = 0; o < outer; o++) {
    const from = x + o * n * step;
    let i: usize = 0;
    for (; i + 16 <= step; i += 16) {
      if (kind == REDUCE_MAX) v128.store(y, fourMaxima(from + i, step, n));
      else v128.store(y, fourSums(from + i, step, n, over));
      y += 16;
    }
    for (; i < step; i += 4) {
      store<f32>(y, kind == REDUCE_MAX ? maximum(from + i, step, n) : <f32>(sum(from + i, step, n) / over));
      y += 4;
    }
  }
}

/** Four lines side by side, each in the order of `sum`. */
function fourSums(x: usize, step: usize, n: usize, over: f64): v128 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (; n > 0; n--) {
    const v = v128.load(x);
    low = f64x2.add(low, f64x2.promote_low_f32x4(v));
    high = f64x2.add(high, f64x2.promote_low_f32x4(i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)));
    x += step;
  }
  const divisor = f64x2.splat(over);
  const first = f32x4.demote_f64x2_zero(f64x2.div(low, divisor));
  const second = f32x4.demote_f64x2_zero(f64x2.div(high, divisor));
  return i8x16.shuffle(first, second, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}

function sum(x: usize, step: usize, n: usize): f64 {
  let total: f64 = 0;
  for (; n > 0; n--) {
    total += load<f32>(x);
    x += step;
  }
  return total;
}

function fourMaxima(x: usize, step: usize, n: usize): v128 {
  let max = v128.load(x);
  for (; n > 1; n--) {
    x += step;
    max = f32x4.max(max, v128.load(x));
  }
  return max;
}

/** NaN where the line has one. */
function maximum(x: usize, step: usize, n: usize): f32 {
  let max = load<f32>(x);
  for (; n > 1; n--) {
    x += step;
    max = f32.max(max, load<f32>(x));
  }
  return max;
}

/**
 * A key that grows with the element, as integers are ordered: NaN above all, −0 as 0. For the smallest its complement, so that
 * the largest key is always the one looked for.
 */
function keyOf(x: f32, largest: bool): i32 {
  let key = reinterpret<i32>(x + 0);
  key ^= (key >> 31) & 0x7fff_ffff;
  if (x != x) key = 0x7fff_ffff;
  return largest ? key : ~key;
}

/** The k largest (smallest) elements of each line in order, of equal ones the first; values and places where they are wanted. */
export function topK(
  values: usize, places: usize, x: usize, outer: usize, n: usize, inner: usize, k: usize, largest: bool,
): void {
  const step = inner << 2;
  for (let line: usize = 0; line < outer * inner; line++) {
    const o = line / inner;
    const i = line - o * inner;
    const from = x + ((o * n * inner + i) << 2);
    let to = (o * k * inner + i) << 2;
    // The last one taken: its key and place.
    let lastKey: i32 = i32.MAX_VALUE;
    let last: isize = -1;
    for (let t: usize = 0; t < k; t++) {
      let best: isize = -1;
      let bestKey: i32 = i32.MIN_VALUE;
      for (let j: isize = 0; j < <isize>n; j++) {
        const key = keyOf(load<f32>(from + <usize>j * step), largest);
        const after = key < lastKey || (key == lastKey && j > last);
        if (after && (best < 0 || key > bestKey)) {
          best = j;
          bestKey = key;
        }
      }
      if (values != 0) store<f32>(values + to, load<f32>(from + <usize>best * step));
      if (places != 0) store<i32>(places + to, <i32>best);
      to += step;
      last = best;
      lastKey = bestKey;
    }
  }
}

/** e^(x − max) / Σ along each line, or x − max − ln Σ. */
export function softmax(y: usize, x: usize, outer: usize, n: usize, inner: usize, logarithm: bool): void {
  const step = inner << 2;
  for (let o: usize = 0; o < outer; o++) {
    for (let i: usize = 0; i < inner; i++) {
      const at = (o * n * inner + i) << 2;
      softmaxLine(y + at, x + at, step, n, logarithm);
    }
  }
}

function softmaxLine(y: usize, x: usize, step: usize, n: usize, logarithm: bool): void {
  const max = maximum(x, step, n);
  const bytes = n * step;
  let total: f64 = 0;
  let i: usize = 0;
  const top = f32x4.splat(max);
  if (step == 4) {
    for (; i + 16 <= bytes; i += 16) v128.store(y + i, expV(f32x4.sub(v128.load(x + i), top)));
  }
  for (; i < bytes; i += step) store<f32>(y + i, f32x4.extract_lane(expV(f32x4.sub(v128.load32_splat(x + i), top)), 0));
  for (i = 0; i < bytes; i += step) total += load<f32>(y + i);
  if (logarithm) {
    const lnSum = log64(total);
    for (i = 0; i < bytes; i += step) store<f32>(y + i, <f32>(<f64>load<f32>(x + i) - max - lnSum));
  } else for (i = 0; i < bytes; i += step) store<f32>(y + i, <f32>(load<f32>(y + i) / total));
}

/** y ← scale[c] · x + shift[c] for element c of each line. */
export function scaleShift(
  y: usize, x: usize, outer: usize, n: usize, inner: usize, scale: usize, shift: usize,
): void {
  let at: usize = 0;
  for (let o: usize = 0; o < outer; o++) {
    for (let c: usize = 0; c < n << 2; c += 4) {
      const s = v128.load32_splat(scale + c);
      const b = v128.load32_splat(shift + c);
      const end = at + (inner << 2);
      for (; at + 16 <= end; at += 16) v128.store(y + at, f32x4.add(f32x4.mul(s, v128.load(x + at)), b));
      for (; at < end; at += 4) store<f32>(y + at, load<f32>(scale + c) * load<f32>(x + at) + load<f32>(shift + c));
    }
  }
}
