/**
 * Completes text, one character after another, with a GRU that was trained on Shakespeare's plays.
 *
 *     npm start
 *     npm start -- "To be, or" --length 600 --temperature 0.5 --seed 7 --variant simd
 *
 * The text goes to standard output, the figures to standard error. At a terminal, more prompts can be typed afterwards.
 */

import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { createSession, loadModel, type SessionOptions } from "sluice";

// What was typed wrong, or what this engine cannot do, in one line.
process.on("uncaughtException", ({ message }) => {
  console.error(message);
  process.exit(1);
});

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", default: false },
    length: { type: "string", default: "400" },
    temperature: { type: "string", default: "0.7" }, // near 0: always the likeliest character; 1: as the model has it
    seed: { type: "string", default: "1" },
    variant: { type: "string", default: "auto" }, // auto, simd, relaxed or reference
  },
});
if (values.help) {
  console.log(
    "npm start -- [PROMPT] [--length N] [--temperature X] [--seed N] [--variant auto|simd|relaxed|reference]",
  );
  process.exit(0);
}
const length = positive("length");
const temperature = positive("temperature");
const random = randomNumbers(seedOf(values.seed));

const model = await loadModel(new URL("model.safetensors", import.meta.url));
const vocabulary = model.info.vocabulary ?? [];
const idOf = new Map(vocabulary.map((character, id) => [character, id]));

const session = await createSession(model, { variant: values.variant as SessionOptions["variant"] });
session.warmup(); // the engine compiles the kernels in full: a few milliseconds, so that the figures below are steady ones
const stream = session.stream();
const logits = new Float32Array(vocabulary.length); // every step writes here: no step allocates

if (!complete(positionals.join(" ") || "ROMEO:")) process.exit(1);

if (process.stdin.isTTY && process.stdout.isTTY) {
  const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: "\nprompt> " });
  terminal.prompt();
  for await (const line of terminal) {
    if (line === "") break;
    complete(line);
    terminal.prompt();
  }
  terminal.close();
  process.stdout.write("\n");
}
session.dispose();

/** Prints the prompt and `length` characters after it; false where the model has no id for a character of the prompt. */
function complete(prompt: string): boolean {
  const unknown = [...new Set(prompt)].filter((character) => !idOf.has(character));
  if (unknown.length > 0) {
    console.error(`The model has never seen ${unknown.join(" ")} — it knows ${vocabulary.join("").trim()}`);
    return false;
  }
  const started = performance.now();
  let stepping = 0; // milliseconds inside stream.step
  const step = (character: string) => {
    const before = performance.now();
    stream.step(idOf.get(character) as number, logits);
    stepping += performance.now() - before;
  };

  stream.reset();
  for (const character of prompt) step(character);
  process.stdout.write(prompt);
  for (let i = 0; i < length; i++) {
    const character = vocabulary[sample(logits)];
    process.stdout.write(character);
    step(character);
  }
  process.stdout.write("\n");

  const perSecond = Math.round(length / ((performance.now() - started) / 1000));
  const perStep = (stepping * 1000) / ([...prompt].length + length);
  const engine = `Node ${process.versions.node} (V8 ${process.versions.v8.split(".", 2).join(".")})`;
  console.error(
    `\n${perSecond} characters/s, printing included; ${perStep.toFixed(1)} µs per step; ${session.info.variant}, ${engine}`,
  );
  return true;
}

/** A random id: each as likely as softmax(scores / temperature) says. */
function sample(scores: Float32Array): number {
  const largest = Math.max(...scores);
  const weights = Array.from(scores, (score) => Math.exp((score - largest) / temperature));
  let left = random() * weights.reduce((sum, weight) => sum + weight);
  let id = 0;
  for (; id < weights.length - 1 && left >= weights[id]; id++) left -= weights[id];
  return id;
}

/** A number that is none would be some other seed in silence. */
function seedOf(text: string): number {
  const seed = Number(text);
  if (Number.isSafeInteger(seed) && text.trim() !== "") return seed;
  throw new RangeError(`--seed expected an integer, got ${text}`);
}

/** Numbers from 0 up to 1, the same for the same seed (mulberry32), so that runs can be compared. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

function positive(name: "length" | "temperature"): number {
  const number = Number(values[name]);
  if (!(number > 0)) throw new RangeError(`--${name} expected a number over 0, got ${values[name]}`);
  return number;
}
