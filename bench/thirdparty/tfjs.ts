/**
 * TensorFlow.js with its WebAssembly backend (SIMD, one thread) as a contestant: a stateful layer of tfjs-layers. Its GRU knows
 * only the form with the reset gate before the product, so Sluice runs that form beside it.
 */

import type { Model } from "../../src/index.ts";
import { rowsOf, STEPS, split } from "../contestants.ts";
import type { Rival } from "./ort.ts";

/** What is used of tfjs-core and tfjs-layers; declared here so that the main package type-checks without them. */
interface Tensor {
  dataSync(): Float32Array;
  dispose(): void;
}
interface Core {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tidy<T>(work: () => T): T;
  tensor(data: Float32Array, shape: readonly number[]): Tensor;
}
interface Layers {
  sequential(): {
    add(layer: unknown): void;
    predict(x: Tensor): Tensor;
    setWeights(weights: Tensor[]): void;
    dispose(): void;
  };
  readonly layers: Readonly<Record<"gru" | "lstm", (options: object) => unknown>>;
}

/** (G · H, k) by PyTorch's gates → (k, G · H) by Keras's. */
function kernelOf(weight: Float32Array, order: readonly number[], hiddenSize: number): Float32Array {
  const rows = order.length * hiddenSize;
  const columns = weight.length / rows;
  return Float32Array.from({ length: weight.length }, (_, at) => {
    const [column, to] = [Math.floor(at / rows), at % rows];
    const from = order[Math.floor(to / hiddenSize)] * hiddenSize + (to % hiddenSize);
    return weight[from * columns + column];
  });
}

/** @param steps - in one call: 1, or STEPS */
export async function tfjsOf(model: Model, expected: Float32Array, steps: number): Promise<Rival> {
  const [core, layers, backend] = ["@tensorflow/tfjs-core", "@tensorflow/tfjs-layers", "@tensorflow/tfjs-backend-wasm"];
  const tf: Core = await import(core);
  await import(backend);
  await tf.setBackend("wasm");
  await tf.ready();
  const { sequential, layers: of }: Layers = await import(layers);

  const [{ op, attrs }] = model.nodes;
  const { inputSize, hiddenSize } = attrs as { inputSize: number; hiddenSize: number };
  // Keras: z, r, n and i, f, g, o; here: r, z, n and i, f, g, o.
  const order = op === "gru" ? [1, 0, 2] : [0, 1, 2, 3];
  const tensor = (name: string) => model.tensors.get(`rnn.${name}_l0`)?.data as Float32Array;
  const bias = tensor("bias_ih").map((b, i) => b + tensor("bias_hh")[i]);
  const rows = order.length * hiddenSize;
  const network = sequential();
  network.add(
    of[op as "gru" | "lstm"]({
      units: hiddenSize,
      batchInputShape: [1, steps, inputSize],
      stateful: true,
      returnSequences: true,
      recurrentActivation: "sigmoid",
      // Weights are set below; other initializers take minutes at 1024.
      kernelInitializer: "zeros",
      recurrentInitializer: "zeros",
      ...(op === "gru" ? { resetAfter: false } : {}),
    }),
  );
  const weights = [
    tf.tensor(kernelOf(tensor("weight_ih"), order, hiddenSize), [inputSize, rows]),
    tf.tensor(kernelOf(tensor("weight_hh"), order, hiddenSize), [hiddenSize, rows]),
    tf.tensor(kernelOf(bias, order, hiddenSize), [rows]),
  ];
  network.setWeights(weights);
  for (const one of weights) one.dispose();
  const inputs = split(model, rowsOf(model, STEPS), steps).map((x) =>
    tf.tensor(x as Float32Array, [1, steps, inputSize]),
  );
  let next = 0;
  const turn = () => tf.tidy(() => network.predict(inputs[next++ % inputs.length]).dataSync());
  return {
    name: "tensorflow.js wasm",
    steps,
    expected,
    first: () => Float32Array.from(inputs.flatMap(() => [...turn()])),
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) sum += turn()[steps * hiddenSize - 1];
      return sum;
    },
    async dispose() {
      network.dispose();
      for (const x of inputs) x.dispose();
    },
  };
}
