/**
 * The short way through `stream.step`, which a step takes after another with arrays of the same length: it refuses what the long
 * way refuses, and finds the rows again when memory has grown. And gates of every size, whose parts must stay finite.
 */

import { describe, expect, it } from "vitest";
import { createSessionSync, modelFromLayers, type SessionOptions } from "../../src/index.ts";
import { tensors } from "../tensors.ts";

const H = 4;
const layers = [{ type: "gru", name: "rnn", inputSize: 2, hiddenSize: H }];

describe.each(["simd", "reference"] as const)("a second step on %s", (variant) => {
  const open = () => createSessionSync(modelFromLayers(layers, weights("gru")), { variant });
  const x = Float32Array.of(0.5, -0.25);

  it("refuses arrays of other lengths, empty ones too", () => {
    const stream = open().stream();
    stream.step(x, new Float32Array(H));
    const before = stream.save();
    expect(() => stream.step(new Float32Array(1), new Float32Array(H))).toThrow('"input" expected length 2, got 1');
    expect(() => stream.step(x, new Float32Array(3))).toThrow('"y" expected length 4, got 3');
    expect(() => stream.step(new Float32Array(), new Float32Array())).toThrow(RangeError);
    expect(stream.save()).toEqual(before);
  });

  it("goes on after memory has grown, with the same numbers", () => {
    const session = open();
    const [stream, other] = [session.stream(), open().stream()];
    const [y, z] = [new Float32Array(H), new Float32Array(H)];
    for (let i = 0; i < 3; i++) {
      stream.step(x, y);
      other.step(x, z);
      session.group(100_000);
    }
    expect(y).toEqual(z);
    expect(() => {
      session.dispose();
      stream.step(x, y);
    }).toThrow(expect.objectContaining({ code: "ERR_DISPOSED" }));
  });
});

describe.each(["gru", "lstm"])("the gates of an %s", (type) => {
  it.each([80, 100, 1e4, 1e30])("are at their limits where a sum is ±%d", (size) => {
    for (const signs of [0b0000, 0b0101, 0b1010, 0b0011, 0b1111]) {
      const all = weights(type);
      const bias = all.get("rnn.bias_ih_l0")?.data as Float32Array;
      for (let i = 0; i < bias.length; i++) bias[i] = (signs >> Math.floor(i / H)) & 1 ? size : -size;
      const model = modelFromLayers([{ ...layers[0], type }], all);
      const run = (options: SessionOptions) =>
        createSessionSync(model, options)
          .stream()
          .run(Float32Array.of(1, -1, 0.5, 0.25));
      const expected = run({ variant: "reference" });
      for (const precision of ["f32", "int8"] as const) {
        const steps = run({ variant: "simd", precision });
        for (let i = 0; i < steps.length; i++) expect(Math.abs(steps[i] - expected[i])).toBeLessThan(1e-6);
      }
    }
  });
});

function weights(type: string) {
  const gates = type === "gru" ? 3 : 4;
  return tensors({
    "rnn.weight_ih_l0": [gates * H, 2],
    "rnn.weight_hh_l0": [gates * H, H],
    "rnn.bias_ih_l0": [gates * H],
    "rnn.bias_hh_l0": [gates * H],
  });
}
