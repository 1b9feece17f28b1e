/** What a format is to those who read files of any kind: the command line, the page, `sluice/all`. */

import type { Model } from "../model.ts";
import type { OpTable } from "../ops/core.ts";
import type { Tensor } from "../tensor.ts";
import type { ReadModelOptions } from "./native.ts";

/** One row for each format, in the file of its reader. */
export interface Format {
  /** As it stands in messages: `PyTorch`. */
  readonly name: string;
  /** What a program imports to read it: `sluice/pytorch`. */
  readonly entry: string;
  /** By the first bytes. What it takes may still be wrong: then `read` says what is. */
  matches(bytes: Uint8Array): boolean;
  /** @throws FormatError for the bytes, ModelError for what they mean */
  read(ops: OpTable, bytes: Uint8Array, options?: ReadModelOptions): Model;
  /** The tensors by name, where files of this format may hold these alone and need `layers`. */
  tensors?(bytes: Uint8Array, options?: ReadModelOptions): Map<string, Tensor>;
}
