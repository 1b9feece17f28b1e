/**
 * The bytes of a WAV file → samples. A file is RIFF chunks: `fmt ` says what a sample is, `data` has them; RF64 and BW64 have
 * their sizes in `ds64`.
 */

import { FormatError, type FormatErrorCode } from "../errors.ts";
import { checkBytes, FLOAT, PCM, readWavFrames, UNKNOWN, type Wav, type WavEncoding, type WavHeader } from "./wav.ts";

/** What a WAV may ask for; more is ERR_LIMIT. */
export interface WavLimits {
  readonly channels: number;
  readonly sampleRate: number;
  readonly headerBytes: number;
}

const LIMITS: WavLimits = {
  // Each is an array. Largest realistic: 64, ambisonics of order seven.
  channels: 256,
  // Hz. Largest realistic: 768,000.
  sampleRate: 2 ** 22,
  // Before the samples of a stream. Largest realistic: 10 MB, the picture of an ID3 tag.
  headerBytes: 2 ** 25,
};

export interface ReadWavOptions {
  /** A file that ends before its samples do: an error, or what there is of it. Default: "refuse". */
  readonly truncated?: "refuse" | "allow";
  readonly limits?: Partial<WavLimits>;
}

const EXTENSIBLE = 0xfffe;
/** Encodings by format tag and bytes of a sample. */
const ENCODINGS: ReadonlyMap<number, ReadonlyMap<number, WavEncoding>> = new Map([
  [
    PCM,
    new Map<number, WavEncoding>([
      [1, "u8"],
      [2, "s16"],
      [3, "s24"],
      [4, "s32"],
    ]),
  ],
  [
    FLOAT,
    new Map<number, WavEncoding>([
      [4, "f32"],
      [8, "f64"],
    ]),
  ],
]);
/** Compressed ones, for the message. */
const TAGS: ReadonlyMap<number, string> = new Map([
  [2, "Microsoft ADPCM"],
  [6, "A-law"],
  [7, "µ-law"],
  [0x11, "IMA ADPCM"],
  [0x31, "GSM"],
  [0x50, "MPEG"],
  [0x55, "MP3"],
]);
/** A GUID of WAVE_FORMAT_EXTENSIBLE is a format tag and these. */
const GUID_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/**
 * Reads a whole file. Any order of chunks; those that are not `fmt `, `ds64` or `data` are passed over, and so are the sizes
 * of the file and of a second's bytes, which are often wrong. Integers are divided by full scale: s16 by 32768.
 *
 * Cost     one Float32Array for each channel; f64 and s32 are rounded
 * @throws {@link FormatError} `data: expected 1000 bytes; got 998` (ERR_TRUNCATED), `fmt: expected …; got A-law` (ERR_DTYPE), …
 * @example
 * const { sampleRate, channels } = readWav(bytes);
 */
export function readWav(bytes: Uint8Array, { truncated = "refuse", limits }: ReadWavOptions = {}): Wav {
  checkBytes("bytes", bytes);
  if (truncated !== "refuse" && truncated !== "allow") {
    throw new RangeError(`"truncated" expected refuse or allow, got ${truncated}`);
  }
  const header = walk(bytes, { ...LIMITS, ...limits }, true) as WavHeader;
  const { sampleRate, encoding, frameBytes, dataOffset, dataBytes, channelCount } = header;
  const there = bytes.length - dataOffset;
  if (truncated === "refuse" && dataBytes !== Number.POSITIVE_INFINITY) {
    if (dataBytes > there) {
      const hint = 'Give { truncated: "allow" } to take what is there.';
      throw failure("ERR_TRUNCATED", "data", `${dataBytes} bytes`, there, dataOffset, hint);
    }
    if (dataBytes % frameBytes !== 0) {
      throw failure("ERR_SIZE", "data", `a multiple of ${frameBytes} bytes (a frame)`, dataBytes, dataOffset - 4);
    }
  }
  const frames = Math.floor(Math.min(dataBytes, there) / frameBytes);
  const channels = Array.from({ length: channelCount }, () => new Float32Array(frames));
  readWavFrames(header, bytes.subarray(dataOffset, dataOffset + frames * frameBytes), channels);
  return { sampleRate, channels, encoding };
}

/**
 * Reads the header of a stream from what has come of it: undefined while more is needed. From `dataOffset` on stand the
 * samples: give {@link readWavFrames} whole frames of them.
 *
 * @throws {@link FormatError} as {@link readWav} does; `header: expected at most 33554432 bytes before the samples; …` (ERR_LIMIT)
 * @example
 * const header = readWavHeader(bytes); // { sampleRate: 48000, channelCount: 2, encoding: "s16", dataOffset: 44, … }
 */
export function readWavHeader(
  bytes: Uint8Array,
  { limits }: { readonly limits?: Partial<WavLimits> } = {},
): WavHeader | undefined {
  checkBytes("bytes", bytes);
  return walk(bytes, { ...LIMITS, ...limits }, false);
}

/** The chunks, up to where `fmt ` and `data` were both seen; undefined where a stream has not come that far. */
function walk(bytes: Uint8Array, limits: WavLimits, whole: boolean): WavHeader | undefined {
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const file = text(view, 0);
  if (!FILES.some((name) => name.slice(0, length) === file)) {
    throw failure("ERR_HEADER", "file", '"RIFF" first', show(file), 0, hintOf(file));
  }
  if (length < 12) return incomplete(whole, "file", '12 bytes of "RIFF", size and "WAVE"', length, length);
  if (text(view, 8) !== "WAVE") throw failure("ERR_HEADER", "file", '"WAVE" at 8', show(text(view, 8)), 8);
  const riffBytes = view.getUint32(4, true);
  let format: Format | undefined;
  let data: Pick<WavHeader, "dataOffset" | "dataBytes"> | undefined;
  let sizes: ReadonlyMap<string, number> | undefined;
  for (let at = 12; format === undefined || data === undefined; ) {
    if (!whole && at > limits.headerBytes) {
      throw failure("ERR_LIMIT", "header", `at most ${limits.headerBytes} bytes before the samples`, at, at);
    }
    if (whole && at >= length) {
      throw failure("ERR_HEADER", "file", `a chunk "${format === undefined ? "fmt " : "data"}"`, "the end", length);
    }
    if (at + 8 > length) return incomplete(whole, "chunk", "8 bytes of name and size", length - at, at);
    const name = text(view, at);
    const start = at + 8;
    let size = view.getUint32(at + 4, true);
    if (file !== "RIFF" && sizes === undefined && name !== "ds64") {
      throw failure("ERR_HEADER", "file", `a chunk "ds64" first in ${file}`, show(name), at);
    }
    const part = name === "fmt " ? "fmt" : name === "ds64" && file !== "RIFF" ? name : undefined;
    if (part !== undefined) {
      const least = part === "fmt" ? 16 : 28;
      if (size < least) throw failure("ERR_SIZE", part, `at least ${least} bytes`, size, at + 4);
      if (size > MOST_PART) throw failure("ERR_LIMIT", part, `at most ${MOST_PART} bytes`, size, at + 4);
      if (start + size > length) return incomplete(whole, part, `${size} bytes`, length - start, start);
      if ((part === "fmt" ? format : sizes) !== undefined) throw failure("ERR_DUPLICATE", part, "one chunk", "two", at);
      if (part === "fmt") format = readFormat(view, start, size, limits);
      else sizes = readSizes(view, start, size);
    } else if (size === UNKNOWN && sizes?.has(name)) {
      size = sizes.get(name) as number;
    }
    if (name === "data") {
      const streamed = size === UNKNOWN || (size === 0 && (riffBytes === 0 || riffBytes === UNKNOWN));
      if (data !== undefined) throw failure("ERR_DUPLICATE", "data", "one chunk", "two", at);
      if (streamed && format === undefined) {
        throw failure("ERR_HEADER", "data", 'samples after "fmt ", since they have no size', "before", at);
      }
      data = { dataOffset: start, dataBytes: streamed ? Number.POSITIVE_INFINITY : size };
    }
    at = start + size + (size % 2); // a pad byte follows an odd size
  }
  return { ...format, ...data };
}

type Format = Omit<WavHeader, "dataOffset" | "dataBytes">;

const FILES = ["RIFF", "RF64", "BW64"];
/** Bytes of `fmt ` and `ds64`. Largest realistic: 40, and 28 with 12 for each of a few chunks. */
const MOST_PART = 2 ** 12;

const CONVERT = "`ffmpeg -i FILE -c:a pcm_s16le out.wav` converts it.";

/** Other files by their first bytes. */
const FOREIGN: ReadonlyMap<string, string> = new Map([
  ["RIFX", "a big-endian WAV"],
  ["FORM", "AIFF"],
  ["fLaC", "FLAC"],
  ["OggS", "Ogg"],
]);

function hintOf(file: string): string | undefined {
  const name = FOREIGN.get(file);
  return name === undefined ? undefined : `This is ${name}. ${CONVERT}`;
}

/** u64 size of the file, of the samples, of a channel; u32 rows, each a name and a u64. → Bytes of chunks by name. */
function readSizes(view: DataView, start: number, size: number): ReadonlyMap<string, number> {
  const rows = view.getUint32(start + 24, true);
  if (28 + 12 * rows > size)
    throw failure("ERR_SIZE", "ds64", `${28 + 12 * rows} bytes for ${rows} rows`, size, start - 4);
  const sizes = new Map([["data", readU64(view, start + 8)]]);
  for (let at = start + 28; at < start + 28 + 12 * rows; at += 12) {
    const name = text(view, at);
    if (sizes.has(name)) throw failure("ERR_DUPLICATE", "ds64", `one row ${show(name)}`, "two", at);
    sizes.set(name, readU64(view, at + 4));
  }
  return sizes;
}

function readU64(view: DataView, at: number): number {
  const value = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  if (value > Number.MAX_SAFE_INTEGER) throw failure("ERR_LIMIT", "ds64", "sizes of at most 2^53 − 1", value, at);
  return value;
}

/**
 * u16 tag, u16 channels, u32 rate, u32 bytes per second, u16 bytes of a frame, u16 bits; extensible: u16 size, u16 valid bits,
 * u32 speakers, 16 bytes GUID. Valid bits stand at the upper end of a sample, so its value is the same.
 */
function readFormat(view: DataView, start: number, size: number, limits: WavLimits): Format {
  let tag = view.getUint16(start, true);
  const channelCount = view.getUint16(start + 2, true);
  const sampleRate = view.getUint32(start + 4, true);
  const frameBytes = view.getUint16(start + 12, true);
  const bits = view.getUint16(start + 14, true);
  if (tag === EXTENSIBLE) {
    if (size < 40) throw failure("ERR_SIZE", "fmt", "at least 40 bytes of WAVE_FORMAT_EXTENSIBLE", size, start - 4);
    if (GUID_TAIL.some((byte, i) => view.getUint8(start + 26 + i) !== byte)) {
      throw failure("ERR_DTYPE", "fmt", "the GUID of a format tag", "another", start + 24, CONVERT);
    }
    tag = view.getUint16(start + 24, true);
  }
  const encodings = ENCODINGS.get(tag);
  if (encodings === undefined) {
    throw failure(
      "ERR_DTYPE",
      "fmt",
      "PCM (1) or float (3)",
      `${TAGS.get(tag) ?? "another format"} (${tag})`,
      start,
      CONVERT,
    );
  }
  if (channelCount === 0) throw failure("ERR_HEADER", "fmt", "at least one channel", 0, start + 2);
  if (channelCount > limits.channels) {
    throw failure("ERR_LIMIT", "fmt", `at most ${limits.channels} channels`, channelCount, start + 2);
  }
  if (sampleRate === 0) throw failure("ERR_HEADER", "fmt", "a sample rate", 0, start + 4);
  if (sampleRate > limits.sampleRate) {
    throw failure("ERR_LIMIT", "fmt", `a sample rate of at most ${limits.sampleRate} Hz`, sampleRate, start + 4);
  }
  const encoding = encodings.get(Math.ceil(bits / 8));
  if (encoding === undefined || (tag === FLOAT && bits % 8 !== 0)) {
    const expected = tag === PCM ? "1 to 32 bits of PCM" : "32 or 64 bits of float";
    throw failure("ERR_DTYPE", "fmt", expected, bits, start + 14);
  }
  if (frameBytes !== channelCount * Math.ceil(bits / 8)) {
    const expected = `frames of ${channelCount * Math.ceil(bits / 8)} bytes for ${channelCount} × ${bits} bits`;
    throw failure("ERR_HEADER", "fmt", expected, frameBytes, start + 12);
  }
  return { sampleRate, channelCount, encoding, frameBytes };
}

function text(view: DataView, at: number): string {
  let name = "";
  for (let i = at; i < Math.min(at + 4, view.byteLength); i++) name += String.fromCharCode(view.getUint8(i));
  return name;
}

function show(name: string): string {
  return JSON.stringify(name);
}

/** Of a whole file: an error. Of a stream: more is to come. */
function incomplete(whole: boolean, part: string, expected: string, got: number, offset: number): undefined {
  if (whole) throw failure("ERR_TRUNCATED", part, expected, got, offset);
  return undefined;
}

function failure(
  code: FormatErrorCode,
  part: string,
  expected: string,
  got: string | number,
  offset: number,
  hint?: string,
): FormatError {
  const end = hint === undefined ? "" : ".";
  return new FormatError(code, `${part}: expected ${expected}; got ${got}${end}`, { offset, hint });
}
