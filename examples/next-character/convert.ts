/**
 * Turns what train.py wrote, PyTorch's state_dict with the vocabulary beside it, into the native file that complete.ts runs:
 * the same tensors, and the graph that says what they mean. Names of files are taken from this folder.
 *
 *     npx tsx examples/next-character/convert.ts state_dict.safetensors model.safetensors
 */

import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { modelFromLayers, readSafetensors, writeSafetensors } from "sluice";

const [from = "state_dict.safetensors", to = "model.safetensors"] = process.argv.slice(2);
const bytes = readFileSync(resolve(import.meta.dirname, from));

const model = modelFromLayers(
  [
    { type: "embedding", name: "embedding" },
    { type: "gru", name: "rnn" },
    { type: "linear", name: "head" },
  ],
  readSafetensors(bytes),
  {
    info: {
      vocabulary: JSON.parse(metadataOf(bytes).vocabulary),
      description: "The next character of Shakespeare's plays, from the characters before it",
      license: "MIT",
    },
  },
);
const file = writeSafetensors(model);
writeFileSync(resolve(import.meta.dirname, to), file);
console.log(`${to}: ${file.length} bytes, ${model.info.vocabulary?.length} characters, ${model.tensors.size} tensors`);

/** The strings that the file carries beside its tensors: 8 bytes hold the length of its JSON header, then comes the header. */
function metadataOf(file: Buffer): Record<string, string> {
  const header = file.subarray(8, 8 + Number(file.readBigUInt64LE(0)));
  return JSON.parse(header.toString("utf8")).__metadata__;
}
