/**
 * Real samples ↔ half spectra. A transform of N real numbers is one of N/2 complex numbers and a pass that separates even
 * and odd samples; the complex one is Stockham's self-sorting form with radices 4, 2, 3, 5 (Van Loan 1992, §1.7), in f64.
 */

import { checkInteger, checkSamples, type Samples } from "./arguments.ts";

/** Largest realistic: 65536, for a spectrum that is looked at. */
const MOST = 2 ** 20;

/**
 * The discrete Fourier transform of real numbers, as numpy.fft.rfft and irfft define it.
 *
 * Shapes   x (size) ↔ spectrum (size + 2): real and imaginary part of each of size / 2 + 1 bins, in turn
 * Cost     O(size · log size), no allocation; what the constructor allocates is 5 · size numbers
 * Error    below 1e-15 · log2(size) of the largest number, before rounding to the type of the output
 *
 * @throws {@link TypeError} `"x" expected Float32Array or Float64Array, got Array`
 * @throws {@link RangeError} `"size" expected an even number whose half has no prime factor but 2, 3, 5; got 14`
 * @example
 * const fft = new RealFft(400);
 * const spectrum = fft.forward(new Float32Array(400), new Float32Array(402));
 */
export class RealFft {
  readonly size: number;
  /** Length of a spectrum: size + 2. */
  readonly spectrumLength: number;
  readonly #radices: readonly number[];
  /** exp(−2πi·k / size): k in [0, size), real and imaginary. Every second entry is a twiddle of the complex transform. */
  readonly #roots: Float64Array;
  readonly #a: Float64Array;
  readonly #b: Float64Array;

  constructor(size: number) {
    checkInteger("size", size, 2, MOST);
    this.#radices = size % 2 === 0 ? radicesOf(size / 2) : [];
    if (this.#radices.reduce((product, radix) => product * radix, 2) !== size) {
      throw new RangeError(`"size" expected an even number whose half has no prime factor but 2, 3, 5; got ${size}`);
    }
    this.size = size;
    this.spectrumLength = size + 2;
    this.#roots = rootsOf(size);
    this.#a = new Float64Array(size);
    this.#b = new Float64Array(size);
  }

  /** spectrum[k] = Σ x[n]·exp(−2πi·k·n / size). `x` and `spectrum` may be the same memory. Returns `spectrum`. */
  forward<S extends Samples>(x: Samples, spectrum: S): S {
    const { size } = this;
    checkSamples("x", x, size);
    checkSamples("spectrum", spectrum, size + 2);
    this.#a.set(x);
    const z = this.#transform();
    const roots = this.#roots;
    spectrum[0] = z[0] + z[1];
    spectrum[size] = z[0] - z[1];
    spectrum[1] = spectrum[size + 1] = 0;
    for (let k = 2, m = size - 2; k <= m; k += 2, m -= 2) {
      // even = (z[k] + z*[m]) / 2, odd = (z[k] − z*[m]) / 2i
      const evenRe = (z[k] + z[m]) / 2;
      const evenIm = (z[k + 1] - z[m + 1]) / 2;
      const oddRe = (z[k + 1] + z[m + 1]) / 2;
      const oddIm = (z[m] - z[k]) / 2;
      const re = roots[k] * oddRe - roots[k + 1] * oddIm;
      const im = roots[k] * oddIm + roots[k + 1] * oddRe;
      spectrum[k] = evenRe + re;
      spectrum[k + 1] = evenIm + im;
      spectrum[m] = evenRe - re;
      spectrum[m + 1] = im - evenIm;
    }
    return spectrum;
  }

  /**
   * x[n] = 1 / size · Σ over all size bins, the upper half being the conjugate of the lower. The imaginary parts of the first
   * and the last bin are taken as zero. `spectrum` and `x` may be the same memory. Returns `x`.
   */
  inverse<S extends Samples>(spectrum: Samples, x: S): S {
    const { size } = this;
    checkSamples("spectrum", spectrum, size + 2);
    checkSamples("x", x, size);
    const a = this.#a;
    const roots = this.#roots;
    // The inverse is the forward transform of numbers whose real and imaginary parts are exchanged.
    a[1] = (spectrum[0] + spectrum[size]) / size;
    a[0] = (spectrum[0] - spectrum[size]) / size;
    for (let k = 2, m = size - 2; k <= m; k += 2, m -= 2) {
      const evenRe = (spectrum[k] + spectrum[m]) / size;
      const evenIm = (spectrum[k + 1] - spectrum[m + 1]) / size;
      const re = (spectrum[k] - spectrum[m]) / size;
      const im = (spectrum[k + 1] + spectrum[m + 1]) / size;
      const oddRe = roots[k] * re + roots[k + 1] * im;
      const oddIm = roots[k] * im - roots[k + 1] * re;
      a[k + 1] = evenRe - oddIm;
      a[k] = evenIm + oddRe;
      a[m + 1] = evenRe + oddIm;
      a[m] = oddRe - evenIm;
    }
    const z = this.#transform();
    for (let n = 0; n < size; n += 2) {
      x[n] = z[n + 1];
      x[n + 1] = z[n];
    }
    return x;
  }

  /** The complex transform of #a; the result is in #a or #b. */
  #transform(): Float64Array {
    let from = this.#a;
    let to = this.#b;
    let stride = 1;
    for (let i = 0; i < this.#radices.length; i++) {
      const radix = this.#radices[i];
      BUTTERFLIES[radix](from, to, this.#roots, this.size / 2 / (stride * radix), stride);
      stride *= radix;
      const spare = from;
      from = to;
      to = spare;
    }
    return from;
  }
}

/** Fours first, then at most one two, threes, fives; what is left over is left out. */
function radicesOf(n: number): number[] {
  const radices: number[] = [];
  for (const radix of [4, 2, 3, 5]) {
    for (; n % radix === 0; n /= radix) radices.push(radix);
  }
  return radices;
}

function rootsOf(size: number): Float64Array {
  const roots = new Float64Array(2 * size);
  for (let k = 0; k < size; k++) {
    roots[2 * k] = Math.cos((2 * Math.PI * k) / size);
    roots[2 * k + 1] = -Math.sin((2 * Math.PI * k) / size);
  }
  return roots;
}

/**
 * One pass: for each group q and each s below the stride, the `radix` numbers x[s + stride·(q + j·groups)] are transformed,
 * turned by exp(−2πi·q·k / (groups·radix)) and put at y[s + stride·(radix·q + k)].
 */
type Butterfly = (x: Float64Array, y: Float64Array, roots: Float64Array, groups: number, stride: number) => void;

/** y[at] ← (re + i·im)·roots[r]; `at` and `r` count numbers of two. */
function turn(y: Float64Array, at: number, roots: Float64Array, r: number, re: number, im: number): void {
  y[at] = re * roots[r] - im * roots[r + 1];
  y[at + 1] = re * roots[r + 1] + im * roots[r];
}

const radix2: Butterfly = (x, y, roots, groups, stride) => {
  const far = 2 * stride * groups;
  for (let q = 0; q < groups; q++) {
    const r = 4 * q * stride;
    for (let s = 0; s < 2 * stride; s += 2) {
      const i = s + 2 * stride * q;
      const o = s + 4 * stride * q;
      const j = i + far;
      y[o] = x[i] + x[j];
      y[o + 1] = x[i + 1] + x[j + 1];
      turn(y, o + 2 * stride, roots, r, x[i] - x[j], x[i + 1] - x[j + 1]);
    }
  }
};

const radix3: Butterfly = (x, y, roots, groups, stride) => {
  const far = 2 * stride * groups;
  const sin = Math.sqrt(3) / 2;
  for (let q = 0; q < groups; q++) {
    const r = 4 * q * stride;
    for (let s = 0; s < 2 * stride; s += 2) {
      const i = s + 2 * stride * q;
      const o = s + 6 * stride * q;
      const sumRe = x[i + far] + x[i + 2 * far];
      const sumIm = x[i + far + 1] + x[i + 2 * far + 1];
      const difRe = sin * (x[i + far + 1] - x[i + 2 * far + 1]);
      const difIm = -sin * (x[i + far] - x[i + 2 * far]);
      const midRe = x[i] - sumRe / 2;
      const midIm = x[i + 1] - sumIm / 2;
      y[o] = x[i] + sumRe;
      y[o + 1] = x[i + 1] + sumIm;
      turn(y, o + 2 * stride, roots, r, midRe + difRe, midIm + difIm);
      turn(y, o + 4 * stride, roots, 2 * r, midRe - difRe, midIm - difIm);
    }
  }
};

const radix4: Butterfly = (x, y, roots, groups, stride) => {
  const far = 2 * stride * groups;
  for (let q = 0; q < groups; q++) {
    const r = 4 * q * stride;
    for (let s = 0; s < 2 * stride; s += 2) {
      const i = s + 2 * stride * q;
      const o = s + 8 * stride * q;
      const sumRe = x[i] + x[i + 2 * far];
      const sumIm = x[i + 1] + x[i + 2 * far + 1];
      const difRe = x[i] - x[i + 2 * far];
      const difIm = x[i + 1] - x[i + 2 * far + 1];
      const oddRe = x[i + far] + x[i + 3 * far];
      const oddIm = x[i + far + 1] + x[i + 3 * far + 1];
      // −i·(x₁ − x₃)
      const crossRe = x[i + far + 1] - x[i + 3 * far + 1];
      const crossIm = x[i + 3 * far] - x[i + far];
      y[o] = sumRe + oddRe;
      y[o + 1] = sumIm + oddIm;
      turn(y, o + 2 * stride, roots, r, difRe + crossRe, difIm + crossIm);
      turn(y, o + 4 * stride, roots, 2 * r, sumRe - oddRe, sumIm - oddIm);
      turn(y, o + 6 * stride, roots, 3 * r, difRe - crossRe, difIm - crossIm);
    }
  }
};

const radix5: Butterfly = (x, y, roots, groups, stride) => {
  const far = 2 * stride * groups;
  const c1 = Math.cos((2 * Math.PI) / 5);
  const c2 = Math.cos((4 * Math.PI) / 5);
  const s1 = Math.sin((2 * Math.PI) / 5);
  const s2 = Math.sin((4 * Math.PI) / 5);
  for (let q = 0; q < groups; q++) {
    const r = 4 * q * stride;
    for (let s = 0; s < 2 * stride; s += 2) {
      const i = s + 2 * stride * q;
      const o = s + 10 * stride * q;
      const p1Re = x[i + far] + x[i + 4 * far];
      const p1Im = x[i + far + 1] + x[i + 4 * far + 1];
      const m1Re = x[i + far] - x[i + 4 * far];
      const m1Im = x[i + far + 1] - x[i + 4 * far + 1];
      const p2Re = x[i + 2 * far] + x[i + 3 * far];
      const p2Im = x[i + 2 * far + 1] + x[i + 3 * far + 1];
      const m2Re = x[i + 2 * far] - x[i + 3 * far];
      const m2Im = x[i + 2 * far + 1] - x[i + 3 * far + 1];
      const aRe = x[i] + c1 * p1Re + c2 * p2Re;
      const aIm = x[i + 1] + c1 * p1Im + c2 * p2Im;
      const bRe = x[i] + c2 * p1Re + c1 * p2Re;
      const bIm = x[i + 1] + c2 * p1Im + c1 * p2Im;
      // −i·(s₁·m₁ + s₂·m₂) and −i·(s₂·m₁ − s₁·m₂)
      const uRe = s1 * m1Im + s2 * m2Im;
      const uIm = -s1 * m1Re - s2 * m2Re;
      const vRe = s2 * m1Im - s1 * m2Im;
      const vIm = s1 * m2Re - s2 * m1Re;
      y[o] = x[i] + p1Re + p2Re;
      y[o + 1] = x[i + 1] + p1Im + p2Im;
      turn(y, o + 2 * stride, roots, r, aRe + uRe, aIm + uIm);
      turn(y, o + 4 * stride, roots, 2 * r, bRe + vRe, bIm + vIm);
      turn(y, o + 6 * stride, roots, 3 * r, bRe - vRe, bIm - vIm);
      turn(y, o + 8 * stride, roots, 4 * r, aRe - uRe, aIm - uIm);
    }
  }
};

const BUTTERFLIES: Readonly<Record<number, Butterfly>> = { 2: radix2, 3: radix3, 4: radix4, 5: radix5 };
