/**
 * A call of torch's _rebuild_tensor_v2 (storage, offset, size, stride, requires_grad, hooks) → a tensor: a view of its
 * storage where it lies there row by row and aligned, else a copy. The call is data; nothing is called.
 */

import { ARRAYS, type Dtype, elements, shapeText, type Tensor } from "../../tensor.ts";
import { show } from "../json.ts";
import { failure, LIMITS } from "../safetensors.ts";
import { gather } from "../strides.ts";
import type { Archive } from "./archive.ts";
import { type Call, type Dict, describe, kindOf, type Persistent, type Tuple, type Value } from "./pickle.ts";
import { DTYPES, isCount, REBUILD, REBUILD_PARAMETER, REBUILD_TYPED, SIZE, storageInfo } from "./storage.ts";

export interface TensorLimits {
  readonly rank: number;
  readonly nameLength: number;
  readonly tensors: number;
  readonly copies: number;
}

export const TENSOR_LIMITS: TensorLimits = {
  rank: LIMITS.rank,
  nameLength: LIMITS.nameLength,
  tensors: LIMITS.tensors,
  // Bytes of tensors that must be copied, for each byte of the file: a storage may be shared by many views. Largest
  // realistic: 1, a model whose matrices were all transposed.
  copies: 4,
};

/** Whether a value is a tensor, or a parameter. */
export function isTensor(value: Value): value is Call {
  return kindOf(value) === "call" && [REBUILD, REBUILD_TYPED, REBUILD_PARAMETER].includes((value as Call).of);
}

/** Makes tensors of one archive; each storage is read once, and all copies are counted together. */
export function tensorReader(archive: Archive, fileBytes: number, limits: TensorLimits) {
  const { path } = archive;
  const storages = new Map<string, Uint8Array>();
  let copied = 0;

  return function read(name: string, value: Call): Tensor {
    const what = `${path}: ${show(name)}`;
    const wrong = (expected: string, got: string, hint?: string) =>
      failure("ERR_PICKLE", what, expected, got, undefined, hint);
    let call = value;
    if (call.of === REBUILD_PARAMETER) {
      const [data, , hooks, ...more] = call.items;
      if (data === undefined || !isTensor(data) || data.of === REBUILD_PARAMETER || more.length > 0) {
        throw wrong("a parameter of one tensor", call.items.slice(0, 4).map(describe).join(", ") || "none");
      }
      checkEmpty(hooks, wrong);
      call = data;
    }
    const typed = call.of === REBUILD_TYPED;
    const [storage, offset, size, stride, , hooks, ...rest] = call.items;
    const [dtypeOf, metadata] = typed ? rest : [null, ...rest];
    if (call.items.length < (typed ? 7 : 6) || call.items.length > (typed ? 8 : 7)) {
      throw wrong(`the ${typed ? "7 or 8" : "6 or 7"} parts of a tensor`, `${call.items.length}`);
    }
    if (kindOf(storage) !== "persistent") throw wrong("a storage", describe(storage));
    checkEmpty(hooks, wrong);
    checkEmpty(metadata, wrong);
    const info = storageInfo(storage as Persistent, path);
    const dtype = info.dtype ?? dtypeBy(dtypeOf);
    if (dtype === undefined || (typed && dtypeBy(dtypeOf) !== dtype)) {
      throw wrong("an element type that its storage has", describe(dtypeOf ?? null));
    }
    const Data = ARRAYS[dtype];
    const width = Data.BYTES_PER_ELEMENT;
    const held = Math.floor(info.bytes / width);
    const shape = countsOf(size);
    const strides = countsOf(stride);
    if (!isCount(offset) || shape === undefined || strides?.length !== shape.length) {
      throw wrong("an offset, sizes and as many strides", [offset, size, stride].map(describe).join(", "));
    }
    if (shape.length > limits.rank) {
      throw failure("ERR_LIMIT", what, `at most ${limits.rank} dimensions`, shape.length);
    }
    const count = elements(shape);
    const last = shape.reduce((sum, axis, i) => sum + (axis - 1) * strides[i], offset);
    if (count > held) {
      const hint = "Save tensor.contiguous().clone(), so that every element is there once.";
      const got = `${shapeText(shape)}.`;
      throw failure("ERR_SHAPE", what, `at most the ${held} elements of its storage`, got, undefined, hint);
    }
    if (count > 0 && last >= held) {
      const got = `offset ${offset}, strides ${shapeText(strides)}, which end at ${last}`;
      throw failure("ERR_OFFSETS", what, `a view of the ${held} elements of its storage`, got);
    }
    let bytes = storages.get(info.key);
    if (bytes === undefined) {
      bytes = archive.bytesOf(info);
      storages.set(info.key, bytes);
    }
    const start = bytes.byteOffset + offset * width;
    if (isRowMajor(shape, strides) && start % width === 0) {
      return { name, dtype, shape, data: new Data(bytes.buffer as ArrayBuffer, count === 0 ? 0 : start, count) };
    }
    copied += count * width;
    if (copied > limits.copies * fileBytes) {
      const got = `${copied} bytes`;
      throw failure("ERR_LIMIT", path, `copies of at most ${limits.copies * fileBytes} bytes of the file`, got);
    }
    return { name, dtype, shape, data: gather(bytes, dtype, offset, shape, strides) };
  };
}

/** Hooks and metadata: None, or an empty dict. */
function checkEmpty(value: Value | undefined, wrong: (expected: string, got: string) => Error): void {
  const empty = value === undefined || value === null || (kindOf(value) === "dict" && !(value as Dict).entries);
  if (!empty) throw wrong("no hooks and no metadata", describe(value));
}

function dtypeBy(value: Value | undefined): Dtype | undefined {
  const name = value !== undefined && kindOf(value) === "global" ? (value as { name: string }).name : "";
  return Object.hasOwn(DTYPES, name) ? DTYPES[name] : undefined;
}

/** A tuple of counts, or a torch.Size of one. */
function countsOf(value: Value): number[] | undefined {
  let items: readonly Value[] | undefined;
  if (kindOf(value) === "tuple") items = (value as Tuple).items;
  if (kindOf(value) === "call" && (value as Call).of === SIZE) return countsOf((value as Call).items[0] ?? null);
  return items?.every(isCount) ? (items as number[]) : undefined;
}

/** Strides of axes of one element say nothing. */
function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return elements(shape) === 0;
    step *= shape[i];
  }
  return true;
}
