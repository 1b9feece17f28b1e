/** Samples at 16 kHz, in pieces of any length → the probability of speech in every 32 ms. */

import type { Session, Stream } from "sluice/onnx";

/** Hz. */
export const SAMPLE_RATE = 16000;
/** Samples that a probability is of. */
export const FRAME = 512;
/** Samples of the frame before, which the model sees too. */
const CONTEXT = 64;

/** What to read the model with: the state is paired by its name, and the sample rate chooses a branch while it is read. */
export const READ = { shapes: { input: [1, CONTEXT + FRAME] }, constants: { sr: SAMPLE_RATE } };

export class Detector {
  readonly #stream: Stream;
  readonly #input = new Float32Array(CONTEXT + FRAME);
  readonly #output = new Float32Array(1);
  /** Samples of the frame that have come. */
  #filled = 0;

  constructor(session: Session) {
    this.#stream = session.stream();
  }

  /** The probability of each frame that these samples complete. */
  *push(samples: Float32Array): Generator<number, void> {
    for (let at = 0; at < samples.length; ) {
      const part = samples.subarray(at, at + FRAME - this.#filled);
      this.#input.set(part, CONTEXT + this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === FRAME) yield this.#step();
    }
  }

  /** The probability of the last frame, where one has begun: silence follows. */
  *end(): Generator<number, void> {
    if (this.#filled > 0) yield* this.push(new Float32Array(FRAME - this.#filled));
  }

  #step(): number {
    this.#stream.step(this.#input, this.#output);
    this.#input.copyWithin(0, FRAME);
    this.#filled = 0;
    return this.#output[0];
  }
}
