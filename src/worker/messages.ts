/**
 * What crosses between a page and its worker: calls of methods on numbered objects, their answers, errors as plain data, and
 * which buffers of a value move instead of being copied.
 */

import { FormatError, ModelError, SessionError } from "../errors.ts";

/** Call `method` of object number `target`; number 0 makes runtimes and sessions. */
export interface Call {
  readonly id: number;
  readonly target: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: SentError };

/** What an answer says of an object that the worker has made: its number. */
export interface Made {
  readonly target: number;
}

/** An error that structured cloning would strip of its class, code and hint. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

const DETAILS = ["code", "hint", "offset", "path", "node", "tensor"] as const;

export function packError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), details: {} };
  const own = error as unknown as Record<string, unknown>;
  return {
    name: error.name,
    message: error.message,
    details: Object.fromEntries(DETAILS.filter((key) => own[key] !== undefined).map((key) => [key, own[key]])),
  };
}

/** The error again: of its class where that is one of ours or an argument's, else an Error of its name. */
export function unpackError({ name, message, details }: SentError): Error {
  const { code, hint } = details;
  const Sluice = { FormatError, ModelError, SessionError }[name];
  if (Sluice !== undefined) {
    // The constructor puts the hint behind the message.
    const bare = typeof hint === "string" ? message.slice(0, -hint.length - 1) : message;
    return new (Sluice as typeof ModelError)(code as "ERR_SHAPE", bare, details);
  }
  if (name === "TypeError") return new TypeError(message);
  if (name === "RangeError") return new RangeError(message);
  const error = new Error(message);
  error.name = name;
  return error;
}

/** The buffers of all typed arrays in a value of plain arrays, records and maps; each once. */
export function buffersOf(value: unknown, found: Set<ArrayBuffer> = new Set()): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (Array.isArray(value) || value instanceof Map) {
    for (const one of value.values()) buffersOf(one, found);
  } else if (Object.prototype.toString.call(value) === "[object Object]") {
    for (const one of Object.values(value as object)) buffersOf(one, found);
  }
  return found;
}
