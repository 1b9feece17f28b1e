/** Safetensors there and back: every dtype, canonical bytes, views and copies, widening, what the writer refuses. */

import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/errors.ts";
import { encodeSafetensors, parseSafetensors, readSafetensors } from "../../src/formats/safetensors.ts";
import { ARRAYS, type Dtype, elements, type Tensor, toF32 } from "../../src/tensor.ts";

const DTYPES = Object.keys(ARRAYS) as Dtype[];

/** A tensor of any dtype over the given bytes, as many as its shape needs. */
function tensor(name: string, dtype: Dtype, shape: readonly number[], fill: (i: number) => number = (i) => i): Tensor {
  const bytes = Uint8Array.from({ length: elements(shape) * ARRAYS[dtype].BYTES_PER_ELEMENT }, (_, i) => fill(i));
  return { name, dtype, shape, data: new ARRAYS[dtype](bytes.buffer) };
}

function bytesOf({ data }: Tensor): number[] {
  return [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

/** What counts about a tensor, bit for bit: NaN included. */
function plain(one: Tensor) {
  return { ...one, data: bytesOf(one) };
}

function byName(tensors: Iterable<Tensor>) {
  return [...tensors].map(plain).sort((a, b) => (a.name < b.name ? -1 : 1));
}

const name = fc
  .oneof(
    fc.string({ minLength: 1, unit: "binary" }),
    fc.constantFrom("__proto__", "toString", "0", "10", 'a"b\\c', "\u2028"),
  )
  .filter((text) => !text.includes("\0") && text !== "__metadata__");
const anyTensors = fc.uniqueArray(
  fc
    .tuple(name, fc.constantFrom(...DTYPES), fc.array(fc.nat(3), { maxLength: 4 }), fc.integer())
    .map(([name, dtype, shape, seed]) => tensor(name, dtype, shape, (i) => Math.imul(seed, i + 1) >>> 24)),
  { selector: ({ name }) => name, maxLength: 8 },
);
const anyMetadata = fc.uniqueArray(fc.tuple(fc.string({ unit: "binary" }), fc.string({ unit: "binary" })), {
  selector: ([key]) => key,
  maxLength: 4,
});

describe("a safetensors file", () => {
  it("gives back every tensor and all metadata", () => {
    fc.assert(
      fc.property(anyTensors, anyMetadata, (tensors, metadata) => {
        const read = parseSafetensors(encodeSafetensors(tensors, metadata));
        expect(byName(read.tensors.values())).toEqual(byName(tensors));
        expect([...read.tensors.keys()]).toEqual([...read.tensors.values()].map(({ name }) => name));
        expect(read.metadata).toEqual(
          new Map([...read.metadata.keys()].map((key) => [key, new Map(metadata).get(key)])),
        );
        expect(read.metadata.size).toBe(metadata.length);
      }),
    );
  });

  it("has the same bytes for the same contents, in whatever order they come and however often they are read", () => {
    fc.assert(
      fc.property(anyTensors, anyMetadata, (tensors, metadata) => {
        const file = encodeSafetensors(tensors, metadata);
        expect(encodeSafetensors([...tensors].reverse(), [...metadata].reverse())).toEqual(file);
        const read = parseSafetensors(file);
        expect(encodeSafetensors(read.tensors.values(), read.metadata)).toEqual(file);
      }),
    );
  });

  it("has these bytes", () => {
    const file = encodeSafetensors(
      [tensor("b", "U8", [3]), tensor("a", "U8", []), tensor("c", "F32", [1, 2])],
      [
        ["z", "\n"],
        ["é", "1"],
      ],
    );
    const header =
      '{"__metadata__":{"z":"\\n","é":"1"},' +
      '"c":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},' +
      '"a":{"dtype":"U8","shape":[],"data_offsets":[8,9]},' +
      '"b":{"dtype":"U8","shape":[3],"data_offsets":[9,12]}}';
    const text = [...Buffer.from(header)];
    const padding = Array(-text.length & 7).fill(0x20);
    expect(padding.length).toBeGreaterThan(0);
    const length = [text.length + padding.length, 0, 0, 0, 0, 0, 0, 0];
    expect([...file]).toEqual([...length, ...text, ...padding, 0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 1, 2]);
  });

  it("is an empty header where there is nothing", () => {
    expect([...encodeSafetensors([])]).toEqual([8, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from("{}      ")]);
    expect(parseSafetensors(encodeSafetensors([]))).toEqual({ tensors: new Map(), metadata: new Map() });
  });

  it("holds a view of a larger array and of a Node buffer", () => {
    const data = new Float32Array([1, 2, 3, 4]).subarray(1, 3);
    const file = encodeSafetensors([{ name: "a", dtype: "F32", shape: [2], data }]);
    expect(readSafetensors(file).get("a")?.data).toEqual(new Float32Array([2, 3]));
    expect(readSafetensors(Buffer.from(file)).get("a")?.data).toEqual(new Float32Array([2, 3]));
  });

  it("is read as PyTorch's vectors have it, and written again with the same contents", () => {
    const folder = new URL("../golden/", import.meta.url);
    const names = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      const { tensors, metadata } = parseSafetensors(readFileSync(new URL(name, folder)));
      const again = parseSafetensors(encodeSafetensors(tensors.values(), metadata));
      expect(tensors.size).toBeGreaterThan(2);
      expect(byName(again.tensors.values())).toEqual(byName(tensors.values()));
      expect(again.metadata).toEqual(metadata);
    }
  });
});

describe("the data of a tensor", () => {
  const all = DTYPES.map((dtype) => tensor(dtype, dtype, [3], (i) => 7 * i + 1));
  const file = encodeSafetensors(all);

  /** The same file at another place of a larger buffer. */
  function shifted(by: number): Uint8Array {
    const copy = new Uint8Array(file.length + by).subarray(by);
    copy.set(file);
    return copy;
  }

  it("is a view of the file, whatever the dtype, where the file begins at a multiple of 8", () => {
    for (const bytes of [file, shifted(8), shifted(16)]) {
      for (const { name, data } of readSafetensors(bytes).values())
        expect([name, data.buffer === bytes.buffer]).toEqual([name, true]);
    }
  });

  it("is a copy exactly where the file's place puts it out of alignment", () => {
    for (let by = 1; by < 8; by++) {
      const bytes = shifted(by);
      const read = readSafetensors(bytes);
      expect(byName(read.values())).toEqual(byName(all));
      for (const { name, data } of read.values()) {
        const view = data.buffer === bytes.buffer;
        expect([by, name, view]).toEqual([by, name, by % data.BYTES_PER_ELEMENT === 0]);
      }
    }
  });

  it("does not follow the file's bytes where it is a copy", () => {
    for (const bytes of [shifted(1), Buffer.from(shifted(1).buffer, 1)]) {
      const read = readSafetensors(bytes);
      bytes.fill(0, 8);
      expect(bytesOf(read.get("F64") as Tensor)).toEqual(bytesOf(all[0]));
    }
  });

  it("is the typed array of its dtype", () => {
    for (const { dtype, data } of readSafetensors(file).values()) expect(data.constructor).toBe(ARRAYS[dtype]);
  });

  it("is empty where a size is 0, aligned or not", () => {
    const bytes = encodeSafetensors([tensor("a", "F64", [0, 3]), tensor("b", "U8", [1]), tensor("c", "I64", [2, 0])]);
    for (const from of [bytes, new Uint8Array([0, ...bytes]).subarray(1)]) {
      expect(readSafetensors(from).get("a")).toEqual({
        name: "a",
        dtype: "F64",
        shape: [0, 3],
        data: new Float64Array(0),
      });
      expect(readSafetensors(from).get("c")?.data).toEqual(new BigInt64Array(0));
    }
  });
});

describe("toF32", () => {
  /** The widened value's bits of every 16-bit pattern. */
  function widened(dtype: "F16" | "BF16"): Float32Array {
    const data = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    return toF32({ name: "a", dtype, shape: [65536], data });
  }

  it("widens every F16 exactly", () => {
    const values = widened("F16");
    const bits = new Uint32Array(1);
    const value = new Float32Array(bits.buffer);
    for (let half = 0; half < 65536; half++) {
      const [sign, exponent, fraction] = [half >> 15, (half >> 10) & 31, half & 1023];
      if (exponent === 0) {
        value[0] = fraction / 2 ** 24;
        bits[0] |= sign << 31;
      } else {
        bits[0] = (sign << 31) | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
      }
      if (!Object.is(values[half], value[0])) expect([half, values[half]]).toEqual([half, value[0]]);
    }
  });

  it.each([
    ["the smallest subnormal", 0x0001, 2 ** -24],
    ["the largest subnormal", 0x03ff, 1023 * 2 ** -24],
    ["the smallest normal", 0x0400, 2 ** -14],
    ["a third", 0x3555, 0.333251953125],
    ["one", 0x3c00, 1],
    ["minus two", 0xc000, -2],
    ["the largest", 0x7bff, 65504],
    ["minus zero", 0x8000, -0],
    ["infinity", 0x7c00, Infinity],
    ["minus infinity", 0xfc00, -Infinity],
    ["a quiet NaN", 0x7e00, NaN],
    ["a signalling NaN", 0xfc01, NaN],
  ])("widens F16 %s", (_, bits, value) => {
    expect(widened("F16")[bits]).toBe(value);
  });

  it("widens every BF16 exactly, the bits of NaN included", () => {
    const bits = new Uint32Array(widened("BF16").buffer);
    expect(bits.every((value, bf16) => value === bf16 * 65536)).toBe(true);
    expect(widened("BF16")[0x0001]).toBe(2 ** -133);
    expect(widened("BF16")[0x7f80]).toBe(Infinity);
  });

  it("keeps F32 as it is and rounds F64 and the integers to the nearest", () => {
    const data = new Float32Array([1, 2]);
    expect(toF32({ name: "a", dtype: "F32", shape: [2], data })).toBe(data);
    const f64 = new Float64Array([0.1, 1e300, -1e-300, NaN]);
    expect(toF32({ name: "a", dtype: "F64", shape: [4], data: f64 })).toEqual(
      new Float32Array([Math.fround(0.1), Infinity, -0, NaN]),
    );
    const i64 = new BigInt64Array([-1n, 16777217n]);
    expect(toF32({ name: "a", dtype: "I64", shape: [2], data: i64 })).toEqual(new Float32Array([-1, 16777216]));
    expect(toF32(tensor("a", "BOOL", [2]))).toEqual(new Float32Array([0, 1]));
  });
});

describe("the writer", () => {
  const a = tensor("a", "F32", [2]);

  it.each<[string, Tensor[], [string, string][], string]>([
    ["two tensors of one name", [a, a], [], "ERR_DUPLICATE"],
    [
      "a key twice",
      [],
      [
        ["k", "1"],
        ["k", "2"],
      ],
      "ERR_DUPLICATE",
    ],
    ["an empty name", [{ ...a, name: "" }], [], "ERR_NAME"],
    ["NUL in a name", [{ ...a, name: "a\0" }], [], "ERR_NAME"],
    ["a lone surrogate in a name", [{ ...a, name: "\ud800" }], [], "ERR_UTF8"],
    ["a lone surrogate in the metadata", [], [["k", "\udfff"]], "ERR_UTF8"],
    ["the name of the metadata", [{ ...a, name: "__metadata__" }], [], "ERR_HEADER"],
    ["a number in the metadata", [], [["k", 1 as unknown as string]], "ERR_HEADER"],
    ["a shape of more elements", [{ ...a, shape: [3] }], [], "ERR_SIZE"],
    ["a negative size", [{ ...a, shape: [-2, -1] }], [], "ERR_SHAPE"],
    ["a size that is no number", [{ ...a, shape: [NaN] }], [], "ERR_JSON"],
    ["rank 9", [{ ...a, shape: [2, 1, 1, 1, 1, 1, 1, 1, 1] }], [], "ERR_LIMIT"],
  ])("refuses %s as the reader would", (_, tensors, metadata, code) => {
    let error: unknown;
    try {
      encodeSafetensors(tensors, metadata);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ code });
  });

  it("refuses data in another array than the dtype's", () => {
    expect(() => encodeSafetensors([{ ...a, data: new Int32Array(2) }])).toThrow(
      new TypeError('"tensors" expected Float32Array for a (F32), got Int32Array'),
    );
    expect(() => encodeSafetensors([{ ...a, dtype: "F8" as Dtype }])).toThrow(
      new TypeError('"tensors" expected a known dtype for a (F8), got Float32Array'),
    );
  });
});
