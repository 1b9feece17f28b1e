/**
 * The functions of cells and activation layers, f(x; alpha, beta), by their names in a model, with their default alpha
 * and beta (affine and scaledTanh have none). NaN stays NaN; ±∞ give the limits, but softsign NaN, as in PyTorch.
 */

export type Activation = (x: number) => number;

export const ACTIVATIONS = {
  identity: (x) => x,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  relu: (x) => Math.max(x, 0),
  hardSigmoid: (x, alpha = 1 / 6, beta = 0.5) => Math.min(Math.max(alpha * x + beta, 0), 1),
  affine: (x, alpha, beta) => alpha * x + beta,
  leakyRelu: (x, alpha = 0.01) => (x >= 0 ? x : alpha * x),
  elu: (x, alpha = 1) => (x >= 0 ? x : alpha * Math.expm1(x)),
  softsign: (x) => x / (1 + Math.abs(x)),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  scaledTanh: (x, alpha, beta) => alpha * Math.tanh(beta * x),
  thresholdedRelu: (x, alpha = 1) => (x <= alpha ? 0 : x),
} satisfies Record<string, (x: number, alpha: number, beta: number) => number>;

export function activation(spec: {
  readonly name: string;
  readonly alpha?: number;
  readonly beta?: number;
}): Activation {
  const f: (x: number, ...parameters: number[]) => number = ACTIVATIONS[spec.name as keyof typeof ACTIVATIONS];
  return (x) => f(x, spec.alpha as number, spec.beta as number);
}

/** x limited to [−bound, bound]. */
export function clip(x: number, bound = Infinity): number {
  return Math.min(Math.max(x, -bound), bound);
}
