/**
 * The members of a stream (one), a group (n) or a run (one for each sequence): their states, and how they take steps over
 * callers' arrays in pieces that fit the engine's rows. Streams, groups and runs are all this, so they give the same bits.
 *
 * Saved state   six u32: "SLST", version, hash of the model (two), bytes that follow, 0; then the unpadded little-endian f32 of
 *               every state in name order. The hash is over the graph and the tensors as they were read, so variant,
 *               precision and package version do not matter, and another model's bytes are refused by name.
 */

import { STATUS_ID } from "../assembly/abi.ts";
import { kindOf, wrong, wrongKind } from "./arguments.ts";
import type { Engine, IoRegion, States } from "./engine.ts";
import { FormatError, SessionError } from "./errors.ts";
import type { Model, StateInfo } from "./model.ts";
import { apart, byPort, checkRows, type Numbers, type Output, outputOf, type Port } from "./ports.ts";
import { elements } from "./tensor.ts";

/** States by name, `NAME.h` and `NAME.c`, each (layers × directions, B, H), row-major. A state of a graph has its input's shape. */
export type State = Record<string, Float32Array>;

/** What all members of a session share. */
export interface SessionCore {
  readonly model: Model;
  readonly engine: Engine;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** The model needs its whole sequence: time is never cut, rows are made to fit instead. */
  readonly whole: boolean;
  /** A state pairs an output with an input: a step needs the one before it whole. */
  readonly stepwise?: boolean;
  /** Ids that nobody can check before come to light while it runs. */
  readonly fallible?: boolean;
  /** Those of live streams, groups and runs. */
  readonly live: Set<Members>;
  /** What the model's saved states begin with; computed when first asked for. */
  head?: Uint32Array;
}

/** What to run over xs and ys. */
export interface Course {
  readonly count: number;
  /** Found from xs where it is not given. */
  readonly steps?: number;
  /** The j-th is this member; by default j. */
  readonly members?: Int32Array;
  /** Steps of each; by default all. */
  readonly lengths?: Int32Array;
  /** (B, T, …) instead of (T, B, …). */
  readonly xsFirst?: boolean;
  readonly ysFirst?: boolean;
}

const MAGIC = 0x5453_4c53;
const VERSION = 1;
const HEADER_BYTES = 24;

/** Rows that a tile of members of a sequence model may take before fewer members go together. */
const WHOLE_ROWS = 1024;

export class Members {
  readonly core: SessionCore;
  readonly #infos: readonly StateInfo[];
  #states: States | undefined;
  #rows: Numbers | undefined;

  constructor(core: SessionCore, count: number, traceSteps?: number) {
    this.core = core;
    this.#infos = core.model.states;
    this.#states = core.engine.createStates(count, traceSteps);
    core.live.add(this);
  }

  get states(): States {
    if (this.#states === undefined)
      throw new SessionError("ERR_DISPOSED", "stream or group: expected a live one; it is disposed.");
    return this.#states;
  }

  dispose(): void {
    this.#states?.dispose();
    this.#states = undefined;
    this.core.live.delete(this);
  }

  /** One step of `count` members, of the usual model: one array in, one out, few enough for one execution. False: of another. */
  step(xs: unknown, ys: unknown, count: number, members: Int32Array | undefined): boolean {
    const { states } = this;
    const { engine, inputs, outputs, whole } = this.core;
    if (!(xs instanceof Float32Array && ys instanceof Float32Array) || inputs.length + outputs.length > 2) return false;
    if (whole || count > engine.rows) return false;
    checkRows(xs, inputs[0], count);
    checkRows(ys, outputs[0], count, "y");
    const from = engine.inputs[0];
    const to = engine.outputs[0];
    const { size } = inputs[0];
    if (from.stride === size) from.data.set(xs);
    else
      for (let j = 0, at = 0; j < count; j++) for (let i = 0; i < size; i++) from.data[j * from.stride + i] = xs[at++];
    check(engine.executeGroup(states, members ?? null, 0, count, 1, null), this.core);
    const length = outputs[0].size;
    if (to.stride === length) ys.set(this.#rowsOf(to, count));
    else for (let j = 0, at = 0; j < count; j++) for (let i = 0; i < length; i++) ys[at++] = to.data[j * to.stride + i];
    return true;
  }

  /** The first `count` rows of a region whose rows touch, as one view: made anew where the count or the memory is another. */
  #rowsOf({ data, stride }: IoRegion, count: number): Numbers {
    const rows = this.#rows;
    if (rows?.length === count * stride && rows.buffer === data.buffer && rows.byteOffset === data.byteOffset)
      return rows;
    this.#rows = data.subarray(0, count * stride);
    return this.#rows;
  }

  /** Runs what `prepare` has checked; returns ys. What fails in the middle leaves all states as they were. */
  run(course: Prepared): Output {
    const { members, count } = course;
    if (!this.core.fallible) return this.#run(course);
    const parts = members ? Array.from(members, (first) => ({ first, count: 1 })) : [{ first: 0, count }];
    const before = parts.map(({ first, count }) => this.state(first, count));
    try {
      return this.#run(course);
    } catch (error) {
      parts.forEach(({ first, count }, i) => {
        this.setState(before[i], first, count);
      });
      throw error;
    }
  }

  #run({ from, to, T, count, members, lengths, xsFirst, ysFirst }: Prepared): Output {
    const { states } = this;
    const { engine, inputs, outputs, whole, stepwise } = this.core;
    const tile = Math.min(count, whole ? Math.max(1, Math.floor(WHOLE_ROWS / T)) : engine.rows);
    if (whole) engine.reserve(T * tile);
    const valid = lengths && new Int32Array(count);
    for (let first = 0; first < count; first += tile) {
      const n = Math.min(tile, count - first);
      const chunk = whole ? T : stepwise ? 1 : Math.floor(engine.rows / n);
      for (let t = 0; t < T; t += chunk) {
        const some = Math.min(chunk, T - t);
        if (lengths && valid)
          for (let j = first; j < first + n; j++) valid[j] = Math.min(Math.max(lengths[j] - t, 0), some);
        const piece = { first, n, t, some, T, count, valid };
        for (let i = 0; i < inputs.length; i++) copyRows(engine.inputs[i], inputs[i], from[i], piece, xsFirst, true);
        if (states.count === 1 && !valid) check(engine.execute(states, some), this.core);
        else check(engine.executeGroup(states, members ?? null, first, n, some, valid ?? null), this.core);
        for (let i = 0; i < outputs.length; i++) copyRows(engine.outputs[i], outputs[i], to[i], piece, ysFirst, false);
      }
    }
    return outputOf(outputs, to);
  }

  /** Copies of the states of `count` members from `first` on: (layers × directions, count, H) by name. */
  state(first = 0, count = 1): State {
    const entries = this.#infos.map(({ name, shape }, index) => {
      const all = new Float32Array(elements(shape) * count);
      for (let b = 0; b < count; b++) this.states.read(first + b, index, all, b, count);
      return [name, all];
    });
    return Object.fromEntries(entries);
  }

  /** Replaces the states that are named, after `checkState`. */
  setState(state: Readonly<State>, first = 0, count = 1): void {
    const { states } = this;
    const own = checkState(this.core, state, count);
    this.#infos.forEach(({ name }, index) => {
      if (!Object.hasOwn(own, name)) return;
      for (let b = 0; b < count; b++) states.write(first + b, index, own[name], b, count);
    });
  }

  save(member = 0, into?: Uint8Array): Uint8Array {
    const state = this.state(member);
    const head = this.#header();
    const size = HEADER_BYTES + head[4];
    const bytes = into ?? new Uint8Array(size);
    if (!(bytes instanceof Uint8Array)) throw wrongKind("into", "Uint8Array", into);
    if (bytes.length < size) throw wrong("into", `length ${size}`, bytes.length);
    bytes.set(new Uint8Array(head.buffer));
    let at = HEADER_BYTES;
    for (const name of Object.keys(state).sort()) {
      bytes.set(new Uint8Array(state[name].buffer), at);
      at += state[name].byteLength;
    }
    return bytes.subarray(0, size);
  }

  load(bytes: Uint8Array, member = 0): void {
    if (!(bytes instanceof Uint8Array)) throw wrongKind("bytes", "Uint8Array", bytes);
    // A copy: what Node's Buffer calls slice is a view of its pool, and need not be aligned.
    const own = new Uint8Array(bytes);
    const expected = this.#header();
    const head = new Uint32Array(own.slice(0, bytes.length < HEADER_BYTES ? 0 : HEADER_BYTES).buffer);
    if (head[0] !== MAGIC)
      throw new FormatError("ERR_STATE_BYTES", 'state: expected bytes that begin with "SLST"; got others.');
    if (head[1] !== VERSION)
      throw new FormatError("ERR_VERSION", `state: expected version ${VERSION}; got ${head[1]}.`);
    if (head[2] !== expected[2] || head[3] !== expected[3]) {
      const model = (words: Uint32Array) => `model ${words[2].toString(16)}-${words[3].toString(16)}`;
      throw new SessionError("ERR_STATE", `state: expected that of ${model(expected)}; got that of ${model(head)}.`);
    }
    const size = HEADER_BYTES + expected[4];
    if (bytes.length !== size || head[4] !== expected[4] || head[5] !== 0) {
      throw new FormatError("ERR_STATE_BYTES", `state: expected ${size} bytes; got ${bytes.length}.`);
    }
    let at = HEADER_BYTES;
    const state = this.state(member);
    for (const name of Object.keys(state).sort()) {
      const end = at + state[name].byteLength;
      state[name] = new Float32Array(own.slice(at, end).buffer);
      at = end;
    }
    this.setState(state, member);
  }

  #header(): Uint32Array {
    const { core } = this;
    core.head ??= stateHead(core.model);
    return core.head;
  }
}

/** The six words before a saved state of the model. */
export function stateHead(model: Model): Uint32Array {
  const bytes = model.states.reduce((sum, { shape }) => sum + 4 * elements(shape), 0);
  return Uint32Array.of(MAGIC, VERSION, ...hashModel(model), bytes, 0);
}

/** What `prepare` found in the callers' arrays: one for each port, and T. */
export interface Prepared extends Course {
  readonly from: readonly Numbers[];
  readonly to: readonly Float32Array[];
  readonly T: number;
}

/** Checks everything before anything is written; makes ys where there is none. */
export function prepare({ inputs, outputs }: SessionCore, xs: unknown, ys: unknown, course: Course): Prepared {
  const { count } = course;
  const from = byPort<Numbers>(inputs, xs, "xs");
  const T = course.steps ?? Math.floor((from[0]?.length ?? 0) / (count * inputs[0].size || 1));
  from.forEach((x, i) => {
    checkRows(x, inputs[i], T * count);
  });
  const to =
    ys === undefined
      ? outputs.map(({ size }) => new Float32Array(T * count * size))
      : byPort<Float32Array>(outputs, ys, "y");
  to.forEach((y, i) => {
    checkRows(y, outputs[i], T * count, outputs.length > 1 ? undefined : "y");
  });
  return { ...course, from, to, T };
}

/** The state, apart from memory. Throws unless every name is a state and every array as long as `count` of it. */
export function checkState({ model, engine }: SessionCore, state: Readonly<State>, count: number): State {
  const { states } = model;
  if (kindOf(state) !== "Object") throw wrongKind("state", "a record", state);
  const entries = Object.entries(state);
  for (const [name, values] of entries) {
    const info = states.find((one) => one.name === name);
    if (!info) throw wrong("state", states.map((one) => one.name).join(", ") || "no names", `"${name}"`);
    if (!(values instanceof Float32Array)) throw wrongKind(name, "Float32Array", values);
    const size = elements(info.shape) * count;
    if (values.length !== size) throw wrong(name, `length ${size}`, values.length);
  }
  return Object.fromEntries(entries.map(([name, values]) => [name, apart(values, engine)]));
}

/** Throws unless the kernels say ok. Only ids that were written in place come to light here. */
export function check(status: number, { inputs }: SessionCore): void {
  if (status === 0) return;
  const port = inputs.find(({ ids }) => ids);
  if (status === STATUS_ID && port?.ids) throw wrong(port.name, `0…${port.ids - 1}`, "another");
  throw new SessionError("ERR_EXECUTE", `execute: expected status 0; got ${status}.`);
}

/** Steps t … t + some − 1 of members first … first + n − 1, of T steps and `count` members. */
interface Piece {
  readonly first: number;
  readonly n: number;
  readonly t: number;
  readonly some: number;
  readonly T: number;
  readonly count: number;
  /** How many of the steps each member takes. */
  readonly valid: Int32Array | undefined;
}

/** Rows of a caller's array into an io region, or back. Loops: a view for TypedArray.set would be garbage. */
function copyRows(
  { data, stride }: IoRegion,
  { size, ids }: Port,
  array: Numbers,
  { first, n, t, some, T, count, valid }: Piece,
  batchFirst: boolean | undefined,
  into: boolean,
): void {
  const step = batchFirst ? size : count * size;
  const member = batchFirst ? T * size : size;
  for (let j = 0; j < n; j++) {
    const length = valid ? valid[first + j] : some;
    for (let s = 0; s < some; s++) {
      const row = (s * n + j) * stride;
      const at = (t + s) * step + (first + j) * member;
      if (s < length) {
        if (into) for (let i = 0; i < size; i++) data[row + i] = array[at + i];
        else for (let i = 0; i < size; i++) array[at + i] = data[row + i];
      } else if (into && ids) data.fill(0, row, row + size); // looked up all the same
    }
  }
}

/**
 * 64 bits of a model: its graph as JSON, then every tensor's dtype, shape, bytes and scales in name order, through two lanes of
 * FNV-1a with a finaliser. It tells models apart; it does not sign them.
 */
function hashModel({ inputs, outputs, nodes, states, tensors }: Model): readonly [number, number] {
  let low = 2166136261;
  let high = 0x9e3779b9;
  const word = (value: number) => {
    low = Math.imul(low ^ value, 16777619);
    high = Math.imul(high ^ (value + (low >>> 15)), 16777619);
  };
  const text = (value: string) => {
    for (let i = 0; i < value.length; i++) word(value.charCodeAt(i));
    word(-1);
  };
  text(JSON.stringify([inputs, outputs, nodes, states]));
  for (const [name, { dtype, shape, data, scale }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    text(`${name} ${dtype} ${shape}`);
    for (const { buffer, byteOffset, byteLength } of scale ? [data, scale] : [data])
      new Uint8Array(buffer, byteOffset, byteLength).forEach(word);
  }
  const finish = (value: number) => {
    const mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
    return (mixed ^ (mixed >>> 13)) >>> 0;
  };
  return [finish(low), finish(high)];
}
