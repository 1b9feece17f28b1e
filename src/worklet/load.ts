/**
 * The audio thread's clock before and after each quantum → how much of its time the model takes. Today's browsers have no
 * performance.now on audio threads: Date.now is right on average over many quanta, but resolves a single one only to its
 * tick (1 ms in Chromium and Firefox). Engines box what a clock returns, which is garbage: nothing is read until somebody asks.
 */

/** Of the quanta since the last answer. */
export interface Load {
  readonly quanta: number;
  /** Quanta in which this node was at work for longer than the quantum lasts, by this clock: none of them was in time. */
  readonly missed: number;
  /** The share of the available time that the node used: 1 is all of it. */
  readonly mean: number;
  /** The share of the longest quantum, as far as the clock tells. */
  readonly max: number;
}

const { performance = Date } = globalThis as { performance?: { now(): number } };

export class LoadMeter {
  readonly #quantumMs: number;
  /** Quanta, missed ones, ms of all, ms of the longest, start of this one. */
  readonly #sums = new Float64Array(5);
  #counting = false;

  /** `quantum` samples at `sampleRate` Hz. */
  constructor(quantum: number, sampleRate: number) {
    this.#quantumMs = (quantum / sampleRate) * 1000;
  }

  begin(): void {
    if (!this.#counting) return;
    this.#sums[4] = performance.now();
  }

  end(): void {
    if (!this.#counting) return;
    const sums = this.#sums;
    const ms = Math.max(0, performance.now() - sums[4]); // Date.now may be set back
    sums[0] += 1;
    if (ms > this.#quantumMs) sums[1] += 1;
    sums[2] += ms;
    if (ms > sums[3]) sums[3] = ms;
  }

  /** The load since the last call; the first one starts the count. */
  take(): Load {
    this.#counting = true;
    const [quanta, missed, all, longest] = this.#sums;
    this.#sums.fill(0);
    const mean = quanta === 0 ? 0 : all / (quanta * this.#quantumMs);
    return { quanta, missed, mean, max: longest / this.#quantumMs };
  }
}
