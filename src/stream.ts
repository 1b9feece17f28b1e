/** One independent state of a session's model, advanced a step or a run of steps at a time. */

import { until } from "./abort.ts";
import type { Engine, IoRegion, TraceRows } from "./engine.ts";
import { SessionError } from "./errors.ts";
import { check, Members, prepare, type SessionCore, type State } from "./members.ts";
import {
  checkNames,
  checkNumber,
  checkRows,
  type Numbers,
  type Output,
  outputOf,
  type Port,
  type StepInput,
} from "./ports.ts";

export interface StreamOptions {
  /** The states to begin with. Default: the model's initial state, for each that is not named. */
  readonly state?: Readonly<State>;
  /** Keeps the outputs of every node for `trace()`. Nodes that were merged into others have none. Default: false. */
  readonly trace?: boolean;
  /** How many steps a trace keeps. Default: 64. */
  readonly traceSteps?: number;
}

const NO_ROW = new Float32Array();

/** One independent state of a model, made by `session.stream()`. */
export class Stream {
  readonly #members: Members;
  /**
   * The rows of the last step that took one array and gave one. Arrays as long are what the checks ask for, so the next step
   * need not ask, which saves 30 ns of perhaps 100. A growth of memory leaves them with length 0.
   */
  #x: Numbers = NO_ROW;
  #y: Numbers = NO_ROW;

  /** Use `session.stream()`. @internal */
  constructor(core: SessionCore, traceSteps = 0) {
    this.#members = new Members(core, 1, traceSteps);
  }

  /**
   * Advances every layer by one time step and returns the model's output.
   *
   * Shapes   x is one row of the input: a Float32Array, an Int32Array for ids, or a number if the input has one element; a record
   *          by name if there are several inputs. Without x the step reads `input`
   * Units    none: apply the scaling that the model was trained with before the call
   * State    replaced; the first step starts from the initial state. A call that fails leaves it as it was
   * Cost     no allocation if `y` is given; without x and y the result is the `output` region itself
   *
   * @param y - receives the output; a new array if not given
   * @returns `y`
   * @throws TypeError `"input" expected Float32Array, got Array`
   * @throws RangeError `"input" expected length 40, got 39`; `"tokens" expected 0…64, got 65`
   * @throws SessionError ERR_DISPOSED
   * @example
   * const y = stream.step(frame);
   */
  step(x?: Numbers | number, y?: Float32Array): Float32Array;
  step(x?: Readonly<Record<string, Numbers | number>>, y?: Record<string, Float32Array>): Record<string, Float32Array>;
  step(x?: StepInput, y?: Output): Output;
  step(x?: StepInput, y?: Output): Output {
    const from = this.#x;
    const to = this.#y;
    if (
      x instanceof Float32Array &&
      y instanceof Float32Array &&
      from.length > 0 &&
      x.length === from.length &&
      y.length === to.length
    ) {
      const { core, states } = this.#members;
      copyRow(from, x);
      check(core.engine.execute(states, 1), core);
      copyRow(y, to);
      return y;
    }
    return this.#step(x, y);
  }

  /** A step in any form. */
  #step(x?: StepInput, y?: Output): Output {
    const { core, states } = this.#members;
    const { engine, inputs, outputs } = core;
    const named = y !== undefined && checkNames(outputs, y, "y");
    for (let i = 0; y !== undefined && i < outputs.length; i++) {
      checkRows(named ? y[outputs[i].name] : y, outputs[i], 1, named ? undefined : "y");
    }
    if (x !== undefined) write(engine.inputs, inputs, x);
    check(engine.execute(states, 1), core);
    const rows = engine.outputs;
    if (y === undefined)
      return x === undefined && outputs.length === 1 ? (rows[0].row as Float32Array) : taken(core, x !== undefined);
    for (let i = 0; i < outputs.length; i++) {
      copyRow(named ? y[outputs[i].name] : (y as Float32Array), rows[i].row);
    }
    if (inputs.length === 1 && outputs.length === 1 && inputs[0].dtype === "F32") {
      this.#x = engine.inputs[0].row;
      this.#y = rows[0].row;
    }
    return y;
  }

  /**
   * Advances over the rows of `xs`: the same bits as one `step` for each, in less time, because the input products of up to
   * maxSteps rows are one matrix product.
   *
   * Shapes   xs (T, I) → ys (T, O), row-major; several inputs or outputs: records by name
   * Errors   as `step`; every argument is checked before the first step
   * @example
   * const predictions = stream.run(frames);
   */
  run(xs: Numbers, ys?: Float32Array): Float32Array;
  run(xs: Readonly<Record<string, Numbers>>, ys?: Record<string, Float32Array>): Record<string, Float32Array>;
  run(xs: Numbers | Readonly<Record<string, Numbers>>, ys?: Output): Output {
    const members = this.#members;
    return members.run(prepare(members.core, xs, ys, { count: 1 }));
  }

  /** The elements that `step()` reads: a view of the first input, valid until the session's memory grows (docs/memory.md). */
  get input(): Numbers {
    return this.#engine.inputs[0].row;
  }

  /** A view of the first output, which every step overwrites, valid until the session's memory grows. */
  get output(): Float32Array {
    return this.#engine.outputs[0].row as Float32Array;
  }

  /** Returns to the model's initial state: zero, unless the file stores one. */
  reset(): void {
    this.#members.states.reset(0);
  }

  /** Copies of all states by name, (layers × directions, 1, H) each. */
  get state(): State {
    return this.#members.state();
  }

  /**
   * Replaces the named states, (layers × directions, 1, H) each.
   * @throws TypeError, RangeError for a wrong name or length; then all states are as they were
   */
  setState(state: Readonly<State>): void {
    this.#members.setState(state);
  }

  /**
   * Returns the state as bytes: 24 of header, then 4 per element (docs/formats.md). They resume in every variant and host.
   * @param into - receives the bytes; a new array if not given
   */
  save(into?: Uint8Array): Uint8Array {
    return this.#members.save(0, into);
  }

  /**
   * Resumes from saved bytes.
   * @throws FormatError ERR_STATE_BYTES if they are not a saved state, SessionError ERR_STATE if they are another model's
   * @example
   * session.stream().load(stream.save());
   */
  load(bytes: Uint8Array): void {
    this.#members.load(bytes);
  }

  /** A second stream in the same state. May grow memory. */
  clone(): Stream {
    const { core, states } = this.#members;
    const stream = new Stream(core);
    stream.#members.states.copy(0, states, 0);
    return stream;
  }

  /**
   * Returns every node's outputs of the last steps, oldest first: `{ shape: [steps, size], data }` by name.
   * @throws SessionError ERR_STATE if the stream was made without `trace`
   */
  trace(): TraceRows {
    const rows = this.#members.states.trace();
    if (rows === undefined)
      throw new SessionError("ERR_STATE", "trace: expected a stream with { trace: true }; got another.");
    return rows;
  }

  /**
   * Steps through an async source of frames, such as a Node or web stream. `signal` ends it, also while the source is silent.
   * @example
   * for await (const y of stream.over(frames)) console.log(y);
   */
  async *over(
    source: AsyncIterable<StepInput> | Iterable<StepInput>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Output, void> {
    for await (const frame of signal ? until(source, signal) : source) yield this.step(frame);
  }

  /** Ends the stream and frees its memory. Idempotent. */
  dispose(): void {
    this.#members.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  get #engine(): Engine {
    const { core, states } = this.#members;
    return states && core.engine;
  }
}

/** The outputs where the caller gave no arrays: copies, or the regions themselves. A closure in `step` would allocate at every call. */
function taken({ engine, outputs }: SessionCore, copy: boolean): Output {
  return outputOf(
    outputs,
    engine.outputs.map(({ row }) => (copy ? row.slice() : row) as Float32Array),
  );
}

/** Checks every input before the first is written. */
function write(regions: readonly IoRegion[], inputs: readonly Port[], x: StepInput): void {
  const named = checkNames(inputs, x, "x");
  for (let i = 0; i < inputs.length; i++) {
    const value = named ? x[inputs[i].name] : x;
    if (typeof value === "number") checkNumber(value, inputs[i]);
    else checkRows(value, inputs[i], 1);
  }
  // Backwards: `stream.input` is the first region, and may be given for another.
  for (let i = inputs.length - 1; i >= 0; i--) {
    const value = named ? x[inputs[i].name] : x;
    if (typeof value === "number") regions[i].row[0] = value;
    else copyRow(regions[i].row, value as Numbers);
  }
}

/** Elements from which on the native copy, which takes 20 ns before it begins, is quicker than a loop. */
const LONG_ROW = 17;

/** A row of the caller's into a region, or back. */
function copyRow(to: Numbers, from: Numbers): void {
  if (from.length < LONG_ROW) for (let i = 0; i < from.length; i++) to[i] = from[i];
  else to.set(from);
}
