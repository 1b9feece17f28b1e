/** Probabilities as they come → a live line at a terminal: the time, the last seconds as bars, and whether there is speech. */

const BARS = " ▁▂▃▄▅▆▇█";
const WIDTH = 40; // frames: 1.3 seconds
const REDRAW = 50; // milliseconds

export class Meter {
  readonly #live = process.stderr.isTTY === true;
  #bars = " ".repeat(WIDTH);
  #seconds = 0;
  #drawn = 0;

  add(probability: number, speaking: boolean, seconds: number): void {
    this.#seconds += seconds;
    if (!this.#live) return;
    this.#bars = this.#bars.slice(1) + BARS[Math.round(probability * (BARS.length - 1))];
    const now = performance.now();
    if (now - this.#drawn < REDRAW) return;
    this.#drawn = now;
    const state = speaking ? "speech" : "";
    process.stderr.write(`\r${this.#seconds.toFixed(1).padStart(8)} s  │${this.#bars}│ ${state}\x1b[K`);
  }

  clear(): void {
    if (this.#drawn > 0) process.stderr.write("\r\x1b[K");
  }
}
