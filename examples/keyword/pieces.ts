/** The bytes of a WAV file or of raw 16-bit samples, as they come → pieces of one length, one channel, at another rate. */

import { Framer, Resampler, readWavFrames, readWavHeader, type WavHeader } from "sluice/audio";

export interface PiecesOptions {
  /** Hz, of samples; a WAV says its own. */
  readonly rate: number;
  /** Hz, of the pieces. */
  readonly to: number;
  /** Samples of a piece. */
  readonly length: number;
}

/** Frames that are taken at once. */
const MOST = 4096;

/**
 * Pieces in time with the recording; what does not fill the last one is followed by silence. The mean of the channels. A piece
 * is valid until the next.
 */
export async function* pieces(
  source: AsyncIterable<Uint8Array>,
  { rate, to, length }: PiecesOptions,
): AsyncGenerator<Float32Array> {
  let bytes = new Uint8Array();
  let chain: Chain | undefined;
  let left = 0; // bytes of samples that are to come
  for await (const more of source) {
    bytes = joined(bytes, more);
    if (chain === undefined) {
      const header = headerOf(bytes, rate);
      if (header === undefined) continue;
      chain = new Chain(header, to, length);
      left = header.dataBytes;
      bytes = bytes.subarray(header.dataOffset);
    }
    const { frameBytes } = chain.header;
    while (Math.min(bytes.length, left) >= frameBytes) {
      const count = Math.min(MOST, Math.floor(Math.min(bytes.length, left) / frameBytes)) * frameBytes;
      yield* chain.take(bytes.subarray(0, count));
      bytes = bytes.subarray(count);
      left -= count;
    }
  }
  if (chain === undefined) throw new Error(`expected a WAV file or raw samples, got ${bytes.length} bytes`);
  yield* chain.end();
}

/** Of raw samples, too. Undefined: more bytes are needed. */
function headerOf(bytes: Uint8Array, sampleRate: number): WavHeader | undefined {
  if (bytes.length < 4) return undefined;
  if (/^(RIFF|RF64|BW64)$/.test(String.fromCharCode(...bytes.subarray(0, 4)))) return readWavHeader(bytes);
  const dataBytes = Number.POSITIVE_INFINITY;
  return { sampleRate, channelCount: 1, encoding: "s16", frameBytes: 2, dataOffset: 0, dataBytes };
}

/** Frames of a file → channels → their mean → pieces. */
class Chain {
  readonly header: WavHeader;
  readonly #channels: readonly Float32Array[];
  readonly #pieces: Pieces;
  readonly #to: number;
  readonly #length: number;
  #frames = 0;
  #given = 0;

  constructor(header: WavHeader, to: number, length: number) {
    this.header = header;
    this.#channels = Array.from({ length: header.channelCount }, () => new Float32Array(MOST));
    this.#pieces = new Pieces({ rate: header.sampleRate, to, length });
    this.#to = to;
    this.#length = length;
  }

  *take(bytes: Uint8Array): Generator<Float32Array> {
    const count = readWavFrames(this.header, bytes, this.#channels);
    this.#frames += count;
    const [mean, ...others] = this.#channels;
    for (const channel of others) for (let i = 0; i < count; i++) mean[i] += channel[i];
    for (let i = 0; i < count; i++) mean[i] /= this.#channels.length;
    for (const piece of this.#pieces.take(mean.subarray(0, count))) {
      this.#given++;
      yield piece;
    }
  }

  /** Silence, until all that came has gone out. */
  *end(): Generator<Float32Array> {
    const expected = Math.ceil((this.#frames * this.#to) / this.header.sampleRate / this.#length);
    const silence = new Float32Array(MOST);
    while (this.#given < expected) {
      for (const piece of this.#pieces.take(silence)) if (this.#given++ < expected) yield piece;
    }
  }
}

/** Samples as they come, at `rate` → pieces of `length` at the rate `to`, in time with them. */
export class Pieces {
  readonly #resampler: Resampler;
  readonly #resampled: Float32Array;
  readonly #framer: Framer;
  readonly #piece: Float32Array;
  /** Samples of a piece's rate that are late, and not yet dropped. */
  #late: number;

  constructor({ rate, to, length }: PiecesOptions) {
    this.#resampler = new Resampler({ from: rate, to, maxInput: MOST });
    this.#resampled = new Float32Array(this.#resampler.maxOutput(MOST));
    this.#framer = new Framer({ frame: length, maxInput: this.#resampled.length });
    this.#piece = new Float32Array(length);
    this.#late = this.#resampler.latencySamples;
  }

  /** At most 4096 samples. A piece is valid until the next. */
  *take(x: Float32Array): Generator<Float32Array> {
    const count = this.#resampler.step(x, this.#resampled);
    const dropped = Math.min(this.#late, count);
    this.#late -= dropped;
    this.#framer.write(this.#resampled.subarray(dropped, count));
    while (this.#framer.read(this.#piece)) yield this.#piece;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
