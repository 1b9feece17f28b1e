/**
 * Pages of a headless Chromium, driven over the DevTools protocol through a pipe (NUL-separated JSON on descriptors 3 and 4),
 * so that no driver has to be installed; and a server of files, each folder with its own headers.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import type { Readable, Writable } from "node:stream";

/** The browser of this machine: CHROMIUM says where another is. */
export const CHROMIUM: string | undefined = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== undefined && existsSync(path));

/** What stands behind the name of a test that is skipped. */
export const NO_CHROMIUM = CHROMIUM === undefined ? " (skipped: no Chromium; CHROMIUM names one)" : "";

export interface Page {
  /** The value of an expression, its promise awaited, as JSON has it; what it throws is thrown here. */
  evaluate(expression: string): Promise<unknown>;
  /** What the page said on its console, and what it did not catch. */
  readonly messages: readonly string[];
}

export interface TraceEvent {
  readonly name: string;
  readonly thread: string;
}

export interface Browser {
  /** A new page, loaded. */
  open(url: string): Promise<Page>;
  /** What the browser traced in these categories meanwhile, each event with the name of its thread. */
  trace(categories: readonly string[], meanwhile: () => Promise<void>): Promise<readonly TraceEvent[]>;
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  // biome-ignore lint/suspicious/noExplicitAny: the protocol has a type for each method
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly result?: any;
  readonly error?: { readonly message: string };
}

export async function openBrowser(flags: readonly string[] = []): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error("Chromium is not installed.");
  const profile = mkdtempSync(join(tmpdir(), "sluice-chromium-"));
  const child: ChildProcess = spawn(
    CHROMIUM,
    [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
      "--no-first-run",
      `--user-data-dir=${profile}`,
      "--remote-debugging-pipe",
      ...flags,
    ],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
  );
  const [, , , to, from] = child.stdio as unknown as [null, null, null, Writable, Readable];
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const waiting = new Map<number, { resolve(result: Message["result"]): void; reject(error: Error): void }>();
  const listeners = new Set<(message: Message) => void>();
  let last = 0;
  let rest = "";
  const receive = (text: string) => {
    const message = JSON.parse(text) as Message;
    const call = waiting.get(message.id ?? 0);
    waiting.delete(message.id ?? 0);
    if (message.error) call?.reject(new Error(message.error.message));
    else call?.resolve(message.result);
    if (message.method !== undefined) for (const listener of listeners) listener(message);
  };
  from.setEncoding("utf8").on("data", (part: string) => {
    const texts = (rest + part).split("\0");
    rest = texts.pop() as string;
    texts.forEach(receive);
  });
  to.on("error", () => {});
  ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error("Chromium has ended."));
  });

  const send = (method: string, params: object = {}, sessionId?: string): Promise<Message["result"]> =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      to.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
    });

  return {
    async open(url) {
      const { targetId } = await send("Target.createTarget", { url: "about:blank" });
      const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
      const messages: string[] = [];
      let loaded = () => {};
      const load = new Promise<void>((resolve) => {
        loaded = resolve;
      });
      listeners.add((message) => {
        if (message.sessionId !== sessionId) return;
        const { method, params } = message;
        if (method === "Page.loadEventFired") loaded();
        if (method === "Runtime.consoleAPICalled")
          messages.push(
            params.args.map((one: { value?: unknown; description?: string }) => one.value ?? one.description).join(" "),
          );
        if (method === "Runtime.exceptionThrown")
          messages.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
        if (method === "Log.entryAdded") messages.push(params.entry.text);
      });
      for (const domain of ["Page", "Runtime", "Log"]) await send(`${domain}.enable`, {}, sessionId);
      await send("Page.navigate", { url }, sessionId);
      await load;
      return {
        messages,
        async evaluate(expression) {
          const { result, exceptionDetails } = await send(
            "Runtime.evaluate",
            { expression, awaitPromise: true, returnByValue: true },
            sessionId,
          );
          if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
          return result.value;
        },
      };
    },
    async trace(includedCategories, meanwhile) {
      type Raw = { name: string; ph: string; pid: number; tid: number; args: { name: string } };
      const events: Raw[] = [];
      let complete = () => {};
      const completed = new Promise<void>((resolve) => {
        complete = resolve;
      });
      listeners.add(({ method, params }) => {
        if (method === "Tracing.dataCollected") events.push(...params.value);
        if (method === "Tracing.tracingComplete") complete();
      });
      await send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories } });
      await meanwhile();
      await send("Tracing.end");
      await completed;
      const key = ({ pid, tid }: Raw) => `${pid} ${tid}`;
      const names = new Map(
        events.filter(({ name }) => name === "thread_name").map((one) => [key(one), one.args.name]),
      );
      return events
        .filter(({ ph }) => ph !== "M")
        .map((one) => ({ name: one.name, thread: names.get(key(one)) ?? "" }));
    },
    async close() {
      await send("Browser.close").catch(() => {});
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

export interface Server {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the files of folders and texts. A request for /name/path is answered from `roots[name]`: a folder, or texts by path;
 * `headers[name]` goes with each answer. Requests are noted in `asked`.
 */
export async function serve(
  roots: Readonly<Record<string, string | Readonly<Record<string, string | Uint8Array>>>>,
  headers: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): Promise<Server & { readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    if (request.url === "/favicon.ico") return response.writeHead(204).end();
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    asked.push(path);
    const [, name, rest] = /^\/([^/]+)\/(.*)$/.exec(path) ?? [];
    const root = roots[name];
    try {
      const body = typeof root === "string" ? readFileSync(join(root, normalize(`/${rest}`))) : root?.[rest];
      if (body === undefined) throw new Error("nothing there");
      response.writeHead(200, { "content-type": TYPES[extname(rest)] ?? "application/octet-stream", ...headers[name] });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
