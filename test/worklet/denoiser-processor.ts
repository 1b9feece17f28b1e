/** The denoisers of examples/denoise in an audio processor of one's own: a hop of both is a whole number of quanta. */

import { createSessionSync, type Model } from "sluice/graph";
import { type Denoiser, dtln, gtcrn } from "../../examples/denoise/denoiser.ts";

declare class AudioWorkletProcessor {}
declare function registerProcessor(
  name: string,
  processor: new (options: {
    readonly processorOptions: { readonly models: readonly Model[] };
  }) => AudioWorkletProcessor,
): void;

registerProcessor(
  "denoiser",
  class extends AudioWorkletProcessor {
    readonly #denoiser: Denoiser;
    readonly #x: Float32Array;
    readonly #y: Float32Array;
    #filled = 0;

    constructor({
      processorOptions: { models },
    }: { readonly processorOptions: { readonly models: readonly Model[] } }) {
      super();
      const [first, second] = models.map((model) => createSessionSync(model, { variant: "simd" }).stream());
      this.#denoiser = second ? dtln(first, second) : gtcrn(first);
      this.#x = new Float32Array(this.#denoiser.hop);
      this.#y = new Float32Array(this.#denoiser.hop);
    }

    /** A hop goes in quantum by quantum; what it makes comes out from the quantum that fills it on. */
    process([[x]]: readonly (readonly Float32Array[])[], [[y]]: readonly (readonly Float32Array[])[]): boolean {
      if (x) this.#x.set(x, this.#filled);
      this.#filled += y.length;
      if (this.#filled === this.#x.length) {
        this.#denoiser.step(this.#x, this.#y);
        this.#filled = 0;
      }
      y.set(this.#y.subarray(this.#filled, this.#filled + y.length));
      return true;
    }
  },
);
