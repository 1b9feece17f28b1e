/** Faults between a model and its programs: packing, folding, lowering, planning. */

import type { Mutant } from "./mutants.ts";

const PACK: readonly Mutant[] = [
  {
    name: "pack: of two biases the first alone",
    file: "src/pack.ts",
    find: "memory[at + i] += source[i];",
    replace: "memory[at + i] += 0;",
  },
  {
    name: "pack: every gate is the first",
    file: "src/pack.ts",
    find: "data(name).subarray(firstRow * columns, (firstRow + rows) * columns)",
    replace: "data(name).subarray(0, rows * columns)",
  },
  {
    name: "pack: the padding of a matrix is what was there",
    file: "src/pack.ts",
    find: "memory.fill(0, at + rows * columns, end);",
    replace: "",
    tests: ["test/host/states.test.ts"],
  },
  {
    name: "batch norm: no eps",
    file: "src/pack.ts",
    find: "Math.sqrt(v + (attrs.eps as number))",
    replace: "Math.sqrt(v)",
  },
  {
    name: "batch norm: the mean is not scaled",
    file: "src/pack.ts",
    find: "mean[i] * scale",
    replace: "mean[i]",
  },
  {
    name: "batch norm: folded with the scale of the column",
    file: "src/fold.ts",
    find: "scale[Math.floor(i / columns)]",
    replace: "scale[(i % columns) % scale.length]",
  },
  {
    name: "batch norm: folded without scaling the bias",
    file: "src/fold.ts",
    find: "scale[i] * (bias?.[i] ?? 0)",
    replace: "(bias?.[i] ?? 0)",
  },
  {
    name: "batch norm: folded across an activation",
    file: "src/fold.ts",
    find: " && !node.attrs.activation",
    replace: "",
  },
  {
    name: "batch norm: folded though the linear layer has another reader",
    file: "src/fold.ts",
    find: "uses.get(input) !== 1",
    replace: "uses.get(input) === 0",
  },
  {
    name: "batch norm: folded though the linear layer is an output",
    file: "src/model.ts",
    find: "...outputs.map(({ name }) => name)",
    replace: "...outputs.slice(0, 0).map(({ name }) => name)",
  },
];

const LOWERING: readonly Mutant[] = [
  {
    name: "gru: b_hn twice",
    file: "src/ops/recurrent.ts",
    find: "attrs.resetAfter && g === 2 ? block.tensors : ",
    replace: "",
  },
  {
    name: "gru: no b_hn",
    file: "src/ops/recurrent.ts",
    find: 'tensors: attrs.bias ? [key("bias_hh")] : []',
    replace: "tensors: []",
  },
  {
    name: "gru: U_n is U_z",
    file: "src/ops/recurrent.ts",
    find: "gates.slice(2)",
    replace: "gates.slice(1, 2)",
  },
  {
    name: "gru: the reset comes after the product, whatever the model says",
    file: "src/ops/recurrent.ts",
    find: "attrs.resetAfter === true",
    replace: "attrs.numLayers !== 0",
  },
  {
    name: "lstm: peepholes ignored",
    file: "src/ops/recurrent.ts",
    find: "!attrs.peephole && ",
    replace: "",
  },
  {
    name: "recurrent: clip ignored beside the usual functions",
    file: "src/ops/recurrent.ts",
    find: " && attrs.clip === undefined",
    replace: "",
  },
  {
    name: "recurrent: both directions have the functions of the first",
    file: "src/ops/recurrent.ts",
    find: "? d * cell.functions.length : 0",
    replace: "? 0 : 0",
  },
  {
    name: "recurrent: the second direction stands after H columns, not P",
    file: "src/ops/recurrent.ts",
    find: "d * width(attrs) * 4",
    replace: "d * hidden * 4",
  },
  {
    name: "recurrent: the directions of a layer share a state",
    file: "src/ops/recurrent.ts",
    find: "to.state(tensorKey(node.name, suffix), k + d)",
    replace: "to.state(tensorKey(node.name, suffix), k)",
  },
  {
    name: "recurrent: the second direction runs forward",
    file: "src/ops/recurrent.ts",
    find: "Number(d === 1 || attrs.reverse)",
    replace: "Number(attrs.reverse)",
  },
  {
    name: "functions: hardSigmoid has the slope of ONNX",
    file: "src/ops/functions.ts",
    find: "[F_HARD_SIGMOID, 1 / 6, 0.5]",
    replace: "[F_HARD_SIGMOID, 0.2, 0.5]",
  },
  {
    name: "functions: alpha and beta exchanged",
    file: "src/ops/functions.ts",
    find: "floatBits(alpha), floatBits(beta)",
    replace: "floatBits(beta), floatBits(alpha)",
  },
  {
    name: "norms: eps is 1e-3 where the model does not say it",
    file: "src/ops/norm.ts",
    find: "default: 1e-5",
    replace: "default: 1e-3",
  },
  {
    name: "concat: every part in the same column",
    file: "src/ops/elementwise.ts",
    find: "column += x.size;",
    replace: "",
  },
  {
    name: "add: of three terms the first and the last",
    file: "src/ops/elementwise.ts",
    find: "sum = y;",
    replace: "",
  },
];

const PLAN: readonly Mutant[] = [
  {
    name: "embedding: folded with rows that are not padded",
    file: "src/frame.ts",
    find: "n, size, rowsOf, paddedBytes(size), q",
    replace: "n, size, rowsOf, size * 4, q",
  },
  {
    name: "embedding: a folded one is looked up in rows of its own size",
    file: "src/frame.ts",
    find: "folded, stride, to.value(ids)",
    replace: "folded, paddedBytes(size), to.value(ids)",
  },
  {
    name: "embedding: folded where that is larger",
    file: "src/frame.ts",
    find: "count * n > size *",
    replace: "count * n < size *",
    tests: ["test/plan"],
  },
  {
    name: "plan: all layers have the state of the first",
    file: "src/frame.ts",
    find: "offset: offset + row * stride",
    replace: "offset",
  },
  {
    name: "plan: ids are checked at the end",
    file: "src/plan.ts",
    find: "program: [...checks, ...body, ...copies]",
    replace: "program: [...body, ...checks, ...copies]",
  },
  {
    name: "plan: scratch for one row",
    file: "src/frame.ts",
    find: "align(rows * stride, 64)",
    replace: "align(stride, 64)",
  },
  {
    name: "plan: an output that is another name is not copied",
    file: "src/plan.ts",
    find: "program: [...checks, ...body, ...copies]",
    replace: "program: [...checks, ...body]",
    tests: ["test/host/states.test.ts"],
  },
  {
    name: "trace: every record of a step counts a step",
    file: "src/plan.ts",
    find: "Number(one === traces[traces.length - 1])",
    replace: "1",
  },
];

export const PLANNING: readonly Mutant[] = [...PACK, ...LOWERING, ...PLAN];
