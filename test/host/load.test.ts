/** `loadBytes`: every kind of source, what is told while it loads, and what stops it. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { loadBytes } from "../../src/load.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice load "));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "three bytes");
writeFileSync(path, Uint8Array.of(1, 2, 3));

const THREE = Uint8Array.of(1, 2, 3);
const answering = (response: () => Response) => ({ fetch: async () => response() });

describe("the bytes of a model come from", () => {
  it.each<[string, Parameters<typeof loadBytes>[0]]>([
    ["a path", path],
    ["a file: URL", pathToFileURL(path)],
    ["a file: URL as text", pathToFileURL(path).href],
    ["a Response", new Response(THREE)],
    ["bytes", THREE],
    ["an ArrayBuffer", THREE.buffer],
  ])("%s", async (_, source) => {
    expect([...(await loadBytes(source))]).toEqual([1, 2, 3]);
  });

  it("any other URL through fetch, with the signal", async () => {
    const { signal } = new AbortController();
    const calls: unknown[] = [];
    const fetch = async (...call: unknown[]) => {
      calls.push(call);
      return new Response(THREE);
    };
    expect([...(await loadBytes("https://example.org/model", { fetch, signal }))]).toEqual([1, 2, 3]);
    expect(calls).toEqual([["https://example.org/model", { signal }]]);
  });
});

describe("while a model loads", () => {
  it.each([
    ["with a length", { headers: { "content-length": "3" } }, 3],
    ["without one", {}, undefined],
  ])("progress is told, %s", async (_, init, total) => {
    const told: unknown[] = [];
    const onProgress = (...progress: unknown[]) => told.push(progress);
    expect([...(await loadBytes(new Response(THREE, init), { onProgress }))]).toEqual([1, 2, 3]);
    expect(told).toEqual([[3, total]]);
  });

  it("a file's progress is told once, an empty answer's never", async () => {
    const told: unknown[] = [];
    const onProgress = (...progress: unknown[]) => told.push(progress);
    await loadBytes(path, { onProgress });
    await loadBytes(new Response(null), { onProgress });
    expect(told).toEqual([[3, 3]]);
  });

  it.each([[{}], [{ onProgress: () => {} }]])("a signal stops it while the body is silent: %o", async (options) => {
    let cancelled = false;
    const body = new ReadableStream({
      cancel: () => {
        cancelled = true;
      },
    });
    const controller = new AbortController();
    const loading = loadBytes(new Response(body), { ...options, signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 5);
    await expect(loading).rejects.toThrow("enough");
    expect(cancelled).toBe("onProgress" in options);
  });

  it("a signal stops it before anything is opened", async () => {
    await expect(loadBytes(THREE, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("what is no source", () => {
  it("is an answer with another status than success: ERR_RESPONSE, with its address", async () => {
    const missing = answering(() => new Response("no", { status: 404 }));
    await expect(loadBytes("https://example.org/model", missing)).rejects.toMatchObject({
      name: "FormatError",
      code: "ERR_RESPONSE",
      message: "response: expected status 200; got 404.",
    });
  });

  it("is anything else: a TypeError", async () => {
    await expect(loadBytes(3 as never)).rejects.toThrow(
      new TypeError('"source" expected a path, URL, Response or bytes, got Number'),
    );
  });
});
