/**
 * A planned model in memory. Everything after its creation is synchronous: a step is microseconds.
 *
 * Data flow   Model → Engine (src/create.ts) → Session → streams, groups, runs
 */

import { checkInteger, checkOneOf, checkOptions, wrong, wrongKind } from "./arguments.ts";
import type { Engine, Variant } from "./engine.ts";
import { ModelError, SessionError } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { StreamGroup } from "./group.ts";
import { checkState, Members, prepare, type SessionCore, type State } from "./members.ts";
import type { Model, StateInfo, ValueInfo } from "./model.ts";
import { apart, byPort, checkRows, type Numbers, portsOf } from "./ports.ts";
import { Stream, type StreamOptions } from "./stream.ts";
import { ARRAYS } from "./tensor.ts";

export interface RunOptions {
  /** Sequences in xs. Default: as many as `lengths` has, or 1. */
  readonly batch?: number;
  /** Valid steps of each sequence. Default: all. */
  readonly lengths?: ArrayLike<number>;
  /** The states to begin with, (layers × directions, B, H) by name. Default: the model's initial state. */
  readonly state?: Readonly<State>;
  /** xs and outputs are (B, T, …) instead of (T, B, …). */
  readonly batchFirst?: boolean;
  /** "last": only the last valid step of each sequence, (B, O). Default: "all". */
  readonly keep?: "all" | "last";
}

export interface RunResult {
  /** The model's first output. */
  readonly output: Float32Array;
  /** All outputs by name. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
  /** Shape of `output`: (T, B, O), (B, T, O) or (B, O). */
  readonly shape: readonly number[];
  /** The valid steps of each sequence. */
  readonly lengths: readonly number[];
  /** (layers × directions, B, H) by name: each sequence's state at its last valid step. */
  readonly state: State;
}

export interface SessionInfo {
  /** What runs the model. */
  readonly variant: Variant;
  /** f32 or int8; f64 in the reference. */
  readonly precision: Engine["precision"];
  /** Bytes of each region: weights, programs, io, scratch, and statePerStream. */
  readonly bytes: ReturnType<Engine["bytes"]>;
}

/** xs of a run: one array, one for each sequence, or either by input name. */
export type RunInput = Numbers | readonly Numbers[] | Readonly<Record<string, Numbers | readonly Numbers[]>>;

/** A model in memory, made by `createSession`. Its streams, groups and runs share one copy of the weights. */
export class Session {
  /** Name, dtype and shape of each input, without the axes of time and batch. */
  readonly inputs: readonly ValueInfo[];
  /** Likewise of each output. */
  readonly outputs: readonly ValueInfo[];
  /** Name and shape of each state, without the axis of batch. */
  readonly states: readonly StateInfo[];
  readonly #core: SessionCore;
  readonly #graph: Graph;
  #disposed = false;

  /** Use `createSession`. @internal */
  constructor(model: Model, graph: Graph, engine: Engine) {
    this.inputs = model.inputs;
    this.outputs = model.outputs;
    this.states = model.states;
    this.#graph = graph;
    this.#core = {
      model,
      engine,
      inputs: portsOf(model, model.inputs),
      outputs: portsOf(model, model.outputs),
      whole: graph.sequenceNode !== undefined,
      stepwise: model.states.some(({ input }) => input !== undefined),
      fallible: model.nodes.some(
        ({ op, inputs: [ids] }) =>
          op === "gather" || (op === "embedding" && !model.inputs.some(({ name }) => name === ids)),
      ),
      live: new Set(),
    };
  }

  /**
   * What runs the model, and how much memory it takes.
   * @throws SessionError ERR_DISPOSED
   */
  get info(): SessionInfo {
    const { engine } = this.#live();
    return { variant: engine.variant, precision: engine.precision, bytes: engine.bytes() };
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
    const core = this.#live();
    checkOptions(options, ["batch", "lengths", "state", "batchFirst", "keep"]);
    const { batchFirst: ysFirst = false, keep = "all", state: given = {} } = options;
    checkOneOf("keep", keep, ["all", "last"]);
    const { arrays, lengths, count, steps, xsFirst } = this.#measure(xs, options);
    const checked = prepare(core, arrays, undefined, { count, steps, lengths, xsFirst, ysFirst });
    // Copies, before memory grows for the members.
    const prepared = { ...checked, from: checked.from.map((x) => apart(x, core.engine)) };
    const state = checkState(core, given, count);
    const members = new Members(core, count);
    try {
      members.setState(state, 0, count);
      members.run(prepared);
      const all = lengths ? [...lengths] : new Array<number>(count).fill(steps);
      const shapes: number[][] = [];
      const outputs = core.outputs.map(({ name, size }, i): [string, Float32Array] => {
        const y = prepared.to[i];
        const last = keep === "last" || this.#graph.values.get(name)?.collapsed;
        shapes.push(last ? [count, size] : ysFirst ? [count, steps, size] : [steps, count, size]);
        return [name, last ? lastRows(y, size, steps, all, ysFirst) : y];
      });
      return {
        output: outputs[0][1],
        outputs: Object.fromEntries(outputs),
        shape: shapes[0],
        lengths: all,
        state: members.state(0, count),
      };
    } finally {
      members.dispose();
    }
  }

  /**
   * Creates a stream in the initial or the given state. May grow memory.
   * @throws ModelError ERR_SEQUENCE_MODEL if a layer needs the whole sequence; TypeError, RangeError for options
   * @example
   * const stream = session.stream({ state: { "rnn.h": new Float32Array(16) } });
   */
  stream(options: StreamOptions = {}): Stream {
    checkOptions(options, ["state", "trace", "traceSteps"]);
    const { state: given = {}, trace = false, traceSteps = 64 } = options;
    checkInteger("traceSteps", traceSteps, 1);
    const core = this.#streaming();
    const state = checkState(core, given, 1);
    const stream = new Stream(core, trace ? traceSteps : 0);
    stream.setState(state);
    return stream;
  }

  /**
   * Creates n states that advance together. May grow memory.
   * @throws as `stream`
   * @example
   * const group = session.group(1000);
   */
  group(n: number): StreamGroup {
    checkInteger("n", n, 1);
    return new StreamGroup(this.#streaming(), n);
  }

  /** Runs `n` steps of zeros, so that the engine compiles the kernels fully. Overwrites `stream.input`. */
  warmup(n = 300): void {
    const { engine } = this.#live();
    checkInteger("n", n, 0);
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
  transform(options?: StreamOptions): TransformStream<Numbers, Float32Array> {
    const stream = this.stream(options);
    const end = () => stream.dispose();
    const transformer: Transformer<Numbers, Float32Array> & { cancel(): void } = {
      transform(chunk, controller) {
        try {
          controller.enqueue(stream.run(chunk));
        } catch (error) {
          end();
          throw error;
        }
      },
      flush: end,
      cancel: end,
    };
    return new TransformStream(transformer);
  }

  /** Ends the session with its streams and groups, and frees their memory in the runtime. Idempotent. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const member of [...this.#core.live]) member.dispose();
    this.#core.engine.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #live(): SessionCore {
    if (this.#disposed) throw new SessionError("ERR_DISPOSED", "session: expected a live one; it is disposed.");
    return this.#core;
  }

  #streaming(): SessionCore {
    const core = this.#live();
    const node = this.#graph.sequenceNode;
    if (node === undefined) return core;
    const message = `${node}: runs backwards over time, so the model needs its whole sequence.`;
    throw new ModelError("ERR_SEQUENCE_MODEL", message, { node, hint: "Use session.run." });
  }

  /** Sequences, steps and lengths, from xs and the options; a list of sequences becomes one padded array, (B, T, I). */
  #measure(xs: RunInput, options: RunOptions) {
    const { inputs } = this.#core;
    const given = byPort<Numbers | readonly Numbers[]>(inputs, xs, "xs");
    const lists = Array.isArray(given[0]);
    if (lists && (options.lengths ?? options.batch) !== undefined) {
      throw wrongKind("lengths", "none beside one array for each sequence", options.lengths ?? options.batch);
    }
    const counted = lists ? given[0].map((x) => (x as unknown as Numbers)?.length / inputs[0].size) : options.lengths;
    const count = options.batch ?? counted?.length ?? 1;
    checkInteger("batch", count, 1);
    const steps = lists
      ? (counted as number[]).reduce((longest, one) => Math.max(longest, one), 0)
      : Math.floor((given[0]?.length ?? 0) / (count * inputs[0].size));
    if (counted && counted.length !== count) throw wrong("lengths", `${count} numbers`, counted.length);
    const lengths = counted && Int32Array.from(counted);
    const arrays = Object.fromEntries(
      inputs.map((port, i) => {
        const list = given[i];
        if (!lists || !lengths) return [port.name, list];
        if (!Array.isArray(list) || list.length !== count) throw wrongKind(port.name, `${count} arrays`, list);
        const all = new ARRAYS[port.dtype](count * steps * port.size);
        list.forEach((x, j) => {
          checkRows(x, port, lengths[j]);
          all.set(x, j * steps * port.size);
        });
        return [port.name, all];
      }),
    );
    if (counted) for (let j = 0; j < count; j++) checkInteger("lengths", counted[j], 0, steps);
    return { arrays, lengths, count, steps, xsFirst: lists || options.batchFirst };
  }
}

/** (B, O): each sequence's last valid row, zero where it has none. */
function lastRows(
  y: Float32Array,
  size: number,
  steps: number,
  lengths: readonly number[],
  batchFirst: boolean,
): Float32Array {
  const count = lengths.length;
  const last = new Float32Array(count * size);
  lengths.forEach((length, j) => {
    const from = (batchFirst ? j * steps + length - 1 : (length - 1) * count + j) * size;
    if (length > 0) last.set(y.subarray(from, from + size), j * size);
  });
  return last;
}
