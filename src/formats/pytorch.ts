/**
 * A file of torch.save → tensors under the names of their state_dict, and with `layers` a Model. What may stand in such a
 * file, and what does not: docs/pytorch.md.
 */

import type { Model } from "../model.ts";
import type { OpTable } from "../ops/core.ts";
import type { Tensor } from "../tensor.ts";
import type { Format } from "./format.ts";
import { type ReadModelOptions, tensorsToModel } from "./native.ts";
import { ARCHIVE_LIMITS, type ArchiveLimits, isArchive, readArchive } from "./pytorch/archive.ts";
import { readStateDict } from "./pytorch/state-dict.ts";
import { TENSOR_LIMITS, type TensorLimits } from "./pytorch/tensor.ts";
import { checkBytes } from "./safetensors.ts";

/** What a file may ask for; more is ERR_LIMIT. */
export interface PytorchLimits extends ArchiveLimits, TensorLimits {}

export const PYTORCH_LIMITS: PytorchLimits = { ...ARCHIVE_LIMITS, ...TENSOR_LIMITS };

export interface PytorchOptions {
  /** Entries of the state_dict or checkpoint that may be left out. */
  readonly ignore?: readonly string[];
  readonly limits?: Partial<PytorchLimits>;
}

/** The tensors of a state_dict, in its order. */
export function readPytorchTensors(bytes: Uint8Array, options: PytorchOptions = {}): Map<string, Tensor> {
  checkBytes(bytes);
  const limits = { ...PYTORCH_LIMITS, ...options.limits };
  return readStateDict(readArchive(bytes, limits), bytes.length, limits, options.ignore);
}

/** @throws FormatError for the bytes, ModelError for what they mean */
export function readPytorchModel(
  ops: OpTable,
  bytes: Uint8Array,
  options: Omit<ReadModelOptions, "limits"> & PytorchOptions = {},
): Model {
  return tensorsToModel(ops, readPytorchTensors(bytes, options), options);
}

export const pytorch: Format = {
  name: "PyTorch",
  entry: "sluice/pytorch",
  conventions: "gates r, z, n and i, f, g, o; weights (G·H, I); two biases; reset after the product",
  matches: isArchive,
  read: readPytorchModel,
  tensors: readPytorchTensors,
};
