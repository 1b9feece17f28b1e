/** Malformed .npz files, each with its one error. Archives that are wrong as archives are in zip.test.ts, arrays in npy.test.ts. */

import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/errors.ts";
import { type NpzOptions, parseNpz } from "../../src/formats/npz.ts";
import { bytes, type Member, one, type Part, tensor, u16, u64, zip } from "./files.ts";

function npy(descr: string, order: string, shape: string, ...data: Part[]): Uint8Array {
  const literal = `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
  return bytes("\x93NUMPY\x01\x00", u16(literal.length), literal, ...data);
}

const ARRAY = npy("'<f4'", "False", "(2,)", 8);
const A: Member = { name: "a.npy", data: ARRAY };

type Case = [name: string, file: Uint8Array, code: string, message: string, options?: NpzOptions];

const CASES: Case[] = [
  ["no bytes", bytes(), "HEADER", 'file: expected NumPy (.npz); got 0 bytes that begin ""'],
  ["text", bytes("1,2\n"), "HEADER", 'file: expected NumPy (.npz); got 4 bytes that begin "1,2\\n"'],
  ["one array", ARRAY, "FOREIGN_FORMAT", "file: expected NumPy (.npz); got NumPy (.npy)."],
  ["safetensors", bytes(u64(2), "{}"), "FOREIGN_FORMAT", "file: expected NumPy (.npz); got safetensors."],
  ["HDF5", bytes([0x89], "HDF\r\n\x1a\n"), "FOREIGN_FORMAT", "file: expected NumPy (.npz); got HDF5"],
  ["cut short", zip([A]).slice(0, -5), "TRUNCATED", "Is the file cut short?"],
  [
    "a member of another kind",
    zip([A, { name: "note.txt", data: "x" }]),
    "FOREIGN_FORMAT",
    'members that end in .npy; got "note.txt".',
  ],
  ["a member of no name", zip([{ ...A, name: ".npy" }]), "FOREIGN_FORMAT", 'members that end in .npy; got ".npy".'],
  ["a PyTorch file", one(tensor()), "FOREIGN_FORMAT", 'got "x/data.pkl". Is it another archive? "sluice/all" reads'],
  ["a Keras model", zip([{ name: "config.json", data: "{}" }]), "FOREIGN_FORMAT", 'got "config.json".'],
  [
    "an array of objects",
    zip([{ ...A, data: npy("'|O'", "False", "(2,)", 8) }]),
    "DTYPE",
    "a.npy: descr: expected one of <f4",
  ],
  ["an array of text", zip([{ ...A, data: npy("'<U2'", "False", "(2,)", 8) }]), "DTYPE", "a.npy: descr"],
  ["an array of bfloat16", zip([{ ...A, data: npy("'|V2'", "False", "(2,)", 4) }]), "DTYPE", "a.npy: descr"],
  [
    "an array in big endian",
    zip([{ ...A, data: npy("'>f4'", "False", "(2,)", 8) }]),
    "DTYPE",
    'Save it with astype("<f4").',
  ],
  [
    "an array cut short",
    zip([{ ...A, data: ARRAY.slice(0, -1) }]),
    "TRUNCATED",
    "a.npy: data: expected 8 bytes for shape (2) of F32; got 7",
  ],
  [
    "an array of columns cut short",
    zip([{ ...A, data: npy("'<f4'", "True", "(2,2)", 15) }]),
    "TRUNCATED",
    "a.npy: data: expected 16 bytes",
  ],
  ["an array with more bytes", zip([{ ...A, data: bytes(ARRAY, 1) }]), "SIZE", "a.npy: data: expected 8 bytes"],
  [
    "10¹² elements of columns",
    zip([{ ...A, data: npy("'<f4'", "True", "(1000000, 1000000)", 8) }]),
    "TRUNCATED",
    "a.npy: data: expected 4000000000000 bytes",
  ],
  ["an empty member", zip([{ name: "a.npy" }]), "TRUNCATED", "a.npy: file: expected 10 bytes"],
  [
    "an archive in the archive",
    zip([{ ...A, data: zip([A]) }]),
    "FOREIGN_FORMAT",
    "a.npy: file: expected .npy; got a zip archive (.npz). Save one array",
  ],
  ["two arrays of one name", zip([A, A]), "DUPLICATE", "every name once"],
  ["a wrong checksum", zip([{ ...A, crc: 1 }]), "CHECKSUM", "a.npy: expected bytes with the checksum"],
  [
    "more members than the limit",
    zip([A, { ...A, name: "b.npy" }]),
    "LIMIT",
    "at most 1 members; got 2",
    { limits: { members: 1 } },
  ],
];

describe("a malformed .npz file", () => {
  it.each(CASES)("is refused: %s", (_, file, code, message, options) => {
    let error: unknown;
    try {
      parseNpz(file, options);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toContain(message);
    expect((error as FormatError).code).toBe(`ERR_${code}`);
  });

  it("says its hint once, and where", () => {
    const file = zip([{ ...A, data: npy("'>f4'", "False", "(2,)", 8) }]);
    const error = (() => {
      try {
        return parseNpz(file) as never;
      } catch (thrown) {
        return thrown as FormatError;
      }
    })();
    expect(error.message.split("Save it with")).toHaveLength(2);
    expect([error.hint, error.path]).toEqual(['Save it with astype("<f4").', "a.npy: descr"]);
  });

  it("is no Uint8Array", () => {
    expect(() => parseNpz("x" as unknown as Uint8Array)).toThrow(TypeError);
  });
});

describe("a well-formed .npz file", () => {
  it("may hold nothing, and names of all kinds", () => {
    expect(parseNpz(zip([])).size).toBe(0);
    const arrays = parseNpz(
      zip([
        { ...A, name: "__proto__.npy" },
        { ...A, name: "a/b.npy.npy" },
      ]),
    );
    expect([...arrays.keys()]).toEqual(["__proto__", "a/b.npy"]);
  });
});
