/**
 * The processor of the audio thread, over an operator table: what the scripts of `sluice/worklet` and `sluice/graph/worklet` are.
 * A script's URL is the name that it registers; its fragment lists the knobs, since a processor's AudioParams are fixed then.
 */

import { type ArenaStates, createArena } from "../arena.ts";
import { instantiate } from "../kernels.ts";
import type { Model } from "../model.ts";
import type { OpTable } from "../ops/core.ts";
import { packedWeights } from "../quantize.ts";
import { Runtime } from "../runtime.ts";
import type { SentError } from "../worker/messages.ts";
import { packError } from "../worker/messages.ts";
import { AudioModel } from "./audio.ts";
import { graphName, type Layout, type ParamSpec } from "./layout.ts";
import { type Load, LoadMeter } from "./load.ts";

/** What the page sends with a node. */
export interface ProcessorOptions {
  readonly module: WebAssembly.Module;
  readonly model: Model;
  readonly layout: Layout;
  readonly state: readonly Float32Array[];
}

/** From the page. */
export type ProcessorOrder = "reset" | "dispose" | "load";
/** To the page. */
export interface ProcessorAnswer {
  readonly failure?: SentError;
  readonly load?: Load;
}

/** The globals of an AudioWorkletGlobalScope, which the DOM's types leave out. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(
  name: string,
  processor: new (options: { processorOptions: ProcessorOptions }) => AudioWorkletProcessor,
): void;
declare const sampleRate: number;

export function startProcessor(ops: OpTable, url: string): void {
  const [, fragment] = url.split("#");
  const params: readonly ParamSpec[] = fragment === undefined ? [] : JSON.parse(decodeURIComponent(fragment));
  const Processor = class extends AudioWorkletProcessor {
    readonly #audio: AudioModel;
    readonly #meter: LoadMeter;
    #alive = true;

    static get parameterDescriptors() {
      return params;
    }

    constructor({ processorOptions: { module, model, layout, state } }: { processorOptions: ProcessorOptions }) {
      super();
      this.#meter = new LoadMeter(layout.quantum, sampleRate);
      this.#audio = new AudioModel(
        layout,
        (rows) => {
          const runtime = new Runtime(instantiate(module), ops);
          return {
            engine: createArena(ops, packedWeights(ops, model), runtime, rows),
            state,
            memory: (states) => {
              const { base, stride } = states as ArenaStates;
              return runtime.f32.subarray(base / 4, (base + stride) / 4);
            },
          };
        },
        (error) => this.port.postMessage({ failure: packError(error) } satisfies ProcessorAnswer),
      );
      this.port.onmessage = ({ data }: { data: ProcessorOrder }) => {
        if (data === "dispose") this.#alive = false;
        else if (data === "load") this.port.postMessage({ load: this.#meter.take() } satisfies ProcessorAnswer);
        else this.#audio.reset();
      };
    }

    process(
      inputs: readonly (readonly Float32Array[])[],
      outputs: readonly (readonly Float32Array[])[],
      parameters: Readonly<Record<string, Float32Array>>,
    ): boolean {
      this.#meter.begin();
      this.#audio.process(inputs[0], outputs[0], parameters);
      this.#meter.end();
      return this.#alive;
    }
  };
  registerProcessor(url, Processor);
  // A node for graphs must not get the script of the core's; the other way round nothing is missing.
  if (ops.constant) registerProcessor(graphName(url), Processor);
}
