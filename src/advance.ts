/**
 * Runs members over rows of callers' arrays through an engine, in pieces that fit its rows: members in tiles, time in
 * chunks. A stream's run, a group's step and run, and a session's run are all this, so they all give the same bits.
 */

import type { Engine, IoRegion, States } from "./engine.ts";
import { SessionError } from "./errors.ts";
import { copyIn, copyOut, type Numbers, type Port } from "./io.ts";

/** One input or output of all members: element of (step t, member j) is t · step + j · member of `data` (or of the j-th). */
export interface Rows<A> {
  readonly port: Port;
  readonly data: A | readonly A[];
  readonly step: number;
  readonly member: number;
}

/** What to run. Without `members` the j-th is member j of `states`; without `lengths` each takes `steps` steps. */
export interface Course {
  readonly count: number;
  readonly steps: number;
  readonly members: Int32Array | null;
  readonly lengths: Int32Array | null;
  readonly inputs: readonly Rows<Numbers>[];
  readonly outputs: readonly Rows<Float32Array>[];
  /** The model needs its whole sequence: time is never cut, rows are made to fit instead. */
  readonly whole: boolean;
}

/** Rows that a sequence model's tile of members may take before fewer members go together. */
const WHOLE_ROWS = 1024;

export function advance(engine: Engine, states: States, course: Course): void {
  const { count, steps, whole } = course;
  if (steps === 0 || count === 0) return;
  const tile = Math.min(count, whole ? Math.max(1, Math.floor(WHOLE_ROWS / steps)) : engine.rows);
  if (whole) engine.reserve(steps * tile);
  const lengths = course.lengths && new Int32Array(count);
  for (let first = 0; first < count; first += tile) {
    const n = Math.min(tile, count - first);
    const chunk = whole ? steps : Math.min(steps, Math.floor(engine.rows / n));
    for (let t = 0; t < steps; t += chunk) {
      const some = Math.min(chunk, steps - t);
      if (lengths !== null && course.lengths !== null) {
        for (let j = first; j < first + n; j++) lengths[j] = Math.min(Math.max(course.lengths[j] - t, 0), some);
      }
      piece(engine, states, course, lengths, first, n, t, some);
    }
  }
}

/** Steps t … t + some − 1 of members first … first + n − 1. */
function piece(
  engine: Engine,
  states: States,
  course: Course,
  lengths: Int32Array | null,
  first: number,
  n: number,
  t: number,
  some: number,
): void {
  const { inputs, outputs } = engine;
  for (let i = 0; i < inputs.length; i++) transferIn(inputs[i], course.inputs[i], lengths, first, n, t, some);
  const solo = states.count === 1 && lengths === null;
  const status = solo
    ? engine.execute(states, some)
    : engine.executeGroup(states, course.members, first, n, some, lengths);
  if (status !== 0) throw new SessionError("ERR_EXECUTE", `execute: expected status 0; got ${status}.`);
  for (let i = 0; i < outputs.length; i++) transferOut(outputs[i], course.outputs[i], lengths, first, n, t, some);
}

function transferIn(
  region: IoRegion,
  { port, data, step, member }: Rows<Numbers>,
  lengths: Int32Array | null,
  first: number,
  n: number,
  t: number,
  some: number,
): void {
  for (let j = 0; j < n; j++) {
    const x = Array.isArray(data) ? data[first + j] : data;
    const from = Array.isArray(data) ? 0 : (first + j) * member;
    const valid = lengths === null ? some : lengths[first + j];
    for (let s = 0; s < valid; s++) copyIn(region, s * n + j, port.size, x, from + (t + s) * step);
    // Ids of rows past a member's length are looked up all the same.
    if (port.ids !== undefined) for (let s = valid; s < some; s++) region.data[s * n + j] = 0;
  }
}

/** Rows past a member's length stay as they are: zero in a new array. */
function transferOut(
  region: IoRegion,
  { port, data, step, member }: Rows<Float32Array>,
  lengths: Int32Array | null,
  first: number,
  n: number,
  t: number,
  some: number,
): void {
  for (let j = 0; j < n; j++) {
    const y = Array.isArray(data) ? data[first + j] : data;
    const to = Array.isArray(data) ? 0 : (first + j) * member;
    const valid = lengths === null ? some : lengths[first + j];
    for (let s = 0; s < valid; s++) copyOut(region, s * n + j, port.size, y, to + (t + s) * step);
  }
}
