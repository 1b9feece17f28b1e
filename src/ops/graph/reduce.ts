/** What takes some axes together: reductions, softmax, norms, the places of the largest elements. */

import {
  batchNorm as coreBatchNorm,
  layerNorm as coreLayerNorm,
  logSoftmax as coreLogSoftmax,
  softmax as coreSoftmax,
} from "../norm.ts";
import { FLAG, type Op, SIZE } from "../op.ts";
import { lowerBatchNorm, lowerLayerNorm, lowerReduce, lowerSoftmax, lowerTopK } from "./lower-reduce.ts";
import type { GraphLowering } from "./lowering.ts";
import { AXIS, axisOf, INTEGERS, integers, numbers, oneInput } from "./shape.ts";

function reduction(kind: "mean" | "sum" | "max"): Op {
  return {
    attrs: { axes: INTEGERS, keepdim: FLAG },
    shape(node, inputs, refuse) {
      const { shape } = oneInput(node, inputs, refuse, "F32");
      const axes = integers(node.attrs.axes).map((axis) => axisOf(axis, shape.length, refuse));
      if (axes.length === 0 || new Set(axes).size !== axes.length) refuse("one axis or more, each once", `(${axes})`);
      const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
      return numbers(node.attrs.keepdim ? kept : kept.filter((_, axis) => !axes.includes(axis)));
    },
    lower: (to: GraphLowering, node) => lowerReduce(to, node, kind),
  };
}

export const mean = reduction("mean");
export const sum = reduction("sum");
export const max = reduction("max");

/** The place of the largest element, the first of equal ones. */
export const argMax: Op = {
  attrs: { axis: AXIS, keepdim: FLAG },
  shape(node, inputs, refuse) {
    const { shape } = oneInput(node, inputs, refuse, "F32");
    const axis = axisOf(node.attrs.axis, shape.length, refuse);
    const kept = shape.map((size, a) => (a === axis ? 1 : size));
    return [{ shape: node.attrs.keepdim ? kept : kept.filter((_, a) => a !== axis), dtype: "I32" }];
  },
  lower: (to: GraphLowering, node) => lowerTopK(to, node, 1, true),
};

/** The k largest (or smallest) elements in order, and their places. */
export const topK: Op = {
  attrs: { k: SIZE, axis: { ...AXIS, optional: true }, largest: { kind: "boolean", default: true } },
  shape(node, inputs, refuse) {
    const { shape } = oneInput(node, inputs, refuse, "F32");
    const axis = axisOf(node.attrs.axis, shape.length, refuse);
    const k = node.attrs.k as number;
    if (k > shape[axis]) refuse(`k ≤ ${shape[axis]}`, k);
    const out = shape.map((size, a) => (a === axis ? k : size));
    return [...numbers(out), { shape: out, dtype: "I32" }];
  },
  lower: (to: GraphLowering, node) => lowerTopK(to, node, node.attrs.k as number, node.attrs.largest as boolean),
};

function softmaxAlong(core: Op, log: boolean): Op {
  return {
    ...core,
    attrs: { axis: { ...AXIS, optional: true } },
    shape(node, inputs, refuse) {
      const { shape } = oneInput(node, inputs, refuse, "F32");
      axisOf(node.attrs.axis, shape.length, refuse);
      return numbers(shape);
    },
    lower: (to: GraphLowering, node) => lowerSoftmax(to, node, core, log),
  };
}

export const softmax = softmaxAlong(coreSoftmax, false);
export const logSoftmax = softmaxAlong(coreLogSoftmax, true);

/** Over the last axis. */
export const layerNorm: Op = {
  ...coreLayerNorm,
  shape(node, inputs, refuse) {
    const { shape } = oneInput(node, inputs, refuse, "F32");
    if (shape[shape.length - 1] !== node.attrs.size) refuse(`a last axis of ${node.attrs.size}`, `(${shape})`);
    return numbers(shape);
  },
  lower: (to: GraphLowering, node) => lowerLayerNorm(to, node, coreLayerNorm),
};

/** `axis`: that of the channels; the last unless said. */
export const batchNorm: Op = {
  ...coreBatchNorm,
  attrs: { ...coreBatchNorm.attrs, axis: { ...AXIS, optional: true } },
  shape(node, inputs, refuse) {
    const { shape } = oneInput(node, inputs, refuse, "F32");
    const axis = axisOf(node.attrs.axis, shape.length, refuse);
    if (shape[axis] !== node.attrs.size) refuse(`axis ${axis} of ${node.attrs.size}`, `(${shape})`);
    return numbers(shape);
  },
  lower: (to: GraphLowering, node) => lowerBatchNorm(to, node, coreBatchNorm),
};
