/**
 * Weights of a file without a config, put under LayerSpecs by the layers' names: what the shapes tell is converted, and what
 * they do not tell (functions, eps, which layer reads which) the specs must say.
 */

import { ModelError } from "../../errors.ts";
import type { LayerSpec } from "../../layers.ts";
import { elements, shapeText, type Tensor, toF32 } from "../../tensor.ts";
import { f32 } from "../nested.ts";
import { type CellType, cellTensors, GATES, toRows } from "./weights.ts";

/** The tensors of each layer under PyTorch's names; those of layers that fit none keep their own, for `ignore`. */
export function bareTensors(
  weights: ReadonlyMap<string, readonly Tensor[]>,
  specs: readonly LayerSpec[] = [],
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [layer, list] of weights) {
    const spec = specs.find(({ name }) => name === layer);
    for (const tensor of convert(layer, list, spec)) tensors.set(tensor.name, tensor);
  }
  return tensors;
}

/** The specs with what the file tells beside sizes: where a GRU's reset stands. */
export function completed(weights: ReadonlyMap<string, readonly Tensor[]>, specs: readonly LayerSpec[]): LayerSpec[] {
  return specs.map((spec) => {
    const list = weights.get(spec.name ?? "") ?? [];
    if (/^(batch|layer)Norm$/.test(spec.type) && list.length > 0 && spec.eps === undefined) {
      throw new ModelError("ERR_ATTRIBUTE", `${spec.name}: eps is not in the file; Keras's default is 0.001.`, {
        node: spec.name,
        hint: "Add eps to the layer.",
      });
    }
    const bias = spec.type === "gru" ? list[2] : undefined;
    if (bias === undefined) return spec;
    const resetAfter = bias.shape.length === 2;
    if ((spec.resetAfter ?? resetAfter) === resetAfter) return { ...spec, resetAfter };
    const message = `${spec.name}: resetAfter: expected ${resetAfter} by the bias ${shapeText(bias.shape)}; got ${!resetAfter}.`;
    throw new ModelError("ERR_ATTRIBUTE", message, { node: spec.name });
  });
}

function convert(name: string, list: readonly Tensor[], spec: LayerSpec | undefined): Tensor[] {
  const found = byShapes(name, list, spec);
  if (found !== undefined) return found;
  if (spec === undefined || list.length === 0) return [...list];
  const got = list.map(({ shape }) => shapeText(shape)).join(", ");
  throw new ModelError("ERR_SHAPE", `${name} (${spec.type}): expected weights of Keras's ${spec.type}; got ${got}`, {
    node: name,
  });
}

/** undefined where the shapes are of no layer that is known, or of another than the spec says. */
function byShapes(name: string, list: readonly Tensor[], spec: LayerSpec | undefined): Tensor[] | undefined {
  const [kernel, bias] = list;
  const shapes = list.map(({ shape }) => `${shape}`);
  const is = (...types: string[]) => spec === undefined || types.includes(spec.type);
  const named = (...suffixes: string[]) => list.map((one, i) => f32(`${name}.${suffixes[i]}`, one.shape, toF32(one)));
  const cell = cellType(list);
  if (cell !== undefined && is(cell)) {
    const half = list.length > 3 ? list.length / 2 : list.length;
    const [forward, backward] = [list.slice(0, half), list.slice(half)];
    return [...direction(name, cell, forward, "_l0"), ...direction(name, cell, backward, "_l0_reverse")];
  }
  if (kernel?.shape.length === 1 && shapes.every((shape) => shape === shapes[0])) {
    if (list.length === 4 && is("batchNorm")) return named("weight", "bias", "running_mean", "running_var");
    if (list.length === 2 && is("layerNorm")) return named("weight", "bias");
  }
  if (list.length === 1 && kernel.shape.length === 2 && spec?.type === "embedding") return named("weight");
  const rank = kernel?.shape.length;
  if (!is("linear") || list.length > 2 || !(rank === 2 || (rank === 3 && kernel.shape[0] === 1))) return undefined;
  const [inputs, outputs] = kernel.shape.slice(-2);
  if (bias !== undefined && shapes[1] !== `${outputs}`) return undefined;
  const weight = f32(`${name}.weight`, [outputs, inputs], toRows(toF32(kernel), inputs, outputs));
  return bias ? [weight, f32(`${name}.bias`, [outputs], toF32(bias))] : [weight];
}

/** By the shapes of kernel (in, G·H), recurrent kernel (H, G·H) and bias; for two directions twice as many. */
function cellType(list: readonly Tensor[]): CellType | undefined {
  const [kernel, recurrent, bias] = list;
  if (![2, 3, 4, 6].includes(list.length) || kernel.shape.length !== 2 || recurrent.shape.length !== 2)
    return undefined;
  const [hidden, rows] = recurrent.shape;
  const type = (Object.keys(GATES) as CellType[]).find((one) => GATES[one].length * hidden === rows);
  const withBias = list.length % 3 === 0;
  const biases = [`${rows}`, ...(type === "gru" ? [`2,${rows}`] : [])];
  const half = list.length > 3 ? list.slice(list.length / 2) : [];
  const mirrored = half.every(({ shape }, i) => `${shape}` === `${list[i].shape}`);
  const fits = kernel.shape[1] === rows && elements(recurrent.shape) > 0 && mirrored;
  return fits && (!withBias || biases.includes(`${bias.shape}`)) ? type : undefined;
}

function direction(name: string, type: CellType, list: readonly Tensor[], suffix: string): Tensor[] {
  if (list.length === 0) return [];
  const [kernel, recurrent, bias] = list;
  const [inputSize] = kernel.shape;
  const [hiddenSize] = recurrent.shape;
  const numbers = { kernel: toF32(kernel), recurrent: toF32(recurrent), bias: bias && toF32(bias) };
  return cellTensors(type, { inputSize, hiddenSize, ...numbers }, name, suffix);
}
