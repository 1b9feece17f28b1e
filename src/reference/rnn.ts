/** One step of the Elman cell (torch.nn.RNN): h' = φ(W x + b_ih + U h + b_hh). */

import { ACTIVATIONS, type Activation, clip } from "./activation.ts";
import { linear } from "./linear.ts";

/** G gates: 1 for the RNN, 3 for the GRU (r, z, n), 4 for the LSTM (i, f, g, o). */
export interface CellWeights {
  /** (G·H, I) */
  readonly weightIh: Float64Array;
  /** (G·H, H), or (G·H, P) under a projection */
  readonly weightHh: Float64Array;
  /** (G·H) */
  readonly biasIh?: Float64Array;
  /** (G·H) */
  readonly biasHh?: Float64Array;
}

export interface CellOptions {
  /** RNN [φ], GRU [gates, candidate], LSTM [gates, candidate, output]; sigmoid for gates and tanh where absent */
  readonly activations?: readonly Activation[];
  /** bound of what enters the gates and the candidate */
  readonly clip?: number;
}

/** x (I), h (H) → h' (H) */
export function rnnStep(
  x: Float64Array,
  h: Float64Array,
  weights: CellWeights,
  options: CellOptions = {},
): Float64Array {
  const [phi = ACTIVATIONS.tanh] = options.activations ?? [];
  const wx = linear(x, weights.weightIh, weights.biasIh);
  const uh = linear(h, weights.weightHh, weights.biasHh);
  return wx.map((_, j) => phi(clip(wx[j] + uh[j], options.clip)));
}
