import { describe, expect, it } from "vitest";
import { STATUS_ID, STATUS_OK, STATUS_STEPS } from "../../assembly/abi.ts";
import { createReferenceEngine } from "../../src/backend-reference.ts";
import type { Engine, States } from "../../src/engine.ts";
import type { AttrValue, Model, Node, ValueInfo } from "../../src/model.ts";
import type { Tensor } from "../../src/tensor.ts";

function floats(name: string, data: number[]): Tensor {
  return { name, dtype: "F32", shape: [data.length], data: Float32Array.from(data) };
}

function node(op: string, inputs: string[], output: string, attrs: Record<string, AttrValue> = {}): Node {
  return { name: output, op, inputs, outputs: [output], attrs };
}

const NUMBER: ValueInfo = { name: "x", dtype: "F32", shape: [1] };
const TOKENS: ValueInfo = { name: "tokens", dtype: "I32", shape: [] };

/** sum: h' = x + h, an rnn whose state is the sum of its inputs; embedding: ids 0, 1, 2 → 10, 20, 30. */
const SUM = node("rnn", ["x"], "sum", {
  numLayers: 1,
  bidirectional: false,
  reverse: false,
  bias: false,
  activations: [{ name: "identity" }],
});
const EMBEDDING = node("embedding", ["tokens"], "x", { numEmbeddings: 3, embeddingDim: 1 });

function modelOf(inputs: ValueInfo[], nodes: Node[], output = nodes[nodes.length - 1].name, size = 1): Model {
  const tensors = [floats("sum.weight_ih_l0", [1]), floats("sum.weight_hh_l0", [1]), floats("x.weight", [10, 20, 30])];
  return {
    inputs,
    outputs: [{ name: output, dtype: "F32", shape: [size] }],
    nodes,
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    states: [{ name: "sum.h", shape: [1, 1] }],
    info: {},
    warnings: [],
  };
}

/** Input 0 is given one element per row. */
function feed(engine: Engine, ...rows: number[]): void {
  const { data, stride } = engine.inputs[0];
  rows.forEach((value, r) => {
    data[r * stride] = value;
  });
}

/** The first elements of rows 0 … count − 1 of output 0. */
function first(engine: Engine, count: number): number[] {
  const { data, stride } = engine.outputs[0];
  return Array.from({ length: count }, (_, r) => data[r * stride]);
}

function sumOf(states: States, member: number): number {
  const into = new Float32Array(1);
  states.read(member, 0, into, 0, 1);
  return into[0];
}

/** Runs one node without states over one row. */
function runNode(
  op: string,
  xs: number[][],
  attrs: Record<string, AttrValue> = {},
  tensors: Tensor[] = [],
  size = xs[0].length,
): number[] {
  const inputs = xs.map((x, i): ValueInfo => ({ name: `x${i}`, dtype: "F32", shape: [x.length] }));
  const names = inputs.map(({ name }) => name);
  const model = {
    ...modelOf(inputs, [node(op, names, "y", attrs)], "y", size),
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    states: [],
  };
  const engine = createReferenceEngine(model, { rows: 1 });
  xs.forEach((x, i) => {
    engine.inputs[i].data.set(x);
  });
  expect(engine.execute(engine.createStates(1), 1)).toBe(STATUS_OK);
  return [...engine.outputs[0].row];
}

describe("a reference engine's operators", () => {
  it("linear, with and without bias and activation", () => {
    const tensors = [floats("y.weight", [1, 2, 3, 4]), floats("y.bias", [0.5, -40])];
    expect(runNode("linear", [[1, 10]], { bias: true }, tensors)).toEqual([21.5, 3]);
    expect(runNode("linear", [[1, 10]], { bias: false }, tensors)).toEqual([21, 43]);
    const relu = { bias: true, activation: [{ name: "relu" }] };
    expect(runNode("linear", [[1, -10]], relu, tensors)).toEqual([0, 0]);
  });

  it("layerNorm and batchNorm, with the tensors their attributes ask for", () => {
    const tensors = [
      floats("y.weight", [10, 100]),
      floats("y.bias", [1, 2]),
      floats("y.running_mean", [1, 9]),
      floats("y.running_var", [3, 15]),
    ];
    expect(runNode("layerNorm", [[1, 3]], { eps: 3, affine: true, bias: true }, tensors)).toEqual([-4, 52]);
    expect(runNode("layerNorm", [[1, 3]], { eps: 3, affine: true, bias: false }, tensors)).toEqual([-5, 50]);
    expect(runNode("layerNorm", [[1, 3]], { eps: 3, affine: false, bias: true }, tensors)).toEqual([-0.5, 0.5]);
    expect(runNode("batchNorm", [[5, 5]], { eps: 1, affine: true }, tensors)).toEqual([21, -98]);
    expect(runNode("batchNorm", [[5, 5]], { eps: 1, affine: false }, tensors)).toEqual([2, -1]);
  });

  it("leave alone what another node without a name owns", () => {
    const rest: Node[] = [
      { name: "", op: "linear", inputs: ["x"], outputs: ["a"], attrs: { bias: true } },
      { name: "", op: "layerNorm", inputs: ["a"], outputs: ["y"], attrs: { eps: 3, affine: false, bias: true } },
      { name: "", op: "linear", inputs: ["y"], outputs: ["z"], attrs: { bias: false } },
    ];
    const tensors = [floats("weight", [1, 0, 0, 1]), floats("bias", [0, 2])];
    const x: ValueInfo = { name: "x", dtype: "F32", shape: [2] };
    const model = { ...modelOf([x], rest, "z", 2), tensors: new Map(tensors.map((t) => [t.name, t])), states: [] };
    const engine = createReferenceEngine(model, { rows: 1 });
    engine.inputs[0].data.set([1, 1]);
    engine.execute(engine.createStates(1), 1);
    expect([...engine.outputs[0].row]).toEqual([-0.5, 0.5]);
  });

  it("activation, softmax, logSoftmax, last, add and concat", () => {
    expect(runNode("activation", [[-2, 3]], { function: [{ name: "leakyRelu", alpha: 0.5 }] })).toEqual([-1, 3]);
    expect(runNode("softmax", [[4, 4]])).toEqual([0.5, 0.5]);
    expect(runNode("logSoftmax", [[0, -2000]])).toEqual([0, -2000]);
    expect(runNode("last", [[4, 5]])).toEqual([4, 5]);
    const terms = [
      [1, 2],
      [10, 20],
      [100, 200],
    ];
    expect(runNode("add", terms)).toEqual([111, 222]);
    expect(runNode("concat", [[1], [2, 3], [4, 5]], {}, [], 5)).toEqual([1, 2, 3, 4, 5]);
  });

  it("refuses an operator that it does not know, by name", () => {
    expect(() => runNode("attention", [[1]])).toThrow(/"y".*attention/);
  });
});

describe("a reference engine's trace", () => {
  const model = modelOf([TOKENS], [EMBEDDING, SUM, node("concat", ["sum", "sum"], "z")], "z", 2);

  it("has the sizes of all values but embeddings before the first step", () => {
    const engine = createReferenceEngine(model, { rows: 2 });
    expect(engine.createStates(1).trace()).toBeUndefined();
    expect(engine.createStates(1, 4).trace()).toEqual(
      new Map([
        ["sum", { shape: [0, 1], data: new Float32Array(0) }],
        ["z", { shape: [0, 2], data: new Float32Array(0) }],
      ]),
    );
  });

  it("keeps the last steps, oldest first, and nothing of a refused execution", () => {
    const engine = createReferenceEngine(model, { rows: 2 });
    const states = engine.createStates(1, 3);
    for (const ids of [[0, 1], [2], [2, 0], [3]]) {
      feed(engine, ...ids);
      engine.execute(states, ids.length);
    }
    expect(states.trace()).toEqual(
      new Map([
        ["sum", { shape: [3, 1], data: Float32Array.of(60, 90, 100) }],
        ["z", { shape: [3, 2], data: Float32Array.of(60, 60, 90, 90, 100, 100) }],
      ]),
    );
  });

  it("is of member 0 alone", () => {
    const engine = createReferenceEngine(model, { rows: 2 });
    const states = engine.createStates(2, 4);
    feed(engine, 0, 1);
    engine.executeGroup(states, Int32Array.of(1, 0), 0, 2, 1, null);
    engine.executeGroup(states, Int32Array.of(1), 0, 1, 1, null);
    expect(states.trace()?.get("sum")).toEqual({ shape: [1, 1], data: Float32Array.of(20) });
  });
});

describe("a reference engine's ids", () => {
  it("are rows of the table", () => {
    const engine = createReferenceEngine(modelOf([TOKENS], [EMBEDDING, SUM]), { rows: 3 });
    feed(engine, 2, 0, 1);
    engine.execute(engine.createStates(1), 3);
    expect(first(engine, 3)).toEqual([30, 40, 60]);
  });

  it("are refused out of range, and the states are left as they were", () => {
    const engine = createReferenceEngine(modelOf([TOKENS], [EMBEDDING, SUM]), { rows: 3 });
    const states = engine.createStates(1);
    states.write(0, 0, Float32Array.of(5), 0, 1);
    for (const id of [-1, -2, 3, 2 ** 31 - 1]) {
      feed(engine, 0, 1, id);
      expect(engine.execute(states, 3)).toBe(STATUS_ID);
      expect(sumOf(states, 0)).toBe(5);
    }
    expect(engine.execute(states, 2)).toBe(STATUS_OK);
    expect(sumOf(states, 0)).toBe(35);
  });

  it("are refused as cleanly where a recurrent layer stands before the embedding", () => {
    const late = node("embedding", ["tokens"], "late", { numEmbeddings: 3, embeddingDim: 1 });
    const base = modelOf([NUMBER, TOKENS], [SUM, late], "sum");
    const model = { ...base, tensors: new Map([...base.tensors, ["late.weight", floats("late.weight", [1, 2, 3])]]) };
    const engine = createReferenceEngine(model, { rows: 1 });
    const states = engine.createStates(1);
    feed(engine, 7);
    engine.inputs[1].data[0] = 3;
    expect(engine.execute(states, 1)).toBe(STATUS_ID);
    expect(sumOf(states, 0)).toBe(0);
  });

  it("are not looked at past a member's length", () => {
    const engine = createReferenceEngine(modelOf([TOKENS], [EMBEDDING, SUM]), { rows: 4 });
    const states = engine.createStates(2);
    feed(engine, 0, 1, 2, 99);
    expect(engine.executeGroup(states, null, 0, 2, 2, Int32Array.of(2, 1))).toBe(STATUS_OK);
    expect([0, 1].map((member) => sumOf(states, member))).toEqual([40, 20]);
    expect(engine.executeGroup(states, null, 0, 2, 2, null)).toBe(STATUS_ID);
  });
});

describe("a reference engine's rows", () => {
  it("are refused where there is no room for them, until they are reserved", () => {
    const engine = createReferenceEngine(modelOf([NUMBER], [SUM]), { rows: 4 });
    const states = engine.createStates(5);
    expect(engine.execute(states, 5)).toBe(STATUS_STEPS);
    expect(engine.executeGroup(states, null, 0, 5, 1, null)).toBe(STATUS_STEPS);
    engine.reserve(5);
    expect([engine.rows, engine.inputs[0].data.length, engine.outputs[0].data.length]).toEqual([5, 20, 20]);
    feed(engine, 1, 2, 3, 4, 5);
    expect(engine.executeGroup(states, null, 0, 5, 1, null)).toBe(STATUS_OK);
    expect(first(engine, 5)).toEqual([1, 2, 3, 4, 5]);
    engine.reserve(2);
    expect(engine.rows).toBe(5);
  });

  it("are padded to 4 elements for numbers and to none for ids; a free axis is no part of them", () => {
    const x: ValueInfo = { name: "x", dtype: "F32", shape: [5] };
    const tokens: ValueInfo = { name: "tokens", dtype: "I32", shape: ["T"] };
    const z: ValueInfo = { name: "z", dtype: "F32", shape: ["T", 4] };
    const engine = createReferenceEngine({ ...modelOf([x, tokens, z], [], "x", 5), states: [] }, { rows: 2 });
    expect(engine.inputs.map(({ stride, data, row }) => [stride, data.length, row.length])).toEqual([
      [8, 16, 5],
      [1, 2, 1],
      [4, 8, 4],
    ]);
    engine.inputs[0].data.set([1, 2, 3, 4, 5, 9, 9, 9, 6, 7, 8, 9, 10]);
    expect([...engine.inputs[0].row]).toEqual([1, 2, 3, 4, 5]);
    engine.execute(engine.createStates(1), 2);
    expect([...engine.outputs[0].data]).toEqual([1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 9, 10, 0, 0, 0]);
  });

  it("and all else are counted in bytes: weights and states in f64, io in f32", () => {
    const engine = createReferenceEngine(modelOf([TOKENS], [EMBEDDING, SUM]), { rows: 4 });
    expect(engine.bytes()).toEqual({ weights: 8 * 5, programs: 0, io: 4 * (4 + 16), scratch: 0, statePerStream: 8 });
    expect(engine.variant).toBe("reference");
  });
});
