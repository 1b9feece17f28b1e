/**
 * The int8 product: Y ← init + W · x, for matrices held as I8 with a scale for each row.
 *
 *     x ≈ m + s · (q − 64)     m = (max + min) / 2, s = (max − min) / 126, q = round((x − m) / s) + 64 in 1 … 127
 *     y = init + m · (s_w · Σ W) + s · s_w · (W · q − 64 · Σ W)
 *
 * A vector is quantised once, and all products with it share that. The sums of integers are exact (k ≤ 2¹⁷), so their order
 * does not matter, and every form, both builds and every engine give the same bits; the rest is mul and add. A vector of
 * equal numbers is exact, zeros give init itself; one with NaN or infinity has no scale and gives NaN in all of Y.
 *
 * Layout   q: s in four lanes, m in four, then k₄ columns, bytes in the relaxed build, i16 in the simd build; TILE vectors at a
 *          time have their lanes first, then group by group the columns of each (quantize)
 *          W: panels of 16 rows: s_w f32, −64 · Σ i32, s_w · Σ f32, then W[i, j] at 16 · GROUP · (j / GROUP) + GROUP · i +
 *          j mod GROUP (packInt8); rows of the last panel and columns to k₄ are padded with zeros
 * Memory   x is read exactly k long for m and s
 * Oracle   test/conformance/int8-arithmetic.ts
 */

import { CONSTANTS } from "./abi";
import { gemm } from "./gemm";
import { paddedCount } from "./rows";

// Places in the block at CONSTANTS, in the order of src/coefficients.ts.
const ROUND: usize = CONSTANTS + 4;
const HALF: usize = CONSTANTS + 16;
const LEAST: usize = CONSTANTS + 68;
const LIMIT: usize = CONSTANTS + 72;
const ROUND_64: usize = CONSTANTS + 76;
const ONES: usize = CONSTANTS + 80;

/** Vectors that one register tile takes at once. */
const TILE: usize = 4;
/** Columns that one instruction multiplies: i8 · i7 in the relaxed build, i16 · i16 in the simd build. */
// @ts-ignore: decorator
@inline
const GROUP: usize = ASC_FEATURE_RELAXED_SIMD ? 4 : 2;
/** Bytes of four rows of a group. */
// @ts-ignore: decorator
@inline
const VECTOR: usize = GROUP << 2;

/** Bytes of a quantised row's columns. */
// @ts-ignore: decorator
@inline
function columnBytes(k: usize): usize {
  return ASC_FEATURE_RELAXED_SIMD ? paddedCount(k) : paddedCount(k) << 1;
}

/** Bytes of a quantised row: what the host plans for both builds (src/program.ts). */
// @ts-ignore: decorator
@inline
function quantizedBytes(k: usize): usize {
  return 32 + (paddedCount(k) << 1);
}

// @ts-ignore: decorator
@inline
function panelBytes(k: usize): usize {
  return 192 + (paddedCount(k) << 4);
}

/** q ← x for every row; x is padded with zeros to whole vectors. */
export function quantize(q: usize, x: usize, xStride: usize, k: usize, rows: usize): void {
  for (; rows >= TILE; rows -= TILE) {
    for (let i: usize = 0; i < TILE; i++) {
      quantizeRow(q + (i << 5), q + (TILE << 5) + (i << 2), TILE << 2, x, k);
      x += xStride;
    }
    q += quantizedBytes(k) * TILE;
  }
  for (; rows > 0; rows--) {
    quantizeRow(q, q + 32, 4, x, k);
    x += xStride;
    q += quantizedBytes(k);
  }
}

/** `to`: of the first group; `step`: bytes from one group to the next. */
function quantizeRow(scale: usize, to: usize, step: usize, x: usize, k: usize): void {
  const xEnd = x + (paddedCount(k) << 2);
  const kEnd = x + (k << 2);
  let low = v128.load32_splat(x);
  let high = low;
  // Comparisons pass over NaN. Without the sign the bits of NaN and infinity are larger than those of numbers.
  let magnitude = i32x4.splat(0);
  let at = x;
  for (; at + 16 <= kEnd; at += 16) {
    const xv = v128.load(at);
    low = f32x4.pmin(low, xv);
    high = f32x4.pmax(high, xv);
    magnitude = i32x4.max_u(magnitude, i32x4.shl(xv, 1));
  }
  for (; at < kEnd; at += 4) {
    const xv = v128.load32_splat(at);
    low = f32x4.pmin(low, xv);
    high = f32x4.pmax(high, xv);
    magnitude = i32x4.max_u(magnitude, i32x4.shl(xv, 1));
  }
  low = f32x4.pmin(low, v128.shuffle<i32>(low, low, 2, 3, 0, 1));
  low = f32x4.pmin(low, v128.shuffle<i32>(low, low, 1, 0, 3, 2));
  high = f32x4.pmax(high, v128.shuffle<i32>(high, high, 2, 3, 0, 1));
  high = f32x4.pmax(high, v128.shuffle<i32>(high, high, 1, 0, 3, 2));
  magnitude = i32x4.max_u(magnitude, v128.shuffle<i32>(magnitude, magnitude, 2, 3, 0, 1));
  magnitude = i32x4.max_u(magnitude, v128.shuffle<i32>(magnitude, magnitude, 1, 0, 3, 2));
  // 0, or NaN where a number is not finite.
  const zero = f32x4.mul(i32x4.shr_u(magnitude, 1), f32x4.splat(0));
  const half = v128.load32_splat(HALF);
  low = f32x4.mul(low, half);
  high = f32x4.mul(high, half);
  const middle = f32x4.add(high, low);
  const radius = f32x4.pmax(f32x4.sub(high, low), v128.load32_splat(LEAST));
  const limit = v128.load32_splat(LIMIT);
  const round = v128.load32_splat(ROUND_64);
  const magic = v128.load32_splat(ROUND);
  const inverse = f32x4.div(limit, radius);
  v128.store(scale, f32x4.add(f32x4.div(radius, limit), zero));
  v128.store(scale, middle, 16);
  for (; x < xEnd; x += 16) {
    // The bits of 1.5 · 2²³ + q less those of 1.5 · 2²³.
    const q = i32x4.sub(f32x4.add(f32x4.mul(f32x4.sub(v128.load(x), middle), inverse), round), magic);
    const halves = i16x8.narrow_i32x4_s(q, q);
    if (ASC_FEATURE_RELAXED_SIMD) {
      v128.store_lane<i32>(to, i8x16.narrow_i16x8_u(halves, halves), 0);
      to += step;
    } else {
      v128.store_lane<i32>(to, halves, 0);
      v128.store_lane<i32>(to + step, halves, 1);
      to += step << 1;
    }
  }
}

/** Y ← init + W · x for x quantised at q; n a multiple of LANES. init as in gemm. */
export function productInt8(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, q: usize, n: usize, k: usize, rows: usize,
): void {
  if (!ASC_FEATURE_RELAXED_SIMD || oneInstruction()) products<i32>(y, yStride, init, initStride, w, q, n, k, rows);
  else products<i16>(y, yStride, init, initStride, w, q, n, k, rows);
}

/** Y ← init + W · x: by bytes where x stands quantised at q, in f32 where q is 0. */
export function product(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, x: usize, xStride: usize, n: usize, k: usize, rows: usize,
  q: usize,
): void {
  if (q != 0) productInt8(y, yStride, init, initStride, w, q, n, k, rows);
  else gemm(y, yStride, init, initStride, w, x, xStride, n, k, rows);
}

/**
 * Is the four-column dot one instruction (arm64, VNNI)? Outside the range that products use, a second operand of 255 shows how
 * it is made: one instruction takes it as −1 or as 255. Where sums of pairs saturate on the way it is three instructions and a
 * constant (x64), which is quicker with the constant outside the loop; and the baseline compiler of V8 11.3 gets it wrong.
 */
// @ts-ignore: decorator
@inline
function oneInstruction(): bool {
  const probe = i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(-128), i8x16.splat(-1), i32x4.splat(0));
  const sum = i32x4.extract_lane(probe, 0);
  return sum == 512 || sum == -130560;
}

/** acc + a group of columns of four rows at w · x, at once (T i32) or by sums of pairs (T i16). */
// @ts-ignore: decorator
@inline
function dot<T>(w: usize, x: v128, acc: v128, ones: v128): v128 {
  if (!ASC_FEATURE_RELAXED_SIMD) return i32x4.add(acc, i32x4.dot_i16x8_s(v128.load_ext<i8>(w), x));
  else if (sizeof<T>() == 2) return i32x4.add(acc, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(w), x), ones));
  else return i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w), x, acc);
}

/** Four rows: y ← init + m · Σ + s · s_w ∘ acc, with s_w and Σ at p. */
// @ts-ignore: decorator
@inline
function finish(y: usize, init: usize, acc: v128, p: usize, s: v128, m: v128): void {
  const start = f32x4.add(v128.load(init), f32x4.mul(m, v128.load(p, 128)));
  v128.store(y, f32x4.add(start, f32x4.mul(f32x4.convert_i32x4_s(acc), f32x4.mul(s, v128.load(p)))));
}

function products<T>(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, q: usize, n: usize, k: usize, rows: usize,
): void {
  const qStride = quantizedBytes(k);
  const bytes = n << 2;
  for (; rows >= TILE; rows -= TILE) {
    let p = w;
    for (let i: usize = 0; i < bytes; i += 32) {
      tile<T>(y + i, yStride, init + i, initStride, p, i & 32, q, k, bytes > i + 16);
      if (i & 32) p += panelBytes(k);
    }
    y += yStride * TILE;
    init += initStride * TILE;
    q += qStride * TILE;
  }
  for (; rows > 0; rows--) {
    let p = w;
    const s = v128.load(q);
    const m = v128.load(q, 16);
    const xEnd = q + 32 + columnBytes(k);
    for (let i: usize = 0; i < bytes; i += 64) {
      let x = q + 32;
      let acc0 = v128.load(p, 64);
      let acc1 = v128.load(p, 80);
      let acc2 = v128.load(p, 96);
      let acc3 = v128.load(p, 112);
      const ones = v128.load32_splat(ONES);
      let at = p + 192;
      while (x < xEnd) {
        const xv = v128.load32_splat(x);
        acc0 = dot<T>(at, xv, acc0, ones);
        acc1 = dot<T>(at + VECTOR, xv, acc1, ones);
        acc2 = dot<T>(at + VECTOR * 2, xv, acc2, ones);
        acc3 = dot<T>(at + VECTOR * 3, xv, acc3, ones);
        at += VECTOR << 2;
        x += 4;
      }
      finish(y + i, init + i, acc0, p, s, m);
      if (bytes > i + 16) finish(y + i + 16, init + i + 16, acc1, p + 16, s, m);
      if (bytes > i + 32) finish(y + i + 32, init + i + 32, acc2, p + 32, s, m);
      if (bytes > i + 48) finish(y + i + 48, init + i + 48, acc3, p + 48, s, m);
      p = at;
    }
    y += yStride;
    init += initStride;
    q += qStride;
  }
}

/** Eight rows of a panel, its first half or its second (32), for TILE vectors. */
// @ts-ignore: decorator
@inline
function tile<T>(
  y: usize, yStride: usize, init: usize, initStride: usize, p: usize, half: usize, q: usize, k: usize, both: bool,
): void {
  let acc00 = v128.load(p + half, 64);
  let acc01 = v128.load(p + half, 80);
  let acc10 = acc00;
  let acc11 = acc01;
  let acc20 = acc00;
  let acc21 = acc01;
  let acc30 = acc00;
  let acc31 = acc01;
  const ones = v128.load32_splat(ONES);
  let x = q + (TILE << 5);
  const xEnd = x + columnBytes(k) * TILE;
  let at = p + 192 + (half >> 4) * VECTOR;
  while (x < xEnd) {
    const xs = v128.load(x);
    let xv = v128.shuffle<i32>(xs, xs, 0, 0, 0, 0);
    acc00 = dot<T>(at, xv, acc00, ones);
    acc01 = dot<T>(at + VECTOR, xv, acc01, ones);
    xv = v128.shuffle<i32>(xs, xs, 1, 1, 1, 1);
    acc10 = dot<T>(at, xv, acc10, ones);
    acc11 = dot<T>(at + VECTOR, xv, acc11, ones);
    xv = v128.shuffle<i32>(xs, xs, 2, 2, 2, 2);
    acc20 = dot<T>(at, xv, acc20, ones);
    acc21 = dot<T>(at + VECTOR, xv, acc21, ones);
    xv = v128.shuffle<i32>(xs, xs, 3, 3, 3, 3);
    acc30 = dot<T>(at, xv, acc30, ones);
    acc31 = dot<T>(at + VECTOR, xv, acc31, ones);
    at += VECTOR << 2;
    x += 4 * TILE;
  }
  p += half;
  finish2(y, init, acc00, acc01, p, q, both);
  finish2(y + yStride, init + initStride, acc10, acc11, p, q + 32, both);
  finish2(y + (yStride << 1), init + (initStride << 1), acc20, acc21, p, q + 64, both);
  finish2(y + yStride * 3, init + initStride * 3, acc30, acc31, p, q + 96, both);
}

/** `finish` of eight rows, or of the first four. */
function finish2(y: usize, init: usize, acc0: v128, acc1: v128, p: usize, q: usize, both: bool): void {
  const s = v128.load(q);
  const m = v128.load(q, 16);
  finish(y, init, acc0, p, s, m);
  if (both) finish(y + 16, init + 16, acc1, p + 16, s, m);
}

/** The panels of a matrix (n, k) of bytes that lies row by row at x, with n scales. */
export function packInt8(y: usize, x: usize, scales: usize, n: usize, k: usize): void {
  for (let i: usize = 0; i < n; i += 16) {
    for (let row: usize = 0; row < 16; row++) {
      const there = i + row < n;
      let sum: i32 = 0;
      let to = y + 192 + row * GROUP;
      for (let j: usize = 0; j < paddedCount(k); j++) {
        const value: i32 = there && j < k ? load<i8>(x + j) : 0;
        store<i8>(to + (j & (GROUP - 1)), value);
        sum += value;
        if ((j & (GROUP - 1)) == GROUP - 1) to += VECTOR << 2;
      }
      const scale: f32 = there ? load<f32>(scales + ((i + row) << 2)) : 0;
      store<f32>(y + (row << 2), scale);
      store<i32>(y + 64 + (row << 2), -64 * sum);
      store<f32>(y + 128 + (row << 2), scale * <f32>sum);
      x += k;
    }
    y += panelBytes(k);
  }
}
