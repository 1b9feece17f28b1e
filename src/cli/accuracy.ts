/** Two rows of outputs after another → how far they are apart; outputs of a language model → bits per character. */

import type { Model } from "../all.ts";

/** How far one output is from what it was. */
export interface OutputError {
  readonly name: string;
  readonly max: number;
  readonly rms: number;
  /** The range of what it was. */
  readonly low: number;
  readonly high: number;
  /** Rows whose largest element is another; undefined where a row is one number. */
  readonly changed: number | undefined;
}

/** Gathers the differences of rows of several outputs that stand side by side. */
export class Difference {
  readonly #totals: { max: number; squares: number; count: number; low: number; high: number; changed: number }[];

  constructor(
    readonly names: readonly string[],
    readonly sizes: readonly number[],
  ) {
    this.#totals = sizes.map(() => ({ max: 0, squares: 0, count: 0, low: Infinity, high: -Infinity, changed: 0 }));
  }

  /** Rows as they were, and as they are. */
  add(before: Float32Array, after: Float32Array): void {
    const width = this.sizes.reduce((sum, size) => sum + size, 0);
    for (let from = 0; from < before.length; from += width) {
      let column = from;
      this.sizes.forEach((size, i) => {
        const total = this.#totals[i];
        const [a, b] = [before, after].map((rows) => rows.subarray(column, column + size));
        a.forEach((value, j) => {
          const error = Math.abs(b[j] - value);
          // NaN counts as the largest.
          if (!(error <= total.max)) total.max = error;
          total.squares += error * error;
          total.low = Math.min(total.low, value);
          total.high = Math.max(total.high, value);
        });
        total.count += size;
        if (argmax(a) !== argmax(b)) total.changed++;
        column += size;
      });
    }
  }

  result(): OutputError[] {
    return this.#totals.map(({ max, squares, count, low, high, changed }, i) => ({
      name: this.names[i],
      max,
      rms: Math.sqrt(squares / count),
      low,
      high,
      changed: this.sizes[i] === 1 ? undefined : changed,
    }));
  }
}

/** The first index of the largest. */
function argmax(row: Float32Array): number {
  let best = 0;
  row.forEach((value, i) => {
    if (value > row[best]) best = i;
  });
  return best;
}

/** Gathers −log₂ p(character t | characters before it); p from logits, or from what a softmax layer gives. */
export interface Bits {
  /** The ids of a batch, and the rows of outputs for them. */
  add(ids: Float32Array, outputs: Float32Array): void;
  /** The mean; undefined before the second character. */
  readonly value: number | undefined;
}

/** Undefined where the model has no output for each entry of its vocabulary. */
export function bitsPerCharacter({ nodes, outputs }: Model, vocabulary: number): Bits | undefined {
  const [output] = outputs;
  if (outputs.length !== 1 || output.shape[0] !== vocabulary) return undefined;
  const last = nodes.find((node) => node.outputs[0] === output.name);
  let before: Float32Array | undefined;
  let bits = 0;
  let count = 0;
  return {
    add(ids, rows) {
      ids.forEach((id, t) => {
        if (before) {
          bits -= logProbability(before, id, last?.op === "softmax") / Math.LN2;
          count++;
        }
        before = rows.subarray(t * vocabulary, (t + 1) * vocabulary);
      });
    },
    get value() {
      return count === 0 ? undefined : bits / count;
    },
  };
}

/** ln p(id): of logits or log-probabilities by softmax, which leaves the latter as they are. */
function logProbability(row: Float32Array, id: number, probabilities: boolean): number {
  if (probabilities) return Math.log(row[id]);
  const top = row.reduce((most, value) => Math.max(most, value), -Infinity);
  return row[id] - top - Math.log(row.reduce((sum, value) => sum + Math.exp(value - top), 0));
}
