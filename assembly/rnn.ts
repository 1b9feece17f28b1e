/**
 * One step of the vanilla RNN: h' = φ(W·x + b + U·h).
 *
 * Shapes   gx (count, H₄) holds W·x + b of this step, or nothing where x is given (sums.ts), and is overwritten · h (count, H₄) · U (H₄, H) in panels
 * Oracle   src/reference/rnn.ts
 */

import { C_CANDIDATE, C_CLIP, C_HIDDEN, C_Q, RNN_U } from "./abi";
import { activate, zeroPadding } from "./activation";
import { quantize } from "./int8";
import { copyVectors, paddedCount, word, wordAt } from "./rows";
import { gateSums } from "./sums";

export function rnnStep(record: usize, x: usize, gx: usize, gxStride: usize, h: usize, hStride: usize, count: usize): void {
  const hidden = word(record, C_HIDDEN);
  const padded = paddedCount(hidden);
  const q = word(record, C_Q);
  if (q != 0) quantize(q, h, hStride, hidden, count);
  gateSums(record, x, gx, gxStride, word(record, RNN_U), h, hStride, padded, hidden, count, q);
  const clip = load<f32>(wordAt(record, C_CLIP));
  for (let i: usize = 0; i < count; i++) {
    activate(gx, padded, wordAt(record, C_CANDIDATE), clip);
    zeroPadding(gx, hidden);
    copyVectors(h, gx, padded << 2);
    gx += gxStride;
    h += hStride;
  }
}
