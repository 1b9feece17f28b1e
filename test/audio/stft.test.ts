import { describe, expect, it } from "vitest";
import { Framer, Istft, makeWindow, Stft, type StftOptions, type WindowName } from "../../src/audio.ts";
import { distance, get, noise, readVectors } from "./vectors.ts";

const windows = readVectors("windows");
const vectors = readVectors("stft");

describe("makeWindow", () => {
  it.each([...windows.keys()])("%s is SciPy's periodic one", (name) => {
    expect(distance(makeWindow(name as WindowName, 20), get(windows, name))).toBeLessThan(1e-15);
  });

  it("refuses other names and lengths", () => {
    expect(() => makeWindow("hanning" as never, 20)).toThrow('"name" expected hann, sqrt-hann, hamming, blackman, ');
    expect(() => makeWindow("hann", 0)).toThrow('"length" expected an integer from 1 to 1048576, got 0');
  });
});

describe("Stft", () => {
  it.each([...vectors.keys()].filter((key) => !key.endsWith("spectra")))("%s gives NumPy's spectra", (key) => {
    const [window, frame, hop, fftSize] = key.split("_").map((part, i) => (i === 0 ? part : Number(part)));
    const stft = new Stft({ window, frame, hop, fftSize } as StftOptions);
    const x = get(vectors, key);
    const spectra = get(vectors, `${key}_spectra`);
    const { spectrumLength } = stft;
    expect(spectra.length).toBe(12 * spectrumLength);
    for (let i = 0; i < 12; i++) {
      const spectrum = stft.step(x.subarray(i * stft.hop, (i + 1) * stft.hop), new Float64Array(spectrumLength));
      expect(distance(spectrum, spectra.subarray(i * spectrumLength, (i + 1) * spectrumLength))).toBeLessThan(1e-13);
    }
  });

  it("after reset is a new one", () => {
    const stft = new Stft({ frame: 8, hop: 2 });
    const first = stft.step(noise(2), new Float64Array(10));
    stft.step(noise(2, 5), new Float64Array(10));
    stft.reset();
    expect(stft.step(noise(2), new Float64Array(10))).toEqual(first);
  });

  it("refuses hops above the frame, transforms below it, and windows of another length", () => {
    expect(() => new Stft({ frame: 8, hop: 9 })).toThrow('"hop" expected an integer from 1 to 8, got 9');
    expect(() => new Stft({ frame: 8, fftSize: 6 })).toThrow('"fftSize" expected an integer from 8 to 1048576, got 6');
    expect(() => new Stft({ frame: 8, window: new Float32Array(7) })).toThrow('"window" expected length 8, got 7');
    const stft = new Stft({ frame: 8 });
    expect(() => stft.step(new Float32Array(8), new Float32Array(10))).toThrow('"x" expected length 4, got 8');
    expect(() => stft.step(new Float32Array(4), new Float32Array(8))).toThrow('"spectrum" expected length 10, got 8');
  });
});

const own = Float64Array.from({ length: 30 }, (_, n) => 1 + 0.5 * Math.sin(n * n));
const PAIRS: readonly StftOptions[] = [
  { frame: 512, hop: 256, window: "sqrt-hann" },
  { frame: 320, hop: 160, window: "sqrt-hann", fftSize: 512 },
  { frame: 512, hop: 128, window: "rectangular" },
  { frame: 960, hop: 480, window: "vorbis" },
  { frame: 400, hop: 160, window: "hann" },
  { frame: 64, hop: 64, window: "hamming" },
  { frame: 30, hop: 7, window: own },
];

describe("Istft", () => {
  it.each(PAIRS)("gives back the samples, frame − hop later: %o", (options) => {
    const stft = new Stft(options);
    const istft = new Istft(options);
    const { hop } = stft;
    expect(istft.latencySamples).toBe(stft.frame - hop);
    const x = noise(hop * 20);
    const y = new Float64Array(x.length);
    const spectrum = new Float64Array(stft.spectrumLength);
    for (let i = 0; i < x.length; i += hop) {
      istft.step(stft.step(x.subarray(i, i + hop), spectrum), y.subarray(i, i + hop));
    }
    const late = istft.latencySamples;
    expect(distance(y.subarray(late), x.subarray(0, x.length - late))).toBeLessThan(1e-13);
    expect(distance(y.subarray(0, late), new Float64Array(late))).toBeLessThan(1e-13);
  });

  it("after reset is a new one", () => {
    const istft = new Istft({ frame: 8, hop: 2 });
    const first = istft.step(noise(10), new Float64Array(2));
    istft.step(noise(10, 3), new Float64Array(2));
    istft.reset();
    expect(istft.step(noise(10), new Float64Array(2))).toEqual(first);
  });

  it("refuses windows that leave a sample out, and other lengths", () => {
    expect(() => new Istft({ frame: 8, hop: 8, window: "hann" })).toThrow(
      '"window" expected weights whose squares have a sum above 1e-8 at every sample of a hop, got 0 at 0',
    );
    const istft = new Istft({ frame: 8 });
    expect(() => istft.step(new Float32Array(8), new Float32Array(4))).toThrow('"spectrum" expected length 10, got 8');
    expect(() => istft.step(new Float32Array(10), new Float32Array(8))).toThrow('"y" expected length 4, got 8');
  });
});

/** Frames by their definition: frame i ends with sample i·hop + frame − 1. */
function framesOf(x: Float64Array, frame: number, hop: number, context: number): number[][] {
  const frames = [];
  for (let end = frame; end <= x.length; end += hop) {
    frames.push(Array.from({ length: context + frame }, (_, n) => x[end - context - frame + n] ?? 0));
  }
  return frames;
}

describe("Framer", () => {
  it.each([
    [5, 5, 0],
    [5, 2, 0],
    [5, 2, 3],
    [4, 9, 0],
    [4, 9, 3],
    [1, 1, 7],
    [2, 30, 1],
  ])("frames of %i, %i apart, with %i before, whatever the pieces", (frame, hop, context) => {
    const x = noise(97);
    const framer = new Framer({ frame, hop, context, maxInput: 13 });
    const memory = new Float64Array(framer.frameLength);
    for (const piece of [1, 3, 13]) {
      framer.reset();
      const frames: number[][] = [];
      for (let at = 0; at < x.length; at += piece) {
        framer.write(x.subarray(at, at + piece));
        while (framer.read(memory)) frames.push([...memory]);
      }
      expect(frames).toEqual(framesOf(x, frame, hop, context));
    }
  });

  it("refuses more than it was made for, and samples over unread frames", () => {
    const framer = new Framer({ frame: 4, maxInput: 8 });
    expect(() => framer.write(new Float32Array(9))).toThrow('"x" expected at most 8 samples, got 9');
    framer.write(new Float32Array(4));
    expect(() => framer.write(new Float32Array(1))).toThrow('"x" expected every frame read before more is written');
    expect(() => framer.read(new Float32Array(3))).toThrow('"frame" expected length 4, got 3');
  });
});
