/** f32 tensors → F16 or BF16, half of the bytes: rounded to nearest, ties to even. Readers widen them exactly. */

import type { Model, Tensor } from "../all.ts";

/** @throws Error where a number is past the range of F16 */
export function halveModel(model: Model, dtype: "F16" | "BF16"): Model {
  const convert = dtype === "F16" ? toF16 : toBf16;
  const tensors = new Map(model.tensors);
  for (const [key, { name, shape, data }] of tensors) {
    if (!(data instanceof Float32Array)) continue;
    const half = Uint16Array.from(data, (value) => {
      const bits = convert(value);
      if (Number.isFinite(value) && (bits & INFINITY[dtype]) === INFINITY[dtype]) {
        throw new Error(`${name}: expected numbers in the range of ${dtype}; got ${value}. Use --to bf16 or int8.`);
      }
      return bits;
    });
    tensors.set(key, { name, dtype, shape, data: half } satisfies Tensor);
  }
  return { ...model, tensors };
}

const INFINITY = { F16: 0x7c00, BF16: 0x7f80 };

/** The upper half of an f32, rounded. */
function toBf16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  if (Number.isNaN(value)) return 0x7fc0;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** IEEE 754 binary16: steps of 2⁻²⁴ below 2⁻¹⁴, of 2^(e − 10) from 2^e on. */
function toF16(value: number): number {
  const magnitude = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const steps = roundEven(magnitude / 2 ** (exponent - 10));
  // 2¹¹ steps are the next exponent's 2¹⁰: the sum carries over.
  return sign | (((exponent + 14) << 10) + steps);
}

function roundEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
