/**
 * One step of the long short-term memory, gates i, f, g, o: torch.nn.LSTM with its projection, and the peepholes,
 * coupled gate and clip of the ONNX operator (clip bounds what enters the gates and g, not the output function).
 */

import { ACTIVATIONS, clip } from "./activation.ts";
import { linear } from "./linear.ts";
import type { CellOptions, CellWeights } from "./rnn.ts";

/** x (I), [h (H, or P under a projection), c (H)] → [h', c'] */
export function lstmStep(
  x: Float64Array,
  [h, c]: readonly Float64Array[],
  [weightIh, weightHh, biasIh, biasHh, weightHr, peephole]: CellWeights,
  { activations, coupledInputForget, clip: bound }: CellOptions,
): Float64Array[] {
  const [sigma = ACTIVATIONS.sigmoid, phi = ACTIVATIONS.tanh, psi = ACTIVATIONS.tanh] = activations;
  const H = c.length;
  const wx = linear(x, weightIh, biasIh);
  const uh = linear(h, weightHh, biasHh);
  const pre = (j: number, peep = 0) => clip(wx[j] + uh[j] + peep, bound);
  const peep = (j: number, cell: number) => (peephole ? peephole[j] * cell : 0);
  const cNext = c.map((cell, j) => {
    const i = sigma(pre(j, peep(j, cell)));
    const f = coupledInputForget ? 1 - i : sigma(pre(H + j, peep(H + j, cell)));
    const g = phi(pre(2 * H + j));
    return f * cell + i * g;
  });
  const hNext = cNext.map((cell, j) => {
    const o = sigma(pre(3 * H + j, peep(2 * H + j, cell)));
    return o * psi(cell);
  });
  return [weightHr ? linear(hNext, weightHr) : hNext, cNext];
}
