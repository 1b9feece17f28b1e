/**
 * Frames of samples → rows of spectra for a model; the model's spectra → hops of samples: the transforms of sluice/audio around
 * a model, for one channel. The bits are those of Stft and Istft. Nothing is allocated after the constructor.
 */

import { RealFft } from "../audio/fft.ts";
import { Istft } from "../audio/stft.ts";
import type { Frames, RowsOf } from "./frames.ts";
import type { Framing } from "./layout.ts";

export class Spectra {
  readonly #window: Float64Array;
  readonly #fft: RealFft;
  readonly #istft: Istft;
  readonly #frame: RowsOf & { readonly data: Float32Array };
  readonly #hop: RowsOf & { readonly data: Float32Array };
  readonly #windowed: Float64Array;
  readonly #spectrum: Float32Array;

  constructor(framing: Framing) {
    const { frame, hop, fftSize, window } = framing;
    this.#window = window;
    this.#fft = new RealFft(fftSize);
    this.#istft = new Istft(framing);
    this.#frame = { data: new Float32Array(frame), stride: frame };
    this.#hop = { data: new Float32Array(hop), stride: hop };
    this.#windowed = new Float64Array(fftSize);
    this.#spectrum = new Float32Array(fftSize + 2);
  }

  /** The spectrum of frame k into row r: real and imaginary part of each bin, in turn. */
  read(frames: Frames, k: number, { data, stride }: RowsOf, r: number): void {
    const samples = this.#frame.data;
    frames.read(k, this.#frame, 0);
    for (let n = 0; n < samples.length; n++) this.#windowed[n] = samples[n] * this.#window[n];
    const spectrum = this.#fft.forward(this.#windowed, this.#spectrum);
    for (let i = 0; i < spectrum.length; i++) data[r * stride + i] = spectrum[i];
  }

  /** The samples that row r completes, into the line. */
  write({ data, stride }: RowsOf, r: number, frames: Frames): void {
    const spectrum = this.#spectrum;
    for (let i = 0; i < spectrum.length; i++) spectrum[i] = data[r * stride + i];
    this.#istft.step(spectrum, this.#hop.data);
    frames.write(this.#hop, 0);
  }

  /** Forgets the frames so far. */
  reset(): void {
    this.#istft.reset();
  }
}
