/**
 * The entry `sluice/audio`: what stands between samples and networks. Nothing here allocates once it is made, or needs more
 * than an AudioWorkletGlobalScope has. It imports no kernels.
 */

export type { Samples } from "./audio/arguments.ts";
export { RealFft } from "./audio/fft.ts";
export { Framer, type FramerOptions } from "./audio/framer.ts";
export {
  LogMel,
  type LogMelOptions,
  MEL_LIBROSA,
  MEL_TENSORFLOW,
  MEL_TENSORFLOW_OP,
  type MelDefinition,
  Mfcc,
  type MfccOptions,
} from "./audio/mel.ts";
export { Resampler, type ResamplerOptions, resample } from "./audio/resample.ts";
export { Istft, Stft, type StftOptions } from "./audio/stft.ts";
export {
  readWavFrames,
  type Wav,
  type WavEncoding,
  type WavFormat,
  type WavHeader,
  writeWavFrames,
} from "./audio/wav.ts";
export { type ReadWavOptions, readWav, readWavHeader, type WavLimits } from "./audio/wav-read.ts";
export { type WavInput, writeWav, writeWavHeader } from "./audio/wav-write.ts";
export { makeWindow, type WindowName } from "./audio/window.ts";
