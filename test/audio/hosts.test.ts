/**
 * dist/audio.js where it has to run: in an AudioWorkletGlobalScope, and for minutes without a garbage collection. The young
 * generation is 1 MiB, so a byte in each step would show.
 */

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { randomModel } from "../conformance/models.ts";
import { inChild } from "../host/child.ts";
import { openRealm } from "../host/realm.ts";

const NEW = `
  const stft = new audio.Stft({ frame: 512, hop: 256, window: "sqrt-hann" });
  const istft = new audio.Istft({ frame: 512, hop: 256, window: "sqrt-hann" });
  const framer = new audio.Framer({ frame: 256 });
  const down = new audio.Resampler({ from: 48000, to: 16000 });
  const up = new audio.Resampler({ from: 16000, to: 44100 });
  const mel = new audio.LogMel({ ...audio.MEL_LIBROSA, sampleRate: 16000, fftSize: 512 });
  const mfcc = new audio.Mfcc({ ...audio.MEL_TENSORFLOW_OP, sampleRate: 16000, fftSize: 512 });
  const x = new Float32Array(128).fill(0.1);
  const y = new Float32Array(43);
  const pieces = Array.from({ length: 44 }, (_, n) => y.subarray(0, n));
  const frame = new Float32Array(256);
  const spectrum = new Float32Array(514);
  const out = new Float32Array(up.maxOutput(256));
  const bands = new Float64Array(40);
  const coefficients = new Float32Array(13);
  let hops = 0;
  const quantum = () => {
    framer.write(pieces[down.step(x, y)]);
    while (framer.read(frame)) {
      stft.step(frame, spectrum);
      mel.step(spectrum, bands);
      mfcc.step(spectrum, coefficients);
      istft.step(spectrum, frame);
      up.step(frame, out);
      hops++;
    }
  };`;

function collections(step: string): number {
  const program = `
    import { GCProfiler } from "node:v8";
    const audio = await import(new URL("audio.js", entry).href);
    ${NEW}
    const kept = [];
    const steps = (n) => { for (let i = 0; i < n; i++) { ${step} } };
    steps(10_000);
    const profiler = new GCProfiler();
    profiler.start();
    steps(22_500);
    answer({ count: profiler.stop().statistics.length, hops });`;
  const any = randomModel("any", [{ type: "gru", name: "rnn", inputSize: 1, hiddenSize: 1 }]);
  const { count, hops } = inChild(program, any, ["--max-semi-space-size=1"]) as { count: number; hops: number };
  expect(hops).toBe(Math.floor((32_500 * 128) / 3 / 256));
  return count;
}

describe("a minute of 48 kHz, in quanta of 128 samples", () => {
  it("are resampled, framed, transformed there and back without a garbage collection", () => {
    expect(collections("quantum();")).toBe(0);
  });

  it("with one array for each quantum are collected, so the count is a count", () => {
    expect(collections("quantum(); kept[0] = new Array(128).fill(0);")).toBeGreaterThan(10);
  });
});

describe("a realm with the globals of an audio worklet", () => {
  it("evaluates the entry, and gives what it gives outside", async () => {
    const realm = await openRealm("audio.js");
    const inside = realm(
      `((audio) => { ${NEW} for (let i = 0; i < 100; i++) quantum(); return Array.from(out); })(sluice)`,
    );
    const audio = await import("sluice/audio");
    const outside = new Function("audio", `${NEW} for (let i = 0; i < 100; i++) quantum(); return Array.from(out);`);
    expect(inside).toEqual(outside(audio));
    expect((inside as number[]).some((value) => Math.abs(value) > 0.05)).toBe(true);
    const wav = realm(
      "sluice.readWav(sluice.writeWav({ sampleRate: 8000, channels: [Float32Array.of(0.5)] })).channels[0][0]",
    );
    expect(wav).toBe(0.5);
    expect(realm("try { sluice.readWav(new Uint8Array(3)) } catch (error) { error.code }")).toBe("ERR_HEADER");
  });
});

describe("the entry", () => {
  const ROOT = fileURLToPath(new URL("../..", import.meta.url));
  const sizeOf = async (names: string) => {
    const { outputFiles, metafile } = await build({
      stdin: { contents: `export { ${names} } from "sluice/audio";`, resolveDir: ROOT },
      alias: { "sluice/audio": "./dist/audio.js" },
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      format: "esm",
      target: "es2022",
      legalComments: "none",
    });
    expect(Object.keys(metafile.inputs)).toEqual(["dist/audio.js", "<stdin>"]);
    return gzipSync(outputFiles[0].contents, { level: 9 }).length;
  };

  it("is at most 8.5 KB after gzip, and what is not used is left out", async () => {
    const bars = {
      Framer: 950,
      Resampler: 1400,
      "Stft, Istft": 2700,
      "LogMel, Mfcc": 1900,
      writeWav: 1600,
      readWav: 3200,
      [Object.keys(await import("sluice/audio")).join()]: 8500,
    };
    for (const [names, bar] of Object.entries(bars)) expect(await sizeOf(names), names).toBeLessThanOrEqual(bar);
  });
});
