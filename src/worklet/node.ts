/**
 * A Model → an AudioWorkletNode that runs it on the audio thread, for the entries with their kernels. The page compiles the
 * kernels, checks and plans the model once, so that what is wrong is a rejection here and not silence there.
 */

import { checkInteger, wrongKind } from "../arguments.ts";
import type { RuntimeOptions } from "../create.ts";
import { SessionError } from "../errors.ts";
import { rowSize } from "../graph.ts";
import type { compileKernels, createSessionSync } from "../index.ts";
import type { Model } from "../model.ts";
import { unpackError } from "../worker/messages.ts";
import { audioLayout, type FrameOptions, graphName, type Layout, type ParamSpec } from "./layout.ts";
import type { Load } from "./load.ts";
import type { ProcessorAnswer, ProcessorOptions, ProcessorOrder } from "./processor.ts";

/** What an entry brings: its kernels, and the script that its audio thread loads. */
export interface NodeKit {
  readonly compileKernels: typeof compileKernels;
  readonly createSessionSync: typeof createSessionSync;
  readonly script: string;
  /** The entry that the script is served from. */
  readonly name: string;
}

export interface SluiceNodeOptions extends FrameOptions, RuntimeOptions {
  /** The URL of `sluice/worklet-processor` (`sluice/graph/worklet-processor` for a node of graphs), served by you: for pages whose policy allows no `blob:` scripts. */
  readonly url?: string | URL;
  /** Samples of silence that the model hears first, so that its state has settled. Default: 0. */
  readonly prewarm?: number;
}

export interface SluiceNode extends AudioWorkletNode {
  /** Delay in samples from input to output, due to buffers and overlaps; the model's own delay is not in it. */
  readonly latencySamples: number;
  /** Returns to the state the node was created with: silence before, the model's initial (and prewarmed) state. */
  reset(): void;
  /**
   * Returns how much of the audio thread's time the node took since the previous call. The first call starts counting and returns 0
   * quanta. A suspended context may answer only when it runs again.
   * @throws SessionError ERR_DISPOSED if the node is disposed, or is before it answers
   */
  load(): Promise<Load>;
  /** Disconnects the node and ends its work on the audio thread. */
  dispose(): void;
}

/** The URL under which a context knows the processor, by knobs. A cache: without it every node would load the file again. */
const registered = new WeakMap<BaseAudioContext, Map<string, Promise<string>>>();

/** What `createSluiceNode` of an entry does. */
export async function openNode(
  kit: NodeKit,
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
  const module = await kit.compileKernels({ variant, wasm });
  const { inputs, outputs, nodes, tensors, states } = model;
  const processorOptions: ProcessorOptions = {
    module,
    model: { inputs, outputs, nodes, tensors, states, info: {}, warnings: [] },
    layout,
    state: settle(kit, model, module, layout, params, prewarm),
  };
  const name = await register(kit, context, url, params);
  const node = makeNode(kit, context, name, {
    numberOfInputs: 1,
    numberOfOutputs: 1,
    channelCount: layout.channels,
    channelCountMode: "explicit",
    outputChannelCount: [layout.channels],
    processorOptions,
  });
  const waiting: { resolve(load: Load): void; reject(error: SessionError): void }[] = [];
  node.port.addEventListener("message", ({ data: { failure, load } }: MessageEvent<ProcessorAnswer>) => {
    if (load) waiting.shift()?.resolve(load);
    if (failure === undefined) return;
    const error = unpackError(failure);
    node.dispatchEvent(new ErrorEvent("processorerror", { error, message: error.message }));
  });
  node.port.start();
  const order = (what: ProcessorOrder) => node.port.postMessage(what);
  let alive = true;
  return Object.assign(node, {
    latencySamples: layout.latencySamples,
    reset: () => order("reset"),
    load: () =>
      new Promise<Load>((resolve, reject) => {
        if (!alive) return reject(disposed());
        waiting.push({ resolve, reject });
        order("load");
      }),
    dispose: () => {
      alive = false;
      node.disconnect();
      order("dispose");
      for (const { reject } of waiting.splice(0)) reject(disposed());
    },
  });
}

const disposed = () => new SessionError("ERR_DISPOSED", "node: expected a live one; it is disposed.");

/** The name is a URL: a file that is another, or comes from another place than it says, has not registered it. */
function makeNode(
  kit: NodeKit,
  context: BaseAudioContext,
  name: string,
  options: AudioWorkletNodeOptions,
): AudioWorkletNode {
  try {
    return new AudioWorkletNode(context, name, options);
  } catch (error) {
    if ((error as Error).name !== "InvalidStateError") throw error;
    const [file] = name.split(/[# ]/);
    throw new SessionError("ERR_WORKER", `worklet: expected ${kit.name} at ${file}; got another script.`, {
      hint: "Pass the URL that the file has after all redirections.",
    });
  }
}

/**
 * Runs the model here, over `prewarm` samples of silence with its knobs at their defaults: its state then. What is wrong
 * with the model is thrown.
 */
function settle(
  kit: NodeKit,
  model: Model,
  wasm: WebAssembly.Module,
  { hop, params, delay }: Layout,
  specs: readonly ParamSpec[],
  prewarm: number,
): Float32Array[] {
  const session = kit.createSessionSync(model, { wasm });
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
  kit: NodeKit,
  context: BaseAudioContext,
  url: string | URL | undefined,
  params: readonly ParamSpec[],
): Promise<string> {
  const fragment = params.length === 0 ? "" : `#${encodeURIComponent(JSON.stringify(params))}`;
  const file = url === undefined ? undefined : new URL(url, document.baseURI).href.split("#")[0];
  const known = registered.get(context) ?? new Map<string, Promise<string>>();
  registered.set(context, known);
  const key = `${kit.name} ${file}${fragment}`;
  const loading = known.get(key) ?? load(kit, context, file, fragment);
  known.set(key, loading);
  try {
    return await loading;
  } catch (error) {
    known.delete(key);
    const message = `worklet: expected ${kit.name} at ${file ?? "a blob: URL"}; got ${String(error).replace(/[. ]+$/, "")}.`;
    const hint = file
      ? undefined
      : `A page whose policy allows no "blob:" scripts serves the file "${kit.name}" itself and passes { url }.`;
    throw new SessionError("ERR_WORKER", message, { hint });
  }
}

async function load(
  kit: NodeKit,
  context: BaseAudioContext,
  file: string | undefined,
  fragment: string,
): Promise<string> {
  const source = file ?? URL.createObjectURL(new Blob([kit.script], { type: "text/javascript" }));
  try {
    const name = `${source}${fragment}`;
    await context.audioWorklet.addModule(name);
    return kit.name.includes("graph") ? graphName(name) : name;
  } finally {
    if (file === undefined) URL.revokeObjectURL(source);
  }
}
