/**
 * The messages of ONNX (onnx/onnx.proto) that a model is made of, by field number. A field that cannot change a prediction is
 * `unused`; one that can and is not supported is decoded, so that it can be refused by name. No other field is accepted.
 */

import type { Kind, Schema } from "./wire.ts";

type Row = readonly [number: number, name: string, kind: Kind, many?: "many"];

const schema = (...rows: Row[]): Schema =>
  new Map(rows.map(([number, name, kind, many]) => [number, { name, kind, many: many !== undefined }]));

export const MODEL: Schema = schema(
  [1, "ir_version", "int"],
  [2, "producer_name", "string"],
  [3, "producer_version", "string"],
  [4, "domain", "unused"],
  [5, "model_version", "unused"],
  [6, "doc_string", "unused"],
  [7, "graph", () => GRAPH],
  [8, "opset_import", () => OPSET, "many"],
  [14, "metadata_props", "unused"],
  [20, "training_info", "bytes", "many"],
  [25, "functions", "bytes", "many"],
  [26, "configuration", "unused"],
);

const OPSET = schema([1, "domain", "string"], [2, "version", "int"]);

const GRAPH: Schema = schema(
  [1, "node", () => NODE, "many"],
  [2, "name", "string"],
  [5, "initializer", () => TENSOR, "many"],
  [10, "doc_string", "unused"],
  [11, "input", () => VALUE, "many"],
  [12, "output", () => VALUE, "many"],
  [13, "value_info", "unused"],
  [14, "quantization_annotation", "bytes", "many"],
  [15, "sparse_initializer", "bytes", "many"],
  [16, "metadata_props", "unused"],
);

const NODE = schema(
  [1, "input", "string", "many"],
  [2, "output", "string", "many"],
  [3, "name", "string"],
  [4, "op_type", "string"],
  [5, "attribute", () => ATTRIBUTE, "many"],
  [6, "doc_string", "unused"],
  [7, "domain", "string"],
  [8, "overload", "string"],
  [9, "metadata_props", "unused"],
  [10, "device_configurations", "unused"],
);

const ATTRIBUTE: Schema = schema(
  [1, "name", "string"],
  [2, "f", "float"],
  [3, "i", "int"],
  [4, "s", "bytes"],
  [5, "t", () => TENSOR],
  [6, "g", () => GRAPH],
  [7, "floats", "float", "many"],
  [8, "ints", "int", "many"],
  [9, "strings", "bytes", "many"],
  [10, "tensors", "bytes", "many"],
  [11, "graphs", "bytes", "many"],
  [13, "doc_string", "unused"],
  [14, "tp", "bytes"],
  [15, "type_protos", "bytes", "many"],
  [20, "type", "int"],
  [21, "ref_attr_name", "string"],
  [22, "sparse_tensor", "bytes"],
  [23, "sparse_tensors", "bytes", "many"],
);

export const TENSOR = schema(
  [1, "dims", "int", "many"],
  [2, "data_type", "int"],
  [3, "segment", "bytes"],
  [4, "float_data", "float", "many"],
  [5, "int32_data", "int", "many"],
  [6, "string_data", "bytes", "many"],
  [7, "int64_data", "int", "many"],
  [8, "name", "string"],
  [9, "raw_data", "bytes"],
  [10, "double_data", "double", "many"],
  [11, "uint64_data", "uint", "many"],
  [12, "doc_string", "unused"],
  [13, "external_data", () => ENTRY, "many"],
  [14, "data_location", "int"],
  [16, "metadata_props", "unused"],
);

const ENTRY = schema([1, "key", "string"], [2, "value", "string"]);

const VALUE = schema(
  [1, "name", "string"],
  [2, "type", () => TYPE],
  [3, "doc_string", "unused"],
  [4, "metadata_props", "unused"],
);

const TYPE = schema(
  [1, "tensor_type", () => TENSOR_TYPE],
  [4, "sequence_type", "bytes"],
  [5, "map_type", "bytes"],
  [6, "denotation", "unused"],
  [7, "opaque_type", "bytes"],
  [8, "sparse_tensor_type", "bytes"],
  [9, "optional_type", "bytes"],
);

const TENSOR_TYPE = schema([1, "elem_type", "int"], [2, "shape", () => SHAPE]);

const SHAPE = schema([1, "dim", () => DIMENSION, "many"]);

const DIMENSION = schema([1, "dim_value", "int"], [2, "dim_param", "string"], [3, "denotation", "unused"]);
