/**
 * Samples at one rate → samples at another, in pieces of any length: a low-pass filter at the common multiple of both rates, of
 * which only what is needed is computed (polyphase; Crochiere and Rabiner 1983, §2.4). Kaiser window (Kaiser 1974).
 */

import { checkInteger, checkSamples, type Samples } from "./arguments.ts";

export interface ResamplerOptions {
  /** Hz. */
  readonly from: number;
  /** Hz. */
  readonly to: number;
  /** The most samples that one `step` takes. Default: 4096. */
  readonly maxInput?: number;
}

/** Zero crossings of the filter on each side: with 90 dB, the stop band begins where the lower rate's samples end. */
const CROSSINGS = 58;
/** Middle of the transition, of half the lower rate. */
const CUTOFF = 0.95;
/** dB of the stop band; beta as Kaiser has it. */
const ATTENUATION = 90;
const BETA = 0.1102 * (ATTENUATION - 8.7);

/** Of a reduced ratio; the filter has 116 numbers for each. Largest realistic: 4451, 22255 Hz (of old Macs) → 16000 Hz. */
const MOST = 2 ** 14;

/**
 * Another sample rate, for any two whole rates. It passes 0.9 of half the lower rate within 0.001 dB and attenuates what
 * lies above half the lower rate by more than 80 dB.
 *
 * Shapes   x (n ≤ maxInput) → the samples of y that are due: after n samples in all, ⌈n · to / from⌉ have come out
 * Latency  y[i] belongs to the time of i − latencySamples, always: about 58 samples of the lower rate
 * Cost     116 · max(1, from / to) multiplications for each sample of y, in f64; no allocation in `step`
 *
 * @throws {@link RangeError} `"to" expected a ratio to "from" of numbers up to 16384 when reduced, got 48000 / 44101`
 * @example
 * const resampler = new Resampler({ from: 48000, to: 16000 });
 * const y = new Float32Array(resampler.maxOutput(480));
 * const count = resampler.step(new Float32Array(480), y); // 160
 */
export class Resampler {
  readonly from: number;
  readonly to: number;
  readonly maxInput: number;
  /** Samples of y by which it is late. */
  readonly latencySamples: number;
  /** to / from, reduced. */
  readonly #up: number;
  readonly #down: number;
  /** Samples of x under the filter, a multiple of four. */
  readonly #taps: number;
  /** (up, taps): row p has the numbers p, p + up, p + 2 · up … of the filter, the last one first. */
  readonly #rows: Float64Array;
  /** The last `taps` − 1 samples, and room for a piece. */
  readonly #samples: Float64Array;
  /** Where the next sample of y stands, from the first sample of the next piece on, in 1 / up samples of x. */
  #position = 0;

  constructor({ from, to, maxInput = 4096 }: ResamplerOptions) {
    checkInteger("from", from, 1, 2 ** 22);
    checkInteger("to", to, 1, 2 ** 22);
    checkInteger("maxInput", maxInput, 1, 2 ** 24);
    const divisor = commonDivisor(from, to);
    const up = to / divisor;
    const down = from / divisor;
    if (Math.max(up, down) > MOST) {
      throw new RangeError(
        `"to" expected a ratio to "from" of numbers up to ${MOST} when reduced, got ${up} / ${down}`,
      );
    }
    const filter = lowPass(up, down);
    const half = (filter.length - 1) / 2;
    this.from = from;
    this.to = to;
    this.maxInput = maxInput;
    this.latencySamples = Math.ceil(half / down);
    this.#up = up;
    this.#down = down;
    // As many zeros before the filter as make its middle a whole sample of y.
    const late = this.latencySamples * down - half;
    const taps = 4 * Math.ceil((late + filter.length) / up / 4);
    this.#taps = taps;
    this.#rows = new Float64Array(up * taps);
    for (let k = 0; k < filter.length; k++) {
      const at = late + k;
      this.#rows[(at % up) * taps + taps - 1 - Math.floor(at / up)] = filter[k];
    }
    this.#samples = new Float64Array(taps - 1 + maxInput);
  }

  /** The most samples of y that a step with `length` samples of x gives. */
  maxOutput(length: number): number {
    checkInteger("length", length, 0, this.maxInput);
    return Math.ceil((length * this.#up) / this.#down);
  }

  /**
   * Takes the next samples, writes those of y that are due from y[0] on, and returns how many these are.
   * @throws {@link RangeError} `"y" expected at least 160 samples, got 100`
   */
  step(x: Samples, y: Samples): number {
    checkSamples("x", x);
    checkSamples("y", y);
    const { length } = x;
    if (length > this.maxInput) {
      throw new RangeError(`"x" expected at most ${this.maxInput} samples, got ${length}`);
    }
    const samples = this.#samples;
    const rows = this.#rows;
    const taps = this.#taps;
    const up = this.#up;
    const end = length * up;
    const count = Math.max(0, Math.ceil((end - this.#position) / this.#down));
    if (y.length < count) throw new RangeError(`"y" expected at least ${count} samples, got ${y.length}`);
    for (let i = 0; i < length; i++) samples[taps - 1 + i] = x[i];
    let position = this.#position;
    for (let i = 0; i < count; i++, position += this.#down) {
      const first = Math.floor(position / up);
      const row = (position - first * up) * taps;
      // Four sums, since one would wait for each addition.
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      for (let k = 0; k < taps; k += 4) {
        a += rows[row + k] * samples[first + k];
        b += rows[row + k + 1] * samples[first + k + 1];
        c += rows[row + k + 2] * samples[first + k + 2];
        d += rows[row + k + 3] * samples[first + k + 3];
      }
      y[i] = a + b + (c + d);
    }
    this.#position = position - end;
    samples.copyWithin(0, length, length + taps - 1);
    return count;
  }

  /** Back to silence. */
  reset(): void {
    this.#samples.fill(0);
    this.#position = 0;
  }
}

/**
 * A whole signal at another rate: ⌈length · to / from⌉ samples, in time with `x` (without latency), silence around it. What
 * scipy.signal.resample_poly gives with the same filter.
 * @example
 * const y = resample(x, { from: 44100, to: 16000 });
 */
export function resample<S extends Samples>(x: S, { from, to }: Omit<ResamplerOptions, "maxInput">): S {
  checkSamples("x", x);
  const resampler = new Resampler({ from, to });
  const { latencySamples, maxInput } = resampler;
  const length = Math.ceil((x.length * to) / from);
  const y = new (x instanceof Float32Array ? Float32Array : Float64Array)(length);
  const piece = new Float64Array(maxInput);
  const out = new Float64Array(resampler.maxOutput(maxInput));
  for (let at = 0, done = -latencySamples; done < length; at += maxInput) {
    piece.fill(0);
    piece.set(x.subarray(at, at + maxInput));
    const count = resampler.step(piece, out);
    for (let i = Math.max(0, -done); i < count && done + i < length; i++) y[done + i] = out[i];
    done += count;
  }
  return y as S;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** scipy.signal.firwin(2 · 58 · most + 1, 0.95 / most, window=("kaiser", beta)) · up, at `up` times the rate of x. */
function lowPass(up: number, down: number): Float64Array {
  const most = Math.max(up, down);
  const half = most === 1 ? 0 : CROSSINGS * most;
  const filter = Float64Array.from({ length: 2 * half + 1 }, (_, k) => {
    if (k === half) return 1;
    const phase = (Math.PI * CUTOFF * (k - half)) / most;
    return (bessel(BETA * Math.sqrt(1 - ((k - half) / half) ** 2)) / bessel(BETA)) * (Math.sin(phase) / phase);
  });
  const sum = filter.reduce((total, value) => total + value, 0);
  return filter.map((value) => (value * up) / sum);
}

/** The modified Bessel function of order zero (Abramowitz and Stegun 1964, 9.6.12); x in [0, BETA], to the last bits. */
function bessel(x: number): number {
  let sum = 1;
  for (let k = 1, term = 1; term > 1e-17 * sum; k++) {
    term *= (x / 2 / k) ** 2;
    sum += term;
  }
  return sum;
}
