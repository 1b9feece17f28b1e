/** Convolutions and pools: one or two axes behind (1, channels). */

import type { Node } from "../../model.ts";
import type { Window } from "../../reference/graph/conv.ts";
import { type AttrRule, type Attrs, type Op, type Refuse, type Shaped, SIZE } from "../op.ts";
import { GRAPH_FUNCTIONS } from "./functions.ts";
import { lowerConv, lowerConvTranspose, lowerPool } from "./lower-window.ts";
import type { GraphLowering } from "./lowering.ts";
import { INTEGERS, integers, numbers, oneInput, perAxis } from "./shape.ts";
import { windowOf } from "./window-attrs.ts";

const LIST: AttrRule = { ...INTEGERS, optional: true };

const WINDOW: Readonly<Record<string, AttrRule>> = { kernel: INTEGERS, stride: LIST, dilation: LIST, padding: LIST };

const CONV: Readonly<Record<string, AttrRule>> = {
  ...WINDOW,
  inChannels: SIZE,
  outChannels: SIZE,
  groups: { ...SIZE, default: 1 },
  bias: { kind: "boolean", default: true, from: ["bias"] },
  activation: { kind: "functions", known: GRAPH_FUNCTIONS, optional: true },
};

/** Elements that the window covers along an axis. */
const extent = ({ kernel, dilation }: Window, axis: number) => (kernel[axis] - 1) * dilation[axis] + 1;

/** (1, channels, …) with as many axes behind as the kernel has. */
function inputOf(
  node: Node,
  inputs: readonly (Shaped | undefined)[],
  refuse: Refuse,
  channels?: number,
): readonly number[] {
  const { shape } = oneInput(node, inputs, refuse, "F32");
  const rank = integers(node.attrs.kernel).length;
  if (rank < 1 || rank > 2) refuse("a kernel of 1 or 2 axes", rank);
  const fits = shape.length === rank + 2 && shape[0] === 1 && (channels ?? shape[1]) === shape[1];
  if (!fits) refuse(`(1, ${channels ?? "channels"}${", size".repeat(rank)})`, `(${shape})`);
  return shape;
}

function slid(shape: readonly number[], window: Window, channels: number, refuse: Refuse): readonly number[] {
  const rank = window.kernel.length;
  const sizes = window.kernel.map((_, axis) => {
    const size = shape[2 + axis] + window.padding[axis] + window.padding[rank + axis];
    const covered = extent(window, axis);
    return size < covered
      ? refuse(`axis ${2 + axis} of ${covered} or more with its padding`, size)
      : Math.floor((size - covered) / window.stride[axis]) + 1;
  });
  return [1, channels, ...sizes];
}

function checkGroups(attrs: Attrs, refuse: Refuse): void {
  const { groups, inChannels, outChannels } = attrs as Record<string, number>;
  if (inChannels % groups || outChannels % groups)
    refuse(`inChannels and outChannels that ${groups} groups divide`, `${inChannels} and ${outChannels}`);
}

const tensorsOf = (attrs: Attrs, rows: number, columns: number) => [
  { suffix: "weight", shape: [rows, columns / (attrs.groups as number), ...integers(attrs.kernel)] },
  ...(attrs.bias ? [{ suffix: "bias", shape: [attrs.outChannels as number] }] : []),
];

type ShapeRule = NonNullable<Op["shape"]>;

const convShape: ShapeRule = (node, inputs, refuse) => {
  checkGroups(node.attrs, refuse);
  const x = inputOf(node, inputs, refuse, node.attrs.inChannels as number);
  return numbers(slid(x, windowOf(node.attrs, refuse), node.attrs.outChannels as number, refuse));
};

export const conv: Op = {
  attrs: CONV,
  tensors: (attrs) => tensorsOf(attrs, attrs.outChannels as number, attrs.inChannels as number),
  shape: convShape,
  lower: lowerConv,
};

const transposeShape: ShapeRule = (node, inputs, refuse) => {
  const { attrs } = node;
  checkGroups(attrs, refuse);
  const x = inputOf(node, inputs, refuse, attrs.inChannels as number);
  const window = windowOf(attrs, refuse);
  const rank = window.kernel.length;
  const more = perAxis(attrs.outputPadding, rank, refuse, "outputPadding", 0, 0);
  const sizes = window.stride.map((stride, axis) => {
    if (more[axis] >= Math.max(stride, window.dilation[axis]))
      refuse("outputPadding less than stride or dilation", more[axis]);
    const size =
      (x[2 + axis] - 1) * stride +
      extent(window, axis) +
      more[axis] -
      window.padding[axis] -
      window.padding[rank + axis];
    return size < 1 ? refuse(`padding that leaves something of axis ${2 + axis}`, size) : size;
  });
  return numbers([1, attrs.outChannels as number, ...sizes]);
};

export const convTranspose: Op = {
  attrs: { ...CONV, outputPadding: LIST },
  tensors: (attrs) => tensorsOf(attrs, attrs.inChannels as number, attrs.outChannels as number),
  shape: transposeShape,
  lower: lowerConvTranspose,
};

const poolShape: ShapeRule = (node, inputs, refuse) => {
  const x = inputOf(node, inputs, refuse);
  const window = windowOf(node.attrs, refuse);
  const rank = window.kernel.length;
  // A window that sees nothing but padding has neither a largest element nor a mean.
  window.padding.forEach((padding, i) => {
    const covered = extent(window, i % rank);
    if (padding >= covered) refuse(`padding less than the ${covered} elements of the window`, padding);
  });
  return numbers(slid(x, window, x[1], refuse));
};

function pooling(mean: boolean): Op {
  return {
    attrs: { ...WINDOW, ...(mean && { countIncludePad: { kind: "boolean", default: false } as AttrRule }) },
    shape: poolShape,
    lower: (to: GraphLowering, node) => lowerPool(to, node, mean),
  };
}

export const maxPool = pooling(false);
export const avgPool = pooling(true);
