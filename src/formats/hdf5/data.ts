/** Datasets and attributes of an HDF5 file → tensors and text: contiguous, compact and chunked data, heaps of text. */

import { FormatError, type FormatErrorCode } from "../../errors.ts";
import { ARRAYS, elements, shapeText, type Tensor } from "../../tensor.ts";
import { decodeUtf8 } from "../json.ts";
import { inflate } from "../zip.ts";
import { adler32 } from "./checksum.ts";
import { Cursor } from "./cursor.ts";
import { isNone } from "./messages.ts";
import type { Attribute, Dataset, Hdf5Limits } from "./tree.ts";

/** Small files of zeros are no danger. */
const ALWAYS_ALLOWED = 2 ** 24;

const DEFLATE = 1;
const SHUFFLE = 2;

/** Reads data of one file; counts them, so that datasets that share bytes cannot become more than the file is worth. */
export class Data {
  private contiguous = 0;
  private inflated = 0;
  private texts = 0;
  private heapObjects = 0;
  private readonly heaps = new Map<number, Map<number, Uint8Array>>();

  constructor(
    private readonly bytes: Uint8Array,
    private readonly limits: Hdf5Limits,
  ) {}

  /** A view of the file where it is aligned to the element, else a copy. */
  tensor({ path, attributes, datatype, dataspace, layout, filters }: Dataset): Tensor {
    const half = datatype.size === 2 && (datatype.kind === "opaque" || datatype.dtype === "U16");
    const mark = attributes.get("dtype");
    const dtype = half && mark && this.text(mark)[0] === "bfloat16" ? "BF16" : datatype.dtype;
    if (dtype === undefined) throw failure(path, "numbers in little endian", datatype.name, "ERR_DTYPE");
    const { shape, count } = dataspace;
    if (count !== elements(shape)) throw failure(path, "a dataspace with elements", "a null one");
    const size = count * datatype.size;
    let raw: Uint8Array;
    if (filters.length > 0 && layout.kind !== "chunked") throw failure(path, "filters on chunks alone", layout.kind);
    if (layout.kind === "chunked") raw = this.chunks(path, layout, shape, datatype.size, filters);
    else if (layout.kind === "compact") raw = layout.data;
    else if (size === 0) raw = new Uint8Array(0);
    else {
      if (isNone(layout.address)) throw failure(path, "data", "none, but for a value to fill it with");
      raw = new Cursor(this.bytes, path, layout.address).take(layout.size);
      this.contiguous += raw.length;
      if (this.contiguous > this.bytes.length)
        throw failure(path, "datasets apart from one another", "an overlap", "ERR_OFFSETS");
    }
    if (raw.length !== size)
      throw failure(path, `${size} bytes for shape ${shapeText(shape)} of ${dtype}`, raw.length, "ERR_SIZE");
    const Data = ARRAYS[dtype];
    const { buffer, byteOffset } = raw.byteOffset % Data.BYTES_PER_ELEMENT === 0 ? raw : new Uint8Array(raw);
    return { name: path, dtype, shape, data: new Data(buffer as ArrayBuffer, byteOffset, count) };
  }

  /** The chunks of a B-tree, put together row by row. */
  private chunks(
    path: string,
    layout: { readonly address: number; readonly chunk: readonly number[]; readonly elementSize: number },
    shape: readonly number[],
    elementSize: number,
    filters: readonly number[],
  ): Uint8Array {
    const { chunk } = layout;
    if (layout.elementSize !== elementSize) {
      throw failure(path, `chunks of elements of ${elementSize} bytes`, layout.elementSize);
    }
    const unknown = filters.find((id) => id !== DEFLATE && id !== SHUFFLE);
    if (unknown !== undefined) throw failure(path, "the filters gzip and shuffle", `filter ${unknown}`);
    if (new Set(filters).size !== filters.length) throw failure(path, "every filter once", filters.join(", "));
    const chunkBytes = elements(chunk) * elementSize;
    const grid = shape.map((size, i) => Math.ceil(size / chunk[i]));
    const count = elements(grid);
    this.inflated += Math.max(count * chunkBytes, elements(shape) * elementSize);
    const allowed = Math.max(ALWAYS_ALLOWED, this.limits.inflation * this.bytes.length);
    if (this.inflated > allowed) throw failure(path, `at most ${allowed} bytes of chunks`, this.inflated, "ERR_LIMIT");
    const out = new Uint8Array(elements(shape) * elementSize);
    const seen = new Set<string>();
    if (count > 0) {
      if (isNone(layout.address)) throw failure(path, "data", "none, but for a value to fill it with");
      this.leaves(path, layout.address, -1, shape.length, { left: 2 * count + 64 }, (at, packed, mask, offsets) => {
        const place = offsets.map((offset, i) => offset / chunk[i]);
        if (!place.every((one, i) => Number.isInteger(one) && one < grid[i]) || seen.has(`${place}`)) {
          throw at.error("every chunk once, on the grid of chunks", `(${offsets.join(", ")})`);
        }
        seen.add(`${place}`);
        if (mask !== 0) throw at.error("chunks with all their filters", `the mask ${mask}`);
        copyChunk(
          out,
          shape,
          this.unfiltered(at, packed, chunkBytes, elementSize, filters),
          chunk,
          offsets,
          elementSize,
        );
      });
    }
    if (seen.size !== count) throw failure(path, `${count} chunks`, seen.size);
    return out;
  }

  /** Calls `leaf` for each chunk; `budget` bounds the nodes. */
  private leaves(
    path: string,
    address: number,
    level: number,
    rank: number,
    budget: { left: number },
    leaf: (c: Cursor, packed: Uint8Array, mask: number, offsets: number[]) => void,
  ): void {
    const c = new Cursor(this.bytes, path, address);
    if (budget.left-- <= 0) throw c.error("a B-tree without circles", "more nodes than chunks");
    c.expectMark("TREE");
    c.expect("B-tree type", c.u8(), 1);
    const own = c.u8();
    if (level >= 0) c.expect("B-tree level", own, level);
    const count = c.u16();
    c.skip(16);
    for (let i = 0; i < count; i++) {
      const [size, mask] = [c.u32(), c.u32()];
      const offsets = Array.from({ length: rank }, () => c.u64());
      c.skip(8); // inside the element: 0
      const child = c.u64();
      if (own > 0) this.leaves(path, child, own - 1, rank, budget, leaf);
      else leaf(c, new Cursor(this.bytes, path, child).take(size), mask, offsets);
    }
  }

  /** Filters are undone from the last to the first. */
  private unfiltered(
    c: Cursor,
    packed: Uint8Array,
    size: number,
    elementSize: number,
    filters: readonly number[],
  ): Uint8Array {
    let data = packed;
    for (const id of [...filters].reverse())
      data = id === DEFLATE ? unzlib(c, data, size) : unshuffled(data, elementSize);
    if (data.length !== size) throw c.error(`${size} bytes of chunk`, data.length, "ERR_SIZE");
    return data;
  }

  /** The texts of an attribute. */
  text({ path, datatype, dataspace, data }: Attribute): string[] {
    if (dataspace.count === 0) return []; // h5py has no empty list of text
    const c = new Cursor(data, path, 0);
    if (datatype.kind === "text") return Array.from({ length: dataspace.count }, () => c.text(datatype.size));
    if (datatype.kind !== "heapText") throw c.error("text", datatype.name, "ERR_DTYPE");
    return Array.from({ length: dataspace.count }, () => {
      const [length, address, index] = [c.u32(), c.u64(), c.u32()];
      if (length === 0) return "";
      this.texts += length;
      const most = 2 * this.bytes.length; // honest texts are stored once, and read once or twice
      if (this.texts > most) throw c.error(`at most ${most} bytes of text`, this.texts, "ERR_LIMIT");
      const object = this.heap(path, address).get(index);
      if (object === undefined || object.length < length) throw c.error(`${length} bytes of text in a heap`, "fewer");
      return decodeUtf8(object.subarray(0, length), path);
    });
  }

  /** The objects of a global heap by their index. */
  private heap(path: string, address: number): Map<number, Uint8Array> {
    const known = this.heaps.get(address);
    if (known !== undefined) return known;
    const c = new Cursor(this.bytes, path, address);
    c.expectMark("GCOL");
    c.expect("heap version", c.u8(), 1);
    c.skip(3);
    const size = c.u64();
    const inside = new Cursor(this.bytes, path, address + 16, address + size);
    const objects = new Map<number, Uint8Array>();
    while (inside.at + 16 <= inside.end) {
      const index = inside.u16();
      if (index === 0) break; // what is free
      inside.skip(6);
      const length = inside.u64();
      const object = inside.take(length);
      inside.skip((8 - (length % 8)) % 8);
      if (objects.has(index)) throw inside.error("every object of a heap once", index, "ERR_DUPLICATE");
      objects.set(index, object);
      if (++this.heapObjects > this.limits.objects) {
        throw inside.error(`at most ${this.limits.objects} objects in heaps`, "more", "ERR_LIMIT");
      }
    }
    this.heaps.set(address, objects);
    return objects;
  }
}

/** About a dataset as a whole. */
function failure(
  path: string,
  expected: string,
  got: string | number,
  code: FormatErrorCode = "ERR_HDF5",
): FormatError {
  return new FormatError(code, `${path}: expected ${expected}; got ${got}`, { path });
}

/** RFC 1950: two bytes of head, deflate, Adler's checksum. */
function unzlib(c: Cursor, packed: Uint8Array, size: number): Uint8Array {
  if (packed.length < 6 || (packed[0] & 15) !== 8 || (packed[0] * 256 + packed[1]) % 31 !== 0 || packed[1] & 32) {
    throw c.error("data of zlib", `${packed.length} bytes that begin otherwise`);
  }
  const data = inflate(packed.subarray(2, -4), size, c.path, c.at);
  const sum = adler32(data);
  const got = packed.subarray(-4).reduce((value, byte) => value * 256 + byte, 0);
  if (got !== sum) throw c.error(`the checksum ${sum}`, got, "ERR_CHECKSUM");
  return data;
}

/** Bytes were sorted by their place in the element. */
function unshuffled(data: Uint8Array, elementSize: number): Uint8Array {
  const count = Math.floor(data.length / elementSize);
  const out = data.slice();
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < elementSize; k++) out[i * elementSize + k] = data[k * count + i];
  }
  return out;
}

/** The part of a chunk that lies inside the shape, row by row. */
function copyChunk(
  out: Uint8Array,
  shape: readonly number[],
  data: Uint8Array,
  chunk: readonly number[],
  offsets: readonly number[],
  elementSize: number,
): void {
  const last = shape.length - 1;
  const length = Math.min(chunk[last], shape[last] - offsets[last]);
  const rows = elements(chunk.slice(0, last));
  for (let row = 0; row < rows; row++) {
    let rest = row;
    let to = 0;
    let inside = true;
    let stride = shape[last];
    for (let axis = last - 1; axis >= 0; axis--) {
      const at = offsets[axis] + (rest % chunk[axis]);
      rest = Math.floor(rest / chunk[axis]);
      inside &&= at < shape[axis];
      to += at * stride;
      stride *= shape[axis];
    }
    if (!inside) continue;
    const from = row * chunk[last] * elementSize;
    out.set(data.subarray(from, from + length * elementSize), (to + offsets[last]) * elementSize);
  }
}
