/** Elements that lie anywhere in regular steps → row by row. */

import { ARRAYS, type Dtype, elements, type TensorData } from "../tensor.ts";

/** A copy. `bytes` may be unaligned; the caller has checked that every element lies inside them. */
export function gather(
  bytes: Uint8Array,
  dtype: Dtype,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): TensorData {
  const Data = ARRAYS[dtype];
  const width = Data.BYTES_PER_ELEMENT;
  const count = elements(shape);
  const out = new Uint8Array(count * width);
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < count; to++) {
    for (let i = 0; i < width; i++) out[to * width + i] = bytes[from * width + i];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return new Data(out.buffer, 0, count);
}
