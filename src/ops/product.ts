/** linear and embedding: a product with all rows, and a row of a table. */

import { OP_ACTIVATE } from "../../assembly/abi.ts";
import { type ActivationSpec, tensorKey } from "../model.ts";
import { functionWords } from "./functions.ts";
import { firstGiven, type Op } from "./op.ts";

export const linear: Op = {
  attrs: {
    inFeatures: { kind: "size" },
    outFeatures: { kind: "size" },
    bias: { kind: "boolean", default: true },
    activation: { kind: "functions", optional: true },
  },
  inputs: 1,
  inputSize: (attrs) => attrs.inFeatures as number,
  outputSize: (attrs) => attrs.outFeatures as number,
  tensors: ({ inFeatures, outFeatures, bias }) => [
    { suffix: "weight", shape: [outFeatures as number, inFeatures as number] },
    ...(bias ? [{ suffix: "bias", shape: [outFeatures as number] }] : []),
  ],
  infer: (given, known) => ({
    inFeatures: firstGiven(known.shape("weight")?.[1], known.inputs[0]),
    outFeatures: known.shape("weight")?.[0],
    bias: known.shape("bias") !== undefined,
    ...given,
  }),
  lower(to, node) {
    const { outFeatures, bias, activation } = node.attrs;
    const rows = outFeatures as number;
    const y = to.define(node.outputs[0], rows);
    const weights = [{ tensor: tensorKey(node.name, "weight"), firstRow: 0, rows }];
    const biases = [{ tensors: bias ? [tensorKey(node.name, "bias")] : [], firstRow: 0, rows }];
    to.product(y, node.inputs[0], weights, biases, 1);
    const f = (activation as readonly ActivationSpec[] | undefined)?.[0];
    if (f !== undefined) to.emit(OP_ACTIVATE, y.place, y.stride, rows, ...functionWords(f));
  },
};

/** Looked up lazily: the next product may take the table in (src/plan.ts, product). */
export const embedding: Op = {
  attrs: { numEmbeddings: { kind: "size" }, embeddingDim: { kind: "size" } },
  inputs: 1,
  ids: true,
  inputSize: () => undefined,
  outputSize: (attrs) => attrs.embeddingDim as number,
  tensors: ({ numEmbeddings, embeddingDim }) => [
    { suffix: "weight", shape: [numEmbeddings as number, embeddingDim as number] },
  ],
  infer: (given, known) => ({
    numEmbeddings: known.shape("weight")?.[0],
    embeddingDim: known.shape("weight")?.[1],
    ...given,
  }),
  lower(to, node) {
    const { numEmbeddings, embeddingDim } = node.attrs;
    to.lookup(
      node.outputs[0],
      node.inputs[0],
      tensorKey(node.name, "weight"),
      numEmbeddings as number,
      embeddingDim as number,
    );
  },
};
