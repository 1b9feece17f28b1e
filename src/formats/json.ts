/**
 * JSON text (RFC 8259) → fields, strictly. The grammar is JSON.parse's; what that lets pass in silence is refused before:
 * bytes that are not UTF-8, a key twice, a number that overflows to infinity, a lone surrogate, deep nesting. UTF-8 goes
 * by way of percent escapes: audio worklets have no TextDecoder and no TextEncoder.
 */

import { FormatError, type FormatErrorCode } from "../errors.ts";

/** The members of an object are its own properties, `__proto__` too: read them with Object.entries. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
interface JsonObject {
  [key: string]: JsonValue;
}

/** Parses bytes, or text that is decoded already (JSON inside a JSON string). Path and code are those of the field. */
export function parseJson(source: Uint8Array | string, path: string, code: FormatErrorCode, depth = 32): Field {
  const json = new Field(null, path, "ERR_JSON");
  try {
    const text = typeof source === "string" ? source : decodeUtf8(source);
    checkTokens(text, depth, json);
    return new Field(JSON.parse(text), path, code);
  } catch (error) {
    if (error instanceof SyntaxError) json.fail("JSON", show(error.message));
    if (error instanceof URIError) json.as("ERR_UTF8").fail("UTF-8, surrogates in pairs", "other text");
    throw error;
  }
}

/** What matters beyond the grammar: brackets, strings (with the colon after a key), numbers without their sign. */
const TOKENS = /[[{]|[\]}]|"[^"]*"(?=\s*(:?))|\d[\w.+-]*/g;

/** Refuses what JSON.parse lets pass. Up to an error of the grammar the tokens are those that JSON.parse sees. */
function checkTokens(text: string, depth: number, json: Field): void {
  const open: Set<string>[] = []; // the keys so far of each array and object around the token
  const unescaped = text.replace(/\\./gs, "__"); // every quote in it bounds a string
  for (const { 0: token, 1: colon, index } of unescaped.matchAll(TOKENS)) {
    if (token === "[" || token === "{") {
      if (open.push(new Set()) > depth) json.fail(`at most ${depth} levels of nesting`, "more");
    } else if (token === "]" || token === "}") {
      open.pop();
    } else {
      const value = JSON.parse(text.slice(index, index + token.length));
      if (value === Infinity) json.fail("numbers in the range of f64", show(token));
      encodeURIComponent(value); // throws a URIError for a lone surrogate
      const keys = colon ? open.at(-1) : undefined;
      if (keys?.has(value)) json.as("ERR_DUPLICATE").fail("every key once", `${show(value)} twice`);
      keys?.add(value);
    }
  }
}

/**
 * A value and where it stands, for readers: each accessor gives the value as the kind it is asked for, or an error such
 * as `nodes[3].attrs.hiddenSize: expected an integer ≥ 1; got "8"`. The fields of a field have the code of its errors.
 */
export class Field {
  constructor(
    readonly value: JsonValue,
    readonly path: string,
    readonly code: FormatErrorCode,
  ) {}

  /** Throws: what the field was expected to be, and what it is. */
  fail(expected: string, got: string | number = show(this.value), hint?: string): never {
    const { code, path } = this;
    throw new FormatError(code, `${path}: expected ${expected}; got ${got}`, { hint, path });
  }

  /** The same field with another code. */
  as(code: FormatErrorCode): Field {
    return new Field(this.value, this.path, code);
  }

  /** For counts and sizes that belong to the field. */
  limit(count: number, most: number, unit: string): void {
    if (count > most) this.as("ERR_LIMIT").fail(`at most ${most} ${unit}`, count);
  }

  private kind<T extends JsonValue>(type: string, expected: string): T {
    if (typeName(this.value) !== type) this.fail(expected);
    return this.value as T;
  }

  string(): string {
    return this.kind("String", "a string");
  }

  number(): number {
    return this.kind("Number", "a number");
  }

  /** Less than 2⁵³, which may have been 2⁵³ + 1 before it was rounded. Spelling does not count: 4.0 is 4, −0 is 0. */
  integer(min: number): number {
    const value = this.value as number;
    if (!Number.isSafeInteger(value) || value < min) this.fail(`an integer ≥ ${min}`);
    return value + 0;
  }

  items(): Field[] {
    const items = this.kind<JsonValue[]>("Array", "an array");
    return items.map((item, i) => new Field(item, `${this.path}[${i}]`, this.code));
  }

  /** The members of an object with any keys. A key that would be unclear in a path stands in brackets: `attrs["a b"]`. */
  entries(): [string, Field][] {
    return Object.entries(this.kind<JsonObject>("Object", "an object")).map(([key, value]) => {
      const step = /^[\w./:-]{1,99}$/.test(key) ? `.${key}` : `[${show(key)}]`;
      return [key, new Field(value, this.path + step, this.code)];
    });
  }

  /** The members of an object that has all the required keys and no others but optional ones. */
  fields<R extends string, O extends string = never>(
    required: readonly R[],
    optional: readonly O[] = [],
  ): Record<R, Field> & Partial<Record<O, Field>> {
    const known: readonly string[] = [...required, ...optional];
    const found = new Map(this.entries());
    for (const key of [...found.keys(), ...required]) {
      const missing = !found.has(key);
      if (missing || !known.includes(key))
        this.fail(`the fields ${known.join(", ")}`, `${missing ? "no " : ""}${show(key)}`);
    }
    return Object.fromEntries(found) as Record<R, Field> & Partial<Record<O, Field>>;
  }
}

/** `instanceof` fails across realms. */
export function typeName(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** A value as it stands in messages: short, and without characters that are invisible or turn the line around. */
export function show(value: JsonValue): string {
  const text = JSON.stringify(value).replace(/^(.{100}).+/s, "$1…");
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** Bytes → text. Where they are not well-formed UTF-8, decodeURIComponent throws its URIError. */
export function decodeUtf8(bytes: Uint8Array): string {
  const escapes = Array.from({ length: 256 }, (_, byte) => `%${(256 + byte).toString(16).slice(1)}`);
  let text = "";
  let escaped = "";
  for (const byte of bytes) {
    // Some thousand bytes at a time, and never between the bytes of a character.
    if (escaped.length > 9999 && (byte & 0xc0) !== 0x80) {
      text += decodeURIComponent(escaped);
      escaped = "";
    }
    escaped += escapes[byte];
  }
  return text + decodeURIComponent(escaped);
}

/** Well-formed text → bytes. */
export function encodeUtf8(text: string): Uint8Array {
  const latin1 = encodeURIComponent(text).replace(/%(..)/g, (_, hex) => String.fromCharCode(Number(`0x${hex}`)));
  return Uint8Array.from(latin1, (char) => char.charCodeAt(0));
}
