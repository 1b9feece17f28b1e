/**
 * What a pickle of torch.save may name, and what its persistent ids say of a storage: ("storage", class, key, device,
 * elements). A global that is not on these lists is refused, before anything of its object is read.
 */

import type { FormatErrorCode } from "../../errors.ts";
import { ARRAYS, type Dtype } from "../../tensor.ts";
import { show } from "../json.ts";
import { failure } from "../safetensors.ts";
import { describe, kindOf, ORDERED_DICT, type Persistent, type Tuple, type Value } from "./pickle.ts";

/** Classes of storages, by the element they hold. */
const STORAGES: Readonly<Record<string, Dtype>> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

/** Bytes without an element type: since PyTorch 2 the tensor says that. */
const UNTYPED = "torch.storage.UntypedStorage";

/** Element types of tensors on such a storage. */
export const DTYPES: Readonly<Record<string, Dtype>> = {
  "torch.float64": "F64",
  "torch.float32": "F32",
  "torch.float16": "F16",
  "torch.bfloat16": "BF16",
  "torch.int64": "I64",
  "torch.int32": "I32",
  "torch.int16": "I16",
  "torch.int8": "I8",
  "torch.uint64": "U64",
  "torch.uint32": "U32",
  "torch.uint16": "U16",
  "torch.uint8": "U8",
  "torch.bool": "BOOL",
};

/** Of a dense tensor: its storage, where it begins there, its sizes and strides. */
export const REBUILD = "torch._utils._rebuild_tensor_v2";
export const REBUILD_TYPED = "torch._utils._rebuild_tensor_v3";
export const REBUILD_PARAMETER = "torch._utils._rebuild_parameter";
export const SIZE = "torch.Size";

/** The rest of a checkpoint may name a device; nothing reads it. */
const GLOBALS: readonly string[] = [
  ORDERED_DICT,
  REBUILD,
  REBUILD_TYPED,
  REBUILD_PARAMETER,
  SIZE,
  "torch.device",
  UNTYPED,
  ...Object.keys(STORAGES),
  ...Object.keys(DTYPES),
];

const DENSE = "Save dense tensors of floats or integers: tensor.to_dense(), tensor.dequantize(), tensor.cpu().";

/** What to do where a file holds more than weights. */
export const SAVE_WEIGHTS =
  "If it is a whole module or holds other objects, and you trust it, load it in PyTorch and save its weights alone: " +
  'torch.save(model.state_dict(), "weights.pt").';

export function refuseGlobal(name: string): readonly [FormatErrorCode, expected: string, hint: string] | undefined {
  if (GLOBALS.includes(name)) return undefined;
  if (/^torch\.(\w+\.)*\w+Storage$/.test(name)) return ["ERR_DTYPE", "a storage of floats or integers", DENSE];
  if (/^torch\.q?u?int\d|^torch\.(float|complex|bits)\w*$/.test(name)) {
    return ["ERR_DTYPE", "an element type of floats or integers", DENSE];
  }
  if (/^torch\._utils\._rebuild_/.test(name)) return ["ERR_DTYPE", "a dense tensor", DENSE];
  return ["ERR_PICKLE", "a global that tensors need", SAVE_WEIGHTS];
}

/** Of one storage, what every id that names it must say alike. */
export interface StorageInfo {
  readonly key: string;
  /** undefined: the tensors on it say theirs. */
  readonly dtype: Dtype | undefined;
  readonly bytes: number;
}

/** The storages that a pickle refers to, by key. */
export function storagesOf(persistent: readonly Persistent[], path: string): Map<string, StorageInfo> {
  const storages = new Map<string, StorageInfo>();
  for (const one of persistent) {
    const info = storageInfo(one, path);
    const other = storages.get(info.key) ?? info;
    if (other.dtype !== info.dtype || other.bytes !== info.bytes) {
      const got = `${info.bytes} of ${info.dtype ?? "bytes"}`;
      const expected = `the storage ${show(info.key)} to be ${other.bytes} bytes of ${other.dtype ?? "bytes"} each time`;
      throw failure("ERR_PICKLE", path, expected, got);
    }
    storages.set(info.key, other);
  }
  return storages;
}

/** The stream's ids end with a sixth part, for views of storages as they were before 0.4: None. */
export function storageInfo({ id }: Persistent, path: string): StorageInfo {
  const parts: readonly Value[] = kindOf(id) === "tuple" ? (id as Tuple).items : [];
  const [tag, type, key, device, count, view = null] = parts;
  const typeName = type !== undefined && kindOf(type) === "global" ? (type as { name: string }).name : "";
  const known = typeName === UNTYPED || Object.hasOwn(STORAGES, typeName);
  const named = typeof key === "string" && typeof device === "string";
  if (tag !== "storage" || !known || !named || parts.length > 6 || view !== null || !isCount(count)) {
    const got = parts.length === 0 ? describe(id) : parts.slice(0, 7).map(describe).join(", ");
    throw failure("ERR_PICKLE", path, 'a persistent id ("storage", class, key, device, elements)', got);
  }
  const dtype = typeName === UNTYPED ? undefined : STORAGES[typeName];
  return { key, dtype, bytes: count * (dtype === undefined ? 1 : ARRAYS[dtype].BYTES_PER_ELEMENT) };
}

export function isCount(value: Value | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
