/**
 * Model → the same model with its recurrent and linear weights as I8 and a scale for each row, and back. What the kernels do
 * with them is in assembly/int8.ts; embeddings, biases, norms and states stay as they are.
 */

import { ModelError } from "./errors.ts";
import { foldBatchNorms } from "./fold.ts";
import { opOf, tensorsOf } from "./graph.ts";
import { isQuantized, type Model, tensorKey } from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import { type Tensor, toF32 } from "./tensor.ts";

export type Precision = "f32" | "int8";

/**
 * The weights that a session packs, batch norms folded: as the model has them unless `precision` says otherwise. Where some are
 * int8 all are, so that nothing of an int8 session is fused.
 */
export function packedWeights(ops: OpTable, model: Model, precision?: Precision): Model {
  const int8 = precision === undefined ? isQuantized(model) : precision === "int8";
  return int8 ? quantizeWeights(ops, foldBatchNorms(model)) : foldBatchNorms(dequantizeWeights(model));
}

/**
 * Matrices that are I8 already stay as they are.
 * @throws ModelError ERR_NON_FINITE where a matrix holds NaN or infinity, ERR_UNSUPPORTED_OP where `ops` lacks an operator
 */
export function quantizeWeights(ops: OpTable, model: Model): Model {
  const tensors = new Map(model.tensors);
  for (const node of model.nodes) {
    for (const { suffix, matrix } of tensorsOf(opOf(ops, node), node)) {
      const tensor = tensors.get(tensorKey(node.name, suffix)) as Tensor;
      if (matrix && tensor.scale === undefined) tensors.set(tensor.name, quantizeRows(tensor));
    }
  }
  return { ...model, tensors };
}

/** The model with f32 weights only. */
function dequantizeWeights(model: Model): Model {
  const tensors = new Map(model.tensors);
  for (const [key, { name, shape, scale }] of tensors) {
    if (scale) tensors.set(key, { name, dtype: "F32", shape, data: toF32(tensors.get(key) as Tensor) });
  }
  return { ...model, tensors };
}

/** scale = max|w| / 127 of the row, data = round(w / scale) in −127 … 127. */
function quantizeRows(tensor: Tensor): Tensor {
  const { name, shape } = tensor;
  const [rows, columns] = shape;
  const weights = toF32(tensor);
  const data = new Int8Array(weights.length);
  const scale = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    let max = 0;
    const end = (r + 1) * columns;
    for (let i = end - columns; i < end; i++) max = Math.max(max, Math.abs(weights[i]));
    if (!(max < Infinity)) {
      throw new ModelError("ERR_NON_FINITE", `${name}: expected finite numbers to quantise; row ${r} has others.`, {
        tensor: name,
      });
    }
    scale[r] = max / 127;
    if (scale[r] > 0) for (let i = end - columns; i < end; i++) data[i] = Math.round(weights[i] / scale[r]);
  }
  return { name, dtype: "I8", shape, data, scale };
}
