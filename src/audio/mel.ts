/**
 * Spectra → log-mel spectra → cepstral coefficients (MFCC; Davis and Mermelstein 1980), as TensorFlow, its spectrogram operators
 * and librosa define them. All three are the same four steps, whose differences are options: MEL_TENSORFLOW,
 * MEL_TENSORFLOW_OP and MEL_LIBROSA say which ones they take.
 */

import { checkInteger, checkNumber, checkSamples, type Samples } from "./arguments.ts";

/** How a spectrum becomes mels. Every field must be there: these are what most often differs between two programs. */
export interface MelDefinition {
  /** Hz → mels. "htk": 1127 · ln(1 + f / 700). "slaney": linear up to 1 kHz, logarithmic above. */
  readonly scale: "htk" | "slaney";
  /** In which the sides of the triangles are straight. */
  readonly triangles: "mels" | "hertz";
  /** "area": each triangle is divided by half its width in Hz. "none": each is 1 at its top. */
  readonly normalisation: "area" | "none";
  /** The first bin that counts. "round": that nearest to `low`, plus one, as the operator Mfcc has it. */
  readonly firstBin: "low" | "round";
  /** Of each bin: its magnitude or its square. */
  readonly power: 1 | 2;
  /** ln(m), or 10 · log10(m). */
  readonly log: "ln" | "db";
  /** Against log(0): is added to each, or is the least that each can be. */
  readonly floor: { readonly add: number } | { readonly max: number };
  /** √(2 / bands) for every coefficient, or "ortho": the first has √(1 / bands). */
  readonly dct: "same" | "ortho";
}

/** tf.signal: linear_to_mel_weight_matrix, log(m + 1e-6) as its guide has it, mfccs_from_log_mel_spectrograms. */
export const MEL_TENSORFLOW: MelDefinition = {
  scale: "htk",
  triangles: "mels",
  normalisation: "none",
  firstBin: "low",
  power: 1,
  log: "ln",
  floor: { add: 1e-6 },
  dct: "same",
};

/** The operators AudioSpectrogram (magnitude_squared) and Mfcc, of keyword spotters. */
export const MEL_TENSORFLOW_OP: MelDefinition = { ...MEL_TENSORFLOW, firstBin: "round", floor: { max: 1e-12 } };

/** librosa.feature.melspectrogram, power_to_db (top_db=None), mfcc. */
export const MEL_LIBROSA: MelDefinition = {
  scale: "slaney",
  triangles: "hertz",
  normalisation: "area",
  firstBin: "low",
  power: 2,
  log: "db",
  floor: { max: 1e-10 },
  dct: "ortho",
};

export interface LogMelOptions extends MelDefinition {
  /** Hz. */
  readonly sampleRate: number;
  /** Size of the transform that made the spectra. */
  readonly fftSize: number;
  /** Triangles. Default: 40. */
  readonly bands?: number;
  /** Hz, where the first triangle begins. Default: 0. */
  readonly low?: number;
  /** Hz, where the last triangle ends. Default: half the sample rate. */
  readonly high?: number;
}

/**
 * Log-mel spectra: log(weights · |spectrum|^power), frame by frame.
 *
 * Shapes   spectrum (fftSize + 2), as RealFft and Stft give it → y (bands)
 * Cost     two multiplications for each bin; no allocation in `step`
 *
 * @throws {@link RangeError} `"high" expected a number from 20 to 8000, got 11025`
 * @example
 * const mel = new LogMel({ ...MEL_LIBROSA, sampleRate: 16000, fftSize: 512, bands: 64 });
 * const y = mel.step(spectrum, new Float32Array(64));
 */
export class LogMel {
  readonly bands: number;
  readonly spectrumLength: number;
  readonly #definition: MelDefinition;
  /** Of each band: its first bin, and where its weights begin; those of the next band end them. */
  readonly #first: Int32Array;
  readonly #offsets: Int32Array;
  readonly #weights: Float64Array;
  readonly #bins: Float64Array;

  constructor(options: LogMelOptions) {
    const { sampleRate, fftSize, bands = 40, low = 0, high = sampleRate / 2, floor } = options;
    checkInteger("sampleRate", sampleRate, 1, 2 ** 22);
    checkInteger("fftSize", fftSize, 2, 2 ** 20);
    if (fftSize % 2 !== 0) throw new RangeError(`"fftSize" expected an even number, got ${fftSize}`);
    checkInteger("bands", bands, 1, 2 ** 12);
    checkNumber("low", low, 0, sampleRate / 2);
    checkNumber("high", high, low, sampleRate / 2);
    if (high === low) throw new RangeError(`"high" expected more than "low", got ${high}`);
    checkDefinition(options);
    this.bands = bands;
    this.spectrumLength = fftSize + 2;
    this.#definition = { ...options, floor: { ...floor } };
    const rows = trianglesOf(options, sampleRate / fftSize, fftSize / 2 + 1, melEdges(options.scale, low, high, bands));
    this.#first = Int32Array.from(rows, ({ first }) => first);
    this.#offsets = new Int32Array(bands + 1);
    for (let b = 0; b < bands; b++) this.#offsets[b + 1] = this.#offsets[b] + rows[b].weights.length;
    this.#weights = Float64Array.from(rows.flatMap(({ weights }) => weights));
    this.#bins = new Float64Array(fftSize / 2 + 1);
  }

  /** Takes a spectrum and gives its bands. Returns `y`. */
  step<S extends Samples>(spectrum: Samples, y: S): S {
    checkSamples("spectrum", spectrum, this.spectrumLength);
    checkSamples("y", y, this.bands);
    const { power, log, floor } = this.#definition;
    const bins = this.#bins;
    for (let k = 0; k < bins.length; k++) {
      const square = spectrum[2 * k] ** 2 + spectrum[2 * k + 1] ** 2;
      bins[k] = power === 1 ? Math.sqrt(square) : square;
    }
    for (let b = 0; b < this.bands; b++) {
      const first = this.#first[b];
      const from = this.#offsets[b];
      const count = this.#offsets[b + 1] - from;
      let sum = 0;
      for (let k = 0; k < count; k++) sum += this.#weights[from + k] * bins[first + k];
      const value = "add" in floor ? sum + floor.add : Math.max(sum, floor.max);
      y[b] = log === "ln" ? Math.log(value) : 10 * Math.log10(value);
    }
    return y;
  }
}

export interface MfccOptions extends LogMelOptions {
  /** How many of the `bands` coefficients, from the first on. Default: 13. */
  readonly coefficients?: number;
}

/**
 * Cepstral coefficients: the discrete cosine transform (DCT-II) of log-mel spectra.
 *
 * Shapes   spectrum (fftSize + 2) → y (coefficients)
 * Cost     that of {@link LogMel}, and bands · coefficients multiplications; no allocation in `step`
 *
 * @throws {@link RangeError} `"coefficients" expected an integer from 1 to 40, got 41`
 * @example
 * const mfcc = new Mfcc({ ...MEL_TENSORFLOW_OP, sampleRate: 16000, fftSize: 1024, low: 20, high: 4000, coefficients: 10 });
 * const y = mfcc.step(spectrum, new Float32Array(10));
 */
export class Mfcc {
  readonly coefficients: number;
  readonly spectrumLength: number;
  readonly #mel: LogMel;
  readonly #bands: Float64Array;
  /** (coefficients, bands) */
  readonly #cosines: Float64Array;

  constructor(options: MfccOptions) {
    this.#mel = new LogMel(options);
    const { bands, spectrumLength } = this.#mel;
    const { coefficients = 13, dct } = options;
    checkInteger("coefficients", coefficients, 1, bands);
    this.coefficients = coefficients;
    this.spectrumLength = spectrumLength;
    this.#bands = new Float64Array(bands);
    this.#cosines = Float64Array.from({ length: coefficients * bands }, (_, i) => {
      const c = Math.floor(i / bands);
      const scale = Math.sqrt((c === 0 && dct === "ortho" ? 1 : 2) / bands);
      return scale * Math.cos((Math.PI * c * ((i % bands) + 0.5)) / bands);
    });
  }

  /** Takes a spectrum and gives its coefficients. Returns `y`. */
  step<S extends Samples>(spectrum: Samples, y: S): S {
    checkSamples("y", y, this.coefficients);
    const bands = this.#mel.step(spectrum, this.#bands);
    for (let c = 0; c < this.coefficients; c++) {
      const row = c * bands.length;
      let sum = 0;
      for (let b = 0; b < bands.length; b++) sum += this.#cosines[row + b] * bands[b];
      y[c] = sum;
    }
    return y;
  }
}

const CHOICES: readonly (readonly [name: keyof MelDefinition, values: readonly unknown[]])[] = [
  ["scale", ["htk", "slaney"]],
  ["triangles", ["mels", "hertz"]],
  ["normalisation", ["area", "none"]],
  ["firstBin", ["low", "round"]],
  ["power", [1, 2]],
  ["log", ["ln", "db"]],
  ["dct", ["same", "ortho"]],
];

function checkDefinition(definition: MelDefinition): void {
  for (const [name, values] of CHOICES) {
    const value = definition[name];
    if (!values.includes(value)) throw new RangeError(`"${name}" expected ${values.join(" or ")}, got ${value}`);
  }
  const floor: { readonly add?: number; readonly max?: number } = definition.floor ?? {};
  checkNumber("floor", (floor.add ?? floor.max) as number, 0, Number.MAX_VALUE);
}

/** Slaney's scale is 3 mels in 200 Hz up to 1 kHz, and from there on 27 mels for each factor of 6.4 (Auditory Toolbox, 1998). */
const SLANEY_STEP = Math.log(6.4) / 27;

function toMels(scale: MelDefinition["scale"], hertz: number): number {
  if (scale === "htk") return 1127 * Math.log1p(hertz / 700);
  return hertz < 1000 ? (hertz * 3) / 200 : 15 + Math.log(hertz / 1000) / SLANEY_STEP;
}

function toHertz(scale: MelDefinition["scale"], mels: number): number {
  if (scale === "htk") return 700 * Math.expm1(mels / 1127);
  return mels < 15 ? (mels * 200) / 3 : 1000 * Math.exp((mels - 15) * SLANEY_STEP);
}

/** bands + 2 points, equally far apart in mels; triangle b goes from b by b + 1 to b + 2. */
function melEdges(scale: MelDefinition["scale"], low: number, high: number, bands: number): number[] {
  const [from, to] = [toMels(scale, low), toMels(scale, high)];
  return Array.from({ length: bands + 2 }, (_, i) => from + ((to - from) * i) / (bands + 1));
}

/** The bins of each triangle that count, and their weights. */
function trianglesOf(
  { scale, triangles, normalisation, firstBin }: MelDefinition,
  hertzPerBin: number,
  binCount: number,
  edges: readonly number[],
): { readonly first: number; readonly weights: number[] }[] {
  const hertz = edges.map((mels) => toHertz(scale, mels));
  const points = triangles === "mels" ? edges : hertz;
  const bins = Array.from({ length: binCount }, (_, k) =>
    triangles === "mels" ? toMels(scale, k * hertzPerBin) : k * hertzPerBin,
  );
  const least = firstBin === "round" ? Math.floor(1.5 + hertz[0] / hertzPerBin) : 0;
  return points.slice(2).map((right, b) => {
    const [left, top] = [points[b], points[b + 1]];
    const height = normalisation === "area" ? 2 / (hertz[b + 2] - hertz[b]) : 1;
    const all = bins.map((x, k) =>
      k < least ? 0 : height * Math.min((x - left) / (top - left), (right - x) / (right - top)),
    );
    const first = all.findIndex((weight) => weight > 0);
    if (first < 0) return { first: 0, weights: [] };
    const end = all.findIndex((weight, k) => k > first && !(weight > 0));
    return { first, weights: all.slice(first, end < 0 ? undefined : end) };
  });
}
