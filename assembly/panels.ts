/**
 * y ← init + W · x + U · h for one panel of rows and one vector: the accumulators of the whole panel stay in registers.
 *
 * Names    panelN has N rows. It takes two products in one pass; where there is only one, k is 0 and the one is U · h
 * Form     one column of W in each iteration, tested at the top of the loop, with x loaded by a splat: V8 11 and 12 move all loads
 *          of an unrolled iteration before its first product and spill half of them, and `do … while` costs as much. The two
 *          products share one loop that runs twice; the large panels of the simd build call themselves for the first instead,
 *          since V8 11 and 12 keep no more than one product's sums in registers
 */

import { madd } from "./math";

export function panel32(y: usize, init: usize, w: usize, x: usize, k: usize, u: usize, h: usize, kh: usize): void {
  if (!ASC_FEATURE_RELAXED_SIMD && k > 0) {
    panel32(y, init, 0, 0, 0, w, x, k);
    init = y;
  }
  let last = !ASC_FEATURE_RELAXED_SIMD || k == 0;
  if (last) {
    w = u;
    x = h;
    k = kh;
  }
  let a0 = v128.load(init, 0);
  let a1 = v128.load(init, 16);
  let a2 = v128.load(init, 32);
  let a3 = v128.load(init, 48);
  let a4 = v128.load(init, 64);
  let a5 = v128.load(init, 80);
  let a6 = v128.load(init, 96);
  let a7 = v128.load(init, 112);
  for (;;) {
    const end = x + (k << 2);
    while (x < end) {
      const s = v128.load32_splat(x);
      a0 = madd(v128.load(w, 0), s, a0);
      a1 = madd(v128.load(w, 16), s, a1);
      a2 = madd(v128.load(w, 32), s, a2);
      a3 = madd(v128.load(w, 48), s, a3);
      a4 = madd(v128.load(w, 64), s, a4);
      a5 = madd(v128.load(w, 80), s, a5);
      a6 = madd(v128.load(w, 96), s, a6);
      a7 = madd(v128.load(w, 112), s, a7);
      w += 128;
      x += 4;
    }
    if (last) break;
    last = true;
    w = u;
    x = h;
    k = kh;
  }
  v128.store(y, a0, 0);
  v128.store(y, a1, 16);
  v128.store(y, a2, 32);
  v128.store(y, a3, 48);
  v128.store(y, a4, 64);
  v128.store(y, a5, 80);
  v128.store(y, a6, 96);
  v128.store(y, a7, 112);
}

export function panel16(y: usize, init: usize, w: usize, x: usize, k: usize, u: usize, h: usize, kh: usize): void {
  let a0 = v128.load(init, 0);
  let a1 = v128.load(init, 16);
  let a2 = v128.load(init, 32);
  let a3 = v128.load(init, 48);
  for (let last = false; ; last = true) {
    const end = x + (k << 2);
    while (x < end) {
      const s = v128.load32_splat(x);
      a0 = madd(v128.load(w, 0), s, a0);
      a1 = madd(v128.load(w, 16), s, a1);
      a2 = madd(v128.load(w, 32), s, a2);
      a3 = madd(v128.load(w, 48), s, a3);
      w += 64;
      x += 4;
    }
    if (last) break;
    w = u;
    x = h;
    k = kh;
  }
  v128.store(y, a0, 0);
  v128.store(y, a1, 16);
  v128.store(y, a2, 32);
  v128.store(y, a3, 48);
}

export function panel8(y: usize, init: usize, w: usize, x: usize, k: usize, u: usize, h: usize, kh: usize): void {
  let a0 = v128.load(init, 0);
  let a1 = v128.load(init, 16);
  for (let last = false; ; last = true) {
    const end = x + (k << 2);
    while (x < end) {
      const s = v128.load32_splat(x);
      a0 = madd(v128.load(w, 0), s, a0);
      a1 = madd(v128.load(w, 16), s, a1);
      w += 32;
      x += 4;
    }
    if (last) break;
    w = u;
    x = h;
    k = kh;
  }
  v128.store(y, a0, 0);
  v128.store(y, a1, 16);
}

export function panel4(y: usize, init: usize, w: usize, x: usize, k: usize, u: usize, h: usize, kh: usize): void {
  let a0 = v128.load(init, 0);
  for (let last = false; ; last = true) {
    const end = x + (k << 2);
    while (x < end) {
      const s = v128.load32_splat(x);
      a0 = madd(v128.load(w, 0), s, a0);
      w += 16;
      x += 4;
    }
    if (last) break;
    w = u;
    x = h;
    k = kh;
  }
  v128.store(y, a0, 0);
}
