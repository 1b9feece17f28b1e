/** Characters ↔ ids of a model with a vocabulary, and text that a model continues. */

import type { Model, Stream } from "../index.ts";

/** What may stand on a terminal: nothing invisible, nothing that turns the line around or moves the cursor. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** Characters by id, where the model takes one id a step and its vocabulary is single characters. */
export function vocabularyOf({ inputs, info }: Model): readonly string[] | undefined {
  const { vocabulary } = info;
  if (inputs.length !== 1 || inputs[0].dtype !== "I32" || vocabulary === undefined) return undefined;
  return vocabulary.every((entry) => [...entry].length === 1) ? vocabulary : undefined;
}

/** Ids by character; the first of two that are the same. */
function idsOf(vocabulary: readonly string[]): ReadonlyMap<string, number> {
  return new Map(vocabulary.map((char, id) => [char, id] as const).reverse());
}

/**
 * Chunks of text → batches of ids, one row a character.
 * @throws Error `input.txt:3: expected characters of the vocabulary; got "é"`
 */
export async function* readText(
  chunks: AsyncIterable<string>,
  name: string,
  vocabulary: readonly string[],
): AsyncGenerator<Float32Array, void> {
  const ids = idsOf(vocabulary);
  let line = 1;
  for await (const chunk of chunks) {
    const batch: number[] = [];
    for (const char of chunk) {
      const id = ids.get(char);
      if (id === undefined) {
        if (batch.length > 0) yield Float32Array.from(batch);
        throw new Error(`${name}:${line}: expected characters of the vocabulary; got ${JSON.stringify(char)}`);
      }
      if (char === "\n") line++;
      batch.push(id);
    }
    yield Float32Array.from(batch);
  }
}

export interface Continuation {
  readonly text: string;
  readonly length: number;
  readonly temperature: number;
  readonly seed: number;
}

/**
 * The characters that follow `text`: each is drawn from the model's distribution after all before it, sharpened by the
 * temperature. The stream has seen every character when the generator ends.
 * @throws Error where the model has no vocabulary of characters, or its output no element for each
 */
export function continueText(
  model: Model,
  stream: Stream,
  { text, length, temperature, seed }: Continuation,
): Generator<string, void> {
  const vocabulary = vocabularyOf(model);
  if (vocabulary === undefined) {
    throw new Error("--text: expected a model with ids for input and a vocabulary of single characters; got another");
  }
  const [output] = model.outputs;
  if (model.outputs.length !== 1 || output.shape[0] !== vocabulary.length) {
    throw new Error(`--text: expected one output of size ${vocabulary.length} (vocabulary); got (${output.shape})`);
  }
  const last = model.nodes.find(({ outputs }) => outputs[0] === output.name);
  const ids = idsOf(vocabulary);
  const read = [...text].map((char) => {
    const id = ids.get(char);
    if (id === undefined) throw new Error(`--text: expected characters of the vocabulary; got ${JSON.stringify(char)}`);
    return id;
  });
  const follow = function* () {
    const random = mulberry32(seed);
    let y = read.map((id) => stream.step(id)).at(-1) as Float32Array;
    for (let i = 0; i < length; i++) {
      const logits = last?.op === "softmax" ? Array.from(y, Math.log) : Array.from(y);
      const id = sample(logits, temperature, random());
      yield vocabulary[id];
      y = stream.step(id);
    }
  };
  return follow();
}

/** The index that `random` in [0, 1) falls on when the probabilities softmax(logits / temperature) stand side by side. */
export function sample(logits: readonly number[], temperature: number, random: number): number {
  const top = Math.max(...logits);
  const likeliest = logits.indexOf(top);
  if (likeliest < 0) throw new Error("output: expected numbers to sample from; got NaN");
  if (temperature === 0) return likeliest;
  const weights = logits.map((logit) => Math.exp((logit - top) / temperature));
  let left = random * weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return likeliest; // what rounding left over
}

/** 32 random bits a call from a 32-bit seed, as a number in [0, 1): Tommy Ettinger's mulberry32. */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
