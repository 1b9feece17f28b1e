/**
 * Takes the noise out of speech: a WAV file of any rate and any number of channels → one of the same rate and kind.
 *
 *     npm run build
 *     npx tsx examples/denoise/denoise.ts noisy.wav clean.wav --model gtcrn_simple.onnx
 *     npx tsx examples/denoise/denoise.ts noisy.wav clean.wav --model model_1.onnx --model model_2.onnx
 *     ffmpeg -i talk.mp4 -f wav - | npx tsx examples/denoise/denoise.ts - - --model gtcrn_simple.onnx > clean.wav
 *
 * README.md says where the models are published. What a recording has above 8 kHz is lost: the networks know 16 kHz.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readWav, resample, writeWav } from "sluice/audio";
import { denoise, RATE } from "./denoiser.ts";
import { openDenoiser } from "./open.ts";

// What was typed wrong, or what the file has wrong, in one line.
process.on("uncaughtException", ({ message }) => {
  console.error(message);
  process.exit(1);
});

const USAGE =
  "npx tsx examples/denoise/denoise.ts IN.wav OUT.wav --model FILE.onnx [--model SECOND.onnx] [--variant simd]";
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", default: false },
    model: { type: "string", multiple: true, default: [] },
    variant: { type: "string", default: "auto" },
  },
});
if (values.help || positionals.length !== 2 || values.model.length === 0) {
  console.error(`${USAGE}    (-: standard input, standard output)`);
  process.exit(values.help ? 0 : 1);
}
const [from, to] = positionals;

const { name, denoiser } = await openDenoiser(values.model, values.variant);
const { sampleRate, channels, encoding } = readWav(readFileSync(from === "-" ? 0 : from), { truncated: "allow" });

const start = performance.now();
const clean = channels.map((channel) => {
  const speech = denoise(denoiser, resample(channel, { from: sampleRate, to: RATE }));
  return resample(speech, { from: RATE, to: sampleRate }).subarray(0, channel.length);
});
const seconds = (performance.now() - start) / 1000;

const bytes = writeWav({ sampleRate, channels: clean, encoding });
if (to === "-") process.stdout.write(bytes);
else writeFileSync(to, bytes);
const audio = (channels.length * channels[0].length) / sampleRate;
const count = channels.length === 1 ? "" : ` in ${channels.length} channels`;
console.error(
  `${name}: ${audio.toFixed(1)} s of sound${count} at ${sampleRate} Hz in ${seconds.toFixed(2)} s, ` +
    `${(audio / seconds).toFixed(1)} × real time`,
);
