/** A step of a group of n against single steps of n streams. */

import { grouped, singles } from "../contestants.ts";
import { compare, sluice } from "../harness.ts";
import type { Context, Row, Table } from "../report.ts";
import { modelOf, SIZES, square } from "../shapes.ts";

const MEMBERS = [2, 4, 8, 64];
/** How many times faster a group of 64 is to be; smaller groups are not to be slower. */
const GOALS: Readonly<Record<number, number>> = {
  8: 2, 16: 1.4, 32: 1.2, 64: 1.15, 128: 1.05, 256: 1.1, 512: 1.15, 1024: 1.5, 2048: 1.5,
}; // biome-ignore format: a table

async function measure({ quick, effort }: Context): Promise<Table[]> {
  const rows: Row[] = [];
  for (const size of quick ? SIZES.slice(0, 4) : [...SIZES, 2048]) {
    const model = modelOf(square("gru", size));
    const session = sluice.createSessionSync(model);
    for (const n of MEMBERS) {
      const [single, group] = await compare(
        [singles(`${n} streams of ${size}`, model, session, n), grouped(`${n} of ${size}`, model, session, n)],
        effort,
      );
      rows.push({
        H: size,
        members: n,
        build: session.info.variant,
        "µs per single step": single,
        "µs per member's step": group,
        "single ÷ group": single.median / group.median,
        goal: `≥ ${n === 64 ? GOALS[size] : 1}`,
        checksum: group.checksum,
      });
    }
    session.dispose();
  }
  return [{ title: "GRU, in = out = H: a group against as many single streams", rows }];
}

export const groups = { name: "groups", measure };
