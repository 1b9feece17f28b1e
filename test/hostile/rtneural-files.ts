/** Small models of audio plugins that are right: what malformed ones are made from, and what is fuzzed. */

export type Json = Record<string, unknown>;

export const utf8 = (text: string) => new TextEncoder().encode(text);
// biome-ignore lint/suspicious/noExplicitAny: arrays of numbers, or of arrays of them, as JSON has them
export const zeros = (...shape: number[]): any[] =>
  Array.from({ length: shape[0] }, () => (shape.length > 1 ? zeros(...shape.slice(1)) : 0.5));

export const DENSE = { type: "dense", activation: "tanh", shape: [null, null, 3], weights: [zeros(2, 3), zeros(3)] };
export const GRU = {
  type: "gru",
  activation: "tanh",
  shape: [null, null, 2],
  weights: [zeros(3, 6), zeros(2, 6), zeros(2, 6)],
};
export const LSTM = {
  type: "lstm",
  activation: "",
  shape: [null, null, 2],
  weights: [zeros(2, 8), zeros(2, 8), zeros(8)],
};
export const NORM = { type: "batchnorm", shape: [2], epsilon: 0.1, weights: [zeros(2), zeros(2), zeros(2), zeros(2)] };
export const PRELU = { type: "prelu", shape: [2], weights: [[[0.25, 0.5]]] };
export const ACTIVATION = { type: "activation", activation: "relu", shape: [2], weights: [] };
export const CONV1D = {
  type: "conv1d",
  activation: "tanh",
  shape: [null, null, 4],
  kernel_size: [3],
  dilation: [2],
  groups: 2,
  weights: [zeros(3, 1, 4), zeros(4)],
};
export const CONV2D = {
  type: "conv2d",
  activation: "",
  shape: [null, null, 3, 2],
  kernel_size_time: 2,
  kernel_size_feature: 2,
  dilation: 2,
  strides: 2,
  num_filters_in: 1,
  num_features_in: 5,
  num_filters_out: 2,
  padding: "same",
  weights: [zeros(2, 2, 1, 2), zeros(2)],
};
export const NORM2D = {
  type: "batchnorm2d",
  shape: [null, null, 3, 2],
  epsilon: 0.1,
  num_filters_in: 2,
  num_features_in: 3,
  weights: [zeros(2), zeros(2)],
};
/** Over time; over time and features; over whole frames of seven steps. */
export const CONVOLUTIONS = { in_shape: [null, null, 2], layers: [CONV1D] };
export const IMAGES = { in_shape: [null, null, 5, 1], layers: [CONV2D, NORM2D] };
export const FRAMES = { in_shape: [null, 7, 2], layers: [{ ...CONV1D, shape: [null, 3, 4] }] };
export const RTNEURAL = {
  in_shape: [null, null, 2],
  layers: [DENSE, GRU, LSTM, NORM, PRELU, ACTIVATION],
  samplerate: 48000,
};

export const GUITARML = {
  model_data: {
    model: "SimpleRNN",
    input_size: 2,
    skip: 1,
    output_size: 1,
    unit_type: "LSTM",
    num_layers: 1,
    hidden_size: 2,
    bias_fl: true,
  },
  state_dict: {
    "rec.weight_ih_l0": zeros(8, 2),
    "rec.weight_hh_l0": zeros(8, 2),
    "rec.bias_ih_l0": zeros(8),
    "rec.bias_hh_l0": zeros(8),
    "lin.weight": zeros(1, 2),
    "lin.bias": zeros(1),
  },
};

export const NAM = {
  version: "0.5.4",
  metadata: { name: "a" },
  architecture: "LSTM",
  config: { input_size: 1, hidden_size: 2, num_layers: 2 },
  weights: zeros(4 * 2 * 4 + 4 + (4 * 2 * 5 + 4) + 3),
  sample_rate: 48000,
};

/** [inputs, outputs, activation, how many weights] of the six layers of a small RNNoise. */
export const RNNOISE_LAYERS = [
  [2, 1, 0, 3],
  [1, 1, 0, 9],
  [4, 1, 2, 18],
  [4, 2, 0, 42],
  [2, 3, 1, 9],
  [1, 1, 1, 2],
];
export const HEAD = "rnnoise-nu model file version 1\n";
export const rnnoise = (layers = RNNOISE_LAYERS) =>
  HEAD + layers.map(([i, o, f, count]) => `${i} ${o} ${f}\n${Array(count).fill(-7).join(" ")}\n`).join("");

/** A well-formed file of each kind. */
export const VALID = { RTNEURAL, CONVOLUTIONS, IMAGES, FRAMES, GUITARML, NAM, RNNOISE: rnnoise() };
