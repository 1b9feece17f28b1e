/**
 * The operators of graphs in f64, beside the core's of src/backend-reference.ts: for each row of src/ops/graph.ts, the node over one
 * row of each input. A module of its own, which a page loads only where no kernels run.
 */

import { createReferenceEngine, type NodeReference } from "./backend-reference.ts";
import type { Engine } from "./engine.ts";
import type { Graph } from "./graph.ts";
import type { ActivationSpec, Model, Node } from "./model.ts";
import { directions, stateSizes } from "./ops/graph/scan-attrs.ts";
import { axesOf, axisOf, integers, perAxis } from "./ops/graph/shape.ts";
import { windowOf } from "./ops/graph/window-attrs.ts";
import type { Attrs, Shaped } from "./ops/op.ts";
import { suffixes } from "./ops/recurrent.ts";
import { activation } from "./reference/activation.ts";
import { conv, convTranspose, pool } from "./reference/graph/conv.ts";
import { BINARY, type Binary, binary, toInteger, where } from "./reference/graph/elementwise.ts";
import { graphFunction } from "./reference/graph/functions.ts";
import { concat, gather, overwrite, pad, slice, tile, transpose } from "./reference/graph/move.ts";
import { matmul } from "./reference/graph/product.ts";
import { mapLines, order, REDUCTIONS, reduce, softmax } from "./reference/graph/reduce.ts";
import { type ScanLayer, scan } from "./reference/graph/scan.ts";
import { at, broadcast, build, type Dense } from "./reference/graph/tensor.ts";
import { gruStep } from "./reference/gru.ts";
import { linear } from "./reference/linear.ts";
import { lstmStep } from "./reference/lstm.ts";
import { batchNorm, layerNorm } from "./reference/norm.ts";
import { type CellWeights, rnnStep } from "./reference/rnn.ts";

/** `createReferenceEngine` for models of graphs. */
export function createGraphReference(model: Model, options: { rows: number; values: Graph["values"] }): Engine {
  return createReferenceEngine(model, { ...options, nodes: graphNodes() });
}

type Lookup = (suffix: string) => Float64Array | undefined;

/** A node of one output, from a function of the inputs as tensors. */
const tensors =
  (f: (node: Node, tensorOf: Lookup, shape: readonly number[]) => (...xs: Dense[]) => Float64Array | undefined) =>
  (...[node, inputs, tensorOf, shape]: Parameters<NodeReference>): ReturnType<NodeReference> => {
    const of = f(node, tensorOf, shape);
    return (...rows) => {
      const y = of(...rows.map((data, i) => ({ shape: (inputs[i] as Shaped).shape, data })));
      return y && [y];
    };
  };

const attrsOf = (f: (attrs: Attrs, ...xs: Dense[]) => Float64Array): NodeReference =>
  tensors(
    ({ attrs }) =>
      (...xs) =>
        f(attrs, ...xs),
  );

const functionOf = (specs: Attrs[string] | undefined) =>
  specs === undefined ? (x: number) => x : graphFunction((specs as readonly ActivationSpec[])[0]);

const broadcasting =
  (name: string): NodeReference =>
  (node, inputs, ...rest) => {
    const f = BINARY[name][(inputs[0] as Shaped).dtype] as Binary;
    const fold = (y: Dense, x: Dense) => ({ shape: broadcast(y.shape, x.shape) as number[], data: binary(f, y, x) });
    return attrsOf((_, first, ...others) => others.reduce(fold, first).data)(node, inputs, ...rest);
  };

const reduction = (kind: keyof typeof REDUCTIONS) =>
  attrsOf(({ axes }, x) => reduce(x, axesOf(integers(axes), x.shape.length), REDUCTIONS[kind]));

const softmaxAlong = (log: boolean) => attrsOf(({ axis }, x) => softmax(x, axisOf(axis, x.shape.length), log));

const convolution = (of: typeof conv) =>
  tensors(({ attrs }, tensorOf, shape) => {
    const f = functionOf(attrs.activation);
    const bias = attrs.bias ? tensorOf("bias") : undefined;
    const weight = tensorOf("weight") as Float64Array;
    return (x) => of(x, weight, bias, windowOf(attrs), attrs.groups as number, shape).map(f);
  });

const pooling = (mean: boolean) =>
  tensors(
    ({ attrs }, _, shape) =>
      (x) =>
        pool(x, windowOf(attrs), mean, Boolean(attrs.countIncludePad), shape),
  );

/** Nodes that scan; one that carries is run by src/backend-reference.ts. */
const scanning =
  (step: typeof rnnStep, functions: number): NodeReference =>
  (node, inputs, tensorOf) => {
    const { shape } = inputs[0] as Shaped;
    const layers = layersOf(node, tensorOf, functions);
    const states = stateSizes(node.op, node.attrs);
    return (x, ...given) =>
      scan(
        step,
        layers,
        x,
        shape,
        states.map((size, i) => given[i] ?? new Float64Array(layers.flat().length * shape[1] * size)),
      );
  };

const TENSORS = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "weight_peephole"];

function layersOf({ attrs }: Node, tensorOf: Lookup, functions: number): ScanLayer[][] {
  const activations = (attrs.activations ?? []) as readonly ActivationSpec[];
  const all = suffixes(attrs).map((suffix): ScanLayer => {
    const second = suffix.endsWith("_reverse");
    const weights = TENSORS.map((name) =>
      !attrs.bias && name.startsWith("bias") ? undefined : tensorOf(name + suffix),
    );
    const own = second ? activations.slice(-functions) : activations.slice(0, functions);
    const options = { ...attrs, activations: own.map(activation) };
    return { weights: weights as unknown as CellWeights, options, backwards: second || attrs.reverse === true };
  });
  const count = directions(attrs);
  return Array.from({ length: all.length / count }, (_, l) => all.slice(l * count, (l + 1) * count));
}

/** Made where it is asked for: a table of calls would stay in every bundle. */
const graphNodes = (): Readonly<Record<string, NodeReference>> => ({
  rnn: scanning(rnnStep, 1),
  gru: scanning(gruStep, 2),
  lstm: scanning(lstmStep, 3),
  last: attrsOf((_, x) => x.data),
  reshape: attrsOf((_, x) => x.data),
  constant: (_, __, tensorOf) => () => [tensorOf("value") as Float64Array],
  ...Object.fromEntries(Object.keys(BINARY).map((name) => [name, broadcasting(name)])),
  where: attrsOf((_, condition, a, b) => where(condition, a, b)),
  activation: tensors(({ attrs }) => {
    const f = functionOf(attrs.function);
    return (x) => x.data.map(f);
  }),
  logicalNot: attrsOf((_, x) => x.data.map((v) => Number(v === 0))),
  cast: ({ attrs }, inputs) => {
    const truncates = attrs.to === "I32" && inputs[0]?.dtype === "F32";
    return (x) => [truncates ? x.map(toInteger) : x];
  },
  linear: tensors(({ attrs }, tensorOf) => {
    const f = functionOf(attrs.activation);
    const weight = tensorOf("weight") as Float64Array;
    const bias = attrs.bias ? tensorOf("bias") : undefined;
    return (x) =>
      mapLines(x, x.shape.length - 1, attrs.outFeatures as number, (line) => linear(line, weight, bias).map(f));
  }),
  matmul: attrsOf((_, a, b) => matmul(a, b)),
  conv: convolution(conv),
  convTranspose: convolution(convTranspose),
  maxPool: pooling(false),
  avgPool: pooling(true),
  mean: reduction("mean"),
  sum: reduction("sum"),
  max: reduction("max"),
  argMax: attrsOf(({ axis }, x) => mapLines(x, axisOf(axis, x.shape.length), 1, (line) => order(line, 1, true))),
  topK:
    ({ attrs }, inputs) =>
    (data) => {
      const x = { shape: inputs[0]?.shape as readonly number[], data };
      const axis = axisOf(attrs.axis, x.shape.length);
      const k = attrs.k as number;
      const places = (line: Float64Array) => order(line, k, attrs.largest as boolean);
      return [mapLines(x, axis, k, (line) => places(line).map((i) => line[i])), mapLines(x, axis, k, places)];
    },
  softmax: softmaxAlong(false),
  logSoftmax: softmaxAlong(true),
  layerNorm: tensors(({ attrs }, tensorOf) => {
    const scale = attrs.affine ? [tensorOf("weight"), attrs.bias ? tensorOf("bias") : undefined] : [];
    const { size, eps } = attrs as Record<string, number>;
    return (x) => mapLines(x, x.shape.length - 1, size, (line) => layerNorm(line, eps, ...scale));
  }),
  batchNorm: tensors(({ attrs }, tensorOf) => {
    const [mean, variance] = ["running_mean", "running_var"].map(tensorOf) as Float64Array[];
    const scale = attrs.affine ? [tensorOf("weight"), tensorOf("bias")] : [];
    const { size, eps } = attrs as Record<string, number>;
    return (x) =>
      mapLines(x, axisOf(attrs.axis, x.shape.length), size, (line) => batchNorm(line, mean, variance, eps, ...scale));
  }),
  transpose: attrsOf(({ perm }, x) => transpose(x, integers(perm))),
  slice: attrsOf(({ starts, steps, sizes }, x) =>
    slice(x, integers(starts), perAxis(steps, x.shape.length, undefined, "", -Infinity, 1), integers(sizes)),
  ),
  pad: attrsOf(({ pads, mode, value }, x) => pad(x, integers(pads), mode as string, value as number)),
  concat: attrsOf(({ axis }, ...xs) => concat(xs, axisOf(axis, xs[0].shape.length))),
  expand: attrsOf(({ shape }, x) => build(broadcast(x.shape, integers(shape)) as number[], (index) => at(x, index))),
  tile: attrsOf(({ repeats }, x) => tile(x, integers(repeats))),
  gather: tensors(
    ({ attrs }) =>
      (x, ids) =>
        gather(x, ids, axisOf(attrs.axis, x.shape.length)),
  ),
  embedding: tensors(({ attrs }, tensorOf) => {
    const { numEmbeddings, embeddingDim } = attrs as Record<string, number>;
    const table = { shape: [numEmbeddings, embeddingDim], data: tensorOf("weight") as Float64Array };
    return (ids) => (ids.data.some((id) => id < 0) ? undefined : gather(table, ids, 0));
  }),
  scatterCache: attrsOf(({ starts }, cache, update) => overwrite(cache, update, integers(starts))),
});
