/**
 * The functions of cells and activation layers, in place over a row.
 *
 * sigmoid and tanh are those of math.ts; the others stay in vectors but for softplus, whose logarithm is scalar f64.
 * A function is FUNCTION_WORDS words: its number, alpha, beta (abi.ts). NaN stays NaN in all of them.
 * Oracle   src/reference/activation.ts
 */

import {
  F_AFFINE, F_ELU, F_HARD_SIGMOID, F_IDENTITY, F_LEAKY_RELU, F_RELU, F_SCALED_TANH, F_SIGMOID, F_SOFTPLUS, F_SOFTSIGN,
  F_TANH, F_THRESHOLDED_RELU,
} from "./abi";
import { expm1Negative, expV, log1p, Rounded, sigmoidV, tanhV } from "./math";

/**
 * y ← f(clip(y)) for n elements; whole vectors are touched, so what lies between n and the padding becomes f(padding).
 *
 * @param f - address of the function's three words
 * @param clip - limit of |y| before the function; +∞ for none
 */
export function activate(y: usize, n: usize, f: usize, clip: f32): void {
  const end = y + (n << 2);
  if (clip < Infinity) clamp(y, end, clip);
  const number = load<u32>(f);
  const alpha = v128.load32_splat(f, 4);
  const beta = v128.load32_splat(f, 8);
  if (number == F_SIGMOID) for (; y < end; y += 16) v128.store(y, sigmoidV<Rounded>(v128.load(y)));
  else if (number == F_TANH) for (; y < end; y += 16) v128.store(y, tanhV<Rounded>(v128.load(y)));
  else if (number != F_IDENTITY) for (; y < end; y += 16) v128.store(y, other(number, v128.load(y), alpha, beta));
}

function clamp(y: usize, end: usize, clip: f32): void {
  const high = f32x4.splat(clip);
  const low = f32x4.splat(-clip);
  for (; y < end; y += 16) v128.store(y, f32x4.pmax(f32x4.pmin(v128.load(y), high), low));
}

function other(number: usize, x: v128, alpha: v128, beta: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  switch (number) {
    case F_RELU:
      return f32x4.pmax(x, zero);
    case F_HARD_SIGMOID:
      return f32x4.pmin(f32x4.pmax(f32x4.add(f32x4.mul(alpha, x), beta), zero), one);
    case F_AFFINE:
      return f32x4.add(f32x4.mul(alpha, x), beta);
    case F_LEAKY_RELU:
      return v128.bitselect(f32x4.mul(alpha, x), x, f32x4.lt(x, zero));
    case F_ELU:
      return v128.bitselect(f32x4.mul(alpha, expm1Negative(f32x4.pmin(x, zero))), x, f32x4.lt(x, zero));
    case F_SOFTSIGN:
      return f32x4.div(x, f32x4.add(f32x4.abs(x), one));
    case F_SOFTPLUS:
      return softplusV(x);
    case F_SCALED_TANH:
      return f32x4.mul(alpha, tanhV<Rounded>(f32x4.mul(beta, x)));
    case F_THRESHOLDED_RELU:
      return v128.andnot(x, f32x4.le(x, alpha));
    default:
      return x;
  }
}

/** ln(1 + e^x) = max(x, 0) + ln(1 + e^−|x|). */
function softplusV(x: v128): v128 {
  const s = expV(f32x4.neg(f32x4.abs(x)));
  let log = f32x4.splat(<f32>log1p(f32x4.extract_lane(s, 0)));
  log = f32x4.replace_lane(log, 1, <f32>log1p(f32x4.extract_lane(s, 1)));
  log = f32x4.replace_lane(log, 2, <f32>log1p(f32x4.extract_lane(s, 2)));
  log = f32x4.replace_lane(log, 3, <f32>log1p(f32x4.extract_lane(s, 3)));
  return f32x4.add(f32x4.pmax(x, f32x4.splat(0)), log);
}

/** Elements n … n₄ − 1 of a row ← 0. */
export function zeroPadding(y: usize, n: usize): void {
  let p = y + (n << 2);
  const end = (p + 15) & ~15;
  for (; p < end; p += 4) store<f32>(p, 0);
}
