/**
 * Runs the program in every host and compares the bits with this process's. Prints tables; with --write the one
 * of hosts goes into README.md, the others into docs/hosts.md. A host that cannot run is a red row; any red row ends the run with 1, unless so many may be
 * missing. Other bits always do.
 *
 *     npm run test:hosts            the whole (scripts/hosts.sh installs what is missing)
 *     npm run test:hosts -- Deno    rows whose names contain a word
 *     npm run test:hosts -- --missing 4
 */

import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as sluice from "../../src/index.ts";
import { BAKED, bakedBits } from "./baked.ts";
import { BROWSER_POOLS, BROWSERS } from "./browsers.ts";
import { ROOT } from "./files.ts";
import { type Answer, check, poolRows, streaming } from "./program.ts";
import { ARM64, type Host, POOLS, SERVERS } from "./servers.ts";

const { values, positionals } = parseArgs({
  options: { write: { type: "boolean" }, missing: { type: "string", default: "0" } },
  allowPositionals: true,
});
if (values.write && positionals.length > 0) throw new Error("--write: expected a run of all hosts; got some");
const chosen = ({ name }: Host) => positionals.length === 0 || positionals.some((word) => name.includes(word));

interface Row {
  readonly name: string;
  readonly answer?: Answer;
  readonly error?: string;
  /** It ran, and its bits are others. */
  readonly wrong?: true;
}

async function rowOf(host: Host, expected: readonly number[]): Promise<Row> {
  const name = await nameOf(host);
  try {
    const answer = await host.run();
    const at = expected.findIndex((bits, i) => bits !== answer.bits[i]);
    if (at >= 0 || answer.bits.length !== expected.length) {
      const error = `number ${at} of ${expected.length}: expected bits ${expected[at]}; got ${answer.bits[at]}`;
      return { name, error, wrong: true };
    }
    return { name, answer };
  } catch (error) {
    return { name, error: String((error as Error).message ?? error) };
  }
}

/** With the version between name and place. */
async function nameOf({ name, version }: Host): Promise<string> {
  const said = await version?.().catch(() => "");
  const [number] = /\d+\.[\d.]*\d/.exec(said ?? "") ?? [];
  return number === undefined ? name : name.replace(/,|$/, ` ${number}$&`);
}

async function tableOf(
  hosts: readonly Host[],
  expected: readonly number[],
): Promise<{ text: string; missing: number; wrong: number }> {
  const rows: Row[] = [];
  for (const host of hosts.filter(chosen)) {
    const row = await rowOf(host, expected);
    process.stderr.write(
      `${row.error === undefined ? "ok " : "RED"} ${row.name}${row.error ? `: ${row.error}` : ""}\n`,
    );
    rows.push(row);
  }
  const number = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? "";
  const lines = rows.map(({ name, answer, error }) => {
    if (answer === undefined)
      return [name, `**no**: ${(error as string).replace(/[|\s]+/g, " ").slice(0, 120)}`, "", "", ""];
    return [name, "yes", answer.variant, number(answer.firstMs, 1), number(answer.stepUs, 2)];
  });
  const head = ["host", "works, same bits", "variant chosen", "first prediction, ms", "GRU-128, µs per step"];
  // Columns that no row fills are left out.
  const filled = head.map((_, i) => lines.some((cells) => cells[i] !== ""));
  const all = [head, ...lines].map((cells) => cells.filter((_, i) => filled[i]));
  const wrong = rows.filter(({ wrong }) => wrong).length;
  return { text: table(all), missing: rows.filter(({ error }) => error !== undefined).length - wrong, wrong };
}

/** Markdown, padded as the formatter does. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [line(rows[0]), line(widths.map((width) => "-".repeat(width))), ...rows.slice(1).map(line)].join("\n");
}

/** Puts each part between its marker and the next end. */
function writeParts(path: string, parts: Readonly<Record<string, string>>): void {
  const file = join(ROOT, path);
  let text = readFileSync(file, "utf8");
  for (const [name, part] of Object.entries(parts)) {
    const [before, after] = text.split(`<!-- ${name} -->\n`);
    if (after === undefined) throw new Error(`${path}: expected a line <!-- ${name} -->; got none`);
    text = `${before}<!-- ${name} -->\n${part}\n${after.slice(after.indexOf("<!-- end -->"))}`;
  }
  writeFileSync(file, text);
}

/** What a pool must answer: a session's outputs. */
function poolBits(): number[] {
  const session = sluice.createSessionSync(streaming(sluice), { variant: "simd" });
  return poolRows().flatMap((xs) => [...new Uint32Array(session.run(xs).output.slice().buffer)]);
}

const from = performance.now();
const hosts = await tableOf([...SERVERS, ...BROWSERS, ...ARM64], check(sluice));
const baked = await tableOf(BAKED, bakedBits());
const pools = await tableOf([...POOLS, ...BROWSER_POOLS], poolBits());
const seconds = Math.round((performance.now() - from) / 1000);
const date = new Date().toISOString().slice(0, 10);
const note = `\`npm run test:hosts\`, ${date}, ${cpus()[0].model} (${cpus().length} cores), ${seconds} s.`;
process.stdout.write(`${hosts.text}\n\n${baked.text}\n\n${pools.text}\n\n${note}\n`);
if (values.write) {
  writeParts("README.md", { hosts: hosts.text, note });
  writeParts("docs/hosts.md", { baked: baked.text, pools: pools.text, note });
}
const count = (key: "missing" | "wrong") => hosts[key] + baked[key] + pools[key];
process.exitCode = count("wrong") > 0 || count("missing") > Number(values.missing) ? 1 : 0;
