/** Softmax and its logarithm over a row. */

/** x (N) → e^x / Σ e^x (N) */
export function softmax(x: Float64Array): Float64Array {
  return logSoftmax(x).map(Math.exp);
}

/** x (N) → x − ln Σ e^x (N). Subtracting the largest element changes nothing and keeps e^x finite. */
export function logSoftmax(x: Float64Array): Float64Array {
  const max = x.reduce((a, b) => Math.max(a, b));
  const logSum = Math.log(x.reduce((sum, v) => sum + Math.exp(v - max), 0));
  return x.map((v) => v - max - logSum);
}
