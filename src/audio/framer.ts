/** Samples in pieces of any length → frames of one length, a hop apart. */

import { checkInteger, checkSamples, type Samples } from "./arguments.ts";

export interface FramerOptions {
  /** New samples in a frame. */
  readonly frame: number;
  /** Samples from one frame to the next; above `frame`, samples between them are dropped. Default: `frame`. */
  readonly hop?: number;
  /** Samples before the `frame` ones, repeated in front of them; before the first sample there was silence. Default: 0. */
  readonly context?: number;
  /** The most samples that one `write` takes. Default: 4096. */
  readonly maxInput?: number;
}

/**
 * Frames of `context` + `frame` samples: frame i ends with sample i·hop + frame − 1.
 *
 * Latency  a frame is there as soon as its last sample is
 * Cost     no allocation in `write` and `read`
 *
 * @throws {@link RangeError} `"x" expected at most 4096 samples, got 5000`
 * @example
 * const framer = new Framer({ frame: 512, context: 64 });
 * const frame = new Float32Array(framer.frameLength);
 * framer.write(new Float32Array(1024));
 * while (framer.read(frame)) console.log(frame.length); // 576
 */
export class Framer {
  /** Length of what `read` gives: context + frame. */
  readonly frameLength: number;
  readonly hop: number;
  readonly maxInput: number;
  readonly #context: number;
  /** [0, #end): samples that are still of use. */
  readonly #samples: Float64Array;
  #end: number;
  /** Samples of a hop above the frame that are yet to come, and are dropped. */
  #skip = 0;

  constructor({ frame, hop = frame, context = 0, maxInput = 4096 }: FramerOptions) {
    checkInteger("frame", frame, 1, 2 ** 20);
    checkInteger("hop", hop, 1, 2 ** 20);
    checkInteger("context", context, 0, 2 ** 20);
    checkInteger("maxInput", maxInput, 1, 2 ** 24);
    this.frameLength = context + frame;
    this.hop = hop;
    this.maxInput = maxInput;
    this.#context = context;
    this.#samples = new Float64Array(this.frameLength - 1 + maxInput);
    this.#end = context;
  }

  /**
   * Takes samples.
   * @throws {@link RangeError} `"x" expected every frame read before more is written`
   */
  write(x: Samples): void {
    checkSamples("x", x);
    if (x.length > this.maxInput) {
      throw new RangeError(`"x" expected at most ${this.maxInput} samples, got ${x.length}`);
    }
    if (this.#end >= this.frameLength) throw new RangeError('"x" expected every frame read before more is written');
    const skipped = Math.min(this.#skip, x.length);
    this.#skip -= skipped;
    const count = x.length - skipped;
    for (let i = 0; i < count; i++) this.#samples[this.#end + i] = x[skipped + i];
    this.#end += count;
  }

  /** Copies the next frame, if its samples are there, and says whether they were. */
  read(frame: Samples): boolean {
    const { frameLength, hop } = this;
    checkSamples("frame", frame, frameLength);
    if (this.#end < frameLength) return false;
    const samples = this.#samples;
    for (let i = 0; i < frameLength; i++) frame[i] = samples[i];
    const gone = Math.min(hop, this.#end);
    samples.copyWithin(0, gone, this.#end);
    this.#end -= gone;
    this.#skip = hop - gone;
    return true;
  }

  /** Back to silence. */
  reset(): void {
    this.#samples.fill(0, 0, this.#context);
    this.#end = this.#context;
    this.#skip = 0;
  }
}
