/**
 * A recurrent layer over an axis of its own input: in row r of the execution, `count` members take `steps` steps together
 * from the given states. The cell's record is the core's; its rows are the steps, its members stand in a table of their own.
 */

import {
  C_HIDDEN, C_WIDTH, C_X, C_Y, OP_LSTM, S_C0, S_C0_STRIDE, S_CELL, S_CN, S_CN_STRIDE, S_COUNT, S_H0, S_H0_STRIDE,
  S_HN, S_HN_STRIDE, S_MEMBERS, S_STATES, S_STEPS,
} from "../abi";
import { setMember } from "../members";
import { recurrence } from "../recurrence";
import { copyElements, paddedBytes, word, wordAt } from "../rows";
import { fill } from "./move";

export function scan(record: usize, r: usize, y: usize, x: usize): void {
  const cell = wordAt(record, S_CELL);
  const op = word(cell, 0);
  const steps = word(record, S_STEPS);
  const count = word(record, S_COUNT);
  const members = word(record, S_MEMBERS);
  const states = word(record, S_STATES);
  const hSize = word(cell, C_WIDTH);
  const cSize = op == OP_LSTM ? word(cell, C_HIDDEN) : 0;
  const hBytes = paddedBytes(hSize);
  const stateBytes = hBytes + paddedBytes(cSize);
  for (let j: usize = 0; j < count; j++) {
    setMember(members, j, states + j * stateBytes, steps);
  }
  fill(states, (count * stateBytes) >> 2, 0);
  const h0 = word(record, S_H0);
  const c0 = word(record, S_C0);
  if (h0 != 0) copyStates(states, stateBytes, h0 + r * word(record, S_H0_STRIDE), hSize << 2, hSize, count);
  if (c0 != 0) copyStates(states + hBytes, stateBytes, c0 + r * word(record, S_C0_STRIDE), cSize << 2, cSize, count);
  store<u32>(wordAt(cell, C_X), <u32>x);
  store<u32>(wordAt(cell, C_Y), <u32>y);
  recurrence(op, cell, members, count, steps * count);
  const hn = word(record, S_HN);
  const cn = word(record, S_CN);
  if (hn != 0) copyStates(hn + r * word(record, S_HN_STRIDE), hSize << 2, states, stateBytes, hSize, count);
  if (cn != 0) copyStates(cn + r * word(record, S_CN_STRIDE), cSize << 2, states + hBytes, stateBytes, cSize, count);
}

/** n elements of each of `count` rows. */
function copyStates(y: usize, yStep: usize, x: usize, xStep: usize, n: usize, count: usize): void {
  for (; count > 0; count--) {
    copyElements(y, x, n);
    y += yStep;
    x += xStep;
  }
}
