/**
 * From the start of a process to its first prediction, beyond what a process takes to its first line: `node -e` and first.mjs in
 * turn, many times, each printing its clock, which all processes of a machine share. An empty module tells what Node takes to
 * begin with a module.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sluice, spread } from "../harness.ts";
import { type Context, type Row, short, type Table } from "../report.ts";
import { modelOf, recurrent } from "../shapes.ts";

const ROUNDS = 31;
const FIRST = fileURLToPath(new URL("../first.mjs", import.meta.url));
const EXAMPLE = fileURLToPath(new URL("../../examples/next-character/model.safetensors", import.meta.url));
const PHASES = ["import", "loadModel", "createSession", "stream and step"];

const CLOCK = "console.log(JSON.stringify([Number(process.hrtime.bigint()) / 1e6]))";

/** Milliseconds from spawning Node to each of the times that it prints. */
function run(...args: string[]): number[] {
  const start = Number(process.hrtime.bigint()) / 1e6;
  const text = execFileSync(process.execPath, args, { encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } });
  return JSON.parse(text).map((time: number) => time - start);
}

async function measure({ quick }: Context): Promise<Table[]> {
  const rounds = quick ? 3 : ROUNDS;
  const directory = mkdtempSync(join(tmpdir(), "start-"));
  try {
    const small = join(directory, "small.safetensors");
    const empty = join(directory, "empty.mjs");
    writeFileSync(small, sluice.writeSafetensors(modelOf({ name: "small", parts: [recurrent("gru", "rnn", 16, 32)] })));
    writeFileSync(empty, CLOCK);
    const files = [
      { name: "GRU 16→32", file: small },
      { name: "next-character", file: EXAMPLE },
    ];
    const contestants = [
      { name: "an empty module", args: [empty] },
      ...files.map(({ name, file }) => ({
        name: `${name}, ${short(statSync(file).size / 1e3)} kB`,
        args: [FIRST, file],
      })),
    ].map((one) => ({ ...one, beyond: [] as number[], phases: [] as number[][] }));
    const bare: number[] = [];
    run("-e", CLOCK);
    for (let round = 0; round < rounds; round++) {
      for (const { args, beyond, phases } of contestants) {
        const [nothing] = run("-e", CLOCK);
        bare.push(nothing);
        const times = run(...args);
        beyond.push((times.at(-1) as number) - nothing);
        if (times.length > 1) phases.push(times);
      }
    }
    const rows: Row[] = contestants.map(({ name, beyond, phases }) => {
      const parts = PHASES.map((phase, i) => [
        `${phase}, ms`,
        phases.length === 0 ? undefined : spread(phases.map((times) => times[i + 1] - times[i])).median,
      ]);
      return { "first prediction": name, "ms beyond a bare process": spread(beyond), ...Object.fromEntries(parts) };
    });
    const first = {
      "first prediction": "bare, to its first line: all of it",
      "ms beyond a bare process": spread(bare),
    };
    rows.push({ ...first, ...Object.fromEntries(PHASES.map((phase) => [`${phase}, ms`, undefined])) });
    return [{ title: "Start of a process to its first prediction, and what of it is what", rows }];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export const load = { name: "load", measure };
