/** Products → records: rows of vectors with packed weights (assembly/gemm.ts), or two values (assembly/graph/taps.ts). */

import { OP_ACTIVATE, OP_PRODUCT, OP_TAPS } from "../../../assembly/abi.ts";
import { type ActivationSpec, type Node, tensorKey } from "../../model.ts";
import { type Block, type Operand, type Place, paddedBytes, type Rows } from "../../program.ts";
import { broadcast } from "../../reference/graph/tensor.ts";
import { elements } from "../../tensor.ts";
import { functionWords } from "../functions.ts";
import type { Op } from "../op.ts";
import type { GraphLowering } from "./lowering.ts";
import { axesOf, broadcastSteps, move, stepsOf } from "./nest.ts";

/** `count` vectors of k elements, `xInner` bytes apart → rows of `size` elements one after another, at y + yFrom. */
export function products(
  to: GraphLowering,
  y: Rows,
  x: Pick<Rows, "place" | "stride">,
  {
    weight,
    bias,
    firstRow,
    size,
    k,
    count,
    xInner,
  }: {
    readonly weight: string;
    readonly bias: string | undefined;
    readonly firstRow: number;
    readonly size: number;
    readonly k: number;
    readonly count: number;
    readonly xInner: number;
  },
): Rows {
  const block = (tensors: string[]): Block[] => [{ tensors, firstRow, rows: size }];
  const panels = to.wide(block([weight]), k);
  const b = to.vector(block(bias === undefined ? [] : [bias]));
  const inner = paddedBytes(size);
  // The last vector may end in y's padding, any other only where the next one begins.
  const direct = count === 1 || inner === size * 4;
  const target = direct ? y : to.define(to.fresh(), (count * inner) / 4);
  to.emit(OP_PRODUCT, target.place, target.stride, x.place, x.stride, inner, panels, b, inner / 4, k, xInner, count);
  return target;
}

export function lowerLinear(to: GraphLowering, node: Node, core: Op): void {
  const { name, inputs, outputs, attrs } = node;
  const { inFeatures: k, outFeatures: size } = attrs as Record<string, number>;
  const { shape } = to.shaped(outputs[0]);
  const count = elements(shape) / size;
  if (count === 1) {
    core.lower(to, node);
    return;
  }
  const x = to.value(inputs[0]);
  const y = to.define(outputs[0], count * size);
  const [weight, bias] = ["weight", "bias"].map((suffix) => tensorKey(name, suffix));
  const got = products(to, y, x, {
    weight,
    bias: attrs.bias ? bias : undefined,
    firstRow: 0,
    size,
    k,
    count,
    xInner: k * 4,
  });
  if (got !== y) move(to, y, 0, got, 0, axesOf([count, size], [size * 4, 4], [paddedBytes(size), 4]));
  const [f] = (attrs.activation ?? []) as readonly ActivationSpec[];
  if (f !== undefined) to.emit(OP_ACTIVATE, y.place, y.stride, y.size, ...functionWords(f));
}

/** The operands of OP_TAPS. */
export interface Taps {
  readonly y: Pick<Rows, "place" | "stride">;
  readonly x: Pick<Rows, "place" | "stride">;
  readonly a: Pick<Rows, "place" | "stride">;
  readonly bias: Operand;
  readonly offsets: Place;
  readonly k: number;
  readonly outputs: number;
  readonly groups: number;
  readonly xGroup: number;
  readonly aGroup: number;
  readonly rows: number;
  readonly xRow: number;
  readonly places: number;
}

export function taps(to: GraphLowering, { y, x, a, ...t }: Taps): void {
  to.emit(
    OP_TAPS,
    y.place,
    y.stride,
    x.place,
    x.stride,
    a.place,
    a.stride,
    t.bias,
    t.offsets,
    t.k,
    t.outputs,
    t.groups,
    t.xGroup,
    t.aGroup,
    t.rows,
    t.xRow,
    t.places,
  );
}

/** Rows of b are contiguous: k picks one, a weighs it. Batches are groups; those of a alone are more outputs. */
export function lowerMatmul(to: GraphLowering, { inputs, outputs }: Node): void {
  const [left, right] = inputs.map((name) => to.shaped(name).shape);
  const a = left.length === 1 ? [1, ...left] : left;
  const b = right.length === 1 ? [...right, 1] : right;
  const [m, k] = a.slice(-2);
  const n = b[b.length - 1];
  const [aBatch, bBatch] = [a, b].map((shape) => shape.slice(0, -2));
  const batch = broadcast(aBatch, bBatch) as number[];
  const alone = elements(bBatch) === 1;
  const groups = alone ? 1 : elements(batch);
  /** A matrix for each group, or one for all. */
  const whole = (name: string, own: readonly number[], rows: number, columns: number): Rows => {
    const x = to.value(name);
    if (elements(own) === 1 || elements(own) === elements(batch)) return x;
    const shape = [...batch, rows, columns];
    const y = to.define(to.fresh(), elements(shape));
    move(to, y, 0, x, 0, axesOf(shape, stepsOf(shape), broadcastSteps([...own, rows, columns], shape.length)));
    return y;
  };
  const weights = whole(inputs[0], aBatch, m, k);
  const x = whole(inputs[1], bBatch, k, n);
  const y = to.define(outputs[0], elements(batch) * m * n);
  taps(to, {
    y,
    x,
    a: weights,
    bias: 0,
    offsets: to.integers(Array.from({ length: k }, (_, i) => i * n * 4)),
    k,
    outputs: alone ? elements(batch) * m : m,
    groups,
    xGroup: k * n * 4,
    aGroup: elements(aBatch) === 1 ? 0 : m * k * 4,
    rows: 1,
    xRow: 0,
    places: n,
  });
}
