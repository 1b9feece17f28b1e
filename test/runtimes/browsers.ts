/**
 * The rows of browsers: each opens a page of a server on the loopback, and the page posts what it, a dedicated worker and an
 * audio worklet answer. No driver is needed.
 */

import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { bundle, makeFolder, outputOf, PATIENCE, ROOT, removeFolder, start, stop } from "./files.ts";
import type { Answer } from "./program.ts";
import type { Host } from "./servers.ts";

const IMPORTS = `
import * as sluice from "sluice";
import { checkPool, measure } from "program";
const answer = () => measure(sluice, () => (globalThis.performance ?? Date).now());
`;

const WORKER = `${IMPORTS}
answer().then((answer) => postMessage({ answer }), (error) => postMessage({ error: String(error?.stack ?? error) }));
`;

const WORKLET = `${IMPORTS}
registerProcessor("sluice", class extends AudioWorkletProcessor {
  constructor() {
    super();
    answer().then((answer) => this.port.postMessage({ answer }),
      (error) => this.port.postMessage({ error: String(error?.stack ?? error) }));
  }
  process() {
    return false;
  }
});
`;

const PAGE = `${IMPORTS}
const PLACES = {
  page: async () => ({ answer: await answer() }),
  worker: () => new Promise((resolve, reject) => {
    const worker = new Worker("worker.js", { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message || "the worker did not start"));
  }),
  worklet: async () => {
    const context = new OfflineAudioContext(1, 128, 48000);
    await context.audioWorklet.addModule("worklet.js");
    const node = new AudioWorkletNode(context, "sluice");
    const answered = new Promise((resolve) => {
      node.port.onmessage = ({ data }) => resolve(data);
    });
    node.connect(context.destination);
    await context.startRendering();
    return answered;
  },
  pool: async () => ({ answer: await checkPool(sluice, await import(new URL("pool.js", location.href).href)) }),
};
for (const [place, run] of Object.entries(PLACES)) {
  const data = await run().catch((error) => ({ error: String(error?.stack ?? error) }));
  await fetch("answer?" + place, { method: "POST", body: JSON.stringify(data) });
}
`;

interface Answered {
  readonly answer?: Answer;
  readonly error?: string;
}

/** Opens the page in a browser; resolves to what each place has answered, or says that it has not. */
async function runBrowser(command: string, argsOf: (folder: string, url: string) => string[]) {
  const files = new Map<string, readonly string[]>([
    ...["pool.js", "index.js"].map(
      (name) => [`/${name}`, ["text/javascript", readFileSync(join(ROOT, "dist", name), "utf8")]] as const,
    ),
    ["/", ["text/html", '<!doctype html><title>Sluice</title><script type="module" src="page.js"></script>']],
    ...(await Promise.all(
      Object.entries({ page: PAGE, worker: WORKER, worklet: WORKLET }).map(
        async ([name, code]) =>
          [`/${name}.js`, ["text/javascript", await bundle(code, { entry: "index.js" })]] as const,
      ),
    )),
  ]);
  const answers = new Map<string, Answered>();
  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url as string, "http://localhost");
    if (pathname === "/answer") {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part);
      answers.set(search.slice(1), JSON.parse(Buffer.concat(parts).toString()));
      response.end();
      return;
    }
    const [type, text] = files.get(pathname) ?? [];
    response.writeHead(text === undefined ? 404 : 200, { "content-type": type ?? "text/plain" }).end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const folder = makeFolder();
  mkdirSync(join(folder, "profile"));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const browser = start(command, argsOf(join(folder, "profile"), url), folder, { HOME: folder });
  const from = Date.now();
  while (answers.size < PLACES.length && Date.now() - from < PATIENCE && browser.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  stop(browser);
  server.close();
  server.closeAllConnections();
  await new Promise((resolve) => setTimeout(resolve, 200));
  removeFolder(folder);
  return { answers, said: browser.said };
}

/** What the page's answers are called, and their rows. */
const PLACES = [
  ["page", "page"],
  ["worker", "dedicated worker"],
  ["worklet", "audio worklet"],
  ["pool", "page"],
] as const;

/** The rows of one browser, which is started once; the last is its pool's. */
function browser(
  name: string,
  command: string,
  version: readonly string[],
  argsOf: (profile: string, url: string) => string[],
): Host[] {
  let running: ReturnType<typeof runBrowser> | undefined;
  return PLACES.map(([place, text]) => ({
    name: `${name}, ${text}`,
    version: () => outputOf(version[0], version.slice(1), "."),
    async run() {
      running ??= runBrowser(command, argsOf);
      const { answers, said } = await running;
      const { answer, error = `no answer: ${said.slice(-400)}` } = answers.get(place) ?? {};
      if (answer === undefined) throw new Error(error);
      return answer;
    },
  }));
}

/** Debian keeps WebKitGTK's browser beside its library. */
const MINI_BROWSER =
  ["x86_64", "aarch64"].map((cpu) => `/usr/lib/${cpu}-linux-gnu/webkit2gtk-4.1/MiniBrowser`).find(existsSync) ??
  "MiniBrowser";

const rows: readonly (readonly Host[])[] = [
  browser("Chromium", "chromium", ["chromium", "--version"], (profile, url) => [
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    `--user-data-dir=${profile}`,
    url,
  ]),
  browser("Firefox", "firefox-esr", ["firefox-esr", "--version"], (profile, url) => [
    "--headless",
    "--no-remote",
    "--profile",
    profile,
    url,
  ]),
  browser("WebKitGTK", "xvfb-run", ["xvfb-run", "-a", MINI_BROWSER, "--version"], (_, url) => [
    "-a",
    MINI_BROWSER,
    url,
  ]),
];

export const BROWSERS: readonly Host[] = rows.flatMap((all) => all.slice(0, -1));
export const BROWSER_POOLS: readonly Host[] = rows.flatMap((all) => all.slice(-1));
