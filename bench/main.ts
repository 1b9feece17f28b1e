/**
 * `npm run bench -- [TABLE…] [--quick] [--json FILE]`: measures the tables that are named, or all, and prints them.
 * `cost --write` puts its tables into docs/cost.md; `engines --node PATH` compares this engine with others.
 *
 * One process measures everything, so the calls into WebAssembly are those of a program with many models: at H = 8 about 0.01 µs
 * slower than with one.
 */

import { parseArgs } from "node:util";
import { FULL, QUICK } from "./harness.ts";
import { limitsText, measureLimits } from "./limit.ts";
import { type Bench, circumstancesText, disturbanceText, type Table, tableText, writeJson } from "./report.ts";
import { audio } from "./tables/audio.ts";
import { cells } from "./tables/cells.ts";
import { cost, writeCost } from "./tables/cost.ts";
import { engines } from "./tables/engines.ts";
import { groups } from "./tables/groups.ts";
import { int8 } from "./tables/int8.ts";
import { kernels } from "./tables/kernels.ts";
import { load } from "./tables/load.ts";
import { memory } from "./tables/memory.ts";
import { models } from "./tables/models.ts";
import { pool } from "./tables/pool.ts";
import { sequences } from "./tables/sequences.ts";
import { silence } from "./tables/silence.ts";

const BENCHES: readonly Bench[] = [kernels, cells, sequences, groups, int8, models, audio, silence, load, memory];
/** By name only: they take minutes, or more than one core. */
const NAMED: readonly Bench[] = [cost, engines, pool];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean" },
    json: { type: "string" },
    write: { type: "boolean" },
    node: { type: "string", multiple: true },
  },
});
const { quick = false, json, write = false, node: nodes = [] } = values;
const all = [...BENCHES, ...NAMED];
const unknown = positionals.find((name) => !all.some((bench) => bench.name === name));
if (unknown !== undefined) throw new Error(`expected ${all.map(({ name }) => name).join(", ")}; got "${unknown}"`);
if (write && !positionals.includes(cost.name)) throw new Error(`--write: expected the table ${cost.name} with it`);

const limits = await measureLimits();
const circumstances = `${circumstancesText()}\n${limitsText(limits)}`;
console.log(`${circumstances}\nf32 unless said, one core; median (minimum–maximum)\n`);
const context = { quick, effort: quick ? QUICK : FULL, limits, nodes };
const tables: Table[] = [];
for (const { name, measure } of positionals.length === 0
  ? BENCHES
  : all.filter((one) => positionals.includes(one.name))) {
  const measured = await measure(context);
  for (const { title, rows } of measured) console.log(`${title} (${name})\n\n${tableText(rows)}`);
  if (write && name === cost.name) writeCost(measured, circumstances);
  tables.push(...measured);
}
console.log(disturbanceText(tables));
if (json !== undefined) writeJson(json, limits, tables);
