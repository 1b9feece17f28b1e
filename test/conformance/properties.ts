/**
 * What must hold bit for bit, whatever the numbers are: a sequence is its steps, any chunks of them, a member of a group
 * and a row of a batch; streams do not touch each other; state is all there is to a stream.
 */

import { type Case, type Implementation, withSession } from "./cases.ts";
import { type Layer, randomInputs, randomModel, seeded } from "./models.ts";
import { forms } from "./properties-forms.ts";
import { groups } from "./properties-groups.ts";
import { sequences } from "./properties-sequences.ts";
import { streams } from "./properties-streams.ts";
import { cell } from "./random-recurrent.ts";

/** Models that stream, one for each way in which a step may go wrong; sizes around a vector, a tile and a panel. */
const MODELS: readonly {
  readonly name: string;
  readonly layers: readonly Layer[];
  /** Ids that the table has. */
  readonly ids?: number;
  readonly options?: Parameters<typeof randomModel>[2];
}[] = [
  { name: "gru", layers: [cell("gru", 5, 9)] },
  { name: "gru-2", layers: [cell("gru", 3, 33, { numLayers: 2 })], options: { initial: true } },
  // Its steps walk the panels to and fro.
  { name: "gru-large", layers: [cell("gru", 164, 172)] },
  { name: "gru-before", layers: [cell("gru", 4, 7, { resetAfter: false, clip: 1.5 })] },
  { name: "lstm", layers: [cell("lstm", 7, 17)], options: { initial: true } },
  {
    name: "lstm-all",
    layers: [cell("lstm", 6, 10, { projSize: 3, peephole: true, coupledInputForget: true, numLayers: 2 })],
  },
  { name: "rnn", layers: [cell("rnn", 9, 6, { nonlinearity: "relu" })] },
  {
    name: "words",
    layers: [
      { type: "embedding", name: "embed", numEmbeddings: 11, embeddingDim: 6 },
      cell("gru", 6, 8, { name: "gru" }),
      { type: "linear", name: "head", inFeatures: 8, outFeatures: 11 },
      { type: "softmax", name: "soft" },
    ],
    ids: 11,
  },
  {
    // So few of them that their products with the weights are taken beforehand.
    name: "letters",
    layers: [
      { type: "embedding", name: "embed", numEmbeddings: 3, embeddingDim: 8 },
      cell("lstm", 8, 9, { name: "lstm" }),
      { type: "linear", name: "head", inFeatures: 9, outFeatures: 3 },
    ],
    ids: 3,
  },
  {
    name: "residual",
    layers: [
      { type: "linear", name: "in", inFeatures: 5, outFeatures: 9, activation: "elu" },
      cell("lstm", 9, 5, { name: "lstm" }),
      { type: "concat", name: "both", inputs: ["in", "lstm"] },
      { type: "layerNorm", name: "norm", size: 14 },
      { type: "linear", name: "out", inFeatures: 14, outFeatures: 9, activation: "softplus" },
      { type: "add", name: "sum", inputs: ["out", "in"] },
      { type: "batchNorm", name: "scale", size: 9 },
      { type: "logSoftmax", name: "soft" },
    ],
  },
  {
    name: "several",
    layers: [
      { type: "embedding", name: "embed", numEmbeddings: 7, embeddingDim: 3, inputs: ["token"] },
      { type: "concat", name: "both", inputs: ["pitch", "embed"] },
      cell("gru", 5, 6, { name: "gru" }),
      { type: "linear", name: "head", inFeatures: 6, outFeatures: 7 },
    ],
    ids: 7,
    options: {
      inputs: [
        { name: "token", dtype: "I32", shape: [] },
        { name: "pitch", dtype: "F32", shape: [2] },
      ],
      outputs: ["head", "gru"],
    },
  },
];

const PROPERTIES = { ...sequences, ...groups, ...streams, ...forms };

export function properties(implementation: Implementation): Case[] {
  return MODELS.flatMap(({ name, layers, ids, options }) =>
    Object.entries(PROPERTIES).map(([property, check]) => ({
      name: `properties/${name}/${property}`,
      run() {
        const model = randomModel(name, layers, options);
        const random = seeded(`${name} ${property}`);
        const inputs = (count: number) => randomInputs(model, count, random, ids);
        withSession(implementation, model, (session) => check({ model, session, random, inputs }, implementation));
      },
    })),
  );
}
