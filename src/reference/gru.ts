/**
 * One step of the gated recurrent unit, gates r, z, n. resetAfter: torch.nn.GRU, cuDNN, ONNX linear_before_reset = 1.
 * Else as first published (Cho et al. 2014, arXiv:1406.1078), the ONNX default.
 */

import { ACTIVATIONS, clip } from "./activation.ts";
import { linear } from "./linear.ts";
import type { CellOptions, CellWeights } from "./rnn.ts";

/** x (I), [h (H)] → [h' (H)] */
export function gruStep(
  x: Float64Array,
  [h]: readonly Float64Array[],
  [weightIh, weightHh, biasIh, biasHh]: CellWeights,
  { activations, resetAfter = true, clip: bound }: CellOptions,
): Float64Array[] {
  const [sigma = ACTIVATIONS.sigmoid, phi = ACTIVATIONS.tanh] = activations;
  const H = h.length;
  const wx = linear(x, weightIh, biasIh);
  const uh = linear(h, weightHh, biasHh);
  const [r, z] = [0, H].map((gate) => h.map((_, j) => sigma(clip(wx[gate + j] + uh[gate + j], bound))));
  const reset = (v: Float64Array) => v.map((_, j) => r[j] * v[j]);
  const un = resetAfter
    ? reset(uh.subarray(2 * H))
    : linear(reset(h), weightHh.subarray(2 * H * H), biasHh?.subarray(2 * H));
  const n = un.map((_, j) => phi(clip(wx[2 * H + j] + un[j], bound)));
  return [h.map((_, j) => z[j] * h[j] + (1 - z[j]) * n[j])];
}
