/** Pages of a headless Firefox, driven by WebDriver BiDi, which it speaks itself: no driver has to be installed. */

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "./chromium.ts";

/** The browser of this machine: FIREFOX says where another is. */
export const FIREFOX: string | undefined = [process.env.FIREFOX, "/usr/bin/firefox-esr", "/usr/bin/firefox"].find(
  (path) => path !== undefined && existsSync(path),
);

/** What stands behind the name of a test that is skipped. */
export const NO_FIREFOX = FIREFOX === undefined ? " (skipped: no Firefox; FIREFOX names one)" : "";

/** A value as BiDi writes it, of those that JSON has. */
type Remote =
  | { readonly type: "undefined" | "null" }
  | { readonly type: "string" | "number" | "boolean"; readonly value: unknown }
  | { readonly type: "array"; readonly value: readonly Remote[] }
  | { readonly type: "object"; readonly value: readonly (readonly [string, Remote])[] };

function local(remote: Remote): unknown {
  if (remote.type === "array") return remote.value.map(local);
  if (remote.type === "object") return Object.fromEntries(remote.value.map(([key, value]) => [key, local(value)]));
  return "value" in remote ? remote.value : remote.type === "null" ? null : undefined;
}

/** Plays without being clicked, and has a microphone that hums. */
const PREFERENCES = {
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "media.autoplay.default": 0,
  "media.navigator.permission.disabled": true,
  "media.navigator.streams.fake": true,
};

export async function openFirefox(): Promise<Pick<Browser, "open" | "close">> {
  if (FIREFOX === undefined) throw new Error("Firefox is not installed.");
  const profile = mkdtempSync(join(tmpdir(), "sluice-firefox-"));
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${value});\n`);
  writeFileSync(join(profile, "user.js"), lines.join(""));
  const child = spawn(FIREFOX, ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: "1" },
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const address = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const [, found] = /WebDriver BiDi listening on (ws:\S+)/.exec(said) ?? [];
      if (found) resolve(found);
    });
    ended.then(() => reject(new Error(`Firefox has ended: ${said.slice(-400)}`)));
  });
  const socket = new WebSocket(`${address}/session`);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`Firefox does not answer at ${address}.`));
  });

  // biome-ignore lint/suspicious/noExplicitAny: the protocol has a type for each method
  type Any = any;
  const waiting = new Map<number, { resolve(result: Any): void; reject(error: Error): void }>();
  /** What each page said. */
  const said = new Map<string, string[]>();
  let last = 0;
  socket.onmessage = ({ data }) => {
    const { id, type, result, message, params } = JSON.parse(data);
    if (type === "event") said.get(params.source?.context)?.push(params.text);
    else if (type === "error") waiting.get(id)?.reject(new Error(message));
    else waiting.get(id)?.resolve(result);
    waiting.delete(id);
  };
  socket.onclose = () => {
    for (const { reject } of waiting.values()) reject(new Error("Firefox has ended."));
  };
  const send = (method: string, params: object = {}): Promise<Any> =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  await send("session.new", { capabilities: {} });
  await send("session.subscribe", { events: ["log.entryAdded"] });

  return {
    async open(url) {
      const { context } = await send("browsingContext.create", { type: "tab" });
      const messages: string[] = [];
      said.set(context, messages);
      await send("browsingContext.navigate", { context, url, wait: "complete" });
      return {
        messages,
        async evaluate(expression) {
          const target = { context };
          const { exceptionDetails, result } = await send("script.evaluate", {
            expression,
            target,
            awaitPromise: true,
          });
          if (exceptionDetails) throw new Error(exceptionDetails.text);
          return local(result);
        },
      };
    },
    async close() {
      await send("browser.close").catch(() => {});
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
