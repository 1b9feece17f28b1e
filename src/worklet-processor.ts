/**
 * The script of `sluice/worklet`'s audio thread, one self-contained file. Its URL's fragment lists the knobs (a processor's
 * AudioParams are fixed when it is registered), and is the name it registers.
 */

import { type ArenaStates, createArena } from "./arena.ts";
import { instantiate } from "./kernels.ts";
import type { Model } from "./model.ts";
import { CORE } from "./ops/core.ts";
import { Runtime } from "./runtime.ts";
import type { SentError } from "./worker/messages.ts";
import { packError } from "./worker/messages.ts";
import { AudioModel } from "./worklet/audio.ts";
import type { Layout, ParamSpec } from "./worklet/layout.ts";

/** What the page sends with a node. */
export interface ProcessorOptions {
  readonly module: WebAssembly.Module;
  readonly model: Model;
  readonly layout: Layout;
  readonly state: readonly Float32Array[];
}

/** From the page. */
export type ProcessorOrder = "reset" | "dispose";
/** To the page. */
export interface ProcessorFailure {
  readonly failure: SentError;
}

/** The globals of an AudioWorkletGlobalScope, which the DOM's types leave out. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(
  name: string,
  processor: new (options: { processorOptions: ProcessorOptions }) => AudioWorkletProcessor,
): void;

const [, fragment] = import.meta.url.split("#");
const params: readonly ParamSpec[] = fragment === undefined ? [] : JSON.parse(decodeURIComponent(fragment));

registerProcessor(
  import.meta.url,
  class extends AudioWorkletProcessor {
    readonly #audio: AudioModel;
    #alive = true;

    static get parameterDescriptors() {
      return params;
    }

    constructor({ processorOptions: { module, model, layout, state } }: { processorOptions: ProcessorOptions }) {
      super();
      this.#audio = new AudioModel(
        layout,
        (rows) => {
          const runtime = new Runtime(instantiate(module), CORE);
          return {
            engine: createArena(CORE, model, runtime, rows),
            state,
            memory: (states) => {
              const { base, stride } = states as ArenaStates;
              return runtime.f32.subarray(base / 4, (base + stride) / 4);
            },
          };
        },
        (error) => this.port.postMessage({ failure: packError(error) } satisfies ProcessorFailure),
      );
      this.port.onmessage = ({ data }: { data: ProcessorOrder }) => {
        if (data === "dispose") this.#alive = false;
        else this.#audio.reset();
      };
    }

    process(
      inputs: readonly (readonly Float32Array[])[],
      outputs: readonly (readonly Float32Array[])[],
      parameters: Readonly<Record<string, Float32Array>>,
    ): boolean {
      this.#audio.process(inputs[0], outputs[0], parameters);
      return this.#alive;
    }
  },
);
