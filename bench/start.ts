/**
 * From the start of a process to its first prediction, beyond a process that does nothing: `node -e ""` and first.mjs in
 * turn, many times. The bar is 15 ms. A third contestant, an empty module, tells what Node takes to begin with a module.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { heading, short, sluice, spread, table, timingText } from "./harness.ts";
import { modelOf } from "./shapes.ts";

const ROUNDS = 31;
const BAR = 15;
const FIRST = fileURLToPath(new URL("first.mjs", import.meta.url));
const EXAMPLE = fileURLToPath(new URL("../examples/next-character/model.safetensors", import.meta.url));

/** Milliseconds from spawning Node to its end, and what it printed. */
function run(...args: string[]): { ms: number; text: string } {
  const start = performance.now();
  const text = execFileSync(process.execPath, args, { encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } });
  return { ms: performance.now() - start, text };
}

const directory = mkdtempSync(join(tmpdir(), "start-"));
try {
  const small = join(directory, "small.safetensors");
  const empty = join(directory, "empty.mjs");
  const model = modelOf({ name: "small", cell: "gru", inputSize: 16, hiddenSize: 32 });
  writeFileSync(small, sluice.writeSafetensors(model));
  writeFileSync(empty, "");
  const files = [small, EXAMPLE].filter((file) => existsSync(file));

  const contestants = [
    { name: "an empty module", args: [empty] },
    ...files.map((file) => ({
      name: `first prediction, ${file === small ? "GRU 16→32" : "next-character"}, ${short(statSync(file).size / 1e3)} kB`,
      args: [FIRST, file],
    })),
  ].map((one) => ({ ...one, beyond: [] as number[] }));
  const bare: number[] = [];
  run("-e", "");
  for (let round = 0; round < ROUNDS; round++) {
    for (const { args, beyond } of contestants) {
      const nothing = run("-e", "").ms;
      bare.push(nothing);
      beyond.push(run(...args).ms - nothing);
    }
  }

  const labels = ["import", "loadModel", "createSession", "stream and step"];
  const phases = files.map((file) => {
    const runs = Array.from({ length: ROUNDS }, () => JSON.parse(run(FIRST, file, "phases").text) as number[]);
    return labels.map((_, i) => spread(runs.map((times) => times[i + 1] - times[i])).median);
  });

  console.log(heading("Process start to first prediction, ms: median (minimum–maximum)"));
  const rows = contestants.map(({ name, beyond }) => [`${name}, beyond bare`, timingText(spread(beyond))]);
  console.log(table(["", "ms"], [['bare, node -e ""', timingText(spread(bare))], ...rows]));
  const parts = labels.map((label, i) => [label, ...phases.map((of) => short(of[i]))]);
  const rest = phases.map((of, i) => spread(contestants[i + 1].beyond).median - of.reduce((sum, ms) => sum + ms));
  parts.push(["the rest: module loader, end of the process", ...rest.map(short)]);
  console.log(table(["of which", ...contestants.slice(1).map(({ name }) => name)], parts));
  const worst = Math.max(...contestants.map(({ beyond }) => spread(beyond).median));
  console.log(worst <= BAR ? `within ${BAR} ms` : `OVER ${BAR} ms`);
  if (worst > BAR) process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true });
}
