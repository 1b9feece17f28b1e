/**
 * The tests held to account: each mutant is one fault in the sources, put into a copy of the repository, and some test must
 * turn red. Needs no vectors but the committed ones.
 *
 *     npm run test:mutants -- [--only WORDS] [--shard K/N] [--list]
 *
 * Exit code 1 where a mutant survives, does not build, or does not apply: what it looks for must stand in its file once.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import asc from "assemblyscript/asc";
import { textOfBytes } from "../../src/binary-text.ts";
import { MUTANTS, type Mutant, staleMutants } from "./mutants.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The conformance suite of the build that every engine runs. */
const TESTS = ["test/conformance/simd.test.ts"];
const TARGETS = ["simd", "relaxed"];
/** A loop without an end is a fault that shows. The slowest file takes a tenth of this. */
const TIMEOUT_MS = 180_000;

const { only, shard, list } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    shard: { type: "string", default: "1/1" },
    list: { type: "boolean", default: false },
  },
}).values;
const [part, parts] = shard.split("/").map(Number);
const mutants = MUTANTS.filter(({ name }) => name.includes(only)).filter((_, i) => i % parts === part - 1);

const rotten = staleMutants((file) => readFileSync(join(ROOT, file), "utf8"));
if (rotten.length > 0) {
  console.error(rotten.join("\n"));
  process.exit(1);
}
if (mutants.length === 0) {
  console.error(`expected words of a mutant's name and a shard such as 1/2; got --only "${only}" --shard ${shard}`);
  process.exit(1);
}
if (list) {
  for (const { name, file } of mutants) console.log(`${file.padEnd(30)} ${name}`);
  process.exit(0);
}

/** The repository without what is made or installed; its packages are links. */
const copy = mkdtempSync(join(tmpdir(), "sluice-mutants-"));
let child: ChildProcess | undefined;
process.on("exit", () => {
  endChild();
  rmSync(copy, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
for (const name of readdirSync(ROOT)) {
  if (/^(\..*|node_modules|build|dist)$/.test(name)) continue;
  // Packages of their own (bench/thirdparty, test/diff) stay without what they have installed.
  const filter = (path: string) => !path.endsWith("node_modules");
  cpSync(join(ROOT, name), join(copy, name), { recursive: true, filter });
}
mkdirSync(join(copy, "node_modules"));
for (const name of readdirSync(join(ROOT, "node_modules"))) {
  if (name.startsWith(".vite")) continue;
  symlinkSync(join(ROOT, "node_modules", name), join(copy, "node_modules", name));
}

/** With its own children: the test runner has some, and one in a loop hears nothing. */
function endChild(): void {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended between the two lines.
  }
}

/** Node in the copy → its exit code and what it said; undefined where it came to no end. */
function node(...args: string[]): Promise<{ code: number | null; said: string } | undefined> {
  return new Promise((resolve) => {
    const env = { ...process.env, SLUICE_VECTORS: "" };
    const running = spawn(process.execPath, args, {
      cwd: copy,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = running;
    let said = "";
    let late = false;
    for (const stream of [running.stdout, running.stderr]) stream.on("data", (data) => (said += data));
    const timer = setTimeout(() => {
      late = true;
      endChild();
    }, TIMEOUT_MS);
    running.on("close", (code) => {
      clearTimeout(timer);
      resolve(late ? undefined : { code, said });
    });
  });
}

interface Report {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** The first red test of a file or folder, undefined where all are green; throws where they could not be run. */
async function redTest(files: string): Promise<string | undefined> {
  const report = join(copy, "report.json");
  rmSync(report, { force: true });
  const vitest = join("node_modules", "vitest", "vitest.mjs");
  const result = await node(vitest, "run", files, "--bail=1", "--reporter=json", `--outputFile=${report}`);
  if (result === undefined) return `${files}: no end`;
  if (result.code === 0) return undefined;
  let results: Report["testResults"];
  try {
    results = (JSON.parse(readFileSync(report, "utf8")) as Report).testResults;
  } catch {
    throw new Error(`${files}: no report\n${result.said}`);
  }
  const red = results.flatMap((one) => one.assertionResults).find(({ status }) => status === "failed");
  if (red === undefined) throw new Error(results.map(({ message }) => message).join("\n") || result.said);
  return red.fullName;
}

/** assembly/ of the copy → build/ of the copy, without the debug build. */
async function buildKernels(): Promise<void> {
  for (const target of TARGETS) {
    const args = ["--config", "asconfig.json", "--target", target, "--baseDir", copy];
    const { error, stderr } = await asc.main(args);
    if (error) throw new Error(`asc --target ${target}\n${stderr}`);
  }
  const text = (name: string) => textOfBytes(readFileSync(join(copy, "build", `${name}.wasm`)));
  const lines = TARGETS.map((name) => `export const ${name} =\n  "${text(name)}";\n`);
  writeFileSync(join(copy, "build", "kernels.ts"), lines.join(""));
}

/** The red test; undefined where the mutant survives. */
async function run({ file, find, replace, tests = TESTS }: Mutant): Promise<string | undefined> {
  const path = join(copy, file);
  const sound = readFileSync(path, "utf8");
  const kernels = file.startsWith("assembly/");
  const built = kernels ? [...TARGETS.map((name) => `${name}.wasm`), "kernels.ts"] : [];
  const before = built.map((name) => [join(copy, "build", name), readFileSync(join(copy, "build", name))] as const);
  try {
    writeFileSync(
      path,
      sound.replace(find, () => replace),
    );
    if (kernels) await buildKernels();
    for (const one of tests) {
      const red = await redTest(one);
      if (red !== undefined) return red;
    }
    return undefined;
  } finally {
    writeFileSync(path, sound);
    for (const [built, bytes] of before) writeFileSync(built, bytes);
  }
}

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
const start = performance.now();
const build = await node("scripts/build.mjs");
if (build?.code !== 0) throw new Error(`scripts/build.mjs\n${build?.said}`);
// A test that is red without a mutant would kill them all.
for (const one of new Set(mutants.flatMap(({ tests = TESTS }) => tests))) {
  const red = await redTest(one);
  if (red !== undefined) throw new Error(`expected green tests without a mutant; got ${red}`);
}
console.log(`green without a mutant, ${seconds(start)}`);

const survivors: Mutant[] = [];
const broken: Mutant[] = [];
for (const [i, mutant] of mutants.entries()) {
  const from = performance.now();
  let outcome: string;
  try {
    const red = await run(mutant);
    if (red === undefined) survivors.push(mutant);
    outcome = red === undefined ? "SURVIVED" : `killed by ${red}`;
  } catch (error) {
    broken.push(mutant);
    outcome = `BROKEN ${error}`;
  }
  const count = `${i + 1}`.padStart(`${mutants.length}`.length);
  console.log(`${count}/${mutants.length}  ${seconds(from).padStart(6)}  ${mutant.name}\n          ${outcome}`);
}

const killed = mutants.length - survivors.length - broken.length;
console.log(`\n${mutants.length} mutants, ${killed} killed, ${survivors.length} survived, ${seconds(start)}`);
for (const { name, file, tests = TESTS } of survivors) console.log(`survived: ${name} (${file}; ${tests.join(", ")})`);
for (const { name, file } of broken) console.log(`broken: ${name} (${file})`);
process.exit(killed === mutants.length ? 0 : 1);
