/**
 * Quanta of samples ↔ rows of a model, for one channel: a window of past samples that gives a frame every hop, and a line of
 * output that rows are laid or added into. Nothing is allocated after the constructor.
 *
 *     window  [frame − hop old samples │ new samples …]   a frame is ready when `frame` are there; then hop of them leave
 *     line    [ready samples │ sums of frames that later frames still add to]
 */

import type { Layout } from "./layout.ts";

/** Rows of the model's first input or output: row r starts at element r · stride. */
export interface RowsOf {
  readonly data: Float32Array | Int32Array;
  readonly stride: number;
}

export class Frames {
  readonly #layout: Layout;
  readonly #window: Float32Array;
  readonly #line: Float32Array;
  #filled = 0;
  #ready = 0;
  /** Samples of the window that were there before this quantum. */
  #before = 0;

  constructor(layout: Layout) {
    const { frame, hop, quantum } = layout;
    this.#layout = layout;
    this.#window = new Float32Array(frame + hop + quantum);
    this.#line = new Float32Array(frame + 2 * hop + 2 * quantum);
    this.reset();
  }

  /** Silence before the first sample, and the delay of the buffers behind it. */
  reset(): void {
    const { frame, hop, latencySamples, output } = this.#layout;
    this.#window.fill(0);
    this.#line.fill(0);
    this.#filled = output === "spectrum" ? 0 : frame - hop;
    this.#ready = latencySamples - (output === "frame" ? frame - hop : 0);
  }

  /** Takes a quantum of samples; undefined is silence. Returns how many frames are ready. */
  push(samples: Float32Array | undefined): number {
    const { frame, hop, quantum } = this.#layout;
    this.#before = this.#filled;
    if (samples === undefined) this.#window.fill(0, this.#filled, this.#filled + quantum);
    else this.#window.set(samples, this.#filled);
    this.#filled += quantum;
    return this.#filled < frame ? 0 : Math.floor((this.#filled - frame) / hop) + 1;
  }

  /** Copies frame k of those that are ready into row r. */
  read(k: number, { data, stride }: RowsOf, r: number): void {
    const { frame, hop } = this.#layout;
    const from = k * hop;
    const to = r * stride;
    for (let i = 0; i < frame; i++) data[to + i] = this.#window[from + i];
  }

  /** Where in this quantum the newest sample of frame k is. */
  newest(k: number): number {
    const { frame, hop } = this.#layout;
    return k * hop + frame - 1 - this.#before;
  }

  /** Lays the model's row r into the line: the next hop. For spectra: the hop that they make. */
  write({ data, stride }: RowsOf, r: number): void {
    const { frame, hop, output } = this.#layout;
    const line = this.#line;
    const from = r * stride;
    const at = this.#ready;
    if (output === "hop" || output === "spectrum") for (let i = 0; i < hop; i++) line[at + i] = data[from + i];
    else if (output === "held") line.fill(data[from], at, at + hop);
    else {
      const old = frame - hop;
      for (let i = 0; i < old; i++) line[at + i] += data[from + i];
      for (let i = old; i < frame; i++) line[at + i] = data[from + i];
    }
    this.#ready = at + hop;
  }

  /** The samples of frame k themselves, in place of what the model would have made of them. */
  writeDry(k: number): void {
    const { frame, hop, output } = this.#layout;
    const line = this.#line;
    const at = this.#ready;
    const from = k * hop + (output === "frame" || output === "spectrum" ? 0 : frame - hop);
    for (let i = 0; i < hop; i++) line[at + i] = this.#window[from + i];
    if (output === "frame") line.fill(0, at + frame - hop, at + frame);
    this.#ready = at + hop;
  }

  /** Forgets the samples of `count` frames and gives a quantum of output. */
  pull(count: number, samples: Float32Array): void {
    const { frame, hop, quantum, output } = this.#layout;
    this.#window.copyWithin(0, count * hop, this.#filled);
    this.#filled -= count * hop;
    const line = this.#line;
    for (let i = 0; i < quantum; i++) samples[i] = line[i];
    const end = this.#ready + (output === "frame" ? frame - hop : 0);
    line.copyWithin(0, quantum, end);
    this.#ready -= quantum;
  }
}
