/**
 * A Keras file → Model: .h5 with its config, .keras, and files of weights alone (.h5, .weights.h5), which need `layers`. What
 * is read of them, and what not: docs/keras.md.
 */

import { FormatError } from "../errors.ts";
import type { Model } from "../model.ts";
import type { OpTable } from "../ops/core.ts";
import type { Tensor } from "../tensor.ts";
import { refuseOther } from "./foreign.ts";
import type { Format } from "./format.ts";
import { Data } from "./hdf5/data.ts";
import { type Group, HDF5_LIMITS, type Hdf5Limits, isHdf5, readHdf5 } from "./hdf5/tree.ts";
import { Field, parseJson } from "./json.ts";
import { bareTensors, completed } from "./keras/bare.ts";
import { legacyWeights, namedWeights, numberedWeights, texts, type Weights } from "./keras/files.ts";
import { kerasModel, kerasOutline, type WeightsOf } from "./keras/model.ts";
import { type ReadModelOptions as NativeOptions, refuseLayers, tensorsToModel } from "./native.ts";
import { checkBytes, failure } from "./safetensors.ts";
import { readZip, unpack, ZIP_LIMITS, type ZipLimits, type ZipMember } from "./zip.ts";

/** What a file may ask for; more is ERR_LIMIT (ERR_JSON for jsonDepth). */
export interface KerasLimits extends Hdf5Limits, ZipLimits {
  readonly configBytes: number;
  readonly jsonDepth: number;
}

export const KERAS_LIMITS: KerasLimits = {
  ...ZIP_LIMITS,
  ...HDF5_LIMITS,
  // Parsing takes 15 to 30 times the memory of the text. Largest realistic: 2 MB, a network of 1,000 layers.
  configBytes: 2 ** 24,
  // The JSON parser recurses. Largest realistic: 25, a wrapped layer of a functional model of Keras 3.
  jsonDepth: 64,
};

export interface KerasOptions extends Omit<NativeOptions, "limits"> {
  readonly limits?: Partial<KerasLimits>;
}

/** A file's config, where it has one, and how its weights are found. */
interface Parts {
  readonly config?: Field;
  /** Major version of Keras. */
  readonly keras: number | undefined;
  readonly root: Group;
  readonly data: Data;
}

const CONFIG = "config.json";
const METADATA = "metadata.json";
const WEIGHTS = "model.weights.h5";

function readParts(bytes: Uint8Array, options: KerasOptions): Parts {
  checkBytes(bytes);
  const limits = { ...KERAS_LIMITS, ...options.limits };
  if (isHdf5(bytes)) return hdf5Parts(bytes, limits);
  if (!isZip(bytes)) refuseOther(bytes, "Keras (.h5, .keras)");
  const members = readZip(bytes, limits);
  for (const name of members.keys()) {
    if ([CONFIG, METADATA, WEIGHTS].includes(name) || name.startsWith("assets/")) continue;
    throw new FormatError("ERR_ZIP", `file: expected ${METADATA}, ${CONFIG} and ${WEIGHTS}; got ${name} too.`, {
      path: name,
    });
  }
  const weights = unpack(member(members, WEIGHTS));
  const metadata = new Map(json(unpack(member(members, METADATA)), METADATA, limits).entries());
  const config = json(unpack(member(members, CONFIG)), CONFIG, limits);
  const root = readHdf5(weights, limits);
  return { config, keras: major(metadata.get("keras_version")?.string()), root, data: new Data(weights, limits) };
}

function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

function member(members: ReadonlyMap<string, ZipMember>, name: string): ZipMember {
  const found = members.get(name);
  if (found !== undefined) return found;
  throw new FormatError("ERR_ZIP", `file: expected a member ${name}; got none.`, { path: name });
}

function json(text: Uint8Array | string, path: string, { configBytes, jsonDepth }: KerasLimits): Field {
  if (text.length > configBytes) throw failure("ERR_LIMIT", path, `at most ${configBytes} bytes`, text.length);
  return new Field(parseJson(text, { path, depth: jsonDepth }), path, "ERR_GRAPH");
}

/** "2.2.4-tf" → 2 */
function major(version: string | undefined): number | undefined {
  const found = /^(\d{1,3})\./.exec(version ?? "")?.[1];
  return found === undefined ? undefined : Number(found);
}

function hdf5Parts(bytes: Uint8Array, limits: KerasLimits): Parts {
  const root = readHdf5(bytes, limits);
  const data = new Data(bytes, limits);
  const weights = root.groups.get("model_weights") ?? root;
  const keras = major((texts(root, "keras_version", data) ?? texts(weights, "keras_version", data))?.[0]);
  const text = texts(root, "model_config", data)?.[0];
  if (text === undefined) return { keras, root: weights, data };
  return { config: json(text, "model_config", limits), keras, root: weights, data };
}

/** The weights of each layer, where no config names them. */
function bareWeights({ root, data }: Parts): Weights {
  const names = texts(root, "layer_names", data);
  return names ? legacyWeights(root, names, data) : namedWeights(root, data);
}

/** @throws FormatError for the bytes, ModelError for what they mean */
export function readKerasModel(ops: OpTable, bytes: Uint8Array, options: KerasOptions = {}): Model {
  const parts = readParts(bytes, options);
  const { config, keras, root, data } = parts;
  const { layers, ignore = [] } = options;
  if (config === undefined || layers !== undefined) {
    const all = [...bareWeights(parts)].filter(([name]) => !ignore.includes(name));
    const weights = new Map(all);
    const specs = layers && completed(weights, layers);
    return tensorsToModel(ops, bareTensors(weights, specs), { ...options, limits: undefined, layers: specs });
  }
  refuseLayers(options);
  const names = texts(root, "layer_names", data);
  const weightsOf: WeightsOf = names
    ? () => legacyWeights(root, names, data)
    : (list) => numberedWeights(root, list, data);
  return kerasModel(ops, config, weightsOf, keras, options);
}

/** The tensors of a file without a config; undefined for one with a graph. */
function readKerasTensors(bytes: Uint8Array, options: KerasOptions = {}): Map<string, Tensor> | undefined {
  const parts = readParts(bytes, options);
  if (parts.config !== undefined) return undefined;
  return bareTensors(new Map([...bareWeights(parts)].filter(([name]) => !options.ignore?.includes(name))));
}

/** HDF5, or a zip archive with a config.json in its directory, which lies at the end. */
function matches(bytes: Uint8Array): boolean {
  if (isHdf5(bytes)) return true;
  const tail = String.fromCharCode(...bytes.subarray(-4096));
  return isZip(bytes) && tail.includes(CONFIG);
}

export const keras: Format = {
  name: "Keras",
  entry: "sluice/keras",
  conventions:
    "gates z, r, h and i, f, c, o; weights (I, G·H); one bias, two in a GRU whose reset_after is true; eps 0.001",
  eps: 1e-3,
  matches,
  read: readKerasModel,
  tensors: readKerasTensors,
  outline(bytes) {
    const { config } = readParts(bytes, {});
    return config === undefined ? { inputs: [], parts: [] } : kerasOutline(config);
  },
};
