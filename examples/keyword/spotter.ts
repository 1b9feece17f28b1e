/**
 * Samples at 16 kHz → the word of the last second: MFCC as TensorFlow's operators have it, a GRU over the frames of that second
 * from its initial state on, softmax.
 */

import { MEL_TENSORFLOW_OP, Mfcc, Stft } from "sluice/audio";
import type { Session } from "sluice/npz";
import { COEFFICIENTS, LABELS } from "./model.ts";

/** Hz. */
export const RATE = 16000;

const FRAME = 640; // 40 ms

export interface SpotterOptions {
  /** Samples from one frame to the next, as the model was trained: 640, or 320. */
  readonly stride: number;
}

export class Spotter {
  /** Samples that a step takes. */
  readonly hop: number;
  /** Of each of LABELS, after a step that gave true. */
  readonly probabilities = new Float32Array(LABELS.length);
  /** (frames, COEFFICIENTS): those of the last second, the newest last. */
  readonly features: Float32Array;
  readonly #stream: ReturnType<Session["stream"]>;
  readonly #stft: Stft;
  readonly #mfcc: Mfcc;
  readonly #spectrum: Float32Array;
  readonly #frame = new Float32Array(COEFFICIENTS);
  readonly #logits: Float32Array;
  /** Samples so far, up to a second. */
  #samples = 0;
  #said: number | undefined;

  constructor(session: Session, { stride }: SpotterOptions) {
    this.hop = stride;
    this.#stream = session.stream();
    this.#stft = new Stft({ frame: FRAME, hop: stride, fftSize: 1024 });
    this.#mfcc = new Mfcc({
      ...MEL_TENSORFLOW_OP,
      sampleRate: RATE,
      fftSize: 1024,
      low: 20,
      high: 4000,
      coefficients: COEFFICIENTS,
    });
    const frames = Math.floor((RATE - FRAME) / stride) + 1;
    this.#spectrum = new Float32Array(this.#stft.spectrumLength);
    this.features = new Float32Array(frames * COEFFICIENTS);
    this.#logits = new Float32Array(frames * LABELS.length);
  }

  /** Takes `hop` samples. True when a second has come, so that `probabilities` are those of the last one. */
  step(x: Float32Array): boolean {
    const { features, probabilities } = this;
    this.#samples = Math.min(RATE, this.#samples + x.length);
    this.#stft.step(x, this.#spectrum);
    features.copyWithin(0, COEFFICIENTS);
    features.set(this.#mfcc.step(this.#spectrum, this.#frame), features.length - COEFFICIENTS);
    if (this.#samples < RATE) return false;
    this.#stream.reset();
    this.#stream.run(features, this.#logits);
    const last = this.#logits.length - LABELS.length;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < LABELS.length; i++) most = Math.max(most, this.#logits[last + i]);
    let sum = 0;
    for (let i = 0; i < LABELS.length; i++) sum += probabilities[i] = Math.exp(this.#logits[last + i] - most);
    for (let i = 0; i < LABELS.length; i++) probabilities[i] /= sum;
    return true;
  }

  /** The index in LABELS of the most probable one. */
  get best(): number {
    let best = 0;
    for (let i = 1; i < LABELS.length; i++) if (this.probabilities[i] > this.probabilities[best]) best = i;
    return best;
  }

  /** The index in LABELS of what is more probable than `threshold`, said once: until something else is. */
  heard(threshold: number): number | undefined {
    const { best } = this;
    if (best === this.#said || this.probabilities[best] < threshold) return undefined;
    this.#said = best;
    return best;
  }

  /** Back to silence. */
  reset(): void {
    this.#samples = 0;
    this.#said = undefined;
    this.#stft.reset();
  }
}
