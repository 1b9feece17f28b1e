/** Statuses: too many rows and ids outside their table are refused before anything is written. */

import { describe, expect, it } from "vitest";
import {
  MEMBER_BYTES,
  OP_CHECK_IDS,
  OP_COPY,
  OP_LOOKUP,
  SOLO,
  STATUS_ID,
  STATUS_NOT_BAKED,
  STATUS_OK,
  STATUS_STEPS,
} from "../../assembly/abi.ts";
import { BUILDS, Machine, type Range } from "./machine.ts";

const SOLO_ENTRY: Range = [SOLO, SOLO + MEMBER_BYTES];

describe.each(BUILDS)("the %s build", (build) => {
  const machine = new Machine(build);
  const { exports } = machine;

  /** ids → rows of a table of five, checked first; planned for six rows. */
  function lookup(ids: readonly number[]) {
    machine.clear();
    const at = machine.take(ids.length * 4);
    machine.u32.set(ids, at / 4);
    const table = machine.rows(5, 4, 16, 0, () => 1);
    const y = machine.take(6 * 16);
    const program = machine.program(6, [OP_CHECK_IDS, at, 4, 5], [OP_LOOKUP, y, 16, table, 16, at, 4]);
    return { program, y };
  }

  it("as many rows as planned run, one more is STATUS_STEPS with nothing written", () => {
    const { program, y } = lookup([0, 1, 2, 3, 4, 0, 0, 0]);
    machine.expectWrites([[y, y + 96]], () => exports.executeGroup(program, 0, 1, 6), STATUS_OK);
    machine.expectWrites([], () => exports.executeGroup(program, 0, 1, 7), STATUS_STEPS);
    machine.expectWrites([], () => exports.executeGroup(program, 0, 7, 1), STATUS_STEPS);
    machine.expectWrites([], () => exports.executeGroup(program, 0, 2, 4), STATUS_STEPS);
    machine.expectWrites([SOLO_ENTRY], () => exports.execute(program, 0, 7), STATUS_STEPS);
  });

  it("rows are counted beyond 2³²", () => {
    const { program } = lookup([0]);
    for (const [members, steps] of [
      [2, 0x80000000],
      [0x10000, 0x10000],
      [0x80000000, 2],
      [3, 0x55555556],
    ]) {
      machine.expectWrites([], () => exports.executeGroup(program, 0, members, steps), STATUS_STEPS);
    }
    machine.expectWrites([SOLO_ENTRY], () => exports.execute(program, 0, 0xffffffff), STATUS_STEPS);
  });

  it.each([
    ["one past the last", 5],
    ["negative", 0xffffffff],
    ["the smallest i32", 0x80000000],
  ])("an id that is %s is STATUS_ID with nothing written, wherever it stands", (_, id) => {
    for (let at = 0; at < 6; at++) {
      const ids = [0, 1, 2, 3, 4, 0];
      ids[at] = id;
      const { program, y } = lookup(ids);
      machine.expectWrites([], () => exports.executeGroup(program, 0, 1, 6), STATUS_ID);
      machine.expectWrites([SOLO_ENTRY], () => exports.execute(program, 0, 6), STATUS_ID);
      // Ids of rows that are not run are none.
      if (at > 0) machine.expectWrites([[y, y + at * 16]], () => exports.executeGroup(program, 0, 1, at), STATUS_OK);
    }
  });

  it("no steps, no members and an empty program write nothing", () => {
    const { program } = lookup([9]);
    machine.expectWrites([], () => exports.executeGroup(program, 0, 1, 0), STATUS_OK);
    machine.expectWrites([], () => exports.executeGroup(program, 0, 0, 1), STATUS_OK);
    const empty = machine.program(1);
    machine.expectWrites([], () => exports.executeGroup(empty, 0, 1, 1), STATUS_OK);
  });

  it("a record of any length is stepped over by its own count", () => {
    machine.clear();
    const x = machine.put([1, 2, 3, 4]);
    const y = machine.take(16);
    // Words after the operands: a later version may add some.
    const program = machine.program(1, [OP_CHECK_IDS, x, 4, 0xffffffff, 7, 7, 7], [OP_COPY, y, 16, 0, x, 16, 4]);
    machine.expectWrites([[y, y + 16]], () => exports.executeGroup(program, 0, 1, 1), STATUS_OK);
    expect([...machine.f32.subarray(y / 4, y / 4 + 4)]).toEqual([1, 2, 3, 4]);
  });

  it("the shipped binary is not baked: its entry points say so and write nothing", () => {
    machine.clear();
    for (const call of [exports.step, exports.reset, () => exports.run(1), () => exports.run(0)]) {
      machine.expectWrites([], call, STATUS_NOT_BAKED);
    }
    expect([exports.state_ptr(), exports.state_size(), exports.input_ptr(0), exports.output_ptr(0)]).toEqual([
      0, 0, 0, 0,
    ]);
  });
});
