/** The functions of activation layers that the cells do not have. */

import { ACTIVATIONS } from "../activation.ts";

/** 2/√π · Σ (−1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1)), as e^(−x²) times a series of positive terms (Abramowitz and Stegun 1964, 7.1.6). */
export function erf(x: number): number {
  if (Number.isNaN(x) || Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** To the nearest integer, halves to the even one. */
function round(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

const SQRT_2_PI = 0.7978845608028654; // √(2/π)

const GRAPH_ACTIVATIONS: Readonly<Record<string, (x: number, alpha: number, beta: number) => number>> = {
  abs: Math.abs,
  neg: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  reciprocal: (x) => 1 / x,
  erf,
  gelu: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
  geluTanh: (x) => (x / 2) * (1 + Math.tanh(SQRT_2_PI * (x + 0.044715 * x ** 3))),
  floor: Math.floor,
  ceil: Math.ceil,
  round,
  sin: Math.sin,
  cos: Math.cos,
  silu: (x) => x * ACTIVATIONS.sigmoid(x),
  mish: (x) => x * Math.tanh(ACTIVATIONS.softplus(x)),
  clip: (x, min, max) => Math.min(Math.max(x, min), max),
  pow2: (x) => x * x,
  sign: Math.sign,
  hardSwish: (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1),
};

/** A function by its name and parameters. */
export function graphFunction({
  name,
  alpha,
  beta,
}: {
  readonly name: string;
  readonly alpha?: number;
  readonly beta?: number;
}) {
  const f: (x: number, ...parameters: number[]) => number =
    GRAPH_ACTIVATIONS[name] ?? ACTIVATIONS[name as keyof typeof ACTIVATIONS];
  return (x: number) => f(x, alpha as number, beta as number);
}
