/**
 * A zip archive → its members (APPNOTE 6.3.10: stored and deflated, zip64). The archive is read once, from its central
 * directory, and everything else must agree with that: names, sizes and methods of the local headers, data descriptors,
 * checksums. Members lie one after another without holes or overlaps, so no byte is two things and nothing hides.
 */

import { Inflate } from "fflate";
import { FormatError } from "../errors.ts";
import { decodeUtf8, show } from "./json.ts";
import { failure } from "./safetensors.ts";

/** What an archive may ask for; more is ERR_LIMIT. */
export interface ZipLimits {
  readonly fileBytes: number;
  readonly members: number;
  readonly nameLength: number;
  readonly inflation: number;
}

export const ZIP_LIMITS: ZipLimits = {
  // The weights must fit a linear memory of 2³² bytes. Largest realistic: 374 MB, ELMo (93.6 million parameters).
  fileBytes: 2 ** 32,
  // A member costs about 300 bytes whatever its size. Largest realistic: 3,000, a checkpoint with its optimizer.
  members: 2 ** 16,
  // Names are keys and stand in messages. Largest realistic: 150 UTF-16 units, modules wrapped ten deep.
  nameLength: 1024,
  // Bytes of all members for each byte of the file; 16 MiB are always allowed. Deflate reaches 1,032, and a bomb needs
  // that. Largest realistic: 20, weights of which nineteen in twenty are zero.
  inflation: 100,
};

/** Small archives of zeros are no danger. */
const ALWAYS_ALLOWED = 2 ** 24;

export interface ZipMember {
  readonly name: string;
  readonly deflated: boolean;
  readonly crc: number;
  /** Once unpacked. */
  readonly size: number;
  /** As it lies in the file: a view. */
  readonly packed: Uint8Array;
  /** Where that begins in the file. */
  readonly offset: number;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const DESCRIPTOR = 0x08074b50;
const U16_MAX = 0xffff;
const U32_MAX = 0xffffffff;

/** Bit 3: sizes follow the data; 11: the name is UTF-8; 1 and 2: how hard the packer tried. */
const KNOWN_FLAGS = 0b1000_0000_1110;
const HAS_DESCRIPTOR = 8;

/** The name of the first member, unchecked: for telling formats apart. */
export function firstMember(bytes: Uint8Array): string | undefined {
  if (bytes.length < 30 || latin1(bytes, 0, 4) !== "PK\x03\x04") return undefined;
  return latin1(bytes, 30, bytes[26] | (bytes[27] << 8));
}

/** The members of an archive by name, in the order of its directory. Nothing is unpacked yet. */
export function readZip(bytes: Uint8Array, limits: ZipLimits): Map<string, ZipMember> {
  const { length } = bytes;
  if (length > limits.fileBytes) throw failure("ERR_LIMIT", "file", `at most ${limits.fileBytes} bytes`, length, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const { count, start, end } = directoryOf(view);
  if (count > limits.members) throw failure("ERR_LIMIT", "file", `at most ${limits.members} members`, count, end);

  const entries: Entry[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const entry = readCentral(view, bytes, at, end, limits);
    entries.push(entry);
    at = entry.end;
  }
  if (at !== end) throw failure("ERR_ZIP", "directory", `${count} members, then its end at ${end}`, at, at);

  const members = new Map<string, ZipMember>();
  const allowed = Math.max(ALWAYS_ALLOWED, limits.inflation * length);
  let total = 0;
  let covered = 0;
  entries.forEach((entry, i) => {
    const { name, size, local, at } = entry;
    if (members.has(name)) throw failure("ERR_DUPLICATE", "directory", "every name once", show(name), at);
    total += size;
    if (total > allowed) {
      throw failure("ERR_LIMIT", "directory", `at most ${allowed} bytes in a file of ${length}`, total, at);
    }
    if (local !== covered) {
      const got = `${local}, which makes ${local < covered ? "an overlap" : "a hole"}`;
      throw failure("ERR_ZIP", name, `a header at ${covered}, where the member before ends`, got, at);
    }
    const next = i + 1 < entries.length ? entries[i + 1] : undefined;
    if (next !== undefined && next.local > start)
      throw failure("ERR_ZIP", next.name, `a header before the directory at ${start}`, next.local, next.at);
    covered = next?.local ?? start;
    members.set(name, readLocal(view, bytes, entry, covered));
  });
  if (covered !== start) throw failure("ERR_ZIP", "file", "members before the directory", `${start} bytes of none`, 0);
  return members;
}

/** What the directory says about one member. */
interface Entry {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  /** Offset of the local header. */
  readonly local: number;
  /** Where the entry itself begins and ends. */
  readonly at: number;
  readonly end: number;
}

/** The last 22 bytes are the end record: comments, which archives hide things in, are not allowed. */
function directoryOf(view: DataView): { count: number; start: number; end: number } {
  const at = view.byteLength - 22;
  if (at < 0 || view.getUint32(at, true) !== END) {
    const got = at < 0 ? `${view.byteLength} bytes` : hex(view.getUint32(at, true));
    throw failure("ERR_TRUNCATED", "file", "a zip end record in the last 22 bytes", `${got}.`, Math.max(at, 0), CUT);
  }
  let count = view.getUint16(at + 10, true);
  let size = view.getUint32(at + 12, true);
  let start = view.getUint32(at + 16, true);
  let end = at;
  const disks = [view.getUint16(at + 4, true), view.getUint16(at + 6, true)];
  const here = view.getUint16(at + 8, true);
  if (disks.some((disk) => disk !== 0) || here !== count) {
    throw failure("ERR_ZIP", "end record", "one archive of one part", `part ${disks} with ${here} of ${count}`, at);
  }
  if (view.getUint16(at + 20, true) !== 0) {
    throw failure("ERR_ZIP", "end record", "no comment", `${view.getUint16(at + 20, true)} bytes`, at);
  }
  const locator = at - 20;
  if (locator >= 0 && view.getUint32(locator, true) === LOCATOR64) {
    end = u64(view, locator + 8);
    if (end !== locator - 56 || view.getUint32(end, true) !== END64 || u64(view, end + 4) !== 44) {
      throw failure("ERR_ZIP", "zip64 locator", `an end record of 56 bytes at ${locator - 56}`, end, locator);
    }
    if (view.getUint32(end + 16, true) !== 0 || view.getUint32(end + 20, true) !== 0) {
      throw failure("ERR_ZIP", "zip64 end record", "one archive of one part", "several", end);
    }
    const big = [u64(view, end + 32), u64(view, end + 40), u64(view, end + 48)];
    const agree = [
      (count === U16_MAX || count === big[0]) && u64(view, end + 24) === big[0],
      size === U32_MAX || size === big[1],
      start === U32_MAX || start === big[2],
    ];
    if (agree.includes(false)) {
      throw failure("ERR_ZIP", "zip64 end record", `what the end record says, ${[count, size, start]}`, `${big}`, end);
    }
    [count, size, start] = big;
  }
  if (start + size !== end) {
    throw failure("ERR_ZIP", "end record", `a directory that ends at ${end}`, `${start} + ${size}`, at);
  }
  if (count * 46 > size) throw failure("ERR_ZIP", "end record", `${count * 46} bytes or more of directory`, size, at);
  return { count, start, end };
}

const CUT = "Is the file cut short?";

/** One entry of the directory, within `end`. */
function readCentral(view: DataView, bytes: Uint8Array, at: number, end: number, limits: ZipLimits): Entry {
  if (at + 46 > end || view.getUint32(at, true) !== CENTRAL) {
    throw failure("ERR_ZIP", "directory", "an entry of 46 bytes or more", at + 46 > end ? end - at : "none", at);
  }
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const lengths = [28, 30, 32].map((field) => view.getUint16(at + field, true));
  const [nameBytes, extraBytes, commentBytes] = lengths;
  const next = at + 46 + nameBytes + extraBytes + commentBytes;
  if (next > end) throw failure("ERR_ZIP", "directory", `an entry that ends by ${end}`, next, at);
  const name = decodeUtf8(bytes.subarray(at + 46, at + 46 + nameBytes), "name of a member", at + 46);
  checkName(name, at, limits);
  if ((flags & ~KNOWN_FLAGS) !== 0) {
    const got = flags & 1 ? "an encrypted one" : `flags ${hex(flags)}`;
    throw failure("ERR_ZIP", name, "a plain member", got, at);
  }
  if (method !== 0 && method !== 8) throw failure("ERR_ZIP", name, "a stored or deflated member", method, at);
  if (commentBytes !== 0) throw failure("ERR_ZIP", name, "no comment", `${commentBytes} bytes`, at);
  if (view.getUint16(at + 34, true) !== 0) throw failure("ERR_ZIP", name, "a member of this part", "another", at);
  const from = at + 46 + nameBytes;
  const wide = wideSizes(view, from, from + extraBytes, name);
  // Those that do not fit 32 bits stand in the extra field, in this order.
  const [size, packedSize, local] = [24, 20, 42].map((field) => {
    const value = view.getUint32(at + field, true);
    if (value !== U32_MAX) return value;
    const one = wide.shift();
    if (one === undefined) throw failure("ERR_ZIP", name, "a size in its zip64 field", "none", at);
    return one;
  });
  if (method === 0 && packedSize !== size) throw failure("ERR_ZIP", name, `${size} stored bytes`, packedSize, at);
  return { name, flags, method, crc: view.getUint32(at + 16, true), packedSize, size, local, at, end: next };
}

/** Names are keys; they never become paths, and those that look like a way out are refused all the same. */
function checkName(name: string, at: number, { nameLength }: ZipLimits): void {
  if (name.length > nameLength) {
    throw failure("ERR_LIMIT", "directory", `a name of at most ${nameLength} UTF-16 units`, name.length, at);
  }
  if (name === "" || /^\/|\\|\0|(^|\/)\.\.?(\/|$)|^[a-z]:/i.test(name)) {
    throw failure("ERR_NAME", "directory", "a relative name", show(name), at);
  }
}

/** The u64s of the zip64 extra field (id 1); other fields are padding, times and the like. */
function wideSizes(view: DataView, from: number, to: number, name: string): number[] {
  const found: number[] = [];
  for (let at = from; at < to; ) {
    const length = at + 4 > to ? U32_MAX : view.getUint16(at + 2, true);
    if (at + 4 + length > to)
      throw failure("ERR_ZIP", name, "extra fields that end where they say", "a longer one", at);
    if (view.getUint16(at, true) === 1) {
      for (let i = 0; i + 8 <= length; i += 8) found.push(u64(view, at + 4 + i));
    }
    at += 4 + length;
  }
  return found;
}

/** Checks the local header and what follows the data, up to the next header at `next`. */
function readLocal(view: DataView, bytes: Uint8Array, entry: Entry, next: number): ZipMember {
  const { name, local: at, flags, method, crc, size, packedSize } = entry;
  const room = next - at;
  if (room < 30 || view.getUint32(at, true) !== LOCAL) {
    throw failure("ERR_ZIP", name, "a local header of 30 bytes or more", room < 30 ? room : "none", at);
  }
  const nameBytes = view.getUint16(at + 26, true);
  const extraBytes = view.getUint16(at + 28, true);
  const offset = at + 30 + nameBytes + extraBytes;
  if (offset + packedSize > next) {
    throw failure("ERR_ZIP", name, `${packedSize} bytes before ${next}`, next - offset, offset);
  }
  const own = latin1(bytes, at + 30, nameBytes);
  const directory = latin1(bytes, entry.at + 46, view.getUint16(entry.at + 28, true));
  const same = own === directory && view.getUint16(at + 6, true) === flags && view.getUint16(at + 8, true) === method;
  if (!same) throw failure("ERR_ZIP", name, "a local header with the directory's name, flags and method", "others", at);

  const wide = wideSizes(view, offset - extraBytes, offset, name);
  const [ownSize, ownPacked] = [22, 18].map((field) => {
    const value = view.getUint32(at + field, true);
    return value === U32_MAX ? (wide.shift() ?? value) : value;
  });
  const ownCrc = view.getUint32(at + 14, true);
  const later = (flags & HAS_DESCRIPTOR) !== 0;
  const blank = later && ownCrc === 0 && [0, U32_MAX].includes(ownSize) && [0, U32_MAX].includes(ownPacked);
  if (!blank && (ownCrc !== crc || ownSize !== size || ownPacked !== packedSize)) {
    const said = [crc, size, packedSize];
    throw failure("ERR_ZIP", name, `checksum and sizes ${said}`, `${[ownCrc, ownSize, ownPacked]}`, at);
  }
  const end = offset + packedSize;
  if (later) checkDescriptor(view, entry, end, next);
  else if (end !== next) throw failure("ERR_ZIP", name, `its end at ${next}, where the next part begins`, end, end);
  const packed = bytes.subarray(offset, end);
  return { name, deflated: method === 8, crc, size, packed, offset };
}

/** [signature], checksum, packed size, size: of 4 or 8 bytes. */
function checkDescriptor(view: DataView, { name, crc, packedSize, size }: Entry, at: number, next: number): void {
  const length = next - at;
  const values = [crc, packedSize, size].map((value) => BigInt(value));
  if (![12, 16, 20, 24].includes(length)) {
    throw failure("ERR_ZIP", name, "a data descriptor of 12, 16, 20 or 24 bytes", length, at);
  }
  const signed = length % 8 === 0;
  const wide = length >= 20;
  const from = at + (signed ? 4 : 0);
  const found = wide
    ? [BigInt(view.getUint32(from, true)), view.getBigUint64(from + 4, true), view.getBigUint64(from + 12, true)]
    : [0, 4, 8].map((field) => BigInt(view.getUint32(from + field, true)));
  if (`${found}` !== `${values}` || (signed && view.getUint32(at, true) !== DESCRIPTOR)) {
    throw failure("ERR_ZIP", name, `a data descriptor of ${values}`, `${found}`, at);
  }
}

/** The bytes of a member: a view where it is stored. Sizes are checked before anything is allocated, then the checksum. */
export function unpack({ name, deflated, crc, size, packed, offset }: ZipMember): Uint8Array {
  const bytes = deflated ? inflate(packed, size, name, offset) : packed;
  const got = crc32(bytes);
  if (got !== crc) throw failure("ERR_CHECKSUM", name, `bytes with the checksum ${hex(crc)}`, hex(got), offset);
  return bytes;
}

/** Raw deflate, whose size is known. In pieces, so that data which goes on past its size is stopped within 17 MB (16 KiB at deflate's 1,032). */
export function inflate(packed: Uint8Array, size: number, path: string, offset: number): Uint8Array {
  // Before the allocation: deflate gives at most 1,032 bytes for one.
  if (size > 1032 * packed.length) {
    throw failure("ERR_SIZE", path, `at most ${1032 * packed.length} bytes from ${packed.length}`, size, offset);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  const stream = new Inflate((part) => {
    if (at + part.length > size) throw failure("ERR_SIZE", path, `${size} bytes`, "more", offset);
    bytes.set(part, at);
    at += part.length;
  });
  try {
    for (let from = 0; from === 0 || from < packed.length; from += PIECE) {
      stream.push(packed.subarray(from, from + PIECE), from + PIECE >= packed.length);
    }
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw failure("ERR_ZIP", path, "deflated data (RFC 1951)", (error as Error).message, offset);
  }
  if (at !== size) throw failure("ERR_SIZE", path, `${size} bytes`, at, offset);
  return bytes;
}

const PIECE = 2 ** 14;

/** The remainders of ISO 3309's polynomial, reversed: 0xedb88320. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function crc32(bytes: Uint8Array): number {
  let value = U32_MAX;
  for (let i = 0; i < bytes.length; i++) value = CRC_TABLE[(value ^ bytes[i]) & 255] ^ (value >>> 8);
  return (value ^ U32_MAX) >>> 0;
}

/** Rounded only from 2⁵³ on, where it is past every file's end. */
function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

function latin1(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
