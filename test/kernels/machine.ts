/**
 * Raw kernels over a memory that is NaN wherever a test has not put anything: what a kernel writes past its outputs shows as
 * a changed word, what it reads past its inputs as a NaN among its outputs. Programs and panels are made here by hand, from
 * what assembly/abi.ts and assembly/gemm.ts say, not with the host's own encoder and packer.
 */

import { readFileSync } from "node:fs";
import { ARENA, CONSTANTS, LANES, MEMBER_BYTES, OP_END } from "../../assembly/abi.ts";
import { COEFFICIENTS } from "../../src/coefficients.ts";

export interface Exports {
  readonly memory: WebAssembly.Memory;
  execute(program: number, stream: number, steps: number): number;
  executeGroup(program: number, members: number, count: number, steps: number): number;
  abi_version(): number;
  input_ptr(i: number): number;
  output_ptr(i: number): number;
  state_ptr(): number;
  state_size(): number;
  reset(): number;
  step(): number;
  run(steps: number): number;
}

/** The builds that this engine runs. */
export const BUILDS = (["simd", "relaxed"] as const).filter((name) => WebAssembly.validate(binary(name)));

function binary(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url)));
}

/** Bytes between any two things that lie in the memory. */
const GUARD = 64;

/** From … to, in bytes. */
export type Range = readonly [from: number, to: number];

export class Machine {
  readonly exports: Exports;
  readonly bytes: Uint8Array;
  readonly f32: Float32Array;
  readonly u32: Uint32Array;
  readonly #pattern: Uint32Array;
  readonly #before: Uint8Array;
  #next = ARENA;

  constructor(build: (typeof BUILDS)[number], pages = 2) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary(build)));
    this.exports = exports as unknown as Exports;
    const { memory } = this.exports;
    memory.grow(pages - 1);
    this.bytes = new Uint8Array(memory.buffer);
    this.f32 = new Float32Array(memory.buffer);
    this.u32 = new Uint32Array(memory.buffer);
    this.#pattern = Uint32Array.from({ length: (this.bytes.length - ARENA) / 4 }, (_, i) => 0x7fc00001 + i);
    this.#before = new Uint8Array(this.bytes.length);
    new Float32Array(memory.buffer, CONSTANTS).set(COEFFICIENTS);
    this.clear();
  }

  /** NaN everywhere from ARENA on, and nothing taken. */
  clear(): void {
    this.u32.set(this.#pattern, ARENA / 4);
    this.#next = ARENA + GUARD;
  }

  /** The address of fresh bytes, 16-byte aligned, with a guard behind them. */
  take(bytes: number): number {
    const at = this.#next;
    this.#next = at + Math.ceil(bytes / 16) * 16 + GUARD;
    if (this.#next > this.bytes.length) throw new Error(`memory: expected ${this.bytes.length} bytes to be enough`);
    return at;
  }

  put(values: ArrayLike<number>): number {
    const at = this.take(values.length * 4);
    this.f32.set(values, at / 4);
    return at;
  }

  /** `count` rows of n numbers, `stride` bytes apart, each followed by `zeros` zeros and then by NaN. */
  rows(count: number, n: number, stride: number, zeros: number, value: () => number): number {
    const at = this.take(count * stride);
    for (let r = 0; r < count; r++) {
      const row = (at + r * stride) / 4;
      for (let i = 0; i < n; i++) this.f32[row + i] = value();
      this.f32.fill(0, row + n, row + n + zeros);
    }
    return at;
  }

  /** A program of records, each its opcode and operands. */
  program(rows: number, ...records: readonly (readonly number[])[]): number {
    const words = [rows, ...records.flatMap(([op, ...operands]) => [op, operands.length + 2, ...operands]), OP_END, 0];
    const at = this.take(words.length * 4);
    this.u32.set(words, at / 4);
    return at;
  }

  /** A member table: [state address, steps] each. */
  members(entries: readonly (readonly [number, number])[]): number {
    const at = this.take(entries.length * MEMBER_BYTES);
    this.u32.set(entries.flat(), at / 4);
    return at;
  }

  /** Calls, and throws unless the status is as expected and every byte outside `outputs` is as it was. */
  expectWrites(outputs: readonly Range[], call: () => number, status = 0): void {
    this.#before.set(this.bytes);
    const got = call();
    if (got !== status) throw new Error(`status: expected ${status}; got ${got}`);
    for (const [from, to] of outputs) this.#before.set(this.bytes.subarray(from, to), from);
    if (Buffer.compare(this.#before, this.bytes) === 0) return;
    const at = this.bytes.findIndex((byte, i) => byte !== this.#before[i]);
    throw new Error(
      `byte ${at}: expected nothing to be written outside ${outputs.map((range) => range.join("…")).join(", ")}`,
    );
  }

  /** Throws where something in the ranges is no finite number: it was not written, or made from what lies outside. */
  expectFinite(...ranges: readonly Range[]): void {
    for (const [from, to] of ranges) {
      for (let at = from; at < to; at += 4) {
        if (!Number.isFinite(this.f32[at / 4])) throw new Error(`byte ${at} of ${from}…${to}: got ${this.f32[at / 4]}`);
      }
    }
  }

  expectZero(from: number, to: number): void {
    for (let at = from; at < to; at += 4) {
      if (this.u32[at / 4] !== 0) throw new Error(`byte ${at} of ${from}…${to}: expected 0; got ${this.f32[at / 4]}`);
    }
  }
}

export function padded(n: number): number {
  return Math.ceil(n / LANES) * LANES;
}

/** The bits of a number as f32. */
export function floatWord(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0];
}

/**
 * W (n, k) in panels: n rounded up to LANES; panels of 48 rows and what is left in few large ones (56 are 32 and 24, 64 twice
 * 32, 72 32, 24 and 16); inside a panel column by column; the rows past n are zero.
 */
export function panels(w: ArrayLike<number>, n: number, k: number): Float32Array {
  const out: number[] = [];
  for (let row = 0; row < padded(n); ) {
    const left = padded(n) - row;
    const sizes = [56, 60, 64, 68, 72, 76].includes(left) ? [32] : [48, 32, 24, 16, 8, 4];
    const size = sizes.find((rows) => rows <= left) as number;
    for (let j = 0; j < k; j++) for (let i = 0; i < size; i++) out.push(row + i < n ? w[(row + i) * k + j] : 0);
    row += size;
  }
  return Float32Array.from(out);
}

/** Gates (G · H, k), one block of H rows after another, each block padded by itself. */
export function gatePanels(w: ArrayLike<number>, gates: number, hidden: number, k: number): Float32Array {
  const rows = new Float32Array(gates * padded(hidden) * k);
  for (let g = 0; g < gates; g++) {
    for (let i = 0; i < hidden * k; i++) rows[g * padded(hidden) * k + i] = w[g * hidden * k + i];
  }
  return panels(rows, gates * padded(hidden), k);
}

/** U (3 · H, k) of a GRU whose reset comes after the product: r, z and n of 16 units, of the next 16, …, of 8 and 4 at the end. */
export function unitPanels(w: ArrayLike<number>, hidden: number, k: number): Float32Array {
  const out: number[] = [];
  for (let unit = 0; unit < padded(hidden); ) {
    const size = [16, 8, 4].find((units) => units <= padded(hidden) - unit) as number;
    for (let j = 0; j < k; j++) {
      for (let g = 0; g < 3; g++) {
        for (let i = unit; i < unit + size; i++) out.push(i < hidden ? w[(g * hidden + i) * k + j] : 0);
      }
    }
    unit += size;
  }
  return Float32Array.from(out);
}

/** Vectors of H numbers one after another, each padded by itself. */
export function gateVector(v: ArrayLike<number>, gates: number, hidden: number): Float32Array {
  const out = new Float32Array(gates * padded(hidden));
  for (let g = 0; g < gates; g++) for (let i = 0; i < hidden; i++) out[g * padded(hidden) + i] = v[g * hidden + i];
  return out;
}
