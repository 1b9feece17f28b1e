/** The entry `sluice/worklet`: a Model of the core's layers → an AudioWorkletNode that runs it on the audio thread. */

import { worklet } from "../build/worklet-processor.ts";
import { compileKernels, createSessionSync, type Model } from "./index.ts";
import { type NodeKit, openNode, type SluiceNode, type SluiceNodeOptions } from "./worklet/node.ts";

const kit: NodeKit = { compileKernels, createSessionSync, script: worklet, name: "sluice/worklet-processor" };

/**
 * A node that feeds its input through a model and gives the model's output.
 *
 * Shapes   the model's first input is `frame` samples, `hop` of them new each time, then the knobs of `params`; its output is hop
 *          samples, or a frame that is added to the frames it overlaps, or one number that is held for the hop
 * Units    samples as the context has them, full scale ±1; with `stft`, spectra of frames, in and out
 * Knobs    AudioParams (`node.parameters.get(name)`); a frame takes their values at its newest sample
 * Rate     a model that goes sample by sample also runs at a higher rate than it was trained at (src/worklet/delay.ts); any other
 *          needs a context of its own rate
 * Failure  the node never goes silent: if the model fails on the audio thread, the input passes through, delayed by
 *          `latencySamples`, and the node gets one `processorerror` event with the `error`. After an output that is not finite the
 *          state starts over
 * Cost     nothing is allocated while it runs; `sluice bench` says how much of a quantum a model takes
 *
 * @throws TypeError, RangeError for options; ModelError for a model that cannot run in this way; SessionError ERR_WORKER if the
 *         processor's script does not load
 * @example
 * const node = await createSluiceNode(context, model, { params: [{ name: "gain", minValue: 0, maxValue: 1 }] });
 */
export async function createSluiceNode(
  context: BaseAudioContext,
  model: Model,
  options: SluiceNodeOptions = {},
): Promise<SluiceNode> {
  return openNode(kit, context, model, options);
}

export type { StftOptions } from "./audio/stft.ts";
export type { FrameOptions, ParamSpec } from "./worklet/layout.ts";
export type { Load } from "./worklet/load.ts";
export type { SluiceNode, SluiceNodeOptions } from "./worklet/node.ts";
