/** The nine numbers that the model gives → the distribution of the next reading, a mixture of logistic distributions. */

const NARROWEST = 0.02; // as in train.py

export interface Mixture {
  /** Sums to 1. */
  readonly weights: readonly number[];
  readonly means: readonly number[];
  readonly widths: readonly number[];
}

/** `raw`: as many logits, means and widths, one after another. */
export function mixture(raw: Float32Array): Mixture {
  const n = raw.length / 3;
  const largest = Math.max(...raw.subarray(0, n));
  const weights = Array.from(raw.subarray(0, n), (logit) => Math.exp(logit - largest));
  const sum = weights.reduce((total, weight) => total + weight);
  return {
    weights: weights.map((weight) => weight / sum),
    means: [...raw.subarray(n, 2 * n)],
    widths: Array.from(raw.subarray(2 * n), (width) => NARROWEST + softplus(width)),
  };
}

/** The probability of something over v. */
export function above({ weights, means, widths }: Mixture, v: number): number {
  return weights.reduce((sum, weight, i) => sum + weight * logistic((means[i] - v) / widths[i]), 0);
}

/** The probability of something under v: not 1 − above(v), which has no digits left where it is small. */
export function below({ weights, means, widths }: Mixture, v: number): number {
  return weights.reduce((sum, weight, i) => sum + weight * logistic((v - means[i]) / widths[i]), 0);
}

/** −log₂ of the density at v. */
export function bits({ weights, means, widths }: Mixture, v: number): number {
  const terms = weights.map((weight, i) => {
    const u = (v - means[i]) / widths[i];
    return Math.log(weight) - u - 2 * softplus(-u) - Math.log(widths[i]);
  });
  const largest = Math.max(...terms);
  return -(largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0))) / Math.LN2;
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
