/** A recurrent layer over an axis of its own input: x (T, B, I), states (layers · directions, B, H) → y (T, B, D · H) and the last states. */

import type { CellOptions, CellWeights, rnnStep } from "../rnn.ts";

export interface ScanLayer {
  readonly weights: CellWeights;
  readonly options: CellOptions;
  readonly backwards: boolean;
}

/**
 * @param layers - [layer][direction]
 * @param states - h, and c of an LSTM: rows of B · size numbers for each layer and direction
 */
export function scan(
  step: typeof rnnStep,
  layers: readonly (readonly ScanLayer[])[],
  x: Float64Array,
  [T, B]: readonly number[],
  states: readonly Float64Array[],
): Float64Array[] {
  const last = states.map((state) => state.slice());
  const directions = layers[0].length;
  let xs = x;
  layers.forEach((layer, l) => {
    const inputs = xs.length / (T * B);
    const widths = states.map((state) => state.length / (B * layers.length * directions));
    const ys = new Float64Array(T * B * directions * widths[0]);
    layer.forEach(({ weights, options, backwards }, d) => {
      for (let b = 0; b < B; b++) {
        const places = widths.map((width) => ((l * directions + d) * B + b) * width);
        let state: Float64Array[] = last.map((all, i) => all.slice(places[i], places[i] + widths[i]));
        for (let s = 0; s < T; s++) {
          const t = backwards ? T - 1 - s : s;
          state = step(xs.subarray((t * B + b) * inputs, (t * B + b + 1) * inputs), state, weights, options);
          ys.set(state[0], ((t * B + b) * directions + d) * widths[0]);
        }
        for (const [i, all] of last.entries()) all.set(state[i], places[i]);
      }
    });
    xs = ys;
  });
  return [xs, ...last];
}
