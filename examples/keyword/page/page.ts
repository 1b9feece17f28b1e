/**
 * The page: a model's file and a sound → the words in it. The audio thread collects samples, a worker hears them; this thread
 * shows what it says.
 */

import { element } from "../../page-parts.ts";
import { startPlayer } from "../../page-player.ts";
import { LABELS } from "../model.ts";
import type { Answer, Order } from "./worker.ts";

/** ms from one picture of the bars to the next, where the reader asked for less motion. */
const CALM = 500;

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const worker = new Worker("worker.js");
const order = (what: Order, transfer: Transferable[]) => worker.postMessage(what, transfer);

/** Of the file that the worker reads. */
let answered: { resolve(): void; reject(error: Error): void };
let plays = false;
/** When the bars were. */
let shown = 0;

const bars = LABELS.map((label) => {
  const meter = document.createElement("meter");
  meter.ariaLabel = label;
  const percent = document.createElement("span");
  percent.className = "percent";
  const item = document.createElement("li");
  item.append(label, meter, percent);
  element("bars").append(item);
  return { meter, percent };
});

worker.addEventListener("message", ({ data: { error, probabilities, heard } }: MessageEvent<Answer>) => {
  if (error !== undefined) answered.reject(new Error(error));
  else if (probabilities === undefined) answered.resolve();
  else if (plays) {
    showProbabilities(probabilities);
    if (heard !== undefined) showWord(heard, probabilities[heard]);
  }
});

function showProbabilities(probabilities: Float32Array): void {
  const now = performance.now();
  if (calm.matches && now - shown < CALM) return;
  shown = now;
  bars.forEach(({ meter, percent }, i) => {
    meter.value = probabilities[i];
    percent.textContent = `${(100 * probabilities[i]).toFixed(0)} %`;
  });
}

function showWord(label: number, probability: number): void {
  element("word").textContent = LABELS[label];
  // Silence and what is no word of these are no news.
  if (label < LABELS.indexOf("yes")) return;
  const item = document.createElement("li");
  item.textContent = `${LABELS[label]}, ${(100 * probability).toFixed(0)} %`;
  element("heard").append(item);
}

startPlayer({
  model: "a model",
  echoCancellation: false,
  listening: "Listening. Say one of the words.",
  tail: 500, // its last word is known when some silence has followed
  async load(file) {
    const bytes = await file.arrayBuffer();
    await new Promise<void>((resolve, reject) => {
      answered = { resolve, reject };
      worker.onerror = ({ message }) => reject(new Error(`The worker does not run. ${message}`));
      order({ file: bytes }, [bytes]);
    });
  },
  async connect(context, source, live) {
    await context.audioWorklet.addModule("processor.js");
    const collector = new AudioWorkletNode(context, "collector", { channelCount: 1, channelCountMode: "explicit" });
    order({ rate: context.sampleRate }, []);
    collector.port.onmessage = ({ data }: MessageEvent<Float32Array>) => order({ block: data }, [data.buffer]);
    // The collector gives silence: it is connected so that it runs.
    source.connect(collector).connect(context.destination);
    if (!live) source.connect(context.destination);
    element("heard").replaceChildren();
    plays = true;
    return () => {
      plays = false;
    };
  },
});
