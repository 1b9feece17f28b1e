/** One independent state of a session's model, advanced a step or a run of steps at a time. */

import { STATUS_ID } from "../assembly/abi.ts";
import { advance } from "./advance.ts";
import type { States, TraceRows } from "./engine.ts";
import { SessionError } from "./errors.ts";
import { checkIds, checkInput, checkOutput, kindOf, type Numbers, type StepInput } from "./io.ts";
import type { SessionCore } from "./session.ts";
import { checkState, loadState, readState, type State, saveState, writeState } from "./state.ts";

export interface StreamOptions {
  /** Where to begin instead of the model's initial state; states that it does not name begin there. */
  readonly state?: Readonly<State>;
  /** Keep the last `traceSteps` (64) steps of every node's output for `trace()`. */
  readonly trace?: boolean;
  readonly traceSteps?: number;
}

/** The output of a step: an array where the model has one output, else a record by output name. */
export type StepOutput = Float32Array | Record<string, Float32Array>;

export class Stream {
  readonly #core: SessionCore;
  #states: States | undefined;

  /** Use `session.stream()`. @internal */
  constructor(core: SessionCore, states: States) {
    this.#core = core;
    this.#states = states;
    core.members.add(this);
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
  step(x?: StepInput, y?: Float32Array): Float32Array;
  step(x?: StepInput, y?: Record<string, Float32Array>): Record<string, Float32Array>;
  step(x?: StepInput, y?: StepOutput): StepOutput {
    const states = this.#live();
    const { engine, outputs } = this.#core;
    if (y !== undefined) this.#checkOutputs(y);
    if (x !== undefined) this.#write(x);
    const status = engine.execute(states, 1);
    if (status !== 0) throw this.#refused(status);
    const from = engine.outputs;
    if (outputs.length === 1) {
      const row = from[0].row as Float32Array;
      if (y === undefined) return x === undefined ? row : row.slice();
      (y as Float32Array).set(row);
      return y;
    }
    const record = (y ?? {}) as Record<string, Float32Array>;
    for (let i = 0; i < outputs.length; i++) {
      const row = from[i].row as Float32Array;
      if (y === undefined) record[outputs[i].name] = x === undefined ? row : row.slice();
      else record[outputs[i].name].set(row);
    }
    return record;
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
  run(xs: Numbers | Readonly<Record<string, Numbers>>, ys?: StepOutput): StepOutput {
    const states = this.#live();
    const { rows, steps } = this.#core.readRows(xs, 1);
    const outputs = this.#core.writeRows(ys, steps, 1);
    const course = { count: 1, steps, members: null, lengths: null, inputs: rows, outputs, whole: false };
    advance(this.#core.engine, states, course);
    return this.#core.result(outputs);
  }

  /** The first input's region: `inputSize` elements that `step()` reads. Valid until the session's memory grows. */
  get input(): Numbers {
    this.#live();
    return this.#core.engine.inputs[0].row;
  }

  /** The first output's region, which every step overwrites. Valid until the session's memory grows. */
  get output(): Float32Array {
    this.#live();
    return this.#core.engine.outputs[0].row as Float32Array;
  }

  /** Back to the model's initial state. */
  reset(): void {
    this.#live().reset(0);
  }

  /** Copies of all states by name, (layers × directions, 1, H) each. */
  get state(): State {
    return readState(this.#live(), 0, this.#core.model.states);
  }

  /** Replaces the states that are named; a wrong name or length leaves all as they were. */
  setState(state: Readonly<State>): void {
    const states = this.#live();
    checkState(state, this.#core.model.states);
    writeState(states, 0, this.#core.model.states, state);
  }

  /** The state as bytes (src/state.ts), the same in every variant and host. */
  save(into?: Uint8Array): Uint8Array {
    return saveState(this.#live(), 0, this.#core.model.states, this.#core.hash, into);
  }

  /**
   * Resumes from saved bytes.
   * @throws FormatError when they are no saved state, SessionError ERR_STATE when they are another model's
   */
  load(bytes: Uint8Array): void {
    loadState(this.#live(), 0, this.#core.model.states, this.#core.hash, bytes);
  }

  /** A second stream in the same state. May grow memory. */
  clone(): Stream {
    const from = this.#live();
    const states = this.#core.engine.createStates(1);
    states.copy(0, from, 0);
    return new Stream(this.#core, states);
  }

  /** Every node's output of the last steps, oldest first: (steps, size) by name. Only where `trace` was asked for. */
  trace(): TraceRows {
    const rows = this.#live().trace();
    if (rows === undefined)
      throw new SessionError("ERR_STATE", "trace: expected a stream with { trace: true }; got one without.");
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
  ): AsyncGenerator<StepOutput, void> {
    for await (const frame of source) {
      signal?.throwIfAborted();
      yield this.step(frame);
    }
  }

  /** Gives the state's memory back; idempotent. */
  dispose(): void {
    this.#states?.dispose();
    this.#states = undefined;
    this.#core.members.delete(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #live(): States {
    if (this.#states === undefined)
      throw new SessionError("ERR_DISPOSED", "stream: expected a live one; it is disposed.");
    return this.#states;
  }

  #write(x: StepInput): void {
    const { inputs, engine } = this.#core;
    const regions = engine.inputs;
    if (inputs.length === 1 && (typeof x === "number" || ArrayBuffer.isView(x))) {
      const port = inputs[0];
      if (typeof x !== "number") {
        checkInput(x, port, 1, port.name);
        regions[0].row.set(x);
      } else {
        this.#checkNumber(x, 0);
        regions[0].row[0] = x;
      }
      return;
    }
    this.#writeRecord(x);
  }

  #checkNumber(x: number, i: number): void {
    const { name, size, dtype, ids } = this.#core.inputs[i];
    if (size !== 1)
      throw new TypeError(
        `"${name}" expected ${dtype === "I32" ? "Int32Array" : "Float32Array"} of ${size}, got number`,
      );
    if (ids !== undefined) {
      if (!Number.isInteger(x)) throw new RangeError(`"${name}" expected 0…${ids - 1}, got ${x}`);
      checkIds([x], ids, name);
    }
  }

  #writeRecord(x: StepInput): void {
    const { inputs, engine } = this.#core;
    if (typeof x !== "object" || x === null || Array.isArray(x) || ArrayBuffer.isView(x)) {
      const expected =
        inputs.length > 1
          ? `a record of ${inputs.map(({ name }) => name).join(", ")}`
          : inputs[0].dtype === "I32"
            ? "Int32Array"
            : "Float32Array";
      throw new TypeError(`"${inputs.length > 1 ? "x" : inputs[0].name}" expected ${expected}, got ${kindOf(x)}`);
    }
    this.#core.checkNames(x);
    inputs.forEach((port, i) => {
      const value = x[port.name];
      if (typeof value === "number") this.#checkNumber(value, i);
      else checkInput(value, port, 1, port.name);
    });
    inputs.forEach(({ name }, i) => {
      const value = x[name];
      if (typeof value === "number") engine.inputs[i].row[0] = value;
      else engine.inputs[i].row.set(value);
    });
  }

  #checkOutputs(y: StepOutput): void {
    const { outputs } = this.#core;
    if (outputs.length === 1) checkOutput(y, outputs[0], 1, "y");
    else for (const port of outputs) checkOutput((y as Record<string, Float32Array>)[port.name], port, 1, port.name);
  }

  /** The status as an error: ids that were written in place come to light only here. */
  #refused(status: number): Error {
    const { inputs, engine } = this.#core;
    if (status === STATUS_ID) {
      inputs.forEach(({ ids, name }, i) => {
        if (ids !== undefined) checkIds(engine.inputs[i].row, ids, name);
      });
    }
    return new SessionError("ERR_EXECUTE", `execute: expected status 0; got ${status}.`);
  }
}
