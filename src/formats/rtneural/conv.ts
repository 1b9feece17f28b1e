/**
 * RTNeural's convolutions → operators of graphs. A convolution over time sees the present and the past: what is past is a
 * state of the stream, zero at first, which each step moves on by one (Conv1D, Conv2D of RTNeural). Where the sizes in the file
 * say that time gets shorter, it is one over whole frames (Conv1DStateless), and the model's input is such a frame.
 */

import { ModelError } from "../../errors.ts";
import type { LayerSpec } from "../../layers.ts";
import type { StateInfo } from "../../model.ts";
import { MAX_SIZE } from "../../ops/op.ts";
import { elements, type Tensor } from "../../tensor.ts";
import { type Field, show } from "../json.ts";
import { f32, numbers } from "../nested.ts";

/** A chain of layers as it grows. */
export interface Chain {
  readonly layers: LayerSpec[];
  readonly tensors: Tensor[];
  readonly states: StateInfo[];
  /** Of a row of its output so far: (C); of frames (L, C); behind a conv2d (features, C). */
  shape: number[];
  /** The whole of the axis of time stands in a row. */
  readonly frames: boolean;
}

/** The last element of a shape; those before it are time and batch, null or whatever the exporter saw. */
export function lastSize(field: Field): number {
  const last = field.items().at(-1);
  if (last === undefined) throw field.error("one size or more");
  return sizeOf(last);
}

function sizeOf(field: Field): number {
  const size = field.integer(1);
  if (size > MAX_SIZE) throw field.as("ERR_LIMIT").error(`at most ${MAX_SIZE}`);
  return size;
}

/** The size before the last, where the file says it. */
export function timeOf(field: Field): number | undefined {
  const time = field.items().at(-2)?.value;
  return typeof time === "number" ? time : undefined;
}

export const endOf = ({ layers }: Chain): string => (layers.at(-1)?.name as string | undefined) ?? "input";

interface Convolution {
  readonly kernel: readonly number[];
  readonly dilation: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly groups: number;
  readonly inChannels: number;
  readonly outChannels: number;
}

/** The layer, its weight from Keras' order (…kernel, I / groups, O) to (O, I / groups, …kernel), and its bias if it has one. */
function append(chain: Chain, name: string, input: string, conv: Convolution, weights: readonly Field[]): void {
  const { kernel, groups, inChannels, outChannels: O } = conv;
  const I = inChannels / groups;
  const taps = elements(kernel);
  const from = numbers(weights[0], [...kernel, I, O]);
  const to = new Float32Array(from.length);
  for (let k = 0; k < taps; k++)
    for (let i = 0; i < I; i++) for (let o = 0; o < O; o++) to[(o * I + i) * taps + k] = from[(k * I + i) * O + o];
  const bias = weights.length === 2 ? [f32(`${name}.bias`, [O], numbers(weights[1], [O]))] : [];
  chain.layers.push({ type: "conv", name, inputs: [input], ...conv, bias: bias.length > 0 });
  chain.tensors.push(f32(`${name}.weight`, [O, I, ...kernel], to), ...bias);
}

/** The past of a value (1, C, 1, …) before it, along axis 2: the name of both together. */
function withPast(chain: Chain, name: string, input: string, shape: readonly number[], past: number): string {
  if (past === 0) return input;
  const [cache, window, next] = ["cache", "window", "next"].map((part) => `${name}.${part}`);
  const sizes = shape.map((size, axis) => (axis === 2 ? past : size));
  chain.states.push({ name: cache, shape: sizes, input: cache, output: next });
  chain.layers.push(
    { type: "concat", name: window, inputs: [cache, input], axis: 2 },
    { type: "slice", name: next, inputs: [window], starts: sizes.map((_, axis) => (axis === 2 ? 1 : 0)), sizes },
  );
  return window;
}

/** How many steps before the present a kernel reaches. */
function pastOf(field: Field, kernel: number, dilation: number, width: number): number {
  const past = (kernel - 1) * dilation;
  if (past * width > MAX_SIZE) throw field.as("ERR_LIMIT").error(`a past of at most ${MAX_SIZE} numbers`);
  return past;
}

interface Conv1dFields {
  readonly shape: Field;
  readonly kernel_size: Field;
  readonly dilation: Field;
  readonly groups?: Field;
}

export function appendConv1d(chain: Chain, name: string, fields: Conv1dFields, weights: readonly Field[]): void {
  const kernel = lastSize(fields.kernel_size);
  const dilation = lastSize(fields.dilation);
  const groups = fields.groups ? sizeOf(fields.groups) : 1;
  const O = lastSize(fields.shape);
  const C = chain.shape[chain.shape.length - 1];
  if (C % groups !== 0 || O % groups !== 0)
    throw (fields.groups as Field).as("ERR_SHAPE").error(`groups that divide ${C} inputs and ${O} outputs`);
  const past = pastOf(fields.dilation, kernel, dilation, C);
  const conv = { kernel: [kernel], dilation: [dilation], stride: [1], padding: [0, 0], groups };
  const sizes = { inChannels: C, outChannels: O };
  const [frame, channels] = [`${name}.frame`, `${name}.channels`];
  if (!chain.frames) {
    chain.layers.push({ type: "reshape", name: frame, shape: [1, C, 1] });
    append(chain, name, withPast(chain, name, frame, [1, C, 1], past), { ...conv, ...sizes }, weights);
    chain.layers.push({ type: "reshape", name: channels, shape: [O] });
    chain.shape = [O];
    return;
  }
  const [length] = chain.shape;
  const rest = length - past;
  const said = timeOf(fields.shape);
  if (rest < 1 || (said !== undefined && said !== rest))
    throw fields.shape.as("ERR_SHAPE").error(`${length} steps less the ${past} that the kernel takes`, said);
  // (L, C) → (1, C, L) → (1, O, L') → (L', O)
  chain.layers.push(
    { type: "transpose", name: `${name}.turned`, perm: [1, 0] },
    { type: "reshape", name: frame, shape: [1, C, length] },
  );
  append(chain, name, frame, { ...conv, ...sizes }, weights);
  chain.layers.push(
    { type: "reshape", name: `${name}.rows`, shape: [O, rest] },
    { type: "transpose", name: channels, perm: [1, 0] },
  );
  chain.shape = [rest, O];
}

interface Conv2dFields {
  readonly shape: Field;
  readonly kernel_size_time: Field;
  readonly kernel_size_feature: Field;
  readonly dilation: Field;
  readonly strides: Field;
  readonly num_filters_in: Field;
  readonly num_features_in: Field;
  readonly num_filters_out: Field;
  readonly padding: Field;
}

/** Over time and features; dilated in time, strided and padded in features. Time has no padding, whatever the file says. */
export function appendConv2d(chain: Chain, name: string, fields: Conv2dFields, weights: readonly Field[]): void {
  const [F, C] = chain.shape;
  checkFeatures(chain, fields);
  const O = lastSize(fields.shape);
  same(fields.num_filters_out, O, "as its shape says");
  const [time, wide] = [sizeOf(fields.kernel_size_time), sizeOf(fields.kernel_size_feature)];
  const [dilation, stride] = [sizeOf(fields.dilation), sizeOf(fields.strides)];
  const padding = fields.padding.string();
  if (padding !== "valid" && padding !== "same") throw fields.padding.error('"valid" or "same"');
  // As TensorFlow pads: what is left over goes behind.
  const total = padding === "same" ? Math.max(0, (Math.ceil(F / stride) - 1) * stride + wide - F) : 0;
  const before = Math.floor(total / 2);
  const features = Math.floor((F + total - wide) / stride) + 1;
  const said = timeOf(fields.shape);
  if (features < 1 || (said !== undefined && said !== features))
    throw fields.shape.as("ERR_SHAPE").error(`${Math.max(features, 1)} features`, said ?? features);
  const past = pastOf(fields.dilation, time, dilation, C * F);
  // (F, C) → (1, C, 1, F) → (1, O, 1, F') → (F', O)
  const frame = `${name}.frame`;
  chain.layers.push(
    { type: "transpose", name: `${name}.turned`, perm: [1, 0] },
    { type: "reshape", name: frame, shape: [1, C, 1, F] },
  );
  append(
    chain,
    name,
    withPast(chain, name, frame, [1, C, 1, F], past),
    {
      kernel: [time, wide],
      dilation: [dilation, 1],
      stride: [1, stride],
      padding: [0, before, 0, total - before],
      groups: 1,
      inChannels: C,
      outChannels: O,
    },
    weights,
  );
  chain.layers.push(
    { type: "reshape", name: `${name}.rows`, shape: [O, features] },
    { type: "transpose", name: `${name}.channels`, perm: [1, 0] },
  );
  chain.shape = [features, O];
}

/** What a batchnorm2d says of its input. */
export function checkFeatures(
  { shape: [F, C] }: Chain,
  { num_features_in, num_filters_in }: Pick<Conv2dFields, "num_features_in" | "num_filters_in">,
): void {
  same(num_features_in, F, "the features of its input");
  same(num_filters_in, C, "the filters of its input");
}

function same(field: Field, size: number, what: string): void {
  if (sizeOf(field) !== size) throw field.as("ERR_SHAPE").error(`${size}, ${what}`);
}

/** What a layer may follow: each has its own idea of a row with two axes. */
export function checkOrder(chain: Chain, type: string, { path }: Field): void {
  const images = chain.shape.length === 2 && !chain.frames;
  const fits =
    ["activation", "prelu"].includes(type) ||
    (images ? ["conv2d", "batchnorm2d"] : chain.frames ? ["dense", "conv1d", "batchnorm"] : ONE_ROW).includes(type);
  if (fits) return;
  const where = images ? "behind a conv2d" : chain.frames ? "over whole frames" : "over a row without features";
  throw new ModelError("ERR_UNSUPPORTED_OP", `${path}: layer type ${show(type)} ${where} is not supported.`, {
    node: path,
  });
}

const ONE_ROW = ["dense", "gru", "lstm", "conv1d", "batchnorm"];
