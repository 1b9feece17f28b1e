/** Results → Markdown tables and JSON, under a heading that says on what they were measured. */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import type { Effort } from "./harness.ts";
import type { Limits } from "./limit.ts";

/** Minimum, median and maximum of something. */
export interface Spread {
  readonly minimum: number;
  readonly median: number;
  readonly maximum: number;
  /** What part of a core the comparison had. */
  readonly share?: number;
}

/** What stands in a column; undefined leaves it empty. */
export type Value = string | number | Spread | undefined;

/** Columns by their heads; all rows of a table have the same. */
export type Row = Readonly<Record<string, Value>>;

export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** What a bench is told. */
export interface Context {
  /** Fewer shapes, too: a smoke test. */
  readonly quick: boolean;
  readonly effort: Effort;
  readonly limits: Limits;
  /** Paths of other engines. */
  readonly nodes: readonly string[];
}

/** One of the tables that `npm run bench` prints, by the name that picks it. */
export interface Bench {
  readonly name: string;
  readonly measure: (context: Context) => Promise<Table[]>;
}

/** Date, engine, processor, flags and commit: what a number means nothing without. */
export function circumstances(): Readonly<Record<string, string>> {
  const { node, v8 } = process.versions;
  const flags = [...process.execArgv, process.env.NODE_OPTIONS ?? ""]
    .join(" ")
    .replace(/--(require|import) \S*\btsx\b\S*/g, "")
    .trim();
  const git = spawnSync("git", ["describe", "--always", "--dirty"], { cwd: import.meta.dirname, encoding: "utf8" });
  const [{ model }] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    engine: `Node ${node} (V8 ${v8})`,
    machine: `${model.trim()}, ${cpus().length} cores, ${process.arch}`,
    flags: flags || "none",
    commit: git.stdout?.trim() || "unknown",
  };
}

/** "2026-11-22 · Node 26.10.0 (V8 …) · … · flags none · commit …" */
export function circumstancesText(): string {
  const { date, engine, machine, flags, commit } = circumstances();
  return [date, engine, machine, `flags ${flags}`, `commit ${commit}`].join(" · ");
}

/** "1.85 (1.84–2.03)": median, minimum and maximum. */
export function valueText(value: Value): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number") return short(value);
  return `${short(value.median)} (${short(value.minimum)}–${short(value.maximum)})`;
}

/** Three significant digits, thousands in full. */
export function short(x: number): string {
  return Math.abs(x) >= 100 ? x.toFixed(0) : Number.isInteger(x) ? `${x}` : x.toPrecision(3);
}

/** A Markdown table, columns aligned. */
export function tableText(rows: readonly Row[]): string {
  const head = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => head.map((key) => valueText(row[key])));
  const widths = head.map((key, i) => Math.max(key.length, ...cells.map((row) => row[i].length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |\n`;
  return line(head) + line(widths.map((width) => "-".repeat(width))) + cells.map(line).join("");
}

/** Of a core, in a comparison that nothing disturbed. */
const UNDISTURBED = 0.97;

/** How many comparisons had less than a core, so that a reader knows what the figures are worth. */
export function disturbanceText(tables: readonly Table[]): string {
  const shares = tables.flatMap(({ rows }) =>
    rows.flatMap((row) =>
      Object.values(row).flatMap((value) => (typeof value === "object" ? (value.share ?? []) : [])),
    ),
  );
  const low = shares.filter((share) => share < UNDISTURBED);
  if (shares.length === 0) return "";
  if (low.length === 0) return "Every comparison had a core for itself.";
  const least = (100 * Math.min(...low)).toFixed(0);
  return `DISTURBED: ${low.length} of ${shares.length} times come from comparisons that had less than a core, the least ${least} % of one.`;
}

/** The raw numbers: where they were measured, the limits, every table. */
export function writeJson(file: string, { clock, gmacs }: Limits, tables: readonly Table[]): void {
  const limits = { clock, ...Object.fromEntries(gmacs) };
  writeFileSync(file, `${JSON.stringify({ ...circumstances(), limits, tables }, undefined, 1)}\n`);
}
