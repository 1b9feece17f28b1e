/** Archives and pickles for the tests of hostile files, made part by part so that any part may be wrong. */

import { deflateRawSync } from "node:zlib";
import { crc32 } from "../../src/formats/zip.ts";

export type Part = string | number | readonly number[] | Uint8Array;

/** Text as Latin-1, a number as so many bytes 0x01, a list as its bytes. */
export function bytes(...parts: Part[]): Uint8Array {
  const encode = (part: Part) => {
    if (typeof part === "number") return Buffer.alloc(part, 1);
    return typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part as Uint8Array);
  };
  return new Uint8Array(Buffer.concat(parts.map(encode)));
}

export const u16 = (value: number) => [value & 255, (value >> 8) & 255];
export const u32 = (value: number) => [...u16(value & 0xffff), ...u16(value >>> 16)];
export const u64 = (value: number | bigint) => [...new Uint8Array(BigUint64Array.of(BigInt(value)).buffer)];

/** The fields of both headers of a member; what is not said follows from `data`. */
interface Header {
  readonly name?: Part;
  readonly flags?: number;
  readonly method?: number;
  readonly crc?: number;
  readonly packed?: number;
  readonly size?: number;
  readonly extra?: Part;
}

export interface Member extends Header {
  readonly name: Part;
  readonly data?: Part;
  /** Packs the data (method 8), or is what lies there instead. */
  readonly deflate?: true | Part;
  readonly local?: Header & { readonly magic?: number };
  readonly central?: Header & {
    readonly magic?: number;
    readonly offset?: number;
    readonly disk?: number;
    readonly comment?: Part;
    readonly extraLength?: number;
  };
  /** After the data. */
  readonly descriptor?: Part;
}

export interface End {
  readonly before?: Part;
  readonly afterMembers?: Part;
  readonly disk?: number;
  readonly here?: number;
  readonly count?: number;
  readonly size?: number;
  readonly start?: number;
  readonly comment?: Part;
  readonly commentLength?: number;
  /** The zip64 end record and its locator, given the count, size and start of the directory and where they begin. */
  readonly wide?: (count: number, size: number, start: number, at: number) => Part;
}

export function zip(members: readonly Member[], end: End = {}): Uint8Array {
  const parts: Uint8Array[] = [bytes(end.before ?? [])];
  const directory: Uint8Array[] = [];
  let at = parts[0].length;
  for (const member of members) {
    const data = bytes(member.data ?? []);
    const packed = member.deflate === true ? new Uint8Array(deflateRawSync(data)) : bytes(member.deflate ?? data);
    const fields = {
      flags: 0,
      method: member.deflate === undefined ? 0 : 8,
      crc: crc32(data),
      packed: packed.length,
      size: data.length,
      extra: [] as Part,
    };
    const head = (own: Header): [number[], Uint8Array, Uint8Array] => {
      const { name, flags, method, crc, packed, size, extra } = { ...fields, ...member, ...own };
      const [nameBytes, extraBytes] = [bytes(name), bytes(extra)];
      const sizes = [...u32(crc), ...u32(packed), ...u32(size), ...u16(nameBytes.length), ...u16(extraBytes.length)];
      return [[...u16(20), ...u16(flags), ...u16(method), 0, 0, 0, 0, ...sizes], nameBytes, extraBytes];
    };
    const { local = {}, central = {} } = member;
    const after = bytes(member.descriptor ?? []);
    parts.push(bytes(u32(local.magic ?? 0x04034b50), ...head(local), packed, after));
    const [fixed, name, extra] = head(central);
    const comment = bytes(central.comment ?? []);
    if (central.extraLength !== undefined) fixed.splice(24, 2, ...u16(central.extraLength));
    const rest = [...u16(comment.length), ...u16(central.disk ?? 0), 0, 0, 0, 0, 0, 0, ...u32(central.offset ?? at)];
    directory.push(bytes(u32(central.magic ?? 0x02014b50), u16(20), fixed, rest, name, extra, comment));
    at += parts.at(-1)?.length ?? 0;
  }
  parts.push(bytes(end.afterMembers ?? []));
  at += parts.at(-1)?.length ?? 0;
  const all = bytes(...directory);
  const wide = bytes(end.wide?.(members.length, all.length, at, at + all.length) ?? []);
  const { disk = 0, count = members.length, here = count, size = all.length, start = at, comment = [] } = end;
  const said = end.commentLength ?? bytes(comment).length;
  const record = [u16(disk), u16(disk), u16(here), u16(count), u32(size), u32(start), u16(said)].flat();
  return bytes(...parts, all, wide, "PK\x05\x06", record, comment);
}

/** A zip64 end record with its locator. */
export function wideEnd(count: number, size: number, start: number, at: number): Part {
  const record = [u64(44), u16(45), u16(45), u32(0), u32(0), u64(count), u64(count), u64(size), u64(start)].flat();
  return bytes("PK\x06\x06", record, "PK\x06\x07", u32(0), u64(at), u32(1));
}

/** BINUNICODE of ASCII text. */
export const str = (text: string): Uint8Array => bytes("X", u32(text.length), text);

/** BININT1, BININT2, BININT, LONG1: the shortest. */
export function int(value: number): Uint8Array {
  if (value >= 0 && value < 256) return bytes("K", [value]);
  if (value >= 0 && value < 65536) return bytes("M", u16(value));
  if (value === (value | 0)) return bytes("J", u32(value >>> 0));
  return bytes([0x8a, 8], u64(BigInt.asUintN(64, BigInt(value))));
}

/** MARK … TUPLE */
export const tuple = (...items: Part[]): Uint8Array => bytes("(", ...items, "t");
export const counts = (sizes: readonly number[]): Uint8Array => tuple(...sizes.map(int));

/** GLOBAL */
export function named(full: string): Uint8Array {
  const dot = full.lastIndexOf(".");
  return bytes(`c${full.slice(0, dot)}\n${full.slice(dot + 1)}\n`);
}

/** GLOBAL, its arguments, REDUCE */
export const call = (full: string, ...args: Part[]): Uint8Array => bytes(named(full), tuple(...args), "R");

export const NO_HOOKS = bytes(named("collections.OrderedDict"), ")R");

interface Storage {
  readonly tag?: Part;
  readonly type?: Part;
  readonly key?: Part;
  readonly device?: Part;
  readonly count?: Part;
  readonly more?: Part;
}

/** A persistent id and BINPERSID: by default two floats under the key 0. */
export function storage({ tag, type, key, device, count, more = [] }: Storage = {}): Uint8Array {
  const id = [tag ?? str("storage"), type ?? named("torch.FloatStorage"), key ?? str("0"), device ?? str("cpu")];
  return bytes(tuple(...id, count ?? int(2), more), "Q");
}

interface Rebuild {
  readonly of?: string;
  readonly storage?: Part;
  readonly offset?: Part;
  readonly size?: Part;
  readonly stride?: Part;
  readonly hooks?: Part;
  readonly more?: Part;
}

/** A call of _rebuild_tensor_v2: by default the two floats of the storage 0. */
export function tensor(parts: Rebuild = {}): Uint8Array {
  const { offset = int(0), size = counts([2]), stride = counts([1]), hooks = NO_HOOKS, more = [] } = parts;
  const of = parts.of ?? "torch._utils._rebuild_tensor_v2";
  return call(of, parts.storage ?? storage(), offset, size, stride, "\x89", hooks, more);
}

/** {key: value, …} */
export const dict = (...pairs: [Part, Part][]): Uint8Array => bytes("}(", ...pairs.flat(), "u");

/** PROTO 2 … STOP */
export const pickle = (...parts: Part[]): Uint8Array => bytes("\x80\x02", ...parts, ".");

/** A file of torch.save around a pickle: two floats in the storage 0, unless other members are given. */
export function pt(data: Part, members: readonly Member[] = [{ name: "x/data/0", data: 8 }], version: Part = "3\n") {
  return zip([{ name: "x/data.pkl", data }, ...members, { name: "x/version", data: version }]);
}

/** A file whose state_dict is {"a": …}. */
export const one = (value: Part, members?: readonly Member[]) => pt(pickle(dict([str("a"), value])), members);

/** The stream of torch.save before 1.6. */
export function stream(parts: {
  magic?: Part;
  protocol?: Part;
  system?: Part;
  value?: Part;
  keys?: Part;
  data?: Part;
}): Uint8Array {
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  return bytes(
    pickle(parts.magic ?? magic),
    pickle(parts.protocol ?? int(1001)),
    pickle(parts.system ?? dict([str("little_endian"), "\x88"])),
    pickle(parts.value ?? dict([str("a"), tensor({ storage: storage({ more: "N" }) })])),
    pickle(parts.keys ?? bytes("](", str("0"), "e")),
    parts.data ?? bytes(u64(2), 8),
  );
}
