/**
 * Measures model.safetensors in bits per character on the last tenth of a text, which the training held out: the mean of
 * −log₂ p(character t | characters 0 … t − 1) over t = 1 … N − 1, in one pass from the initial state. The same definition as
 * in train.py, so the figure is the one in manifest.json.
 *
 *     npx tsx examples/next-character/evaluate.ts tinyshakespeare.txt [int8]
 */

import { readFileSync } from "node:fs";
import { createSession, loadModel } from "sluice";

const CHUNK = 4096; // characters in one run: only bounds the memory

const [path, precision = "f32"] = process.argv.slice(2);
if (path === undefined) throw new TypeError("evaluate.ts expected the path of a text, got none");
if (precision !== "f32" && precision !== "int8") throw new TypeError(`expected f32 or int8, got "${precision}"`);
const model = await loadModel(new URL("model.safetensors", import.meta.url));
const vocabulary = model.info.vocabulary ?? [];
const idOf = new Map(vocabulary.map((character, id) => [character, id]));

const text = [...readFileSync(path, "utf8")];
const ids = Int32Array.from(text.slice(Math.floor((text.length * 9) / 10)), (character) => idOf.get(character) ?? -1);

const session = await createSession(model, { precision });
const stream = session.stream();
let bits = 0;
for (let start = 0; start < ids.length - 1; start += CHUNK) {
  const chunk = ids.subarray(start, Math.min(start + CHUNK, ids.length - 1));
  const logits = stream.run(chunk); // (characters, vocabulary)
  chunk.forEach((_, i) => {
    const row = logits.subarray(i * vocabulary.length, (i + 1) * vocabulary.length);
    bits -= logSoftmax(row, ids[start + i + 1]) / Math.LN2;
  });
}

const perCharacter = (bits / (ids.length - 1)).toFixed(4);
console.log(
  `${perCharacter} bits per character over the last ${ids.length} characters (${precision}, ${session.info.variant})`,
);
session.dispose();

/** ln of the probability of element `id` in softmax(row). */
function logSoftmax(row: Float32Array, id: number): number {
  const largest = Math.max(...row);
  const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  return row[id] - largest - Math.log(sum);
}
