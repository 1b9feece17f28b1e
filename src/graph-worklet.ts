/** The entry `sluice/graph/worklet`: `sluice/worklet` with the kernels of graphs, for models of `sluice/onnx` and `sluice/graph`. */

import { graphWorklet } from "../build/graph-worklet-processor.ts";
import { compileKernels, createSessionSync, type Model } from "./graph-entry.ts";
import { type NodeKit, openNode, type SluiceNode, type SluiceNodeOptions } from "./worklet/node.ts";

const kit: NodeKit = {
  compileKernels,
  createSessionSync,
  script: graphWorklet,
  name: "sluice/graph/worklet-processor",
};

/**
 * `createSluiceNode` of sluice/worklet, for graphs.
 * @throws as there
 * @example
 * const stft = { frame: 512, hop: 256, window: "sqrt-hann" };
 * const node = await createSluiceNode(context, await loadModel("gtcrn.onnx"), { stft, sampleRate: 16000 });
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
