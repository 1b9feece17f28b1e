/**
 * One step of the GRU.
 *
 *     r = σ(W_r x + b_r + U_r h)      z = σ(W_z x + b_z + U_z h)      h' = z ∘ h + (1 − z) ∘ n
 *     n = tanh(W_n x + b_in + r ∘ (U_n h + b_hn))      reset after the product (PyTorch, cuDNN, Keras ≥ 2)
 *     n = tanh(W_n x + b_n + U_n (r ∘ h))              reset before it (Cho et al. 2014, arXiv:1406.1078; ONNX default)
 *
 * Shapes   gx (count, 3·H₄) holds W·x + b of this step as r, z, n, or nothing where x is given, and is overwritten · h (count, H₄) ·
 *          U_rz (2·H₄, H), U_n (H₄, H) in panels · nRows (count, H₄) scratch
 *          (the plain form in f32 has one U (3·H₄, H) in the panels of gemmUnits)
 * Chains   U_n·h + b_hn is a chain of its own when the reset comes after; otherwise n has one chain, x before r ∘ h
 * Oracle   src/reference/gru.ts
 */

import {
  C_BIAS, C_CANDIDATE, C_CLIP, C_GATE, C_GX, C_HIDDEN, C_K, C_PLAIN, C_Q, C_W, C_X_STRIDE, GRU_BACK, GRU_BIAS_HN, GRU_N_ROWS, GRU_U_N,
  GRU_U_RZ,
} from "./abi";
import { activate, zeroPadding } from "./activation";
import { gemmUnits, gemmUnitsBoth } from "./gemm";
import { product, quantize } from "./int8";
import { blendV, decayRows, Fused, keptV, mulAdd, Rounded, sigmoidTimesV, tanhRows } from "./math";
import { paddedCount, word, wordAt } from "./rows";

export function gruStep(record: usize, gx: usize, gxStride: usize, h: usize, hStride: usize, count: usize): void {
  const hidden = word(record, C_HIDDEN);
  const padded = paddedCount(hidden);
  const bytes = padded << 2;
  const biasHn = word(record, GRU_BIAS_HN);
  const nRows = word(record, GRU_N_ROWS);
  const u = word(record, GRU_U_RZ);
  const q = word(record, C_Q);
  const plain = word(record, C_PLAIN) != 0;
  if (plain && q == 0) {
    gemmUnits(gx, gxStride, nRows, bytes, gx, gxStride, biasHn, u, h, hStride, padded, hidden, count);
    plainGates<Fused>(gx, gxStride, nRows, bytes, h, hStride, bytes, count);
    return;
  }
  if (q != 0) quantize(q, h, hStride, hidden, count);
  product(gx, gxStride, gx, gxStride, u, h, hStride, padded << 1, hidden, count, q);
  if (biasHn != 0) product(nRows, bytes, biasHn, 0, word(record, GRU_U_N), h, hStride, padded, hidden, count, q);
  if (plain) {
    plainGates<Rounded>(gx, gxStride, nRows, bytes, h, hStride, bytes, count);
    return;
  }
  const clip = load<f32>(wordAt(record, C_CLIP));
  for (let i: usize = 0; i < count; i++) {
    const row = gx + i * gxStride;
    activate(row, padded << 1, wordAt(record, C_GATE), clip);
    if (biasHn != 0) addResetProduct(row, nRows + i * bytes, bytes);
    else resetState(row, nRows + i * bytes, h + i * hStride, bytes);
  }
  const n = gx + (bytes << 1);
  if (biasHn == 0) {
    if (q != 0) quantize(q, nRows, bytes, hidden, count);
    product(n, gxStride, n, gxStride, word(record, GRU_U_N), nRows, bytes, padded, hidden, count, q);
  }
  for (let i: usize = 0; i < count; i++) {
    activate(n + i * gxStride, padded, wordAt(record, C_CANDIDATE), clip);
    blend(gx + i * gxStride, h + i * hStride, bytes);
    zeroPadding(h + i * hStride, hidden);
  }
}

/**
 * A step of the plain form in f32 of one row, W·x and U·h in one pass. `turn`: every other step walks the panels back, so that of
 * matrices somewhat larger than the second cache each step finds there what the step before it read last.
 */
export function gruAlone(record: usize, x: usize, h: usize, turn: bool): void {
  const bytes = unitsBytes(record);
  const gx = word(record, C_GX);
  const nRow = word(record, GRU_N_ROWS);
  const back = turn && word(record, GRU_BACK) == 0;
  if (turn) store<u32>(record + GRU_BACK * 4, back);
  bothProducts(record, x, h, gx, nRow, bytes, back);
  plainGates<Fused>(gx, 0, nRow, 0, h, 0, bytes, 1);
}

/** The same of `count` rows. */
export function gruTogether(record: usize, x: usize, gx: usize, gxStride: usize, h: usize, hStride: usize, count: usize): void {
  const bytes = unitsBytes(record);
  const nRows = word(record, GRU_N_ROWS);
  const xStride = word(record, C_X_STRIDE);
  for (let i: usize = 0; i < count; i++) {
    bothProducts(record, x + i * xStride, h + i * hStride, gx + i * gxStride, nRows + i * bytes, bytes, false);
  }
  plainGates<Fused>(gx, gxStride, nRows, bytes, h, hStride, bytes, count);
}

// @ts-ignore: decorator
@inline
function unitsBytes(record: usize): usize {
  return paddedCount(word(record, C_HIDDEN)) << 2;
}

// @ts-ignore: decorator
@inline
function bothProducts(record: usize, x: usize, h: usize, gx: usize, nRow: usize, bytes: usize, back: bool): void {
  gemmUnitsBoth(
    gx, nRow, word(record, C_BIAS), word(record, GRU_BIAS_HN), word(record, C_W), x, word(record, C_K), word(record, GRU_U_RZ), h,
    bytes >> 2, word(record, C_HIDDEN), back,
  );
}

/** The gate passes: gates (b + W·x, in r and z + U·h) and U_n·h + b_hn → h, of all rows. gates and nHidden are overwritten. */
function plainGates<T>(
  gates: usize, stride: usize, nHidden: usize, nStride: usize, h: usize, hStride: usize, bytes: usize, count: usize,
): void {
  const z = gates + bytes;
  const n = z + bytes;
  decayRows(gates, stride, bytes << 1, count, isFloat<T>());
  for (let row: usize = 0; row < count; row++) {
    const at = row * stride;
    const nRow = nHidden + row * nStride;
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(n + at + i, f32x4.add(v128.load(n + at + i), sigmoidTimesV(v128.load(gates + at + i), v128.load(nRow + i))));
    }
  }
  tanhRows(n, stride, nHidden, nStride, n, stride, bytes, count, isFloat<T>());
  for (let row: usize = 0; row < count; row++) {
    const at = row * stride;
    const nRow = nHidden + row * nStride;
    const hRow = h + row * hStride;
    for (let i: usize = 0; i < bytes; i += 16) {
      const blended = blendV<T>(v128.load(z + at + i), v128.load(n + at + i), v128.load(nRow + i), v128.load(hRow + i));
      v128.store(hRow + i, keptV(blended));
    }
  }
}

/** n ← n + r ∘ (U_n·h + b_hn). */
function addResetProduct(gates: usize, nHidden: usize, bytes: usize): void {
  const n = gates + (bytes << 1);
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(n + i, mulAdd(v128.load(gates + i), v128.load(nHidden + i), v128.load(n + i)));
  }
}

/** into ← r ∘ h. */
function resetState(gates: usize, into: usize, h: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(into + i, f32x4.mul(v128.load(gates + i), v128.load(h + i)));
  }
}

/** h ← n + z ∘ (h − n). */
function blend(gates: usize, h: usize, bytes: usize): void {
  const z = gates + bytes;
  const n = z + bytes;
  for (let i: usize = 0; i < bytes; i += 16) {
    const nv = v128.load(n + i);
    v128.store(h + i, mulAdd(v128.load(z + i), f32x4.sub(v128.load(h + i), nv), nv));
  }
}
