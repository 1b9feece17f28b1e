/** A TensorProto → its elements. Every size is checked against the bytes that are there before anything is made. */

import { kindOf, wrongKind } from "../../arguments.ts";
import { FormatError, type FormatErrorCode } from "../../errors.ts";
import { shapeText, type Tensor, toF32 } from "../../tensor.ts";
import { show } from "../json.ts";
import type { OnnxLimits } from "./limits.ts";
import type { Elements, ValueKind } from "./value.ts";
import { field, items, type Message } from "./wire.ts";

/** Shards that a file names: asked for plain relative names only. */
export type Files = (name: string) => Uint8Array;

export interface Constant {
  readonly kind: ValueKind;
  readonly shape: readonly number[];
  readonly data: Elements;
}

/** Makes a view of raw bytes. */
interface RawArray {
  new (buffer: ArrayBuffer, offset: number, count: number): ArrayLike<number | bigint>;
  readonly BYTES_PER_ELEMENT: number;
}

interface ElementType {
  readonly name: string;
  readonly kind: ValueKind;
  /** What raw_data is. */
  readonly raw: RawArray;
  /** The field that holds it where raw_data does not. */
  readonly field: string;
  readonly min?: number;
  readonly max?: number;
}

const type = (
  name: string,
  kind: ValueKind,
  raw: RawArray,
  field: string,
  min?: number,
  max?: number,
): ElementType => ({
  name,
  kind,
  raw,
  field,
  min,
  max,
});

/** TensorProto.DataType. Floats are computed as f32, integers held as f64, exact to 2⁵³. */
export const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [1, type("float", "F32", Float32Array, "float_data")],
  [2, type("uint8", "I32", Uint8Array, "int32_data", 0, 255)],
  [3, type("int8", "I32", Int8Array, "int32_data", -128, 127)],
  [4, type("uint16", "I32", Uint16Array, "int32_data", 0, 65535)],
  [5, type("int16", "I32", Int16Array, "int32_data", -32768, 32767)],
  [6, type("int32", "I32", Int32Array, "int32_data", -(2 ** 31), 2 ** 31 - 1)],
  [7, type("int64", "I32", BigInt64Array, "int64_data", -(2 ** 63), 2 ** 63)],
  [9, type("bool", "BOOL", Uint8Array, "int32_data", 0, 1)],
  [10, type("float16", "F32", Uint16Array, "int32_data", 0, 65535)],
  [11, type("double", "F32", Float64Array, "double_data")],
  [12, type("uint32", "I32", Uint32Array, "uint64_data", 0, 2 ** 32 - 1)],
  [13, type("uint64", "I32", BigUint64Array, "uint64_data", 0, 2 ** 64)],
  [16, type("bfloat16", "F32", Uint16Array, "int32_data", 0, 65535)],
]);

/** The names of those that are refused, for messages. */
const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [0, "undefined"],
  [8, "string"],
  [14, "complex64"],
  [15, "complex128"],
  [17, "float8e4m3fn"],
  [18, "float8e4m3fnuz"],
  [19, "float8e5m2"],
  [20, "float8e5m2fnuz"],
  [21, "uint4"],
  [22, "int4"],
  [23, "float4e2m1"],
  [24, "float8e8m0"],
  [25, "uint2"],
  [26, "int2"],
]);

/** The element type of a number, or an error that names it. */
export function elementType(number: number | undefined, path: string, offset?: number): ElementType {
  const found = ELEMENT_TYPES.get(number ?? 0);
  if (found) return found;
  const known = [...ELEMENT_TYPES.values()].map(({ name }) => name).join(", ");
  const got = OTHER_TYPES.get(number ?? 0) ?? number;
  throw new FormatError("ERR_DTYPE", `${path}: expected a dtype of ${known}; got ${got}`, { path, offset });
}

const DATA_FIELDS = ["float_data", "int32_data", "string_data", "int64_data", "raw_data", "double_data", "uint64_data"];

export function decodeTensor(message: Message, limits: OnnxLimits, files: Files | undefined): Constant {
  const name = field<string>(message, "name") ?? "";
  const path = name === "" ? message.path : `tensor ${show(name)}`;
  const error = (code: FormatErrorCode, expected: string, got: string | number, hint?: string) =>
    new FormatError(code, `${path}: expected ${expected}; got ${got}`, { path, offset: message.at, hint });
  const dtype = elementType(field(message, "data_type"), path, message.at);
  if (message.fields.has("segment")) throw error("ERR_GRAPH", "a whole tensor", "a segment of one");
  const shape = items<number>(message, "dims");
  if (shape.length > limits.rank) throw error("ERR_LIMIT", `at most ${limits.rank} axes`, shape.length);
  let count = 1;
  for (const axis of shape) {
    if (axis < 0) throw error("ERR_SHAPE", "sizes ≥ 0", shapeText(shape));
    count *= axis;
  }
  // A zero among the axes must not hide what the others say.
  if (Math.max(count, ...shape) > limits.elements)
    throw error("ERR_LIMIT", `at most ${limits.elements} elements`, shapeText(shape));

  const present = DATA_FIELDS.filter((key) => {
    const data = message.fields.get(key) as Uint8Array | unknown[] | undefined;
    return data !== undefined && data.length > 0;
  });
  const location = field<number>(message, "data_location") ?? 0;
  if (location !== 0 && location !== 1) throw error("ERR_GRAPH", "data_location 0 or 1", location);
  const size = count * dtype.raw.BYTES_PER_ELEMENT;
  if (location === 1) {
    if (present.length > 0) throw error("ERR_GRAPH", "external data alone", `${present[0]} too`);
    return decodeRaw(dtype, shape, externalData(message, size, files, error), error);
  }
  if (items(message, "external_data").length > 0) throw error("ERR_GRAPH", "no external_data", "some");
  if (present.length > 1) throw error("ERR_GRAPH", "one field of data", present.join(" and "));
  if (present[0] === "raw_data") {
    const raw = field<Uint8Array>(message, "raw_data") as Uint8Array;
    if (raw.length !== size)
      throw error("ERR_SIZE", `${size} bytes for shape ${shapeText(shape)} of ${dtype.name}`, raw.length);
    return decodeRaw(dtype, shape, raw, error);
  }
  const values = items<number>(message, dtype.field);
  if (present.length > 0 && present[0] !== dtype.field)
    throw error("ERR_DTYPE", `${dtype.field} or raw_data for ${dtype.name}`, present[0]);
  if (values.length !== count)
    throw error("ERR_SIZE", `${count} elements for shape ${shapeText(shape)}`, values.length);
  const { min = -Infinity, max = Infinity } = dtype;
  const outside = values.find((value) => value < min || value > max);
  if (outside !== undefined) throw error("ERR_DTYPE", `${dtype.name} in ${min} … ${max}`, outside);
  return constantOf(dtype, shape, isHalf(dtype) ? Uint16Array.from(values) : values);
}

/** Held as bits: F16 and BF16. */
const isHalf = ({ kind, raw }: ElementType) => kind === "F32" && raw === Uint16Array;

function constantOf(dtype: ElementType, shape: readonly number[], values: ArrayLike<number | bigint>): Constant {
  const { kind } = dtype;
  if (isHalf(dtype)) {
    const tensor: Tensor = {
      name: "",
      dtype: dtype.name === "float16" ? "F16" : "BF16",
      shape,
      data: values as Uint16Array,
    };
    return { kind, shape, data: toF32(tensor) };
  }
  if (values instanceof Float32Array) return { kind, shape, data: values };
  return { kind, shape, data: kind === "F32" ? Float32Array.from(values, Number) : Float64Array.from(values, exact) };
}

/** INT64_MAX says "to the end"; past 2⁵³ the nearest f64 would do, but never infinity, which is the free axis. */
function exact(value: number | bigint): number {
  return Math.min(Math.max(Number(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}

function decodeRaw(
  dtype: ElementType,
  shape: readonly number[],
  bytes: Uint8Array,
  error: (code: FormatErrorCode, expected: string, got: string | number) => FormatError,
): Constant {
  const { kind, raw: Raw } = dtype;
  const { BYTES_PER_ELEMENT: size } = Raw;
  if (kind === "BOOL" && bytes.some((byte) => byte > 1)) throw error("ERR_DTYPE", "bool of 0 and 1", "others");
  const { buffer, byteOffset } = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return constantOf(dtype, shape, new Raw(buffer as ArrayBuffer, byteOffset, bytes.length / size));
}

/** Names without a scheme, a root, a way up, or a character that a file system takes for more than a letter. */
const PLAIN_NAME = /^(?!.*(^|\/)\.\.?(\/|$))[\w.+ -]+(\/[\w.+ -]+)*$/;

/** The bytes of a tensor that lies in another file, which the caller alone can open. */
function externalData(
  message: Message,
  size: number,
  files: Files | undefined,
  error: (code: FormatErrorCode, expected: string, got: string | number, hint?: string) => FormatError,
): Uint8Array {
  const entries = new Map<string, string>();
  for (const entry of items<Message>(message, "external_data")) {
    const key = field<string>(entry, "key") ?? "";
    if (!["location", "offset", "length", "checksum"].includes(key) || entries.has(key))
      throw error("ERR_EXTERNAL_DATA", "location, offset, length and checksum of external data, each once", show(key));
    entries.set(key, field<string>(entry, "value") ?? "");
  }
  const location = entries.get("location") ?? "";
  if (location.length > 255 || !PLAIN_NAME.test(location))
    throw error("ERR_EXTERNAL_DATA", "a plain relative name of the file of external data", show(location));
  const number = (key: string, otherwise: number) => {
    const text = entries.get(key);
    if (text !== undefined && !/^\d{1,15}$/.test(text))
      throw error("ERR_EXTERNAL_DATA", `a number for ${key}`, show(text));
    return text === undefined ? otherwise : Number(text);
  };
  const offset = number("offset", 0);
  const length = number("length", size);
  if (length !== size) throw error("ERR_SIZE", `${size} bytes of external data`, length);
  if (files === undefined)
    throw error("ERR_EXTERNAL_DATA", "data inside the file", show(location), "Pass files: (name) => its bytes.");
  const bytes = files(location);
  if (kindOf(bytes) !== "Uint8Array") throw wrongKind("files", `Uint8Array for ${show(location)}`, bytes);
  if (offset + length > bytes.length)
    throw error("ERR_TRUNCATED", `${offset + length} bytes in ${show(location)}`, bytes.length);
  return bytes.subarray(offset, offset + length);
}
