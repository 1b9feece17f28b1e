/**
 * A million steps without one garbage collection. The young generation is set to 1 MiB, so a single allocated byte for each
 * step would show; the engine's own profiler counts the collections between two points.
 */

import { describe, expect, it } from "vitest";
import type { Model } from "../../src/index.ts";
import { randomModel } from "../conformance/models.ts";
import { inChild } from "./child.ts";

const GRU = { type: "gru", name: "rnn", hiddenSize: 16 } as const;
const HEAD = { type: "linear", name: "head", inFeatures: 16, outFeatures: 2 } as const;

const frames = randomModel("frames", [{ ...GRU, inputSize: 4 }, HEAD]);
const samples = randomModel("samples", [{ ...GRU, inputSize: 1 }, HEAD]);
const tokens = randomModel("tokens", [
  { type: "embedding", name: "table", numEmbeddings: 10, embeddingDim: 4 },
  { ...GRU, inputSize: 4 },
  HEAD,
]);
const records = randomModel(
  "records",
  [
    { type: "concat", name: "both", inputs: ["left", "right"] },
    { ...GRU, inputSize: 4 },
    HEAD,
    { ...HEAD, name: "other", inputs: ["rnn"] },
  ],
  {
    inputs: [
      { name: "left", dtype: "F32", shape: [3] },
      { name: "right", dtype: "F32", shape: [1] },
    ],
    outputs: ["head", "other"],
  },
);

const STEPS: Readonly<Record<string, { readonly model: Model; readonly given: string; readonly step: string }>> = {
  "step(x, y)": {
    model: frames,
    given: "const x = new Float32Array(4).fill(0.5), y = new Float32Array(2);",
    step: "x[0] = -x[0]; stream.step(x, y);",
  },
  "step() in place": {
    model: frames,
    given: "const { input, output } = stream;",
    step: "input[0] = output[0]; stream.step();",
  },
  // A number that is no small integer is boxed by V8 before the call, on the caller's side.
  "step(number, y)": {
    model: samples,
    given: "const y = new Float32Array(2);",
    step: "stream.step(i & 7, y);",
  },
  "step(id, y)": {
    model: tokens,
    given: "const y = new Float32Array(2);",
    step: "stream.step(i & 7, y);",
  },
  "step(ids, y)": {
    model: tokens,
    given: "const x = new Int32Array(1), y = new Float32Array(2);",
    step: "x[0] = i & 7; stream.step(x, y);",
  },
  "step(id, y) and step(ids, y) in turn": {
    model: tokens,
    given: "const x = new Int32Array(1), y = new Float32Array(2);",
    step: "x[0] = i & 7; if (i & 1) stream.step(x, y); else stream.step(i & 7, y);",
  },
  "step(record, record)": {
    model: records,
    given: `
      const x = { left: new Float32Array(3), right: new Float32Array(1) };
      const y = { head: new Float32Array(2), other: new Float32Array(2) };`,
    step: "x.right[0] = i & 7; stream.step(x, y);",
  },
};

interface Count {
  readonly collections: number;
  readonly grown: boolean;
}

function million(model: Model, given: string, step: string): Count {
  const program = `
    import { GCProfiler } from "node:v8";
    const { createRuntimeSync, createSessionSync, readModel } = await import(entry);
    const runtime = createRuntimeSync({ variant: "simd" });
    const stream = createSessionSync(readModel(given), { runtime }).stream();
    ${given}
    const steps = (n) => { for (let i = 0; i < n; i++) { ${step} } };
    steps(50_000);
    const { memoryBytes } = runtime;
    const profiler = new GCProfiler();
    profiler.start();
    steps(1_000_000);
    answer({ collections: profiler.stop().statistics.length, grown: runtime.memoryBytes !== memoryBytes });`;
  return inChild(program, model, ["--max-semi-space-size=1"]) as Count;
}

describe("a million steps", () => {
  it.each(Object.entries(STEPS))("%s: no garbage collection, and linear memory does not grow", (_, one) => {
    expect(million(one.model, one.given, one.step)).toEqual({ collections: 0, grown: false });
  });

  it("that make an output each are collected many times, so the count is a count", () => {
    const { given } = STEPS["step(x, y)"];
    expect(million(frames, given, "stream.step(x);").collections).toBeGreaterThan(50);
  });
});
