/** WAV files: those of SciPy and Python, what encoders write into pipes, and what is wrong with the rest. */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  readWav,
  readWavFrames,
  readWavHeader,
  type WavEncoding,
  writeWav,
  writeWavFrames,
  writeWavHeader,
} from "../../src/audio.ts";
import { FormatError } from "../../src/errors.ts";
import { get, noise, readVectors } from "./vectors.ts";

const vectors = readVectors("wav");
const names = [...vectors.keys()];

/** Channel by channel, as the vectors are. */
function flat(channels: readonly ArrayLike<number>[]): number[] {
  return channels.flatMap((channel) => Array.from(channel));
}

describe.each(names)("%s", (key) => {
  const [encoding, rate, count] = key.split("_");
  const bytes = new Uint8Array(readFileSync(new URL(`vectors/${encoding}.wav`, import.meta.url)));
  const samples = get(vectors, key);

  it("is read as SciPy and Python wrote it", () => {
    const wav = readWav(bytes);
    expect(wav).toMatchObject({ sampleRate: Number(rate), encoding });
    expect(wav.channels).toHaveLength(Number(count));
    expect(flat(wav.channels)).toEqual([...samples].map(Math.fround));
  });

  it("is read in f64 without rounding, from its header on", () => {
    const header = readWavHeader(bytes);
    expect(header).toMatchObject({ sampleRate: Number(rate), channelCount: Number(count), encoding });
    if (header === undefined) return;
    const channels = Array.from({ length: header.channelCount }, () => new Float64Array(40));
    const { dataOffset, dataBytes, frameBytes } = header;
    expect(dataBytes).toBe(34 * frameBytes);
    const end = dataOffset + 5 * frameBytes;
    expect(readWavFrames(header, bytes.subarray(dataOffset, end), channels)).toBe(5);
    const rest = channels.map((channel) => channel.subarray(5));
    expect(readWavFrames(header, bytes.subarray(end), rest)).toBe(29);
    expect(flat(channels.map((channel) => channel.subarray(0, 34)))).toEqual([...samples]);
  });

  it("is written as SciPy and Python write it, byte by byte", () => {
    const frames = samples.length / Number(count);
    const channels = Array.from({ length: Number(count) }, (_, c) => samples.subarray(c * frames, (c + 1) * frames));
    expect(writeWav({ sampleRate: Number(rate), channels, encoding: encoding as WavEncoding })).toEqual(bytes);
  });

  it("has a header only where it is whole", () => {
    const offset = readWavHeader(bytes)?.dataOffset;
    for (let length = 0; length < bytes.length; length++) {
      expect(readWavHeader(bytes.slice(0, length))?.dataOffset).toBe(length < Number(offset) ? undefined : offset);
    }
  });

  it("cut anywhere is an error, or what there is of it", () => {
    const { dataOffset, frameBytes } = readWavHeader(bytes) as { dataOffset: number; frameBytes: number };
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.slice(0, length);
      expect(codeOf(() => readWav(cut))).toMatch(/^ERR_(TRUNCATED|HEADER)$/);
      if (length < dataOffset) continue;
      const { channels } = readWav(cut, { truncated: "allow" });
      expect(channels[0]).toHaveLength(Math.floor((length - dataOffset) / frameBytes));
    }
  });
});

function codeOf(f: () => unknown): string | undefined {
  try {
    f();
    return undefined;
  } catch (error) {
    return error instanceof FormatError ? error.code : String(error);
  }
}

const u16 = (value: number) => [value & 255, value >> 8];
const u32 = (value: number) => [...new Uint8Array(Uint32Array.of(value).buffer)];
const u64 = (value: number) => [...u32(value % 2 ** 32), ...u32(Math.floor(value / 2 ** 32))];
const zeros = (count: number): number[] => Array(count).fill(0);
type Part = string | readonly number[];
const bytesOf = (...parts: Part[]) =>
  new Uint8Array(parts.flatMap((part) => (typeof part === "string" ? [...Buffer.from(part, "latin1")] : part)));
/** A chunk with its own size, or another one. */
function chunk(name: string, data: readonly number[], size = data.length): number[] {
  return [...bytesOf(name, u32(size), data), ...zeros(data.length % 2)];
}
const format = (tag: number, channels: number, bits: number, { rate = 8000, frame = (channels * bits) / 8 } = {}) => [
  ...u16(tag),
  ...u16(channels),
  ...u32(rate),
  ...u32(rate * frame),
  ...u16(frame),
  ...u16(bits),
];
const fmt = (...values: Parameters<typeof format>) => chunk("fmt ", format(...values));
const riff = (...chunks: Part[]) => {
  const body = bytesOf(...chunks);
  return bytesOf("RIFF", u32(4 + body.length), "WAVE", [...body]);
};
const SAMPLES = [0, 64, 0, 192]; // ½, −½
const MONO = fmt(1, 1, 16);
const DATA = chunk("data", SAMPLES);
const GUID_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const extensible = (tag: number, bits: number, valid: number, tail = GUID_TAIL) =>
  chunk("fmt ", [...format(0xfffe, 1, bits), ...u16(22), ...u16(valid), ...u32(4), ...u16(tag), ...tail]);
const ds64 = (data: number, ...rows: number[][]) =>
  chunk("ds64", [...u64(0), ...u64(data), ...u64(0), ...u32(rows.length), ...rows.flat()]);
const rf64 = (kind: string, ...chunks: Part[]) => bytesOf(kind, u32(2 ** 32 - 1), "WAVE", ...chunks);
const streamed = (size: number, data: number, ...more: Part[]) =>
  bytesOf("RIFF", u32(size), "WAVE", MONO, "data", u32(data), SAMPLES, ...more);

const LIST = chunk("LIST", [...Buffer.from("INFOISFT\x03\0\0\0abc")]);
const UNKNOWN = 2 ** 32 - 1;

describe("readWav takes", () => {
  it.each<[string, Uint8Array]>([
    ["no more than it needs", riff(MONO, DATA)],
    ["chunks of odd sizes, before and between", riff(LIST, MONO, chunk("junk", [1, 2, 3]), DATA)],
    ["what comes after the samples", riff(MONO, DATA, LIST, "any")],
    ["samples before what tells of them", riff(DATA, LIST, MONO)],
    ["an extension of PCM", riff(chunk("fmt ", [...format(1, 1, 16), 0, 0]), DATA)],
    ["WAVE_FORMAT_EXTENSIBLE", riff(extensible(1, 16, 16), DATA)],
    ["fewer valid bits", riff(extensible(1, 16, 12), DATA)],
    ["12 bits in 16", riff(fmt(1, 1, 12, { frame: 2 }), DATA)],
    ["a wrong size of the file", bytesOf("RIFF", u32(7), "WAVE", MONO, DATA)],
    ["a ds64 that RIFF has no use for", riff(chunk("ds64", [1]), MONO, DATA)],
    ["what ffmpeg writes into a pipe", streamed(UNKNOWN, UNKNOWN)],
    ["what recorders leave behind", streamed(0, 0)],
    ["a stream without a size, and half a frame", streamed(UNKNOWN, 0, [7])],
    ["RF64", rf64("RF64", ds64(4), MONO, chunk("data", SAMPLES, UNKNOWN), LIST)],
    ["BW64", rf64("BW64", ds64(4), MONO, chunk("data", SAMPLES, UNKNOWN))],
    ["RF64 with the size where it used to be", rf64("RF64", ds64(0), MONO, DATA)],
    ["RF64 into a pipe", rf64("RF64", ds64(0), MONO, chunk("data", SAMPLES, UNKNOWN))],
    [
      "RF64 with another large chunk",
      rf64("RF64", ds64(4, [...bytesOf("bext", u64(3))]), chunk("bext", [1, 2, 3], UNKNOWN), MONO, DATA),
    ],
  ])("%s", (_, bytes) => {
    const { sampleRate, channels } = readWav(bytes);
    expect(sampleRate).toBe(8000);
    expect(channels.map((channel) => [...channel])).toEqual([[0.5, -0.5]]);
    expect(readWavHeader(bytes)?.dataOffset).toBe(Buffer.from(bytes).indexOf("data") + 8);
  });

  it("no samples at all", () => {
    expect(readWav(riff(MONO, chunk("data", []), chunk("junk", [1, 2]))).channels[0]).toHaveLength(0);
  });

  it("floats in WAVE_FORMAT_EXTENSIBLE", () => {
    const bytes = riff(extensible(3, 32, 32), chunk("data", [0, 0, 0, 63]));
    expect(readWav(bytes)).toMatchObject({ encoding: "f32", channels: [Float32Array.of(0.5)] });
  });

  it("bytes in the middle of a buffer", () => {
    const bytes = riff(MONO, DATA);
    const memory = new Uint8Array(bytes.length + 7).fill(255);
    memory.set(bytes, 3);
    expect(readWav(memory.subarray(3, 3 + bytes.length)).channels[0]).toEqual(Float32Array.of(0.5, -0.5));
  });
});

/** The code is written without its ERR_. */
type Case = [name: string, bytes: Uint8Array, code: string, offset: number, message: string];

const CASES: Case[] = [
  ["nothing", bytesOf(), "TRUNCATED", 0, 'file: expected 12 bytes of "RIFF", size and "WAVE"; got 0'],
  ["half a name", bytesOf("RI"), "TRUNCATED", 2, "got 2"],
  ["another name", bytesOf("RIFA", u32(4), "WAVE"), "HEADER", 0, 'file: expected "RIFF" first; got "RIFA"'],
  ["half of another name", bytesOf("RA"), "HEADER", 0, 'got "RA"'],
  ["big endian", bytesOf("RIFX", u32(4), "WAVE"), "HEADER", 0, "This is a big-endian WAV. `ffmpeg -i FILE"],
  ["AIFF", bytesOf("FORM", u32(4), "AIFF"), "HEADER", 0, "This is AIFF."],
  ["FLAC", bytesOf("fLaC", zeros(20)), "HEADER", 0, "This is FLAC."],
  ["Ogg", bytesOf("OggS", zeros(20)), "HEADER", 0, "This is Ogg."],
  ["an AVI", bytesOf("RIFF", u32(4), "AVI "), "HEADER", 8, 'file: expected "WAVE" at 8; got "AVI "'],
  ["no chunk", riff(), "HEADER", 12, 'file: expected a chunk "fmt "; got the end'],
  ["no fmt", riff(DATA), "HEADER", 24, 'file: expected a chunk "fmt "; got the end'],
  ["no data", riff(MONO), "HEADER", 36, 'file: expected a chunk "data"; got the end'],
  ["half a chunk's head", riff(MONO, "dat"), "TRUNCATED", 36, "chunk: expected 8 bytes of name and size; got 3"],
  ["a chunk of 4 GB", riff(chunk("junk", [], 2 ** 32 - 2), MONO, DATA), "HEADER", 56, 'a chunk "fmt "; got the end'],
  ["two fmt", riff(MONO, MONO, DATA), "DUPLICATE", 36, "fmt: expected one chunk; got two"],
  ["two data before fmt", riff(DATA, DATA, MONO), "DUPLICATE", 24, "data: expected one chunk; got two"],
  [
    "streamed samples before fmt",
    riff(chunk("data", SAMPLES, UNKNOWN), MONO),
    "HEADER",
    12,
    'data: expected samples after "fmt ", since they have no size; got before',
  ],

  // fmt
  [
    "a short fmt",
    riff(chunk("fmt ", format(1, 1, 16).slice(2)), DATA),
    "SIZE",
    16,
    "fmt: expected at least 16 bytes; got 14",
  ],
  ["half a fmt", riff(MONO).slice(0, 30), "TRUNCATED", 20, "fmt: expected 16 bytes; got 10"],
  [
    "a long fmt",
    riff(chunk("fmt ", format(1, 1, 16), 4097), DATA),
    "LIMIT",
    16,
    "fmt: expected at most 4096 bytes; got 4097",
  ],
  [
    "A-law",
    riff(fmt(6, 1, 8), DATA),
    "DTYPE",
    20,
    "fmt: expected PCM (1) or float (3); got A-law (6). `ffmpeg -i FILE",
  ],
  ["MP3", riff(fmt(0x55, 1, 8), DATA), "DTYPE", 20, "got MP3 (85)."],
  ["an unknown tag", riff(fmt(0x1234, 1, 8), DATA), "DTYPE", 20, "got another format (4660)"],
  ["no channel", riff(fmt(1, 0, 16), DATA), "HEADER", 22, "fmt: expected at least one channel; got 0"],
  ["257 channels", riff(fmt(1, 257, 16), DATA), "LIMIT", 22, "fmt: expected at most 256 channels; got 257"],
  ["0 Hz", riff(fmt(1, 1, 16, { rate: 0 }), DATA), "HEADER", 24, "fmt: expected a sample rate; got 0"],
  ["4 GHz", riff(fmt(1, 1, 16, { rate: 2 ** 32 - 1 }), DATA), "LIMIT", 24, "at most 4194304 Hz; got 4294967295"],
  ["0 bits", riff(fmt(1, 1, 0), DATA), "DTYPE", 34, "fmt: expected 1 to 32 bits of PCM; got 0"],
  ["33 bits", riff(fmt(1, 1, 33, { frame: 5 }), DATA), "DTYPE", 34, "fmt: expected 1 to 32 bits of PCM; got 33"],
  ["floats of 16 bits", riff(fmt(3, 1, 16), DATA), "DTYPE", 34, "fmt: expected 32 or 64 bits of float; got 16"],
  ["floats of 31 bits", riff(fmt(3, 1, 31, { frame: 4 }), DATA), "DTYPE", 34, "32 or 64 bits of float; got 31"],
  [
    "frames of another size",
    riff(fmt(1, 2, 16, { frame: 2 }), DATA),
    "HEADER",
    32,
    "fmt: expected frames of 4 bytes for 2 × 16 bits; got 2",
  ],
  [
    "a short extension",
    riff(chunk("fmt ", [...format(0xfffe, 1, 16), 0, 0]), DATA),
    "SIZE",
    16,
    "fmt: expected at least 40 bytes of WAVE_FORMAT_EXTENSIBLE; got 18",
  ],
  [
    "another GUID",
    riff(extensible(1, 16, 16, [...GUID_TAIL.slice(0, 13), 0]), DATA),
    "DTYPE",
    44,
    "fmt: expected the GUID of a format tag; got another. `ffmpeg",
  ],
  ["µ-law in the GUID", riff(extensible(7, 8, 8), DATA), "DTYPE", 20, "got µ-law (7)"],

  // data
  [
    "fewer samples",
    riff(MONO, chunk("data", SAMPLES, 6)),
    "TRUNCATED",
    44,
    'data: expected 6 bytes; got 4. Give { truncated: "allow" } to take what is there.',
  ],
  [
    "half a frame",
    riff(MONO, chunk("data", [1, 2, 3])),
    "SIZE",
    40,
    "data: expected a multiple of 2 bytes (a frame); got 3",
  ],

  // RF64
  [
    "RF64 without ds64",
    rf64("RF64", MONO, DATA),
    "HEADER",
    12,
    'file: expected a chunk "ds64" first in RF64; got "fmt "',
  ],
  [
    "a short ds64",
    rf64("BW64", chunk("ds64", zeros(27)), MONO, DATA),
    "SIZE",
    16,
    "ds64: expected at least 28 bytes; got 27",
  ],
  ["half a ds64", rf64("RF64", ds64(4)).slice(0, 40), "TRUNCATED", 20, "ds64: expected 28 bytes; got 20"],
  [
    "a long ds64",
    rf64("RF64", chunk("ds64", [], 2 ** 31)),
    "LIMIT",
    16,
    "ds64: expected at most 4096 bytes; got 2147483648",
  ],
  ["two ds64", rf64("RF64", ds64(4), ds64(4), MONO, DATA), "DUPLICATE", 48, "ds64: expected one chunk; got two"],
  [
    "more rows than there are",
    rf64("RF64", chunk("ds64", [...zeros(24), ...u32(UNKNOWN)]), MONO, DATA),
    "SIZE",
    16,
    "ds64: expected 51539607568 bytes for 4294967295 rows; got 28",
  ],
  [
    "a row for data",
    rf64("RF64", ds64(4, [...bytesOf("data", u64(4))]), MONO, DATA),
    "DUPLICATE",
    48,
    'ds64: expected one row "data"; got two',
  ],
  [
    "2^60 bytes",
    rf64("RF64", ds64(2 ** 60), MONO, chunk("data", SAMPLES, UNKNOWN)),
    "LIMIT",
    28,
    "ds64: expected sizes of at most 2^53 − 1; got 1152921504606847000",
  ],
  [
    "fewer samples than ds64 says",
    rf64("RF64", ds64(8), MONO, chunk("data", SAMPLES, UNKNOWN)),
    "TRUNCATED",
    80,
    "got 4",
  ],
];

describe("readWav refuses", () => {
  it.each(CASES)("%s", (_, bytes, code, offset, message) => {
    expect(() => readWav(bytes)).toThrow(
      expect.objectContaining({
        name: "FormatError",
        code: `ERR_${code}`,
        offset,
        message: expect.stringContaining(message),
      }),
    );
    if (code === "TRUNCATED" || message.endsWith("got the end")) return;
    if (/^data: expected a mult/.test(message)) return; // the header is well
    expect(codeOf(() => readWavHeader(bytes))).toBe(`ERR_${code}`);
  });

  it("names that stand twice", () => {
    expect(new Set(CASES.map(([name]) => name)).size).toBe(CASES.length);
  });

  it("streams whose samples do not begin", () => {
    const bytes = riff(chunk("junk", zeros(100)), MONO, DATA);
    expect(() => readWavHeader(bytes, { limits: { headerBytes: 99 } })).toThrow(
      "header: expected at most 99 bytes before the samples; got 120",
    );
    expect(readWav(bytes, { limits: { headerBytes: 99 } }).channels[0]).toHaveLength(2);
    expect(() => readWavHeader(riff(chunk("junk", [], 2 ** 31)))).toThrow("at most 33554432 bytes before");
  });

  it("more than a caller's own limits", () => {
    expect(() => readWav(riff(MONO, DATA), { limits: { sampleRate: 7999 } })).toThrow("at most 7999 Hz; got 8000");
  });

  it("what is wrong with any bytes, by a FormatError and nothing else", () => {
    const seeds = [riff(MONO, DATA), riff(extensible(1, 16, 16), LIST, DATA), rf64("RF64", ds64(4), MONO, DATA)];
    const change = fc.tuple(fc.nat(120), fc.integer({ min: 0, max: 255 }));
    const file = fc.tuple(fc.constantFrom(...seeds), fc.array(change, { maxLength: 6 })).map(([bytes, changes]) => {
      const changed = bytes.slice();
      for (const [at, value] of changes) changed[at % changed.length] = value;
      return changed;
    });
    fc.assert(
      fc.property(file, (bytes) => {
        for (const read of [() => readWav(bytes), () => readWavHeader(bytes)]) {
          const code = codeOf(read);
          if (code !== undefined) expect(code).toMatch(/^ERR_[A-Z]+$/);
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
  });

  it("arguments of other kinds", () => {
    expect(() => readWav("x" as never)).toThrow('"bytes" expected Uint8Array, got string');
    expect(() => readWavHeader(new ArrayBuffer(8) as never)).toThrow('"bytes" expected Uint8Array, got ArrayBuffer');
    expect(() => readWav(riff(MONO, DATA), { truncated: true as never })).toThrow(
      '"truncated" expected refuse or allow, got true',
    );
  });
});

describe("writeWav", () => {
  it("rounds to the nearest, and clips", () => {
    const x = Float64Array.of(1, -1, 1.5, -1.5, 0.9999 / 128, -0.4 / 128, Number.NaN, Number.POSITIVE_INFINITY);
    const values = (encoding: WavEncoding) =>
      flat(readWav(writeWav({ sampleRate: 1, channels: [x], encoding })).channels);
    expect(values("u8")).toEqual([127 / 128, -1, 127 / 128, -1, 1 / 128, 0, 0, 127 / 128]);
    const most = 1 - 2 ** -15;
    expect(values("s16")).toEqual([most, -1, most, -1, 256 / 2 ** 15, -102 / 2 ** 15, 0, most]);
    expect(values("s24").slice(0, 3)).toEqual([1 - 2 ** -23, -1, 1 - 2 ** -23]);
    expect(values("s32").slice(0, 2)).toEqual([1, -1]);
    expect(values("f64").slice(2, 4)).toEqual([1.5, -1.5]);
  });

  it("pads an odd size and counts the pad byte", () => {
    const bytes = writeWav({ sampleRate: 8000, channels: [new Float32Array(3)], encoding: "u8" });
    expect(bytes).toHaveLength(48);
    const view = new DataView(bytes.buffer);
    expect([view.getUint32(4, true), view.getUint32(40, true), bytes[47]]).toEqual([40, 3, 0]);
  });

  it("is s16 unless asked", () => {
    expect(readWav(writeWav({ sampleRate: 8000, channels: [new Float32Array(3)] })).encoding).toBe("s16");
  });

  it.each(["u8", "s16", "s24", "s32", "f32", "f64"] as const)("streams %s: a header, then frames", (encoding) => {
    const format = { sampleRate: 48000, channelCount: 2, encoding };
    const x = [noise(50, 1), noise(50, 2)];
    const whole = writeWav({ ...format, channels: x });
    const part = new Uint8Array(1000);
    const bytes: number[] = [...writeWavHeader(format)];
    for (let at = 0; at < 50; at += 20) {
      const channels = x.map((channel) => channel.subarray(at, at + 20));
      bytes.push(...part.subarray(0, writeWavFrames(format, channels, part, Math.min(20, 50 - at))));
    }
    expect(readWav(Uint8Array.from(bytes))).toEqual(readWav(whole));
    expect(readWavHeader(Uint8Array.from(bytes))?.dataBytes).toBe(Number.POSITIVE_INFINITY);
  });

  it("refuses what cannot be written", () => {
    const x = new Float32Array(4);
    const format = { sampleRate: 8000, channelCount: 1, encoding: "s16" } as const;
    expect(() => writeWav({ sampleRate: 8000, channels: x as never })).toThrow(
      '"channels" expected an array, got Float32Array',
    );
    expect(() => writeWav({ sampleRate: 8000, channels: [] })).toThrow(
      '"channelCount" expected an integer from 1 to 256, got 0',
    );
    expect(() => writeWav({ sampleRate: 8000.5, channels: [x] })).toThrow(
      '"sampleRate" expected an integer from 1 to ',
    );
    expect(() => writeWav({ sampleRate: 8000, channels: [[1] as never] })).toThrow(
      '"channels[0]" expected Float32Array or',
    );
    expect(() => writeWav({ sampleRate: 8000, channels: [x, x.subarray(1)] })).toThrow(
      '"channels[1]" expected length 4, got 3',
    );
    expect(() => writeWav({ sampleRate: 8000, channels: [x], encoding: "i16" as never })).toThrow(
      '"encoding" expected u8, s16, s24, s32, f32, f64; got i16',
    );
    expect(() => writeWavHeader({ ...format, frames: 2 ** 31 })).toThrow(
      '"frames" expected an integer from 0 to 2147483600',
    );
    expect(() => writeWavFrames(format, [x], new Uint8Array(7))).toThrow('"bytes" expected at least 8 bytes, got 7');
    expect(() => writeWavFrames(format, [x], [] as never)).toThrow('"bytes" expected Uint8Array, got Array');
    expect(() => writeWavFrames(format, [x, x], new Uint8Array(8))).toThrow(
      '"channels" expected 1 arrays (channelCount), got 2',
    );
    expect(() => writeWavFrames(format, [x], new Uint8Array(8), 1.5)).toThrow('"frames" expected an integer');
    expect(() => readWavFrames(format, new Uint8Array(7), [x])).toThrow(
      '"bytes" expected a multiple of 2 (a frame), got 7',
    );
    expect(() => readWavFrames(format, new Uint8Array(10), [x])).toThrow(
      '"channels" expected at least 5 samples each, got 4',
    );
    expect(() => readWavFrames(format, new Uint8Array(2), [[0] as never])).toThrow(
      '"channels" expected Float32Array or',
    );
    expect(() => readWavFrames(format, new Uint8Array(2), x as never)).toThrow(
      '"channels" expected an array, got Float32Array',
    );
  });
});
