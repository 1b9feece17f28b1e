// What a page does with @ricky0123/vad-web: its two detectors over samples at 16 kHz, and one for a microphone.
import { FrameProcessor, getDefaultRealTimeVADOptions, MicVAD, NonRealTimeVAD } from "@ricky0123/vad-web";
import { Silero } from "@ricky0123/vad-web/dist/models/index.js";
import * as ort from "onnxruntime-web";

const fetched = async (url) => (await fetch(url)).arrayBuffer();

/** Where onnxruntime-web finds its files: a bundle may hold it more than once. */
const ortConfig = ({ env }) => {
  env.wasm.wasmPaths = "/runtime/";
  env.wasm.numThreads = 1;
  env.logLevel = "error";
};
ortConfig(ort);

/** The package's detector for whole recordings: Silero VAD 4, frames of 96 ms. Segments in ms, with their numbers of samples. */
globalThis.whole = async (sound, modelURL) => {
  const vad = await NonRealTimeVAD.new({ modelURL, ortConfig });
  const segments = [];
  for await (const { start, end, audio } of vad.run(await samplesOf(sound), 16000))
    segments.push([start, end, audio.length]);
  return segments;
};

/** Its detector for microphones, without one: Silero VAD 5 or 6, frames of 32 ms. Frames where speech begins and ends. */
globalThis.frames = async (sound, modelURL) => {
  const model = await Silero.new(ort, () => fetched(modelURL));
  const options = getDefaultRealTimeVADOptions("v5");
  const processor = new FrameProcessor(model.process, model.reset_state, options, 32);
  processor.resume();
  const samples = await samplesOf(sound);
  const events = [];
  for (let i = 0; (i + 1) * 512 <= samples.length; i++) {
    await processor.process(samples.slice(i * 512, (i + 1) * 512), ({ msg, probs }) => {
      if (!probs) events.push([msg, i]);
    });
  }
  await model.release();
  return events;
};

/** Loads as `onnxruntime-web/wasm`, which that detector imports. */
globalThis.microphone = async (baseAssetPath, onnxWASMBasePath) => {
  const vad = await MicVAD.new({ baseAssetPath, onnxWASMBasePath, model: "v5", startOnLoad: false });
  return typeof vad.start;
};

async function samplesOf(url) {
  const bytes = await fetched(url);
  return Float32Array.from(new Int16Array(bytes, 44), (x) => x / 32768);
}
