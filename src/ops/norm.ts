/** layerNorm, batchNorm, softmax, logSoftmax: functions of a whole row. */

import { OP_LAYER_NORM, OP_LOG_SOFTMAX, OP_SCALE_SHIFT, OP_SOFTMAX } from "../../assembly/abi.ts";
import { tensorKey } from "../model.ts";
import { floatBits } from "./functions.ts";
import { type AttrRule, type Attrs, type Op, SIZE } from "./op.ts";

const attrs = (statistics: string): Record<string, AttrRule> => ({
  size: { ...SIZE, from: [statistics, 0], input: true },
  eps: { kind: "number", default: 1e-5 },
  affine: { kind: "boolean", default: true, from: ["weight"] },
});

const vectors = ({ size }: Attrs, ...suffixes: unknown[]) =>
  suffixes.filter(Boolean).map((suffix) => ({ suffix: suffix as string, shape: [size as number] }));

export const layerNorm: Op = {
  attrs: { ...attrs("weight"), bias: { kind: "boolean", default: true, from: ["bias"] } },
  tensors: (attrs) => vectors(attrs, attrs.affine && "weight", attrs.affine && attrs.bias && "bias"),
  lower(to, { name, inputs, outputs, attrs }) {
    const rows = attrs.size as number;
    const x = to.value(inputs[0]);
    const y = to.define(outputs[0], rows);
    const vector = (suffix: string, there: unknown) =>
      there ? to.vector([{ tensors: [tensorKey(name, suffix)], firstRow: 0, rows }]) : 0;
    const weight = vector("weight", attrs.affine);
    const bias = vector("bias", attrs.affine && attrs.bias);
    to.emit(OP_LAYER_NORM, y, x, rows, weight, bias, floatBits(attrs.eps as number));
  },
};

/** With the statistics of training. A linear layer before it takes it in (src/fold.ts); otherwise one scale and shift. */
export const batchNorm: Op = {
  attrs: attrs("running_mean"),
  tensors: (attrs) => vectors(attrs, attrs.affine && "weight", attrs.affine && "bias", "running_mean", "running_var"),
  ignored: ["num_batches_tracked"],
  lower(to, node) {
    const x = to.value(node.inputs[0]);
    const y = to.define(node.outputs[0], x.size);
    to.emit(OP_SCALE_SHIFT, y, x, x.size, ...to.normalisation(node));
  },
};

const ofWholeRow = (opcode: number): Op => ({
  attrs: {},
  lower(to, { inputs, outputs }) {
    const x = to.value(inputs[0]);
    const y = to.define(outputs[0], x.size);
    to.emit(opcode, y, x, x.size);
  },
});

export const softmax = ofWholeRow(OP_SOFTMAX);
export const logSoftmax = ofWholeRow(OP_LOG_SOFTMAX);
