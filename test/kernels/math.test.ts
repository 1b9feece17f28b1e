/**
 * sigmoid and tanh over all of f32 against f64: at most 2.5 units in the last place, subnormal results included; between
 * neighbouring numbers monotone up to one unit; tanh odd; both exact at 0 and at the ends.
 *
 * Points are windows of consecutive f32 numbers, spread over every exponent: 2 million of them for each function and build.
 */

import { describe, expect, it } from "vitest";
import { F_SIGMOID, F_TANH, OP_ACTIVATE } from "../../assembly/abi.ts";
import { BUILDS, Machine } from "./machine.ts";

const WINDOW = 64;
const CHUNK = 1 << 15;
const LIMIT = 2.5;

/** Where sigmoid(−x) is 0 in f32: e^−104.5 is less than half of 2⁻¹⁴⁹. */
const END = bitsOf(112);

function bitsOf(x: number): number {
  return new Uint32Array(Float32Array.of(x).buffer)[0];
}

/** About `count` numbers ≥ 0 from 0 to END, ascending: windows of consecutive ones. */
function points(count: number): Float32Array {
  const windows = Math.floor(count / WINDOW);
  const bits = new Uint32Array(windows * WINDOW);
  for (let i = 0; i < windows; i++) {
    const from = Math.floor((i / windows) * END);
    for (let j = 0; j < WINDOW; j++) bits[i * WINDOW + j] = from + j;
  }
  return new Float32Array(bits.buffer);
}

/** f of every x, by OP_ACTIVATE. */
function evaluator(build: (typeof BUILDS)[number], f: number): (xs: Float32Array) => Float32Array {
  const machine = new Machine(build, 1 + Math.ceil((CHUNK * 4) / 65536) + 1);
  const y = machine.take(CHUNK * 4);
  const program = machine.program(1, [OP_ACTIVATE, y, CHUNK * 4, CHUNK, f, 0, 0]);
  return (xs) => {
    const out = new Float32Array(xs.length);
    for (let at = 0; at < xs.length; at += CHUNK) {
      const some = xs.subarray(at, at + CHUNK);
      machine.f32.set(some, y / 4);
      machine.exports.executeGroup(program, 0, 1, 1);
      out.set(machine.f32.subarray(y / 4, y / 4 + some.length), at);
    }
    return out;
  };
}

/** The unit in the last place of an f32 near a magnitude: 2⁻²³ of its power of two, 2⁻¹⁴⁹ below 2⁻¹²⁶. */
const ulps = Float64Array.from({ length: 256 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 127 - 23));
const one = new Float32Array(1);
const oneBits = new Uint32Array(one.buffer);

function ulp(x: number): number {
  one[0] = x;
  // Rounding up to a power of two would double the unit.
  if (one[0] > x) oneBits[0]--;
  return ulps[oneBits[0] >>> 23];
}

/** The worst error in units in the last place, and where. */
function worst(xs: Float32Array, ys: Float32Array, truth: (x: number) => number) {
  let most = 0;
  let at = 0;
  for (let i = 0; i < xs.length; i++) {
    const exact = truth(xs[i]);
    const error = Math.abs(ys[i] - exact) / ulp(Math.abs(exact));
    if (!(error <= most)) {
      most = error;
      at = xs[i];
    }
  }
  return { most, at };
}

/** Where y falls by more than one unit from one number to the next; xs ascending. */
function falls(xs: Float32Array, ys: Float32Array): number[] {
  const found: number[] = [];
  for (let i = 1; i < xs.length; i++) {
    const drop = ys[i - 1] - ys[i];
    if (!(drop <= 0) && !(drop <= ulp(Math.abs(ys[i - 1])))) found.push(xs[i]);
  }
  return found;
}

const positive = points(1_000_000);
const negative = positive.map((x) => -x);
const ascending = Float32Array.from(negative).reverse();

/** In f64 within a few of its own units: e^x / (1 + e^x) where x is negative, so that no digit cancels. */
function logistic(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

it("the points reach from the smallest subnormal to the ends, subnormal results among them", () => {
  expect([positive[0], positive[1]]).toEqual([0, 2 ** -149]);
  expect(positive.at(-1)).toBeGreaterThan(111);
  expect(negative.filter((x) => logistic(x) < 2 ** -126 && logistic(x) > 2 ** -149).length).toBeGreaterThan(1000);
});

describe.each(BUILDS)("sigmoid of the %s build", (build) => {
  const sigmoid = evaluator(build, F_SIGMOID);
  const [up, down] = [sigmoid(positive), sigmoid(ascending)];

  it("is within 2.5 ulp", () => {
    for (const { most, at } of [worst(positive, up, logistic), worst(ascending, down, logistic)]) {
      expect(most, `at ${at}`).toBeLessThanOrEqual(LIMIT);
    }
  });

  it("is monotone up to 1 ulp, and stays in [0, 1]", () => {
    expect(falls(positive, up)).toEqual([]);
    expect(falls(ascending, down)).toEqual([]);
    expect(up.every((y) => y >= 0.5 && y <= 1)).toBe(true);
    expect(down.every((y) => y >= 0 && y <= 0.5)).toBe(true);
  });

  it("is exact at 0 and at the ends, NaN stays NaN", () => {
    const xs = Float32Array.of(0, -0, Infinity, -Infinity, 3e38, -3e38, 200, -200, Number.NaN, -Number.NaN);
    expect([...sigmoid(xs)]).toEqual([0.5, 0.5, 1, 0, 1, 0, 1, 0, Number.NaN, Number.NaN]);
  });
});

describe.each(BUILDS)("tanh of the %s build", (build) => {
  const tanh = evaluator(build, F_TANH);
  const ys = tanh(positive);

  it("is within 2.5 ulp", () => {
    const { most, at } = worst(positive, ys, Math.tanh);
    expect(most, `at ${at}`).toBeLessThanOrEqual(LIMIT);
  });

  it("is odd, bit for bit", () => {
    const mirrored = new Uint32Array(tanh(negative).buffer);
    const bits = new Uint32Array(ys.buffer);
    expect(mirrored.every((word, i) => word === (bits[i] ^ 0x80000000) >>> 0)).toBe(true);
  });

  it("is monotone up to 1 ulp, and stays in [−1, 1]", () => {
    expect(falls(positive, ys)).toEqual([]);
    expect(ys.every((y) => y >= 0 && y <= 1)).toBe(true);
  });

  it("is exact at 0 and at the ends, NaN stays NaN", () => {
    const xs = Float32Array.of(0, -0, Infinity, -Infinity, 3e38, -3e38, 9.2, -9.2, Number.NaN, -Number.NaN);
    expect([...tanh(xs)]).toEqual([0, -0, 1, -1, 1, -1, 1, -1, Number.NaN, Number.NaN]);
  });
});
