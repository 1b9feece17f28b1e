/**
 * A planned model in memory. Everything after its creation is synchronous: a step is microseconds.
 *
 * Data flow   Model → Engine (src/arena.ts, or src/backend-reference.ts where WebAssembly or its SIMD is missing) → Session
 *             → streams, groups, runs
 */

import { advance, type Course, type Rows } from "./advance.ts";
import { createArena } from "./arena.ts";
import { createReferenceEngine } from "./backend-reference.ts";
import type { Engine, States, Variant } from "./engine.ts";
import { ModelError, SessionError } from "./errors.ts";
import { checkGraph } from "./graph.ts";
import { StreamGroup } from "./group.ts";
import { checkInput, checkOutput, kindOf, type Numbers, type Port } from "./io.ts";
import {
  compile,
  compileSync,
  instantiate,
  type KernelBinary,
  type KernelSet,
  pickBuild,
  type WasmSource,
} from "./kernels.ts";
import type { Model, StateInfo, ValueInfo } from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import { Runtime } from "./runtime.ts";
import { checkState, hashModel, readState, type State, writeState } from "./state.ts";
import { type StepOutput, Stream, type StreamOptions } from "./stream.ts";
import { elements } from "./tensor.ts";

/** A kernel set with its operator table: what an entry of the package carries. */
export interface Kit extends KernelSet {
  readonly ops: OpTable;
}

export interface RuntimeOptions {
  /** auto: the fastest build that this engine runs; the reference where it runs none. */
  readonly variant?: "auto" | Variant;
  /** The kernels from elsewhere: a compiled Module, bytes; a URL or Response where creation is async. */
  readonly wasm?: WasmSource;
}

export interface SessionOptions extends RuntimeOptions {
  /** Rows of one execution: how many steps a run batches, how many members advance together. 64. */
  readonly maxSteps?: number;
  /** One memory for several sessions (`createRuntime`). */
  readonly runtime?: Runtime;
}

export interface RunOptions {
  /** Sequences in xs. 1, or as many as `lengths`. */
  readonly batch?: number;
  /** Valid steps of each sequence. */
  readonly lengths?: ArrayLike<number>;
  /** (layers × directions, B, H) by name; what it does not name begins in the model's initial state. */
  readonly state?: Readonly<State>;
  /** xs and outputs are (B, T, …) instead of (T, B, …). */
  readonly batchFirst?: boolean;
  /** last: only the last valid step of each sequence, (B, O). */
  readonly keep?: "all" | "last";
}

export interface RunResult {
  /** The first of `outputs`. */
  readonly output: Float32Array;
  readonly outputs: Readonly<Record<string, Float32Array>>;
  /** Shape of `output`: (T, B, O), (B, T, O) or (B, O). */
  readonly shape: readonly number[];
  readonly lengths: readonly number[];
  /** (layers × directions, B, H) by name: each sequence's state at its last valid step. */
  readonly state: State;
}

export interface SessionInfo {
  readonly variant: Variant;
  readonly precision: "f32" | "f64";
  readonly bytes: Engine["bytes"];
}

/** xs of a run: one array, one for each sequence, or either by input name. */
export type RunInput = Numbers | readonly Numbers[] | Readonly<Record<string, Numbers | readonly Numbers[]>>;

/** What streams and groups share with their session. */
export interface SessionCore {
  readonly model: Model;
  readonly engine: Engine;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Of the model; computed when first asked for. */
  readonly hash: bigint;
  /** Live streams and groups. */
  readonly members: Set<{ dispose(): void }>;
  /** Checks xs of `count` members, (T, count, …), and finds T unless it is given. */
  readRows(
    xs: Numbers | Readonly<Record<string, Numbers>>,
    count: number,
    steps?: number,
  ): { rows: Rows<Numbers>[]; steps: number };
  /** Checks ys of `count` members, or makes them. */
  writeRows(ys: StepOutput | undefined, steps: number, count: number): Rows<Float32Array>[];
  result(rows: readonly Rows<Float32Array>[]): StepOutput;
  /** Throws unless the record names exactly the inputs. */
  checkNames(record: object): void;
}

export class Session {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly states: readonly StateInfo[];
  readonly #core: SessionCore;
  readonly #sequenceNode: string | undefined;
  readonly #collapsed: readonly boolean[];
  #disposed = false;

  /** Use `createSession`. @internal */
  constructor(ops: OpTable, model: Model, engine: Engine) {
    const { values, sequenceNode } = checkGraph(ops, model.inputs, model.nodes, model.tensors);
    this.inputs = model.inputs;
    this.outputs = model.outputs;
    this.states = model.states;
    this.#sequenceNode = sequenceNode;
    this.#collapsed = model.outputs.map(({ name }) => Boolean(values.get(name)?.collapsed));
    this.#core = new Core(model, engine);
  }

  get info(): SessionInfo {
    const { variant, bytes } = this.#live();
    return { variant, precision: variant === "reference" ? "f64" : "f32", bytes };
  }

  /**
   * Runs whole sequences, each from the given or the initial state.
   *
   * Shapes   xs (T, B, I), or (B, T, I) with `batchFirst`, or one array (T, I) for each sequence → output (T, B, O). With
   *          different `lengths` the outputs past a length are zero, the state is the one at the last valid step, and a
   *          reverse direction starts there; length 0 gives the initial state
   * Cost     memory grows when there are more sequences (for a sequence model: also more steps) than in any run before
   *
   * @throws TypeError, RangeError for xs and options; nothing has run then
   * @example
   * const { output, shape } = session.run(frames, { batch: 4 });
   */
  run(xs: RunInput, options: RunOptions = {}): RunResult {
    const engine = this.#live();
    const { model, inputs } = this.#core;
    const { keep = "all", batchFirst = false } = options;
    const arrays = this.#inputsOf(xs);
    const { count, steps, lengths } = measure(arrays, inputs, options);
    if (options.state !== undefined) checkState(options.state, model.states, count);
    const states = engine.createStates(count);
    try {
      if (options.state !== undefined) writeBatch(states, model.states, options.state, count);
      const course: Course = {
        count,
        steps,
        members: null,
        lengths,
        inputs: arrays.map((data, i) => rowsOf(inputs[i], data, steps, count, batchFirst)),
        outputs: this.#core.outputs.map((port) =>
          rowsOf(port, new Float32Array(steps * count * port.size), steps, count, batchFirst),
        ),
        whole: this.#sequenceNode !== undefined,
      };
      advance(engine, states, course);
      const all = Array.from({ length: count }, (_, j) => lengths?.[j] ?? steps);
      return this.#result(course, keep, batchFirst, all, readBatch(states, model.states, count));
    } finally {
      states.dispose();
    }
  }

  /**
   * A stream in the initial or the given state. May grow memory.
   * @throws ModelError ERR_SEQUENCE_MODEL where a layer needs the whole sequence
   */
  stream({ state, trace = false, traceSteps = 64 }: StreamOptions = {}): Stream {
    const engine = this.#streaming();
    if (state !== undefined) checkState(state, this.states);
    if (!Number.isInteger(traceSteps) || traceSteps < 1)
      throw new RangeError(`"traceSteps" expected 1 or more, got ${traceSteps}`);
    const states = engine.createStates(1, trace ? traceSteps : 0);
    if (state !== undefined) writeState(states, 0, this.states, state);
    return new Stream(this.#core, states);
  }

  /** n states that advance together. May grow memory. */
  group(n: number): StreamGroup {
    const engine = this.#streaming();
    if (!Number.isInteger(n) || n < 1) throw new RangeError(`"n" expected 1 or more, got ${n}`);
    return new StreamGroup(this.#core, engine.createStates(n));
  }

  /** Runs the model on zeros until the engine has compiled the kernels in full: 1 to 6 ms of work. */
  warmup(n = 300): void {
    const engine = this.#live();
    const states = engine.createStates(1);
    for (const { data } of engine.inputs) data.fill(0);
    for (let i = 0; i < n; i++) engine.execute(states, 1);
    states.dispose();
  }

  /**
   * A pair of web streams over a new stream of the model: each chunk (k frames) becomes a chunk of k outputs.
   * @example
   * await source.pipeThrough(session.transform()).pipeTo(sink);
   */
  transform(options: StreamOptions = {}): TransformStream<Numbers, Float32Array> {
    const stream = this.stream(options);
    return new TransformStream({
      transform: (chunk, controller) => controller.enqueue(stream.run(chunk)),
      flush: () => stream.dispose(),
    });
  }

  /** Ends its streams and groups and gives all memory back to the runtime; idempotent. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const member of [...this.#core.members]) member.dispose();
    this.#core.engine.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #live(): Engine {
    if (this.#disposed) throw new SessionError("ERR_DISPOSED", "session: expected a live one; it is disposed.");
    return this.#core.engine;
  }

  #streaming(): Engine {
    const engine = this.#live();
    if (this.#sequenceNode === undefined) return engine;
    throw new ModelError(
      "ERR_SEQUENCE_MODEL",
      `${this.#sequenceNode}: runs backwards over time, so the model needs its whole sequence.`,
      { node: this.#sequenceNode, hint: "Use session.run." },
    );
  }

  #inputsOf(xs: RunInput): (Numbers | readonly Numbers[])[] {
    const { inputs } = this.#core;
    if (ArrayBuffer.isView(xs) || Array.isArray(xs)) {
      if (inputs.length !== 1)
        throw new TypeError(`"xs" expected a record of ${inputs.map((p) => p.name).join(", ")}, got ${kindOf(xs)}`);
      return [xs as Numbers];
    }
    if (typeof xs !== "object" || xs === null) throw new TypeError(`"xs" expected Float32Array, got ${kindOf(xs)}`);
    this.#core.checkNames(xs);
    return inputs.map(({ name }) => (xs as Record<string, Numbers>)[name]);
  }

  #result(course: Course, keep: string, batchFirst: boolean, lengths: number[], state: State): RunResult {
    const { steps, count } = course;
    const outputs: Record<string, Float32Array> = {};
    const shapes: number[][] = [];
    course.outputs.forEach((rows, i) => {
      const { name, size } = rows.port;
      const last = keep === "last" || this.#collapsed[i];
      outputs[name] = last ? lastRows(rows, lengths) : (rows.data as Float32Array);
      shapes.push(last ? [count, size] : batchFirst ? [count, steps, size] : [steps, count, size]);
    });
    return { output: outputs[course.outputs[0].port.name], outputs, shape: shapes[0], lengths, state };
  }
}

/** The batch, the steps and the lengths that xs and the options say. */
function measure(
  arrays: readonly (Numbers | readonly Numbers[])[],
  inputs: readonly Port[],
  options: RunOptions,
): { count: number; steps: number; lengths: Int32Array | null } {
  const [first] = arrays;
  if (Array.isArray(first)) {
    if (options.lengths !== undefined || options.batch !== undefined) {
      throw new TypeError('"lengths" and "batch" expected none beside one array for each sequence, got both');
    }
    const lengths = Int32Array.from(first, (x: Numbers) => x.length / inputs[0].size);
    arrays.forEach((list, i) => {
      if (!Array.isArray(list) || list.length !== lengths.length) {
        throw new TypeError(`"${inputs[i].name}" expected ${lengths.length} arrays, got ${kindOf(list)}`);
      }
      list.forEach((x, j) => checkInput(x, inputs[i], lengths[j], inputs[i].name));
    });
    return { count: lengths.length, steps: lengths.reduce((a, b) => Math.max(a, b), 0), lengths };
  }
  const count = options.batch ?? options.lengths?.length ?? 1;
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`"batch" expected 1 or more, got ${count}`);
  const steps = Math.floor(((first as Numbers)?.length ?? 0) / (count * inputs[0].size));
  arrays.forEach((x, i) => checkInput(x, inputs[i], steps * count, inputs[i].name));
  if (options.lengths === undefined) return { count, steps, lengths: null };
  if (options.lengths.length !== count)
    throw new RangeError(`"lengths" expected ${count} numbers, got ${options.lengths.length}`);
  const lengths = Int32Array.from(options.lengths, (length: number) => {
    if (!Number.isInteger(length) || length < 0 || length > steps) {
      throw new RangeError(`"lengths" expected 0…${steps}, got ${length}`);
    }
    return length;
  });
  return { count, steps, lengths };
}

function rowsOf<A>(port: Port, data: A | readonly A[], steps: number, count: number, batchFirst: boolean): Rows<A> {
  const { size } = port;
  if (Array.isArray(data)) return { port, data, step: size, member: 0 };
  return batchFirst
    ? { port, data, step: size, member: steps * size }
    : { port, data, step: count * size, member: size };
}

/** (B, O): each sequence's last valid row, zero where it has none. */
function lastRows({ port, data, step, member }: Rows<Float32Array>, lengths: readonly number[]): Float32Array {
  const { size } = port;
  const y = new Float32Array(lengths.length * size);
  lengths.forEach((length, j) => {
    const from = (length - 1) * step + j * member;
    if (length > 0) y.set((data as Float32Array).subarray(from, from + size), j * size);
  });
  return y;
}

/** (rows, B, H) ↔ B members of (rows, H). */
function writeBatch(states: States, infos: readonly StateInfo[], state: Readonly<State>, count: number): void {
  infos.forEach(({ name, shape }, i) => {
    if (!Object.hasOwn(state, name)) return;
    const [rows, size] = shape;
    const one = new Float32Array(elements(shape));
    for (let b = 0; b < count; b++) {
      for (let r = 0; r < rows; r++)
        one.set(state[name].subarray((r * count + b) * size, (r * count + b + 1) * size), r * size);
      states.write(b, i, one);
    }
  });
}

function readBatch(states: States, infos: readonly StateInfo[], count: number): State {
  const all = readState(states, 0, []);
  infos.forEach(({ name, shape }, i) => {
    const [rows, size] = shape;
    const one = new Float32Array(elements(shape));
    all[name] = new Float32Array(one.length * count);
    for (let b = 0; b < count; b++) {
      states.read(b, i, one);
      for (let r = 0; r < rows; r++) all[name].set(one.subarray(r * size, (r + 1) * size), (r * count + b) * size);
    }
  });
  return all;
}

class Core implements SessionCore {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly members = new Set<{ dispose(): void }>();
  #hash: bigint | undefined;

  constructor(
    readonly model: Model,
    readonly engine: Engine,
  ) {
    const port = ({ name, dtype, shape }: ValueInfo): Port => ({
      name,
      dtype,
      size: elements(shape.filter((axis) => typeof axis === "number")),
      ids: idLimit(model, name),
    });
    this.inputs = model.inputs.map(port);
    this.outputs = model.outputs.map(port);
  }

  get hash(): bigint {
    this.#hash ??= hashModel(this.model);
    return this.#hash;
  }

  readRows(xs: Numbers | Readonly<Record<string, Numbers>>, count: number, steps?: number) {
    const single = ArrayBuffer.isView(xs) || this.inputs.length === 1;
    if (!single) this.checkNames(xs);
    const data = this.inputs.map(({ name }) =>
      ArrayBuffer.isView(xs)
        ? (xs as Numbers)
        : ((xs as Record<string, Numbers>)?.[name] ?? (xs as unknown as Numbers)),
    );
    const [first] = data;
    const T = steps ?? Math.floor((first?.length ?? 0) / (count * this.inputs[0].size || 1));
    this.inputs.forEach((port, i) => checkInput(data[i], port, T * count, port.name));
    return { rows: this.inputs.map((port, i) => rowsOf(port, data[i], T, count, false)), steps: T };
  }

  writeRows(ys: StepOutput | undefined, steps: number, count: number): Rows<Float32Array>[] {
    return this.outputs.map((port) => {
      const given = this.outputs.length === 1 ? ys : (ys as Record<string, Float32Array> | undefined)?.[port.name];
      const data = ys === undefined ? new Float32Array(steps * count * port.size) : given;
      checkOutput(data, port, steps * count, this.outputs.length === 1 ? "y" : port.name);
      return rowsOf(port, data, steps, count, false);
    });
  }

  result(rows: readonly Rows<Float32Array>[]): StepOutput {
    if (rows.length === 1) return rows[0].data as Float32Array;
    return Object.fromEntries(rows.map(({ port, data }) => [port.name, data as Float32Array]));
  }

  checkNames(record: object): void {
    if (typeof record !== "object" || record === null)
      throw new TypeError(`"xs" expected a record, got ${kindOf(record)}`);
    const names = this.inputs.map(({ name }) => name);
    for (const name of Object.keys(record)) {
      if (!names.includes(name)) throw new RangeError(`"xs" expected ${names.join(", ")}, got "${name}"`);
    }
  }
}

/** The smallest table that ids of this input are looked up in. */
function idLimit(model: Model, name: string): number | undefined {
  const tables = model.nodes.filter((node) => node.op === "embedding" && node.inputs[0] === name);
  if (tables.length === 0) return undefined;
  return Math.min(...tables.map((node) => node.attrs.numEmbeddings as number));
}

/** Where the kernels come from: chosen, asked for, or given by the caller. Undefined: the reference. */
function sourceOf(kit: Kit, { variant = "auto", wasm }: RuntimeOptions): WasmSource | undefined {
  if (variant === "reference") return undefined;
  if (wasm !== undefined) return wasm;
  if (variant === "auto") return pickBuild(kit);
  return kit[variant];
}

/** The variant that was asked for cannot be had: which one, and why. */
function unavailable(variant: string, cause: unknown): ModelError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ModelError(
    "ERR_VARIANT",
    `variant: expected an engine that runs "${variant}"; got one that refuses it (${why}).`,
    {
      hint: 'Use variant "auto".',
    },
  );
}

/** Throws unless what was made is what was asked for. */
function checkVariant(runtime: Runtime, { variant = "auto" }: RuntimeOptions): Runtime {
  if (variant !== "auto" && variant !== runtime.variant) {
    throw new ModelError("ERR_VARIANT", `variant: expected "${variant}"; got a "${runtime.variant}" build.`);
  }
  return runtime;
}

export async function openRuntime(kit: Kit, options: RuntimeOptions): Promise<Runtime | undefined> {
  const source = sourceOf(kit, options);
  if (source === undefined) return undefined;
  try {
    return checkVariant(new Runtime(instantiate(await compile(source), kit)), options);
  } catch (error) {
    return refused(error, options);
  }
}

export function openRuntimeSync(kit: Kit, options: RuntimeOptions): Runtime | undefined {
  const source = sourceOf(kit, options);
  if (source === undefined) return undefined;
  try {
    return checkVariant(new Runtime(instantiate(compileSync(source as KernelBinary), kit)), options);
  } catch (error) {
    return refused(error, options);
  }
}

/** auto over the package's own binaries takes the reference where a policy forbids compiling; session.info tells. */
function refused(error: unknown, { variant = "auto", wasm }: RuntimeOptions): undefined {
  if (error instanceof ModelError) throw error;
  if (variant !== "auto" || wasm !== undefined) throw unavailable(variant, error);
}

export function openSession(kit: Kit, model: Model, runtime: Runtime | undefined, options: SessionOptions): Session {
  const { maxSteps = 64 } = options;
  if (!Number.isInteger(maxSteps) || maxSteps < 1)
    throw new RangeError(`"maxSteps" expected 1 or more, got ${maxSteps}`);
  const { ops } = kit;
  checkGraph(ops, model.inputs, model.nodes, model.tensors);
  const engine = runtime
    ? createArena(ops, model, runtime, maxSteps)
    : createReferenceEngine(model, { rows: maxSteps });
  return new Session(ops, model, engine);
}

/** Options' own runtime, or one made for this session. */
export async function createSessionOf(kit: Kit, model: Model, options: SessionOptions): Promise<Session> {
  const runtime = options.runtime ? checkVariant(options.runtime, options) : await openRuntime(kit, options);
  return openSession(kit, model, runtime, options);
}

export function createSessionSyncOf(kit: Kit, model: Model, options: SessionOptions): Session {
  const runtime = options.runtime ? checkVariant(options.runtime, options) : openRuntimeSync(kit, options);
  return openSession(kit, model, runtime, options);
}
