/** Softmax, LogSoftmax, BatchNormalization, LayerNormalization. */

import { elements } from "../../tensor.ts";
import type { OnnxOp, Step } from "./step.ts";
import type { Elements, Value } from "./value.ts";

function floats(step: Step): Value {
  const x = step.input(0);
  step.floats32(x);
  return x;
}

/** Before opset 13 all axes from `axis` on are one; that must be the same as one of them alone. */
function softmaxAxis(step: Step): number {
  const { shape } = floats(step);
  const axis = step.axisSaid(step.version < 13 ? 1 : -1);
  if (step.version >= 13) return axis;
  const wide = shape.map((_, i) => i).filter((i) => i >= axis && shape[i] !== 1);
  if (wide.length > 1) throw step.error("ERR_UNSUPPORTED_OP", "expected one axis; got several at once (opset < 13).");
  return wide[0] ?? axis;
}

const softmax = (op: string): OnnxOp => ({
  inputs: [1, 1],
  attrs: ["axis"],
  infer: (step) => {
    const { kind, shape } = floats(step);
    step.apart(shape, [softmaxAxis(step)]);
    return [{ kind, shape }];
  },
  emit: (step, to) => {
    const x = step.input(0);
    const axis = softmaxAxis(step);
    const attrs = to.axis(op, axis, x);
    if (Object.keys(attrs).length === 0 && elements(to.shape(x)) !== x.shape[axis] && !to.has(op, "axis"))
      throw step.error("ERR_UNSUPPORTED_OP", "expected one row of numbers for these kernels; got several.");
    to.node(step, op, [x], attrs);
  },
});

/** A vector of so many elements that is known. */
function vector(step: Step, i: number, name: string, size: number): Float32Array {
  const data = step.known(i, name) as Elements;
  if (data.length === size) return data as Float32Array;
  throw step.error("ERR_SHAPE", `${name}: expected ${size} elements; got ${data.length}.`);
}

const batchNorm: OnnxOp = {
  inputs: [5, 5],
  attrs: ["epsilon", "momentum", "training_mode", "spatial"],
  infer: (step) => {
    const { kind, shape } = floats(step);
    if (shape.length < 2) throw step.shapeError("(N, C, …)", shape);
    step.apart(shape, [1]);
    step.int("training_mode", 0, 0, 0);
    step.int("spatial", 1, 1, 1);
    return [{ kind, shape }];
  },
  emit: (step, to) => {
    const x = step.input(0);
    const size = x.shape[1];
    const names = ["", "weight", "bias", "running_mean", "running_var"];
    const tensors = [1, 2, 3, 4].map((i) => [names[i], [size], vector(step, i, names[i], size)] as const);
    const attrs = { size, eps: step.float("epsilon", 1e-5), affine: true, ...to.axis("batchNorm", 1, x) };
    to.layer(step, "batchNorm", [x], attrs, tensors);
  },
};

/** A batch norm as a scale and a shift for each channel. */
export interface Norm {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

export function normOf(step: Step): Norm {
  const size = step.input(0).shape[1];
  const [weight, bias, mean, variance] = [1, 2, 3, 4].map((i) => vector(step, i, `input ${i}`, size));
  const eps = step.float("epsilon", 1e-5);
  const scale = Float64Array.from(weight, (w, i) => w / Math.sqrt(variance[i] + eps));
  return { scale, shift: Float64Array.from(bias, (b, i) => b - mean[i] * scale[i]) };
}

/** Weights and bias of a convolution that a norm follows. Outputs stand in axis 0 of a weight, or in axis 1 of each group. */
export function normalised(
  [weight, bias]: readonly [Float32Array, Float32Array | undefined],
  shape: readonly number[],
  outAxis: 0 | 1,
  groups: number,
  { scale, shift }: Norm,
): [Float32Array, Float32Array] {
  const inner = elements(shape.slice(outAxis + 1));
  const inputs = shape[0] / groups;
  const channel = (i: number) => {
    const row = Math.floor(i / inner);
    return outAxis === 0 ? row : (row % shape[1]) + Math.floor(row / shape[1] / inputs) * shape[1];
  };
  return [
    weight.map((w, i) => w * scale[channel(i)]),
    Float32Array.from(scale, (s, c) => (bias?.[c] ?? 0) * s + shift[c]),
  ];
}

const layerNorm: OnnxOp = {
  since: 17,
  inputs: [2, 3],
  attrs: ["axis", "epsilon", "stash_type"],
  infer: (step) => {
    const { kind, shape } = floats(step);
    const axis = step.axisSaid(-1);
    step.int("stash_type", 1, 1, 1);
    if (axis !== shape.length - 1) throw step.error("ERR_UNSUPPORTED_OP", "expected the last axis alone; got more.");
    step.apart(shape, [axis]);
    return [{ kind, shape }];
  },
  emit: (step, to) => {
    const x = step.input(0);
    const size = x.shape[x.shape.length - 1];
    const weight = ["weight", [size], vector(step, 1, "Scale", size)] as const;
    const bias = step.inputs[2] && (["bias", [size], vector(step, 2, "B", size)] as const);
    const attrs = { size, eps: step.float("epsilon", 1e-5), affine: true, bias: bias !== undefined };
    to.layer(step, "layerNorm", [x], attrs, bias ? [weight, bias] : [weight]);
  },
};

export const NORMS: Readonly<Record<string, OnnxOp>> = {
  Softmax: softmax("softmax"),
  LogSoftmax: softmax("logSoftmax"),
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
};
