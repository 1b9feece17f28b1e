/** linear and embedding: a product with all rows, and a row of a table. */

import { OP_ACTIVATE } from "../../assembly/abi.ts";
import { type ActivationSpec, tensorKey } from "../model.ts";
import { functionWords } from "./functions.ts";
import { type Op, SIZE } from "./op.ts";

export const linear: Op = {
  attrs: {
    inFeatures: { ...SIZE, from: ["weight", 1], input: true },
    outFeatures: { ...SIZE, from: ["weight", 0] },
    bias: { kind: "boolean", default: true, from: ["bias"] },
    activation: { kind: "functions", optional: true },
  },
  size: (attrs) => attrs.outFeatures as number,
  tensors: ({ inFeatures, outFeatures, bias }) => [
    { suffix: "weight", shape: [outFeatures as number, inFeatures as number], matrix: true },
    ...(bias ? [{ suffix: "bias", shape: [outFeatures as number] }] : []),
  ],
  lower(to, { name, inputs, outputs, attrs }) {
    const rows = attrs.outFeatures as number;
    const y = to.define(outputs[0], rows);
    const block = (tensors: string[]) => [{ tensors, firstRow: 0, rows }];
    to.product(y, inputs[0], block([tensorKey(name, "weight")]), block(attrs.bias ? [tensorKey(name, "bias")] : []), 1);
    const [f] = (attrs.activation ?? []) as readonly ActivationSpec[];
    if (f !== undefined) to.emit(OP_ACTIVATE, y, rows, ...functionWords(f));
  },
};

/** Looked up lazily: the next product may take the table in (src/frame.ts, product). */
export const embedding: Op = {
  attrs: { numEmbeddings: { ...SIZE, from: ["weight", 0] }, embeddingDim: { ...SIZE, from: ["weight", 1] } },
  ids: true,
  size: (attrs) => attrs.embeddingDim as number,
  tensors: ({ numEmbeddings, embeddingDim }) => [
    { suffix: "weight", shape: [numEmbeddings as number, embeddingDim as number] },
  ],
  lower(to, { name, inputs, outputs, attrs }) {
    const { numEmbeddings: count, embeddingDim: size } = attrs as Record<string, number>;
    to.lookup(outputs[0], { ids: inputs[0], table: tensorKey(name, "weight"), count, size });
  },
};
