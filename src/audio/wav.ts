/**
 * Samples as they stand in a WAV file ↔ one array for each channel. Sources: Microsoft, Multiple Channel Audio Data and WAVE
 * Files (2007); EBU Tech 3306 (2009).
 */

import { checkInteger, checkSamples, kindOf, type Samples } from "./arguments.ts";

/** Bytes of a sample, and its kind: unsigned, signed or floating point. Little endian; integers stand at the upper end. */
export type WavEncoding = "u8" | "s16" | "s24" | "s32" | "f32" | "f64";

export interface WavFormat {
  /** Hz. */
  readonly sampleRate: number;
  readonly channelCount: number;
  readonly encoding: WavEncoding;
}

export interface WavHeader extends WavFormat {
  /** Bytes of a frame: a sample of each channel. */
  readonly frameBytes: number;
  /** Where the samples begin. */
  readonly dataOffset: number;
  /** Bytes of samples; `Infinity` where the file was written as a stream and they go on to its end. */
  readonly dataBytes: number;
}

export interface Wav {
  /** Hz. */
  readonly sampleRate: number;
  /** One array for each channel, all of one length; full scale is [−1, 1). */
  readonly channels: readonly Float32Array[];
  /** In the file. */
  readonly encoding: WavEncoding;
}

/** @internal Format tags. */
export const PCM = 1;
/** @internal */
export const FLOAT = 3;
/** @internal A size that was not known when the header was written. */
export const UNKNOWN = 0xffffffff;

const BYTES: ReadonlyMap<WavEncoding, number> = new Map([
  ["u8", 1],
  ["s16", 2],
  ["s24", 3],
  ["s32", 4],
  ["f32", 4],
  ["f64", 8],
]);

/**
 * Samples as they stand in a file → one array for each channel. Returns the number of frames; the arrays are as long, or longer.
 *
 * Cost     no allocation but a view of the bytes
 * @throws {@link RangeError} `"bytes" expected a multiple of 4 (a frame), got 6`
 * @example
 * const frames = readWavFrames(header, bytes.subarray(header.dataOffset), [new Float32Array(1000)]);
 */
export function readWavFrames(format: WavFormat, bytes: Uint8Array, channels: readonly Samples[]): number {
  const { encoding, channelCount } = checkFormat(format);
  checkBytes("bytes", bytes);
  const width = bytesOf(encoding);
  const frames = bytes.length / (width * channelCount);
  if (!Number.isInteger(frames)) {
    throw new RangeError(`"bytes" expected a multiple of ${width * channelCount} (a frame), got ${bytes.length}`);
  }
  checkChannels(channels, channelCount, frames);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let c = 0; c < channelCount; c++) {
    const channel = channels[c];
    const stride = width * channelCount;
    for (let i = 0, at = c * width; i < frames; i++, at += stride) {
      if (encoding === "s16") channel[i] = view.getInt16(at, true) / 2 ** 15;
      else if (encoding === "f32") channel[i] = view.getFloat32(at, true);
      else if (encoding === "s24") channel[i] = (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23;
      else if (encoding === "s32") channel[i] = view.getInt32(at, true) / 2 ** 31;
      else if (encoding === "u8") channel[i] = (view.getUint8(at) - 128) / 2 ** 7;
      else channel[i] = view.getFloat64(at, true);
    }
  }
  return frames;
}

/**
 * One array for each channel → the bytes of `frames` frames, as a file has them. Returns how many bytes these are.
 *
 * Cost     no allocation but a view of the bytes
 * @throws {@link RangeError} `"bytes" expected at least 4000 bytes, got 3998`
 * @example
 * const bytes = new Uint8Array(2000);
 * writeWavFrames({ sampleRate: 16000, channelCount: 1, encoding: "s16" }, [new Float32Array(1000)], bytes);
 */
export function writeWavFrames(
  format: WavFormat,
  channels: readonly Samples[],
  bytes: Uint8Array,
  frames: number = channels[0]?.length,
): number {
  const { encoding, channelCount } = checkFormat(format);
  checkBytes("bytes", bytes);
  checkChannels(channels, channelCount, frames);
  const width = bytesOf(encoding);
  const stride = width * channelCount;
  if (bytes.length < frames * stride) {
    throw new RangeError(`"bytes" expected at least ${frames * stride} bytes, got ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let c = 0; c < channelCount; c++) {
    const channel = channels[c];
    for (let i = 0, at = c * width; i < frames; i++, at += stride) {
      if (encoding === "f32") view.setFloat32(at, channel[i], true);
      else if (encoding === "f64") view.setFloat64(at, channel[i], true);
      else {
        const full = 2 ** (8 * width - 1);
        const value = Math.max(-full, Math.min(full - 1, Math.round(channel[i] * full))) || 0; // NaN
        if (encoding === "s16") view.setInt16(at, value, true);
        else if (encoding === "s32") view.setInt32(at, value, true);
        else if (encoding === "u8") view.setUint8(at, value + full);
        else {
          view.setUint16(at, value & 0xffff, true);
          view.setInt8(at + 2, value >> 16);
        }
      }
    }
  }
  return frames * stride;
}

/** @internal */
export function bytesOf(encoding: WavEncoding): number {
  return BYTES.get(encoding) as number;
}

/** @internal What can be written: the limits of reading. */
export function checkFormat<F extends WavFormat>(format: F): F {
  checkInteger("sampleRate", format.sampleRate, 1, 2 ** 22);
  checkInteger("channelCount", format.channelCount, 1, 256);
  if (!BYTES.has(format.encoding)) {
    throw new RangeError(`"encoding" expected ${[...BYTES.keys()].join(", ")}; got ${format.encoding}`);
  }
  return format;
}

/** @internal */
export function checkBytes(name: string, value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) throw new TypeError(`"${name}" expected Uint8Array, got ${kindOf(value)}`);
}

function checkChannels(channels: readonly Samples[], count: number, frames: number): void {
  if (!Array.isArray(channels)) throw new TypeError(`"channels" expected an array, got ${kindOf(channels)}`);
  if (channels.length !== count) {
    throw new RangeError(`"channels" expected ${count} arrays (channelCount), got ${channels.length}`);
  }
  checkInteger("frames", frames, 0, 2 ** 32);
  for (let c = 0; c < count; c++) {
    checkSamples("channels", channels[c]);
    if (channels[c].length < frames) {
      throw new RangeError(`"channels" expected at least ${frames} samples each, got ${channels[c].length}`);
    }
  }
}
