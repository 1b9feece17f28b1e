/**
 * Functions of a whole row: layer norm, softmax, log-softmax. Sums are f64, so that their order does not matter to f32.
 *
 *     layerNorm    y = (x − mean) / √(variance + eps) [∘ weight + bias]      (Ba et al. 2016, arXiv:1607.06450; biased variance)
 *     softmax      y = e^(x − max) / Σ e^(x − max)
 *     logSoftmax   y = x − max − ln Σ e^(x − max)
 *
 * Oracle   src/reference/norm.ts, src/reference/softmax.ts
 */

import { zeroPadding } from "./activation";
import { expV, log } from "./math";

export function layerNorm(
  y: usize, yStride: usize, x: usize, xStride: usize, n: usize, weight: usize, bias: usize, eps: f32, rows: usize,
): void {
  const bytes = n << 2;
  for (; rows > 0; rows--) {
    let sum: f64 = 0;
    for (let i: usize = 0; i < bytes; i += 4) sum += load<f32>(x + i);
    const mean = sum / n;
    let squares: f64 = 0;
    for (let i: usize = 0; i < bytes; i += 4) {
      const d = <f64>load<f32>(x + i) - mean;
      squares += d * d;
    }
    const scale = 1 / sqrt<f64>(squares / n + eps);
    for (let i: usize = 0; i < bytes; i += 4) {
      let v = <f32>((<f64>load<f32>(x + i) - mean) * scale);
      if (weight != 0) v *= load<f32>(weight + i);
      if (bias != 0) v += load<f32>(bias + i);
      store<f32>(y + i, v);
    }
    y += yStride;
    x += xStride;
  }
}

export function softmax(y: usize, yStride: usize, x: usize, xStride: usize, n: usize, rows: usize): void {
  for (; rows > 0; rows--) {
    const sum = exponentials(y, x, n, rowMax(x, n));
    const bytes = n << 2;
    for (let i: usize = 0; i < bytes; i += 4) store<f32>(y + i, <f32>(load<f32>(y + i) / sum));
    y += yStride;
    x += xStride;
  }
}

export function logSoftmax(y: usize, yStride: usize, x: usize, xStride: usize, n: usize, rows: usize): void {
  for (; rows > 0; rows--) {
    const max = rowMax(x, n);
    const lnSum = log(exponentials(y, x, n, max));
    const bytes = n << 2;
    for (let i: usize = 0; i < bytes; i += 4) store<f32>(y + i, <f32>(<f64>load<f32>(x + i) - max - lnSum));
    y += yStride;
    x += xStride;
  }
}

/** y ← e^(x − max); returns the sum, at least 1. */
function exponentials(y: usize, x: usize, n: usize, max: f32): f64 {
  const bytes = n << 2;
  const top = f32x4.splat(max);
  for (let i: usize = 0; i < bytes; i += 16) v128.store(y + i, expV(f32x4.sub(v128.load(x + i), top)));
  zeroPadding(y, n);
  let sum: f64 = 0;
  for (let i: usize = 0; i < bytes; i += 4) sum += load<f32>(y + i);
  return sum;
}

/** NaN where the row has one. */
function rowMax(x: usize, n: usize): f32 {
  const end = x + (n << 2);
  let max: f32 = -Infinity;
  for (; x < end; x += 4) max = f32.max(max, load<f32>(x));
  return max;
}
