/**
 * One weight of a manifest: what it says of itself, and its bytes → a tensor. Quantised weights are integers of 8 or 16 bits,
 * value = q · scale + min in f64, or halves (tfjs-core/src/io/io_utils.ts).
 */

import { ARRAYS, type Dtype, shapeText, type Tensor } from "../../tensor.ts";
import { type Field, show } from "../json.ts";

interface Quantization {
  readonly dtype: "U8" | "U16";
  readonly scale: number;
  readonly min: number;
}

export interface Weight {
  readonly name: string;
  /** Of the tensor. */
  readonly dtype: "F32" | "I32" | "BOOL" | "F16";
  readonly shape: readonly number[];
  readonly count: number;
  readonly quantization?: Quantization;
  /** As it lies in the shards. */
  readonly bytes: number;
}

const DTYPES: Readonly<Record<string, Weight["dtype"]>> = { float32: "F32", int32: "I32", bool: "BOOL" };

export function weightOf(field: Field, limits: { readonly rank: number; readonly nameLength: number }): Weight {
  const fields = field.fields(["name", "shape", "dtype"], ["quantization"]);
  const name = fields.name.string();
  if (name === "" || name.includes("\0")) throw fields.name.as("ERR_NAME").error("a name without NUL", show(name));
  if (name.length > limits.nameLength) {
    throw fields.name.as("ERR_LIMIT").error(`a name of at most ${limits.nameLength} UTF-16 units`, name.length);
  }
  const shapeField = fields.shape.as("ERR_SHAPE");
  const axes = shapeField.items();
  if (axes.length > limits.rank) {
    throw shapeField.as("ERR_LIMIT").error(`at most ${limits.rank} dimensions`, axes.length);
  }
  const shape = axes.map((axis) => axis.integer(0));
  const count = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(count)) throw shapeField.error("fewer than 2⁵³ elements", shapeText(shape));

  const typeName = fields.dtype.string();
  if (!Object.hasOwn(DTYPES, typeName)) {
    throw fields.dtype.as("ERR_DTYPE").error(`one of ${Object.keys(DTYPES).join(", ")}`, show(typeName));
  }
  const dtype = DTYPES[typeName];
  if (fields.quantization === undefined) {
    return { name, dtype, shape, count, bytes: count * ARRAYS[dtype].BYTES_PER_ELEMENT };
  }
  const quantized = fields.quantization.as("ERR_DTYPE");
  const { dtype: stored, scale, min } = quantized.fields(["dtype"], ["scale", "min", "original_dtype"]);
  const kind = stored.string();
  if (kind === "float16" && dtype === "F32" && scale === undefined && min === undefined) {
    return { name, dtype: "F16", shape, count, bytes: 2 * count };
  }
  if ((kind !== "uint8" && kind !== "uint16") || dtype === "BOOL" || scale === undefined || min === undefined) {
    throw quantized.error("uint8 or uint16 with scale and min, or float16 of float32", `${show(kind)} of ${typeName}`);
  }
  const quantization = { dtype: kind === "uint8" ? "U8" : "U16", scale: scale.number(), min: min.number() } as const;
  return { name, dtype, shape, count, quantization, bytes: count * (kind === "uint8" ? 1 : 2) };
}

/** `bytes` are exactly those of the weight. */
export function readWeight({ name, dtype, shape, quantization }: Weight, bytes: Uint8Array): Tensor {
  if (quantization === undefined) return { name, dtype, shape, data: arrayOf(dtype, bytes) };
  const { scale, min } = quantization;
  const stored = arrayOf(quantization.dtype, bytes) as Uint8Array;
  const value = (q: number) => q * scale + min;
  const data =
    dtype === "I32" ? Int32Array.from(stored, (q) => Math.round(value(q))) : Float32Array.from(stored, value);
  return { name, dtype, shape, data };
}

/** A view where the bytes are aligned, else a copy. */
function arrayOf(dtype: Dtype, bytes: Uint8Array) {
  const Data = ARRAYS[dtype];
  const { buffer, byteOffset } = bytes.byteOffset % Data.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new Data(buffer as ArrayBuffer, byteOffset, bytes.length / Data.BYTES_PER_ELEMENT);
}
