/**
 * Malformed safetensors files, each with its one error, and well-formed ones that look odd. A file is written as its
 * header and its data, so that every byte is in sight.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/errors.ts";
import { encodeSafetensors, type Limits, parseSafetensors } from "../../src/formats/safetensors.ts";

type Part = string | number | readonly number[];

/** Text as UTF-8, a number as so many bytes 0x01, a list as its bytes. */
function bytes(...parts: Part[]): Uint8Array {
  const encode = (part: Part) => (typeof part === "number" ? Buffer.alloc(part, 1) : Buffer.from(part as string));
  return new Uint8Array(Buffer.concat(parts.map(encode)));
}

/** A header length: u64, little endian. */
function u64(value: number | bigint): number[] {
  return [...new Uint8Array(BigUint64Array.of(BigInt(value)).buffer)];
}

function file(header: string | readonly number[], ...data: Part[]): Uint8Array {
  return bytes(u64(bytes(header).length), header, ...data);
}

const A = '"dtype":"F32","shape":[2],"data_offsets":[0,8]';
const HEADER = `{"a":{${A}}}`;
const VALID = file(HEADER, 8);

/** One tensor, `a`, with other text for some of its fields ("" leaves a field out), and so many bytes of data. */
function a(fields: { dtype?: string; shape?: string; data_offsets?: string }, dataBytes = 8): Uint8Array {
  const all = { dtype: '"F32"', shape: "[2]", data_offsets: "[0,8]", ...fields };
  const members = Object.entries(all).filter(([, text]) => text !== "");
  return file(`{"a":{${members.map(([key, text]) => `"${key}":${text}`)}}}`, dataBytes);
}

/** One tensor with more members of its entry. */
const extra = (members: string) => file(`{"a":{${A},${members}}}`, 8);

/** One tensor of another name, written as JSON text. */
const named = (name: string) => file(`{${name}:{${A}}}`, 8);

const metadata = (text: string) => file(`{"__metadata__":${text}}`);

/** Eight bytes of data and tensors of bytes, by their ranges. */
function ranges(...list: [begin: number, end: number][]): Uint8Array {
  const entry = ([begin, end]: number[]) => `{"dtype":"U8","shape":[${end - begin}],"data_offsets":[${begin},${end}]}`;
  return file(`{${list.map((range, i) => `"t${i}":${entry(range)}`)}}`, 8);
}

/** The code is written without its ERR_; the message is a part of the whole. */
type Case = [name: string, file: Uint8Array, code: string, message: string, limits?: Partial<Limits>];

const CUT: Case[] = [
  ["empty", bytes(), "HEADER", 'file: expected safetensors; got 0 bytes that begin ""'],
  ["one byte", bytes([0]), "HEADER", "safetensors; got 1 bytes that begin"],
  ["seven bytes of the length", VALID.slice(0, 7), "HEADER", "safetensors; got 7 bytes that begin"],
  ["a magic of zip", bytes("PK\x03\x04"), "FOREIGN_FORMAT", "file: expected safetensors; got a zip archive"],
  ["no header", VALID.slice(0, 8), "HEADER", "safetensors; got 8 bytes that begin"],
  ["one byte of the header", VALID.slice(0, 9), "TRUNCATED", "header: expected 54 bytes; got 1"],
  ["in a name", VALID.slice(0, 10), "TRUNCATED", "header: expected 54 bytes; got 2"],
  ["one byte before the end of the header", VALID.slice(0, 61), "TRUNCATED", "expected 54 bytes; got 53"],
  ["in the padding", file(`${HEADER}    `).slice(0, -1), "TRUNCATED", "expected 58 bytes; got 57"],
  [
    "after a length that begins like pickle 4",
    bytes(u64(0x480), "{"),
    "TRUNCATED",
    "header: expected 1152 bytes; got 1",
  ],
  ["after a length that begins like pickle 2", bytes(u64(0x280), "{"), "TRUNCATED", "expected 640 bytes; got 1"],
  ["no data", file(HEADER), "OFFSETS", "a.data_offsets: expected a range of the 0 bytes of data; got [0, 8]. Is the"],
  ["one byte of data", file(HEADER, 1), "OFFSETS", "the 1 bytes of data"],
  ["one byte before the end", file(HEADER, 7), "OFFSETS", "the 7 bytes of data"],
  ["between two tensors", ranges([0, 4], [4, 8]).slice(0, -4), "OFFSETS", "t1.data_offsets: expected a range of the 4"],
];

const CASES: Case[] = [
  // the header's length
  ["length 0 and no more", bytes(u64(0)), "HEADER", "safetensors; got 8 bytes that begin"],
  ["length 0 before a header", bytes(u64(0), HEADER, 8), "HEADER", 'header: expected "}" last, then spaces; got ""'],
  ["length 1", bytes(u64(1), HEADER, 8), "HEADER", '"}" last, then spaces; got "{"'],
  ["length one short", bytes(u64(53), `${HEADER.slice(0, -1)} `, 8), "JSON", "got the end"],
  ["length one long", bytes(u64(55), HEADER, 8), "HEADER", '"}" last, then spaces; got "[0,8]}}\\u0001"'],
  ["length of all the rest", bytes(u64(62), HEADER, 8), "HEADER", '"}" last, then spaces'],
  ["length of the whole file", bytes(u64(70), HEADER, 8), "TRUNCATED", "header: expected 70 bytes; got 62"],
  [
    "length of 4 bytes",
    bytes(u64(54).slice(0, 4), HEADER, 8),
    "HEADER",
    "file: expected safetensors; got 66 bytes that begin",
  ],
  ["length in big endian", bytes(u64(54).reverse(), HEADER, 8), "HEADER", "safetensors; got 70 bytes that begin"],
  ["length of 1 GB in 100 bytes", bytes(u64(1e9), "{", 91), "HEADER", "file: expected safetensors; got 100 bytes"],
  ["length one over the limit", bytes(u64(2 ** 24 + 1), HEADER, 8), "LIMIT", "16777216 bytes; got 16777217"],
  ["length of 100 MB", bytes(u64(1e8), HEADER, 8), "LIMIT", "at most 16777216 bytes; got 100000000"],
  ["length at the limit", bytes(u64(2 ** 24), HEADER, 8), "TRUNCATED", "expected 16777216 bytes; got 62"],
  ["length 2³¹", bytes(u64(2 ** 31), HEADER, 8), "HEADER", "safetensors; got 70 bytes that begin"],
  [
    "length 2³², whose lower half is 0",
    bytes(u64(2 ** 32), HEADER, 8),
    "HEADER",
    "safetensors; got 70 bytes that begin",
  ],
  [
    "length 2³² + 54, whose lower half fits",
    bytes(u64(2 ** 32 + 54), HEADER, 8),
    "HEADER",
    "safetensors; got 70 bytes that begin",
  ],
  ["length 2⁵³ + 1", bytes(u64(2n ** 53n + 1n), HEADER, 8), "HEADER", "safetensors; got 70 bytes that begin"],
  ["length 2⁶³", bytes(u64(2n ** 63n), HEADER, 8), "HEADER", "safetensors; got 70 bytes that begin"],
  ["length 2⁶⁴ − 1", bytes(u64(2n ** 64n - 1n), HEADER, 8), "HEADER", "safetensors; got 70 bytes that begin"],
  ["64 bytes 0x00", bytes(Array(64).fill(0)), "HEADER", "file: expected safetensors; got"],
  ["64 bytes 0xff", bytes(Array(64).fill(255)), "HEADER", 'file: expected safetensors; got 64 bytes that begin "ÿÿ'],

  // the header's frame
  ["a space before the header", file(` ${HEADER}`, 8), "HEADER", "file: expected safetensors; got"],
  ["a line feed before the header", file(`\n${HEADER}`, 8), "HEADER", "file: expected safetensors; got"],
  ["a byte order mark", file(`\ufeff${HEADER}`, 8), "HEADER", "file: expected safetensors; got"],
  ["UTF-16 with its mark", file([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), "HEADER", "file: expected safetensors; got"],
  ["UTF-16", file([0x7b, 0, 0x7d, 0]), "HEADER", '"}" last, then spaces; got "{\\u0000}\\u0000"'],
  ["an array", file("[]"), "HEADER", "file: expected safetensors; got"],
  ["text", file('"a"'), "HEADER", "file: expected safetensors; got"],
  ["null", file("null"), "HEADER", "file: expected safetensors; got"],
  ["one byte 0x00", file([0]), "HEADER", "file: expected safetensors; got"],
  ["padding with NUL", file(`${HEADER}\0\0`, 8), "HEADER", '"}" last, then spaces; got "0,8]}}\\u0000\\u0000"'],
  ["padding with a line feed", file(`${HEADER} \n`, 8), "HEADER", '"}" last, then spaces; got "0,8]}} \\n"'],
  ["padding with a tab between spaces", file(`${HEADER} \t `, 8), "HEADER", '"}" last, then spaces'],
  ["padding with a no-break space", file(`${HEADER}\u00a0`, 8), "HEADER", '"}" last, then spaces'],
  ["text after the header", file(`${HEADER} x`, 8), "HEADER", '"}" last, then spaces'],
  ["two headers", file(`${HEADER}${HEADER}`, 8), "JSON", "header at byte 62: expected the end"],
  ["an unclosed header", file('{"a":{}'), "JSON", 'expected "," or "}"; got the end'],

  // the header's JSON
  ["a tensor twice", file(`{"a":{${A}},"a":{${A}}}`, 8), "DUPLICATE", "header at byte 62: expected every key once"],
  ["a tensor twice, once escaped", file(`{"a":{${A}},"\\u0061":{${A}}}`, 8), "DUPLICATE", "header at byte 62"],
  ["a tensor twice, on two ranges", file(`{"a":{${A}},"a":{${A.replace("0,8", "8,16")}}}`, 16), "DUPLICATE", "once"],
  ["dtype twice", extra('"dtype":"I32"'), "DUPLICATE", "header.a at byte 61"],
  ["shape twice", extra('"shape":[1]'), "DUPLICATE", "header.a at byte 61"],
  ["data_offsets twice", extra('"data_offsets":[0,8]'), "DUPLICATE", "header.a at byte 61"],
  ["__metadata__ twice", file('{"__metadata__":{},"__metadata__":{}}'), "DUPLICATE", "header at byte 27"],
  ["a key of the metadata twice", metadata('{"k":"1","k":"2"}'), "DUPLICATE", "header.__metadata__ at byte 33"],
  ["a byte that UTF-8 never has", file([123, 34, 0xff, 34, 125]), "UTF8", "header at byte 10: expected UTF-8"],
  ["an overlong slash", file([123, 34, 0xc0, 0xaf, 34, 125]), "UTF8", "header at byte 10"],
  ["an overlong NUL", file([123, 34, 0xc0, 0x80, 34, 125]), "UTF8", "header at byte 10"],
  ["a surrogate in UTF-8", file([123, 34, 0xed, 0xa0, 0x80, 34, 125]), "UTF8", "header at byte 10"],
  ["a sequence that the header's end cuts", file([123, 0xe2, 0x82, 125]), "UTF8", "header at byte 9"],
  ["an escaped lone surrogate", named('"\\ud800"'), "UTF8", "header at byte 9: expected surrogates in pairs"],
  ["a raw NUL in a name", named('"a\0"'), "JSON", "no raw control characters"],
  ["a comma too many", file(`{"a":{${A}},}`, 8), "JSON", 'expected a key in quotes; got "}"'],
  ["single quotes", named("'a'"), "JSON", "expected a key in quotes"],
  ["a comment", named('/**/"a"'), "JSON", "expected a key in quotes"],
  ["a number that overflows", a({ shape: "[1e400]" }), "JSON", "header.a.shape[0] at byte 37: expected a number"],
  ["NaN for a size", a({ shape: "[NaN]" }), "JSON", "header.a.shape[0] at byte 37: expected a value"],
  ["Infinity for a size", a({ shape: "[Infinity]" }), "JSON", "expected a value"],
  ["a size in hexadecimal", a({ shape: "[0x2]" }), "JSON", "expected a value"],
  ["a size with a leading zero", a({ shape: "[02]" }), "JSON", "expected a value"],
  ["a field a million deep", extra(`"x":${"[".repeat(1e6)}`), "JSON", "header.a"],
  ["closed arrays 40 deep", extra(`"x":${"[".repeat(40)}${"]".repeat(40)}`), "JSON", "at most 32 levels of nesting"],
  ["metadata deeper than the caller's limit", metadata('{"k":[]}'), "JSON", "at most 2 levels", { depth: 2 }],

  // the fields of a tensor
  ["no dtype", a({ dtype: "" }), "HEADER", 'a: expected a field "dtype"; got none'],
  ["no shape", a({ shape: "" }), "HEADER", 'a: expected a field "shape"; got none'],
  ["no data_offsets", a({ data_offsets: "" }), "HEADER", 'a: expected a field "data_offsets"; got none'],
  ["no field at all", file('{"a":{}}'), "HEADER", 'a: expected a field "dtype"; got none'],
  ["an unknown field", extra('"strides":[1]'), "HEADER", 'no fields but dtype, shape, data_offsets; got "strides"'],
  ["a field in upper case", extra('"Dtype":"F32"'), "HEADER", 'got "Dtype"'],
  ["a field __proto__", extra('"__proto__":{}'), "HEADER", 'got "__proto__"'],
  ["offsets under their first name", file(`{"a":{${A.replace("data_", "")}}}`, 8), "HEADER", 'got "offsets"'],
  ["null for a tensor", file('{"a":null}'), "HEADER", "a: expected an object; got null"],
  ["an array for a tensor", file('{"a":["F32",[2],[0,8]]}', 8), "HEADER", "a: expected an object; got an array of 3"],
  ["text for a tensor", file('{"a":"F32"}'), "HEADER", 'a: expected an object; got "F32"'],
  ["a group of tensors", file(`{"g":${HEADER}}`, 8), "HEADER", "g: expected no fields but dtype, shape, data_off"],

  // names
  ["an empty name", named('""'), "NAME", '[""]: expected a tensor name without NUL; got ""'],
  ["NUL as a name", named('"\\u0000"'), "NAME", 'got "\\u0000"'],
  ["NUL inside a name", named('"a\\u0000.bin"'), "NAME", 'got "a\\u0000.bin"'],
  ["a name of 1025 units", named(`"${"n".repeat(1025)}"`), "LIMIT", "a name of at most 1024 UTF-16 units; got 1025"],
  ["a name of 1 MB", named(`"${"n".repeat(1e6)}"`), "LIMIT", "a name of at most 1024 UTF-16 units; got 1000000"],
  ["a name over the caller's limit", named('"abcd"'), "LIMIT", "abcd: expected a name of at most 3", { nameLength: 3 }],

  // __metadata__
  ["metadata null", metadata("null"), "HEADER", "__metadata__: expected an object; got null"],
  ["metadata an array", metadata("[]"), "HEADER", "__metadata__: expected an object; got an array of 0"],
  ["metadata text", metadata('"pt"'), "HEADER", '__metadata__: expected an object; got "pt"'],
  ["a number in the metadata", metadata('{"k":1}'), "HEADER", "__metadata__.k: expected a string; got 1"],
  ["null in the metadata", metadata('{"k":null}'), "HEADER", "__metadata__.k: expected a string; got null"],
  ["an object in the metadata", metadata('{"k":{}}'), "HEADER", "__metadata__.k: expected a string; got an object"],
  ["a tensor named __metadata__", named('"__metadata__"'), "HEADER", "__metadata__.shape: expected a string"],

  // dtype
  ...["f32", "torch.float32", "<f4", "", "F32 ", "toString", "__proto__"].map(notDtype),
  ...["F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "F6_E2M3", "F6_E3M2", "C64", "F31"].map(notDtype),
  ["a number for dtype", a({ dtype: "32" }), "DTYPE", "a.dtype: expected a string; got 32"],
  ["null for dtype", a({ dtype: "null" }), "DTYPE", "a.dtype: expected a string; got null"],
  ["a list for dtype", a({ dtype: '["F32"]' }), "DTYPE", "a.dtype: expected a string; got an array of 1"],

  // shape
  ["a number for shape", a({ shape: "2" }), "SHAPE", "a.shape: expected an array; got 2"],
  ["null for shape", a({ shape: "null" }), "SHAPE", "a.shape: expected an array; got null"],
  ["text for shape", a({ shape: '"2"' }), "SHAPE", 'a.shape: expected an array; got "2"'],
  ["an object for shape", a({ shape: '{"0":2}' }), "SHAPE", "a.shape: expected an array; got an object"],
  ["a negative size", a({ shape: "[-2]" }), "SHAPE", "a.shape[0]: expected an integer ≥ 0; got -2"],
  ["two negative sizes", a({ shape: "[-1,-2]" }), "SHAPE", "a.shape[0]: expected an integer ≥ 0; got -1"],
  ["a fraction for a size", a({ shape: "[1.5]" }), "SHAPE", "a.shape[0]: expected an integer ≥ 0; got 1.5"],
  ["text for a size", a({ shape: '[1,"2"]' }), "SHAPE", 'a.shape[1]: expected an integer ≥ 0; got "2"'],
  ["null for a size", a({ shape: "[null]" }), "SHAPE", "a.shape[0]: expected an integer ≥ 0; got null"],
  ["true for a size", a({ shape: "[2,true]" }), "SHAPE", "a.shape[1]: expected an integer ≥ 0; got true"],
  ["a nested shape", a({ shape: "[[2]]" }), "SHAPE", "a.shape[0]: expected an integer ≥ 0; got an array of 1"],
  ["the size 2⁵³", a({ shape: "[9007199254740992]" }), "SHAPE", "a.shape[0]: expected an integer ≥ 0; got 900719925"],
  ["the size 2⁵³ + 1", a({ shape: "[9007199254740993]" }), "SHAPE", "a.shape[0]: expected an integer"],
  ["the size 2⁶⁴ − 1", a({ shape: "[18446744073709551615]" }), "SHAPE", "a.shape[0]: expected an integer"],
  ["a product of 2⁵³", a({ shape: "[134217728,67108864]" }), "SHAPE", "a.shape: expected fewer than 2⁵³ elements"],
  ["a product of 2⁶⁴", a({ shape: "[4294967296,4294967296]" }), "SHAPE", "fewer than 2⁵³ elements"],
  ["a product of 2⁶⁴ before a 0", a({ shape: "[4294967296,4294967296,0]" }), "SHAPE", "fewer than 2⁵³ elements"],
  ["rank 9", a({ shape: "[2,1,1,1,1,1,1,1,1]" }), "LIMIT", "a.shape: expected at most 8 dimensions; got 9"],
  ["rank 100,000", a({ shape: `[${"1,".repeat(99999)}2]` }), "LIMIT", "at most 8 dimensions; got 100000"],
  ["a rank over the caller's limit", a({ shape: "[2,1]" }), "LIMIT", "at most 1 dimensions; got 2", { rank: 1 }],

  // size
  ["a shape larger than its range", a({ shape: "[3]" }), "SIZE", "a: expected 12 bytes for shape (3) of F32; got 8"],
  ["a shape smaller than its range", a({ shape: "[1]" }), "SIZE", "a: expected 4 bytes for shape (1) of F32; got 8"],
  ["a range one byte short", a({ data_offsets: "[0,7]" }), "SIZE", "a: expected 8 bytes for shape (2) of F32; got 7"],
  ["a scalar without bytes", a({ shape: "[]", data_offsets: "[0,0]" }, 0), "SIZE", "4 bytes for shape () of F32"],
  ["a shape with 0 and a range", a({ shape: "[2,0]" }), "SIZE", "a: expected 0 bytes for shape (2, 0) of F32; got 8"],
  ["a dtype twice as wide", a({ dtype: '"F64"' }), "SIZE", "a: expected 16 bytes for shape (2) of F64; got 8"],
  ["a dtype half as wide", a({ dtype: '"BF16"' }), "SIZE", "a: expected 4 bytes for shape (2) of BF16; got 8"],
  ["a product of 2³²", a({ shape: "[65536,65536]", data_offsets: "[0,0]" }, 0), "SIZE", "expected 17179869184 bytes"],
  ["a product of 2⁵³ − 1", a({ shape: "[9007199254740991]" }), "SIZE", "expected 36028797018963964 bytes"],
  ["the size of a second tensor", file(`{"a":{${A}},"b":{${A.replace("0,8", "8,9")}}}`, 9), "SIZE", "b: expected 8"],

  // data_offsets
  ["a number for data_offsets", a({ data_offsets: "8" }), "OFFSETS", "a.data_offsets: expected an array; got 8"],
  ["text for data_offsets", a({ data_offsets: '"0,8"' }), "OFFSETS", 'a.data_offsets: expected an array; got "0,8"'],
  ["an object for data_offsets", a({ data_offsets: '{"0":0}' }), "OFFSETS", "expected an array; got an object"],
  ["no offsets", a({ data_offsets: "[]" }), "OFFSETS", "a.data_offsets: expected [begin, end]; got an array of 0"],
  ["one offset", a({ data_offsets: "[8]" }), "OFFSETS", "expected [begin, end]; got an array of 1"],
  ["three offsets", a({ data_offsets: "[0,4,8]" }), "OFFSETS", "expected [begin, end]; got an array of 3"],
  ["a negative offset", a({ data_offsets: "[-8,0]" }), "OFFSETS", "a.data_offsets[0]: expected an integer ≥ 0; got -8"],
  ["a fraction for an offset", a({ data_offsets: "[0,8.5]" }), "OFFSETS", "a.data_offsets[1]: expected an integer ≥ 0"],
  ["text for an offset", a({ data_offsets: '["0",8]' }), "OFFSETS", "a.data_offsets[0]: expected an integer ≥ 0; got"],
  ["null for an offset", a({ data_offsets: "[0,null]" }), "OFFSETS", "expected an integer ≥ 0; got null"],
  ["the offset 2⁵³", a({ data_offsets: "[0,9007199254740992]" }), "OFFSETS", "a.data_offsets[1]: expected an integer"],
  ["the offset 2⁶⁴ + 8", a({ data_offsets: "[0,18446744073709551624]" }), "OFFSETS", "a.data_offsets[1]: expected an"],
  ["the offset 2³² + 8", a({ data_offsets: "[0,4294967304]" }), "OFFSETS", "the 8 bytes of data; got [0, 4294967304]."],
  ["offsets reversed", a({ data_offsets: "[8,0]" }), "OFFSETS", "a.data_offsets: expected begin ≤ end; got [8, 0]"],
  ["an end one past the file", ranges([0, 9]), "OFFSETS", "t0.data_offsets: expected a range of the 8 bytes of data"],
  ["a range after the file", a({ data_offsets: "[8,16]" }), "OFFSETS", "the 8 bytes of data; got [8, 16]"],
  ["offsets from the file's start", a({ data_offsets: "[62,70]" }), "OFFSETS", "the 8 bytes of data; got [62, 70]"],

  // ranges against one another
  ["two tensors on one range", ranges([0, 8], [0, 8]), "OFFSETS", "t1: expected data_offsets from 8, where the tensor"],
  ["1,000 tensors on one range", ranges(...Array(1000).fill([0, 8])), "OFFSETS", "got 0, which makes an overlap"],
  ["an overlap of one byte", ranges([0, 5], [4, 8]), "OFFSETS", "t1: expected data_offsets from 5, where"],
  ["an overlap in reverse order", ranges([4, 8], [0, 5]), "OFFSETS", "t0: expected data_offsets from 5"],
  ["a tensor inside another", ranges([0, 8], [2, 4]), "OFFSETS", "t1: expected data_offsets from 8"],
  ["an empty tensor inside another", ranges([0, 8], [4, 4]), "OFFSETS", "t1: expected data_offsets from 8"],
  ["an empty tensor past a hole", ranges([0, 4], [8, 8]), "OFFSETS", "t1: expected data_offsets from 4"],
  ["a hole at the start", ranges([4, 8]), "OFFSETS", "where the tensor before ends; got 4, which makes a hole"],
  ["a hole of one byte", ranges([0, 4], [5, 8]), "OFFSETS", "t1: expected data_offsets from 4, where"],
  ["a byte after the data", file(HEADER, 9), "OFFSETS", "file: expected 8 bytes of data, the end of the last tensor"],
  ["a zip archive after the data", file(HEADER, 8, "PK\x05\x06", 18), "OFFSETS", "file: expected 8 bytes of data"],
  ["data without tensors", file("{}", 8), "OFFSETS", "file: expected 0 bytes of data"],

  // limits
  ["65,537 tensors", ranges(...Array(65537).fill([0, 0])), "LIMIT", "header: expected at most 65536 tensors; got more"],
  ["tensors over the caller's limit", ranges([0, 4], [4, 8]), "LIMIT", "at most 1 tensors; got more", { tensors: 1 }],
  ["a header over the caller's limit", VALID, "LIMIT", "header: expected at most 53 bytes", { headerBytes: 53 }],
  ["a file over the caller's limit", VALID, "LIMIT", "file: expected at most 69 bytes; got 70", { fileBytes: 69 }],
];

const F = "FOREIGN_FORMAT";
const FOREIGN: Case[] = [
  ["ONNX of PyTorch", bytes([8, 8, 0x12, 7], "pytorch", [0x1a, 5], "2.3.0"), F, 'got ONNX. Import from "sluice/onnx"'],
  ["ONNX without a producer", bytes([8, 10, 0x3a, 0x80, 2], 256), F, "got ONNX."],
  ["PyTorch", bytes("PK\x03\x04", [0, 0, 8, 8, 0, 0], 30), F, 'Import from "sluice/pytorch", "sluice/keras"'],
  ["Keras", bytes("PK\x03\x04", [20, 0, 0, 0, 0, 0], 30), F, "got a zip archive (.pt, .keras or .npz)."],
  ["a zip archive of version 0", bytes("PK\x03\x04", [0, 0, 0, 0, 0, 0], 30), F, "got a zip archive"],
  ["PyTorch before 1.6", bytes([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9]), F, "got a pickle (.pt)."],
  ["a pickle", bytes([0x80, 4, 0x95, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x7d]), F, "got a pickle (.pt)."],
  ["HDF5", bytes([0x89], "HDF\r\n\x1a\n", 40), F, 'got HDF5 (.h5). Import from "sluice/keras"'],
  ["GGUF", bytes("GGUF", [3, 0, 0, 0], u64(2), u64(3)), F, "got GGUF."],
  ["TFLite", bytes([28, 0, 0, 0], "TFL3", 40), F, "got TFLite."],
  ["npy", bytes([0x93], "NUMPY", [1, 0, 118, 0], "{'descr': '<f4', "), F, "got NumPy (.npy)."],
  ["gzip", bytes([0x1f, 0x8b, 8, 0, 0x5e, 0x1a, 0x2b, 0x66, 0, 3], 20), F, "got gzip. Decompress it first."],
  ["gzip without a time, length 559,903", bytes([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2]), F, "got gzip."],
  ["WebAssembly", bytes("\0asm", [1, 0, 0, 0], 8), F, "got WebAssembly. It has no tensors."],
  ["TensorFlow.js", bytes('{"format": "layers-model"}'), F, "got JSON (TensorFlow.js or RTNeural)."],
  ["RTNeural", bytes('{\n    "in_shape": [null, null, 1]}'), F, "got JSON (TensorFlow.js or RTNeural)."],
  ["the header alone", bytes(HEADER), F, "got JSON"],
  ["a page", bytes("<!doctype html><title>404"), F, "got HTML or XML. Is it an error page?"],
  ["a Git LFS pointer", bytes("version https://git-lfs.github.com"), F, "got a Git LFS pointer. Run git lfs pull."],
];

function notDtype(name: string): Case {
  return [`dtype "${name}"`, a({ dtype: `"${name}"` }), "DTYPE", `U8, BOOL; got "${name}"`];
}

function refusal(read: () => unknown): FormatError {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return error as FormatError;
  }
  throw new Error("nothing was refused");
}

describe("a malformed safetensors file", () => {
  it("is in the table once, under a name of its own, and is rarely a mere truncation", () => {
    const all = [...CUT, ...CASES, ...FOREIGN];
    const contents = all.map(([, file, , , limits]) => Buffer.from(file).toString("latin1") + JSON.stringify(limits));
    expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
    expect(new Set(contents).size).toBe(all.length);
    expect(CUT.length).toBeLessThan(all.length / 5);
  });

  it.each(CUT)("is refused when it is cut: %s", check);
  it.each(CASES)("is refused: %s", check);
  it.each(FOREIGN)("is refused as another format: %s", check);

  function check(_: string, file: Uint8Array, code: string, message: string, limits?: Partial<Limits>) {
    const before = file.slice();
    const error = refusal(() => parseSafetensors(file, { limits }));
    expect(error.message).toContain(message);
    expect(error.message.length).toBeLessThan(400);
    expect(error.code).toBe(`ERR_${code}`);
    expect(Buffer.compare(file, before)).toBe(0);
  }

  it("is refused at every length shorter than its own", () => {
    for (let end = 0; end < VALID.length; end++) {
      expect(refusal(() => parseSafetensors(VALID.slice(0, end))).code).toMatch(
        end < 9 ? /^ERR_HEADER$/ : /^ERR_(TRUNCATED|OFFSETS)$/,
      );
    }
  });

  it("tells where: path and offset", () => {
    const of = (file: Uint8Array) => refusal(() => parseSafetensors(file));
    expect(of(a({ shape: "[2,-1]" }))).toMatchObject({ path: "a.shape[1]" });
    expect(of(file(`{"b.c":{${A}},"b.c":{}}`))).toMatchObject({ path: "header", offset: 64 });
    expect(of(file(`${HEADER}\n`, 8))).toMatchObject({ path: "header", offset: 62 });
    expect(of(bytes("<!doctype"))).toMatchObject({ path: "file", offset: 0, hint: "Is it an error page?" });
  });

  it("gives a FormatError or tensors that cover the data, whatever bytes are changed", () => {
    const tensors = [
      { name: "lstm.weight_ih_l0", dtype: "F32" as const, shape: [4, 2], data: new Float32Array(8) },
      { name: "é", dtype: "F16" as const, shape: [], data: new Uint16Array(1) },
      { name: "ids", dtype: "U8" as const, shape: [0, 3], data: new Uint8Array(0) },
    ];
    const seed = encodeSafetensors(tensors, [["k", "v\n"]]);
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(...bytes('{}[]",:\\019-e.')));
    const changes = fc.array(fc.tuple(fc.nat(seed.length - 1), byte), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changes, fc.nat(seed.length), fc.nat(1), (list, from, count) => {
        const copy = [...seed];
        for (const [at, byte] of list) copy[at] = byte;
        const changed = Uint8Array.from([...copy.slice(0, from), ...copy.slice(from + count)]);
        try {
          const read = parseSafetensors(changed).tensors;
          const dataBytes = changed.length - 8 - new DataView(changed.buffer).getUint32(0, true);
          expect([...read.values()].reduce((sum, { data }) => sum + data.byteLength, 0)).toBe(dataBytes);
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      }),
      { numRuns: 5000 },
    );
  });
});

/** What strictness must not refuse. */
const ODD: [name: string, file: Uint8Array, names: string[]][] = [
  ["no tensors", file("{}"), []],
  ["an empty __metadata__", file(`{"__metadata__":{},${HEADER.slice(1)}`, 8), ["a"]],
  ["__metadata__ at the end", file(`${HEADER.slice(0, -1)},"__metadata__":{"format":"pt"}}`, 8), ["a"]],
  ["a length that is no multiple of 8", VALID, ["a"]],
  ["padding of 1,000 spaces", file(`${HEADER}${" ".repeat(1000)}`, 8), ["a"]],
  ["white space inside the header", file(JSON.stringify(JSON.parse(HEADER), null, "\t"), 8), ["a"]],
  ["fields in another order", file('{"a":{"data_offsets":[0,8],"shape":[2],"dtype":"F32"}}', 8), ["a"]],
  ["tensors in another order than their data", ranges([4, 8], [0, 4]), ["t0", "t1"]],
  ["empty tensors at one place", ranges([0, 0], [0, 8], [8, 8], [0, 0], [8, 8]), ["t0", "t1", "t2", "t3", "t4"]],
  ["a scalar", a({ shape: "[]", data_offsets: "[0,4]" }, 4), ["a"]],
  ["a size 0 beside a huge one", a({ shape: "[0,9007199254740991]", data_offsets: "[0,0]" }, 0), ["a"]],
  ["rank 8", a({ shape: "[1,1,1,1,1,1,1,2]" }), ["a"]],
  ["numbers written with a point, an exponent or a sign", a({ shape: "[2.0,1]", data_offsets: "[-0,8e0]" }), ["a"]],
  ["the name __proto__", named('"__proto__"'), ["__proto__"]],
  ["the name constructor", named('"constructor"'), ["constructor"]],
  ["the name of a path", named('"../../etc/passwd"'), ["../../etc/passwd"]],
  ["a name that turns the line around", named('"\u202ea"'), ["\u202ea"]],
  ["an escaped name", named('"\\ud83d\\ude00\\n"'), ["😀\n"]],
  ["a name of 1,024 units", named(`"${"n".repeat(1024)}"`), ["n".repeat(1024)]],
  // Lengths whose first bytes are magics of pickle (protocol 2; STACK_GLOBAL, STOP), gzip, zip and ONNX.
  ...[0x0280, 0x2e93, 0x8b1f, 0x4b50, 0x120808].map((length): [string, Uint8Array, string[]] => [
    `a header of ${length} bytes`,
    file(HEADER.padEnd(length), 8),
    ["a"],
  ]),
];

describe("a well-formed safetensors file", () => {
  it.each(ODD)("is read: %s", (_, file, names) => {
    expect([...parseSafetensors(file).tensors.keys()]).toEqual(names);
  });
});

describe("the argument", () => {
  it.each([
    ["ArrayBuffer", VALID.buffer],
    ["Float32Array", new Float32Array(2)],
    ["String", "model.safetensors"],
    ["undefined", undefined],
  ])("is a TypeError where it is not bytes: %s", (got, value) => {
    const error = new TypeError(`"bytes" expected Uint8Array, got ${got}`);
    expect(() => parseSafetensors(value as unknown as Uint8Array)).toThrow(error);
  });
});
