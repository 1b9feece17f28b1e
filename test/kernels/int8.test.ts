/**
 * OP_PACK_INT8 and OP_LINEAR of bytes against the int8 arithmetic in plain TypeScript, bit for bit, over all sizes around the
 * edges of panels, groups and tiles, and over vectors that are not plain numbers.
 */

import { describe, expect, it } from "vitest";
import { OP_LINEAR, OP_PACK_INT8, STATUS_OK } from "../../assembly/abi.ts";
import { int8Bytes, quantizedBytes } from "../../src/program.ts";
import { expectBits } from "../conformance/compare.ts";
import { product, type Quantized, quantizeRows } from "../conformance/int8-arithmetic.ts";
import { type Random, seeded, uniform } from "../conformance/models.ts";
import { BUILDS, Machine, padded } from "./machine.ts";

const MAX_ROWS = 9;

/** A matrix (n, k) with its panels in memory. */
function matrix(machine: Machine, random: Random, n: number, k: number): { weights: Quantized; at: number } {
  const weights = quantizeRows(uniform(random, n * k), n);
  weights.data[0] = -128; // no writer of ours makes it, a file may have it
  const bytes = machine.take(n * k);
  new Int8Array(machine.bytes.buffer).set(weights.data, bytes);
  const scales = machine.put(weights.scale);
  const at = machine.take(int8Bytes(n, k));
  const program = machine.program(0, [OP_PACK_INT8, at, bytes, scales, n, k]);
  machine.expectWrites([[at, at + int8Bytes(n, k)]], () => machine.exports.executeGroup(program, 0, 1, 0), STATUS_OK);
  return { weights, at };
}

/** Rows of x through the product, each compared with the arithmetic. */
function check(
  machine: Machine,
  random: Random,
  n: number,
  k: number,
  xs: readonly Float32Array[],
  b = uniform(random, n),
): void {
  machine.clear();
  const { weights, at } = matrix(machine, random, n, k);
  // Behind each row of x lies NaN in the padding too: exactly k numbers count.
  const xStride = padded(k) * 4 + 16;
  const yStride = n * 4 + 16 * (k % 3);
  const x = machine.take(xs.length * xStride);
  xs.forEach((row, r) => {
    machine.f32.set(row, (x + r * xStride) / 4);
  });
  const bias = machine.put(b);
  const y = machine.take(xs.length * yStride);
  const qBytes = xs.length * quantizedBytes(k);
  const q = machine.take(qBytes);
  const program = machine.program(xs.length, [OP_LINEAR, y, yStride, at, bias, n, k, x, xStride, q]);
  for (let rows = 1; rows <= xs.length; rows++) {
    const outputs = Array.from({ length: rows }, (_, r) => [y + r * yStride, y + r * yStride + n * 4] as const);
    machine.expectWrites([...outputs, [q, q + qBytes]], () => machine.exports.executeGroup(program, 0, 1, rows));
    for (let r = 0; r < rows; r++) {
      const got = machine.f32.subarray((y + r * yStride) / 4, (y + r * yStride) / 4 + n);
      expectBits(`n ${n}, k ${k}, row ${r} of ${rows}`, got, product(weights, xs[r], b));
    }
  }
}

describe.each(BUILDS)("the int8 product of the %s build", (build) => {
  it("n 4 … 52, k 1 … 21, rows 1 … 9: the bits of the arithmetic in every form", () => {
    const machine = new Machine(build);
    const random = seeded("int8");
    for (let n = 4; n <= 52; n += 4) {
      for (let k = 1; k <= 21; k++) {
        const xs = Array.from({ length: MAX_ROWS }, () => uniform(random, k, -1 - random(), 0.5 + random()));
        check(machine, random, n, k, xs);
      }
    }
  });

  it("sums of many columns are exact", () => {
    const machine = new Machine(build, 80);
    const random = seeded("columns");
    check(machine, random, 4, 2 ** 17, [uniform(random, 2 ** 17).map((v) => (v < 0.999 ? 1 : -1))]);
  });

  it("vectors of zeros, of equal numbers, very small, very large, subnormal, on the edges of rounding", () => {
    const machine = new Machine(build);
    const random = seeded("vectors");
    const k = 11;
    const kinds: ((i: number) => number)[] = [
      () => 0,
      (i) => (i % 2 === 0 ? 0 : -0),
      () => 0.7,
      () => -3e-40,
      (i) => (i - 5) * 1e-45,
      (i) => (i - 5) * 1e-36,
      (i) => (i - 5) * 6e37,
      (i) => 1e6 + i,
      (i) => (i === 0 ? 63 : i === 1 ? -63 : i - 5.5),
      (i) => i * i,
    ];
    check(
      machine,
      random,
      20,
      k,
      kinds.map((kind) => Float32Array.from({ length: k }, (_, i) => kind(i))),
    );
    const { weights } = matrix(machine, random, 20, k);
    const b = uniform(random, 20);
    expectBits("zeros", product(weights, new Float32Array(k), b), b);
  });

  it("vectors too small to have a scale give what their middle gives, where no bias hides it", () => {
    const machine = new Machine(build);
    const random = seeded("too small");
    const k = 7;
    const xs = [1e-37, 1e-38, 1e-40, 1e-45].map((unit) => Float32Array.from({ length: k }, (_, i) => (i - 2) * unit));
    check(machine, random, 12, k, xs, new Float32Array(12));
  });

  it("NaN and infinity anywhere give NaN in their own row and touch no other", () => {
    const machine = new Machine(build);
    const random = seeded("not finite");
    for (const value of [NaN, Infinity, -Infinity]) {
      for (let at = 0; at < MAX_ROWS; at++) {
        for (const k of [1, 4, 7]) {
          const xs = Array.from({ length: MAX_ROWS }, () => uniform(random, k));
          xs[at][at % k] = value;
          check(machine, random, 12, k, xs);
        }
      }
    }
    expect(product(quantizeRows(Float32Array.of(1, 2), 1), Float32Array.of(NaN, 1), Float32Array.of(0))).toEqual(
      Float32Array.of(NaN),
    );
  });
});
