/**
 * Malformed HDF5 files: files of test/golden/keras with some bytes changed, and those in `refused`, which h5py wrote with what
 * HDF5 can do and Keras does not. Offsets are those of the HDF5 File Format Specification 3.0.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GOLDEN } from "../vectors.ts";

export const file = (name: string) => new Uint8Array(readFileSync(join(GOLDEN, "keras", name)));

/** The code is written without its ERR_; the message is a part of the whole. */
export type Case = [name: string, bytes: () => Uint8Array, code: string, message: string];

type Change = (view: DataView, bytes: Uint8Array) => void;

/** Where the n-th such mark stands. */
function mark(bytes: Uint8Array, text: string, n = 0): number {
  let at = -1;
  for (let i = 0; i <= n; i++) at = Buffer.from(bytes).indexOf(text, at + 1, "latin1");
  if (at < 0) throw new Error(`${text}: expected ${n + 1} of them`);
  return at;
}

/** A file with changes; its own object headers of version 2 keep their old checksums. */
function changed(name: string, change: Change): () => Uint8Array {
  return () => {
    const bytes = file(name);
    change(new DataView(bytes.buffer, bytes.byteOffset), bytes);
    return bytes;
  };
}

const u8 =
  (at: number, value: number): Change =>
  (view) =>
    view.setUint8(at, value);
const u64 =
  (at: number, value: bigint): Change =>
  (view) =>
    view.setBigUint64(at, value, true);
const NONE = 2n ** 64n - 1n;

/** A change at the n-th mark, so many bytes after it begins. */
const after =
  (text: string, n: number, offset: number, size: 1 | 2 | 4 | 8, value: number | bigint): Change =>
  (view, bytes) => {
    const at = mark(bytes, text, n) + offset;
    if (size === 1) view.setUint8(at, Number(value));
    else if (size === 2) view.setUint16(at, Number(value), true);
    else if (size === 4) view.setUint32(at, Number(value), true);
    else view.setBigUint64(at, BigInt(value), true);
  };

const V0 = "weights.h5";
const V2 = "latest.h5";
const CHUNKED = "chunked.h5";
const TEXT = "sequential2-text.h5";

/** [what, base, change, code, message] */
type Row = [string, string, Change, string, string];

const SUPERBLOCK: Row[] = [
  ["superblock 1", V0, u8(8, 1), "HDF5", "superblock at byte 8: expected version 0 or 2 or 3; got 1"],
  ["superblock 4", V0, u8(8, 4), "HDF5", "superblock at byte 8: expected version 0 or 2 or 3; got 4"],
  ["superblock 255", V0, u8(8, 255), "HDF5", "superblock at byte 8: expected version 0 or 2 or 3; got 255"],
  [
    "shared messages of version 1",
    V0,
    u8(12, 1),
    "HDF5",
    "superblock at byte 12: expected version of shared messages 0; got 1",
  ],
  ["offsets of 4 bytes", V0, u8(13, 4), "HDF5", "superblock at byte 13: expected size of offsets 8; got 4"],
  ["offsets of 0 bytes", V0, u8(13, 0), "HDF5", "superblock at byte 13: expected size of offsets 8; got 0"],
  ["lengths of 4 bytes", V0, u8(14, 4), "HDF5", "superblock at byte 14: expected size of lengths 8; got 4"],
  ["a base address", V0, u64(24, 512n), "HDF5", "superblock at byte 24: expected base address 0; got 512"],
  [
    "a base address of 2⁶⁴ − 1",
    V0,
    u64(24, NONE),
    "HDF5",
    "superblock at byte 24: expected base address 0; got 18446744073709552000",
  ],
  [
    "a free-space table",
    V0,
    u64(32, 96n),
    "HDF5",
    "superblock at byte 40: expected no free-space table and no extension; got 96",
  ],
  [
    "an end past the file",
    V0,
    u64(40, 13369n),
    "TRUNCATED",
    "superblock at byte 40: expected 13369 bytes of file; got 13368. Is it cut short?",
  ],
  [
    "an end of 2⁶³",
    V0,
    u64(40, 2n ** 63n),
    "TRUNCATED",
    "superblock at byte 40: expected 9223372036854776000 bytes of file; got 13368. Is it cut short?",
  ],
  [
    "an end before the file's",
    V0,
    u64(40, 13000n),
    "SIZE",
    "superblock at byte 40: expected the end of the file at 13000; got 13368",
  ],
  ["driver information", V0, u64(48, 96n), "HDF5", "superblock at byte 48: expected no driver information; got some"],
  ["a root at 0", V0, u64(64, 0n), "HDF5", '/ at byte 0: expected "OHDR"; got "HDF"'],
  [
    "a root past the end",
    V0,
    u64(64, 20000n),
    "HDF5",
    "/ at byte 13368: expected a place in the 13368 bytes of the file; got 20000 … 13368",
  ],
  [
    "a root of 2⁶⁴ − 1",
    V0,
    u64(64, NONE),
    "HDF5",
    "/ at byte 13368: expected a place in the 13368 bytes of the file; got 18446744073709552000 … 13368",
  ],
  ["a root at the last byte", V0, u64(64, 13367n), "TRUNCATED", "/ at byte 13367: expected 4 bytes more; got 1"],
  [
    "offsets of 4 bytes in superblock 3",
    V2,
    u8(9, 4),
    "HDF5",
    "superblock at byte 9: expected size of offsets 8; got 4",
  ],
  [
    "lengths of 16 bytes in superblock 3",
    V2,
    u8(10, 16),
    "HDF5",
    "superblock at byte 10: expected size of lengths 8; got 16",
  ],
  [
    "another root in superblock 3, whose checksum stays",
    V2,
    u64(36, 389n),
    "CHECKSUM",
    "superblock at byte 44: expected the checksum ",
  ],
  [
    "an extension of superblock 3",
    V2,
    u64(20, 48n),
    "HDF5",
    "superblock at byte 28: expected no free-space table and no extension; got 48",
  ],
  ["another checksum of superblock 3", V2, u8(44, 0), "CHECKSUM", "superblock at byte 44: expected the checksum "],
];

const HEADERS: Row[] = [
  [
    "an object header of version 0",
    V0,
    u8(96, 0),
    "HDF5",
    '/ at byte 96: expected "OHDR"; got "\\u0000\\u0000\\u0005\\u0000"',
  ],
  [
    "an object header of version 2 in version 1",
    V0,
    u8(96, 2),
    "HDF5",
    '/ at byte 96: expected "OHDR"; got "\\u0002\\u0000\\u0005\\u0000"',
  ],
  ["more messages than the header counts", V0, u8(98, 1), "HDF5", "/ at byte 108: expected 1 messages; got 5"],
  [
    "a header's size of 2³² − 1",
    V0,
    (view) => view.setUint32(104, 2 ** 32 - 1, true),
    "HDF5",
    "/ at byte 112: expected a place in the 13368 bytes of the file; got 112 … 4294967407",
  ],
  [
    "a message longer than its header",
    V0,
    (view) => view.setUint16(114, 0xfff8, true),
    "TRUNCATED",
    "/ at byte 120: expected 65528 bytes more; got 16",
  ],
  [
    "a message of an unknown type",
    V0,
    (view) => view.setUint16(112, 99, true),
    "HDF5",
    "/ at byte 120: expected a message of a known type; got type 99",
  ],
  [
    "a message of external files",
    V0,
    (view) => view.setUint16(112, 7, true),
    "HDF5",
    "/ at byte 120: expected a message of a known type; got external files",
  ],
  [
    "a bogus message",
    V0,
    (view) => view.setUint16(112, 9, true),
    "HDF5",
    "/ at byte 120: expected a message of a known type; got a bogus message",
  ],
  [
    "a table of shared messages",
    V0,
    (view) => view.setUint16(112, 15, true),
    "HDF5",
    "/ at byte 120: expected a message of a known type; got a table of shared messages",
  ],
  [
    "a message of driver information",
    V0,
    (view) => view.setUint16(112, 20, true),
    "HDF5",
    "/ at byte 120: expected a message of a known type; got driver information",
  ],
  ["a shared message", V0, u8(116, 2), "HDF5", "/ at byte 120: expected a message of its own; got a shared one"],
  [
    "a continuation to the header itself",
    V0,
    u64(120, 96n),
    "HDF5",
    "/ at byte 96: expected every part to be reached once; got a part that was read before",
  ],
  [
    "a continuation past the end",
    V0,
    u64(120, 2n ** 40n),
    "HDF5",
    "/ at byte 13368: expected a place in the 13368 bytes of the file; got 1099511627776 … 13368",
  ],
  [
    "a continuation of 2⁴⁰ bytes",
    V0,
    u64(128, 2n ** 40n),
    "HDF5",
    "/ at byte 800: expected a place in the 13368 bytes of the file; got 800 … 1099511628576",
  ],
  [
    "a continuation that leads to itself",
    V0,
    (view) => {
      view.setUint16(800, 16, true);
      view.setBigUint64(808, 800n, true);
      view.setBigUint64(816, 24n, true);
    },
    "HDF5",
    "/ at byte 800: expected every part to be reached once; got a part that was read before",
  ],
  [
    "a symbol table twice",
    V0,
    (view) => view.setUint16(824, 17, true),
    "HDF5",
    "/ at byte 108: expected one message of type 17; got 2",
  ],
  [
    "neither group nor dataset",
    V0,
    (view) => view.setUint16(800, 0, true),
    "HDF5",
    '/: expected a group "lstm" of layer_names; got none',
  ],
  [
    "another mark of a header of version 2",
    V2,
    after("OHDR", 0, 0, 1, 0x50),
    "HDF5",
    '/ at byte 48: expected "OHDR"; got "PHDR"',
  ],
  ["version 3 of a header", V2, after("OHDR", 0, 4, 1, 3), "HDF5", "/ at byte 52: expected version 2; got 3"],
  [
    "one bit in a header of version 2",
    V2,
    after("OHDR", 1, 20, 1, 255),
    "CHECKSUM",
    "/model_weights at byte 532: expected the checksum ",
  ],
  [
    "another mark of a continuation",
    V2,
    after("OCHK", 0, 0, 1, 0x50),
    "HDF5",
    '/ at byte 536: expected "OCHK"; got "PCHK"',
  ],
  ["one bit in a continuation", V2, after("OCHK", 1, 12, 1, 0x5a), "CHECKSUM", "/ at byte 799: expected the checksum "],
  [
    "a header of version 2 as long as it can be",
    V2,
    after("OHDR", 0, 6, 2, 0xffff),
    "CHECKSUM",
    "/ at byte 385: expected the checksum ",
  ],
];

const GROUPS: Row[] = [
  ["another mark of a B-tree", V0, after("TREE", 0, 0, 1, 0x55), "HDF5", '/ at byte 136: expected "TREE"; got "UREE"'],
  [
    "a B-tree of chunks in a group",
    V0,
    after("TREE", 0, 4, 1, 1),
    "HDF5",
    "/ at byte 140: expected B-tree type 0; got 1",
  ],
  ["a level that lies", V0, after("TREE", 0, 5, 1, 1), "HDF5", '/ at byte 6144: expected "TREE"; got "SNOD"'],
  ["level 255", V0, after("TREE", 0, 5, 1, 255), "HDF5", '/ at byte 6144: expected "TREE"; got "SNOD"'],
  ["65,535 children", V0, after("TREE", 0, 6, 2, 0xffff), "HDF5", '/ at byte 0: expected "SNOD"; got "HDF"'],
  ["two children, the second at 0", V0, after("TREE", 0, 6, 2, 2), "HDF5", '/ at byte 0: expected "SNOD"; got "HDF"'],
  [
    "a B-tree whose child is itself",
    V0,
    after("TREE", 0, 32, 8, 136),
    "HDF5",
    "/ at byte 136: expected every part to be reached once; got a part that was read before",
  ],
  [
    "a B-tree of level 1 whose child is itself",
    V0,
    (view, bytes) => {
      after("TREE", 0, 5, 1, 1)(view, bytes);
      after("TREE", 0, 32, 8, 136)(view, bytes);
    },
    "HDF5",
    "/ at byte 136: expected every part to be reached once; got a part that was read before",
  ],
  [
    "a child past the end",
    V0,
    after("TREE", 0, 32, 8, 2n ** 50n),
    "HDF5",
    "/ at byte 13368: expected a place in the 13368 bytes of the file; got 1125899906842624 … 13368",
  ],
  [
    "a child of 2⁶⁴ − 1",
    V0,
    after("TREE", 0, 32, 8, NONE),
    "HDF5",
    "/ at byte 13368: expected a place in the 13368 bytes of the file; got 18446744073709552000 … 13368",
  ],
  [
    "another mark of a symbol table",
    V0,
    after("SNOD", 0, 0, 1, 0x54),
    "HDF5",
    '/ at byte 6144: expected "SNOD"; got "TNOD"',
  ],
  [
    "version 2 of a symbol table",
    V0,
    after("SNOD", 0, 4, 1, 2),
    "HDF5",
    "/ at byte 6148: expected table version 1; got 2",
  ],
  [
    "65,535 symbols",
    V0,
    after("SNOD", 2, 6, 2, 0xffff),
    "NAME",
    '/lstm/lstm at byte 7884: expected a name of 1 … 1024 units without "/"; got ""',
  ],
  [
    "a name past the heap",
    V0,
    after("SNOD", 0, 8, 8, 2n ** 33n),
    "HDF5",
    "/ at byte 13368: expected a place in the 13368 bytes of the file; got 8589935304 … 800",
  ],
  [
    "a name of 2⁶⁴ − 1",
    V0,
    after("SNOD", 0, 8, 8, NONE),
    "HDF5",
    "/ at byte 13368: expected a place in the 13368 bytes of the file; got 18446744073709552000 … 800",
  ],
  [
    "an empty name",
    V0,
    after("SNOD", 0, 8, 8, 0),
    "NAME",
    '/ at byte 6172: expected a name of 1 … 1024 units without "/"; got ""',
  ],
  [
    "two members of one name",
    V0,
    after("SNOD", 0, 8, 8, 8),
    "DUPLICATE",
    '/ at byte 6212: expected every name once; got "lstm"',
  ],
  [
    "a member that is its own group",
    V0,
    after("SNOD", 0, 16, 8, 96),
    "HDF5",
    "/dense at byte 96: expected every part to be reached once; got a part that was read before",
  ],
  [
    "two members of one object",
    V0,
    (view, bytes) => {
      const at = mark(bytes, "SNOD") + 8;
      view.setBigUint64(at + 8, view.getBigUint64(at + 48, true), true);
    },
    "HDF5",
    "/lstm at byte 1088: expected every part to be reached once; got a part that was read before",
  ],
  [
    "a soft link in a symbol table",
    V0,
    after("SNOD", 0, 24, 4, 2),
    "HDF5",
    "/ at byte 6168: expected a hard link; got a soft link",
  ],
  ["a link of kind 7", V0, after("SNOD", 0, 24, 4, 7), "HDF5", "/ at byte 6168: expected a hard link; got kind 7"],
  ["another mark of a heap", V0, after("HEAP", 0, 0, 1, 0x49), "HDF5", '/ at byte 680: expected "HEAP"; got "IEAP"'],
  ["version 1 of a heap", V0, after("HEAP", 0, 4, 1, 1), "HDF5", "/ at byte 684: expected heap version 0; got 1"],
  [
    "a heap of 2⁶³ bytes",
    V0,
    after("HEAP", 0, 8, 8, 2n ** 63n),
    "HDF5",
    "/ at byte 728: expected a place in the 13368 bytes of the file; got 728 … 9223372036854776000",
  ],
  [
    "a heap of 0 bytes",
    V0,
    after("HEAP", 0, 8, 8, 0),
    "HDF5",
    "/ at byte 728: expected a place in the 13368 bytes of the file; got 728 … 712",
  ],
  [
    "names past the end",
    V0,
    after("HEAP", 0, 24, 8, 13368),
    "HDF5",
    "/ at byte 13368: expected a place in the 13368 bytes of the file; got 13384 … 13456",
  ],
  [
    "a name of a slash",
    V0,
    (_, bytes) => bytes.set([0x2f], mark(bytes, "lstm\0")),
    "NAME",
    '/ at byte 6212: expected a name of 1 … 1024 units without "/"; got "/stm"',
  ],
  [
    "a name of one dot",
    V0,
    (_, bytes) => bytes.set([0x2e, 0], mark(bytes, "dense\0")),
    "NAME",
    '/ at byte 6172: expected a name of 1 … 1024 units without "/"; got "."',
  ],
  [
    "a name that is no UTF-8",
    V0,
    (_, bytes) => bytes.set([0xff], mark(bytes, "dense\0")),
    "UTF8",
    "/ at byte 728: expected UTF-8; got byte 0xff",
  ],
];

/** The first dataset's messages begin with these bytes. */
const message = (type: number, size: number) => String.fromCharCode(type, 0, size, 0);

const DATASETS: Row[] = [
  [
    "a dataspace of version 3",
    V0,
    dataset("space", 0, 3),
    "HDF5",
    "/lstm/lstm/bias:0 at byte 10536: expected dataspace version 1 or 2; got 3",
  ],
  [
    "a dataspace of version 0",
    V0,
    dataset("space", 0, 0),
    "HDF5",
    "/lstm/lstm/bias:0 at byte 10536: expected dataspace version 1 or 2; got 0",
  ],
  [
    "nine dimensions",
    V0,
    dataset("space", 1, 9),
    "LIMIT",
    "/lstm/lstm/bias:0 at byte 10537: expected at most 8 dimensions; got 9",
  ],
  [
    "255 dimensions",
    V0,
    dataset("space", 1, 255),
    "LIMIT",
    "/lstm/lstm/bias:0 at byte 10537: expected at most 8 dimensions; got 255",
  ],
  [
    "one dimension more",
    V0,
    dataset("space", 1, 3),
    "TRUNCATED",
    "/lstm/lstm/bias:0 at byte 10560: expected 8 bytes more; got 0",
  ],
  [
    "a permutation",
    V0,
    dataset("space", 2, 2),
    "HDF5",
    "/lstm/lstm/bias:0 at byte 10538: expected no permutation of the dimensions; got one",
  ],
  [
    "a size of 2³²",
    V0,
    dataset("space", 8, 2n ** 32n),
    "HDF5",
    "/lstm/lstm/bias:0 at byte 10552: expected sizes below their largest; got (4294967296)",
  ],
  [
    "a size of 2⁶³",
    V0,
    dataset("space", 8, 2n ** 63n),
    "SHAPE",
    "/lstm/lstm/bias:0 at byte 10544: expected fewer than 2⁵³ elements; got (9223372036854776000)",
  ],
  [
    "a size of 2⁶⁴ − 1",
    V0,
    dataset("space", 8, NONE),
    "SHAPE",
    "/lstm/lstm/bias:0 at byte 10544: expected fewer than 2⁵³ elements; got (18446744073709552000)",
  ],
  [
    "a size of 0",
    V0,
    dataset("space", 8, 0n),
    "SHAPE",
    "lstm (lstm): expected weights of Keras's lstm; got (3, 36), (9, 36), (0)",
  ],
  [
    "one element more",
    V0,
    dataset("space", 8, 3n),
    "SIZE",
    "/lstm/lstm/bias:0: expected 12 bytes for shape (3) of F32; got 144",
  ],
  [
    "a datatype of version 4",
    V0,
    dataset("type", 0, 0x41),
    "HDF5",
    "/lstm/lstm/kernel:0 at byte 7536: expected datatype version 1 or 2 or 3; got 4",
  ],
  [
    "a datatype of class 12",
    V0,
    dataset("type", 0, 0x1c),
    "HDF5",
    "/lstm/lstm/kernel:0 at byte 7540: expected a datatype; got class 12",
  ],
  [
    "a datatype of 0 bytes",
    V0,
    dataset("type", 4, 0),
    "HDF5",
    "/lstm/lstm/kernel:0 at byte 7540: expected a datatype; got one of 0 bytes",
  ],
  [
    "a datatype of 255 bytes",
    V0,
    dataset("type", 4, 255),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got an unusual float",
  ],
  [
    "a time",
    V0,
    dataset("type", 0, 0x12),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got a time",
  ],
  [
    "a bit field",
    V0,
    dataset("type", 0, 0x14),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got a bit field",
  ],
  [
    "a compound",
    V0,
    dataset("type", 0, 0x16),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got a compound",
  ],
  [
    "a reference",
    V0,
    dataset("type", 0, 0x17),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got a reference",
  ],
  [
    "an array",
    V0,
    dataset("type", 0, 0x1a),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got an array",
  ],
  [
    "big endian",
    V0,
    dataset("type", 1, 0x21),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got an unusual float",
  ],
  [
    "VAX's order of bytes",
    V0,
    dataset("type", 1, 0x60),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got an unusual float",
  ],
  [
    "no implied leading 1",
    V0,
    dataset("type", 1, 0x00),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got an unusual float",
  ],
  [
    "the sign elsewhere",
    V0,
    dataset("type", 2, 30),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got an unusual float",
  ],
  [
    "a bit offset",
    V0,
    dataset("type", 8, 1),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got an unusual float",
  ],
  [
    "a precision of 31 bits",
    V0,
    dataset("type", 10, 31),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got an unusual float",
  ],
  [
    "an exponent elsewhere",
    V0,
    dataset("type", 12, 22),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got an unusual float",
  ],
  [
    "another bias",
    V0,
    dataset("type", 16, 126),
    "DTYPE",
    "/lstm/lstm/kernel:0: expected numbers in little endian; got an unusual float",
  ],
  [
    "a layout of version 1",
    V0,
    dataset("layout", 0, 1),
    "HDF5",
    "/lstm/lstm/kernel:0 at byte 7584: expected layout version 3 or 4; got 1",
  ],
  [
    "a layout of version 2",
    V0,
    dataset("layout", 0, 2),
    "HDF5",
    "/lstm/lstm/kernel:0 at byte 7584: expected layout version 3 or 4; got 2",
  ],
  [
    "a layout of version 5",
    V0,
    dataset("layout", 0, 5),
    "HDF5",
    "/lstm/lstm/kernel:0 at byte 7584: expected layout version 3 or 4; got 5",
  ],
  [
    "a layout of class 3, a virtual dataset",
    V0,
    dataset("layout", 1, 3),
    "HDF5",
    "/lstm/lstm/kernel:0 at byte 7585: expected a contiguous dataset, or chunks of version 3; got class 3 of versio",
  ],
  [
    "chunks of no dimensions",
    V0,
    dataset("layout", 1, 2),
    "HDF5",
    "/lstm/lstm/kernel:0 at byte 7586: expected dimensions of a chunk 3; got 0",
  ],
  [
    "compact data that are not there",
    V0,
    dataset("layout", 1, 0),
    "TRUNCATED",
    "/lstm/lstm/kernel:0 at byte 7588: expected 8192 bytes more; got 20",
  ],
  [
    "data past the end",
    V0,
    dataset("layout", 2, 13360n),
    "TRUNCATED",
    "/lstm/lstm/kernel:0 at byte 13360: expected 432 bytes more; got 8",
  ],
  [
    "data at 2⁶³",
    V0,
    dataset("layout", 2, 2n ** 63n),
    "HDF5",
    "/lstm/lstm/kernel:0 at byte 13368: expected a place in the 13368 bytes of the file; got 9223372036854776000 … ",
  ],
  [
    "data nowhere",
    V0,
    dataset("layout", 2, NONE),
    "HDF5",
    "/lstm/lstm/kernel:0: expected data; got none, but for a value to fill it with",
  ],
  [
    "one byte of data less",
    V0,
    dataset("layout", 10, 7n),
    "SIZE",
    "/lstm/lstm/kernel:0: expected 432 bytes for shape (3, 36) of F32; got 7",
  ],
  [
    "2⁴⁰ bytes of data",
    V0,
    dataset("layout", 10, 2n ** 40n),
    "TRUNCATED",
    "/lstm/lstm/kernel:0 at byte 8192: expected 1099511627776 bytes more; got 5176",
  ],
];

/** A change in the first such message of a dataset in weights.h5: the dataspace of a bias, type and layout of a kernel. */
function dataset(part: "space" | "type" | "layout", offset: number, value: number | bigint): Change {
  return (view, bytes) => {
    const sizes = { space: message(1, 24), type: message(3, 24), layout: message(8, 24) };
    const at = mark(bytes, sizes[part]) + 8 + offset;
    if (typeof value === "number") view.setUint8(at, value);
    else view.setBigUint64(at, value, true);
  };
}

const CHUNKS: Row[] = [
  [
    "another mark of the chunks' B-tree",
    CHUNKED,
    chunks(0, 1, 0x55),
    "HDF5",
    '/model_weights/lstm/lstm/kernel:0 at byte 12744: expected "TREE"; got "UREE"',
  ],
  [
    "a B-tree of a group among chunks",
    CHUNKED,
    chunks(4, 1, 0),
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 12748: expected B-tree type 1; got 0",
  ],
  [
    "chunks of level 1",
    CHUNKED,
    chunks(5, 1, 1),
    "HDF5",
    '/model_weights/lstm/lstm/kernel:0 at byte 8200: expected "TREE"; got "x^\\u0001D"',
  ],
  ["one chunk less", CHUNKED, chunks(6, 2, 8), "HDF5", "/model_weights/lstm/lstm/kernel:0: expected 9 chunks; got 8"],
  [
    "one chunk more",
    CHUNKED,
    chunks(6, 2, 10),
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 13160: expected every chunk once, on the grid of chunks; got (2, 51)",
  ],
  ["no chunks", CHUNKED, chunks(6, 2, 0), "HDF5", "/model_weights/lstm/lstm/kernel:0: expected 9 chunks; got 0"],
  [
    "65,535 chunks",
    CHUNKED,
    chunks(6, 2, 0xffff),
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 13160: expected every chunk once, on the grid of chunks; got (2, 51)",
  ],
  [
    "a chunk of 0 bytes",
    CHUNKED,
    chunks(24, 4, 0),
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 12800: expected data of zlib; got 0 bytes that begin otherwise",
  ],
  [
    "a chunk of 2³² − 1 bytes",
    CHUNKED,
    chunks(24, 4, 0xffffffff),
    "TRUNCATED",
    "/model_weights/lstm/lstm/kernel:0 at byte 8200: expected 4294967295 bytes more; got 22728",
  ],
  [
    "one byte of a chunk less",
    CHUNKED,
    (view, bytes) => {
      const at = chunkTree(bytes) + 24;
      view.setUint32(at, view.getUint32(at, true) - 1, true);
    },
    "ZIP",
    "/model_weights/lstm/lstm/kernel:0: expected deflated data (RFC 1951); got unexpected EOF",
  ],
  [
    "a chunk without its filters",
    CHUNKED,
    chunks(28, 4, 1),
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 12800: expected chunks with all their filters; got the mask 1",
  ],
  [
    "a chunk off the grid",
    CHUNKED,
    chunks(32, 8, 1n),
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 12920: expected every chunk once, on the grid of chunks; got (1, 0)",
  ],
  [
    "a chunk past the grid",
    CHUNKED,
    chunks(32, 8, 2n ** 40n),
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 12800: expected every chunk once, on the grid of chunks; got (109951",
  ],
  [
    "a chunk twice",
    CHUNKED,
    (view, bytes) => {
      const at = chunkTree(bytes) + 24;
      for (let i = 0; i < 32; i += 8) view.setBigUint64(at + 40 + i, view.getBigUint64(at + i, true), true);
    },
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 12840: expected every chunk once, on the grid of chunks; got (0, 0)",
  ],
  [
    "a chunk past the end",
    CHUNKED,
    chunks(56, 8, 2n ** 40n),
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 30928: expected a place in the 30928 bytes of the file; got 10995116",
  ],
  [
    "a chunk that is no zlib",
    CHUNKED,
    (view, bytes) => view.setUint8(chunkAt(view, bytes), 0x79),
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 12800: expected data of zlib; got 79 bytes that begin otherwise",
  ],
  [
    "a chunk with a dictionary",
    CHUNKED,
    (view, bytes) => view.setUint16(chunkAt(view, bytes), 0xbb78, true),
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 12800: expected data of zlib; got 79 bytes that begin otherwise",
  ],
  [
    "a chunk whose deflated data are damaged",
    CHUNKED,
    (view, bytes) => view.setUint8(chunkAt(view, bytes) + 2, 0xff),
    "ZIP",
    "/model_weights/lstm/lstm/kernel:0: expected deflated data (RFC 1951); got invalid block type",
  ],
  [
    "a chunk with another checksum",
    CHUNKED,
    (view, bytes) => {
      const end = chunkAt(view, bytes) + view.getUint32(chunkTree(bytes) + 24, true);
      view.setUint8(end - 1, view.getUint8(end - 1) ^ 1);
    },
    "CHECKSUM",
    "/model_weights/lstm/lstm/kernel:0 at byte 12800: expected the checksum ",
  ],
];

/** The first B-tree of chunks, of a matrix. */
function chunkTree(bytes: Uint8Array): number {
  return mark(bytes, "TREE\x01");
}

function chunkAt(view: DataView, bytes: Uint8Array): number {
  return Number(view.getBigUint64(chunkTree(bytes) + 56, true));
}

function chunks(offset: number, size: 1 | 2 | 4 | 8, value: number | bigint): Change {
  return after("TREE\x01", 0, offset, size, value);
}

/** The layout of the first chunked dataset: version 3, class 2, rank + 1, address, sizes. */
const LAYOUT = "\x03\x02\x03";

/** A B-tree of level 1 with 100 children that are all one empty node, at the end of the file. */
function widened(): Uint8Array {
  const bytes = file(CHUNKED);
  const node = Buffer.alloc(24 + 100 * 40 + 32);
  node.write("TREE\x01\x01", 0, "latin1");
  node.writeUInt16LE(100, 6);
  const leaf = Buffer.alloc(64);
  leaf.write("TREE\x01\x00", 0, "latin1");
  const [root, child] = [bytes.length, bytes.length + node.length];
  for (let i = 0; i < 100; i++) node.writeBigUInt64LE(BigInt(child), 24 + i * 40 + 32);
  const all = new Uint8Array(Buffer.concat([bytes, node, leaf]));
  const view = new DataView(all.buffer);
  view.setBigUint64(40, BigInt(all.length), true);
  view.setBigUint64(mark(all, LAYOUT) + 3, BigInt(root), true);
  return all;
}

const FILTERS: Row[] = [
  [
    "filters on data in one piece",
    CHUNKED,
    after(LAYOUT, 0, 1, 1, 1),
    "HDF5",
    "expected filters on chunks alone; got contiguous",
  ],
  ["a chunk of no rows", CHUNKED, after(LAYOUT, 0, 11, 4, 0), "SHAPE", "expected a chunk of 1 or more; got (0, "],
  [
    "chunks of smaller elements",
    CHUNKED,
    after(LAYOUT, 0, 19, 4, 2),
    "HDF5",
    "expected chunks of elements of 4 bytes; got 2",
  ],
  [
    "chunks of one element",
    CHUNKED,
    (view, bytes) => {
      const at = Buffer.from(bytes).lastIndexOf(message(1, 40), filterAt(bytes), "latin1");
      view.setUint8(at + 9, 0);
    },
    "HDF5",
    "expected chunks of a shape; got chunks of one element",
  ],

  [
    "filters of version 3",
    CHUNKED,
    filters(0, 3),
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0 at byte 12264: expected filter version 1 or 2; got 3",
  ],
  [
    "255 filters",
    CHUNKED,
    filters(1, 255),
    "TRUNCATED",
    "/model_weights/lstm/lstm/kernel:0 at byte 12320: expected 2 bytes more; got 0",
  ],
  [
    "no filters",
    CHUNKED,
    filters(1, 0),
    "SIZE",
    "/model_weights/lstm/lstm/kernel:0 at byte 12800: expected 68 bytes of chunk; got 79",
  ],
  ["fletcher32", CHUNKED, filters(8, 3), "HDF5", "expected the filters gzip and shuffle; got filter 3"],
  [
    "shuffle twice",
    CHUNKED,
    (view, bytes) => {
      const at = filterAt(bytes);
      // The second filter, deflate, becomes a second shuffle.
      view.setUint16(at + 8 + 24, 2, true);
    },
    "HDF5",
    "/model_weights/lstm/lstm/kernel:0: expected every filter once; got 2, 2",
  ],
];

/** The filter pipeline of the first chunked dataset: version 1, two filters. */
function filterAt(bytes: Uint8Array): number {
  return mark(bytes, "\x01\x02\0\0\0\0\0\0\x02\0");
}

function filters(offset: number, value: number): Change {
  return (view, bytes) => view.setUint8(filterAt(bytes) + offset, value);
}

const ATTRIBUTES: Row[] = [
  [
    "an attribute of version 4",
    V0,
    attribute(0, 4),
    "HDF5",
    "/ at byte 832: expected attribute version 1 or 2 or 3; got 4",
  ],
  [
    "an attribute of version 0",
    V0,
    attribute(0, 0),
    "HDF5",
    "/ at byte 832: expected attribute version 1 or 2 or 3; got 0",
  ],
  [
    "a shared type of an attribute",
    V0,
    (view, bytes) => {
      attribute(0, 2)(view, bytes);
      attribute(1, 1)(view, bytes);
    },
    "HDF5",
    "/ at byte 833: expected an attribute of its own type; got a shared one",
  ],
  [
    "an attribute's name of 65,535 bytes",
    V0,
    (view, bytes) => {
      attribute(2, 255)(view, bytes);
      attribute(3, 255)(view, bytes);
    },
    "TRUNCATED",
    "/ at byte 840: expected 65536 bytes more; got 96",
  ],
  [
    "no layer_names",
    V0,
    (_, bytes) => bytes.set([0x4c], mark(bytes, "layer_names")),
    "HDF5",
    '/: expected layer_names, or a group "layers"; got neither',
  ],
  [
    "no weight_names",
    V0,
    (_, bytes) => bytes.set([0x57], mark(bytes, "weight_names")),
    "HDF5",
    "/lstm: expected an attribute weight_names; got none",
  ],
  [
    "layer_names of numbers",
    V0,
    (view, bytes) => view.setUint8(mark(bytes, "layer_names") + 16, 0x10),
    "DTYPE",
    "/@layer_names at byte 0: expected text; got an unusual integer",
  ],
  [
    "a layer that is not there",
    V0,
    (_, bytes) => bytes.set([0x65], mark(bytes, "dense\0", 1)),
    "HDF5",
    '/: expected a group "eense" of layer_names; got none',
  ],
  [
    "a weight that is not there",
    V0,
    (_, bytes) => bytes.set([0x6d], mark(bytes, "lstm/kernel:0")),
    "HDF5",
    '/lstm: expected a dataset "mstm/kernel:0" of weight_names; got none',
  ],
  [
    "a weight of another layer",
    V0,
    (_, bytes) => bytes.set(Buffer.from("dense/bias:0\0\0"), mark(bytes, "dense/kernel:0")),
    "HDF5",
    '/dense: expected a dataset "dense/bias:0\\u0000\\u0000" of weight_names; got none',
  ],
  ["text in no heap", TEXT, text(4, 8, 0n), "HDF5", '/@model_config at byte 0: expected "GCOL"; got "HDF"'],
  [
    "text past the end",
    TEXT,
    text(4, 8, 2n ** 44n),
    "HDF5",
    "/@model_config at byte 23584: expected a place in the 23584 bytes of the file; got 17592186044416 … 23584",
  ],
  [
    "text in no object of the heap",
    TEXT,
    text(12, 4, 99),
    "HDF5",
    "/@model_config at byte 12: expected 1639 bytes of text in a heap; got fewer",
  ],
  [
    "text longer than its object",
    TEXT,
    text(0, 4, 0x7fffffff),
    "LIMIT",
    "/@model_config at byte 12: expected at most 47168 bytes of text; got 2147483653",
  ],
  [
    "another mark of the heap of text",
    TEXT,
    after("GCOL", 0, 0, 1, 0x48),
    "HDF5",
    '/@keras_version at byte 2048: expected "GCOL"; got "HCOL"',
  ],
  [
    "version 2 of the heap of text",
    TEXT,
    after("GCOL", 0, 4, 1, 2),
    "HDF5",
    "/@keras_version at byte 2052: expected heap version 1; got 2",
  ],
  [
    "a heap of text of 2⁶³ bytes",
    TEXT,
    after("GCOL", 0, 8, 8, 2n ** 63n),
    "HDF5",
    "/@keras_version at byte 2064: expected a place in the 23584 bytes of the file; got 2064 … 9223372036854778000",
  ],
  [
    "a heap of text of 0 bytes",
    TEXT,
    after("GCOL", 0, 8, 8, 0),
    "HDF5",
    "/@keras_version at byte 2064: expected a place in the 23584 bytes of the file; got 2064 … 2048",
  ],
  [
    "an object of 2⁶³ bytes in the heap",
    TEXT,
    after("GCOL", 0, 24, 8, 2n ** 63n),
    "TRUNCATED",
    "/@keras_version at byte 2080: expected 9223372036854776000 bytes more; got 4064",
  ],
  [
    "two objects of one number",
    TEXT,
    (view, bytes) => {
      const at = mark(bytes, "GCOL") + 16;
      const next = at + 16 + Math.ceil(Number(view.getBigUint64(at + 8, true)) / 8) * 8;
      view.setUint16(next, view.getUint16(at, true), true);
    },
    "DUPLICATE",
    "/@keras_version at byte 3751: expected every object of a heap once; got 1",
  ],
];

/** The first attribute, layer_names. */
function attribute(offset: number, value: number): Change {
  return (view, bytes) => view.setUint8(mark(bytes, "layer_names") - 8 + offset, value);
}

/** A reference to text in a heap: length, address, index. That of model_config. */
function text(offset: number, size: 4 | 8, value: number | bigint): Change {
  return (view, bytes) => {
    const heap = BigInt(mark(bytes, "GCOL"));
    const name = mark(bytes, "model_config");
    let at = name;
    while (view.getBigUint64(at + 4, true) !== heap) at++;
    if (size === 4) view.setUint32(at + offset, Number(value), true);
    else view.setBigUint64(at + offset, BigInt(value), true);
  };
}

/** Files of h5py. */
const REFUSED: [name: string, code: string, message: string][] = [
  ["layer-twice", "DUPLICATE", '/: layer_names has "d" twice.'],
  ["weight-twice", "HDF5", "/d: expected every weight once; got one twice"],
  ["unlisted", "HDF5", "/d/d/bias:0: expected a dataset that a layer lists; got one that none does"],
  ["named-twice", "DUPLICATE", '/layers/dense_1: another layer is called "d".'],
  ["attribute-twice", "DUPLICATE", 'expected every name once; got "aa"'],
  ["overlap", "OFFSETS", "expected datasets apart from one another; got an overlap"],
  ["soft-link", "HDF5", "/d/d at byte 7608: expected a hard link; got a soft link"],
  ["soft-link-latest", "HDF5", "/d/d at byte 583: expected a hard link; got a soft link"],
  ["external-link", "HDF5", "/d/d at byte 7914: expected a hard link; got an external link"],
  ["external-link-latest", "HDF5", "/d/d at byte 583: expected a hard link; got an external link"],
  ["external-storage", "HDF5", "/d/d/kernel:0 at byte 7992: expected a message of a known type; got external files"],
  [
    "virtual",
    "HDF5",
    "/d/d/kernel:0 at byte 7993: expected a contiguous dataset, or chunks of version 3; got class 3 of version 4",
  ],
  [
    "hard-link",
    "HDF5",
    "/d/d/kernel:0 at byte 7272: expected every part to be reached once; got a part that was read before",
  ],
  [
    "circle",
    "HDF5",
    "/d/d/kernel:0 at byte 920: expected every part to be reached once; got a part that was read before",
  ],
  ["committed", "HDF5", "/d/d/kernel:0 at byte 7944: expected a message of its own; got a shared one"],
  ["big-endian", "DTYPE", "/d/d/kernel:0: expected numbers in little endian; got an unusual float"],
  ["complex", "DTYPE", "/d/d/kernel:0: expected numbers in little endian; got a compound"],
  ["compound", "DTYPE", "/d/d/kernel:0: expected numbers in little endian; got a compound"],
  ["enum", "DTYPE", "/d/d/kernel:0: expected numbers in little endian; got an enumeration"],
  ["text", "DTYPE", "/d/d/kernel:0: expected numbers in little endian; got text"],
  ["vlen", "DTYPE", "/d/d/kernel:0: expected numbers in little endian; got a variable length"],
  ["opaque", "DTYPE", "/d/d/kernel:0: expected numbers in little endian; got opaque bytes"],
  ["reference", "DTYPE", "/d/d/kernel:0: expected numbers in little endian; got a reference"],
  ["rank3", "SHAPE", "d (linear): expected weights of Keras's linear; got (3, 2, 2), (2)"],
  ["rank9", "LIMIT", "/d/d/kernel:0 at byte 7897: expected at most 8 dimensions; got 9"],
  ["null", "HDF5", "/d/d/kernel:0: expected a dataspace with elements; got a null one"],
  ["unwritten", "HDF5", "/d/d/kernel:0: expected data; got none, but for a value to fill it with"],
  ["unwritten-chunks", "HDF5", "/d/d/kernel:0: expected data; got none, but for a value to fill it with"],
  ["shape-bomb", "HDF5", "/d/d/kernel:0: expected data; got none, but for a value to fill it with"],
  ["chunk-bomb", "LIMIT", "/d/d/kernel:0: expected at most 16777216 bytes of chunks; got 33554432"],
  ["fletcher32", "HDF5", "/d/d/kernel:0: expected the filters gzip and shuffle; got filter 3"],
  ["lzf", "HDF5", "/d/d/kernel:0: expected the filters gzip and shuffle; got filter 32000"],
  ["scale-offset", "HDF5", "/d/d/kernel:0: expected the filters gzip and shuffle; got filter 6"],
  [
    "chunked-latest",
    "HDF5",
    "/d/d/kernel:0 at byte 1019: expected a contiguous dataset, or chunks of version 3; got class 2 of version 4",
  ],
  [
    "dense-links",
    "HDF5",
    "/ at byte 1927: expected links in the header; got dense storage. Save it with h5py's default, libver=\"earliest",
  ],
  ["dense-attributes", "HDF5", "/ at byte 105: expected attributes in the header; got dense storage"],
  ["userblock", "HEADER", "file: expected Keras (.h5, .keras); got 8736 bytes that begin"],
];

const built = (rows: readonly Row[]): Case[] =>
  rows.map(([name, base, change, code, text]) => [name, changed(base, change), code, text]);

export const HDF5_CASES: Readonly<Record<string, readonly Case[]>> = {
  superblocks: [
    ...built(SUPERBLOCK),
    [
      "a root that is a dataset",
      changed(V0, (view, bytes) => {
        view.setBigUint64(64, view.getBigUint64(mark(bytes, "SNOD", 2) + 16, true), true);
      }),
      "HDF5",
      "file: expected a group at the root; got a dataset",
    ],
  ],
  "object headers": built(HEADERS),
  groups: built(GROUPS),
  datasets: built(DATASETS),
  chunks: [
    ...built(CHUNKS),
    ["a hundred nodes that are one", widened, "HDF5", "expected a B-tree without circles; got more nodes than chunks"],
  ],
  filters: built(FILTERS),
  "attributes and text": built(ATTRIBUTES),
  "files of h5py": REFUSED.map(([name, code, text]) => [name, () => file(`refused/${name}.h5`), code, text]),
};
