/** A deep graph from a seed: blocks of a dozen operators each, as networks that enhance speech have them, with sizes of their own. */

import type { Model } from "../../src/graph-entry.ts";
import { seeded } from "../conformance/models.ts";
import { f32, graphModel, type NodeSpec } from "./model.ts";

const CHANNELS = 8;
const LENGTH = 12;

export function deepGraph(seed: string, blocks: number): Model {
  const random = seeded(seed);
  const numbers = (count: number, fan: number) =>
    Float32Array.from({ length: count }, () => (random() * 2 - 1) / Math.sqrt(fan));
  const matrix = (shape: readonly number[]) => {
    const [rows, ...rest] = shape;
    const fan = rest.reduce((a, b) => a * b, 1);
    return f32(shape, numbers(rows * fan, fan));
  };
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  const nodes: NodeSpec[] = [];
  const push = (op: string, inputs: readonly string[], attrs = {}, tensors: NodeSpec["tensors"] = {}): string => {
    const name = `n${nodes.length}`;
    nodes.push({ op, name, inputs, attrs, tensors });
    return name;
  };
  let x = "x";
  for (let block = 0; block < blocks; block++) {
    const inner = pick([4, 6, 8, 9, 12]);
    const hidden = pick([3, 4, 5, 8]);
    const dilation = pick([1, 2]);
    const conv = push(
      "conv",
      [x],
      { kernel: [3], dilation: [dilation], padding: [dilation, dilation], inChannels: CHANNELS, outChannels: inner },
      { weight: matrix([inner, CHANNELS, 3]), bias: f32([inner], numbers(inner, 1)) },
    );
    const activated = push("activation", [conv], { function: pick(["tanh", "relu", "silu"]) });
    const frames = push("transpose", [activated], { perm: [2, 0, 1] });
    const scan = push(
      "gru",
      [frames],
      { inputSize: inner, hiddenSize: hidden, scan: true },
      {
        weight_ih_l0: matrix([3 * hidden, inner]),
        weight_hh_l0: matrix([3 * hidden, hidden]),
        bias_ih_l0: f32([3 * hidden], numbers(3 * hidden, 1)),
        bias_hh_l0: f32([3 * hidden], numbers(3 * hidden, 1)),
      },
    );
    const wide = push(
      "linear",
      [scan],
      { inFeatures: hidden, outFeatures: CHANNELS },
      { weight: matrix([CHANNELS, hidden]), bias: f32([CHANNELS], numbers(CHANNELS, 1)) },
    );
    const back = push("transpose", [wide], { perm: [1, 2, 0] });
    const gate = push("activation", [push("add", [back, x])], { function: "sigmoid" });
    const cut = Math.floor(random() * (CHANNELS - 1)) + 1;
    const first = push("slice", [gate], { starts: [0, 0, 0], sizes: [1, cut, LENGTH] });
    const second = push("slice", [back], { starts: [0, cut, 0], sizes: [1, CHANNELS - cut, LENGTH] });
    x = push("mul", [push("concat", [second, first], { axis: 1 }), gate]);
  }
  return graphModel({ inputs: [{ name: "x", dtype: "F32", shape: [1, CHANNELS, LENGTH] }], nodes, outputs: [x] });
}
