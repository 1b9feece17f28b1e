/** What moves elements → records (assembly/graph/move.ts); an alias where nothing has to move. */

import { OP_CHECK_COMPUTED, OP_GATHER } from "../../../assembly/abi.ts";
import type { Node } from "../../model.ts";
import { tensorKey } from "../../model.ts";
import type { Rows } from "../../program.ts";
import { elements } from "../../tensor.ts";
import { CORE } from "../core.ts";
import { floatBits } from "../functions.ts";
import type { GraphLowering } from "./lowering.ts";
import { axesOf, broadcastSteps, fill, merged, move, stepsOf } from "./nest.ts";
import { axisOf, integers, perAxis } from "./shape.ts";

/** Where an alias may begin: kernels of the core read whole vectors. */
const aligned = (bytes: number) => bytes % 16 === 0;

/** y ← x by the steps of x from a first byte on; an alias where that is the order in which x lies. */
function taken(
  to: GraphLowering,
  { inputs, outputs }: Node,
  first: number,
  steps: readonly number[],
  out = outputs[0],
): void {
  const { shape } = to.shaped(outputs[0]);
  const size = elements(shape);
  const x = to.value(inputs[0]);
  const axes = axesOf(shape, stepsOf(shape), steps);
  const loops = merged(axes);
  const inOrder = loops.length === 0 || (loops.length === 1 && loops[0].steps[1] === 4);
  if (inOrder && aligned(first) && x.stride % 16 === 0) to.alias(out, inputs[0], first / 4, size);
  else move(to, to.define(out, size), 0, x, first, axes);
}

export function lowerTranspose(to: GraphLowering, node: Node): void {
  const steps = stepsOf(to.shaped(node.inputs[0]).shape);
  taken(
    to,
    node,
    0,
    integers(node.attrs.perm).map((axis) => steps[axis]),
  );
}

export function lowerSlice(to: GraphLowering, node: Node): void {
  const steps = stepsOf(to.shaped(node.inputs[0]).shape);
  const starts = integers(node.attrs.starts);
  const strides = perAxis(node.attrs.steps, steps.length, undefined, "", -Infinity, 1);
  const first = starts.reduce((sum, start, axis) => sum + start * steps[axis], 0);
  taken(
    to,
    node,
    first,
    steps.map((step, axis) => step * strides[axis]),
  );
}

export function lowerExpand(to: GraphLowering, node: Node): void {
  taken(to, node, 0, broadcastSteps(to.shaped(node.inputs[0]).shape, to.shaped(node.outputs[0]).shape.length));
}

/** Each axis twice: which copy, and where in it. */
export function lowerTile(to: GraphLowering, { inputs, outputs, attrs }: Node): void {
  const { shape } = to.shaped(inputs[0]);
  const whole = to.shaped(outputs[0]).shape;
  const repeats = integers(attrs.repeats);
  const [from, into] = [stepsOf(shape), stepsOf(whole)];
  const axes = shape.flatMap((count, axis) => [
    { count: repeats[axis], steps: [into[axis] * count, 0] },
    { count, steps: [into[axis], from[axis]] },
  ]);
  move(to, to.define(outputs[0], elements(whole)), 0, to.value(inputs[0]), 0, axes);
}

/** Axis by axis: what is in between, then what comes before and after it. */
export function lowerPad(to: GraphLowering, { inputs, outputs, attrs }: Node): void {
  const { shape, dtype } = to.shaped(inputs[0]);
  const whole = to.shaped(outputs[0]).shape;
  const pads = integers(attrs.pads);
  const y = to.define(outputs[0], elements(whole));
  const [from, into] = [stepsOf(shape), stepsOf(whole)];
  const start = into.reduce((sum, step, axis) => sum + step * pads[axis], 0);
  const value = attrs.value as number;
  if (attrs.mode === "constant") fill(to, y, y.size, dtype === "I32" ? Math.trunc(value) : floatBits(value));
  move(to, y, start, to.value(inputs[0]), 0, axesOf(shape, into, from));
  if (attrs.mode === "constant") return;
  // The axes before this one are whole already, those after it only where x stands.
  shape.forEach((size, axis) => {
    const counts = whole.map((count, a) => (a < axis ? count : shape[a]));
    const first = into.reduce((sum, step, a) => sum + (a < axis ? 0 : step * pads[a]), 0);
    for (const [count, at, mirror] of [
      [pads[axis], -1, 1],
      [pads[shape.length + axis], size, size - 2],
    ]) {
      if (count === 0) continue;
      const step = into[axis];
      const sign = at < 0 ? -1 : 1;
      const axes = axesOf(counts, into, into).map((one, a) =>
        a === axis ? { count, steps: [sign * step, -sign * step] } : one,
      );
      move(to, y, first + at * step, y, first + mirror * step, axes);
    }
  });
}

export function lowerConcat(to: GraphLowering, node: Node): void {
  const { inputs, outputs, attrs } = node;
  const { shape } = to.shaped(outputs[0]);
  const axis = axisOf(attrs.axis, shape.length);
  const y = to.define(outputs[0], elements(shape));
  const into = stepsOf(shape);
  let at = 0;
  for (const name of inputs) {
    const part = to.shaped(name).shape;
    move(to, y, at * into[axis], to.value(name), 0, axesOf(part, into, stepsOf(part)));
    at += part[axis];
  }
}

/** Ids of the file were checked when it was read; those that are computed here stand before every write of state (GraphLowering.check). */
export function lowerGather(to: GraphLowering, node: Node): void {
  const { inputs, outputs, attrs, op } = node;
  const table = op === "embedding";
  const name = table ? inputs[0] : inputs[1];
  const ids = to.value(name);
  if (table && ids.size === 1 && ids.place.region === "io") {
    CORE.embedding.lower(to, node);
    return;
  }
  const { shape } = table
    ? { shape: [attrs.numEmbeddings as number, attrs.embeddingDim as number] }
    : to.shaped(inputs[0]);
  const axis = table ? 0 : axisOf(attrs.axis, shape.length);
  const n = shape[axis];
  let x: Pick<Rows, "place" | "stride">;
  if (table) x = { place: to.tensor(tensorKey(node.name, "weight"), elements(shape)), stride: 0 };
  else x = to.value(inputs[0]);
  const y = to.define(outputs[0], elements(to.shaped(outputs[0]).shape));
  if (to.shaped(name).tensor === undefined)
    to.check(OP_CHECK_COMPUTED, ids.place, ids.stride, ids.size, table ? 0 : -n, n);
  const [outer, inner] = [shape.slice(0, axis), shape.slice(axis + 1)].map(elements);
  to.emit(OP_GATHER, y.place, y.stride, x.place, x.stride, ids.place, ids.stride, outer, n, ids.size, inner);
}

/** In place where the cache is read for the last time. */
export function lowerScatter(to: GraphLowering, { inputs, outputs, attrs }: Node): void {
  const [cache, update] = inputs.map((name) => to.shaped(name).shape);
  const into = stepsOf(cache);
  const x = to.value(inputs[0]);
  const own = inputs[0] === inputs[1];
  const y = own ? to.define(outputs[0], x.size) : to.overwrite(outputs[0], inputs[0]);
  if (y !== x) move(to, y, 0, x, 0, axesOf(cache, into, into));
  const start = integers(attrs.starts).reduce((sum, one, axis) => sum + one * into[axis], 0);
  move(to, y, start, to.value(inputs[1]), 0, axesOf(update, into, stepsOf(update)));
}
