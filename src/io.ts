/**
 * The callers' arrays: checked before anything is written, then copied row by row into and out of an engine's io regions.
 */

import type { IoRegion } from "./engine.ts";
import type { ValueInfo } from "./model.ts";

export type Numbers = Float32Array | Int32Array;

/** What a step takes: an array of the input's dtype, a number where the input has one element, a record by input name. */
export type StepInput = Numbers | number | Readonly<Record<string, Numbers | number>>;

/** An input or output as the host sees it: its name, dtype and the elements of one row. */
export interface Port {
  readonly name: string;
  readonly dtype: ValueInfo["dtype"];
  readonly size: number;
  /** Ids run from 0 to ids − 1; undefined for numbers. */
  readonly ids: number | undefined;
}

/** "Float32Array", "Array", "string": what a message calls a value. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}

/**
 * Throws unless `x` is the port's typed array of `rows` rows with ids in range.
 * @throws TypeError `"x" expected Float32Array, got Array`
 * @throws RangeError `"x" expected length 8, got 7`, `"tokens" expected 0…64, got 65`
 */
export function checkInput(x: unknown, port: Port, rows: number, what: string): asserts x is Numbers {
  const expected = port.dtype === "I32" ? Int32Array : Float32Array;
  if (!(x instanceof expected)) throw new TypeError(`"${what}" expected ${expected.name}, got ${kindOf(x)}`);
  if (x.length !== rows * port.size)
    throw new RangeError(`"${what}" expected length ${rows * port.size}, got ${x.length}`);
  if (port.ids !== undefined) checkIds(x as Int32Array, port.ids, port.name);
}

export function checkIds(x: ArrayLike<number>, ids: number, name: string): void {
  for (let i = 0; i < x.length; i++) {
    if (!(x[i] >= 0 && x[i] < ids)) throw new RangeError(`"${name}" expected 0…${ids - 1}, got ${x[i]}`);
  }
}

/** Throws unless `y` is a Float32Array of `rows` rows of the port. */
export function checkOutput(y: unknown, port: Port, rows: number, what: string): asserts y is Float32Array {
  if (!(y instanceof Float32Array)) throw new TypeError(`"${what}" expected Float32Array, got ${kindOf(y)}`);
  if (y.length !== rows * port.size)
    throw new RangeError(`"${what}" expected length ${rows * port.size}, got ${y.length}`);
}

/** One row, region ← x from element `from`. A loop: a view for TypedArray.set would be garbage. */
export function copyIn({ data, stride }: IoRegion, row: number, size: number, x: Numbers, from: number): void {
  const at = row * stride;
  for (let i = 0; i < size; i++) data[at + i] = x[from + i];
}

/** One row, y from element `to` ← region. */
export function copyOut({ data, stride }: IoRegion, row: number, size: number, y: Float32Array, to: number): void {
  const at = row * stride;
  for (let i = 0; i < size; i++) y[to + i] = data[at + i];
}
