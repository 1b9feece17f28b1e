/**
 * A writer of ONNX files for tests: records → protobuf. It writes what it is told, right or wrong; `bytes` in place of a
 * message puts raw bytes there.
 */

export type Wire = Uint8Array;

/** A varint of 64 bits; negative numbers as protobuf has them, ten bytes long. */
export function varint(value: number | bigint): Wire {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  do {
    const bits = Number(rest & 127n);
    rest >>= 7n;
    out.push(rest > 0n ? bits | 128 : bits);
  } while (rest > 0n);
  return Uint8Array.from(out);
}

export function join(...parts: readonly Wire[]): Wire {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const key = (field: number, wire: number): Wire => varint(field * 8 + wire);
const utf8 = (text: string): Wire => new TextEncoder().encode(text);

export const int = (field: number, value: number | bigint): Wire => join(key(field, 0), varint(value));
export const float = (field: number, value: number): Wire =>
  join(key(field, 5), new Uint8Array(Float32Array.of(value).buffer));
export const message = (field: number, ...parts: readonly Wire[]): Wire => {
  const body = join(...parts);
  return join(key(field, 2), varint(body.length), body);
};
export const text = (field: number, value: string): Wire => message(field, utf8(value));

/** TensorProto.DataType. */
export const TYPES = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  bfloat16: 16,
} as const;
export type Type = keyof typeof TYPES;

const RAW = {
  float: (data: readonly number[]) => Float32Array.from(data),
  double: (data: readonly number[]) => Float64Array.from(data),
  int64: (data: readonly number[]) => BigInt64Array.from(data, BigInt),
  uint64: (data: readonly number[]) => BigUint64Array.from(data, BigInt),
  int32: (data: readonly number[]) => Int32Array.from(data),
  uint32: (data: readonly number[]) => Uint32Array.from(data),
  int16: (data: readonly number[]) => Int16Array.from(data),
  uint16: (data: readonly number[]) => Uint16Array.from(data),
  int8: (data: readonly number[]) => Int8Array.from(data),
  uint8: (data: readonly number[]) => Uint8Array.from(data),
  bool: (data: readonly number[]) => Uint8Array.from(data),
  float16: (data: readonly number[]) => Uint16Array.from(data),
  bfloat16: (data: readonly number[]) => Uint16Array.from(data),
} as const;

/** The fields of a TensorProto. `field`: other fields, beside or instead of raw_data. */
export function tensorFields(
  name: string,
  shape: readonly number[],
  data: readonly number[],
  type: Type = "float",
): Wire {
  const raw = RAW[type as keyof typeof RAW](data);
  return join(
    ...shape.map((size) => int(1, size)),
    int(2, TYPES[type]),
    text(8, name),
    message(9, new Uint8Array(raw.buffer)),
  );
}

export interface Tensor {
  readonly tensor: Wire;
}

export const tensor = (shape: readonly number[], data: readonly number[], type: Type = "float", name = ""): Tensor => ({
  tensor: tensorFields(name, shape, data, type),
});

export type Attr =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | Tensor
  | { readonly graph: Graph }
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly fields: Wire };

/** An AttributeProto: integers and lists of them, unless `float` says otherwise. */
export function attribute(name: string, value: Attr): Wire {
  const fields = (): Wire => {
    if (typeof value === "number") return join(int(3, value), int(20, 2));
    if (typeof value === "string") return join(text(4, value), int(20, 3));
    if (Array.isArray(value))
      return typeof value[0] === "string"
        ? join(...value.map((one) => text(9, one as string)), int(20, 8))
        : join(...value.map((one) => int(8, one as number)), int(20, 7));
    if ("tensor" in value) return join(message(5, value.tensor), int(20, 4));
    if ("graph" in value) return join(message(6, graph(value.graph)), int(20, 5));
    if ("float" in value) return join(float(2, value.float), int(20, 1));
    if ("floats" in value) return join(...value.floats.map((one: number) => float(7, one)), int(20, 6));
    return (value as { fields: Wire }).fields;
  };
  return join(text(1, name), fields());
}

export interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attrs?: Readonly<Record<string, Attr>>;
}

export function node({ op, inputs, outputs, name, domain, attrs = {} }: Node): Wire {
  return join(
    ...inputs.map((one) => text(1, one)),
    ...outputs.map((one) => text(2, one)),
    ...(name === undefined ? [] : [text(3, name)]),
    text(4, op),
    ...Object.entries(attrs).map(([key, value]) => message(5, attribute(key, value))),
    ...(domain === undefined ? [] : [text(7, domain)]),
  );
}

export type Shape = readonly (number | string)[];

/** A ValueInfoProto; an axis "" has neither size nor name. */
export function value(name: string, shape?: Shape, type: Type = "float"): Wire {
  const dims = shape?.map((axis) =>
    typeof axis === "number" ? message(1, int(1, axis)) : axis === "" ? message(1) : message(1, text(2, axis)),
  );
  return join(text(1, name), message(2, message(1, int(1, TYPES[type]), ...(dims ? [message(2, ...dims)] : []))));
}

export interface Graph {
  readonly nodes?: readonly (Node | Wire)[];
  readonly inputs?: Readonly<Record<string, Shape | Wire | readonly [Shape, Type]>>;
  readonly outputs?: Readonly<Record<string, Shape | Wire>>;
  readonly initializers?: Readonly<
    Record<string, Tensor | readonly [shape: readonly number[], data: readonly number[], type?: Type]>
  >;
  /** More fields. */
  readonly fields?: Wire;
}

const values = (field: number, all: Graph["inputs"] = {}): Wire[] =>
  Object.entries(all).map(([name, one]) => {
    if (one instanceof Uint8Array) return message(field, one);
    const typed = Array.isArray(one[0]);
    return message(field, value(name, (typed ? one[0] : one) as Shape, typed ? (one[1] as Type) : "float"));
  });

export function graph({ nodes = [], inputs, outputs, initializers = {}, fields }: Graph): Wire {
  return join(
    ...nodes.map((one) => message(1, one instanceof Uint8Array ? one : node(one))),
    text(2, "graph"),
    ...Object.entries(initializers).map(([name, one]) =>
      message(5, "tensor" in one ? one.tensor : tensorFields(name, one[0], one[1], one[2])),
    ),
    ...values(11, inputs),
    ...values(12, outputs),
    ...(fields ? [fields] : []),
  );
}

export interface File extends Graph {
  readonly ir?: number;
  readonly opset?: number;
  /** Other domains. */
  readonly domains?: Readonly<Record<string, number>>;
  readonly exporter?: readonly [name: string, version: string];
  /** More fields of the model. */
  readonly more?: Wire;
}

export function model(file: File): Wire {
  const { ir = 8, opset = 17, domains = {}, exporter = ["test", "1"], more } = file;
  return join(
    int(1, ir),
    text(2, exporter[0]),
    text(3, exporter[1]),
    message(7, graph(file)),
    message(8, text(1, ""), int(2, opset)),
    ...Object.entries(domains).map(([domain, version]) => message(8, text(1, domain), int(2, version))),
    ...(more ? [more] : []),
  );
}
