/** A pool over Node's workers, some of which are killed: every job is answered once, in order, with a session's bits. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import workerThreads from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createSessionSync, type Model, type RunResult } from "../../src/index.ts";
import type { Pool, PoolOptions } from "../../src/pool.ts";
import { randomModel, seeded, uniform } from "../conformance/models.ts";

const I = 5;
const model = randomModel("pool", [
  { type: "gru", name: "rnn", inputSize: I, hiddenSize: 21 },
  { type: "linear", name: "head", inFeatures: 21, outFeatures: 3 },
]);
const session = createSessionSync(model, { variant: "simd" });
const { createPool } = (await import(
  new URL("../../dist/pool.js", import.meta.url).href
)) as typeof import("../../src/pool.ts");

/** The workers that pools have started, oldest first; each may be told what to do before a job reaches it. */
const workers: workerThreads.Worker[] = [];
let onJob: ((worker: workerThreads.Worker, xs: unknown) => void) | undefined;
const { Worker } = workerThreads;
workerThreads.Worker = class extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    super(...args);
    workers.push(this);
  }

  override postMessage({
    method,
    args,
    ...rest
  }: {
    readonly method: string;
    readonly args: readonly unknown[];
  }): void {
    // First, so that no job is quicker than its worker's end.
    if (method === "session.run") onJob?.(this, args[0]);
    super.postMessage({ method, args, ...rest });
  }
};

const pools: Pool[] = [];
async function open(options: PoolOptions = {}, of: Model = model): Promise<Pool> {
  const pool = await createPool(of, { workers: 2, variant: "simd", ...options });
  pools.push(pool);
  return pool;
}

afterEach(() => {
  onJob = undefined;
  for (const pool of pools.splice(0)) pool.dispose();
  workers.length = 0;
});

/** Sequences of very different lengths, so that later ones end first. */
function sequences(count: number): Float32Array[] {
  const random = seeded("sequences");
  return Array.from({ length: count }, (_, i) => uniform(random, I * (i % 7 === 0 ? 3000 : 1 + (i % 5))));
}

async function all(results: AsyncIterable<RunResult>): Promise<Float32Array[]> {
  const outputs: Float32Array[] = [];
  for await (const { output } of results) outputs.push(output);
  return outputs;
}

const expected = (xs: readonly Float32Array[]) => xs.map((one) => session.run(one).output);

describe("a pool", () => {
  it("gives a session's results, whatever the options", async () => {
    const pool = await open();
    expect(pool.info.variant).toBe("simd");
    expect(pool.workers).toBe(2);
    const [xs] = sequences(1);
    const options = { batch: 3, lengths: [1000, 3, 0], keep: "last" } as const;
    expect(await pool.run(xs, options)).toEqual(session.run(xs, options));
    const state = { "rnn.h": new Float32Array(21).fill(0.5) };
    expect(await pool.run(xs, { state })).toEqual(session.run(xs, { state }));
    expect((await open({ precision: "int8" })).info.precision).toBe("int8");
  });

  it("keeps the order of a source and says how far it is", async () => {
    const pool = await open();
    const xs = sequences(40);
    const progress: unknown[] = [];
    const outputs = await all(pool.map(xs, { onProgress: (...args) => progress.push(args) }));
    expect(outputs).toEqual(expected(xs));
    expect(progress).toEqual(xs.map((_, i) => [i + 1, 40]));
    // A source without a length.
    const totals: unknown[] = [];
    await all(pool.map(new Set(xs.slice(0, 2)), { onProgress: (_, total) => totals.push(total) }));
    expect(totals).toEqual([undefined, undefined]);
  });

  it("takes no more from a source than it is ahead", async () => {
    const pool = await open();
    const xs = sequences(30);
    let pulled = 0;
    async function* source() {
      for (const one of xs) {
        pulled++;
        yield one;
      }
    }
    let taken = 0;
    for await (const _ of pool.map(source(), { ahead: 3 })) {
      taken++;
      // What the consumer waits for does not count.
      await new Promise((resolve) => setTimeout(resolve, 2));
      expect(pulled).toBeLessThanOrEqual(taken + 2);
    }
    expect([pulled, taken]).toEqual([30, 30]);
  });

  it("keeps no sequence that is done", async () => {
    const pool = await open();
    const sequences: WeakRef<Float32Array>[] = [];
    async function* source() {
      for (let i = 0; i < 40; i++) {
        const xs = new Float32Array(I);
        sequences.push(new WeakRef(xs));
        yield xs;
      }
    }
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    let taken = 0;
    for await (const _ of pool.map(source(), { ahead: 4 })) {
      if (++taken < 36) continue;
      // What a WeakRef gave is kept to the end of the turn.
      await new Promise((resolve) => setTimeout(resolve));
      collect();
      expect(sequences.filter((one) => one.deref() !== undefined).length).toBeLessThanOrEqual(8);
      break;
    }
    expect(taken).toBe(36);
  });

  it("throws what onProgress throws, where the job's result would be taken", async () => {
    const pool = await open();
    const failure = new Error("the meter is broken");
    const onProgress = (done: number) => {
      if (done === 3) throw failure;
    };
    const outputs: Float32Array[] = [];
    const xs = sequences(8).slice(1);
    await expect(async () => {
      for await (const { output } of pool.map(xs, { ahead: 1, onProgress })) outputs.push(output);
    }).rejects.toBe(failure);
    expect(outputs).toEqual(expected(xs.slice(0, 2)));
  });

  it("throws a job's error, of its class, and goes on", async () => {
    const pool = await open();
    const bad = new Float32Array(I + 1);
    await expect(pool.run(bad)).rejects.toThrow(new RangeError('"input" expected length 5, got 6'));
    await expect(pool.run([1] as never)).rejects.toThrow(TypeError);
    await expect(pool.run((() => {}) as never)).rejects.toThrow("could not be cloned");
    const outputs: Float32Array[] = [];
    const xs = sequences(5);
    await expect(async () => {
      for await (const { output } of pool.map([...xs.slice(1, 4), bad, xs[4]])) outputs.push(output);
    }).rejects.toThrow(RangeError);
    expect(outputs).toEqual(expected(xs.slice(1, 4)));
    expect((await pool.run(xs[1])).output).toEqual(expected(xs)[1]);
  });

  it("stops at a signal and at a break, and closes the source", async () => {
    const pool = await open();
    const xs = sequences(50);
    const reason = new Error("enough");
    const control = new AbortController();
    const running = xs.map((one) => pool.run(one, { signal: control.signal }));
    control.abort(reason);
    for (const result of await Promise.allSettled(running)) expect(result).toEqual({ status: "rejected", reason });
    await expect(pool.run(xs[0], { signal: control.signal })).rejects.toBe(reason);
    await expect(all(pool.map(xs, { signal: control.signal }))).rejects.toBe(reason);

    let closed = 0;
    async function* source() {
      try {
        yield* xs;
      } finally {
        closed++;
      }
    }
    for await (const _ of pool.map(source())) break;
    const late = new AbortController();
    await expect(async () => {
      for await (const _ of pool.map(source(), { signal: late.signal })) late.abort(reason);
    }).rejects.toBe(reason);
    // A source that never answers.
    const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
    const never = new AbortController();
    const waiting = all(pool.map(silent, { signal: never.signal }));
    never.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(closed).toBe(2);
    expect((await pool.run(xs[1])).output).toEqual(expected(xs)[1]);
  });

  it("answers every job once when workers are killed at random", async () => {
    const pool = await open();
    const random = seeded("deaths");
    const xs = sequences(150);
    let [jobs, deaths] = [0, 0];
    // Never the worker of one job three times.
    onJob = (worker) => {
      if (++jobs % 12 !== 0 || deaths === 10) return;
      deaths++;
      setTimeout(() => worker.terminate(), random() * 3);
    };
    let done = 0;
    const outputs = await all(pool.map(xs, { ahead: 10, onProgress: () => done++ }));
    expect(outputs).toEqual(expected(xs));
    expect(done).toBe(150);
    expect(deaths).toBe(10);
    expect(workers.length).toBeGreaterThan(4);
  });

  it("refuses a job that kills its workers, and does the others", async () => {
    const pool = await open();
    const poison = new Float32Array(I * 3000);
    onJob = (worker, xs) => {
      if ((xs as Float32Array).length === poison.length) worker.terminate();
    };
    const xs = sequences(7).slice(1);
    const [killer, ...others] = await Promise.allSettled([poison, ...xs].map((one) => pool.run(one)));
    expect(killer).toMatchObject({ status: "rejected", reason: { name: "SessionError", code: "ERR_WORKER" } });
    expect(others.map((one) => one.status === "fulfilled" && one.value.output)).toEqual(expected(xs));
  });

  it("replaces idle workers that died, when there is something to do", async () => {
    const pool = await open();
    await Promise.all(workers.map((worker) => worker.terminate()));
    await vi.waitFor(() => expect(pool.workers).toBe(0));
    const xs = sequences(4);
    expect(await all(pool.map(xs))).toEqual(expected(xs));
  });

  it("refuses jobs while no worker can be started, and takes them when one can", async () => {
    const pool = await open();
    await Promise.all(workers.map((worker) => worker.terminate()));
    await vi.waitFor(() => expect(pool.workers).toBe(0));
    const { Worker } = workerThreads;
    workerThreads.Worker = class extends Worker {
      constructor() {
        super("process.exit(7)", { eval: true });
      }
    } as typeof Worker;
    const [xs] = sequences(1);
    try {
      for (let i = 0; i < 3; i++) await expect(pool.run(xs)).rejects.toMatchObject({ code: "ERR_WORKER" });
    } finally {
      workerThreads.Worker = Worker;
    }
    expect((await pool.run(xs)).output).toEqual(session.run(xs).output);
    await vi.waitFor(() => expect(pool.workers).toBe(2));
  });

  it("does not do again what was stopped while its worker died", async () => {
    const pool = await open({ workers: 1 });
    const control = new AbortController();
    const [xs, other] = sequences(2);
    let jobs = 0;
    onJob = (worker) => {
      if (++jobs > 1) return;
      // The job is back in the queue by then, and the next worker is starting.
      worker.once("exit", () => setImmediate(() => control.abort()));
      worker.terminate();
    };
    const stopped = pool.run(xs, { signal: control.signal });
    await expect(stopped).rejects.toThrow("aborted");
    expect((await pool.run(other)).output).toEqual(session.run(other).output);
    expect(jobs).toBe(2);
  });

  it("has streams that outlive their workers", async () => {
    const pool = await open();
    const stream = session.stream();
    const moving = pool.stream({ "rnn.h": new Float32Array(21).fill(0.1) });
    stream.setState({ "rnn.h": new Float32Array(21).fill(0.1) });
    const pieces = sequences(20);
    let jobs = 0;
    onJob = (worker) => {
      if (++jobs % 5 === 0) worker.terminate();
    };
    const results = await Promise.all(pieces.map((piece) => moving.run(piece)));
    expect(results.map(({ output }) => output)).toEqual(pieces.map((piece) => stream.run(piece)));
    expect(moving.state).toEqual(stream.state);
    await expect(moving.run(new Float32Array(1))).rejects.toThrow(RangeError);
    expect(moving.state).toEqual(stream.state);
  });

  it("refuses what it has not done when it is disposed of", async () => {
    const pool = await open();
    const running = sequences(10).map((one) => pool.run(one));
    pool.dispose();
    pool[Symbol.dispose]();
    for (const result of await Promise.allSettled(running)) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "ERR_DISPOSED" } });
    }
    await expect(pool.run(new Float32Array(I))).rejects.toMatchObject({ code: "ERR_DISPOSED" });
  });
});

describe("createPool", () => {
  it("checks its arguments, and fails as createSession does", async () => {
    await expect(createPool({} as Model)).rejects.toThrow('"model" expected a Model, got Object');
    await expect(createPool(model, { workers: 0 })).rejects.toThrow('"workers" expected an integer ≥ 1, got 0');
    await expect(open({ maxSteps: 0 })).rejects.toThrow(RangeError);
    await expect(createPool(model, { worker: 3 } as object)).rejects.toThrow('"options" expected workers, ');
    const broken = { ...model, tensors: new Map([...model.tensors].slice(1)) };
    await expect(open({}, broken)).rejects.toMatchObject({ name: "ModelError", code: "ERR_MISSING_TENSOR" });
    await expect(all((await open()).map([], { ahead: 0 }))).rejects.toThrow('"ahead" expected an integer ≥ 1, got 0');
  });

  it("fails where a worker does not start", async () => {
    const { Worker } = workerThreads;
    workerThreads.Worker = class extends Worker {
      constructor() {
        super("process.exit(7)", { eval: true });
      }
    } as typeof Worker;
    try {
      await expect(open()).rejects.toThrow("worker: expected one that runs; got an exit with 7.");
    } finally {
      workerThreads.Worker = Worker;
    }
  });

  it("takes the web's workers where there are any, and their errors for deaths", async () => {
    type Listener = (event: { readonly data?: unknown; readonly message?: string }) => void;
    const made: WebWorker[] = [];
    // A web worker, as far as a pool uses it, over one of Node's.
    class WebWorker {
      readonly #worker: workerThreads.Worker;
      readonly #listeners: [string, Listener][] = [];
      constructor(url: URL) {
        this.#worker = new Worker(url, { execArgv: [] });
        this.#worker.on("message", (data) => this.dispatch("message", { data }));
        made.push(this);
      }
      addEventListener(name: string, listener: Listener): void {
        this.#listeners.push([name, listener]);
      }
      dispatch(name: string, event: Parameters<Listener>[0]): void {
        for (const [other, listener] of this.#listeners) if (other === name) listener(event);
      }
      postMessage(message: unknown): void {
        this.#worker.postMessage(message);
      }
      terminate(): void {
        this.#worker.terminate();
      }
    }
    vi.stubGlobal("Worker", WebWorker);
    try {
      const url = new URL("../../dist/worker-thread.js", import.meta.url);
      const pool = await open({ url });
      const xs = sequences(20);
      const results = all(pool.map(xs));
      made[0].dispatch("error", { message: "out of memory" });
      made[1].dispatch("messageerror", {});
      expect(await results).toEqual(expected(xs));
      expect(made).toHaveLength(4);
      const opening = open({ url });
      await vi.waitFor(() => expect(made).toHaveLength(6));
      made[4].dispatch("error", {});
      await expect(opening).rejects.toThrow("worker: expected one that runs; got an error while it loads.");
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("fails where there are no workers", async () => {
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined as never);
    try {
      await expect(open()).rejects.toThrow("worker: expected a host that has workers; got none.");
    } finally {
      vi.restoreAllMocks();
    }
  });

  it("lets the process end when nothing is left to do", () => {
    const program = `
      import { createPool } from ${JSON.stringify(new URL("../../dist/pool.js", import.meta.url).href)};
      import { readModel } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
      import { readFileSync } from "node:fs";
      const model = readModel(new Uint8Array(readFileSync("examples/next-character/model.safetensors")));
      const pool = await createPool(model, { workers: 1 });
      console.log((await pool.run(Int32Array.of(1, 2, 3))).shape.join());`;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      timeout: 30_000,
    });
    expect([status, String(stdout)]).toEqual([0, "3,1,65\n"]);
  });
});
