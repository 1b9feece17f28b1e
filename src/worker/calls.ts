/**
 * The page's side of a worker: calls wait in a queue, one at a time is with the worker, and each of them settles — with its
 * answer, with the reason of its signal, or with the end of the worker. A call that is aborted in the queue never runs; one that
 * the worker has begun runs to its end: its answer is dropped, and an object that it made is disposed of.
 */

import { SessionError } from "../index.ts";
import { type Answer, buffersOf, type Call, type Made, unpackError } from "./messages.ts";

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Moves the buffers of the arrays that are given instead of copying them: they are empty here afterwards. */
  readonly transfer?: boolean;
}

/** Where a worker's script comes from; by default a Blob of the package's own text. */
export interface ThreadOptions {
  /** The URL of `sluice/worker-thread`, served by you: for pages whose policy has no `worker-src blob:`. */
  readonly url?: string | URL;
  /** A worker that you made of that file. It ends with the session or runtime. */
  readonly worker?: WorkerLike;
}

/** A Worker of the web, or of node:worker_threads. */
export interface WorkerLike {
  postMessage(message: unknown, move: ArrayBuffer[]): void;
  terminate(): unknown;
}

interface WebWorker extends WorkerLike {
  addEventListener(name: string, listener: (event: { data?: unknown; message?: string }) => void): void;
}

interface NodeWorker extends WorkerLike {
  on(name: string, listener: (value: unknown) => void): void;
  ref(): void;
  unref(): void;
}

interface Waiting {
  readonly call: Call;
  readonly move: ArrayBuffer[];
  settle(answer: Answer | { readonly reason: unknown }): void;
}

export class Calls {
  readonly #worker: WorkerLike;
  readonly #queue: Waiting[] = [];
  #current: Waiting | undefined;
  #ended: Error | undefined;
  /** Of a call, and of no other session's where several were given one worker: all of them hear every answer. */
  #last = Math.floor(Math.random() * 2 ** 48);

  /** @param name - of the script, for what to do where it does not load */
  constructor(worker: WorkerLike, name: string) {
    this.#worker = worker;
    const died = (got: unknown) => {
      const reason = String(got || "an error while it loads").replace(/[. ]+$/, "");
      const hint = `A page whose policy has no "worker-src blob:" serves the file "${name}" itself and passes { url } or { worker }.`;
      this.end(new SessionError("ERR_WORKER", `worker: expected one that runs; got ${reason}.`, { hint }));
    };
    if ("on" in worker) {
      const node = worker as NodeWorker;
      node.on("message", (answer) => this.#receive(answer as Answer));
      node.on("error", (error) => died((error as Error).message));
      node.on("exit", (code) => died(`an exit with ${code}`));
      node.unref();
    } else {
      const web = worker as WebWorker;
      web.addEventListener("message", ({ data }) => this.#receive(data as Answer));
      web.addEventListener("error", ({ message }) => died(message));
      web.addEventListener("messageerror", () => died("a message that cannot be read"));
    }
  }

  call(target: number, method: string, args: readonly unknown[], options: CallOptions = {}): Promise<unknown> {
    return this.move(target, method, args, options.transfer ? args : [], options);
  }

  /** A call that makes an object in the worker. */
  make<T extends Made>(
    target: number,
    method: string,
    args: readonly unknown[],
    options: CallOptions = {},
  ): Promise<T> {
    const moved = options.transfer ? args : [];
    return this.#send(target, method, args, moved, options, (made) => this.release((made as T).target)) as Promise<T>;
  }

  /** Disposes of an object of the worker. */
  release(target: number): void {
    this.call(target, "dispose", []).catch(() => {}); // an ended worker holds nothing
  }

  /** The buffers in `moved` go to the worker, whatever the options say. */
  move(
    target: number,
    method: string,
    args: readonly unknown[],
    moved: unknown,
    options: CallOptions = {},
  ): Promise<unknown> {
    return this.#send(target, method, args, moved, options);
  }

  /** `drop` takes a value that comes after the signal: nobody waits for it any more. */
  #send(
    target: number,
    method: string,
    args: readonly unknown[],
    moved: unknown,
    { signal }: CallOptions,
    drop?: (value: unknown) => void,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      signal?.throwIfAborted();
      let settled = false;
      const abort = () => waiting.settle({ reason: signal?.reason });
      const waiting: Waiting = {
        call: { id: ++this.#last, target, method, args },
        move: [...buffersOf(moved)],
        settle: (answer) => {
          signal?.removeEventListener("abort", abort);
          const at = this.#queue.indexOf(waiting);
          if (at >= 0) this.#queue.splice(at, 1);
          if (settled && "value" in answer) drop?.(answer.value);
          settled = true;
          if ("value" in answer) resolve(answer.value);
          else reject("error" in answer ? unpackError(answer.error) : answer.reason);
        },
      };
      signal?.addEventListener("abort", abort);
      this.#queue.push(waiting);
      this.#next();
    });
  }

  /** Rejects every call that waits, and all later ones; ends the worker. */
  end(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    this.#worker.terminate();
    for (const waiting of [this.#current, ...this.#queue]) waiting?.settle({ reason: error });
  }

  #next(): void {
    if (this.#current !== undefined) return;
    this.#current = this.#queue.shift();
    if (this.#current === undefined) {
      // An idle worker does not keep Node alive.
      (this.#worker as Partial<NodeWorker>).unref?.();
      return;
    }
    (this.#worker as Partial<NodeWorker>).ref?.();
    try {
      this.#worker.postMessage(this.#current.call, this.#current.move);
    } catch (error) {
      const failed = this.#current;
      this.#current = undefined;
      failed.settle({ reason: error });
      this.#next();
    }
  }

  #receive(answer: Answer): void {
    const done = this.#current;
    if (done?.call.id !== answer.id) return;
    this.#current = undefined;
    done.settle(answer);
    this.#next();
  }
}

/** A worker over the text of `sluice/worker-thread`, or what the options say instead. */
export function openWorker(text: string, { url, worker }: ThreadOptions): WorkerLike {
  if (worker !== undefined) return worker;
  if (typeof Worker === "function") {
    if (url !== undefined) return new Worker(url, { type: "module" }) as WorkerLike;
    const blob = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const made = new Worker(blob, { type: "module" });
    for (const name of ["message", "error"])
      made.addEventListener(name, () => URL.revokeObjectURL(blob), { once: true });
    return made as WorkerLike;
  }
  const process = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  const threads = process?.getBuiltinModule?.("node:worker_threads") as
    | { Worker: new (url: URL, options: object) => WorkerLike }
    | undefined;
  if (threads === undefined)
    throw new SessionError("ERR_WORKER", "worker: expected a host that has workers; got none.", {
      hint: 'Use "sluice" itself.',
    });
  // Without the process's own arguments: its loaders and --input-type are not for this script.
  return new threads.Worker(new URL(url ?? `data:text/javascript,${encodeURIComponent(text)}`), { execArgv: [] });
}
