/** y = (x − mean) / √(variance + eps) · weight + bias: mean and variance of training, or those of the row itself. */

/** x, mean, variance, weight, bias (N) → y (N) */
export function batchNorm(
  x: Float64Array,
  mean: Float64Array,
  variance: Float64Array,
  eps: number,
  weight?: Float64Array,
  bias?: Float64Array,
): Float64Array {
  return x.map((v, i) => ((v - mean[i]) / Math.sqrt(variance[i] + eps)) * (weight?.[i] ?? 1) + (bias?.[i] ?? 0));
}

/** x, weight, bias (N) → y (N); the variance is the biased one */
export function layerNorm(x: Float64Array, eps: number, weight?: Float64Array, bias?: Float64Array): Float64Array {
  const mean = average(x);
  const variance = average(x.map((v, i) => (v - mean[i]) ** 2));
  return batchNorm(x, mean, variance, eps, weight, bias);
}

/** (N), all elements alike */
function average(x: Float64Array): Float64Array {
  return x.slice().fill(x.reduce((sum, v) => sum + v) / x.length);
}
