/** What moves elements and changes none. */

import { tensorKey } from "../../model.ts";
import { broadcast } from "../../reference/graph/tensor.ts";
import { elements } from "../../tensor.ts";
import { type Op, type Shaped, SIZE } from "../op.ts";
import {
  lowerConcat,
  lowerExpand,
  lowerGather,
  lowerPad,
  lowerScatter,
  lowerSlice,
  lowerTile,
  lowerTranspose,
} from "./lower-move.ts";
import type { GraphLowering } from "./lowering.ts";
import { AXIS, alike, axisOf, INTEGERS, inputsOf, integers, numbers, oneInput, perAxis } from "./shape.ts";
import { support } from "./support.ts";

/** A value that the file holds. */
export const constant: Op = {
  attrs: { shape: INTEGERS, dtype: { kind: ["F32", "I32"], default: "F32" } },
  tensors: ({ shape, dtype }) => [{ suffix: "value", shape: integers(shape), dtype: dtype as Shaped["dtype"] }],
  shape(node, inputs, refuse) {
    inputsOf(node, inputs, refuse, [0, 0]);
    return [
      {
        shape: perAxis(node.attrs.shape, integers(node.attrs.shape).length, refuse, "shape", 1),
        dtype: node.attrs.dtype as Shaped["dtype"],
      },
    ];
  },
  graph: support,
  lower: (to: GraphLowering, { name, outputs }) => to.constant(outputs[0], tensorKey(name, "value")),
};

/** The same elements under another shape: no copy. */
export const reshape: Op = {
  attrs: { shape: INTEGERS },
  shape(node, inputs, refuse) {
    const x = oneInput(node, inputs, refuse);
    const shape = perAxis(node.attrs.shape, integers(node.attrs.shape).length, refuse, "shape", 1);
    if (elements(shape) !== elements(x.shape)) refuse(`a shape of ${elements(x.shape)} elements`, `(${shape})`);
    return [{ ...x, shape }];
  },
  lower: (to, { inputs, outputs }) => to.alias(outputs[0], inputs[0]),
};

export const transpose: Op = {
  attrs: { perm: INTEGERS },
  shape(node, inputs, refuse) {
    const { shape, dtype } = oneInput(node, inputs, refuse);
    const perm = perAxis(node.attrs.perm, shape.length, refuse, "perm");
    if ([...perm].sort((a, b) => a - b).some((axis, i) => axis !== i)) refuse("each axis once", `perm (${perm})`);
    return [{ shape: perm.map((axis) => shape[axis]), dtype }];
  },
  lower: lowerTranspose,
};

/** Of each axis: from `starts`, `sizes` elements, `steps` apart; a negative step walks back. */
export const slice: Op = {
  attrs: { starts: INTEGERS, steps: { ...INTEGERS, optional: true }, sizes: INTEGERS },
  shape(node, inputs, refuse) {
    const { shape, dtype } = oneInput(node, inputs, refuse);
    const starts = perAxis(node.attrs.starts, shape.length, refuse, "starts", 0);
    const steps = perAxis(node.attrs.steps, shape.length, refuse, "steps", -Infinity, 1);
    const sizes = perAxis(node.attrs.sizes, shape.length, refuse, "sizes", 1);
    shape.forEach((size, axis) => {
      const last = starts[axis] + steps[axis] * (sizes[axis] - 1);
      if (starts[axis] >= size || last < 0 || last >= size)
        refuse(`elements 0 … ${size - 1} of axis ${axis}`, `${starts[axis]} … ${last}`);
    });
    return [{ shape: sizes, dtype }];
  },
  lower: lowerSlice,
};

export const pad: Op = {
  attrs: {
    pads: INTEGERS,
    mode: { kind: ["constant", "reflect"], default: "constant" },
    value: { kind: "real", default: 0 },
  },
  shape(node, inputs, refuse) {
    const { shape, dtype } = oneInput(node, inputs, refuse);
    const rank = shape.length;
    const pads = perAxis(node.attrs.pads, 2 * rank, refuse, "pads", 0);
    shape.forEach((size, axis) => {
      const most = Math.max(pads[axis], pads[rank + axis]);
      if (node.attrs.mode === "reflect" && most >= size)
        refuse(`pads ≤ ${size - 1} for axis ${axis} in mode reflect`, most);
    });
    return [{ shape: shape.map((size, axis) => pads[axis] + size + pads[rank + axis]), dtype }];
  },
  lower: lowerPad,
};

export const concat: Op = {
  attrs: { axis: { ...AXIS, optional: true } },
  several: true,
  shape(node, inputs, refuse) {
    const all = inputsOf(node, inputs, refuse, [1, Infinity]);
    const [{ shape }] = all;
    const axis = axisOf(node.attrs.axis, shape.length, refuse);
    for (const one of all) {
      if (one.shape.length !== shape.length || one.shape.some((size, a) => a !== axis && size !== shape[a]))
        refuse(`shapes that differ along axis ${axis} only`, all.map((value) => `(${value.shape})`).join(" and "));
    }
    const total = all.reduce((sum, one) => sum + one.shape[axis], 0);
    return [{ shape: shape.map((size, a) => (a === axis ? total : size)), dtype: alike(all, refuse) }];
  },
  lower: lowerConcat,
};

export const expand: Op = {
  attrs: { shape: INTEGERS },
  shape(node, inputs, refuse) {
    const { shape, dtype } = oneInput(node, inputs, refuse);
    const wanted = perAxis(node.attrs.shape, integers(node.attrs.shape).length, refuse, "shape", 1);
    const got = broadcast(shape, wanted) ?? refuse(`a shape that (${shape}) broadcasts to`, `(${wanted})`);
    return [{ shape: got, dtype }];
  },
  lower: lowerExpand,
};

export const tile: Op = {
  attrs: { repeats: INTEGERS },
  shape(node, inputs, refuse) {
    const { shape, dtype } = oneInput(node, inputs, refuse);
    const repeats = perAxis(node.attrs.repeats, shape.length, refuse, "repeats", 1);
    return [{ shape: shape.map((size, axis) => size * repeats[axis]), dtype }];
  },
  lower: lowerTile,
};

/** Ids that are constant are checked here; those that the graph computes, before the state is touched (STATUS_ID). */
export const gather: Op = {
  attrs: { axis: { ...AXIS, default: 0 } },
  several: true,
  shape(node, inputs, refuse) {
    const [x, ids] = inputsOf(node, inputs, refuse, [2, 2]);
    if (ids.dtype !== "I32") refuse(`"${node.inputs[1]}" of I32`, ids.dtype);
    const axis = axisOf(node.attrs.axis, x.shape.length, refuse);
    const n = x.shape[axis];
    const wrong = ids.tensor && Array.from(ids.tensor.data as Int32Array).find((id) => id < -n || id >= n);
    if (wrong !== undefined) refuse(`ids of ${-n} … ${n - 1}`, wrong);
    return [{ shape: [...x.shape.slice(0, axis), ...ids.shape, ...x.shape.slice(axis + 1)], dtype: x.dtype }];
  },
  lower: lowerGather,
};

/** Rows of a table: the core's, for ids of any shape. */
export const embedding: Op = {
  attrs: { numEmbeddings: { ...SIZE, from: ["weight", 0] }, embeddingDim: { ...SIZE, from: ["weight", 1] } },
  ids: true,
  tensors: ({ numEmbeddings, embeddingDim }) => [
    { suffix: "weight", shape: [numEmbeddings as number, embeddingDim as number] },
  ],
  shape: (node, inputs, refuse) => {
    const ids = oneInput(node, inputs, refuse, "I32");
    // The core's one id is a row of numbers.
    return numbers([...ids.shape, node.attrs.embeddingDim as number]);
  },
  lower: lowerGather,
};

/** A cache with new entries: `update` over it, from `starts` of each axis. */
export const scatterCache: Op = {
  attrs: { starts: INTEGERS },
  shape(node, inputs, refuse) {
    const [cache, update] = inputsOf(node, inputs, refuse, [2, 2]);
    const starts = perAxis(node.attrs.starts, cache.shape.length, refuse, "starts", 0);
    const fits =
      update.shape.length === starts.length &&
      starts.every((start, axis) => start + update.shape[axis] <= cache.shape[axis]);
    if (!fits) refuse(`an update within (${cache.shape}) from (${starts})`, `(${update.shape})`);
    return [{ shape: cache.shape, dtype: alike([cache, update], refuse) }];
  },
  lower: lowerScatter,
};
