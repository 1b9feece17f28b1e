/** One independent state of a session's model, advanced a step or a run of steps at a time. */

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
  /** Where to begin; states that it does not name begin in the model's initial state. */
  readonly state?: Readonly<State>;
  /** Keep the last `traceSteps` (64) steps of the output of every node that runs (no embeddings, no folded layers) for `trace()`. */
  readonly trace?: boolean;
  readonly traceSteps?: number;
}

const NO_ROW = new Float32Array();

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
   * Shapes   x: one row of the input, an Int32Array for ids, a number where the input has one element; several inputs: a
   *          record by name. Without x the step reads what stands in `input`
   * State    replaced; the first step starts from the initial state. A failed call leaves it as it was
   * Cost     no allocation when `y` is given; without x and y the result is the `output` region itself
   *
   * @param y - receives the output; a new array is made when absent
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
   * Advances over the rows of `xs`: the same bits as one `step` for each, quicker because the input products of up to
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

  /** The first input's region: the elements that `step()` reads. Valid until the session's memory grows. */
  get input(): Numbers {
    return this.#engine.inputs[0].row;
  }

  /** The first output's region, which every step overwrites. Valid until the session's memory grows. */
  get output(): Float32Array {
    return this.#engine.outputs[0].row as Float32Array;
  }

  /** Back to the model's initial state. */
  reset(): void {
    this.#members.states.reset(0);
  }

  /** Copies of all states by name, (layers × directions, 1, H) each. */
  get state(): State {
    return this.#members.state();
  }

  /** Replaces the states that are named; a wrong name or length leaves all as they were. */
  setState(state: Readonly<State>): void {
    this.#members.setState(state);
  }

  /** The state as bytes (src/members.ts), the same in every variant and host. */
  save(into?: Uint8Array): Uint8Array {
    return this.#members.save(0, into);
  }

  /**
   * Resumes from saved bytes.
   * @throws FormatError when they are no saved state, SessionError ERR_STATE when they are another model's
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

  /** Every node's output of the last steps, oldest first: (steps, size) by name. Only where `trace` was asked for. */
  trace(): TraceRows {
    const rows = this.#members.states.trace();
    if (rows === undefined)
      throw new SessionError("ERR_STATE", "trace: expected a stream with { trace: true }; got another.");
    return rows;
  }

  /**
   * Steps through an async source of frames, such as a Node or web stream.
   * @example
   * for await (const y of stream.over(frames)) console.log(y);
   */
  async *over(
    source: AsyncIterable<StepInput> | Iterable<StepInput>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Output, void> {
    for await (const frame of source) {
      signal?.throwIfAborted();
      yield this.step(frame);
    }
  }

  /** Gives the state's memory back; idempotent. */
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
  for (let i = 0; i < inputs.length; i++) {
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
