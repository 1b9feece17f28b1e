/** The keyword spotter: its program in a process of its own, over the built package, and the pieces that need no model. */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { resample, type WavEncoding, writeWav, writeWavHeader } from "sluice/audio";
import { createSession, type Model, readNpz, type Tensor } from "sluice/npz";
import { describe, expect, it } from "vitest";
import { keywordModel, LABELS, strideOf } from "../../examples/keyword/model.ts";
import { pieces } from "../../examples/keyword/pieces.ts";
import { RATE, Spotter } from "../../examples/keyword/spotter.ts";
import { distance, noise } from "../audio/vectors.ts";
import { NO_VECTORS, readJson, VECTORS } from "../vectors.ts";

const PROGRAM = fileURLToPath(new URL("../../examples/keyword/keyword.ts", import.meta.url));
const FOLDER = VECTORS && join(VECTORS, "models", "ml-kws");

/** What the program says of these bytes on its standard input. */
function run(input: Uint8Array, ...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--import", "tsx", PROGRAM, ...args]);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    child.stdin.on("error", () => {}); // it may end before it has read all
    child.stdin.end(input);
  });
}

describe("pieces", () => {
  const x = [Float32Array.from(noise(10000, 1)), Float32Array.from(noise(10000, 2))];
  /** In chunks of these lengths, in turn. */
  async function* chunks(bytes: Uint8Array, ...lengths: number[]) {
    for (let at = 0, i = 0; at < bytes.length; at += lengths[i++ % lengths.length]) {
      yield bytes.subarray(at, at + lengths[i % lengths.length]);
    }
  }
  const collect = async (source: AsyncIterable<Uint8Array>, rate = 8000) => {
    const all: number[] = [];
    for await (const piece of pieces(source, { rate, to: 16000, length: 700 })) {
      expect(piece).toHaveLength(700);
      all.push(...piece);
    }
    return all;
  };
  const mean = x[0].map((value, i) => (value + x[1][i]) / 2);

  it.each(["f32", "s16"] as WavEncoding[])(
    "are what resample gives, however the bytes of a %s WAV come",
    async (encoding) => {
      const bytes = writeWav({ sampleRate: 44100, channels: x, encoding });
      const expected = resample(mean, { from: 44100, to: 16000 });
      const one = await collect(chunks(bytes, bytes.length));
      expect(one).toHaveLength(700 * Math.ceil(expected.length / 700));
      const bound = encoding === "f32" ? 1e-6 : 1e-4;
      expect(distance(one.slice(0, expected.length), expected)).toBeLessThan(bound);
      expect(Math.abs(one[one.length - 1])).toBeLessThan(bound);
      expect(await collect(chunks(bytes, 1, 50, 3, 20000))).toEqual(one);
    },
  );

  it("end where the samples do, whatever comes after them", async () => {
    const bytes = writeWav({ sampleRate: 16000, channels: [x[0].subarray(0, 700)], encoding: "f32" });
    expect(await collect(chunks(Uint8Array.of(...bytes, ...bytes), 999))).toEqual([...x[0].subarray(0, 700)]);
  });

  it("go on to the end of a stream", async () => {
    const header = writeWavHeader({ sampleRate: 16000, channelCount: 1, encoding: "f32" });
    const bytes = Uint8Array.of(...header, ...new Uint8Array(x[0].buffer));
    expect((await collect(chunks(bytes, 4096))).slice(0, 10000)).toEqual([...x[0]]);
  });

  it("are of raw samples where there is no header", async () => {
    const bytes = new Uint8Array(Int16Array.of(16384, -16384, 1).buffer);
    expect((await collect(chunks(bytes, 1), 16000)).slice(0, 4)).toEqual([0.5, -0.5, 1 / 32768, 0]);
  });

  it("need a beginning", async () => {
    await expect(collect(chunks(Uint8Array.of(1, 2), 1))).rejects.toThrow(
      "expected a WAV file or raw samples, got 2 bytes",
    );
  });
});

describe("keywordModel", () => {
  it("says which array it does not find", () => {
    const tensor = (name: string, ...shape: number[]): [string, Tensor] => {
      const data = new Float32Array(shape.reduce((a, b) => a * b));
      return [name, { name, dtype: "F32", shape, data }];
    };
    expect(() => keywordModel(new Map([tensor("W_o", 5, 12), tensor("b_o", 12)]))).toThrow(
      "expected one array of shape (15, 10), got W_o (5, 12), b_o (12)",
    );
    expect(() => keywordModel(new Map([tensor("a", 5, 12), tensor("b", 6, 12)]))).toThrow(
      "expected one array of shape (H, 12), got a (5, 12), b (6, 12)",
    );
  });

  it("is of a size whose stride is known", () => {
    const model = (H: number) => ({ states: [{ shape: [1, H] }] }) as unknown as Model;
    expect([154, 250, 400].map((H) => strideOf(model(H)))).toEqual([640, 320, 320]);
    expect(() => strideOf(model(128))).toThrow("expected GRU_S, GRU_M or GRU_L (154, 250 or 400 units), got 128 units");
  });
});

describe("keyword.ts", () => {
  it("says how it is called", async () => {
    expect(await run(new Uint8Array())).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--model GRU_S.npz"),
    });
  });
});

describe.skipIf(!FOLDER)(`the keyword spotter${FOLDER ? "" : ` (${NO_VECTORS})`}`, () => {
  const file = (...path: string[]) => new Uint8Array(readFileSync(join(FOLDER as string, ...path)));
  const clip = () => file("demo_clip_16k_s16le.raw");
  const samples = () => Float32Array.from(new Int16Array(clip().slice().buffer), (value) => value / 32768);
  const model = (name: string) => ["--model", join(FOLDER as string, `${name}.npz`)];

  it.each(["GRU_S", "GRU_M", "GRU_L"])(
    "%s names the clip, from PCM on standard input",
    { timeout: 120_000 },
    async (name) => {
      const { stdout } = await run(clip(), ...model(name));
      expect(stdout).toBe("   0.00 … 1.00 s  right  100.0 %\n");
    },
  );

  it("names it within a longer stereo WAV of another rate, once", { timeout: 120_000 }, async () => {
    const x = new Float32Array(3 * RATE);
    x.set(samples(), RATE);
    const at44k = resample(x, { from: RATE, to: 44100 });
    const bytes = writeWav({ sampleRate: 44100, channels: [at44k, at44k], encoding: "f32" });
    const { stdout } = await run(bytes, ...model("GRU_M"));
    const words = stdout.split("\n").map((line) => line.split(/\s+/)[5]);
    expect(words.filter((word) => word === "right")).toHaveLength(1);
  });

  it("names silence", { timeout: 120_000 }, async () => {
    const { stdout } = await run(new Uint8Array(16000), ...model("GRU_S"));
    expect(stdout).toMatch(/^ {3}0\.00 … 1\.00 s {2}silence {2}[\d.]+ %\n$/);
  });

  it.each(["GRU_S", "GRU_M", "GRU_L"])("%s gets the coefficients that its authors' front end gives", async (name) => {
    const model = keywordModel(readNpz(file(`${name}.npz`)));
    const stride = strideOf(model);
    const session = await createSession(model);
    const spotter = new Spotter(session, { stride });
    const { tensors } = readJson(FOLDER as string, "golden", name, "golden.json") as {
      tensors: { x: { shape: number[] } };
    };
    const [, frames, width] = tensors.x.shape;
    const expected = new Float32Array(file("golden", name, "x.f32").buffer);
    for (const [i, x] of [samples(), new Float32Array(RATE)].entries()) {
      spotter.reset();
      let full = 0;
      for (let at = 0; at < RATE; at += stride) full += Number(spotter.step(x.subarray(at, at + stride)));
      expect(full).toBe(1);
      const golden = expected.subarray(i * frames * width, (i + 1) * frames * width);
      expect(distance(spotter.features, golden)).toBeLessThan(2e-4);
      expect(LABELS[spotter.best]).toBe(["right", "silence"][i]);
      expect(spotter.probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
    }
    session.dispose();
  });
});
