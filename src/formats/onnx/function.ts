/**
 * An ONNX file as a function from tensors to tensors, the same at every call: all inputs are given, all outputs come back, states
 * among them. It is read once, and specialised for the shapes that it is called with.
 */

import type { Model } from "../../model.ts";
import type { OpTable } from "../../ops/core.ts";
import { constantsOf, inputsOf } from "./inputs.ts";
import { ONNX_LIMITS } from "./limits.ts";
import { type OnnxValue, parseOnnx } from "./proto.ts";
import { type ConstantInput, decoder, readAs } from "./read.ts";
import type { Files } from "./tensor.ts";

/** Sizes of every input, and those that are fixed. */
export interface Call {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly constants: Readonly<Record<string, ConstantInput>>;
}

export interface SpecialisedFunction {
  /** Its outputs are those of the file, in their order, integers as numbers; inputs that nothing reads are left out. */
  readonly model: Model;
  /** Of the outputs. */
  readonly shapes: readonly (readonly number[])[];
}

export interface OnnxFunction {
  /** Those that have no value in the file. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  specialise(call: Call): SpecialisedFunction;
}

export function readOnnxFunction(ops: OpTable, bytes: Uint8Array, files?: Files): OnnxFunction {
  const limits = ONNX_LIMITS;
  const file = parseOnnx(bytes, limits);
  const { graph } = file;
  const decode = decoder(limits, files);
  return {
    inputs: graph.inputs.filter(({ name }) => !graph.initializers.has(name)),
    outputs: graph.outputs,
    specialise({ shapes, constants: given }) {
      const options = { shapes, constants: given, nonFinite: "allow" } as const;
      const inputs = inputsOf(graph, options);
      const constants = constantsOf(inputs, given);
      const reading = { ops, file, inputs, constants, options, limits, decode, stateless: true };
      return readAs(reading, { oneStep: false });
    },
  };
}
