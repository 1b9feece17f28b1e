/** y = (x − mean) / √(variance + eps) · weight + bias: mean and variance of the row itself, or those of training. */

function normalize(x: number, mean: number, variance: number, eps: number, weight = 1, bias = 0): number {
  return ((x - mean) / Math.sqrt(variance + eps)) * weight + bias;
}

/** x, weight, bias (N) → y (N); the variance is the biased one */
export function layerNorm(x: Float64Array, eps: number, weight?: Float64Array, bias?: Float64Array): Float64Array {
  const mean = x.reduce((sum, v) => sum + v, 0) / x.length;
  const variance = x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length;
  return x.map((v, i) => normalize(v, mean, variance, eps, weight?.[i], bias?.[i]));
}

/** x, mean, variance, weight, bias (N) → y (N) */
export function batchNorm(
  x: Float64Array,
  mean: Float64Array,
  variance: Float64Array,
  eps: number,
  weight?: Float64Array,
  bias?: Float64Array,
): Float64Array {
  return x.map((v, i) => normalize(v, mean[i], variance[i], eps, weight?.[i], bias?.[i]));
}
