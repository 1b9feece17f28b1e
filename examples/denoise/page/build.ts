/** The sources of this folder and the built package → the files of the page, by name. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export async function buildPage(): Promise<Record<string, string>> {
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const { outputFiles } = await build({
    // The audio thread's script is a file of its own, since the page's policy allows no blob: scripts.
    entryPoints: { page: here("page.ts"), processor: "sluice/graph/worklet-processor" },
    absWorkingDir: here("."),
    bundle: true,
    write: false,
    outdir: "/",
    format: "esm",
    target: "es2022",
    minify: true,
    logLevel: "warning",
  });
  const files = Object.fromEntries(outputFiles.map(({ path, text }) => [path.replace(/^.*[\\/]/, ""), text]));
  for (const name of ["index.html", "page.css"]) files[name] = readFileSync(here(name), "utf8");
  return files;
}
