/**
 * OP_LINEAR against a loop in f64, over all sizes around the edges of panels and tiles, within the bound that gemm.ts gives;
 * and OP_PACK, which lays its weights out.
 */

import { describe, expect, it } from "vitest";
import { OP_LINEAR, OP_PACK, STATUS_OK } from "../../assembly/abi.ts";
import { seeded, uniform } from "../conformance/models.ts";
import { BUILDS, Machine, padded, panels } from "./machine.ts";

const U = 2 ** -24;
/** γ(m) = m·u / (1 − m·u). */
const gamma = (m: number) => (m * U) / (1 - m * U);

const MAX_ROWS = 9;

describe.each(BUILDS)("OP_LINEAR of the %s build", (build) => {
  it.each([
    [1, 16],
    [17, 32],
    [33, 40],
    [63, 76],
  ])("n %i … %i, k 1 … 40, rows 1 … 9: within γ(k + 1), one chain in every form", (from, to) => {
    const machine = new Machine(build);
    const random = seeded(`linear ${from}`);
    for (let n = from; n <= to; n++) {
      for (let k = 1; k <= 40; k++) {
        machine.clear();
        const w = uniform(random, n * k);
        const b = uniform(random, n);
        // Behind each row of x lies NaN: exactly k numbers of it are read.
        const xStride = padded(k) * 4 + 16;
        const yStride = padded(n) * 4 + 16 * (k % 3);
        const x = machine.rows(MAX_ROWS, k, xStride, 0, () => 2 * random() - 1);
        const weights = machine.put(panels(w, n, k));
        const bias = machine.rows(1, n, padded(n) * 4, padded(n) - n, () => 0);
        machine.f32.set(b, bias / 4);
        const y = machine.take(MAX_ROWS * yStride);
        const program = machine.program(MAX_ROWS, [OP_LINEAR, y, yStride, weights, bias, padded(n), k, x, xStride, 0]);
        let first: Uint32Array | undefined;
        for (let rows = 1; rows <= MAX_ROWS; rows++) {
          const outputs = Array.from(
            { length: rows },
            (_, r) => [y + r * yStride, y + r * yStride + padded(n) * 4] as const,
          );
          machine.expectWrites(outputs, () => machine.exports.executeGroup(program, 0, 1, rows), STATUS_OK);
          // Few rows go one by one, more of them in tiles: the bits of a row depend on neither.
          const row = machine.u32.slice(y / 4, y / 4 + padded(n));
          first ??= row;
          if (row.some((word, i) => word !== first?.[i]))
            throw new Error(`n ${n}, k ${k}: row 0 of ${rows} has other bits`);
        }
        for (let r = 0; r < MAX_ROWS; r++) {
          machine.expectZero(y + r * yStride + n * 4, y + r * yStride + padded(n) * 4);
          for (let i = 0; i < n; i++) {
            let sum = b[i];
            let size = Math.abs(b[i]);
            for (let j = 0; j < k; j++) {
              const product = w[i * k + j] * machine.f32[(x + r * xStride) / 4 + j];
              sum += product;
              size += Math.abs(product);
            }
            const got = machine.f32[(y + r * yStride) / 4 + i];
            if (!(Math.abs(got - sum) <= gamma(k + 1) * size)) {
              throw new Error(`n ${n}, k ${k}, row ${r}, output ${i}: expected ${sum}, got ${got}`);
            }
          }
        }
      }
    }
  });

  it("OP_PACK makes these panels, for n 4 … 76, k 1 … 40", () => {
    const machine = new Machine(build);
    const random = seeded("pack");
    for (let n = 4; n <= 76; n += 4) {
      for (let k = 1; k <= 40; k++) {
        machine.clear();
        const w = uniform(random, n * k);
        const expected = panels(w, n, k);
        const x = machine.put(w);
        const y = machine.take(w.byteLength);
        // While loading there are no rows: it runs all the same.
        const program = machine.program(0, [OP_PACK, y, x, n, k]);
        machine.expectWrites([[y, y + w.byteLength]], () => machine.exports.executeGroup(program, 0, 1, 0), STATUS_OK);
        const packed = machine.f32.subarray(y / 4, y / 4 + n * k);
        if (packed.some((value, i) => value !== expected[i])) throw new Error(`n ${n}, k ${k}: other panels`);
      }
    }
  });

  it("a NaN in one row stays in that row", () => {
    const machine = new Machine(build);
    const random = seeded("one NaN");
    for (let at = 0; at < MAX_ROWS; at++) {
      machine.clear();
      const [n, k] = [12, 5];
      const x = machine.rows(MAX_ROWS, k, 32, 0, random);
      machine.f32[(x + at * 32) / 4 + 2] = Number.NaN;
      const weights = machine.put(panels(uniform(random, n * k), n, k));
      const y = machine.take(MAX_ROWS * n * 4);
      const program = machine.program(MAX_ROWS, [
        OP_LINEAR,
        y,
        n * 4,
        weights,
        machine.put(new Float32Array(n)),
        n,
        k,
        x,
        32,
        0,
      ]);
      machine.exports.executeGroup(program, 0, 1, MAX_ROWS);
      const bad = Array.from({ length: MAX_ROWS }, (_, r) => Number.isNaN(machine.f32[(y + r * n * 4) / 4]));
      expect(bad).toEqual(bad.map((_, r) => r === at));
    }
  });
});
