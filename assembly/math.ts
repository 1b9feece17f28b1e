/**
 * The functions of the gates, four lanes at a time: exponential, sigmoid and tanh from one reduced exponential.
 *
 * e^y = 2ⁿ · (1 + q(r)), n = round(y · log₂e), r = y − n·ln 2 in two parts (Cody and Waite 1980), q(r) = e^r − 1 a polynomial
 * of degree 6. Adding 1.5·2²³ rounds and leaves n in the low bits, so that 2ⁿ is one shift and one add. Coefficients are read
 * with load32_splat from the block at CONSTANTS (src/coefficients.ts says value and origin of each): V8 rebuilds every
 * v128.const inside a loop.
 *
 * Error    sigmoid ≤ 2.2 ulp, tanh ≤ 2.0 ulp, exp ≤ 1.3 ulp over all of f32 (test/kernels/math.test.ts sweeps them)
 * Edges    NaN stays NaN, ±∞ give the limits, tanh is odd and exact at ±0, results below 2⁻¹²⁶ are rounded, not flushed
 */

import { CONSTANTS } from "./abi";

// Places in the block, in the order of src/coefficients.ts.
const LOG2E: usize = CONSTANTS;
const ROUND: usize = CONSTANTS + 4;
const LN2_HIGH: usize = CONSTANTS + 8;
const LN2_LOW: usize = CONSTANTS + 12;
const Q2: usize = CONSTANTS + 16;
const Q3: usize = CONSTANTS + 20;
const Q4: usize = CONSTANTS + 24;
const Q5: usize = CONSTANTS + 28;
const Q6: usize = CONSTANTS + 32;
const ONE: usize = CONSTANTS + 36;
const MINUS_TWO: usize = CONSTANTS + 40;
const TANH_LIMIT: usize = CONSTANTS + 44;
const EXP_LIMIT: usize = CONSTANTS + 48;
const TWO_32: usize = CONSTANTS + 52;
const TWO_MINUS_32: usize = CONSTANTS + 56;

/** a · b + c: one rounding where the relaxed build's engine has FMA, two in the simd build. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  else return f32x4.add(f32x4.mul(a, b), c);
}

/** c − a · b. */
// @ts-ignore: decorator
@inline
function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  else return f32x4.sub(c, f32x4.mul(a, b));
}

// @ts-ignore: decorator
@inline
function splat(address: usize): v128 {
  return v128.load32_splat(address);
}

/** y · log₂e + 1.5·2²³: its low bits are n. */
// @ts-ignore: decorator
@inline
function rounded(y: v128): v128 {
  return madd(y, splat(LOG2E), splat(ROUND));
}

/** q(r) = e^r − 1 for the remainder r of y. */
// @ts-ignore: decorator
@inline
function remainder(y: v128, z: v128): v128 {
  const n = f32x4.sub(z, splat(ROUND));
  const r = nmadd(n, splat(LN2_LOW), nmadd(n, splat(LN2_HIGH), y));
  let q = madd(splat(Q6), r, splat(Q5));
  q = madd(q, r, splat(Q4));
  q = madd(q, r, splat(Q3));
  q = madd(q, r, splat(Q2));
  return madd(q, f32x4.mul(r, r), r);
}

/** e^y for y ≤ 0, down to the smallest subnormal: 2³² is taken out before and put back after 2ⁿ, so that n may pass −126. */
// @ts-ignore: decorator
@inline
export function expNegative(y: v128): v128 {
  const z = rounded(y);
  const q = remainder(y, z);
  const scale = i32x4.add(i32x4.shl(z, 23), splat(TWO_32));
  return f32x4.mul(f32x4.mul(f32x4.add(q, splat(ONE)), scale), splat(TWO_MINUS_32));
}

/** e^y for any y ≤ 0, limited where it is 0 in f32. */
// @ts-ignore: decorator
@inline
export function expV(y: v128): v128 {
  return expNegative(f32x4.neg(f32x4.pmin(f32x4.neg(y), splat(EXP_LIMIT))));
}

/** e^y − 1 for y ≤ 0, exact where it vanishes; −1 past −17.4, where e^y is under half an ulp of it. */
// @ts-ignore: decorator
@inline
export function expm1Negative(y: v128): v128 {
  const limited = f32x4.neg(f32x4.pmin(f32x4.neg(y), f32x4.mul(splat(TANH_LIMIT), f32x4.neg(splat(MINUS_TWO)))));
  const z = rounded(limited);
  const s = i32x4.add(i32x4.shl(z, 23), splat(ONE));
  return madd(s, remainder(limited, z), f32x4.sub(s, splat(ONE)));
}

/** 1 / (1 + e^−x), as e^−|x| over 1 + e^−|x| where x is negative. */
// @ts-ignore: decorator
@inline
export function sigmoidV(x: v128): v128 {
  const s = expNegative(f32x4.neg(f32x4.pmin(f32x4.abs(x), splat(EXP_LIMIT))));
  const top = v128.bitselect(s, splat(ONE), i32x4.shr_s(x, 31));
  return f32x4.div(top, f32x4.add(s, splat(ONE)));
}

/** (1 − e^−2|x|) / (1 + e^−2|x|) with x's sign; numerator and denominator are formed apart, which saves half an ulp. */
// @ts-ignore: decorator
@inline
export function tanhV(x: v128): v128 {
  const a = f32x4.abs(x);
  const y = f32x4.mul(f32x4.pmin(a, splat(TANH_LIMIT)), splat(MINUS_TWO));
  const z = rounded(y);
  const q = remainder(y, z);
  const s = i32x4.add(i32x4.shl(z, 23), splat(ONE));
  const one = splat(ONE);
  const t = f32x4.div(nmadd(s, q, f32x4.sub(one, s)), madd(s, q, f32x4.add(one, s)));
  return v128.or(t, v128.xor(x, a));
}

/**
 * ln(1 + s) for 0 ≤ s ≤ 1, in f64: 2·artanh(s / (2 + s)) by its series, whose terms fall at least ninefold (Abramowitz and
 * Stegun 1964, 4.1.27). Relative error ≤ 2e-11, for the smallest s too.
 */
export function log1p(s: f64): f64 {
  const z = s / (2 + s);
  const z2 = z * z;
  let sum: f64 = 0;
  for (let k: f64 = 21; k > 0; k -= 2) sum = sum * z2 + 1 / k;
  return 2 * z * sum;
}

/** ln x for x ≥ 1: its exponent and the logarithm of what is left, 1 ≤ m < 2. */
export function log(x: f64): f64 {
  if (!(x < Infinity)) return x;
  const bits = reinterpret<u64>(x);
  const m = reinterpret<f64>((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
  return <f64>(<i32>(bits >> 52) - 1023) * 0.6931471805599453 + log1p(m - 1);
}
