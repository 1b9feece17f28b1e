/**
 * examples/voice-activity: its parts, and the program as a reader runs it, in a process of its own over the built package.
 * The segments are those of get_speech_timestamps (silero-vad 806dcba, its defaults) over what onnxruntime-node 1.30 gives for
 * each frame of silero-vad/test.wav.
 */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readWav, resample, writeWav } from "sluice/audio";
import { describe, expect, it } from "vitest";
import { samplesOf } from "../../examples/voice-activity/samples.ts";
import { Segmenter } from "../../examples/voice-activity/segments.ts";
import { seeded, uniform } from "../conformance/models.ts";
import { NO_VECTORS, VECTORS } from "../vectors.ts";

const PROGRAM = fileURLToPath(new URL("../../examples/voice-activity/detect.ts", import.meta.url));
const FOLDER = join(VECTORS ?? "", "models", "silero-vad");

/** Samples: from, to. */
const SEGMENTS = [
  [32, 32736],
  [42528, 75232],
  [79392, 110048],
  [149024, 213472],
  [216608, 241632],
  [245280, 253920],
  [260640, 286688],
  [293920, 313824],
  [325152, 521696],
  [523296, 569824],
  [571936, 602080],
  [607264, 623072],
  [637984, 692704],
  [697888, 714208],
  [720416, 749024],
  [781344, 799712],
  [817184, 867808],
  [871456, 918496],
  [920096, 953312],
];
const LINES = SEGMENTS.map((ends) => `${ends.map((at) => (at / 16000).toFixed(3)).join("\t")}\tspeech\n`).join("");

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function detect(args: readonly string[], input: Uint8Array = new Uint8Array(0)): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", PROGRAM, ...args]);
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    child.stdin.on("error", () => {}); // a program that failed reads no more
    child.stdin.end(input);
  });
}

describe.skipIf(!VECTORS)(`Silero VAD on test.wav${VECTORS ? "" : `: ${NO_VECTORS}`}`, () => {
  const wav = VECTORS ? new Uint8Array(readFileSync(join(FOLDER, "test.wav"))) : new Uint8Array(0);

  it.each(["silero_vad", "silero_vad_16k_op15", "silero_vad_op18_ifless"])(
    "%s: the authors' segments",
    async (name) => {
      const ended = await detect([join(FOLDER, `${name}.onnx`), join(FOLDER, "test.wav")]);
      expect(ended).toMatchObject({ code: 0, stdout: LINES });
      expect(ended.stderr).toMatch(/^60\.0 s of sound, 48\.6 s of speech, in \S+ s\n$/);
    },
  );

  it("from standard input, as a file and as samples alone", async () => {
    const model = join(FOLDER, "silero_vad.onnx");
    expect((await detect([model], wav)).stdout).toBe(LINES);
    expect((await detect([model, "-", "--raw", "16000"], wav.subarray(44))).stdout).toBe(LINES);
  });

  it("in two channels at 44.1 kHz, each end within two frames", async () => {
    const [mono] = readWav(wav).channels;
    const channel = resample(mono, { from: 16000, to: 44100 });
    const sound = writeWav({ sampleRate: 44100, channels: [channel, channel], encoding: "s16" });
    const { stdout } = await detect([join(FOLDER, "silero_vad.onnx")], sound);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(SEGMENTS.length);
    lines.forEach((line, i) => {
      const ends = line.split("\t").slice(0, 2).map(Number);
      for (const k of [0, 1]) expect(Math.abs(ends[k] - SEGMENTS[i][k] / 16000)).toBeLessThanOrEqual(2 * 0.032);
    });
  });
});

describe("the program", () => {
  it("says in one line what is wrong", async () => {
    expect(await detect([])).toMatchObject({ code: 1, stderr: expect.stringMatching(/^expected a model/) });
    expect(await detect(["none.onnx", "--pad", "much"])).toMatchObject({
      code: 1,
      stderr: "--pad expected a number, got much\n",
    });
    expect(await detect(["--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("MODEL") });
  });
});

/** The segments of frames that are speech (1), perhaps (0.4) or silence (0). */
function segments(frames: string, options = {}): number[][] {
  const segmenter = new Segmenter(options);
  const found = [...frames].map((one) => segmenter.push({ "1": 1, "~": 0.4 }[one] ?? 0));
  return [...found, segmenter.end(frames.length * 512)].flatMap((one) => (one ? [[one.start, one.end]] : []));
}

describe("segments", () => {
  it("end after a pause of 100 ms, where the pause began, 30 ms are added", () => {
    expect(segments("..111111111.....")).toEqual([[2 * 512 - 480, 11 * 512 + 480]]);
    expect(segments("..11111...1111.....")).toEqual([[2 * 512 - 480, 14 * 512 + 480]]);
    expect(segments("11111111111")).toEqual([[0, 11 * 512]]);
  });

  it("begin at the threshold, and end 0.15 below it", () => {
    expect(segments("~~~111111111~~~~~~~~")).toEqual([[3 * 512 - 480, 20 * 512]]);
    expect(segments("~~~111111111~~~~~~~~", { threshold: 0.8 })).toEqual([[3 * 512 - 480, 12 * 512 + 480]]);
    expect(segments("~~~111111111~~~~~~~~", { threshold: 0.3 })).toEqual([[0, 20 * 512]]);
  });

  it("of 250 ms or less are none", () => {
    expect(segments(".1111111.....")).toEqual([]);
    expect(segments(".11111111.....")).toHaveLength(1);
    expect(segments(".1111111.....", { minSpeech: 100 })).toHaveLength(1);
    expect(segments(".11111")).toEqual([]);
  });

  it.each([
    [{ threshold: 0 }, '"threshold" expected 0 … 1, got 0'],
    [{ minSpeech: -1 }, '"minSpeech" expected milliseconds, got -1'],
    [{ pad: 60 }, '"pad" expected at most 50 ms, got 60'],
  ])("%o is a RangeError", (options, message) => {
    expect(() => new Segmenter(options)).toThrow(new RangeError(message));
  });
});

describe("samples", () => {
  const sound = Float32Array.from(uniform(seeded("voice"), 10_000), (x) => Math.round(x * 3e4) / 32768);

  async function collect(bytes: Uint8Array, piece: number, raw?: number): Promise<number[]> {
    const all: number[] = [];
    async function* pieces() {
      for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
    }
    for await (const samples of samplesOf(pieces(), raw)) all.push(...samples);
    return all;
  }

  it.each([1, 7, 4096, 1e6])(
    "of a WAV in pieces of %i bytes are the file's, without what follows them",
    async (piece) => {
      const wav = writeWav({ sampleRate: 16000, channels: [sound], encoding: "s16" });
      const longer = new Uint8Array([...wav, 76, 73, 83, 84, 2, 0, 0, 0, 1, 2]); // a chunk LIST
      expect(await collect(longer, piece)).toEqual([...sound]);
      expect(await collect(wav.subarray(44), piece, 16000)).toEqual([...sound]);
    },
  );

  it("of several channels are their mean", async () => {
    const half = sound.map((x) => x / 2);
    const wav = writeWav({ sampleRate: 16000, channels: [half, half.map((x) => -x / 2)], encoding: "f32" });
    expect(await collect(wav, 1000)).toEqual([...half.map((x) => (x - x / 2) / 2)]);
  });

  it("of another rate are as resample gives them", async () => {
    const wav = writeWav({ sampleRate: 48000, channels: [sound], encoding: "f32" });
    const expected = resample(sound, { from: 48000, to: 16000 });
    expect((await collect(wav, 999)).slice(0, expected.length)).toEqual([...expected]);
  });

  it("of no WAV are refused", async () => {
    await expect(collect(new Uint8Array(0), 1)).rejects.toThrow("expected a WAV; got 0 bytes");
    await expect(collect(new Uint8Array(100), 10)).rejects.toThrow('file: expected "RIFF" first');
  });
});
