/** The denoiser: what stands around its networks, and its program in a process of its own, over the built package. */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readWav, resample, writeWav } from "sluice/audio";
import type { Stream } from "sluice/onnx";
import { afterAll, describe, expect, it } from "vitest";
import { type Denoiser, denoise, dtln, gtcrn } from "../../examples/denoise/denoiser.ts";
import { openDenoiser } from "../../examples/denoise/open.ts";
import { distance, noise } from "../audio/vectors.ts";
import { NO_VECTORS, VECTORS } from "../vectors.ts";

const PROGRAM = fileURLToPath(new URL("../../examples/denoise/denoise.ts", import.meta.url));
const MODELS = VECTORS && join(VECTORS, "models");
const folder = mkdtempSync(join(tmpdir(), "sluice-denoise-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]): Promise<{ code: number | null; stdout: Uint8Array; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--import", "tsx", PROGRAM, ...args]);
    const chunks: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (text) => (stderr += text));
    child.on("close", (code) => resolve({ code, stdout: new Uint8Array(Buffer.concat(chunks)), stderr }));
  });
}

/** dB of what is expected over the difference. */
function snr(got: ArrayLike<number>, expected: Float32Array): number {
  let [signal, difference] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    signal += expected[i] ** 2;
    difference += (got[i] - expected[i]) ** 2;
  }
  return 10 * Math.log10(signal / difference);
}

/** A network that is a function. */
function network(f: (x: Float32Array, y: Float32Array) => void): Stream {
  return { step: f, reset() {} } as unknown as Stream;
}

const copy = network((x, y) => y.set(x));
const ones = network((_, y) => y.fill(1));
const quarter = network((x, y) => y.set(x.map((value) => value / 4)));

describe("around networks that change nothing", () => {
  it.each<[string, Denoiser]>([
    ["GTCRN", gtcrn(copy)],
    ["DTLN", dtln(ones, quarter)],
  ])("%s gives back the recording, in time", (_, denoiser) => {
    for (const length of [0, 1, 2, 100, 256, 5000]) {
      const x = Float32Array.from(noise(length, 3));
      expect(distance(denoise(denoiser, x), x), `${length} samples`).toBeLessThan(1e-6);
    }
  });

  it("GTCRN's first frame is the mirrored beginning and the beginning, and its last the same of the end", () => {
    const x = Float32Array.from(noise(1000, 4));
    const spectra: Float32Array[] = [];
    const seeing = network((spectrum, y) => {
      spectra.push(spectrum.slice());
      y.set(spectrum);
    });
    denoise(gtcrn(seeing), x);
    const mirrored = Array.from({ length: 1512 }, (_, n) => {
      const i = Math.abs(n - 256);
      return i < 1000 ? x[i] : x[1998 - i];
    });
    /** Of 0 Hz: the sum of the samples under the window. */
    const sumAt = (at: number) =>
      mirrored.slice(at, at + 512).reduce((sum, value, n) => sum + value * Math.sin((Math.PI * n) / 512), 0);
    for (let i = 0; i <= 3; i++) expect(spectra[i][0]).toBeCloseTo(sumAt(256 * i), 4);
  });

  it("a reset denoiser is a new one", () => {
    for (const make of [() => gtcrn(copy), () => dtln(ones, quarter)]) {
      const [used, fresh] = [make(), make()];
      const [a, b] = [new Float32Array(used.hop), new Float32Array(used.hop)];
      const x = Float32Array.from(noise(used.hop, 5));
      for (let i = 0; i < 5; i++) used.step(x, a);
      used.reset();
      used.step(x, a);
      fresh.step(x, b);
      expect(a).toEqual(b);
    }
  });
});

describe("denoise.ts", () => {
  it("says how it is called", async () => {
    expect(await run("in.wav")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("IN.wav OUT.wav --model FILE.onnx"),
    });
  });
});

describe.skipIf(!MODELS)(`with the published models${MODELS ? "" : ` (${NO_VECTORS})`}`, () => {
  const path = (name: string) => join(MODELS ?? "", name);
  const GTCRN = ["--model", path("gtcrn/gtcrn_simple.onnx")];
  const DTLN = ["--model", path("dtln/model_1.onnx"), "--model", path("dtln/model_2.onnx")];
  const wav = (file: string) => readWav(new Uint8Array(readFileSync(file)));
  const floats = (name: string) => new Float32Array(new Uint8Array(readFileSync(path(name))).buffer);
  const mix = () => wav(path("gtcrn/mix.wav")).channels[0];

  it("GTCRN, WAV to WAV, gives what its authors' program does, 55 dB", { timeout: 120_000 }, async () => {
    const out = join(folder, "gtcrn.wav");
    const { code, stderr } = await run(path("gtcrn/mix.wav"), out, ...GTCRN);
    expect(stderr).toMatch(
      /^GTCRN \(\w+, Node [\d.]+\): 9\.8 s of sound at 16000 Hz in [\d.]+ s, [\d.]+ × real time\n$/,
    );
    expect(code).toBe(0);
    const expected = wav(path("gtcrn/enh_stream.wav")).channels[0];
    const got = wav(out);
    expect(got).toMatchObject({ sampleRate: 16000, encoding: "s16" });
    expect(got.channels[0]).toHaveLength(mix().length);
    expect(snr(got.channels[0], expected)).toBeGreaterThan(55);
  });

  it("DTLN, WAV to WAV, gives the blocks of its golden files, added up, 55 dB", { timeout: 120_000 }, async () => {
    const out = join(folder, "dtln.wav");
    // The first 300 blocks of 128 samples.
    const bytes = writeWav({ sampleRate: 16000, channels: [mix().subarray(0, 300 * 128)], encoding: "f32" });
    writeFileSync(join(folder, "in.wav"), bytes);
    await run(join(folder, "in.wav"), out, ...DTLN);
    const blocks = floats("dtln/golden/model_2/out_conv1d_3.f32");
    const expected = new Float32Array(300 * 128 + 384);
    for (const [i, value] of blocks.entries()) expected[Math.floor(i / 512) * 128 + (i % 512)] += value;
    // The golden files have no block after the last, so the last three hops are not whole.
    expect(snr(wav(out).channels[0], expected.subarray(384, 300 * 128))).toBeGreaterThan(100);
  });

  it("at 44.1 kHz, in two channels, through pipes", { timeout: 120_000 }, async () => {
    const x = resample(mix(), { from: 16000, to: 44100 });
    const bytes = writeWav({ sampleRate: 44100, channels: [x, new Float32Array(x.length)], encoding: "s24" });
    writeFileSync(join(folder, "stereo.wav"), bytes);
    const { stdout, stderr } = await run(join(folder, "stereo.wav"), "-", ...GTCRN);
    expect(stderr).toMatch(/19\.5 s of sound in 2 channels at 44100 Hz/);
    const { sampleRate, channels, encoding } = readWav(stdout);
    expect([sampleRate, encoding, channels.length, channels[0].length]).toEqual([44100, "s24", 2, x.length]);
    const direct = denoise((await openDenoiser([path("gtcrn/gtcrn_simple.onnx")])).denoiser, mix());
    // Between 7.2 and 8 kHz the filters take something away.
    expect(snr(resample(channels[0], { from: 44100, to: 16000 }), direct)).toBeGreaterThan(30);
    expect(channels[1].every((value) => Math.abs(value) < 1e-3)).toBe(true);
  });

  it("other models are refused by what they take", async () => {
    await expect(openDenoiser([path("dtln/model_1.onnx")])).rejects.toThrow(
      "model_1.onnx: expected GTCRN, which takes 514 numbers, or DTLN's model_1 and model_2, which take 257 and 512; got 257",
    );
  });
});
