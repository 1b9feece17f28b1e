/**
 * What native code takes: RTNeural (C++, Eigen, -O3 -march=native, sizes at compile time; jatinchowdhury18/RTNeural at 1fb1f07),
 * µs, measured on one core of an AMD EPYC of the Zen 4 generation whose multiply-add limit was 29.1 GMAC/s. For another
 * machine or moment they are scaled by the limit of the run.
 */

import type { Limits } from "./limit.ts";
import type { Cell } from "./shapes.ts";

const LIMIT = 29.1;

/** A step, in = out = H. */
const STEP: Readonly<Record<Cell, Readonly<Record<number, number>>>> = {
  gru: { 8: 0.06, 16: 0.09, 32: 0.23, 64: 1.03, 128: 3.7, 256: 18.3 },
  lstm: { 8: 0.06, 16: 0.09, 32: 0.34, 64: 1.35, 128: 5.2, 256: 26 },
};
/** A sample of one input, GRU-H and a linear head. */
const SAMPLE: Readonly<Record<number, number>> = { 8: 0.073, 16: 0.079, 24: 0.132, 32: 0.147, 40: 0.234, 64: 0.561 };

function scaled(time: number | undefined, { gmacs }: Limits): number | undefined {
  return time === undefined ? undefined : (time * LIMIT) / Math.max(...gmacs.values());
}

export function nativeStep(cell: Cell, size: number, limits: Limits): number | undefined {
  return scaled(STEP[cell][size], limits);
}

export function nativeSample(size: number, limits: Limits): number | undefined {
  return scaled(SAMPLE[size], limits);
}
