/** The functions of cells and activation layers: their numbers in programs, their parameters and defaults. */

import {
  F_AFFINE,
  F_ELU,
  F_HARD_SIGMOID,
  F_IDENTITY,
  F_LEAKY_RELU,
  F_RELU,
  F_SCALED_TANH,
  F_SIGMOID,
  F_SOFTPLUS,
  F_SOFTSIGN,
  F_TANH,
  F_THRESHOLDED_RELU,
} from "../../assembly/abi.ts";
import type { ActivationSpec } from "../model.ts";

/** The number of a function, then the defaults of its parameters, alpha and beta: NaN where the file or the caller must say one. */
export type FunctionRule = readonly [number: number, ...defaults: number[]];

/** Equations in docs/numerics.md. hardSigmoid's defaults are torch.nn.Hardsigmoid's; ONNX and Keras 2 say alpha 0.2. */
export const FUNCTIONS: Readonly<Record<string, FunctionRule>> = {
  identity: [F_IDENTITY],
  sigmoid: [F_SIGMOID],
  tanh: [F_TANH],
  relu: [F_RELU],
  hardSigmoid: [F_HARD_SIGMOID, 1 / 6, 0.5],
  affine: [F_AFFINE, NaN, NaN],
  leakyRelu: [F_LEAKY_RELU, 0.01],
  elu: [F_ELU, 1],
  softsign: [F_SOFTSIGN],
  softplus: [F_SOFTPLUS],
  scaledTanh: [F_SCALED_TANH, NaN, NaN],
  thresholdedRelu: [F_THRESHOLDED_RELU, 1],
};

/** The three words of a function in a record. */
export function functionWords({ name, alpha = 0, beta = 0 }: ActivationSpec): [number, number, number] {
  return [FUNCTIONS[name][0], floatBits(alpha), floatBits(beta)];
}

/** The bits of a number as f32. */
export function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0];
}
