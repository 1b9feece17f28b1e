/**
 * A matrix (n, k) row by row → panels (gemm.ts, Layout), four rows at a time: one element of each makes a vector. Runs once, in
 * the engine's baseline code, where the number of instructions is what counts.
 */

import { panelRows, panelUnits } from "./gemm";

/** n a multiple of LANES; `units`: panels of gemmUnits. */
export function pack(y: usize, x: usize, n: usize, k: usize, units: bool): void {
  const stride = k << 2;
  while (n > 0) {
    const rows = units ? panelUnits(n / 3) * 3 : panelRows(n);
    const end = x + stride;
    for (; x < end; x += 4) {
      let from = x;
      for (let row: usize = 0; row < rows; row += 4) {
        let four = v128.load32_splat(from);
        four = v128.load_lane<f32>(from + stride, four, 1);
        four = v128.load_lane<f32>(from + stride * 2, four, 2);
        four = v128.load_lane<f32>(from + stride * 3, four, 3);
        v128.store(y, four);
        from += stride << 2;
        y += 16;
      }
    }
    x += (rows - 1) * stride;
    n -= rows;
  }
}
