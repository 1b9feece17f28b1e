/**
 * Probabilities of speech, one for each frame → segments, with the thresholds and durations of the model's authors
 * (get_speech_timestamps in silero-vad): the same segments, each as soon as it is known.
 */

import { FRAME, SAMPLE_RATE } from "./detector.ts";

/** From the first sample to the one after the last. */
export interface Segment {
  readonly start: number;
  readonly end: number;
}

export interface SegmentOptions {
  /** Speech begins at this probability, and ends 0.15 below it. */
  readonly threshold?: number;
  /** Milliseconds: what is shorter is no speech. */
  readonly minSpeech?: number;
  /** Milliseconds: a shorter pause ends nothing. */
  readonly minSilence?: number;
  /** Milliseconds that are added on both sides; at most half of minSilence, so that segments never meet. */
  readonly pad?: number;
}

const HYSTERESIS = 0.15;
const LEAST = 0.01; // a threshold of 0 would never end a segment

export class Segmenter {
  readonly #begin: number;
  readonly #cease: number;
  readonly #minSpeech: number;
  readonly #minSilence: number;
  readonly #pad: number;
  #frames = 0;
  /** Where speech began. */
  #start: number | undefined;
  /** Where it perhaps ended. */
  #pause: number | undefined;

  constructor({ threshold = 0.5, minSpeech = 250, minSilence = 100, pad = 30 }: SegmentOptions = {}) {
    if (!(threshold > 0 && threshold <= 1)) throw new RangeError(`"threshold" expected 0 … 1, got ${threshold}`);
    for (const [name, value] of Object.entries({ minSpeech, minSilence, pad }))
      if (!(value >= 0)) throw new RangeError(`"${name}" expected milliseconds, got ${value}`);
    if (2 * pad > minSilence) throw new RangeError(`"pad" expected at most ${minSilence / 2} ms, got ${pad}`);
    this.#begin = threshold;
    this.#cease = Math.max(threshold - HYSTERESIS, LEAST);
    [this.#minSpeech, this.#minSilence, this.#pad] = [minSpeech, minSilence, pad].map(
      (ms) => (ms * SAMPLE_RATE) / 1000,
    );
  }

  get speaking(): boolean {
    return this.#start !== undefined;
  }

  /** Takes the next frame's probability; the segment that it ends. */
  push(probability: number): Segment | undefined {
    const now = this.#frames++ * FRAME;
    if (probability >= this.#begin) {
      this.#start ??= now;
      this.#pause = undefined;
    } else if (probability < this.#cease && this.#start !== undefined) {
      this.#pause ??= now;
      if (now - this.#pause >= this.#minSilence) return this.#close(this.#pause, now);
    }
    return undefined;
  }

  /** The segment that is open when the sound ends after so many samples. */
  end(samples: number): Segment | undefined {
    return this.#start === undefined ? undefined : this.#close(samples, samples);
  }

  #close(end: number, most: number): Segment | undefined {
    const start = this.#start as number;
    this.#start = this.#pause = undefined;
    if (end - start <= this.#minSpeech) return undefined;
    return { start: Math.max(0, Math.floor(start - this.#pad)), end: Math.floor(Math.min(most, end + this.#pad)) };
  }
}
