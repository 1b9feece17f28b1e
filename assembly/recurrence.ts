/**
 * Carries a recurrent layer over the steps of one execution: finds each member's state, walks time forward or back,
 * calls the cell, writes its output rows. The input products of all rows stand in gx before it begins.
 *
 * Members that take the same number of steps advance together, so that the cell's products are matrix-matrix; members of
 * different lengths go one after another. The bits are the same (gemm.ts, Order).
 */

import {
  C_C, C_C_ROWS, C_GX, C_GX_STRIDE, C_H, C_H_ROWS, C_HIDDEN, C_REVERSE, C_WIDTH, C_Y, C_Y_COLUMN, C_Y_STRIDE, LANES,
  MEMBER_BYTES, OP_GRU, OP_LSTM,
} from "./abi";
import { gruStep } from "./gru";
import { lstmStep } from "./lstm";
import { rnnStep } from "./rnn";
import { copyElements, copyVectors, word } from "./rows";

/**
 * @param members - n entries of MEMBER_BYTES: address of the state, steps
 * @param n - members of this execution; row s · n + j is step s of member j
 */
export function recurrence(op: usize, record: usize, members: usize, n: usize): void {
  const together: usize = n == 1 || sameSteps(members, n) ? n : 1;
  for (let j: usize = 0; j < n; j += together) {
    advance(op, record, members + j * MEMBER_BYTES, j, together, n);
  }
}

/** Members j … j + count − 1, which take the same number of steps. */
function advance(op: usize, record: usize, members: usize, j: usize, count: usize, n: usize): void {
  const steps = memberSteps(members, 0);
  const width = word(record, C_WIDTH);
  const hBytes = paddedBytes(width);
  const cBytes = op == OP_LSTM ? paddedBytes(word(record, C_HIDDEN)) : 0;
  const hOffset = word(record, C_H) & ~15;
  const cOffset = word(record, C_C) & ~15;
  let h = memberState(members, 0) + hOffset;
  let c = memberState(members, 0) + cOffset;
  if (count > 1) {
    h = word(record, C_H_ROWS);
    c = word(record, C_C_ROWS);
    for (let i: usize = 0; i < count; i++) {
      const state = memberState(members, i);
      copyVectors(h + i * hBytes, state + hOffset, hBytes);
      copyVectors(c + i * cBytes, state + cOffset, cBytes);
    }
  }

  const gxStride = word(record, C_GX_STRIDE);
  const yStride = word(record, C_Y_STRIDE);
  const reverse = word(record, C_REVERSE) != 0;
  for (let s: usize = 0; s < steps; s++) {
    const row = (reverse ? steps - 1 - s : s) * n + j;
    const gx = word(record, C_GX) + row * gxStride;
    if (op == OP_GRU) gruStep(record, gx, gxStride, h, hBytes, count);
    else if (op == OP_LSTM) lstmStep(record, gx, gxStride, h, hBytes, c, count);
    else rnnStep(record, gx, gxStride, h, hBytes, count);
    let y = word(record, C_Y) + row * yStride + word(record, C_Y_COLUMN);
    for (let i: usize = 0; i < count; i++) {
      copyElements(y, h + i * hBytes, width);
      y += yStride;
    }
  }

  if (count > 1) {
    for (let i: usize = 0; i < count; i++) {
      const state = memberState(members, i);
      copyVectors(state + hOffset, h + i * hBytes, hBytes);
      copyVectors(state + cOffset, c + i * cBytes, cBytes);
    }
  }
}

function sameSteps(members: usize, n: usize): bool {
  const steps = memberSteps(members, 0);
  for (let i: usize = 1; i < n; i++) {
    if (memberSteps(members, i) != steps) return false;
  }
  return true;
}

// @ts-ignore: decorator
@inline
function memberState(members: usize, i: usize): usize {
  return load<u32>(members + i * MEMBER_BYTES);
}

// @ts-ignore: decorator
@inline
function memberSteps(members: usize, i: usize): usize {
  return load<u32>(members + i * MEMBER_BYTES, 4);
}

function paddedBytes(size: usize): usize {
  return ((size + LANES - 1) & ~(LANES - 1)) << 2;
}
