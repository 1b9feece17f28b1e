/** Softmax and its logarithm over a row. Subtracting the row's largest element changes neither and keeps e^x finite. */

/** x (N) → e^x / Σ e^x (N) */
export function softmax(x: Float64Array): Float64Array {
  const max = x.reduce((a, b) => Math.max(a, b));
  const e = x.map((v) => Math.exp(v - max));
  const sum = e.reduce((a, b) => a + b);
  return e.map((v) => v / sum);
}

/** x (N) → x − ln Σ e^x (N) */
export function logSoftmax(x: Float64Array): Float64Array {
  const max = x.reduce((a, b) => Math.max(a, b));
  const logSum = Math.log(x.reduce((sum, v) => sum + Math.exp(v - max), 0));
  return x.map((v) => v - max - logSum);
}
