/**
 * A recurrence at a higher rate than it was trained at: each step takes the state of one trained step ago instead of the last
 * one, h[n] = f(x[n], h[n − d]) with d = rate / trained rate, linear between whole steps. With a whole d these are d interleaved
 * copies of the model, exact on every d-th sample.
 *
 * Source   RTNeural's sample-rate correction; A. Carson, A. Wright, J. Chowdhury, V. Välimäki, S. Bilbao, "Sample rate
 *          independent recurrent neural networks for audio effects processing" (DAFx 2024)
 */

export class StateDelay {
  /** All states of a member, where the kernels keep them. */
  readonly #state: Float32Array;
  /** Past states, one row for each step; the oldest is overwritten next. */
  readonly #past: Float32Array;
  readonly #rows: number;
  readonly #fraction: number;
  #next = 0;

  constructor(state: Float32Array, delay: number) {
    this.#state = state;
    this.#rows = Math.ceil(delay);
    this.#fraction = delay - Math.floor(delay);
    this.#past = new Float32Array(this.#rows * state.length);
    this.reset();
  }

  /** As if the state had always been what it is now. */
  reset(): void {
    for (let r = 0; r < this.#rows; r++) this.#past.set(this.#state, r * this.#state.length);
  }

  /** After a step: stores the state it made and replaces it by the one that the next step starts from. */
  advance(): void {
    const state = this.#state;
    const past = this.#past;
    const { length } = state;
    past.set(state, this.#next * length);
    this.#next = (this.#next + 1) % this.#rows;
    // Of rows ≥ 2 the next one to be overwritten is the oldest, ⌈d⌉ steps before the coming one; the one after it is ⌊d⌋ before.
    const old = this.#next * length;
    const young = this.#fraction === 0 ? old : ((this.#next + 1) % this.#rows) * length;
    const f = this.#fraction;
    for (let i = 0; i < length; i++) state[i] = (1 - f) * past[young + i] + f * past[old + i];
  }
}
