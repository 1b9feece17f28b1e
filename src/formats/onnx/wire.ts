/**
 * The protobuf wire format → records, by a schema (protobuf.dev/programming-guides/encoding). Stricter than protobuf: a
 * field that the schema does not have, or a single field that comes twice, is an error. Every length is checked against
 * the file before anything is made of it; bytes are views of the file.
 */

import { FormatError, type FormatErrorCode } from "../../errors.ts";
import { decodeUtf8 } from "../json.ts";

/** What a field holds. int: a varint as int64. many: repeated, numbers packed or not. An unused field is checked and dropped. */
export type Kind = "int" | "uint" | "float" | "double" | "bytes" | "string" | "unused" | (() => Schema);

export interface FieldRule {
  readonly name: string;
  readonly kind: Kind;
  readonly many?: boolean;
}

/** A message: field number → rule. Messages contain themselves, so a field names its message by a function. */
export type Schema = ReadonlyMap<number, FieldRule>;

/** What decoding may cost; see limits.ts. */
export interface WireLimits {
  readonly depth: number;
  readonly messages: number;
}

type Item = number | string | Uint8Array | Message;

/** A decoded message: fields by name, arrays where repeated. `at` is its offset in the file, `path` where it stands. */
export interface Message {
  readonly at: number;
  readonly path: string;
  readonly fields: ReadonlyMap<string, Item | Item[]>;
}

export function wireError(code: FormatErrorCode, path: string, offset: number, expected: string, got: string | number) {
  const message = `${path} at byte ${offset}: expected ${expected}; got ${got}`;
  return new FormatError(code, message, { offset, path });
}

/** All of `bytes` as one message. */
export function decodeMessage(bytes: Uint8Array, schema: Schema, path: string, limits: WireLimits): Message {
  return new Decoder(bytes, limits).message(schema, 0, bytes.length, path, 0);
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

class Decoder {
  private at = 0;
  private messages = 0;
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly limits: WireLimits,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  message(schema: Schema, begin: number, end: number, path: string, depth: number): Message {
    const { limits } = this;
    if (depth > limits.depth)
      throw wireError("ERR_LIMIT", path, begin, `at most ${limits.depth} messages inside one another`, "more");
    if (++this.messages > limits.messages)
      throw wireError("ERR_LIMIT", path, begin, `at most ${limits.messages} messages in the file`, "more");
    const fields = new Map<string, Item | Item[]>();
    this.at = begin;
    while (this.at < end) {
      const start = this.at;
      const key = this.varint(end, path, true);
      const number = Math.floor(key / 8);
      const rule = schema.get(number);
      if (rule === undefined) throw wireError("ERR_PROTOBUF", path, start, "a field that ONNX has", `field ${number}`);
      this.field(rule, key % 8, fields, end, path, depth);
    }
    return { at: begin, path, fields };
  }

  private field(
    { name, kind, many }: FieldRule,
    wire: number,
    fields: Map<string, Item | Item[]>,
    end: number,
    parent: string,
    depth: number,
  ): void {
    const start = this.at;
    let list = fields.get(name) as Item[] | undefined;
    if (list !== undefined && !many && kind !== "unused")
      throw wireError("ERR_DUPLICATE", parent, start, `${name} once`, "it twice");
    if (list === undefined && many) {
      list = [];
      fields.set(name, list);
    }
    const path = many && typeof kind === "function" ? `${parent}.${name}[${list?.length}]` : `${parent}.${name}`;
    const scalar = kind === "int" || kind === "uint" ? VARINT : kind === "float" ? FIXED32 : FIXED64;
    if (typeof kind === "function" || kind === "bytes" || kind === "string" || kind === "unused") {
      if (kind === "unused" && wire === VARINT) {
        this.varint(end, path, true);
        return;
      }
      if (wire !== LENGTH) throw wireError("ERR_PROTOBUF", path, start, "wire type 2", wire);
      const stop = this.length(end, path);
      const from = this.at;
      const item =
        typeof kind === "function"
          ? this.message(kind(), from, stop, path, depth + 1)
          : kind === "string"
            ? decodeUtf8(this.bytes.subarray(from, stop), path, from)
            : this.bytes.subarray(from, stop);
      this.at = stop;
      if (kind === "unused") return;
      if (list) list.push(item);
      else fields.set(name, item);
    } else if (wire === LENGTH && list) {
      const stop = this.length(end, path);
      while (this.at < stop) list.push(this.number(kind, stop, path));
    } else if (wire === scalar) {
      const item = this.number(kind, end, path);
      if (list) list.push(item);
      else fields.set(name, item);
    } else throw wireError("ERR_PROTOBUF", path, start, `wire type ${scalar}${list ? " or 2" : ""}`, wire);
  }

  private number(kind: "int" | "uint" | "float" | "double", end: number, path: string): number {
    if (kind === "int" || kind === "uint") return this.varint(end, path, kind === "uint");
    const size = kind === "float" ? 4 : 8;
    const { at } = this;
    if (end - at < size) throw wireError("ERR_TRUNCATED", path, at, `${size} bytes of a ${kind}`, end - at);
    this.at += size;
    return kind === "float" ? this.view.getFloat32(at, true) : this.view.getFloat64(at, true);
  }

  /** The end of what a length announces. */
  private length(end: number, path: string): number {
    const { at } = this;
    const length = this.varint(end, path, true);
    if (length > end - this.at) throw wireError("ERR_TRUNCATED", path, at, `${length} bytes`, end - this.at);
    return this.at + length;
  }

  /** 64 bits, least significant seven first. Past ±2⁵³ the nearest f64, which is never infinite. */
  private varint(end: number, path: string, unsigned: boolean): number {
    const start = this.at;
    let low = 0;
    let high = 0;
    for (let i = 0; ; i++) {
      if (this.at >= end) throw wireError("ERR_TRUNCATED", path, start, "the rest of a varint", "the end");
      const byte = this.bytes[this.at++];
      if (i === 9 && byte > 1) throw wireError("ERR_PROTOBUF", path, start, "a varint of 64 bits", "more");
      const bits = byte & 0x7f;
      if (i < 4) low += bits * 2 ** (7 * i);
      else high += bits * 2 ** (7 * i - 28);
      if (byte < 0x80) break;
    }
    // low has 28 bits, high the 36 above them; a negative int64 has the topmost set.
    return !unsigned && high >= 2 ** 35 ? (high - 2 ** 36) * 2 ** 28 + low : high * 2 ** 28 + low;
  }
}

/** A field of a message, or undefined. Kinds were checked by the schema. */
export function field<T>(message: Message, name: string): T | undefined {
  return message.fields.get(name) as T | undefined;
}

/** A repeated field, empty where it is absent. */
export function items<T>(message: Message, name: string): readonly T[] {
  return (message.fields.get(name) as readonly T[] | undefined) ?? [];
}
