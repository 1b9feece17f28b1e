/**
 * Tensors → the weights region: matrices into the panels that gemm reads, biases summed, tables padded, batch norms as
 * scale and shift. Runs once for a session; what it does not write is zero already.
 */

import { PANEL } from "../assembly/abi.ts";
import { type Node, tensorKey } from "./model.ts";
import { type Block, type Pack, type Place, paddedBytes } from "./plan.ts";
import { type Tensor, toF32 } from "./tensor.ts";

type Data = (name: string) => Float32Array;

/** @param address - of a place, in `memory`: all of linear memory as f32 */
export function packWeights(
  packs: readonly Pack[],
  tensors: ReadonlyMap<string, Tensor>,
  memory: Float32Array,
  address: (place: Place) => number,
): void {
  const data = dataOf(tensors);
  for (const pack of packs) {
    const at = address(pack.at) / 4;
    if (pack.kind === "panels") packPanels(memory, at, pack.blocks, pack.columns, data);
    else if (pack.kind === "vector") packVector(memory, at, pack.blocks, data);
    else if (pack.kind === "table") {
      const { table, count, size } = pack.lookup;
      for (let r = 0; r < count; r++) {
        memory.set(data(table).subarray(r * size, (r + 1) * size), at + (r * paddedBytes(size)) / 4);
      }
    } else {
      const [scale, shift] = normalisation(pack.node, data);
      memory.set(scale, at);
      memory.set(shift, address(pack.shift) / 4);
    }
  }
}

/** Tensors by name as f32, each widened once. */
export function dataOf(tensors: ReadonlyMap<string, Tensor>): Data {
  const known = new Map<string, Float32Array>();
  return (name) => {
    const numbers = known.get(name) ?? toF32(tensors.get(name) as Tensor);
    known.set(name, numbers);
    return numbers;
  };
}

/**
 * W (n, columns), n the padded rows of all blocks, in panels of 32 rows and then one each of 16, 8 and 4. Inside a panel of
 * P rows column by column: W[i, j] at panel + P·j + i mod P.
 */
function packPanels(memory: Float32Array, start: number, blocks: readonly Block[], columns: number, data: Data): void {
  const rows = blocks.reduce((sum, block) => sum + paddedBytes(block.rows) / 4, 0);
  let first = 0;
  for (const block of blocks) {
    const matrix = data(block.tensors[0]);
    for (let r = 0; r < block.rows; r++) {
      const row = first + r;
      // The panel that holds the row: full ones, then what is left in halves.
      let from = row - (row % PANEL);
      let size = PANEL;
      while (from + size > rows || row >= from + size) {
        if (from + size <= rows) from += size;
        size /= 2;
      }
      let at = start + from * columns + row - from;
      const source = (block.firstRow + r) * columns;
      for (let j = 0; j < columns; j++, at += size) memory[at] = matrix[source + j];
    }
    first += paddedBytes(block.rows) / 4;
  }
}

/** Sums in f32: one rounding for b_ih + b_hh. */
function packVector(memory: Float32Array, start: number, blocks: readonly Block[], data: Data): void {
  let at = start;
  for (const { tensors, firstRow, rows } of blocks) {
    for (const vector of tensors.map(data)) for (let i = 0; i < rows; i++) memory[at + i] += vector[firstRow + i];
    at += paddedBytes(rows) / 4;
  }
}

/** Scale weight / √(running_var + eps) and shift bias − running_mean · scale, in f64 before they are rounded. */
export function normalisation({ name, attrs }: Node, data: Data): [scale: Float32Array, shift: Float32Array] {
  const [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map((suffix, i) =>
    i > 1 || attrs.affine ? data(tensorKey(name, suffix)) : undefined,
  ) as Float32Array[];
  const scales = Array.from(variance, (v, i) => (weight?.[i] ?? 1) / Math.sqrt(v + (attrs.eps as number)));
  return [Float32Array.from(scales), Float32Array.from(scales, (scale, i) => (bias?.[i] ?? 0) - mean[i] * scale)];
}
