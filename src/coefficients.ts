/**
 * The block of f32 numbers at CONSTANTS in linear memory, in the order in which assembly/math.ts reads it. The host (or the
 * baked file) writes it; kernels carry no data of their own. Each has as many digits as tell its f32 from its neighbours.
 */
export const COEFFICIENTS: readonly number[] = [
  Math.LOG2E,
  12582912, // 1.5 · 2²³: adding it rounds to the nearest integer, which then stands in the low bits
  0.69314575, // high part of ln 2, 16 significant bits: n · it is exact for |n| ≤ 2⁸ (Cody and Waite 1980)
  1.4286068e-6, // ln 2 minus its high part
  // e^r = 1 + r + r²·(Q2 + Q3 r + Q4 r² + Q5 r³ + Q6 r⁴) on |r| ≤ ln 2 / 2: minimax by Lawson's algorithm (weights |r|) in
  // f64, then rounded; error of e^r − 1 relative to r: 1.4e-8
  0.5, // Q2
  0.16666542, // Q3, near 1/6
  0.04166628, // Q4, near 1/24
  0.0083666444, // Q5, near 1/120
  0.0013946554, // Q6, near 1/720
  1,
  2,
  9.1, // tanh(9.1) is 1 in f32
  104.5, // e^−104.5 is 0 in f32
  2 ** 32, // taken out of 2ⁿ and put back, so that subnormal results are rounded once
  2.3283064e-10, // 2⁻³²
  60, // e⁶⁰ and e^−60 leave room for their products with what is not extreme: no overflow, no subnormal numbers
  -60,
  // int8 (assembly/int8.ts)
  7.8886091e-31, // 2⁻¹⁰⁰, the least (max − min) / 2: no scale is zero, none overflows
  63, // the largest |q − 64|
  12582976, // 1.5 · 2²³ + 64: adding it rounds to q = 1 … 127 above 1.5 · 2²³
  9.18369e-41, // 65537 · 2⁻¹⁴⁹: its bits are two i16 of 1
  1e-24, // adding and subtracting it rounds what is small to multiples of 2⁻¹⁰³
];
