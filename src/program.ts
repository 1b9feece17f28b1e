/**
 * The words that operators and the plan share: places, records, blocks of weights, what an operator's `lower` may do, and a
 * program as the kernels read it. Plain data; assembly/abi.ts has each record's operands.
 */

import { LANES } from "../assembly/abi.ts";
import type { Node } from "./model.ts";

/**
 * Regions that depend on the number of rows, in the order in which they lie. io, scratch: rows of values. gx … q: rows that live
 * no longer than one layer, so that all layers share them. kept: the states before an execution that may fail.
 */
export const WORKING = ["io", "scratch", "gx", "hRows", "cRows", "nRows", "mRows", "q", "kept"] as const;

/**
 * weights: written once. temporary, matrix: only while loading; every matrix passes through the same bytes. state: relative to a
 * stream. ring: a stream's trace.
 */
export const REGIONS = ["weights", "temporary", "matrix", ...WORKING, "state", "ring"] as const;

export type Region = (typeof REGIONS)[number];

export interface Place {
  readonly region: Region;
  readonly offset: number;
}

export type Operand = number | Place;

export interface ProgramRecord {
  readonly op: number;
  readonly operands: readonly Operand[];
}

/** A record; rows are their place and their stride. */
export function record(op: number, ...operands: readonly (Operand | RowsAt)[]): ProgramRecord {
  return {
    op,
    operands: operands.flatMap((one) => (typeof one === "object" && "stride" in one ? [one.place, one.stride] : [one])),
  };
}

/** Row r at place + r · stride. */
export interface RowsAt {
  readonly place: Place;
  /** Bytes, a multiple of 16; 4 for ids. */
  readonly stride: number;
}

/** Rows of one value. */
export interface Rows extends RowsAt {
  /** Elements of a row that mean something. */
  readonly size: number;
}

/** Rows firstRow … of a matrix, or of the sum of some vectors (none: zeros), padded with zero rows to a multiple of LANES. */
export interface Block {
  readonly tensors: readonly string[];
  readonly firstRow: number;
  readonly rows: number;
}

/** Blocks r, z and n cut into the units of gemmUnits' panels, 16 and at the end 8 and 4: r, z, n, r, z, n, … */
export function byUnits(blocks: readonly Block[]): Block[] {
  const { rows } = blocks[0];
  const all: Block[] = [];
  for (let from = 0; from < rows; ) {
    const left = rows - from;
    const size = left > 12 ? 16 : left > 4 ? 8 : 4;
    for (const block of blocks) all.push({ ...block, firstRow: block.firstRow + from, rows: Math.min(size, left) });
    from += size;
  }
  return all;
}

/** ids → rows of a table. */
export interface Lookup {
  readonly ids: string;
  readonly table: string;
  readonly count: number;
  readonly size: number;
}

/** What an operator's `lower` may do. */
export interface Lowering {
  /** The rows of a value that exists. */
  value(name: string): Rows;
  /** Rows for a new value; an output's stand in io. */
  define(name: string, size: number): Rows;
  /** A second name for a value. */
  alias(name: string, of: string): void;
  /** A name that no value has. */
  fresh(): string;
  /** Rows of a region that all layers share. */
  shared(region: Region, stride: number): Place;
  state(name: string, row: number): Place;
  /** A matrix packed in panels for gemm, where it is I8 for int8.ts; `units`: r, z and n for gemmUnits. */
  panels(blocks: readonly Block[], columns: number, units?: boolean): Place;
  vector(blocks: readonly Block[]): Place;
  /** Rows for quantised vectors of up to k elements where the tensor is I8; 0 where it is not. */
  quantized(tensor: string, k: number): Operand;
  /** Scale and shift of a batch norm. */
  normalisation(node: Node): [scale: Place, shift: Place];
  /** A value that is not looked up before somebody needs its rows. */
  lookup(name: string, lookup: Lookup): void;
  /** y ← W·x + b; where x is an embedding, a row of W·table + b if that is smaller. `times`: how many products share x. */
  product(y: RowsAt, x: string, weights: readonly Block[], bias: readonly Block[], times: number): void;
  /**
   * What a cell's record says of its input: x and its elements, W (`units`: for gemmUnits), its bias. Where x is an
   * embedding or W is bytes, the product into gx comes before, and all of this is 0.
   */
  input(
    gx: RowsAt,
    x: string,
    weights: readonly Block[],
    bias: readonly Block[],
    times: number,
    units: boolean,
  ): readonly (Operand | RowsAt)[];
  emit(op: number, ...operands: readonly (Operand | RowsAt)[]): void;
}

export const align = (bytes: number, to: number) => Math.ceil(bytes / to) * to;

/** Bytes of a row of `size` elements. */
export const paddedBytes = (size: number) => align(size * 4, LANES * 4);

/** Bytes of a quantised vector of k elements (assembly/int8.ts, Layout). */
export const quantizedBytes = (k: number) => 32 + align(k, 4) * 2;

/** Bytes of a matrix (n, k) of I8 in panels of 16 rows with what belongs to them (assembly/int8.ts, Layout). */
export const int8Bytes = (n: number, k: number) => Math.ceil(n / 16) * (192 + align(k, 4) * 16);

/** A program as u32 words: rows, records, OP_END. `address` knows where the regions lie; states stay relative. */
export function encodeProgram(
  program: readonly ProgramRecord[],
  rows: number,
  address: (region: Region) => number,
): Uint32Array {
  const words = [rows];
  for (const { op, operands } of program) {
    words.push(op, operands.length + 2);
    for (const operand of operands) {
      if (typeof operand === "number") words.push(operand);
      else words.push(operand.region === "state" ? operand.offset | 1 : address(operand.region) + operand.offset);
    }
  }
  return Uint32Array.from([...words, 0, 0]);
}
