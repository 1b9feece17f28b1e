/** Operators that take axes together: ReduceMean, ReduceSum, ReduceMax and their kin; ArgMax, TopK; and ScatterND as a cache write. */

import { stridesOf } from "../../reference/graph/tensor.ts";
import { elements } from "../../tensor.ts";
import type { OnnxOp, Step } from "./step.ts";
import { type Elements, newElements, placesOf, resized, type Value } from "./value.ts";

/** The axes that are taken together, of an attribute or (ReduceSum from opset 13, the others from 18) an input; all if none. */
function axesOf(step: Step): number[] {
  const { shape } = step.input(0);
  const given = step.knownInts(1, "axes") ?? [];
  const none = step.int("noop_with_empty_axes", 0, 0, 1) === 1;
  const axes = given.length > 0 ? step.axes(given, shape.length) : none ? [] : shape.map((_, i) => i);
  return axes.sort((a, b) => a - b);
}

const keeps = (step: Step) => step.int("keepdims", 1, 0, 1) === 1;

function reducedShape(shape: readonly number[], axes: readonly number[], keep: boolean): number[] {
  return keep ? shape.map((size, i) => (axes.includes(i) ? 1 : size)) : shape.filter((_, i) => !axes.includes(i));
}

/** From the left, from a start; `mean` divides by the count. */
const REDUCTIONS: Readonly<
  Record<string, readonly [op: string | undefined, start: number, f: (a: number, b: number) => number]>
> = {
  ReduceMean: ["mean", 0, (a, b) => a + b],
  ReduceSum: ["sum", 0, (a, b) => a + b],
  ReduceMax: ["max", -Infinity, Math.max],
  ReduceMin: [undefined, Infinity, Math.min],
  ReduceProd: [undefined, 1, (a, b) => a * b],
};

const reduction = (name: string): OnnxOp => {
  const [op, start, f] = REDUCTIONS[name];
  return {
    inputs: [1, 2],
    attrs: ["axes", "keepdims", "noop_with_empty_axes"],
    infer: (step) => {
      const { kind, shape } = step.input(0);
      const axes = axesOf(step);
      if (kind === "BOOL" || (kind === "I32" && name === "ReduceMean"))
        throw step.error("ERR_DTYPE", `expected floats; got ${kind}.`);
      step.apart(shape, axes);
      return [{ kind, shape: reducedShape(shape, axes, keeps(step)) }];
    },
    fold: (step, [{ kind, shape: out }]) => {
      const { shape, data } = step.input(0);
      const axes = axesOf(step);
      const kept = reducedShape(shape, axes, true);
      const strides = stridesOf(kept).map((stride, i) => (axes.includes(i) ? 0 : stride));
      const sums = new Float64Array(elements(kept)).fill(start);
      placesOf(shape, strides).forEach((place, i) => {
        const x = (data as Elements)[i];
        if (x === Infinity && kind === "I32") step.apart([x], [0]);
        sums[place] = f(sums[place], x);
      });
      const count = name === "ReduceMean" ? elements(shape) / elements(kept) : 1;
      const result = newElements(kind, elements(out));
      result.set(sums.map((sum) => sum / count));
      return [result];
    },
    emit: (step, to) => {
      const x = step.input(0);
      const axes = axesOf(step);
      if (axes.every((axis) => to.shape(x)[axis] === 1)) to.rename(step);
      else if (op === undefined || x.kind !== "F32") {
        const got = `computed ${x.kind === "F32" ? "numbers" : "integers"}`;
        throw step.error("ERR_UNSUPPORTED_OP", `expected what is known before it runs; got ${got}.`);
      } else to.node(step, op, [x], { axes, keepdim: keeps(step) });
    },
  };
};

const argMax: OnnxOp = {
  inputs: [1, 1],
  attrs: ["axis", "keepdims", "select_last_index"],
  infer: (step) => {
    const { shape } = step.input(0);
    const axis = step.axisSaid(0);
    step.apart(shape, [axis]);
    step.int("select_last_index", 0, 0, 0);
    return [{ kind: "I32", shape: reducedShape(shape, [axis], keeps(step)) }];
  },
  emit: (step, to) => {
    const axis = step.axisSaid(0);
    to.node(step, "argMax", [step.input(0)], { axis, keepdim: keeps(step) });
  },
};

/** k: an attribute before opset 10, an input after. */
function topKOf(step: Step): { k: number; axis: number; largest: boolean } {
  const { shape } = step.input(0);
  const axis = step.axisSaid(-1);
  const k = step.has("k") ? step.int("k", 0) : ((step.known(1, "k") as Elements)?.[0] ?? 0);
  step.apart(shape, [axis]);
  if (!(Number.isInteger(k) && k >= 1 && k <= shape[axis]))
    throw step.error("ERR_SHAPE", `k: expected 1 … ${shape[axis]}; got ${k}.`);
  step.int("sorted", 1, 1, 1);
  return { k, axis, largest: step.int("largest", 1, 0, 1) === 1 };
}

const topK: OnnxOp = {
  inputs: [1, 2],
  outputs: 2,
  attrs: ["axis", "k", "largest", "sorted"],
  infer: (step) => {
    const { axis, k } = topKOf(step);
    const shape = resized(step.input(0).shape, axis, k);
    return [
      { kind: "F32", shape },
      { kind: "I32", shape },
    ];
  },
  emit: (step, to) => to.layer(step, "topK", [step.input(0)], { ...topKOf(step) }, [], step.outputs),
};

/** Where the indices say that a block of the cache, one step apart in every axis, is written over: its first place. */
function blockOf(step: Step): number[] {
  const [cache, indices, updates] = [step.input(0), step.input(1), step.input(2)];
  const places = step.known(1, "indices") as Elements;
  const depth = indices.shape[indices.shape.length - 1] ?? 0;
  const lead = indices.shape.slice(0, -1);
  const { shape } = cache;
  const wrong = () =>
    step.error("ERR_UNSUPPORTED_OP", "expected indices of one block of the data, in its order; got others.");
  if (depth !== lead.length || depth > shape.length || `${updates.shape}` !== `${[...lead, ...shape.slice(depth)]}`)
    throw wrong();
  if (cache.kind !== updates.kind || places.length === 0) throw wrong();
  const starts = shape.map((_, axis) =>
    axis < depth ? (places[axis] < 0 ? places[axis] + shape[axis] : places[axis]) : 0,
  );
  const strides = stridesOf(lead);
  for (let i = 0; i < places.length; i++) {
    const axis = i % depth;
    const at = starts[axis] + (Math.floor(Math.floor(i / depth) / strides[axis]) % lead[axis]);
    const place = places[i] < 0 ? places[i] + shape[axis] : places[i];
    if (place !== at || at < 0 || at >= shape[axis]) throw wrong();
  }
  return starts;
}

const scatter: OnnxOp = {
  since: 11,
  inputs: [3, 3],
  attrs: ["reduction"],
  infer: (step) => {
    const { kind, shape } = step.input(0);
    step.word("reduction", "none");
    blockOf(step);
    return [{ kind, shape }];
  },
  emit: (step, to) => {
    const starts = blockOf(step);
    const [cache, , updates] = step.inputs as Value[];
    if (`${updates.shape}` === `${cache.shape}`) to.same(step, updates);
    else to.node(step, "scatterCache", [cache, updates], { starts });
  },
};

export const REDUCERS: Readonly<Record<string, OnnxOp>> = {
  ...Object.fromEntries(Object.keys(REDUCTIONS).map((name) => [name, reduction(name)])),
  ArgMax: argMax,
  TopK: topK,
  ScatterND: scatter,
};
