/** How far a long run is, in place on standard error, and how far it came in the end. */

const SHOWN_AFTER = 1000; // ms
const SHOWN_EVERY = 200;

export class Meter {
  #count = 0;
  #shown = 0;
  readonly #started = performance.now();
  readonly #live: boolean;

  /** `quiet`: nothing else is written to the terminal meanwhile. */
  constructor(
    readonly unit: string,
    quiet: boolean,
  ) {
    this.#live = process.stderr.isTTY === true && (quiet || process.stdout.isTTY !== true);
  }

  add(count: number): void {
    this.#count += count;
    const now = performance.now();
    if (!this.#live || now - Math.max(this.#shown + SHOWN_EVERY, this.#started + SHOWN_AFTER) < 0) return;
    this.#shown = now;
    process.stderr.write(`\r${this.text()}\x1b[K`);
  }

  clear(): void {
    if (this.#shown > 0) process.stderr.write("\r\x1b[K");
  }

  /** `12,000 rows in 1.52 s, 7,894 rows/s` */
  text(): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const number = (value: number) => value.toLocaleString("en-US", { maximumFractionDigits: 0 });
    const { unit } = this;
    const units = this.#count === 1 ? unit.slice(0, -1) : unit;
    return `${number(this.#count)} ${units} in ${seconds.toFixed(2)} s, ${number(this.#count / seconds)} ${unit}/s`;
  }
}
