/**
 * What flax.serialization.to_bytes wrote → arrays by path, `params/RNN_0/cell/ir/kernel`: msgpack (github.com/msgpack spec.md)
 * of maps with text keys, whose leaves are ext 1: [shape, dtype's name, bytes in C order]. Numbers and texts may be leaves where
 * nothing reads them; lists, complex numbers and arrays in pieces (over 1 GiB) are refused.
 */

import type { FormatErrorCode } from "../../errors.ts";
import { ARRAYS, type Dtype, shapeText, type Tensor } from "../../tensor.ts";
import { decodeUtf8, show } from "../json.ts";
import { failure, LIMITS } from "../safetensors.ts";

/** What a file may ask for; more is ERR_LIMIT. */
export interface FlaxLimits {
  readonly fileBytes: number;
  /** And the keys above them. */
  readonly tensors: number;
  readonly rank: number;
  readonly nameLength: number;
  readonly depth: number;
}

export const FLAX_LIMITS: FlaxLimits = {
  fileBytes: LIMITS.fileBytes,
  tensors: LIMITS.tensors,
  rank: LIMITS.rank,
  nameLength: LIMITS.nameLength,
  // The reader recurses. Largest realistic: 12, modules wrapped ten deep.
  depth: LIMITS.depth,
};

/** NumPy's names of element types. */
const DTYPES: Readonly<Record<string, Dtype>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint64: "U64",
  uint32: "U32",
  uint16: "U16",
  uint8: "U8",
  bool: "BOOL",
};

/** A number or text where an array could be: its path, and what it is. */
export type Leaf = Tensor | { readonly name: string; readonly text: string };

export function isTensor(leaf: Leaf): leaf is Tensor {
  return "data" in leaf;
}

/** Leaves in the order of the file. Arrays are views of it where they are aligned. */
export function readMsgpack(bytes: Uint8Array, limits: FlaxLimits): Leaf[] {
  const { length } = bytes;
  if (length > limits.fileBytes) throw failure("ERR_LIMIT", "file", `at most ${limits.fileBytes} bytes`, length, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const leaves: Leaf[] = [];
  const names = new Set<string>();
  let at = 0;
  let end = length;

  const error = (path: string, expected: string, got: string | number, code: FormatErrorCode = "ERR_HEADER") =>
    failure(code, `${path === "" ? "file" : path} at byte ${at}`, expected, got, at);

  /** The place of the next `count` bytes. */
  function take(path: string, count: number): number {
    if (count > end - at) throw error(path, `${count} bytes`, end - at, "ERR_TRUNCATED");
    at += count;
    return at - count;
  }

  /** A big-endian count of 1, 2 or 4 bytes. */
  function count(path: string, width: number): number {
    const from = take(path, width);
    return width === 1 ? view.getUint8(from) : width === 2 ? view.getUint16(from) : view.getUint32(from);
  }

  /** The bytes of a text or, where `binary`, of either kind; undefined, without a step, where something else stands. */
  function raw(path: string, binary: boolean): Uint8Array | undefined {
    const start = at;
    const head = view.getUint8(take(path, 1));
    const kind = [0xd9, 0xda, 0xdb].indexOf(head);
    const bin = [0xc4, 0xc5, 0xc6].indexOf(head);
    let size: number | undefined;
    if (head >> 5 === 5) size = head & 31;
    else if (kind >= 0) size = count(path, 1 << kind);
    else if (bin >= 0 && binary) size = count(path, 1 << bin);
    if (size === undefined) {
      at = start;
      return undefined;
    }
    const from = take(path, size);
    return bytes.subarray(from, at);
  }

  function map(path: string, size: number, depth: number): void {
    if (depth === limits.depth) throw error(path, `at most ${limits.depth} levels of nesting`, "more", "ERR_LIMIT");
    for (let i = 0; i < size; i++) {
      const key = raw(path, false);
      if (key === undefined) throw error(path, "a text for a key", hex(bytes[at]));
      const text = decodeUtf8(key, path, key.byteOffset - bytes.byteOffset);
      if (text === "" || /[/\0]/.test(text)) throw error(path, 'a key without "/" and NUL', show(text), "ERR_NAME");
      const inner = path === "" ? text : `${path}/${text}`;
      if (inner.length > limits.nameLength) {
        throw error(path, `paths of at most ${limits.nameLength} UTF-16 units`, inner.length, "ERR_LIMIT");
      }
      if (names.has(inner)) throw error(path, "every key once", show(text), "ERR_DUPLICATE");
      if (names.size === limits.tensors) throw error(path, `at most ${limits.tensors} keys`, "more", "ERR_LIMIT");
      names.add(inner);
      value(inner, depth + 1);
    }
  }

  function value(path: string, depth: number): void {
    const start = at;
    const head = view.getUint8(take(path, 1));
    if (head >> 4 === 8 || head === 0xde || head === 0xdf) {
      map(path, head < 0x90 ? head & 15 : count(path, head === 0xde ? 2 : 4), depth);
      return;
    }
    if (path === "") throw error(path, "a map", hex(head));
    const ext = [0xc7, 0xc8, 0xc9].indexOf(head);
    const fixed = [0xd4, 0xd5, 0xd6, 0xd7, 0xd8].indexOf(head);
    if (ext >= 0 || fixed >= 0) {
      const size = ext >= 0 ? count(path, 1 << ext) : 1 << fixed;
      const type = view.getInt8(take(path, 1));
      const last = take(path, size) + size;
      at = last - size;
      // 1: an array, 3: a NumPy scalar, which is an array of rank 0.
      if (type !== 1 && type !== 3) throw error(path, "an array (ext 1 or 3)", `ext ${type}`, "ERR_DTYPE");
      const outer = end;
      end = last;
      leaves.push(array(path));
      if (at !== last) throw error(path, `the end of the array at ${last}`, at, "ERR_SIZE");
      end = outer;
      return;
    }
    at = start;
    leaves.push({ name: path, text: scalar(path) });
  }

  /** null, bool, a number or a text, as it stands in messages. */
  function scalar(path: string): string {
    const text = raw(path, false);
    if (text !== undefined) return "text";
    const head = view.getUint8(take(path, 1));
    if (head < 0x80 || head >= 0xe0 || (head >= 0xca && head <= 0xd3)) {
      if (head >= 0xca && head <= 0xd3) take(path, [4, 8, 1, 2, 4, 8, 1, 2, 4, 8][head - 0xca]);
      return "a number";
    }
    if (head === 0xc0) return "nil";
    if (head === 0xc2 || head === 0xc3) return "a bool";
    throw error(path, "a map, an array of numbers, a number or a text", hex(head), "ERR_DTYPE");
  }

  /** [shape, dtype's name, bytes] */
  function array(name: string): Tensor {
    const items = (what: string): number => {
      const head = view.getUint8(take(name, 1));
      if (head >> 4 !== 9) throw error(name, what, hex(head));
      return head & 15;
    };
    const parts = items("shape, dtype and bytes");
    if (parts !== 3) throw error(name, "shape, dtype and bytes", `${parts} parts`);
    const rank = items("a shape of at most 15 dimensions");
    if (rank > limits.rank) throw error(name, `at most ${limits.rank} dimensions`, rank, "ERR_LIMIT");
    const shape = Array.from({ length: rank }, () => {
      const head = view.getUint8(take(name, 1));
      if (head < 0x80) return head;
      if (head < 0xcc || head > 0xce) throw error(name, "a size of at most 2³²", hex(head), "ERR_SHAPE");
      return count(name, 1 << (head - 0xcc));
    });
    const type = raw(name, true);
    const typeName = type === undefined ? "" : decodeUtf8(type, name, type.byteOffset - bytes.byteOffset);
    if (!Object.hasOwn(DTYPES, typeName)) {
      throw error(name, `one of ${Object.keys(DTYPES).join(", ")}`, show(typeName), "ERR_DTYPE");
    }
    const dtype = DTYPES[typeName];
    const data = raw(name, true);
    const elements = shape.reduce((product, size) => product * size, 1);
    const size = elements * ARRAYS[dtype].BYTES_PER_ELEMENT;
    if (data?.length !== size) {
      throw error(name, `${size} bytes for shape ${shapeText(shape)} of ${dtype}`, data?.length ?? "none", "ERR_SIZE");
    }
    const Data = ARRAYS[dtype];
    const { buffer, byteOffset } = data.byteOffset % Data.BYTES_PER_ELEMENT === 0 ? data : new Uint8Array(data);
    return { name, dtype, shape, data: new Data(buffer as ArrayBuffer, byteOffset, elements) };
  }

  value("", 0);
  if (at !== length) throw error("", "the end of the file", `${length - at} bytes more`, "ERR_SIZE");
  return leaves;
}

function hex(byte: number | undefined): string {
  return byte === undefined ? "the end" : `0x${byte.toString(16)}`;
}
