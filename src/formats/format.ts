/** What a format is to those who read files of any kind: the command line, the page, `sluice/all`. */

import type { Model } from "../model.ts";
import type { OpTable } from "../ops/core.ts";
import type { Tensor } from "../tensor.ts";
import type { FlaxLimits } from "./flax/msgpack.ts";
import type { KerasLimits } from "./keras.ts";
import type { ReadModelOptions } from "./native.ts";
import type { OnnxLimits } from "./onnx/limits.ts";
import type { ReadOnnxOptions } from "./onnx/read.ts";
import type { PytorchLimits } from "./pytorch.ts";
import type { RtneuralLimits } from "./rtneural.ts";
import type { Limits } from "./safetensors.ts";
import type { TfjsLimits } from "./tfjs.ts";

export interface FormatOptions
  extends ReadModelOptions,
    Pick<ReadOnnxOptions, "shapes" | "constants" | "state" | "gruReset"> {
  /** Those of every format; a reader looks at its own. */
  readonly limits?: Partial<
    Limits & FlaxLimits & KerasLimits & OnnxLimits & PytorchLimits & RtneuralLimits & TfjsLimits
  >;
  /** The bytes of another file of the model, where its weights lie in several. Asked for plain relative names only. */
  readonly files?: (name: string) => Uint8Array;
}

/** What a file lists, whether or not it is supported: for the report on one that is refused. */
export interface Outline {
  /** An axis that the file leaves open is its name. */
  readonly inputs: readonly { readonly name: string; readonly shape: readonly (number | string)[] }[];
  /** Operators or layers. */
  readonly parts: readonly { readonly name: string; readonly count: number; readonly supported: boolean }[];
}

/** One row for each format, in the file of its reader. */
export interface Format {
  /** As it stands in messages: `PyTorch`. */
  readonly name: string;
  /** What a program imports to read it: `sluice/pytorch`. */
  readonly entry: string;
  /** How its files have gates and weights, which the reader turns into r, z, n and i, f, g, o with rows of outputs. */
  readonly conventions: string;
  /** eps of a norm whose file does not say it, where it is not PyTorch's 1e-5. */
  readonly eps?: number;
  /** The weights lie in files of their own: `read` needs `files`. */
  readonly files?: true;
  /** By the first bytes. What it takes may still be wrong: then `read` says what is. */
  matches(bytes: Uint8Array): boolean;
  /** @throws FormatError for the bytes, ModelError for what they mean */
  read(ops: OpTable, bytes: Uint8Array, options?: FormatOptions): Model;
  /** The tensors by name, where files of this format may hold these alone and need `layers`; undefined for one with a graph. */
  tensors?(bytes: Uint8Array, options?: FormatOptions): Map<string, Tensor> | undefined;
  outline?(bytes: Uint8Array): Outline;
}
