/**
 * Sequences through a pool of one worker and of two, and through a session in this thread: what a second core gives, and what a
 * job costs beside its steps. Needs two cores that nobody else uses.
 */

import { availableParallelism } from "node:os";
import type { Model, Session } from "../../src/index.ts";
import type { Pool } from "../../src/pool.ts";
import { expectedOf, rowsOf, split } from "../contestants.ts";
import { type Contestant, compare, sluice, type Timing } from "../harness.ts";
import type { Context, Row, Table } from "../report.ts";
import { modelOf, square } from "../shapes.ts";

const { createPool }: typeof import("../../src/pool.ts") = await import(
  new URL("../../dist/pool.js", import.meta.url).href
);

const SIZE = 128;
/** Steps of a sequence, and about how many steps a turn takes in all. */
const LENGTHS = [10, 50, 200, 1000];
const ALL = 10_000;
const GOAL = 1.7;

/** A turn maps all sequences; the sum is over the last output of each. */
function pooled(name: string, pool: Pool, sequences: readonly Float32Array[], expected: Float32Array): Contestant {
  const steps = (sequences.length * sequences[0].length) / SIZE;
  return {
    name,
    steps,
    expected,
    first: async () => (await pool.run(sequences[0])).output,
    async run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++)
        for await (const { output } of pool.map(sequences, { keep: "last" })) sum += output[0];
      return sum;
    },
  };
}

function here(session: Session, sequences: readonly Float32Array[], expected: Float32Array): Contestant {
  const steps = (sequences.length * sequences[0].length) / SIZE;
  return {
    name: "a session",
    steps,
    expected,
    first: () => session.run(sequences[0]).output,
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) for (const xs of sequences) sum += session.run(xs, { keep: "last" }).output[0];
      return sum;
    },
  };
}

/** Without the share of a core: workers have their own. */
const times = ({ minimum, median, maximum }: Timing) => ({ minimum, median, maximum });

async function rowOf(model: Model, pools: readonly Pool[], length: number, effort: Context["effort"]): Promise<Row> {
  const session = sluice.createSessionSync(model);
  const sequences = split(model, rowsOf(model, length * Math.ceil(ALL / length)), length) as Float32Array[];
  const expected = expectedOf(model, sequences[0]);
  const [alone, one, two] = await compare(
    [
      here(session, sequences, expected),
      pooled("one worker", pools[0], sequences, expected),
      pooled("two workers", pools[1], sequences, expected),
    ],
    effort,
  );
  session.dispose();
  return {
    "steps of a sequence": length,
    build: pools[0].info.variant,
    "µs per step, a session": times(alone),
    "one worker": times(one),
    "two workers": times(two),
    "one ÷ two workers": one.median / two.median,
    "of the quickest": one.minimum / two.minimum,
    goal: length < 100 ? "" : `≥ ${GOAL}`,
    "µs a job beside its steps": (one.median - alone.median) * length,
    checksum: two.checksum,
  };
}

async function measure({ quick, effort }: Context): Promise<Table[]> {
  const model = modelOf(square("gru", SIZE));
  const pools = [await createPool(model, { workers: 1 }), await createPool(model, { workers: 2 })];
  const rows: Row[] = [];
  try {
    for (const length of quick ? LENGTHS.slice(2, 3) : LENGTHS) rows.push(await rowOf(model, pools, length, effort));
  } finally {
    for (const pool of pools) pool.dispose();
  }
  const title = `Pools over sequences of a GRU, in = out = ${SIZE}, on ${availableParallelism()} processors`;
  return [{ title, rows }];
}

export const pool = { name: "pool", measure };
