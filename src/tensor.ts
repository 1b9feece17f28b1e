/** A named array with a dtype and a shape: what files hold and layers are made of. */

/** Element types, in the names of safetensors. F16 and BF16 are held as Uint16Array until they are widened. */
export type Dtype =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U64"
  | "U32"
  | "U16"
  | "U8"
  | "BOOL";

export type TensorData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** A view of the file's bytes where its offset is aligned to the element, else a copy. Shapes are row-major. */
export interface Tensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: TensorData;
  /** Of a matrix held as I8: row i stands for data · scale[i]. */
  readonly scale?: Float32Array;
}

/** The typed array that holds a dtype; its BYTES_PER_ELEMENT is the dtype's size. */
export const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const satisfies Record<Dtype, unknown>;

/** The number of elements of a shape; 1 for rank 0. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A shape as it stands in messages: `(24, 8)`. */
export function shapeText(shape: readonly (number | string)[]): string {
  return `(${shape.join(", ")})`;
}

/**
 * The elements as f32: the tensor's own array where it is F32, else a new one. F16 and BF16 widen exactly; F64 and the
 * integers round to nearest, and a value past the range of f32 becomes infinite. Rows with a scale are multiplied by it.
 */
export function toF32(tensor: Tensor): Float32Array {
  const { data, dtype, scale } = tensor;
  if (data instanceof Float32Array) return data;
  const out = new Float32Array(data.length);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < out.length; i++) {
    const value = Number(data[i]);
    if (dtype === "BF16") bits[i] = value << 16;
    else if (dtype === "F16") {
      // 1 sign, 5 exponent, 10 fraction bits; 31 becomes 255, infinity or NaN. The exponent's bias grows by 112.
      bits[i] = ((value & 0x8000) << 16) | ((value & 0x7fff) << 13) | ((value & 0x7c00) === 0x7c00 ? 0x7f800000 : 0);
      out[i] *= 2 ** 112;
    } else out[i] = value;
  }
  if (scale) {
    const columns = out.length / scale.length;
    for (let i = 0; i < out.length; i++) out[i] *= scale[Math.floor(i / columns)];
  }
  return out;
}
