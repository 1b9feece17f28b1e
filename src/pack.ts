/**
 * Tensors → the weights region: matrices into the panels that gemm reads, biases summed, tables padded, batch norms as
 * scale and shift. Runs once for a session.
 */

import { LANES, PANEL } from "../assembly/abi.ts";
import { tensorKey } from "./model.ts";
import type { Block, Pack, Place, VectorBlock } from "./plan.ts";
import { type Tensor, toF32 } from "./tensor.ts";

/** @param at - address of a place; weights are written into `memory`, f32 of the whole linear memory */
export function packWeights(
  packs: readonly Pack[],
  tensors: ReadonlyMap<string, Tensor>,
  memory: Float32Array,
  at: (place: Place) => number,
): void {
  const numbers = new Map<string, Float32Array>();
  const data = (name: string): Float32Array => {
    const known = numbers.get(name) ?? toF32(tensors.get(name) as Tensor);
    numbers.set(name, known);
    return known;
  };
  for (const pack of packs) {
    if (pack.kind === "panels") packPanels(memory, at(pack.at) / 4, pack.blocks, pack.columns, data);
    else if (pack.kind === "vector") packVector(memory, at(pack.at) / 4, pack.blocks, data);
    else if (pack.kind === "rows") packRows(memory, at(pack.at) / 4, data(pack.tensor), pack.rows, pack.size);
    else {
      const { scale, shift } = normalisation(pack.node.name, pack.node.attrs, data);
      memory.set(scale, at(pack.scale) / 4);
      memory.set(shift, at(pack.shift) / 4);
    }
  }
}

type Data = (name: string) => Float32Array;

/**
 * W (n, columns), n the padded rows of all blocks, in panels of 32 rows and then one each of 16, 8 and 4. Inside a panel of
 * P rows column by column: W[i, j] at panel + P·j + i mod P.
 */
function packPanels(into: Float32Array, start: number, blocks: readonly Block[], columns: number, data: Data): void {
  const sources = blocks.flatMap(({ tensor, firstRow, rows }) => {
    const matrix = data(tensor);
    const padding = (LANES - (rows % LANES)) % LANES;
    return [
      ...Array.from({ length: rows }, (_, i) => ({ matrix, from: (firstRow + i) * columns })),
      ...new Array<undefined>(padding).fill(undefined),
    ];
  });
  let panel = start;
  for (let row = 0; row < sources.length; ) {
    const size = panelRows(sources.length - row);
    for (let i = 0; i < size; i++) {
      const source = sources[row + i];
      for (let j = 0, k = panel + i; j < columns; j++, k += size) {
        into[k] = source === undefined ? 0 : source.matrix[source.from + j];
      }
    }
    panel += size * columns;
    row += size;
  }
}

/** The next panel's rows when `left` rows are left. */
export function panelRows(left: number): number {
  return left >= PANEL ? PANEL : left >= 16 ? 16 : left >= 8 ? 8 : 4;
}

/** Sums in f32, one rounding for b_ih + b_hh. */
function packVector(into: Float32Array, start: number, blocks: readonly VectorBlock[], data: Data): void {
  let at = start;
  for (const { tensors, firstRow, rows } of blocks) {
    const size = Math.ceil(rows / LANES) * LANES;
    into.fill(0, at, at + size);
    for (const name of tensors) {
      const vector = data(name);
      for (let i = 0; i < rows; i++) into[at + i] += vector[firstRow + i];
    }
    at += size;
  }
}

function packRows(into: Float32Array, start: number, table: Float32Array, rows: number, size: number): void {
  const stride = Math.ceil(size / LANES) * LANES;
  for (let r = 0; r < rows; r++) {
    into.set(table.subarray(r * size, (r + 1) * size), start + r * stride);
    into.fill(0, start + r * stride + size, start + (r + 1) * stride);
  }
}

/** weight / √(running_var + eps) and bias − running_mean · scale, in f64 before they are rounded. */
export function normalisation(
  name: string,
  { size, eps, affine }: Readonly<Record<string, unknown>>,
  data: Data,
): { scale: Float32Array; shift: Float32Array } {
  const part = (suffix: string) => data(tensorKey(name, suffix));
  const mean = part("running_mean");
  const variance = part("running_var");
  const scale = new Float32Array(size as number);
  const shift = new Float32Array(size as number);
  for (let i = 0; i < scale.length; i++) {
    const s = (affine ? part("weight")[i] : 1) / Math.sqrt(variance[i] + (eps as number));
    scale[i] = s;
    shift[i] = (affine ? part("bias")[i] : 0) - mean[i] * s;
  }
  return { scale, shift };
}
