/** A sequence of 100 in one call against 100 single steps: the input products of many steps are one matrix product. */

import { expectedOf, rowsOf, running, STEPS, sessionsOf, stepping } from "../contestants.ts";
import { compare } from "../harness.ts";
import type { Context, Row, Table } from "../report.ts";
import { modelOf, SIZES, square } from "../shapes.ts";

async function measure({ quick, effort }: Context): Promise<Table[]> {
  const rows: Row[] = [];
  for (const cell of ["gru", "lstm"] as const) {
    for (const size of SIZES.slice(0, quick ? 4 : undefined)) {
      const model = modelOf(square(cell, size));
      const expected = expectedOf(model, rowsOf(model, STEPS));
      for (const [build, session] of sessionsOf(model)) {
        const [step, run] = await compare(
          [
            stepping(`${cell} ${size} ${build}, step`, model, session, expected),
            running(`${cell} ${size} ${build}, run`, model, session, expected),
          ],
          effort,
        );
        rows.push({
          H: size,
          cell: cell.toUpperCase(),
          build,
          "µs per step": step,
          [`µs per step of a run of ${STEPS}`]: run,
          "step ÷ run": step.median / run.median,
          checksum: run.checksum,
        });
      }
    }
  }
  return [{ title: `A sequence of ${STEPS} against single steps, in = out = H`, rows }];
}

export const sequences = { name: "sequences", measure };
