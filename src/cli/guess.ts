/**
 * Tensors of a state_dict → the layers that they look like, in an order that runs. Files hold tensors by name, so `fc` stands
 * before `lstm`; the sizes tell which of them reads which.
 */

import { guessLayers, type LayerSpec, modelFromLayers, type Tensor } from "../all.ts";
import { sizeOf } from "./columns.ts";

/** A layer, and the elements of a row that it takes ("ids" for an id) and gives. */
interface Link {
  readonly layer: LayerSpec;
  readonly from: number | "ids";
  readonly to: number;
}

/** Attempts to find a chain. Eight layers that all fit one another take 40,320; real files have one or two to choose from. */
const ATTEMPTS = 50000;

/** A chain of all guessed layers whose sizes fit, the first by the file's order; that order itself where there is none. `eps`: of norms. */
export function guessChain(tensors: ReadonlyMap<string, Tensor>, eps?: number): LayerSpec[] {
  const found = guessLayers(tensors).map((layer) => (eps && /Norm$/.test(layer.type) ? { ...layer, eps } : layer));
  const layers = isSorted(found) ? [...found].sort((a, b) => rankOf(a) - rankOf(b)) : found;
  const places = layers.map((layer) => linksOf(layer, tensors));
  let attempts = 0;

  function extend(chain: readonly Link[], left: readonly number[]): readonly Link[] | undefined {
    if (left.length === 0) return chain;
    const size = chain.at(-1)?.to;
    for (const place of left) {
      for (const link of places[place]) {
        if (attempts++ > ATTEMPTS) return undefined;
        if (size !== undefined && link.from !== size) continue;
        const rest = extend(
          [...chain, link],
          left.filter((one) => one !== place),
        );
        if (rest !== undefined) return rest;
      }
    }
    return undefined;
  }

  return extend([], [...layers.keys()])?.map(({ layer }) => layer) ?? layers;
}

/** Files that sort their names (safetensors) tell nothing by their order. */
function isSorted(layers: readonly LayerSpec[]): boolean {
  return layers.every(({ name = "" }, i) => i === 0 || (layers[i - 1].name ?? "") <= name);
}

/** What a chain without an order begins with: ids, then recurrence; a model seldom ends with its recurrent layer. */
function rankOf({ type }: LayerSpec): number {
  return type === "embedding" ? 0 : ["rnn", "gru", "lstm"].includes(type) ? 1 : 2;
}

/** The layer as it is guessed; a matrix without bias is the table of an embedding or else a linear layer. */
function linksOf(layer: LayerSpec, tensors: ReadonlyMap<string, Tensor>): Link[] {
  const others = layer.type === "embedding" ? [{ ...layer, type: "linear" }] : [];
  return [layer, ...others].flatMap((one) => {
    try {
      const ignore = [...tensors.keys()];
      const { inputs, outputs } = modelFromLayers([one], tensors, { ignore, nonFinite: "allow" });
      const from = inputs[0].dtype === "I32" ? "ids" : sizeOf(inputs[0]);
      return [{ layer: one, from, to: sizeOf(outputs[0]) }];
    } catch {
      return []; // no chain has it: the error is the one of the whole model
    }
  });
}
