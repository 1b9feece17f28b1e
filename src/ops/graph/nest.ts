/** Loops over axes: each a count and, for every operand, the bytes from one index to the next. Records list them, outermost first. */

import { OP_FILL, OP_MOVE } from "../../../assembly/abi.ts";
import type { Lowering, Place, Rows } from "../../program.ts";
import { stridesOf } from "../../reference/graph/tensor.ts";

export interface Axis {
  readonly count: number;
  readonly steps: readonly number[];
}

/** Bytes from one index of each axis to the next, of a contiguous value. */
export const stepsOf = (shape: readonly number[]): number[] => stridesOf(shape).map((stride) => stride * 4);

/** Steps of a value that is broadcast to `rank` axes: 0 where it has one element or no such axis. */
export function broadcastSteps(shape: readonly number[], rank: number): number[] {
  const steps = stepsOf(shape).map((step, axis) => (shape[axis] === 1 ? 0 : step));
  return [...new Array<number>(rank - shape.length).fill(0), ...steps];
}

export function axesOf(counts: readonly number[], ...steps: readonly (readonly number[])[]): Axis[] {
  return counts.map((count, axis) => ({ count, steps: steps.map((one) => one[axis]) }));
}

/** The same loops without axes of one, neighbours joined where every operand goes on as it went. */
export function merged(axes: readonly Axis[]): Axis[] {
  const out: Axis[] = [];
  for (const axis of axes) {
    if (axis.count === 1) continue;
    const outer = out[out.length - 1];
    if (outer?.steps.every((step, i) => step === axis.steps[i] * axis.count)) {
      out[out.length - 1] = { count: outer.count * axis.count, steps: axis.steps };
    } else out.push(axis);
  }
  return out;
}

/** As words: rank, then count and steps of each axis; one axis at least. */
export function nestWords(axes: readonly Axis[], operands: number): number[] {
  const all = axes.length > 0 ? axes : [{ count: 1, steps: new Array<number>(operands).fill(4) }];
  return [all.length, ...all.flatMap(({ count, steps }) => [count, ...steps])];
}

/** A place some bytes further. */
export const shifted = ({ region, offset }: Place, bytes: number): Place => ({ region, offset: offset + bytes });

type Target = Pick<Rows, "place" | "stride">;

/** y ← x over the axes, whose steps are y's and x's. */
export function move(to: Lowering, y: Target, yFrom: number, x: Target, xFrom: number, axes: readonly Axis[]): void {
  const loops = merged(axes);
  const inner = loops[loops.length - 1];
  // The order does not matter: whole vectors inside where there are any, else the longest loop, which costs least.
  if (inner && !(inner.count >= 4 && inner.steps.every((step) => step === 4))) loops.sort((a, b) => a.count - b.count);
  to.emit(OP_MOVE, shifted(y.place, yFrom), y.stride, shifted(x.place, xFrom), x.stride, ...nestWords(loops, 2));
}

export function fill(to: Lowering, { place, stride }: Target, n: number, bits = 0): void {
  to.emit(OP_FILL, place, stride, n, bits);
}
