/** One step of the Elman cell (torch.nn.RNN): h' = φ(W x + b_ih + U h + b_hh). */

import { ACTIVATIONS, type Activation, clip } from "./activation.ts";
import { linear } from "./linear.ts";

/** G gates: 1 for the RNN, 3 for the GRU (r, z, n), 4 for the LSTM (i, f, g, o). */
export type CellWeights = readonly [
  /** (G·H, I) */
  weightIh: Float64Array,
  /** (G·H, H), or (G·H, P) under a projection */
  weightHh: Float64Array,
  /** (G·H) */
  biasIh?: Float64Array,
  /** (G·H) */
  biasHh?: Float64Array,
  /** LSTM (P, H): h' = W_hr (o ∘ h(c')) */
  weightHr?: Float64Array,
  /** LSTM (3·H), order i, f, o: i and f see the old c, o the new one */
  peephole?: Float64Array,
];

export interface CellOptions {
  /** RNN [φ], GRU [gates, candidate], LSTM [gates, candidate, output]; sigmoid for gates and tanh where absent */
  readonly activations: readonly Activation[];
  /** bound of what enters the gates and the candidate */
  readonly clip?: number;
  /** RNN: φ where `activations` has none */
  readonly nonlinearity?: "tanh" | "relu";
  /** GRU: r ∘ (U_n h + b_hn), which is so where absent; else U_n (r ∘ h) + b_hn */
  readonly resetAfter?: boolean;
  /** LSTM: f = 1 − i */
  readonly coupledInputForget?: boolean;
}

/** x (I), [h (H)] → [h' (H)] */
export function rnnStep(
  x: Float64Array,
  [h]: readonly Float64Array[],
  [weightIh, weightHh, biasIh, biasHh]: CellWeights,
  { activations, nonlinearity = "tanh", clip: bound }: CellOptions,
): Float64Array[] {
  const [phi = ACTIVATIONS[nonlinearity]] = activations;
  const wx = linear(x, weightIh, biasIh);
  const uh = linear(h, weightHh, biasHh);
  return [h.map((_, j) => phi(clip(wx[j] + uh[j], bound)))];
}
