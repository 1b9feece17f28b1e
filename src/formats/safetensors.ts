/**
 * A safetensors file ↔ tensors and metadata. Layout: the header's length (u64, little endian), the header (JSON and
 * spaces), the data. The reader is stricter than the reference (github.com/huggingface/safetensors): nothing in the
 * header is unknown or repeated, and the tensors cover the data exactly. Aligned tensors are views, others are copies.
 */

import { ARRAYS, type Dtype, elements, shapeText, type Tensor } from "../tensor.ts";
import { encodeUtf8, Field, parseJson, show, typeName } from "./json.ts";

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
  // Parsing takes some 20 times the memory of the text. Largest realistic: 2 MB, a graph with 100,000 words. The
  // reference stops at 100 MB, @huggingface/hub at 25 MB.
  headerBytes: 2 ** 24,
  // A tensor costs about 500 bytes whatever its size. Largest realistic: 1,000, a deep encoder of unfused layers.
  tensors: 2 ** 16,
  // Messages print whole shapes. Largest realistic: 5, a 3-D convolution.
  rank: 8,
  // Names are keys and stand in messages. Largest realistic: 150 UTF-16 units, modules wrapped ten deep.
  nameLength: 1024,
  // Engines may recurse where JSON is nested. Largest realistic: 6, the activations of a node of a graph.
  depth: 32,
};

export interface ReadOptions {
  readonly limits?: Partial<Limits>;
}

/** The tensors of a safetensors file, in the order of its header; names that are whole numbers come first. */
export function readSafetensors(bytes: Uint8Array, options?: ReadOptions): Map<string, Tensor> {
  return parseSafetensors(bytes, options).tensors;
}

/** The tensors of a safetensors file and its `__metadata__`. */
export function parseSafetensors(
  bytes: Uint8Array,
  options: ReadOptions = {},
): { tensors: Map<string, Tensor>; metadata: Map<string, string> } {
  const type = typeName(bytes);
  if (type !== "Uint8Array") throw new TypeError(`"bytes" expected Uint8Array, got ${type}`);
  const limits = { ...LIMITS, ...options.limits };
  const text = headerOf(bytes, limits);
  const data = bytes.subarray(8 + text.length);
  const header = parseJson(text, "header", "ERR_HEADER", limits.depth);

  const metadata = new Map<string, string>();
  const entries: Entry[] = [];
  for (const [name, field] of header.entries()) {
    if (name !== "__metadata__") {
      header.limit(entries.length + 1, limits.tensors, "tensors");
      entries.push(readEntry(name, field, data, limits));
    } else {
      for (const [key, text] of field.entries()) metadata.set(key, text.string());
    }
  }

  // Every byte of the data belongs to exactly one tensor: nothing hides in a hole, nothing is read as two things.
  let covered = 0;
  for (const { begin, end, range } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) range.fail(`a begin of ${covered}, where the tensor before ends`);
    covered = end;
  }
  if (covered !== data.length) {
    header.as("ERR_OFFSETS").fail(`tensors of all ${data.length} bytes of data`, covered);
  }
  return { tensors: new Map(entries.map(({ name, read }) => [name, read()])), metadata };
}

/** The bytes of the header, with its padding. */
function headerOf(bytes: Uint8Array, limits: Limits): Uint8Array {
  const { length } = bytes;
  const file = new Field(length, "file", "ERR_TRUNCATED");
  file.limit(length, limits.fileBytes, "bytes");
  if (length < 8) file.fail("8 bytes of header length");
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  // The magic of another format is a length too: it counts only where no header follows (100 MB: the reference's cap).
  if (headerBytes > 100e6 || (length > 8 && bytes[8] !== OPEN)) refuseForeign(bytes, file);
  const header = new Field(length - 8, "header", "ERR_TRUNCATED");
  header.limit(headerBytes, limits.headerBytes, "bytes");
  if (headerBytes > length - 8) header.fail(`${headerBytes} bytes`);
  const text = bytes.subarray(8, 8 + headerBytes);
  const ends = String.fromCharCode(text[0], text.findLast((byte) => byte !== SPACE) as number);
  if (ends !== "{}") header.as("ERR_HEADER").fail('"{" first and "}" last, then spaces', show(ends));
  return text;
}

const SPACE = 0x20;
const OPEN = 0x7b;

/** A tensor in the data, from begin to end; to be read when all of them have been checked. */
interface Entry {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
  readonly range: Field;
  read(): Tensor;
}

function readEntry(name: string, field: Field, data: Uint8Array, limits: Limits): Entry {
  if (name === "" || name.includes("\0")) field.as("ERR_NAME").fail("a name without NUL", show(name));
  field.limit(name.length, limits.nameLength, "UTF-16 units");
  const fields = field.fields(["dtype", "shape", "data_offsets"]);

  const type = fields.dtype.as("ERR_DTYPE");
  const dtype = type.string() as Dtype;
  if (!Object.hasOwn(ARRAYS, dtype)) type.fail(`one of ${Object.keys(ARRAYS).join(", ")}`);

  const sizes = fields.shape.as("ERR_SHAPE");
  const shape = sizes.items().map((size) => size.integer(0));
  sizes.limit(shape.length, limits.rank, "dimensions");
  // A size 0 hides no overflow.
  if (!Number.isSafeInteger(elements(shape.filter((size) => size > 0)))) sizes.fail("fewer than 2⁵³ elements");

  const range = fields.data_offsets.as("ERR_OFFSETS");
  const offsets = range.items().map((offset) => offset.integer(0));
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin > end || end > data.length) {
    range.fail(`begin ≤ end ≤ ${data.length}, the bytes of data`);
  }
  const Data = ARRAYS[dtype];
  const bytes = elements(shape) * Data.BYTES_PER_ELEMENT;
  if (end - begin !== bytes) {
    field.as("ERR_SIZE").fail(`${bytes} bytes for shape ${shapeText(shape)} of ${dtype}`, end - begin);
  }
  const read = () => {
    const view = data.subarray(begin, end);
    const { buffer, byteOffset } = view.byteOffset % Data.BYTES_PER_ELEMENT === 0 ? view : new Uint8Array(view);
    return { name, dtype, shape, data: new Data(buffer as ArrayBuffer, byteOffset, elements(shape)) };
  };
  return { name, begin, end, range, read };
}

function refuseForeign(bytes: Uint8Array, file: Field): void {
  const head = String.fromCharCode(...bytes.subarray(0, 8));
  for (const [magic, format, hint = EXPORT] of FOREIGN) {
    if (new RegExp(`^${magic}`, "s").test(head)) file.as("ERR_FOREIGN_FORMAT").fail("safetensors", `${format}.`, hint);
  }
}

const EXPORT = "Save the weights with safetensors.torch.save_file(model.state_dict(), path).";

/** How other formats begin, in Latin-1: a regular expression. */
const FOREIGN: readonly (readonly [magic: string, format: string, hint?: string])[] = [
  ["PK\x03\x04", "a zip archive (.pt, .keras or .npz)"],
  ["\x80", "a pickle (.pt)"],
  ["\x89HDF", "HDF5 (.h5)"],
  ["\x08.[\x12:]", "ONNX"], // ir_version, then producer_name or graph
  ["....TFL3", "TFLite"],
  ["GGUF", "GGUF"],
  ["\x93NUMPY", "NumPy (.npy)"],
  ["{", "JSON (TensorFlow.js or RTNeural)"],
  ["<", "HTML or XML", "Is it an error page?"],
  ["version ", "a Git LFS pointer", "Run git lfs pull."],
  ["\x1f\x8b", "gzip", "Decompress it first."],
  ["\0asm", "WebAssembly"],
];

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
    const got = typeName(data);
    if (got !== expected) throw new TypeError(`"tensors" expected ${expected} for ${name} (${dtype}), got ${got}`);
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
