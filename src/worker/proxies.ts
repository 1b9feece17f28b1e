/** Runtime, Session, Stream and StreamGroup whose work is done in a worker: the same names, promises instead of values. */

import { until } from "../abort.ts";
import { wrongKind } from "../arguments.ts";
import type { TraceRows, Variant } from "../engine.ts";
import { type RunResult, SessionError, type SessionInfo } from "../index.ts";
import type { State } from "../members.ts";
import type { Model, StateInfo, ValueInfo } from "../model.ts";
import type { Numbers, Output, StepInput } from "../ports.ts";
import type { RunInput, RunOptions } from "../session.ts";
import type { StreamOptions } from "../stream.ts";
import type { CallOptions, Calls } from "./calls.ts";
import type { Made } from "./messages.ts";

type Records<T> = Readonly<Record<string, T>>;

/** A worker with one linear memory, for several sessions. */
export class WorkerRuntime {
  readonly variant: Variant;
  /** @internal */
  readonly calls: Calls;
  /** @internal */
  readonly target: number;

  /** Use `createRuntime`. @internal */
  constructor(calls: Calls, { target, variant }: Made & { readonly variant: Variant }) {
    this.calls = calls;
    this.target = target;
    this.variant = variant;
  }

  /** Bytes of linear memory. */
  get memoryBytes(): Promise<number> {
    return this.calls.call(this.target, "memoryBytes", []) as Promise<number>;
  }

  /** Ends the worker and every session in it; calls that wait are rejected. Idempotent. */
  dispose(): void {
    this.calls.end(new SessionError("ERR_DISPOSED", "runtime: expected a live one; it is disposed."));
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A session in a worker, made by `createSession` of `sluice/worker`: its names, promises instead of values. */
export class WorkerSession {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly states: readonly StateInfo[];
  readonly info: SessionInfo;
  readonly #object: Remote;
  readonly #own: boolean;

  /** Use `createSession`. `own`: the worker ends with the session. @internal */
  constructor(calls: Calls, model: Model, { target, info }: Made & { readonly info: SessionInfo }, own: boolean) {
    this.inputs = model.inputs;
    this.outputs = model.outputs;
    this.states = model.states;
    this.info = info;
    this.#object = new Remote(calls, target, "session");
    this.#own = own;
  }

  /** As `session.run`, with `signal` and `transfer` among its options. */
  run(xs: RunInput, { signal, transfer, ...options }: RunOptions & CallOptions = {}): Promise<RunResult> {
    return this.#object.call("run", [xs, options], { signal, transfer });
  }

  /** As `session.stream`. The stream lives in the worker. */
  async stream({ signal, transfer, ...options }: StreamOptions & CallOptions = {}): Promise<WorkerStream> {
    return new WorkerStream(this.#object.calls, await this.#object.make("stream", [options], { signal, transfer }));
  }

  /** As `session.group`. The group lives in the worker. */
  async group(n: number, options?: CallOptions): Promise<WorkerGroup> {
    return new WorkerGroup(this.#object.calls, await this.#object.make("group", [n], options), n);
  }

  /** As `session.warmup`. */
  warmup(n?: number, options?: CallOptions): Promise<void> {
    return this.#object.call("warmup", [n], options);
  }

  /** A pair of web streams over a new stream of the model: a chunk of k frames becomes a chunk of k outputs. */
  transform(options?: StreamOptions): TransformStream<Numbers, Output> {
    const stream = this.stream(options);
    stream.catch(() => {}); // told to whoever writes
    const end = async () => (await stream).dispose();
    const transformer: Transformer<Numbers, Output> & { cancel(): Promise<void> } = {
      async transform(chunk, controller) {
        try {
          controller.enqueue(await (await stream).run(chunk));
        } catch (error) {
          await end().catch(() => {});
          throw error;
        }
      },
      flush: end,
      cancel: end,
    };
    return new TransformStream(transformer);
  }

  /** Ends the session, its streams and groups, and its worker unless it came from `createRuntime`. Idempotent. */
  dispose(): void {
    if (this.#own)
      this.#object.calls.end(new SessionError("ERR_DISPOSED", "session: expected a live one; it is disposed."));
    else this.#object.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** One state of a model in a worker. */
export class WorkerStream {
  readonly #object: Remote;

  /** Use `session.stream()`. @internal */
  constructor(calls: Calls, target: number) {
    this.#object = new Remote(calls, target, "stream");
  }

  /**
   * As `stream.step`.
   *
   * Cost     x is copied to the worker, or moved with `transfer`; y, where it is given, moves there and back: go on with the
   *          array that the promise gives, which is over the same memory
   * @example
   * y = await stream.step(frame, y);
   */
  step(x: Numbers | number, y?: Float32Array, options?: CallOptions): Promise<Float32Array>;
  step(
    x: Records<Numbers | number>,
    y?: Record<string, Float32Array>,
    options?: CallOptions,
  ): Promise<Record<string, Float32Array>>;
  step(x: StepInput, y?: Output, options?: CallOptions): Promise<Output>;
  async step(x: StepInput, y?: Output, options?: CallOptions): Promise<Output> {
    // In the worker, a step without x would read what is there.
    if (x === undefined) throw wrongKind("x", "an array, a number or a record", x);
    return this.#object.fill("step", [x], y, options);
  }

  /** As `stream.run`: (T, I) → (T, O). xs and ys as in `step`. */
  run(xs: Numbers, ys?: Float32Array, options?: CallOptions): Promise<Float32Array>;
  run(
    xs: Records<Numbers>,
    ys?: Record<string, Float32Array>,
    options?: CallOptions,
  ): Promise<Record<string, Float32Array>>;
  run(xs: Numbers | Records<Numbers>, ys?: Output, options?: CallOptions): Promise<Output> {
    return this.#object.fill("run", [xs], ys, options);
  }

  /** As `stream.reset`. */
  reset(options?: CallOptions): Promise<void> {
    return this.#object.call("reset", [], options);
  }

  /** As `stream.state`: copies, (layers × directions, 1, H) each. */
  get state(): Promise<State> {
    return this.#object.call("state", []);
  }

  /** As `stream.setState`. */
  setState(state: Readonly<State>, options?: CallOptions): Promise<void> {
    return this.#object.call("setState", [state], options);
  }

  /** As `stream.save`. */
  save(into?: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    return this.#object.fill("save", [], into, options);
  }

  /** As `stream.load`. */
  load(bytes: Uint8Array, options?: CallOptions): Promise<void> {
    return this.#object.call("load", [bytes], options);
  }

  /** As `stream.clone`. */
  async clone(options?: CallOptions): Promise<WorkerStream> {
    return new WorkerStream(this.#object.calls, await this.#object.make("clone", [], options));
  }

  /** As `stream.trace`. */
  trace(options?: CallOptions): Promise<TraceRows> {
    return this.#object.call("trace", [], options);
  }

  /** As `stream.over`: one call for each frame, in turn. */
  async *over(
    source: AsyncIterable<StepInput> | Iterable<StepInput>,
    options: CallOptions = {},
  ): AsyncGenerator<Output, void> {
    const { signal } = options;
    for await (const frame of signal ? until(source, signal) : source) yield await this.step(frame, undefined, options);
  }

  dispose(): void {
    this.#object.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Many states of a model in a worker, advanced together. */
export class WorkerGroup {
  /** How many members. */
  readonly size: number;
  readonly #object: Remote;

  /** Use `session.group(n)`. @internal */
  constructor(calls: Calls, target: number, size: number) {
    this.#object = new Remote(calls, target, "group");
    this.size = size;
  }

  /** As `group.step`; xs, ys as in `stream.step`. */
  step(xs: Numbers, ys?: Float32Array, members?: Int32Array, options?: CallOptions): Promise<Float32Array>;
  step(
    xs: Records<Numbers>,
    ys?: Record<string, Float32Array>,
    members?: Int32Array,
    options?: CallOptions,
  ): Promise<Record<string, Float32Array>>;
  step(xs: Numbers | Records<Numbers>, ys?: Output, members?: Int32Array, options?: CallOptions): Promise<Output> {
    return this.#object.fill("step", [xs], ys, options, [members]);
  }

  run(xs: Numbers, ys?: Float32Array, options?: CallOptions): Promise<Float32Array>;
  run(
    xs: Records<Numbers>,
    ys?: Record<string, Float32Array>,
    options?: CallOptions,
  ): Promise<Record<string, Float32Array>>;
  run(xs: Numbers | Records<Numbers>, ys?: Output, options?: CallOptions): Promise<Output> {
    return this.#object.fill("run", [xs], ys, options);
  }

  /** As `group.reset`. */
  reset(i?: number, options?: CallOptions): Promise<void> {
    return this.#object.call("reset", [i], options);
  }

  /** As `group.state`. */
  state(i: number, options?: CallOptions): Promise<State> {
    return this.#object.call("state", [i], options);
  }

  /** As `group.setState`. */
  setState(i: number, state: Readonly<State>, options?: CallOptions): Promise<void> {
    return this.#object.call("setState", [i, state], options);
  }

  /** As `group.save`. */
  save(i: number, into?: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    return this.#object.fill("save", [i], into, options);
  }

  /** As `group.load`. */
  load(i: number, bytes: Uint8Array, options?: CallOptions): Promise<void> {
    return this.#object.call("load", [i, bytes], options);
  }

  dispose(): void {
    this.#object.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** An object of the worker, by its number and kind. */
class Remote {
  constructor(
    readonly calls: Calls,
    readonly target: number,
    readonly kind: "session" | "stream" | "group",
  ) {}

  call<T>(method: string, args: readonly unknown[], options?: CallOptions): Promise<T> {
    return this.calls.call(this.target, `${this.kind}.${method}`, args, options) as Promise<T>;
  }

  /** A call that makes an object: its number. */
  async make(method: string, args: readonly unknown[], options?: CallOptions): Promise<number> {
    const { target } = await this.calls.make(this.target, `${this.kind}.${method}`, args, options);
    return target;
  }

  /** A call whose result is written into `into`, where it is given: its buffers move there and back. */
  fill<T>(
    method: string,
    args: readonly unknown[],
    into: T | undefined,
    options: CallOptions = {},
    rest: readonly unknown[] = [],
  ): Promise<T> {
    const moved = options.transfer ? [args, into] : [into];
    return this.calls.move(
      this.target,
      `${this.kind}.${method}`,
      [...args, into, ...rest],
      moved,
      options,
    ) as Promise<T>;
  }

  dispose(): void {
    this.calls.release(this.target);
  }
}
