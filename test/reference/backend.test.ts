import { describe, expect, it } from "vitest";
import { STATUS_OK } from "../../assembly/abi.ts";
import { createReferenceEngine } from "../../src/backend-reference.ts";
import type { Engine, States } from "../../src/engine.ts";
import type { AttrValue, Model, Node, StateInfo } from "../../src/model.ts";
import { gruStep } from "../../src/reference/gru.ts";
import { rnnStep } from "../../src/reference/rnn.ts";
import { elements, type Tensor } from "../../src/tensor.ts";

/** A reproducible tensor with numbers in (−1, 1), none equal to another. */
function tensor(name: string, ...shape: number[]): Tensor {
  let seed = 1;
  for (const letter of name) seed = (seed * 31 + letter.charCodeAt(0)) % 65521;
  const data = Float32Array.from({ length: elements(shape) }, (_, i) => Math.sin(seed + 1.7 * i));
  return { name, dtype: "F32", shape, data };
}

function floats(name: string, data: number[]): Tensor {
  return { name, dtype: "F32", shape: [data.length], data: Float32Array.from(data) };
}

function modelOf(parts: Partial<Model>): Model {
  return {
    inputs: [{ name: "x", dtype: "F32", shape: [2] }],
    outputs: [{ name: "y", dtype: "F32", shape: [3] }],
    nodes: [],
    tensors: new Map(),
    states: [],
    info: {},
    warnings: [],
    ...parts,
  };
}

function node(
  op: string,
  inputs: string[],
  output: string,
  attrs: Record<string, AttrValue> = {},
  name = output,
): Node {
  return { name, op, inputs, outputs: [output], attrs };
}

function named(...tensors: Tensor[]): Map<string, Tensor> {
  return new Map(tensors.map((t) => [t.name, t]));
}

const RECURRENT = {
  numLayers: 1,
  bidirectional: false,
  reverse: false,
  bias: true,
  resetAfter: true,
  nonlinearity: "tanh",
};

/** A gru called "y", 2 → 3. */
function gru(attrs: Record<string, AttrValue> = {}, state: Partial<StateInfo> = {}, more: Tensor[] = []): Model {
  const { numLayers, bidirectional } = { ...RECURRENT, ...attrs };
  const directions = bidirectional ? 2 : 1;
  const tensors: Tensor[] = [...more];
  for (let k = 0; k < numLayers; k++) {
    for (const suffix of ["", "_reverse"].slice(0, directions)) {
      tensors.push(tensor(`y.weight_ih_l${k}${suffix}`, 9, k === 0 ? 2 : 3 * directions));
      tensors.push(tensor(`y.weight_hh_l${k}${suffix}`, 9, 3));
      tensors.push(tensor(`y.bias_ih_l${k}${suffix}`, 9), tensor(`y.bias_hh_l${k}${suffix}`, 9));
    }
  }
  return modelOf({
    outputs: [{ name: "y", dtype: "F32", shape: [3 * directions] }],
    nodes: [node("gru", ["x"], "y", { inputSize: 2, hiddenSize: 3, ...RECURRENT, ...attrs })],
    tensors: named(...tensors),
    states: [{ name: "y.h", shape: [numLayers * directions, 3], ...state }],
  });
}

/** Row r of the input: two numbers that depend on the step and the sequence. */
function sample(t: number, sequence: number): [number, number] {
  return [Math.cos(t + 10 * sequence), Math.sin(2 * t - sequence)];
}

function feed(engine: Engine, steps: number, sequences: number[], from = 0): void {
  const { data, stride } = engine.inputs[0];
  for (let t = 0; t < steps; t++) {
    sequences.forEach((sequence, j) => {
      data.set(sample(from + t, sequence), (t * sequences.length + j) * stride);
    });
  }
}

function row(engine: Engine, r: number, size: number, output = 0): number[] {
  const { data, stride } = engine.outputs[output];
  return [...data.subarray(r * stride, r * stride + size)];
}

function read(states: States, member: number, size: number, index = 0): number[] {
  const into = new Float32Array(size);
  states.read(member, index, into, 0, 1);
  return [...into];
}

describe("a reference engine's recurrent layers", () => {
  it("start from the stored initial state, and reset returns to it", () => {
    const h0 = floats("y.h0", [0.5, -0.25, 2]);
    const engine = createReferenceEngine(gru({}, { initial: "y.h0" }, [h0]), { rows: 4 });
    const states = engine.createStates(1);
    expect(read(states, 0, 3)).toEqual([0.5, -0.25, 2]);
    feed(engine, 4, [0]);
    engine.execute(states, 4);
    expect(read(states, 0, 3)).toEqual(row(engine, 3, 3));
    states.reset(0);
    expect(read(states, 0, 3)).toEqual([0.5, -0.25, 2]);
  });

  it("give the same bits in one execution, step by step and in chunks", () => {
    const model = gru({ numLayers: 2 });
    const results = [7, 1, 3].map((chunk) => {
      const engine = createReferenceEngine(model, { rows: 7 });
      const states = engine.createStates(1);
      const out: number[] = [];
      for (let t = 0; t < 7; t += chunk) {
        const steps = Math.min(chunk, 7 - t);
        feed(engine, steps, [0], t);
        engine.execute(states, steps);
        for (let s = 0; s < steps; s++) out.push(...row(engine, s, 3));
      }
      return [...out, ...read(states, 0, 6)];
    });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  it("run members to their own lengths, as each would alone", () => {
    const variants: Record<string, AttrValue>[] = [{}, { reverse: true }, { bidirectional: true, numLayers: 2 }];
    for (const attrs of variants) {
      const model = gru(attrs);
      const width = model.outputs[0].shape[0] as number;
      const size = elements(model.states[0].shape);
      const engine = createReferenceEngine(model, { rows: 20 });
      const group = engine.createStates(4);
      const lengths = Int32Array.of(5, 2, 0, 4);
      feed(engine, 5, [0, 1, 2, 3]);
      expect(engine.executeGroup(group, null, 0, 4, 5, lengths)).toBe(STATUS_OK);
      const outputs = Array.from({ length: 20 }, (_, r) => row(engine, r, width));
      for (let j = 0; j < 4; j++) {
        const alone = engine.createStates(1);
        feed(engine, 5, [j]);
        engine.execute(alone, lengths[j]);
        expect(read(group, j, size)).toEqual(read(alone, 0, size));
        for (let t = 0; t < lengths[j]; t++) expect(outputs[t * 4 + j]).toEqual(row(engine, t, width));
      }
      expect(read(group, 2, size)).toEqual(new Array(size).fill(0));
    }
  });

  it("align a reverse direction's output with its input, and put it after the forward one", () => {
    const model = gru({ bidirectional: true });
    const engine = createReferenceEngine(model, { rows: 3 });
    const states = engine.createStates(1);
    feed(engine, 3, [0]);
    engine.execute(states, 3);
    const f64 = (name: string) => new Float64Array((model.tensors.get(name) as Tensor).data as Float32Array);
    const expected = [0, 1, 2].map(() => new Array<number>(6));
    ["", "_reverse"].forEach((suffix, d) => {
      const weights = [
        f64(`y.weight_ih_l0${suffix}`),
        f64(`y.weight_hh_l0${suffix}`),
        f64(`y.bias_ih_l0${suffix}`),
        f64(`y.bias_hh_l0${suffix}`),
      ] as const;
      let h: Float64Array = new Float64Array(3);
      for (const t of d === 0 ? [0, 1, 2] : [2, 1, 0]) {
        [h] = gruStep(Float64Array.from(sample(t, 0).map(Math.fround)), [h], weights, { activations: [] });
        h.forEach((v, j) => {
          expected[t][3 * d + j] = Math.fround(v);
        });
      }
    });
    expect([0, 1, 2].map((t) => row(engine, t, 6))).toEqual(expected);
    expect(read(states, 0, 6)).toEqual([...expected[2].slice(0, 3), ...expected[0].slice(3)]);
  });

  it("run a lone reverse direction as a forward one over the flipped sequence", () => {
    const [forward, reverse] = [gru(), gru({ reverse: true })].map((model) =>
      createReferenceEngine(model, { rows: 3 }),
    );
    const [a, b] = [forward.createStates(1), reverse.createStates(1)];
    feed(reverse, 3, [0]);
    reverse.execute(b, 3);
    [2, 1, 0].forEach((t, s) => {
      forward.inputs[0].data.set(sample(t, 0), 4 * s);
    });
    forward.execute(a, 3);
    expect([2, 1, 0].map((r) => row(reverse, r, 3))).toEqual([0, 1, 2].map((r) => row(forward, r, 3)));
    expect(read(b, 0, 3)).toEqual(read(a, 0, 3));
  });

  it("use one list of functions for both directions, or one for each", () => {
    const affine = (alpha: number) => ({ name: "affine", alpha, beta: 0 });
    const model = (activations: AttrValue) =>
      modelOf({
        inputs: [{ name: "x", dtype: "F32", shape: [1] }],
        outputs: [{ name: "y", dtype: "F32", shape: [2] }],
        nodes: [node("rnn", ["x"], "y", { ...RECURRENT, bias: false, bidirectional: true, activations })],
        tensors: named(
          ...["", "_reverse"].flatMap((s) => [floats(`y.weight_ih_l0${s}`, [1]), floats(`y.weight_hh_l0${s}`, [0])]),
        ),
        states: [{ name: "y.h", shape: [2, 1] }],
      });
    const run = (activations: AttrValue) => {
      const engine = createReferenceEngine(model(activations), { rows: 1 });
      engine.inputs[0].data[0] = 1;
      engine.execute(engine.createStates(1), 1);
      return row(engine, 0, 2);
    };
    expect(run([affine(2)])).toEqual([2, 2]);
    expect(run([affine(2), affine(3)])).toEqual([2, 3]);
  });

  it("take the nonlinearity of an rnn from its attribute", () => {
    const tensors = [tensor("y.weight_ih_l0", 3, 2), tensor("y.weight_hh_l0", 3, 3)];
    const model = modelOf({
      nodes: [node("rnn", ["x"], "y", { ...RECURRENT, bias: false, nonlinearity: "relu", clip: 0.5 })],
      tensors: named(...tensors),
      states: [{ name: "y.h", shape: [1, 3] }],
    });
    const engine = createReferenceEngine(model, { rows: 1 });
    feed(engine, 1, [0]);
    engine.execute(engine.createStates(1), 1);
    const [weightIh, weightHh] = tensors.map(({ data }) => new Float64Array(data as Float32Array));
    const x = Float64Array.from(sample(0, 0).map(Math.fround));
    const options = { activations: [(v: number) => Math.max(v, 0)], clip: 0.5 };
    expect(row(engine, 0, 3)).toEqual([
      ...Float32Array.from(rnnStep(x, [new Float64Array(3)], [weightIh, weightHh], options)[0]),
    ]);
  });
});

describe("a reference engine's states", () => {
  it("advance for the members that take part and no others", () => {
    const engine = createReferenceEngine(gru(), { rows: 2 });
    const states = engine.createStates(5);
    feed(engine, 1, [0, 1]);
    // Entries 1 and 2 of the list: members 4 and 0.
    expect(engine.executeGroup(states, Int32Array.of(2, 4, 0, 3), 1, 2, 1, null)).toBe(STATUS_OK);
    expect(read(states, 4, 3)).toEqual(row(engine, 0, 3));
    expect(read(states, 0, 3)).toEqual(row(engine, 1, 3));
    for (const member of [1, 2, 3]) expect(read(states, member, 3)).toEqual([0, 0, 0]);
  });

  it("count members from `first` where there is no list", () => {
    const engine = createReferenceEngine(gru(), { rows: 2 });
    const states = engine.createStates(4);
    feed(engine, 1, [0, 1]);
    engine.executeGroup(states, null, 2, 2, 1, Int32Array.of(9, 9, 1, 0));
    expect(read(states, 2, 3)).toEqual(row(engine, 0, 3));
    for (const member of [0, 1, 3]) expect(read(states, member, 3)).toEqual([0, 0, 0]);
  });

  it("are read, written and copied as values", () => {
    const engine = createReferenceEngine(gru(), { rows: 1 });
    const [a, b] = [engine.createStates(2), engine.createStates(3)];
    a.write(1, 0, Float32Array.of(1, 2, 3), 0, 1);
    b.copy(2, a, 1);
    a.write(1, 0, Float32Array.of(7, 8, 9), 0, 1);
    expect([read(a, 0, 3), read(a, 1, 3)]).toEqual([
      [0, 0, 0],
      [7, 8, 9],
    ]);
    expect([0, 1, 2].map((member) => read(b, member, 3))).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [1, 2, 3],
    ]);
    b.reset(2);
    expect(read(b, 2, 3)).toEqual([0, 0, 0]);
    expect([a.count, b.count]).toEqual([2, 3]);
  });

  it("keep f64 between executions, so that a copy goes on with the same bits", () => {
    const engine = createReferenceEngine(gru(), { rows: 1 });
    const states = engine.createStates(2);
    feed(engine, 1, [0]);
    for (let t = 0; t < 5; t++) engine.execute(states, 1);
    states.copy(1, states, 0);
    engine.execute(states, 1);
    const first = row(engine, 0, 3);
    engine.executeGroup(states, null, 1, 1, 1, null);
    expect(row(engine, 0, 3)).toEqual(first);
  });
});
