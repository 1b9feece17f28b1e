/** The bytes of a WAV file, or of samples alone, as they come → mono samples at 16 kHz. */

import { Resampler, readWavFrames, readWavHeader, type WavHeader } from "sluice/audio";
import { SAMPLE_RATE } from "./detector.ts";

type Format = Pick<WavHeader, "sampleRate" | "channelCount" | "encoding" | "frameBytes">;

/** With `raw`, s16 samples of one channel at that rate; else a WAV file. A piece is valid until the next is asked for. */
export async function* samplesOf(source: AsyncIterable<Uint8Array>, raw?: number): AsyncGenerator<Float32Array, void> {
  let format: Format | undefined;
  if (raw !== undefined) format = { sampleRate: raw, channelCount: 1, encoding: "s16", frameBytes: 2 };
  let left = Number.POSITIVE_INFINITY; // bytes of samples
  let rest: Uint8Array = new Uint8Array(0);
  let mixer: Mixer | undefined;
  for await (const chunk of source) {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    if (format === undefined) {
      const header = readWavHeader(rest);
      if (header === undefined) continue;
      format = header;
      left = header.dataBytes;
      rest = rest.subarray(header.dataOffset);
    }
    mixer ??= new Mixer(format);
    const most = Math.min(rest.length, left);
    const bytes = most - (most % format.frameBytes);
    yield* mixer.push(rest.subarray(0, bytes));
    rest = rest.subarray(bytes);
    left -= bytes;
    if (left < format.frameBytes) break; // what follows the samples is no sound
  }
  if (format === undefined)
    throw new TypeError(`standard input or file: expected a WAV; got ${rest.length} bytes of one`);
  if (mixer) yield* mixer.end();
}

/** Frames that are converted at a time. */
const PIECE = 4096;

/** Frames of any number of channels, at any rate → their mean at 16 kHz, in time with them. */
class Mixer {
  readonly #format: Format;
  readonly #channels: readonly Float32Array[];
  readonly #resampler: Resampler | undefined;
  readonly #resampled = new Float32Array(0);
  /** Samples that the resampler is still to give before the first that is due. */
  #early = 0;

  constructor(format: Format) {
    this.#format = format;
    this.#channels = Array.from({ length: format.channelCount }, () => new Float32Array(PIECE));
    if (format.sampleRate === SAMPLE_RATE) return;
    this.#resampler = new Resampler({ from: format.sampleRate, to: SAMPLE_RATE, maxInput: PIECE });
    this.#resampled = new Float32Array(this.#resampler.maxOutput(PIECE));
    this.#early = this.#resampler.latencySamples;
  }

  *push(bytes: Uint8Array): Generator<Float32Array, void> {
    const size = PIECE * this.#format.frameBytes;
    const [mono, ...others] = this.#channels;
    for (let at = 0; at < bytes.length; at += size) {
      const count = readWavFrames(this.#format, bytes.subarray(at, at + size), this.#channels);
      for (let i = 0; others.length > 0 && i < count; i++) {
        for (const channel of others) mono[i] += channel[i];
        mono[i] /= this.#channels.length;
      }
      yield this.#at16k(mono.subarray(0, count));
    }
  }

  /** What the resampler holds back. */
  *end(): Generator<Float32Array, void> {
    if (!this.#resampler) return;
    const { latencySamples } = this.#resampler;
    const silence = Math.ceil((latencySamples * this.#format.sampleRate) / SAMPLE_RATE);
    for (let at = 0; at < silence; at += PIECE) yield this.#at16k(new Float32Array(Math.min(PIECE, silence - at)));
  }

  #at16k(samples: Float32Array): Float32Array {
    if (!this.#resampler) return samples;
    const count = this.#resampler.step(samples, this.#resampled);
    const from = Math.min(this.#early, count);
    this.#early -= from;
    return this.#resampled.subarray(from, count);
  }
}
