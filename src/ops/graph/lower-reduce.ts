/** What takes axes together → records (assembly/graph/reduce.ts). */

import * as abi from "../../../assembly/abi.ts";
import { type Node, tensorKey } from "../../model.ts";
import type { Rows } from "../../program.ts";
import { elements } from "../../tensor.ts";
import { floatBits } from "../functions.ts";
import type { Op } from "../op.ts";
import type { GraphLowering } from "./lowering.ts";
import { axesOf as loopsOf, move, stepsOf } from "./nest.ts";
import { axisOf, integers } from "./shape.ts";

/** [outer, n, inner] of the lines along axes `first` … `last`. */
function linesOf(shape: readonly number[], first: number, last = first): [number, number, number] {
  return [elements(shape.slice(0, first)), elements(shape.slice(first, last + 1)), elements(shape.slice(last + 1))];
}

const KINDS = { sum: abi.REDUCE_SUM, mean: abi.REDUCE_MEAN, max: abi.REDUCE_MAX };

/** Neighbouring axes are one line; others are brought to the end first. */
export function lowerReduce(to: GraphLowering, { inputs, outputs, attrs }: Node, kind: keyof typeof KINDS): void {
  let { shape } = to.shaped(inputs[0]);
  let x: Rows = to.value(inputs[0]);
  let axes = integers(attrs.axes)
    .map((axis) => axisOf(axis, shape.length))
    .sort((a, b) => a - b);
  // An axis of one changes nothing, wherever it stands.
  const long = axes.filter((axis) => shape[axis] > 1);
  axes = long.length > 0 ? long : axes.slice(0, 1);
  const first = axes[0];
  const last = axes[axes.length - 1];
  const between = shape.slice(first, last + 1).filter((size, i) => size > 1 && !axes.includes(first + i));
  let lines = linesOf(shape, first, last);
  if (between.length > 0) {
    const order = [...shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes);
    const steps = stepsOf(shape);
    const moved = order.map((axis) => shape[axis]);
    const y = to.define(to.fresh(), x.size);
    move(
      to,
      y,
      0,
      x,
      0,
      loopsOf(
        moved,
        stepsOf(moved),
        order.map((axis) => steps[axis]),
      ),
    );
    x = y;
    shape = moved;
    lines = linesOf(shape, shape.length - axes.length, shape.length - 1);
  }
  const y = to.define(outputs[0], elements(to.shaped(outputs[0]).shape));
  to.emit(abi.OP_REDUCE, y.place, y.stride, x.place, x.stride, KINDS[kind], ...lines);
}

/** topK, and argMax as the place of the first. */
export function lowerTopK(to: GraphLowering, { op, inputs, outputs, attrs }: Node, k: number, largest: boolean): void {
  const { shape } = to.shaped(inputs[0]);
  const x = to.value(inputs[0]);
  const lines = linesOf(shape, axisOf(attrs.axis, shape.length));
  const size = lines[0] * k * lines[2];
  const [values, places] = op === "argMax" ? ["", outputs[0]] : outputs;
  const operands = [values, places ?? ""].flatMap((name) => {
    if (name === "") return [0, 0];
    const { place, stride } = to.define(name, size);
    return [place, stride];
  });
  to.emit(abi.OP_TOP_K, ...operands, x.place, x.stride, ...lines, k, Number(largest));
}

export function lowerSoftmax(to: GraphLowering, node: Node, core: Op, log: boolean): void {
  const { shape } = to.shaped(node.inputs[0]);
  const lines = linesOf(shape, axisOf(node.attrs.axis, shape.length));
  if (lines[0] * lines[2] === 1) {
    core.lower(to, node);
    return;
  }
  const x = to.value(node.inputs[0]);
  const y = to.define(node.outputs[0], x.size);
  to.emit(abi.OP_SOFTMAX_LINES, y.place, y.stride, x.place, x.stride, ...lines, Number(log));
}

export function lowerLayerNorm(to: GraphLowering, node: Node, core: Op): void {
  const { name, inputs, outputs, attrs } = node;
  const rows = attrs.size as number;
  const x = to.value(inputs[0]);
  if (x.size === rows) {
    core.lower(to, node);
    return;
  }
  const y = to.define(outputs[0], x.size);
  const [weight, bias] = [attrs.affine && "weight", attrs.affine && attrs.bias && "bias"].map((suffix) =>
    suffix ? to.vector([{ tensors: [tensorKey(name, suffix as string)], firstRow: 0, rows }]) : 0,
  );
  const eps = floatBits(attrs.eps as number);
  to.emit(abi.OP_LAYER_NORMS, y.place, y.stride, x.place, x.stride, rows, weight, bias, eps, x.size / rows);
}

export function lowerBatchNorm(to: GraphLowering, node: Node, core: Op): void {
  const { shape } = to.shaped(node.inputs[0]);
  const lines = linesOf(shape, axisOf(node.attrs.axis, shape.length));
  if (lines[0] * lines[2] === 1) {
    core.lower(to, node);
    return;
  }
  const x = to.value(node.inputs[0]);
  const y = to.overwrite(node.outputs[0], node.inputs[0]);
  to.emit(abi.OP_SCALE_SHIFT_LINES, y.place, y.stride, x.place, x.stride, ...lines, ...to.normalisation(node));
}
