/** Numbers, as many as come → a sparkline of at most a terminal's width, with marks under it. */

const BARS = "▁▂▃▄▅▆▇█";

interface Bucket {
  sum: number;
  count: number;
  mark: boolean;
}

export class Picture {
  #buckets: Bucket[] = [];
  #size = 1; // values in a bucket

  add(value: number, mark: boolean): void {
    const last = this.#buckets.at(-1);
    if (last !== undefined && last.count < this.#size) {
      last.sum += value;
      last.count++;
      last.mark ||= mark;
    } else {
      this.#buckets.push({ sum: value, count: 1, mark });
    }
  }

  /** Two lines; the second is empty where nothing is marked. Neighbours join until `width` holds them all. */
  lines(width: number): [string, string] {
    while (this.#buckets.length > width) this.#join();
    const means = this.#buckets.map(({ sum, count }) => sum / count);
    const low = means.reduce((a, b) => Math.min(a, b), Infinity);
    const high = means.reduce((a, b) => Math.max(a, b), -Infinity);
    const bar = (mean: number) => BARS[Math.floor(((mean - low) / (high - low || 1)) * (BARS.length - 0.01))];
    return [
      means.map(bar).join(""),
      this.#buckets
        .map(({ mark }) => (mark ? "▲" : " "))
        .join("")
        .trimEnd(),
    ];
  }

  #join(): void {
    const joined: Bucket[] = [];
    this.#buckets.forEach((bucket, i) => {
      const before = joined.at(-1);
      if (i % 2 === 0 || before === undefined) joined.push(bucket);
      else {
        before.sum += bucket.sum;
        before.count += bucket.count;
        before.mark ||= bucket.mark;
      }
    });
    this.#buckets = joined;
    this.#size *= 2;
  }
}
