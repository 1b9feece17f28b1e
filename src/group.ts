/** Many states of one model, advanced together: their products are matrix-matrix, so each weight is read once for several. */

import { checkInteger, wrong, wrongKind } from "./arguments.ts";
import { Members, prepare, type SessionCore, type State } from "./members.ts";
import type { Numbers, Output } from "./ports.ts";

/** Many states of one model that advance together, made by `session.group(n)`. */
export class StreamGroup {
  /** How many members. */
  readonly size: number;
  readonly #members: Members;
  /** The number of the last call that named each member: how repeats show without a set. */
  #calls: Float64Array | undefined;
  #call = 0;

  /** Use `session.group(n)`. @internal */
  constructor(core: SessionCore, n: number) {
    this.size = n;
    this.#members = new Members(core, n);
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
  step(xs: Numbers | Readonly<Record<string, Numbers>>, ys?: Output, members?: Int32Array): Output {
    const count = members === undefined ? this.size : this.#checkMembers(members);
    if (ys !== undefined && this.#members.step(xs, ys, count, members)) return ys;
    return this.#members.run(prepare(this.#members.core, xs, ys, { count, steps: 1, members }));
  }

  /**
   * T steps of all members: xs (T, n, I) → ys (T, n, O), row-major; several inputs or outputs: records by name.
   * @throws as `step`
   * @example
   * const ys = group.run(new Float32Array(steps * group.size * inputSize));
   */
  run(xs: Numbers, ys?: Float32Array): Float32Array;
  run(xs: Readonly<Record<string, Numbers>>, ys?: Record<string, Float32Array>): Record<string, Float32Array>;
  run(xs: Numbers | Readonly<Record<string, Numbers>>, ys?: Output): Output {
    return this.#members.run(prepare(this.#members.core, xs, ys, { count: this.size }));
  }

  /** Returns member i, or all members, to the initial state. */
  reset(i?: number): void {
    const { states } = this.#members;
    if (i !== undefined) states.reset(this.#member(i));
    else for (let member = 0; member < this.size; member++) states.reset(member);
  }

  /** Copies of member i's states by name, (layers × directions, 1, H) each. */
  state(i: number): State {
    return this.#members.state(this.#member(i));
  }

  /** Replaces the named states of member i, as `stream.setState`. */
  setState(i: number, state: Readonly<State>): void {
    this.#members.setState(state, this.#member(i));
  }

  /** The state of member i as bytes, as `stream.save`. */
  save(i: number, into?: Uint8Array): Uint8Array {
    return this.#members.save(this.#member(i), into);
  }

  /** Resumes member i from saved bytes, as `stream.load`. */
  load(i: number, bytes: Uint8Array): void {
    this.#members.load(bytes, this.#member(i));
  }

  /** Ends the group and frees its memory. Idempotent. */
  dispose(): void {
    this.#members.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #member(i: number): number {
    checkInteger("i", i, 0, this.size - 1);
    return i;
  }

  #checkMembers(members: Int32Array): number {
    if (!(members instanceof Int32Array)) throw wrongKind("members", "Int32Array", members);
    this.#calls ??= new Float64Array(this.size);
    this.#call++;
    for (const i of members) {
      checkInteger("members", i, 0, this.size - 1);
      if (this.#calls[i] === this.#call) throw wrong("members", "no repeats", `${i} twice`);
      this.#calls[i] = this.#call;
    }
    return members.length;
  }
}
