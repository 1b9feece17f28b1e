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

import { panel16, panel32, panel4, panel8 } from "./panels";
import { panel12, panel24, panel48 } from "./panels-thirds";
import { tiles, tileVectors } from "./gemm-tiles";

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

/** One panel for one row. After a first product (k > 0) the last third goes on from its sum, which stands at y (panels-thirds.ts). */
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

/**
 * W · x and U · h of one row in one pass: the same sums, with W_n · x beside r and z, U_n · h at yN. `back`: from the last panel to
 * the first.
 */
export function gemmUnitsBoth(
  y: usize, yN: usize, init: usize, initN: usize, w: usize, x: usize, k: usize, u: usize, h: usize, units: usize, kh: usize,
  back: bool,
): void {
  const next = units << 2;
  const wUnit = k * 12;
  const uUnit = kh * 12;
  for (let unit = back ? units : 0, left = units; left > 0; ) {
    const some: usize = back ? (unit & 4 ? 4 : unit & 8 ? 8 : 16) : panelUnits(left);
    if (back) unit -= some;
    const at = unit << 2;
    panelOfUnits(some, y + at, next, yN + at, init + at, initN + at, w + unit * wUnit, x, k, u + unit * uUnit, h, kh);
    if (!back) unit += some;
    left -= some;
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

/** Rows of the next panel when n are left. 48 is fastest; few rows leave adders idle, so 56 is 32 + 24 and 64 is 32 + 32. */
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
