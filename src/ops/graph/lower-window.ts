/**
 * Convolutions and pools → records. Where a row of outputs is long, places are the vectors: each output is a sum of taps over
 * rows of x (assembly/graph/taps.ts), which lie contiguous once x is padded and, under a stride, dealt out into as many
 * phases. Where rows are short, output channels are the vectors: each place is a product of its window with packed weights.
 * The order of additions is the same: bias, then channels, then kernel places, ascending.
 */

import { B_DIV, OP_BINARY, OP_POOL, OP_UNARY } from "../../../assembly/abi.ts";
import { type ActivationSpec, type Node, tensorKey } from "../../model.ts";
import { paddedBytes, type Rows } from "../../program.ts";
import { elements } from "../../tensor.ts";
import { floatBits } from "../functions.ts";
import { graphFunctionWords } from "./functions.ts";
import { products, taps } from "./lower-product.ts";
import type { GraphLowering } from "./lowering.ts";
import { axesOf, fill, move, shifted, stepsOf } from "./nest.ts";
import { windowOf } from "./window-attrs.ts";

/** From this many places in a row on, places are the vectors. */
const LONG_ROW = 8;

/** One node in two axes: [height, width] of everything. */
interface Frame {
  readonly channels: number;
  readonly size: readonly [number, number];
  readonly out: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Before the first element. */
  readonly begin: readonly [number, number];
  readonly end: readonly [number, number];
}

/** An axis that does nothing goes before the only one; columns of width one are turned into rows. */
function frameOf(to: GraphLowering, { inputs, outputs, attrs }: Node): Frame {
  const [, channels, ...size] = to.shaped(inputs[0]).shape;
  const out = to.shaped(outputs[0]).shape.slice(2);
  const { kernel, stride, dilation, padding } = windowOf(attrs);
  const rank = kernel.length;
  // With padding before it, the one column may not be the one that a window sees.
  const flat = rank === 1 || (size[1] === 1 && out[1] === 1 && kernel[1] === 1 && padding[1] === 0);
  const two = (list: readonly number[], none: number): [number, number] =>
    flat ? [none, list[0]] : [list[0], list[1]];
  return {
    channels,
    size: two(size, 1),
    out: two(out, 1),
    kernel: two(kernel, 1),
    stride: two(stride, 1),
    dilation: two(dilation, 1),
    begin: two(padding.slice(0, rank), 0),
    end: two(padding.slice(rank), 0),
  };
}

/** x with its padding, the columns dealt out into `phases` rows: element (c, h, w) at c · plane + h · row + (w mod phases) · phase + ⌊w / phases⌋. */
interface Field {
  readonly rows: Pick<Rows, "place" | "stride">;
  readonly plane: number;
  readonly row: number;
  readonly phase: number;
  readonly phases: number;
}

/**
 * @param size - with the padding
 * @param gaps - from one element to the next: 1, or the stride of a transposed convolution
 * @param begin - where element 0 comes to stand; negative where a transposed convolution crops it
 */
function fieldOf(
  to: GraphLowering,
  x: Rows,
  { channels, size: [height, width] }: Pick<Frame, "channels" | "size">,
  size: readonly [number, number],
  begin: readonly [number, number],
  gaps: readonly [number, number],
  phases: number,
  filler = 0,
): Field {
  const from = stepsOf([channels, height, width]);
  if (phases === 1 && size[0] === height && size[1] === width && begin[0] === 0 && begin[1] === 0) {
    return { rows: x, plane: from[0], row: from[1], phase: from[1], phases };
  }
  const phase = Math.ceil(size[1] / phases) * 4;
  const row = phase * phases;
  const plane = size[0] * row;
  const y = to.define(to.fresh(), (channels * plane) / 4);
  fill(to, y, y.size, floatBits(filler));
  /** Elements of an axis that come to stand in phase p of `count`: the first, their distance, how many, and where the first stands. */
  const dealt = (axis: 0 | 1, n: number, p: number, count: number) => {
    const all = Array.from({ length: n }, (_, i) => i * gaps[axis] + begin[axis]);
    const ours = [...all.keys()].filter((i) => all[i] >= 0 && all[i] < size[axis] && all[i] % count === p);
    const [first = 0, second = first + 1] = ours;
    const place = (i: number) => Math.floor((all[i] ?? 0) / count);
    return {
      first,
      step: second - first,
      count: ours.length,
      at: place(first),
      gap: ours.length > 1 ? place(second) - place(first) : 1,
    };
  };
  const h = dealt(0, height, 0, 1);
  for (let p = 0; p < phases; p++) {
    const w = dealt(1, width, p, phases);
    if (w.count === 0 || h.count === 0) continue;
    const axes = axesOf(
      [channels, h.count, w.count],
      [plane, h.gap * row, w.gap * 4],
      [from[0], h.step * from[1], w.step * 4],
    );
    move(to, y, h.at * row + p * phase + w.at * 4, x, h.first * from[1] + w.first * 4, axes);
  }
  return { rows: y, plane, row, phase, phases };
}

/** Where each tap of the window looks, for `channels` of them. */
function offsetsOf(
  { plane, row, phase, phases }: Field,
  { kernel, dilation }: Pick<Frame, "kernel" | "dilation">,
  channels: number,
): number[] {
  const offsets: number[] = [];
  for (let c = 0; c < channels; c++) {
    for (let kh = 0; kh < kernel[0]; kh++) {
      for (let kw = 0; kw < kernel[1]; kw++) {
        const w = kw * dilation[1];
        offsets.push(c * plane + kh * dilation[0] * row + (w % phases) * phase + Math.floor(w / phases) * 4);
      }
    }
  }
  return offsets;
}

const withPadding = ({ size, begin, end }: Frame): [number, number] => [
  size[0] + begin[0] + end[0],
  size[1] + begin[1] + end[1],
];

export function lowerConv(to: GraphLowering, node: Node): void {
  const { name, inputs, outputs, attrs } = node;
  const frame = frameOf(to, node);
  const { kernel, stride, dilation, out, begin, channels } = frame;
  const { outChannels, groups } = attrs as Record<string, number>;
  const x = to.value(inputs[0]);
  const y = to.define(outputs[0], outChannels * elements(out));
  const perGroup = outChannels / groups;
  const k = (channels / groups) * elements(kernel);
  const long = out[1] >= LONG_ROW || perGroup < LONG_ROW;
  const [weight, bias] = ["weight", "bias"].map((suffix) => tensorKey(name, suffix));
  const field = fieldOf(to, x, frame, withPadding(frame), begin, [1, 1], long ? stride[1] : 1);
  if (long) {
    // A kernel of one place keeps rows whole: all of them are one.
    const plain = elements(kernel) === 1 && stride[0] === 1 && field.row === out[1] * 4;
    taps(to, {
      y,
      x: field.rows,
      a: { place: to.tensor(weight, outChannels * k), stride: 0 },
      bias: attrs.bias ? to.tensor(bias, outChannels) : 0,
      offsets: to.integers(offsetsOf(field, frame, channels / groups)),
      k,
      outputs: perGroup,
      groups,
      xGroup: (channels / groups) * field.plane,
      aGroup: perGroup * k * 4,
      rows: plain ? 1 : out[0],
      xRow: stride[0] * field.row,
      places: plain ? elements(out) : out[1],
    });
  } else {
    const places = elements(out);
    const steps = [stride[0] * field.row, stride[1] * 4, field.plane, dilation[0] * field.row, dilation[1] * 4];
    for (let g = 0; g < groups; g++) {
      const counts = [...out, channels / groups, ...kernel];
      const axes = axesOf(counts, stepsOf(counts), steps);
      const own = {
        place: shifted(field.rows.place, ((g * channels) / groups) * field.plane),
        stride: field.rows.stride,
      };
      // One channel whose window moves along a row: the windows stand in x as they are.
      const whole = k === 1 || axes.slice(2).every(({ count, steps: [into, from] }) => count === 1 || into === from);
      const direct = whole && (places === 1 || out[0] === 1);
      const windows = direct ? own : to.define(to.fresh(), places * k);
      if (!direct) move(to, windows, 0, own, 0, axes);
      const one = groups === 1 && places === 1;
      const target = one ? y : to.define(to.fresh(), (places * paddedBytes(perGroup)) / 4);
      const numbers = {
        weight,
        bias: attrs.bias ? bias : undefined,
        firstRow: g * perGroup,
        size: perGroup,
        k,
        count: places,
      };
      const got = products(to, target, windows, { ...numbers, xInner: direct ? steps[1] : k * 4 });
      if (!one) {
        const from = paddedBytes(perGroup);
        move(to, y, g * perGroup * places * 4, got, 0, axesOf([perGroup, places], [places * 4, 4], [4, from]));
      }
    }
  }
  activate(to, y, node);
}

/** A convolution over x with gaps between its elements, the kernel turned around. */
export function lowerConvTranspose(to: GraphLowering, node: Node): void {
  const { name, inputs, outputs, attrs } = node;
  const frame = frameOf(to, node);
  const { kernel, stride, dilation, out, begin, channels } = frame;
  const { outChannels, groups } = attrs as Record<string, number>;
  const x = to.value(inputs[0]);
  const y = to.define(outputs[0], outChannels * elements(out));
  const reach = [dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)];
  const size: [number, number] = [out[0] + reach[0], out[1] + reach[1]];
  const field = fieldOf(to, x, frame, size, [reach[0] - begin[0], reach[1] - begin[1]], stride, 1);
  const [inputsOf, outputsOf] = [channels / groups, outChannels / groups];
  const area = elements(kernel);
  const k = inputsOf * area;
  // weight (I, O / groups, kh, kw) → (O, I / groups, kh, kw), kernels from their last place to their first.
  const weights = { place: to.weights(outChannels * k * 4), stride: 0 };
  const counts = [groups, outputsOf, inputsOf, ...kernel];
  const from = [inputsOf * outputsOf * area * 4, area * 4, outputsOf * area * 4, -kernel[1] * 4, -4];
  const source = { place: to.matrix(tensorKey(name, "weight"), outChannels * k), stride: 0 };
  const once: GraphLowering = { ...to, emit: to.once };
  move(once, weights, 0, source, (area - 1) * 4, axesOf(counts, stepsOf(counts), from));
  taps(to, {
    y,
    x: field.rows,
    a: weights,
    bias: attrs.bias ? to.tensor(tensorKey(name, "bias"), outChannels) : 0,
    offsets: to.integers(offsetsOf(field, frame, inputsOf)),
    k,
    outputs: outputsOf,
    groups,
    xGroup: inputsOf * field.plane,
    aGroup: outputsOf * k * 4,
    rows: out[0],
    xRow: field.row,
    places: out[1],
  });
  activate(to, y, node);
}

export function lowerPool(to: GraphLowering, node: Node, mean: boolean): void {
  const frame = frameOf(to, node);
  const { kernel, stride, dilation, out, size, begin, channels } = frame;
  const x = to.value(node.inputs[0]);
  const y = to.define(node.outputs[0], channels * elements(out));
  const field = fieldOf(to, x, frame, withPadding(frame), begin, [1, 1], stride[1], mean ? 0 : -Infinity);
  const offsets = to.integers(offsetsOf(field, frame, 1));
  const { place, stride: rowStride } = field.rows;
  const area = elements(kernel);
  // How many elements of x each window sees along an axis, where padding is none.
  const seen = [0, 1].map((axis) =>
    Array.from({ length: out[axis] }, (_, p) => {
      const at = Array.from({ length: kernel[axis] }, (_, i) => p * stride[axis] - begin[axis] + i * dilation[axis]);
      return at.filter((i) => i >= 0 && i < size[axis]).length;
    }),
  );
  const counts = seen[0].flatMap((h) => seen[1].map((w) => h * w));
  const uneven = mean && !node.attrs.countIncludePad && counts.some((count) => count !== area);
  const over = mean && !uneven ? area : 1;
  to.emit(
    OP_POOL,
    y.place,
    y.stride,
    place,
    rowStride,
    channels,
    field.plane,
    out[0],
    stride[0] * field.row,
    out[1],
    area,
    offsets,
    mean ? over : 0,
  );
  if (!uneven) return;
  const divisors = to.integers(counts.map((count) => floatBits(count)));
  const places = elements(out);
  to.emit(
    OP_BINARY,
    y.place,
    y.stride,
    y.place,
    y.stride,
    divisors,
    0,
    B_DIV,
    2,
    channels,
    places * 4,
    0,
    places,
    4,
    4,
  );
}

function activate(to: GraphLowering, y: Rows, { attrs }: Node): void {
  const [f] = (attrs.activation ?? []) as readonly ActivationSpec[];
  if (f !== undefined) to.emit(OP_UNARY, y.place, y.stride, y.place, y.stride, y.size, ...graphFunctionWords(f));
}
