/** States that pair an output with an input, recurrent layers that carry beside them, and ids that the graph computes. */

import { describe, expect, it } from "vitest";
import type { Model, Session } from "../../src/graph-entry.ts";
import { expectBits, expectClose } from "../conformance/compare.ts";
import { seeded } from "../conformance/models.ts";
import { f32, graphModel, i32 } from "./model.ts";
import { streamingGraph } from "./streaming.ts";
import { KERNELS, open, VARIANTS } from "./variants.ts";

const random = seeded("states");
const numbers = (count: number) => Float32Array.from({ length: count }, () => random() * 2 - 1);

const SUM = numbers(10);

const STREAMING = streamingGraph(numbers, SUM);

const T = 7;
const xs = numbers(T * 10);
const frame = (t: number) => xs.subarray(t * 10, (t + 1) * 10);

type Outputs = Record<string, Float32Array>;

function stepwise(session: Session, n = T): { readonly ys: Outputs; readonly state: Outputs } {
  const stream = session.stream();
  const ys: Outputs = { y: new Float32Array(n * 10), rnn: new Float32Array(n * 5) };
  for (let t = 0; t < n; t++) {
    const { y, rnn } = stream.step(frame(t)) as unknown as Outputs;
    ys.y.set(y, t * 10);
    ys.rnn.set(rnn, t * 5);
  }
  return { ys, state: stream.state };
}

function expectSame(got: Outputs, expected: Outputs): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
  for (const name of Object.keys(expected)) expectBits(name, got[name], expected[name]);
}

describe.each(VARIANTS)("states of a graph, %s", (variant) => {
  const model = graphModel(STREAMING);

  it("are named by their inputs and stand outside inputs and outputs", () => {
    expect(model.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(model.states.map(({ name, shape }) => [name, ...shape])).toEqual([
      ["rnn.h", 1, 5],
      ["cache", 1, 2, 15],
      ["sum", 2, 5],
    ]);
  });

  it("agree with the reference", () => {
    const truth = stepwise(open(model, "reference"));
    const got = stepwise(open(model, variant));
    for (const key of ["ys", "state"] as const)
      for (const name of Object.keys(truth[key])) expectClose(name, got[key][name], truth[key][name], 1e-5);
  });

  it("give the bits of steps in a run, whatever its chunks, and in session.run", () => {
    const session = open(model, variant, { maxSteps: 4 });
    const { ys, state } = stepwise(session);
    const stream = session.stream();
    const [a, b] = [stream.run(xs.slice(0, 20)), stream.run(xs.slice(20))] as unknown as Outputs[];
    expectSame({ y: Float32Array.of(...a.y, ...b.y), rnn: Float32Array.of(...a.rnn, ...b.rnn) }, ys);
    expectSame(stream.state, state);
    const whole = session.run(xs);
    expectSame(whole.outputs, ys);
    expectSame(whole.state, state);
  });

  it("are each member's own in a group, and in sequences of different lengths", () => {
    const session = open(model, variant, { maxSteps: 4 });
    const { ys, state } = stepwise(session);
    const group = session.group(3);
    for (let t = 0; t < T; t++) {
      // Member 1 waits; 2 gets other numbers, 0 those of the stream.
      const both = Float32Array.of(...frame(T - 1 - t), ...frame(t));
      const out = group.step(both, undefined, Int32Array.of(2, 0)) as unknown as Outputs;
      expectBits("y", out.y.slice(10), ys.y.slice(t * 10, t * 10 + 10));
    }
    expectSame(group.state(0), state);
    expectSame(group.state(1), session.stream().state);
    const short = stepwise(session, 3);
    const ragged = session.run([frame(0), xs, xs.subarray(0, 30)].map((x) => x.slice()));
    for (const name of ["rnn.h", "cache", "sum"]) {
      const size = state[name].length;
      expectBits(name, ragged.state[name].slice(size, 2 * size), state[name]);
      expectBits(name, ragged.state[name].slice(2 * size), short.state[name]);
    }
  });

  it("begin where the file says, and are set, saved and loaded", () => {
    const session = open(model, variant);
    const stream = session.stream();
    expect([...stream.state.sum]).toEqual([...SUM]);
    const fresh = stream.save();
    stream.run(xs);
    const bytes = stream.save();
    const after = stream.step(frame(0)) as unknown as Outputs;
    const other = session.stream();
    other.load(bytes);
    const again = other.step(frame(0)) as unknown as Outputs;
    // A saved state is f32, the reference's own is f64.
    if (variant !== "reference") expectSame(again, after);
    else expectClose("y", again.y, after.y, 1e-6);
    other.reset();
    expect(other.save()).toEqual(fresh);
    other.setState({ cache: new Float32Array(30).fill(0.25) });
    expect([...other.state.cache]).toEqual(new Array(30).fill(0.25));
    expect(() => other.setState({ cache: new Float32Array(29) })).toThrow(/length 30/);
  });

  it("keep a NaN in the stream that made it", () => {
    const session = open(model, variant);
    const clean = stepwise(session).ys;
    const group = session.group(3);
    for (let t = 0; t < T; t++) {
      const bad = frame(t).map((v, i) => (t === 2 && i === 3 ? NaN : v));
      const { y } = group.step(Float32Array.of(...frame(t), ...bad, ...frame(t))) as unknown as Outputs;
      expectBits("before", y.slice(0, 10), clean.y.slice(t * 10, t * 10 + 10));
      expectBits("after", y.slice(20), clean.y.slice(t * 10, t * 10 + 10));
    }
    expect(group.state(1).sum.some(Number.isNaN)).toBe(true);
  });
});

/** A GRU carries before an id is looked up that its input says. */
function looking(paired: boolean): Model {
  return graphModel({
    inputs: [
      { name: "x", dtype: "F32", shape: [1, 3] },
      { name: "which", dtype: "F32", shape: [2] },
    ],
    states: paired ? [{ name: "kept", shape: [1, 4], input: "kept", output: "rnn" }] : [],
    nodes: [
      {
        op: "gru",
        name: "rnn",
        inputs: ["x"],
        attrs: { inputSize: 3, hiddenSize: 4 },
        tensors: {
          weight_ih_l0: f32([12, 3], numbers(36)),
          weight_hh_l0: f32([12, 4], numbers(48)),
          bias_ih_l0: f32([12], numbers(12)),
          bias_hh_l0: f32([12], numbers(12)),
        },
      },
      { op: "cast", name: "ids", inputs: ["which"], attrs: { to: "I32" } },
      { op: "constant", name: "table", attrs: { shape: [5, 4] }, tensors: { value: f32([5, 4], numbers(20)) } },
      { op: "gather", name: "rows", inputs: ["table", "ids"] },
      { op: "add", name: "y", inputs: paired ? ["rows", "rnn", "kept"] : ["rows", "rnn"] },
    ],
    outputs: ["y"],
  });
}

describe.each(VARIANTS)("ids that are computed, %s", (variant) => {
  it.each([false, true])("leave every state untouched where one is out of range (paired states: %s)", (paired) => {
    const session = open(looking(paired), variant);
    const x = numbers(3);
    const stream = session.stream();
    const good = stream.step({ x, which: Float32Array.of(4, -5) });
    const before = stream.save();
    for (const which of [Float32Array.of(0, 5), Float32Array.of(-6, 0)]) {
      expect(() => stream.step({ x, which })).toThrow(/expected status 0; got 3/);
      expect(stream.save()).toEqual(before);
    }
    expect(good).toHaveLength(8);
    const group = session.group(2);
    const twice = Float32Array.of(...x, ...x);
    group.step({ x: twice, which: Float32Array.of(0, 1, 2, 3) });
    const [a, b] = [group.save(0), group.save(1)];
    expect(() => group.step({ x: twice, which: Float32Array.of(0, 1, 2, 9) })).toThrow(/status/);
    expect([group.save(0), group.save(1)]).toEqual([a, b]);
    group.step({ x: twice, which: Float32Array.of(0, 1, 2, 3) });
  });

  it("are checked in an embedding of several ids from an input", () => {
    const model = graphModel({
      inputs: [{ name: "ids", dtype: "I32", shape: [1, 3] }],
      nodes: [
        { op: "embedding", name: "table", inputs: ["ids"], tensors: { weight: f32([4, 2], numbers(8)) } },
        { op: "sum", name: "y", inputs: ["table"], attrs: { axes: [1] } },
      ],
      outputs: ["y"],
    });
    const stream = open(model, variant).stream();
    expect(stream.step(Int32Array.of(0, 3, 1))).toHaveLength(2);
    expect(() => stream.step(Int32Array.of(0, 4, 1))).toThrow(RangeError);
    expect(() => stream.step(Int32Array.of(0, -1, 1))).toThrow(RangeError);
  });

  it("are checked where an input is looked up by gather", () => {
    const model = graphModel({
      inputs: [
        { name: "ids", dtype: "I32", shape: [2] },
        { name: "x", dtype: "F32", shape: [3] },
      ],
      nodes: [{ op: "gather", name: "y", inputs: ["x", "ids"] }],
      outputs: ["y"],
    });
    const stream = open(model, variant).stream();
    const x = Float32Array.of(1, 2, 3);
    const step = (...ids: number[]) => Object.values(stream.step({ ids: Int32Array.from(ids), x }));
    expect(step(2, -3)).toEqual([3, 1]);
    expect(() => step(3, 0)).toThrow(/status 0; got 3/);
  });
});

describe.each(KERNELS)("a trace of a graph, %s", (variant) => {
  it("shows every node's numbers and changes none", () => {
    const model = graphModel({
      inputs: [{ name: "x", dtype: "F32", shape: [1, 2, 3] }],
      nodes: [
        { op: "constant", name: "c", attrs: { shape: [2, 1], dtype: "I32" }, tensors: { value: i32([2, 1], [1, 0]) } },
        { op: "transpose", name: "t", inputs: ["x"], attrs: { perm: [0, 2, 1] } },
        { op: "where", name: "w", inputs: ["c", "x", "x"] },
        { op: "activation", name: "a", inputs: ["w"], attrs: { function: "abs" } },
        { op: "matmul", name: "y", inputs: ["t", "a"] },
      ],
      outputs: ["y"],
    });
    const session = open(model, variant);
    const x = numbers(6);
    const plain = session.stream().step(x);
    const traced = session.stream({ trace: true });
    expectBits("y", traced.step(x), plain);
    const trace = traced.trace();
    expect([...trace.keys()]).toEqual(["t", "w", "a", "y"]);
    expect([...(trace.get("a")?.data ?? [])]).toEqual([...x].map(Math.abs));
    expectBits("y", trace.get("y")?.data as Float32Array, plain);
  });
});
