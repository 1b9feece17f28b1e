/**
 * Tensors → the weights region: rows copied and biases summed, tables padded, batch norms as scale and shift; the kernels
 * then pack matrices into panels and fold embeddings into products. Runs once for a session, in memory that is zero.
 */

import type { Load } from "./frame.ts";
import { type Node, tensorKey } from "./model.ts";
import { type Block, type Place, type ProgramRecord, paddedBytes } from "./program.ts";
import { type Tensor, toF32 } from "./tensor.ts";

type Data = (name: string) => Float32Array;

/**
 * @param memory - all of linear memory as f32
 * @param address - of a place in it, bytes
 * @param run - executes one record over rows
 */
export function loadWeights(
  load: readonly Load[],
  tensors: ReadonlyMap<string, Tensor>,
  memory: Float32Array,
  address: (place: Place) => number,
  run: (record: ProgramRecord, rows: number) => void,
): void {
  const data = dataOf(tensors);
  for (const step of load) {
    if (step.kind === "program") {
      run(step.record, step.rows);
      continue;
    }
    const at = address(step.at) / 4;
    if (step.kind === "rows") setBlocks(memory, at, step.blocks, step.columns, data);
    else if (step.kind === "int8") {
      const { blocks, columns, scales } = step;
      const tensor = (name: string) => tensors.get(name) as Required<Tensor>;
      setBlocks(new Int8Array(memory.buffer), at * 4, blocks, columns, (name) => tensor(name).data as Int8Array);
      setBlocks(memory, address(scales) / 4, blocks, 1, (name) => tensor(name).scale);
    } else if (step.kind === "table") setRows(memory, at, data(step.lookup.table), step.lookup.size);
    else if (step.kind === "integers") new Int32Array(memory.buffer).set(step.values, at);
    else {
      const [scale, shift] = normalisation(step.node, data);
      memory.set(scale, at);
      memory.set(shift, address(step.shift) / 4);
    }
  }
}

type Elements = Float32Array | Int8Array;

/** Blocks of rows, one behind the other, each padded with zero rows. */
function setBlocks(
  memory: Elements,
  at: number,
  blocks: readonly Block[],
  columns: number,
  data: (name: string) => Elements,
): void {
  for (const { tensors, firstRow, rows } of blocks) {
    const end = at + (paddedBytes(rows) / 4) * columns;
    // What the matrix before it left.
    memory.fill(0, at + rows * columns, end);
    tensors.forEach((name, t) => {
      const source = data(name).subarray(firstRow * columns, (firstRow + rows) * columns);
      // The second bias: one rounding for b_ih + b_hh.
      if (t > 0) for (let i = 0; i < source.length; i++) memory[at + i] += source[i];
      else memory.set(source, at);
    });
    at = end;
  }
}

/** Rows of `size` elements, each padded. */
export function setRows(memory: Float32Array, at: number, data: Float32Array, size: number): void {
  for (let r = 0; r * size < data.length; r++) {
    memory.set(data.subarray(r * size, (r + 1) * size), at + (r * paddedBytes(size)) / 4);
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

/** Scale weight / √(running_var + eps) and shift bias − running_mean · scale, in f64 before they are rounded. */
export function normalisation({ name, attrs }: Node, data: Data): [scale: Float32Array, shift: Float32Array] {
  const [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map((suffix, i) =>
    i > 1 || attrs.affine ? data(tensorKey(name, suffix)) : undefined,
  ) as Float32Array[];
  const scales = Array.from(variance, (v, i) => (weight?.[i] ?? 1) / Math.sqrt(v + (attrs.eps as number)));
  return [Float32Array.from(scales), Float32Array.from(scales, (scale, i) => (bias?.[i] ?? 0) - mean[i] * scale)];
}
