/**
 * Model and options → how samples and knobs become rows of the model, and how its rows become samples. Plain data, which the
 * page checks once and the audio thread goes by.
 */

import { checkInteger, wrong, wrongKind } from "../arguments.ts";
import { Istft, type StftOptions } from "../audio/stft.ts";
import { windowOf } from "../audio/window.ts";
import { ModelError } from "../errors.ts";
import { rowSize } from "../graph.ts";
import type { Model } from "../model.ts";

/** A knob, as AudioParams have it. Its name is a model input of one number, or the next number after the frame. */
export interface ParamSpec {
  readonly name: string;
  readonly defaultValue?: number;
  readonly minValue?: number;
  readonly maxValue?: number;
}

export interface FrameOptions {
  /** Samples in a row of the model's first input. Default: the size of that input less the knobs. */
  readonly frame?: number;
  /** New samples per frame. Default: the model's output size, or `frame` if that is one number. */
  readonly hop?: number;
  /** How many channels; each is a stream of its own. Default: 1. */
  readonly channels?: number;
  /** Knobs, which become AudioParams. */
  readonly params?: readonly ParamSpec[];
  /**
   * For models of spectra, instead of `frame` and `hop`: the frames, as for `Stft` of sluice/audio, whose transforms the model takes
   * and returns, the real and imaginary part of each bin in turn.
   */
  readonly stft?: StftOptions;
  /** The rate in Hz that the model was trained at. Default: what its file says. */
  readonly sampleRate?: number;
}

/** StftOptions without defaults. */
export interface Framing {
  readonly frame: number;
  readonly hop: number;
  readonly fftSize: number;
  readonly window: Float64Array;
}

export interface Layout {
  readonly frame: number;
  readonly hop: number;
  readonly channels: number;
  /** Samples of an audio quantum. */
  readonly quantum: number;
  /**
   * What a row of the first output is: the hop's samples; a whole frame, added to the frames that it overlaps; or one number,
   * held for the hop; or a spectrum (`stft`), whose frame is added to those that it overlaps.
   */
  readonly output: "hop" | "frame" | "held" | "spectrum";
  readonly stft?: Framing;
  /** Where each knob goes: the number `at` of model input number `input`. */
  readonly params: readonly { readonly name: string; readonly input: number; readonly at: number }[];
  /**
   * Steps from a state to its use: the context's rate over the model's, 1 where they are the same. Between whole steps the
   * states are interpolated.
   */
  readonly delay: number;
  /** From a sample at the input to its effect at the output, apart from what the model itself needs. */
  readonly latencySamples: number;
}

/** Contexts go to 384 kHz, and nobody trains amplifiers below 12. */
const MAX_DELAY = 32;

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * A quantum after which k samples are done needs k samples of output, and the model has given those of whole hops only: the
 * rest, at most hop − gcd(hop, quantum), is the delay of the buffers. A frame that overlaps the next ones is ready when the
 * last of them is: frame − hop later. The first spectrum is that of a whole frame: what a quantum after k ≥ frame samples has is
 * frame − hop + (k − frame) mod hop samples behind, which is at most frame − g + (−frame mod g), g = gcd(hop, quantum).
 *
 * @throws TypeError, RangeError for the options; ModelError ERR_SHAPE, ERR_DTYPE for a model that takes no samples,
 *         ERR_SAMPLE_RATE for one of another rate
 */
export function audioLayout(
  model: Model,
  options: FrameOptions,
  context: { readonly quantum: number; readonly sampleRate: number },
): Layout {
  const { channels = 1, params: specs = [], sampleRate = model.info.sampleRate ?? context.sampleRate } = options;
  const { quantum } = context;
  checkInteger("channels", channels, 1, 32); // createBuffer's guaranteed limit
  const [audio, ...others] = model.inputs;
  for (const { name, dtype } of model.inputs)
    if (dtype !== "F32") throw new ModelError("ERR_DTYPE", `${name}: expected numbers (F32); got ids (${dtype}).`);
  const names = specs.map(({ name }) => name);
  names.forEach((name, i) => {
    if (typeof name !== "string" || name === "") throw wrongKind("params", "names", name);
    if (names.indexOf(name) !== i) throw wrong("params", "each name once", `"${name}" twice`);
  });
  for (const { name, shape } of others) {
    if (rowSize(shape) !== 1)
      throw new ModelError("ERR_SHAPE", `${name}: expected one number beside the samples; got (${shape}).`);
    if (!names.includes(name))
      throw wrong("params", `one named "${name}", an input of the model`, names.join(", ") || "none");
  }
  const size = rowSize(audio.shape);
  const stft = options.stft && framing(options.stft, options);
  const inRow = names.filter((name) => !others.some((other) => other.name === name));
  const frame = stft?.frame ?? options.frame ?? size - inRow.length;
  const row = stft ? stft.fftSize + 2 : frame;
  if (row + inRow.length !== size || !(frame >= 1))
    throw wrong(
      stft ? "stft" : "frame",
      `${audio.name} of ${size} numbers to be a ${stft ? "spectrum" : "frame"} and ${inRow.length} params`,
      stft ? `spectra of ${row}` : (options.frame ?? "no frame"),
    );
  const given = rowSize(model.outputs[0].shape);
  const hop = stft?.hop ?? options.hop ?? (given > 1 && given < frame ? given : frame);
  checkInteger("hop", hop, 1, frame);
  if (stft && given !== row) throw wrong("stft", `${model.outputs[0].name} to give a spectrum of ${row}`, given);
  if (!stft && given !== hop && given !== frame && given !== 1)
    throw wrong(
      "hop",
      `${model.outputs[0].name} to give hop, frame or 1 numbers`,
      `${given} for hop ${hop}, frame ${frame}`,
    );
  const output = stft ? "spectrum" : given === hop ? "hop" : given === frame ? "frame" : "held";
  if (!(sampleRate > 0 && Number.isFinite(sampleRate))) throw wrong("sampleRate", "Hz", sampleRate);
  const delay = context.sampleRate / sampleRate;
  if (delay !== 1 && (delay < 1 || delay > MAX_DELAY || frame > 1)) {
    throw new ModelError("ERR_SAMPLE_RATE", `context: expected ${sampleRate} Hz; got ${context.sampleRate}.`, {
      hint: `Use new AudioContext({ sampleRate: ${sampleRate} }). Models that go sample by sample run at higher rates too.`,
    });
  }
  const shared = gcd(hop, quantum);
  return {
    frame,
    hop,
    channels,
    quantum,
    output,
    stft,
    delay,
    params: names.map((name) => {
      const input = model.inputs.findIndex((one) => one.name === name);
      return input > 0 ? { name, input, at: 0 } : { name, input: 0, at: row + inRow.indexOf(name) };
    }),
    latencySamples: stft
      ? frame - shared + ((shared - (frame % shared)) % shared)
      : hop - shared + (output === "frame" ? frame - hop : 0),
  };
}

/** @throws RangeError as Stft and Istft */
function framing(stft: StftOptions, { frame, hop }: FrameOptions): Framing {
  if (frame !== undefined || hop !== undefined) throw wrong("stft", "no frame and hop beside it", frame ?? hop);
  const istft = new Istft(stft);
  const window = windowOf(stft.window ?? "hann", istft.frame);
  return { frame: istft.frame, hop: istft.hop, fftSize: istft.spectrumLength - 2, window };
}

/** The name under which a script that has the operators of graphs registers beside its URL. */
export const graphName = (url: string) => `${url} graph`;
