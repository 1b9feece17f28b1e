/**
 * Names the words in a recording or a stream: one line for each, with its time and probability.
 *
 *     npm run build
 *     npx tsx examples/keyword/keyword.ts right.wav --model GRU_S.npz
 *     arecord -q -t raw -f S16_LE -r 16000 | npx tsx examples/keyword/keyword.ts --model GRU_S.npz
 *
 * A WAV of any rate, or raw samples (16 bits, little endian, one channel) at --rate Hz. README.md says where the models are
 * published.
 */

import { createReadStream, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createSession, readNpz } from "sluice/npz";
import { keywordModel, LABELS, strideOf } from "./model.ts";
import { pieces } from "./pieces.ts";
import { RATE, Spotter } from "./spotter.ts";

// What was typed wrong, or what the file has wrong, in one line.
process.on("uncaughtException", ({ message }) => {
  console.error(message);
  process.exit(1);
});
process.stdout.on("error", () => process.exit(0)); // `… | head` has what it wanted

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", default: false },
    model: { type: "string" },
    rate: { type: "string", default: String(RATE) },
    threshold: { type: "string", default: "0.9" },
  },
});
if (values.help || values.model === undefined || positionals.length > 1) {
  console.error("npx tsx examples/keyword/keyword.ts [FILE] --model GRU_S.npz [--rate 16000] [--threshold 0.9]");
  process.exit(values.help ? 0 : 1);
}

const model = keywordModel(readNpz(new Uint8Array(readFileSync(values.model))));
const spotter = new Spotter(await createSession(model), { stride: strideOf(model) });

const [file = "-"] = positionals;
const source = file === "-" ? process.stdin : createReadStream(file);
const threshold = Number(values.threshold);
if (!(threshold >= 0 && threshold <= 1)) throw new RangeError(`--threshold expected 0…1, got ${values.threshold}`);

let said = false;
let taken = 0;

function take(x: Float32Array): void {
  taken += x.length;
  if (!spotter.step(x)) return;
  const heard = spotter.heard(threshold);
  if (heard !== undefined) say(heard);
}

function say(label: number): void {
  said = true;
  const end = taken / RATE;
  const percent = (100 * spotter.probabilities[label]).toFixed(1);
  console.log(`${(end - 1).toFixed(2).padStart(7)} … ${end.toFixed(2)} s  ${LABELS[label]}  ${percent} %`);
}

for await (const piece of pieces(source, { rate: Number(values.rate), to: RATE, length: spotter.hop })) take(piece);
// What is shorter than a second is followed by silence.
while (taken < RATE) take(new Float32Array(spotter.hop));
if (!said) say(spotter.best);
