/** What fails only while it runs, ids that a graph computes: a call of many executions leaves every state as it was. */

import { describe, expect, it } from "vitest";
import { createSessionSync, type LayerSpec, modelFromLayers } from "../../src/graph-entry.ts";
import { tensors } from "../tensors.ts";

const layers: LayerSpec[] = [
  { type: "cast", name: "ids", to: "I32" },
  { type: "embedding", name: "table" },
  { type: "reshape", name: "row", shape: [4] },
  { type: "gru", name: "rnn" },
];
const all = tensors({
  "table.weight": [10, 4],
  "rnn.weight_ih_l0": [24, 4],
  "rnn.weight_hh_l0": [24, 8],
  "rnn.bias_ih_l0": [24],
  "rnn.bias_hh_l0": [24],
});
const model = modelFromLayers(layers, all, { inputs: [{ name: "x", dtype: "F32", shape: [1] }] });

describe.each(["simd", "reference"] as const)("ids that %s computes", (variant) => {
  const open = () => createSessionSync(model, { variant, maxSteps: 16 });
  const xs = new Float32Array(40).fill(3);
  const bad = xs.slice();
  bad[35] = 99;

  it("stop a run of a stream, whose state stays", () => {
    const stream = open().stream();
    stream.run(xs);
    const before = stream.state;
    expect(() => stream.run(bad)).toThrow(expect.objectContaining({ code: "ERR_EXECUTE" }));
    expect(stream.state).toEqual(before);
    expect(before["rnn.h"].some((value) => value !== 0)).toBe(true);
  });

  it("stop a step and a run of a group, whose states stay, in any order of its members", () => {
    const group = open().group(40);
    group.step(xs);
    group.step(Float32Array.from(xs.slice(0, 20), (_, i) => i % 10), undefined, Int32Array.from({ length: 20 }, (_, i) => i)); // biome-ignore format: one thing
    const states = () => Array.from({ length: 40 }, (_, i) => group.state(i));
    const before = states();
    const members = Int32Array.from({ length: 40 }, (_, i) => 39 - i);
    for (const call of [() => group.step(bad), () => group.step(bad, undefined, members), () => group.run(bad)])
      expect(call).toThrow(expect.objectContaining({ code: "ERR_EXECUTE" }));
    expect(states()).toEqual(before);
  });
});

it("a state that goes step by step is refused beside a layer that runs backwards", () => {
  const build = () =>
    modelFromLayers(
      [
        { type: "add", name: "sum", inputs: ["x", "h0"] },
        { type: "gru", name: "rnn", reverse: true, inputs: ["sum"] },
        { type: "reshape", name: "hn", shape: [4], inputs: ["sum"] },
      ],
      tensors({ "rnn.weight_ih_l0": [24, 4], "rnn.weight_hh_l0": [24, 8], "rnn.bias_ih_l0": [24], "rnn.bias_hh_l0": [24] }), // biome-ignore format: one thing
      {
        inputs: [{ name: "x", dtype: "F32", shape: [4] }],
        outputs: ["rnn", "hn"],
        states: [{ name: "h0", shape: [4], input: "h0", output: "hn" }],
      },
    );
  expect(build).toThrow('rnn (gru): runs backwards over time, which no step can beside the state "h0".');
});

it("an integer that nobody looks up is checked as one of 32 bits", () => {
  const cast = modelFromLayers([{ type: "cast", name: "y", to: "F32" }], new Map(), {
    inputs: [{ name: "n", dtype: "I32", shape: [1] }],
  });
  const stream = createSessionSync(cast).stream();
  expect([...stream.step(-7)]).toEqual([-7]);
  for (const wrong of [1.5, Number.NaN, 2 ** 31, -Infinity])
    expect(() => stream.step(wrong)).toThrow(`"n" expected -2147483648…2147483647, got ${wrong}`);
});

it("a state's bytes do not depend on the order in which the caller names its parts", () => {
  const build = (state: object) =>
    modelFromLayers([{ type: "add", name: "hn", inputs: ["x", "h0"] }], new Map(), {
      inputs: [{ name: "x", dtype: "F32", shape: [4] }],
      states: [state as { name: string; shape: number[] }],
    });
  const [a, b] = [
    build({ name: "h0", shape: [4], input: "h0", output: "hn" }),
    build({ output: "hn", shape: [4], input: "h0", name: "h0" }),
  ].map((one) => createSessionSync(one).stream().save());
  expect(a).toEqual(b);
});
