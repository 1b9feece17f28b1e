/** A model file and a plucked string or the microphone → sound through the model, sample by sample on the audio thread. */

import { createSluiceNode, type SluiceNode } from "sluice/graph/worklet";
import { readModel } from "sluice/rtneural";
import { element, say } from "../page-parts.ts";
import { pluck } from "./pluck.ts";

const [file, input, output, bypass] = ["file", "in", "out", "bypass"].map((id) => element<HTMLInputElement>(id));
const play = element<HTMLButtonElement>("play");
const source = element<HTMLSelectElement>("source");

let model: ReturnType<typeof readModel> | undefined;
let stop: (() => void) | undefined;
let latest: File | undefined;

async function choose(chosen: File | undefined): Promise<void> {
  if (chosen === undefined) return;
  stop?.();
  model = undefined;
  latest = chosen;
  const bytes = new Uint8Array(await chosen.arrayBuffer());
  // Another file was chosen meanwhile.
  if (latest !== chosen) return;
  try {
    model = readModel(bytes);
    say(`${chosen.name} is ready.`);
  } catch (error) {
    say(`${chosen.name} cannot be used. ${(error as Error).message}`, true);
  }
  play.disabled = model === undefined;
}

/** The largest sample that a tap has seen of late. */
function peakOf(tap: AnalyserNode, samples: Float32Array<ArrayBuffer>): number {
  tap.getFloatTimeDomainData(samples);
  return samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
}

async function start(): Promise<void> {
  if (model === undefined) return;
  const context = new AudioContext({ sampleRate: 48_000 });
  let media: MediaStream | undefined;
  const timers: number[] = [];
  let over = false;
  const release = () => {
    for (const track of media?.getTracks() ?? []) track.stop();
  };
  stop = () => {
    over = true;
    timers.forEach(clearInterval);
    release();
    context.close();
    stop = undefined;
    play.textContent = "Play";
    say("Stopped.");
  };
  try {
    const before = new GainNode(context);
    const after = new GainNode(context);
    const node: SluiceNode = await createSluiceNode(context, model, { url: "processor.js", prewarm: 4800 });
    // Stop was pressed meanwhile.
    if (over) return;
    node.addEventListener("processorerror", (event) => say(`The model failed: ${(event as ErrorEvent).message}`, true));
    const set = () => {
      before.gain.value = 10 ** (input.valueAsNumber / 20);
      after.gain.value = 10 ** (output.valueAsNumber / 20);
      before.disconnect();
      before.connect(node);
      if (bypass.checked) before.connect(after);
      node.disconnect();
      if (!bypass.checked) node.connect(after);
    };
    input.oninput = output.oninput = bypass.onchange = set;
    set();
    after.connect(context.destination);
    if (source.value === "microphone") {
      const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      media = await navigator.mediaDevices.getUserMedia({ audio });
      // Stop was pressed while the browser asked.
      if (over) return release();
      new MediaStreamAudioSourceNode(context, { mediaStream: media }).connect(before);
    } else {
      const buffer = new AudioBuffer({ length: 96_000, sampleRate: 48_000 });
      buffer.copyToChannel(pluck(96_000, 48_000), 0);
      const loop = new AudioBufferSourceNode(context, { buffer, loop: true });
      loop.connect(before);
      loop.start();
    }
    const tap = new AnalyserNode(context, { fftSize: 8192 });
    after.connect(tap);
    const samples = new Float32Array(tap.fftSize);
    timers.push(
      window.setInterval(() => {
        element<HTMLMeterElement>("level").value = peakOf(tap, samples);
      }, 100),
      window.setInterval(async () => {
        const { mean } = await node.load();
        element<HTMLMeterElement>("load").value = mean;
        element("percent").textContent = `${(mean * 100).toFixed(1)} %`;
      }, 1000),
    );
    play.textContent = "Stop";
    say("Playing.");
  } catch (error) {
    if (!over) stop?.();
    say(`No sound: ${(error as Error).message}`, true);
  }
}

for (const slider of [input, output]) {
  slider.addEventListener("input", () => {
    element(`${slider.id}-text`).textContent = `${slider.value} dB`;
  });
}
file.onchange = () => choose(file.files?.[0]);
play.onclick = () => (stop ? stop() : start());
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => {
  event.preventDefault();
  choose(event.dataTransfer?.files[0]);
};
