/** A graph with states of both kinds, for the tests of sessions and of baked models. */

import { f32, type GraphSpec } from "./model.ts";

/** A cache of the last three frames, convolved; a sum over all time; a GRU that carries; a constant initial value. */
export const streamingGraph = (numbers: (count: number) => Float32Array, sum: Float32Array): GraphSpec => ({
  inputs: [{ name: "x", dtype: "F32", shape: [1, 2, 5] }],
  states: [
    { name: "cache", shape: [1, 2, 15], input: "cache", output: "next" },
    { name: "sum", shape: [2, 5], input: "sum", output: "total", initial: "sum0" },
  ],
  tensors: [{ name: "sum0", ...f32([2, 5], sum) }],
  nodes: [
    { op: "concat", name: "long", inputs: ["cache", "x"], attrs: { axis: 2 } },
    { op: "slice", name: "next", inputs: ["long"], attrs: { starts: [0, 0, 5], sizes: [1, 2, 15] } },
    {
      op: "conv",
      name: "conv",
      inputs: ["long"],
      attrs: { kernel: [4], dilation: [5], inChannels: 2, outChannels: 6, activation: "tanh" },
      tensors: { weight: f32([6, 2, 4], numbers(48)), bias: f32([6], numbers(6)) },
    },
    { op: "reshape", name: "flat", inputs: ["conv"], attrs: { shape: [1, 30] } },
    {
      op: "gru",
      name: "rnn",
      inputs: ["flat"],
      attrs: { inputSize: 30, hiddenSize: 5 },
      tensors: {
        weight_ih_l0: f32([15, 30], numbers(450)),
        weight_hh_l0: f32([15, 5], numbers(75)),
        bias_ih_l0: f32([15], numbers(15)),
        bias_hh_l0: f32([15], numbers(15)),
      },
    },
    { op: "reshape", name: "frame", inputs: ["x"], attrs: { shape: [2, 5] } },
    { op: "mul", name: "part", inputs: ["frame", "rnn"] },
    { op: "add", name: "total", inputs: ["sum", "part"] },
    { op: "add", name: "y", inputs: ["total", "rnn"] },
  ],
  outputs: ["y", "rnn"],
});
