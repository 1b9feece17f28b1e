/**
 * Sums of taps: y[m, p] ← bias[m] + Σ_k a[m, k] · x[offsets[k] + p], places p contiguous. A convolution whose offsets are its
 * window's, and the product of two matrices, whose offsets are the rows of the second.
 *
 * Layout   a (outputs, k) row by row · offsets in bytes · y (groups, outputs, rows, places) contiguous
 * Tiles    4 outputs × 8 places, or 1 × 16: eight (four) accumulators stay in registers. The last vector of a row begins where
 *          it still fits, so that some places are computed twice; fewer than four places are stored one by one
 * Order    each output is one chain: bias, then madd over k ascending, in every tile (gemm.ts has the same)
 * Memory   x is read up to three elements past the last place
 */

import { T_A_GROUP, T_BIAS, T_GROUPS, T_K, T_OFFSETS, T_OUTPUTS, T_PLACES, T_ROWS, T_X_GROUP, T_X_ROW } from "../abi";
import { madd } from "../math";
import { word } from "../rows";

export function taps(record: usize, y: usize, x: usize, a: usize): void {
  let b = word(record, T_BIAS);
  const offsets = word(record, T_OFFSETS);
  const k = word(record, T_K);
  const outputs = word(record, T_OUTPUTS);
  const groups = word(record, T_GROUPS);
  const xRow = word(record, T_X_ROW);
  const lines = word(record, T_ROWS);
  const places = word(record, T_PLACES);
  const aStep = k << 2;
  const yRow = places << 2;
  const yStep = yRow * lines;
  for (let g: usize = 0; g < groups; g++) {
    let aRow = a;
    let m: usize = 0;
    for (; m + 4 <= outputs; m += 4) {
      for (let line: usize = 0; line < lines; line++) {
        four(y + line * yRow, yStep, x + line * xRow, aRow, aStep, b, offsets, k, places);
      }
      y += yStep << 2;
      aRow += aStep << 2;
      if (b != 0) b += 16;
    }
    for (; m < outputs; m++) {
      for (let line: usize = 0; line < lines; line++) one(y + line * yRow, x + line * xRow, aRow, b, offsets, k, places);
      y += yStep;
      aRow += aStep;
      if (b != 0) b += 4;
    }
    x += word(record, T_X_GROUP);
    a += word(record, T_A_GROUP);
  }
}

// @ts-ignore: decorator
@inline
function biasOf(b: usize, i: usize): v128 {
  return b == 0 ? f32x4.splat(0) : v128.load32_splat(b + i);
}

/** The first n lanes. */
function storeLanes(y: usize, v: v128, n: usize): void {
  store<f32>(y, f32x4.extract_lane(v, 0));
  if (n > 1) store<f32>(y, f32x4.extract_lane(v, 1), 4);
  if (n > 2) store<f32>(y, f32x4.extract_lane(v, 2), 8);
}

/** Four outputs, a row of places. */
function four(
  y: usize, yStep: usize, x: usize, a: usize, aStep: usize, b: usize, offsets: usize, k: usize, places: usize,
): void {
  let p: usize = 0;
  for (; p + 8 <= places; p += 8) tile4x8(y + (p << 2), yStep, x + (p << 2), a, aStep, b, offsets, k);
  while (p < places) {
    const from: usize = places < 4 ? 0 : min<usize>(p, places - 4);
    tile4x4(y + (from << 2), yStep, x + (from << 2), a, aStep, b, offsets, k, places);
    p = from + 4;
  }
}

function tile4x8(
  y: usize, yStep: usize, x: usize, a0: usize, aStep: usize, b: usize, offsets: usize, k: usize,
): void {
  let acc00 = biasOf(b, 0);
  let acc01 = acc00;
  let acc10 = biasOf(b, 4);
  let acc11 = acc10;
  let acc20 = biasOf(b, 8);
  let acc21 = acc20;
  let acc30 = biasOf(b, 12);
  let acc31 = acc30;
  let a1 = a0 + aStep;
  let a2 = a1 + aStep;
  let a3 = a2 + aStep;
  const end = a1;
  while (a0 < end) {
    const p = x + load<u32>(offsets);
    const x0 = v128.load(p, 0);
    const x1 = v128.load(p, 16);
    let w = v128.load32_splat(a0);
    acc00 = madd(w, x0, acc00);
    acc01 = madd(w, x1, acc01);
    w = v128.load32_splat(a1);
    acc10 = madd(w, x0, acc10);
    acc11 = madd(w, x1, acc11);
    w = v128.load32_splat(a2);
    acc20 = madd(w, x0, acc20);
    acc21 = madd(w, x1, acc21);
    w = v128.load32_splat(a3);
    acc30 = madd(w, x0, acc30);
    acc31 = madd(w, x1, acc31);
    offsets += 4;
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
  }
  v128.store(y, acc00, 0);
  v128.store(y, acc01, 16);
  y += yStep;
  v128.store(y, acc10, 0);
  v128.store(y, acc11, 16);
  y += yStep;
  v128.store(y, acc20, 0);
  v128.store(y, acc21, 16);
  y += yStep;
  v128.store(y, acc30, 0);
  v128.store(y, acc31, 16);
}

/** Four places, or as many as there are if fewer. */
function tile4x4(
  y: usize, yStep: usize, x: usize, a0: usize, aStep: usize, b: usize, offsets: usize, k: usize, places: usize,
): void {
  let acc0 = biasOf(b, 0);
  let acc1 = biasOf(b, 4);
  let acc2 = biasOf(b, 8);
  let acc3 = biasOf(b, 12);
  let a1 = a0 + aStep;
  let a2 = a1 + aStep;
  let a3 = a2 + aStep;
  const end = a1;
  while (a0 < end) {
    const xv = v128.load(x + load<u32>(offsets));
    acc0 = madd(v128.load32_splat(a0), xv, acc0);
    acc1 = madd(v128.load32_splat(a1), xv, acc1);
    acc2 = madd(v128.load32_splat(a2), xv, acc2);
    acc3 = madd(v128.load32_splat(a3), xv, acc3);
    offsets += 4;
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
  }
  if (places < 4) {
    storeLanes(y, acc0, places);
    storeLanes(y + yStep, acc1, places);
    storeLanes(y + yStep * 2, acc2, places);
    storeLanes(y + yStep * 3, acc3, places);
    return;
  }
  v128.store(y, acc0);
  y += yStep;
  v128.store(y, acc1);
  y += yStep;
  v128.store(y, acc2);
  y += yStep;
  v128.store(y, acc3);
}

/** One output, a row of places. */
function one(y: usize, x: usize, a: usize, b: usize, offsets: usize, k: usize, places: usize): void {
  let p: usize = 0;
  for (; p + 16 <= places; p += 16) tile1x16(y + (p << 2), x + (p << 2), a, b, offsets, k);
  while (p < places) {
    const from: usize = places < 4 ? 0 : min<usize>(p, places - 4);
    let acc = biasOf(b, 0);
    const at = x + (from << 2);
    for (let i: usize = 0; i < k << 2; i += 4) acc = madd(v128.load32_splat(a + i), v128.load(at + load<u32>(offsets + i)), acc);
    if (places < 4) storeLanes(y, acc, places);
    else v128.store(y + (from << 2), acc);
    p = from + 4;
  }
}

function tile1x16(y: usize, x: usize, a: usize, b: usize, offsets: usize, k: usize): void {
  let acc0 = biasOf(b, 0);
  let acc1 = acc0;
  let acc2 = acc0;
  let acc3 = acc0;
  const end = a + (k << 2);
  while (a < end) {
    const p = x + load<u32>(offsets);
    const w = v128.load32_splat(a);
    acc0 = madd(w, v128.load(p, 0), acc0);
    acc1 = madd(w, v128.load(p, 16), acc1);
    acc2 = madd(w, v128.load(p, 32), acc2);
    acc3 = madd(w, v128.load(p, 48), acc3);
    offsets += 4;
    a += 4;
  }
  v128.store(y, acc0, 0);
  v128.store(y, acc1, 16);
  v128.store(y, acc2, 32);
  v128.store(y, acc3, 48);
}

/** The largest element of each window (over: 0), or the sum of all divided by `over`. The same reach as the taps. */
export function pool(
  y: usize, x: usize, planes: usize, plane: usize, lines: usize, xRow: usize, places: usize, count: usize, offsets: usize,
  over: usize,
): void {
  for (let c: usize = 0; c < planes; c++) {
    for (let line: usize = 0; line < lines; line++) {
      poolLine(y, x + line * xRow, places, count, offsets, over);
      y += places << 2;
    }
    x += plane;
  }
}

function poolLine(y: usize, x: usize, places: usize, count: usize, offsets: usize, over: usize): void {
  const divisor = f32x4.splat(<f32>over);
  let p: usize = 0;
  while (p < places) {
    const from: usize = places < 4 ? 0 : min<usize>(p, places - 4);
    const at = x + (from << 2);
    let acc = v128.load(at + load<u32>(offsets));
    for (let i: usize = 4; i < count << 2; i += 4) {
      const v = v128.load(at + load<u32>(offsets + i));
      acc = over == 0 ? f32x4.max(acc, v) : f32x4.add(acc, v);
    }
    if (over > 1) acc = f32x4.div(acc, divisor);
    if (places < 4) storeLanes(y, acc, places);
    else v128.store(y + (from << 2), acc);
    p = from + 4;
  }
}
