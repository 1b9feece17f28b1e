/**
 * NumPy's .npy ↔ one array. Layout: "\x93NUMPY", version (1.0, 2.0 or 3.0), the header's length (u16, from 2.0 on u32), a
 * Python dict literal padded with spaces and ended by a line feed, the data (numpy.lib.format, NEP 1). The literal is read
 * by its own small grammar, nothing is evaluated, and the data must be exactly as long as the header says.
 */

import { FormatError, type FormatErrorCode } from "../errors.ts";
import { ARRAYS, type Dtype, elements, shapeText, type Tensor } from "../tensor.ts";
import { show } from "./json.ts";
import { LIMITS } from "./safetensors.ts";
import { gather } from "./strides.ts";

/** A tensor without a name: row-major, a view of the file where its data is aligned, else a copy. */
export type NpyArray = Omit<Tensor, "name">;

/** NumPy's names of the element types that are read: little endian, no objects, no structures. */
const DTYPES: Readonly<Record<string, Dtype>> = {
  "<f4": "F32",
  "<f8": "F64",
  "<f2": "F16",
  "<i8": "I64",
  "<i4": "I32",
  "<i2": "I16",
  "|i1": "I8",
  "<u8": "U64",
  "<u4": "U32",
  "<u2": "U16",
  "|u1": "U8",
  "|b1": "BOOL",
};

const MAGIC = "\x93NUMPY";

/** numpy.load's own limit. Largest realistic: 200 bytes, rank 8. */
const HEADER_BYTES = 10000;

/** The array of a .npy file; `name` is what errors call it. */
export function parseNpy(bytes: Uint8Array, name = "file"): NpyArray {
  try {
    return parse(bytes);
  } catch (error) {
    if (name === "file" || !(error instanceof FormatError)) throw error;
    const { code, message, offset, path, hint } = error;
    const text = hint === undefined ? message : message.slice(0, -hint.length - 1); // the constructor adds it
    throw new FormatError(code, `${name}: ${text}`, { offset, path: `${name}: ${path}`, hint });
  }
}

function parse(bytes: Uint8Array): NpyArray {
  const { length } = bytes;
  const head = latin1(bytes.subarray(0, 6));
  if (head.startsWith("PK\x03\x04")) {
    throw failure("ERR_FOREIGN_FORMAT", "file", ".npy", "a zip archive (.npz).", 0, "Save one array with numpy.save.");
  }
  if (head !== MAGIC.slice(0, length)) throw failure("ERR_HEADER", "file", `${show(MAGIC)} first`, show(head), 0);
  if (length < 10) throw failure("ERR_TRUNCATED", "file", "10 bytes of magic, version and length", length, length);
  const [major, minor] = bytes.subarray(6);
  if (major < 1 || major > 3 || minor !== 0) {
    throw failure("ERR_VERSION", "file", "version 1.0, 2.0 or 3.0", `${major}.${minor}`, 6);
  }
  const start = major === 1 ? 10 : 12;
  if (length < start) throw failure("ERR_TRUNCATED", "file", `${start} bytes before the header`, length, length);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const headerBytes = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerBytes > HEADER_BYTES) throw failure("ERR_LIMIT", "header", `at most ${HEADER_BYTES} bytes`, headerBytes, 8);
  if (headerBytes > length - start) {
    throw failure("ERR_TRUNCATED", "header", `${headerBytes} bytes`, length - start, length);
  }
  const from = start + headerBytes;
  const { dtype, shape, columns } = parseHeader(latin1(bytes.subarray(start, from)), start);

  const Data = ARRAYS[dtype];
  const count = elements(shape);
  const size = count * Data.BYTES_PER_ELEMENT;
  if (size !== length - from) {
    const code = size > length - from ? "ERR_TRUNCATED" : "ERR_SIZE";
    throw failure(code, "data", `${size} bytes for shape ${shapeText(shape)} of ${dtype}`, length - from, from);
  }
  const data = bytes.subarray(from);
  if (columns) return { dtype, shape, data: gather(data, dtype, 0, shape, columnStrides(shape)) };
  const { buffer, byteOffset } = data.byteOffset % Data.BYTES_PER_ELEMENT === 0 ? data : new Uint8Array(data);
  return { dtype, shape, data: new Data(buffer as ArrayBuffer, byteOffset, count) };
}

/** Fortran's order: the first axis runs fastest. */
function columnStrides(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elements(shape.slice(0, axis)));
}

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`: each of the three keys once, in any order. */
function parseHeader(text: string, base: number): { dtype: Dtype; shape: number[]; columns: boolean } {
  let dtype: Dtype | undefined;
  let shape: number[] | undefined;
  let columns: boolean | undefined;
  const seen = new Set<string>();
  let at = 0;

  function error(path: string, expected: string, code: FormatErrorCode = "ERR_HEADER", hint?: string): FormatError {
    const found = /^(?:\w+|'[^']*'|"[^"]*"|[\s\S])/.exec(text.slice(at));
    const got = found === null ? "the end" : show(found[0]);
    return failure(code, path, expected, hint === undefined ? got : `${got}.`, base + at, hint);
  }

  /** What stands next, after spaces. */
  function take(pattern: RegExp): string | undefined {
    while (text[at] === " ") at++;
    const sticky = new RegExp(pattern, "y");
    sticky.lastIndex = at;
    const found = sticky.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  }

  function expect(path: string, pattern: RegExp, expected: string): string {
    const found = take(pattern);
    if (found === undefined) throw error(path, expected);
    return found;
  }

  function readDtype(): Dtype {
    const name = take(/'[^'\n]*'|"[^"\n]*"/)?.slice(1, -1);
    if (name !== undefined && Object.hasOwn(DTYPES, name)) return DTYPES[name];
    at -= name === undefined ? 0 : name.length + 2;
    const hint = 'Save it with astype("<f4").';
    throw error("descr", `one of ${Object.keys(DTYPES).join(", ")}`, "ERR_DTYPE", hint);
  }

  function readOrder(): boolean {
    const order = take(/True|False/);
    if (order === undefined) throw error("fortran_order", "True or False");
    return order === "True";
  }

  /** A tuple: `()`, `(3,)`, `(3, 4)`, `(3, 4,)`. */
  function readShape(): number[] {
    const sizes: number[] = [];
    let count = 1;
    expect("shape", /\(/, '"("');
    while (take(/\)/) === undefined) {
      if (sizes.length === LIMITS.rank) throw error("shape", `at most ${LIMITS.rank} dimensions`, "ERR_LIMIT");
      const digits = take(/(?:0|[1-9]\d*)(?!\w)/);
      if (digits === undefined) throw error("shape", 'a size or ")"', "ERR_SHAPE");
      const size = Number(digits);
      count *= size;
      if (!Number.isSafeInteger(size) || !Number.isSafeInteger(count)) {
        throw error("shape", "fewer than 2⁵³ elements", "ERR_SHAPE");
      }
      sizes.push(size);
      if (take(/,/) === undefined && (sizes.length === 1 || take(/(?=\))/) === undefined)) throw error("shape", '","');
    }
    return sizes;
  }

  expect("header", /\{/, '"{"');
  while (take(/\}/) === undefined) {
    const key = expect("header", /'\w*'|"\w*"/, 'a key or "}"').slice(1, -1);
    if (seen.has(key)) throw error("header", `${key} once`, "ERR_DUPLICATE");
    seen.add(key);
    expect("header", /:/, '":"');
    if (key === "descr") dtype = readDtype();
    else if (key === "fortran_order") columns = readOrder();
    else if (key === "shape") shape = readShape();
    else throw error("header", "no keys but descr, fortran_order, shape", "ERR_HEADER", `The key is ${show(key)}.`);
    if (take(/,/) === undefined && take(/(?=\})/) === undefined) throw error("header", '"," or "}"');
  }
  expect("header", /\n$/, "spaces and a line feed");
  if (dtype === undefined || shape === undefined || columns === undefined) {
    throw error("header", "descr, fortran_order and shape");
  }
  return { dtype, shape, columns };
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function failure(
  code: FormatErrorCode,
  path: string,
  expected: string,
  got: string | number,
  offset: number,
  hint?: string,
): FormatError {
  return new FormatError(code, `${path}: expected ${expected}; got ${got}`, { path, offset, hint });
}

/** One array → a .npy file of version 1.0. What the reader would refuse is not written: its error is thrown. */
export function encodeNpy({ dtype, shape, data }: NpyArray): Uint8Array {
  const descr = Object.keys(DTYPES).find((name) => DTYPES[name] === dtype);
  if (descr === undefined) throw new TypeError(`"dtype" expected ${Object.values(DTYPES).join(", ")}, got ${dtype}`);
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const literal = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const from = Math.ceil((10 + literal.length + 1) / 64) * 64; // the data begins at a multiple of 64
  const text = `${MAGIC}\x01\x00${String.fromCharCode((from - 10) & 255, (from - 10) >> 8)}${literal.padEnd(from - 11)}\n`;
  const bytes = new Uint8Array(from + data.byteLength);
  for (let i = 0; i < from; i++) bytes[i] = text.charCodeAt(i);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), from);
  parseNpy(bytes);
  return bytes;
}
