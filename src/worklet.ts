/**
 * The entry `sluice/worklet`: a Model → an AudioWorkletNode that runs it on the audio thread. The page compiles the kernels,
 * checks and plans the model once, so that what is wrong is a rejection here and not silence there.
 */

import { worklet } from "../build/worklet-processor.ts";
import type { RuntimeOptions } from "./create.ts";
import { SessionError } from "./errors.ts";
import { rowSize } from "./graph.ts";
import { compileKernels, createSessionSync, type Model } from "./index.ts";
import { checkInteger, wrongKind } from "./ports.ts";
import { unpackError } from "./worker/messages.ts";
import { audioLayout, type FrameOptions, type Layout, type ParamSpec } from "./worklet/layout.ts";
import type { ProcessorFailure, ProcessorOptions, ProcessorOrder } from "./worklet-processor.ts";

export interface SluiceNodeOptions extends FrameOptions, RuntimeOptions {
  /** The URL of `sluice/worklet-processor`, served by you: for pages whose policy allows no `blob:` scripts. */
  readonly url?: string | URL;
  /** Samples of silence that the model hears before the first one, so that its state has settled. 0. */
  readonly prewarm?: number;
}

export interface SluiceNode extends AudioWorkletNode {
  /** From a sample at the input to its effect at the output: of buffers and overlaps, not of the model itself. */
  readonly latencySamples: number;
  /** Back to the state it was created with: silence before, the model's initial (and prewarmed) state. */
  reset(): void;
  /** Disconnects the node and ends its work on the audio thread. */
  dispose(): void;
}

/** The URL under which a context knows the processor, by knobs. A cache: without it every node would load the file again. */
const registered = new WeakMap<BaseAudioContext, Map<string, Promise<string>>>();

/**
 * A node that feeds its input through a model and gives the model's output.
 *
 * Rows     the model's first input takes `frame` samples, `hop` of them new each time, then the knobs of `params`; its output
 *          is hop samples, or a frame that is added to those it overlaps, or one number, held for the hop
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
  const { url, variant, wasm, prewarm = 0, params = [] } = options;
  if (typeof context?.audioWorklet?.addModule !== "function") {
    const hint = "Audio worklets need a page from https: or localhost.";
    if (typeof context?.sampleRate === "number")
      throw new SessionError("ERR_WORKER", "context: expected audio worklets; got none.", { hint });
    throw wrongKind("context", "an AudioContext", context);
  }
  if (!Array.isArray(model?.nodes)) throw wrongKind("model", "a Model", model);
  checkInteger("prewarm", prewarm, 0);
  const { renderQuantumSize: quantum = 128 } = context as { renderQuantumSize?: number };
  const layout = audioLayout(model, options, { quantum, sampleRate: context.sampleRate });
  const module = await compileKernels({ variant, wasm });
  const { inputs, outputs, nodes, tensors, states } = model;
  const processorOptions: ProcessorOptions = {
    module,
    model: { inputs, outputs, nodes, tensors, states, info: {}, warnings: [] },
    layout,
    state: settle(model, module, layout, params, prewarm),
  };
  const name = await register(context, url, params);
  const node = makeNode(context, name, {
    numberOfInputs: 1,
    numberOfOutputs: 1,
    channelCount: layout.channels,
    channelCountMode: "explicit",
    outputChannelCount: [layout.channels],
    processorOptions,
  });
  node.port.addEventListener("message", ({ data: { failure } }: MessageEvent<ProcessorFailure>) => {
    const error = unpackError(failure);
    node.dispatchEvent(new ErrorEvent("processorerror", { error, message: error.message }));
  });
  node.port.start();
  const order = (what: ProcessorOrder) => node.port.postMessage(what);
  return Object.assign(node, {
    latencySamples: layout.latencySamples,
    reset: () => order("reset"),
    dispose: () => {
      node.disconnect();
      order("dispose");
    },
  });
}

/** The name is a URL: a file that is another, or comes from another place than it says, has not registered it. */
function makeNode(context: BaseAudioContext, name: string, options: AudioWorkletNodeOptions): AudioWorkletNode {
  try {
    return new AudioWorkletNode(context, name, options);
  } catch (error) {
    if ((error as Error).name !== "InvalidStateError") throw error;
    const [file] = name.split("#");
    throw new SessionError("ERR_WORKER", `worklet: expected sluice/worklet-processor at ${file}; got another script.`, {
      hint: "Pass the URL that the file has after all redirections.",
    });
  }
}

/**
 * Runs the model here, over `prewarm` samples of silence with its knobs at their defaults: its state then. What is wrong
 * with the model is thrown.
 */
function settle(
  model: Model,
  wasm: WebAssembly.Module,
  { hop, params, delay }: Layout,
  specs: readonly ParamSpec[],
  prewarm: number,
): Float32Array[] {
  const session = createSessionSync(model, { wasm });
  try {
    const stream = session.stream();
    session.warmup(); // the engine's better code of a Module serves all threads
    const xs = Object.fromEntries(model.inputs.map(({ name, shape }) => [name, new Float32Array(rowSize(shape))]));
    params.forEach(({ input, at }, i) => {
      xs[model.inputs[input].name][at] = specs[i].defaultValue ?? 0;
    });
    const ys = Object.fromEntries(model.outputs.map(({ name, shape }) => [name, new Float32Array(rowSize(shape))]));
    for (let done = 0; done < prewarm; done += hop * delay) stream.step(xs, ys);
    const { state } = stream;
    return model.states.map(({ name }) => state[name]);
  } finally {
    session.dispose();
  }
}

/** Loads the processor's file where the context has it not yet, and gives the name that it registers. */
async function register(
  context: BaseAudioContext,
  url: string | URL | undefined,
  params: readonly ParamSpec[],
): Promise<string> {
  const fragment = params.length === 0 ? "" : `#${encodeURIComponent(JSON.stringify(params))}`;
  const file = url === undefined ? undefined : new URL(url, document.baseURI).href.split("#")[0];
  const known = registered.get(context) ?? new Map<string, Promise<string>>();
  registered.set(context, known);
  const key = `${file}${fragment}`;
  const loading = known.get(key) ?? load(context, file, fragment);
  known.set(key, loading);
  try {
    return await loading;
  } catch (error) {
    known.delete(key);
    const message = `worklet: expected a script that loads; got ${error}.`;
    const hint =
      'A page whose policy allows no "blob:" scripts serves the file "sluice/worklet-processor" itself and passes { url }.';
    throw new SessionError("ERR_WORKER", message, { hint });
  }
}

async function load(context: BaseAudioContext, file: string | undefined, fragment: string): Promise<string> {
  const source = file ?? URL.createObjectURL(new Blob([worklet], { type: "text/javascript" }));
  try {
    const name = `${source}${fragment}`;
    await context.audioWorklet.addModule(name);
    return name;
  } finally {
    if (file === undefined) URL.revokeObjectURL(source);
  }
}

export type { FrameOptions, ParamSpec } from "./worklet/layout.ts";
