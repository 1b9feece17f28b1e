/** The entry `sluice/worklet`: a Model of the core's layers → an AudioWorkletNode that runs it on the audio thread. */

import { worklet } from "../build/worklet-processor.ts";
import { compileKernels, createSessionSync, type Model } from "./index.ts";
import { type NodeKit, openNode, type SluiceNode, type SluiceNodeOptions } from "./worklet/node.ts";

const kit: NodeKit = { compileKernels, createSessionSync, script: worklet, name: "sluice/worklet-processor" };

/**
 * A node that feeds its input through a model and gives the model's output.
 *
 * Rows     the model's first input takes `frame` samples, `hop` of them new each time, then the knobs of `params`; its output
 *          is hop samples, or a frame that is added to those it overlaps, or one number, held for the hop
 * Spectra  with `stft`, the row's samples are transforms of frames, and so is the output
 * Knobs    AudioParams (`node.parameters.get(name)`); a frame takes their values at its newest sample
 * Rate     a model that goes sample by sample runs at its context's rate also where it was trained at a lower one (src/worklet/
 *          delay.ts); any other one needs a context of its own rate
 * Failure  a node never goes dead: if the model fails on the audio thread, the input passes as it is, as late as
 *          `latencySamples` says, and the node gets one `processorerror` event (addEventListener) whose `error` says why. After an output that is
 *          not finite the state begins anew
 * Cost     nothing is allocated while it runs
 *
 * @throws TypeError, RangeError for options; ModelError for a model that does not run so; SessionError ERR_WORKER when the
 *         processor's file does not load
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
