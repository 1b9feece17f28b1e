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

/**
 * page.ts as page.js, page.css with what it imports as style.css, index.html, and a file for each other thread, since the page's
 * policy allows no blob: scripts: worker.ts where there is one, and processor.ts, or else the audio thread's script of Sluice.
 */
export async function buildPage(folder: URL): Promise<Record<string, string>> {
  const here = fileURLToPath(folder);
  const names = readdirSync(here);
  const threads = ["worker", "processor"].filter((name) => names.includes(`${name}.ts`));
  const { outputFiles } = await build({
    entryPoints: {
      page: join(here, "page.ts"),
      style: join(here, "page.css"),
      processor: "sluice/graph/worklet-processor",
      ...Object.fromEntries(threads.map((name) => [name, join(here, `${name}.ts`)])),
    },
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
  files["index.html"] = readFileSync(join(here, "index.html"), "utf8");
  return files;
}

/** Builds the page and serves it at http://localhost:8000/, or at --port. */
export async function servePage(folder: URL): Promise<void> {
  const { port } = parseArgs({ options: { port: { type: "string", default: "8000" } } }).values;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
    console.error(`--port expected 0…65535, got ${port}`);
    process.exit(2);
  }
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
