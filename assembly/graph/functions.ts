/**
 * Functions of one value that the cells do not have, and casts.
 *
 * Vectors  as in math.ts; e^x reaches over all of f32 in two factors of a power of two
 * Scalars  in f64, one element at a time: log, erf, gelu, sin, cos, mish. Error under 1 ulp of f32; sin and cos for |x| ≤ 2²⁰
 * Oracle   src/reference/graph/functions.ts
 */

import {
  F_ABS, F_CEIL, F_CLIP, F_COS, F_ERF, F_EXP, F_FLOOR, F_GELU, F_GELU_TANH, F_HARD_SWISH, F_LOG, F_NEG, F_NOT,
  F_POW2, F_RECIPROCAL, F_ROUND, F_SIGN, F_SILU, F_SIN, F_SQRT, F_TO_FLOAT, F_TO_INTEGER,
} from "../abi";
import { activate, zeroPadding } from "../activation";
import { log1p, Rounded, sigmoidV, tanhV } from "../math";
import { copyVectors, paddedCount } from "../rows";

/** y ← f(x) for n elements; y may be x. */
export function unary(y: usize, x: usize, n: usize, f: usize): void {
  const number = load<u32>(f);
  const padded = paddedCount(n);
  if (number < <u32>F_ABS) {
    if (y != x) copyVectors(y, x, padded << 2);
    activate(y, padded, f, Infinity);
  } else if (number >= <u32>F_LOG && number < <u32>F_NOT) scalars(y, x, n, number);
  else vectors(y, x, padded << 2, number, v128.load32_splat(f, 4), v128.load32_splat(f, 8));
  zeroPadding(y, n);
}

function vectors(y: usize, x: usize, bytes: usize, number: u32, alpha: v128, beta: v128): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(y + i, vector(number, v128.load(x + i), alpha, beta));
}

function vector(number: u32, x: v128, alpha: v128, beta: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  switch (number) {
    case F_ABS:
      return f32x4.abs(x);
    case F_NEG:
      return f32x4.neg(x);
    case F_SQRT:
      return f32x4.sqrt(x);
    case F_RECIPROCAL:
      return f32x4.div(one, x);
    case F_FLOOR:
      return f32x4.floor(x);
    case F_CEIL:
      return f32x4.ceil(x);
    case F_ROUND:
      return f32x4.nearest(x);
    case F_CLIP:
      return f32x4.min(f32x4.max(x, alpha), beta);
    case F_POW2:
      return f32x4.mul(x, x);
    case F_SILU:
      return f32x4.mul(x, sigmoidV<Rounded>(x));
    case F_GELU_TANH: {
      const cubic = f32x4.mul(f32x4.mul(x, x), f32x4.mul(x, f32x4.splat(0.044715)));
      const t = tanhV<Rounded>(f32x4.mul(f32x4.splat(0.7978845608028654), f32x4.add(x, cubic)));
      return f32x4.mul(f32x4.mul(x, f32x4.splat(0.5)), f32x4.add(one, t));
    }
    case F_SIGN: {
      const sign = v128.or(v128.and(x, f32x4.splat(-0.0)), one);
      return v128.bitselect(sign, x, v128.or(f32x4.lt(x, zero), f32x4.gt(x, zero)));
    }
    case F_HARD_SWISH: {
      const gate = f32x4.add(f32x4.mul(x, f32x4.splat(<f32>(1.0 / 6))), f32x4.splat(0.5));
      return f32x4.mul(x, f32x4.min(f32x4.max(gate, zero), one));
    }
    case F_EXP:
      return exponential(x);
    case F_NOT:
      return v128.and(i32x4.eq(x, zero), i32x4.splat(1));
    case F_TO_INTEGER:
      return i32x4.trunc_sat_f32x4_s(x);
    case F_TO_FLOAT:
      return f32x4.convert_i32x4_s(x);
    default:
      return x;
  }
}

/** e^x; ∞ past 88.73, 0 below −104. */
function exponential(x: v128): v128 {
  const low = exp(<f64>f32x4.extract_lane(x, 0));
  let y = f32x4.splat(low);
  y = f32x4.replace_lane(y, 1, exp(<f64>f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, exp(<f64>f32x4.extract_lane(x, 2)));
  return f32x4.replace_lane(y, 3, exp(<f64>f32x4.extract_lane(x, 3)));
}

function exp(x: f64): f32 {
  return <f32>exp64(x);
}

/** e^x in f64: 2ⁿ times the series of e^r, |r| ≤ ln 2 / 2, to r¹³ (Abramowitz and Stegun 1964, 4.2.1); relative error 1e-15. */
export function exp64(x: f64): f64 {
  if (!(x > -700)) return x != x ? x : 0;
  if (x > 709) return Infinity;
  const n = nearest(x * 1.4426950408889634);
  const r = x - n * 0.6931471803691238 - n * 1.9082149292705877e-10;
  let sum: f64 = 1;
  for (let k: f64 = 13; k > 0; k--) sum = 1 + (sum * r) / k;
  return sum * reinterpret<f64>((<u64>(<i64>n + 1023)) << 52);
}

/** ln x: its exponent, and the logarithm of what is left between 1 and 2; −∞ at 0, NaN below. */
export function log64(x: f64): f64 {
  if (!(x > 0)) return x == 0 ? -Infinity : NaN;
  if (x == Infinity) return x;
  const bits = reinterpret<u64>(x);
  let m = reinterpret<f64>((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
  let n = <f64>(<i32>(bits >> 52) - 1023);
  // Around 1 from both sides, so that the two parts never cancel.
  if (m > 1.4142135623730951) {
    m *= 0.5;
    n += 1;
  }
  return n * 0.6931471805599453 + (m < 1 ? -log1p(1 / m - 1) : log1p(m - 1));
}

/** As src/reference/graph/functions.ts has it; 1 in f32 from 4 on. */
function erf(x: f64): f64 {
  const a = abs(x);
  if (!(a < 4)) return a != a ? x : copysign<f64>(1, x);
  let term = x;
  let sum = x;
  for (let n: f64 = 3; abs(term) > abs(sum) * 1e-12; n += 2) {
    term *= (2 * x * x) / n;
    sum += term;
  }
  return 1.1283791670955126 * exp64(-x * x) * sum;
}

/** sin of x + quarter · π / 2: the remainder to the nearest quarter turn in two parts (Cody and Waite 1980), then the series. */
function sine(x: f64, quarter: i32): f64 {
  const n = nearest(x * 0.6366197723675814);
  const r = x - n * 1.5707963267341256 - n * 6.077100506506192e-11;
  const turn = (<i32>n + quarter) & 3;
  const r2 = r * r;
  let sum: f64 = 1;
  if ((turn & 1) == 0) {
    for (let k: f64 = 15; k > 1; k -= 2) sum = 1 - (sum * r2) / (k * (k - 1));
    sum *= r;
  } else for (let k: f64 = 16; k > 0; k -= 2) sum = 1 - (sum * r2) / (k * (k - 1));
  return turn > 1 ? -sum : sum;
}

function scalars(y: usize, x: usize, n: usize, number: u32): void {
  for (let i: usize = 0; i < n << 2; i += 4) store<f32>(y + i, <f32>scalar(number, load<f32>(x + i)));
}

function scalar(number: u32, x: f64): f64 {
  switch (number) {
    case F_LOG:
      return log64(x);
    case F_ERF:
      return erf(x);
    case F_GELU:
      return 0.5 * x * (1 + erf(x * 0.7071067811865476));
    case F_SIN:
      return sine(x, 0);
    case F_COS:
      return sine(x, 1);
    default: {
      // mish: tanh(ln(1 + e^x)) is (e² + 2e) / (e² + 2e + 2) for e = e^x.
      if (x > 20) return x;
      const e = exp64(x);
      const t = e * (e + 2);
      return (x * t) / (t + 2);
    }
  }
}
