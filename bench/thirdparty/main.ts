/**
 * `npx tsx bench/thirdparty/main.ts [TABLE…] [--quick] [--json FILE] [--chart FILE]`: Sluice beside other runtimes in one process,
 * with the same weights. Outputs are compared before anything is timed; then the sides are sampled in turn.
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { FULL, QUICK } from "../harness.ts";
import { limitsText, measureLimits } from "../limit.ts";
import {
  type Bench,
  circumstances,
  circumstancesText,
  disturbanceText,
  type Table,
  tableText,
  writeJson,
} from "../report.ts";
import { chartOf, steps } from "./chart.ts";
import { frames } from "./frames.ts";
import { layers } from "./layers.ts";
import { rnnoise } from "./rnnoise.ts";

const CHARTED: Bench = { name: "steps", measure: steps };
const BENCHES: readonly Bench[] = [
  { name: "layers", measure: layers },
  { name: "rnnoise", measure: rnnoise },
  CHARTED,
  { name: "frames", measure: frames },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean" }, json: { type: "string" }, chart: { type: "string" } },
});
const { quick = false, json, chart } = values;
const names = positionals.length > 0 ? positionals : chart === undefined ? ["layers", "rnnoise"] : ["steps"];
const unknown = names.find((name) => !BENCHES.some((bench) => bench.name === name));
if (unknown !== undefined) throw new Error(`expected ${BENCHES.map(({ name }) => name).join(", ")}; got "${unknown}"`);
if (chart !== undefined && !names.includes(CHARTED.name)) throw new Error("--chart: expected the table steps with it");

const limits = await measureLimits();
console.log(`${circumstancesText()}\n${limitsText(limits)}\nf32, one thread; median (minimum–maximum)\n`);
const context = { quick, effort: quick ? QUICK : FULL, limits, nodes: [] };
const tables: Table[] = [];
for (const bench of BENCHES.filter(({ name }) => names.includes(name))) {
  const measured = await bench.measure(context);
  for (const { title, rows } of measured) console.log(`${title} (${bench.name})\n\n${tableText(rows)}`);
  if (bench === CHARTED && chart !== undefined) {
    const { date, engine, machine, commit } = circumstances();
    const command = `npx tsx bench/thirdparty/main.ts --chart ${chart}, ${date}, commit ${commit}`;
    writeFileSync(
      chart,
      chartOf(measured[0], [command, `${engine}, ${machine}`, limitsText(limits), disturbanceText(measured)]),
    );
  }
  tables.push(...measured);
}
console.log(disturbanceText(tables));
if (json !== undefined) writeJson(json, limits, tables);
