/**
 * Functions of two values with broadcasting, and where. y is contiguous; an axis is three words: its count, then a's step and
 * b's in signed bytes, 0 where the value is broadcast. Functions of integers are those of numbers + BINARY_INTEGER.
 *
 * Oracle   src/reference/graph/elementwise.ts
 */

import {
  B_ADD, B_AND, B_DIV, B_EQUAL, B_GREATER, B_GREATER_EQUAL, B_LESS, B_LESS_EQUAL, B_MAXIMUM, B_MINIMUM, B_MUL, B_OR, B_POW,
  B_PRELU, B_SUB, BINARY_INTEGER,
} from "../abi";
import { exp64, log64 } from "./functions";

const AXIS_BYTES: usize = 12;

/** Returns where y goes on. */
export function binary(y: usize, a: usize, b: usize, f: u32, rank: usize, axes: usize): usize {
  const count: usize = load<u32>(axes);
  const aStep: usize = load<u32>(axes, 4);
  const bStep: usize = load<u32>(axes, 8);
  if (rank == 1) {
    line(y, a, aStep, b, bStep, f, count);
    return y + (count << 2);
  }
  for (let i: usize = 0; i < count; i++) {
    y = binary(y, a, b, f, rank - 1, axes + AXIS_BYTES);
    a += aStep;
    b += bStep;
  }
  return y;
}

/** Whole vectors where both steps are one element or none, then one by one. */
function line(y: usize, a: usize, aStep: usize, b: usize, bStep: usize, f: u32, n: usize): void {
  if ((aStep | bStep) == 4 && n >= 4) {
    const aVector: usize = aStep << 2;
    const bVector: usize = bStep << 2;
    if (aStep == bStep) {
      if (f == B_ADD) for (; n >= 4; n -= 4) {
        v128.store(y, f32x4.add(v128.load(a), v128.load(b)));
        y += 16;
        a += 16;
        b += 16;
      }
      else if (f == B_MUL) for (; n >= 4; n -= 4) {
        v128.store(y, f32x4.mul(v128.load(a), v128.load(b)));
        y += 16;
        a += 16;
        b += 16;
      }
    }
    for (; n >= 4; n -= 4) {
      const av = aStep == 0 ? v128.load32_splat(a) : v128.load(a);
      const bv = bStep == 0 ? v128.load32_splat(b) : v128.load(b);
      v128.store(y, apply(f, av, bv));
      y += 16;
      a += aVector;
      b += bVector;
    }
  }
  for (; n > 0; n--) {
    store<f32>(y, f32x4.extract_lane(apply(f, v128.load32_splat(a), v128.load32_splat(b)), 0));
    y += 4;
    a += aStep;
    b += bStep;
  }
}

function apply(f: u32, a: v128, b: v128): v128 {
  const truth = i32x4.splat(1);
  switch (f) {
    case B_ADD:
      return f32x4.add(a, b);
    case B_SUB:
      return f32x4.sub(a, b);
    case B_MUL:
      return f32x4.mul(a, b);
    case B_DIV:
      return f32x4.div(a, b);
    case B_MINIMUM:
      return f32x4.min(a, b);
    case B_MAXIMUM:
      return f32x4.max(a, b);
    case B_GREATER:
      return v128.and(f32x4.gt(a, b), truth);
    case B_GREATER_EQUAL:
      return v128.and(f32x4.ge(a, b), truth);
    case B_LESS:
      return v128.and(f32x4.lt(a, b), truth);
    case B_LESS_EQUAL:
      return v128.and(f32x4.le(a, b), truth);
    case B_EQUAL:
      return v128.and(f32x4.eq(a, b), truth);
    case B_PRELU:
      return v128.bitselect(f32x4.mul(a, b), a, f32x4.lt(a, f32x4.splat(0)));
    case B_POW:
      return powers(a, b);
    case B_ADD + BINARY_INTEGER:
      return i32x4.add(a, b);
    case B_SUB + BINARY_INTEGER:
      return i32x4.sub(a, b);
    case B_MUL + BINARY_INTEGER:
      return i32x4.mul(a, b);
    case B_DIV + BINARY_INTEGER:
      return quotients(a, b);
    case B_MINIMUM + BINARY_INTEGER:
      return i32x4.min_s(a, b);
    case B_MAXIMUM + BINARY_INTEGER:
      return i32x4.max_s(a, b);
    case B_GREATER + BINARY_INTEGER:
      return v128.and(i32x4.gt_s(a, b), truth);
    case B_GREATER_EQUAL + BINARY_INTEGER:
      return v128.and(i32x4.ge_s(a, b), truth);
    case B_LESS + BINARY_INTEGER:
      return v128.and(i32x4.lt_s(a, b), truth);
    case B_LESS_EQUAL + BINARY_INTEGER:
      return v128.and(i32x4.le_s(a, b), truth);
    case B_EQUAL + BINARY_INTEGER:
      return v128.and(i32x4.eq(a, b), truth);
    case B_AND + BINARY_INTEGER:
      return v128.and(v128.andnot(i32x4.ne(a, i32x4.splat(0)), i32x4.eq(b, i32x4.splat(0))), truth);
    case B_OR + BINARY_INTEGER:
      return v128.and(v128.or(i32x4.ne(a, i32x4.splat(0)), i32x4.ne(b, i32x4.splat(0))), truth);
    default:
      return a;
  }
}

/** Towards zero; 0 where the divisor is. In f64, whose quotients of 32-bit integers are exact enough to truncate. */
function quotients(a: v128, b: v128): v128 {
  const none = i32x4.eq(b, i32x4.splat(0));
  const divisor = v128.or(b, v128.and(none, i32x4.splat(1)));
  const low = f64x2.div(f64x2.convert_low_i32x4_s(a), f64x2.convert_low_i32x4_s(divisor));
  const aHigh = i8x16.shuffle(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  const bHigh = i8x16.shuffle(divisor, divisor, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  const high = f64x2.div(f64x2.convert_low_i32x4_s(aHigh), f64x2.convert_low_i32x4_s(bHigh));
  const q = i32x4.trunc_sat_f64x2_s_zero(low);
  const p = i32x4.trunc_sat_f64x2_s_zero(high);
  const both = i8x16.shuffle(q, p, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
  return v128.andnot(both, none);
}

function powers(a: v128, b: v128): v128 {
  let y = f32x4.splat(<f32>power(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)));
  y = f32x4.replace_lane(y, 1, <f32>power(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)));
  y = f32x4.replace_lane(y, 2, <f32>power(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)));
  return f32x4.replace_lane(y, 3, <f32>power(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)));
}

/** a^b as C99 has it (F.10.4.4): e^(b · ln |a|), negative where a is and b is odd. */
function power(a: f64, b: f64): f64 {
  if (b == 0 || a == 1) return 1;
  if (a != a || b != b) return NaN;
  const size = abs(a);
  if (size == 1 && abs(b) == Infinity) return 1;
  const whole = b == trunc(b);
  if (a < 0 && !whole && size < Infinity) return NaN;
  const odd = whole && abs(b) < 9007199254740992 && (b * 0.5 != trunc(b * 0.5));
  const y = size == 0 ? (b > 0 ? 0 : Infinity) : exp64(b * log64(size));
  return odd ? copysign<f64>(y, a) : y;
}

/** condition ≠ 0 ? a : b. */
export function select(y: usize, c: usize, a: usize, b: usize, n: usize): void {
  for (let i: usize = 0; i < n << 2; i += 4) {
    store<u32>(y + i, load<u32>(c + i) != 0 ? load<u32>(a + i) : load<u32>(b + i));
  }
}
