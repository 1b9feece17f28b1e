/**
 * One step of the long short-term memory, gates i, f, g, o: torch.nn.LSTM with its projection, and the peepholes,
 * coupled gate and clip of the ONNX operator (clip bounds what enters the gates and g, not the output function).
 */

import { ACTIVATIONS, clip } from "./activation.ts";
import { linear } from "./linear.ts";
import type { CellOptions, CellWeights } from "./rnn.ts";

export interface LstmWeights extends CellWeights {
  /** (P, H): h' = W_hr (o ∘ h(c')) */
  readonly weightHr?: Float64Array;
  /** (3·H), order i, f, o: i and f see the old c, o the new one */
  readonly peephole?: Float64Array;
}

export interface LstmState {
  /** (H), or (P) under a projection */
  readonly h: Float64Array;
  /** (H) */
  readonly c: Float64Array;
}

export interface LstmOptions extends CellOptions {
  /** f = 1 − i */
  readonly coupledInputForget?: boolean;
}

/** x (I), state → state' */
export function lstmStep(
  x: Float64Array,
  { h, c }: LstmState,
  weights: LstmWeights,
  options: LstmOptions = {},
): LstmState {
  const { weightIh, weightHh, biasIh, biasHh, weightHr, peephole } = weights;
  const [sigma = ACTIVATIONS.sigmoid, phi = ACTIVATIONS.tanh, psi = ACTIVATIONS.tanh] = options.activations ?? [];
  const H = c.length;
  const wx = linear(x, weightIh, biasIh);
  const uh = linear(h, weightHh, biasHh);
  const pre = (j: number) => wx[j] + uh[j];
  const peep = (j: number, cell: number) => (peephole ? peephole[j] * cell : 0);
  const cNext = new Float64Array(H);
  const hNext = new Float64Array(H);
  for (let j = 0; j < H; j++) {
    const i = sigma(clip(pre(j) + peep(j, c[j]), options.clip));
    const f = options.coupledInputForget ? 1 - i : sigma(clip(pre(H + j) + peep(H + j, c[j]), options.clip));
    const g = phi(clip(pre(2 * H + j), options.clip));
    cNext[j] = f * c[j] + i * g;
    const o = sigma(clip(pre(3 * H + j) + peep(2 * H + j, cNext[j]), options.clip));
    hNext[j] = o * psi(cNext[j]);
  }
  return { h: weightHr ? linear(hNext, weightHr) : hNext, c: cNext };
}
