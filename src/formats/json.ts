/**
 * JSON text (RFC 8259) → values, strictly: what JSON.parse lets pass in silence (a key twice, a number that overflows
 * to infinity, a lone surrogate) is an error, and every error says where it stands. Objects become Maps, so that
 * `__proto__` is a key like any other. UTF-8 is coded by hand: audio worklets have no TextDecoder and no TextEncoder.
 */

import { FormatError, type FormatErrorCode } from "../errors.ts";
import { printable } from "../printable.ts";

export type JsonValue = null | boolean | number | string | JsonValue[] | Map<string, JsonValue>;

export interface JsonOptions {
  /** What the text is: the head of the paths in errors. */
  readonly path?: string;
  /** Where the text begins in its file: the offsets of errors count from there. */
  readonly base?: number;
  /** How many arrays and objects may lie inside one another. */
  readonly depth?: number;
}

/** Parses bytes, or text that is decoded already (JSON inside a JSON string), by recursive descent. */
export function parseJson(source: Uint8Array | string, options: JsonOptions = {}): JsonValue {
  const { path = "", base = 0, depth = 32 } = options;
  const text = typeof source === "string" ? source : decodeUtf8(source, path, base);
  /** Where it stands in the text. */
  let at = 0;
  const word = /[\w.+-]*/y;
  /** From the root to the value at hand: as many as there are open brackets. */
  const keys: (string | number)[] = [];

  const fail = (expected: string, code: FormatErrorCode = "ERR_JSON"): never => {
    const offset = base + encodeUtf8(text.slice(0, at)).length;
    const where = keys.reduce(pathTo, path);
    const got = at < text.length ? show(text.slice(at, at + 16)) : "the end";
    throw new FormatError(code, `${where || "JSON"} at byte ${offset}: expected ${expected}; got ${got}`, {
      offset,
      path: where,
    });
  };
  /** The next character that is not white space; "" at the end. */
  const peek = () => {
    while (at < text.length && " \n\r\t".includes(text.charAt(at))) at++;
    return text.charAt(at);
  };
  const take = (char: string) => peek() === char && ++at > 0;
  /** A string, number, true, false or null: JSON.parse is strict about these. */
  const token = (end: number, expected: string) => {
    try {
      return JSON.parse(text.slice(at, end));
    } catch {
      return fail(expected);
    }
  };
  /** By the engine's own searches: a loop over characters is slow before it is compiled. */
  const string = (): string => {
    let end = at;
    let escapes: number;
    do {
      end = text.indexOf('"', end + 1);
      if (end < 0) fail("a closing quote");
      escapes = 0;
      while (text.charAt(end - 1 - escapes) === "\\") escapes++;
    } while (escapes % 2 === 1);
    const result = token(end + 1, "JSON's escapes and no raw control characters");
    const escaped = result.length < end - at - 1;
    if (escaped && result.search(LONE_SURROGATES) >= 0) fail("surrogates in pairs", "ERR_UTF8");
    at = end + 1;
    return result;
  };
  const scalar = (): JsonValue => {
    word.lastIndex = at;
    word.test(text); // moves lastIndex to the end of the word
    const result = token(word.lastIndex, "a value");
    if (Math.abs(result) === Infinity) fail("a number in the range of f64");
    at = word.lastIndex;
    return result;
  };
  /** What stands between brackets: `one` reads an item or a member. */
  const list = (close: string, one: () => void) => {
    if (keys.length === depth) fail(`at most ${depth} levels of nesting`);
    at++;
    if (take(close)) return;
    do one();
    while (take(","));
    if (!take(close)) fail(`"," or "${close}"`);
  };
  const under = (key: string | number) => {
    keys.push(key);
    const item = value();
    keys.pop();
    return item;
  };
  const value = (): JsonValue => {
    const char = peek();
    if (char === '"') return string();
    if (char === "[") {
      const items: JsonValue[] = [];
      list("]", () => items.push(under(items.length)));
      return items;
    }
    if (char !== "{") return scalar();
    const map = new Map<string, JsonValue>();
    list("}", () => {
      if (peek() !== '"') fail("a key in quotes");
      const start = at;
      const key = string();
      if (map.has(key)) {
        at = start;
        fail("every key once", "ERR_DUPLICATE");
      }
      if (!take(":")) fail('":"');
      map.set(key, under(key));
    });
    return map;
  };

  const root = value();
  if (peek() !== "") fail("the end");
  return root;
}

/** With the flag u, a surrogate of a pair is not a character of its own. */
const LONE_SURROGATES = /[\ud800-\udfff]/gu;

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

  error(expected: string, got: string | number = show(this.value), hint?: string): FormatError {
    const { code, path } = this;
    return new FormatError(code, `${path || "JSON"}: expected ${expected}; got ${got}`, { hint, path });
  }

  /** The same field with another code. */
  as(code: FormatErrorCode): Field {
    return new Field(this.value, this.path, code);
  }

  string(): string {
    if (typeof this.value !== "string") throw this.error("a string");
    return this.value;
  }

  number(): number {
    if (typeof this.value !== "number") throw this.error("a number");
    return this.value;
  }

  /** Less than 2⁵³, which may have been 2⁵³ + 1 before it was rounded. Spelling does not count: 4.0 is 4, −0 is 0. */
  integer(min: number): number {
    const value = this.value as number;
    if (!Number.isSafeInteger(value) || value < min) throw this.error(`an integer ≥ ${min}`);
    return value + 0;
  }

  items(): Field[] {
    if (!Array.isArray(this.value)) throw this.error("an array");
    return this.value.map((item, i) => new Field(item, pathTo(this.path, i), this.code));
  }

  strings(): string[] {
    return this.items().map((item) => item.string());
  }

  numbers(): number[] {
    return this.items().map((item) => item.number());
  }

  /** The members of an object with any keys. */
  entries(): [string, Field][] {
    if (!(this.value instanceof Map)) throw this.error("an object");
    return Array.from(this.value, ([key, value]) => [key, new Field(value, pathTo(this.path, key), this.code)]);
  }

  /** The members of an object that has all the required keys and no others but optional ones. */
  fields<R extends string, O extends string = never>(
    required: readonly R[],
    optional: readonly O[] = [],
  ): Record<R, Field> & Partial<Record<O, Field>> {
    const known: readonly string[] = [...required, ...optional];
    const found: Record<string, Field> = Object.create(null);
    for (const [key, field] of this.entries()) {
      if (!known.includes(key)) throw this.error(`no fields but ${known.join(", ")}`, show(key));
      found[key] = field;
    }
    for (const key of required) if (!found[key]) throw this.error(`a field "${key}"`, "none");
    return found as Record<R, Field> & Partial<Record<O, Field>>;
  }
}

/** `nodes[3].attrs`; a key that would be unclear so stands in brackets: `attrs["a b"]`. */
function pathTo(parent: string, key: string | number): string {
  if (typeof key === "number") return `${parent}[${key}]`;
  if (!/^[\w./:-]{1,99}$/.test(key)) return `${parent}[${show(key)}]`;
  return parent === "" ? key : `${parent}.${key}`;
}

/** A value as it stands in messages: short, and without characters that are invisible or turn the line around. */
export function show(value: JsonValue): string {
  if (value instanceof Map) return "an object";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value !== "string") return `${value}`;
  return printable(JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value));
}

/** Bytes → text. Anything but well-formed UTF-8 is an error (Unicode, table 3-7): URI components are as strict. */
export function decodeUtf8(bytes: Uint8Array, path = "", base = 0): string {
  let latin1 = "";
  for (let i = 0; i < bytes.length; i += 4096) {
    latin1 += String.fromCharCode.apply(null, bytes.subarray(i, i + 4096) as unknown as number[]);
  }
  if (!/[\u0080-\u00ff]/.test(latin1)) return latin1;
  const decode = (some: string) => decodeURIComponent(escape(some));
  try {
    return decode(latin1);
  } catch {
    // As many bytes as the first of each asks for, until one does not decode.
    return latin1.replace(/[\x80-\xdf].?|[\xe0-\xef].{0,2}|[\xf0-\xff].{0,3}/gs, (sequence, at: number) => {
      try {
        return decode(sequence);
      } catch {
        const offset = base + at;
        const message = `${path || "text"} at byte ${offset}: expected UTF-8; got byte 0x${bytes[at].toString(16)}`;
        throw new FormatError("ERR_UTF8", message, { offset, path });
      }
    });
  }
}

/** Text → bytes, as TextEncoder does it: a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const latin1 = unescape(encodeURIComponent(text.replace(LONE_SURROGATES, "\ufffd")));
  const bytes = new Uint8Array(latin1.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = latin1.charCodeAt(i);
  return bytes;
}
