/**
 * What moves and combines rows without weights: lookups, sums, copies, checks of ids, traces.
 * Rows are padded with zeros to LANES elements; these kernels keep the padding zero or leave it alone.
 */

import { LANES, STATUS_ID, STATUS_OK } from "./abi";

/** Word i of a record (abi.ts): 0 is its opcode, 1 how many words it has; the operands follow. */
// @ts-ignore: decorator
@inline
export function word(record: usize, i: usize): usize {
  return load<u32>(record + (i << 2));
}

/** Where word i stands: for operands of several words, and for f32. */
// @ts-ignore: decorator
@inline
export function wordAt(record: usize, i: usize): usize {
  return record + (i << 2);
}

/** Elements of a row of n, padded to whole vectors. */
// @ts-ignore: decorator
@inline
export function paddedCount(n: usize): usize {
  return (n + LANES - 1) & ~(LANES - 1);
}

/** Bytes of a row of n elements, padded. */
export function paddedBytes(n: usize): usize {
  return paddedCount(n) << 2;
}

/** y ← x, whole vectors. */
export function copyVectors(y: usize, x: usize, bytes: usize): void {
  const end = y + bytes;
  for (; y < end; y += 16) {
    v128.store(y, v128.load(x));
    x += 16;
  }
}

/** y ← x, exactly n elements; y need not be aligned. */
export function copyElements(y: usize, x: usize, n: usize): void {
  for (; n >= 4; n -= 4) {
    v128.store(y, v128.load(x));
    y += 16;
    x += 16;
  }
  for (; n > 0; n--) {
    store<f32>(y, load<f32>(x));
    y += 4;
    x += 4;
  }
}

/** Is every id of every row in 0 … count − 1? */
export function checkIds(ids: usize, idStride: usize, count: usize, rows: usize): i32 {
  for (; rows > 0; rows--) {
    if (<usize>load<u32>(ids) >= count) return STATUS_ID;
    ids += idStride;
  }
  return STATUS_OK;
}

/** y ← table[id] for every row: an embedding, or its product with the next layer's input weights. */
export function lookup(y: usize, yStride: usize, table: usize, tableStride: usize, ids: usize, idStride: usize, rows: usize): void {
  for (; rows > 0; rows--) {
    copyVectors(y, table + <usize>load<u32>(ids) * tableStride, tableStride);
    y += yStride;
    ids += idStride;
  }
}

/** y ← a + b. */
export function add(y: usize, yStride: usize, a: usize, aStride: usize, b: usize, bStride: usize, n: usize, rows: usize): void {
  const bytes = paddedCount(n) << 2;
  for (; rows > 0; rows--) {
    for (let i: usize = 0; i < bytes; i += 16) v128.store(y + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
    y += yStride;
    a += aStride;
    b += bStride;
  }
}

/** y ← scale ∘ x + shift: batch norm that no product took in. */
export function scaleShift(
  y: usize, yStride: usize, x: usize, xStride: usize, n: usize, scale: usize, shift: usize, rows: usize,
): void {
  const bytes = paddedCount(n) << 2;
  for (; rows > 0; rows--) {
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(y + i, f32x4.add(f32x4.mul(v128.load(scale + i), v128.load(x + i)), v128.load(shift + i)));
    }
    y += yStride;
    x += xStride;
  }
}

/** Column by column copies: concat. */
export function copyRows(y: usize, yStride: usize, x: usize, xStride: usize, n: usize, rows: usize): void {
  for (; rows > 0; rows--) {
    copyElements(y, x, n);
    y += yStride;
    x += xStride;
  }
}

/**
 * Writes each step's row into a ring of `capacity` steps. The steps seen so far stand at `counter`; the last trace record
 * of a program advances it.
 */
export function trace(
  ring: usize, ringStride: usize, capacity: usize, counter: usize, advance: bool, x: usize, xStride: usize, n: usize, rows: usize,
): void {
  const seen: usize = load<u32>(counter);
  for (let s: usize = 0; s < rows; s++) {
    copyElements(ring + ((seen + s) % capacity) * ringStride, x, n);
    x += xStride;
  }
  if (advance) store<u32>(counter, <u32>(seen + rows));
}
