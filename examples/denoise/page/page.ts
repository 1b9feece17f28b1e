/**
 * The page: GTCRN's file and a sound → the sound without its noise, through the node of `sluice/graph/worklet` in a context of
 * 16 kHz. The browser brings recordings and microphones to that rate.
 */

import { createSluiceNode, type SluiceNode } from "sluice/graph/worklet";
import { loadModel, type Model } from "sluice/onnx";
import { RATE } from "../denoiser.ts";
import { Spectrogram } from "./spectrogram.ts";

const STFT = { frame: 512, hop: 256, window: "sqrt-hann" } as const;

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const button = (id: string) => element<HTMLButtonElement>(id);
const [play, microphone, stop] = [button("play"), button("microphone"), button("stop")];
const bypass = element<HTMLInputElement>("bypass");
const status = element("status");
const load = element<HTMLMeterElement>("load");
const loadText = element<HTMLOutputElement>("load-text");
const before = new Spectrogram(element<HTMLCanvasElement>("before"));
const after = new Spectrogram(element<HTMLCanvasElement>("after"));

/** What sounds now. */
interface Playing {
  readonly context: AudioContext;
  readonly node: SluiceNode;
  /** The original, late as the network is, and what comes out of it. */
  readonly dry: GainNode;
  readonly wet: GainNode;
  readonly analysers: readonly [AnalyserNode, AnalyserNode];
  readonly release: () => void;
}

let model: Model | undefined;
let recording: File | undefined;
let playing: Playing | undefined;
/** While something opens or ends, the buttons wait. */
let busy = false;

function say(text: string, wrong = false): void {
  status.textContent = text;
  status.classList.toggle("wrong", wrong);
}

function show(): void {
  const ready = model !== undefined && !busy && playing === undefined;
  play.disabled = !ready || recording === undefined;
  microphone.disabled = !ready;
  stop.disabled = playing === undefined;
}

/** Runs what a person asked for; what goes wrong is told in words. */
async function attempt(what: string, work: () => Promise<void>): Promise<void> {
  if (busy) return;
  busy = true;
  show();
  try {
    await work();
  } catch (error) {
    const { message, hint = "" } = error as Error & { hint?: string };
    say(`${what} ${message} ${hint}`.trim(), true);
  } finally {
    busy = false;
    show();
  }
}

function takeModel(file: File): Promise<void> {
  return attempt(`${file.name} is not a model that this page can run.`, async () => {
    await end();
    model = undefined;
    say(`Reading ${file.name} …`);
    const read = await loadModel(await file.arrayBuffer());
    const size = read.inputs[0].shape.reduce<number>((product, one) => product * Number(one), 1);
    if (size !== STFT.frame + 2) {
      throw new Error(`Expected GTCRN, which takes spectra of ${STFT.frame + 2} numbers; got ${size}.`);
    }
    model = read;
    say(`${file.name} is ready. ${recording ? "Play the recording" : "Choose a recording"}, or use the microphone.`);
  });
}

function takeRecording(file: File): Promise<void> {
  return attempt(`${file.name} cannot be played.`, async () => {
    await end();
    recording = file;
    say(`${file.name} is ready. ${model ? "Play it." : "Now choose GTCRN's ONNX file."}`);
  });
}

/** From `source` to the speakers: through the network, and past it, equally late. */
async function open(context: AudioContext, source: AudioNode, release: () => void): Promise<Playing> {
  const node = await createSluiceNode(context, model as Model, { stft: STFT, sampleRate: RATE, url: "processor.js" });
  node.addEventListener("processorerror", (event) => {
    say(`The network failed; you hear the original. ${(event as ErrorEvent).message}`, true);
  });
  const analyser = () => new AnalyserNode(context, { fftSize: 512, smoothingTimeConstant: 0, minDecibels: -95 });
  const analysers = [analyser(), analyser()] as const;
  const late = new DelayNode(context, { delayTime: node.latencySamples / RATE });
  const [dry, wet] = [new GainNode(context), new GainNode(context)];
  const mono = new GainNode(context, { channelCount: 1, channelCountMode: "explicit" });
  source.connect(mono);
  mono.connect(node).connect(wet).connect(context.destination);
  mono.connect(late).connect(dry).connect(context.destination);
  late.connect(analysers[0]);
  node.connect(analysers[1]);
  return { context, node, dry, wet, analysers, release };
}

/** Opens a context, lets `start` give a source, and plays it until it ends. */
async function begin(start: (context: AudioContext) => Promise<[AudioNode, release: () => void]>): Promise<void> {
  const context = new AudioContext({ sampleRate: RATE });
  let release = () => {};
  try {
    // Where there is no output device, a browser may neither begin nor refuse.
    await Promise.race([context.resume(), new Promise((resolve) => setTimeout(resolve, 3000))]);
    if (context.state !== "running") throw new Error("The browser does not begin to play: is there a sound output?");
    const [source, end] = await start(context);
    release = end;
    playing = await open(context, source, release);
  } catch (error) {
    release();
    await context.close();
    throw error;
  }
  before.clear();
  after.clear();
  setBypass(0);
  requestAnimationFrame(draw);
  measure(playing);
}

async function end(): Promise<void> {
  if (playing === undefined) return;
  const { context, node, release } = playing;
  playing = undefined;
  release();
  node.dispose();
  await context.close();
  load.value = 0;
  loadText.textContent = "not running";
}

/** Fades in `seconds`, so that nothing clicks. */
function setBypass(seconds = 0.01): void {
  if (playing === undefined) return;
  const { context, dry, wet } = playing;
  const set = ({ gain }: GainNode, value: number) => {
    if (seconds === 0) gain.value = value;
    else gain.setTargetAtTime(value, context.currentTime, seconds);
  };
  set(dry, bypass.checked ? 1 : 0);
  set(wet, bypass.checked ? 0 : 1);
}

function draw(): void {
  if (playing === undefined) return;
  before.draw(playing.analysers[0]);
  after.draw(playing.analysers[1]);
  requestAnimationFrame(draw);
}

/** Asks the node every second, as long as it plays. */
async function measure(current: Playing): Promise<void> {
  let missed = 0;
  try {
    await current.node.load(); // begins to count
    while (playing === current) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { quanta, mean, missed: more } = await current.node.load();
      if (playing !== current || quanta === 0) continue;
      missed += more;
      load.value = mean;
      loadText.textContent = `${(mean * 100).toFixed(1)} % · ${missed} ${missed === 1 ? "deadline" : "deadlines"} missed`;
    }
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_DISPOSED") throw error;
  }
}

play.addEventListener("click", () =>
  attempt("The recording does not play.", async () => {
    const file = recording as File;
    await begin(async (context) => {
      const buffer = await context.decodeAudioData(await file.arrayBuffer()).catch(() => {
        throw new Error("This browser does not know its format: try WAV, MP3 or Opus.");
      });
      const source = new AudioBufferSourceNode(context, { buffer });
      source.addEventListener("ended", () => {
        if (playing?.context === context) finish("The recording has ended.");
      });
      source.start(context.currentTime + 0.2); // the network is there by then
      return [source, () => source.stop()];
    });
    say(`Playing ${file.name}.`);
    stop.disabled = false;
    stop.focus();
  }),
);

microphone.addEventListener("click", () =>
  attempt("The microphone does not play.", async () => {
    if (navigator.mediaDevices === undefined)
      throw new Error("Browsers give it to pages from https or localhost only.");
    await begin(async (context) => {
      const audio = { noiseSuppression: false, echoCancellation: true, autoGainControl: false };
      const stream = await navigator.mediaDevices.getUserMedia({ audio }).catch(({ name }: Error) => {
        throw new Error(name === "NotAllowedError" ? "It was not allowed." : "None was found.");
      });
      const release = () => {
        for (const track of stream.getTracks()) track.stop();
      };
      try {
        return [new MediaStreamAudioSourceNode(context, { mediaStream: stream }), release];
      } catch {
        release();
        throw new Error(`This browser does not bring a microphone to ${RATE} Hz. A recording works.`);
      }
    });
    say("Listening. Speak, and switch the bypass to compare.");
    stop.disabled = false;
    stop.focus();
  }),
);

async function finish(text: string): Promise<void> {
  await attempt("It does not stop.", async () => {
    const focused = document.activeElement === stop;
    await end();
    say(text);
    if (focused) setTimeout(() => (play.disabled ? microphone : play).focus());
  });
}

stop.addEventListener("click", () => finish("Stopped."));
bypass.addEventListener("change", () => setBypass());

for (const [id, take] of [
  ["model", takeModel],
  ["sound", takeRecording],
] as const) {
  const input = element<HTMLInputElement>(id);
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) take(file);
  });
  const target = element(`${id}-drop`);
  target.addEventListener("dragover", (event) => {
    event.preventDefault();
    target.classList.add("over");
  });
  target.addEventListener("dragleave", () => target.classList.remove("over"));
  target.addEventListener("drop", (event) => {
    event.preventDefault();
    target.classList.remove("over");
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
  });
}
// A file that misses its place must not replace the page.
for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());
