/** Operators that move elements and compute nothing: Transpose, Slice, Gather, Split, Concat, Expand, Tile. */

import { broadcast, stridesOf } from "../../reference/graph/tensor.ts";
import { elements } from "../../tensor.ts";
import { around } from "./renames.ts";
import type { OnnxOp, Step } from "./step.ts";
import { type Elements, type Info, newElements, placesOf, resized, spreadStrides, TIME, type Value } from "./value.ts";

/** The elements of `value` at these places. */
export function take({ kind, data }: Value, places: ArrayLike<number>): Elements {
  const out = newElements(kind, places.length);
  const from = data as Elements;
  for (let i = 0; i < places.length; i++) out[i] = from[places[i]];
  return out;
}

/** Outputs whose elements stand at `places` of the first input. */
const picking = (
  rest: Omit<OnnxOp, "fold">,
  places: (step: Step, info: Info, output: number) => ArrayLike<number>,
): OnnxOp => ({
  ...rest,
  moves: true,
  fold: (step, infos) => infos.map((info, i) => take(step.input(0), places(step, info, i))),
});

function perm(step: Step): number[] {
  const { length } = step.input(0).shape;
  const given = step.ints("perm") ?? Array.from({ length }, (_, i) => length - 1 - i);
  if (given.length === length && given.every((axis) => axis >= 0)) return step.axes(given, length);
  throw step.error("ERR_ATTRIBUTE", `perm: expected ${length} axes; got ${given.join(", ")}.`);
}

const transpose = picking(
  {
    inputs: [1, 1],
    attrs: ["perm"],
    infer: (step) => [{ kind: step.input(0).kind, shape: perm(step).map((axis) => step.input(0).shape[axis]) }],
    emit: (step, to) => {
      const order = perm(step);
      const x = step.input(0);
      if (to.isStill(x, order)) to.rename(step);
      else to.node(step, "transpose", [x], { perm: order });
    },
  },
  (step, { shape }) => {
    const strides = stridesOf(step.input(0).shape);
    return placesOf(
      shape,
      perm(step).map((axis) => strides[axis]),
    );
  },
);

/** What Slice takes of each axis. */
interface Range {
  readonly start: number;
  readonly step: number;
  readonly size: number;
}

export function sliceRanges(step: Step): Range[] {
  const { shape } = step.input(0);
  const [starts, ends] = [step.knownInts(1, "starts"), step.knownInts(2, "ends")];
  const axes = step.axes(step.knownInts(3, "axes") ?? (starts ?? []).map((_, i) => i), shape.length);
  const steps = step.knownInts(4, "steps") ?? axes.map(() => 1);
  if (!starts || !ends || ![starts, ends, steps].every(({ length }) => length === axes.length) || steps.includes(0))
    throw step.error("ERR_ATTRIBUTE", "starts, ends, axes and steps: expected lists of one length, no step 0.");
  return shape.map((size, axis) => {
    const i = axes.indexOf(axis);
    if (i < 0) return { start: 0, step: 1, size };
    const by = steps[i];
    if (size === TIME) {
      const toEnd = by === 1 && ends[i] >= 2 ** 31 - 1;
      if (toEnd && starts[i] === 0) return { start: 0, step: 1, size };
      if (toEnd && starts[i] === -1) return { start: -1, step: 1, size: 1 };
      throw step.freeAxis("takes steps of the free axis T other than all or the last.");
    }
    const clamp = (value: number, low: number, high: number) =>
      Math.min(Math.max(value < 0 ? value + size : value, low), high);
    const start = by > 0 ? clamp(starts[i], 0, size) : clamp(starts[i], 0, size - 1);
    const end = by > 0 ? clamp(ends[i], 0, size) : clamp(ends[i], -1, size - 1);
    return { start, step: by, size: Math.max(0, Math.ceil((end - start) / by)) };
  });
}

const slice = picking(
  {
    inputs: [1, 5],
    attrs: ["starts", "ends", "axes"],
    infer: (step) => [{ kind: step.input(0).kind, shape: sliceRanges(step).map(({ size }) => size) }],
    emit: (step, to) => {
      const all = sliceRanges(step);
      const x = step.input(0);
      if (all.some(({ start }) => start === -1)) to.last(step, x);
      else if (to.shape(x).every((size, i) => size === (all[i].size === TIME ? 1 : all[i].size) && all[i].step === 1))
        to.rename(step);
      else
        to.node(step, "slice", [x], {
          starts: all.map(({ start }) => start),
          steps: all.map((one) => one.step),
          sizes: all.map(({ size }) => (size === TIME ? 1 : size)),
        });
    },
  },
  (step, { shape }) => {
    const all = sliceRanges(step);
    const strides = stridesOf(step.input(0).shape);
    const start = all.reduce((sum, one, i) => sum + (one.size === 0 ? 0 : one.start * strides[i]), 0);
    return placesOf(
      shape,
      strides.map((stride, i) => stride * all[i].step),
      start,
    );
  },
);

/** A slice of so many elements of one axis. */
const partOf = (shape: readonly number[], axis: number, start: number, size: number) => ({
  starts: shape.map((_, i) => (i === axis ? start : 0)),
  sizes: resized(shape, axis, size),
});

/** Axis, and the ids where they are known, counted from the start. */
function gathering(step: Step): { axis: number; ids?: number[] } {
  const [x, ids] = [step.input(0), step.input(1)];
  const axis = step.axisSaid(0);
  if (ids.kind !== "I32") throw step.error("ERR_DTYPE", "indices: expected integers; got others.");
  if (!ids.data || ids.places) return { axis };
  const size = x.shape[axis];
  if (size === TIME) {
    if (ids.data.length === 1 && ids.data[0] === -1) return { axis, ids: [-1] };
    throw step.freeAxis("takes steps of the free axis T other than the last.");
  }
  return {
    axis,
    ids: Array.from(ids.data, (id) => {
      if (Number.isInteger(id) && id >= -size && id < size) return id < 0 ? id + size : id;
      throw step.error("ERR_SHAPE", `indices: expected ${-size} … ${size - 1}; got ${id}.`);
    }),
  };
}

const gather = picking(
  {
    inputs: [2, 2],
    attrs: ["axis"],
    infer: (step) => {
      const { axis } = gathering(step);
      const [x, ids] = [step.input(0), step.input(1)];
      return [{ kind: x.kind, shape: [...x.shape.slice(0, axis), ...ids.shape, ...x.shape.slice(axis + 1)] }];
    },
    emit: (step, to) => {
      const { axis, ids } = gathering(step);
      const [x, index] = [step.input(0), step.input(1)];
      if (ids?.[0] === -1) to.last(step, x);
      else if (ids && ids.length === 1) {
        const part = partOf(to.shape(x), axis, ids[0], 1);
        if (to.shape(x)[axis] === 1) to.rename(step);
        else to.same(step, to.extra(step, "slice", [x], part.sizes, part));
      } else if (axis === 0 && x.data && x.kind === "F32" && x.shape.length === 2 && elements(to.shape(index)) === 1)
        to.embedding(step);
      else to.node(step, "gather", [x, index], { axis });
    },
  },
  (step) => {
    const { axis, ids = [] } = gathering(step);
    const { shape } = step.input(0);
    const [before, after] = around(shape, axis);
    const places = new Float64Array(before * ids.length * after);
    let i = 0;
    for (let b = 0; b < before; b++)
      for (const id of ids) for (let a = 0; a < after; a++) places[i++] = (b * shape[axis] + id) * after + a;
    return places;
  },
);

/** Sizes of the parts, and the axis. */
export function splitParts(step: Step): { axis: number; sizes: readonly number[] } {
  const { shape } = step.input(0);
  const axis = step.axisSaid(0);
  const size = shape[axis];
  step.apart(shape, [axis]);
  const count = step.node.outputs.length;
  const given = step.knownInts(1, "split");
  if (given === undefined) {
    if (step.int("num_outputs", count, 1) !== count || (size % count !== 0 && step.version < 18))
      throw step.error("ERR_ATTRIBUTE", `expected ${count} equal parts of ${size}.`);
    const part = Math.ceil(size / count);
    return { axis, sizes: Array.from({ length: count }, (_, i) => Math.min(part, size - i * part)) };
  }
  const total = given.reduce((sum, one) => sum + one, 0);
  if (given.length === count && total === size && given.every((one) => one >= 0)) return { axis, sizes: given };
  throw step.error("ERR_ATTRIBUTE", `split: expected ${count} sizes that make ${size}; got ${given.join(", ")}.`);
}

const split: OnnxOp = picking(
  {
    inputs: [1, 2],
    outputs: 2 ** 16,
    attrs: ["axis", "split", "num_outputs"],
    infer: (step) => {
      const { kind, shape } = step.input(0);
      const { axis, sizes } = splitParts(step);
      if (sizes.some((size) => size < 0)) throw step.error("ERR_ATTRIBUTE", "expected parts of one size or more.");
      return sizes.map((size) => ({ kind, shape: resized(shape, axis, size) }));
    },
    emit: (step, to) => {
      const { axis, sizes } = splitParts(step);
      const x = step.input(0);
      let start = 0;
      step.outputs.forEach((out, i) => {
        if (to.used(out)) to.node(step, "slice", [x], partOf(to.shape(x), axis, start, sizes[i]), out);
        start += sizes[i];
      });
    },
  },
  (step, { shape }, output) => {
    const { axis, sizes } = splitParts(step);
    const strides = stridesOf(step.input(0).shape);
    const start = sizes.slice(0, output).reduce((sum, one) => sum + one, 0) * strides[axis];
    return placesOf(shape, strides, start);
  },
);

const concat: OnnxOp = {
  inputs: [1, 2 ** 16],
  attrs: ["axis"],
  moves: true,
  infer: (step) => {
    const all = step.inputs.map((_, i) => step.input(i));
    const [{ kind, shape }] = all;
    const axis = step.axisSaid(-1);
    const fits = all.every(
      (one) =>
        one.kind === kind &&
        one.shape.length === shape.length &&
        one.shape.every((size, i) => i === axis || size === shape[i]),
    );
    if (!fits) throw step.shapeError("shapes that differ in one axis, of one dtype", ...all.map((one) => one.shape));
    if (all.length > 1) step.apart(shape, [axis]);
    const total = all.reduce((sum, one) => sum + one.shape[axis], 0);
    return [{ kind, shape: resized(shape, axis, total) }];
  },
  fold: (step, [{ kind, shape }]) => {
    const axis = step.axisSaid(-1);
    const out = newElements(kind, elements(shape));
    const strides = stridesOf(shape);
    let start = 0;
    for (const { shape: part, data } of step.inputs as Value[]) {
      const places = placesOf(part, strides, start);
      places.forEach((place, i) => {
        out[place] = (data as Elements)[i];
      });
      start += part[axis] * strides[axis];
    }
    return [out];
  },
  emit: (step, to) => to.concat(step, step.axisSaid(-1)),
};

const expand = picking(
  {
    since: 8,
    inputs: [2, 2],
    infer: (step) => {
      const x = step.input(0);
      const asked = step.known(1, "shape") as Elements;
      const shape = broadcast(x.shape, [...asked]);
      if (shape && asked.every((size) => size >= 0)) return [{ kind: x.kind, shape }];
      throw step.shapeError("a shape that it can become", x.shape, [...asked]);
    },
    emit: (step, to) => {
      const [x] = step.inputs as Value[];
      const shape = to.shape(step.outputs[0]);
      if (elements(to.shape(x)) === elements(shape)) to.rename(step);
      else to.node(step, "expand", [x], { shape });
    },
  },
  (step, { shape }) => placesOf(shape, spreadStrides(step.input(0).shape, shape)),
);

const tile = picking(
  {
    inputs: [2, 2],
    infer: (step) => {
      const { kind, shape } = step.input(0);
      const repeats = [...(step.known(1, "repeats") as Elements)];
      if (repeats.length !== shape.length || repeats.some((one) => one < 0 || !Number.isInteger(one)))
        throw step.error("ERR_SHAPE", `repeats: expected ${shape.length} sizes; got ${repeats.join(", ")}.`);
      step.apart(
        shape,
        repeats.flatMap((one, axis) => (one === 1 ? [] : [axis])),
      );
      return [{ kind, shape: shape.map((size, i) => (size === TIME ? size : size * repeats[i])) }];
    },
    emit: (step, to) => {
      const repeats = [...(step.known(1, "repeats") as Elements)];
      if (repeats.every((one) => one === 1)) to.rename(step);
      else to.node(step, "tile", [step.input(0)], { repeats });
    },
  },
  (step, { shape }) => {
    const x = step.input(0).shape;
    const strides = stridesOf(x);
    const index = stridesOf(shape);
    return Float64Array.from({ length: elements(shape) }, (_, i) =>
      index.reduce((sum, stride, axis) => sum + (Math.floor(i / stride) % x[axis]) * strides[axis], 0),
    );
  },
);

export const MOVES: Readonly<Record<string, OnnxOp>> = {
  Transpose: transpose,
  Slice: slice,
  Gather: gather,
  Split: split,
  Concat: concat,
  Expand: expand,
  Tile: tile,
};
