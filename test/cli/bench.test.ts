/** `sluice bench`: what it counts and names. No test asserts a time. */

import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reportOf, type Timing, timesOf } from "../../src/cli/bench.ts";
import { makeFolder, RECIPES, sluice, writeModels } from "./files.ts";

const folder = makeFolder();
beforeAll(() => writeModels(folder));
afterAll(() => rmSync(folder, { recursive: true }));

const bench = (args: string) => sluice(folder, ["bench", ...args.split(" ")]);

function json(args: string): Timing {
  const { code, out, err } = bench(`${args} --count 20 --json`);
  expect([code, err]).toEqual([0, ""]);
  return JSON.parse(out);
}

describe("percentiles", () => {
  it("are the least times that so many of all do not exceed", () => {
    const times = Float64Array.from({ length: 1000 }, (_, i) => ((i * 7) % 1000) + 1);
    expect(timesOf(times)).toEqual({ count: 1000, p50: 500, p99: 990, p999: 999, maximum: 1000 });
    expect(timesOf(Float64Array.of(3))).toEqual({ count: 1, p50: 3, p99: 3, p999: 3, maximum: 3 });
    expect(timesOf(Float64Array.of(5, 1))).toEqual({ count: 2, p50: 1, p99: 5, p999: 5, maximum: 5 });
  });
});

describe("the figures", () => {
  it("of a model that takes frames: a step in each quantum", () => {
    const { session, host, warmUp, step, quantum, realTime } = json("classifier.safetensors --variant simd");
    expect(session).toMatchObject({ variant: "simd", precision: "f32" });
    expect(host.engine).toContain(`Node ${process.versions.node}`);
    expect(warmUp).toBeGreaterThanOrEqual(300);
    expect(step.count).toBe(20);
    expect(quantum).toMatchObject({ ...step, samples: 128, rate: 16000, hop: 128, steps: 1 });
    expect(quantum.deadline).toBeCloseTo(128e6 / 16000, 6);
    expect(realTime).toBeCloseTo(quantum.deadline / quantum.p50, 6);
    for (const times of [step, quantum]) {
      expect([times.p50, times.p99, times.p999, times.maximum].every((time) => time >= 0)).toBe(true);
      expect(times.p50 <= times.p99 && times.p99 <= times.p999 && times.p999 <= times.maximum).toBe(true);
    }
  });

  it("of one with several steps in a quantum: 64 samples of hop 16 are four steps in one call", () => {
    const { quantum, step } = json("classifier.safetensors --rate 16000 --quantum 64 --hop 16");
    expect(quantum).toMatchObject({ samples: 64, rate: 16000, hop: 16, steps: 4, deadline: 4000, count: 20 });
    expect([quantum.p50, quantum.maximum]).not.toEqual([step.p50, step.maximum]);
  });

  it("count a deadline that nothing can meet as missed every time", () => {
    expect(json("classifier.safetensors --rate 1e12 --variant reference").quantum.missed).toBe(20);
    expect(json("classifier.safetensors --rate 1").quantum.missed).toBe(0);
  });

  it("are there for ids, several inputs and outputs, and weights alone", () => {
    expect(json("characters.safetensors").quantum.hop).toBe(128);
    expect(json("several.safetensors --hop 1").quantum.steps).toBe(128);
    const layers = JSON.stringify(RECIPES.classifier.layers);
    expect(json(`classifier.weights.safetensors --layers ${layers}`).step.count).toBe(20);
  });

  it("take a sample at every step where the input is one number", () => {
    expect(json("amplifier.safetensors").quantum).toMatchObject({ hop: 1, steps: 128 });
  });
});

describe("the report", () => {
  it("names the variant, host, warm-up and clock, and says the figures in words", () => {
    const times = { count: 5000, p50: 12.34, p99: 20, p999: 30.06, maximum: 4000 };
    const quantum = { ...times, samples: 128, rate: 48000, hop: 1, steps: 128, deadline: 128e6 / 48000, missed: 1 };
    const text = reportOf({
      file: "a.safetensors",
      session: { variant: "simd", precision: "f32", bytes: {} as Timing["session"]["bytes"] },
      host: { engine: "Node 26", processor: "a processor", platform: "linux x64" },
      warmUp: 1234,
      clock: 0.05,
      step: { count: 5000, p50: 0.1, p99: 0.2, p999: 1, maximum: 123.4 },
      quantum,
      realTime: 216.1,
    });
    expect(text.split("\n")).toEqual([
      "a.safetensors: simd, f32",
      "host      Node 26, a processor, linux x64",
      "warm-up   1,234 steps; random input; reading the clock, 0.0500 µs, is subtracted",
      "step      p50 0.100 µs, p99 0.200 µs, p99.9 1.00 µs, max 123 µs (5,000 steps)",
      "quantum   128 samples at 48,000 Hz, 2.67 ms: 128 steps in one call, 1 sample a step",
      "          p50 12.3 µs, p99 20.0 µs, p99.9 30.1 µs, max 4.00 ms",
      "deadline  missed 1 of 5,000 times; 0.46 % of it at the median",
      "speed     216 × real time",
      "",
    ]);
  });

  it("is what the command prints", () => {
    const { code, out, err } = bench("classifier.safetensors --count 10");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(
      /^classifier\.safetensors: \w+, f32\nhost .*\nwarm-up .*\nstep .* \(10 steps\)\nquantum .*: one step, 128 samples a step\ndeadline .* of 10 times; .*\nspeed .* × real time\n$/,
    );
  });
});

describe("what cannot be timed", () => {
  it("is refused: a model that needs its whole sequence, a file that is not there", () => {
    const { code, out, err } = bench("bidirectional.safetensors");
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("rnn (lstm): runs backwards over time");
    expect(bench("nowhere.safetensors")).toMatchObject({ code: 1, out: "" });
  });

  it.each(["--count 0", "--rate 0", "--quantum 1.5", "--hop=-1", "--hop 0", "--variant fast", "more"])(
    "is a wrong call: %s",
    (args) => {
      const { code, out, err } = bench(`classifier.safetensors ${args}`);
      expect([code, out]).toEqual([2, ""]);
      expect(err).toMatch(/^sluice: [^\n]+ \(sluice bench --help tells more\)\n$/);
    },
  );
});
