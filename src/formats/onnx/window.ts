/** Operators that slide a window: Conv, ConvTranspose, MaxPool, AveragePool, GlobalAveragePool; and Pad. */

import type { OnnxOp, Step } from "./step.ts";
import { type Elements, TIME } from "./value.ts";

/** Numbers for each axis that the window has; padding: begin of all, then end of all. */
interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly number[];
}

const WINDOW = ["kernel_shape", "strides", "dilations", "pads", "auto_pad"];

/** One number for each axis, each at least `least`. */
function list(step: Step, name: string, count: number, otherwise: number, least: number): readonly number[] {
  const given = step.ints(name) ?? new Array<number>(count).fill(otherwise);
  if (given.length === count && given.every((one) => one >= least && one < 2 ** 22)) return given;
  throw step.error("ERR_ATTRIBUTE", `${name}: expected ${count} numbers ≥ ${least}; got ${given.join(", ")}.`);
}

/** The window over the axes behind (N, C). */
function windowOf(step: Step, kernel: readonly number[]): Window {
  const { shape } = step.input(0);
  const rank = kernel.length;
  if (shape.length !== rank + 2 || rank === 0) throw step.shapeError(`(N, C) and ${rank} more axes`, shape);
  step.apart(shape, [1, ...kernel.map((_, i) => i + 2)]);
  const said = step.ints("kernel_shape") ?? kernel;
  if (`${said}` !== `${kernel}`)
    throw step.error(
      "ERR_ATTRIBUTE",
      `kernel_shape: expected ${kernel.join(", ")}, as the weight has; got ${said.join(", ")}.`,
    );
  const stride = list(step, "strides", rank, 1, 1);
  const dilation = list(step, "dilations", rank, 1, 1);
  const mode = step.word("auto_pad", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER");
  if (mode === "NOTSET") return { kernel, stride, dilation, padding: list(step, "pads", 2 * rank, 0, 0) };
  if (step.has("pads")) throw step.error("ERR_ATTRIBUTE", "auto_pad and pads: expected one of them; got both.");
  const total = kernel.map((size, i) => {
    const length = shape[i + 2];
    const covered = (size - 1) * dilation[i] + 1;
    return mode === "VALID" ? 0 : Math.max(0, (Math.ceil(length / stride[i]) - 1) * stride[i] + covered - length);
  });
  const less = total.map((pad) => Math.floor(pad / 2));
  const more = total.map((pad, i) => pad - less[i]);
  return { kernel, stride, dilation, padding: mode === "SAME_LOWER" ? [...more, ...less] : [...less, ...more] };
}

/** The sizes behind (N, C) that a window gives. */
function slid(step: Step, { kernel, stride, dilation, padding }: Window, up = false): number[] {
  const { shape } = step.input(0);
  const rank = kernel.length;
  return kernel.map((size, i) => {
    const room = shape[i + 2] + padding[i] + padding[i + rank] - ((size - 1) * dilation[i] + 1);
    if (room >= 0) return (up ? Math.ceil(room / stride[i]) : Math.floor(room / stride[i])) + 1;
    throw step.shapeError(`axes that the window of (${kernel.join(", ")}) fits in`, shape);
  });
}

/** X and W of a convolution, its groups and channels. */
function convolution(step: Step, transposed: boolean) {
  const x = step.input(0);
  const W = step.input(1);
  step.floats32(x, W);
  step.known(1, "W");
  const groups = step.int("group", 1, 1, 2 ** 22);
  const [rows, columns, ...kernel] = W.shape;
  const window = windowOf(step, kernel);
  const [inChannels, outChannels] = transposed ? [rows, columns * groups] : [columns * groups, rows];
  if (x.shape[1] !== inChannels || inChannels % groups || outChannels % groups)
    throw step.shapeError(`${groups} groups of channels that fit the weight`, x.shape, W.shape);
  const bias = step.known(2, "B");
  if (bias && bias.length !== outChannels)
    throw step.error("ERR_SHAPE", `B: expected ${outChannels}; got ${bias.length}.`);
  return { window, groups, inChannels, outChannels, bias, weight: W };
}

const conv: OnnxOp = {
  inputs: [2, 3],
  attrs: [...WINDOW, "group"],
  infer: (step) => {
    const { window, outChannels } = convolution(step, false);
    return [{ kind: "F32", shape: [step.input(0).shape[0], outChannels, ...slid(step, window)] }];
  },
  emit: (step, to) => {
    const { window, weight, bias, ...channels } = convolution(step, false);
    to.convolution(step, "conv", { ...window, ...channels }, weight, bias);
  },
};

/** What a transposed convolution gives, and its padding where output_shape says it. */
function raised(step: Step) {
  const { window, outChannels } = convolution(step, true);
  const { shape } = step.input(0);
  const { kernel, stride, dilation } = window;
  const rank = kernel.length;
  const outputPadding = list(step, "output_padding", rank, 0, 0);
  const whole = kernel.map(
    (size, i) => (shape[i + 2] - 1) * stride[i] + outputPadding[i] + (size - 1) * dilation[i] + 1,
  );
  const auto = step.word("auto_pad", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER");
  const asked = step.ints("output_shape");
  if (asked || auto.startsWith("SAME"))
    throw step.error("ERR_UNSUPPORTED_OP", "output_shape and auto_pad SAME: expected pads instead.");
  const sizes = whole.map((size, i) => size - window.padding[i] - window.padding[i + rank]);
  if (sizes.some((size) => size < 1)) throw step.shapeError("pads that leave something", shape);
  return { window, outputPadding, shape: [shape[0], outChannels, ...sizes] };
}

const convTranspose: OnnxOp = {
  inputs: [2, 3],
  attrs: [...WINDOW, "group", "output_padding", "output_shape"],
  infer: (step) => [{ kind: "F32", shape: raised(step).shape }],
  emit: (step, to) => {
    const { window, weight, bias, ...channels } = convolution(step, true);
    const { outputPadding } = raised(step);
    to.convolution(step, "convTranspose", { ...window, ...channels, outputPadding }, weight, bias);
  },
};

const pool = (op: "maxPool" | "avgPool"): OnnxOp => ({
  inputs: [1, 1],
  attrs: [...WINDOW, "ceil_mode", ...(op === "maxPool" ? ["storage_order"] : ["count_include_pad"])],
  infer: (step) => {
    const x = step.input(0);
    const kernel = list(step, "kernel_shape", x.shape.length - 2, 0, 1);
    const window = windowOf(step, kernel);
    const up = step.int("ceil_mode", 0, 0, 1) === 1;
    const sizes = slid(step, window, up);
    if (up && `${sizes}` !== `${slid(step, window)}`)
      throw step.error("ERR_UNSUPPORTED_OP", "ceil_mode: expected windows that fit; got one past the end.");
    return [{ kind: x.kind, shape: [...x.shape.slice(0, 2), ...sizes] }];
  },
  emit: (step, to) => {
    const x = step.input(0);
    const { kernel, stride, dilation, padding } = windowOf(step, list(step, "kernel_shape", x.shape.length - 2, 0, 1));
    const all = op === "avgPool" && { countIncludePad: step.int("count_include_pad", 0, 0, 1) === 1 };
    to.node(step, op, [x], { kernel, stride, dilation, padding, ...all });
  },
});

const globalAveragePool: OnnxOp = {
  inputs: [1, 1],
  infer: (step) => {
    const { kind, shape } = step.input(0);
    if (shape.length < 3) throw step.shapeError("(N, C, …)", shape);
    step.apart(shape, shape.map((_, i) => i).slice(2));
    return [{ kind, shape: shape.map((size, i) => (i < 2 ? size : 1)) }];
  },
  emit: (step, to) => {
    const x = step.input(0);
    to.node(step, "mean", [x], { axes: x.shape.map((_, i) => i).slice(2), keepdim: true });
  },
};

/** Begin and end of each axis: attributes before opset 11, inputs after, of some axes from 18 on. */
function padding(step: Step): { pads: number[]; mode: "constant" | "reflect"; value: number } {
  const { shape } = step.input(0);
  const rank = shape.length;
  const mode = step.word("mode", "constant", "reflect");
  const given = step.knownInts(1, "pads") ?? [];
  const chosen = step.known(3, "axes");
  const axes = chosen ? step.axes([...chosen], rank) : shape.map((_, i) => i);
  if (given.length !== 2 * axes.length || given.some((one) => one < 0 || !Number.isInteger(one)))
    throw step.error("ERR_ATTRIBUTE", `pads: expected ${2 * axes.length} numbers ≥ 0; got ${given.join(", ")}.`);
  const pads = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    pads[axis] = given[i];
    pads[rank + axis] = given[axes.length + i];
  });
  shape.forEach((size, axis) => {
    if (mode === "reflect" && Math.max(pads[axis], pads[rank + axis]) >= size)
      throw step.shapeError("pads less than what they reflect", shape);
    if (size === TIME && pads[axis] + pads[rank + axis] > 0) step.apart(shape, [axis]);
  });
  const value = step.has("value") ? step.float("value", 0) : ((step.known(2, "constant_value") as Elements)?.[0] ?? 0);
  return { pads, mode, value };
}

const pad: OnnxOp = {
  inputs: [1, 4],
  attrs: ["mode", "pads", "value"],
  infer: (step) => {
    const { kind, shape } = step.input(0);
    const { pads } = padding(step);
    return [{ kind, shape: shape.map((size, i) => size + pads[i] + pads[shape.length + i]) }];
  },
  emit: (step, to) => {
    const { pads, mode, value } = padding(step);
    if (pads.every((one) => one === 0)) to.rename(step);
    else to.node(step, "pad", [step.input(0)], { pads, mode, value });
  },
};

export const WINDOWS: Readonly<Record<string, OnnxOp>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool("maxPool"),
  AveragePool: pool("avgPool"),
  GlobalAveragePool: globalAveragePool,
  Pad: pad,
};
