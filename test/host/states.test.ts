import { describe, expect, it } from "vitest";
import { relaxed, simd } from "../../build/kernels.ts";
import { createArena } from "../../src/arena.ts";
import { openRuntime } from "../../src/create.ts";
import { createSessionSync, type LayerSpec, modelFromLayers, quantizeModel } from "../../src/index.ts";
import { CORE } from "../../src/ops/core.ts";
import { tensors } from "../tensors.ts";

const GRU = {
  "rnn.weight_ih_l0": [15, 3],
  "rnn.weight_hh_l0": [15, 5],
  "rnn.bias_ih_l0": [15],
  "rnn.bias_hh_l0": [15],
};
const LAYERS: LayerSpec[] = [{ type: "gru", name: "rnn" }];
const frame = (t: number) => Float32Array.from({ length: 3 }, (_, i) => Math.cos(3 * t + i));

describe.each(["reference", "simd"] as const)("in the %s variant", (variant) => {
  const open = (layers = LAYERS) => createSessionSync(modelFromLayers(layers, tensors(GRU)), { variant });

  it("saved state of another version is refused, and the stream goes on as it was", () => {
    const stream = open().stream();
    stream.step(frame(0));
    const saved = stream.save();
    const before = stream.state;
    saved[4]++;
    expect(() => stream.load(saved)).toThrow(expect.objectContaining({ code: "ERR_VERSION" }));
    expect(stream.state).toEqual(before);
  });

  it("a trace that is not full yet begins with the first step, a full one with the oldest it has", () => {
    const stream = open().stream({ trace: true, traceSteps: 3 });
    const outputs = [0, 1, 2, 3, 4].map((t) => [...stream.step(frame(t))]);
    const short = open().stream({ trace: true, traceSteps: 9 });
    short.step(frame(0));
    short.step(frame(1));
    expect(short.trace().get("rnn")).toEqual({ shape: [2, 5], data: Float32Array.from(outputs.slice(0, 2).flat()) });
    expect(stream.trace().get("rnn")).toEqual({ shape: [3, 5], data: Float32Array.from(outputs.slice(2).flat()) });
  });

  it("an output that only renames another value has its numbers", () => {
    const { output, outputs } = createSessionSync(
      modelFromLayers([...LAYERS, { type: "last", name: "end" }], tensors(GRU), { outputs: ["end", "rnn"] }),
      { variant },
    ).run(Float32Array.from([0, 1, 2].flatMap((t) => [...frame(t)])));
    expect(output).toEqual(outputs.rnn.slice(-5));
    expect(output.some((value) => value !== 0)).toBe(true);
  });
});

it("the state of a quantised model is not that of one with other scales", () => {
  const doubled = new Map(
    [...tensors(GRU)].map(([name, one]) => {
      const times = name.includes("weight") ? 2 : 1;
      return [name, { ...one, data: (one.data as Float32Array).map((w) => times * w) }];
    }),
  );
  const [a, b] = [tensors(GRU), doubled].map((all) =>
    createSessionSync(quantizeModel(modelFromLayers(LAYERS, all))).stream(),
  );
  expect(() => b.load(a.save())).toThrow(expect.objectContaining({ code: "ERR_STATE" }));
  b.load(b.save());
});

describe("the arena", () => {
  it("leaves zeros between the rows of an output, whatever memory held before", () => {
    const runtime = openRuntime({ simd, relaxed, ops: CORE }, { variant: "simd" });
    if (runtime === undefined) throw new Error("no SIMD");
    // The second matrix passes through the bytes of the first, which is wider.
    const shapes = { "a.weight": [8, 9], "a.bias": [8], "b.weight": [5, 8], "b.bias": [5] };
    const layers = [
      { type: "linear", name: "a" },
      { type: "linear", name: "b" },
    ];
    const engine = createArena(CORE, modelFromLayers(layers, tensors(shapes)), runtime, 4);
    engine.inputs[0].data.fill(1);
    expect(engine.execute(engine.createStates(1), 3)).toBe(0);
    const { data, stride } = engine.outputs[0];
    expect(stride).toBe(8);
    for (let r = 0; r < 3; r++) {
      expect([...data.subarray(r * stride + 5, (r + 1) * stride)]).toEqual([0, 0, 0]);
      expect(data[r * stride]).not.toBe(0);
    }
  });
});
