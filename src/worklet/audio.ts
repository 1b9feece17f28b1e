/**
 * Quanta of all channels → quanta, through the model: what the audio thread does. Whatever fails, sound goes on: the input
 * passes unchanged, with the model's latency. Only the first failure is reported.
 */

import type { Engine, IoRegion, States } from "../engine.ts";
import { SessionError } from "../errors.ts";
import { StateDelay } from "./delay.ts";
import { Frames } from "./frames.ts";
import type { Layout } from "./layout.ts";
import { Spectra } from "./spectra.ts";

export interface OpenedModel {
  readonly engine: Engine;
  /** The state to begin in, in the order of `model.states`; where it is absent, the model's initial state. */
  readonly state?: readonly Float32Array[];
  /** All states of the one member, in place; asked for where the layout has a delay. */
  memory(states: States): Float32Array;
}

export class AudioModel {
  readonly #layout: Layout;
  readonly #tell: (error: unknown) => void;
  readonly #frames: readonly Frames[];
  /** One for each channel, where the layout has `stft`. */
  readonly #spectra: readonly Spectra[];
  #engine: Engine | undefined;
  #inputs: readonly IoRegion[] = [];
  #output: IoRegion | undefined;
  #states: readonly States[] = [];
  #initial: States | undefined;
  /** One for each channel, where the layout has a delay. */
  #delays: readonly StateDelay[] = [];
  #told = false;

  /** `open` plans the model and lays it into memory, for as many rows as a quantum has frames. */
  constructor(layout: Layout, open: (rows: number) => OpenedModel, tell: (error: unknown) => void) {
    this.#layout = layout;
    this.#tell = tell;
    this.#frames = Array.from({ length: layout.channels }, () => new Frames(layout));
    const { stft } = layout;
    this.#spectra = stft ? this.#frames.map(() => new Spectra(stft)) : [];
    try {
      const { engine, state, memory } = open(layout.delay === 1 ? Math.ceil(layout.quantum / layout.hop) : 1);
      const initial = engine.createStates(1);
      state?.forEach((values, i) => {
        initial.write(0, i, values, 0, 1);
      });
      this.#states = this.#frames.map(() => engine.createStates(1));
      // Memory does not grow from here on: the regions stay.
      this.#inputs = engine.inputs;
      this.#output = engine.outputs[0];
      this.#initial = initial;
      this.#engine = engine;
      if (layout.delay !== 1) this.#delays = this.#states.map((one) => new StateDelay(memory(one), layout.delay));
      this.reset();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** As it was created: silence before, states as the options gave them. */
  reset(): void {
    this.#told = this.#engine === undefined;
    for (let c = 0; c < this.#frames.length; c++) {
      this.#frames[c].reset();
      this.#rewind(c);
    }
  }

  /** A channel's state as it was created. */
  #rewind(c: number): void {
    if (this.#initial) this.#states[c].copy(0, this.#initial, 0);
    if (c < this.#delays.length) this.#delays[c].reset();
    if (c < this.#spectra.length) this.#spectra[c].reset();
  }

  /** One quantum. A channel that `input` does not have is silent; `parameters` by name, one value or one for each sample. */
  process(
    input: readonly Float32Array[],
    output: readonly Float32Array[],
    parameters: Readonly<Record<string, Float32Array>>,
  ): void {
    for (let c = 0; c < this.#frames.length; c++) {
      const frames = this.#frames[c];
      const count = frames.push(input[c]);
      for (let k = count > 0 ? this.#run(c, count, parameters) : 0; k < count; k++) frames.writeDry(k);
      frames.pull(count, output[c]);
    }
  }

  /** The frames of a quantum through the model; how many of them have an output that may be heard. */
  #run(c: number, count: number, parameters: Readonly<Record<string, Float32Array>>): number {
    const engine = this.#engine;
    const output = this.#output;
    let done = 0;
    if (engine === undefined || output === undefined) return done;
    try {
      const frames = this.#frames[c];
      const delayed = this.#delays.length > 0;
      const rows = delayed ? 1 : count;
      for (; done < count; done += rows) {
        for (let r = 0; r < rows; r++) this.#read(c, done + r, r, parameters);
        const status = engine.execute(this.#states[c], rows);
        if (status !== 0) throw new SessionError("ERR_EXECUTE", `execute: expected status 0; got ${status}.`);
        if (!allFinite(output, rows)) {
          // A NaN would stay in the state for good.
          this.#rewind(c);
          this.#report(new SessionError("ERR_EXECUTE", "output: expected finite numbers; got others."));
          break;
        }
        for (let r = 0; r < rows; r++) {
          if (c < this.#spectra.length) this.#spectra[c].write(output, r, frames);
          else frames.write(output, r);
        }
        if (delayed) this.#delays[c].advance();
      }
    } catch (error) {
      this.#fail(error);
    }
    return done;
  }

  /** Frame k and its knobs into row r of the inputs. */
  #read(c: number, k: number, r: number, parameters: Readonly<Record<string, Float32Array>>): void {
    const { params } = this.#layout;
    const frames = this.#frames[c];
    if (c < this.#spectra.length) this.#spectra[c].read(frames, k, this.#inputs[0], r);
    else frames.read(k, this.#inputs[0], r);
    for (let p = 0; p < params.length; p++) {
      const { name, input, at } = params[p];
      const { data, stride } = this.#inputs[input];
      const values = parameters[name];
      data[r * stride + at] = values.length > 1 ? values[frames.newest(k)] : values[0];
    }
  }

  /** From now on there is no model. */
  #fail(error: unknown): void {
    this.#engine = undefined;
    this.#report(error);
  }

  #report(error: unknown): void {
    if (!this.#told) this.#tell(error);
    this.#told = true;
  }
}

/** Whether every number of the first `count` rows is finite: x · 0 is NaN where x is not. */
function allFinite({ data, stride, row }: IoRegion, count: number): boolean {
  let sum = 0;
  for (let k = 0; k < count; k++) for (let i = 0; i < row.length; i++) sum += data[k * stride + i] * 0;
  return sum === 0;
}
