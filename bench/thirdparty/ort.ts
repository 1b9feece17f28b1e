/**
 * ONNX Runtime as contestants: onnxruntime-web (WebAssembly, one thread) and onnxruntime-node (native, one thread). The state
 * goes as a tensor from one call to the next, and every call has to be awaited.
 */

import type { Model } from "../../src/index.ts";
import { rowsOf, STEPS, split } from "../contestants.ts";
import type { Contestant } from "../harness.ts";
import { onnxOf } from "./onnx.ts";

/** What both packages share of onnxruntime-common; declared here so that the main package type-checks without them. */
interface OrtTensor {
  readonly data: Float32Array;
}
type Feeds = Record<string, OrtTensor>;
interface OrtSession {
  run(feeds: Feeds): Promise<Feeds>;
  release(): Promise<void>;
}
export interface Ort {
  readonly env: { readonly wasm: { numThreads?: number } };
  readonly Tensor: new (type: string, data: Float32Array | BigInt64Array, dims: readonly number[]) => OrtTensor;
  readonly InferenceSession: { create(bytes: Uint8Array, options: object): Promise<OrtSession> };
}

/** A contestant that holds memory of its own. */
export interface Rival extends Contestant {
  dispose(): Promise<void>;
}

export const OPTIONS = {
  "onnxruntime-web": { executionProviders: ["wasm"] },
  "onnxruntime-node": { executionProviders: ["cpu"], intraOpNumThreads: 1, interOpNumThreads: 1 },
};

/** @param steps - in one call: 1, or STEPS */
export async function ortOf(
  name: keyof typeof OPTIONS,
  model: Model,
  expected: Float32Array,
  steps: number,
): Promise<Rival> {
  const ort: Ort = await import(name);
  ort.env.wasm.numThreads = 1;
  const whole = steps > 1;
  const { inputSize, hiddenSize } = model.nodes[0].attrs as { inputSize: number; hiddenSize: number };
  const session = await ort.InferenceSession.create(onnxOf(model, steps, whole), OPTIONS[name]);
  const rows = split(model, rowsOf(model, STEPS), steps).map(
    (x) => new ort.Tensor("float32", x as Float32Array, [steps, 1, inputSize]),
  );
  const states = model.nodes[0].op === "gru" ? ["h"] : ["h", "c"];
  const feeds: Feeds = {};
  for (const s of states)
    feeds[`initial_${s}`] = new ort.Tensor("float32", new Float32Array(hiddenSize), [1, 1, hiddenSize]);
  let next = 0;
  const turn = async () => {
    feeds.X = rows[next++ % rows.length];
    const results = await session.run(feeds);
    for (const s of states) feeds[`initial_${s}`] = results[`Y_${s}`];
    return results[whole ? "Y" : "Y_h"].data;
  };
  return {
    name,
    steps,
    expected,
    async first() {
      const outputs: number[] = [];
      for (let i = 0; i < rows.length; i++) outputs.push(...(await turn()));
      return Float32Array.from(outputs);
    },
    async run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) sum += (await turn())[steps * hiddenSize - 1];
      return sum;
    },
    dispose: () => session.release(),
  };
}
