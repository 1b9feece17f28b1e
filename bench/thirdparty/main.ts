/**
 * `npx tsx bench/thirdparty/main.ts [--quick] [--json FILE]`: Sluice beside other runtimes in one process, with the same weights.
 * Outputs are compared before anything is timed; then the sides are sampled in turn.
 */

import { parseArgs } from "node:util";
import { FULL, QUICK } from "../harness.ts";
import { limitsText, measureLimits } from "../limit.ts";
import { circumstancesText, type Table, tableText, writeJson } from "../report.ts";
import { layers } from "./layers.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" }, json: { type: "string" } } });
const { quick = false, json } = values;
const limits = await measureLimits();
console.log(`${circumstancesText()}\n${limitsText(limits)}\nf32, one thread; median (minimum–maximum)\n`);
const tables: Table[] = [];
for (const measure of [layers]) {
  for (const table of await measure({ quick, effort: quick ? QUICK : FULL, limits })) {
    console.log(`${table.title}\n\n${tableText(table.rows)}`);
    tables.push(table);
  }
}
if (json !== undefined) writeJson(json, limits, tables);
