/**
 * What sessions, streams and groups drive: a planned model that executes steps over states. Two things implement it:
 * the WebAssembly arena (src/arena.ts) and the plain-TypeScript walker (src/backend-reference.ts). An engine knows
 * nothing of callers' arrays: the host writes rows into `inputs`, executes, and reads rows from `outputs`.
 */

export type Variant = "simd" | "relaxed" | "reference";

/** Rows of one input or output: row r starts at element r · stride. Renewed after linear memory grows. */
export interface IoRegion {
  readonly data: Float32Array | Int32Array;
  /** Elements from one row to the next: the value's size rounded up to a multiple of 4; 1 for ids. */
  readonly stride: number;
  /** Row 0, as long as the value: for hosts that copy whole rows, and for callers who write in place. */
  readonly row: Float32Array | Int32Array;
}

/** The last steps of every node's output, oldest first, by the output's name. */
export type TraceRows = ReadonlyMap<string, { readonly shape: readonly [number, number]; readonly data: Float32Array }>;

/** The states of `count` members. Every number that crosses here is f32, unpadded, in the order of `model.states`. */
export interface States {
  readonly count: number;
  /** Copies state number `index` of a member into place b of `into`, (layers × directions, count, H). */
  read(member: number, index: number, into: Float32Array, b: number, count: number): void;
  write(member: number, index: number, from: Float32Array, b: number, count: number): void;
  /** Sets a member to the model's initial state. */
  reset(member: number): void;
  /** Copies all states of a member from a member of other States of the same engine. */
  copy(member: number, from: States, fromMember: number): void;
  /** What member 0 did, where it was created with `traceSteps`. */
  trace(): TraceRows | undefined;
  /** Gives the memory back. */
  dispose(): void;
}

export interface Engine {
  readonly variant: Variant;
  readonly precision: "f32" | "int8" | "f64";
  /** Bytes of each region: weights, programs, io, scratch, and state per stream. */
  bytes(): Readonly<Record<"weights" | "programs" | "io" | "scratch" | "statePerStream", number>>;
  /** How many rows (steps × members) one execution takes. */
  readonly rows: number;
  /** Makes room for more rows; only sequence models ask for it. May grow memory. */
  reserve(rows: number): void;
  /** In the order of `model.inputs` and `model.outputs`. */
  readonly inputs: readonly IoRegion[];
  readonly outputs: readonly IoRegion[];
  /** In the initial state. May grow memory. With `traceSteps`, member 0 keeps that many steps of every node's output. */
  createStates(count: number, traceSteps?: number): States;
  /** Member 0 of `states` takes `steps` steps; row r of the io regions is step r. Returns a status, 0 is ok. */
  execute(states: States, steps: number): number;
  /**
   * `count` members take up to `steps` steps together; row t · count + j is step t of the j-th. The j-th is
   * members[first + j] (or first + j itself where `members` is null) and takes lengths[first + j] steps (or `steps`).
   * Rows past a member's length are unspecified and its state is the one at its last step; a reverse direction
   * starts there.
   */
  executeGroup(
    states: States,
    members: Int32Array | null,
    first: number,
    count: number,
    steps: number,
    lengths: Int32Array | null,
  ): number;
  dispose(): void;
}
