/**
 * The entry `sluice/pool`: one model in several workers, each with a session of its own, and jobs that go to whichever is free.
 *
 * Data flow   job → queue → the worker with the fewest jobs → result → the job's promise
 * Death       the jobs of a worker that dies go back to the head of the queue and a new worker takes its place. A job is
 *             answered once, whoever has worked on it; one that took three workers with it is refused
 */

import type { SessionOptions } from "./create.ts";
import { ModelError, SessionError } from "./errors.ts";
import type { State } from "./members.ts";
import type { Model } from "./model.ts";
import { openSeat, type Seat } from "./pool/seat.ts";
import type { Reply } from "./pool/worker.ts";
import { checkInteger, type Numbers, wrongKind } from "./ports.ts";
import type { RunInput, RunOptions, RunResult, SessionInfo } from "./session.ts";

export interface PoolOptions extends Pick<SessionOptions, "variant" | "maxSteps"> {
  /** How many workers. One less than the host has processors, and at least one. */
  readonly workers?: number;
}

export interface JobOptions extends RunOptions {
  readonly signal?: AbortSignal;
}

export interface MapOptions extends JobOptions {
  /** Jobs that may wait, run or be done before the consumer has taken the first of them. Four for each worker. */
  readonly ahead?: number;
  /** After every job: how many are done, and of how many where the source has a length. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
}

/** One for its worker to work on and one to go on with, so that it never waits for a message. */
const JOBS_EACH = 2;
/** Workers that one job may take with it before it is refused. */
const DEATHS = 3;

interface Job {
  readonly xs: RunInput;
  readonly options: RunOptions;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: unknown) => void;
  deaths: number;
}

/** A worker and what it has to do, in order. */
interface Hand {
  readonly seat: Seat;
  readonly jobs: Map<number, Job>;
  opened: boolean;
}

/** A job that a worker has died with is alone with its next one, so that no other is taken for the cause. */
function hasRoom({ jobs }: Hand): boolean {
  return jobs.size < JOBS_EACH && [...jobs.values()].every(({ deaths }) => deaths === 0);
}

/**
 * Opens a session of a model in each of some workers.
 * @throws ModelError as createSession does; SessionError ERR_WORKER where workers are missing or do not start
 * @example
 * const pool = await createPool(model, { workers: 4 });
 * for await (const { output } of pool.map(sequences)) console.log(output);
 */
export async function createPool(model: Model, options: PoolOptions = {}): Promise<Pool> {
  const { workers = Math.max(1, (globalThis.navigator?.hardwareConcurrency ?? 2) - 1), ...session } = options;
  if (!Array.isArray(model?.nodes)) throw wrongKind("model", "a Model", model);
  checkInteger("workers", workers, 1);
  const pool = new Pool(model, session);
  try {
    await pool.open(workers);
  } catch (error) {
    pool.dispose();
    throw error;
  }
  return pool;
}

export class Pool {
  readonly #model: Model;
  readonly #options: Pick<SessionOptions, "variant" | "maxSteps">;
  readonly #hands = new Set<Hand>();
  /** In order; those of dead workers first. */
  readonly #returned: Job[] = [];
  readonly #waiting = new Set<Job>();
  /** Jobs by the signal that stops them. */
  readonly #signals = new WeakMap<AbortSignal, Set<Job>>();
  #info: SessionInfo | undefined;
  #size = 0;
  #jobs = 0;
  #disposed = false;

  /** Use `createPool`. @internal */
  constructor(model: Model, options: Pick<SessionOptions, "variant" | "maxSteps">) {
    this.#model = model;
    this.#options = options;
  }

  /** Of each worker's session. */
  get info(): SessionInfo {
    return this.#info as SessionInfo;
  }

  /** Workers that are ready. */
  get workers(): number {
    return [...this.#hands].filter(({ opened }) => opened).length;
  }

  /**
   * `session.run` in a worker. xs is copied, and not changed meanwhile.
   * @throws what session.run throws; the signal's reason; SessionError ERR_WORKER, ERR_DISPOSED
   * @example
   * const { output, state } = await pool.run(frames, { state: before });
   */
  run(xs: RunInput, { signal, ...options }: JobOptions = {}): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      if (this.#disposed) throw disposed();
      signal?.throwIfAborted();
      const job: Job = { xs, options, signal, resolve, reject, deaths: 0 };
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
    const stop = new AbortController();
    const abort = () => stop.abort(signal?.reason);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", abort);
    const stopped = new Promise<never>((_, reject) => {
      stop.signal.addEventListener("abort", () => reject(stop.signal.reason));
    });
    stopped.catch(() => {});
    const inputs = iteratorOf(source);
    const results: Promise<RunResult>[] = [];
    let done = 0;
    try {
      for (;;) {
        // A source that does not answer keeps nobody from stopping.
        const next = await Promise.race([inputs.next(), stopped]);
        if (next.done) break;
        const result = this.run(next.value, { ...options, signal: stop.signal });
        result.then(
          () => onProgress?.(++done, total),
          () => {}, // It is thrown where the consumer takes it.
        );
        results.push(result);
        if (results.length >= ahead) yield await (results.shift() as Promise<RunResult>);
      }
      while (results.length > 0) yield await (results.shift() as Promise<RunResult>);
    } finally {
      signal?.removeEventListener("abort", abort);
      stop.abort(disposed());
      inputs.return?.()?.catch?.(() => {});
    }
  }

  /** A state that moves through the workers: each run goes on where the one before it ended. */
  stream(state?: Readonly<State>): PoolStream {
    return new PoolStream(this, state);
  }

  /** Ends the workers. Jobs that are not done are refused; idempotent. */
  dispose(): void {
    this.#disposed = true;
    for (const { seat, jobs } of this.#hands) {
      seat.end();
      for (const job of jobs.values()) job.reject(disposed());
    }
    this.#hands.clear();
    this.#refuseAll(disposed());
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal */
  async open(workers: number): Promise<void> {
    this.#size = workers;
    await Promise.all(Array.from({ length: workers }, () => this.#hire()));
  }

  /** The jobs that a signal would stop. One listener for all of them, since hosts warn of many. */
  #listen(signal: AbortSignal): Set<Job> {
    const known = this.#signals.get(signal);
    if (known !== undefined) return known;
    const jobs = new Set<Job>();
    this.#signals.set(signal, jobs);
    // What a worker has begun it ends; nobody waits for it any more.
    const abort = () => {
      for (const job of jobs) {
        this.#waiting.delete(job);
        job.reject(signal.reason);
      }
    };
    signal.addEventListener("abort", abort, { once: true });
    return jobs;
  }

  /** Starts a worker; resolves when its session is open. */
  #hire(): Promise<void> {
    return new Promise((resolve, reject) => {
      const hand: Hand = {
        jobs: new Map(),
        opened: false,
        seat: openSeat(
          (reply) => {
            if (reply.kind === "opened") {
              this.#info ??= reply.info;
              hand.opened = true;
              resolve();
            } else if (reply.id === undefined) {
              hand.seat.end();
              this.#hands.delete(hand);
              reject(errorOf(reply));
            } else this.#settle(hand, reply);
            hand.seat.hold(hand.jobs.size > 0);
            this.#assign();
          },
          (reason) => {
            if (!this.#hands.delete(hand)) return;
            const error = new SessionError("ERR_WORKER", `worker: expected it to live; it died: ${reason}`);
            if (hand.opened) this.#replace(hand, error);
            else reject(error);
          },
        ),
      };
      this.#hands.add(hand);
      hand.seat.post({ kind: "open", model: this.#model, options: this.#options });
    });
  }

  #settle({ jobs }: Hand, reply: Extract<Reply, { id?: number }>): void {
    const id = reply.id as number;
    const job = jobs.get(id) as Job;
    jobs.delete(id);
    if (job.signal !== undefined) this.#signals.get(job.signal)?.delete(job);
    if (reply.kind === "done") job.resolve(reply.result);
    else job.reject(errorOf(reply));
  }

  /** Any of its jobs may be what it died of, so each goes on alone. */
  #replace({ jobs }: Hand, error: SessionError): void {
    const left = [...jobs.values()].filter((job) => {
      job.deaths++;
      if (job.deaths === DEATHS) job.reject(error);
      return job.deaths < DEATHS;
    });
    this.#returned.unshift(...left);
    this.#assign();
  }

  #assign(): void {
    // A dead worker's place is taken when there is something to do.
    while (this.#returned.length + this.#waiting.size > 0 && this.#hands.size < this.#size) {
      this.#hire().catch((error) => {
        this.#size--;
        if (this.#hands.size === 0) this.#refuseAll(error);
      });
    }
    for (;;) {
      const free = [...this.#hands].filter((hand) => hand.opened && hasRoom(hand));
      const [hand] = free.sort((a, b) => a.jobs.size - b.jobs.size);
      const job = this.#returned[0] ?? this.#waiting.values().next().value;
      if (hand === undefined || job === undefined || (job.deaths > 0 && hand.jobs.size > 0)) return;
      if (job === this.#returned[0]) this.#returned.shift();
      this.#waiting.delete(job);
      const id = this.#jobs++;
      hand.jobs.set(id, job);
      hand.seat.hold(true);
      try {
        hand.seat.post({ kind: "run", id, xs: job.xs, options: job.options });
      } catch (error) {
        // What cannot be copied to a worker.
        hand.jobs.delete(id);
        job.reject(error);
      }
    }
  }

  #refuseAll(error: unknown): void {
    for (const job of [...this.#returned.splice(0), ...this.#waiting]) job.reject(error);
    this.#waiting.clear();
  }
}

/** A stream without a home: its state is kept here between runs, so no worker's death can lose it. */
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

function iteratorOf<T>(source: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> {
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
  const iterator = source[Symbol.iterator]();
  return {
    next: async () => iterator.next(),
    return: async () => iterator.return?.() ?? { done: true, value: undefined },
  };
}

function disposed(): SessionError {
  return new SessionError("ERR_DISPOSED", "pool: expected a live one; it is disposed.");
}

/** The error of a worker, in the class that it had there. */
function errorOf(reply: Reply): Error {
  const { name, message, code } = (reply as Extract<Reply, { kind: "failed" }>).error;
  if (name === "TypeError") return new TypeError(message);
  if (name === "RangeError") return new RangeError(message);
  if (name === "ModelError") return new ModelError(code as ModelError["code"], message);
  return new SessionError(code as SessionError["code"], message);
}
