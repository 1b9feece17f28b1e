/**
 * One step of the gated recurrent unit, gates r, z, n. resetAfter: torch.nn.GRU, cuDNN, ONNX linear_before_reset = 1.
 * Else as first published (Cho et al. 2014, arXiv:1406.1078), the ONNX default.
 */

import { ACTIVATIONS, clip } from "./activation.ts";
import { linear } from "./linear.ts";
import type { CellOptions, CellWeights } from "./rnn.ts";

export interface GruOptions extends CellOptions {
  /** r ∘ (U_n h + b_hn), which is so where absent; else U_n (r ∘ h) + b_hn */
  readonly resetAfter?: boolean;
}

/** x (I), h (H) → h' (H) */
export function gruStep(
  x: Float64Array,
  h: Float64Array,
  weights: CellWeights,
  options: GruOptions = {},
): Float64Array {
  const { weightIh, weightHh, biasIh, biasHh } = weights;
  const { resetAfter = true, activations = [] } = options;
  const [sigma = ACTIVATIONS.sigmoid, phi = ACTIVATIONS.tanh] = activations;
  const H = h.length;
  const wx = linear(x, weightIh, biasIh);
  const uh = linear(h, weightHh, biasHh);
  const r = h.map((_, j) => sigma(clip(wx[j] + uh[j], options.clip)));
  const z = h.map((_, j) => sigma(clip(wx[H + j] + uh[H + j], options.clip)));
  const rh = r.map((_, j) => r[j] * h[j]);
  const un = resetAfter
    ? r.map((_, j) => r[j] * uh[2 * H + j])
    : linear(rh, weightHh.subarray(2 * H * H), biasHh?.subarray(2 * H));
  const n = h.map((_, j) => phi(clip(wx[2 * H + j] + un[j], options.clip)));
  return h.map((_, j) => z[j] * h[j] + (1 - z[j]) * n[j]);
}
