/** The sums of the gates of an LSTM or RNN: gx ← b + W·x + U·h, of which the recurrence has made b + W·x or not. */

import { C_BIAS, C_K, C_W, C_X_STRIDE } from "./abi";
import { gemmBoth } from "./gemm";
import { product } from "./int8";
import { word } from "./rows";

/**
 * @param x - the first row of x whose products are not made yet; 0: they stand in gx
 * @param n - rows of U (n, k), padded
 * @param q - scratch for the quantised h where U is bytes, else 0
 */
export function gateSums(
  record: usize, x: usize, gx: usize, gxStride: usize, u: usize, h: usize, hStride: usize, n: usize, k: usize, count: usize,
  q: usize,
): void {
  if (x == 0) {
    product(gx, gxStride, gx, gxStride, u, h, hStride, n, k, count, q);
    return;
  }
  for (; count > 0; count--) {
    gemmBoth(gx, word(record, C_BIAS), word(record, C_W), x, word(record, C_K), u, h, k, n);
    x += word(record, C_X_STRIDE);
    gx += gxStride;
    h += hStride;
  }
}
