/** What the caller of sluice/audio passes → nothing, or a TypeError or RangeError that names it. */

/** Real numbers in a row. Arithmetic inside is in f64; a Float32Array is rounded to when it is written. */
export type Samples = Float32Array | Float64Array;

export function checkInteger(name: string, value: number, least: number, most: number): void {
  if (typeof value !== "number") throw new TypeError(`"${name}" expected a number, got ${kindOf(value)}`);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`"${name}" expected an integer from ${least} to ${most}, got ${value}`);
  }
}

export function checkNumber(name: string, value: number, least: number, most: number): void {
  if (typeof value !== "number") throw new TypeError(`"${name}" expected a number, got ${kindOf(value)}`);
  if (!(value >= least && value <= most)) {
    throw new RangeError(`"${name}" expected a number from ${least} to ${most}, got ${value}`);
  }
}

/** `length` absent: any length. */
export function checkSamples(name: string, value: Samples, length?: number): void {
  if (!(value instanceof Float32Array || value instanceof Float64Array)) {
    throw new TypeError(`"${name}" expected Float32Array or Float64Array, got ${kindOf(value)}`);
  }
  if (length !== undefined && value.length !== length) {
    throw new RangeError(`"${name}" expected length ${length}, got ${value.length}`);
  }
}

export function kindOf(value: unknown): string {
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value;
  return Object.prototype.toString.call(value).slice(8, -1);
}
