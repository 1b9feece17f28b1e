/** Operators that give their input under another shape: Identity, Dropout, Reshape, Squeeze, Unsqueeze, Flatten. */

import { elements } from "../../tensor.ts";
import type { OnnxOp, Step } from "./step.ts";
import { type Elements, TIME, type Value } from "./value.ts";

type Shape = readonly number[];

/** An operator that gives its first input's elements under another shape. */
const renaming = (rest: Omit<OnnxOp, "infer" | "fold">, shape: (step: Step, x: Value) => number[]): OnnxOp => ({
  ...rest,
  moves: true,
  renames: true,
  infer: (step) => [{ kind: step.input(0).kind, shape: shape(step, step.input(0)) }],
  fold: (step) => [step.input(0).data as Elements],
  emit: (step, to) => to.rename(step),
});

const identity = (inputs: readonly [number, number], attrs: string[] = []) =>
  renaming({ inputs, attrs }, (_, x) => [...x.shape]);

/** Sizes before, at and after an axis, the free one counted as 1. */
export function around(shape: Shape, at: number): [before: number, after: number] {
  return [elements(shape.slice(0, at)), elements(shape.slice(at + 1))];
}

/** Reshape of a value with the free axis: its steps must stay rows, so what lies before and after it stays too. */
function keepsTime(from: Shape, to: Shape): boolean {
  const [a, b] = [from.indexOf(TIME), to.indexOf(TIME)];
  if (a < 0 || b < 0) return a === b;
  return `${around(from, a)}` === `${around(to, b)}`;
}

function reshape(step: Step, x: Value): number[] {
  const asked = step.known(1, "shape") as Elements;
  const keepZero = step.int("allowzero", 0, 0, 1) === 1;
  const shape = [...asked].map((size, i) => (size === 0 && !keepZero ? x.shape[i] : size));
  const open = shape.indexOf(-1);
  const wrong = () =>
    step.error("ERR_SHAPE", `shape: expected ${elements(x.shape)} elements; got ${shape.join(", ")}.`);
  if (shape.some((size, i) => size === undefined || (size < 0 && i !== open))) throw wrong();
  if (open >= 0) {
    const known = shape.filter((_, i) => i !== open);
    if (x.shape.includes(TIME) && !known.includes(TIME)) {
      // The open axis takes the steps, and they must be alone in it.
      shape[open] = TIME;
    } else {
      const time = (sizes: readonly number[]) => elements(sizes.filter((size) => size !== TIME));
      shape[open] = time(x.shape) / time(known);
    }
  }
  const fits = elements(shape) === elements(x.shape) && keepsTime(x.shape, shape);
  if (fits && shape.every((size) => size === TIME || Number.isInteger(size))) return shape;
  throw wrong();
}

/** Axes from the attribute (opset < 13) or the input. */
function squeeze(step: Step, x: Value): number[] {
  const given = step.knownInts(1, "axes");
  if (given === undefined) {
    if (x.shape.includes(TIME)) throw step.error("ERR_ATTRIBUTE", "axes: expected which to remove; got none.");
    return x.shape.filter((size) => size !== 1);
  }
  const axes = step.axes(given, x.shape.length);
  if (axes.every((axis) => x.shape[axis] === 1)) return x.shape.filter((_, i) => !axes.includes(i));
  throw step.shapeError(`axes ${axes.join(", ")} of size 1`, x.shape);
}

function unsqueeze(step: Step, x: Value): number[] {
  const given = step.knownInts(1, "axes");
  if (given === undefined) throw step.error("ERR_ATTRIBUTE", "axes: expected which to add; got none.");
  const rank = x.shape.length + given.length;
  const axes = step.axes(given, rank);
  const rest = [...x.shape];
  return Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : (rest.shift() as number)));
}

function flatten(step: Step, x: Value): number[] {
  const rank = x.shape.length;
  const axis = step.int("axis", 1, -rank, rank);
  const at = axis < 0 ? axis + rank : axis;
  const shape = [elements(x.shape.slice(0, at)), elements(x.shape.slice(at))];
  if (keepsTime(x.shape, shape)) return shape;
  throw step.freeAxis("would join the free axis T with others.");
}

export const RENAMES: Readonly<Record<string, OnnxOp>> = {
  Identity: identity([1, 1]),
  // At inference Dropout gives its input.
  Dropout: renaming({ inputs: [1, 3], outputs: 1, attrs: ["ratio", "seed"] }, (step, x) => {
    const training = step.known(2, "training_mode");
    if (training === undefined || training[0] === 0) return [...x.shape];
    throw step.error("ERR_ATTRIBUTE", "training_mode: expected false; got true.");
  }),
  Reshape: renaming({ inputs: [2, 2], attrs: ["allowzero"] }, reshape),
  Squeeze: renaming({ inputs: [1, 2], attrs: ["axes"] }, squeeze),
  Unsqueeze: renaming({ inputs: [1, 2], attrs: ["axes"] }, unsqueeze),
  Flatten: renaming({ inputs: [1, 1], attrs: ["axis"] }, flatten),
};
