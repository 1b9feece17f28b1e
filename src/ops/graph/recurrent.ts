/**
 * rnn, gru, lstm of a graph. They carry their state over steps as the core's do, or scan an axis of their own input within one
 * execution: [x (T, B, I), h0?, c0?] → [y (T, B, D · H), hn?, cn?], the states (layers · directions, B, H).
 */

import type { ActivationSpec, Node } from "../../model.ts";
import { activation } from "../../reference/activation.ts";
import { type ScanLayer, scan } from "../../reference/graph/scan.ts";
import { gruStep } from "../../reference/gru.ts";
import { lstmStep } from "../../reference/lstm.ts";
import { type CellWeights, rnnStep } from "../../reference/rnn.ts";
import type { Attrs, Op, Shaped } from "../op.ts";
import { gru as coreGru, lstm as coreLstm, rnn as coreRnn, suffixes } from "../recurrent.ts";
import { lowerScan } from "./lower-scan.ts";
import type { GraphLowering } from "./lowering.ts";
import { inputsOf, sizeOf } from "./shape.ts";

const directions = (attrs: Attrs) => (attrs.bidirectional ? 2 : 1);
const width = (attrs: Attrs) => (attrs.projSize || attrs.hiddenSize) as number;

/** Sizes of h, and of c. */
export const stateSizes = (op: string, attrs: Attrs) =>
  op === "lstm" ? [width(attrs), attrs.hiddenSize as number] : [width(attrs)];

const TENSORS = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "weight_peephole"];

function scanning(core: Op, step: typeof rnnStep, functions: number): Op {
  return {
    ...core,
    attrs: { ...core.attrs, scan: { kind: "boolean", optional: true } },
    states: (attrs) => (attrs.scan ? [] : (core.states?.(attrs) ?? [])),
    shape(node, inputs, refuse) {
      const { attrs, op } = node;
      if (attrs.bidirectional && attrs.reverse) refuse("bidirectional or reverse", "both");
      const [x] = inputsOf(node, inputs.slice(0, 1), refuse, [1, 1], "F32");
      const size = attrs.inputSize as number;
      const features = directions(attrs) * width(attrs);
      if (!attrs.scan) {
        if (inputs.length !== 1 || sizeOf(x) !== size || x.shape[x.shape.length - 1] !== size)
          refuse(`one input of ${size} numbers`, `${inputs.length} of (${x.shape})`);
        return [{ shape: [...x.shape.slice(0, -1), features], dtype: "F32" }];
      }
      if (x.shape.length !== 3 || x.shape[2] !== size) refuse(`(T, B, ${size})`, `(${x.shape})`);
      const [T, B] = x.shape;
      const count = (attrs.numLayers as number) * directions(attrs);
      const states = stateSizes(op, attrs).map((size): Shaped => ({ shape: [count, B, size], dtype: "F32" }));
      if (inputs.length > 1 + states.length) refuse(`1 … ${1 + states.length} inputs`, inputs.length);
      states.forEach((state, i) => {
        const got = inputs[1 + i];
        if (got && (`${got.shape}` !== `${state.shape}` || got.dtype !== "F32"))
          refuse(`a state of (${state.shape})`, `(${got.shape}) of ${got.dtype}`);
      });
      return [{ shape: [T, B, features], dtype: "F32" }, ...states];
    },
    // A node that carries is run by src/backend-reference.ts.
    reference: (node, inputs, tensorOf) => {
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
    },
    lower: (to: GraphLowering, node) => (node.attrs.scan ? lowerScan(to, node) : core.lower(to, node)),
  };
}

function layersOf(
  { attrs }: Node,
  tensorOf: (suffix: string) => Float64Array | undefined,
  functions: number,
): ScanLayer[][] {
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

export const rnn = scanning(coreRnn, rnnStep, 1);
export const gru = scanning(coreGru, gruStep, 2);
export const lstm = scanning(coreLstm, lstmStep, 3);
