/**
 * A step of one GRU or LSTM layer of one stream, in = out = H, through the public interface: from an array into
 * another, and in place, where native code takes its input and leaves its output.
 */

import { expectedOf, rowsOf, STEPS, sessionsOf, stepping, steppingInPlace } from "../contestants.ts";
import { type Contestant, compare } from "../harness.ts";
import type { Build } from "../limit.ts";
import { nativeStep } from "../native.ts";
import type { Context, Row, Table } from "../report.ts";
import { type Cell, modelOf, products, SIZES, square } from "../shapes.ts";

/** Times the native step that a GRU step in place is to take at most. */
const GOALS: Readonly<Record<number, string>> = {
  8: "≤ 1.8", 16: "≤ 1.8", 32: "≤ 1.8", 64: "≤ 1.35", 128: "≤ 1.2", 256: "≤ 1.1",
}; // biome-ignore format: a table

async function measure({ quick, effort, limits }: Context): Promise<Table[]> {
  const rows: Row[] = [];
  for (const size of SIZES.slice(0, quick ? 5 : undefined)) {
    const sides: { cell: Cell; build: Build; one: Contestant }[] = [];
    const placed: Contestant[] = [];
    for (const cell of ["gru", "lstm"] as const) {
      const model = modelOf(square(cell, size));
      const expected = expectedOf(model, rowsOf(model, STEPS));
      for (const [build, session] of sessionsOf(model)) {
        const name = `${cell} ${size} ${build}`;
        sides.push({ cell, build, one: stepping(name, model, session, expected) });
        placed.push(steppingInPlace(name, model, session, expected));
      }
    }
    const timings = await compare([...sides.map(({ one }) => one), ...placed], effort);
    const median = (cell: Cell, build: Build) =>
      timings[sides.findIndex((side) => side.cell === cell && side.build === build)].median;
    for (const [i, { cell, build }] of sides.entries()) {
      const native = nativeStep(cell, size, limits);
      const inPlace = timings[sides.length + i];
      rows.push({
        H: size,
        cell: cell.toUpperCase(),
        build,
        "µs per step": timings[i],
        "GMAC/s": products(square(cell, size)) / timings[i].median / 1e3,
        "÷ simd": timings[i].median / median(cell, "simd"),
        "÷ LSTM (0.70–0.85)": cell === "gru" ? timings[i].median / median("lstm", build) : undefined,
        "÷ native": native && timings[i].median / native,
        "µs in place": inPlace,
        "in place ÷ native": native && inPlace.median / native,
        goal: cell === "gru" ? GOALS[size] : undefined,
        checksum: timings[i].checksum,
      });
    }
  }
  return [{ title: "A step of one stream, in = out = H (native: RTNeural, scaled by the multiply-add limit)", rows }];
}

export const cells = { name: "cells", measure };
