/**
 * Malformed ONNX files, each with its one error: tables of files, most of them one change away from a file that is right.
 * test/hostile/onnx.test.ts reads them.
 */

import type { ReadModelOptions } from "../../src/onnx.ts";
import {
  attribute,
  type File,
  float,
  graph,
  int,
  join,
  message,
  type Node,
  node,
  tensor,
  tensorFields,
  text,
  value,
  varint,
  type Wire,
  model as write,
} from "../formats/onnx/writer.ts";

/** The code is written without its ERR_; the message is a part of the whole. */
export type Case = readonly [name: string, file: Wire, code: string, message: string, options?: ReadModelOptions];

const [I, H] = [2, 3];
const ones = (count: number) => new Array<number>(count).fill(0.5);

/** A GRU along a free axis: a file that is right. */
const GRU: File = {
  inputs: { x: ["T", 1, I] },
  outputs: { Y: ["T", 1, 1, H] },
  initializers: {
    W: [[1, 3 * H, I], ones(3 * H * I)],
    R: [[1, 3 * H, H], ones(3 * H * H)],
    B: [[1, 6 * H], ones(6 * H)],
  },
  nodes: [{ op: "GRU", name: "rnn", inputs: ["x", "W", "R", "B"], outputs: ["Y"], attrs: { hidden_size: H } }],
};
export const VALID = write(GRU);

const bytes = (...list: readonly number[]) => Uint8Array.from(list);
const utf8 = (content: string) => new TextEncoder().encode(content);

/** A model of raw fields beside ir_version and opset. */
const fields = (...parts: readonly Wire[]) => join(int(1, 8), message(8, int(2, 17)), ...parts);
/** A graph of raw fields. */
const inGraph = (...parts: readonly Wire[]) => fields(message(7, ...parts));

/** One node between an input x (T, 4) and an output y, with initializers. */
function one(
  op: string,
  more: Partial<Node> & {
    readonly initializers?: File["initializers"];
    readonly opset?: number;
    readonly shape?: readonly (number | string)[];
  } = {},
): Wire {
  const { initializers, opset = 17, shape = ["T", 4], ...rest } = more;
  return write({
    opset,
    inputs: { x: shape },
    outputs: { y: ["T"] },
    initializers,
    nodes: [{ op, name: "n", inputs: ["x"], outputs: ["y"], ...rest }],
  });
}

/** A MatMul whose weight is a TensorProto of these fields. */
const weight = (...parts: readonly Wire[]) =>
  write({
    inputs: { x: ["T", 2] },
    outputs: { y: ["T", 2] },
    initializers: { w: { tensor: join(...parts, text(8, "w")) } },
    nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
  });
const dims = (...sizes: readonly (number | bigint)[]) => join(...sizes.map((size) => int(1, size)));
const FLOAT = int(2, 1);
const raw = (count: number) => message(9, new Uint8Array(count));

const repeat = (count: number, part: Wire) => {
  const out = new Uint8Array(count * part.length);
  for (let i = 0; i < count; i++) out.set(part, i * part.length);
  return out;
};

/** If inside If inside If. */
function nested(depth: number): Wire {
  let inner = graph({ outputs: { y: [1] } });
  for (let i = 0; i < depth; i++) {
    inner = join(
      message(
        1,
        node({ op: "If", inputs: ["c"], outputs: ["y"] }),
        message(5, text(1, "then_branch"), message(6, inner), int(20, 5)),
      ),
      message(12, value("y", [1])),
    );
  }
  return fields(message(7, inner));
}

const OTHER = "file at byte 0: expected ONNX; got";

const WIRE: Case[] = [
  ["no bytes", bytes(), "HEADER", 'file at byte 0: expected ONNX; got 0 bytes that begin ""'],
  ["one byte 0x00", bytes(0), "HEADER", 'file at byte 0: expected ONNX; got 1 bytes that begin "\\u0000"'],
  ["64 bytes 0x00", new Uint8Array(64), "HEADER", "file at byte 0: expected ONNX; got 64 bytes that begin"],
  ["64 bytes 0xff", new Uint8Array(64).fill(255), "HEADER", "file at byte 0: expected ONNX; got 64 bytes that begin"],
  [
    "one byte of a varint",
    bytes(8, 8, 0x80),
    "TRUNCATED",
    "model at byte 2: expected the rest of a varint; got the end",
  ],
  [
    "nine bytes of a varint",
    bytes(8, ...new Array(9).fill(0x80)),
    "TRUNCATED",
    "model.ir_version at byte 1: expected the rest of a varint",
  ],
  ["a varint of eleven bytes", bytes(8, ...new Array(10).fill(0x80), 0), "PROTOBUF", "a varint of 64 bits; got more"],
  ["a varint of 65 bits", bytes(8, ...new Array(9).fill(0xff), 2), "PROTOBUF", "a varint of 64 bits"],
  [
    "a length of 1 GB in 100 bytes",
    join(bytes(0x3a), varint(1e9), new Uint8Array(94)),
    "TRUNCATED",
    "model.graph at byte 1: expected 1000000000 bytes; got 94",
  ],
  ["a length of 2³¹", join(bytes(0x3a), varint(2 ** 31)), "TRUNCATED", "2147483648 bytes"],
  ["a length of 2³²", join(bytes(0x3a), varint(2 ** 32)), "TRUNCATED", "4294967296 bytes"],
  ["a length of 2⁶³", join(bytes(0x3a), varint(2n ** 63n)), "TRUNCATED", "9223372036854776000 bytes"],
  ["a length of 2⁶⁴ − 1", join(bytes(0x3a), varint(2n ** 64n - 1n)), "TRUNCATED", "18446744073709552000 bytes"],
  [
    "a length one past the message around it",
    fields(message(7, bytes(0x0a, 3, 0, 0))),
    "TRUNCATED",
    "model.graph.node[0]",
  ],
  ["field 0 with a length", bytes(8, 8, 2, 0), "PROTOBUF", "got field 0"],
  [
    "a field that ONNX does not have",
    fields(int(99, 1)),
    "PROTOBUF",
    "model at byte 6: expected a field that ONNX has; got field 99",
  ],
  ["a field of 2²⁹ − 1", join(int(1, 8), varint(2 ** 32 - 8), bytes(0)), "PROTOBUF", "field 536870911"],
  ["a group", fields(bytes(0x3b, 0x3c)), "PROTOBUF", "model.graph at byte 7: expected wire type 2; got 3"],
  ["wire type 6", fields(bytes(0x3e)), "PROTOBUF", "wire type 2; got 6"],
  ["wire type 7", bytes(8, 8, 0x17), "PROTOBUF", "model.producer_name at byte 3: expected wire type 2; got 7"],
  [
    "a version as text",
    join(text(2, "x"), bytes(0x0a, 1, 8)),
    "PROTOBUF",
    "model.ir_version at byte 4: expected wire type 0; got 2",
  ],
  ["a graph as a number", fields(bytes(0x38, 1)), "PROTOBUF", "model.graph at byte 7: expected wire type 2; got 0"],
  ["a name as a number", inGraph(int(2, 1)), "PROTOBUF", "model.graph.name"],
  [
    "an unused field of fixed bytes",
    fields(bytes(0x25, 0, 0, 0, 0)),
    "PROTOBUF",
    "model.domain at byte 7: expected wire type 2; got 5",
  ],
  ["an unused number that is cut", join(int(1, 8), bytes(0x28, 0x80)), "TRUNCATED", "model.model_version"],
  ["the graph twice", join(VALID, message(7)), "DUPLICATE", "expected graph once; got it twice"],
  ["the version twice", join(VALID, int(1, 8)), "DUPLICATE", "ir_version once"],
  ["the exporter twice", join(VALID, text(2, "again")), "DUPLICATE", "producer_name once"],
  ["a name that is not UTF-8", inGraph(message(2, bytes(0xff))), "UTF8", "model.graph.name"],
  ["an overlong slash", inGraph(message(2, bytes(0xc0, 0xaf))), "UTF8", "model.graph.name"],
  ["a surrogate in UTF-8", inGraph(message(2, bytes(0xed, 0xa0, 0x80))), "UTF8", "model.graph.name"],
  [
    "an input's name that is not UTF-8",
    inGraph(message(11, message(1, bytes(0x80)))),
    "UTF8",
    "model.graph.input[0].name",
  ],
  [
    "an operator that is not UTF-8",
    inGraph(message(1, message(4, bytes(0xfe)))),
    "UTF8",
    "model.graph.node[0].op_type",
  ],
  ["200 messages inside one another", nested(70), "LIMIT", "at most 64 messages inside one another"],
  ["more than the caller's depth", VALID, "LIMIT", "at most 1 messages inside one another", { limits: { depth: 1 } }],
  ["10⁶ empty nodes", inGraph(repeat(1e6, bytes(0x0a, 0))), "LIMIT", "at most 131072 messages in the file"],
  [
    "70,000 empty nodes",
    inGraph(repeat(70_000, bytes(0x0a, 0))),
    "LIMIT",
    "model.graph.node: expected at most 65536; got 70000",
  ],
  ["more nodes than the caller's limit", VALID, "LIMIT", "at most 0; got 1", { limits: { nodes: 0 } }],
  ["more bytes than the caller's limit", VALID, "LIMIT", "at most 100 bytes", { limits: { fileBytes: 100 } }],
  [
    "a double that is cut",
    weight(dims(2, 2), int(2, 11), message(10, new Uint8Array(7))),
    "TRUNCATED",
    "8 bytes of a double; got 7",
  ],
  [
    "a float that is cut",
    weight(dims(2, 2), FLOAT, message(4, new Uint8Array(3))),
    "TRUNCATED",
    "4 bytes of a float; got 3",
  ],
  ["floats as varints", weight(dims(2, 2), FLOAT, bytes(0x20, 1)), "PROTOBUF", "wire type 5 or 2; got 0"],
  ["sizes as fixed bytes", weight(bytes(0x0d, 0, 0, 0, 0)), "PROTOBUF", "wire type 0 or 2; got 5"],
  ["packed sizes that are cut", weight(bytes(0x0a, 1, 0x80)), "TRUNCATED", "the rest of a varint"],
  ["a zip archive", utf8("PK\x03\x04 and so on"), "HEADER", OTHER],
  ["JSON", utf8('{"format":"layers-model"}'), "HEADER", OTHER],
  ["HDF5", bytes(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a), "HEADER", OTHER],
  ["a safetensors header", join(bytes(54, 0, 0, 0, 0, 0, 0, 0), utf8("{}")), "HEADER", OTHER],
  ["a pickle", bytes(0x80, 2, 0x7d, 0x2e), "HEADER", OTHER],
  ["HTML", utf8("<!DOCTYPE html>"), "HEADER", OTHER],
  ["gzip", bytes(0x1f, 0x8b, 8, 0), "HEADER", OTHER],
  ["a Git LFS pointer", utf8("version https://git-lfs.github.com/spec/v1"), "HEADER", OTHER],
  ["text", utf8("hello, this is text"), "HEADER", 'file at byte 0: expected ONNX; got 19 bytes that begin "hello, t"'],
];

const MODEL: Case[] = [
  ["no ir_version", message(7), "VERSION", "model.ir_version: expected 3 … 14; got none"],
  ...[0, 1, 2, 15, 99, -1, 2 ** 40].map(
    (ir): Case => [`ir_version ${ir}`, write({ ...GRU, ir }), "VERSION", `expected 3 … 14; got ${ir}`],
  ),
  ["no opset", join(int(1, 8), message(7)), "VERSION", "model.opset_import: expected opset 7 … 26; got none"],
  [
    "an opset of another domain alone",
    join(int(1, 8), message(7), message(8, text(1, "com.microsoft"), int(2, 1))),
    "VERSION",
    "got none",
  ],
  ...[0, 1, 6, 27, 99, -1].map(
    (opset): Case => [`opset ${opset}`, write({ ...GRU, opset }), "VERSION", `expected opset 7 … 26; got ${opset}`],
  ),
  [
    "the default domain twice",
    write({ ...GRU, more: message(8, text(1, ""), int(2, 17)) }),
    "DUPLICATE",
    "each domain once",
  ],
  [
    "the default domain under both its names",
    write({ ...GRU, domains: { "ai.onnx": 17 } }),
    "DUPLICATE",
    'each domain once; got ""',
  ],
  [
    "another domain twice",
    write({ ...GRU, domains: { a: 1 }, more: message(8, text(1, "a"), int(2, 2)) }),
    "DUPLICATE",
    'got "a"',
  ],
  ["no graph", fields(), "GRAPH", "model.graph: expected a graph; got none"],
  ["an empty graph", inGraph(), "GRAPH", "model: expected inputs and outputs"],
  [
    "a function",
    write({ ...GRU, more: message(25, text(1, "f")) }),
    "GRAPH",
    "model.functions: expected none; got some",
  ],
  ["training_info", write({ ...GRU, more: message(20) }), "GRAPH", "model.training_info: expected none"],
  [
    "a quantization annotation",
    write({ ...GRU, fields: message(14) }),
    "GRAPH",
    "quantization_annotation: expected none",
  ],
  ["a sparse initializer", write({ ...GRU, fields: message(15) }), "GRAPH", "sparse_initializer: expected none"],
];

const VALUES: Case[] = [
  ["an input without a name", inGraph(message(11)), "NAME", "model.graph.input[0].name: expected a name; got none"],
  ["an output without a name", inGraph(message(12)), "NAME", "model.graph.output[0].name: expected a name; got none"],
  [
    "an input twice",
    inGraph(message(11, value("x", [1])), message(11, value("x", [1]))),
    "DUPLICATE",
    'each input once; got "x"',
  ],
  [
    "an output twice",
    inGraph(message(12, value("x", [1])), message(12, value("x", [1]))),
    "DUPLICATE",
    'each output once; got "x"',
  ],
  ["a name with NUL", inGraph(message(11, value("a\0b", [1]))), "NAME", 'a name without NUL; got "a\\u0000b"'],
  [
    "a name of 1025 units",
    inGraph(message(11, value("n".repeat(1025), [1]))),
    "LIMIT",
    "at most 1024 UTF-16 units; got 1025",
  ],
  [
    "a name of 1 MB",
    inGraph(message(11, value("n".repeat(1e6), [1]))),
    "LIMIT",
    "at most 1024 UTF-16 units; got 1000000",
  ],
  [
    "an axis's name with NUL",
    write({ ...GRU, inputs: { x: ["\0", 1, I] } }),
    "NAME",
    "dim_param: expected a name without NUL",
  ],
  [
    "an axis with a size and a name",
    inGraph(
      message(11, text(1, "x"), message(2, message(1, int(1, 1), message(2, message(1, int(1, 3), text(2, "T")))))),
    ),
    "SHAPE",
    "dim_param: expected a size or a name; got both",
  ],
  ...[-2, 2 ** 29, 2 ** 53].map(
    (size): Case => [
      `an axis of ${size}`,
      write({ ...GRU, inputs: { x: [size, 1, I] } }),
      "SHAPE",
      `1 … 268435456; got ${size}`,
    ],
  ),
  ["nine axes", write({ ...GRU, inputs: { x: ones(9).map(() => 1) } }), "LIMIT", "at most 8 axes; got 9"],
  [
    "a sequence for an input",
    inGraph(message(11, text(1, "x"), message(2, message(4)))),
    "DTYPE",
    "type: expected a tensor; got sequence_type",
  ],
  ["a map for an input", inGraph(message(11, text(1, "x"), message(2, message(5)))), "DTYPE", "got map_type"],
  [
    "an optional for an input",
    inGraph(message(11, text(1, "x"), message(2, message(9)))),
    "DTYPE",
    "got optional_type",
  ],
  [
    "a sparse tensor for an input",
    inGraph(message(11, text(1, "x"), message(2, message(8)))),
    "DTYPE",
    "got sparse_tensor_type",
  ],
  ["an opaque for an input", inGraph(message(11, text(1, "x"), message(2, message(7)))), "DTYPE", "got opaque_type"],
  [
    "an input of no type",
    write({ ...GRU, inputs: { x: text(1, "x") } }),
    "SIZE_UNKNOWN",
    'the shape of "x" is not known. Give it: shapes: { "x": […] }.',
  ],
  [
    "an input of no type whose shape is given",
    write({ ...GRU, inputs: { x: text(1, "x") } }),
    "DTYPE",
    'input "x": expected a dtype of float,',
    { shapes: { x: ["T", 1, 2] } },
  ],
  [
    "an input without a shape",
    write({ ...GRU, inputs: { x: value("x") } }),
    "SIZE_UNKNOWN",
    'the shape of "x" is not known',
  ],
  ["an input of strings", write({ ...GRU, inputs: { x: [["T", 1, I], "string"] } }), "DTYPE", "got string"],
  [
    "an input of complex numbers",
    write({ ...GRU, inputs: { x: [["T", 1, I], "complex64"] } }),
    "DTYPE",
    "got complex64",
  ],
  [
    "an input of another element type",
    inGraph(message(11, text(1, "x"), message(2, message(1, int(1, 77), message(2))))),
    "DTYPE",
    "got 77",
  ],
  [
    "an output that nothing computes",
    write({ ...GRU, outputs: { z: [1] } }),
    "GRAPH",
    'expected an output that a node computes; got "z"',
  ],
  ["no output", write({ ...GRU, outputs: {} }), "GRAPH", "outputs: expected one that is computed; got none"],
  ["an output that is constant", write({ ...GRU, outputs: { W: [1] } }), "GRAPH", "expected"],
  [
    "a state of 2²⁷ elements",
    write({ ...GRU, inputs: { x: ["T", 1, I], h: [2 ** 27] } }),
    "LIMIT",
    'input "h": expected at most 1048576 elements of states; got 134217728',
  ],
  [
    "1,000 states of 2,048 elements",
    write({
      inputs: { x: ["T", 4], ...Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`h${i}`, [1, 2048]])) },
      outputs: { y: ["T", 4] },
      nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
    }),
    "LIMIT",
    'input "h512": expected at most 1048576 elements of states; got 1050624',
  ],
  [
    "final states of more elements than the caller's limit",
    write({ ...GRU, nodes: GRU.nodes?.map((node) => ({ ...node, outputs: ["Y", "h"] })) }),
    "LIMIT",
    "rnn (GRU): expected at most 1 elements of states; got 3",
    { limits: { states: 1 } },
  ],
];

const TENSORS: Case[] = [
  [
    "a tensor without a name",
    inGraph(message(5, dims(1), FLOAT, raw(4))),
    "NAME",
    "model.graph.initializer[0].name: expected a name; got none",
  ],
  [
    "a tensor twice",
    inGraph(message(5, tensorFields("w", [1], [1])), message(5, tensorFields("w", [1], [1]))),
    "DUPLICATE",
    'each initializer once; got "w"',
  ],
  ["no dtype", weight(dims(2, 2), raw(16)), "DTYPE", 'tensor "w": expected a dtype of float, uint8'],
  ...[
    [0, "undefined"],
    [8, "string"],
    [14, "complex64"],
    [15, "complex128"],
    [17, "float8e4m3fn"],
    [18, "float8e4m3fnuz"],
    [19, "float8e5m2"],
    [20, "float8e5m2fnuz"],
    [21, "uint4"],
    [22, "int4"],
    [23, "float4e2m1"],
    [24, "float8e8m0"],
    [25, "uint2"],
    [26, "int2"],
    [99, "99"],
    [-1, "-1"],
  ].map(
    ([type, name]): Case => [
      `dtype ${name}`,
      weight(dims(2, 2), int(2, type as number), raw(16)),
      "DTYPE",
      `got ${name}`,
    ],
  ),
  [
    "a segment",
    weight(dims(2, 2), FLOAT, message(3), raw(16)),
    "GRAPH",
    "expected a whole tensor; got a segment of one",
  ],
  ["nine axes of a tensor", weight(dims(1, 1, 1, 1, 1, 1, 1, 2, 2), FLOAT, raw(16)), "LIMIT", "at most 8 axes; got 9"],
  ["10⁶ axes", weight(message(1, new Uint8Array(1e6).fill(1)), FLOAT, raw(4)), "LIMIT", "at most 8 axes; got 1000000"],
  ["a size of −1", weight(dims(-1, 2), FLOAT, raw(16)), "SHAPE", "sizes ≥ 0; got (-1, 2)"],
  ["a size of −2⁶³", weight(dims(-(2n ** 63n)), FLOAT, raw(16)), "SHAPE", "sizes ≥ 0"],
  ["a size of 2³¹", weight(dims(2 ** 31), FLOAT, raw(16)), "LIMIT", "at most 268435456 elements; got (2147483648)"],
  ["a size of 2⁶³ − 1", weight(dims(2n ** 63n - 1n), FLOAT, raw(16)), "LIMIT", "elements"],
  ["a product of 2³²", weight(dims(65536, 65536), FLOAT, raw(16)), "LIMIT", "got (65536, 65536)"],
  ["a product of 2⁶⁴", weight(dims(2 ** 27, 2 ** 27, 1024), FLOAT, raw(16)), "LIMIT", "elements"],
  ["a huge size beside a 0", weight(dims(2 ** 40, 0), FLOAT), "LIMIT", "elements"],
  [
    "a million elements in 16 bytes",
    weight(dims(1000, 1000), FLOAT, raw(16)),
    "SIZE",
    "4000000 bytes for shape (1000, 1000) of float; got 16",
  ],
  ["one byte short", weight(dims(2, 2), FLOAT, raw(15)), "SIZE", "16 bytes for shape (2, 2) of float; got 15"],
  ["one byte long", weight(dims(2, 2), FLOAT, raw(17)), "SIZE", "got 17"],
  ["no data", weight(dims(2, 2), FLOAT), "SIZE", "4 elements for shape (2, 2); got 0"],
  ["data for no elements", weight(dims(0, 2), FLOAT, raw(4)), "SIZE", "0 bytes"],
  [
    "raw_data and float_data",
    weight(dims(2, 2), FLOAT, raw(16), message(4, new Uint8Array(16))),
    "GRAPH",
    "one field of data; got float_data and raw_data",
  ],
  [
    "float_data and int32_data",
    weight(dims(2, 2), FLOAT, message(4, new Uint8Array(16)), message(5, bytes(1))),
    "GRAPH",
    "one field of data; got float_data and int32_data",
  ],
  [
    "int64_data for floats",
    weight(dims(2, 2), FLOAT, message(7, bytes(1, 2, 3, 4))),
    "DTYPE",
    "float_data or raw_data for float; got int64_data",
  ],
  [
    "int32_data for int64",
    weight(dims(4), int(2, 7), message(5, bytes(1, 2, 3, 4))),
    "DTYPE",
    "int64_data or raw_data for int64; got int32_data",
  ],
  ["string_data for floats", weight(dims(1), FLOAT, text(6, "1.0")), "DTYPE", "got string_data"],
  [
    "three floats for four",
    weight(dims(2, 2), FLOAT, message(4, new Uint8Array(12))),
    "SIZE",
    "4 elements for shape (2, 2); got 3",
  ],
  ["a float16 of 17 bits", weight(dims(1), int(2, 10), int(5, 65536)), "DTYPE", "float16 in 0 … 65535; got 65536"],
  ["a negative float16", weight(dims(1), int(2, 10), int(5, -1)), "DTYPE", "float16 in 0 … 65535; got -1"],
  ["an int8 of 128", weight(dims(1), int(2, 3), int(5, 128)), "DTYPE", "int8 in -128 … 127; got 128"],
  ["a uint8 of −1", weight(dims(1), int(2, 2), int(5, -1)), "DTYPE", "uint8 in 0 … 255; got -1"],
  ["a bool of 2", weight(dims(1), int(2, 9), int(5, 2)), "DTYPE", "bool in 0 … 1; got 2"],
  ["a raw bool of 2", weight(dims(1), int(2, 9), message(9, bytes(2))), "DTYPE", "bool of 0 and 1; got others"],
  ["an int32 of 2³¹", weight(dims(1), int(2, 6), int(5, 2 ** 31)), "DTYPE", "got 2147483648"],
  ["data_location 2", weight(dims(2, 2), FLOAT, int(14, 2), raw(16)), "GRAPH", "data_location 0 or 1; got 2"],
  [
    "external_data of a tensor that is not external",
    weight(dims(2, 2), FLOAT, raw(16), message(13, text(1, "location"))),
    "GRAPH",
    "no external_data; got some",
  ],
  [
    "NaN among the weights",
    write({
      ...GRU,
      initializers: {
        ...GRU.initializers,
        B: [
          [1, 6 * H],
          [Number.NaN, ...ones(6 * H - 1)],
        ],
      },
    }),
    "NON_FINITE",
    "NaN",
  ],
  [
    "infinity among the weights",
    write({
      ...GRU,
      initializers: {
        ...GRU.initializers,
        B: [
          [1, 6 * H],
          [Infinity, ...ones(6 * H - 1)],
        ],
      },
    }),
    "NON_FINITE",
    "Infinity",
  ],
];

/** A tensor whose data lies elsewhere. */
const external = (entries: readonly (readonly [string, string])[], ...more: readonly Wire[]) =>
  weight(
    dims(2, 2),
    FLOAT,
    int(14, 1),
    ...entries.map(([key, content]) => message(13, text(1, key), text(2, content))),
    ...more,
  );
const files = { files: () => new Uint8Array(16) };
const BAD_NAMES = [
  "",
  ".",
  "..",
  "../w.bin",
  "a/../../w.bin",
  "/etc/passwd",
  "//host/w.bin",
  "C:\\w.bin",
  "C:w.bin",
  "a\\..\\w.bin",
  "http://host/w.bin",
  "file:///w.bin",
  "data:,x",
  "a//b",
  "a/",
  "./a",
  "a/./b",
  "w.bin\0",
  "w\u202ebin",
  "n".repeat(256),
  "~/w",
  "w?x",
  "w%2e%2e",
  "*",
  "a\nb",
];

/** A file that is right where `files` gives 16 bytes. */
export const EXTERNAL = external([["location", "w.bin"]]);

const EXTERNALS: Case[] = [
  [
    "external data without files",
    external([["location", "w.bin"]]),
    "EXTERNAL_DATA",
    'data inside the file; got "w.bin" Pass files',
  ],
  ...BAD_NAMES.map(
    (name): Case => [
      `external data at ${JSON.stringify(name).slice(0, 30)}`,
      external([["location", name]]),
      "EXTERNAL_DATA",
      "a plain relative name of the file of external data",
      files,
    ],
  ),
  [
    "external data without a location",
    external([]),
    "EXTERNAL_DATA",
    'a plain relative name of the file of external data; got ""',
    files,
  ],
  [
    "an unknown key of external data",
    external([
      ["location", "w"],
      ["__proto__", "x"],
    ]),
    "EXTERNAL_DATA",
    'each once; got "__proto__"',
    files,
  ],
  [
    "a location twice",
    external([
      ["location", "w"],
      ["location", "v"],
    ]),
    "EXTERNAL_DATA",
    'each once; got "location"',
    files,
  ],
  ...["-1", "1.5", "1e9", "0x10", "", " 1", "9999999999999999"].map(
    (offset): Case => [
      `an offset "${offset}"`,
      external([
        ["location", "w"],
        ["offset", offset],
      ]),
      "EXTERNAL_DATA",
      "a number for offset",
      files,
    ],
  ),
  [
    "a length that is no number",
    external([
      ["location", "w"],
      ["length", "all"],
    ]),
    "EXTERNAL_DATA",
    "a number for length",
    files,
  ],
  [
    "a length that the shape does not have",
    external([
      ["location", "w"],
      ["length", "17"],
    ]),
    "SIZE",
    "16 bytes of external data; got 17",
    files,
  ],
  [
    "an offset past the end",
    external([
      ["location", "w"],
      ["offset", "1"],
    ]),
    "TRUNCATED",
    '17 bytes in "w"; got 16',
    files,
  ],
  [
    "an offset of 10¹⁵ − 1",
    external([
      ["location", "w"],
      ["offset", "999999999999999"],
    ]),
    "TRUNCATED",
    'in "w"; got 16',
    files,
  ],
  [
    "a file that is too short",
    external([["location", "w"]]),
    "TRUNCATED",
    '16 bytes in "w"; got 0',
    { files: () => new Uint8Array(0) },
  ],
  [
    "external data and raw_data",
    external([["location", "w"]], raw(16)),
    "GRAPH",
    "external data alone; got raw_data too",
    files,
  ],
];

/** Attributes by their fields. */
const attr = (...parts: readonly Wire[]) => inGraph(message(1, text(4, "Relu"), message(5, ...parts)));

const NODES: Case[] = [
  [
    "a node without an operator",
    inGraph(message(1, text(3, "n"))),
    "GRAPH",
    "model.graph.node[0].op_type: expected an operator; got none",
  ],
  ["an operator with NUL", inGraph(message(1, text(4, "Re\0lu"))), "NAME", "op_type: expected a name without NUL"],
  [
    "an output with NUL",
    inGraph(message(1, text(4, "Relu"), text(2, "a\0"))),
    "NAME",
    "output: expected a name without NUL",
  ],
  [
    "an input's name of 1025 units",
    inGraph(message(1, text(4, "Relu"), text(1, "n".repeat(1025)))),
    "LIMIT",
    "input: expected at most 1024",
  ],
  ["an overload", inGraph(message(1, text(4, "Relu"), text(8, "v2"))), "GRAPH", "overload: expected none; got some"],
  [
    "an attribute twice",
    inGraph(message(1, text(4, "Relu"), message(5, attribute("a", 1)), message(5, attribute("a", 2)))),
    "DUPLICATE",
    'each attribute once; got "a"',
  ],
  [
    "an attribute without a type",
    attr(text(1, "a"), int(3, 1)),
    "GRAPH",
    "type: expected a type of attribute, 1 … 14; got 0",
  ],
  ["an attribute of type 15", attr(text(1, "a"), int(20, 15)), "GRAPH", "1 … 14; got 15"],
  [
    "an attribute of one type with the value of another",
    attr(text(1, "a"), int(3, 1), int(20, 1)),
    "GRAPH",
    "only f, as its type says; got both",
  ],
  [
    "an attribute with two values",
    attr(text(1, "a"), int(3, 1), float(2, 1), int(20, 2)),
    "GRAPH",
    "only i, as its type says",
  ],
  [
    "an attribute with a reference",
    attr(text(1, "a"), int(20, 2), text(21, "outer")),
    "GRAPH",
    "only i, as its type says",
  ],
  ["a tensor attribute without a tensor", attr(text(1, "a"), int(20, 4)), "GRAPH", "t: expected a tensor; got none"],
  ["a graph attribute without a graph", attr(text(1, "a"), int(20, 5)), "GRAPH", "g: expected a graph; got none"],
  ["a string of 257 bytes", attr(attribute("a", "s".repeat(257))), "LIMIT", "s: expected at most 256 bytes; got 257"],
  [
    "an unknown operator",
    one("Frobnicate"),
    "UNSUPPORTED_OP",
    'n (Frobnicate): operator "Frobnicate" is not supported',
  ],
  ["an operator in lower case", one("relu"), "UNSUPPORTED_OP", 'operator "relu"'],
  ...["__proto__", "constructor", "toString", "hasOwnProperty"].map(
    (op): Case => [`an operator ${op}`, one(op), "UNSUPPORTED_OP", "is not supported"],
  ),
  ...[
    "Loop",
    "Scan",
    "SequenceConstruct",
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLSTM",
    "NonZero",
    "StringNormalizer",
    "OptionalHasElement",
    "RandomNormal",
    "Unique",
    "NonMaxSuppression",
  ].map((op): Case => [`the operator ${op}`, one(op), "UNSUPPORTED_OP", `operator "${op}" is not supported`]),
  [
    "an operator of another domain",
    one("FusedMatMul", { domain: "com.microsoft" }),
    "UNSUPPORTED_OP",
    'operator "com.microsoft.FusedMatMul" is not supported',
  ],
  [
    "an operator of ONNX in another domain",
    one("Relu", { domain: "ai.onnx.ml" }),
    "UNSUPPORTED_OP",
    'operator "ai.onnx.ml.Relu" is not supported',
  ],
  ["an operator before its opset", one("Mish", { opset: 17 }), "UNSUPPORTED_OP", "expected opset 18 or later; got 17"],
  ["an unknown attribute", one("Relu", { attrs: { alpha: 1 } }), "ATTRIBUTE", 'n (Relu): unknown attribute "alpha"'],
  [
    "an attribute __proto__",
    one("Relu", { attrs: { ["__proto__x".slice(0, 9)]: 1 } }),
    "ATTRIBUTE",
    'unknown attribute "__proto__"',
  ],
  [
    "an attribute of the wrong type",
    one("LeakyRelu", { attrs: { alpha: 1 } }),
    "ATTRIBUTE",
    "alpha: expected float; got int",
  ],
  [
    "an attribute of many tensors",
    one("Softmax", { attrs: { axis: { fields: int(20, 9) } } }),
    "ATTRIBUTE",
    "axis: expected int; got unsupported",
  ],
  [
    "a NaN among the attributes",
    one("LeakyRelu", { attrs: { alpha: { float: Number.NaN } } }),
    "ATTRIBUTE",
    "alpha: expected a finite number; got NaN",
  ],
  [
    "an infinity among the attributes",
    one("LeakyRelu", { attrs: { alpha: { float: Infinity } } }),
    "ATTRIBUTE",
    "alpha: expected a finite number; got Infinity",
  ],
  ["no input", one("Relu", { inputs: [] }), "GRAPH", "expected 1 … 1 inputs; got 0"],
  ["an absent input", one("Relu", { inputs: [""] }), "GRAPH", "expected 1 … 1 inputs; got 0"],
  ["too many inputs", one("Relu", { inputs: ["x", "x"] }), "GRAPH", "expected 1 … 1 inputs; got 2"],
  [
    "no output, but needed by name",
    write({ inputs: { x: ["T", 4] }, outputs: { y: [1] }, nodes: [{ op: "Relu", inputs: ["x"], outputs: ["", "y"] }] }),
    "GRAPH",
    "expected an output that a node computes",
  ],
  [
    "an input that is not there",
    one("Relu", { inputs: ["z"] }),
    "GRAPH",
    'expected "z" defined before it; got no input and no node\'s output',
  ],
  ["its own output for an input", one("Relu", { inputs: ["y"] }), "GRAPH", "a later node's output, or its own"],
  [
    "a cycle",
    write({
      inputs: { x: ["T", 4] },
      outputs: { y: [1] },
      nodes: [
        { op: "Add", name: "a", inputs: ["x", "b"], outputs: ["a"] },
        { op: "Relu", inputs: ["a"], outputs: ["b"] },
        { op: "Relu", inputs: ["b"], outputs: ["y"] },
      ],
    }),
    "GRAPH",
    'a (Add): expected "b" defined before it; got a later',
  ],
  [
    "nodes out of their order",
    write({
      inputs: { x: ["T", 4] },
      outputs: { y: [1] },
      nodes: [
        { op: "Relu", inputs: ["a"], outputs: ["y"] },
        { op: "Relu", inputs: ["x"], outputs: ["a"] },
      ],
    }),
    "GRAPH",
    "a later node's output",
  ],
  [
    "an output of two nodes",
    write({
      inputs: { x: ["T", 4] },
      outputs: { y: [1] },
      nodes: [
        { op: "Relu", inputs: ["x"], outputs: ["y"] },
        { op: "Tanh", name: "t", inputs: ["x"], outputs: ["y"] },
      ],
    }),
    "GRAPH",
    't (Tanh): expected a new name for its output; got "y", which is taken',
  ],
  ["an output twice of one node", one("Split", { outputs: ["y", "y"] }), "GRAPH", 'got "y", which is taken'],
  ["an output that is an input", one("Relu", { outputs: ["x"] }), "GRAPH", 'got "x", which is taken'],
  [
    "an output that is an initializer",
    one("Relu", { outputs: ["w"], initializers: { w: [[1], [1]] } }),
    "GRAPH",
    'got "w", which is taken',
  ],
  [
    "a weight in more nodes than the caller's limit and 128 for each of its elements",
    write({
      inputs: { x: ["T", 2] },
      outputs: { y: ["T", 2] },
      initializers: { w: [[2, 2], ones(4)] },
      nodes: Array.from({ length: 140 }, (_, i) => ({
        op: "MatMul",
        name: `m${i}`,
        inputs: [i === 0 ? "x" : `${i}`, "w"],
        outputs: [i === 139 ? "y" : `${i + 1}`],
      })),
    }),
    "LIMIT",
    "m130 (MatMul): expected at most 519 elements that an earlier node reads too; got more",
    { limits: { repeated: 7 } },
  ],
  [
    "a weight of 1 MiB in 300 nodes",
    write({
      inputs: { x: ["T", 512] },
      outputs: { y: ["T", 512] },
      initializers: { w: [[512, 512], ones(512 * 512)] },
      nodes: Array.from({ length: 300 }, (_, i) => ({
        op: "MatMul",
        inputs: [i === 0 ? "x" : `${i}`, "w"],
        outputs: [i === 299 ? "y" : `${i + 1}`],
      })),
    }),
    "LIMIT",
    "expected at most 37748736 elements that an earlier node reads too",
  ],
  [
    "more folded than the caller's limit",
    write({
      inputs: { x: ["T", 20] },
      outputs: { y: [1] },
      initializers: { s: [[1], [20], "int64"] },
      nodes: [
        { op: "ConstantOfShape", name: "c", inputs: ["s"], outputs: ["z"] },
        { op: "Add", inputs: ["x", "z"], outputs: ["y"] },
      ],
    }),
    "LIMIT",
    "c (ConstantOfShape): expected at most 19 elements folded; got more",
    { limits: { folded: 3 } },
  ],
  [
    "more folded than the caller's limit, by a Constant that is looked at twice",
    write({
      inputs: { x: ["T", 20] },
      outputs: { y: [1] },
      nodes: [
        { op: "Constant", inputs: [], outputs: ["s"], attrs: { value: tensor([1], [20], "int64") } },
        { op: "ConstantOfShape", name: "c", inputs: ["s"], outputs: ["z"] },
        { op: "Add", inputs: ["x", "z"], outputs: ["y"] },
      ],
    }),
    "LIMIT",
    "c (ConstantOfShape): expected at most 19 elements folded; got more",
    { limits: { folded: 3 } },
  ],
  [
    "2²⁸ zeros in 8 bytes",
    write({
      inputs: { x: ["T", 4] },
      outputs: { y: [1] },
      initializers: { s: [[1], [2 ** 28], "int64"] },
      nodes: [
        { op: "ConstantOfShape", name: "c", inputs: ["s"], outputs: ["z"] },
        { op: "Add", inputs: ["x", "z"], outputs: ["y"] },
      ],
    }),
    "LIMIT",
    "at most 4194320 elements folded",
  ],
  [
    "64 numbers tiled a million times",
    write({
      inputs: { x: ["T", 4] },
      outputs: { y: ["T", 4] },
      initializers: { c: [[64], ones(64)], r: [[1], [2 ** 20], "int64"] },
      nodes: [
        { op: "Tile", name: "t", inputs: ["c", "r"], outputs: ["z"] },
        { op: "Add", inputs: ["x", "z"], outputs: ["y"] },
      ],
    }),
    "LIMIT",
    "t (Tile): expected at most 4195344 elements folded; got more",
  ],
  [
    "2⁴⁰ zeros in 8 bytes",
    write({
      inputs: { x: ["T", 4] },
      outputs: { y: [1] },
      initializers: { s: [[1], [2 ** 40], "int64"] },
      nodes: [
        { op: "ConstantOfShape", name: "c", inputs: ["s"], outputs: ["z"] },
        { op: "Add", inputs: ["x", "z"], outputs: ["y"] },
      ],
    }),
    "LIMIT",
    "at most 8 axes and 268435456 elements",
  ],
  [
    "a range of 2⁶³",
    write({
      inputs: { x: ["T", 4] },
      outputs: { y: [1] },
      initializers: { a: [[], [0], "int64"], b: [[], [2 ** 62], "int64"], c: [[], [1], "int64"] },
      nodes: [{ op: "Range", name: "r", inputs: ["a", "b", "c"], outputs: ["y"] }],
    }),
    "LIMIT",
    "at most 8 axes and 268435456 elements",
  ],
  [
    "doublings, forty of them",
    write({
      inputs: { x: ["T", 4] },
      outputs: { d40: [1] },
      nodes: Array.from({ length: 40 }, (_, i) => ({
        op: "Concat",
        name: `c${i + 1}`,
        inputs: i === 0 ? ["x", "x"] : [`d${i}`, `d${i}`],
        outputs: [`d${i + 1}`],
        attrs: { axis: 1 },
      })),
    }),
    "LIMIT",
    "268435456 elements",
  ],
];

/** The GRU with changes. */
const rnn = (change: {
  readonly attrs?: Node["attrs"];
  readonly inputs?: readonly string[];
  readonly op?: string;
  readonly opset?: number;
  readonly initializers?: File["initializers"];
  readonly model?: Partial<File>;
}): Wire =>
  write({
    ...GRU,
    ...(change.opset !== undefined && { opset: change.opset }),
    initializers: { ...GRU.initializers, ...change.initializers },
    nodes: [
      {
        op: change.op ?? "GRU",
        name: "rnn",
        inputs: change.inputs ?? ["x", "W", "R", "B"],
        outputs: ["Y"],
        attrs: { hidden_size: H, ...change.attrs },
      },
    ],
    ...change.model,
  });
const T5 = { shapes: { x: [5, 1, I] } };

const RECURRENT: Case[] = [
  ...[0, -1, 2 ** 31, 2 ** 40].map(
    (size): Case => [
      `hidden_size ${size}`,
      rnn({ attrs: { hidden_size: size } }),
      "ATTRIBUTE",
      `hidden_size: expected 1 … 4194304; got ${size}`,
    ],
  ),
  [
    "a hidden_size that W does not have",
    rnn({ attrs: { hidden_size: 4 } }),
    "SHAPE",
    "expected W of shape (1, 12, 2); got (1, 9, 2)",
  ],
  [
    "an unknown direction",
    rnn({ attrs: { direction: "backward" } }),
    "ATTRIBUTE",
    'direction: expected "forward" or "reverse" or "bidirectional"; got "backward"',
  ],
  [
    "two directions with the weights of one",
    rnn({ attrs: { direction: "bidirectional" } }),
    "SHAPE",
    "expected W of shape (2, 9, 2); got (1, 9, 2)",
  ],
  ["layout 2", rnn({ attrs: { layout: 2 } }), "ATTRIBUTE", "layout: expected 0 … 1; got 2"],
  [
    "layout before opset 14",
    rnn({ attrs: { layout: 0 }, opset: 13 }),
    "ATTRIBUTE",
    "layout: expected none before opset 14",
  ],
  [
    "linear_before_reset 2",
    rnn({ attrs: { linear_before_reset: 2 } }),
    "ATTRIBUTE",
    "linear_before_reset: expected 0 … 1; got 2",
  ],
  [
    "linear_before_reset of an RNN",
    rnn({ op: "RNN", attrs: { linear_before_reset: 1 } }),
    "ATTRIBUTE",
    'unknown attribute "linear_before_reset"',
  ],
  ["input_forget of a GRU", rnn({ attrs: { input_forget: 1 } }), "ATTRIBUTE", 'unknown attribute "input_forget"'],
  ["output_sequence", rnn({ attrs: { output_sequence: 1 } }), "ATTRIBUTE", 'unknown attribute "output_sequence"'],
  ["peepholes of a GRU", rnn({ inputs: ["x", "W", "R", "B", "", "", "", "B"] }), "GRAPH", "expected 3 … 6 inputs"],
  ["W of two axes", rnn({ initializers: { W: [[9, 2], ones(18)] } }), "SHAPE", "X, W and R of three axes"],
  ["X of two axes", rnn({ model: { inputs: { x: ["T", I] } } }), "SHAPE", "X, W and R of three axes; got (T, 2)"],
  [
    "W of another input size",
    rnn({ initializers: { W: [[1, 9, 5], ones(45)] } }),
    "SHAPE",
    "expected W of shape (1, 9, 2); got (1, 9, 5)",
  ],
  [
    "W of one gate less",
    rnn({ initializers: { W: [[1, 6, 2], ones(12)] } }),
    "SHAPE",
    "expected W of shape (1, 9, 2); got (1, 6, 2)",
  ],
  ["W of an LSTM for a GRU", rnn({ initializers: { W: [[1, 12, 2], ones(24)] } }), "SHAPE", "got (1, 12, 2)"],
  [
    "R of another size",
    rnn({ initializers: { R: [[1, 9, 4], ones(36)] } }),
    "SHAPE",
    "expected R of shape (1, 9, 3); got (1, 9, 4)",
  ],
  [
    "R of integers",
    rnn({ initializers: { R: [[1, 9, 3], ones(27).map(() => 1), "int32"] } }),
    "DTYPE",
    "expected X, W and R of floats",
  ],
  [
    "X of integers",
    rnn({ model: { inputs: { x: [["T", 1, I], "int32"] } } }),
    "DTYPE",
    "expected X, W and R of floats",
  ],
  [
    "B of integers",
    rnn({ initializers: { B: [[1, 18], ones(18).map(() => 1), "int64"] } }),
    "DTYPE",
    "B: expected floats",
  ],
  [
    "B of half its size",
    rnn({ initializers: { B: [[1, 9], ones(9)] } }),
    "SHAPE",
    "expected B of shape (1, 18); got (1, 9)",
  ],
  ["B of one axis", rnn({ initializers: { B: [[18], ones(18)] } }), "SHAPE", "expected B of shape (1, 18); got (18)"],
  [
    "W that is computed",
    rnn({
      model: {
        inputs: { x: ["T", 1, I], W: [1, 9, I] },
        initializers: { R: [[1, 9, H], ones(27)], B: [[1, 18], ones(18)] },
      },
    }),
    "SHAPE",
    "W: expected what is known before it runs",
    T5,
  ],
  [
    "initial_h of another size",
    rnn({ inputs: ["x", "W", "R", "B", "", "h"], initializers: { h: [[1, 1, 4], ones(4)] } }),
    "SHAPE",
    "expected initial_h of shape (1, 1, 3); got (1, 1, 4)",
  ],
  [
    "initial_h of two directions",
    rnn({ inputs: ["x", "W", "R", "B", "", "h"], initializers: { h: [[2, 1, 3], ones(6)] } }),
    "SHAPE",
    "got (2, 1, 3)",
  ],
  [
    "sequence_lens of another batch",
    rnn({ inputs: ["x", "W", "R", "B", "n"], initializers: { n: [[2], [1, 1], "int32"] } }),
    "SHAPE",
    "expected sequence_lens of shape (1); got (2)",
  ],
  [
    "sequence_lens of floats",
    rnn({ inputs: ["x", "W", "R", "B", "n"], initializers: { n: [[1], [1]] } }),
    "DTYPE",
    "sequence_lens: expected integers",
  ],
  [
    "a known length along a free axis",
    rnn({ inputs: ["x", "W", "R", "B", "n"], initializers: { n: [[1], [3], "int32"] } }),
    "SHAPE",
    "sequence_lens: expected an input; got 3",
  ],
  ...[0, -1, 4, 6, 2 ** 31 - 1].map(
    (length): Case => [
      `a length of ${length} in 5 steps`,
      rnn({ inputs: ["x", "W", "R", "B", "n"], initializers: { n: [[1], [length], "int32"] } }),
      "SHAPE",
      `expected 5, as many as X has steps; got ${length}`,
      T5,
    ],
  ),
  ...[["Sigmoid"], ["Sigmoid", "Tanh", "Tanh"], ["Sigmoid", "Tanh", "Sigmoid", "Tanh", "Tanh"]].map(
    (activations): Case => [
      `${activations.length} functions of a GRU`,
      rnn({ attrs: { activations } }),
      "ATTRIBUTE",
      `activations: expected 2 functions; got ${activations.length}`,
    ],
  ),
  [
    "four functions for one direction",
    rnn({ attrs: { activations: ["Sigmoid", "Tanh", "Sigmoid", "Tanh"] } }),
    "ATTRIBUTE",
    "expected 2 functions; got 4",
  ],
  ...["Gelu", "constructor", "__proto__", "Sigmoid ", "hard_sigmoid"].map(
    (name): Case => [
      `a function ${JSON.stringify(name)}`,
      rnn({ attrs: { activations: [name, "Tanh"] } }),
      "ATTRIBUTE",
      `expected functions that ONNX has; got ${JSON.stringify(name)}`,
    ],
  ),
  ["an empty function", rnn({ attrs: { activations: ["", "Tanh"] } }), "ATTRIBUTE", 'functions that ONNX has; got ""'],
  [
    "Affine without its values",
    rnn({ attrs: { activations: ["Affine", "Tanh"] } }),
    "ATTRIBUTE",
    'finite alpha and beta for "Affine"',
  ],
  [
    "ScaledTanh without its beta",
    rnn({ attrs: { activations: ["Sigmoid", "ScaledTanh"], activation_alpha: { floats: [1] } } }),
    "ATTRIBUTE",
    'finite alpha and beta for "ScaledTanh"',
  ],
  [
    "an alpha that is NaN",
    rnn({ attrs: { activations: ["LeakyRelu", "Tanh"], activation_alpha: { floats: [Number.NaN] } } }),
    "ATTRIBUTE",
    'finite alpha and beta for "LeakyRelu"',
  ],
  [
    "an alpha too many",
    rnn({ attrs: { activation_alpha: { floats: [1] } } }),
    "ATTRIBUTE",
    "as many as the functions take; got more",
  ],
  [
    "a beta too many",
    rnn({ attrs: { activations: ["LeakyRelu", "Tanh"], activation_beta: { floats: [1] } } }),
    "ATTRIBUTE",
    "got more",
  ],
  ...[0, -1].map(
    (clip): Case => [
      `clip ${clip}`,
      rnn({ attrs: { clip: { float: clip } } }),
      "ATTRIBUTE",
      `clip: expected a number > 0; got ${clip}`,
    ],
  ),
  ...[Number.NaN, Infinity].map(
    (clip): Case => [
      `clip ${clip}`,
      rnn({ attrs: { clip: { float: clip } } }),
      "ATTRIBUTE",
      `clip: expected a finite number; got ${clip}`,
    ],
  ),
  [
    "no steps",
    rnn({
      model: {
        inputs: { x: ["T", 1, I], n: [1] },
        initializers: { ...GRU.initializers, zero: [[0, 1, I], []] },
        nodes: [{ op: "GRU", name: "rnn", inputs: ["zero", "W", "R", "B"], outputs: ["Y"] }],
      },
    }),
    "SHAPE",
    "at least one step and sequence",
  ],
  [
    "two sequences along a free axis",
    write({ ...GRU, inputs: { x: ["T", 2, I] } }),
    "SHAPE",
    "expected one sequence along the free axis; got (T, 2, 2)",
  ],
  [
    "a batch that is free beside steps that are not",
    write({ ...GRU, inputs: { x: [3, "N", I] } }),
    "SEQUENCE_AXIS",
    "computes along the free axis T",
  ],
  [
    "features that are free",
    write({ ...GRU, inputs: { x: [3, 1, "F"] } }),
    "SEQUENCE_AXIS",
    "computes along the free axis T",
  ],
  [
    "an initial state of two layers",
    write({
      ...GRU,
      inputs: { x: ["T", 1, I], h: [1, 1, H] },
      outputs: { Z: ["T", 1, 1, H] },
      initializers: { ...GRU.initializers, axis: [[1], [1], "int64"], V: [[1, 9, H], ones(27)] },
      nodes: [
        { op: "GRU", name: "a", inputs: ["x", "W", "R", "B", "", "h"], outputs: ["Y"] },
        { op: "Squeeze", inputs: ["Y", "axis"], outputs: ["y"] },
        { op: "GRU", name: "b", inputs: ["y", "V", "R", "B", "", "h"], outputs: ["Z"] },
      ],
    }),
    "GRAPH",
    'b (GRU): shares "h" with another node',
  ],
  [
    "a state that something else reads",
    write({
      ...GRU,
      inputs: { x: ["T", 1, I], h: [1, 1, H] },
      outputs: { z: ["T", 1, 1, H] },
      nodes: [...(GRU.nodes as Node[]), { op: "Add", name: "sum", inputs: ["Y", "h"], outputs: ["z"] }],
    }),
    "SEQUENCE_AXIS",
    'sum (Add): reads "h", which has no free axis',
  ],
  [
    "a state that comes back as it came",
    write({
      ...GRU,
      inputs: { x: ["T", 1, I], h: [1, 1, H] },
      outputs: { Y: ["T", 1, 1, H], h2: [1, 1, H] },
      nodes: [...(GRU.nodes as Node[]), { op: "Identity", inputs: ["h"], outputs: ["h2"] }],
    }),
    "GRAPH",
    '"h2": expected an output that is computed; got a state as it came',
  ],
  [
    "the final state of a reverse direction, computed with",
    write({
      ...GRU,
      outputs: { z: [1, 1, H] },
      nodes: [
        { op: "GRU", name: "rnn", inputs: ["x", "W", "R", "B"], outputs: ["Y", "h"], attrs: { direction: "reverse" } },
        { op: "Relu", inputs: ["h"], outputs: ["z"] },
      ],
    }),
    "UNSUPPORTED_OP",
    "rnn (GRU): the final state of a reverse direction is not an output of a row",
  ],
  [
    "the last row beside all rows",
    write({
      ...GRU,
      outputs: { z: ["T", 1, 1, H] },
      nodes: [
        { op: "GRU", name: "rnn", inputs: ["x", "W", "R", "B"], outputs: ["Y", "h"] },
        { op: "Add", name: "sum", inputs: ["Y", "h"], outputs: ["z"] },
      ],
    }),
    "SEQUENCE_AXIS",
    "sum (Add): mixes rows of the free axis T with a value that has no such axis",
  ],
];

/** Operators that are given what they cannot take. */
const init = (
  name: string,
  shape: readonly number[],
  values: readonly number[],
  type: "float" | "int64" | "bool" = "int64",
) => ({ [name]: [shape, values, type] as const });
const graphOf = (nodes: readonly Node[], initializers: File["initializers"] = {}, more: Partial<File> = {}) =>
  write({ inputs: { x: ["T", 4] }, outputs: { y: [1] }, initializers, nodes, ...more });

const OPERATORS: Case[] = [
  [
    "an integer of 2⁴⁰ beside one that is computed",
    graphOf(
      [
        { op: "Add", inputs: ["x", "w"], outputs: ["i"] },
        { op: "Cast", inputs: ["i"], outputs: ["y"], attrs: { to: 1 } },
      ],
      init("w", [2], [2 ** 40, 1]),
      { inputs: { x: [[2], "int64"] } },
    ),
    "DTYPE",
    "w: expected integers of 32 bits; got others",
  ],
  [
    "a state that the caller pairs with an output of another shape",
    graphOf(
      [
        { op: "Relu", inputs: ["x"], outputs: ["y"] },
        { op: "Add", inputs: ["h", "h"], outputs: ["h2"] },
      ],
      {},
      { inputs: { x: [1, 4], h: [2] }, outputs: { y: [1, 4], h2: [2] } },
    ),
    "GRAPH",
    '"h": expected an output of its shape as its state; got "y"',
    { state: { h: "y" }, shapes: { x: [1, 4], h: [2] } },
  ],

  [
    "a Reshape to another size",
    one("Reshape", { inputs: ["x", "s"], initializers: init("s", [2], [0, 5]) }),
    "SHAPE",
    "shape: expected",
  ],
  [
    "a Reshape with two open axes",
    one("Reshape", { inputs: ["x", "s"], initializers: init("s", [2], [-1, -1]) }),
    "SHAPE",
    "shape: expected",
  ],
  [
    "a Reshape to −2",
    one("Reshape", { inputs: ["x", "s"], initializers: init("s", [1], [-2]) }),
    "SHAPE",
    "shape: expected",
  ],
  [
    "a Reshape that keeps an axis that is not there",
    one("Reshape", { inputs: ["x", "s"], initializers: init("s", [3], [0, 0, 0]) }),
    "SHAPE",
    "shape: expected",
  ],
  [
    "a Reshape that joins the free axis",
    one("Reshape", { inputs: ["x", "s"], initializers: init("s", [1], [-1]) }),
    "SHAPE",
    "shape: expected",
  ],
  [
    "a Reshape whose shape is computed",
    graphOf(
      [{ op: "Reshape", name: "n", inputs: ["x", "s"], outputs: ["y"] }],
      {},
      { inputs: { x: [3, 4], s: [[2], "int64"] } },
    ),
    "SHAPE",
    'shape: expected what is known before it runs; got "s", which is computed',
    { shapes: { x: [3, 4], s: [2] } },
  ],
  [
    "a Reshape to fractions",
    one("Reshape", { inputs: ["x", "s"], initializers: { s: [[2], [0.5, 8]] } }),
    "SHAPE",
    "shape",
  ],
  [
    "allowzero 2",
    one("Reshape", { inputs: ["x", "s"], initializers: init("s", [2], [0, 4]), attrs: { allowzero: 2 } }),
    "ATTRIBUTE",
    "allowzero: expected 0 … 1",
  ],
  [
    "a Squeeze of an axis of 4",
    one("Squeeze", { inputs: ["x", "s"], initializers: init("s", [1], [1]) }),
    "SHAPE",
    "axes 1 of size 1; got (T, 4)",
  ],
  [
    "a Squeeze without axes, along a free axis",
    one("Squeeze"),
    "ATTRIBUTE",
    "axes: expected which to remove; got none",
  ],
  [
    "a Squeeze of axis 2 of 2",
    one("Squeeze", { inputs: ["x", "s"], initializers: init("s", [1], [2]) }),
    "ATTRIBUTE",
    "axis: expected -2 … 1; got 2",
  ],
  ["an Unsqueeze without axes", one("Unsqueeze"), "ATTRIBUTE", "axes: expected which to add; got none"],
  [
    "an Unsqueeze of one axis twice",
    one("Unsqueeze", { inputs: ["x", "s"], initializers: init("s", [2], [0, -4]) }),
    "ATTRIBUTE",
    "axes: expected each once",
  ],
  [
    "an Unsqueeze to nine axes",
    one("Unsqueeze", { inputs: ["x", "s"], initializers: init("s", [7], [0, 1, 2, 3, 4, 5, 6]) }),
    "LIMIT",
    "at most 8 axes",
  ],
  ["a Flatten past the end", one("Flatten", { attrs: { axis: 3 } }), "ATTRIBUTE", "axis: expected -2 … 2; got 3"],
  [
    "a Flatten that joins the free axis",
    one("Flatten", { attrs: { axis: 0 } }),
    "SEQUENCE_AXIS",
    "would join the free axis T with others",
  ],
  [
    "a Transpose of one axis twice",
    one("Transpose", { attrs: { perm: [1, 1] } }),
    "ATTRIBUTE",
    "axes: expected each once; got 1, 1",
  ],
  [
    "a Transpose of three axes",
    one("Transpose", { attrs: { perm: [0, 1, 2] } }),
    "ATTRIBUTE",
    "perm: expected 2 axes; got 0, 1, 2",
  ],
  [
    "a Transpose of negative axes",
    one("Transpose", { attrs: { perm: [-1, -2] } }),
    "ATTRIBUTE",
    "perm: expected 2 axes; got -1, -2",
  ],
  [
    "a Slice with step 0",
    one("Slice", {
      inputs: ["x", "a", "b", "c", "d"],
      initializers: { ...init("a", [1], [0]), ...init("b", [1], [2]), ...init("c", [1], [1]), ...init("d", [1], [0]) },
    }),
    "ATTRIBUTE",
    "lists of one length, no step 0",
  ],
  [
    "a Slice of lists of two lengths",
    one("Slice", {
      inputs: ["x", "a", "b", "c"],
      initializers: { ...init("a", [1], [0]), ...init("b", [2], [2, 2]), ...init("c", [1], [1]) },
    }),
    "ATTRIBUTE",
    "lists of one length",
  ],
  [
    "a Slice without ends",
    one("Slice", { inputs: ["x", "a"], initializers: init("a", [1], [0]) }),
    "ATTRIBUTE",
    "lists of one length",
  ],
  [
    "a Slice of some steps",
    one("Slice", {
      inputs: ["x", "a", "b", "c"],
      initializers: { ...init("a", [1], [1]), ...init("b", [1], [3]), ...init("c", [1], [0]) },
    }),
    "SEQUENCE_AXIS",
    "takes steps of the free axis T other than all or the last",
  ],
  [
    "a Slice of nothing",
    one("Slice", {
      inputs: ["x", "a", "b", "c"],
      initializers: { ...init("a", [1], [2]), ...init("b", [1], [2]), ...init("c", [1], [1]) },
    }),
    "SHAPE",
    "",
  ],
  [
    "a Gather past the end",
    one("Gather", { inputs: ["x", "i"], attrs: { axis: 1 }, initializers: init("i", [1], [4]) }),
    "SHAPE",
    "indices: expected -4 … 3; got 4",
  ],
  [
    "a Gather of floats",
    one("Gather", { inputs: ["x", "i"], attrs: { axis: 1 }, initializers: { i: [[1], [1]] } }),
    "DTYPE",
    "indices: expected integers",
  ],
  [
    "a Gather of the first step",
    one("Gather", { inputs: ["x", "i"], initializers: init("i", [1], [0]) }),
    "SEQUENCE_AXIS",
    "takes steps of the free axis T other than the last",
  ],
  [
    "a Split into three parts of 4",
    one("Split", { outputs: ["y", "b", "c"], attrs: { axis: 1 } }),
    "ATTRIBUTE",
    "expected 3 equal parts of 4",
  ],
  [
    "a Split into 3 and 2 of 4",
    one("Split", { inputs: ["x", "s"], outputs: ["y", "b"], attrs: { axis: 1 }, initializers: init("s", [2], [3, 2]) }),
    "ATTRIBUTE",
    "split: expected 2 sizes that make 4; got 3, 2",
  ],
  [
    "a Split into −1 and 5",
    one("Split", {
      inputs: ["x", "s"],
      outputs: ["y", "b"],
      attrs: { axis: 1 },
      initializers: init("s", [2], [-1, 5]),
    }),
    "ATTRIBUTE",
    "got -1, 5",
  ],
  ["a Split of the free axis", one("Split", { outputs: ["y", "b"] }), "SEQUENCE_AXIS", "computes along the free axis"],
  [
    "a Split of 4 into 7, opset 18",
    one("Split", { opset: 18, outputs: ["y", "b", "c", "d", "e", "f", "g"], attrs: { axis: 1, num_outputs: 7 } }),
    "ATTRIBUTE",
    "expected parts of one size or more",
  ],
  [
    "num_outputs that is not so many",
    one("Split", { opset: 18, outputs: ["y", "b"], attrs: { axis: 1, num_outputs: 3 } }),
    "ATTRIBUTE",
    "expected 2 equal parts of 4",
  ],
  [
    "a Concat of two ranks",
    one("Concat", { inputs: ["x", "w"], attrs: { axis: 1 }, initializers: { w: [[4], ones(4)] } }),
    "SHAPE",
    "shapes that differ in one axis, of one dtype",
  ],
  [
    "a Concat of floats and integers",
    one("Concat", { inputs: ["x", "w"], attrs: { axis: 1 }, initializers: init("w", [1, 4], [1, 2, 3, 4]) }),
    "SHAPE",
    "of one dtype",
  ],
  [
    "a Concat along the free axis",
    one("Concat", { inputs: ["x", "x"], attrs: { axis: 0 } }),
    "SEQUENCE_AXIS",
    "computes along the free axis T",
  ],
  [
    "a Concat with an absent part",
    one("Concat", { inputs: ["x", ""], attrs: { axis: 1 } }),
    "GRAPH",
    "expected input 1; got none",
  ],
  [
    "an Expand to a shape that does not broadcast",
    one("Expand", { inputs: ["x", "s"], initializers: init("s", [1], [3]) }),
    "SHAPE",
    "a shape that it can become",
  ],
  [
    "an Expand to −1",
    one("Expand", { inputs: ["x", "s"], initializers: init("s", [1], [-1]) }),
    "SHAPE",
    "a shape that it can become",
  ],
  [
    "a Tile of three axes of two",
    one("Tile", { inputs: ["x", "s"], initializers: init("s", [3], [1, 1, 1]) }),
    "SHAPE",
    "repeats: expected 2 sizes",
  ],
  [
    "a Tile of −1",
    one("Tile", { inputs: ["x", "s"], initializers: init("s", [2], [1, -1]) }),
    "SHAPE",
    "repeats: expected 2 sizes",
  ],
  [
    "a Tile of the free axis",
    one("Tile", { inputs: ["x", "s"], initializers: init("s", [2], [2, 1]) }),
    "SEQUENCE_AXIS",
    "computes along the free axis",
  ],
  [
    "a Tile of 2³⁰",
    one("Tile", { inputs: ["x", "s"], initializers: init("s", [2], [1, 2 ** 30]) }),
    "LIMIT",
    "268435456 elements",
  ],
  [
    "Dropout in training",
    one("Dropout", { inputs: ["x", "", "t"], initializers: init("t", [], [1], "bool") }),
    "ATTRIBUTE",
    "training_mode: expected false; got true",
  ],
  [
    "an Add of shapes that do not broadcast",
    one("Add", { inputs: ["x", "w"], initializers: { w: [[3], ones(3)] } }),
    "SHAPE",
    "shapes that broadcast; got (T, 4) and (3)",
  ],
  [
    "an Add of floats and integers",
    one("Add", { inputs: ["x", "w"], initializers: init("w", [4], [1, 2, 3, 4]) }),
    "DTYPE",
    "inputs of one dtype; got F32 and I32",
  ],
  [
    "an Add across two axes of steps",
    graphOf(
      [
        { op: "Transpose", inputs: ["x"], outputs: ["t"] },
        { op: "Add", name: "n", inputs: ["z", "t"], outputs: ["y"] },
      ],
      {},
      { inputs: { x: ["T", 1], z: ["T", 1] } },
    ),
    "SEQUENCE_AXIS",
    "expected one free axis; got (T, T)",
  ],
  ["an And of floats", one("And", { inputs: ["x", "x"] }), "DTYPE", "inputs of one dtype; got F32 and F32"],
  [
    "a Greater of booleans",
    one("Greater", { inputs: ["b", "b"], initializers: init("b", [1], [1], "bool") }),
    "DTYPE",
    "BOOL and BOOL",
  ],
  [
    "an Exp of integers",
    one("Exp", { inputs: ["i"], initializers: init("i", [1], [1]) }),
    "DTYPE",
    "expected F32; got I32",
  ],
  ["a Not of floats", one("Not"), "DTYPE", "expected BOOL; got F32"],
  [
    "a Where whose condition is of floats",
    one("Where", { inputs: ["x", "x", "x"] }),
    "DTYPE",
    "expected BOOL and two of one dtype",
  ],
  [
    "a PRelu whose slope is larger than x",
    one("PRelu", { inputs: ["x", "w"], initializers: { w: [[2, 1, 4], ones(8)] } }),
    "SHAPE",
    "a slope that broadcasts to x",
  ],
  [
    "a Clip whose bounds are computed",
    one("Clip", { inputs: ["x", "x"] }),
    "SHAPE",
    "min: expected what is known before it runs",
  ],
  ["a Cast to text", one("Cast", { attrs: { to: 8 } }), "DTYPE", "to: expected a dtype of numbers; got 8"],
  ["a Cast to nothing", one("Cast"), "DTYPE", "to: expected a dtype of numbers; got 0"],
  [
    "a Cast of 10³⁰ to an integer",
    graphOf(
      [
        { op: "Cast", name: "n", inputs: ["w"], outputs: ["i"], attrs: { to: 7 } },
        { op: "Expand", inputs: ["x", "i"], outputs: ["y"] },
      ],
      { w: [[1], [1e30]] },
    ),
    "DTYPE",
    "numbers that fit an integer",
  ],
  [
    "products of 2⁶⁰ integers",
    graphOf(
      [
        { op: "Mul", name: "n", inputs: ["w", "w"], outputs: ["i"] },
        { op: "Expand", inputs: ["x", "i"], outputs: ["y"] },
      ],
      init("w", [1], [2 ** 40]),
    ),
    "SHAPE",
    "expected integers of 53 bits",
  ],
  [
    "the length of the free axis, doubled",
    graphOf(
      [
        { op: "Shape", inputs: ["x"], outputs: ["s"] },
        { op: "Mul", name: "n", inputs: ["s", "two"], outputs: ["d"] },
        { op: "Expand", inputs: ["x", "d"], outputs: ["y"] },
      ],
      init("two", [1], [2]),
    ),
    "SEQUENCE_AXIS",
    "computes with the length of the free axis T",
  ],
  [
    "the length of the free axis, negated",
    graphOf([
      { op: "Shape", inputs: ["x"], outputs: ["s"] },
      { op: "Neg", name: "n", inputs: ["s"], outputs: ["d"] },
      { op: "Expand", inputs: ["x", "d"], outputs: ["y"] },
    ]),
    "SEQUENCE_AXIS",
    "computes with the length of the free axis T",
  ],
  [
    "the length of the free axis, as a float",
    graphOf([
      { op: "Shape", inputs: ["x"], outputs: ["s"] },
      { op: "Cast", name: "n", inputs: ["s"], outputs: ["d"], attrs: { to: 1 } },
      { op: "Add", inputs: ["x", "d"], outputs: ["y"] },
    ]),
    "SEQUENCE_AXIS",
    "computes with the length of the free axis T",
  ],
  [
    "the number of elements along a free axis",
    graphOf([
      { op: "Size", name: "n", inputs: ["x"], outputs: ["s"] },
      { op: "Expand", inputs: ["x", "s"], outputs: ["y"] },
    ]),
    "SEQUENCE_AXIS",
    "computes along the free axis T",
  ],
  [
    "as many zeros as there are steps",
    graphOf([
      { op: "Shape", inputs: ["x"], outputs: ["s"] },
      { op: "ConstantOfShape", name: "n", inputs: ["s"], outputs: ["z"] },
      { op: "Add", inputs: ["x", "z"], outputs: ["y"] },
    ]),
    "SEQUENCE_AXIS",
    "computes along the free axis T",
  ],
  [
    "a range as long as the free axis",
    graphOf(
      [
        { op: "Shape", inputs: ["x"], outputs: ["s"] },
        { op: "Gather", inputs: ["s", "zero"], outputs: ["n"] },
        { op: "Range", name: "n", inputs: ["zero", "n", "one"], outputs: ["y"] },
      ],
      { ...init("zero", [], [0]), ...init("one", [], [1]) },
    ),
    "SHAPE",
    "expected a range with an end; got 0, T, 1",
  ],
  [
    "a range with step 0",
    graphOf([{ op: "Range", name: "n", inputs: ["zero", "one", "zero"], outputs: ["y"] }], {
      ...init("zero", [], [0]),
      ...init("one", [], [1]),
    }),
    "SHAPE",
    "expected a range with an end; got 0, 1, 0",
  ],
  [
    "an If on the length of the free axis",
    graphOf(
      [
        { op: "Shape", inputs: ["x"], outputs: ["s"] },
        { op: "Gather", inputs: ["s", "zero"], outputs: ["n"] },
        { op: "Equal", name: "n", inputs: ["n", "one"], outputs: ["c"] },
        { op: "If", inputs: ["c"], outputs: ["y"] },
      ],
      { ...init("zero", [], [0]), ...init("one", [], [1]) },
    ),
    "SEQUENCE_AXIS",
    "computes with the length of the free axis T",
  ],
  ["a Constant of nothing", one("Constant", { inputs: [] }), "ATTRIBUTE", "expected one value; got none"],
  [
    "a Constant of two values",
    one("Constant", { inputs: [], attrs: { value_int: 1, value_float: { float: 1 } } }),
    "ATTRIBUTE",
    "expected one value; got value_int, value_float",
  ],
  [
    "a Constant of text",
    one("Constant", { inputs: [], attrs: { value_string: "x" } }),
    "ATTRIBUTE",
    'unknown attribute "value_string"',
  ],
  [
    "a Constant of a bad tensor",
    one("Constant", { inputs: [], attrs: { value: { tensor: join(dims(2), FLOAT, raw(4)) } } }),
    "SIZE",
    "8 bytes for shape (2) of float; got 4",
  ],
  [
    "a fill of two elements",
    one("ConstantOfShape", { inputs: ["s"], initializers: init("s", [1], [2]), attrs: { value: tensor([2], [1, 2]) } }),
    "SHAPE",
    "value: expected one element; got 2",
  ],
  [
    "a fill of a negative shape",
    one("ConstantOfShape", { inputs: ["s"], initializers: init("s", [1], [-2]) }),
    "SHAPE",
    "expected sizes ≥ 0; got (-2)",
  ],
  [
    "a MatMul of 4 and 3",
    one("MatMul", { inputs: ["x", "w"], initializers: { w: [[3, 2], ones(6)] } }),
    "SHAPE",
    "matrices (…, M, K) and (…, K, N); got (T, 4) and (3, 2)",
  ],
  [
    "a MatMul along the free axis",
    one("MatMul", { inputs: ["w", "x"], initializers: { w: [[3, 4], ones(12)] } }),
    "SEQUENCE_AXIS",
    "computes along the free axis T",
  ],
  [
    "a MatMul of integers",
    one("MatMul", { inputs: ["x", "w"], initializers: init("w", [4, 1], [1, 2, 3, 4]) }),
    "DTYPE",
    "expected floats; got F32 and I32",
  ],
  [
    "a Gemm of three axes",
    one("Gemm", { shape: ["T", 1, 4], inputs: ["x", "w"], initializers: { w: [[4, 2], ones(8)] } }),
    "SHAPE",
    "two matrices",
  ],
  [
    "a Gemm whose C is too large",
    one("Gemm", { inputs: ["x", "w", "c"], initializers: { w: [[4, 2], ones(8)], c: [[3], ones(3)] } }),
    "SHAPE",
    "C that broadcasts",
  ],
  [
    "a Gemm of integers",
    one("Gemm", { inputs: ["x", "w"], initializers: init("w", [4, 1], [1, 2, 3, 4]) }),
    "DTYPE",
    "expected floats",
  ],
  [
    "a Gemm with a computed B",
    graphOf([{ op: "Gemm", name: "n", inputs: ["x", "w"], outputs: ["y"] }], {}, { inputs: { x: [3, 4], w: [4, 2] } }),
    "UNSUPPORTED_OP",
    "expected A as it is, B and beta · C known",
    { shapes: { x: [3, 4], w: [4, 2] } },
  ],
  ...["bi,io", "bi,io->", "b i->bi", "bii,io->bo", "bi,io->bq", "b...i,io->bo", "bi,io,ij->bj"].map(
    (equation): Case => [
      `an Einsum "${equation}"`,
      one("Einsum", { inputs: ["x", "w"], attrs: { equation }, initializers: { w: [[4, 2], ones(8)] } }),
      "ATTRIBUTE",
      "equation: expected",
    ],
  ),
  [
    "an Einsum of other ranks",
    one("Einsum", { inputs: ["x", "w"], attrs: { equation: "abi,io->abo" }, initializers: { w: [[4, 2], ones(8)] } }),
    "SHAPE",
    "3 axes",
  ],
  [
    "an Einsum of unequal sizes",
    one("Einsum", { inputs: ["x", "w"], attrs: { equation: "bi,io->bo" }, initializers: { w: [[3, 2], ones(6)] } }),
    "SHAPE",
    "equal sizes",
  ],
  [
    "an Einsum that sums one side alone",
    one("Einsum", { inputs: ["x", "w"], attrs: { equation: "bi,jo->bo" }, initializers: { w: [[4, 2], ones(8)] } }),
    "ATTRIBUTE",
    "sums over letters of both inputs alone",
  ],
  [
    "a Softmax along the free axis",
    one("Softmax", { attrs: { axis: 0 } }),
    "SEQUENCE_AXIS",
    "computes along the free axis T",
  ],
  ["a Softmax past the last axis", one("Softmax", { attrs: { axis: 2 } }), "ATTRIBUTE", "axis: expected -2 … 1; got 2"],
  [
    "a Softmax of integers",
    one("Softmax", { inputs: ["i"], initializers: init("i", [2], [1, 2]) }),
    "DTYPE",
    "expected floats; got I32",
  ],
  [
    "a Softmax of two axes at once",
    one("Softmax", { opset: 11, shape: ["T", 4, 2] }),
    "UNSUPPORTED_OP",
    "several at once (opset < 13)",
  ],
  [
    "a BatchNormalization in training",
    one("BatchNormalization", {
      inputs: ["x", "a", "a", "a", "a"],
      attrs: { training_mode: 1 },
      initializers: { a: [[4], ones(4)] },
    }),
    "ATTRIBUTE",
    "training_mode: expected 0 … 0; got 1",
  ],
  [
    "a BatchNormalization of other channels",
    one("BatchNormalization", { inputs: ["x", "a", "a", "a", "a"], initializers: { a: [[3], ones(3)] } }),
    "SHAPE",
    "weight: expected 4 elements; got 3",
  ],
  [
    "a BatchNormalization of one axis",
    one("BatchNormalization", { shape: ["T"], inputs: ["x", "a", "a", "a", "a"], initializers: { a: [[3], ones(3)] } }),
    "SHAPE",
    "expected (N, C, …); got (T)",
  ],
  [
    "a BatchNormalization whose channels are the free axis",
    one("BatchNormalization", {
      shape: [1, "T"],
      inputs: ["x", "a", "a", "a", "a"],
      initializers: { a: [[3], ones(3)] },
    }),
    "SEQUENCE_AXIS",
    "computes along the free axis",
  ],
  [
    "a LayerNormalization of two axes",
    one("LayerNormalization", {
      shape: ["T", 2, 4],
      inputs: ["x", "a"],
      attrs: { axis: 1 },
      initializers: { a: [[4], ones(4)] },
    }),
    "UNSUPPORTED_OP",
    "the last axis alone",
  ],
  [
    "a LayerNormalization before opset 17",
    one("LayerNormalization", { opset: 16, inputs: ["x", "a"], initializers: { a: [[4], ones(4)] } }),
    "UNSUPPORTED_OP",
    "expected opset 17 or later; got 16",
  ],
  [
    "a ReduceMean over the free axis",
    one("ReduceMean", { attrs: { axes: [0] } }),
    "SEQUENCE_AXIS",
    "computes along the free axis T",
  ],
  [
    "a ReduceMean over axis 2",
    one("ReduceMean", { attrs: { axes: [2] } }),
    "ATTRIBUTE",
    "axis: expected -2 … 1; got 2",
  ],
  [
    "a ReduceMean of booleans",
    one("ReduceMean", { inputs: ["b"], initializers: init("b", [2], [1, 0], "bool") }),
    "DTYPE",
    "expected floats; got BOOL",
  ],
  [
    "a ReduceProd of what is computed",
    one("ReduceProd", { attrs: { axes: [1] } }),
    "UNSUPPORTED_OP",
    "expected what is known before it runs; got computed numbers",
  ],
  ...(["ReduceSum", "ReduceMax"] as const).map(
    (op): Case => [
      `a ${op} of computed integers`,
      write({
        inputs: { x: [[4, 2], "int64"] },
        outputs: { y: [4] },
        nodes: [
          {
            op,
            inputs: op === "ReduceMax" ? ["x"] : ["x", "k"],
            outputs: ["y"],
            ...(op === "ReduceMax" && { attrs: { axes: [1] } }),
          },
        ],
        initializers: op === "ReduceMax" ? {} : { k: [[1], [1], "int64"] },
      }),
      "UNSUPPORTED_OP",
      "expected what is known before it runs; got computed integers",
    ],
  ),
  [
    "a Clip of booleans",
    write({
      inputs: { x: [[4], "bool"] },
      outputs: { y: [4] },
      nodes: [{ op: "Clip", inputs: ["x"], outputs: ["y"] }],
    }),
    "DTYPE",
    "expected numbers; got BOOL",
  ],
  [
    "an ArgMax of the last of equal ones",
    one("ArgMax", { attrs: { axis: 1, select_last_index: 1 } }),
    "ATTRIBUTE",
    "select_last_index: expected 0 … 0; got 1",
  ],
  [
    "a TopK of 5 of 4",
    one("TopK", { inputs: ["x", "k"], initializers: init("k", [1], [5]) }),
    "SHAPE",
    "k: expected 1 … 4; got 5",
  ],
  [
    "a TopK of 0",
    one("TopK", { inputs: ["x", "k"], initializers: init("k", [1], [0]) }),
    "SHAPE",
    "k: expected 1 … 4; got 0",
  ],
  [
    "a TopK in any order",
    one("TopK", { inputs: ["x", "k"], attrs: { sorted: 0 }, initializers: init("k", [1], [2]) }),
    "ATTRIBUTE",
    "sorted: expected 1 … 1; got 0",
  ],
  [
    "an Erf of constants",
    graphOf(
      [
        { op: "Erf", name: "n", inputs: ["w"], outputs: ["e"] },
        { op: "Reshape", inputs: ["x", "e"], outputs: ["y"] },
      ],
      { w: [[1], [1]] },
    ),
    "SHAPE",
    "shape: expected what is known before it runs",
  ],
];

/** Windows over (1, 2, 8). */
const conv = (more: {
  readonly op?: string;
  readonly attrs?: Node["attrs"];
  readonly w?: readonly number[];
  readonly inputs?: readonly string[];
  readonly shape?: readonly (number | string)[];
  readonly initializers?: File["initializers"];
}) => {
  const w = more.w ?? [3, 2, 3];
  const inputs = more.inputs ?? ["x", "w"];
  return graphOf(
    [{ op: more.op ?? "Conv", name: "n", inputs, outputs: ["y"], attrs: more.attrs }],
    { w: [w, ones(w.reduce((a, b) => a * b, 1))], ...more.initializers },
    { inputs: { x: more.shape ?? [1, 2, 8] } },
  );
};

const WINDOWS: Case[] = [
  ["a Conv of other channels", conv({ w: [3, 4, 3] }), "SHAPE", "1 groups of channels that fit the weight"],
  ["a Conv of groups that do not divide", conv({ w: [3, 1, 3], attrs: { group: 2 } }), "SHAPE", "2 groups of channels"],
  ["a Conv of 0 groups", conv({ attrs: { group: 0 } }), "ATTRIBUTE", "group: expected 1 … 4194304; got 0"],
  ["a Conv of another rank", conv({ w: [3, 2, 3, 3] }), "SHAPE", "(N, C) and 2 more axes"],
  ["a Conv of no axes", conv({ w: [3, 2], shape: [1, 2] }), "SHAPE", "(N, C) and 0 more axes"],
  ["a Conv with stride 0", conv({ attrs: { strides: [0] } }), "ATTRIBUTE", "strides: expected 1 numbers ≥ 1; got 0"],
  ["a Conv with two strides", conv({ attrs: { strides: [1, 1] } }), "ATTRIBUTE", "strides: expected 1 numbers"],
  ["a Conv with dilation 2⁴⁰", conv({ attrs: { dilations: [2 ** 40] } }), "ATTRIBUTE", "dilations: expected 1 numbers"],
  ["a Conv with pads −1", conv({ attrs: { pads: [-1, 0] } }), "ATTRIBUTE", "pads: expected 2 numbers ≥ 0"],
  ["a Conv with one pad", conv({ attrs: { pads: [1] } }), "ATTRIBUTE", "pads: expected 2 numbers"],
  [
    "a Conv with pads of both kinds",
    conv({ attrs: { pads: [1, 1], auto_pad: "SAME_UPPER" } }),
    "ATTRIBUTE",
    "auto_pad and pads: expected one of them",
  ],
  [
    "a Conv with an unknown auto_pad",
    conv({ attrs: { auto_pad: "same" } }),
    "ATTRIBUTE",
    'auto_pad: expected "NOTSET"',
  ],
  [
    "a Conv whose kernel_shape is not W's",
    conv({ attrs: { kernel_shape: [5] } }),
    "ATTRIBUTE",
    "kernel_shape: expected 3, as the weight has; got 5",
  ],
  ["a Conv larger than its input", conv({ w: [3, 2, 9] }), "SHAPE", "axes that the window of (9) fits in"],
  ["a Conv of three axes", conv({ w: [1, 1, 1, 1, 1], shape: [1, 1, 2, 2, 2] }), "SHAPE", "a kernel of 1 or 2 axes"],
  ["a Conv along the free axis", conv({ shape: [1, 2, "T"] }), "SEQUENCE_AXIS", "computes along the free axis T"],
  [
    "a Conv whose weight is computed",
    conv({ inputs: ["x", "x"], shape: [2, 2, 8] }),
    "SHAPE",
    "W: expected what is known",
  ],
  ["a Conv of a batch of 2", conv({ shape: [2, 2, 8] }), "SHAPE", "(1, 2, size)"],
  [
    "a Conv with a bias of another size",
    conv({ inputs: ["x", "w", "b"], initializers: { b: [[2], ones(2)] } }),
    "SHAPE",
    "B: expected 3; got 2",
  ],
  [
    "a Conv of integers",
    graphOf([{ op: "Conv", name: "n", inputs: ["x", "w"], outputs: ["y"] }], init("w", [1, 2, 1], [1, 1]), {
      inputs: { x: [1, 2, 8] },
    }),
    "DTYPE",
    "expected floats",
  ],
  [
    "a ConvTranspose with output_shape",
    conv({ op: "ConvTranspose", w: [2, 3, 3], attrs: { output_shape: [9] } }),
    "UNSUPPORTED_OP",
    "output_shape and auto_pad SAME",
  ],
  [
    "a ConvTranspose with auto_pad SAME_UPPER",
    conv({ op: "ConvTranspose", w: [2, 3, 3], attrs: { auto_pad: "SAME_UPPER" } }),
    "UNSUPPORTED_OP",
    "expected pads instead",
  ],
  [
    "a ConvTranspose whose pads leave nothing",
    conv({ op: "ConvTranspose", w: [2, 3, 3], attrs: { pads: [9, 9] } }),
    "SHAPE",
    "pads that leave something",
  ],
  [
    "a MaxPool without a kernel",
    conv({ op: "MaxPool", inputs: ["x"] }),
    "ATTRIBUTE",
    "kernel_shape: expected 1 numbers ≥ 1",
  ],
  [
    "a MaxPool with a window past the end",
    conv({ op: "MaxPool", inputs: ["x"], attrs: { kernel_shape: [3], strides: [2], ceil_mode: 1 } }),
    "UNSUPPORTED_OP",
    "ceil_mode: expected windows that fit",
  ],
  [
    "a GlobalAveragePool of two axes",
    conv({ op: "GlobalAveragePool", inputs: ["x"], shape: [1, 2] }),
    "SHAPE",
    "(N, C, …)",
  ],
  [
    "a GlobalAveragePool over the free axis",
    conv({ op: "GlobalAveragePool", inputs: ["x"], shape: [1, 2, "T"] }),
    "SEQUENCE_AXIS",
    "computes along the free axis",
  ],
  [
    "a Pad of too few pads",
    conv({ op: "Pad", inputs: ["x", "p"], initializers: init("p", [2], [1, 1]) }),
    "ATTRIBUTE",
    "pads: expected 6 numbers ≥ 0; got 1, 1",
  ],
  [
    "a Pad of −1",
    conv({ op: "Pad", inputs: ["x", "p"], initializers: init("p", [6], [0, 0, -1, 0, 0, 0]) }),
    "ATTRIBUTE",
    "pads: expected 6 numbers ≥ 0",
  ],
  [
    "a Pad that reflects more than there is",
    conv({
      op: "Pad",
      inputs: ["x", "p"],
      attrs: { mode: "reflect" },
      initializers: init("p", [6], [0, 0, 8, 0, 0, 0]),
    }),
    "SHAPE",
    "pads less than what they reflect",
  ],
  [
    "a Pad of the edge",
    conv({ op: "Pad", inputs: ["x", "p"], attrs: { mode: "edge" }, initializers: init("p", [6], [0, 0, 1, 0, 0, 0]) }),
    "ATTRIBUTE",
    'mode: expected "constant" or "reflect"; got "edge"',
  ],
  [
    "a Pad of the free axis",
    conv({ op: "Pad", inputs: ["x", "p"], shape: ["T", 4], initializers: init("p", [4], [1, 0, 0, 0]) }),
    "SEQUENCE_AXIS",
    "computes along the free axis",
  ],
  [
    "a Pad of 2²¹ in each of three axes",
    conv({ op: "Pad", inputs: ["x", "p"], initializers: init("p", [6], [2 ** 21, 2 ** 21, 2 ** 21, 0, 0, 0]) }),
    "LIMIT",
    "268435456 elements",
  ],
];

const scatter = (
  indices: readonly number[],
  shape: readonly number[],
  updates: readonly number[],
  attrs: Node["attrs"] = {},
) =>
  graphOf([{ op: "ScatterND", name: "n", inputs: ["x", "i", "u"], outputs: ["y"], attrs }], init("i", shape, indices), {
    inputs: { x: [3, 4], u: updates },
  });
const both = (u: readonly number[]) => ({ shapes: { x: [3, 4], u } });

const SCATTERS: Case[] = [
  [
    "a ScatterND of integers into floats",
    graphOf([{ op: "ScatterND", name: "n", inputs: ["x", "i", "i"], outputs: ["y"] }], init("i", [2, 1], [0, 1]), {
      inputs: { x: [3, 1] },
    }),
    "UNSUPPORTED_OP",
    "indices of one block",
    { shapes: { x: [3, 1] } },
  ],

  [
    "a ScatterND of rows that are no block",
    scatter([0, 2], [2, 1], [2, 4]),
    "UNSUPPORTED_OP",
    "indices of one block of the data, in its order",
    both([2, 4]),
  ],
  [
    "a ScatterND of one row twice",
    scatter([0, 0], [2, 1], [2, 4]),
    "UNSUPPORTED_OP",
    "indices of one block",
    both([2, 4]),
  ],
  [
    "a ScatterND of rows backwards",
    scatter([1, 0], [2, 1], [2, 4]),
    "UNSUPPORTED_OP",
    "indices of one block",
    both([2, 4]),
  ],
  ["a ScatterND past the end", scatter([2, 3], [2, 1], [2, 4]), "UNSUPPORTED_OP", "indices of one block", both([2, 4])],
  [
    "a ScatterND before the beginning",
    scatter([-4], [1, 1], [1, 4]),
    "UNSUPPORTED_OP",
    "indices of one block",
    both([1, 4]),
  ],
  [
    "a ScatterND of other updates",
    scatter([0, 1], [2, 1], [2, 3]),
    "UNSUPPORTED_OP",
    "indices of one block",
    both([2, 3]),
  ],
  ["a ScatterND of no indices", scatter([], [0, 1], [2, 4]), "UNSUPPORTED_OP", "indices of one block", both([2, 4])],
  [
    "a ScatterND of indices too deep",
    scatter([0, 0, 0], [1, 3], [2, 4]),
    "UNSUPPORTED_OP",
    "indices of one block",
    both([2, 4]),
  ],
  [
    "a ScatterND that adds",
    scatter([0, 1], [2, 1], [2, 4], { reduction: "add" }),
    "ATTRIBUTE",
    'reduction: expected "none"; got "add"',
    both([2, 4]),
  ],
];

const yes = init("c", [], [1], "bool");
const branch = (
  outputs: Readonly<Record<string, readonly number[]>>,
  nodes: readonly Node[] = [],
  more: Partial<File> = {},
) => ({ graph: { nodes, outputs, ...more } });
const If = (then: Node["attrs"], inputs: readonly string[] = ["c"], outputs: readonly string[] = ["y"]) =>
  graphOf([{ op: "If", name: "n", inputs, outputs, attrs: then }], yes);
const relu: Node = { op: "Relu", inputs: ["x"], outputs: ["r"] };

const BRANCHES: Case[] = [
  [
    "an If without a condition",
    If({ then_branch: branch({ r: [1] }, [relu]), else_branch: branch({ r: [1] }, [relu]) }, []),
    "GRAPH",
    "n (If): expected one condition, BOOL",
  ],
  [
    "an If on a float",
    If({ then_branch: branch({ r: [1] }, [relu]), else_branch: branch({ r: [1] }, [relu]) }, ["x"]),
    "GRAPH",
    "expected one condition, BOOL",
  ],
  [
    "an If without a branch",
    If({ then_branch: branch({ r: [1] }, [relu]) }),
    "GRAPH",
    "expected then_branch and else_branch, and nothing else",
  ],
  [
    "an If with a branch that is a number",
    If({ then_branch: branch({ r: [1] }, [relu]), else_branch: 1 }),
    "GRAPH",
    "expected then_branch and else_branch",
  ],
  [
    "an If with a third attribute",
    If({ then_branch: branch({ r: [1] }, [relu]), else_branch: branch({ r: [1] }, [relu]), more: 1 }),
    "GRAPH",
    "and nothing else",
  ],
  [
    "an If whose branch has an input",
    If({ then_branch: branch({ r: [1] }, [relu], { inputs: { z: [1] } }), else_branch: branch({ r: [1] }, [relu]) }),
    "GRAPH",
    "expected branches without inputs, with 1 outputs",
  ],
  [
    "an If whose branch has two outputs",
    If({ then_branch: branch({ r: [1], x: [1] }, [relu]), else_branch: branch({ r: [1] }, [relu]) }),
    "GRAPH",
    "with 1 outputs",
  ],
  [
    "a branch that shadows a name",
    If({
      then_branch: branch({ x: [1] }, [{ op: "Relu", name: "inner", inputs: ["x"], outputs: ["x"] }]),
      else_branch: branch({ r: [1] }, [relu]),
    }),
    "GRAPH",
    'inner (Relu): expected a new name for its output; got "x", which is taken',
  ],
  [
    "a branch whose output is nowhere",
    If({ then_branch: branch({ q: [1] }, [relu]), else_branch: branch({ r: [1] }, [relu]) }),
    "GRAPH",
    'expected an output that a node computes; got "q"',
  ],
  [
    "what a branch defines, read outside it",
    graphOf(
      [
        {
          op: "If",
          name: "n",
          inputs: ["c"],
          outputs: ["i"],
          attrs: { then_branch: branch({ r: [1] }, [relu]), else_branch: branch({ r: [1] }, [relu]) },
        },
        { op: "Add", name: "sum", inputs: ["i", "r"], outputs: ["y"] },
      ],
      yes,
    ),
    "GRAPH",
    'sum (Add): expected "r" defined before it',
  ],
  [
    "an unsupported operator in the branch that is taken",
    If({
      then_branch: branch({ r: [1] }, [{ op: "Loop", name: "l", inputs: ["x"], outputs: ["r"] }]),
      else_branch: branch({ r: [1] }, [relu]),
    }),
    "UNSUPPORTED_OP",
    'l (Loop): operator "Loop" is not supported',
  ],
  [
    "more nodes in branches than the caller's limit",
    If({ then_branch: branch({ r: [1] }, [relu]), else_branch: branch({ r: [1] }, [relu]) }),
    "LIMIT",
    "expected at most 1 nodes; got more",
    { limits: { nodes: 1 } },
  ],
];

export const CASES: readonly Case[] = [
  ...WIRE,
  ...MODEL,
  ...VALUES,
  ...TENSORS,
  ...EXTERNALS,
  ...NODES,
  ...RECURRENT,
  ...OPERATORS,
  ...WINDOWS,
  ...SCATTERS,
  ...BRANCHES,
];
