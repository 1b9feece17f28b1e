/**
 * Hops of speech in noise → hops of speech, at 16 kHz: the arithmetic around the two networks, the same in a terminal and on an
 * audio thread. Nothing is allocated in `step`.
 */

import { Istft, RealFft, Stft } from "sluice/audio";
import type { Stream } from "sluice/onnx";

/** Hz, of both networks. */
export const RATE = 16000;

export interface Denoiser {
  /** Samples that a step takes and gives. */
  readonly hop: number;
  /** What comes out belongs to the time of so many samples before. */
  readonly latencySamples: number;
  /** So many samples stand before a recording, and as many after it, mirrored: so its authors begin and end one. */
  readonly mirrored: number;
  step(x: Float32Array, y: Float32Array): void;
  /** Back to silence. */
  reset(): void;
}

/**
 * GTCRN: a stream of its ONNX file, which takes the spectrum of each frame (257 bins, real and imaginary) and gives that of the
 * speech in it. Frames of 512 samples, the root of Hann's window before and after, as its authors have them. The first step
 * only takes samples, since there is no whole frame before the second.
 */
export function gtcrn(stream: Stream): Denoiser {
  const frames = { frame: 512, hop: 256, window: "sqrt-hann" } as const;
  const stft = new Stft(frames);
  const istft = new Istft(frames);
  const noisy = new Float32Array(stft.spectrumLength);
  const clean = new Float32Array(stft.spectrumLength);
  let whole = false;
  return {
    hop: stft.hop,
    latencySamples: istft.latencySamples,
    mirrored: stft.frame - stft.hop,
    step(x, y) {
      stft.step(x, noisy);
      if (whole) stream.step(noisy, clean);
      istft.step(clean, y);
      whole = true;
    },
    reset() {
      whole = false;
      clean.fill(0);
      stft.reset();
      istft.reset();
      stream.reset();
    },
  };
}

/**
 * DTLN: streams of its two ONNX files. The first takes the magnitudes of a block of 512 samples and gives a mask for them; the
 * second takes the block that the masked spectrum makes, and gives a better one. Blocks are added up without a window.
 */
export function dtln(first: Stream, second: Stream): Denoiser {
  const [block, hop] = [512, 128];
  const stft = new Stft({ frame: block, hop, window: "rectangular" });
  const fft = new RealFft(block);
  const spectrum = new Float32Array(fft.spectrumLength);
  const bins = fft.spectrumLength / 2;
  const magnitudes = new Float32Array(bins);
  const mask = new Float32Array(bins);
  const estimate = new Float32Array(block);
  const clean = new Float32Array(block);
  const sum = new Float32Array(block);
  return {
    hop,
    latencySamples: block - hop,
    mirrored: 0,
    step(x, y) {
      stft.step(x, spectrum);
      for (let k = 0; k < bins; k++) magnitudes[k] = Math.sqrt(spectrum[2 * k] ** 2 + spectrum[2 * k + 1] ** 2);
      first.step(magnitudes, mask);
      for (let k = 0; k < spectrum.length; k++) spectrum[k] *= mask[k >> 1];
      second.step(fft.inverse(spectrum, estimate), clean);
      for (let n = 0; n < block; n++) sum[n] += clean[n];
      for (let n = 0; n < hop; n++) y[n] = sum[n];
      sum.copyWithin(0, hop);
      sum.fill(0, block - hop);
    },
    reset() {
      stft.reset();
      first.reset();
      second.reset();
      sum.fill(0);
    },
  };
}

/**
 * A whole recording at 16 kHz, in time with `x`. The denoiser is reset first.
 */
export function denoise(denoiser: Denoiser, x: Float32Array): Float32Array {
  const { hop, latencySamples, mirrored } = denoiser;
  const before = Float32Array.from({ length: mirrored }, (_, n) => x[mirrored - n] ?? 0);
  const after = Float32Array.from({ length: mirrored }, (_, n) => x[x.length - 2 - n] ?? 0);
  const late = mirrored + latencySamples;
  const steps = Math.ceil((x.length + late) / hop);
  const padded = new Float32Array(steps * hop);
  padded.set(before);
  padded.set(x, mirrored);
  padded.set(after.subarray(0, padded.length - mirrored - x.length), mirrored + x.length);
  const y = new Float32Array(padded.length);
  denoiser.reset();
  for (let at = 0; at < padded.length; at += hop) {
    denoiser.step(padded.subarray(at, at + hop), y.subarray(at, at + hop));
  }
  return y.subarray(late, late + x.length);
}
