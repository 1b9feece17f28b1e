/** A step with int8 weights against the same step in f32, in = out = H, one stream. */

import { expectedOf, rowsOf, STEPS, sessionsOf, stepping } from "../contestants.ts";
import { compare, sluice } from "../harness.ts";
import { nativeStep } from "../native.ts";
import type { Context, Row, Table } from "../report.ts";
import { modelOf, square } from "../shapes.ts";

/** Of outputs, against weights in f64: vectors are quantised, too (docs/numerics.md). */
const TOLERANCE = 2e-2;

const SIZES = [32, 64, 128, 256, 512];

async function measure({ quick, effort, limits }: Context): Promise<Table[]> {
  const rows: Row[] = [];
  for (const cell of ["gru", "lstm"] as const) {
    for (const size of SIZES.slice(0, quick ? 2 : undefined)) {
      const model = modelOf(square(cell, size));
      const quantized = sluice.quantizeModel(model);
      const sides = [model, quantized].flatMap((one) => {
        const expected = expectedOf(one, rowsOf(one, STEPS));
        return sessionsOf(one).map(([build, session]) => ({
          int8: one === quantized,
          build,
          one: {
            ...stepping(`${cell} ${size} ${build} ${one === quantized ? "int8" : "f32"}`, one, session, expected),
            ...(one === quantized && { tolerance: TOLERANCE }),
          },
        }));
      });
      const timings = await compare(
        sides.map(({ one }) => one),
        effort,
      );
      for (const [i, { int8, build }] of sides.entries()) {
        if (!int8) continue;
        const f32 = timings[sides.findIndex((side) => !side.int8 && side.build === build)];
        const native = nativeStep(cell, size, limits);
        rows.push({
          H: size,
          cell: cell.toUpperCase(),
          build,
          "µs per step, f32": f32,
          "µs per step, int8": timings[i],
          "f32 ÷ int8": f32.median / timings[i].median,
          goal: size >= 128 && build === "relaxed" ? "≥ 1.6" : undefined,
          "int8 ÷ native f32": native && timings[i].median / native,
          checksum: timings[i].checksum,
        });
      }
    }
  }
  return [{ title: "A step with int8 weights, in = out = H (native: RTNeural in f32, scaled)", rows }];
}

export const int8 = { name: "int8", measure };
