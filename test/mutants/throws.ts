/**
 * Every `throw` of the given sources, removed one at a time: some of the given tests must turn red.
 *
 *     npx tsx test/mutants/throws.ts src/formats/zip.ts … -- test/hostile/zip.test.ts …
 *
 * The sources are put into a copy of the repository. Exit code 1 where a removal goes unseen.
 */

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** A loop without an end is a fault that shows. */
const TIMEOUT_MS = 120_000;

const split = process.argv.indexOf("--");
const sources = process.argv.slice(2, split);
const tests = process.argv.slice(split + 1);
if (split < 0 || sources.length === 0 || tests.length === 0) throw new Error("expected SOURCES -- TESTS");

const copy = mkdtempSync(join(tmpdir(), "sluice-throws-"));
process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
for (const name of readdirSync(ROOT)) {
  if (/^(\..*|node_modules|build|dist)$/.test(name)) continue;
  cpSync(join(ROOT, name), join(copy, name), { recursive: true });
}
for (const name of ["node_modules", "build", "dist"]) symlinkSync(join(ROOT, name), join(copy, name), "junction");

function fails(): boolean {
  const { status } = spawnSync(
    process.execPath,
    [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--bail=1", ...tests],
    {
      cwd: copy,
      timeout: TIMEOUT_MS,
    },
  );
  return status !== 0;
}

if (fails()) throw new Error("the tests are red before anything is removed");
let unseen = 0;
for (const source of sources) {
  const text = readFileSync(join(copy, source), "utf8");
  for (const { index } of text.matchAll(/\bthrow (?=[a-z])/g)) {
    const line = text.slice(0, index).split("\n").length;
    writeFileSync(join(copy, source), `${text.slice(0, index)}void ${text.slice(index + 6)}`);
    const seen = fails();
    if (!seen) unseen++;
    console.log(
      `${seen ? "seen  " : "UNSEEN"} ${source}:${line} ${text.slice(index, text.indexOf("\n", index)).slice(0, 90)}`,
    );
  }
  writeFileSync(join(copy, source), text);
}
console.log(`${unseen} unseen`);
process.exitCode = unseen > 0 ? 1 : 0;
