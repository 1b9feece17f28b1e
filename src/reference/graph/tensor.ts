/** Tensors of the reference: numbers in row-major order beside their shape, and how to make one element by element. */

export interface Dense {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Elements from one index of each axis to the next. */
export function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => count(shape.slice(axis + 1)));
}

/** The element at an index; the leading axes of the index that x lacks do not count, an axis of one is broadcast (NumPy's rule). */
export function at({ shape, data }: Dense, index: readonly number[]): number {
  const from = index.length - shape.length;
  return data[
    stridesOf(shape).reduce((sum, stride, axis) => sum + (shape[axis] === 1 ? 0 : index[from + axis] * stride), 0)
  ];
}

/** The shape's elements, each from its index. */
export function build(shape: readonly number[], element: (index: readonly number[]) => number): Float64Array {
  const out = new Float64Array(count(shape));
  const index = shape.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    out[i] = element(index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return out;
}

/** NumPy's broadcast of shapes; undefined where they do not fit. */
export function broadcast(...shapes: readonly (readonly number[])[]): number[] | undefined {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const out = Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((size) => size !== 1);
    return sizes.every((size) => size === sizes[0]) ? (sizes[0] ?? 1) : NaN;
  });
  return out.some(Number.isNaN) ? undefined : out;
}
