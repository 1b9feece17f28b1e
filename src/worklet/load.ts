/**
 * What the audio thread's clock said before and after each quantum → how much of its time the model takes. Audio threads have no
 * performance.now in today's browsers: Date.now is right on average over many quanta, while one quantum is known to a
 * tick (1 ms in Chromium and Firefox) only. What the clock says is boxed by engines: counting begins when somebody asks.
 */

/** Of the quanta since the last answer. */
export interface Load {
  readonly quanta: number;
  /** Quanta in which this node was at work for longer than the quantum lasts. */
  readonly missed: number;
  /** The share of the available time that the node used: 1 is all of it. */
  readonly mean: number;
  /** The share of the longest quantum, as far as the clock tells. */
  readonly max: number;
}

const { performance = Date } = globalThis as { performance?: { now(): number } };

export class LoadMeter {
  readonly #lasts: number;
  /** Quanta, missed ones, ms of all, ms of the longest, begin of this one. */
  readonly #sums = new Float64Array(5);
  #counts = false;

  /** `quantum` samples at `sampleRate` Hz. */
  constructor(quantum: number, sampleRate: number) {
    this.#lasts = (quantum / sampleRate) * 1000;
  }

  begin(): void {
    if (!this.#counts) return;
    this.#sums[4] = performance.now();
  }

  end(): void {
    if (!this.#counts) return;
    const sums = this.#sums;
    const ms = Math.max(0, performance.now() - sums[4]); // Date.now may be set back
    sums[0] += 1;
    if (ms > this.#lasts) sums[1] += 1;
    sums[2] += ms;
    if (ms > sums[3]) sums[3] = ms;
  }

  /** The load since the last answer, nothing at the first; counting begins, or begins anew. */
  take(): Load {
    this.#counts = true;
    const [quanta, missed, all, longest] = this.#sums;
    this.#sums.fill(0);
    const mean = quanta === 0 ? 0 : all / (quanta * this.#lasts);
    return { quanta, missed, mean, max: longest / this.#lasts };
  }
}
