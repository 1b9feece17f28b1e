/** Messages of HDF5's object headers → what they say about a dataset or attribute: shape, element type, place, filters. */

import type { Dtype } from "../../tensor.ts";
import type { Cursor } from "./cursor.ts";

export interface Dataspace {
  /** [] is one element. */
  readonly shape: readonly number[];
  /** 0 for a null dataspace. */
  readonly count: number;
}

/** Numbers of a dtype, text of fixed length, or text in a heap; `other` is refused when its data are wanted. */
export interface Datatype {
  readonly kind: "number" | "text" | "heapText" | "opaque" | "other";
  /** Bytes of an element. */
  readonly size: number;
  readonly dtype?: Dtype;
  /** How it is called in messages. */
  readonly name: string;
}

export type Layout =
  | { readonly kind: "compact"; readonly data: Uint8Array }
  | { readonly kind: "contiguous"; readonly address: number; readonly size: number }
  | {
      readonly kind: "chunked";
      readonly address: number;
      readonly chunk: readonly number[];
      readonly elementSize: number;
    };

export function readDataspace(c: Cursor, rank: number): Dataspace {
  const version = c.u8();
  c.expect("dataspace version", version, 1, 2);
  const dimensions = c.u8();
  if (dimensions > rank) throw c.error(`at most ${rank} dimensions`, dimensions, "ERR_LIMIT");
  const flags = c.u8();
  if (version === 1 && flags & 2) throw c.error("no permutation of the dimensions", "one");
  const empty = c.u8() === 2 && version === 2;
  if (version === 1) c.skip(4);
  const shape = Array.from({ length: dimensions }, () => c.u64());
  const count = empty ? 0 : shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(count)) throw c.error("fewer than 2⁵³ elements", `(${shape.join(", ")})`, "ERR_SHAPE");
  const most = flags & 1 ? shape.map(() => c.u64()) : shape;
  if (shape.some((size, i) => size > most[i])) throw c.error("sizes below their largest", `(${shape.join(", ")})`);
  return { shape, count };
}

/** Precision, place and bits of exponent, place and bits of fraction, bias: the little-endian types of IEEE 754, and bfloat16. */
const FLOATS = new Map<string, Dtype>([
  ["16,10,5,0,10,15", "F16"],
  ["16,7,8,0,7,127", "BF16"],
  ["32,23,8,0,23,127", "F32"],
  ["64,52,11,0,52,1023", "F64"],
]);
const SIGNED = new Map<number, Dtype>([
  [1, "I8"],
  [2, "I16"],
  [4, "I32"],
  [8, "I64"],
]);
const UNSIGNED = new Map<number, Dtype>([
  [1, "U8"],
  [2, "U16"],
  [4, "U32"],
  [8, "U64"],
]);
const CLASSES = [
  "an integer",
  "a float",
  "a time",
  "text",
  "a bit field",
  "opaque bytes",
  "a compound",
  "a reference",
  "an enumeration",
  "a variable length",
  "an array",
];

export function readDatatype(c: Cursor): Datatype {
  const head = c.u8();
  const kind = head & 15;
  c.expect("datatype version", head >> 4, 1, 2, 3);
  const bits = c.unsigned(1) + 256 * c.unsigned(2);
  const size = c.u32();
  if (kind >= CLASSES.length || size === 0)
    throw c.error("a datatype", kind >= CLASSES.length ? `class ${kind}` : "one of 0 bytes");
  const other = { kind: "other", size, name: CLASSES[kind] } as const;
  if (kind === 0) {
    const [offset, precision] = [c.u16(), c.u16()];
    const dtype = (bits & 8 ? SIGNED : UNSIGNED).get(size);
    const fits = (bits & 1) === 0 && offset === 0 && precision === 8 * size;
    return dtype && fits ? { kind: "number", size, dtype, name: dtype } : { ...other, name: "an unusual integer" };
  }
  if (kind === 1) {
    const offset = c.u16();
    const parts = [c.u16(), c.u8(), c.u8(), c.u8(), c.u8(), c.u32()];
    const dtype = FLOATS.get(`${parts}`);
    // Little endian, an implied leading 1, the sign at the top.
    const plain = (bits & 0x41) === 0 && ((bits >> 4) & 3) === 2 && bits >> 8 === parts[0] - 1;
    const fits = plain && offset === 0 && size * 8 === parts[0];
    return dtype && fits ? { kind: "number", size, dtype, name: dtype } : { ...other, name: "an unusual float" };
  }
  if (kind === 3) return { ...other, kind: "text" };
  if (kind === 5) return { ...other, kind: "opaque" };
  if (kind === 9 && (bits & 15) === 1 && size === 16) return { ...other, kind: "heapText" };
  return other;
}

export function readLayout(c: Cursor, shape: readonly number[]): Layout {
  c.expect("layout version", c.u8(), 3, 4);
  const version = c.bytes[c.at - 1];
  const kind = c.u8();
  if (kind === 0) return { kind: "compact", data: c.take(c.u16()) };
  if (kind === 1) return { kind: "contiguous", address: c.u64(), size: c.u64() };
  if (kind !== 2 || version !== 3)
    throw c.error("a contiguous dataset, or chunks of version 3", `class ${kind} of version ${version}`);
  if (shape.length === 0) throw c.error("chunks of a shape", "chunks of one element");
  const dimensions = c.u8();
  c.expect("dimensions of a chunk", dimensions, shape.length + 1);
  const address = c.u64();
  const sizes = Array.from({ length: dimensions }, () => c.u32());
  if (sizes.includes(0)) throw c.error("a chunk of 1 or more", `(${sizes.join(", ")})`, "ERR_SHAPE");
  return { kind: "chunked", address, chunk: sizes.slice(0, -1), elementSize: sizes[shape.length] };
}

/** Ids: 1 deflate, 2 shuffle; others are refused when the data are wanted. */
export function readFilters(c: Cursor): number[] {
  const version = c.u8();
  c.expect("filter version", version, 1, 2);
  const count = c.u8();
  if (version === 1) c.skip(6);
  return Array.from({ length: count }, () => {
    const id = c.u16();
    const nameSize = version === 1 || id >= 256 ? c.u16() : 0;
    c.skip(2);
    const values = c.u16();
    c.skip(version === 1 ? Math.ceil(nameSize / 8) * 8 : nameSize);
    c.skip(4 * (version === 1 ? Math.ceil(values / 2) * 2 : values));
    return id;
  });
}

/** All bits set, which is 2⁶⁴ once rounded. */
export function isNone(address: number): boolean {
  return address >= 2 ** 64;
}
