/**
 * One layer of Keras, its config and its weights in their order → LayerSpecs and tensors. What a layer of ours cannot say is
 * refused by the layer's name (keras/src/layers; keras 2's recurrent.py and wrappers.py).
 */

import { ModelError } from "../../errors.ts";
import type { LayerSpec } from "../../layers.ts";
import type { ActivationSpec } from "../../model.ts";
import { elements, shapeText, type Tensor, toF32 } from "../../tensor.ts";
import { type Field, show } from "../json.ts";
import { f32, firstColumns } from "../nested.ts";
import { type Activation, activationOf, Config } from "./fields.ts";
import { type CellType, cellTensors, fromCudnn, GATES, toRows } from "./weights.ts";

/** What a layer reads and gives: a value's name, and whether it still has a time axis. */
export interface Value {
  readonly name: string;
  readonly sequence: boolean;
}

/** A layer as the config names it, with what it reads. */
export interface KerasLayer {
  readonly className: string;
  readonly name: string;
  readonly config: Field;
  readonly inputs: readonly Value[];
}

/** The layers and tensors so far, and what all layers share. */
export interface Builder {
  readonly layers: LayerSpec[];
  readonly tensors: Tensor[];
  readonly warnings: string[];
  /** Major version of Keras that wrote the file. */
  readonly keras: number | undefined;
  /** Layers whose mask the caller takes on: by the lengths of the sequences. */
  readonly ignore: readonly string[];
}

/** Layers that do nothing once a model is trained. */
const IDENTITY = new Map<string, readonly string[]>([
  ["Dropout", ["rate"]],
  ["SpatialDropout1D", ["rate"]],
  ["AlphaDropout", ["rate"]],
  ["GaussianDropout", ["rate"]],
  ["GaussianNoise", ["stddev"]],
  ["ActivityRegularization", ["l1", "l2"]],
]);

const CELLS = new Map<string, CellType>([
  ["SimpleRNN", "rnn"],
  ["GRU", "gru"],
  ["LSTM", "lstm"],
  ["CuDNNGRU", "gru"],
  ["CuDNNLSTM", "lstm"],
  ["UnifiedGRU", "gru"],
  ["UnifiedLSTM", "lstm"],
]);

/** Adds a layer to the builder. */
export function addLayer(to: Builder, layer: KerasLayer, weights: readonly Tensor[]): Value {
  const { className, name, inputs } = layer;
  const config = new Config(layer.config, `${name} (${className})`);
  const value = addAny(to, layer, config, new Weights(weights, config));
  to.warnings.push(...config.end());
  if (inputs.length > 1 && className !== "Add" && className !== "Concatenate" && className !== "Merge") {
    throw config.error(`expected 1 input; got ${inputs.length}.`);
  }
  return value;
}

function addAny(to: Builder, layer: KerasLayer, config: Config, weights: Weights): Value {
  const { className, name, inputs } = layer;
  const [input] = inputs;
  const push = (spec: LayerSpec, sequence = input.sequence): Value => {
    to.layers.push(spec);
    return { name: spec.name as string, sequence };
  };
  const from = [input.name];
  const neutral = IDENTITY.get(className);
  if (neutral !== undefined) {
    for (const key of neutral) config.take(key);
    weights.end();
    return input;
  }
  if (CELLS.has(className)) return addRecurrent(to, layer, config, weights);
  switch (className) {
    case "Bidirectional":
      return addBidirectional(to, layer, config, weights);
    case "TimeDistributed": {
      if (!input.sequence) throw config.error("expected a sequence; got one row.");
      const inner = innerLayer(config, "layer", inputs);
      if (inner.className !== "Dense" && inner.className !== "Activation" && !IDENTITY.has(inner.className)) {
        throw config.error(`of ${inner.className} is not supported.`);
      }
      return addLayer(to, { ...inner, name }, weights.rest());
    }
    case "Conv1D":
    case "Dense": {
      const units = config.size(className === "Dense" ? "units" : "filters");
      if (className === "Conv1D") checkPointwise(config);
      const hasBias = config.boolean("use_bias", true);
      const activation = activationOf(config, "activation", "linear", to.keras);
      const kernel =
        className === "Dense" ? weights.next([undefined, units]) : pointwise(weights.next([1, undefined, units]));
      const bias = hasBias ? weights.next([units]) : undefined;
      weights.end();
      const [columns] = kernel.shape;
      to.tensors.push(f32(`${name}.weight`, [units, columns], toRows(kernel.data, columns, units)));
      if (bias) to.tensors.push(f32(`${name}.bias`, [units], bias.data));
      const inside = typeof activation === "string" || activation.name === "identity" ? {} : { activation };
      const value = push({ type: "linear", name, inputs: from, bias: hasBias, ...inside });
      return typeof activation === "string"
        ? push({ type: activation, name: `${name}/activation`, inputs: [value.name] })
        : value;
    }
    case "Embedding": {
      const shape = [config.size("input_dim"), config.size("output_dim")];
      if (config.boolean("mask_zero", false)) checkMask(to, layer);
      to.tensors.push(f32(`${name}.weight`, shape, weights.next(shape).data));
      weights.end();
      return push({ type: "embedding", name, inputs: from });
    }
    case "Masking":
      config.take("mask_value");
      weights.end();
      checkMask(to, layer);
      return input;
    case "BatchNormalization":
    case "LayerNormalization":
      return push(normLayer(to, layer, config, weights));
    case "Activation":
    case "ReLU":
    case "LeakyReLU":
    case "ELU":
    case "Softmax": {
      weights.end();
      const activation = activationLayer(className, config, to.keras);
      return push(
        typeof activation === "string"
          ? { type: activation, name, inputs: from }
          : { type: "activation", name, inputs: from, activation },
      );
    }
    case "Add":
    case "Concatenate": {
      if (className === "Concatenate") config.lastAxis("axis");
      weights.end();
      if (inputs.length < 2) throw config.error(`expected 2 inputs or more; got ${inputs.length}.`);
      if (inputs.some(({ sequence }) => sequence !== input.sequence)) {
        throw config.error("expected sequences or single rows; got both.");
      }
      return push({ type: className === "Add" ? "add" : "concat", name, inputs: inputs.map((one) => one.name) });
    }
  }
  const hint = `Supported: ${[...CELLS.keys(), ...OTHERS, ...IDENTITY.keys()].join(", ")}.`;
  const message = `${name}: layer ${JSON.stringify(className.slice(0, 60))} is not supported.`;
  throw new ModelError("ERR_UNSUPPORTED_OP", message, { node: name, hint });
}

const OTHERS = [
  "Bidirectional",
  "TimeDistributed",
  "Dense",
  "Conv1D (of kernel size 1)",
  "Embedding",
  "Masking",
  "BatchNormalization",
  "LayerNormalization",
  "Activation",
  "ReLU",
  "LeakyReLU",
  "ELU",
  "Softmax",
  "Add",
  "Concatenate",
  "InputLayer",
];

/** A convolution over one step is a linear layer. */
function checkPointwise(config: Config): void {
  for (const key of ["kernel_size", "strides", "dilation_rate"]) {
    const value = config.take(key)?.value ?? 1;
    const [size] = Array.isArray(value) ? value : [value];
    if (size !== 1) throw config.error(`${key} ${show(size)} is not supported; expected 1.`);
  }
  config.only("groups", 1);
  config.only("data_format", "channels_last", null);
  config.only("padding", "valid", "same", "causal"); // all the same over one step
}

/** (1, in, out) → (in, out) */
function pointwise({ shape, data }: { shape: readonly number[]; data: Float32Array }) {
  return { shape: shape.slice(1), data };
}

/** Masked steps keep the state: that is what lengths are for, so a mask must be the caller's word. */
function checkMask({ ignore }: Builder, { name, className }: KerasLayer): void {
  if (ignore.includes(name)) return;
  throw new ModelError("ERR_ATTRIBUTE", `${name} (${className}): masks are not supported.`, {
    node: name,
    hint: `Run sequences without padding, or with their lengths, and pass ignore: [${JSON.stringify(name)}].`,
  });
}

function activationLayer(className: string, config: Config, keras: number | undefined): Activation {
  if (className === "Activation") return activationOf(config, "activation", "linear", keras);
  if (className === "Softmax") {
    config.lastAxis("axis");
    return "softmax";
  }
  // Keras 2 says alpha, Keras 3 negative_slope.
  const alpha = (fallback: number) => config.number("negative_slope", config.number("alpha", fallback));
  if (className === "LeakyReLU") return { name: "leakyRelu", alpha: alpha(0.3) };
  if (className === "ELU") return { name: "elu", alpha: alpha(1) };
  config.only("max_value", null);
  config.only("negative_slope", 0, null);
  config.only("threshold", 0, null);
  return { name: "relu" };
}

function normLayer(to: Builder, layer: KerasLayer, config: Config, weights: Weights): LayerSpec {
  const { name, inputs, className } = layer;
  const batch = className === "BatchNormalization";
  config.lastAxis("axis");
  config.only("rms_scaling", false);
  const eps = config.number("epsilon", 1e-3);
  const scale = config.boolean("scale", true);
  const center = config.boolean("center", true);
  const names = [
    ...(scale ? ["weight"] : []),
    ...(center ? ["bias"] : []),
    ...(batch ? ["running_mean", "running_var"] : []),
  ];
  let size: number | undefined;
  for (const suffix of names) {
    const { shape, data } = weights.next([size]);
    size = shape[0];
    to.tensors.push(f32(`${name}.${suffix}`, [size], data));
  }
  weights.end();
  const affine = scale || center;
  // Weight and bias come together; a layer norm may leave the bias out.
  if (affine && !scale)
    to.tensors.push(f32(`${name}.weight`, [size as number], new Float32Array(size as number).fill(1)));
  if (batch && affine && !center)
    to.tensors.push(f32(`${name}.bias`, [size as number], new Float32Array(size as number)));
  const spec = { name, inputs: [inputs[0].name], eps, affine };
  return batch ? { type: "batchNorm", ...spec } : { type: "layerNorm", ...spec, ...(affine && { bias: center }) };
}

/** A recurrent layer's own settings, which a wrapper may read too. */
interface Recurrent {
  readonly type: CellType;
  readonly units: number;
  readonly useBias: boolean;
  readonly resetAfter: boolean;
  readonly cudnn: boolean;
  readonly functions: readonly ActivationSpec[];
  readonly sequences: boolean;
  readonly backwards: boolean;
}

function readRecurrent(to: Builder, className: string, config: Config): Recurrent {
  const type = CELLS.get(className) as CellType;
  const cudnn = className.startsWith("CuDNN");
  const plain = (key: string, fallback: string): ActivationSpec => {
    const activation = activationOf(config, key, fallback, to.keras);
    if (typeof activation === "string") throw config.error(`${key} ${activation} is not supported.`);
    return activation;
  };
  // tf.keras 2 and Keras 3; a file of Keras before that says hard_sigmoid in so many words.
  const phi = plain("activation", "tanh");
  const sigma = type === "rnn" ? [] : [plain("recurrent_activation", "sigmoid")];
  for (const key of ["time_major", "zero_output_for_mask"]) config.only(key, false, null);
  return {
    type,
    units: config.size("units"),
    useBias: config.boolean("use_bias", true),
    resetAfter: type === "gru" && config.boolean("reset_after", cudnn),
    cudnn,
    functions: [...sigma, phi, ...(type === "lstm" ? [phi] : [])],
    sequences: config.boolean("return_sequences", false),
    backwards: config.boolean("go_backwards", false),
  };
}

/** The tensors of one direction. A bias of twice the length is cuDNN's, whatever the class is called. */
function recurrentTensors(
  cell: Recurrent,
  name: string,
  suffix: string,
  weights: Weights,
): [Tensor[], resetAfter: boolean] {
  const { type, units, resetAfter } = cell;
  const rows = GATES[type].length * units;
  let kernel = weights.next([undefined, rows]);
  let recurrent = weights.next([units, rows]);
  const found = cell.useBias ? weights.next(undefined) : undefined;
  const flat = found !== undefined && found.shape.length === 1 && found.shape[0] === 2 * rows;
  const cudnn = cell.cudnn || (type !== "rnn" && flat);
  const [inputSize] = kernel.shape;
  if (cudnn) {
    const gates = GATES[type].length;
    kernel = { shape: kernel.shape, data: fromCudnn(kernel.data, inputSize, units, gates, false) };
    recurrent = { shape: recurrent.shape, data: fromCudnn(recurrent.data, units, units, gates, true) };
  }
  const after = resetAfter || (cudnn && type === "gru");
  let bias = found?.data;
  if (found) {
    const expected = cudnn ? [2 * rows] : after ? [2, rows] : [rows];
    weights.expectShape(found.shape, expected);
    if (cudnn && type === "lstm") bias = found.data.slice(0, rows).map((one, i) => one + found.data[rows + i]);
  }
  const tensors = { inputSize, hiddenSize: units, kernel: kernel.data, recurrent: recurrent.data, bias };
  return [cellTensors(type, tensors, name, suffix), after];
}

function cellSpec(cell: Recurrent, name: string, input: string, resetAfter: boolean): LayerSpec {
  const { type, units: hiddenSize, useBias: bias, functions: activations } = cell;
  return { type, name, inputs: [input], hiddenSize, bias, activations, ...(type === "gru" && { resetAfter }) };
}

function addRecurrent(to: Builder, layer: KerasLayer, config: Config, weights: Weights): Value {
  const { name, className, inputs } = layer;
  const cell = readRecurrent(to, className, config);
  if (!inputs[0].sequence) throw config.error("expected a sequence; got one row.");
  if (cell.backwards && cell.sequences) {
    throw config.error(
      "go_backwards with return_sequences gives its outputs in reversed time, which is not supported.",
    );
  }
  const [tensors, resetAfter] = recurrentTensors(cell, name, "_l0", weights);
  weights.end();
  to.tensors.push(...tensors);
  const spec = cellSpec(cell, name, inputs[0].name, resetAfter);
  to.layers.push(cell.backwards ? { ...spec, reverse: true } : spec);
  if (cell.sequences) return { name, sequence: true };
  return lastOf(to, cell.backwards ? firstOf(to, name, cell.units) : name);
}

function lastOf(to: Builder, name: string): Value {
  to.layers.push({ type: "last", name: `${name}/last`, inputs: [name] });
  return { name: `${name}/last`, sequence: false };
}

/**
 * The value of a layer at step 0, at every step: what a layer that runs backwards computed last. An LSTM without functions
 * holds it: i = flag, f = 1 − flag, g = x, o = 1, where the flag is one more unit, 1 before step 0 and 0 from then on. It copies
 * exactly, since every product is with 0 or 1.
 */
function firstOf(to: Builder, layer: string, size: number): string {
  const name = `${layer}/first`;
  const hidden = size + 1;
  const [ih, hh, bias] = [4 * hidden * size, 4 * hidden * hidden, 4 * hidden].map((length) => new Float32Array(length));
  const h0 = new Float32Array(hidden);
  h0[size] = 1;
  for (let j = 0; j < hidden; j++) {
    hh[j * hidden + size] = 1;
    hh[(hidden + j) * hidden + size] = -1;
    bias[hidden + j] = 1;
    bias[3 * hidden + j] = 1;
    if (j < size) ih[(2 * hidden + j) * size + j] = 1;
  }
  const activations = ["identity", "identity", "identity"];
  to.layers.push({ type: "lstm", name: `${name}/hold`, inputs: [layer], activations });
  to.layers.push({ type: "linear", name, bias: false });
  to.tensors.push(
    f32(`${name}/hold.weight_ih_l0`, [4 * hidden, size], ih),
    f32(`${name}/hold.weight_hh_l0`, [4 * hidden, hidden], hh),
    f32(`${name}/hold.bias_ih_l0`, [4 * hidden], bias),
    f32(`${name}/hold.bias_hh_l0`, [4 * hidden], new Float32Array(4 * hidden)),
    f32(`${name}/hold.h0`, [1, hidden], h0),
    firstColumns(`${name}.weight`, size, hidden),
  );
  return name;
}

/** The layer inside a wrapper; Keras writes the same record as for a layer of the model. */
function innerLayer(config: Config, key: string, inputs: readonly Value[]): KerasLayer {
  const field = config.take(key);
  if (field === undefined) throw config.field.error(`a field "${key}"`, "none");
  const members = new Map(field.entries());
  const className = members.get("class_name")?.string() ?? "";
  const inner = members.get("config");
  if (inner === undefined) throw field.error('a field "config"', "none");
  return { className, name: new Map(inner.entries()).get("name")?.string() ?? className, config: inner, inputs };
}

function addBidirectional(to: Builder, layer: KerasLayer, config: Config, weights: Weights): Value {
  const { name, inputs } = layer;
  const [input] = inputs;
  if (!input.sequence) throw config.error("expected a sequence; got one row.");
  const mode = config.take("merge_mode")?.value ?? null;
  if (mode !== "concat" && mode !== "sum" && mode !== "ave") {
    throw config.error(`merge_mode ${JSON.stringify(mode)} is not supported; expected concat, sum or ave.`);
  }
  const forward = innerLayer(config, "layer", inputs);
  // Without a config of its own the backward layer is the forward one turned around.
  const own = config.has("backward_layer") ? innerLayer(config, "backward_layer", inputs) : undefined;
  const cells = [forward, ...(own ? [own] : [])].map((inner) => {
    if (!CELLS.has(inner.className)) throw config.error(`of ${inner.className || "nothing"} is not supported.`);
    const inside = new Config(inner.config, `${name} (${inner.className})`);
    const cell = readRecurrent(to, inner.className, inside);
    to.warnings.push(...inside.end());
    return cell;
  });
  const [first, back = { ...first, backwards: true }] = cells;
  if (first.backwards || !back.backwards || first.sequences !== back.sequences) {
    throw config.error("expected a forward layer and a backward one that give alike; got others.");
  }
  // One node where it can say both.
  const joined = mode === "concat" && first.sequences && own === undefined;
  const names = joined ? [name, name] : [`${name}/forward`, `${name}/backward`];
  const after = [first, back].map((cell, i) => {
    const suffix = joined && i === 1 ? "_l0_reverse" : "_l0";
    const [tensors, resetAfter] = recurrentTensors(cell, names[i], suffix, weights);
    to.tensors.push(...tensors);
    return resetAfter;
  });
  weights.end();
  if (joined && after[0] === after[1]) {
    to.layers.push({ ...cellSpec(first, name, input.name, after[0]), bidirectional: true });
    return { name, sequence: true };
  }
  to.layers.push(cellSpec(first, names[0], input.name, after[0]));
  to.layers.push({ ...cellSpec(back, names[1], input.name, after[1]), reverse: true });
  const both = first.sequences
    ? names
    : [names[0], firstOf(to, names[1], back.units)].map((one) => lastOf(to, one).name);
  const merged = mode === "ave" ? `${name}/sum` : name;
  to.layers.push({ type: mode === "concat" ? "concat" : "add", name: merged, inputs: both });
  if (mode === "ave") to.layers.push({ type: "activation", name, activation: { name: "affine", alpha: 0.5, beta: 0 } });
  return { name, sequence: first.sequences };
}

/** The weights of a layer in Keras's order, taken one by one. */
class Weights {
  private at = 0;

  constructor(
    private readonly tensors: readonly Tensor[],
    private readonly config: Config,
  ) {}

  /** The next one; an undefined size is any, an undefined shape too. */
  next(shape: readonly (number | undefined)[] | undefined): { shape: readonly number[]; data: Float32Array } {
    const tensor = this.tensors[this.at++];
    if (tensor === undefined) {
      const { layer } = this.config;
      throw new ModelError("ERR_MISSING_TENSOR", `${layer}: expected more than ${this.at - 1} arrays of weights.`, {
        node: layer,
      });
    }
    if (shape !== undefined) this.expectShape(tensor.shape, shape);
    return { shape: tensor.shape, data: toF32(tensor) };
  }

  expectShape(got: readonly number[], expected: readonly (number | undefined)[]): void {
    const fits = got.length === expected.length && expected.every((size, i) => size === undefined || size === got[i]);
    if (fits && elements(got) > 0) return;
    const { layer } = this.config;
    const message = `${layer}: weights ${this.at}: expected shape ${shapeText(expected.map((size) => size ?? "any"))}; got ${shapeText(got)}`;
    throw new ModelError("ERR_SHAPE", message, { node: layer });
  }

  /** All that are left, for the layer inside a wrapper. */
  rest(): Tensor[] {
    const { at } = this;
    this.at = this.tensors.length;
    return this.tensors.slice(at);
  }

  end(): void {
    if (this.at >= this.tensors.length) return;
    const { layer } = this.config;
    const message = `${layer}: expected ${this.at} arrays of weights; got ${this.tensors.length}.`;
    throw new ModelError("ERR_UNUSED_TENSOR", message, { node: layer, tensor: this.tensors[this.at].name });
  }
}
