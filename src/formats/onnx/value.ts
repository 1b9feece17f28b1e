/**
 * Values of a graph while it is specialised: shape, kind, and the elements where they are known. An axis that is free is
 * TIME, infinite: sizes that follow from it are infinite too, so nothing can be built of it by accident.
 */

import { stridesOf } from "../../reference/graph/tensor.ts";
import { elements } from "../../tensor.ts";
import type { Step } from "./step.ts";

/** The size of the free axis. */
export const TIME: number = Infinity;

/** F32 stands for all floats, I32 for all integers, whose elements are exact to 2⁵³. */
export type ValueKind = "F32" | "I32" | "BOOL";

export type Elements = Float32Array | Float64Array;

export interface Info {
  readonly kind: ValueKind;
  readonly shape: readonly number[];
}

export interface Value extends Info {
  readonly name: string;
  /** Known elements. With `places` they are numbers of elements of states (states.ts), which only move. */
  readonly data?: Elements;
  readonly places?: boolean;
  /** The lengths of the sequences, which are the runtime's business. */
  readonly lengths?: boolean;
  /** What computes it; an input or a constant has none. Where a cell takes several steps' places, it is that (cells.ts). */
  step?: Step;
}

/** `(T, 1, 40)`. */
export function axesText(shape: readonly number[]): string {
  return `(${shape.map((axis) => (axis === TIME ? "T" : axis)).join(", ")})`;
}

/** The place of every element of `shape` in an array with these strides: what a view of it reads. */
export function placesOf(shape: readonly number[], strides: readonly number[], start = 0): Float64Array {
  const out = new Float64Array(elements(shape));
  const index: number[] = new Array(shape.length).fill(0);
  let at = start;
  for (let i = 0; i < out.length; i++) {
    out[i] = at;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}

/** Strides of a value that is read as if it had the broadcast shape `to`. */
export function spreadStrides(shape: readonly number[], to: readonly number[]): number[] {
  const strides = stridesOf(shape);
  return to.map((_, i) => {
    const axis = i - (to.length - shape.length);
    return axis < 0 || shape[axis] === 1 ? 0 : strides[axis];
  });
}

/** A shape with another size along one axis. */
export function resized(shape: readonly number[], axis: number, size: number): number[] {
  return shape.map((old, i) => (i === axis ? size : old));
}

/** What is known, times `scale`, as a vector over so many columns; undefined where it is more than a row. */
export function vectorOf({ data, places, shape }: Value, columns: number, scale = 1): Float32Array | undefined {
  const width = shape[shape.length - 1] ?? 1;
  if (!data || places || elements(shape) !== width || (width !== columns && width !== 1)) return undefined;
  return Float32Array.from({ length: columns }, (_, i) => scale * data[width === 1 ? 0 : i]);
}

/** New elements of a kind: integers are held as f64. */
export function newElements(kind: ValueKind, count: number): Elements {
  return kind === "F32" ? new Float32Array(count) : new Float64Array(count);
}
