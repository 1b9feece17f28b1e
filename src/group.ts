/** Many states of one model, advanced together: their products are matrix-matrix, so each weight is read once for several. */

import { advance } from "./advance.ts";
import type { States } from "./engine.ts";
import { SessionError } from "./errors.ts";
import { kindOf, type Numbers } from "./io.ts";
import type { SessionCore } from "./session.ts";
import { checkState, loadState, readState, type State, saveState, writeState } from "./state.ts";
import type { StepOutput } from "./stream.ts";

export class StreamGroup {
  readonly #core: SessionCore;
  /** How many members. */
  readonly size: number;
  #states: States | undefined;
  /** The number of the last call that named each member: how repeats show without a set. */
  #calls: Uint32Array | undefined;
  #call = 0;

  /** Use `session.group(n)`. @internal */
  constructor(core: SessionCore, states: States) {
    this.#core = core;
    this.#states = states;
    this.size = states.count;
    core.members.add(this);
  }

  /**
   * One step of some or all members; row i of xs and ys belongs to members[i], the others are untouched.
   *
   * Shapes   xs (n, I) → ys (n, O), n the members' count; several inputs or outputs: records by name
   * Bits     a member's equal a single stream's, always
   * @param members - default 0 … size − 1; no repeats
   * @throws TypeError, RangeError; a failed call leaves every state as it was
   * @example
   * group.step(frames, outputs, Int32Array.of(4, 17));
   */
  step(xs: Numbers, ys?: Float32Array, members?: Int32Array): Float32Array;
  step(
    xs: Readonly<Record<string, Numbers>>,
    ys?: Record<string, Float32Array>,
    members?: Int32Array,
  ): Record<string, Float32Array>;
  step(xs: Numbers | Readonly<Record<string, Numbers>>, ys?: StepOutput, members?: Int32Array): StepOutput {
    const states = this.#live();
    const count = members === undefined ? this.size : this.#checkMembers(members);
    const { rows, steps } = this.#core.readRows(xs, count, 1);
    return this.#advance(states, { rows, steps, count, members: members ?? null }, ys);
  }

  /** T steps of all members: xs (T, n, I) → ys (T, n, O). */
  run(xs: Numbers, ys?: Float32Array): Float32Array;
  run(xs: Readonly<Record<string, Numbers>>, ys?: Record<string, Float32Array>): Record<string, Float32Array>;
  run(xs: Numbers | Readonly<Record<string, Numbers>>, ys?: StepOutput): StepOutput {
    const states = this.#live();
    const { rows, steps } = this.#core.readRows(xs, this.size);
    return this.#advance(states, { rows, steps, count: this.size, members: null }, ys);
  }

  /** Member i, or all of them, back to the initial state. */
  reset(i?: number): void {
    const states = this.#live();
    if (i !== undefined) states.reset(this.#member(i));
    else for (let member = 0; member < this.size; member++) states.reset(member);
  }

  /** Copies of member i's states. */
  state(i: number): State {
    return readState(this.#live(), this.#member(i), this.#core.model.states);
  }

  setState(i: number, state: Readonly<State>): void {
    const states = this.#live();
    checkState(state, this.#core.model.states);
    writeState(states, this.#member(i), this.#core.model.states, state);
  }

  save(i: number, into?: Uint8Array): Uint8Array {
    return saveState(this.#live(), this.#member(i), this.#core.model.states, this.#core.hash, into);
  }

  load(i: number, bytes: Uint8Array): void {
    loadState(this.#live(), this.#member(i), this.#core.model.states, this.#core.hash, bytes);
  }

  /** Gives the states' memory back; idempotent. */
  dispose(): void {
    this.#states?.dispose();
    this.#states = undefined;
    this.#core.members.delete(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #advance(
    states: States,
    {
      rows,
      steps,
      count,
      members,
    }: { rows: ReturnType<SessionCore["readRows"]>["rows"]; steps: number; count: number; members: Int32Array | null },
    ys: StepOutput | undefined,
  ): StepOutput {
    const outputs = this.#core.writeRows(ys, steps, count);
    advance(this.#core.engine, states, { count, steps, members, lengths: null, inputs: rows, outputs, whole: false });
    return this.#core.result(outputs);
  }

  #live(): States {
    if (this.#states === undefined)
      throw new SessionError("ERR_DISPOSED", "group: expected a live one; it is disposed.");
    return this.#states;
  }

  #member(i: number): number {
    if (!Number.isInteger(i) || i < 0 || i >= this.size)
      throw new RangeError(`"i" expected 0…${this.size - 1}, got ${i}`);
    return i;
  }

  #checkMembers(members: Int32Array): number {
    if (!(members instanceof Int32Array)) throw new TypeError(`"members" expected Int32Array, got ${kindOf(members)}`);
    this.#calls ??= new Uint32Array(this.size);
    // A call's number stands for "named in this call": at 2³² the marks start anew.
    this.#call = (this.#call + 1) >>> 0;
    if (this.#call === 0) {
      this.#calls.fill(0);
      this.#call = 1;
    }
    for (const i of members) {
      if (i < 0 || i >= this.size) throw new RangeError(`"members" expected 0…${this.size - 1}, got ${i}`);
      if (this.#calls[i] === this.#call) throw new RangeError(`"members" expected no repeats, got ${i} twice`);
      this.#calls[i] = this.#call;
    }
    return members.length;
  }
}
