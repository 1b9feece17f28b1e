/**
 * The two containers of torch.save → the pickled value, and the bytes of each storage. Since 1.6 a zip archive: NAME/data.pkl,
 * NAME/data/KEY, NAME/version, …; before that a stream: three pickles that say how it is made, the value, the list of storage
 * keys, and each storage behind its number of elements (torch/serialization.py). What else torch writes is refused by name.
 */

import { ARRAYS } from "../../tensor.ts";
import { refuseOther } from "../foreign.ts";
import { decodeUtf8, show } from "../json.ts";
import { failure } from "../safetensors.ts";
import { firstMember, readZip, unpack, ZIP_LIMITS, type ZipLimits, type ZipMember } from "../zip.ts";
import {
  type Dict,
  describe,
  kindOf,
  type List,
  PICKLE_LIMITS,
  type PickleLimits,
  readPickle,
  type Value,
} from "./pickle.ts";
import { refuseGlobal, type StorageInfo, storagesOf } from "./storage.ts";

export interface ArchiveLimits extends ZipLimits, PickleLimits {}

export const ARCHIVE_LIMITS: ArchiveLimits = { ...ZIP_LIMITS, ...PICKLE_LIMITS };

export interface Archive {
  /** What was given to torch.save. */
  readonly value: Value;
  /** What its pickle is called in errors. */
  readonly path: string;
  /** Of a storage that the value refers to: a view of the file, checked. */
  bytesOf(storage: StorageInfo): Uint8Array;
}

/** The version is 3 since 1.5; torch reads 1 to 10 alike (caffe2/serialize/versions.h). */
const VERSIONS = [1, 10] as const;

/** How the stream's first pickle begins: PROTO 2, LONG1 of 10 bytes, the number 0x1950a86a20f9469cfc6c. */
const STREAM = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

const RESAVE = 'Load it in PyTorch and save it again: torch.save(torch.load(path), "weights.pt").';

export function readArchive(bytes: Uint8Array, limits: ArchiveLimits): Archive {
  const head = String.fromCharCode(...bytes.subarray(0, STREAM.length));
  if (head.startsWith("PK")) return readZipArchive(bytes, limits);
  if (head === STREAM) return readStream(bytes, limits);
  const tar = String.fromCharCode(...bytes.subarray(257, 262)) === "ustar";
  if (tar) throw failure("ERR_FOREIGN_FORMAT", "file", WANTED, "a tar archive, as before 0.1.10.", 0, RESAVE);
  if (head.startsWith("\x80")) {
    throw failure("ERR_FOREIGN_FORMAT", "file", WANTED, "a pickle that torch.save did not write.", 0, RESAVE);
  }
  return refuseOther(bytes, WANTED);
}

const WANTED = "a file of torch.save";

/** By the first bytes: the stream, or a zip archive whose first member is one that torch writes. */
export function isArchive(bytes: Uint8Array): boolean {
  const name = firstMember(bytes);
  if (name === undefined) return bytes[0] === 0x80 || String.fromCharCode(...bytes.subarray(257, 262)) === "ustar";
  return /^[^/]+\/(data\.pkl|data\/|version|byteorder|constants\.pkl|code\/|\.)/.test(name);
}

/** Members beside the pickle and the storages, below the root. */
const BESIDE = ["version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"];

function readZipArchive(bytes: Uint8Array, limits: ArchiveLimits): Archive {
  const members = readZip(bytes, limits);
  const names = [...members.keys()];
  const pickle = names.find((name) => /^[^/]+\/data\.pkl$/.test(name));
  const isScript = (name: string) => /^[^/]+\/(code\/|constants\.pkl$)/.test(name);
  if (names.some(isScript)) {
    const hint = 'Save its weights: torch.save(torch.jit.load(path).state_dict(), "weights.pt").';
    throw failure("ERR_FOREIGN_FORMAT", "file", "a state_dict", "a TorchScript program.", 0, hint);
  }
  if (pickle === undefined) {
    let got = "another zip archive.";
    if (members.has("config.json")) got = "a Keras model.";
    else if (names.length > 0 && names.every((name) => name.endsWith(".npy"))) got = "NumPy arrays (.npz).";
    const hint = 'Import from "sluice/all", which reads every format.';
    throw failure("ERR_FOREIGN_FORMAT", "file", `${WANTED} with NAME/data.pkl`, got, 0, hint);
  }
  const root = pickle.slice(0, -"data.pkl".length);
  const text = (name: string): string | undefined => {
    const member = members.get(root + name);
    if (member === undefined) return undefined;
    if (member.size > 99) throw failure("ERR_LIMIT", member.name, "at most 99 bytes", member.size, member.offset);
    return decodeUtf8(unpack(member), member.name, member.offset).trim();
  };
  const version = text("version");
  if (version === undefined || !(Number(version) >= VERSIONS[0] && Number(version) <= VERSIONS[1])) {
    throw failure("ERR_VERSION", `${root}version`, `${VERSIONS.join(" to ")}`, show(version ?? null));
  }
  const format = text(".format_version") ?? "1";
  if (format !== "1") throw failure("ERR_VERSION", `${root}.format_version`, "1", show(format));
  const order = text("byteorder") ?? "little";
  if (order !== "little") {
    const hint = "Load it in PyTorch on a machine of today and save it again.";
    throw failure("ERR_VERSION", `${root}byteorder`, "little", `${show(order)}.`, undefined, hint);
  }

  const { offset, size } = members.get(pickle) as ZipMember;
  if (size > limits.pickleBytes) {
    throw failure("ERR_LIMIT", pickle, `at most ${limits.pickleBytes} bytes`, size, offset);
  }
  const data = unpack(members.get(pickle) as ZipMember);
  const base = offset;
  const { value, persistent, end } = readPickle(data, { path: pickle, base, limits, refuseGlobal });
  if (end !== data.length) throw failure("ERR_PICKLE", pickle, "its end after STOP", `${data.length - end} bytes more`);
  const storages = storagesOf(persistent, pickle);
  for (const name of names) {
    const key = name.startsWith(`${root}data/`) ? name.slice(root.length + 5) : undefined;
    if (name === pickle || (key !== undefined && storages.has(key)) || BESIDE.includes(name.slice(root.length)))
      continue;
    throw failure("ERR_ZIP", name, "a member that the pickle refers to", "another");
  }
  return {
    value,
    path: pickle,
    bytesOf({ key, bytes: expected }) {
      const name = `${root}data/${key}`;
      const member = members.get(name);
      if (member === undefined) throw failure("ERR_TRUNCATED", name, `a storage of ${expected} bytes`, "none");
      if (member.size !== expected) {
        throw failure("ERR_SIZE", name, `${expected} bytes, as the pickle says`, member.size, member.offset);
      }
      return unpack(member);
    },
  };
}

function readStream(bytes: Uint8Array, limits: ArchiveLimits): Archive {
  if (bytes.length > limits.fileBytes) {
    throw failure("ERR_LIMIT", "file", `at most ${limits.fileBytes} bytes`, bytes.length, 0);
  }
  let at = 0;
  const next = (path: string) => {
    // The stream does not say how long a pickle is: the limit cuts what the machine can see.
    const rest = bytes.subarray(at, at + limits.pickleBytes);
    const pickle = readPickle(rest, { path, base: at, limits, refuseGlobal });
    at += pickle.end;
    return pickle;
  };
  next("magic");
  const protocol = next("protocol").value;
  if (protocol !== 1001) throw failure("ERR_VERSION", "protocol", "1001", describe(protocol));
  const system = next("system").value;
  const little = kindOf(system) === "dict" ? (system as Dict).entries?.get("little_endian") : undefined;
  if (little !== true) {
    throw failure("ERR_VERSION", "system", "little_endian True", little === undefined ? "none" : describe(little));
  }
  const { value, persistent } = next("pickle");
  const storages = storagesOf(persistent, "pickle");
  const keys = next("keys").value;
  const list: readonly Value[] = kindOf(keys) === "list" ? (keys as List).items : [];
  if (list.length !== storages.size || new Set(list).size !== list.length) {
    throw failure("ERR_PICKLE", "keys", `the keys of ${storages.size} storages`, `${list.length} keys`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const places = new Map<string, number>();
  for (const key of list) {
    const storage = storages.get(key as string);
    if (storage === undefined) throw failure("ERR_PICKLE", "keys", "keys that the pickle refers to", describe(key));
    const path = `storage ${show(storage.key)}`;
    if (at + 8 + storage.bytes > bytes.length) {
      const hint = "Is the file cut short?";
      throw failure("ERR_TRUNCATED", path, `${8 + storage.bytes} bytes`, `${bytes.length - at}.`, at, hint);
    }
    const count = storage.bytes / (storage.dtype === undefined ? 1 : ARRAYS[storage.dtype].BYTES_PER_ELEMENT);
    if (view.getBigInt64(at, true) !== BigInt(count)) {
      throw failure("ERR_SIZE", path, `${count} elements, as the pickle says`, `${view.getBigInt64(at, true)}`, at);
    }
    places.set(storage.key, at + 8);
    at += 8 + storage.bytes;
  }
  if (at !== bytes.length) throw failure("ERR_SIZE", "file", `its end at ${at}`, bytes.length, at);
  return {
    value,
    path: "pickle",
    bytesOf({ key, bytes: size }) {
      const from = places.get(key) as number;
      return bytes.subarray(from, from + size);
    },
  };
}
