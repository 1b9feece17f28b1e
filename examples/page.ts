/** The page of an example: its folder and the built package → files by name, and a server of them for this machine. */

import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const TYPES = new Map([
  [".html", "text/html; charset=utf-8"],
  [".css", "text/css; charset=utf-8"],
  [".js", "text/javascript; charset=utf-8"],
]);

/** page.ts as page.js, the audio thread's script as processor.js, and the HTML and CSS of the folder. */
export async function buildPage(folder: URL): Promise<Record<string, string>> {
  const here = fileURLToPath(folder);
  const { outputFiles } = await build({
    // The audio thread's script is a file of its own, since the page's policy allows no blob: scripts.
    entryPoints: { page: join(here, "page.ts"), processor: "sluice/graph/worklet-processor" },
    absWorkingDir: here,
    bundle: true,
    write: false,
    outdir: "/",
    format: "esm",
    target: "es2022",
    minify: true,
    logLevel: "warning",
  });
  const files = Object.fromEntries(outputFiles.map(({ path, text }) => [path.replace(/^.*[\\/]/, ""), text]));
  for (const name of readdirSync(here).filter((one) => /\.(html|css)$/.test(one))) {
    files[name] = readFileSync(join(here, name), "utf8");
  }
  return files;
}

/** Builds the page and serves it at http://localhost:8000/, or at --port. */
export async function servePage(folder: URL): Promise<void> {
  const { port } = parseArgs({ options: { port: { type: "string", default: "8000" } } }).values;
  const files = new Map(Object.entries(await buildPage(folder)));
  const server = createServer(({ url = "/" }, response) => {
    const [path] = url.slice(1).split("?");
    const name = path || "index.html";
    const body = files.get(name);
    if (body === undefined) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES.get(extname(name)), "cache-control": "no-store" }).end(body);
  });
  server.on("error", ({ message }) => {
    console.error(message);
    process.exit(1);
  });
  server.listen(Number(port), "127.0.0.1", () => console.log(`http://localhost:${port}/`));
}
