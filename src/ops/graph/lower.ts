/** Element by element → records (assembly/graph/elementwise.ts). */

import * as abi from "../../../assembly/abi.ts";
import type { Node } from "../../model.ts";
import { broadcast } from "../../reference/graph/tensor.ts";
import { elements } from "../../tensor.ts";
import type { Shaped } from "../op.ts";
import type { GraphLowering } from "./lowering.ts";
import { axesOf, broadcastSteps, merged, move, nestWords, stepsOf } from "./nest.ts";

const NUMBERS: Readonly<Record<string, number>> = {
  add: abi.B_ADD,
  sub: abi.B_SUB,
  mul: abi.B_MUL,
  div: abi.B_DIV,
  minimum: abi.B_MINIMUM,
  maximum: abi.B_MAXIMUM,
  greater: abi.B_GREATER,
  greaterEqual: abi.B_GREATER_EQUAL,
  less: abi.B_LESS,
  lessEqual: abi.B_LESS_EQUAL,
  equal: abi.B_EQUAL,
  logicalAnd: abi.B_AND,
  logicalOr: abi.B_OR,
  prelu: abi.B_PRELU,
  pow: abi.B_POW,
};

/** f(f(a, b), c) …; in place where one of the two is read for the last time. */
export function lowerBinary(to: GraphLowering, { inputs, outputs }: Node, name: string): void {
  const { dtype } = to.shaped(inputs[0]);
  const number = NUMBERS[name] + (dtype === "I32" ? abi.BINARY_INTEGER : 0);
  let left = inputs[0];
  let shape = to.shaped(left).shape;
  inputs.slice(1).forEach((right, i) => {
    const other = to.shaped(right).shape;
    const joint = broadcast(shape, other) as number[];
    const size = elements(joint);
    const out = i === inputs.length - 2 ? outputs[0] : to.fresh();
    const [a, b] = [to.value(left), to.value(right)];
    const place = [left, right].find(
      (one, k) => [a, b][k].size === size && inputs.filter((input) => input === one).length === 1,
    );
    const y =
      place === undefined || out !== outputs[0] || inputs.length > 2 ? to.define(out, size) : to.overwrite(out, place);
    const rank = joint.length;
    const axes = merged(axesOf(joint, stepsOf(joint), broadcastSteps(shape, rank), broadcastSteps(other, rank)));
    const loops = axes.map(({ count, steps }) => ({ count, steps: steps.slice(1) }));
    to.emit(abi.OP_BINARY, y.place, y.stride, a.place, a.stride, b.place, b.stride, number, ...nestWords(loops, 2));
    left = out;
    shape = joint;
  });
}

export function lowerUnary(
  to: GraphLowering,
  { inputs, outputs }: Node,
  words: readonly [number, number, number],
): void {
  const x = to.value(inputs[0]);
  const y = to.overwrite(outputs[0], inputs[0]);
  to.emit(abi.OP_UNARY, y.place, y.stride, x.place, x.stride, x.size, ...words);
}

/** Inputs that are broadcast are written out first. */
export function lowerWhere(to: GraphLowering, { inputs, outputs }: Node): void {
  const { shape } = to.shaped(outputs[0]);
  const all = inputs.map((name) => {
    const x = to.value(name);
    const own: Shaped = to.shaped(name);
    if (x.size === elements(shape)) return x;
    const y = to.define(to.fresh(), elements(shape));
    move(to, y, 0, x, 0, axesOf(shape, stepsOf(shape), broadcastSteps(own.shape, shape.length)));
    return y;
  });
  const y = to.define(outputs[0], elements(shape));
  to.emit(abi.OP_SELECT, y.place, y.stride, ...all.flatMap(({ place, stride }) => [place, stride]), y.size);
}
