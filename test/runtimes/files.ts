/** What hosts are given: the program bundled for each of them, in a folder of its own; and processes that answer. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const HERE = fileURLToPath(new URL(".", import.meta.url));

const PACKAGE: {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, string>>;
} = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8"));

/** The programs that npm has installed here, by their names in package.json. */
export function bin(name: string): string {
  const file = name === "deno" ? "deno/deno" : `${name}/bin/${/[a-z]+/.exec(name)}`;
  return join(HERE, "node_modules", file);
}

/** What package.json pins. */
export function versionOf(name: string): string {
  return (PACKAGE.dependencies[name] ?? PACKAGE.config[name]).split("@").at(-1) as string;
}

/** A new folder in which `sluice` is this package. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-hosts-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/sluice"), "junction");
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "dependencies": { "sluice": "*" } }\n');
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

export interface BundleOptions {
  readonly format?: "esm" | "iife";
  /** The entry of dist that is bundled in; without it `sluice` stays an import. */
  readonly entry?: string;
  /** Imports that stay. */
  readonly external?: readonly string[];
  /** Imports of .wasm become this text, with the name in place of NAME; without it they stay. */
  readonly wasm?: string;
}

/** Text of a module that may import "program" and "sluice" → one file. */
export async function bundle(
  contents: string,
  { format = "esm", entry, external = [], wasm }: BundleOptions = {},
): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: HERE, loader: "js" },
    bundle: true,
    write: false,
    format,
    target: "es2022",
    external: [...external, ...(entry === undefined ? ["sluice", "sluice/pool"] : [])],
    alias: { program: join(HERE, "program.ts"), ...(entry && { sluice: join(ROOT, "dist", entry) }) },
    plugins: [
      {
        name: "wasm files",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /\.wasm(\?module)?$/ }, ({ path }) =>
            wasm === undefined ? { path, external: true } : { path, namespace: "wasm" },
          );
          onLoad({ filter: /.*/, namespace: "wasm" }, ({ path }) => ({
            contents: wasm?.replace("NAME", /(\w+)\.wasm/.exec(path)?.[1] as string),
          }));
        },
      },
    ],
  });
  return outputFiles[0].text;
}

/** A busy machine is slow, and an emulated processor slower. */
export const PATIENCE = 120_000;

/** Runs a command to its end: what it printed on standard output. */
export async function outputOf(command: string, args: readonly string[], cwd: string, env = {}): Promise<string> {
  const child = start(command, args, cwd, env);
  try {
    await ended(child);
    if (child.exitCode !== 0)
      throw new Error(`${child.signalCode ?? child.exitCode}: ${child.said.slice(-600).trim()}`);
    return child.printed;
  } finally {
    stop(child);
  }
}

export type Started = ChildProcess & { printed: string; said: string };

/** A process in a group of its own, so that `stop` ends what it has started, too. */
export function start(command: string, args: readonly string[], cwd: string, env = {}): Started {
  const child = Object.assign(
    spawn(command, args, { cwd, env: { ...process.env, ...env }, detached: true, stdio: ["ignore", "pipe", "pipe"] }),
    { printed: "", said: "" },
  );
  child.stdout?.on("data", (data) => {
    child.printed += data;
  });
  child.stderr?.on("data", (data) => {
    child.said += data;
  });
  child.on("error", (error) => {
    child.said += error.message;
  });
  return child;
}

export function stop({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Resolves at the end of the process, rejects where it takes too long. */
export function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer in ${PATIENCE / 1000} s`)), PATIENCE);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    child.on("close", done);
    child.on("error", done);
  });
}

/** Until `attempt` succeeds. */
export async function eventually<T>(attempt: () => Promise<T>, patience = 20_000): Promise<T> {
  for (const from = Date.now(); ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() - from > patience) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** A port of the loopback that nobody has. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve((address as { port: number }).port));
    });
  });
}
