/** A model from where it is kept: a path or URL, a Response, or bytes that the caller already has. */

import { unlessAborted } from "./abort.ts";
import { kindOf, wrongKind } from "./arguments.ts";
import { FormatError } from "./errors.ts";

export interface LoadOptions {
  /** Stops loading. */
  readonly signal?: AbortSignal;
  /** Called with the bytes so far, and in total where the source tells. */
  readonly onProgress?: (loaded: number, total: number | undefined) => void;
  /** Used instead of the host's `fetch`. */
  readonly fetch?: (url: string | URL, init?: { signal?: AbortSignal }) => Promise<Response>;
}

/** Where a model comes from: a path, a URL, a Response, or its bytes. */
export type ModelSource = string | URL | Response | Uint8Array | ArrayBuffer;

/** Reads all bytes of a source. Paths and file: URLs go to the file system where the host has one. */
export async function loadBytes(source: ModelSource, options: LoadOptions = {}): Promise<Uint8Array> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  const found = await open(source, options);
  if (onProgress === undefined) return unlessAborted(bodyOf(found), signal);
  if (!isResponse(found)) {
    onProgress(found.length, found.length);
    return found;
  }
  const total = Number(found.headers.get("content-length")) || undefined;
  const parts: Uint8Array[] = [];
  let loaded = 0;
  const reader = found.body?.getReader();
  if (reader === undefined) return bodyOf(found);
  const read = () => unlessAborted(reader.read(), signal);
  try {
    for (let part = await read(); !part.done; part = await read()) {
      parts.push(part.value);
      loaded += part.value.length;
      onProgress(loaded, total);
    }
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** All bytes of a path, URL or Response. */
export async function readAll(source: string | URL | Response): Promise<Uint8Array> {
  return bodyOf(await open(source, {}));
}

async function bodyOf(found: Uint8Array | Response): Promise<Uint8Array> {
  return isResponse(found) ? new Uint8Array(await found.arrayBuffer()) : found;
}

/** The bytes of a file, or a Response with success. */
async function open(
  source: string | URL | Response,
  { signal, ...options }: LoadOptions,
): Promise<Uint8Array | Response> {
  if (!["String", "URL", "Response"].includes(kindOf(source))) {
    throw wrongKind("source", "a path, URL, Response or bytes", source);
  }
  let response = source as Response;
  if (!isResponse(source)) {
    const bytes = await readFile(source, signal);
    if (bytes !== undefined) return bytes;
    response = await (options.fetch ?? fetch)(source, { signal });
  }
  if (response.ok) return response;
  throw new FormatError("ERR_RESPONSE", `${response.url || "response"}: expected status 200; got ${response.status}.`);
}

/** By tag: asking for the global Response makes Node load its whole fetch, 25 ms. */
function isResponse(value: unknown): value is Response {
  return kindOf(value) === "Response";
}

/** undefined where the source is fetched: it has another scheme, or the host has no file system. */
async function readFile(source: string | URL, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
  const text = String(source);
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1].toLowerCase();
  if (scheme !== undefined && scheme !== "file") return undefined;
  const process = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  const files = process?.getBuiltinModule?.("node:fs") as typeof import("node:fs") | undefined;
  if (files === undefined) return undefined;
  const path = scheme === undefined ? text : new URL(text);
  // The callback form: fs.promises is a module of its own, which Node would load for this.
  return new Promise((resolve, reject) => {
    files.readFile(path, { signal }, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
}
