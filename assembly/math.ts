/**
 * The functions of the gates, four lanes at a time: exponential, sigmoid and tanh from one reduced exponential.
 *
 * e^−x = 2ⁿ · (1 − q(r)), n = −round(x · log₂e), r = x + n·ln 2 in two parts (Cody and Waite 1980), q(r) = 1 − e^−r a polynomial
 * of degree 6, its even and odd powers apart (Estrin 1960) for a shorter chain. Adding 1.5·2²³ rounds and leaves n in
 * the low bits, so that 2ⁿ is one shift and one add. Coefficients are read with load32_splat from the block at CONSTANTS
 * (src/coefficients.ts says value and origin of each): V8 rebuilds every v128.const inside a loop.
 *
 * Error    sigmoid ≤ 2.2 ulp, tanh ≤ 2.0 ulp, exp ≤ 1.3 ulp over all of f32 (test/kernels/math.test.ts sweeps them)
 * Edges    NaN stays NaN, ±∞ give the limits, tanh is odd and exact at ±0, results below 2⁻¹²⁶ are rounded, not flushed
 * Time     the same for every input: no subnormal number arises inside (docs/numerics.md)
 * Cells    use e^−x (decayRows) and numerator and denominator of tanh (tanhRows), so that a product of functions takes one
 *          division: σ(x) ∘ c = c / (1 + e^−x). There |x| is limited to 60, where σ is within 1e-26 of 0 or 1. The passes are
 *          bound by latency: they are short loops, and the fused ones take two vectors at a time, which read each constant once.
 *          A single loop over all gates of a GRU takes 1.5 times as long
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
const TWO: usize = CONSTANTS + 40;
const TANH_LIMIT: usize = CONSTANTS + 44;
const EXP_LIMIT: usize = CONSTANTS + 48;
const TWO_32: usize = CONSTANTS + 52;
const TWO_MINUS_32: usize = CONSTANTS + 56;
const GATE_LIMIT: usize = CONSTANTS + 60;
const MINUS_GATE_LIMIT: usize = CONSTANTS + 64;
const TINY: usize = CONSTANTS + 84;

/** Products are added by FMA in the relaxed build where its engine has it: the products and gate passes of f32 cells. */
export type Fused = f32;
/** Products are added in two roundings in both builds: all that an int8 session runs has the same bits everywhere. */
export type Rounded = i32;

/** a · b + c: one rounding where the relaxed build's engine has FMA, two in the simd build. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  else return mulAdd(a, b, c);
}

/** a · b + c in two roundings. */
// @ts-ignore: decorator
@inline
export function mulAdd(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(f32x4.mul(a, b), c);
}

/** a · b + c. */
// @ts-ignore: decorator
@inline
function plus<T>(a: v128, b: v128, c: v128): v128 {
  return isFloat<T>() ? madd(a, b, c) : mulAdd(a, b, c);
}

/** c − a · b. */
// @ts-ignore: decorator
@inline
function minus<T>(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD && isFloat<T>()) return f32x4.relaxed_nmadd(a, b, c);
  else return f32x4.sub(c, f32x4.mul(a, b));
}

// @ts-ignore: decorator
@inline
function splat(address: usize): v128 {
  return v128.load32_splat(address);
}

/** 1.5·2²³ − x · log₂e: its low bits are n. */
// @ts-ignore: decorator
@inline
function rounded<T>(x: v128): v128 {
  return minus<T>(x, splat(LOG2E), splat(ROUND));
}

/** 2ⁿ for −126 ≤ n ≤ 127; `one`: 1, or another power of two to multiply with. */
// @ts-ignore: decorator
@inline
function power(z: v128, one: usize): v128 {
  return i32x4.add(i32x4.shl(z, 23), splat(one));
}

/** q(r) = 1 − e^−r for the remainder r of x. */
// @ts-ignore: decorator
@inline
function deficit<T>(x: v128, z: v128): v128 {
  const n = f32x4.sub(z, splat(ROUND));
  const r = plus<T>(n, splat(LN2_LOW), plus<T>(n, splat(LN2_HIGH), x));
  // r to a multiple of 2⁻⁵⁵ first: the square of a tiny r is subnormal, and nothing beside r.
  const whole = f32x4.sub(f32x4.add(r, splat(TWO_MINUS_32)), splat(TWO_MINUS_32));
  const r2 = f32x4.mul(whole, whole);
  const even = plus<T>(splat(Q6), r2, minus<T>(splat(Q5), r, splat(Q4)));
  const p = plus<T>(even, r2, minus<T>(splat(Q3), r, splat(Q2)));
  return minus<T>(p, r2, r);
}

/** e^−x for 0 ≤ x ≤ EXP_LIMIT, down to the smallest subnormal: 2³² is taken out before and put back after 2ⁿ, so that n may pass −126. */
// @ts-ignore: decorator
@inline
function expMinus<T>(x: v128): v128 {
  const z = rounded<T>(x);
  const q = deficit<T>(x, z);
  return f32x4.mul(f32x4.mul(f32x4.sub(splat(ONE), q), power(z, TWO_32)), splat(TWO_MINUS_32));
}

/** e^y for any y ≤ 0, limited where it is 0 in f32. */
// @ts-ignore: decorator
@inline
export function expV(y: v128): v128 {
  return expMinus<Rounded>(f32x4.pmin(f32x4.neg(y), splat(EXP_LIMIT)));
}

/** e^y − 1 for y ≤ 0, exact where it vanishes; −1 past −17.4, where e^y is under half an ulp of it. */
// @ts-ignore: decorator
@inline
export function expm1Negative(y: v128): v128 {
  const x = f32x4.pmin(f32x4.neg(y), f32x4.mul(splat(TANH_LIMIT), splat(TWO)));
  const z = rounded<Rounded>(x);
  const s = power(z, ONE);
  return minus<Rounded>(s, deficit<Rounded>(x, z), f32x4.sub(s, splat(ONE)));
}

/** 1 / (1 + e^−x), as e^−|x| over 1 + e^−|x| where x is negative. */
// @ts-ignore: decorator
@inline
export function sigmoidV<T>(x: v128): v128 {
  const s = expMinus<T>(f32x4.pmin(f32x4.abs(x), splat(EXP_LIMIT)));
  const top = v128.bitselect(s, splat(ONE), i32x4.shr_s(x, 31));
  return f32x4.div(top, f32x4.add(s, splat(ONE)));
}

/** (1 − e^−2|x|) / (1 + e^−2|x|) with x's sign; numerator and denominator are formed apart, which saves half an ulp. */
// @ts-ignore: decorator
@inline
export function tanhV<T>(x: v128): v128 {
  const y = tanhArgument(x);
  const z = rounded<T>(y);
  const s = power(z, ONE);
  const q = deficit<T>(y, z);
  return f32x4.div(tanhTop<T>(x, s, q), tanhBottom<T>(s, q));
}

/** 2|x|, limited where tanh is 1 in f32. */
// @ts-ignore: decorator
@inline
function tanhArgument(x: v128): v128 {
  const y = f32x4.pmin(f32x4.abs(x), splat(TANH_LIMIT));
  return f32x4.add(y, y);
}

/** 1 − e^−2|x| with x's sign. */
// @ts-ignore: decorator
@inline
function tanhTop<T>(x: v128, s: v128, q: v128): v128 {
  return v128.or(plus<T>(s, q, f32x4.sub(splat(ONE), s)), v128.xor(x, f32x4.abs(x)));
}

/** 1 + e^−2|x|. */
// @ts-ignore: decorator
@inline
function tanhBottom<T>(s: v128, q: v128): v128 {
  return minus<T>(s, q, f32x4.add(splat(ONE), s));
}

/** x ← e^−x of each row, x limited to ±60: σ(x) = 1 / (1 + e^−x), 1 − σ(x) = e^−x / (1 + e^−x). `fused`: as Fused, not Rounded. */
export function decayRows(x: usize, stride: usize, bytes: usize, rows: usize, fused: bool): void {
  for (; rows > 0; rows--) {
    if (fused) pairs<Decay>(x, x, x, bytes);
    else {
      for (let i: usize = 0; i < bytes; i += 16) {
        const y = f32x4.pmax(f32x4.pmin(v128.load(x + i), splat(GATE_LIMIT)), splat(MINUS_GATE_LIMIT));
        const z = rounded<Rounded>(y);
        const s = power(z, ONE);
        v128.store(x + i, minus<Rounded>(s, deficit<Rounded>(y, z), s));
      }
    }
    x += stride;
  }
}

/** top / bottom ← tanh(x) of each row; top may be x. */
export function tanhRows(
  top: usize, topStride: usize, bottom: usize, bottomStride: usize, x: usize, stride: usize, bytes: usize, rows: usize,
  fused: bool,
): void {
  for (; rows > 0; rows--) {
    if (fused) pairs<Tanh>(top, bottom, x, bytes);
    else {
      for (let i: usize = 0; i < bytes; i += 16) {
        const xv = v128.load(x + i);
        const y = tanhArgument(xv);
        const z = rounded<Rounded>(y);
        const s = power(z, ONE);
        const q = deficit<Rounded>(y, z);
        v128.store(top + i, tanhTop<Rounded>(xv, s, q));
        v128.store(bottom + i, tanhBottom<Rounded>(s, q));
      }
    }
    top += topStride;
    bottom += bottomStride;
    x += stride;
  }
}

type Decay = i32;
type Tanh = f32;

/**
 * A row of decayRows or of tanhRows, fused: two vectors at a time, line by line as in `deficit`, so that each constant is read once
 * for both. The last of an odd number is its own neighbour.
 */
// @ts-ignore: decorator
@inline
function pairs<K>(top: usize, bottom: usize, x: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 32) {
    const j = i + 16 < bytes ? i + 16 : i;
    const xa = v128.load(x + i);
    const xb = v128.load(x + j);
    let a: v128, b: v128;
    if (isFloat<K>()) {
      const limit = splat(TANH_LIMIT);
      a = f32x4.pmin(f32x4.abs(xa), limit);
      b = f32x4.pmin(f32x4.abs(xb), limit);
      a = f32x4.add(a, a);
      b = f32x4.add(b, b);
    } else {
      let limit = splat(GATE_LIMIT);
      a = f32x4.pmin(xa, limit);
      b = f32x4.pmin(xb, limit);
      limit = splat(MINUS_GATE_LIMIT);
      a = f32x4.pmax(a, limit);
      b = f32x4.pmax(b, limit);
    }
    let c = splat(LOG2E);
    let d = splat(ROUND);
    const za = minus<Fused>(a, c, d);
    const zb = minus<Fused>(b, c, d);
    const na = f32x4.sub(za, d);
    const nb = f32x4.sub(zb, d);
    c = splat(LN2_HIGH);
    a = plus<Fused>(na, c, a);
    b = plus<Fused>(nb, c, b);
    c = splat(LN2_LOW);
    a = plus<Fused>(na, c, a);
    b = plus<Fused>(nb, c, b);
    c = splat(TWO_MINUS_32);
    let a2 = f32x4.sub(f32x4.add(a, c), c);
    let b2 = f32x4.sub(f32x4.add(b, c), c);
    a2 = f32x4.mul(a2, a2);
    b2 = f32x4.mul(b2, b2);
    c = splat(Q5);
    d = splat(Q4);
    let pa = minus<Fused>(c, a, d);
    let pb = minus<Fused>(c, b, d);
    c = splat(Q6);
    pa = plus<Fused>(c, a2, pa);
    pb = plus<Fused>(c, b2, pb);
    c = splat(Q3);
    d = splat(Q2);
    pa = plus<Fused>(pa, a2, minus<Fused>(c, a, d));
    pb = plus<Fused>(pb, b2, minus<Fused>(c, b, d));
    pa = minus<Fused>(pa, a2, a);
    pb = minus<Fused>(pb, b2, b);
    const sa = power(za, ONE);
    const sb = power(zb, ONE);
    if (isFloat<K>()) {
      v128.store(top + i, tanhTop<Fused>(xa, sa, pa));
      v128.store(top + j, tanhTop<Fused>(xb, sb, pb));
      v128.store(bottom + i, tanhBottom<Fused>(sa, pa));
      v128.store(bottom + j, tanhBottom<Fused>(sb, pb));
    } else {
      v128.store(top + i, minus<Fused>(sa, pa, sa));
      v128.store(top + j, minus<Fused>(sb, pb, sb));
    }
  }
}

/** x / (1 + e): with e^−g, σ(g) ∘ x. */
// @ts-ignore: decorator
@inline
export function sigmoidTimesV(e: v128, x: v128): v128 {
  return f32x4.div(x, f32x4.add(e, splat(ONE)));
}

/** top / (bottom · (1 + e)): with the parts of tanh(x) and e^−g, σ(g) ∘ tanh(x). */
// @ts-ignore: decorator
@inline
export function sigmoidTanhV(e: v128, top: v128, bottom: v128): v128 {
  return f32x4.div(top, f32x4.mul(bottom, f32x4.add(e, splat(ONE))));
}

/** σ(z) ∘ h + (1 − σ(z)) ∘ tanh(x), likewise. */
// @ts-ignore: decorator
@inline
export function blendV<T>(e: v128, top: v128, bottom: v128, h: v128): v128 {
  return f32x4.div(plus<T>(top, e, f32x4.mul(h, bottom)), f32x4.mul(bottom, f32x4.add(e, splat(ONE))));
}

/**
 * A state as it is kept: near 0 a multiple of 2⁻¹⁰³ (1e-31). In silence states fade, and without this they end as subnormal
 * numbers, with which a step takes up to twice its time.
 */
// @ts-ignore: decorator
@inline
export function keptV(x: v128): v128 {
  return f32x4.sub(f32x4.add(x, splat(TINY)), splat(TINY));
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
