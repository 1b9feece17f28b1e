/**
 * One GRU or LSTM as an ONNX file: the few messages of onnx.proto3 that it takes, and PyTorch's gate orders turned into ONNX's.
 *
 * Source   onnx.proto3 (field numbers), docs/Operators.md (GRU z, r, h; LSTM i, o, f, c; B = [Wb, Rb]), opset 14, IR 8
 */

import type { Model } from "../../src/index.ts";

const FLOAT = 1;
const INT = 2;

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

function number(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field * 8), ...varint(value)]);
}

/** Bytes, a string, or a message made of its fields. */
function block(field: number, content: string | Uint8Array | readonly Uint8Array[]): Uint8Array {
  const body =
    typeof content === "string" ? Buffer.from(content) : Array.isArray(content) ? Buffer.concat(content) : content;
  return Buffer.concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(body.length)]), body as Uint8Array]);
}

function initializer(name: string, dims: readonly number[], data: Float32Array): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return block(5, [...dims.map((dim) => number(1, dim)), number(2, FLOAT), block(8, name), block(9, raw)]);
}

/** A graph input (field 11) or output (12) of f32. */
function value(field: number, name: string, dims: readonly number[]): Uint8Array {
  const shape = block(
    2,
    dims.map((dim) => block(1, [number(1, dim)])),
  );
  return block(field, [block(1, name), block(2, [block(1, [number(1, FLOAT), shape])])]);
}

function attribute(name: string, i: number): Uint8Array {
  return block(5, [block(1, name), number(3, i), number(20, INT)]);
}

/** Blocks of the first axis in another order: gate k of the result is gate order[k] of `data`. */
function regate(data: Float32Array, order: readonly number[]): Float32Array {
  const size = data.length / order.length;
  const out = new Float32Array(data.length);
  order.forEach((gate, k) => {
    out.set(data.subarray(gate * size, (gate + 1) * size), k * size);
  });
  return out;
}

/**
 * The file of a one-layer model called `rnn`, with the state as inputs and outputs.
 *
 * Shapes   X (T, 1, I), initial_h and initial_c (1, 1, H) → Y (T, 1, 1, H), Y_h and Y_c (1, 1, H)
 * @param steps - T
 * @param whole - false leaves Y out, which is Y_h where T is 1
 */
export function onnxOf(model: Model, steps: number, whole: boolean): Uint8Array {
  const [{ op, attrs }] = model.nodes;
  const I = attrs.inputSize as number;
  const H = attrs.hiddenSize as number;
  const order = op === "gru" ? [1, 0, 2] : [0, 3, 1, 2];
  const gates = (suffix: string) => regate(model.tensors.get(`rnn.${suffix}_l0`)!.data as Float32Array, order);
  const rows = order.length * H;
  const states = op === "gru" ? ["h"] : ["h", "c"];
  const inputs = ["X", "W", "R", "B", "", ...states.map((s) => `initial_${s}`)];
  const outputs = [whole ? "Y" : "", ...states.map((s) => `Y_${s}`)];
  const graph = [
    block(1, [
      ...inputs.map((name) => block(1, name)),
      ...outputs.map((name) => block(2, name)),
      block(4, op.toUpperCase()),
      attribute("hidden_size", H),
      ...(op === "gru" ? [attribute("linear_before_reset", 1)] : []),
    ]),
    block(2, "rnn"),
    initializer("W", [1, rows, I], gates("weight_ih")),
    initializer("R", [1, rows, H], gates("weight_hh")),
    initializer("B", [1, 2 * rows], Float32Array.from([...gates("bias_ih"), ...gates("bias_hh")])),
    value(11, "X", [steps, 1, I]),
    ...states.map((s) => value(11, `initial_${s}`, [1, 1, H])),
    ...(whole ? [value(12, "Y", [steps, 1, 1, H])] : []),
    ...states.map((s) => value(12, `Y_${s}`, [1, 1, H])),
  ];
  return Buffer.concat([number(1, 8), block(7, graph), block(8, [block(1, ""), number(2, 14)])]);
}
