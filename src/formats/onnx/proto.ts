/** The bytes of an ONNX file → its graph as records: names, operators, attributes; tensors are still encoded. */

import { FormatError } from "../../errors.ts";
import { show } from "../json.ts";
import type { OnnxLimits } from "./limits.ts";
import { MODEL } from "./schema.ts";
import { decodeMessage, field, items, type Message, wireError } from "./wire.ts";

/** What the exporter says of itself. Only src/formats/onnx/reset.ts may read it, for a warning. */
export interface Exporter {
  readonly name: string;
  readonly version: string;
}

export interface OnnxFile {
  readonly exporter: Exporter;
  /** Domain → version; the default domain is "". */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: OnnxGraph;
}

export interface OnnxGraph {
  readonly path: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, Message>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxNode {
  /** How it is called in messages: `GRU_0 (GRU)`. */
  readonly text: string;
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  /** "" is an optional one that is absent. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** What each type of attribute holds. */
export interface AttributeValues {
  readonly float: number;
  readonly int: number;
  readonly string: string;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly strings: readonly string[];
  readonly tensor: Message;
  readonly graph: OnnxGraph;
  /** The name of its field. */
  readonly unsupported: string;
}

export type Attribute = {
  [T in keyof AttributeValues]: { readonly type: T; readonly value: AttributeValues[T] };
}[keyof AttributeValues];

/** A graph's input or output. */
export interface OnnxValue {
  readonly path: string;
  readonly name: string;
  /** TensorProto.DataType; undefined where the file does not say. */
  readonly type: number | undefined;
  /** A free axis is its name, "" where it has none. */
  readonly shape: readonly (number | string)[] | undefined;
}

/** IR 3 (2017) … 14: what opsets 7 … 27 are written with. */
const IR = [3, 14] as const;

/** How fields of a model begin: the exporter, the domain, versions, the text about it, the graph, opsets. */
export const FIELDS = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42];

export function parseOnnx(bytes: Uint8Array, limits: OnnxLimits): OnnxFile {
  if (bytes.length > limits.fileBytes)
    throw wireError("ERR_LIMIT", "file", 0, `at most ${limits.fileBytes} bytes`, bytes.length);
  // Writers put ir_version first, but no rule does.
  if (bytes[0] !== 8 && !FIELDS.includes(bytes[0])) {
    const head = show(String.fromCharCode(...bytes.subarray(0, 8)));
    throw wireError("ERR_HEADER", "file", 0, "ONNX", `${bytes.length} bytes that begin ${head}`);
  }
  const model = decodeMessage(bytes, MODEL, "model", limits);
  const ir = field<number>(model, "ir_version");
  if (ir === undefined || ir < IR[0] || ir > IR[1])
    throw failure("ERR_VERSION", model, "ir_version", `${IR[0]} … ${IR[1]}`, ir ?? "none");
  for (const name of ["training_info", "functions"]) refuse(model, name);
  const opsets = new Map<string, number>();
  for (const one of items<Message>(model, "opset_import")) {
    const domain = domainOf(field(one, "domain"));
    if (opsets.has(domain)) throw failure("ERR_DUPLICATE", one, "domain", "each domain once", show(domain));
    opsets.set(domain, field<number>(one, "version") ?? 0);
  }
  const graph = field<Message>(model, "graph");
  if (graph === undefined) throw failure("ERR_GRAPH", model, "graph", "a graph", "none");
  return {
    exporter: {
      name: field<string>(model, "producer_name") ?? "",
      version: field<string>(model, "producer_version") ?? "",
    },
    opsets,
    graph: graphOf(graph, limits),
  };
}

function domainOf(domain = ""): string {
  return domain === "ai.onnx" ? "" : domain;
}

function failure(
  code: ConstructorParameters<typeof FormatError>[0],
  { at, path }: Message,
  name: string,
  expected: string,
  got: string | number,
  hint?: string,
): FormatError {
  const whole = `${path}.${name}`;
  return new FormatError(code, `${whole}: expected ${expected}; got ${got}`, { offset: at, path: whole, hint });
}

/** A field that could change predictions, and is not supported. */
function refuse(message: Message, name: string): void {
  const found = message.fields.get(name);
  if (found === undefined || (Array.isArray(found) && found.length === 0)) return;
  throw failure("ERR_GRAPH", message, name, "none", "some, which this reader does not support");
}

function nameOf(message: Message, name: string, limits: OnnxLimits): string {
  return checkName(field<string>(message, name) ?? "", message, name, limits);
}

function checkName(text: string, message: Message, name: string, limits: OnnxLimits): string {
  if (text.includes("\0")) throw failure("ERR_NAME", message, name, "a name without NUL", show(text));
  if (text.length <= limits.nameLength) return text;
  throw failure("ERR_LIMIT", message, name, `at most ${limits.nameLength} UTF-16 units`, text.length);
}

function graphOf(message: Message, limits: OnnxLimits): OnnxGraph {
  for (const name of ["quantization_annotation", "sparse_initializer"]) refuse(message, name);
  const nodes = items<Message>(message, "node");
  if (nodes.length > limits.nodes) throw failure("ERR_LIMIT", message, "node", `at most ${limits.nodes}`, nodes.length);
  const initializers = new Map<string, Message>();
  for (const tensor of items<Message>(message, "initializer")) {
    const name = nameOf(tensor, "name", limits);
    if (name === "") throw failure("ERR_NAME", tensor, "name", "a name", "none");
    if (initializers.has(name)) throw failure("ERR_DUPLICATE", tensor, "name", "each initializer once", show(name));
    initializers.set(name, tensor);
  }
  return {
    path: message.path,
    nodes: nodes.map((node) => nodeOf(node, limits)),
    initializers,
    inputs: valuesOf(message, "input", limits),
    outputs: valuesOf(message, "output", limits),
  };
}

function nodeOf(message: Message, limits: OnnxLimits): OnnxNode {
  const op = nameOf(message, "op_type", limits);
  const name = nameOf(message, "name", limits);
  if (op === "") throw failure("ERR_GRAPH", message, "op_type", "an operator", "none");
  refuse(message, "overload");
  const names = (key: string) => items<string>(message, key).map((one) => checkName(one, message, key, limits));
  const inputs = names("input");
  const outputs = names("output");
  // Most exporters name nodes; where one does not, its first output is a name that a viewer shows.
  const shown = name || outputs.find((one) => one !== "") || message.path;
  const attributes = new Map<string, Attribute>();
  for (const one of items<Message>(message, "attribute")) {
    const key = nameOf(one, "name", limits);
    if (attributes.has(key)) throw failure("ERR_DUPLICATE", one, "name", "each attribute once", show(key));
    attributes.set(key, attributeOf(one, limits));
  }
  const text = `${shown} (${op})`.replace(/\p{C}/gu, "\ufffd").slice(0, 200);
  return { text, name, op, domain: domainOf(field(message, "domain")), inputs, outputs, attributes };
}

/** AttributeProto.type → what we call it, and the field that holds it. */
const TYPES: ReadonlyMap<number, readonly [type: Attribute["type"], field: string]> = new Map([
  [1, ["float", "f"]],
  [2, ["int", "i"]],
  [3, ["string", "s"]],
  [4, ["tensor", "t"]],
  [5, ["graph", "g"]],
  [6, ["floats", "floats"]],
  [7, ["ints", "ints"]],
  [8, ["strings", "strings"]],
  [9, ["unsupported", "tensors"]],
  [10, ["unsupported", "graphs"]],
  [11, ["unsupported", "sparse_tensor"]],
  [12, ["unsupported", "sparse_tensors"]],
  [13, ["unsupported", "tp"]],
  [14, ["unsupported", "type_protos"]],
]);

function attributeOf(message: Message, limits: OnnxLimits): Attribute {
  const number = field<number>(message, "type") ?? 0;
  const [type, key] = TYPES.get(number) ?? [];
  if (type === undefined || key === undefined)
    throw failure("ERR_GRAPH", message, "type", "a type of attribute, 1 … 14", number);
  for (const other of message.fields.keys()) {
    if (other === key || other === "name" || other === "type" || other === "doc_string") continue;
    const list = message.fields.get(other);
    if (Array.isArray(list) && list.length === 0) continue;
    throw failure("ERR_GRAPH", message, other, `only ${key}, as its type says`, "both");
  }
  const text = (bytes: Uint8Array) => latin1(bytes, message, key);
  switch (type) {
    case "float":
    case "int":
      return { type, value: field<number>(message, key) ?? 0 }; // absent: some writers leave zero out
    case "string":
      return { type, value: text(field<Uint8Array>(message, key) ?? new Uint8Array(0)) };
    case "floats":
    case "ints":
      return { type, value: items<number>(message, key) };
    case "strings":
      return { type, value: items<Uint8Array>(message, key).map(text) };
    case "tensor":
    case "graph": {
      const one = field<Message>(message, key);
      if (one === undefined) throw failure("ERR_GRAPH", message, key, `a ${type}`, "none");
      return type === "tensor" ? { type, value: one } : { type, value: graphOf(one, limits) };
    }
    default:
      return { type: "unsupported", value: key };
  }
}

/** Attribute strings are words of the standard: modes, directions, function names, equations. */
function latin1(bytes: Uint8Array, message: Message, key: string): string {
  const longest = 256;
  if (bytes.length > longest) throw failure("ERR_LIMIT", message, key, `at most ${longest} bytes`, bytes.length);
  return String.fromCharCode(...bytes);
}

function valuesOf(message: Message, key: string, limits: OnnxLimits): OnnxValue[] {
  const names = new Set<string>();
  return items<Message>(message, key).map((value) => {
    const name = nameOf(value, "name", limits);
    if (name === "") throw failure("ERR_NAME", value, "name", "a name", "none");
    if (names.has(name)) throw failure("ERR_DUPLICATE", value, "name", `each ${key} once`, show(name));
    names.add(name);
    const type = field<Message>(value, "type");
    const tensor = type && field<Message>(type, "tensor_type");
    if (type && !tensor && type.fields.size > 0)
      throw failure("ERR_DTYPE", value, "type", "a tensor", [...type.fields.keys()].join(", "));
    const shape = tensor && field<Message>(tensor, "shape");
    const dims = shape && items<Message>(shape, "dim");
    if (dims && dims.length > limits.rank)
      throw failure("ERR_LIMIT", value, "type", `at most ${limits.rank} axes`, dims.length);
    return {
      path: value.path,
      name,
      type: tensor && field<number>(tensor, "elem_type"),
      shape: dims?.map((dim) => {
        const size = field<number>(dim, "dim_value");
        const text = field<string>(dim, "dim_param") ?? "";
        if (size === undefined) return checkName(text, dim, "dim_param", limits);
        if (text !== "") throw failure("ERR_SHAPE", dim, "dim_param", "a size or a name", "both");
        // Some exporters write −1 or 0 for an axis that is free.
        if (size === 0 || size === -1) return "";
        if (size < 0 || size > limits.elements)
          throw failure("ERR_SHAPE", dim, "dim_value", `1 … ${limits.elements}`, size);
        return size;
      }),
    };
  });
}
