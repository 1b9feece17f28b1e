/** .npy there and back, and files as NumPy writes them. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeNpy, type NpyArray, parseNpy } from "../../src/formats/npy.ts";
import { ARRAYS, elements } from "../../src/tensor.ts";

const DTYPES = ["F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"] as const;

const anyArray = fc
  .tuple(fc.constantFrom(...DTYPES), fc.array(fc.nat(3), { maxLength: 8 }), fc.integer())
  .map(([dtype, shape, seed]): NpyArray => {
    const size = elements(shape) * ARRAYS[dtype].BYTES_PER_ELEMENT;
    const bytes = Uint8Array.from({ length: size }, (_, i) => Math.imul(seed, i + 1) >>> 24);
    return { dtype, shape, data: new ARRAYS[dtype](bytes.buffer) };
  });

const bytesOf = ({ data }: NpyArray) => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];

/** A header as text, padded as NumPy does, before the data. */
function file(version: readonly number[], literal: string, data: readonly number[]): Uint8Array {
  const lengthBytes = version[0] === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  const header = Buffer.from(`${literal.padEnd(Math.ceil((start + literal.length + 1) / 64) * 64 - start - 1)}\n`);
  const length = new Uint8Array(Uint32Array.of(header.length).buffer, 0, lengthBytes);
  return new Uint8Array([...Buffer.from("\x93NUMPY", "latin1"), ...version, ...length, ...header, ...data]);
}

describe("a .npy file", () => {
  it("gives back dtype, shape and every bit", () => {
    fc.assert(
      fc.property(anyArray, (array) => {
        const read = parseNpy(encodeNpy(array));
        expect({ ...read, data: bytesOf(read) }).toEqual({ ...array, data: bytesOf(array) });
        expect(read.data.constructor).toBe(ARRAYS[array.dtype]);
      }),
    );
  });

  it("has the bytes that numpy.save gives", () => {
    const literal = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
    const expected = file([1, 0], literal, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
    expect(expected.length).toBe(128 + 8);
    expect(encodeNpy({ dtype: "F32", shape: [2, 1], data: Float32Array.of(1, -2) })).toEqual(expected);
  });

  it.each([
    ["version 2.0", file([2, 0], "{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }", [7, 0, 0, 0])],
    ["version 3.0", file([3, 0], "{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }", [7, 0, 0, 0])],
    ["keys in another order", file([1, 0], "{'shape':(1,),'fortran_order':False,'descr':'<i4'}", [7, 0, 0, 0])],
    ["double quotes", file([1, 0], `{"descr": "<i4", "fortran_order": False, "shape": ( 1 , )}`, [7, 0, 0, 0])],
  ])("is read in %s", (_, bytes) => {
    expect(parseNpy(bytes)).toEqual({ dtype: "I32", shape: [1], data: Int32Array.of(7) });
  });

  it.each([
    ["()", [], 1],
    ["(1,)", [1], 1],
    ["(1, 1,)", [1, 1], 1],
    ["(0, 9007199254740991)", [0, 9007199254740991], 0],
  ])("has the shape %s", (text, shape, count) => {
    const bytes = file([1, 0], `{'descr': '|u1', 'fortran_order': False, 'shape': ${text}, }`, Array(count).fill(9));
    expect(parseNpy(bytes)).toEqual({ dtype: "U8", shape, data: new Uint8Array(count).fill(9) });
  });

  it("is a view where its data is aligned, else a copy", () => {
    const bytes = encodeNpy({ dtype: "F64", shape: [1], data: Float64Array.of(0.1) });
    expect(parseNpy(bytes).data.buffer).toBe(bytes.buffer);
    const shifted = new Uint8Array(bytes.length + 1).subarray(1);
    shifted.set(bytes);
    const { data } = parseNpy(shifted);
    expect([data.buffer === shifted.buffer, data[0]]).toEqual([false, 0.1]);
  });

  it("is not written in another dtype or with a shape of another size", () => {
    expect(() => encodeNpy({ dtype: "BF16", shape: [1], data: new Uint16Array(1) })).toThrow(TypeError);
    expect(() => encodeNpy({ dtype: "F32", shape: [2], data: new Float32Array(1) })).toThrow(
      "data: expected 8 bytes for shape (2) of F32; got 4",
    );
  });
});
