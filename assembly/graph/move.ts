/**
 * What moves elements and changes none: nested loops from places to places, fills, gathers, states.
 * An axis is three words: its count, then y's step and x's in signed bytes.
 */

import { STATUS_ID, STATUS_OK } from "../abi";
import { memberState, memberSteps } from "../members";
import { copyElements, copyVectors } from "../rows";

const AXIS_BYTES: usize = 12;

/** y ← x. */
export function move(y: usize, x: usize, rank: usize, axes: usize): void {
  const count: usize = load<u32>(axes);
  const yStep: usize = load<u32>(axes, 4);
  const xStep: usize = load<u32>(axes, 8);
  if (rank > 1) {
    for (let i: usize = 0; i < count; i++) {
      move(y, x, rank - 1, axes + AXIS_BYTES);
      y += yStep;
      x += xStep;
    }
  } else if (yStep == 4 && xStep == 4) copyElements(y, x, count);
  else moveLine(y, yStep, x, xStep, count);
}

function moveLine(y: usize, yStep: usize, x: usize, xStep: usize, count: usize): void {
  for (; count >= 4; count -= 4) {
    const a = load<u32>(x);
    x += xStep;
    const b = load<u32>(x);
    x += xStep;
    const c = load<u32>(x);
    x += xStep;
    const d = load<u32>(x);
    x += xStep;
    store<u32>(y, a);
    y += yStep;
    store<u32>(y, b);
    y += yStep;
    store<u32>(y, c);
    y += yStep;
    store<u32>(y, d);
    y += yStep;
  }
  for (; count > 0; count--) {
    store<u32>(y, load<u32>(x));
    x += xStep;
    y += yStep;
  }
}

/** n elements ← the same bits. */
export function fill(y: usize, n: usize, bits: u32): void {
  const value = i32x4.splat(bits);
  for (; n >= 4; n -= 4) {
    v128.store(y, value);
    y += 16;
  }
  for (; n > 0; n--) {
    store<u32>(y, bits);
    y += 4;
  }
}

/** y[o, i] ← x[o, ids[i]], `inner` elements each. */
export function gather(
  y: usize, x: usize, ids: usize, outer: usize, n: usize, count: usize, inner: usize,
): void {
  const bytes = inner << 2;
  for (let o: usize = 0; o < outer; o++) {
    const from = x + o * n * bytes;
    if (inner == 1) {
      gatherLine(y, from, ids, n, count);
      y += count << 2;
      continue;
    }
    for (let i: usize = 0; i < count; i++) {
      let id = load<i32>(ids + (i << 2));
      if (id < 0) id += <i32>n;
      copyElements(y, from + <usize>id * bytes, inner);
      y += bytes;
    }
  }
}

/** Single elements. */
function gatherLine(y: usize, x: usize, ids: usize, n: usize, count: usize): void {
  const end = ids + (count << 2);
  for (; ids < end; ids += 4) {
    const id = load<i32>(ids);
    store<u32>(y, load<u32>(x + (<usize>(id + (<i32>n & (id >> 31))) << 2)));
    y += 4;
  }
}

/** Is every id in low … high − 1? Where one is not, the members' states become what they were (keep). */
export function checkComputed(
  ids: usize, idStride: usize, count: usize, low: i32, high: i32, kept: usize, bytes: usize, members: usize, n: usize,
  rows: usize,
): i32 {
  for (; rows > 0; rows--) {
    for (let i: usize = 0; i < count; i++) {
      const id = load<i32>(ids + (i << 2));
      if (id >= low && id < high) continue;
      for (let j: usize = 0; kept != 0 && j < n; j++) copyVectors(memberState(members, j), kept + j * bytes, bytes);
      return STATUS_ID;
    }
    ids += idStride;
  }
  return STATUS_OK;
}

/** Every member's state as it is before the execution. */
export function keep(kept: usize, bytes: usize, members: usize, n: usize): void {
  for (let j: usize = 0; j < n; j++) copyVectors(kept + j * bytes, memberState(members, j), bytes);
}

/** Row j ← n elements of member j's state. */
export function readState(y: usize, yStride: usize, offset: usize, n: usize, members: usize, count: usize): void {
  for (let j: usize = 0; j < count; j++) copyElements(y + j * yStride, memberState(members, j) + offset, n);
}

/** The same back; a member that takes no step keeps its state. */
export function writeState(x: usize, xStride: usize, offset: usize, n: usize, members: usize, count: usize): void {
  for (let j: usize = 0; j < count; j++) {
    if (memberSteps(members, j) != 0) copyElements(memberState(members, j) + offset, x + j * xStride, n);
  }
}
