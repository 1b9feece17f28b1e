/**
 * Y ← init + W · X for some rows of a panel and several vectors at once: a tile of accumulators stays in registers, so that each
 * vector of W is loaded once for all vectors of X. gemm.ts has shapes, layout and order.
 *
 * Names    tileRxV has R rows and V vectors; aVR is the accumulator of vector V, rows 4·R … 4·R + 3. wStride: bytes of a column
 */

import { madd } from "./math";

/** Vectors of a tile. Without FMA a product takes a register before it is added, so four fit where FMA has room for six. */
// @ts-ignore: decorator
@inline
export function tileVectors(): usize {
  return ASC_FEATURE_RELAXED_SIMD ? 6 : 4;
}

/** tileVectors() vectors times `rows` rows of a panel, eight rows at a time. */
export function tiles(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, wStride: usize, x: usize, xStride: usize, rows: usize, k: usize,
): void {
  for (; rows > 0; rows -= min<usize>(rows, 8)) {
    if (ASC_FEATURE_RELAXED_SIMD) {
      if (rows >= 8) tile8x6(y, yStride, init, initStride, w, wStride, x, xStride, k);
      else tile4x6(y, yStride, init, initStride, w, wStride, x, xStride, k);
    } else {
      if (rows >= 8) tile8x4(y, yStride, init, initStride, w, wStride, x, xStride, k);
      else tile4x4(y, yStride, init, initStride, w, wStride, x, xStride, k);
    }
    y += 32;
    init += 32;
    w += 32;
  }
}

function tile8x6(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, wStride: usize, x: usize, xStride: usize, k: usize,
): void {
  let a00 = v128.load(init, 0);
  let a01 = v128.load(init, 16);
  init += initStride;
  let a10 = v128.load(init, 0);
  let a11 = v128.load(init, 16);
  init += initStride;
  let a20 = v128.load(init, 0);
  let a21 = v128.load(init, 16);
  init += initStride;
  let a30 = v128.load(init, 0);
  let a31 = v128.load(init, 16);
  init += initStride;
  let a40 = v128.load(init, 0);
  let a41 = v128.load(init, 16);
  init += initStride;
  let a50 = v128.load(init, 0);
  let a51 = v128.load(init, 16);
  let x1 = x + xStride;
  let x2 = x1 + xStride;
  let x3 = x2 + xStride;
  let x4 = x3 + xStride;
  let x5 = x4 + xStride;
  const end = x + (k << 2);
  while (x < end) {
    const w0 = v128.load(w, 0);
    const w1 = v128.load(w, 16);
    let s = v128.load32_splat(x);
    a00 = madd(w0, s, a00);
    a01 = madd(w1, s, a01);
    s = v128.load32_splat(x1);
    a10 = madd(w0, s, a10);
    a11 = madd(w1, s, a11);
    s = v128.load32_splat(x2);
    a20 = madd(w0, s, a20);
    a21 = madd(w1, s, a21);
    s = v128.load32_splat(x3);
    a30 = madd(w0, s, a30);
    a31 = madd(w1, s, a31);
    s = v128.load32_splat(x4);
    a40 = madd(w0, s, a40);
    a41 = madd(w1, s, a41);
    s = v128.load32_splat(x5);
    a50 = madd(w0, s, a50);
    a51 = madd(w1, s, a51);
    w += wStride;
    x += 4;
    x1 += 4;
    x2 += 4;
    x3 += 4;
    x4 += 4;
    x5 += 4;
  }
  v128.store(y, a00, 0);
  v128.store(y, a01, 16);
  y += yStride;
  v128.store(y, a10, 0);
  v128.store(y, a11, 16);
  y += yStride;
  v128.store(y, a20, 0);
  v128.store(y, a21, 16);
  y += yStride;
  v128.store(y, a30, 0);
  v128.store(y, a31, 16);
  y += yStride;
  v128.store(y, a40, 0);
  v128.store(y, a41, 16);
  y += yStride;
  v128.store(y, a50, 0);
  v128.store(y, a51, 16);
}

function tile4x6(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, wStride: usize, x: usize, xStride: usize, k: usize,
): void {
  let a0 = v128.load(init);
  init += initStride;
  let a1 = v128.load(init);
  init += initStride;
  let a2 = v128.load(init);
  init += initStride;
  let a3 = v128.load(init);
  init += initStride;
  let a4 = v128.load(init);
  init += initStride;
  let a5 = v128.load(init);
  let x1 = x + xStride;
  let x2 = x1 + xStride;
  let x3 = x2 + xStride;
  let x4 = x3 + xStride;
  let x5 = x4 + xStride;
  const end = x + (k << 2);
  while (x < end) {
    const w0 = v128.load(w, 0);
    let s = v128.load32_splat(x);
    a0 = madd(w0, s, a0);
    s = v128.load32_splat(x1);
    a1 = madd(w0, s, a1);
    s = v128.load32_splat(x2);
    a2 = madd(w0, s, a2);
    s = v128.load32_splat(x3);
    a3 = madd(w0, s, a3);
    s = v128.load32_splat(x4);
    a4 = madd(w0, s, a4);
    s = v128.load32_splat(x5);
    a5 = madd(w0, s, a5);
    w += wStride;
    x += 4;
    x1 += 4;
    x2 += 4;
    x3 += 4;
    x4 += 4;
    x5 += 4;
  }
  v128.store(y, a0);
  y += yStride;
  v128.store(y, a1);
  y += yStride;
  v128.store(y, a2);
  y += yStride;
  v128.store(y, a3);
  y += yStride;
  v128.store(y, a4);
  y += yStride;
  v128.store(y, a5);
}

function tile8x4(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, wStride: usize, x: usize, xStride: usize, k: usize,
): void {
  let a00 = v128.load(init, 0);
  let a01 = v128.load(init, 16);
  init += initStride;
  let a10 = v128.load(init, 0);
  let a11 = v128.load(init, 16);
  init += initStride;
  let a20 = v128.load(init, 0);
  let a21 = v128.load(init, 16);
  init += initStride;
  let a30 = v128.load(init, 0);
  let a31 = v128.load(init, 16);
  let x1 = x + xStride;
  let x2 = x1 + xStride;
  let x3 = x2 + xStride;
  const end = x + (k << 2);
  while (x < end) {
    const w0 = v128.load(w, 0);
    const w1 = v128.load(w, 16);
    let s = v128.load32_splat(x);
    a00 = madd(w0, s, a00);
    a01 = madd(w1, s, a01);
    s = v128.load32_splat(x1);
    a10 = madd(w0, s, a10);
    a11 = madd(w1, s, a11);
    s = v128.load32_splat(x2);
    a20 = madd(w0, s, a20);
    a21 = madd(w1, s, a21);
    s = v128.load32_splat(x3);
    a30 = madd(w0, s, a30);
    a31 = madd(w1, s, a31);
    w += wStride;
    x += 4;
    x1 += 4;
    x2 += 4;
    x3 += 4;
  }
  v128.store(y, a00, 0);
  v128.store(y, a01, 16);
  y += yStride;
  v128.store(y, a10, 0);
  v128.store(y, a11, 16);
  y += yStride;
  v128.store(y, a20, 0);
  v128.store(y, a21, 16);
  y += yStride;
  v128.store(y, a30, 0);
  v128.store(y, a31, 16);
}

function tile4x4(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, wStride: usize, x: usize, xStride: usize, k: usize,
): void {
  let a0 = v128.load(init);
  init += initStride;
  let a1 = v128.load(init);
  init += initStride;
  let a2 = v128.load(init);
  init += initStride;
  let a3 = v128.load(init);
  let x1 = x + xStride;
  let x2 = x1 + xStride;
  let x3 = x2 + xStride;
  const end = x + (k << 2);
  while (x < end) {
    const w0 = v128.load(w, 0);
    let s = v128.load32_splat(x);
    a0 = madd(w0, s, a0);
    s = v128.load32_splat(x1);
    a1 = madd(w0, s, a1);
    s = v128.load32_splat(x2);
    a2 = madd(w0, s, a2);
    s = v128.load32_splat(x3);
    a3 = madd(w0, s, a3);
    w += wStride;
    x += 4;
    x1 += 4;
    x2 += 4;
    x3 += 4;
  }
  v128.store(y, a0);
  y += yStride;
  v128.store(y, a1);
  y += yStride;
  v128.store(y, a2);
  y += yStride;
  v128.store(y, a3);
}
