/** layerNorm, batchNorm, softmax, logSoftmax: functions of a whole row. */

import { OP_LAYER_NORM, OP_LOG_SOFTMAX, OP_SCALE_SHIFT, OP_SOFTMAX } from "../../assembly/abi.ts";
import { tensorKey } from "../model.ts";
import { floatBits } from "./functions.ts";
import { type AttrRule, firstGiven, type Known, type Op } from "./op.ts";

const NORM: Record<string, AttrRule> = {
  size: { kind: "size" },
  eps: { kind: "number", default: 1e-5 },
  affine: { kind: "boolean", default: true },
};

export const layerNorm: Op = {
  attrs: { ...NORM, bias: { kind: "boolean", default: true } },
  inputs: 1,
  inputSize: (attrs) => attrs.size as number,
  outputSize: (attrs) => attrs.size as number,
  tensors: ({ size, affine, bias }) => [
    ...(affine ? [{ suffix: "weight", shape: [size as number] }] : []),
    ...(affine && bias ? [{ suffix: "bias", shape: [size as number] }] : []),
  ],
  infer: (given, known) => ({
    size: firstGiven(known.shape("weight")?.[0], known.inputs[0]),
    affine: known.shape("weight") !== undefined,
    bias: known.shape("bias") !== undefined,
    ...given,
  }),
  lower(to, node) {
    const { size, eps, affine, bias } = node.attrs;
    const rows = size as number;
    const x = to.value(node.inputs[0]);
    const y = to.define(node.outputs[0], rows);
    const vector = (suffix: string, present: unknown) =>
      present ? to.vector([{ tensors: [tensorKey(node.name, suffix)], firstRow: 0, rows }]) : 0;
    const weight = vector("weight", affine);
    const shift = vector("bias", affine && bias);
    to.emit(OP_LAYER_NORM, y.place, y.stride, x.place, x.stride, rows, weight, shift, floatBits(eps as number));
  },
};

/** With the statistics of training. A linear layer before it takes it in (src/fold.ts); otherwise one scale and shift. */
export const batchNorm: Op = {
  attrs: NORM,
  inputs: 1,
  inputSize: (attrs) => attrs.size as number,
  outputSize: (attrs) => attrs.size as number,
  tensors: ({ size, affine }) => [
    ...(affine ? ["weight", "bias"] : []).map((suffix) => ({ suffix, shape: [size as number] })),
    { suffix: "running_mean", shape: [size as number] },
    { suffix: "running_var", shape: [size as number] },
  ],
  ignored: ["num_batches_tracked"],
  infer: (given: Readonly<Record<string, unknown>>, known: Known) => ({
    size: firstGiven(known.shape("running_mean")?.[0], known.inputs[0]),
    affine: known.shape("weight") !== undefined,
    ...given,
  }),
  lower(to, node) {
    const rows = node.attrs.size as number;
    const x = to.value(node.inputs[0]);
    const y = to.define(node.outputs[0], rows);
    const { scale, shift } = to.normalisation(node);
    to.emit(OP_SCALE_SHIFT, y.place, y.stride, x.place, x.stride, rows, scale, shift);
  },
};

function ofWholeRow(opcode: number): Op {
  return {
    attrs: {},
    inputs: 1,
    inputSize: () => undefined,
    outputSize: (_, [size]) => size,
    tensors: () => [],
    infer: (given) => ({ ...given }),
    lower(to, node) {
      const x = to.value(node.inputs[0]);
      const y = to.define(node.outputs[0], x.size);
      to.emit(opcode, y.place, y.stride, x.place, x.stride, x.size);
    },
  };
}

export const softmax = ofWholeRow(OP_SOFTMAX);
export const logSoftmax = ofWholeRow(OP_LOG_SOFTMAX);
