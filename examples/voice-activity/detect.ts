/**
 * Finds speech in sound: a WAV file, or standard input → a line for each segment on standard output, as soon as it has ended.
 * A meter of the last seconds is on standard error at a terminal.
 *
 *     npm run build
 *     npx tsx examples/voice-activity/detect.ts silero_vad.onnx recording.wav
 *     arecord -q -f S16_LE -r 16000 | npx tsx examples/voice-activity/detect.ts silero_vad.onnx
 */

import { createReadStream } from "node:fs";
import { parseArgs } from "node:util";
import { createSession, loadModel } from "sluice/onnx";
import { Detector, FRAME, READ, SAMPLE_RATE } from "./detector.ts";
import { Meter } from "./meter.ts";
import { samplesOf } from "./samples.ts";
import { type Segment, Segmenter } from "./segments.ts";

const USAGE = `npx tsx examples/voice-activity/detect.ts MODEL [SOUND.wav] [options]    (no file, or -: standard input)

MODEL              path or URL of a Silero VAD file, version 5 or 6, .onnx
--raw RATE         the input has no header: 16-bit samples of one channel at RATE Hz
--threshold P      speech begins at this probability (0.5) and ends 0.15 below it
--min-speech MS    what is shorter is no speech (250)
--min-silence MS   a shorter pause ends nothing (100)
--pad MS           added on both sides of a segment (30)`;

// What was typed wrong, or what a file has wrong, in one line.
process.on("uncaughtException", ({ message }) => {
  console.error(message);
  process.exit(1);
});
process.stdout.on("error", () => process.exit(0)); // `… | head` has what it wanted

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", default: false },
    raw: { type: "string" },
    threshold: { type: "string" },
    "min-speech": { type: "string" },
    "min-silence": { type: "string" },
    pad: { type: "string" },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const [path, sound = "-", ...more] = positionals;
if (path === undefined || more.length > 0) throw new TypeError(`expected a model and at most one sound\n\n${USAGE}`);
const number = (name: Exclude<keyof typeof values, "help">) => {
  const text = values[name];
  if (text !== undefined && !(text.trim() !== "" && Number.isFinite(Number(text))))
    throw new TypeError(`--${name} expected a number, got ${text}`);
  return text === undefined ? undefined : Number(text);
};

const raw = number("raw");
const segmenter = new Segmenter({
  threshold: number("threshold"),
  minSpeech: number("min-speech"),
  minSilence: number("min-silence"),
  pad: number("pad"),
});
const model = await loadModel(path, READ).catch(({ message }: Error) => {
  throw new Error(`${path}: expected Silero VAD; got ${message}`);
});
const session = await createSession(model);
const detector = new Detector(session);
const meter = new Meter();
const source: AsyncIterable<Uint8Array> = sound === "-" ? process.stdin : createReadStream(sound);

let samples = 0;
let speech = 0;
const started = performance.now();
process.once("SIGINT", () => process.stdin.destroy()); // Ctrl-C ends the sound, and the program says what it has
try {
  for await (const piece of samplesOf(source, raw)) {
    samples += piece.length;
    for (const probability of detector.push(piece)) hear(probability);
  }
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
}
for (const probability of detector.end()) hear(probability);
say(segmenter.end(samples));
meter.clear();
const took = (performance.now() - started) / 1000;
const [length, spoken] = [samples, speech].map((count) => (count / SAMPLE_RATE).toFixed(1));
console.error(`${length} s of sound, ${spoken} s of speech, in ${took.toFixed(1)} s`);
session.dispose();

function hear(probability: number): void {
  const segment = segmenter.push(probability);
  meter.add(probability, segmenter.speaking, FRAME / SAMPLE_RATE);
  say(segment);
}

/** Seconds and a label, with tabs between: Audacity imports such lines as labels. */
function say(segment: Segment | undefined): void {
  if (segment === undefined) return;
  meter.clear();
  speech += segment.end - segment.start;
  console.log([...[segment.start, segment.end].map((at) => (at / SAMPLE_RATE).toFixed(3)), "speech"].join("\t"));
}
