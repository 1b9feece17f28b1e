/**
 * Hops of samples → spectra of the frames that end with them → hops of samples again, one hop a step. Allen and Rabiner 1977
 * (analysis), Griffin and Lim 1984, eq. 6 (synthesis: overlap-add, weighted so that unchanged spectra give the samples back).
 */

import { checkInteger, checkSamples, type Samples } from "./arguments.ts";
import { RealFft } from "./fft.ts";
import { type WindowName, windowOf } from "./window.ts";

export interface StftOptions {
  /** Samples in a frame. */
  readonly frame: number;
  /** Samples from one frame to the next, at most `frame`. Default: half a frame. */
  readonly hop?: number;
  /** Size of the transform; zeros follow a shorter frame, as in tf.signal.stft. Default: `frame`. */
  readonly fftSize?: number;
  /** A name, or `frame` weights. Default: "hann". */
  readonly window?: WindowName | Samples;
}

interface Parts {
  readonly frame: number;
  readonly hop: number;
  readonly window: Float64Array;
  readonly fft: RealFft;
}

function partsOf({ frame, hop, fftSize = frame, window = "hann" }: StftOptions): Parts {
  checkInteger("frame", frame, 2, 2 ** 20);
  const step = hop ?? frame >> 1;
  checkInteger("hop", step, 1, frame);
  checkInteger("fftSize", fftSize, frame, 2 ** 20);
  return { frame, hop: step, window: windowOf(window, frame), fft: new RealFft(fftSize) };
}

/**
 * The short-time Fourier transform of a signal that comes hop by hop. Before the first hop there was silence.
 *
 * Shapes   x (hop) → spectrum (fftSize + 2): real and imaginary part of each bin, in turn
 * Cost     no allocation in `step`
 *
 * @throws {@link RangeError} `"hop" expected an integer from 1 to 512, got 600`
 * @example
 * const stft = new Stft({ frame: 512, hop: 256, window: "sqrt-hann" });
 * const spectrum = stft.step(new Float32Array(256), new Float32Array(stft.spectrumLength));
 */
export class Stft {
  readonly frame: number;
  readonly hop: number;
  readonly spectrumLength: number;
  readonly #window: Float64Array;
  readonly #fft: RealFft;
  /** The last `frame` samples. */
  readonly #past: Float64Array;
  readonly #buffer: Float64Array;

  constructor(options: StftOptions) {
    const { frame, hop, window, fft } = partsOf(options);
    this.frame = frame;
    this.hop = hop;
    this.spectrumLength = fft.spectrumLength;
    this.#window = window;
    this.#fft = fft;
    this.#past = new Float64Array(frame);
    this.#buffer = new Float64Array(fft.size);
  }

  /** Takes the next hop of samples and gives the spectrum of the frame that ends with them. Returns `spectrum`. */
  step<S extends Samples>(x: Samples, spectrum: S): S {
    checkSamples("x", x, this.hop);
    checkSamples("spectrum", spectrum, this.spectrumLength);
    const past = this.#past;
    past.copyWithin(0, this.hop);
    past.set(x, this.frame - this.hop);
    for (let n = 0; n < this.frame; n++) this.#buffer[n] = past[n] * this.#window[n];
    return this.#fft.forward(this.#buffer, spectrum);
  }

  /** Back to silence. */
  reset(): void {
    this.#past.fill(0);
  }
}

/**
 * The inverse of {@link Stft} with the same options: y[t] = x[t − latencySamples] where the spectra are not changed.
 *
 * Shapes   spectrum (fftSize + 2) → y (hop)
 * Latency  frame − hop samples: what a step gives began as many samples before what the same step took
 * Cost     no allocation in `step`
 *
 * @throws {@link RangeError} `"window" expected weights whose squares have a sum above 1e-8 at every sample of a hop, got 0
 *   at 3`
 * @example
 * const istft = new Istft({ frame: 512, hop: 256, window: "sqrt-hann" });
 * const samples = istft.step(new Float32Array(514), new Float32Array(256));
 */
export class Istft {
  readonly frame: number;
  readonly hop: number;
  readonly spectrumLength: number;
  readonly latencySamples: number;
  /** Weight of each sample of a frame: window / Σ window² over the frames that share it. */
  readonly #weights: Float64Array;
  readonly #fft: RealFft;
  /** What the frames so far add to the samples that are not yet given. */
  readonly #sum: Float64Array;
  readonly #buffer: Float64Array;

  constructor(options: StftOptions) {
    const { frame, hop, window, fft } = partsOf(options);
    this.frame = frame;
    this.hop = hop;
    this.spectrumLength = fft.spectrumLength;
    this.latencySamples = frame - hop;
    const squares = new Float64Array(hop);
    for (let n = 0; n < frame; n++) squares[n % hop] += window[n] * window[n];
    const hole = squares.findIndex((sum) => !(sum > 1e-8));
    if (hole >= 0) {
      throw new RangeError(
        '"window" expected weights whose squares have a sum above 1e-8 at every sample of a hop, ' +
          `got ${squares[hole]} at ${hole}`,
      );
    }
    this.#weights = window.map((weight, n) => weight / squares[n % hop]);
    this.#fft = fft;
    this.#sum = new Float64Array(frame);
    this.#buffer = new Float64Array(fft.size);
  }

  /** Takes the next spectrum and gives the next hop of samples. Returns `y`. */
  step<S extends Samples>(spectrum: Samples, y: S): S {
    checkSamples("spectrum", spectrum, this.spectrumLength);
    checkSamples("y", y, this.hop);
    const sum = this.#sum;
    this.#fft.inverse(spectrum, this.#buffer);
    for (let n = 0; n < this.frame; n++) sum[n] += this.#buffer[n] * this.#weights[n];
    for (let n = 0; n < this.hop; n++) y[n] = sum[n];
    sum.copyWithin(0, this.hop);
    sum.fill(0, this.frame - this.hop);
    return y;
  }

  /** Forgets the frames so far. */
  reset(): void {
    this.#sum.fill(0);
  }
}
