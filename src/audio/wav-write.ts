/** Samples → the bytes of a WAV file. */

import { checkInteger, checkSamples, kindOf, type Samples } from "./arguments.ts";
import { bytesOf, checkFormat, FLOAT, PCM, UNKNOWN, type WavEncoding, type WavFormat, writeWavFrames } from "./wav.ts";

/** What is written: a Wav, and a little more. */
export interface WavInput {
  /** Hz. */
  readonly sampleRate: number;
  /** One array for each channel, all of one length. */
  readonly channels: readonly Samples[];
  /** Default: "s16". */
  readonly encoding?: WavEncoding;
}

/**
 * A whole file. Integers: the nearest, those outside full scale become the first or last, NaN zero; s16 (the default) is
 * sample · 32768.
 *
 * @throws {@link RangeError} `"frames" expected an integer from 0 to 2147483600, got …`: the sizes have 32 bits
 * @example
 * const bytes = writeWav({ sampleRate: 16000, channels: [new Float32Array(16000)] });
 */
export function writeWav({ sampleRate, channels, encoding = "s16" }: WavInput): Uint8Array {
  if (!Array.isArray(channels)) throw new TypeError(`"channels" expected an array, got ${kindOf(channels)}`);
  const format = checkFormat({ sampleRate, channelCount: channels.length, encoding });
  checkSamples("channels[0]", channels[0]);
  const frames = channels[0].length;
  for (let c = 1; c < channels.length; c++) checkSamples(`channels[${c}]`, channels[c], frames);
  const header = writeWavHeader({ ...format, frames });
  const dataBytes = frames * channels.length * bytesOf(encoding);
  const bytes = new Uint8Array(header.length + dataBytes + (dataBytes % 2)); // chunks of odd sizes are padded
  bytes.set(header);
  writeWavFrames(format, channels, bytes.subarray(header.length), frames);
  return bytes;
}

/** Room for a header in 32 bits. */
const MOST_BYTES = 2 ** 32 - 96;

/**
 * What stands before the samples. `frames` absent: they are not counted yet, and go on to the end of the stream.
 *
 * @throws {@link RangeError} `"encoding" expected u8, s16, s24, s32, f32, f64; got i16`
 * @example
 * const header = writeWavHeader({ sampleRate: 48000, channelCount: 1, encoding: "f32" });
 */
export function writeWavHeader(format: WavFormat & { readonly frames?: number }): Uint8Array {
  const { sampleRate, channelCount, encoding } = checkFormat(format);
  const { frames } = format;
  const width = bytesOf(encoding);
  const most = Math.floor(MOST_BYTES / (width * channelCount));
  if (frames !== undefined) checkInteger("frames", frames, 0, most);
  const float = encoding === "f32" || encoding === "f64";
  // Formats other than PCM have the size of an extension, and a chunk that counts frames.
  const bytes = new Uint8Array(float ? 58 : 44);
  const view = new DataView(bytes.buffer);
  const put = (at: number, name: string) => {
    for (let i = 0; i < 4; i++) bytes[at + i] = name.charCodeAt(i);
  };
  const dataBytes = (frames ?? 0) * width * channelCount;
  put(0, "RIFF");
  view.setUint32(4, frames === undefined ? UNKNOWN : bytes.length - 8 + dataBytes + (dataBytes % 2), true);
  put(8, "WAVE");
  put(12, "fmt ");
  view.setUint32(16, float ? 18 : 16, true);
  view.setUint16(20, float ? FLOAT : PCM, true);
  view.setUint16(22, channelCount, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, Math.min(sampleRate * width * channelCount, UNKNOWN), true);
  view.setUint16(32, width * channelCount, true);
  view.setUint16(34, 8 * width, true);
  if (float) {
    put(38, "fact");
    view.setUint32(42, 4, true);
    view.setUint32(46, frames ?? UNKNOWN, true);
  }
  put(bytes.length - 8, "data");
  view.setUint32(bytes.length - 4, frames === undefined ? UNKNOWN : dataBytes, true);
  return bytes;
}
