import { describe, expect, it } from "vitest";
import { RealFft, Resampler, resample } from "../../src/audio.ts";
import { distance, get, noise, readVectors } from "./vectors.ts";

const vectors = readVectors("resample");
const ratios = [...vectors.keys()].filter((key) => key.startsWith("x_")).map((key) => key.slice(2));
const RATES = ratios.map((key) => key.split("_").map(Number) as [number, number]);

/** In pieces of these lengths, in turn. */
function inPieces(resampler: Resampler, x: Float64Array, ...lengths: number[]): number[] {
  const y: number[] = [];
  const out = new Float64Array(resampler.maxOutput(Math.max(...lengths)));
  for (let at = 0, i = 0; at < x.length; i++) {
    const piece = x.subarray(at, at + lengths[i % lengths.length]);
    y.push(...out.subarray(0, resampler.step(piece, out)));
    at += piece.length;
  }
  return y;
}

/** dB that resampling adds to a sine, of the power of all that comes out; `hertz` is a multiple of 20. */
function gain(from: number, to: number, hertz: number): number {
  const x = Float64Array.from({ length: from / 5 }, (_, n) => Math.sin((2 * Math.PI * hertz * n) / from + 0.3));
  const y = resample(x, { from, to });
  // The middle, whole periods: what begins and ends abruptly has every frequency.
  const power = (z: Float64Array) => {
    const middle = z.subarray(z.length / 4, (3 * z.length) / 4);
    return middle.reduce((sum, value) => sum + value * value, 0) / middle.length;
  };
  return 10 * Math.log10(power(y) / power(x));
}

describe("resample", () => {
  it.each(RATES)("from %i to %i is scipy.signal.resample_poly with the same window", (from, to) => {
    const y = resample(get(vectors, `x_${from}_${to}`), { from, to });
    expect(distance(y, get(vectors, `y_${from}_${to}`))).toBeLessThan(1e-12);
  });

  it("keeps the type, and reduces the rates", () => {
    const x = Float32Array.from(noise(5000));
    const y = resample(x, { from: 48000, to: 16000 });
    expect(y).toBeInstanceOf(Float32Array);
    expect(y).toEqual(resample(x, { from: 3, to: 1 }));
    expect(y).toHaveLength(Math.ceil(5000 / 3));
    expect(resample(x, { from: 44100, to: 44100 })).toEqual(x);
    expect(resample(new Float32Array(0), { from: 1, to: 2 })).toHaveLength(0);
  });
});

describe("the filter", () => {
  const PAIRS: [number, number][] = [
    [48000, 16000],
    [44100, 16000],
    [44100, 48000],
    [48000, 44100],
    [16000, 48000],
    [8000, 16000],
  ];

  it.each(PAIRS.filter(([from, to]) => from > to))(
    "from %i to %i takes at least 80 dB off everything above half the lower rate",
    (from, to) => {
      const edge = Math.min(from, to) / 2;
      const tones = [1, 1.01, 1.03, 1.1, 1.3, 1.7, 2.2, 2.9]
        .map((part) => 20 * Math.ceil((part * edge + 1) / 20))
        .filter((hertz) => hertz < from / 2);
      for (const hertz of tones) expect(gain(from, to, hertz), `${hertz} Hz`).toBeLessThan(-80);
      expect(tones.length).toBeGreaterThan(1);
    },
  );

  it.each(PAIRS)("from %i to %i passes 0.9 of half the lower rate within 0.001 dB", (from, to) => {
    const edge = Math.min(from, to) / 2;
    for (const part of [0.01, 0.3, 0.6, 0.8, 0.9]) {
      expect(Math.abs(gain(from, to, 20 * Math.round((part * edge) / 20))), `${part}`).toBeLessThan(0.001);
    }
  });

  // A sine's image is another sine: what is left after the sine is taken out.
  it.each([
    [16000, 48000],
    [8000, 16000],
    [8000, 48000],
  ])("from %i to %i leaves no image above −80 dB", (from, to) => {
    for (const bin of [7, 100, 300, 440]) {
      const size = 960;
      const hertz = (bin * to) / size;
      if (hertz > 0.9 * (from / 2)) continue;
      const x = Float64Array.from({ length: from / 10 }, (_, n) => Math.cos((2 * Math.PI * hertz * n) / from));
      const y = resample(x, { from, to });
      const middle = Math.floor((y.length - size) / 2);
      const spectrum = new RealFft(size).forward(y.subarray(middle, middle + size), new Float64Array(size + 2));
      const power = Array.from({ length: size / 2 + 1 }, (_, k) => spectrum[2 * k] ** 2 + spectrum[2 * k + 1] ** 2);
      const rest = power.reduce((sum, value, k) => (k === bin ? sum : sum + value), 0);
      expect(10 * Math.log10(rest / power[bin]), `${hertz} Hz`).toBeLessThan(-80);
    }
  });
});

describe("Resampler", () => {
  it.each(RATES)("from %i to %i is late by latencySamples, whatever the pieces", (from, to) => {
    const x = get(vectors, `x_${from}_${to}`);
    const resampler = new Resampler({ from, to, maxInput: 64 });
    const late = resampler.latencySamples;
    const y = inPieces(resampler, x, 64);
    expect(y).toHaveLength(Math.ceil((x.length * to) / from));
    expect(distance(y.slice(late), get(vectors, `y_${from}_${to}`).subarray(0, y.length - late))).toBeLessThan(1e-12);
    // About 58 samples of the lower rate.
    expect(Math.abs(late / to - 58 / Math.min(from, to)) * to).toBeLessThanOrEqual(1);
    for (const lengths of [[1], [7, 13, 0, 1], [64, 3]]) {
      resampler.reset();
      expect(inPieces(resampler, x, ...lengths)).toEqual(y);
    }
  });

  it("gives what is due after each piece", () => {
    const resampler = new Resampler({ from: 441, to: 160 });
    let taken = 0;
    let given = 0;
    const y = new Float32Array(resampler.maxOutput(128));
    for (let i = 0; i < 500; i++) {
      given += resampler.step(new Float32Array(128), y);
      taken += 128;
      expect(given).toBe(Math.ceil((taken * 160) / 441));
    }
  });

  it("at one rate gives what it takes, at once", () => {
    const resampler = new Resampler({ from: 16000, to: 16000 });
    expect(resampler.latencySamples).toBe(0);
    expect(inPieces(resampler, noise(50), 20)).toEqual([...noise(50)]);
  });

  it("refuses rates, lengths and kinds that do not fit, and stays as it was", () => {
    const make = (from: number, to: number, maxInput?: number) => () => new Resampler({ from, to, maxInput });
    expect(make(0, 1)).toThrow('"from" expected an integer from 1 to 4194304, got 0');
    expect(make(1, 44100.5)).toThrow('"to" expected an integer from 1 to 4194304, got 44100.5');
    expect(make(1, 1, 0)).toThrow('"maxInput" expected an integer from 1 to 16777216, got 0');
    expect(make(44101, 48000)).toThrow(
      '"to" expected a ratio to "from" of numbers up to 16384 when reduced, got 48000 / 44101',
    );
    expect(() => resample([1] as never, { from: 1, to: 2 })).toThrow(
      '"x" expected Float32Array or Float64Array, got Array',
    );

    const resampler = new Resampler({ from: 2, to: 3, maxInput: 100 });
    const [a, b] = [noise(100), noise(100, 2)];
    const [y, z] = [new Float64Array(150), new Float64Array(150)];
    resampler.step(a, y);
    expect(() => resampler.step(new Float32Array(101), y)).toThrow('"x" expected at most 100 samples, got 101');
    expect(() => resampler.step(noise(100, 3), new Float32Array(149))).toThrow(
      '"y" expected at least 150 samples, got 149',
    );
    expect(() => resampler.step(a, [] as never)).toThrow('"y" expected Float32Array or Float64Array, got Array');
    expect(() => resampler.step(null as never, y)).toThrow('"x" expected Float32Array or Float64Array, got null');
    expect(() => resampler.maxOutput(101)).toThrow('"length" expected an integer from 0 to 100, got 101');
    resampler.step(b, y);
    const other = new Resampler({ from: 2, to: 3 });
    other.step(a, z);
    other.step(b, z);
    expect(y).toEqual(z);
  });
});
