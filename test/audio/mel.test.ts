import { describe, expect, it } from "vitest";
import {
  LogMel,
  type LogMelOptions,
  MEL_LIBROSA,
  MEL_TENSORFLOW,
  MEL_TENSORFLOW_OP,
  Mfcc,
  makeWindow,
  RealFft,
} from "../../src/audio.ts";
import { distance, get, readVectors } from "./vectors.ts";

const vectors = readVectors("features");
const keys = [...vectors.keys()].filter((key) => key.startsWith("x_")).map((key) => key.slice(2));

/** Of each frame of `x`, under Hann's window. */
function spectraOf(x: Float64Array, frame: number, size: number): Float64Array[] {
  const window = makeWindow("hann", frame);
  const fft = new RealFft(size);
  return Array.from({ length: x.length / frame }, (_, i) => {
    const padded = new Float64Array(size);
    padded.set(window.map((weight, n) => weight * x[i * frame + n]));
    return fft.forward(padded, new Float64Array(size + 2));
  });
}

describe.each([
  ["tensorflow", MEL_TENSORFLOW],
  ["operator", MEL_TENSORFLOW_OP],
  ["librosa", MEL_LIBROSA],
] as const)("%s", (name, definition) => {
  it.each(keys)("%s: log-mel spectra and coefficients are NumPy's", (key) => {
    const [sampleRate, frame, fftSize, bands, low, high, coefficients] = key.split("_").map(Number);
    const options = { ...definition, sampleRate, fftSize, bands, low, high, coefficients };
    const mel = new LogMel(options);
    const mfcc = new Mfcc(options);
    const spectra = spectraOf(get(vectors, `x_${key}`), frame, fftSize);
    expect(spectra).toHaveLength(3);
    const logs = spectra.flatMap((spectrum) => [...mel.step(spectrum, new Float64Array(bands))]);
    expect(distance(logs, get(vectors, `log_${name}_${key}`))).toBeLessThan(1e-10);
    const cepstra = spectra.flatMap((spectrum) => [...mfcc.step(spectrum, new Float64Array(coefficients))]);
    expect(distance(cepstra, get(vectors, `mfcc_${name}_${key}`))).toBeLessThan(1e-10);
  });
});

describe("the definitions", () => {
  const base: LogMelOptions = { ...MEL_TENSORFLOW, sampleRate: 16000, fftSize: 480, bands: 26, low: 85, high: 7600 };
  const [spectrum] = spectraOf(get(vectors, "x_16000_480_480_26_85_7600_26"), 480, 480);
  const bands = (options: LogMelOptions) => new LogMel(options).step(spectrum, new Float64Array(26));

  it.each<Partial<LogMelOptions>>([
    { scale: "slaney" },
    { triangles: "hertz" },
    { normalisation: "area" },
    { firstBin: "round" },
    { power: 2 },
    { log: "db" },
    { floor: { max: 100 } },
  ])("differ by %o", (option) => {
    expect(distance(bands({ ...base, ...option }), bands(base))).toBeGreaterThan(1e-4);
  });

  it("area is the same for all: 2 / width in Hz", () => {
    const flat = { ...base, floor: { add: 0 } };
    const [one, divided] = [bands(flat), bands({ ...flat, normalisation: "area" })];
    const edge = (i: number) => {
      const [from, to] = [85, 7600].map((hertz) => 1127 * Math.log(1 + hertz / 700));
      return 700 * (Math.exp((from + ((to - from) * i) / 27) / 1127) - 1);
    };
    for (let b = 0; b < 26; b++) expect(divided[b] - one[b]).toBeCloseTo(Math.log(2 / (edge(b + 2) - edge(b))), 10);
  });

  it("a band between two bins is at the floor", () => {
    const mel = new LogMel({ ...MEL_LIBROSA, sampleRate: 16000, fftSize: 64, bands: 40 });
    const y = mel.step(new Float64Array(66).fill(1), new Float64Array(40));
    expect(y[0]).toBeCloseTo(-100, 10);
    expect(y[39]).toBeGreaterThan(-30);
  });

  it("defaults are 40 bands from 0 Hz to half the rate, 13 coefficients", () => {
    const short = { ...MEL_TENSORFLOW, sampleRate: 16000, fftSize: 480 };
    const long = { ...short, bands: 40, low: 0, high: 8000, coefficients: 13 };
    const [a, b] = [new Mfcc(short), new Mfcc(long)];
    expect(a.coefficients).toBe(13);
    expect(a.step(spectrum, new Float64Array(13))).toEqual(b.step(spectrum, new Float64Array(13)));
  });
});

describe("LogMel and Mfcc refuse", () => {
  const base = { ...MEL_TENSORFLOW, sampleRate: 16000, fftSize: 512 };

  it.each<[object, string]>([
    [{ sampleRate: 0 }, '"sampleRate" expected an integer from 1 to 4194304, got 0'],
    [{ fftSize: 1 }, '"fftSize" expected an integer from 2 to 1048576, got 1'],
    [{ fftSize: 511 }, '"fftSize" expected an even number, got 511'],
    [{ bands: 0 }, '"bands" expected an integer from 1 to 4096, got 0'],
    [{ low: -1 }, '"low" expected a number from 0 to 8000, got -1'],
    [{ low: 20, high: 11025 }, '"high" expected a number from 20 to 8000, got 11025'],
    [{ low: 300, high: 200 }, '"high" expected a number from 300 to 8000, got 200'],
    [{ low: 300, high: 300 }, '"high" expected more than "low", got 300'],
    [{ scale: "mel" }, '"scale" expected htk or slaney, got mel'],
    [{ triangles: undefined }, '"triangles" expected mels or hertz, got undefined'],
    [{ power: 3 }, '"power" expected 1 or 2, got 3'],
    [{ floor: undefined }, '"floor" expected a number, got undefined'],
    [{ floor: { max: -1 } }, '"floor" expected a number from 0 to '],
    [{ coefficients: 41 }, '"coefficients" expected an integer from 1 to 40, got 41'],
  ])("%o", (options, message) => {
    expect(() => new Mfcc({ ...base, ...options } as never)).toThrow(message);
  });

  it("arrays of other lengths", () => {
    const mfcc = new Mfcc(base);
    expect(() => mfcc.step(new Float32Array(512), new Float32Array(13))).toThrow(
      '"spectrum" expected length 514, got 512',
    );
    expect(() => mfcc.step(new Float32Array(514), new Float32Array(12))).toThrow('"y" expected length 13, got 12');
    const mel = new LogMel(base);
    expect(() => mel.step(new Float32Array(514), new Float32Array(41))).toThrow('"y" expected length 40, got 41');
  });
});
