/** Malformed parameter trees, each with its one error. Archives and arrays that carry them have tests of their own. */

import { describe, expect, it } from "vitest";
import { FormatError, ModelError } from "../../src/errors.ts";
import { FLAX_LIMITS, readMsgpack } from "../../src/formats/flax/msgpack.ts";
import { type FlaxOptions, readFlaxTensors } from "../../src/formats/flax.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import type { Tensor } from "../../src/tensor.ts";
import { bytes, type Part, u32 } from "./files.ts";

const text = (value: string): Uint8Array => bytes([0xa0 + value.length], value);
const big = (value: number) => u32(value).reverse();
const map = (...pairs: [string, Part][]) => bytes([0x80 + pairs.length], ...pairs.flatMap(([k, v]) => [text(k), v]));
/** ext 8 */
const ext = (type: number, ...data: Part[]) => bytes([0xc7, bytes(...data).length, type], ...data);
const bin = (length: number) => bytes([0xc4, length], length);
const sizes = (...list: number[]) => bytes([0x90 + list.length], list);
const array = (shape: Part = sizes(2), type: Part = text("float32"), data: Part = bin(8)) =>
  ext(1, [0x93], shape, type, data);
const params = (value: Part) => map(["params", map(["Dense_0", map(["bias", value])])]);
const VALID = params(array());

/** A flat tree of zeros, by shapes. */
function flat(shapes: Record<string, number[]>): Uint8Array {
  const tensors = Object.entries(shapes).map(([name, shape]): Tensor => {
    return { name, dtype: "F32", shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
  });
  return encodeSafetensors(tensors);
}

const GRU = {
  "rnn/ir/kernel": [3, 4],
  "rnn/ir/bias": [4],
  "rnn/iz/kernel": [3, 4],
  "rnn/iz/bias": [4],
  "rnn/in/kernel": [3, 4],
  "rnn/in/bias": [4],
  "rnn/hr/kernel": [4, 4],
  "rnn/hz/kernel": [4, 4],
  "rnn/hn/kernel": [4, 4],
  "rnn/hn/bias": [4],
};
const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(GRU).filter(([name]) => !names.includes(name)));

type Case = [name: string, file: Uint8Array, code: string, message: string, options?: FlaxOptions];

const CASES: Case[] = [
  // msgpack
  ["cut in a key", VALID.slice(0, 4), "TRUNCATED", "file at byte 2: expected 6 bytes; got 2"],
  ["cut in an array", VALID.slice(0, -1), "TRUNCATED", "params/Dense_0/bias at byte"],
  ["cut after a key", bytes([0x81], text("a")), "TRUNCATED", "a at byte 3: expected 1 bytes; got 0"],
  ["a byte after the end", bytes(VALID, 1), "SIZE", "expected the end of the file; got 1 bytes more"],
  [
    "a map of 65,535 keys in 20 bytes",
    bytes([0xde, 255, 255], text("a"), array()),
    "TRUNCATED",
    "expected 1 bytes; got 0",
  ],
  [
    "a map of 4 billion keys",
    bytes([0xdf], big(2 ** 32 - 1), text("a"), array()),
    "TRUNCATED",
    "expected 1 bytes; got 0",
  ],
  [
    "a key that is a number",
    bytes([0x82], text("a"), array(), [1], array()),
    "HEADER",
    "file at byte 27: expected a text for a key; got 0x1",
  ],
  [
    "a key that is binary",
    bytes([0x82], text("a"), array(), [0xc4, 1, 0x61], array()),
    "HEADER",
    "a text for a key; got 0xc4",
  ],
  ["a key that is no UTF-8", bytes([0x81, 0xa1, 0xff], array()), "UTF8", "expected UTF-8"],
  ["an empty key", params(map(["", array()])), "NAME", 'a key without "/" and NUL; got ""'],
  ["a key with a slash", params(map(["a/b", array()])), "NAME", 'got "a/b"'],
  ["a key with NUL", params(map(["a\0", array()])), "NAME", 'got "a\\u0000"'],
  [
    "a key twice",
    map(["a", map(["b", array()], ["b", array()])]),
    "DUPLICATE",
    'a at byte 32: expected every key once; got "b"',
  ],
  [
    "a path of 1,030 letters",
    Array.from({ length: 40 }).reduce<Uint8Array>((inner) => map(["a".repeat(30), inner]), array()),
    "LIMIT",
    "at most 32 levels of nesting",
  ],
  [
    "a path over the caller's limit",
    VALID,
    "LIMIT",
    "paths of at most 10 UTF-16 units; got 14",
    { limits: { nameLength: 10 } },
  ],
  [
    "100,000 maps deep",
    bytes(...Array<Part>(1e5).fill([0x81, 0xa1, 0x61])),
    "LIMIT",
    "at most 32 levels of nesting; got more",
  ],
  ["more keys than the limit", VALID, "LIMIT", "params at byte", { limits: { tensors: 1 } }],
  ["more bytes than the limit", VALID, "LIMIT", "file: expected at most 9 bytes", { limits: { fileBytes: 9 } }],
  [
    "a list",
    params(bytes([0x91], array())),
    "DTYPE",
    "expected a map, an array of numbers, a number or a text; got 0x91",
  ],
  ["binary data", params(bin(3)), "DTYPE", "a number or a text; got 0xc4"],
  ["a byte that means nothing", params([0xc1]), "DTYPE", "a number or a text; got 0xc1"],
  ["a number", params([7]), "DTYPE", '"params/Dense_0/bias": expected an array; got a number. Name it in ignore'],
  ["a negative number", params([0xff]), "DTYPE", "expected an array; got a number."],
  ["a float", params(bytes([0xcb], 8)), "DTYPE", "expected an array; got a number."],
  ["a float cut short", bytes([0x81, 0xa1, 0x61, 0xcb, 1]), "TRUNCATED", "a at byte 4: expected 8 bytes; got 1"],
  ["a text", params(text("x")), "DTYPE", "expected an array; got text."],
  ["nil", params([0xc0]), "DTYPE", "expected an array; got nil."],
  ["a bool", params([0xc3]), "DTYPE", "expected an array; got a bool."],
  ["a complex number", params(ext(2, 4)), "DTYPE", "expected an array (ext 1 or 3); got ext 2"],
  ["a time", params(bytes([0xd6, 0xff], 4)), "DTYPE", "expected an array (ext 1 or 3); got ext -1"],
  [
    "an extension past the end",
    bytes([0x81, 0xa1, 0x61, 0xc9], big(2 ** 32 - 1), [1, 0x93]),
    "TRUNCATED",
    "expected 4294967295 bytes; got 1",
  ],
  ["an array in pieces", params(map(["__msgpack_chunked_array__", [0xc3]])), "DTYPE", "expected an array; got a bool."],

  // arrays
  ["an empty extension", params(ext(1)), "TRUNCATED", "expected 1 bytes; got 0"],
  ["an array that is a map", params(ext(1, [0x80])), "HEADER", "expected shape, dtype and bytes; got 0x80"],
  [
    "an array of two parts",
    params(ext(1, [0x92], sizes(2), text("float32"))),
    "HEADER",
    "shape, dtype and bytes; got 2 parts",
  ],
  [
    "an array with more bytes",
    params(ext(1, [0x93], sizes(2), text("float32"), bin(8), 1)),
    "SIZE",
    "expected the end of the array at",
  ],
  ["a shape that is a number", params(array([2])), "HEADER", "a shape of at most 15 dimensions; got 0x2"],
  ["a shape of nine", params(array(sizes(1, 1, 1, 1, 1, 1, 1, 1, 2))), "LIMIT", "at most 8 dimensions; got 9"],
  ["a size of −1", params(array(bytes([0x91, 0xff]))), "SHAPE", "a size of at most 2³²; got 0xff"],
  [
    "a size of 2⁶³",
    params(array(bytes([0x91, 0xcf, 128, 0, 0, 0, 0, 0, 0, 0]))),
    "SHAPE",
    "a size of at most 2³²; got 0xcf",
  ],
  [
    "a size of 2³² − 1",
    params(array(bytes([0x91, 0xce], big(2 ** 32 - 1)))),
    "SIZE",
    "expected 17179869180 bytes for shape (4294967295) of F32; got 8",
  ],
  [
    "2¹²⁸ elements",
    params(array(bytes([0x94], ...Array<Part>(4).fill(bytes([0xce], big(2 ** 32 - 1)))))),
    "SIZE",
    "for shape (4294967295, 4294967295",
  ],
  [
    "a dtype that is unknown",
    params(array(sizes(2), text("complex64"))),
    "DTYPE",
    'expected one of float64, float32, float16, bfloat16, int64, int32, int16, int8, uint64, uint32, uint16, uint8, bool; got "complex64"',
  ],
  ["a dtype of every object", params(array(sizes(2), text("constructor"))), "DTYPE", 'got "constructor"'],
  ["a dtype that is a number", params(array(sizes(2), [7])), "DTYPE", 'got ""'],
  ["a dtype that is no UTF-8", params(array(sizes(2), [0xa1, 0xff])), "UTF8", "expected UTF-8"],
  [
    "an array one byte short",
    params(array(sizes(2), text("float32"), bin(7))),
    "SIZE",
    "8 bytes for shape (2) of F32; got 7",
  ],
  [
    "an array without bytes",
    params(array(sizes(2), text("float32"), [0xc0])),
    "SIZE",
    "8 bytes for shape (2) of F32; got none",
  ],

  // other carriers
  [
    "text",
    bytes("hello, world"),
    "HEADER",
    'file: expected Flax (.msgpack, .npz, .safetensors); got 12 bytes that begin "hello, w"',
  ],
  ["an empty map", bytes([0x80]), "FOREIGN_FORMAT", "file: expected Flax (.msgpack, .npz, .safetensors); got a pickle"],

  // trees
  [
    "an MGU cell",
    flat({ "rnn/if/kernel": [3, 4], "rnn/in/kernel": [3, 4], "rnn/hf/kernel": [4, 4], "rnn/hn/kernel": [4, 4] }),
    "UNSUPPORTED_OP",
    '"rnn": a cell of ',
  ],
  ["a GRU cell without hz", flat(without("rnn/hz/kernel")), "UNSUPPORTED_OP", "is not supported. Supported: GRUCell"],
  ["a GRU cell without the kernel of ir", flat(without("rnn/ir/kernel")), "UNSUPPORTED_OP", '"rnn": ir has no kernel.'],
  [
    "a GRU cell with a scale",
    flat({ ...GRU, "rnn/hn/scale": [4] }),
    "UNSUPPORTED_OP",
    '"rnn": "hn/scale" is not known.',
  ],
  [
    "a kernel of another width",
    flat({ ...GRU, "rnn/iz/kernel": [3, 5] }),
    "SHAPE",
    "rnn/iz/kernel: expected shape (3, 4); got (3, 5).",
  ],
  [
    "a kernel of another height",
    flat({ ...GRU, "rnn/in/kernel": [2, 4] }),
    "SHAPE",
    "expected shape (3, 4); got (2, 4).",
  ],
  ["a kernel of three axes", flat({ ...GRU, "rnn/hz/kernel": [4, 4, 1] }), "SHAPE", "got (4, 4, 1)."],
  [
    "a bias of another size",
    flat({ ...GRU, "rnn/iz/bias": [5] }),
    "SHAPE",
    '"rnn": expected iz/bias of shape (4); got (5).',
  ],
  [
    "a bias of two axes",
    flat({ ...GRU, "rnn/hn/bias": [4, 1] }),
    "SHAPE",
    "expected hn/bias of shape (4); got (4, 1).",
  ],
  [
    "side by side, two gates",
    flat({ "rnn/dense_i/kernel": [3, 8], "rnn/dense_h/kernel": [4, 8] }),
    "UNSUPPORTED_OP",
    "a cell of 8 rows and state 4 is not supported.",
  ],
  [
    "side by side, without a kernel",
    flat({ "rnn/dense_i/bias": [8], "rnn/dense_h/bias": [8] }),
    "UNSUPPORTED_OP",
    "a cell of 0 rows and state 0",
  ],
  [
    "a convolution",
    flat({ "Conv_0/kernel": [3, 4, 5] }),
    "UNSUPPORTED_OP",
    '"Conv_0": "kernel" of shape (3, 4, 5) is not known.',
  ],
  [
    "a parameter of its own",
    flat({ "Net_0/gain": [3] }),
    "UNSUPPORTED_OP",
    '"Net_0": "gain" of shape (3) is not known. Supported: recurrent cells, Dense',
  ],
  [
    "a parameter called __proto__",
    flat({ "Net_0/__proto__": [3] }),
    "UNSUPPORTED_OP",
    '"__proto__" of shape (3) is not known.',
  ],
  [
    "an embedding without rows",
    flat({ "Embed_0/embedding": [0, 3] }),
    "UNSUPPORTED_OP",
    '"embedding" of shape (0, 3) is not known.',
  ],
  [
    "two that become one",
    flat({ "a/b/kernel": [1, 2], "params/a/b/kernel": [1, 2] }),
    "UNSUPPORTED_OP",
    '"a/b": "params/a/b/kernel" is there under another path too.',
  ],
  [
    "a scale and a kernel",
    flat({ "a/kernel": [2, 2], "a/scale": [2] }),
    "UNSUPPORTED_OP",
    '"a": another module gives "a.weight" too.',
  ],
];

describe("a malformed parameter tree", () => {
  it("is in the table once", () => {
    expect(new Set(CASES.map(([name]) => name)).size).toBe(CASES.length);
  });

  it.each(CASES)("is refused: %s", (_, file, code, message, options) => {
    let error: unknown;
    try {
      readFlaxTensors(file, options);
    } catch (thrown) {
      error = thrown;
    }
    expect(error instanceof FormatError || error instanceof ModelError, String(error)).toBe(true);
    expect((error as FormatError).message).toContain(message);
    expect((error as FormatError).code).toBe(`ERR_${code}`);
  });

  it("has no prefix that is read as a whole", () => {
    for (let length = 0; length < VALID.length; length++) {
      expect(() => readFlaxTensors(VALID.slice(0, length))).toThrow(FormatError);
    }
  });

  it("is no map", () => {
    expect(() => readMsgpack(bytes([7]), FLAX_LIMITS)).toThrow("file at byte 1: expected a map; got 0x7");
  });

  it("may be left out by its path", () => {
    expect(readFlaxTensors(params([7]), { ignore: ["params/Dense_0/bias"] }).size).toBe(0);
    expect(readFlaxTensors(flat({ "Net_0/gain": [3] }), { ignore: ["Net_0/gain"] }).size).toBe(0);
  });
});

describe("a well-formed parameter tree", () => {
  it.each<[string, Uint8Array, string[]]>([
    ["one bias", VALID, ["Dense_0.bias"]],
    [
      "lengths in longer forms",
      bytes([0xde, 0, 1, 0xd9, 4], "rnn0", bytes([0xdf], big(1), [0xda, 0, 4], "bias", array())),
      ["rnn0.bias"],
    ],
    ["sizes in longer forms", params(array(bytes([0x92, 0xcc, 1, 0xcd, 0, 2]))), ["Dense_0.bias"]],
    ["a scalar of NumPy", params(ext(3, [0x93], sizes(), text("float64"), bin(8))), ["Dense_0.bias"]],
    [
      "a step and an optimizer's state",
      map(["step", [0xcd, 1, 0]], ["opt_state", map(["0", [0xc0]])], ["params", map(["a", map(["bias", array()])])]),
      ["a.bias"],
    ],
    ["parts joined by dots", flat({ "a.b.kernel": [1, 2] }), ["a.b.weight"]],
    ["no biases at all", flat({ "c/i/kernel": [3, 4], "c/h/kernel": [4, 4] }), ["c.weight_ih_l0", "c.weight_hh_l0"]],
  ])("is read: %s", (_, file, names) => {
    expect([...readFlaxTensors(file).keys()]).toEqual(names);
  });
});
