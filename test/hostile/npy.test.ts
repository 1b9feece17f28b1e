/** Malformed .npy files, each with its one error. A file is its version, its header as text, and so many bytes of data. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/errors.ts";
import { encodeNpy, parseNpy } from "../../src/formats/npy.ts";

const HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";

function bytes(...parts: (string | readonly number[])[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => (typeof part === "string" ? [...Buffer.from(part, "latin1")] : part)));
}

const zeros = (count: number): number[] => Array(count).fill(0);
const u16 = (value: number) => [value & 255, value >> 8];
const u32 = (value: number) => [...new Uint8Array(Uint32Array.of(value).buffer)];
const MAGIC = "\x93NUMPY";
const file = (header: string, data = 8) => bytes(MAGIC, [1, 0], u16(header.length), header, zeros(data));
/** The valid header with other text for the value of one key. */
const descr = (text: string) => file(HEADER.replace("'<f4'", text));
const order = (text: string) => file(HEADER.replace("False", text));
const shape = (text: string, data = 8) => file(HEADER.replace("(2,)", text), data);
const VALID = file(HEADER);

/** The code is written without its ERR_. */
type Case = [name: string, file: Uint8Array, code: string, message: string];

const CASES: Case[] = [
  // before the header
  ["empty", bytes(), "TRUNCATED", "file: expected 10 bytes of magic, version and length; got 0"],
  ["half a magic", VALID.slice(0, 3), "TRUNCATED", "magic, version and length; got 3"],
  ["no length", VALID.slice(0, 8), "TRUNCATED", "magic, version and length; got 8"],
  [
    "half the length of version 2",
    bytes(MAGIC, [2, 0, 9, 0]),
    "TRUNCATED",
    "expected 12 bytes before the header; got 10",
  ],
  ["another magic", bytes("\x94NUMPY", [1, 0], u16(9)), "HEADER", 'file: expected "\\u{93}NUMPY" first; got'],
  ["text", bytes("1,2,3\n4,5,6\n"), "HEADER", 'first; got "1,2,3\\n"'],
  [
    "an .npz",
    bytes("PK\x03\x04", zeros(20)),
    "FOREIGN_FORMAT",
    "a zip archive (.npz). Save one array with numpy.save.",
  ],
  ["version 0", bytes(MAGIC, [0, 1], u16(58), HEADER, zeros(8)), "VERSION", "version 1.0, 2.0 or 3.0; got 0.1"],
  ["version 1.1", bytes(MAGIC, [1, 1], u16(58), HEADER, zeros(8)), "VERSION", "got 1.1"],
  ["version 4", bytes(MAGIC, [4, 0], u32(58), HEADER, zeros(8)), "VERSION", "got 4.0"],
  [
    "a header of 4 GB",
    bytes(MAGIC, [2, 0], u32(2 ** 32 - 1), HEADER),
    "LIMIT",
    "header: expected at most 10000 bytes; got 4294967295",
  ],
  ["a header of 64 KB", bytes(MAGIC, [1, 0], u16(65535), HEADER), "LIMIT", "at most 10000 bytes; got 65535"],
  ["a header past the end", bytes(MAGIC, [1, 0], u16(59), HEADER), "TRUNCATED", "header: expected 59 bytes; got 58"],
  ["no header", bytes(MAGIC, [1, 0], u16(0)), "HEADER", 'header: expected "{"; got the end'],

  // dtype
  [
    ">f4",
    descr("'>f4'"),
    "DTYPE",
    `descr: expected one of <f4, <f8, <f2, <i8, <i4, <i2, |i1, <u8, <u4, <u2, |u1, |b1; got "'>f4'". Save it with astype("<f4").`,
  ],
  ["=f4", descr("'=f4'"), "DTYPE", `got "'=f4'"`],
  ["objects", descr("'|O'"), "DTYPE", `got "'|O'"`],
  ["complex numbers", descr("'<c8'"), "DTYPE", `got "'<c8'"`],
  ["text", descr("'<U8'"), "DTYPE", `got "'<U8'"`],
  ["a structure", descr("[('x', '<f4'), ('y', '<f4')]"), "DTYPE", 'got "["'],
  ["no quotes", descr("<f4"), "DTYPE", 'got "<"'],
  ["quotes that do not match", descr("'<f4\""), "DTYPE", `got "'<f4`],
  ["a name of every object", descr("'constructor'"), "DTYPE", `got "'constructor'"`],
  ["a call", descr("__import__('os')"), "DTYPE", 'got "__import__"'],

  // order
  ["an order of 0", order("0"), "HEADER", 'fortran_order: expected True or False; got "0"'],
  ["an order in lower case", order("false"), "HEADER", 'got "false"'],

  // shape
  ["a list", shape("[2]"), "HEADER", 'shape: expected "("; got "["'],
  ["a number", shape("2"), "HEADER", 'shape: expected "("; got "2"'],
  ["a number in parentheses", shape("(2)"), "HEADER", 'shape: expected ","; got ")"'],
  ["a comma alone", shape("(,)"), "SHAPE", 'shape: expected a size or ")"; got ","'],
  ["two commas", shape("(2,,)"), "SHAPE", 'a size or ")"; got ","'],
  ["a negative size", shape("(-2,)"), "SHAPE", 'a size or ")"; got "-"'],
  ["a long of Python 2", shape("(2L,)"), "SHAPE", 'a size or ")"; got "2L"'],
  ["a fraction", shape("(2.0,)"), "HEADER", 'shape: expected ","; got "."'],
  ["an exponent", shape("(2e0,)"), "SHAPE", 'got "2e0"'],
  ["a leading zero", shape("(02,)"), "SHAPE", 'got "02"'],
  ["a sum", shape("(1+1,)"), "HEADER", 'shape: expected ","; got "+"'],
  ["a tuple in a tuple", shape("((2,),)"), "SHAPE", 'got "("'],
  ["an open end", shape("(2"), "SHAPE", 'a size or ")"; got "}"'],
  ["rank 9", shape("(1, 1, 1, 1, 1, 1, 1, 1, 2)"), "LIMIT", "shape: expected at most 8 dimensions"],
  ["2⁵³ elements", shape("(9007199254740992,)"), "SHAPE", "fewer than 2⁵³ elements"],
  ["a product of 2⁶⁴", shape("(4294967296, 4294967296)"), "SHAPE", "fewer than 2⁵³ elements"],
  ["2⁵³ elements beside 0", shape("(0, 9007199254740992)"), "SHAPE", "fewer than 2⁵³ elements"],
  ["a size of 400 digits", shape(`(${"9".repeat(400)},)`), "SHAPE", "fewer than 2⁵³ elements"],

  // the literal
  ["no braces", file("'descr': '<f4'\n"), "HEADER", 'header: expected "{"'],
  ["a key twice", file(HEADER.replace("}", "'shape': (2,), }")), "DUPLICATE", "header: expected shape once"],
  ["an unknown key", file(HEADER.replace("}", "'order': 1, }")), "HEADER", 'The key is "order".'],
  ["no shape", file("{'descr': '<f4', 'fortran_order': False}\n"), "HEADER", "expected descr, fortran_order and shape"],
  ["no order", file("{'descr': '<f4', 'shape': (2,)}\n"), "HEADER", "expected descr, fortran_order and shape"],
  ["an empty literal", file("{}\n"), "HEADER", "expected descr, fortran_order and shape"],
  ["no colon", file(HEADER.replace("':", "'")), "HEADER", 'header: expected ":"'],
  ["no comma", file(HEADER.replace("4',", "4'")), "HEADER", 'header: expected "," or "}"'],
  ["two commas", file(HEADER.replace("4',", "4',,")), "HEADER", 'a key or "}"; got ","'],
  ["a comment", file(HEADER.replace("{", "{ # a\n")), "HEADER", 'a key or "}"; got "#"'],
  ["an escape", file(HEADER.replace("descr", "d\\x65scr")), "HEADER", 'a key or "}"'],
  ["no line feed", file(HEADER.slice(0, -1)), "HEADER", "expected spaces and a line feed; got the end"],
  ["two line feeds", file(`${HEADER}\n`), "HEADER", "expected spaces and a line feed"],
  ["NUL for spaces", file(HEADER.replace("\n", "\0\0\n")), "HEADER", "expected spaces and a line feed"],
  ["a second literal", file(HEADER.replace("\n", "{}\n")), "HEADER", "expected spaces and a line feed"],

  // data
  ["no data", file(HEADER, 0), "TRUNCATED", "data: expected 8 bytes for shape (2) of F32; got 0"],
  ["data one byte short", file(HEADER, 7), "TRUNCATED", "got 7"],
  ["data one byte long", file(HEADER, 9), "SIZE", "data: expected 8 bytes for shape (2) of F32; got 9"],
  ["a terabyte of elements in 8 bytes", shape("(1000000000000,)"), "TRUNCATED", "expected 4000000000000 bytes"],
  ["a scalar without data", shape("()", 0), "TRUNCATED", "data: expected 4 bytes for shape () of F32; got 0"],
  ["data of an empty array", shape("(0, 3)"), "SIZE", "data: expected 0 bytes"],
];

describe("a malformed .npy file", () => {
  it("is called file, once", () => {
    expect(() => parseNpy(bytes())).toThrow(/^file: expected 10 bytes/);
  });

  it.each(CASES)("is refused: %s", (_, file, code, message) => {
    let error: unknown;
    try {
      parseNpy(file);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(FormatError);
    const { code: found, message: said, offset } = error as FormatError;
    expect(found).toBe(`ERR_${code}`);
    expect(said).toContain(message);
    expect(offset).toBeGreaterThanOrEqual(0);
    expect(offset).toBeLessThanOrEqual(file.length);
  });

  it("is refused, never run or half read, whatever bytes change", () => {
    const seed = encodeNpy({ dtype: "F32", shape: [2, 3], data: new Float32Array(6) });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(70), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(1),
        (list, cut) => {
          const copy = seed.slice(0, seed.length - cut);
          for (const [at, byte] of list) copy[at] = byte;
          try {
            const { shape, data } = parseNpy(copy);
            expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
          } catch (error) {
            if (!(error instanceof FormatError)) throw error;
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("the argument", () => {
  it("may be a view in the middle of a larger buffer", () => {
    const shifted = new Uint8Array([1, 2, 3, ...VALID]).subarray(3);
    expect(parseNpy(shifted).shape).toEqual([2]);
  });
});
