/**
 * What the processor can do at all, for bench/limit.ts: loops of multiply-adds that read one operand of each from memory, as
 * every kernel must, and a chain of dependent integer operations, which runs at the clock.
 *
 * The operands walk: of a fixed address the compiler takes the loads out of the loop. Two forms, since engines differ: V8 from
 * 13 on fills the adders with twelve chains and a round of 96; V8 11 and 12 spill them, and do best with six.
 */

import { madd } from "../../assembly/math";

/** bytes / 4 multiply-adds over the vectors at w, `turns` times; bytes a multiple of 1536. */
export function long(w: usize, bytes: usize, turns: i32): f32 {
  const x = v128.load32_splat(w);
  let a0 = v128.load(w, 0);
  let a1 = v128.load(w, 16);
  let a2 = v128.load(w, 32);
  let a3 = v128.load(w, 48);
  let a4 = v128.load(w, 64);
  let a5 = v128.load(w, 80);
  let a6 = v128.load(w, 96);
  let a7 = v128.load(w, 112);
  let a8 = v128.load(w, 128);
  let a9 = v128.load(w, 144);
  let a10 = v128.load(w, 160);
  let a11 = v128.load(w, 176);
  const end = w + bytes;
  for (; turns > 0; turns--) {
    let p = w;
    while (p < end) {
      // Never true: a branch keeps V8 from putting all 96 loads before the first product.
      a0 = madd(v128.load(p, 0), x, a0);
      a1 = madd(v128.load(p, 16), x, a1);
      a2 = madd(v128.load(p, 32), x, a2);
      a3 = madd(v128.load(p, 48), x, a3);
      a4 = madd(v128.load(p, 64), x, a4);
      a5 = madd(v128.load(p, 80), x, a5);
      a6 = madd(v128.load(p, 96), x, a6);
      a7 = madd(v128.load(p, 112), x, a7);
      a8 = madd(v128.load(p, 128), x, a8);
      a9 = madd(v128.load(p, 144), x, a9);
      a10 = madd(v128.load(p, 160), x, a10);
      a11 = madd(v128.load(p, 176), x, a11);
      if (p == 0) return 0;
      a0 = madd(v128.load(p, 192), x, a0);
      a1 = madd(v128.load(p, 208), x, a1);
      a2 = madd(v128.load(p, 224), x, a2);
      a3 = madd(v128.load(p, 240), x, a3);
      a4 = madd(v128.load(p, 256), x, a4);
      a5 = madd(v128.load(p, 272), x, a5);
      a6 = madd(v128.load(p, 288), x, a6);
      a7 = madd(v128.load(p, 304), x, a7);
      a8 = madd(v128.load(p, 320), x, a8);
      a9 = madd(v128.load(p, 336), x, a9);
      a10 = madd(v128.load(p, 352), x, a10);
      a11 = madd(v128.load(p, 368), x, a11);
      if (p == 0) return 0;
      a0 = madd(v128.load(p, 384), x, a0);
      a1 = madd(v128.load(p, 400), x, a1);
      a2 = madd(v128.load(p, 416), x, a2);
      a3 = madd(v128.load(p, 432), x, a3);
      a4 = madd(v128.load(p, 448), x, a4);
      a5 = madd(v128.load(p, 464), x, a5);
      a6 = madd(v128.load(p, 480), x, a6);
      a7 = madd(v128.load(p, 496), x, a7);
      a8 = madd(v128.load(p, 512), x, a8);
      a9 = madd(v128.load(p, 528), x, a9);
      a10 = madd(v128.load(p, 544), x, a10);
      a11 = madd(v128.load(p, 560), x, a11);
      if (p == 0) return 0;
      a0 = madd(v128.load(p, 576), x, a0);
      a1 = madd(v128.load(p, 592), x, a1);
      a2 = madd(v128.load(p, 608), x, a2);
      a3 = madd(v128.load(p, 624), x, a3);
      a4 = madd(v128.load(p, 640), x, a4);
      a5 = madd(v128.load(p, 656), x, a5);
      a6 = madd(v128.load(p, 672), x, a6);
      a7 = madd(v128.load(p, 688), x, a7);
      a8 = madd(v128.load(p, 704), x, a8);
      a9 = madd(v128.load(p, 720), x, a9);
      a10 = madd(v128.load(p, 736), x, a10);
      a11 = madd(v128.load(p, 752), x, a11);
      if (p == 0) return 0;
      a0 = madd(v128.load(p, 768), x, a0);
      a1 = madd(v128.load(p, 784), x, a1);
      a2 = madd(v128.load(p, 800), x, a2);
      a3 = madd(v128.load(p, 816), x, a3);
      a4 = madd(v128.load(p, 832), x, a4);
      a5 = madd(v128.load(p, 848), x, a5);
      a6 = madd(v128.load(p, 864), x, a6);
      a7 = madd(v128.load(p, 880), x, a7);
      a8 = madd(v128.load(p, 896), x, a8);
      a9 = madd(v128.load(p, 912), x, a9);
      a10 = madd(v128.load(p, 928), x, a10);
      a11 = madd(v128.load(p, 944), x, a11);
      if (p == 0) return 0;
      a0 = madd(v128.load(p, 960), x, a0);
      a1 = madd(v128.load(p, 976), x, a1);
      a2 = madd(v128.load(p, 992), x, a2);
      a3 = madd(v128.load(p, 1008), x, a3);
      a4 = madd(v128.load(p, 1024), x, a4);
      a5 = madd(v128.load(p, 1040), x, a5);
      a6 = madd(v128.load(p, 1056), x, a6);
      a7 = madd(v128.load(p, 1072), x, a7);
      a8 = madd(v128.load(p, 1088), x, a8);
      a9 = madd(v128.load(p, 1104), x, a9);
      a10 = madd(v128.load(p, 1120), x, a10);
      a11 = madd(v128.load(p, 1136), x, a11);
      if (p == 0) return 0;
      a0 = madd(v128.load(p, 1152), x, a0);
      a1 = madd(v128.load(p, 1168), x, a1);
      a2 = madd(v128.load(p, 1184), x, a2);
      a3 = madd(v128.load(p, 1200), x, a3);
      a4 = madd(v128.load(p, 1216), x, a4);
      a5 = madd(v128.load(p, 1232), x, a5);
      a6 = madd(v128.load(p, 1248), x, a6);
      a7 = madd(v128.load(p, 1264), x, a7);
      a8 = madd(v128.load(p, 1280), x, a8);
      a9 = madd(v128.load(p, 1296), x, a9);
      a10 = madd(v128.load(p, 1312), x, a10);
      a11 = madd(v128.load(p, 1328), x, a11);
      if (p == 0) return 0;
      a0 = madd(v128.load(p, 1344), x, a0);
      a1 = madd(v128.load(p, 1360), x, a1);
      a2 = madd(v128.load(p, 1376), x, a2);
      a3 = madd(v128.load(p, 1392), x, a3);
      a4 = madd(v128.load(p, 1408), x, a4);
      a5 = madd(v128.load(p, 1424), x, a5);
      a6 = madd(v128.load(p, 1440), x, a6);
      a7 = madd(v128.load(p, 1456), x, a7);
      a8 = madd(v128.load(p, 1472), x, a8);
      a9 = madd(v128.load(p, 1488), x, a9);
      a10 = madd(v128.load(p, 1504), x, a10);
      a11 = madd(v128.load(p, 1520), x, a11);
      p += 1536;
    }
  }
  a0 = f32x4.add(f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), f32x4.add(f32x4.add(a4, a5), f32x4.add(a6, a7)));
  a0 = f32x4.add(a0, f32x4.add(f32x4.add(a8, a9), f32x4.add(a10, a11)));
  return f32x4.extract_lane(a0, 0);
}

/** The same sum of products in six chains; bytes a multiple of 96. */
export function short(w: usize, bytes: usize, turns: i32): f32 {
  const x = v128.load32_splat(w);
  let a0 = v128.load(w, 0);
  let a1 = v128.load(w, 16);
  let a2 = v128.load(w, 32);
  let a3 = v128.load(w, 48);
  let a4 = v128.load(w, 64);
  let a5 = v128.load(w, 80);
  const end = w + bytes;
  for (; turns > 0; turns--) {
    let p = w;
    while (p < end) {
      a0 = madd(v128.load(p, 0), x, a0);
      a1 = madd(v128.load(p, 16), x, a1);
      a2 = madd(v128.load(p, 32), x, a2);
      a3 = madd(v128.load(p, 48), x, a3);
      a4 = madd(v128.load(p, 64), x, a4);
      a5 = madd(v128.load(p, 80), x, a5);
      p += 96;
    }
  }
  a0 = f32x4.add(f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)), f32x4.add(a4, a5));
  return f32x4.extract_lane(a0, 0);
}

/** 16 · turns integer operations, each waiting for the one before. */
export function chain(seed: i32, turns: i32): i32 {
  const add = seed | 1;
  const mix = seed << 1;
  while (turns > 0) {
    seed = (((seed + add) ^ mix) + add) ^ mix;
    seed = (((seed + add) ^ mix) + add) ^ mix;
    seed = (((seed + add) ^ mix) + add) ^ mix;
    seed = (((seed + add) ^ mix) + add) ^ mix;
    turns -= 1;
  }
  return seed;
}
