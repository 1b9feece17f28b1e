/**
 * The page: GTCRN's file and a sound → the sound without its noise, through the node of `sluice/graph/worklet` in a context of
 * 16 kHz. The browser brings recordings and microphones to that rate.
 */

import { createSluiceNode, type SluiceNode } from "sluice/graph/worklet";
import { loadModel, type Model } from "sluice/onnx";
import { element, say } from "../../page-parts.ts";
import { startPlayer } from "../../page-player.ts";
import { RATE } from "../denoiser.ts";
import { Spectrogram } from "./spectrogram.ts";

const STFT = { frame: 512, hop: 256, window: "sqrt-hann" } as const;

const bypass = element<HTMLInputElement>("bypass");
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
}

let model: Model;
let playing: Playing | undefined;

/** From `source` to the speakers: through the network, and past it, equally late. */
async function open(context: AudioContext, source: AudioNode): Promise<Playing> {
  const node = await createSluiceNode(context, model, { stft: STFT, sampleRate: RATE, url: "processor.js" });
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
  return { context, node, dry, wet, analysers };
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

startPlayer({
  model: "GTCRN's ONNX file",
  options: { sampleRate: RATE },
  echoCancellation: true,
  listening: "Listening. Speak, and switch the bypass to compare.",
  tail: 0,
  async load(file) {
    const read = await loadModel(await file.arrayBuffer());
    const size = read.inputs[0].shape.reduce<number>((product, one) => product * Number(one), 1);
    if (size !== STFT.frame + 2) {
      throw new Error(`Expected GTCRN, which takes spectra of ${STFT.frame + 2} numbers; got ${size}.`);
    }
    model = read;
  },
  async connect(context, source) {
    const current = await open(context, source);
    playing = current;
    before.clear();
    after.clear();
    setBypass(0);
    requestAnimationFrame(draw);
    measure(current);
    return () => {
      playing = undefined;
      current.node.dispose();
      load.value = 0;
      loadText.textContent = "not running";
    };
  },
});
bypass.addEventListener("change", () => setBypass());
