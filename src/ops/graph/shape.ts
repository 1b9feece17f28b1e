/** What shape rules have in common: numbers and integers, axes that count from the end, broadcasting. */

import type { AttrValue, Node } from "../../model.ts";
import { broadcast } from "../../reference/graph/tensor.ts";
import { elements, shapeText } from "../../tensor.ts";
import type { AttrRule, Refuse, Shaped } from "../op.ts";

/** An axis; from the end where it is negative. */
export const AXIS: AttrRule = { kind: "integer" };
/** One integer for each axis. */
export const INTEGERS: AttrRule = { kind: "integers" };

export const integers = (value: AttrValue | undefined) => value as readonly number[];
export const sizeOf = ({ shape }: Shaped) => elements(shape);
export const numbers = (shape: readonly number[]): Shaped[] => [{ shape, dtype: "F32" }];

/** The inputs, `least` … `most` of them and all there; of the dtype, if one is said. */
export function inputsOf(
  { inputs: names }: Node,
  inputs: readonly (Shaped | undefined)[],
  refuse: Refuse,
  [least, most]: readonly [number, number],
  dtype?: Shaped["dtype"],
): Shaped[] {
  const there = inputs.filter((one) => one !== undefined);
  if (there.length !== inputs.length || there.length < least || there.length > most) {
    refuse(least === most ? `${least} inputs` : `${least} or more inputs`, there.length);
  }
  there.forEach((one, i) => {
    if (dtype !== undefined && one.dtype !== dtype) refuse(`"${names[i]}" of ${dtype}`, one.dtype);
  });
  return there;
}

export function oneInput(
  node: Node,
  inputs: readonly (Shaped | undefined)[],
  refuse: Refuse,
  dtype?: Shaped["dtype"],
): Shaped {
  return inputsOf(node, inputs, refuse, [1, 1], dtype)[0];
}

/** Inputs of one dtype. */
export function alike(all: readonly Shaped[], refuse: Refuse): Shaped["dtype"] {
  const [{ dtype }] = all;
  if (all.some((one) => one.dtype !== dtype)) refuse("inputs of one dtype", all.map((one) => one.dtype).join(", "));
  return dtype;
}

/** The shape that all broadcast to. */
export function broadcastOf(all: readonly Shaped[], refuse: Refuse): readonly number[] {
  const shapes = all.map(({ shape }) => shape);
  return broadcast(...shapes) ?? refuse("shapes that broadcast", shapes.map(shapeText).join(" and "));
}

/** An axis of a value of this rank, counted from the front. */
export function axisOf(axis: AttrValue | undefined, rank: number, refuse: Refuse = fail): number {
  const given = (axis ?? -1) as number;
  const from = given < 0 ? given + rank : given;
  return from >= 0 && from < rank ? from : refuse(`an axis of ${-rank} … ${rank - 1}`, given);
}

/** A list as long as the rank; absent: `fill` for each. */
export function perAxis(
  value: AttrValue | undefined,
  rank: number,
  refuse: Refuse = fail,
  what = "list",
  least = -Infinity,
  fill?: number,
): readonly number[] {
  const list = value === undefined && fill !== undefined ? new Array<number>(rank).fill(fill) : integers(value);
  if (list.length !== rank) refuse(`${what} of ${rank} integers`, list.length);
  const low = list.find((one) => one < least);
  return low === undefined ? list : refuse(`${what} of integers ≥ ${least}`, low);
}

/** After the shape rule has passed, nothing is refused. */
function fail(expected: string, got: unknown): never {
  throw new Error(`expected ${expected}; got ${got}`);
}

/** The axes that go, ascending, from the front. */
export const axesOf = (axes: readonly number[], rank: number): number[] =>
  axes.map((axis) => axisOf(axis, rank)).sort((a, b) => a - b);
