/** What is fuzzed: one row for each reader. Seeds are committed files, small and well formed. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readWav, readWavHeader } from "../../src/audio.ts";
import { readFlaxModel } from "../../src/formats/flax.ts";
import { readKerasModel } from "../../src/formats/keras.ts";
import { parseNpy } from "../../src/formats/npy.ts";
import { parseNpz } from "../../src/formats/npz.ts";
import { readOnnxModel } from "../../src/formats/onnx/read.ts";
import { readPytorchModel } from "../../src/formats/pytorch.ts";
import { readRtneural } from "../../src/formats/rtneural.ts";
import { readTfjsModel } from "../../src/formats/tfjs.ts";
import { readZip, unpack, ZIP_LIMITS } from "../../src/formats/zip.ts";
import { readModel, readSafetensors, writeSafetensors } from "../../src/index.ts";
import { CORE } from "../../src/ops/core.ts";
import { GRAPH } from "../../src/ops/graph.ts";
import { drawModel } from "../diff/graphs.ts";
import { model as writeOnnx } from "../formats/onnx/writer.ts";
import { zip } from "../hostile/files.ts";
import { utf8, VALID } from "../hostile/rtneural-files.ts";
import { GOLDEN, safetensorsIn } from "../vectors.ts";

export interface Fuzzed {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  /** Must return, or throw a FormatError or a ModelError. */
  readonly read: (bytes: Uint8Array) => unknown;
  /** A part that lies behind a checksum, and how a file is made around another. */
  readonly inner?: (file: Uint8Array) => { bytes: Uint8Array; wrap: (bytes: Uint8Array) => Uint8Array } | undefined;
}

const LAYERS = [
  { type: "embedding", name: "emb" },
  { type: "lstm", name: "rnn", numLayers: 2 },
  { type: "linear", name: "head" },
];

const FLAX_LAYERS = [
  { type: "gru", name: "RNN_0" },
  { type: "linear", name: "Dense_0" },
];

const WAVS = join(GOLDEN, "..", "audio", "vectors");

const filesIn = (folder: string, pattern: RegExp): Uint8Array[] =>
  readdirSync(join(GOLDEN, folder))
    .filter((name) => pattern.test(name))
    .map((name) => new Uint8Array(readFileSync(join(GOLDEN, folder, name))));

const SHARDS = new Map(
  readdirSync(join(GOLDEN, "tfjs"))
    .filter((name) => name.endsWith(".bin"))
    .map((name) => [name, new Uint8Array(readFileSync(join(GOLDEN, "tfjs", name)))]),
);

/** The first member of an archive that matches, with the others as they are. */
function member(file: Uint8Array, pattern: RegExp): ReturnType<NonNullable<Fuzzed["inner"]>> {
  if (file[0] !== 0x50) return undefined;
  const members = [...readZip(file, ZIP_LIMITS).values()].map((one) => ({ name: one.name, data: unpack(one) }));
  const found = members.find(({ name }) => pattern.test(name));
  if (found === undefined) return undefined;
  return {
    bytes: found.data,
    wrap: (data) => zip(members.map((one) => (one === found ? { ...one, data } : one))),
  };
}

export const FUZZED: readonly Fuzzed[] = [
  {
    name: "safetensors",
    seeds: () => [
      ...safetensorsIn(GOLDEN)
        .map((path) => new Uint8Array(readFileSync(path)))
        .filter(({ length }) => length < 20000),
      ...filesIn("pt", /^(model|parameters)\.pt$/).map((file) =>
        writeSafetensors(readPytorchModel(CORE, file, { layers: LAYERS })),
      ),
    ],
    read: (bytes) => [readSafetensors(bytes), readModel(bytes)],
  },
  {
    name: "pytorch",
    seeds: () => filesIn("pt", /\.(pt|ckpt)$/),
    read: (bytes) => readPytorchModel(CORE, bytes, { layers: LAYERS }),
    inner: (file) => member(file, /\/data\.pkl$/),
  },
  {
    name: "keras",
    seeds: () => filesIn("keras", /\.(h5|keras)$/),
    read: (bytes) => readKerasModel(CORE, bytes, {}),
    inner: (file) => member(file, /\.(json|h5)$/),
  },
  {
    name: "npz",
    seeds: () => filesIn("npz", /\.npz$/),
    read: (bytes) => parseNpz(bytes),
    inner: (file) => member(file, /\.npy$/),
  },
  {
    name: "flax",
    seeds: () => filesIn("flax", /\.msgpack$/),
    read: (bytes) => readFlaxModel(CORE, bytes, { layers: FLAX_LAYERS }),
  },
  {
    name: "tfjs",
    seeds: () => filesIn("tfjs", /^(?!manifest).*\.json$/),
    read: (bytes) => readTfjsModel(CORE, bytes, { files: (name) => SHARDS.get(name) ?? new Uint8Array(0) }),
  },
  {
    name: "onnx",
    // Random models of test/diff: small ones of all operators.
    seeds: () =>
      Array.from({ length: 200 }, (_, number) => writeOnnx(drawModel(5, number).drawn.file)).filter(
        ({ length }) => length < 6000,
      ),
    read: (bytes) => readOnnxModel(GRAPH, bytes),
  },
  {
    name: "rtneural",
    seeds: () => Object.values(VALID).map((file) => utf8(typeof file === "string" ? file : JSON.stringify(file))),
    read: (bytes) => readRtneural(CORE, bytes),
  },
  {
    name: "npy",
    seeds: () => [
      new Uint8Array(
        Buffer.from(
          "\x93NUMPY\x01\x00\x3a\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n\0\0\0\0\0\0\0\0",
          "latin1",
        ),
      ),
    ],
    read: (bytes) => parseNpy(bytes),
  },
  {
    name: "wav",
    seeds: () =>
      readdirSync(WAVS)
        .filter((name) => name.endsWith(".wav"))
        .map((name) => new Uint8Array(readFileSync(join(WAVS, name)))),
    read: (bytes) => [readWavHeader(bytes), readWav(bytes, { truncated: "allow" }), readWav(bytes)],
  },
];
