/** Views of a session's own memory as arguments: valid when the call begins, whatever the call does to memory. */

import { describe, expect, it } from "vitest";
import { createRuntimeSync, createSessionSync, modelFromLayers, type Session } from "../../src/index.ts";
import { randomModel } from "../conformance/models.ts";
import { tensors } from "../tensors.ts";

const [I, H] = [4, 8];
const gru = () => randomModel("views", [{ type: "gru", name: "rnn", inputSize: I, hiddenSize: H }]);
/** Calls until memory has grown at least twice. */
function untilGrown(session: Session, call: () => void): void {
  for (let grown = 0, calls = 0; grown < 2; calls++) {
    const { buffer } = session.stream().input;
    call();
    if (session.stream().input.buffer !== buffer) grown++;
    if (calls > 20_000) throw new Error("memory never grew");
  }
}

describe("a view of memory as an argument", () => {
  const x = Float32Array.of(1, 2, 3, 4);

  it("of session.run gives the numbers of a copy, also where the run makes memory grow", () => {
    const session = createSessionSync(gru(), { variant: "simd" });
    const stream = session.stream();
    const { output } = session.run(x);
    untilGrown(session, () => {
      stream.input.set(x);
      expect(session.run(stream.input).output).toEqual(output);
    });
  });

  it("of another session in the same runtime gives the numbers of a copy", () => {
    const runtime = createRuntimeSync({ variant: "simd" });
    const [a, b] = [0, 1].map(() => createSessionSync(gru(), { runtime }));
    const stream = a.stream();
    const { output } = b.run(x);
    untilGrown(a, () => {
      stream.input.set(x);
      expect(b.run(stream.input).output).toEqual(output);
    });
  });

  it("is a state to begin with, of a stream and of a run", () => {
    const session = createSessionSync(gru(), { variant: "simd" });
    const stream = session.stream();
    stream.step(x, new Float32Array(H));
    const state = { "rnn.h": Float32Array.from(stream.output) };
    const next = session.run(x, { state }).output;
    untilGrown(session, () => {
      // Every run writes over the region.
      stream.output.set(state["rnn.h"]);
      expect(session.stream({ state: { "rnn.h": stream.output } }).state).toEqual(state);
      expect(session.run(x, { state: { "rnn.h": stream.output } }).output).toEqual(next);
    });
  });

  it.each(["simd", "reference"] as const)("stands for the second of two inputs in a step of %s", (variant) => {
    const inputs = ["a", "b"].map((name) => ({ name, dtype: "F32" as const, shape: [I] }));
    const model = modelFromLayers(
      [
        { type: "concat", name: "both", inputs: ["a", "b"] },
        { type: "linear", name: "head" },
      ],
      tensors({ "head.weight": [3, 2 * I], "head.bias": [3] }),
      { inputs },
    );
    const stream = createSessionSync(model, { variant }).stream();
    const a = Float32Array.of(9, 8, 7, 6);
    const expected = stream.step({ a, b: x });
    stream.input.set(x);
    expect(stream.step({ a, b: stream.input as Float32Array })).toEqual(expected);
  });
});
