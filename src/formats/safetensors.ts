/**
 * A safetensors file ↔ tensors and metadata. Layout: the header's length (u64, little endian), the header (JSON and
 * spaces), the data. The reader is stricter than the reference (github.com/huggingface/safetensors): nothing in the
 * header is unknown or repeated, and the tensors cover the data exactly. Aligned tensors are views, others are copies.
 */

import { kindOf, wrongKind } from "../arguments.ts";
import { FormatError, type FormatErrorCode } from "../errors.ts";
import { ARRAYS, type Dtype, shapeText, type Tensor } from "../tensor.ts";
import { encodeUtf8, Field, parseJson, show } from "./json.ts";

/** What a file may ask for; more is ERR_LIMIT (ERR_JSON for the depth). */
export interface Limits {
  readonly fileBytes: number;
  readonly headerBytes: number;
  readonly tensors: number;
  readonly rank: number;
  readonly nameLength: number;
  readonly depth: number;
}

export const LIMITS: Limits = {
  // The weights must fit a linear memory of 2³² bytes. Largest realistic: 374 MB, ELMo (93.6 million parameters).
  fileBytes: 2 ** 32,
  // Parsing takes 15 to 30 times the memory of the text. Largest realistic: 2 MB, a graph with 100,000 words. The
  // reference stops at 100 MB, @huggingface/hub at 25 MB.
  headerBytes: 2 ** 24,
  // A tensor costs about 500 bytes whatever its size. Largest realistic: 1,000, a deep encoder of unfused layers.
  tensors: 2 ** 16,
  // Messages print whole shapes. Largest realistic: 5, a 3-D convolution.
  rank: 8,
  // Names are keys and stand in messages. Largest realistic: 150 UTF-16 units, modules wrapped ten deep.
  nameLength: 1024,
  // The JSON parser recurses. Largest realistic: 6, the activations of a node of a graph.
  depth: 32,
};

export interface ReadOptions {
  readonly limits?: Partial<Limits>;
}

/**
 * Returns the tensors of a safetensors file by name, in the order of its header, with no meaning attached.
 *
 * Cost     tensors are views of `bytes` where they are aligned, copies elsewhere
 * @throws FormatError if the bytes are wrong
 * @example
 * const weight = readSafetensors(bytes).get("rnn.weight_ih_l0");
 */
export function readSafetensors(bytes: Uint8Array, options?: ReadOptions): Map<string, Tensor> {
  return parseSafetensors(bytes, options).tensors;
}

/** The tensors of a safetensors file and its `__metadata__`. */
export function parseSafetensors(
  bytes: Uint8Array,
  options: ReadOptions = {},
): { tensors: Map<string, Tensor>; metadata: Map<string, string> } {
  checkBytes(bytes);
  const limits = { ...LIMITS, ...options.limits };
  const header = headerOf(bytes, limits);
  const data = bytes.subarray(8 + header.length);
  const root = new Field(parseJson(header, { path: "header", base: 8, depth: limits.depth }), "", "ERR_HEADER");

  const metadata = new Map<string, string>();
  const entries: Entry[] = [];
  for (const [name, field] of root.entries()) {
    if (name === "__metadata__") {
      for (const [key, text] of field.entries()) metadata.set(key, text.string());
    } else {
      if (entries.length === limits.tensors) {
        throw failure("ERR_LIMIT", "header", `at most ${limits.tensors} tensors`, "more");
      }
      entries.push(readEntry(name, field, data.length, limits));
    }
  }
  checkCover(entries, data.length);

  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, count, begin, end } of entries) {
    const Data = ARRAYS[dtype];
    const view = data.subarray(begin, end);
    const { buffer, byteOffset } = view.byteOffset % Data.BYTES_PER_ELEMENT === 0 ? view : new Uint8Array(view);
    tensors.set(name, { name, dtype, shape, data: new Data(buffer as ArrayBuffer, byteOffset, count) });
  }
  return { tensors, metadata };
}

/** The bytes of the header, with its padding. */
function headerOf(bytes: Uint8Array, limits: Limits): Uint8Array {
  const { length } = bytes;
  if (length > limits.fileBytes) throw failure("ERR_LIMIT", "file", `at most ${limits.fileBytes} bytes`, length, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const headerBytes = bytes[8] === OPEN ? Number(view.getBigUint64(0, true)) : Infinity;
  // JSON may have a brace there too, after what is no length: over 100 MB, the reference's cap.
  if (headerBytes > 100e6) refuseForeign(bytes, "safetensors");
  if (headerBytes > limits.headerBytes) {
    throw failure("ERR_LIMIT", "header", `at most ${limits.headerBytes} bytes`, headerBytes, 0);
  }
  if (headerBytes > length - 8) throw failure("ERR_TRUNCATED", "header", `${headerBytes} bytes`, length - 8, length);
  const header = bytes.subarray(8, 8 + headerBytes);
  let last = headerBytes - 1;
  while (header[last] === SPACE) last--;
  if (header[last] !== CLOSE) {
    throw failure("ERR_HEADER", "header", '"}" last, then spaces', show(latin1(header.subarray(-8))), 8 + last);
  }
  return header;
}

const SPACE = 0x20;
const OPEN = 0x7b;

/** A length below 2³² and the beginning of JSON: first bytes of other formats may be those of a length. */
export function hasHeader(bytes: Uint8Array): boolean {
  return bytes[8] === OPEN && bytes.subarray(4, 8).every((byte) => byte === 0);
}
const CLOSE = 0x7d;

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** An error in the form of all readers: which part, what was expected, what was got. */
export function failure(
  code: FormatErrorCode,
  path: string,
  expected: string,
  got: string | number,
  offset?: number,
  hint?: string,
): FormatError {
  return new FormatError(code, `${path}: expected ${expected}; got ${got}`, { path, offset, hint });
}

/** What the header says about one tensor; begin and end count from the start of the data. */
interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly count: number;
  readonly begin: number;
  readonly end: number;
  /** Names the tensor in errors. */
  readonly field: Field;
}

function readEntry(name: string, field: Field, dataBytes: number, limits: Limits): Entry {
  if (name === "" || name.includes("\0")) throw field.as("ERR_NAME").error("a tensor name without NUL", show(name));
  if (name.length > limits.nameLength) {
    throw field.as("ERR_LIMIT").error(`a name of at most ${limits.nameLength} UTF-16 units`, name.length);
  }
  const fields = field.fields(["dtype", "shape", "data_offsets"]);

  const dtypeField = fields.dtype.as("ERR_DTYPE");
  const dtype = dtypeField.string() as Dtype;
  if (!Object.hasOwn(ARRAYS, dtype)) {
    throw dtypeField.error(`one of ${Object.keys(ARRAYS).join(", ")}`, show(dtype));
  }

  const shapeField = fields.shape.as("ERR_SHAPE");
  const sizes = shapeField.items();
  if (sizes.length > limits.rank) {
    throw shapeField.as("ERR_LIMIT").error(`at most ${limits.rank} dimensions`, sizes.length);
  }
  const shape = sizes.map((size) => size.integer(0));
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) throw shapeField.error("fewer than 2⁵³ elements", shapeText(shape));
  }

  const range = fields.data_offsets.as("ERR_OFFSETS");
  const offsets = range.items();
  if (offsets.length !== 2) throw range.error("[begin, end]");
  const [begin, end] = offsets.map((offset) => offset.integer(0));
  const got = `[${begin}, ${end}]`;
  if (begin > end) throw range.error("begin ≤ end", got);
  if (end > dataBytes) {
    throw range.error(`a range of the ${dataBytes} bytes of data`, `${got}.`, "Is the file cut short?");
  }
  const size = count * ARRAYS[dtype].BYTES_PER_ELEMENT;
  if (end - begin !== size) {
    throw field.as("ERR_SIZE").error(`${size} bytes for shape ${shapeText(shape)} of ${dtype}`, end - begin);
  }
  return { name, dtype, shape, count, begin, end, field };
}

/** Every byte of the data belongs to exactly one tensor: nothing hides in a hole, nothing is read as two things. */
function checkCover(entries: readonly Entry[], dataBytes: number): void {
  let covered = 0;
  for (const { begin, end, field } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      const got = `${begin}, which makes ${begin < covered ? "an overlap" : "a hole"}`;
      throw field.as("ERR_OFFSETS").error(`data_offsets from ${covered}, where the tensor before ends`, got);
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw failure("ERR_OFFSETS", "file", `${covered} bytes of data, the end of the last tensor`, dataBytes);
  }
}

/** Throws for a file that is not of the reader's format: what it is, or how it begins. */
export function refuseForeign(bytes: Uint8Array, expected: string): never {
  const head = latin1(bytes.subarray(0, 8));
  for (const [magic, format, hint = EXPORT] of FOREIGN) {
    if ([...magic].every((char, i) => char === "?" || char === head[i])) {
      throw failure("ERR_FOREIGN_FORMAT", "file", expected, `${format}.`, 0, hint);
    }
  }
  throw failure("ERR_HEADER", "file", expected, `${bytes.length} bytes that begin ${show(head)}`, 0);
}

const EXPORT = "Save its weights with safetensors.torch.save_file or safetensors.numpy.save_file.";

/** How other formats begin, in Latin-1; "?" is any byte. */
const FOREIGN: readonly (readonly [magic: string, format: string, hint?: string])[] = [
  [
    "PK\x03\x04",
    "a zip archive (.pt, .keras or .npz)",
    'Import from "sluice/pytorch", "sluice/keras", "sluice/npz" or "sluice/all".',
  ],
  ["\x80", "a pickle (.pt)", 'Import from "sluice/pytorch", or from "sluice/all".'],
  ["\x89HDF", "HDF5 (.h5)", 'Import from "sluice/keras", or from "sluice/all".'],
  ["\x08?\x12", "ONNX", 'Import from "sluice/onnx", or from "sluice/all".'], // ir_version, producer_name
  ["\x08?:", "ONNX", 'Import from "sluice/onnx", or from "sluice/all".'], // ir_version, graph
  ["????TFL3", "TFLite"],
  ["GGUF", "GGUF"],
  ["\x93NUMPY", "NumPy (.npy)"],
  ["{", "JSON (TensorFlow.js or RTNeural)", 'Import from "sluice/tfjs", "sluice/rtneural" or "sluice/all".'],
  ["rnnoise-", "RNNoise (.rnnn)", 'Import from "sluice/rtneural", or from "sluice/all".'],
  ["<", "HTML or XML", "Is it an error page?"],
  ["version ", "a Git LFS pointer", "Run git lfs pull."],
  ["\x1f\x8b", "gzip", "Decompress it first."],
  ["\0asm", "WebAssembly", "It has no tensors."],
];

/** The argument of every reader. */
export function checkBytes(bytes: unknown): void {
  if (kindOf(bytes) !== "Uint8Array") throw wrongKind("bytes", "Uint8Array", bytes);
}

/**
 * Tensors and metadata → a file. The same contents give the same bytes: metadata by key; tensors by descending element
 * size, then name, which aligns every one to its elements. What the reader would refuse is thrown instead of written.
 */
export function encodeSafetensors(
  tensors: Iterable<Tensor>,
  metadata: Iterable<readonly [string, string]> = [],
): Uint8Array {
  const sorted = [...tensors];
  for (const { name, dtype, data } of sorted) {
    const expected = ARRAYS[dtype]?.name ?? "a known dtype";
    if (kindOf(data) !== expected) throw wrongKind("tensors", `${expected} for ${name} (${dtype})`, data);
  }
  sorted.sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || (a.name < b.name ? -1 : 1));

  const quote = JSON.stringify;
  const members: string[] = [];
  const pairs = Array.from(metadata, ([key, text]) => `${quote(key)}:${quote(text)}`).sort();
  if (pairs.length > 0) members.push(`"__metadata__":{${pairs}}`);
  let dataBytes = 0;
  for (const { name, dtype, shape, data } of sorted) {
    const begin = dataBytes;
    dataBytes += data.byteLength;
    members.push(`${quote(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${begin},${dataBytes}]}`);
  }
  const header = encodeUtf8(`{${members}}`);
  let at = Math.ceil((8 + header.length) / 8) * 8;
  const file = new Uint8Array(at + dataBytes).fill(SPACE, 8, at);
  new DataView(file.buffer).setUint32(0, at - 8, true);
  file.set(header, 8);
  for (const { data } of sorted) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  parseSafetensors(file);
  return file;
}
