/**
 * Builds the page and serves it to this machine:
 *
 *     npm run build
 *     npx tsx examples/denoise/page/serve.ts        (--port 8000)
 */

import { createServer } from "node:http";
import { extname } from "node:path";
import { parseArgs } from "node:util";
import { buildPage } from "./build.ts";

const { port } = parseArgs({ options: { port: { type: "string", default: "8000" } } }).values;
const TYPES = new Map([
  [".html", "text/html; charset=utf-8"],
  [".css", "text/css; charset=utf-8"],
  [".js", "text/javascript; charset=utf-8"],
]);

const files = new Map(Object.entries(await buildPage()));
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
