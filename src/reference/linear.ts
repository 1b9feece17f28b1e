/** y = W x + b, one row: every matrix product of the reference. */

/** x (I), weight (O, I), bias (O) → y (O) */
export function linear(x: Float64Array, weight: Float64Array, bias?: Float64Array): Float64Array {
  const y = new Float64Array(weight.length / x.length);
  for (let o = 0, w = 0; o < y.length; o++) {
    let sum = bias?.[o] ?? 0;
    for (let i = 0; i < x.length; i++) sum += weight[w++] * x[i];
    y[o] = sum;
  }
  return y;
}
