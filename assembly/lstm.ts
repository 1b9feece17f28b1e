/**
 * One step of the LSTM, with what files in the wild add to it.
 *
 *     i, f, o = σ(W x + b + U h [+ p ∘ c])      g = tanh(W_g x + b_g + U_g h)      [f = 1 − i]
 *     c' = f ∘ c + i ∘ g      h' = o ∘ tanh(c')      [h' = W_hr h']
 *
 * In brackets: peepholes (Gers and Schmidhuber 2000; o looks at c'), coupled input and forget gates (Greff et al. 2017,
 * arXiv:1503.04069), projection (Sak et al. 2014, arXiv:1402.1128).
 *
 * Shapes   gx (count, 4·H₄) holds W·x + b of this step as i, f, o, g, or nothing where x is given (sums.ts), and is overwritten ·
 *          h (count, H₄ or P₄) · c (count, H₄) · U (4·H₄, H or P) and W_hr (P₄, H) in panels · mRows (count, H₄) scratch
 * Oracle   src/reference/lstm.ts
 */

import {
  C_CANDIDATE, C_CLIP, C_GATE, C_HIDDEN, C_OUTPUT, C_PLAIN, C_Q, C_WIDTH, LSTM_COUPLED, LSTM_M_ROWS, LSTM_PEEPHOLE,
  LSTM_PROJECTION, LSTM_U, LSTM_ZEROS,
} from "./abi";
import { activate, zeroPadding } from "./activation";
import { product, quantize } from "./int8";
import { decayRows, keptV, mulAdd, sigmoidTanhV, sigmoidTimesV, tanhRows } from "./math";
import { copyVectors, paddedCount, word, wordAt } from "./rows";
import { gateSums } from "./sums";

export function lstmStep(
  record: usize, x: usize, gx: usize, gxStride: usize, h: usize, hStride: usize, c: usize, cStride: usize, count: usize,
): void {
  const hidden = word(record, C_HIDDEN);
  const width = word(record, C_WIDTH);
  const padded = paddedCount(hidden);
  const bytes = padded << 2;
  const projection = word(record, LSTM_PROJECTION);
  const q = word(record, C_Q);
  if (q != 0) quantize(q, h, hStride, width, count);
  gateSums(record, x, gx, gxStride, word(record, LSTM_U), h, hStride, padded << 2, width, count, q);
  const m = projection != 0 ? word(record, LSTM_M_ROWS) : h;
  const mStride = projection != 0 ? bytes : hStride;
  const plain = word(record, C_PLAIN) != 0;
  if (plain) plainGates(gx, gxStride, c, cStride, m, mStride, bytes, count, q == 0);
  else {
    for (let i: usize = 0; i < count; i++) gates(record, gx + i * gxStride, c + i * cStride, m + i * mStride, hidden, bytes);
  }
  if (projection != 0) {
    const rows = paddedCount(width);
    if (q != 0) quantize(q, m, mStride, hidden, count);
    product(h, hStride, word(record, LSTM_ZEROS), 0, projection, m, mStride, rows, hidden, count, q);
  }
}

/** The gate passes: i, f, o, g and c → c and o ∘ tanh(c), of all rows. */
function plainGates(
  i: usize, stride: usize, c: usize, cStride: usize, m: usize, mStride: usize, bytes: usize, count: usize, fused: bool,
): void {
  const f = i + bytes;
  const o = f + bytes;
  const g = o + bytes;
  decayRows(i, stride, bytes * 3, count, fused);
  tanhRows(g, stride, m, mStride, g, stride, bytes, count, fused);
  for (let row: usize = 0; row < count; row++) {
    const at = row * stride;
    const cRow = c + row * cStride;
    const mRow = m + row * mStride;
    for (let k: usize = 0; k < bytes; k += 16) {
      const input = sigmoidTanhV(v128.load(i + at + k), v128.load(g + at + k), v128.load(mRow + k));
      v128.store(cRow + k, keptV(f32x4.add(sigmoidTimesV(v128.load(f + at + k), v128.load(cRow + k)), input)));
    }
  }
  tanhRows(m, mStride, g, stride, c, cStride, bytes, count, fused);
  for (let row: usize = 0; row < count; row++) {
    const at = row * stride;
    const mRow = m + row * mStride;
    for (let k: usize = 0; k < bytes; k += 16) {
      v128.store(mRow + k, sigmoidTanhV(v128.load(o + at + k), v128.load(mRow + k), v128.load(g + at + k)));
    }
  }
}

/** The general form: any functions, peepholes, coupled gates, clip. */
function gates(record: usize, i: usize, c: usize, m: usize, hidden: usize, bytes: usize): void {
  const padded = bytes >> 2;
  const f = i + bytes;
  const o = f + bytes;
  const g = o + bytes;
  const peephole = word(record, LSTM_PEEPHOLE);
  const clip = load<f32>(wordAt(record, C_CLIP));
  const gate = wordAt(record, C_GATE);
  if (peephole != 0) {
    addProduct(i, peephole, c, bytes);
    addProduct(f, peephole + bytes, c, bytes);
  }
  activate(i, padded, gate, clip);
  if (word(record, LSTM_COUPLED)) complement(f, i, bytes);
  else activate(f, padded, gate, clip);
  activate(g, padded, wordAt(record, C_CANDIDATE), clip);
  for (let k: usize = 0; k < bytes; k += 16) {
    const input = f32x4.mul(v128.load(i + k), v128.load(g + k));
    v128.store(c + k, mulAdd(v128.load(f + k), v128.load(c + k), input));
  }
  zeroPadding(c, hidden);
  if (peephole != 0) addProduct(o, peephole + (bytes << 1), c, bytes);
  activate(o, padded, gate, clip);
  copyVectors(m, c, bytes);
  activate(m, padded, wordAt(record, C_OUTPUT), Infinity);
  for (let k: usize = 0; k < bytes; k += 16) v128.store(m + k, f32x4.mul(v128.load(o + k), v128.load(m + k)));
  zeroPadding(m, hidden);
}

/** y ← y + a ∘ b. */
function addProduct(y: usize, a: usize, b: usize, bytes: usize): void {
  for (let k: usize = 0; k < bytes; k += 16) {
    v128.store(y + k, mulAdd(v128.load(a + k), v128.load(b + k), v128.load(y + k)));
  }
}

/** y ← 1 − x. */
function complement(y: usize, x: usize, bytes: usize): void {
  for (let k: usize = 0; k < bytes; k += 16) v128.store(y + k, f32x4.sub(f32x4.splat(1), v128.load(x + k)));
}
