/**
 * A pickle of protocol 2 (PEP 307, Python's pickletools) → plain data. The machine holds nothing that could be called: a
 * global is a name, and it must be on a list; what calls one is recorded with its arguments and left to the reader. Its
 * 33 opcodes are those that torch itself accepts for weights (torch/_weights_only_unpickler.py).
 */

import type { FormatErrorCode } from "../../errors.ts";
import { decodeUtf8, show } from "../json.ts";
import { failure } from "../safetensors.ts";

export type Value = null | boolean | number | bigint | string | Tuple | List | Dict | Global | Call | Persistent;

export interface Tuple {
  readonly kind: "tuple";
  readonly items: readonly Value[];
}

export interface List {
  readonly kind: "list";
  readonly items: Value[];
}

/** Of {} and of OrderedDict. Keys that are no strings or numbers are compared by identity. */
export interface Dict {
  readonly kind: "dict";
  /** Absent while it is empty: a byte of the file makes one, and a Map takes 200. */
  entries?: Map<Value, Value>;
}

/** `module.name`: a name and nothing else. */
export interface Global {
  readonly kind: "global";
  readonly name: string;
}

/** What Python would have called, and with what. */
export interface Call {
  readonly kind: "call";
  readonly of: string;
  readonly items: readonly Value[];
}

/** Data that lies outside the pickle. */
export interface Persistent {
  readonly kind: "persistent";
  readonly id: Value;
}

export interface PickleLimits {
  readonly pickleBytes: number;
  readonly opcodes: number;
}

export const PICKLE_LIMITS: PickleLimits = {
  // Values take 10 to 30 times the memory of the pickle. Largest realistic: 2 MB, a checkpoint with 100,000 words.
  pickleBytes: 2 ** 24,
  // A tensor takes 30. Largest realistic: 500,000, that checkpoint with its optimizer.
  opcodes: 2 ** 21,
};

export interface PickleOptions {
  /** What the pickle is called in errors. */
  readonly path: string;
  /** Where it begins in the file. */
  readonly base: number;
  readonly limits: PickleLimits;
  /** Takes a global, or says why not: the error's code and what was expected. */
  readonly refuseGlobal: (name: string) => readonly [FormatErrorCode, expected: string, hint: string] | undefined;
}

/** Calls of this make a dict, for it is one. */
export const ORDERED_DICT = "collections.OrderedDict";

const MARK = Symbol("mark");

/** One pickle from the start of `bytes`: its value, the ids of what lies outside, and where it ends. */
export function readPickle(
  bytes: Uint8Array,
  { path, base, limits, refuseGlobal }: PickleOptions,
): { value: Value; persistent: Persistent[]; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const stack: (Value | typeof MARK)[] = [];
  const memo = new Map<number, Value>();
  const persistent: Persistent[] = [];
  let at = 0;
  let start = 0;

  function error(expected: string, got: string | number, code: FormatErrorCode = "ERR_PICKLE", hint?: string) {
    return failureAt(code, expected, got, start, hint);
  }

  function failureAt(code: FormatErrorCode, expected: string, got: string | number, to: number, hint?: string) {
    const where = base + to;
    return failure(code, `${path} at byte ${where}`, expected, hint ? `${got}.` : got, where, hint);
  }

  /** The place of the next `count` bytes. */
  function take(count: number): number {
    if (count > bytes.length - at) {
      throw failureAt("ERR_TRUNCATED", `${count} bytes`, bytes.length - at, at, "Is the file cut short?");
    }
    at += count;
    return at - count;
  }

  function text(count: number): string {
    const from = take(count);
    return decodeUtf8(bytes.subarray(from, at), path, base + from);
  }

  function pop(): Value {
    const value = stack.pop();
    if (value === undefined || value === MARK) throw error("a value on the stack", value ? "a mark" : "none");
    return value;
  }

  /** What lies above the last mark, which goes too. */
  function popMark(): Value[] {
    const mark = stack.lastIndexOf(MARK);
    if (mark < 0) throw error("a mark on the stack", "none");
    const items = stack.splice(mark) as Value[];
    items.shift();
    return items;
  }

  function popItems(count: number): Value[] {
    return Array.from({ length: count }, pop).reverse();
  }

  function top<K extends "dict" | "list">(kind: K): Extract<Value, { kind: K }> {
    const value = stack.at(-1);
    if (value === undefined || value === MARK || kindOf(value) !== kind) {
      throw error(`a ${kind} on the stack`, value === undefined || value === MARK ? "none" : describe(value));
    }
    return value as Extract<Value, { kind: K }>;
  }

  function setItems(pairs: readonly Value[]): void {
    if (pairs.length % 2 !== 0) throw error("keys and values in pairs", `${pairs.length} values`);
    const dict = top("dict");
    for (let i = 0; i < pairs.length; i += 2) {
      dict.entries ??= new Map();
      if (dict.entries.has(pairs[i])) throw error("every key once", describe(pairs[i]), "ERR_DUPLICATE");
      dict.entries.set(pairs[i], pairs[i + 1]);
    }
  }

  function recall(index: number): Value {
    const value = memo.get(index);
    if (value === undefined) throw error("an index of the memo", index);
    return value;
  }

  function remember(index: number): void {
    const value = stack.at(-1);
    if (value === undefined || value === MARK) throw error("a value on the stack", "none");
    memo.set(index, value);
  }

  /** Two lines of text. */
  function global(): Global {
    const [module, name] = [0, 0].map(() => {
      const end = bytes.indexOf(LINE_FEED, at);
      if (end < 0) throw failureAt("ERR_TRUNCATED", "a line", "the end", at);
      if (end - at > GLOBAL_BYTES) throw error(`a name of at most ${GLOBAL_BYTES} bytes`, end - at, "ERR_LIMIT");
      const line = text(end - at);
      at++;
      return line;
    });
    const full = `${module}.${name}`;
    const refused = refuseGlobal(full);
    if (refused === undefined) return { kind: "global", name: full };
    const [code, expected, hint] = refused;
    throw error(expected, show(full), code, hint);
  }

  function call(): Value {
    const args = pop();
    const callee = pop();
    if (kindOf(callee) !== "global") throw error("a global to call", describe(callee));
    if (kindOf(args) !== "tuple") throw error("a tuple of arguments", describe(args));
    const { name } = callee as Global;
    const { items } = args as Tuple;
    if (name !== ORDERED_DICT) return { kind: "call", of: name, items };
    if (items.length > 0) throw error("an OrderedDict that begins empty", `${items.length} arguments`);
    return { kind: "dict" };
  }

  /** State of an object: that of a state_dict is `_metadata`, the versions of its modules, which weights do not need. */
  function build(): void {
    const state = pop();
    top("dict");
    const keys = kindOf(state) === "dict" ? [...((state as Dict).entries?.keys() ?? [])] : [state];
    if (keys.length !== 1 || keys[0] !== "_metadata") {
      const got = keys.slice(0, 3).map(describe).join(", ");
      throw error("no state but the _metadata of a state_dict", got || "none");
    }
  }

  for (let count = 0; ; count++) {
    start = at;
    if (count === limits.opcodes) throw error(`at most ${limits.opcodes} opcodes`, "more", "ERR_LIMIT");
    const opcode = view.getUint8(take(1));
    if ((count === 0) !== (opcode === PROTO)) throw error("PROTO first and once", nameOf(opcode));
    switch (opcode) {
      case PROTO: {
        const version = view.getUint8(take(1));
        if (version !== 2)
          throw error("protocol 2", version, "ERR_VERSION", "torch.save writes it unless told otherwise.");
        break;
      }
      case 0x2e: {
        // .  STOP
        const value = pop();
        if (stack.length > 0) throw error("one value on the stack", stack.length + 1);
        return { value, persistent, end: at };
      }
      case 0x28: // (  MARK
        stack.push(MARK);
        break;
      case 0x7d: // }  EMPTY_DICT
        stack.push({ kind: "dict" });
        break;
      case 0x5d: // ]  EMPTY_LIST
        stack.push({ kind: "list", items: [] });
        break;
      case 0x29: // )  EMPTY_TUPLE
        stack.push({ kind: "tuple", items: [] });
        break;
      case 0x74: // t  TUPLE
        stack.push({ kind: "tuple", items: popMark() });
        break;
      case 0x85: // TUPLE1, 2, 3
      case 0x86:
      case 0x87:
        stack.push({ kind: "tuple", items: popItems(opcode - 0x84) });
        break;
      case 0x4e: // N  NONE
        stack.push(null);
        break;
      case 0x88: // NEWTRUE
        stack.push(true);
        break;
      case 0x89: // NEWFALSE
        stack.push(false);
        break;
      case 0x4a: // J  BININT
        stack.push(view.getInt32(take(4), true));
        break;
      case 0x4b: // K  BININT1
        stack.push(view.getUint8(take(1)));
        break;
      case 0x4d: // M  BININT2
        stack.push(view.getUint16(take(2), true));
        break;
      case 0x8a: {
        // LONG1: little endian, two's complement
        const length = view.getUint8(take(1));
        stack.push(integerOf(bytes.subarray(take(length), at)));
        break;
      }
      case 0x47: // G  BINFLOAT, big endian
        stack.push(view.getFloat64(take(8), false));
        break;
      case 0x58: // X  BINUNICODE
        stack.push(text(view.getUint32(take(4), true)));
        break;
      case 0x55: // U  SHORT_BINSTRING
        stack.push(text(view.getUint8(take(1))));
        break;
      case 0x68: // h  BINGET
        stack.push(recall(view.getUint8(take(1))));
        break;
      case 0x6a: // j  LONG_BINGET
        stack.push(recall(view.getUint32(take(4), true)));
        break;
      case 0x71: // q  BINPUT
        remember(view.getUint8(take(1)));
        break;
      case 0x72: // r  LONG_BINPUT
        remember(view.getUint32(take(4), true));
        break;
      case 0x63: // c  GLOBAL
        stack.push(global());
        break;
      case 0x52: // R  REDUCE
        stack.push(call());
        break;
      case 0x62: // b  BUILD
        build();
        break;
      case 0x73: // s  SETITEM
        setItems(popItems(2));
        break;
      case 0x75: // u  SETITEMS
        setItems(popMark());
        break;
      case 0x61: {
        // a  APPEND
        const item = pop();
        top("list").items.push(item);
        break;
      }
      case 0x65: {
        // e  APPENDS
        const items = popMark();
        const list = top("list");
        for (const item of items) list.items.push(item);
        break;
      }
      case 0x51: {
        // Q  BINPERSID
        const one: Persistent = { kind: "persistent", id: pop() };
        persistent.push(one);
        stack.push(one);
        break;
      }
      default:
        throw error("an opcode of plain data", nameOf(opcode));
    }
  }
}

const PROTO = 0x80;
const LINE_FEED = 10;

/** A module and a class of Python. Largest realistic: 100, a class in modules six deep. */
const GLOBAL_BYTES = 255;

/** Of what pickles of other kinds of objects use, by name. */
const REFUSED: Readonly<Record<number, string>> = {
  129: "NEWOBJ",
  130: "EXT1",
  131: "EXT2",
  132: "EXT4",
  139: "LONG4",
  140: "SHORT_BINUNICODE",
  141: "BINUNICODE8",
  142: "BINBYTES8",
  143: "EMPTY_SET",
  144: "ADDITEMS",
  145: "FROZENSET",
  146: "NEWOBJ_EX",
  147: "STACK_GLOBAL",
  148: "MEMOIZE",
  149: "FRAME",
  150: "BYTEARRAY8",
  151: "NEXT_BUFFER",
  152: "READONLY_BUFFER",
  66: "BINBYTES",
  67: "SHORT_BINBYTES",
  84: "BINSTRING",
  105: "INST",
  111: "OBJ",
};

function nameOf(opcode: number): string {
  const hex = `0x${opcode.toString(16).padStart(2, "0")}`;
  return REFUSED[opcode] ? `${hex} (${REFUSED[opcode]})` : hex;
}

/** A number where it is exact, as sizes are; else a bigint. */
function integerOf(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  value = BigInt.asIntN(8 * bytes.length, value);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function kindOf(value: Value): string {
  return typeof value === "object" && value !== null ? value.kind : value === null ? "none" : typeof value;
}

/** A value as it stands in messages: itself where it is short, else its kind. */
export function describe(value: Value): string {
  if (value === null) return "None";
  if (typeof value === "string") return show(value);
  if (typeof value === "bigint") return "an integer past 2⁵³";
  if (typeof value !== "object") return `${value}`;
  if (value.kind === "global") return show(value.name);
  if (value.kind === "call") return `a call of ${show(value.of)}`;
  return `a ${value.kind}`;
}
