/**
 * Turns what train.py wrote, PyTorch's state_dict, into the native file that the programs here run: the same tensors, and
 * the graph that says what they mean. Names of files are taken from this folder.
 *
 *     npx tsx examples/anomaly/convert.ts state_dict.safetensors model.safetensors
 */

import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { modelFromLayers, readSafetensors, writeSafetensors } from "sluice";

const [from = "state_dict.safetensors", to = "model.safetensors"] = process.argv.slice(2);
const mixture = 3;
const model = modelFromLayers(
  [
    { type: "gru", name: "rnn" },
    { type: "linear", name: "head" },
  ],
  readSafetensors(readFileSync(resolve(import.meta.dirname, from))),
  {
    info: {
      // One string per output element: logistic distributions by weight (before the softmax), mean, width (before softplus).
      labels: ["logit", "mean", "width"].flatMap((word) => Array.from({ length: mixture }, (_, i) => `${word} ${i}`)),
      description: "The distribution of a sensor's next reading, in units of the readings before it",
      license: "MIT",
    },
  },
);
const file = writeSafetensors(model);
writeFileSync(resolve(import.meta.dirname, to), file);
console.log(`${to}: ${file.length} bytes, ${model.tensors.size} tensors`);
