/** Arrays inside arrays, as JSON files write tensors → flat numbers of one shape, or an error at the row that breaks it. */

import { elements, shapeText, type Tensor } from "../tensor.ts";
import type { Field } from "./json.ts";

/** The numbers of a field that must have this shape, row-major. */
export function numbers(field: Field, shape: readonly number[]): Float32Array {
  const out: number[] = []; // as many as the file has: a shape alone allocates nothing
  append(field, shape, 0, out);
  return Float32Array.from(out);
}

function append(field: Field, shape: readonly number[], axis: number, out: number[]): void {
  const { value } = field;
  if (!Array.isArray(value) || value.length !== shape[axis]) {
    const whole = axis === 0 ? ` for shape ${shapeText(shape)}` : "";
    throw field.as("ERR_SHAPE").error(`an array of ${shape[axis]}${whole}`);
  }
  if (axis === shape.length - 1) {
    const wrong = value.findIndex((one) => typeof one !== "number");
    if (wrong >= 0) throw field.items()[wrong].as("ERR_DTYPE").error("a number");
    for (const one of value) out.push(one as number);
  } else for (const row of field.items()) append(row, shape, axis + 1, out);
}

/** The shape that the first elements tell; `numbers` compares the rest with it. */
export function shapeOf(field: Field, rank: number): number[] {
  const shape: number[] = [];
  for (let { value } = field; Array.isArray(value); value = value[0]) {
    shape.push(value.length);
    if (value.length === 0 || shape.length > rank) {
      throw field.as("ERR_SHAPE").error(`1 … ${rank} dimensions without an empty one`, shapeText(shape));
    }
  }
  if (shape.length === 0) throw field.as("ERR_SHAPE").error("an array of numbers");
  return shape;
}

/** A named tensor of F32. */
export function f32(name: string, shape: readonly number[], data: Float32Array): Tensor {
  return { name, dtype: "F32", shape, data };
}

/** Tensors by name. */
export function byName(tensors: readonly Tensor[]): Map<string, Tensor> {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

/** A (O, I) matrix that gives the first O of I elements. */
export function firstColumns(name: string, outputs: number, inputs: number): Tensor {
  const data = new Float32Array(elements([outputs, inputs]));
  for (let i = 0; i < outputs; i++) data[i * inputs + i] = 1;
  return f32(name, [outputs, inputs], data);
}
