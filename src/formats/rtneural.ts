/**
 * Bytes of a text file → Model, for what audio plugins load: RTNeural's JSON, GuitarML's, Neural Amp Modeler's .nam, RNNoise's
 * .rnnn, and a state_dict as JSON, which needs `layers`. The keys at the top tell them apart.
 */

import type { Model } from "../model.ts";
import type { OpTable } from "../ops/core.ts";
import { GRAPH } from "../ops/graph.ts";
import type { Tensor } from "../tensor.ts";
import { refuseOther } from "./foreign.ts";
import type { Format } from "./format.ts";
import { decodeUtf8, Field, parseJson } from "./json.ts";
import { type ReadModelOptions as NativeOptions, refuseLayers, tensorsToModel } from "./native.ts";
import { readGuitarml, readStateDict } from "./rtneural/guitarml.ts";
import { readRtneuralLayers } from "./rtneural/layers.ts";
import { readNam } from "./rtneural/nam.ts";
import { RNNOISE_HEAD, readRnnoise } from "./rtneural/rnnoise.ts";
import { checkBytes, failure } from "./safetensors.ts";

/** What a file may ask for; more is ERR_LIMIT (ERR_JSON for the depth). */
export interface RtneuralLimits {
  readonly fileBytes: number;
  readonly depth: number;
}

export const RTNEURAL_LIMITS: RtneuralLimits = {
  // Parsing takes 15 to 30 times the memory of the text. Largest realistic: 2 MB, an LSTM of 128 units as JSON.
  fileBytes: 2 ** 25,
  // The JSON parser recurses. Largest realistic: 8, the metadata of a .nam file.
  depth: 32,
};

export interface RtneuralOptions extends Omit<NativeOptions, "limits"> {
  readonly limits?: Partial<RtneuralLimits>;
}

/** What a key at the top makes of the file. */
const READERS = [
  ["in_shape", readRtneuralLayers],
  ["model_data", readGuitarml],
  ["architecture", readNam],
] as const;

const hasKey = ({ value }: Field, key: string) => value instanceof Map && value.has(key);

/** A JSON object that is not TensorFlow.js's, or the head of an RNNoise file. */
function matches(bytes: Uint8Array): boolean {
  const head = latin1(bytes, 64);
  if (head.startsWith(RNNOISE_HEAD)) return true;
  return /^\s*\{/.test(head) && !topKeys(bytes).some((key) => key === "modelTopology" || key === "weightsManifest");
}

function latin1(bytes: Uint8Array, count: number): string {
  return String.fromCharCode(...bytes.subarray(0, count));
}

/** The keys of the outermost object of a JSON text, without parsing it: at most the first 64. */
function topKeys(bytes: Uint8Array): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (let i = 0; i < bytes.length && keys.length < 64; i++) {
    const byte = bytes[i];
    if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
    else if (byte === 0x22) {
      const start = i + 1;
      while (++i < bytes.length && bytes[i] !== 0x22) if (bytes[i] === 0x5c) i++;
      if (depth === 1 && i - start <= 64) keys.push(String.fromCharCode(...bytes.subarray(start, i)));
    }
  }
  return keys;
}

/** The JSON of a file; undefined for RNNoise's, which is none. */
function parse(bytes: Uint8Array, options: RtneuralOptions): Field | undefined {
  checkBytes(bytes);
  const limits = { ...RTNEURAL_LIMITS, ...options.limits };
  if (bytes.length > limits.fileBytes) {
    throw failure("ERR_LIMIT", "file", `at most ${limits.fileBytes} bytes`, bytes.length, 0);
  }
  const head = latin1(bytes, 64);
  if (head.startsWith(RNNOISE_HEAD)) return undefined;
  if (!/^\s*\{/.test(head)) refuseOther(bytes, "RTNeural, GuitarML, NAM or RNNoise");
  return new Field(parseJson(bytes, { depth: limits.depth }), "", "ERR_GRAPH");
}

/** @throws FormatError for the bytes, ModelError for what they mean */
export function readRtneural(ops: OpTable, bytes: Uint8Array, options: RtneuralOptions = {}): Model {
  const root = parse(bytes, options);
  const read = root && READERS.find(([key]) => hasKey(root, key))?.[1];
  if (root !== undefined && read === undefined) {
    // What the core can run runs at any entry.
    const types = Array.isArray(options.layers) ? options.layers.map((layer) => layer?.type) : [];
    const core = types.every((type) => Object.hasOwn(ops, type) || !Object.hasOwn(GRAPH, type));
    return tensorsToModel(core ? ops : GRAPH, readStateDict(root), options);
  }
  refuseLayers(options);
  return root && read ? read(ops, root, options) : readRnnoise(ops, decodeUtf8(bytes, "file"), options);
}

/** The tensors of a state_dict; undefined for the others, which have a graph. */
function readTensors(bytes: Uint8Array, options: RtneuralOptions = {}): Map<string, Tensor> | undefined {
  const root = parse(bytes, options);
  return root === undefined || READERS.some(([key]) => hasKey(root, key)) ? undefined : readStateDict(root);
}

export const rtneural: Format = {
  name: "RTNeural",
  entry: "sluice/rtneural",
  conventions:
    "RTNeural: as Keras, reset after the product; GuitarML: as PyTorch; NAM: i, f, g, o, weights (4·H, I + H), one bias; " +
    "RNNoise: z, r, h, reset before the product, weights of 1/256",
  matches,
  read: readRtneural,
  tensors: readTensors,
};
