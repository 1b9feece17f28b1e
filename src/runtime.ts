/**
 * A Runtime: one instance of the kernels, one linear memory, and who has which bytes of it. A session makes its own, or many
 * share one (`createSession(model, { runtime })`): JavaScriptCore makes the ninth and every later memory of a process 1.75×
 * slower, and a memory costs address space everywhere.
 */

import { ARENA } from "../assembly/abi.ts";
import type { Variant } from "./engine.ts";
import { grow, type Kernels, PAGE } from "./kernels.ts";

/** Regions begin at multiples of this: a cache line, and enough for every vector load. */
const ALIGNMENT = 64;

interface Gap {
  start: number;
  end: number;
}

export class Runtime {
  readonly variant: Exclude<Variant, "reference">;
  readonly #kernels: Kernels;
  /** Free bytes, ascending, never adjacent. */
  readonly #gaps: Gap[];
  #f32: Float32Array;
  #u32: Uint32Array;

  /** @internal */
  constructor(kernels: Kernels) {
    this.#kernels = kernels;
    this.variant = kernels.relaxed() ? "relaxed" : "simd";
    const start = Math.max(ARENA, kernels.heap_base());
    this.#gaps = [{ start: ceil(start, ALIGNMENT), end: kernels.memory.buffer.byteLength }];
    this.#f32 = new Float32Array(kernels.memory.buffer);
    this.#u32 = new Uint32Array(kernels.memory.buffer);
  }

  /** Bytes of linear memory. It never shrinks. */
  get memoryBytes(): number {
    return this.#kernels.memory.buffer.byteLength;
  }

  /** @internal */
  get kernels(): Kernels {
    return this.#kernels;
  }

  /** All of linear memory as f32; renewed after a growth, which detaches the old one. @internal */
  get f32(): Float32Array {
    if (this.#f32.length === 0) this.#f32 = new Float32Array(this.#kernels.memory.buffer);
    return this.#f32;
  }

  /** @internal */
  get u32(): Uint32Array {
    if (this.#u32.length === 0) this.#u32 = new Uint32Array(this.#kernels.memory.buffer);
    return this.#u32;
  }

  /**
   * Zeroed bytes, aligned to a cache line: the first gap that is large enough, or new memory.
   * @throws SessionError ERR_MEMORY when memory cannot grow
   * @internal
   */
  allocate(bytes: number): number {
    const size = ceil(Math.max(bytes, 1), ALIGNMENT);
    let gap = this.#gaps.find(({ start, end }) => end - start >= size);
    if (gap === undefined) gap = this.#grow(size);
    const at = gap.start;
    gap.start += size;
    if (gap.start === gap.end) this.#gaps.splice(this.#gaps.indexOf(gap), 1);
    this.f32.fill(0, at / 4, (at + size) / 4);
    return at;
  }

  /** Gives back what `allocate(bytes)` gave. @internal */
  free(at: number, bytes: number): void {
    const end = at + ceil(Math.max(bytes, 1), ALIGNMENT);
    const gaps = this.#gaps;
    let i = gaps.findIndex((gap) => gap.start >= end);
    if (i < 0) i = gaps.length;
    const before = gaps[i - 1];
    const after = gaps[i];
    if (before?.end === at && after?.start === end) {
      before.end = after.end;
      gaps.splice(i, 1);
    } else if (before?.end === at) before.end = end;
    else if (after?.start === end) after.start = at;
    else gaps.splice(i, 0, { start: at, end });
  }

  #grow(size: number): Gap {
    const { memory } = this.#kernels;
    const end = memory.buffer.byteLength;
    const last = this.#gaps[this.#gaps.length - 1];
    const have = last?.end === end ? end - last.start : 0;
    grow(memory, Math.ceil((size - have) / PAGE));
    const grown = memory.buffer.byteLength;
    if (have > 0) {
      last.end = grown;
      return last;
    }
    const gap = { start: end, end: grown };
    this.#gaps.push(gap);
    return gap;
  }
}

function ceil(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}
