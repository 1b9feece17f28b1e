/** Small ONNX files, made here, against models of the same tensors made in our own words: what exporters write, and its variations. */

import { describe, expect, it } from "vitest";
import {
  createSessionSync,
  type LayerSpec,
  type Model,
  ModelError,
  modelFromLayers,
  type ReadModelOptions,
  readModel,
  type Tensor,
} from "../../../src/onnx.ts";
import { expectClose } from "../../conformance/compare.ts";
import { tensors } from "../../tensors.ts";
import { type Attr, type File, type Node, tensor, model as write } from "./writer.ts";

const T = 5;
const [I, H, O] = [3, 4, 2];

/** Gates of ours at each place of ONNX's order. */
const ORDERS = { RNN: [0], GRU: [1, 0, 2], LSTM: [0, 3, 1, 2] } as const;
type Cell = keyof typeof ORDERS;

const data = (all: ReadonlyMap<string, Tensor>, name: string) => [...((all.get(name) as Tensor).data as Float32Array)];

/** Our tensors in ONNX's order: W, R, B of one or two directions. */
function weights(cell: Cell, all: ReadonlyMap<string, Tensor>, prefix: string, both = false): File["initializers"] {
  const order = ORDERS[cell];
  const gates = (name: string) => {
    const values = data(all, name);
    const block = values.length / order.length;
    return order.flatMap((gate) => values.slice(gate * block, (gate + 1) * block));
  };
  const suffixes = both ? ["", "_reverse"] : [""];
  const stack = (...names: string[]) =>
    suffixes.flatMap((s) => names.flatMap((name) => gates(`${prefix}.${name}_l0${s}`)));
  const rows = order.length * H;
  const D = suffixes.length;
  const W = stack("weight_ih");
  return {
    [`${prefix}.W`]: [[D, rows, W.length / D / rows], W],
    [`${prefix}.R`]: [[D, rows, H], stack("weight_hh")],
    [`${prefix}.B`]: [[D, 2 * rows], stack("bias_ih", "bias_hh")],
  };
}

const recurrentTensors = (cell: Cell, name: string, inputs = I, both = false) => {
  const rows = ORDERS[cell].length * H;
  return Object.fromEntries(
    (both ? ["", "_reverse"] : [""]).flatMap((s) => [
      [`${name}.weight_ih_l0${s}`, [rows, inputs]],
      [`${name}.weight_hh_l0${s}`, [rows, H]],
      [`${name}.bias_ih_l0${s}`, [rows]],
      [`${name}.bias_hh_l0${s}`, [rows]],
    ]),
  );
};

const cellNode = (
  cell: Cell,
  name: string,
  x: string,
  outputs: readonly string[],
  more: readonly string[] = [],
  attrs: Node["attrs"] = {},
): Node => ({
  op: cell,
  name,
  inputs: [x, `${name}.W`, `${name}.R`, `${name}.B`, ...(more.length > 0 ? ["", ...more] : [])],
  outputs,
  attrs: { hidden_size: H, ...(cell === "GRU" && { linear_before_reset: 1 }), ...attrs },
});

/** Numbers that differ, in −1 … 1. */
const xs = Float32Array.from({ length: T * I }, (_, i) => Math.sin(3 * i + 1));

function run(model: Model, x: Float32Array | Int32Array = xs) {
  const session = createSessionSync(model, { variant: "reference" });
  return session.run(x);
}

/** The same outputs, from the file and from layers. */
function expectSame(
  file: File,
  layers: readonly LayerSpec[],
  all: Map<string, Tensor>,
  options?: ReadModelOptions,
  x?: Float32Array | Int32Array,
): Model {
  const model = readModel(write(file), options);
  const ours = modelFromLayers(layers, all);
  expectClose("output", run(model, x).output, run(ours, x).output, 1e-6);
  return model;
}

const ops = (model: Model) => model.nodes.map(({ op }) => op);

const nodeOf = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attrs: Readonly<Record<string, Attr>> = {},
): Node => ({ op, inputs, outputs, attrs });

describe("recurrent layers", () => {
  for (const cell of ["RNN", "GRU", "LSTM"] as const) {
    const layer = { type: cell.toLowerCase(), name: "rnn" };
    const all = tensors(recurrentTensors(cell, "rnn"));
    const shape = cell === "LSTM" ? ["Y", "Y_h", "Y_c"] : ["Y", "Y_h"];

    it(`${cell} along a free axis, its batch free too`, () => {
      const model = expectSame(
        {
          inputs: { x: ["time", "batch", I] },
          outputs: { Y: ["time", 1, "batch", H] },
          initializers: weights(cell, all, "rnn"),
          nodes: [cellNode(cell, "rnn", "x", ["Y"])],
        },
        [layer],
        all,
      );
      expect(model.inputs).toEqual([{ name: "x", dtype: "F32", shape: [I] }]);
      expect(model.outputs[0].name).toBe("Y");
      expect(model.states[0]).toEqual({ name: "rnn.h", shape: [1, H] });
      expect(ops(model)).toEqual([layer.type]);
    });

    it(`${cell} whose states come in and go out, along a free axis and in one step`, () => {
      const initial = cell === "LSTM" ? ["h0", "c0"] : ["h0"];
      const finals = cell === "LSTM" ? ["hn", "cn"] : ["hn"];
      const file = (time: string | number): File => ({
        inputs: { x: [time, 1, I], ...Object.fromEntries(initial.map((name) => [name, [1, 1, H]])) },
        outputs: { y: [time, 1, H], ...Object.fromEntries(finals.map((name) => [name, [1, 1, H]])) },
        initializers: { ...weights(cell, all, "rnn"), axes: [[1], [1], "int64"] },
        nodes: [cellNode(cell, "rnn", "x", ["Y", ...finals], initial), nodeOf("Squeeze", ["Y", "axes"], ["y"])],
      });
      for (const time of ["T", 1]) {
        const model = expectSame(file(time), [layer], all);
        expect(ops(model)).toEqual([layer.type]);
        expect([model.inputs.length, model.outputs.map(({ name }) => name)]).toEqual([1, ["y"]]);
        const session = createSessionSync(model, { variant: "reference" });
        const stream = session.stream();
        const rows = Array.from({ length: T }, (_, t) => [
          ...(stream.step(xs.slice(t * I, t * I + I)) as Float32Array),
        ]);
        expectClose("steps", rows.flat(), run(modelFromLayers([layer], all)).output, 1e-6);
      }
    });

    it(`${cell} in two directions, transposed and reshaped as PyTorch's exporter does`, () => {
      const both = tensors(recurrentTensors(cell, "rnn", I, true));
      expectSame(
        {
          inputs: { x: ["T", "N", I] },
          outputs: { y: ["T", "N", 2 * H] },
          initializers: { ...weights(cell, both, "rnn", true), shape: [[3], [0, 0, -1], "int64"] },
          nodes: [
            cellNode(cell, "rnn", "x", shape, [], { direction: "bidirectional" }),
            nodeOf("Transpose", ["Y"], ["turned"], { perm: [0, 2, 1, 3] }),
            nodeOf("Reshape", ["turned", "shape"], ["y"]),
          ],
        },
        [{ ...layer, bidirectional: true }],
        both,
      );
    });
  }

  it("two layers share an initial state by slices, and a final state by concatenation", () => {
    const all = tensors({ ...recurrentTensors("GRU", "a"), ...recurrentTensors("GRU", "b", H) });
    const index = (name: string, value: number) => ({ [name]: [[1], [value], "int64"] as const });
    const file: File = {
      inputs: { x: ["T", 1, I], h0: [2, 1, H] },
      outputs: { y: ["T", 1, 1, H], hn: [2, 1, H] },
      initializers: {
        ...weights("GRU", all, "a"),
        ...weights("GRU", all, "b"),
        ...index("0", 0),
        ...index("1", 1),
        ...index("2", 2),
      },
      nodes: [
        nodeOf("Slice", ["h0", "0", "1", "0"], ["ha"]),
        nodeOf("Slice", ["h0", "1", "2", "0"], ["hb"]),
        cellNode("GRU", "a", "x", ["Ya", "hna"], ["ha"]),
        nodeOf("Squeeze", ["Ya", "1"], ["ya"]),
        cellNode("GRU", "b", "ya", ["y", "hnb"], ["hb"]),
        nodeOf("Concat", ["hna", "hnb"], ["hn"], { axis: 0 }),
      ],
    };
    const model = expectSame(
      file,
      [
        { type: "gru", name: "a" },
        { type: "gru", name: "b" },
      ],
      all,
    );
    expect(model.states.map(({ name }) => name)).toEqual(["a.h", "b.h"]);
    // Exchanged on their way out, they are no longer the states that came in.
    const crossed = {
      ...file,
      nodes: [...(file.nodes as Node[]).slice(0, -1), nodeOf("Concat", ["hnb", "hna"], ["hn"], { axis: 0 })],
    };
    expect(readModel(write(crossed)).warnings).toEqual([
      'output "hn": a final state, which session.run gives as its state.',
    ]);
    expect(() => readModel(write(crossed), { state: { h0: "hn" } })).toThrow(
      '"h0": expected an output that gives this state back',
    );
    expect(() => readModel(write(file), { state: { x: "Y" } })).toThrow(
      '"x": expected a state; got an input along the axis of steps.',
    );
  });

  it("an initial state that is zero by Shape, Gather and ConstantOfShape folds away; another is a tensor", () => {
    const all = tensors(recurrentTensors("GRU", "rnn"));
    const zeros: File = {
      inputs: { x: ["T", "N", I] },
      outputs: { Y: ["T", 1, "N", H] },
      initializers: {
        ...weights("GRU", all, "rnn"),
        one: [[1], [1], "int64"],
        axis: [[1], [0], "int64"],
        hidden: [[1], [H], "int64"],
        n: [[], [1], "int64"],
      },
      nodes: [
        nodeOf("Shape", ["x"], ["shape"]),
        nodeOf("Gather", ["shape", "n"], ["batch"]),
        nodeOf("Unsqueeze", ["batch", "axis"], ["batches"]),
        nodeOf("Concat", ["one", "batches", "hidden"], ["sizes"], { axis: 0 }),
        nodeOf("ConstantOfShape", ["sizes"], ["h0"]),
        cellNode("GRU", "rnn", "x", ["Y"], ["h0"]),
      ],
    };
    expect(expectSame(zeros, [{ type: "gru", name: "rnn" }], all).tensors.has("rnn.h0")).toBe(false);
    const given = [0.5, -0.25, 0.125, 1];
    const known: File = {
      ...zeros,
      initializers: { ...weights("GRU", all, "rnn"), h0: [[1, 1, H], given] },
      nodes: [cellNode("GRU", "rnn", "x", ["Y"], ["h0"])],
    };
    const h0 = { name: "rnn.h0", dtype: "F32" as const, shape: [1, H], data: Float32Array.from(given) };
    expectSame(known, [{ type: "gru", name: "rnn" }], new Map([...all, ["rnn.h0", h0]]));
  });

  it("functions take alpha and beta in their order, in any case of letters; clip and peepholes and coupled gates are the layer's", () => {
    const all = tensors({ ...recurrentTensors("LSTM", "rnn"), "rnn.weight_peephole_l0": [3 * H] });
    const p = data(all, "rnn.weight_peephole_l0");
    const file = (attrs: Node["attrs"]): File => ({
      inputs: { x: ["T", 1, I] },
      outputs: { Y: ["T", 1, 1, H] },
      initializers: {
        ...weights("LSTM", all, "rnn"),
        // i, f, o → i, o, f
        "rnn.P": [
          [1, 3 * H],
          [...p.slice(0, H), ...p.slice(2 * H), ...p.slice(H, 2 * H)],
        ],
      },
      nodes: [{ ...cellNode("LSTM", "rnn", "x", ["Y"], ["", "", "rnn.P"], attrs) }],
    });
    expectSame(
      file({
        activations: ["HARDSIGMOID", "ScaledTanh", "leakyrelu"],
        activation_alpha: { floats: [0.3, 1.5, 0.1] },
        activation_beta: { floats: [0.4, 0.5] },
        clip: { float: 0.75 },
      }),
      [
        {
          type: "lstm",
          name: "rnn",
          peephole: true,
          clip: 0.75,
          activations: [
            { name: "hardSigmoid", alpha: 0.3, beta: 0.4 },
            { name: "scaledTanh", alpha: 1.5, beta: 0.5 },
            { name: "leakyRelu", alpha: 0.1 },
          ],
        },
      ],
      all,
    );
    expectSame(
      file({ input_forget: 1 }),
      [{ type: "lstm", name: "rnn", peephole: true, coupledInputForget: true }],
      all,
    );
    // Without values, the functions of ONNX have the defaults of ONNX.
    expectSame(
      file({ activations: ["HardSigmoid", "Elu", "LeakyRelu"] }),
      [
        {
          type: "lstm",
          name: "rnn",
          peephole: true,
          activations: [
            { name: "hardSigmoid", alpha: 0.2, beta: 0.5 },
            { name: "elu", alpha: 1 },
            { name: "leakyRelu", alpha: 0.01 },
          ],
        },
      ],
      all,
    );
  });

  it("one step without states begins anew in every call, as the file says", () => {
    const all = tensors(recurrentTensors("GRU", "rnn"));
    const file: File = {
      inputs: { x: [1, 1, I] },
      outputs: { Y: [1, 1, 1, H] },
      initializers: weights("GRU", all, "rnn"),
      nodes: [cellNode("GRU", "rnn", "x", ["Y"])],
    };
    const session = createSessionSync(readModel(write(file)));
    const stream = session.stream();
    const [first, again] = [1, 2].map(() => [...(stream.step(xs.slice(0, I)) as Float32Array)]);
    expect(again).toEqual(first);
    const free = createSessionSync(readModel(write(file), { shapes: { x: ["T", 1, I] } })).stream();
    expect([...(free.step(xs.slice(0, I)) as Float32Array)]).toEqual(first);
    expect([...(free.step(xs.slice(0, I)) as Float32Array)]).not.toEqual(first);
  });

  it("lengths of sequences are an option of session.run", () => {
    const all = tensors(recurrentTensors("GRU", "rnn"));
    const file: File = {
      inputs: { x: ["T", "N", I], lens: [["N"], "int32"] },
      outputs: { Y: ["T", 1, "N", H] },
      initializers: weights("GRU", all, "rnn"),
      nodes: [{ ...cellNode("GRU", "rnn", "x", ["Y"]), inputs: ["x", "rnn.W", "rnn.R", "rnn.B", "lens"] }],
    };
    const session = createSessionSync(readModel(write(file)), { variant: "reference" });
    const ours = createSessionSync(modelFromLayers([{ type: "gru", name: "rnn" }], all), { variant: "reference" });
    expect(session.inputs.map(({ name }) => name)).toEqual(["x"]);
    const x = Float32Array.from([...xs, ...xs.map((value) => -value)]);
    expectClose("ragged", session.run(x, { lengths: [5, 2] }).output, ours.run(x, { lengths: [5, 2] }).output, 1e-6);
  });
});

describe("what stands around them", () => {
  const all = tensors({ ...recurrentTensors("GRU", "rnn"), "head.weight": [O, H], "head.bias": [O] });
  const head: Required<Pick<File, "initializers">>["initializers"] = {
    "head.W": [
      [H, O],
      Array.from({ length: H * O }, (_, i) => data(all, "head.weight")[(i % O) * H + Math.floor(i / O)]),
    ],
    "head.T": [[O, H], data(all, "head.weight")],
    "head.b": [[O], data(all, "head.bias")],
    axis1: [[1], [1], "int64"],
    last: [[], [-1], "int64"],
    minus1: [[1], [-1], "int64"],
    end: [[1], [2 ** 62], "int64"],
    axis0: [[1], [0], "int64"],
  };
  const base = (nodes: readonly Node[], more: Partial<File> = {}): File => ({
    inputs: { x: ["T", "N", I] },
    outputs: { out: ["T", "N", O] },
    initializers: { ...weights("GRU", all, "rnn"), ...head },
    nodes: [cellNode("GRU", "rnn", "x", ["Y", "Y_h"]), nodeOf("Squeeze", ["Y", "axis1"], ["y"]), ...nodes],
    ...more,
  });
  const gru = { type: "gru", name: "rnn" };
  const linear = { type: "linear", name: "head" };

  it("MatMul, Add and a function are one linear layer", () => {
    const model = expectSame(
      base([
        nodeOf("MatMul", ["y", "head.W"], ["p"]),
        nodeOf("Add", ["head.b", "p"], ["a"]),
        nodeOf("Elu", ["a"], ["out"], { alpha: { float: 0.7 } }),
      ]),
      [gru, { ...linear, activation: { name: "elu", alpha: 0.7 } }],
      all,
    );
    expect(ops(model)).toEqual(["gru", "linear"]);
  });

  it.each([
    ["gathered", [nodeOf("Gather", ["y", "last"], ["l"], { axis: 0 })]],
    ["sliced", [nodeOf("Slice", ["y", "minus1", "end", "axis0"], ["s"]), nodeOf("Squeeze", ["s", "axis0"], ["l"])]],
    ["final state", [nodeOf("Squeeze", ["Y_h", "axis0"], ["l"])]],
  ])("the last step, %s, goes through Gemm and Softmax", (_, nodes) => {
    const file = base([
      ...nodes,
      nodeOf("Gemm", ["l", "head.T", "head.b"], ["g"], { transB: 1 }),
      nodeOf("Softmax", ["g"], ["out"], { axis: 1 }),
    ]);
    const model = readModel(write(file));
    const ours = modelFromLayers([gru, { type: "last" }, linear, { type: "softmax" }], all);
    const [got, expected] = [model, ours].map((one) => createSessionSync(one, { variant: "reference" }).run(xs));
    expect(got.shape).toEqual([1, O]);
    expectClose("last", got.output, expected.output, 1e-6);
  });

  it("Gemm scales A · B by alpha and C by beta", () => {
    const gemm = nodeOf("Gemm", ["l", "head.W", "head.b"], ["out"], { alpha: { float: 2 }, beta: { float: 0.5 } });
    const model = readModel(write(base([nodeOf("Gather", ["y", "last"], ["l"], { axis: 0 }), gemm])));
    const scaled = new Map(
      [...all].map(([name, one]) => [
        name,
        name.startsWith("head")
          ? { ...one, data: (one.data as Float32Array).map((v) => v * (name.endsWith("bias") ? 0.5 : 2)) }
          : one,
      ]),
    );
    expectClose(
      "gemm",
      run(model).output,
      run(modelFromLayers([gru, { type: "last" }, linear], scaled as Map<string, Tensor>)).output.slice(-O),
      1e-6,
    );
  });

  it("BatchNormalization over channels, LogSoftmax, a residual Add and a scale", () => {
    const stats = {
      scale: [0.5, 2, 1, 1.5],
      shift: [0.1, 0, -0.2, 0.3],
      mean: [0.2, -0.1, 0, 0.4],
      variance: [1, 0.5, 2, 0.25],
    };
    const vectors = Object.fromEntries(Object.entries(stats).map(([name, values]) => [name, [[H], values] as const]));
    const turn = { perm: [1, 2, 0] };
    const file = base(
      [
        nodeOf("Transpose", ["y"], ["nct"], turn),
        nodeOf("BatchNormalization", ["nct", "scale", "shift", "mean", "variance"], ["bn"], {
          epsilon: { float: 0.001 },
        }),
        nodeOf("Transpose", ["bn"], ["tnc"], { perm: [2, 0, 1] }),
        nodeOf("Add", ["tnc", "y"], ["sum"]),
        nodeOf("Mul", ["sum", "half"], ["scaled"]),
        nodeOf("LogSoftmax", ["scaled"], ["out"], { axis: -1 }),
      ],
      {
        initializers: { ...weights("GRU", all, "rnn"), ...head, ...vectors, half: [[], [0.5]] },
        outputs: { out: ["T", "N", H] },
      },
    );
    const named: Record<string, readonly number[]> = {
      weight: stats.scale,
      bias: stats.shift,
      running_mean: stats.mean,
      running_var: stats.variance,
    };
    const extended = new Map([...all].filter(([name]) => name.startsWith("rnn")));
    for (const [name, values] of Object.entries(named))
      extended.set(`bn.${name}`, { name: `bn.${name}`, dtype: "F32", shape: [H], data: Float32Array.from(values) });
    expectSame(
      file,
      [
        gru,
        { type: "batchNorm", name: "bn", eps: 0.001 },
        { type: "add", name: "sum", inputs: ["bn", "rnn"] },
        { type: "activation", activation: { name: "affine", alpha: 0.5, beta: 0 } },
        { type: "logSoftmax" },
      ],
      extended,
    );
  });

  it("ids are looked up in an embedding, whatever integer they are", () => {
    const words = tensors({ "emb.weight": [7, I], ...recurrentTensors("LSTM", "rnn") });
    for (const type of ["int64", "int32", "uint8"] as const) {
      const file: File = {
        inputs: { ids: [["N", "T"], type] },
        outputs: { Y: ["T", 1, "N", H] },
        initializers: { ...weights("LSTM", words, "rnn"), table: [[7, I], data(words, "emb.weight")] },
        nodes: [
          nodeOf("Cast", ["ids"], ["wide"], { to: 7 }),
          nodeOf("Gather", ["table", "wide"], ["rows"]),
          nodeOf("Transpose", ["rows"], ["x"], { perm: [1, 0, 2] }),
          cellNode("LSTM", "rnn", "x", ["Y"]),
        ],
      };
      const ids = Int32Array.of(3, 0, 6, 6, 1);
      const model = expectSame(
        file,
        [
          { type: "embedding", name: "emb" },
          { type: "lstm", name: "rnn" },
        ],
        words,
        {},
        ids,
      );
      expect(model.inputs[0]).toEqual({ name: "ids", dtype: "I32", shape: [] });
    }
  });

  it("two inputs are concatenated, an output may be an input's own, and what nobody needs is not there", () => {
    const file: File = {
      inputs: { a: ["T", 1, 1], b: ["T", 1, 2], idle: ["T", 1, 9] },
      outputs: { Y: ["T", 1, 1, H], a2: ["T", 1, 1] },
      initializers: { ...weights("GRU", all, "rnn"), unused: [[2], [1, 2]] },
      nodes: [
        nodeOf("Concat", ["a", "b"], ["x"], { axis: 2 }),
        cellNode("GRU", "rnn", "x", ["Y"]),
        nodeOf("Identity", ["a"], ["a2"]),
        nodeOf("NoSuchOperator", ["b"], ["nobody"]),
      ],
    };
    const model = readModel(write(file));
    expect(model.inputs.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(model.outputs.map(({ name }) => name)).toEqual(["Y", "a2"]);
    expect(model.warnings).toEqual(['input "idle": nothing reads it, so the model has no such input.']);
    const a = Float32Array.from({ length: T }, (_, t) => xs[t * I]);
    const b = Float32Array.from({ length: 2 * T }, (_, i) => xs[Math.floor(i / 2) * I + 1 + (i % 2)]);
    const { outputs } = createSessionSync(model, { variant: "reference" }).run({ a, b });
    expectClose(
      "Y",
      outputs.Y,
      run(modelFromLayers([gru], new Map([...all].filter(([name]) => name.startsWith("rnn"))))).output,
      1e-6,
    );
    expectClose("a2", outputs.a2, a, 0.5e-7);
  });

  it("attention over all steps is refused along a free axis, and runs as one execution of fixed shapes", () => {
    const file = base([nodeOf("Softmax", ["y"], ["out"], { axis: 0 })], { outputs: { out: ["T", "N", H] } });
    expect(() => readModel(write(file))).toThrow(ModelError);
    try {
      readModel(write(file));
    } catch (error) {
      expect((error as ModelError).code).toBe("ERR_SEQUENCE_AXIS");
    }
    const model = readModel(write(file), { shapes: { x: [T, 1, I] } });
    expect(model.inputs[0].shape).toEqual([T, 1, I]);
    const { output } = run(model);
    for (let h = 0; h < H; h++) {
      const sum = Array.from({ length: T }, (_, t) => output[t * H + h]).reduce((a, b) => a + b);
      expect(sum).toBeCloseTo(1, 5);
    }
  });
});

describe("states of a graph of fixed shapes", () => {
  const file = (inputs: readonly [string, string], outputs: readonly [string, string]): Uint8Array =>
    write({
      inputs: { [inputs[0]]: [2, 3], [inputs[1]]: [2, 3] },
      outputs: { [outputs[0]]: [2, 3], [outputs[1]]: [2, 3] },
      nodes: [nodeOf("Add", inputs, [outputs[0]]), nodeOf("Mul", inputs, [outputs[1]])],
    });

  it.each([
    ["h0", "hn"],
    ["state", "stateN"],
    ["conv_cache", "conv_cache_out"],
    ["prevHidden", "nextHidden"],
    ["c_in", "c_out"],
  ])("%s and %s are one by their names", (input, output) => {
    const model = readModel(file(["x", input], ["y", output]));
    expect(model.states).toEqual([{ name: input, shape: [2, 3], input, output }]);
    expect([model.inputs.length, model.outputs.length]).toEqual([1, 1]);
  });

  it("of a bare cell, whose outputs are all states, are what it gives as well", () => {
    const bytes = write({
      inputs: { x: [1, 3], h: [1, 3], c: [1, 3] },
      outputs: { hn: [1, 3], cn: [1, 3] },
      nodes: [nodeOf("Add", ["x", "h"], ["hn"]), nodeOf("Mul", ["x", "c"], ["cn"])],
    });
    const model = readModel(bytes);
    expect(model.outputs.map(({ name }) => name)).toEqual(["hn", "cn"]);
    expect(model.states.map(({ input, output }) => [input, output])).toEqual([
      ["h", "hn"],
      ["c", "cn"],
    ]);
    const { outputs, state } = createSessionSync(model).run(Float32Array.of(1, 2, 3, 4, 5, 6), {
      state: { h: Float32Array.of(10, 20, 30), c: Float32Array.of(1, 1, 1) },
    });
    expect([...outputs.hn]).toEqual([11, 22, 33, 15, 27, 39]);
    expect([...outputs.cn]).toEqual([1, 2, 3, 4, 10, 18]);
    expect([[...state.h], [...state.c]]).toEqual([
      [15, 27, 39],
      [4, 10, 18],
    ]);
  });

  it("are none where the names do not say it, unless the caller does", () => {
    const bytes = file(["audio_in", "gain"], ["audio_out", "level"]);
    expect(readModel(bytes).states).toEqual([]);
    expect(readModel(bytes, { state: { gain: "level" } }).states).toEqual([
      { name: "gain", shape: [2, 3], input: "gain", output: "level" },
    ]);
  });
});

describe("folding", () => {
  const all = tensors(recurrentTensors("GRU", "rnn"));
  it("an If takes the branch that a constant input chooses, and the branch sees what is around it", () => {
    const branch = (factor: number) => ({
      graph: {
        nodes: [
          { op: "Constant", inputs: [], outputs: [`f${factor}`], attrs: { value: tensor([], [factor]) } },
          nodeOf("Mul", ["x", `f${factor}`], [`scaled${factor}`]),
        ],
        outputs: { [`scaled${factor}`]: ["T", 1, I] },
      },
    });
    const file: File = {
      inputs: { x: ["T", 1, I], sr: [[], "int64"] },
      outputs: { Y: ["T", 1, 1, H] },
      initializers: { ...weights("GRU", all, "rnn"), rate: [[], [16000], "int64"] },
      nodes: [
        nodeOf("Equal", ["sr", "rate"], ["wide"]),
        nodeOf("If", ["wide"], ["scaled"], { then_branch: branch(2), else_branch: branch(3) }),
        cellNode("GRU", "rnn", "scaled", ["Y"]),
      ],
    };
    for (const [sr, factor] of [
      [16000, 2],
      [8000, 3],
    ]) {
      const model = readModel(write(file), { constants: { sr } });
      const expected = run(
        modelFromLayers([{ type: "gru", name: "rnn" }], all),
        xs.map((value) => value * factor),
      );
      expectClose("Y", run(model).output, expected.output, 1e-6);
      expect(model.inputs.map(({ name }) => name)).toEqual(["x"]);
    }
    expect(() => readModel(write(file), { shapes: { x: [T, 1, I] } })).toThrow(
      "(If): expected a condition that is known",
    );
    expect(() => readModel(write(file))).toThrow('wide (Equal): reads "sr", which has no free axis');
  });

  it("computes what it folds: arithmetic, moves, casts, ranges and reductions of constants", () => {
    // Each expression gives the bias of a linear layer, one element of it known.
    const cases: readonly (readonly [name: string, nodes: readonly Node[], expected: readonly number[]])[] = [
      [
        "Range and Cast",
        [nodeOf("Range", ["n0", "n4", "n2"], ["r"]), nodeOf("Cast", ["r"], ["bias"], { to: 1 })],
        [0, 2],
      ],
      [
        "Div of integers",
        [nodeOf("Div", ["seven", "minus2"], ["d"]), nodeOf("Cast", ["d"], ["bias"], { to: 1 })],
        [-3, -3],
      ],
      ["Where and Less", [nodeOf("Less", ["v", "w"], ["c"]), nodeOf("Where", ["c", "v", "w"], ["bias"])], [-1, 1]],
      [
        "Tile and Slice",
        [nodeOf("Tile", ["v", "two"], ["t"]), nodeOf("Slice", ["t", "one", "three"], ["bias"])],
        [2, -1],
      ],
      ["a Slice backwards", [nodeOf("Slice", ["v", "minus1s", "least", "zeros1", "minus1s"], ["bias"])], [2, -1]],
      ["Transpose and Gather", [nodeOf("Transpose", ["m"], ["t"]), nodeOf("Gather", ["t", "n1"], ["bias"])], [2, 4]],
      [
        "Split",
        [nodeOf("Split", ["m"], ["a", "b"], { axis: 0 }), nodeOf("Squeeze", ["b", "zeros1"], ["bias"])],
        [3, 4],
      ],
      ["Expand", [nodeOf("Expand", ["half", "two"], ["bias"])], [0.5, 0.5]],
      ["ReduceMean", [nodeOf("ReduceMean", ["m"], ["bias"], { axes: [0], keepdims: 0 })], [2, 3]],
      [
        "ReduceMax and Sub",
        [nodeOf("ReduceMax", ["m"], ["x1"], { axes: [1], keepdims: 0 }), nodeOf("Sub", ["x1", "v"], ["bias"])],
        [3, 2],
      ],
      [
        "functions",
        [
          nodeOf("Exp", ["v"], ["e"]),
          nodeOf("Log", ["e"], ["l"]),
          nodeOf("Neg", ["l"], ["n"]),
          nodeOf("Abs", ["n"], ["bias"]),
        ],
        [1, 2],
      ],
      [
        "Pow, Min and Max",
        [nodeOf("Pow", ["v", "w"], ["p"]), nodeOf("Max", ["p", "v"], ["q"]), nodeOf("Min", ["q", "w"], ["bias"])],
        [-1, 1],
      ],
      [
        "Concat, Reshape and Flatten",
        [
          nodeOf("Concat", ["v", "w"], ["c"], { axis: 0 }),
          nodeOf("Reshape", ["c", "open"], ["r"]),
          nodeOf("Gather", ["r", "n1"], ["bias"]),
        ],
        [3, 1],
      ],
      [
        "logic",
        [
          nodeOf("Greater", ["v", "w"], ["g"]),
          nodeOf("Not", ["g"], ["n"]),
          nodeOf("Or", ["n", "g"], ["o"]),
          nodeOf("And", ["o", "g"], ["a"]),
          nodeOf("Cast", ["a"], ["bias"], { to: 1 }),
        ],
        [0, 1],
      ],
      ["Clip and Round", [nodeOf("Clip", ["h", "", "one1"], ["c"]), nodeOf("Round", ["c"], ["bias"])], [-2, 1]],
    ];
    for (const [name, nodes, expected] of cases) {
      const file: File = {
        opset: 13,
        inputs: { x: ["T", 2] },
        outputs: { y: ["T", 2] },
        initializers: {
          eye: [
            [2, 2],
            [1, 0, 0, 1],
          ],
          v: [[2], [-1, 2]],
          w: [[2], [3, 1]],
          m: [
            [2, 2],
            [1, 2, 3, 4],
          ],
          h: [[2], [-2.5, 7]],
          half: [[1], [0.5]],
          one1: [[], [1]],
          n0: [[], [0], "int64"],
          n1: [[], [1], "int64"],
          n2: [[], [2], "int64"],
          n4: [[], [4], "int64"],
          seven: [[2], [7, 7], "int64"],
          minus2: [[], [-2], "int64"],
          one: [[1], [1], "int64"],
          two: [[1], [2], "int64"],
          three: [[1], [3], "int64"],
          zeros1: [[1], [0], "int64"],
          minus1s: [[1], [-1], "int64"],
          least: [[1], [-100], "int64"],
          open: [[2], [-1, 2], "int64"],
        },
        nodes: [...nodes, nodeOf("Gemm", ["x", "eye", "bias"], ["y"])],
      };
      const { output } = run(readModel(write(file)), new Float32Array(2));
      expectClose(name, output, expected, 1e-6);
    }
  });
});

describe("torch ≥ 2.9's exporter leaves linear_before_reset out of nn.GRU", () => {
  const all = tensors(recurrentTensors("GRU", "rnn"));
  // As it writes it: the attribute absent, the weights of a layer that resets after the product.
  const file = (exporter: readonly [string, string]): Uint8Array =>
    write({
      opset: 18,
      exporter,
      inputs: { x: ["T", 1, I] },
      outputs: { Y: ["T", 1, 1, H] },
      initializers: weights("GRU", all, "rnn"),
      nodes: [{ ...cellNode("GRU", "rnn", "x", ["Y"]), attrs: { hidden_size: H } }],
    });
  const truth = run(modelFromLayers([{ type: "gru", name: "rnn" }], all)).output;
  const before = run(modelFromLayers([{ type: "gru", name: "rnn", resetAfter: false }], all)).output;
  const apart = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

  it("such a file runs as written, which is wrong, and says so", () => {
    const model = readModel(file(["pytorch", "2.9.1"]));
    expectClose("as written", run(model).output, before, 1e-6);
    expect(apart(run(model).output, truth)).toBeGreaterThan(1e-3);
    expect(model.warnings).toHaveLength(1);
    expect(model.warnings[0]).toMatch(
      /^rnn \(GRU\): linear_before_reset is 0.*torch ≥ 2\.9.*2\.9\.1.*gruReset: "after" corrects it\.$/,
    );
  });

  it('gruReset: "after" makes it right, and nothing is left to warn of', () => {
    const model = readModel(file(["pytorch", "2.9.1"]), { gruReset: "after" });
    expectClose("corrected", run(model).output, truth, 1e-6);
    expect(model.warnings).toEqual([]);
  });

  it.each(["gru_reset", "layers"])("an option that it does not know is refused: %s", (name) => {
    expect(() => readModel(file(["pytorch", "2.9.1"]), { [name]: "after" })).toThrow(
      new RegExp(`^"options" expected shapes, constants, state, gruReset, .*, got ${name}$`),
    );
  });

  it("who made a file changes the warnings and nothing else", () => {
    const [torch, other] = [file(["pytorch", "2.9.1"]), file(["keras2onnx", "1.7"])].map((bytes) => readModel(bytes));
    expect(other.warnings).toEqual([]);
    expect({ ...torch, warnings: [] }).toEqual(other);
  });
});

describe("tensors", () => {
  it("of every dtype that is a number are weights", () => {
    const values = [1, 0, 2, 1];
    const half = { float16: [0x3c00, 0, 0x4000, 0x3c00], bfloat16: [0x3f80, 0, 0x4000, 0x3f80] };
    for (const type of ["float", "double", "float16", "bfloat16"] as const) {
      const file: File = {
        inputs: { x: ["T", 2] },
        outputs: { y: ["T", 2] },
        initializers: { w: [[2, 2], type in half ? half[type as keyof typeof half] : values, type] },
        nodes: [nodeOf("MatMul", ["x", "w"], ["y"])],
      };
      expectClose(type, run(readModel(write(file)), Float32Array.of(3, 5)).output, [13, 5], 1e-6);
    }
    for (const type of ["int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool"] as const) {
      const file: File = {
        inputs: { x: ["T", 2] },
        outputs: { y: ["T", 2] },
        initializers: { i: [[2, 2], type === "bool" ? [1, 0, 1, 1] : values, type] },
        nodes: [nodeOf("Cast", ["i"], ["w"], { to: 1 }), nodeOf("MatMul", ["x", "w"], ["y"])],
      };
      expectClose(
        type,
        run(readModel(write(file)), Float32Array.of(3, 5)).output,
        type === "bool" ? [8, 5] : [13, 5],
        1e-6,
      );
    }
  });
});
