/**
 * Flax's parameters → tensors under the names of a state_dict, and with `layers` a Model. The tree comes as msgpack
 * (flax.serialization), or flat, its paths joined by "/" or ".", as .npz or safetensors.
 */

import { ModelError } from "../errors.ts";
import { guessLayers, layersToModel } from "../layers.ts";
import type { Model } from "../model.ts";
import type { OpTable } from "../ops/core.ts";
import type { Tensor } from "../tensor.ts";
import { FLAX_LIMITS, type FlaxLimits, isTensor, readMsgpack } from "./flax/msgpack.ts";
import { BESIDE, treeToStateDict } from "./flax/tree.ts";
import type { Format } from "./format.ts";
import { show } from "./json.ts";
import type { ReadModelOptions } from "./native.ts";
import { parseNpz } from "./npz.ts";
import { checkBytes, failure, hasHeader, readSafetensors, refuseForeign } from "./safetensors.ts";
import { firstMember, type ZipLimits } from "./zip.ts";

export interface FlaxOptions {
  /** Paths of the tree that may be left out. */
  readonly ignore?: readonly string[];
  readonly limits?: Partial<FlaxLimits & ZipLimits>;
}

/** The tensors of a parameter tree, under the names that layers have. */
export function readFlaxTensors(bytes: Uint8Array, options: FlaxOptions = {}): Map<string, Tensor> {
  return treeToStateDict(flatTree(bytes, options), options.ignore);
}

function flatTree(bytes: Uint8Array, { ignore = [], limits }: FlaxOptions): Iterable<Tensor> {
  checkBytes(bytes);
  if (firstMember(bytes) !== undefined) return parseNpz(bytes, { limits }).values();
  if (hasHeader(bytes)) return readSafetensors(bytes, { limits }).values();
  if (!isMsgpack(bytes)) refuseForeign(bytes, "Flax (.msgpack, .npz, .safetensors)");
  return readMsgpack(bytes, { ...FLAX_LIMITS, ...limits }).filter((leaf): leaf is Tensor => {
    const { name } = leaf;
    if (isTensor(leaf)) return true;
    if (BESIDE.includes(name.split("/")[0]) || ignore.includes(name)) return false;
    throw failure(
      "ERR_DTYPE",
      show(name),
      "an array",
      `${leaf.text}.`,
      undefined,
      "Name it in ignore to leave it out.",
    );
  });
}

/** A map that is not empty, and a text first: no other format begins so. */
function isMsgpack(bytes: Uint8Array): boolean {
  const [head] = bytes;
  const skip = head === 0xde ? 2 : head === 0xdf ? 4 : 0;
  const key = bytes[1 + skip];
  return ((head > 0x80 && head < 0x90) || skip > 0) && (key >> 5 === 5 || key === 0xd9);
}

/** A flat tree: paths that end in `kernel`, as no other framework's names do, in the directory of a .npz file or the header of safetensors. */
function isFlatTree(bytes: Uint8Array): boolean {
  const archive = firstMember(bytes)?.endsWith(".npy");
  if (!archive && !hasHeader(bytes)) return false;
  const text = String.fromCharCode(...(archive ? bytes.subarray(-NAMES) : bytes.subarray(8, NAMES)));
  return archive ? /[/.]kernel\.npy/.test(text) : /[/.]kernel"\s*:/.test(text) && !text.includes('"__metadata__"');
}

/** Bytes that are searched for names. */
const NAMES = 8192;

/** @throws FormatError for the bytes, ModelError for what they mean */
export function readFlaxModel(
  ops: OpTable,
  bytes: Uint8Array,
  options: Omit<ReadModelOptions, "limits"> & FlaxOptions = {},
): Model {
  const tensors = readFlaxTensors(bytes, options);
  if (options.layers !== undefined) return layersToModel(ops, options.layers, tensors, options);
  // Flax's LayerNorm has another eps than PyTorch's, and no file says it.
  const guess = guessLayers(tensors).map((layer) => (layer.type === "layerNorm" ? { ...layer, eps: 1e-6 } : layer));
  throw new ModelError("ERR_LAYERS_NEEDED", "model: expected layers; got a file of parameters only.", {
    hint: `Pass layers. By its names and shapes the file looks like ${JSON.stringify(guess)}.`,
  });
}

export const flax: Format = {
  name: "Flax",
  entry: "sluice/flax",
  conventions:
    "a matrix (I, H) for each gate, or one for all in nnx; one bias, of a GRU's n two; reset after the product; eps 1e-6",
  eps: 1e-6,
  matches: (bytes) => (isMsgpack(bytes) && !hasHeader(bytes)) || isFlatTree(bytes),
  read: readFlaxModel,
  tensors: readFlaxTensors,
};
