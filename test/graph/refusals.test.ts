/** Everything that can be wrong about a node of a graph fails when the model is read, and says what was expected. */

import { describe, expect, it } from "vitest";
import { simd as coreSimd } from "../../build/kernels.ts";
import {
  createRuntimeSync,
  createSessionSync,
  ModelError,
  modelFromLayers,
  readModel,
  writeSafetensors,
} from "../../src/graph-entry.ts";
import { createRuntimeSync as createCoreRuntime, createSessionSync as createCoreSession } from "../../src/index.ts";
import { CORE } from "../../src/ops/core.ts";
import { f32, type GraphSpec, graphModel, i32, type NodeSpec } from "./model.ts";

const zeros = (count: number) => new Float32Array(count);

/** One node over F32 inputs a, b, c of these shapes; `I32` ones are i, j, k. */
function one(
  node: NodeSpec,
  shapes: readonly (readonly number[])[],
  ids: readonly (readonly number[])[] = [],
): GraphSpec {
  const floats = shapes.map((shape, i) => ({ name: "abc"[i], dtype: "F32" as const, shape }));
  const integers = ids.map((shape, i) => ({ name: "ijk"[i], dtype: "I32" as const, shape }));
  return { inputs: [...floats, ...integers], nodes: [{ inputs: ["a"], name: "n", ...node }], outputs: ["n"] };
}

const conv = (attrs: Readonly<Record<string, unknown>>, shape: readonly number[], op = "conv"): GraphSpec => {
  const all = { kernel: [3], inChannels: 2, outChannels: 4, groups: 1, bias: false, ...attrs };
  const [rows, columns] = op === "conv" ? [all.outChannels, all.inChannels] : [all.inChannels, all.outChannels];
  const weight = [rows, Math.floor(columns / all.groups), ...all.kernel];
  return one({ op, attrs: all, tensors: { weight: f32(weight, zeros(weight.reduce((a, b) => a * b, 1))) } }, [shape]);
};

const scan = (
  inputs: readonly string[],
  shapes: readonly (readonly number[])[],
  attrs: Readonly<Record<string, unknown>> = {},
): GraphSpec =>
  one(
    {
      op: "lstm",
      inputs,
      attrs: { inputSize: 3, hiddenSize: 2, bias: false, scan: true, ...attrs },
      tensors: {
        weight_ih_l0: f32([8, 3], zeros(24)),
        weight_hh_l0: f32([8, 2], zeros(16)),
        ...(attrs.bidirectional
          ? { weight_ih_l0_reverse: f32([8, 3], zeros(24)), weight_hh_l0_reverse: f32([8, 2], zeros(16)) }
          : {}),
      },
    },
    shapes,
  );

const norm = (attrs: Readonly<Record<string, unknown>>, shape: readonly number[]): GraphSpec =>
  one(
    {
      op: "batchNorm",
      attrs: { size: 3, affine: false, ...attrs },
      tensors: { running_mean: f32([3], zeros(3)), running_var: f32([3], zeros(3)) },
    },
    [shape],
  );

/** What is wrong, and what the message says about it. */
const REFUSALS: Readonly<Record<string, readonly [GraphSpec, RegExp]>> = {
  "add of shapes that do not broadcast": [
    one({ op: "add", inputs: ["a", "b"] }, [[2, 3], [2]]),
    /shapes that broadcast; got \(2, 3\) and \(2\)/,
  ],
  "add of one input": [one({ op: "add" }, [[2]]), /2 or more inputs; got 1/],
  "sub of three inputs": [one({ op: "sub", inputs: ["a", "a", "a"] }, [[2]]), /got 3/],
  "mul of two dtypes": [one({ op: "mul", inputs: ["a", "i"] }, [[2]], [[2]]), /inputs of one dtype; got F32, I32/],
  "pow of integers": [one({ op: "pow", inputs: ["i", "i"] }, [], [[2]]), /inputs of F32; got I32/],
  "logicalAnd of numbers": [one({ op: "logicalAnd", inputs: ["a", "a"] }, [[2]]), /inputs of I32; got F32/],
  "an absent input": [one({ op: "mul", inputs: ["a", ""] }, [[2]]), /2 or more inputs; got 1/],
  "an input that nobody gives": [one({ op: "mul", inputs: ["a", "q"] }, [[2]]), /"q" is no model input/],
  "where on numbers": [one({ op: "where", inputs: ["a", "a", "a"] }, [[2]]), /"a" of I32; got F32/],
  "prelu with a slope that is larger": [
    one({ op: "prelu", inputs: ["a", "b"] }, [[3], [2, 3]]),
    /a slope that broadcasts to \(3\)/,
  ],
  "activation of integers": [
    one({ op: "activation", inputs: ["i"], attrs: { function: "abs" } }, [], [[2]]),
    /"i" of F32/,
  ],
  "activation that is unknown": [one({ op: "activation", attrs: { function: "swash" } }, [[2]]), /one of identity/],
  "clip without its limits": [one({ op: "activation", attrs: { function: "clip" } }, [[2]]), /clip with alpha, beta/],
  "cast to another dtype": [one({ op: "cast", attrs: { to: "F64" } }, [[2]]), /"F32" or "I32"/],
  "constant with inputs": [
    one({ op: "constant", attrs: { shape: [1] }, tensors: { value: f32([1], [1]) } }, [[2]]),
    /0 inputs; got 1/,
  ],
  "constant of another shape": [
    one({ op: "constant", inputs: [], attrs: { shape: [2] }, tensors: { value: f32([1], [1]) } }, [[2]]),
    /expected shape \(2\); got \(1\)/,
  ],
  "constant of another dtype": [
    one({ op: "constant", inputs: [], attrs: { shape: [1], dtype: "I32" }, tensors: { value: f32([1], [1]) } }, [[2]]),
    /a tensor of I32; got F32/,
  ],
  "reshape to more elements": [
    one({ op: "reshape", attrs: { shape: [7] } }, [[2, 3]]),
    /a shape of 6 elements; got \(7\)/,
  ],
  "reshape to nothing": [one({ op: "reshape", attrs: { shape: [0] } }, [[2]]), /shape of integers ≥ 1; got 0/],
  "reshape by a fraction": [one({ op: "reshape", attrs: { shape: [1.5] } }, [[2]]), /a list of integers/],
  "transpose of some axes": [one({ op: "transpose", attrs: { perm: [0] } }, [[2, 3]]), /perm of 2 integers; got 1/],
  "transpose of one axis twice": [
    one({ op: "transpose", attrs: { perm: [0, 0] } }, [[2, 3]]),
    /each axis once; got perm \(0,0\)/,
  ],
  "slice past the end": [
    one({ op: "slice", attrs: { starts: [1], sizes: [3] } }, [[3]]),
    /elements 0 … 2 of axis 0; got 1 … 3/,
  ],
  "slice before the beginning": [
    one({ op: "slice", attrs: { starts: [1], steps: [-1], sizes: [3] } }, [[3]]),
    /got 1 … -1/,
  ],
  "pad by less than nothing": [one({ op: "pad", attrs: { pads: [-1, 0] } }, [[3]]), /pads of integers ≥ 0; got -1/],
  "pad that reflects more than there is": [
    one({ op: "pad", attrs: { pads: [3, 0], mode: "reflect" } }, [[3]]),
    /pads ≤ 2 for axis 0 in mode reflect; got 3/,
  ],
  "pad with a string": [one({ op: "pad", attrs: { pads: [1, 0], value: "0" } }, [[3]]), /a finite number/],
  "concat along an axis that is not there": [
    one({ op: "concat", inputs: ["a", "a"], attrs: { axis: 2 } }, [[2, 3]]),
    /an axis of -2 … 1; got 2/,
  ],
  "concat along half an axis": [
    one({ op: "concat", inputs: ["a", "a"], attrs: { axis: 0.5 } }, [[2, 3]]),
    /an integer/,
  ],
  "concat of shapes that differ": [
    one({ op: "concat", inputs: ["a", "b"], attrs: { axis: 0 } }, [
      [2, 3],
      [2, 4],
    ]),
    /differ along axis 0 only/,
  ],
  "expand to a smaller shape": [one({ op: "expand", attrs: { shape: [2] } }, [[3]]), /\(3\) broadcasts to; got \(2\)/],
  "tile of too few axes": [one({ op: "tile", attrs: { repeats: [2] } }, [[2, 3]]), /repeats of 2 integers/],
  "gather with numbers for ids": [one({ op: "gather", inputs: ["a", "a"] }, [[3]]), /"a" of I32; got F32/],
  "gather of a constant id out of range": [
    {
      ...one({ op: "gather", inputs: ["a", "ids"] }, [[3]]),
      nodes: [
        { op: "constant", name: "ids", attrs: { shape: [2], dtype: "I32" }, tensors: { value: i32([2], [0, 3]) } },
        { op: "gather", name: "n", inputs: ["a", "ids"] },
      ],
    },
    /ids of -3 … 2; got 3/,
  ],
  "scatterCache past the cache": [
    one({ op: "scatterCache", inputs: ["a", "b"], attrs: { starts: [2] } }, [[3], [2]]),
    /an update within \(3\) from \(2\); got \(2\)/,
  ],
  "matmul of a scalar": [one({ op: "matmul", inputs: ["a", "b"] }, [[], [2]]), /matrices or vectors/],
  "matmul of sizes that differ": [
    one({ op: "matmul", inputs: ["a", "b"] }, [
      [2, 3],
      [4, 5],
    ]),
    /3 rows of the second/,
  ],
  "matmul of batches that differ": [
    one({ op: "matmul", inputs: ["a", "b"] }, [
      [2, 1, 3],
      [3, 3, 1],
    ]),
    /batches that broadcast/,
  ],
  "linear over another size": [
    one({ op: "linear", attrs: { inFeatures: 3, outFeatures: 2 }, tensors: { weight: f32([2, 3], zeros(6)) } }, [
      [3, 2],
    ]),
    /a last axis of 3; got \(3,2\)/,
  ],
  "layerNorm over another size": [
    one({ op: "layerNorm", attrs: { size: 3, affine: false } }, [[3, 2]]),
    /a last axis of 3/,
  ],
  "batchNorm over another size": [norm({ axis: 1 }, [3, 2]), /axis 1 of 3; got \(3,2\)/],
  "softmax along an axis that is not there": [
    one({ op: "softmax", attrs: { axis: -3 } }, [[2, 3]]),
    /an axis of -2 … 1/,
  ],
  "mean over no axis": [one({ op: "mean", attrs: { axes: [] } }, [[2]]), /one axis or more/],
  "mean over an axis twice": [one({ op: "mean", attrs: { axes: [0, -1] } }, [[2]]), /each once/],
  "argMax of integers": [one({ op: "argMax", inputs: ["i"], attrs: { axis: 0 } }, [], [[2]]), /"i" of F32/],
  "topK of more than there are": [one({ op: "topK", attrs: { k: 4 } }, [[3]]), /k ≤ 3; got 4/],
  "more outputs than there are": [
    one({ op: "topK", outputs: ["n", "m", "o"], attrs: { k: 1 } }, [[3]]),
    /1 … 2 outputs; got 3/,
  ],
  "conv over a batch": [conv({}, [2, 2, 9]), /\(1, 2, size\); got \(2,2,9\)/],
  "conv over other channels": [conv({}, [1, 3, 9]), /\(1, 2, size\)/],
  "conv with a kernel of three axes": [conv({ kernel: [1, 1, 1] }, [1, 2, 3, 3, 3]), /a kernel of 1 or 2 axes; got 3/],
  "conv over less than its kernel": [conv({}, [1, 2, 2]), /axis 2 of 3 or more with its padding; got 2/],
  "conv with groups that do not divide": [conv({ groups: 3 }, [1, 2, 9]), /that 3 groups divide/],
  "conv with a stride of 0": [conv({ stride: [0] }, [1, 2, 9]), /stride of integers ≥ 1/],
  "conv with padding at one end": [conv({ padding: [1] }, [1, 2, 9]), /padding of 2 integers; got 1/],
  "convTranspose with too much padding": [
    conv({ padding: [3, 3] }, [1, 2, 2], "convTranspose"),
    /padding that leaves something/,
  ],
  "convTranspose with too much outputPadding": [
    conv({ outputPadding: [1] }, [1, 2, 2], "convTranspose"),
    /less than stride or dilation; got 1/,
  ],
  "maxPool of windows in the padding": [
    one({ op: "maxPool", attrs: { kernel: [2], padding: [2, 0] } }, [[1, 1, 5]]),
    /padding less than the 2 elements/,
  ],
  "a scan over two axes": [scan(["a"], [[4, 3]]), /\(T, B, 3\); got \(4,3\)/],
  "a scan from a state of another shape": [
    scan(
      ["a", "b"],
      [
        [4, 1, 3],
        [1, 2],
      ],
    ),
    /a state of \(1,1,2\); got \(1,2\)/,
  ],
  "a scan with too many inputs": [
    scan(
      ["a", "b", "b", "b"],
      [
        [4, 1, 3],
        [1, 1, 2],
      ],
    ),
    /1 … 3 inputs; got 4/,
  ],
  "a carry over several steps": [scan(["a"], [[4, 1, 3]], { scan: false }), /one input of 3 numbers/],
  "a scan in both directions and backwards": [
    scan(["a"], [[4, 1, 3]], { bidirectional: true, reverse: true }),
    /bidirectional or reverse; got both/,
  ],
  "a scan whose outputs stay in the order of computation": [
    scan(["a"], [[4, 1, 3]], { reverse: true, computedOrder: true }),
    /outputs at their inputs' steps; got computedOrder/,
  ],
};

describe("a graph is refused at load:", () => {
  it.each(Object.entries(REFUSALS))("%s", (_, [spec, message]) => {
    expect(() => graphModel(spec)).toThrow(ModelError);
    expect(() => graphModel(spec)).toThrow(message);
  });

  it("states that do not return in their shape, or not at all", () => {
    const nodes = [{ op: "activation", name: "n", inputs: ["s"], attrs: { function: "abs" } }];
    const inputs = [{ name: "x", dtype: "F32" as const, shape: [1] }];
    const of = (shape: readonly number[], output: string) =>
      graphModel({ inputs, nodes, outputs: ["n"], states: [{ name: "s", shape, input: "s", output }] });
    expect(of([2], "n").states).toHaveLength(1);
    expect(() => of([2], "m")).toThrow(/s: expected "m" of \(2\); got none/);
    expect(() => of([2], "x")).toThrow(/s: expected "x" of \(2\); got \(1\) of F32/);
    const initial = { name: "s", shape: [2], input: "s", output: "n", initial: "s0" };
    expect(() => graphModel({ inputs, nodes, outputs: ["n"], states: [initial] })).toThrow(
      /s0: expected a tensor of \(2\); got none/,
    );
    expect(() =>
      graphModel({
        inputs,
        nodes,
        outputs: ["n"],
        states: [initial],
        tensors: [{ name: "s0", ...f32([3], [1, 2, 3]) }],
      }),
    ).toThrow(/s0: expected a tensor of \(2\); got \(3\)/);
  });
});

describe("between entries", () => {
  const graph = graphModel(one({ op: "activation", attrs: { function: "tanh" } }, [[1, 5]]));

  it("a model of the core's operators runs at the other", () => {
    const x = Float32Array.of(1, 2, 3, -4, 5);
    const [a, b] = [createCoreSession, createSessionSync].map((create) => create(graph).run(x).output);
    expect(a).toEqual(b);
  });

  it("what the core lacks is refused with the import that has it", () => {
    const run = (spec: GraphSpec) => () => createCoreSession(graphModel(spec));
    expect(run(one({ op: "mul", inputs: ["a", "a"] }, [[2]]))).toThrow(
      /operator "mul" is not supported\..*"sluice\/graph"/,
    );
    expect(run(one({ op: "softmax", attrs: { axis: 0 } }, [[2]]))).toThrow(
      /attribute "axis" is not supported\..*"sluice\/graph"/,
    );
    expect(run(one({ op: "softmax" }, [[3, 2]]))).toThrow(/with one axis; got \(3, 2\)\..*"sluice\/graph"/);
    const states = [{ name: "s", shape: [2], input: "s", output: "n" }];
    expect(run({ ...one({ op: "activation", inputs: ["s"], attrs: { function: "relu" } }, [[1]]), states })).toThrow(
      /s: .*not supported\..*"sluice\/graph"/,
    );
  });

  it("a runtime runs what its own kernels have", () => {
    const mul = graphModel(one({ op: "mul", inputs: ["a", "a"] }, [[2]]));
    const core = createCoreRuntime({ variant: "simd" });
    expect(() => createSessionSync(mul, { runtime: core })).toThrow(/operator "mul" is not supported/);
    const runtime = createRuntimeSync({ variant: "simd" });
    expect(createCoreSession(mul, { runtime }).run(Float32Array.of(2, 3)).output).toEqual(Float32Array.of(4, 9));
  });

  it("kernels of the core are no kernels of the graph set", () => {
    expect(() => createSessionSync(graph, { variant: "simd", wasm: coreSimd })).toThrow(
      /without the operators of graphs/,
    );
  });
});

describe("a native file", () => {
  it("holds graphs: lists of integers, several outputs, constants and paired states", () => {
    const model = graphModel({
      inputs: [{ name: "x", dtype: "F32", shape: [1, 6] }],
      states: [{ name: "s", shape: [1, 6], input: "s", output: "sum", initial: "s0" }],
      tensors: [{ name: "s0", ...f32([1, 6], [1, 2, 3, 4, 5, 6]) }],
      nodes: [
        { op: "add", name: "sum", inputs: ["s", "x"] },
        { op: "reshape", name: "square", inputs: ["sum"], attrs: { shape: [2, 3] } },
        { op: "topK", name: "top", inputs: ["square"], outputs: ["values", "places"], attrs: { k: 2, axis: -1 } },
        { op: "constant", name: "one", attrs: { shape: [1], dtype: "I32" }, tensors: { value: i32([1], [1]) } },
        { op: "add", name: "next", inputs: ["places", "one"] },
        { op: "cast", name: "y", inputs: ["next"], attrs: { to: "F32" } },
        {
          op: "activation",
          name: "limited",
          inputs: ["values"],
          attrs: { function: [{ name: "clip", alpha: -1, beta: 4 }] },
        },
      ],
      outputs: ["y", "limited"],
    });
    const bytes = writeSafetensors(model);
    const back = readModel(bytes);
    expect(writeSafetensors(back)).toEqual(bytes);
    expect({ ...back, tensors: [...back.tensors.keys()] }).toEqual({ ...model, tensors: [...back.tensors.keys()] });
    const x = Float32Array.of(0, 5, 1, -9, 0, 2);
    const [a, b] = [model, back].map((one) => createSessionSync(one).run(x).outputs);
    expect(a).toEqual(b);
    expect([...a.y]).toEqual([2, 3, 3, 2]);
  });
});

describe("layers", () => {
  it("may be operators of graphs, whose sizes follow from one another", () => {
    const tensors = new Map(
      [
        { name: "c.weight", ...f32([4, 2, 3], zeros(24).fill(0.5)) },
        { name: "c.bias", ...f32([4], [1, 2, 3, 4]) },
        { name: "head.weight", ...f32([3, 8], zeros(24).fill(0.25)) },
        { name: "head.bias", ...f32([3], zeros(3)) },
      ].map((tensor) => [tensor.name, tensor]),
    );
    const layers = [
      { type: "conv", name: "c", kernel: [3], inChannels: 2, outChannels: 4, padding: [1, 1], activation: "relu" },
      { type: "linear", name: "head" },
    ];
    const inputs = [{ name: "x", dtype: "F32" as const, shape: [1, 2, 8] }];
    const model = modelFromLayers(layers, tensors, { inputs });
    expect(model.outputs[0].shape).toEqual([1, 4, 3]);
    expect(() => modelFromLayers([...layers, { type: "add", inputs: ["head", "x"] }], tensors, { inputs })).toThrow(
      /broadcast/,
    );
    expect(() => modelFromLayers([...layers, { type: "add", inputs: ["head", "y"] }], tensors, { inputs })).toThrow(
      /"y" is no model input/,
    );
    expect(Object.hasOwn(CORE, "conv")).toBe(false);
  });
});
