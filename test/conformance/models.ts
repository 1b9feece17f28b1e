/**
 * Models, inputs and states from a seed: the tensors that a list of layers asks for, every number of them random, so that
 * no two gates, directions, layers or biases are alike and an exchange of any two changes the result.
 */

import { type LayerSpec, type Model, modelFromLayers, type Tensor } from "../../src/index.ts";
import { elements } from "../../src/tensor.ts";
import { width } from "./drive.ts";

export type Random = () => number;
export type State = Record<string, Float32Array>;
export type Data = Float32Array | Int32Array;
type ModelOptions = NonNullable<Parameters<typeof modelFromLayers>[2]>;

/** A LayerSpec whose sizes are all said: nothing is left to be inferred from tensors. */
export type Layer = LayerSpec;

/** Numbers in [0, 1), the same for the same seed: mulberry32 (T. Ettinger, public domain) from an FNV-1a hash. */
export function seeded(seed: string): Random {
  let state = 0x811c9dc5;
  for (let i = 0; i < seed.length; i++) state = Math.imul(state ^ seed.charCodeAt(i), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number in 0 … n − 1. */
export function below(random: Random, n: number): number {
  return Math.floor(random() * n);
}

export function uniform(random: Random, length: number, low = -1, high = 1): Float32Array {
  return Float32Array.from({ length }, () => low + (high - low) * random());
}

/** 0 … n − 1 in a random order. */
export function shuffled(random: Random, n: number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = below(random, i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

export function tensor(name: string, shape: readonly number[], data: Float32Array): Tensor {
  if (data.length !== elements(shape))
    throw new Error(`${name}: expected ${elements(shape)} elements, got ${data.length}`);
  return { name, dtype: "F32", shape, data };
}

export function tensorMap(tensors: readonly Tensor[]): Map<string, Tensor> {
  return new Map(tensors.map((one) => [one.name, one]));
}

/** `initial`: the recurrent layers get a stored initial state. */
export function randomModel(
  seed: string,
  layers: readonly Layer[],
  { initial = false, ...options }: ModelOptions & { initial?: boolean } = {},
): Model {
  const random = seeded(seed);
  return modelFromLayers(
    [...layers],
    tensorMap(layers.flatMap((layer) => layerTensors(layer, random, initial))),
    options,
  );
}

/** The tensors of one layer, by PyTorch's names. */
function layerTensors(layer: Layer, random: Random, initial = false): Tensor[] {
  const size = (name: string, otherwise = 0) => (layer[name as keyof Layer] as number | undefined) ?? otherwise;
  const says = (name: string, otherwise: boolean) => (layer[name as keyof Layer] as boolean | undefined) ?? otherwise;
  const make = (suffix: string, shape: number[], low: number, high: number) =>
    tensor(layer.name ? `${layer.name}.${suffix}` : suffix, shape, uniform(random, elements(shape), low, high));
  const matrix = (suffix: string, rows: number, columns: number) => {
    const bound = 1 / Math.sqrt(columns);
    return make(suffix, [rows, columns], -bound, bound);
  };
  switch (layer.type) {
    case "rnn":
    case "gru":
    case "lstm": {
      const gates = { rnn: 1, gru: 3, lstm: 4 }[layer.type];
      const [I, H, P] = [size("inputSize"), size("hiddenSize"), size("projSize")];
      const [layers, directions] = [size("numLayers", 1), says("bidirectional", false) ? 2 : 1];
      const width = P || H;
      const out: Tensor[] = [];
      for (let k = 0; k < layers; k++) {
        for (let d = 0; d < directions; d++) {
          const s = `l${k}${d === 1 ? "_reverse" : ""}`;
          out.push(matrix(`weight_ih_${s}`, gates * H, k === 0 ? I : directions * width));
          out.push(matrix(`weight_hh_${s}`, gates * H, width));
          if (says("bias", true)) {
            out.push(make(`bias_ih_${s}`, [gates * H], -0.5, 0.5), make(`bias_hh_${s}`, [gates * H], -0.5, 0.5));
          }
          if (P > 0) out.push(matrix(`weight_hr_${s}`, P, H));
          if (says("peephole", false)) out.push(make(`weight_peephole_${s}`, [3 * H], -0.5, 0.5));
        }
      }
      if (initial) {
        out.push(make("h0", [layers * directions, width], -0.9, 0.9));
        if (layer.type === "lstm") out.push(make("c0", [layers * directions, H], -0.9, 0.9));
      }
      return out;
    }
    case "linear": {
      const weight = matrix("weight", size("outFeatures"), size("inFeatures"));
      return says("bias", true) ? [weight, make("bias", [size("outFeatures")], -0.5, 0.5)] : [weight];
    }
    case "embedding":
      return [make("weight", [size("numEmbeddings"), size("embeddingDim")], -1, 1)];
    case "layerNorm":
    case "batchNorm": {
      const shape = [size("size")];
      const out: Tensor[] = [];
      if (says("affine", true)) out.push(make("weight", shape, 0.5, 1.5));
      if (says("affine", true) && says("bias", true)) out.push(make("bias", shape, -0.5, 0.5));
      if (layer.type === "batchNorm") {
        out.push(make("running_mean", shape, -0.5, 0.5), make("running_var", shape, 0.5, 2));
      }
      return out;
    }
    default:
      return [];
  }
}

/** `count` rows for every input of a model: numbers in [−2, 2), ids over the whole of `ids`. */
export function randomInputs(model: Model, count: number, random: Random, ids = 2): Data[] {
  return model.inputs.map((info) => {
    const length = count * width(info);
    return info.dtype === "I32"
      ? Int32Array.from({ length }, () => below(random, ids))
      : uniform(random, length, -2, 2);
  });
}

/** A state in [−0.9, 0.9) for `batch` sequences, each (layers × directions, batch, H). */
export function randomState(model: Model, batch: number, random: Random): State {
  return Object.fromEntries(
    model.states.map(({ name, shape }) => [name, uniform(random, elements(shape) * batch, -0.9, 0.9)]),
  );
}
