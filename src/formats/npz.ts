/**
 * NumPy's .npz → arrays by name: a zip archive of .npy files, stored (numpy.savez) or deflated (numpy.savez_compressed). With
 * `layers` a Model, where the arrays have the names and layouts of a state_dict.
 */

import type { Model } from "../model.ts";
import type { OpTable } from "../ops/core.ts";
import type { Tensor } from "../tensor.ts";
import { refuseOther } from "./foreign.ts";
import type { Format } from "./format.ts";
import { show } from "./json.ts";
import { type ReadModelOptions, tensorsToModel } from "./native.ts";
import { parseNpy } from "./npy.ts";
import { checkBytes, failure } from "./safetensors.ts";
import { firstMember, readZip, unpack, ZIP_LIMITS, type ZipLimits } from "./zip.ts";

export interface NpzOptions {
  readonly limits?: Partial<ZipLimits>;
}

/** The arrays of a .npz file, in its order, under the names that numpy.load gives them. */
export function parseNpz(bytes: Uint8Array, options: NpzOptions = {}): Map<string, Tensor> {
  checkBytes(bytes);
  if (firstMember(bytes) === undefined && bytes[0] !== 0x50) refuseOther(bytes, "NumPy (.npz)");
  const tensors = new Map<string, Tensor>();
  for (const member of readZip(bytes, { ...ZIP_LIMITS, ...options.limits }).values()) {
    const [, name] = /^(.+)\.npy$/s.exec(member.name) ?? [];
    if (name === undefined) {
      const hint = 'Is it another archive? "sluice/all" reads every format.';
      throw failure("ERR_FOREIGN_FORMAT", "file", "members that end in .npy", `${show(member.name)}.`, 0, hint);
    }
    tensors.set(name, { name, ...parseNpy(unpack(member), member.name) });
  }
  return tensors;
}

/** @throws FormatError for the bytes, ModelError for what they mean */
export function readNpzModel(
  ops: OpTable,
  bytes: Uint8Array,
  options: Omit<ReadModelOptions, "limits"> & NpzOptions = {},
): Model {
  return tensorsToModel(ops, parseNpz(bytes, options), options);
}

export const npz: Format = {
  name: "NumPy",
  entry: "sluice/npz",
  conventions: "those of the state_dict that it must hold: gates r, z, n and i, f, g, o; weights (G·H, I); two biases",
  matches: (bytes) => firstMember(bytes)?.endsWith(".npy") ?? false,
  read: readNpzModel,
  tensors: parseNpz,
};
