/** The cells in other engines beside this one: `npm run bench -- engines --node PATH`, a process for each, in turn. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { spread } from "../harness.ts";
import type { Context, Row, Spread, Table } from "../report.ts";

const ROUNDS = 3;
const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Run {
  readonly engine: string;
  readonly tables: readonly { readonly rows: readonly Row[] }[];
}

/** A step in Node 20 is to take at most so many times one in Node 26, both in the simd build. */
const GOAL = "≤ 1.3 (20 to 26)";

async function measure({ quick, nodes }: Context): Promise<Table[]> {
  if (nodes.length === 0) throw new Error("engines: expected --node PATH; got none");
  const directory = mkdtempSync(join(tmpdir(), "engines-"));
  const file = join(directory, "cells.json");
  try {
    const runs = new Map<string, Run[]>();
    for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
      for (const node of [process.execPath, ...nodes]) {
        const args = ["--import", "tsx", MAIN, "cells", "--json", file, ...(quick ? ["--quick"] : [])];
        execFileSync(node, args, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
        runs.set(node, [...(runs.get(node) ?? []), JSON.parse(readFileSync(file, "utf8"))]);
      }
    }
    const [own, ...others] = [...runs.values()].map((of) => ({ engine: of[0].engine, times: simdTimes(of) }));
    const rows = [...own.times].map(([name, time]): Row => {
      const columns = others.flatMap(({ engine, times }) => {
        const other = times.get(name) as Spread;
        return [
          [engine, other],
          [`÷ ${own.engine}`, other.median / time.median],
        ];
      });
      return { cell: name, [own.engine]: time, ...Object.fromEntries(columns), goal: GOAL };
    });
    return [
      { title: "µs per step of the simd build by engine: median (minimum–maximum) of the medians of rounds", rows },
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** "GRU 16" → the medians of all runs, and the least part of a core that one had. */
function simdTimes(runs: readonly Run[]): Map<string, Spread> {
  const times = new Map<string, Spread[]>();
  for (const { rows } of runs.flatMap(({ tables }) => tables)) {
    for (const { cell, H, build, "µs per step": time } of rows) {
      const name = `${cell} ${H}`;
      if (build === "simd") times.set(name, [...(times.get(name) ?? []), time as Spread]);
    }
  }
  return new Map(
    [...times].map(([name, of]) => [
      name,
      { ...spread(of.map(({ median }) => median)), share: Math.min(...of.map(({ share = 1 }) => share)) },
    ]),
  );
}

export const engines = { name: "engines", measure };
