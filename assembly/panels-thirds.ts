/**
 * Panels in three blocks of rows: r, z and n of 16, 8 or 4 units of a GRU, and the largest panels of gemm. As in panels.ts, but
 * each third of y has a place of its own.
 *
 * Places   y, y + next, and for the last third y + 2 · next after the first product and yN after the second, which begins with
 *          initN: a GRU's n needs W_n · x and U_n · h apart. gemm gives y + 2 · next for both, so that its sum goes on
 * Form     as in panels.ts. panel48 of the relaxed build takes four columns in each iteration: V8 14 does not spill, the older
 *          engines do not get this build (src/kernels.ts), and one load for four elements of x leaves more of a cycle's two loads
 *          to W: 26 against 23 GMAC/s for 384 × 128. optimizeLevel 2 (asconfig.json) keeps the order of the products that is
 *          written here; 3 groups them by accumulator, which gains nothing
 */

import { madd } from "./math";

export function panel48(
  y: usize, next: usize, yN: usize, init: usize, initN: usize, w: usize, x: usize, k: usize, u: usize, h: usize, kh: usize,
): void {
  const yZ = y + next;
  const yX = yZ + next;
  if (!ASC_FEATURE_RELAXED_SIMD && k > 0) {
    panel48(y, next, yX, init, init + (next << 1), 0, 0, 0, w, x, k);
    init = y;
  }
  let last = !ASC_FEATURE_RELAXED_SIMD || k == 0;
  const initZ = init + next;
  const initX = last ? initN : initZ + next;
  if (last) {
    w = u;
    x = h;
    k = kh;
  }
  let a0 = v128.load(init, 0);
  let a1 = v128.load(init, 16);
  let a2 = v128.load(init, 32);
  let a3 = v128.load(init, 48);
  let a4 = v128.load(initZ, 0);
  let a5 = v128.load(initZ, 16);
  let a6 = v128.load(initZ, 32);
  let a7 = v128.load(initZ, 48);
  let a8 = v128.load(initX, 0);
  let a9 = v128.load(initX, 16);
  let a10 = v128.load(initX, 32);
  let a11 = v128.load(initX, 48);
  for (;;) {
    if (ASC_FEATURE_RELAXED_SIMD) {
      const end = x + ((k & ~3) << 2);
      while (x < end) {
        const four = v128.load(x);
        let s = v128.shuffle<i32>(four, four, 0, 0, 0, 0);
        a0 = madd(v128.load(w, 0), s, a0);
        a1 = madd(v128.load(w, 16), s, a1);
        a2 = madd(v128.load(w, 32), s, a2);
        a3 = madd(v128.load(w, 48), s, a3);
        a4 = madd(v128.load(w, 64), s, a4);
        a5 = madd(v128.load(w, 80), s, a5);
        a6 = madd(v128.load(w, 96), s, a6);
        a7 = madd(v128.load(w, 112), s, a7);
        a8 = madd(v128.load(w, 128), s, a8);
        a9 = madd(v128.load(w, 144), s, a9);
        a10 = madd(v128.load(w, 160), s, a10);
        a11 = madd(v128.load(w, 176), s, a11);
        s = v128.shuffle<i32>(four, four, 1, 1, 1, 1);
        a0 = madd(v128.load(w, 192), s, a0);
        a1 = madd(v128.load(w, 208), s, a1);
        a2 = madd(v128.load(w, 224), s, a2);
        a3 = madd(v128.load(w, 240), s, a3);
        a4 = madd(v128.load(w, 256), s, a4);
        a5 = madd(v128.load(w, 272), s, a5);
        a6 = madd(v128.load(w, 288), s, a6);
        a7 = madd(v128.load(w, 304), s, a7);
        a8 = madd(v128.load(w, 320), s, a8);
        a9 = madd(v128.load(w, 336), s, a9);
        a10 = madd(v128.load(w, 352), s, a10);
        a11 = madd(v128.load(w, 368), s, a11);
        s = v128.shuffle<i32>(four, four, 2, 2, 2, 2);
        a0 = madd(v128.load(w, 384), s, a0);
        a1 = madd(v128.load(w, 400), s, a1);
        a2 = madd(v128.load(w, 416), s, a2);
        a3 = madd(v128.load(w, 432), s, a3);
        a4 = madd(v128.load(w, 448), s, a4);
        a5 = madd(v128.load(w, 464), s, a5);
        a6 = madd(v128.load(w, 480), s, a6);
        a7 = madd(v128.load(w, 496), s, a7);
        a8 = madd(v128.load(w, 512), s, a8);
        a9 = madd(v128.load(w, 528), s, a9);
        a10 = madd(v128.load(w, 544), s, a10);
        a11 = madd(v128.load(w, 560), s, a11);
        s = v128.shuffle<i32>(four, four, 3, 3, 3, 3);
        a0 = madd(v128.load(w, 576), s, a0);
        a1 = madd(v128.load(w, 592), s, a1);
        a2 = madd(v128.load(w, 608), s, a2);
        a3 = madd(v128.load(w, 624), s, a3);
        a4 = madd(v128.load(w, 640), s, a4);
        a5 = madd(v128.load(w, 656), s, a5);
        a6 = madd(v128.load(w, 672), s, a6);
        a7 = madd(v128.load(w, 688), s, a7);
        a8 = madd(v128.load(w, 704), s, a8);
        a9 = madd(v128.load(w, 720), s, a9);
        a10 = madd(v128.load(w, 736), s, a10);
        a11 = madd(v128.load(w, 752), s, a11);
        w += 768;
        x += 16;
      }
      k &= 3;
    }
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
      a8 = madd(v128.load(w, 128), s, a8);
      a9 = madd(v128.load(w, 144), s, a9);
      a10 = madd(v128.load(w, 160), s, a10);
      a11 = madd(v128.load(w, 176), s, a11);
      w += 192;
      x += 4;
    }
    if (last) break;
    last = true;
    w = u;
    x = h;
    k = kh;
    v128.store(yX, a8, 0);
    a8 = v128.load(initN, 0);
    v128.store(yX, a9, 16);
    a9 = v128.load(initN, 16);
    v128.store(yX, a10, 32);
    a10 = v128.load(initN, 32);
    v128.store(yX, a11, 48);
    a11 = v128.load(initN, 48);
  }
  v128.store(y, a0, 0);
  v128.store(y, a1, 16);
  v128.store(y, a2, 32);
  v128.store(y, a3, 48);
  v128.store(yZ, a4, 0);
  v128.store(yZ, a5, 16);
  v128.store(yZ, a6, 32);
  v128.store(yZ, a7, 48);
  v128.store(yN, a8, 0);
  v128.store(yN, a9, 16);
  v128.store(yN, a10, 32);
  v128.store(yN, a11, 48);
}

export function panel24(
  y: usize, next: usize, yN: usize, init: usize, initN: usize, w: usize, x: usize, k: usize, u: usize, h: usize, kh: usize,
): void {
  const yZ = y + next;
  const yX = yZ + next;
  const initZ = init + next;
  const initX = initZ + next;
  let a0 = v128.load(init, 0);
  let a1 = v128.load(init, 16);
  let a2 = v128.load(initZ, 0);
  let a3 = v128.load(initZ, 16);
  let a4 = v128.load(initX, 0);
  let a5 = v128.load(initX, 16);
  for (let last = false; ; last = true) {
    const end = x + (k << 2);
    while (x < end) {
      const s = v128.load32_splat(x);
      a0 = madd(v128.load(w, 0), s, a0);
      a1 = madd(v128.load(w, 16), s, a1);
      a2 = madd(v128.load(w, 32), s, a2);
      a3 = madd(v128.load(w, 48), s, a3);
      a4 = madd(v128.load(w, 64), s, a4);
      a5 = madd(v128.load(w, 80), s, a5);
      w += 96;
      x += 4;
    }
    if (last) break;
    w = u;
    x = h;
    k = kh;
    v128.store(yX, a4, 0);
    a4 = v128.load(initN, 0);
    v128.store(yX, a5, 16);
    a5 = v128.load(initN, 16);
  }
  v128.store(y, a0, 0);
  v128.store(y, a1, 16);
  v128.store(yZ, a2, 0);
  v128.store(yZ, a3, 16);
  v128.store(yN, a4, 0);
  v128.store(yN, a5, 16);
}

export function panel12(
  y: usize, next: usize, yN: usize, init: usize, initN: usize, w: usize, x: usize, k: usize, u: usize, h: usize, kh: usize,
): void {
  const yZ = y + next;
  const yX = yZ + next;
  const initZ = init + next;
  const initX = initZ + next;
  let a0 = v128.load(init, 0);
  let a1 = v128.load(initZ, 0);
  let a2 = v128.load(initX, 0);
  for (let last = false; ; last = true) {
    const end = x + (k << 2);
    while (x < end) {
      const s = v128.load32_splat(x);
      a0 = madd(v128.load(w, 0), s, a0);
      a1 = madd(v128.load(w, 16), s, a1);
      a2 = madd(v128.load(w, 32), s, a2);
      w += 48;
      x += 4;
    }
    if (last) break;
    w = u;
    x = h;
    k = kh;
    v128.store(yX, a2, 0);
    a2 = v128.load(initN, 0);
  }
  v128.store(y, a0, 0);
  v128.store(yZ, a1, 0);
  v128.store(yN, a2, 0);
}
