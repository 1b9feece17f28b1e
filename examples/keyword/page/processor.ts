/** Quanta of one channel → blocks of samples for the page: all that the audio thread does here. */

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

const QUANTA = 8;

registerProcessor(
  "collector",
  class extends AudioWorkletProcessor {
    #block = new Float32Array();
    #filled = 0;

    process([[x]]: readonly (readonly Float32Array[])[], [[y]]: readonly (readonly Float32Array[])[]): boolean {
      if (this.#block.length === 0) this.#block = new Float32Array(QUANTA * y.length);
      // A source that has ended is silence.
      if (x) this.#block.set(x, this.#filled);
      else this.#block.fill(0, this.#filled, this.#filled + y.length);
      this.#filled += y.length;
      if (this.#filled === this.#block.length) {
        this.port.postMessage(this.#block);
        this.#filled = 0;
      }
      return true;
    }
  },
);
