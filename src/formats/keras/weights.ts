/**
 * Weights as Keras lays them out, and RTNeural, RNNoise and TensorFlow.js after it → tensors in PyTorch's order and names.
 * A kernel is (in, G·H) with the gates z, r, h of a GRU and i, f, c, o of an LSTM; ours is (G·H, in) with r, z, n and i, f, g, o
 * (keras/src/layers/rnn/gru.py and lstm.py).
 */

import type { Tensor } from "../../tensor.ts";
import { f32 } from "../nested.ts";

/** Which of Keras's gates stands at each of our places. */
export const GATES = { rnn: [0], gru: [1, 0, 2], lstm: [0, 1, 2, 3] } as const;

export type CellType = keyof typeof GATES;

/** (columns, G·H) in Keras's order of gates → (G·H, columns) in ours. One gate: a transposition. */
export function toRows(
  kernel: Float32Array,
  columns: number,
  size: number,
  gates: readonly number[] = [0],
): Float32Array {
  const rows = gates.length * size;
  const out = new Float32Array(rows * columns);
  gates.forEach((gate, g) => {
    for (let i = 0; i < size; i++) {
      const row = (g * size + i) * columns;
      for (let j = 0; j < columns; j++) out[row + j] = kernel[j * rows + gate * size + i];
    }
  });
  return out;
}

/** What a recurrent layer has: `bias` is (G·H), or (2, G·H) for a GRU whose reset comes after the product. */
export interface CellWeights {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly kernel: Float32Array;
  readonly recurrent: Float32Array;
  readonly bias?: Float32Array;
}

/** The tensors of one layer and direction; `suffix` is `_l0` or `_l0_reverse`. */
export function cellTensors(
  type: CellType,
  { inputSize, hiddenSize, kernel, recurrent, bias }: CellWeights,
  name: string,
  suffix = "_l0",
): Tensor[] {
  const gates = GATES[type];
  const rows = gates.length * hiddenSize;
  const key = (tensor: string) => `${name}.${tensor}${suffix}`;
  const tensors = [
    f32(key("weight_ih"), [rows, inputSize], toRows(kernel, inputSize, hiddenSize, gates)),
    f32(key("weight_hh"), [rows, hiddenSize], toRows(recurrent, hiddenSize, hiddenSize, gates)),
  ];
  if (bias === undefined) return tensors;
  const second = bias.length > rows ? toRows(bias.subarray(rows), 1, hiddenSize, gates) : new Float32Array(rows);
  return [
    ...tensors,
    f32(key("bias_ih"), [rows], toRows(bias.subarray(0, rows), 1, hiddenSize, gates)),
    f32(key("bias_hh"), [rows], second),
  ];
}

/**
 * A kernel as cuDNN layers keep it in Keras 2 → as LSTM and GRU keep it: each gate's block lay column by column, which for the
 * recurrent one, a square, is its transpose (tf.keras, hdf5_format.py).
 */
export function fromCudnn(kernel: Float32Array, columns: number, size: number, gates: number): Float32Array {
  const width = gates * size;
  const out = new Float32Array(kernel.length);
  for (let g = 0; g < gates; g++) {
    const at = (i: number, j: number) => i * width + g * size + j;
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j < size; j++) {
        const k = j * columns + i;
        out[at(i, j)] = kernel[at(Math.floor(k / size), k % size)];
      }
    }
  }
  return out;
}
