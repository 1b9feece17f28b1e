/**
 * Recurrences at a higher rate than they were trained at: against a loop that sets the state of every step, against the model
 * at its own rate where one is a multiple of the other, and in how near they come to it where it is not.
 */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ArenaStates } from "../../src/arena.ts";
import { createArena } from "../../src/arena.ts";
import { createSessionSync, type Model } from "../../src/index.ts";
import { instantiate } from "../../src/kernels.ts";
import { CORE } from "../../src/ops/core.ts";
import { packedWeights } from "../../src/quantize.ts";
import { Runtime } from "../../src/runtime.ts";
import { AudioModel } from "../../src/worklet/audio.ts";
import { audioLayout } from "../../src/worklet/layout.ts";
import { randomModel, seeded, uniform } from "../conformance/models.ts";

const simd = readFileSync(new URL("../../dist/simd.wasm", import.meta.url));

const MODELS: Readonly<Record<string, Model>> = {
  gru: randomModel("gru", [
    { type: "gru", name: "rnn", inputSize: 1, hiddenSize: 12 },
    { type: "linear", name: "head", inFeatures: 12, outFeatures: 1 },
  ]),
  lstm: randomModel(
    "lstm",
    [
      { type: "lstm", name: "rnn", inputSize: 1, hiddenSize: 9, numLayers: 2 },
      { type: "linear", name: "head", inFeatures: 9, outFeatures: 1 },
    ],
    { initial: true },
  ),
};

/** The processor's way, without a browser: `rate` Hz, the model trained at `trained`. */
function play(model: Model, x: Float32Array, rate: number, trained: number, twice = false): Float32Array {
  const layout = audioLayout(model, { sampleRate: trained }, { quantum: 128, sampleRate: rate });
  const audio = new AudioModel(
    layout,
    (rows) => {
      const runtime = new Runtime(instantiate(simd), CORE);
      return {
        engine: createArena(CORE, packedWeights(CORE, model), runtime, rows),
        memory: (states) => {
          const { base, stride } = states as ArenaStates;
          return runtime.f32.subarray(base / 4, (base + stride) / 4);
        },
      };
    },
    (error) => {
      throw error;
    },
  );
  const y = new Float32Array(x.length);
  for (let time = twice ? 0 : 1; time < 2; time++) {
    audio.reset();
    for (let at = 0; at < x.length; at += 128) {
      audio.process([x.subarray(at, at + 128)], [y.subarray(at, at + 128)], {});
    }
  }
  return y;
}

const direct = (model: Model, x: Float32Array) => createSessionSync(model, { variant: "simd" }).stream().run(x);

describe.each(Object.entries(MODELS))("%s at a higher rate", (_, model) => {
  const x = uniform(seeded("x"), 128 * 6);

  it.each([2, 1.0884353741496597, 2.5, 4.75])("takes the states of %f steps ago", (delay) => {
    const rate = 48_000;
    const stream = createSessionSync(model, { variant: "simd" }).stream();
    const past = Array.from({ length: Math.ceil(delay) }, () => stream.state);
    const exact = rate / (rate / delay);
    const fraction = exact - Math.floor(exact);
    const y = Float32Array.from(x, (sample) => {
      const older = past[past.length - Math.ceil(exact)];
      const younger = past[past.length - Math.floor(exact)];
      const mixed = Object.entries(older).map(([name, values]) => [
        name,
        values.map((value, i) => (1 - fraction) * younger[name][i] + fraction * value),
      ]);
      stream.setState(Object.fromEntries(mixed));
      const [made] = stream.step(Float32Array.of(sample));
      past.push(stream.state);
      return made;
    });
    expect(play(model, x, rate, rate / delay)).toEqual(y);
    expect(play(model, x, rate, rate / delay, true)).toEqual(y);
  });

  it("at a multiple of its rate it is that many interleaved copies of the model", () => {
    for (const times of [2, 3]) {
      const slow = x.filter((_, i) => i % times === 0);
      const y = play(model, x, 16_000 * times, 16_000);
      expect(y.filter((_, i) => i % times === 0)).toEqual(direct(model, slow));
    }
  });

  it("at its own rate it is the model", () => {
    expect(play(model, x, 44_100, 44_100)).toEqual(direct(model, x));
  });

  it("at another rate it comes nearer to the model than without the delay", () => {
    const sine = (rate: number) => (_: number, i: number) => 0.8 * Math.sin((2 * Math.PI * 500 * i) / rate);
    const trained = direct(model, new Float32Array(44_100 / 10).map(sine(44_100)));
    const x = new Float32Array(128 * 38).map(sine(48_000));
    // 147 samples at 44.1 kHz last as long as 160 at 48.
    const error = (y: Float32Array) => {
      let sum = 0;
      for (let k = 5; k < 30; k++) sum += (y[160 * k] - trained[147 * k]) ** 2;
      return sum;
    };
    expect(error(play(model, x, 48_000, 44_100))).toBeLessThan(error(direct(model, x)) / 4);
  });
});
