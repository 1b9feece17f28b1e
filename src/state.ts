/**
 * A member's state as callers see it: a record of named Float32Arrays, and saved bytes that resume in any host.
 *
 * Saved   "SLST", version (u32), hash of the model (u64), bytes that follow (u32), 4 zero bytes; then the unpadded
 *         little-endian f32 of every state in name order. The hash is FNV-1a over the canonical graph and the tensors as they
 *         were read, so variant, precision and package version do not matter, and another model's bytes are refused by name.
 */

import type { States } from "./engine.ts";
import { FormatError, SessionError } from "./errors.ts";
import { kindOf } from "./io.ts";
import type { Model, StateInfo } from "./model.ts";
import { elements, shapeText } from "./tensor.ts";

/** `NAME.h`, `NAME.c`, each (layers × directions, H) for one stream. */
export type State = Record<string, Float32Array>;

const MAGIC = 0x5453_4c53;
const VERSION = 1;
const HEADER = 24;

export function readState(states: States, member: number, infos: readonly StateInfo[]): State {
  const state: State = Object.create(null);
  infos.forEach(({ name, shape }, i) => {
    state[name] = new Float32Array(elements(shape));
    states.read(member, i, state[name]);
  });
  return state;
}

/**
 * Checks a partial state: every name known, every array a Float32Array of `batch` times the state's elements.
 * @throws TypeError, RangeError
 */
export function checkState(state: unknown, infos: readonly StateInfo[], batch = 1): asserts state is State {
  if (typeof state !== "object" || state === null)
    throw new TypeError(`"state" expected a record, got ${kindOf(state)}`);
  for (const [name, value] of Object.entries(state)) {
    const info = infos.find((one) => one.name === name);
    if (info === undefined) {
      throw new RangeError(
        `"state" expected ${infos.map((one) => `"${one.name}"`).join(", ") || "no names"}, got "${name}"`,
      );
    }
    if (!(value instanceof Float32Array)) throw new TypeError(`"${name}" expected Float32Array, got ${kindOf(value)}`);
    const size = elements(info.shape) * batch;
    if (value.length !== size) {
      throw new RangeError(`"${name}" expected length ${size} (${shapeText(info.shape)}), got ${value.length}`);
    }
  }
}

/** A checked partial state into a member; what it does not name stays. */
export function writeState(states: States, member: number, infos: readonly StateInfo[], state: Readonly<State>): void {
  infos.forEach(({ name }, i) => {
    if (Object.hasOwn(state, name)) states.write(member, i, state[name]);
  });
}

/** In name order, by code units: the order of the saved bytes. */
function nameOrder(infos: readonly StateInfo[]): number[] {
  return infos.map((_, i) => i).sort((a, b) => (infos[a].name < infos[b].name ? -1 : 1));
}

/** Bytes that `saveState` writes. */
export function savedBytes(infos: readonly StateInfo[]): number {
  return HEADER + infos.reduce((sum, { shape }) => sum + elements(shape) * 4, 0);
}

export function saveState(
  states: States,
  member: number,
  infos: readonly StateInfo[],
  hash: bigint,
  into?: Uint8Array,
): Uint8Array {
  const size = savedBytes(infos);
  const bytes = into ?? new Uint8Array(size);
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`"into" expected Uint8Array, got ${kindOf(into)}`);
  if (bytes.length < size) throw new RangeError(`"into" expected length ${size}, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setBigUint64(8, hash, true);
  view.setUint32(16, size - HEADER, true);
  view.setUint32(20, 0, true);
  let at = HEADER;
  for (const i of nameOrder(infos)) {
    const numbers = new Float32Array(elements(infos[i].shape));
    states.read(member, i, numbers);
    for (const number of numbers) {
      view.setFloat32(at, number, true);
      at += 4;
    }
  }
  return bytes.length === size ? bytes : bytes.subarray(0, size);
}

/**
 * @throws FormatError ERR_STATE_BYTES, ERR_VERSION when the bytes are no saved state
 * @throws SessionError ERR_STATE when they are another model's
 */
export function loadState(
  states: States,
  member: number,
  infos: readonly StateInfo[],
  hash: bigint,
  bytes: Uint8Array,
): void {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`"bytes" expected Uint8Array, got ${kindOf(bytes)}`);
  const size = savedBytes(infos);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER || view.getUint32(0, true) !== MAGIC) {
    throw new FormatError(
      "ERR_STATE_BYTES",
      `state: expected ${size} bytes that begin with "SLST"; got ${bytes.length} others.`,
    );
  }
  const version = view.getUint32(4, true);
  if (version !== VERSION) throw new FormatError("ERR_VERSION", `state: expected version ${VERSION}; got ${version}.`);
  if (view.getBigUint64(8, true) !== hash) {
    throw new SessionError(
      "ERR_STATE",
      `state: expected model ${hash.toString(16)}; got the state of model ${view.getBigUint64(8, true).toString(16)}.`,
    );
  }
  if (bytes.length !== size || view.getUint32(16, true) !== size - HEADER || view.getUint32(20, true) !== 0) {
    throw new FormatError("ERR_STATE_BYTES", `state: expected ${size} bytes; got ${bytes.length}.`);
  }
  let at = HEADER;
  for (const i of nameOrder(infos)) {
    const numbers = new Float32Array(elements(infos[i].shape));
    for (let k = 0; k < numbers.length; k++, at += 4) numbers[k] = view.getFloat32(at, true);
    states.write(member, i, numbers);
  }
}

/**
 * 64 bits of a model: its graph as JSON with sorted keys, then every tensor's dtype, shape and bytes in name order. Two
 * 32-bit FNV-1a lanes (offset bases 2166136261 and 0x9e3779b9) with a finaliser; it tells models apart, it does not sign them.
 */
export function hashModel(model: Model): bigint {
  let low = 2166136261;
  let high = 0x9e3779b9;
  const word = (value: number) => {
    low = Math.imul(low ^ value, 16777619);
    high = Math.imul(high ^ (value + (low >>> 15)), 16777619);
  };
  const text = (value: string) => {
    for (let i = 0; i < value.length; i++) word(value.charCodeAt(i));
    word(0);
  };
  const { inputs, outputs, nodes, states } = model;
  text(JSON.stringify(sorted({ inputs, outputs, nodes, states })));
  for (const name of [...model.tensors.keys()].sort()) {
    const tensor = model.tensors.get(name);
    if (tensor === undefined) continue;
    text(`${name} ${tensor.dtype} ${tensor.shape.join()}`);
    const { buffer, byteOffset, byteLength } = tensor.data;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    const whole = byteLength - (byteLength % 4);
    for (let i = 0; i < whole; i += 4)
      word(bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24));
    for (let i = whole; i < byteLength; i++) word(bytes[i]);
  }
  const finish = (value: number) => {
    const mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
    return BigInt((mixed ^ (mixed >>> 13)) >>> 0);
  };
  return (finish(high) << 32n) | finish(low);
}

/** The same value with the keys of every record in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  );
}
