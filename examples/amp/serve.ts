/** page.ts → a bundle, served with the page at http://localhost:8000 under a strict policy. Argument: another port. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const bundle = async (entry: string) =>
  (await build({ entryPoints: [entry], bundle: true, format: "esm", target: "es2022", write: false })).outputFiles[0]
    .text;
const files = new Map([
  ["/", ["text/html; charset=utf-8", readFileSync(here("index.html"), "utf8")]],
  ["/style.css", ["text/css", readFileSync(here("style.css"), "utf8")]],
  ["/page.js", ["text/javascript", await bundle(here("page.ts"))]],
  ["/processor.js", ["text/javascript", readFileSync(here("../../dist/graph-worklet-processor.js"), "utf8")]],
]);
const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:";
const port = Number(process.argv[2] ?? 8000);
createServer(({ url = "/" }, response) => {
  const [type, body] = files.get(url) ?? [];
  if (body === undefined) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": type, "content-security-policy": policy }).end(body);
}).listen(port, "127.0.0.1", () => console.log(`http://localhost:${port}`));
