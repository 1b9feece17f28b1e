/** Functions of one, two and three values, element by element, with NumPy's broadcasting. Truth values are 0 and 1. */

import { at, broadcast, build, type Dense } from "./tensor.ts";

export type Binary = (a: number, b: number) => number;

/** Integers wrap around at 32 bits; a division rounds to zero, and by zero gives 0. */
export const BINARY: Readonly<Record<string, Readonly<Partial<Record<"F32" | "I32", Binary>>>>> = {
  add: { F32: (a, b) => a + b, I32: (a, b) => (a + b) | 0 },
  sub: { F32: (a, b) => a - b, I32: (a, b) => (a - b) | 0 },
  mul: { F32: (a, b) => a * b, I32: Math.imul },
  div: { F32: (a, b) => a / b, I32: (a, b) => (b === 0 ? 0 : (a / b) | 0) },
  pow: { F32: power },
  minimum: { F32: Math.min, I32: Math.min },
  maximum: { F32: Math.max, I32: Math.max },
  greater: { F32: (a, b) => Number(a > b), I32: (a, b) => Number(a > b) },
  greaterEqual: { F32: (a, b) => Number(a >= b), I32: (a, b) => Number(a >= b) },
  less: { F32: (a, b) => Number(a < b), I32: (a, b) => Number(a < b) },
  lessEqual: { F32: (a, b) => Number(a <= b), I32: (a, b) => Number(a <= b) },
  equal: { F32: (a, b) => Number(a === b), I32: (a, b) => Number(a === b) },
  logicalAnd: { I32: (a, b) => Number(a !== 0 && b !== 0) },
  logicalOr: { I32: (a, b) => Number(a !== 0 || b !== 0) },
  prelu: { F32: (x, slope) => (x < 0 ? slope * x : x) },
};

/** C's pow, which PyTorch follows: 1^NaN and (−1)^±∞ are 1, where JavaScript says NaN. */
function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && !Number.isFinite(b) && !Number.isNaN(b))) return 1;
  return a ** b;
}

export function binary(f: Binary, a: Dense, b: Dense): Float64Array {
  const shape = broadcast(a.shape, b.shape) as number[];
  return build(shape, (index) => f(at(a, index), at(b, index)));
}

/** condition ? a : b. */
export function where(condition: Dense, a: Dense, b: Dense): Float64Array {
  const shape = broadcast(condition.shape, a.shape, b.shape) as number[];
  return build(shape, (index) => (at(condition, index) !== 0 ? at(a, index) : at(b, index)));
}

/** F32 → I32: towards zero, limited to 32 bits; NaN is 0. */
export function toInteger(x: number): number {
  return Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), -(2 ** 31)), 2 ** 31 - 1);
}
