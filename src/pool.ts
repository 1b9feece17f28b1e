/**
 * The entry `sluice/pool`: one model in several workers, each with a session of its own (`sluice/worker`), and jobs that go to
 * whichever worker is idle.
 *
 * Data flow   job → queue → an idle worker → result → the job's promise
 * Crashes     when a worker dies, its job goes back to the head of the queue and a new worker replaces it. Each job is answered
 *             once; one that has crashed three workers is refused
 */

import { thread } from "../build/worker-thread.ts";
import { iteratorOf, unlessAborted } from "./abort.ts";
import { checkInteger, checkOptions, wrongKind } from "./arguments.ts";
import { SessionError, type SessionOptions } from "./index.ts";
import type { State } from "./members.ts";
import type { Model } from "./model.ts";
import type { Numbers } from "./ports.ts";
import type { RunInput, RunOptions, RunResult, SessionInfo } from "./session.ts";
import { openWorker } from "./worker/calls.ts";
import type { WorkerSession } from "./worker/proxies.ts";
import { createSession } from "./worker.ts";

export interface PoolOptions extends Pick<SessionOptions, "variant" | "precision" | "maxSteps" | "wasm"> {
  /** How many workers. Default: one less than the host's processors, but at least one. */
  readonly workers?: number;
  /** The URL of `sluice/worker-thread`, served by you: for pages whose policy has no `worker-src blob:`. */
  readonly url?: string | URL;
}

export interface JobOptions extends RunOptions {
  readonly signal?: AbortSignal;
}

export interface MapOptions extends JobOptions {
  /** Jobs that may wait, run or be finished before the consumer takes the first of their results. Default: four per worker. */
  readonly ahead?: number;
  /** Called after every job with how many are done, and the total if the source has a length. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
}

/** A job that has crashed so many workers is refused. */
const MAX_CRASHES = 3;

interface Job {
  readonly xs: RunInput;
  readonly options: RunOptions;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: unknown) => void;
  crashes: number;
}

/** A worker that is starting, or has a session. */
interface Slot {
  session?: WorkerSession;
  busy: boolean;
}

/**
 * Starts workers, each with a session of the model.
 * @throws as `createSession`; SessionError ERR_WORKER if the host has no workers or they do not start
 * @example
 * const pool = await createPool(model, { workers: 4 });
 * for await (const { output } of pool.map(sequences)) console.log(output);
 */
export async function createPool(model: Model, options: PoolOptions = {}): Promise<Pool> {
  const { workers = Math.max(1, (globalThis.navigator?.hardwareConcurrency ?? 2) - 1), ...others } = options;
  if (!Array.isArray(model?.nodes)) throw wrongKind("model", "a Model", model);
  checkInteger("workers", workers, 1);
  checkOptions(others, ["workers", "variant", "precision", "maxSteps", "wasm", "url"]);
  const pool = new Pool(model, workers, others);
  try {
    await pool.open();
  } catch (error) {
    pool.dispose();
    throw error;
  }
  return pool;
}

/** Workers with a session of one model each, made by `createPool`. */
export class Pool {
  readonly #model: Model;
  readonly #options: Omit<PoolOptions, "workers">;
  /** At most #size. */
  readonly #slots = new Set<Slot>();
  /** Jobs whose worker died: they go before those that wait. */
  readonly #returned = new Set<Job>();
  readonly #waiting = new Set<Job>();
  /** Jobs by the signal that stops them. */
  readonly #signals = new WeakMap<AbortSignal, Set<Job>>();
  readonly #size: number;
  #info: SessionInfo | undefined;
  #disposed = false;

  /** Use `createPool`. @internal */
  constructor(model: Model, size: number, options: Omit<PoolOptions, "workers">) {
    this.#model = model;
    this.#size = size;
    this.#options = options;
  }

  /** @internal */
  async open(): Promise<void> {
    await Promise.all(Array.from({ length: this.#size }, () => this.#start()));
  }

  /** `info` of a worker's session; all are alike. */
  get info(): SessionInfo {
    return this.#info as SessionInfo;
  }

  /** Workers that are ready. */
  get workers(): number {
    return [...this.#slots].filter(({ session }) => session !== undefined).length;
  }

  /**
   * `session.run` in a worker. xs is copied when its turn comes: do not change it before.
   * @throws what session.run throws; the signal's reason; SessionError ERR_WORKER, ERR_DISPOSED
   * @example
   * const { output, state } = await pool.run(frames, { state: before });
   */
  run(xs: RunInput, { signal, ...options }: JobOptions = {}): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      if (this.#disposed) throw disposed();
      signal?.throwIfAborted();
      const job: Job = { xs, options, signal, resolve, reject, crashes: 0 };
      if (signal !== undefined) this.#listen(signal).add(job);
      this.#waiting.add(job);
      this.#assign();
    });
  }

  /**
   * Runs every sequence of a source, in any order, and yields the results in the source's. Takes no more from the source than
   * `ahead` before the consumer takes results.
   *
   * @throws the first error of a job or of the source; whoever stops early, by `break` or the signal, drops the rest
   */
  async *map(
    source: Iterable<RunInput> | AsyncIterable<RunInput>,
    { ahead = 4 * this.#size, onProgress, signal, ...options }: MapOptions = {},
  ): AsyncGenerator<RunResult, void> {
    checkInteger("ahead", ahead, 1);
    const total = (source as { readonly length?: number }).length;
    signal?.throwIfAborted();
    const inputs = iteratorOf(source);
    const stop = new AbortController();
    const abort = () => stop.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    const results: Promise<RunResult>[] = [];
    let done = 0;
    try {
      for (;;) {
        const next = await unlessAborted(inputs.next(), stop.signal);
        if (next.done) break;
        const result = this.run(next.value, { ...options, signal: stop.signal }).then((result) => {
          onProgress?.(++done, total);
          return result;
        });
        result.catch(() => {}); // thrown where the consumer takes it
        results.push(result);
        if (results.length >= ahead) yield await (results.shift() as Promise<RunResult>);
      }
      while (results.length > 0) yield await (results.shift() as Promise<RunResult>);
    } finally {
      signal?.removeEventListener("abort", abort);
      stop.abort(disposed());
      (inputs.return?.() as Promise<unknown> | undefined)?.catch?.(() => {});
    }
  }

  /**
   * A stream that belongs to no worker: each run continues where the one before it ended.
   * @example
   * const stream = pool.stream();
   * const { output } = await stream.run(frames);
   */
  stream(state?: Readonly<State>): PoolStream {
    return new PoolStream(this, state);
  }

  /** Ends the workers and rejects unfinished jobs. Idempotent. */
  dispose(): void {
    this.#disposed = true;
    for (const { session } of this.#slots) session?.dispose();
    this.#slots.clear();
    this.#refuseAll(disposed());
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The jobs that a signal would stop. One listener for all of them, since hosts warn of many. */
  #listen(signal: AbortSignal): Set<Job> {
    const known = this.#signals.get(signal);
    if (known !== undefined) return known;
    const jobs = new Set<Job>();
    this.#signals.set(signal, jobs);
    // A worker finishes the run that it has begun; its result is dropped.
    const abort = () => {
      for (const job of jobs) {
        this.#waiting.delete(job);
        this.#returned.delete(job);
        job.reject(signal.reason);
      }
    };
    signal.addEventListener("abort", abort, { once: true });
    return jobs;
  }

  /** Starts a worker; resolves when its session is open. */
  async #start(): Promise<void> {
    const slot: Slot = { busy: false };
    this.#slots.add(slot);
    try {
      const { url, ...options } = this.#options;
      const worker = openWorker(thread, { url });
      const session = await createSession(this.#model, { ...options, worker });
      if (this.#disposed) session.dispose();
      // One that dies while idle must not be given the next job.
      const died = () => this.#slots.delete(slot);
      const { on, addEventListener } = worker as { on?: Listen; addEventListener?: Listen };
      on?.call(worker, "exit", died);
      addEventListener?.call(worker, "error", died);
      this.#info ??= session.info;
      slot.session = session;
    } catch (error) {
      this.#slots.delete(slot);
      throw error;
    }
    this.#assign();
  }

  #assign(): void {
    // A dead worker is replaced when there is something to do.
    while (this.#returned.size + this.#waiting.size > 0 && this.#slots.size < this.#size) {
      this.#start().catch((error) => {
        // The workers that are left do what there is; with none left, nobody does.
        if (this.#slots.size === 0) this.#refuseAll(error);
      });
    }
    for (const slot of this.#slots) {
      if (slot.session === undefined || slot.busy) continue;
      const job = first(this.#returned) ?? first(this.#waiting);
      if (job === undefined) return;
      this.#returned.delete(job);
      this.#waiting.delete(job);
      this.#work(slot, slot.session, job);
    }
  }

  async #work(slot: Slot, session: WorkerSession, job: Job): Promise<void> {
    slot.busy = true;
    try {
      job.resolve(await session.run(job.xs, job.options));
    } catch (error) {
      const died = (error as SessionError).code === "ERR_WORKER";
      if (died) this.#slots.delete(slot);
      if (died && !this.#disposed && !job.signal?.aborted && ++job.crashes < MAX_CRASHES) this.#returned.add(job);
      else job.reject(error);
    }
    slot.busy = false;
    if (job.signal !== undefined && !this.#returned.has(job)) this.#signals.get(job.signal)?.delete(job);
    this.#assign();
  }

  #refuseAll(error: unknown): void {
    for (const job of [...this.#returned, ...this.#waiting]) job.reject(error);
    this.#returned.clear();
    this.#waiting.clear();
  }
}

type Listen = (name: string, listener: () => void) => void;

/** A stream that belongs to no worker: its state is kept here between runs, so it survives the death of a worker. */
export class PoolStream {
  readonly #pool: Pool;
  #state: Readonly<State> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Use `pool.stream()`. @internal */
  constructor(pool: Pool, state?: Readonly<State>) {
    this.#pool = pool;
    this.#state = state;
  }

  /** After the last run that has ended; undefined: the model's initial state. */
  get state(): Readonly<State> | undefined {
    return this.#state;
  }

  /** (T, I) → (T, O), after the runs before it. A run that fails leaves the state as it was. */
  run(
    xs: Numbers | Readonly<Record<string, Numbers>>,
    { signal }: Pick<JobOptions, "signal"> = {},
  ): Promise<RunResult> {
    const result = this.#last.then(() => this.#pool.run(xs, { state: this.#state, signal }));
    this.#last = result.then(
      ({ state }) => {
        this.#state = state;
      },
      () => {},
    );
    return result;
  }
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  return set.values().next().value;
}

function disposed(): SessionError {
  return new SessionError("ERR_DISPOSED", "pool: expected a live one; it is disposed.");
}
