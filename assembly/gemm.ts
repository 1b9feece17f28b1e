/**
 * Y ← init + W · X, the product that everything else stands on.
 *
 * Shapes   W (n, k) · X (k, rows) → Y (n, rows), n a multiple of LANES, one vector of X and Y after another
 * Layout   W in panels (panelRows says of how many rows); inside a panel of P rows column by column: W[i, j] is at
 *          panel + 4·(P·j + i mod P) (assembly/pack.ts)
 * init     a row of n for each vector (initStride apart), or one for all (initStride 0: a bias); may be Y itself
 * Memory   y, init, w 16-byte aligned, strides in bytes; Y may not overlap X
 * Order    each output is one chain: its init, then madd over the columns ascending, in every form. So one vector at a time,
 *          a tile of vectors at a time, a sequence cut anywhere, and a group give the same bits
 * Walk     panel by panel, all vectors of X for each: a large W is read from memory once
 * Error    |y − ŷ| ≤ γ(k+1) · (|W|·|x| + |init|), γ(m) = m·u / (1 − m·u), u = 2⁻²⁴ (Higham 2002, §3.1)
 */

import { madd } from "./math";
import { panel12, panel16, panel24, panel32, panel4, panel48, panel8 } from "./panels";

export function gemm(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, x: usize, xStride: usize, n: usize, k: usize, rows: usize,
): void {
  while (n > 0) {
    const panel = panelRows(n);
    const bytes = panel << 2;
    let yRow = y;
    let initRow = init;
    let xRow = x;
    let left = rows;
    while (left >= tileVectors()) {
      tiles(yRow, yStride, initRow, initStride, w, bytes, xRow, xStride, panel, k);
      yRow += yStride * tileVectors();
      initRow += initStride * tileVectors();
      xRow += xStride * tileVectors();
      left -= tileVectors();
    }
    while (left > 0) {
      panelOfRows(panel, yRow, initRow, 0, 0, 0, w, xRow, k);
      yRow += yStride;
      initRow += initStride;
      xRow += xStride;
      left -= 1;
    }
    y += bytes;
    init += bytes;
    w += bytes * k;
    n -= panel;
  }
}

/** Y ← init + W · x + U · h of one row in one pass. */
export function gemmBoth(
  y: usize, init: usize, w: usize, x: usize, k: usize, u: usize, h: usize, kh: usize, n: usize,
): void {
  while (n > 0) {
    const panel = panelRows(n);
    const bytes = panel << 2;
    panelOfRows(panel, y, init, w, x, k, u, h, kh);
    y += bytes;
    init += bytes;
    w += bytes * k;
    u += bytes * kh;
    n -= panel;
  }
}

/** A panel of rows: its last third goes on from where the first product left it, at y, or from init where there is none (k is 0). */
// @ts-ignore: decorator
@inline
function panelOfRows(
  panel: usize, y: usize, init: usize, w: usize, x: usize, k: usize, u: usize, h: usize, kh: usize,
): void {
  if (panel == 48) panel48(y, 64, y + 128, init, (k == 0 ? init : y) + 128, w, x, k, u, h, kh);
  else if (panel == 32) panel32(y, init, w, x, k, u, h, kh);
  else if (panel == 24) panel24(y, 32, y + 64, init, (k == 0 ? init : y) + 64, w, x, k, u, h, kh);
  else if (panel == 16) panel16(y, init, w, x, k, u, h, kh);
  else if (panel == 8) panel8(y, init, w, x, k, u, h, kh);
  else panel4(y, init, w, x, k, u, h, kh);
}

/**
 * The products of a GRU: rows r, z, n of 16 units, of the next 16, …, of 8 and of 4 at the end, each such group one panel. Gates r
 * and z begin with init and go to y (r of all units, then z), n begins with initN and goes to yN.
 */
export function gemmUnits(
  y: usize, yStride: usize, yN: usize, nStride: usize, init: usize, initStride: usize, initN: usize, w: usize, x: usize,
  xStride: usize, units: usize, k: usize, rows: usize,
): void {
  const next = units << 2;
  while (units > 0) {
    const some = panelUnits(units);
    const bytes = some << 2;
    const wStride = bytes * 3;
    let yRow = y;
    let nRow = yN;
    let initRow = init;
    let xRow = x;
    let left = rows;
    while (left >= tileVectors()) {
      tiles(yRow, yStride, initRow, initStride, w, wStride, xRow, xStride, some, k);
      tiles(yRow + next, yStride, initRow + next, initStride, w + bytes, wStride, xRow, xStride, some, k);
      tiles(nRow, nStride, initN, 0, w + (bytes << 1), wStride, xRow, xStride, some, k);
      yRow += yStride * tileVectors();
      nRow += nStride * tileVectors();
      initRow += initStride * tileVectors();
      xRow += xStride * tileVectors();
      left -= tileVectors();
    }
    while (left > 0) {
      panelOfUnits(some, yRow, next, nRow, initRow, initN, 0, 0, 0, w, xRow, k);
      yRow += yStride;
      nRow += nStride;
      initRow += initStride;
      xRow += xStride;
      left -= 1;
    }
    y += bytes;
    yN += bytes;
    init += bytes;
    initN += bytes;
    w += wStride * k;
    units -= some;
  }
}

/** W · x and U · h of one row in one pass: the same sums, with W_n · x beside r and z, U_n · h at yN. */
export function gemmUnitsBoth(
  y: usize, yN: usize, init: usize, initN: usize, w: usize, x: usize, k: usize, u: usize, h: usize, units: usize, kh: usize,
): void {
  const next = units << 2;
  while (units > 0) {
    const some = panelUnits(units);
    const bytes = some << 2;
    panelOfUnits(some, y, next, yN, init, initN, w, x, k, u, h, kh);
    y += bytes;
    yN += bytes;
    init += bytes;
    initN += bytes;
    w += bytes * 3 * k;
    u += bytes * 3 * kh;
    units -= some;
  }
}

// @ts-ignore: decorator
@inline
function panelOfUnits(
  some: usize, y: usize, next: usize, yN: usize, init: usize, initN: usize, w: usize, x: usize, k: usize, u: usize, h: usize,
  kh: usize,
): void {
  if (some == 16) panel48(y, next, yN, init, initN, w, x, k, u, h, kh);
  else if (some == 8) panel24(y, next, yN, init, initN, w, x, k, u, h, kh);
  else panel12(y, next, yN, init, initN, w, x, k, u, h, kh);
}

/** Rows of the next panel when n are left. 48 is the quickest; few rows leave the adders idle, so 56 are 32 and 24, 64 twice 32. */
// @ts-ignore: decorator
@inline
export function panelRows(n: usize): usize {
  if (n >= 80 || n == 48 || n == 52) return 48;
  return n >= 32 ? 32 : n >= 24 ? 24 : n >= 16 ? 16 : n >= 8 ? 8 : 4;
}

/** Units of a GRU's next panel when so many are left. */
// @ts-ignore: decorator
@inline
export function panelUnits(units: usize): usize {
  return units >= 16 ? 16 : units >= 8 ? 8 : 4;
}

/** Vectors that one register tile takes: with a place for the product before it is added, four fit where FMA has room for six. */
// @ts-ignore: decorator
@inline
export function tileVectors(): usize {
  return ASC_FEATURE_RELAXED_SIMD ? 6 : 4;
}

/** tileVectors() vectors and some rows of a panel, eight rows at a time. */
function tiles(
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
