/** A model file and a plucked string or the microphone → sound through the model, sample by sample on the audio thread. */

import { createSluiceNode, type SluiceNode } from "sluice/graph/worklet";
import { readModel } from "sluice/rtneural";
import { askMicrophone, element, openContext, say } from "../page-parts.ts";
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
    const read = readModel(bytes);
    const [taken, given] = [read.inputs, read.outputs].map((ports) =>
      ports.map(({ shape }) => shape.join(" × ")).join(", "),
    );
    if (taken !== "1" || given !== "1")
      throw new Error(`It takes ${taken} numbers at a time and gives ${given}; this page runs models of one sample.`);
    model = read;
    say([`${chosen.name} is ready.`, ...read.warnings].join(" "));
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
  const sampleRate = Math.max(48_000, model.info.sampleRate ?? 0);
  let context: AudioContext | undefined;
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
    context?.close();
    stop = undefined;
    source.disabled = false;
    play.textContent = "Play";
    for (const id of ["level", "load"]) element<HTMLMeterElement>(id).value = 0;
    element("percent").textContent = "–";
    say("Stopped.");
  };
  // A press of the button stops from here on, and the source stays the one that plays.
  play.textContent = "Stop";
  source.disabled = true;
  say("Opening the sound output …");
  try {
    context = await openContext({ sampleRate });
    if (over) return void context.close();
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
      media = await askMicrophone({ echoCancellation: false, noiseSuppression: false, autoGainControl: false });
      // Stop was pressed while the browser asked.
      if (over) return release();
      new MediaStreamAudioSourceNode(context, { mediaStream: media }).connect(before);
    } else {
      const length = 2 * sampleRate;
      const buffer = new AudioBuffer({ length, sampleRate });
      buffer.copyToChannel(pluck(length, sampleRate), 0);
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
    say("Playing.");
  } catch (error) {
    // Stop was pressed, which is said already.
    if (over) return;
    stop?.();
    say(`No sound: ${(error as Error).message}`, true);
  }
}

for (const slider of [input, output]) {
  slider.addEventListener("input", () => {
    element(`${slider.id}-text`).textContent = slider.ariaValueText = `${slider.value} dB`;
  });
}
file.onchange = () => choose(file.files?.[0]);
play.onclick = () => (stop ? stop() : start());
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => {
  event.preventDefault();
  choose(event.dataTransfer?.files[0]);
};
