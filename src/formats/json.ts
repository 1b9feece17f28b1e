/**
 * JSON text (RFC 8259) → values, strictly: what JSON.parse lets pass in silence (a key twice, a number that overflows
 * to infinity, a lone surrogate) is an error, and every error says where it stands. Objects become Maps, so that
 * `__proto__` is a key like any other. UTF-8 is coded by hand: audio worklets have no TextDecoder and no TextEncoder.
 */

import { FormatError, type FormatErrorCode } from "../errors.ts";

export type JsonValue = null | boolean | number | string | JsonValue[] | Map<string, JsonValue>;

export interface JsonOptions {
  /** What the text is: the head of the paths in errors. */
  readonly path?: string;
  /** Where the text begins in its file: the offsets of errors count from there. */
  readonly base?: number;
  /** How many arrays and objects may lie inside one another. */
  readonly depth?: number;
}

/** Parses bytes, or text that is decoded already (JSON inside a JSON string). */
export function parseJson(source: Uint8Array | string, options: JsonOptions = {}): JsonValue {
  const { path = "", base = 0, depth = 32 } = options;
  const parser = new Parser(typeof source === "string" ? source : decodeUtf8(source, path, base), path, base, depth);
  const root = parser.value();
  if (parser.peek() !== "") throw parser.error("the end");
  return root;
}

/** A recursive descent; `at` is where it stands in the text. */
class Parser {
  at = 0;
  /** From the root to the value at hand: as many as there are open brackets. */
  readonly keys: (string | number)[] = [];
  private readonly word = /[\w.+-]*/y;

  constructor(
    private readonly text: string,
    private readonly path: string,
    private readonly base: number,
    private readonly depth: number,
  ) {}

  error(expected: string, code: FormatErrorCode = "ERR_JSON"): FormatError {
    const { at, text } = this;
    const offset = this.base + encodeUtf8(text.slice(0, at)).length;
    const path = this.keys.reduce(pathTo, this.path);
    const got = at < text.length ? show(text.slice(at, at + 16)) : "the end";
    return new FormatError(code, `${path || "JSON"} at byte ${offset}: expected ${expected}; got ${got}`, {
      offset,
      path,
    });
  }

  /** The next character that is not white space; "" at the end. */
  peek(): string {
    const { text } = this;
    for (;;) {
      const char = text.charAt(this.at);
      if (char !== " " && char !== "\n" && char !== "\r" && char !== "\t") return char;
      this.at++;
    }
  }

  private take(char: string): boolean {
    if (this.peek() !== char) return false;
    this.at++;
    return true;
  }

  value(): JsonValue {
    switch (this.peek()) {
      case '"':
        return this.string();
      case "{":
        return this.object();
      case "[":
        return this.array();
      default:
        return this.scalar();
    }
  }

  private object(): Map<string, JsonValue> {
    this.open();
    const map = new Map<string, JsonValue>();
    if (this.take("}")) return map;
    do {
      if (this.peek() !== '"') throw this.error("a key in quotes");
      const start = this.at;
      const key = this.string();
      if (map.has(key)) {
        this.at = start;
        throw this.error("every key once", "ERR_DUPLICATE");
      }
      if (!this.take(":")) throw this.error('":"');
      this.keys.push(key);
      map.set(key, this.value());
      this.keys.pop();
    } while (this.take(","));
    if (!this.take("}")) throw this.error('"," or "}"');
    return map;
  }

  private array(): JsonValue[] {
    this.open();
    const items: JsonValue[] = [];
    if (this.take("]")) return items;
    do {
      this.keys.push(items.length);
      items.push(this.value());
      this.keys.pop();
    } while (this.take(","));
    if (!this.take("]")) throw this.error('"," or "]"');
    return items;
  }

  private open(): void {
    if (this.keys.length === this.depth) throw this.error(`at most ${this.depth} levels of nesting`);
    this.at++;
  }

  private string(): string {
    const { at, text } = this;
    let end = at + 1;
    let plain = true;
    for (let c = text.charCodeAt(end); c !== QUOTE && end < text.length; c = text.charCodeAt(end)) {
      plain &&= c >= 0x20 && c !== BACKSLASH;
      end += c === BACKSLASH ? 2 : 1;
    }
    if (end >= text.length) throw this.error("a closing quote");
    const result = plain
      ? text.slice(at + 1, end)
      : (this.token(end + 1, "JSON's escapes and no raw control characters") as string);
    if (!plain && LONE_SURROGATE.test(result)) throw this.error("surrogates in pairs", "ERR_UTF8");
    this.at = end + 1;
    return result;
  }

  private scalar(): JsonValue {
    const { word } = this;
    word.lastIndex = this.at;
    word.test(this.text); // moves lastIndex to the end of the word
    const result = this.token(word.lastIndex, "a value");
    if (Math.abs(result as number) === Infinity) throw this.error("a number in the range of f64");
    this.at = word.lastIndex;
    return result;
  }

  /** A string, number, true, false or null: JSON.parse is strict about these. */
  private token(end: number, expected: string): JsonValue {
    try {
      return JSON.parse(this.text.slice(this.at, end));
    } catch {
      throw this.error(expected);
    }
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** With the flag u, a surrogate of a pair is not a character of its own. */
const LONE_SURROGATE = /\p{Cs}/u;

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
  const text = JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** Bytes → text. Anything but well-formed UTF-8 is an error (Unicode, table 3-7). */
export function decodeUtf8(bytes: Uint8Array, path = "", base = 0): string {
  const points = new Uint32Array(bytes.length);
  let count = 0;
  for (let i = 0; i < bytes.length; ) {
    const start = i;
    const lead = bytes[i++];
    let point = lead;
    if (lead >= 0x80) {
      const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
      let valid = lead >= 0xc0 && lead < 0xf8;
      point = lead & (0x3f >> more);
      for (let k = 0; k < more; k++) {
        const next = bytes[i++]; // undefined past the end, and so no continuation
        valid &&= (next & 0xc0) === 0x80;
        point = (point << 6) | (next & 0x3f);
      }
      if (!valid || point < SMALLEST[more] || point > 0x10ffff || isSurrogate(point)) {
        const offset = base + start;
        const got = `byte 0x${lead.toString(16)}, which begins no well-formed sequence`;
        const message = `${path || "text"} at byte ${offset}: expected UTF-8; got ${got}`;
        throw new FormatError("ERR_UTF8", message, { offset, path });
      }
    }
    points[count++] = point;
  }
  let text = "";
  for (let i = 0; i < count; i += 4096) {
    text += String.fromCodePoint.apply(null, points.subarray(i, Math.min(i + 4096, count)) as unknown as number[]);
  }
  return text;
}

/** Text → bytes, as TextEncoder does it: a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(3 * text.length);
  let count = 0;
  for (const char of text) {
    let point = char.codePointAt(0) as number;
    if (isSurrogate(point)) point = 0xfffd;
    let more = 3;
    while (point < SMALLEST[more]) more--;
    bytes[count++] = LEAD[more] | (point >> (6 * more));
    while (more-- > 0) bytes[count++] = 0x80 | ((point >> (6 * more)) & 0x3f);
  }
  return bytes.slice(0, count);
}

/** By the number of continuation bytes: the smallest code point that has them, and the mark of their lead byte. */
const SMALLEST = [0, 0x80, 0x800, 0x10000];
const LEAD = [0, 0xc0, 0xe0, 0xf0];

function isSurrogate(point: number): boolean {
  return point >> 11 === 27; // 0xd800 … 0xdfff
}
