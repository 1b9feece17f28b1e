/**
 * An HDF5 file → groups, datasets and attributes by name: the subset that h5py writes for Keras (HDF5 File Format Specification
 * 3.0). Superblocks 0, 2 and 3; object headers 1 and 2; groups of symbol tables or of link messages. Links to elsewhere, shared
 * messages and dense storage are refused by name. Every object is reached once, so nothing goes round in circles.
 */

import { FormatError } from "../../errors.ts";
import { show } from "../json.ts";
import { lookup3 } from "./checksum.ts";
import { Cursor } from "./cursor.ts";
import {
  type Dataspace,
  type Datatype,
  isNone,
  type Layout,
  readDataspace,
  readDatatype,
  readFilters,
  readLayout,
} from "./messages.ts";

/** What a file may ask for; more is ERR_LIMIT. */
export interface Hdf5Limits {
  readonly fileBytes: number;
  readonly objects: number;
  readonly depth: number;
  readonly rank: number;
  readonly nameLength: number;
  readonly inflation: number;
}

export const HDF5_LIMITS: Hdf5Limits = {
  // The weights must fit a linear memory of 2³² bytes. Largest realistic: 374 MB, ELMo (93.6 million parameters).
  fileBytes: 2 ** 32,
  // Groups, datasets and attributes, each about 500 bytes. Largest realistic: 10,000, a deep model with its optimizer.
  objects: 2 ** 16,
  // Groups inside one another. Largest realistic: 12, a layer wrapped five times.
  depth: 32,
  // Messages print whole shapes. Largest realistic: 5, a 3-D convolution.
  rank: 8,
  // Names are keys and stand in messages. Largest realistic: 150 bytes, a path of names.
  nameLength: 1024,
  // Bytes of all chunks for each byte of the file; 16 MiB are always allowed. Largest realistic: 20, weights mostly zero.
  inflation: 100,
};

/** A value beside an object: its type and shape, and where its bytes are. */
export interface Attribute {
  readonly path: string;
  readonly datatype: Datatype;
  readonly dataspace: Dataspace;
  readonly data: Uint8Array;
}

export interface Dataset {
  readonly path: string;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly datatype: Datatype;
  readonly dataspace: Dataspace;
  readonly layout: Layout;
  /** Ids of the filters, in the order in which they were applied. */
  readonly filters: readonly number[];
}

export interface Group {
  readonly path: string;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly groups: ReadonlyMap<string, Group>;
  readonly datasets: ReadonlyMap<string, Dataset>;
}

const SIGNATURE = "\x89HDF\r\n\x1a\n";

/** How the file begins. A block of the user's own before that, which HDF5 allows, is not looked for. */
export function isHdf5(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(0, 8)) === SIGNATURE;
}

/** The tree of a file. Data are read later, by those who need them. */
export function readHdf5(bytes: Uint8Array, limits: Hdf5Limits): Group {
  if (bytes.length > limits.fileBytes) {
    const message = `file: expected at most ${limits.fileBytes} bytes; got ${bytes.length}`;
    throw new FormatError("ERR_LIMIT", message, { offset: 0, path: "file" });
  }
  const tree = new Tree(bytes, limits);
  const root = tree.object(readSuperblock(bytes), "", 0);
  if ("groups" in root) return root;
  throw new FormatError("ERR_HDF5", "file: expected a group at the root; got a dataset", { path: "file" });
}

/** The address of the root's object header. */
function readSuperblock(bytes: Uint8Array): number {
  const c = new Cursor(bytes, "superblock", 8);
  const version = c.u8();
  c.expect("version", version, 0, 2, 3);
  if (version === 0) {
    c.skip(3); // versions of the free-space table and of the root's entry, reserved
    c.expect("version of shared messages", c.u8(), 0);
  }
  c.expect("size of offsets", c.u8(), 8);
  c.expect("size of lengths", c.u8(), 8);
  // reserved, the K of the B-trees, flags; or flags
  c.skip(version === 0 ? 9 : 1);
  c.expect("base address", c.u64(), 0);
  const extra = c.u64(); // free space, or an extension
  const end = c.u64();
  if (end > bytes.length)
    throw c.error(`${end} bytes of file`, `${bytes.length}.`, "ERR_TRUNCATED", "Is it cut short?");
  if (end < bytes.length) throw c.error(`the end of the file at ${end}`, bytes.length, "ERR_SIZE");
  if (!isNone(extra)) throw c.error("no free-space table and no extension", extra);
  if (version > 0) {
    const root = c.u64();
    checkSum(c, 0);
    return root;
  }
  if (!isNone(c.u64())) throw c.error("no driver information", "some");
  c.skip(8); // offset of the root's name, which has none
  return c.u64();
}

/** The checksum at the cursor is that of the bytes from `start` on. */
function checkSum(c: Cursor, start: number): void {
  const expected = lookup3(c.bytes.subarray(start, c.at));
  const got = c.u32();
  if (got !== expected) throw c.error(`the checksum ${expected}`, got, "ERR_CHECKSUM");
}

/** Message types (IV.A.2); those that say nothing about names and data are in NEUTRAL. */
const DATASPACE = 1;
const LINK_INFO = 2;
const DATATYPE = 3;
const LINK = 6;
const LAYOUT = 8;
const FILTERS = 11;
const ATTRIBUTE = 12;
const CONTINUATION = 16;
const SYMBOL_TABLE = 17;
const ATTRIBUTE_INFO = 21;
/** nil, fill values (data are never missing here), group info, comment, times, reference count */
const NEUTRAL = [0, 4, 5, 10, 13, 14, 18, 22];

/** Message types that are refused, by what they say. */
const REFUSED = new Map([
  [7, "external files"],
  [9, "a bogus message"],
  [15, "a table of shared messages"],
  [19, "other sizes of B-trees"],
  [20, "driver information"],
  [23, "free space of its own"],
]);

interface Message {
  readonly type: number;
  readonly body: Cursor;
}

class Tree {
  private readonly seen = new Set<number>();
  private objects = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly limits: Hdf5Limits,
  ) {}

  /** Counts what is made, and refuses a place that was read before. */
  private visit(c: Cursor): void {
    this.count(c);
    if (this.seen.has(c.at)) throw c.error("every part to be reached once", "a part that was read before");
    this.seen.add(c.at);
  }

  private count(c: Cursor): void {
    const { objects } = this.limits;
    if (++this.objects > objects) throw c.error(`at most ${objects} objects`, "more", "ERR_LIMIT");
  }

  private at(path: string, address: number): Cursor {
    return new Cursor(this.bytes, path, address);
  }

  object(address: number, path: string, depth: number): Group | Dataset {
    const c = this.at(path || "/", address);
    this.visit(c);
    if (depth > this.limits.depth) throw c.error(`groups at most ${this.limits.depth} deep`, "more", "ERR_LIMIT");
    const messages = this.bytes[address] === 1 ? this.header1(c) : this.header2(c);
    const of = (type: number) => {
      const found = messages.filter((one) => one.type === type);
      if (found.length > 1) throw c.error(`one message of type ${type}`, found.length);
      return found[0]?.body;
    };
    const attributes = new Map<string, Attribute>();
    const info = of(ATTRIBUTE_INFO);
    if (info && isDense(info, 2)) throw info.error("attributes in the header", "dense storage");
    for (const { type, body } of messages) {
      if (type !== ATTRIBUTE) continue;
      this.count(body);
      const [name, attribute] = this.attribute(body);
      if (attributes.has(name)) throw body.error("every name once", show(name), "ERR_DUPLICATE");
      attributes.set(name, attribute);
    }
    const layout = of(LAYOUT);
    if (layout !== undefined) {
      const [dataspace, datatype] = [of(DATASPACE), of(DATATYPE)];
      if (!dataspace || !datatype) throw c.error("a dataspace and a datatype of the dataset", "none");
      const space = readDataspace(dataspace, this.limits.rank);
      const filters = of(FILTERS);
      return {
        path,
        attributes,
        datatype: readDatatype(datatype),
        dataspace: space,
        layout: readLayout(layout, space.shape),
        filters: filters ? readFilters(filters) : [],
      };
    }
    const members = { path, attributes, groups: new Map<string, Group>(), datasets: new Map<string, Dataset>() };
    const add = (from: Cursor, name: string, header: number) => {
      if (name === "" || name === "." || name.includes("/") || name.length > this.limits.nameLength) {
        throw from.error(`a name of 1 … ${this.limits.nameLength} units without "/"`, show(name), "ERR_NAME");
      }
      if (members.groups.has(name) || members.datasets.has(name)) {
        throw from.error("every name once", show(name), "ERR_DUPLICATE");
      }
      const member = this.object(header, `${path}/${name}`, depth + 1);
      if ("groups" in member) members.groups.set(name, member);
      else members.datasets.set(name, member);
    };
    const table = of(SYMBOL_TABLE);
    if (table !== undefined) this.symbols(table, add);
    const links = of(LINK_INFO);
    if (links && isDense(links, 8)) throw links.error("links in the header", "dense storage.", "ERR_HDF5", EARLIEST);
    for (const { type, body } of messages) if (type === LINK) readLink(body, add);
    return members;
  }

  /** Version 1: blocks of messages; the first follows the prefix of 16 bytes. */
  private header1(c: Cursor): Message[] {
    c.skip(2);
    const count = c.u16();
    c.skip(4); // how many links lead here
    const size = c.u32();
    c.skip(4);
    const messages: Message[] = [];
    const blocks = [new Cursor(this.bytes, c.path, c.at, c.at + size)];
    for (const block of blocks) {
      while (block.at + 8 <= block.end) {
        const [type, length, flags] = [block.u16(), block.u16(), block.u8()];
        block.skip(3);
        this.message(block, type, length, flags, messages, blocks);
      }
    }
    if (messages.length > count) throw c.error(`${count} messages`, messages.length);
    return messages;
  }

  /** Version 2: marked blocks with checksums. */
  private header2(c: Cursor): Message[] {
    const start = c.at;
    c.expectMark("OHDR");
    c.expect("version", c.u8(), 2);
    const flags = c.u8();
    c.skip((flags & 32 ? 16 : 0) + (flags & 16 ? 4 : 0)); // times; sizes for dense storage
    const size = c.unsigned(2 ** (flags & 3));
    const messages: Message[] = [];
    const blocks = [new Cursor(this.bytes, c.path, c.at, c.at + size)];
    checkSum(new Cursor(this.bytes, c.path, blocks[0].end), start);
    for (const block of blocks) {
      const from = block.at;
      let end = block.end;
      if (block !== blocks[0]) {
        block.expectMark("OCHK");
        end -= 4;
        checkSum(new Cursor(this.bytes, c.path, end), from);
      }
      const head = flags & 4 ? 6 : 4;
      while (block.at + head <= end) {
        const [type, length, bits] = [block.u8(), block.u16(), block.u8()];
        block.skip(head - 4);
        this.message(block, type, length, bits, messages, blocks);
      }
    }
    return messages;
  }

  private message(c: Cursor, type: number, size: number, flags: number, messages: Message[], blocks: Cursor[]): void {
    const from = c.skip(size);
    const body = new Cursor(this.bytes, c.path, from, from + size);
    this.count(c);
    if (flags & 2) throw body.error("a message of its own", "a shared one");
    const refused = REFUSED.get(type);
    const used = [DATASPACE, LINK_INFO, DATATYPE, LINK, LAYOUT, FILTERS, ATTRIBUTE, SYMBOL_TABLE, ATTRIBUTE_INFO];
    if (type === CONTINUATION) {
      const block = this.at(c.path, body.u64());
      this.visit(block);
      blocks.push(new Cursor(this.bytes, c.path, block.at, block.at + body.u64()));
    } else if (refused !== undefined || !(NEUTRAL.includes(type) || used.includes(type))) {
      throw body.error("a message of a known type", refused ?? `type ${type}`);
    }
    messages.push({ type, body });
  }

  private attribute(c: Cursor): [string, Attribute] {
    const version = c.u8();
    c.expect("attribute version", version, 1, 2, 3);
    const flags = c.u8();
    if (version > 1 && flags !== 0) throw c.error("an attribute of its own type", "a shared one");
    const [nameSize, typeSize, spaceSize] = [c.u16(), c.u16(), c.u16()];
    if (version === 3) c.skip(1);
    // Version 1 pads to eight bytes.
    const part = (size: number) => {
      const at = c.skip(version === 1 ? Math.ceil(size / 8) * 8 : size);
      return new Cursor(this.bytes, c.path, at, at + size);
    };
    const name = part(nameSize).text(nameSize);
    const path = `${c.path}@${name.slice(0, 60)}`;
    const datatype = readDatatype(part(typeSize));
    const dataspace = readDataspace(part(spaceSize), this.limits.rank);
    const size = datatype.size * dataspace.count;
    return [name, { path, datatype, dataspace, data: c.take(size) }];
  }

  /** A group of version 1: a B-tree of symbol tables, whose names lie in a heap. */
  private symbols(message: Cursor, add: (c: Cursor, name: string, header: number) => void): void {
    const { path } = message;
    const root = message.u64();
    const heap = this.at(path, message.u64());
    this.visit(heap);
    heap.expectMark("HEAP");
    heap.expect("heap version", heap.u8(), 0);
    heap.skip(3);
    const size = heap.u64();
    heap.skip(8); // free list
    const names = heap.u64();
    const end = names + size;
    this.node(root, path, -1, (entry) => {
      const table = this.at(path, entry);
      this.visit(table);
      table.expectMark("SNOD");
      table.expect("table version", table.u8(), 1);
      table.skip(1);
      const count = table.u16();
      for (let i = 0; i < count; i++) {
        const name = new Cursor(this.bytes, path, names + table.u64(), end);
        const header = table.u64();
        const cached = table.u32();
        if (cached > 1) throw table.error("a hard link", cached === 2 ? "a soft link" : `kind ${cached}`);
        table.skip(20);
        add(table, name.text(name.end - name.at), header);
      }
    });
  }

  /** Calls `leaf` with each child of the lowest nodes; `level` is what the node must have, −1 at the root. */
  private node(address: number, path: string, level: number, leaf: (address: number) => void): void {
    const c = this.at(path, address);
    this.visit(c);
    c.expectMark("TREE");
    c.expect("B-tree type", c.u8(), 0);
    const own = c.u8();
    if (level >= 0) c.expect("B-tree level", own, level);
    const count = c.u16();
    c.skip(16 + 8); // siblings, first key
    for (let i = 0; i < count; i++) {
      const child = c.u64();
      c.skip(8);
      if (own === 0) leaf(child);
      else this.node(child, path, own - 1, leaf);
    }
  }
}

const EARLIEST = 'Save it with h5py\'s default, libver="earliest".';

/** Link info and attribute info: the address of a heap, where not all is in the header. `orderBytes`: of a creation order. */
function isDense(c: Cursor, orderBytes: number): boolean {
  c.expect("version", c.u8(), 0);
  c.skip(c.u8() & 1 ? orderBytes : 0);
  return !isNone(c.u64());
}

function readLink(c: Cursor, add: (c: Cursor, name: string, header: number) => void): void {
  c.expect("link version", c.u8(), 1);
  const flags = c.u8();
  const kind = flags & 8 ? c.u8() : 0;
  if (kind !== 0)
    throw c.error("a hard link", kind === 1 ? "a soft link" : kind === 64 ? "an external link" : `kind ${kind}`);
  c.skip((flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0)); // creation order, character set
  const name = c.text(c.unsigned(2 ** (flags & 3)));
  add(c, name, c.u64());
}
