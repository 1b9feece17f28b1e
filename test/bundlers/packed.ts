/** The package as its users get it: packed, and installed from the tarball into an empty folder. */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TOOLS = fileURLToPath(new URL("node_modules", import.meta.url));

export const HAS_TOOLS: boolean = existsSync(TOOLS);

/** What stands behind the name of a test that is skipped. */
export const NO_TOOLS = HAS_TOOLS ? "" : " (skipped: no tools; npm ci --prefix test/bundlers installs them)";

export interface Packed {
  readonly folder: string;
  readonly tarball: string;
  /** Runs a tool of test/bundlers, or one that the package brings, in the folder or one below it; its output. */
  tool(name: string, args: readonly string[], below?: string): string;
  remove(): void;
}

/** Packs what is built, and installs it beside the files of app/. */
export function installPacked(): Packed {
  const folder = mkdtempSync(join(tmpdir(), "sluice-packed-"));
  const npm = (cwd: string, ...args: string[]) =>
    execFileSync("npm", [...args, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd,
      encoding: "utf8",
    });
  const [{ filename }] = JSON.parse(npm(ROOT, "pack", "--json", "--pack-destination", folder));
  const tarball = join(folder, filename);
  const app = join(folder, "app");
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), '{ "private": true, "type": "module" }\n');
  npm(app, "install", "--offline", tarball);
  cpSync(fileURLToPath(new URL("app", import.meta.url)), app, { recursive: true });
  return {
    folder: app,
    tarball,
    tool(name, args, below = "") {
      const own = join(app, "node_modules", ".bin", name);
      const path = name === "node" ? process.execPath : existsSync(own) ? own : join(TOOLS, ".bin", name);
      try {
        return execFileSync(path, args, { cwd: join(app, below), encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      } catch (error) {
        const { stdout, stderr } = error as { stdout: string; stderr: string };
        throw new Error(`${name} ${args.join(" ")}\n${stdout}\n${stderr}`);
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
