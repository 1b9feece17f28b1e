/** Malformed zip archives, each with its one error, and well-formed ones that look odd. */

import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/errors.ts";
import { readZip, unpack, ZIP_LIMITS, type ZipLimits } from "../../src/formats/zip.ts";
import { bytes, type Member, u16, u32, u64, wideEnd, zip } from "./files.ts";

const A: Member = { name: "a", data: "hello" };
const CRC = 0x3610a686; // of "hello", as python3 -c "import zlib; print(hex(zlib.crc32(b'hello')))" says
const VALID = zip([A]);
const LATER: Member = { ...A, flags: 8, local: { crc: 0, packed: 0, size: 0 } };
const ZEROS = new Uint8Array(deflateRawSync(Buffer.alloc(2 ** 26)));
/** `data` gives checksum and size, `deflate` is what lies there. */
const deflated = (data: string, deflate: Uint8Array, more: Partial<Member> = {}): Member => ({
  name: "a",
  data,
  deflate,
  ...more,
});
const RAW = new Uint8Array(deflateRawSync(Buffer.from("hello")));

type Case = [name: string, file: Uint8Array, code: string, message: string, limits?: Partial<ZipLimits>];

/** The fields of the end record stand 22 bytes before the end. */
function patch(file: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = file.slice();
  copy.set(values, at < 0 ? copy.length + at : at);
  return copy;
}

const CASES: Case[] = [
  // the end record
  ["empty", bytes(), "TRUNCATED", "file: expected a zip end record in the last 22 bytes; got 0 bytes. Is the file cut"],
  ["a signature alone", bytes("PK\x03\x04"), "TRUNCATED", "got 4 bytes."],
  ["without its last byte", VALID.slice(0, -1), "TRUNCATED", "a zip end record in the last 22 bytes; got 0x"],
  ["without its end record", VALID.slice(0, -22), "TRUNCATED", "a zip end record"],
  ["cut in a member", VALID.slice(0, 33), "TRUNCATED", "a zip end record"],
  ["a byte after the end", bytes(VALID, 1), "TRUNCATED", "a zip end record"],
  ["an archive comment", zip([A], { comment: "note" }), "TRUNCATED", "a zip end record"],
  ["a comment that is an end record", zip([A], { comment: zip([]) }), "ZIP", "directory that ends at"],
  [
    "a comment of another length",
    zip([A], { commentLength: 9 }),
    "ZIP",
    "end record: expected no comment; got 9 bytes",
  ],
  ["a second disk", zip([A], { disk: 1 }), "ZIP", "end record: expected one archive of one part; got part 1,1"],
  ["fewer members here than in all", zip([A], { here: 0 }), "ZIP", "one archive of one part; got part 0,0 with 0 of 1"],
  ["a member too many", zip([A], { count: 2 }), "ZIP", "expected 92 bytes or more of directory; got 47"],
  ["65,535 members in 47 bytes", zip([A], { count: 65534 }), "ZIP", "bytes or more of directory; got 47"],
  ["a member too few", zip([A, { name: "b" }], { count: 1 }), "ZIP", "directory: expected 1 members, then its end at"],
  ["no members, but a directory", zip([A], { count: 0 }), "ZIP", "expected 0 members, then its end"],
  [
    "a directory one byte early",
    zip([A], { start: 35 }),
    "ZIP",
    "end record: expected a directory that ends at 83; got 35",
  ],
  ["a directory past the end", zip([A], { start: 2 ** 31 }), "ZIP", "got 2147483648 + 47"],
  ["a directory of 4 GB", zip([A], { size: 2 ** 32 - 2 }), "ZIP", "got 36 + 4294967294"],
  ["more members than the limit", zip([A, { name: "b" }]), "LIMIT", "at most 1 members; got 2", { members: 1 }],
  ["more bytes than the limit", VALID, "LIMIT", "file: expected at most 50 bytes; got 105", { fileBytes: 50 }],

  // zip64
  [
    "a zip64 locator that points elsewhere",
    zip([A], { wide: (...all) => bytes(wideEnd(...all)).map((byte, i) => (i === 64 ? byte + 1 : byte)) }),
    "ZIP",
    "zip64 locator: expected an end record of 56 bytes at 83; got 84",
  ],
  [
    "a zip64 end record of another length",
    zip([A], { wide: (...all) => bytes(wideEnd(...all)).map((byte, i) => (i === 4 ? 45 : byte)) }),
    "ZIP",
    "zip64 locator: expected an end record of 56 bytes",
  ],
  [
    "a zip64 end record without its signature",
    zip([A], { wide: (...all) => bytes(wideEnd(...all)).map((byte, i) => (i === 3 ? 7 : byte)) }),
    "ZIP",
    "zip64 locator: expected an end record",
  ],
  [
    "a second disk in zip64",
    zip([A], { wide: (...all) => bytes(wideEnd(...all)).map((byte, i) => (i === 16 ? 1 : byte)) }),
    "ZIP",
    "zip64 end record: expected one archive of one part; got several",
  ],
  [
    "zip64 with another count",
    zip([A], { wide: (_, ...rest) => wideEnd(2, ...rest) }),
    "ZIP",
    "zip64 end record: expected what the end record says, 1,47,36; got 2,47,36",
  ],
  [
    "zip64 with another size",
    zip([A], { wide: (count, size, ...rest) => wideEnd(count, size + 1, ...rest) }),
    "ZIP",
    "got 1,48,36",
  ],
  [
    "zip64 with another start",
    zip([A], { wide: (count, size, start, at) => wideEnd(count, size, start + 1, at) }),
    "ZIP",
    "got 1,47,37",
  ],
  [
    "zip64 whose counts differ",
    zip([A], { wide: (...all) => bytes(wideEnd(...all)).map((byte, i) => (i === 24 ? 3 : byte)) }),
    "ZIP",
    "zip64 end record",
  ],
  [
    "zip64 with 2⁶³ members",
    zip([A], {
      count: 65535,
      wide: (_, ...rest) => bytes(wideEnd(0, ...rest)).map((b, i) => (i === 31 || i === 39 ? 128 : b)),
    }),
    "ZIP",
    "bytes or more of directory",
  ],
  ["sizes for zip64 without it", zip([A], { size: 2 ** 32 - 1 }), "ZIP", "got 36 + 4294967295"],
  [
    "a member's size for zip64 without it",
    zip([{ ...A, central: { size: 2 ** 32 - 1 } }]),
    "ZIP",
    "a: expected a size in its zip64 field; got none",
  ],
  [
    "a member's offset for zip64 without it",
    zip([{ ...A, central: { offset: 2 ** 32 - 1 } }]),
    "ZIP",
    "a size in its zip64 field",
  ],
  [
    "a member past the end, whose neighbour has room for anything",
    patch(zip([A, { name: "b", central: { offset: 2 ** 20 } }]), 28, 0, 0x40),
    "ZIP",
    "b: expected a header before the directory at",
  ],
  [
    "a zip64 field that is too short",
    zip([{ ...A, central: { size: 2 ** 32 - 1, extra: bytes(u16(1), u16(4), 4) } }]),
    "ZIP",
    "a size in its zip64 field",
  ],
  [
    "a zip64 size of 2⁶³",
    zip([{ ...A, central: { size: 2 ** 32 - 1, extra: bytes(u16(1), u16(8), u64(2n ** 63n)) } }]),
    "ZIP",
    "a: expected 9223372036854776000 stored bytes; got 5",
  ],

  // the directory
  [
    "no entry where one is said to be",
    zip([{ ...A, central: { magic: 0 } }]),
    "ZIP",
    "directory: expected an entry of 46 bytes or more; got none",
  ],
  [
    "an entry longer than the directory",
    zip([{ ...A, central: { extraLength: 9 } }]),
    "ZIP",
    "directory: expected an entry that ends by 83; got 92",
  ],
  [
    "extra fields longer than they are",
    zip([{ ...A, central: { extra: bytes(u16(7), u16(9), 2) } }]),
    "ZIP",
    "a: expected extra fields that end where they say; got a longer one",
  ],
  [
    "half an extra field",
    zip([{ ...A, central: { extra: [1, 0, 8] } }]),
    "ZIP",
    "extra fields that end where they say",
  ],
  ["a comment of a member", zip([{ ...A, central: { comment: "x" } }]), "ZIP", "a: expected no comment; got 1 bytes"],
  [
    "a member of another disk",
    zip([{ ...A, central: { disk: 1 } }]),
    "ZIP",
    "a: expected a member of this part; got another",
  ],
  ["an encrypted member", zip([{ ...A, flags: 1 }]), "ZIP", "a: expected a plain member; got an encrypted one"],
  ["patched data", zip([{ ...A, flags: 32 }]), "ZIP", "a: expected a plain member; got flags 0x20"],
  ["strong encryption", zip([{ ...A, flags: 64 }]), "ZIP", "got flags 0x40"],
  ["masked headers", zip([{ ...A, flags: 8192 }]), "ZIP", "got flags 0x2000"],
  ...[1, 6, 9, 12, 14, 93, 95, 99].map(
    (method): Case => [
      `method ${method}`,
      zip([{ ...A, method }]),
      "ZIP",
      `a stored or deflated member; got ${method}`,
    ],
  ),
  [
    "two members of one name",
    zip([A, { ...A, data: "other" }]),
    "DUPLICATE",
    'directory: expected every name once; got "a"',
  ],
  ["an empty name", zip([{ ...A, name: "" }]), "NAME", 'directory: expected a relative name; got ""'],
  ["a name that climbs", zip([{ ...A, name: "../a" }]), "NAME", 'got "../a"'],
  ["a name that climbs inside", zip([{ ...A, name: "a/../../b" }]), "NAME", "a relative name"],
  ["a name that ends in dots", zip([{ ...A, name: "a/.." }]), "NAME", "a relative name"],
  ["a name of one dot", zip([{ ...A, name: "./a" }]), "NAME", "a relative name"],
  ["an absolute name", zip([{ ...A, name: "/etc/passwd" }]), "NAME", "a relative name"],
  ["a name with a drive", zip([{ ...A, name: "C:a" }]), "NAME", "a relative name"],
  ["a name with a backslash", zip([{ ...A, name: "a\\b" }]), "NAME", 'got "a\\\\b"'],
  ["a name with NUL", zip([{ ...A, name: "a\0.npy" }]), "NAME", 'got "a\\u0000.npy"'],
  ["a name that is no UTF-8", zip([{ ...A, name: [0x61, 0xff] }]), "UTF8", "name of a member at byte"],
  ["a name that is overlong UTF-8", zip([{ ...A, name: [0xc0, 0xaf] }]), "UTF8", "name of a member"],
  [
    "a name of 1,025 letters",
    zip([{ ...A, name: "a".repeat(1025) }]),
    "LIMIT",
    "a name of at most 1024 UTF-16 units; got 1025",
  ],
  ["a name of 60,000 letters", zip([{ ...A, name: "a".repeat(60000) }]), "LIMIT", "got 60000"],

  // where members lie
  [
    "bytes before the archive",
    zip([A], { before: "#!/bin/sh\n" }),
    "ZIP",
    "a: expected a header at 0, where the member before ends; got 10, which makes a hole",
  ],
  [
    "bytes before an archive of nothing",
    zip([], { before: 9 }),
    "ZIP",
    "file: expected members before the directory; got 9 bytes of none",
  ],
  [
    "a hole between members",
    zip([{ ...A, descriptor: 3 }, { name: "b" }]),
    "ZIP",
    "a: expected its end at 39, where the next part begins; got 36",
  ],
  ["bytes between members and directory", zip([A], { afterMembers: 5 }), "ZIP", "a: expected its end at 41"],
  [
    "two members on one place",
    zip([A, { ...A, name: "b", central: { offset: 0 } }]),
    "ZIP",
    "a: expected a local header of 30 bytes or more; got 0",
  ],
  [
    "a member inside another",
    zip([
      { ...A, data: zip([A]) },
      { ...A, name: "b", central: { offset: 31 } },
    ]),
    "ZIP",
    "a: expected 105 bytes before 31",
  ],
  [
    "members out of order",
    zip([
      { ...A, central: { offset: 36 } },
      { ...A, name: "b", central: { offset: 0 } },
    ]),
    "ZIP",
    "a: expected a header at 0",
  ],
  ["a header past the directory", zip([{ ...A, central: { offset: 90 } }]), "ZIP", "a: expected a header at 0"],
  [
    "a second header past the directory",
    zip([A, { name: "b", central: { offset: 60 } }]),
    "ZIP",
    "a: expected its end at 60",
  ],
  [
    "more data than there is room",
    zip([{ ...A, central: { packed: 500, size: 500 }, local: { packed: 500, size: 500 } }]),
    "ZIP",
    "a: expected 500 bytes before 36; got 5",
  ],
  [
    "1 GB in 100 bytes",
    zip([{ ...A, packed: 1e9, size: 1e9 }]),
    "LIMIT",
    "at most 16777216 bytes in a file of 105; got 1000000000",
  ],
  [
    "a local header without its signature",
    zip([{ ...A, local: { magic: 0 } }]),
    "ZIP",
    "a: expected a local header of 30 bytes or more; got none",
  ],
  [
    "another local name",
    zip([{ ...A, local: { name: "b" } }]),
    "ZIP",
    "a: expected a local header with the directory's name, flags and method; got others",
  ],
  ["a longer local name", zip([{ ...A, local: { name: "aa" } }]), "ZIP", "the directory's name, flags and method"],
  ["other local flags", zip([{ ...A, local: { flags: 2 } }]), "ZIP", "the directory's name, flags and method"],
  ["another local method", zip([{ ...A, local: { method: 8 } }]), "ZIP", "the directory's name, flags and method"],
  [
    "another local checksum",
    zip([{ ...A, local: { crc: 1 } }]),
    "ZIP",
    `a: expected checksum and sizes ${CRC},5,5; got 1,5,5`,
  ],
  ["another local size", zip([{ ...A, local: { size: 4 } }]), "ZIP", "got 907060870,4,5"],
  ["another local packed size", zip([{ ...A, local: { packed: 4 } }]), "ZIP", "got 907060870,5,4"],
  [
    "no local sizes, and none later",
    zip([{ ...A, local: { crc: 0, packed: 0, size: 0 } }]),
    "ZIP",
    "checksum and sizes",
  ],
  [
    "sizes later, but others before",
    zip([{ ...LATER, local: { crc: 1, packed: 0, size: 0 }, descriptor: bytes(u32(CRC), u32(5), u32(5)) }]),
    "ZIP",
    "checksum and sizes",
  ],
  [
    "local extra fields that run over",
    zip([{ ...A, local: { extra: bytes(u16(1), u16(99)) } }]),
    "ZIP",
    "extra fields that end where they say",
  ],

  // data descriptors
  [
    "no descriptor where one is said to be",
    zip([LATER]),
    "ZIP",
    "a: expected a data descriptor of 12, 16, 20 or 24 bytes; got 0",
  ],
  ["a descriptor of 13 bytes", zip([{ ...LATER, descriptor: 13 }]), "ZIP", "12, 16, 20 or 24 bytes; got 13"],
  [
    "a descriptor of another checksum",
    zip([{ ...LATER, descriptor: bytes(u32(1), u32(5), u32(5)) }]),
    "ZIP",
    `a: expected a data descriptor of ${CRC},5,5; got 1,5,5`,
  ],
  [
    "a descriptor of another size",
    zip([{ ...LATER, descriptor: bytes("PK\x07\x08", u32(CRC), u32(5), u32(6)) }]),
    "ZIP",
    "got 907060870,5,6",
  ],
  [
    "a wide descriptor of another size",
    zip([{ ...LATER, descriptor: bytes(u32(CRC), u64(6), u64(5)) }]),
    "ZIP",
    "got 907060870,6,5",
  ],
  [
    "a descriptor of another signature",
    zip([{ ...LATER, descriptor: bytes("PK\x07\x09", u32(CRC), u32(5), u32(5)) }]),
    "ZIP",
    "a data descriptor of",
  ],

  // contents
  ["a stored member of two sizes", zip([{ ...A, size: 6 }]), "ZIP", "a: expected 6 stored bytes; got 5"],
  ["a wrong checksum", zip([{ ...A, crc: 1 }]), "CHECKSUM", "a: expected bytes with the checksum 0x1; got 0x3610a686"],
  ["a flipped bit", patch(VALID, 31, 0x69), "CHECKSUM", "a: expected bytes with the checksum 0x3610a686"],
  ["a wrong checksum of deflated data", zip([deflated("hello", RAW, { crc: 7 })]), "CHECKSUM", "checksum 0x7"],
  [
    "deflated data that ends early",
    zip([deflated("hello", RAW.slice(0, 3))]),
    "ZIP",
    "a: expected deflated data (RFC 1951); got",
  ],
  ["no deflated data", zip([deflated("hello", bytes())]), "SIZE", "a: expected at most 0 bytes from 0; got 5"],
  [
    "deflated data of block type 3",
    zip([deflated("hello", bytes([7, 0, 0]))]),
    "ZIP",
    "a: expected deflated data (RFC 1951)",
  ],
  [
    "deflated data with a distance before the start",
    zip([deflated("hello", bytes([75, 4, 98, 0]))]),
    "ZIP",
    "deflated data (RFC 1951)",
  ],
  [
    "deflated data of all 0xff",
    zip([deflated("hello", bytes(Array(40).fill(255)))]),
    "ZIP",
    "deflated data (RFC 1951)",
  ],
  [
    "a stored block past the end",
    zip([deflated("hello", bytes([1, 0xff, 0xff, 0, 0, 1]))]),
    "ZIP",
    "deflated data (RFC 1951)",
  ],
  [
    "deflated data shorter than its size",
    zip([deflated("hello", RAW, { size: 9 })]),
    "SIZE",
    "a: expected 9 bytes; got 5",
  ],
  [
    "deflated data longer than its size",
    zip([deflated("hello", RAW, { size: 3 })]),
    "SIZE",
    "a: expected 3 bytes; got more",
  ],
  ["64 MiB of zeros said to be 5 bytes", zip([deflated("hello", ZEROS)]), "SIZE", "a: expected 5 bytes; got more"],
  ["64 MiB of zeros", zip([{ name: "a", deflate: ZEROS, size: 2 ** 26 }]), "LIMIT", "bytes in a file of 65"],
  [
    "a size that deflate cannot reach",
    zip([deflated("hello", RAW, { size: 10000 })]),
    "SIZE",
    "a: expected at most 7224 bytes from 7; got 10000",
  ],
  [
    "many members of zeros",
    zip(
      Array.from({ length: 20 }, (_, i) => ({ name: `${i}`, data: new Uint8Array(2 ** 20), deflate: true as const })),
    ),
    "LIMIT",
    "at most 16777216 bytes in a file of",
  ],
  [
    "members over the caller's limit",
    zip([{ name: "a", data: new Uint8Array(2 ** 25), deflate: true }]),
    "LIMIT",
    "in a file of",
    { inflation: 1 },
  ],
];

const ODD: [name: string, file: Uint8Array, contents: Record<string, string>][] = [
  ["an archive of nothing", zip([]), {}],
  ["two members", zip([A, { name: "b", data: "x" }]), { a: "hello", b: "x" }],
  ["a member called __proto__", zip([{ name: "__proto__", data: "x" }]), { ["__proto__"]: "x" }],
  ["a folder", zip([{ name: "a/" }, { name: "a/b", data: "x" }]), { "a/": "", "a/b": "x" }],
  ["names with dots", zip([{ name: "a/..b/.c.", data: "x" }]), { "a/..b/.c.": "x" }],
  ["deflated data", zip([{ ...A, deflate: true }]), { a: "hello" }],
  ["no deflated data to speak of", zip([{ name: "a", deflate: true }]), { a: "" }],
  ["an archive in the archive", zip([{ name: "a", data: zip([]) }]), { a: Buffer.from(zip([])).toString("latin1") }],
  ["zip64 ends", zip([A], { wide: wideEnd }), { a: "hello" }],
  [
    "zip64 ends that are needed",
    zip([A], { count: 65535, size: 2 ** 32 - 1, start: 2 ** 32 - 1, wide: wideEnd }),
    { a: "hello" },
  ],
  [
    "zip64 sizes",
    zip([
      {
        ...A,
        local: { packed: 2 ** 32 - 1, size: 2 ** 32 - 1, extra: bytes(u16(1), u16(16), u64(5), u64(5)) },
        central: {
          packed: 2 ** 32 - 1,
          size: 2 ** 32 - 1,
          offset: 2 ** 32 - 1,
          extra: bytes(u16(9), u16(2), 2, u16(1), u16(24), u64(5), u64(5), u64(0)),
        },
      },
    ]),
    { a: "hello" },
  ],
  ["padding in an extra field", zip([{ ...A, local: { extra: bytes("FB", u16(3), "ZZZ") } }]), { a: "hello" }],
  ["a descriptor", zip([{ ...LATER, descriptor: bytes(u32(CRC), u32(5), u32(5)) }]), { a: "hello" }],
  [
    "a signed descriptor",
    zip([{ ...LATER, descriptor: bytes("PK\x07\x08", u32(CRC), u32(5), u32(5)) }]),
    { a: "hello" },
  ],
  ["a wide descriptor", zip([{ ...LATER, descriptor: bytes(u32(CRC), u64(5), u64(5)) }]), { a: "hello" }],
  [
    "a wide signed descriptor",
    zip([{ ...LATER, descriptor: bytes("PK\x07\x08", u32(CRC), u64(5), u64(5)) }]),
    { a: "hello" },
  ],
  [
    "1 MiB, deflated in several pieces",
    zip([{ name: "a", data: noise(2 ** 20), deflate: true }]),
    { a: Buffer.from(noise(2 ** 20)).toString("latin1") },
  ],
];

function noise(length: number): Uint8Array {
  let seed = 7;
  return Uint8Array.from({ length }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed >> 20;
  });
}

function readAll(file: Uint8Array, limits: Partial<ZipLimits> = {}): Map<string, string> {
  const members = readZip(file, { ...ZIP_LIMITS, ...limits });
  return new Map([...members].map(([name, member]) => [name, Buffer.from(unpack(member)).toString("latin1")]));
}

describe("a malformed zip archive", () => {
  it("is in the table once", () => {
    expect(new Set(CASES.map(([name]) => name)).size).toBe(CASES.length);
    expect(CASES.length).toBeGreaterThan(90);
  });

  it.each(CASES)("is refused: %s", (_, file, code, message, limits) => {
    let error: unknown;
    try {
      readAll(file, limits);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toContain(message);
    expect((error as FormatError).code).toBe(`ERR_${code}`);
  });
});

describe("a well-formed zip archive", () => {
  it.each(ODD)("is read: %s", (_, file, contents) => {
    expect(readAll(file)).toEqual(new Map(Object.entries(contents)));
  });

  it("has no prefix that is read as a whole", () => {
    for (let length = 0; length < VALID.length; length++) {
      expect(() => readAll(VALID.slice(0, length))).toThrow(FormatError);
    }
  });

  it("has no byte whose change goes unseen, but for versions, times and attributes", () => {
    const free = [4, 5, 10, 11, 12, 13].concat(
      [4, 5, 6, 7, 12, 13, 14, 15, 36, 37, 38, 39, 40, 41].map((at) => 36 + at),
    );
    for (let at = 0; at < VALID.length; at++) {
      const changed = patch(VALID, at, VALID[at] ^ 1);
      if (free.includes(at)) expect(readAll(changed)).toEqual(new Map([["a", "hello"]]));
      else expect(() => readAll(changed), `byte ${at}`).toThrow(FormatError);
    }
  });
});
