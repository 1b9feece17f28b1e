/**
 * A Runtime: one instance of the kernels, one linear memory, and who has which bytes of it. A session makes its own, or many
 * share one (`createSession(model, { runtime })`): JavaScriptCore makes the ninth and every later memory of a process 1.75×
 * slower, and a memory costs address space everywhere.
 */

import { ARENA } from "../assembly/abi.ts";
import type { Variant } from "./engine.ts";
import { grow, type Kernels, PAGE } from "./kernels.ts";
import type { OpTable } from "./ops/core.ts";
import { align } from "./program.ts";

interface Gap {
  start: number;
  end: number;
}

/** Regions are whole cache lines. */
const lines = (bytes: number) => align(Math.max(bytes, 1), 64);

/** One instance of the kernels and one linear memory, for several sessions; made by `createRuntime`. */
export class Runtime {
  readonly variant: Exclude<Variant, "reference">;
  /** @internal */
  readonly kernels: Kernels;
  /** What they run. @internal */
  readonly ops: OpTable;
  /** Free bytes, ascending, never adjacent; the last are those that memory would have to grow for, without end. */
  readonly #gaps: Gap[];
  /** Bytes from here on were never given out: they are zero. */
  #fresh = 0;
  /** All of linear memory. @internal */
  f32: Float32Array;
  /** @internal */
  u32: Uint32Array;
  /**
   * Called after a growth, which detaches every view. The views are plain properties of who has them, since to ask a view
   * whether it is detached takes V8 10 ns. @internal
   */
  readonly grown = new Set<() => void>();

  /** @internal */
  constructor(kernels: Kernels, ops: OpTable) {
    this.kernels = kernels;
    this.ops = ops;
    this.variant = kernels.relaxed() & 1 ? "relaxed" : "simd";
    this.#gaps = [{ start: lines(Math.max(ARENA, kernels.heap_base())), end: Infinity }];
    this.f32 = new Float32Array(kernels.memory.buffer);
    this.u32 = new Uint32Array(kernels.memory.buffer);
  }

  /** Bytes of linear memory. It never shrinks. */
  get memoryBytes(): number {
    return this.kernels.memory.buffer.byteLength;
  }

  /**
   * Zeroed bytes that begin with a cache line: the first gap that is large enough, or new memory.
   * @throws SessionError ERR_MEMORY when memory cannot grow
   * @internal
   */
  allocate(bytes: number): number {
    const size = lines(bytes);
    const i = this.#gaps.findIndex(({ start, end }) => end - start >= size);
    const gap = this.#gaps[i];
    const at = gap.start;
    const missing = at + size - this.memoryBytes;
    if (missing > 0) {
      const { memory } = this.kernels;
      grow(memory, Math.ceil(missing / PAGE));
      this.f32 = new Float32Array(memory.buffer);
      this.u32 = new Uint32Array(memory.buffer);
      for (const renew of this.grown) renew();
    }
    gap.start += size;
    if (gap.start === gap.end) this.#gaps.splice(i, 1);
    this.f32.fill(0, at / 4, Math.min(at + size, this.#fresh) / 4);
    this.#fresh = Math.max(this.#fresh, at + size);
    return at;
  }

  /** Gives back what `allocate(bytes)` gave. @internal */
  free(at: number, bytes: number): void {
    const gaps = this.#gaps;
    const end = at + lines(bytes);
    // The first gap after it, by halving.
    let i = 0;
    for (let high = gaps.length; i < high; ) {
      const middle = (i + high) >> 1;
      if (gaps[middle].start < at) i = middle + 1;
      else high = middle;
    }
    // What touches it becomes one with it.
    const first = gaps[i - 1]?.end === at ? i - 1 : i;
    const last = gaps[i]?.start === end ? i : i - 1;
    const start = first < i ? gaps[first].start : at;
    gaps.splice(first, last + 1 - first, { start, end: last === i ? gaps[i].end : end });
  }
}
