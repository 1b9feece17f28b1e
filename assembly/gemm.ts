/**
 * Y ← init + W · X, the product that everything else stands on.
 *
 * Shapes   W (n, k) · X (k, rows) → Y (n, rows), n a multiple of LANES, one vector of X and Y after another
 * Layout   W in panels of 32 rows, then one each of 16, 8 and 4 as n needs them; inside a panel of P rows column by
 *          column: W[i, j] is at panel + 4·(P·j + i mod P) (pack)
 * init     a row of n for each vector (initStride apart), or one for all (initStride 0: a bias); may be Y itself
 * Memory   y, init, w 16-byte aligned, strides in bytes; x is read element by element, exactly k of them; Y may not overlap X
 * Order    each output is one chain: its init, then madd over the columns ascending, in every form. So one vector at a time,
 *          TILE vectors at a time, a sequence cut anywhere, and a group give the same bits
 * Error    |y − ŷ| ≤ γ(k+1) · (|W|·|x| + |init|), γ(m) = m·u / (1 − m·u), u = 2⁻²⁴ (Higham 2002, §3.1)
 */

import { PANEL, TILE } from "./abi";
import { madd } from "./math";

export function gemm(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, x: usize, xStride: usize, n: usize, k: usize, rows: usize,
): void {
  while (rows >= <usize>TILE) {
    gemmTile(y, yStride, init, initStride, w, x, xStride, n, k);
    y += yStride * TILE;
    init += initStride * TILE;
    x += xStride * TILE;
    rows -= TILE;
  }
  while (rows > 0) {
    gemv(y, init, w, x, n, k);
    y += yStride;
    init += initStride;
    x += xStride;
    rows -= 1;
  }
}

/** Rows of the next panel when n are left. */
// @ts-ignore: decorator
@inline
function panelRows(n: usize): usize {
  return n >= <usize>PANEL ? <usize>PANEL : n >= 16 ? 16 : n >= 8 ? 8 : 4;
}

/** The panels of a matrix (n, k) that lies row by row at x. */
export function pack(y: usize, x: usize, n: usize, k: usize): void {
  const stride = k << 2;
  while (n > 0) {
    const rows = panelRows(n);
    for (let column: usize = 0; column < stride; column += 4) {
      for (let row: usize = 0; row < rows; row++) {
        store<f32>(y, load<f32>(x + row * stride + column));
        y += 4;
      }
    }
    x += rows * stride;
    n -= rows;
  }
}

/** One vector: the whole panel stands in registers, one splat-load of x for each column. */
function gemv(y: usize, init: usize, w: usize, x: usize, n: usize, k: usize): void {
  const xEnd = x + (k << 2);
  while (n >= 32) {
    w = panel32(y, init, w, x, xEnd);
    y += 128;
    init += 128;
    n -= 32;
  }
  if (n >= 16) {
    w = panel16(y, init, w, x, xEnd);
    y += 64;
    init += 64;
    n -= 16;
  }
  if (n >= 8) {
    w = panel8(y, init, w, x, xEnd);
    y += 32;
    init += 32;
    n -= 8;
  }
  if (n >= 4) panel4(y, init, w, x, xEnd);
}

/**
 * One column in each round, tested at the top: on V8 11 and 12 two columns in a round put all sixteen loads before the first
 * product and spill half of them (3.9 against 2.5 µs for 384 × 128), and `do … while` costs as much. V8 14 does not mind.
 */
function panel32(y: usize, init: usize, w: usize, x: usize, xEnd: usize): usize {
  let acc0 = v128.load(init, 0);
  let acc1 = v128.load(init, 16);
  let acc2 = v128.load(init, 32);
  let acc3 = v128.load(init, 48);
  let acc4 = v128.load(init, 64);
  let acc5 = v128.load(init, 80);
  let acc6 = v128.load(init, 96);
  let acc7 = v128.load(init, 112);
  while (x < xEnd) {
    const xv = v128.load32_splat(x);
    acc0 = madd(v128.load(w, 0), xv, acc0);
    acc1 = madd(v128.load(w, 16), xv, acc1);
    acc2 = madd(v128.load(w, 32), xv, acc2);
    acc3 = madd(v128.load(w, 48), xv, acc3);
    acc4 = madd(v128.load(w, 64), xv, acc4);
    acc5 = madd(v128.load(w, 80), xv, acc5);
    acc6 = madd(v128.load(w, 96), xv, acc6);
    acc7 = madd(v128.load(w, 112), xv, acc7);
    w += 128;
    x += 4;
  }
  v128.store(y, acc0, 0);
  v128.store(y, acc1, 16);
  v128.store(y, acc2, 32);
  v128.store(y, acc3, 48);
  v128.store(y, acc4, 64);
  v128.store(y, acc5, 80);
  v128.store(y, acc6, 96);
  v128.store(y, acc7, 112);
  return w;
}

function panel16(y: usize, init: usize, w: usize, x: usize, xEnd: usize): usize {
  let acc0 = v128.load(init, 0);
  let acc1 = v128.load(init, 16);
  let acc2 = v128.load(init, 32);
  let acc3 = v128.load(init, 48);
  while (x < xEnd) {
    const xv = v128.load32_splat(x);
    acc0 = madd(v128.load(w, 0), xv, acc0);
    acc1 = madd(v128.load(w, 16), xv, acc1);
    acc2 = madd(v128.load(w, 32), xv, acc2);
    acc3 = madd(v128.load(w, 48), xv, acc3);
    w += 64;
    x += 4;
  }
  v128.store(y, acc0, 0);
  v128.store(y, acc1, 16);
  v128.store(y, acc2, 32);
  v128.store(y, acc3, 48);
  return w;
}

function panel8(y: usize, init: usize, w: usize, x: usize, xEnd: usize): usize {
  let acc0 = v128.load(init, 0);
  let acc1 = v128.load(init, 16);
  while (x < xEnd) {
    const xv = v128.load32_splat(x);
    acc0 = madd(v128.load(w, 0), xv, acc0);
    acc1 = madd(v128.load(w, 16), xv, acc1);
    w += 32;
    x += 4;
  }
  v128.store(y, acc0, 0);
  v128.store(y, acc1, 16);
  return w;
}

function panel4(y: usize, init: usize, w: usize, x: usize, xEnd: usize): void {
  let acc0 = v128.load(init, 0);
  while (x < xEnd) {
    acc0 = madd(v128.load(w, 0), v128.load32_splat(x), acc0);
    w += 16;
    x += 4;
  }
  v128.store(y, acc0, 0);
}

/** TILE vectors: eight rows of a panel at a time, so that eight accumulators and four splats stand in registers. */
function gemmTile(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, x: usize, xStride: usize, n: usize, k: usize,
): void {
  while (n >= 8) {
    const rows = panelRows(n);
    const wStride = rows << 2;
    for (let row: usize = 0; row < wStride; row += 32) {
      tile8(y + row, yStride, init + row, initStride, w + row, wStride, x, xStride, k);
    }
    y += wStride;
    init += wStride;
    w += wStride * k;
    n -= rows;
  }
  if (n >= 4) tile4(y, yStride, init, initStride, w, x, xStride, k);
}

function tile8(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, wStride: usize, x: usize, xStride: usize, k: usize,
): void {
  let acc00 = v128.load(init, 0);
  let acc01 = v128.load(init, 16);
  init += initStride;
  let acc10 = v128.load(init, 0);
  let acc11 = v128.load(init, 16);
  init += initStride;
  let acc20 = v128.load(init, 0);
  let acc21 = v128.load(init, 16);
  init += initStride;
  let acc30 = v128.load(init, 0);
  let acc31 = v128.load(init, 16);
  let x1 = x + xStride;
  let x2 = x1 + xStride;
  let x3 = x2 + xStride;
  const xEnd = x + (k << 2);
  while (x < xEnd) {
    const w0 = v128.load(w, 0);
    const w1 = v128.load(w, 16);
    let xv = v128.load32_splat(x);
    acc00 = madd(w0, xv, acc00);
    acc01 = madd(w1, xv, acc01);
    xv = v128.load32_splat(x1);
    acc10 = madd(w0, xv, acc10);
    acc11 = madd(w1, xv, acc11);
    xv = v128.load32_splat(x2);
    acc20 = madd(w0, xv, acc20);
    acc21 = madd(w1, xv, acc21);
    xv = v128.load32_splat(x3);
    acc30 = madd(w0, xv, acc30);
    acc31 = madd(w1, xv, acc31);
    w += wStride;
    x += 4;
    x1 += 4;
    x2 += 4;
    x3 += 4;
  }
  v128.store(y, acc00, 0);
  v128.store(y, acc01, 16);
  y += yStride;
  v128.store(y, acc10, 0);
  v128.store(y, acc11, 16);
  y += yStride;
  v128.store(y, acc20, 0);
  v128.store(y, acc21, 16);
  y += yStride;
  v128.store(y, acc30, 0);
  v128.store(y, acc31, 16);
}

function tile4(
  y: usize, yStride: usize, init: usize, initStride: usize, w: usize, x: usize, xStride: usize, k: usize,
): void {
  let acc0 = v128.load(init);
  init += initStride;
  let acc1 = v128.load(init);
  init += initStride;
  let acc2 = v128.load(init);
  init += initStride;
  let acc3 = v128.load(init);
  let x1 = x + xStride;
  let x2 = x1 + xStride;
  let x3 = x2 + xStride;
  const xEnd = x + (k << 2);
  while (x < xEnd) {
    const wv = v128.load(w);
    acc0 = madd(wv, v128.load32_splat(x), acc0);
    acc1 = madd(wv, v128.load32_splat(x1), acc1);
    acc2 = madd(wv, v128.load32_splat(x2), acc2);
    acc3 = madd(wv, v128.load32_splat(x3), acc3);
    w += 16;
    x += 4;
    x1 += 4;
    x2 += 4;
    x3 += 4;
  }
  v128.store(y, acc0);
  y += yStride;
  v128.store(y, acc1);
  y += yStride;
  v128.store(y, acc2);
  y += yStride;
  v128.store(y, acc3);
}
