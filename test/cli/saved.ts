/** Golden files (PyTorch's weights, inputs and outputs) → weights by name, and the arrays that `sluice check` takes. */

import { join } from "node:path";
import { encodeNpy } from "../../src/formats/npy.ts";
import type { LayerSpec, Tensor } from "../../src/index.ts";
import { zip } from "../hostile/files.ts";
import { GOLDEN, readVector } from "../vectors.ts";

export interface Saved {
  readonly layers: readonly LayerSpec[];
  readonly weights: Map<string, Tensor>;
  /** As numpy.savez has them: x, y, states, lengths. */
  readonly arrays: Map<string, Tensor>;
}

/** What the file says of itself: a module of torch.nn, or layers. */
interface About {
  readonly cell: string;
  readonly layers?: readonly LayerSpec[];
  readonly num_layers?: number;
  readonly bidirectional?: boolean;
  readonly nonlinearity?: string | null;
  readonly lengths?: readonly number[] | null;
}

/** Names of the arrays of a golden file that are not weights. */
const ARRAYS: Readonly<Record<string, string>> = { input: "x", output: "y", h0: "h0", c0: "c0", h_n: "hn", c_n: "cn" };

export function savedOf(name: string): Saved {
  const { tensors, about } = readVector(join(GOLDEN, `${name}.safetensors`));
  const { cell, layers = [], num_layers, bidirectional, nonlinearity, lengths } = about as About;
  const own = {
    type: cell.toLowerCase(),
    numLayers: num_layers,
    bidirectional,
    ...(nonlinearity && { nonlinearity }),
  };
  const weights = new Map<string, Tensor>();
  const arrays = new Map<string, Tensor>();
  for (const [key, tensor] of tensors) {
    const [, weight] = /^weights\.(.+)$/.exec(key) ?? [];
    const [, when, state] = /^(initial|final)\.(.+)$/.exec(key) ?? [];
    const array = state ? `${state}${when === "initial" ? "0" : "n"}` : ARRAYS[key];
    if (weight) weights.set(weight, { ...tensor, name: weight });
    else if (array) arrays.set(array, { ...tensor, name: array });
  }
  if (lengths) arrays.set("lengths", array("lengths", lengths));
  return { layers: cell === "Model" ? layers : [own], weights, arrays };
}

/** Integers as an array of one axis. */
export function array(name: string, numbers: readonly number[]): Tensor {
  return { name, dtype: "I32", shape: [numbers.length], data: Int32Array.from(numbers) };
}

/** What numpy.savez writes. */
export function npz(arrays: Iterable<Tensor>): Uint8Array {
  return zip([...arrays].map((one) => ({ name: `${one.name}.npy`, data: encodeNpy(one) })));
}
