/**
 * Makes test/golden/tfjs: small layers models with the outputs of TensorFlow.js. Not run by the tests; needs
 * @tensorflow/tfjs 4.22.0, which is no dependency of ours: install it in a folder of its own and give that folder.
 *
 *     node tfjs.mjs FOLDER        writes the models and manifest.json into tfjs/ beside this script
 *
 * Per model NAME.json with its shards NAME.K.bin; manifest.json has each one's input (T, I) and output, flat. What
 * TensorFlow.js itself refuses, reset_after, has its output from the equations of keras/src/layers/rnn/gru.py, below.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const tf = createRequire(join(resolve(process.argv[2]), "package.json"))("@tensorflow/tfjs");
const { layers: L } = tf;
const OUT = fileURLToPath(new URL("tfjs", import.meta.url));
const STEPS = 6;
const manifest = { tfjs: tf.version_core, files: {} };

let seed = 53;
/** In −1 … 1. */
function random() {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return seed / 2 ** 30 - 1;
}
const round = (values) => Array.from(values, (value) => Number(value.toPrecision(9)));

async function artifactsOf(model) {
  let artifacts;
  await model.save({
    save: async (all) => {
      artifacts = all;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    },
  });
  return artifacts;
}

/** Shards end at `cuts`, anywhere in a weight. */
function write(name, { modelTopology, format, generatedBy, convertedBy }, specs, data, cuts = []) {
  const bytes = new Uint8Array(data);
  const ends = [...cuts, bytes.length];
  const paths = ends.map((end, i) => {
    const path = `${name}.${i}.bin`;
    writeFileSync(join(OUT, path), bytes.subarray(ends[i - 1] ?? 0, end));
    return path;
  });
  const weightsManifest = [{ paths, weights: specs }];
  writeFileSync(
    join(OUT, `${name}.json`),
    JSON.stringify({ format, generatedBy, convertedBy, modelTopology, weightsManifest }),
  );
}

async function outputOf(model, ids, input) {
  const shape = ids ? [1, STEPS] : [1, STEPS, input.length / STEPS];
  return round(await model.predict(tf.tensor(input, shape)).data());
}

async function add(name, model, { ids = false, size = 1, cuts, quantize } = {}) {
  model.setWeights(
    model.getWeights().map((weight, i) => {
      const positive = model.weights[i].name.includes("variance");
      return tf.tensor(
        Float32Array.from({ length: weight.size }, () => (positive ? 1.5 + random() : 0.8 * random())),
        weight.shape,
      );
    }),
  );
  const input = Array.from({ length: STEPS * size }, () =>
    ids ? Math.floor((random() + 1) * 3) : Math.fround(random()),
  );
  const artifacts = await artifactsOf(model);
  let { weightSpecs, weightData } = artifacts;
  let runs = model;
  if (quantize) {
    [weightSpecs, weightData] = quantized(weightSpecs, weightData, quantize);
    runs = await tf.loadLayersModel({ load: async () => ({ ...artifacts, weightSpecs, weightData }) });
  }
  write(name, artifacts, weightSpecs, weightData, cuts);
  manifest.files[name] = { input, output: await outputOf(runs, ids, input) };
}

/** As tensorflowjs_converter does it (quantization.py): scale and min of each weight. */
function quantized(specs, data, kind) {
  const parts = [];
  let at = 0;
  const out = specs.map((spec) => {
    const count = spec.shape.reduce((a, b) => a * b, 1);
    const values = new Float32Array(data.slice(at, at + 4 * count));
    at += 4 * count;
    if (kind === "float16") {
      // Truncated halves: signs, exponents and ten bits; the values are far from the ends of the range.
      const bits = new Uint32Array(values.buffer);
      const half = (b) => ((b >>> 16) & 0x8000) | (Math.max(0, ((b >>> 23) & 255) - 112) << 10) | ((b >>> 13) & 1023);
      parts.push(Buffer.from(Uint16Array.from(bits, half).buffer));
      return { ...spec, quantization: { dtype: "float16", original_dtype: "float32" } };
    }
    const levels = kind === "uint8" ? 255 : 65535;
    const [min, max] = [Math.min(...values), Math.max(...values)];
    const scale = max === min ? 1 : (max - min) / levels;
    const stored = Array.from(values, (value) => Math.round((value - min) / scale));
    parts.push(Buffer.from((kind === "uint8" ? Uint8Array : Uint16Array).from(stored).buffer));
    return { ...spec, quantization: { dtype: kind, min, scale, original_dtype: "float32" } };
  });
  const all = Buffer.concat(parts);
  return [out, all.buffer.slice(all.byteOffset, all.byteOffset + all.length)];
}

mkdirSync(OUT, { recursive: true });

await add(
  "sequential",
  tf.sequential({
    layers: [
      L.embedding({ inputDim: 7, outputDim: 5, inputLength: null }),
      L.bidirectional({ layer: L.lstm({ units: 3, returnSequences: true }), mergeMode: "concat" }),
      L.gru({
        units: 4,
        returnSequences: true,
        name: "my_gru",
        activation: "softsign",
        recurrentActivation: "hardSigmoid",
      }),
      L.timeDistributed({ layer: L.dense({ units: 3, activation: "relu" }) }),
      L.dropout({ rate: 0.5 }),
      L.simpleRNN({ units: 2 }),
      L.dense({ units: 2, activation: "softmax" }),
    ],
  }),
  { ids: true, cuts: [33, 400] },
);

const input = tf.input({ shape: [null, 3] });
const lstm = L.lstm({ units: 4, returnSequences: true, recurrentActivation: "sigmoid", unitForgetBias: true }).apply(
  input,
);
const gru = L.gru({ units: 4, returnSequences: true, useBias: false }).apply(lstm);
const sum = L.add().apply([lstm, gru]);
const both = L.concatenate().apply([sum, input]);
const normed = L.layerNormalization({ epsilon: 1e-3 }).apply(L.batchNormalization().apply(both));
const output = L.dense({ units: 2, activation: "tanh" }).apply(L.leakyReLU().apply(normed));
await add("functional", tf.model({ inputs: input, outputs: output }), { size: 3 });

const small = () =>
  tf.sequential({
    layers: [
      L.lstm({ units: 5, returnSequences: true, inputShape: [null, 2] }),
      L.bidirectional({
        layer: L.gru({ units: 3, returnSequences: true, recurrentActivation: "sigmoid" }),
        mergeMode: "sum",
      }),
      L.simpleRNN({ units: 3, activation: "relu", returnSequences: true }),
      L.activation({ activation: "elu" }),
    ],
  });
await add("uint8", small(), { size: 2, quantize: "uint8" });
await add("uint16", small(), { size: 2, quantize: "uint16", cuts: [7] });
await add("float16", small(), { size: 2, quantize: "float16" });

// reset_after, as Keras writes it and the converter takes it over.
{
  const [I, H] = [3, 4];
  const fill = (length) => Float32Array.from({ length }, () => 0.8 * random());
  const [W, U, b] = [fill(I * 3 * H), fill(H * 3 * H), fill(6 * H)];
  const x = Array.from({ length: STEPS * I }, () => Math.fround(random()));
  const sigmoid = (value) => 1 / (1 + Math.exp(-value));
  let h = new Array(H).fill(0);
  const out = [];
  for (let t = 0; t < STEPS; t++) {
    const product = (v, M, bias) =>
      Array.from({ length: 3 * H }, (_, j) => v.reduce((acc, value, i) => acc + value * M[i * 3 * H + j], bias[j]));
    const [p, q] = [product(x.slice(t * I, t * I + I), W, b.subarray(0, 3 * H)), product(h, U, b.subarray(3 * H))];
    h = h.map((old, j) => {
      const z = sigmoid(p[j] + q[j]);
      const r = sigmoid(p[H + j] + q[H + j]);
      return z * old + (1 - z) * Math.tanh(p[2 * H + j] + r * q[2 * H + j]);
    });
    out.push(...h);
  }
  const config = { name: "gru", units: H, activation: "tanh", recurrent_activation: "sigmoid", use_bias: true };
  const layer = {
    class_name: "GRU",
    config: {
      ...config,
      reset_after: true,
      return_sequences: true,
      batch_input_shape: [null, null, I],
      dtype: "float32",
    },
  };
  const model_config = { class_name: "Sequential", config: { name: "sequential", layers: [layer] } };
  const topology = { keras_version: "2.15.0", backend: "tensorflow", model_config };
  const specs = [
    ["kernel", [I, 3 * H]],
    ["recurrent_kernel", [H, 3 * H]],
    ["bias", [2, 3 * H]],
  ].map(([name, shape]) => ({
    name: `gru/gru_cell/${name}`,
    shape,
    dtype: "float32",
  }));
  const data = Buffer.concat([W, U, b].map(({ buffer }) => Buffer.from(buffer)));
  write("reset-after", { modelTopology: topology, format: "layers-model", generatedBy: "keras v2.15.0" }, specs, data);
  manifest.files["reset-after"] = { input: x, output: round(out) };
}

// Outputs in the order in which they are computed: after one another, under both directions of another, the last alone.
const sequence = { returnSequences: true, goBackwards: true };
await add(
  "backwards",
  tf.sequential({
    layers: [
      L.gru({ units: 4, inputShape: [null, 3], ...sequence }),
      L.bidirectional({ layer: L.lstm({ units: 2, returnSequences: true }), mergeMode: "concat" }),
      L.lstm({ units: 3, ...sequence }),
      L.simpleRNN({ units: 3, ...sequence }),
      L.dense({ units: 2, activation: "tanh" }),
    ],
  }),
  { size: 3 },
);
await add(
  "backwards-last",
  tf.sequential({
    layers: [
      L.lstm({ units: 4, inputShape: [null, 3], ...sequence }),
      L.bidirectional({ layer: L.gru({ units: 3 }), mergeMode: "concat" }),
      L.dense({ units: 2 }),
    ],
  }),
  { size: 3 },
);

writeFileSync(join(OUT, "manifest.json"), `${JSON.stringify(manifest)}\n`);
