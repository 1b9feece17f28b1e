/**
 * Carries a recurrent layer over the steps of one execution: computes the input products, finds each member's state, walks time
 * forwards or backwards, calls the cell, writes its output rows.
 *
 * Members that take the same number of steps advance together, so that the cell's products are matrix-matrix; members of
 * different lengths go one after another. W · x is either one product over all rows before the first step, or computed with
 * U · h in one pass over each row. The bits are the same (gemm.ts, Order).
 */

import {
  C_BIAS, C_C, C_C_ROWS, C_GX, C_GX_STRIDE, C_H, C_H_ROWS, C_HIDDEN, C_K, C_PLAIN, C_Q, C_REVERSE, C_W, C_WIDTH, C_X, C_X_STRIDE,
  C_Y, C_Y_COLUMN, C_Y_STRIDE, MEMBER_BYTES, OP_GRU, OP_LSTM,
} from "./abi";
import { gemm, gemmUnits } from "./gemm";
import { gruAlone, gruStep, gruTogether } from "./gru";
import { lstmStep } from "./lstm";
import { memberState, memberSteps } from "./members";
import { rnnStep } from "./rnn";
import { copyElements, copyVectors, paddedBytes, word } from "./rows";
import { tileVectors } from "./gemm-tiles";

// One pass pays where few rows share the weights: up to so many elements of one gate's W in a run (they stay in the first-level
// cache, and gx is neither written nor read), in a single step of a small group (in the second-level cache), and in one of a GRU
// alone, which from TURN on goes to and fro over its weights.
const FEW_IN_RUN: usize = 32 * 32;
const FEW_IN_STEP: usize = 128 * 128;
const FEW_ALONE: usize = 272 * 272;
const TURN: usize = 160 * 160;

/**
 * @param members - n entries of MEMBER_BYTES: address of the state, steps
 * @param n - members of this execution; row s · n + j is step s of member j
 * @param rows - n times the most steps
 */
export function recurrence(op: usize, record: usize, members: usize, n: usize, rows: usize): void {
  const w = word(record, C_W);
  const k = word(record, C_K);
  const hidden = word(record, C_HIDDEN);
  const f32 = word(record, C_Q) == 0;
  const units = op == OP_GRU && f32 && word(record, C_PLAIN) != 0;
  const alone = units && rows == 1;
  const few = k * hidden <= (alone ? FEW_ALONE : rows == n ? FEW_IN_STEP : FEW_IN_RUN);
  const both = w != 0 && (op == OP_GRU ? units : f32) && few && n < tileVectors();
  if (both && units && n == 1) {
    gruRun(record, memberState(members, 0), memberSteps(members, 0));
    return;
  }
  if (w != 0 && !both) {
    const gx = word(record, C_GX);
    const gxStride = word(record, C_GX_STRIDE);
    const bias = word(record, C_BIAS);
    const x = word(record, C_X);
    const xStride = word(record, C_X_STRIDE);
    const bytes = paddedBytes(hidden);
    const padded = bytes >> 2;
    const rz = bytes << 1;
    if (units) gemmUnits(gx, gxStride, gx + rz, gxStride, bias, 0, bias + rz, w, x, xStride, padded, k, rows);
    else gemm(gx, gxStride, bias, 0, w, x, xStride, op == OP_LSTM ? padded << 2 : op == OP_GRU ? padded * 3 : padded, k, rows);
  }
  const together: usize = n == 1 || sameSteps(members, n) ? n : 1;
  for (let j: usize = 0; j < n; j += together) {
    advance(op, record, members + j * MEMBER_BYTES, j, together, n, both);
  }
}

/** The only member of a plain GRU. */
function gruRun(record: usize, state: usize, steps: usize): void {
  const h = state + (word(record, C_H) & ~15);
  const reverse = word(record, C_REVERSE);
  const turn = word(record, C_K) * word(record, C_HIDDEN) > TURN;
  for (let s: usize = 0; s < steps; s++) {
    const row = reverse ? steps - 1 - s : s;
    gruAlone(record, word(record, C_X) + row * word(record, C_X_STRIDE), h, turn);
    const yRow = reverse == 2 ? s : row;
    copyElements(word(record, C_Y) + yRow * word(record, C_Y_STRIDE) + word(record, C_Y_COLUMN), h, word(record, C_WIDTH));
  }
}

/** Members j … j + count − 1, which take the same number of steps. States that lie evenly stay where they are. `both`: W·x is not made yet. */
function advance(op: usize, record: usize, members: usize, j: usize, count: usize, n: usize, both: bool): void {
  const steps = memberSteps(members, 0);
  const width = word(record, C_WIDTH);
  const hBytes = paddedBytes(width);
  const cBytes = op == OP_LSTM ? paddedBytes(word(record, C_HIDDEN)) : 0;
  const hOffset = word(record, C_H) & ~15;
  const cOffset = word(record, C_C) & ~15;
  const apart = stateStride(members, count);
  const gathered = count > 1 && apart == 0;
  let h = memberState(members, 0) + hOffset;
  let c = memberState(members, 0) + cOffset;
  let hStride = apart;
  let cStride = apart;
  if (gathered) {
    h = word(record, C_H_ROWS);
    c = word(record, C_C_ROWS);
    hStride = hBytes;
    cStride = cBytes;
    for (let i: usize = 0; i < count; i++) {
      const state = memberState(members, i);
      copyVectors(h + i * hBytes, state + hOffset, hBytes);
      copyVectors(c + i * cBytes, state + cOffset, cBytes);
    }
  }

  const gxStride = word(record, C_GX_STRIDE);
  const yStride = word(record, C_Y_STRIDE);
  const reverse = word(record, C_REVERSE);
  for (let s: usize = 0; s < steps; s++) {
    const row = (reverse ? steps - 1 - s : s) * n + j;
    const gx = word(record, C_GX) + row * gxStride;
    const x = both ? word(record, C_X) + row * word(record, C_X_STRIDE) : 0;
    if (op == OP_GRU && both) gruTogether(record, x, gx, gxStride, h, hStride, count);
    else if (op == OP_GRU) gruStep(record, gx, gxStride, h, hStride, count);
    else if (op == OP_LSTM) lstmStep(record, x, gx, gxStride, h, hStride, c, cStride, count);
    else rnnStep(record, x, gx, gxStride, h, hStride, count);
    let y = word(record, C_Y) + (reverse == 2 ? s * n + j : row) * yStride + word(record, C_Y_COLUMN);
    for (let i: usize = 0; i < count; i++) {
      copyElements(y, h + i * hStride, width);
      y += yStride;
    }
  }

  if (gathered) {
    for (let i: usize = 0; i < count; i++) {
      const state = memberState(members, i);
      copyVectors(state + hOffset, h + i * hBytes, hBytes);
      copyVectors(state + cOffset, c + i * cBytes, cBytes);
    }
  }
}

/** Bytes from each member's state to the next one's; 0 where they do not ascend evenly, or there is one. */
function stateStride(members: usize, count: usize): usize {
  if (count == 1) return 0;
  const stride = memberState(members, 1) - memberState(members, 0);
  for (let i: usize = 2; i < count; i++) {
    if (memberState(members, i) - memberState(members, i - 1) != stride) return 0;
  }
  return memberState(members, 1) > memberState(members, 0) ? stride : 0;
}

function sameSteps(members: usize, n: usize): bool {
  const steps = memberSteps(members, 0);
  for (let i: usize = 1; i < n; i++) {
    if (memberSteps(members, i) != steps) return false;
  }
  return true;
}
