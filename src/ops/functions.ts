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

export interface FunctionRule {
  readonly number: number;
  readonly parameters: readonly ("alpha" | "beta")[];
  /** Where a parameter has none, the file or the caller must say it. */
  readonly defaults: readonly (number | undefined)[];
}

const plain = (number: number): FunctionRule => ({ number, parameters: [], defaults: [] });
const alpha = (number: number, a: number): FunctionRule => ({ number, parameters: ["alpha"], defaults: [a] });
const both = (number: number, ...defaults: number[]): FunctionRule => ({
  number,
  parameters: ["alpha", "beta"],
  defaults,
});

/** Equations in docs/numerics.md. hardSigmoid's defaults are torch.nn.Hardsigmoid's; ONNX and Keras 2 say alpha 0.2. */
export const FUNCTIONS: Readonly<Record<string, FunctionRule>> = {
  identity: plain(F_IDENTITY),
  sigmoid: plain(F_SIGMOID),
  tanh: plain(F_TANH),
  relu: plain(F_RELU),
  hardSigmoid: both(F_HARD_SIGMOID, 1 / 6, 0.5),
  affine: both(F_AFFINE),
  leakyRelu: alpha(F_LEAKY_RELU, 0.01),
  elu: alpha(F_ELU, 1),
  softsign: plain(F_SOFTSIGN),
  softplus: plain(F_SOFTPLUS),
  scaledTanh: both(F_SCALED_TANH),
  thresholdedRelu: alpha(F_THRESHOLDED_RELU, 1),
};

/** The three words of a function in a record. */
export function functionWords({ name, alpha = 0, beta = 0 }: ActivationSpec): [number, number, number] {
  return [FUNCTIONS[name].number, floatBits(alpha), floatBits(beta)];
}

/** The bits of a number as f32. */
export function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0];
}
