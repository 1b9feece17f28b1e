/**
 * One layer of Keras, its config and its weights in their order → LayerSpecs and tensors. What a layer of ours cannot say is
 * refused by the layer's name (keras/src/layers; keras 2's recurrent.py and wrappers.py).
 */

import { ModelError } from "../../errors.ts";
import type { LayerSpec } from "../../layers.ts";
import type { Tensor } from "../../tensor.ts";
import { show } from "../json.ts";
import { f32 } from "../nested.ts";
import { Arrays } from "./arrays.ts";
import type { Builder, KerasLayer, Value } from "./builder.ts";
import { type Activation, activationOf, Config } from "./fields.ts";
import { addBidirectional, addRecurrent, CELLS, innerLayer } from "./recurrent.ts";
import { toRows } from "./weights.ts";

/** Layers that do nothing once a model is trained. */
const IDENTITY = new Map<string, readonly string[]>([
  ["Dropout", ["rate"]],
  ["SpatialDropout1D", ["rate"]],
  ["AlphaDropout", ["rate"]],
  ["GaussianDropout", ["rate"]],
  ["GaussianNoise", ["stddev"]],
  ["ActivityRegularization", ["l1", "l2"]],
]);

/** Adds a layer to the builder. */
export function addLayer(to: Builder, layer: KerasLayer, weights: readonly Tensor[]): Value {
  const { className, name, inputs } = layer;
  const config = new Config(layer.config, `${name} (${className})`);
  const value = addAny(to, layer, config, new Arrays(weights, config));
  to.warnings.push(...config.end());
  if (inputs.length > 1 && className !== "Add" && className !== "Concatenate" && className !== "Merge") {
    throw config.error(`expected 1 input; got ${inputs.length}.`);
  }
  return value.sequence && inputs.some(({ masked }) => masked) ? { ...value, masked: true } : value;
}

function addAny(to: Builder, layer: KerasLayer, config: Config, weights: Arrays): Value {
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
    case "Dense":
      return linearLayers(to, layer, config, weights)
        .map((spec) => push(spec))
        .at(-1) as Value;
    case "Embedding": {
      const shape = [config.size("input_dim"), config.size("output_dim")];
      const masked = config.boolean("mask_zero", false);
      if (masked) checkMask(to, layer);
      to.tensors.push(f32(`${name}.weight`, shape, weights.next(shape).data));
      weights.end();
      return { ...push({ type: "embedding", name, inputs: from }), masked };
    }
    case "Masking":
      config.take("mask_value");
      weights.end();
      checkMask(to, layer);
      return { ...input, masked: true };
    case "BatchNormalization":
    case "LayerNormalization":
      return push(normLayer(to, layer, config, weights));
    case "Activation":
    case "ReLU":
    case "LeakyReLU":
    case "ELU":
    case "Softmax": {
      weights.end();
      const activation = activationLayer(className, input.sequence, config, to.keras);
      return push(
        typeof activation === "string"
          ? { type: activation, name, inputs: from }
          : { type: "activation", name, inputs: from, activation },
      );
    }
    case "Add":
    case "Concatenate": {
      if (className === "Concatenate") config.lastAxis("axis", input.sequence);
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

export function isKnownLayer(className: string): boolean {
  return CELLS.has(className) || IDENTITY.has(className) || OTHERS.some((one) => one.split(" ")[0] === className);
}

/** A Dense or a pointwise Conv1D, and the softmax after it where that is its activation. */
function linearLayers(to: Builder, layer: KerasLayer, config: Config, weights: Arrays): LayerSpec[] {
  const { className, name, inputs } = layer;
  const units = config.size(className === "Dense" ? "units" : "filters");
  if (className === "Conv1D") checkPointwise(config);
  const bias = config.boolean("use_bias", true);
  const activation = activationOf(config, "activation", "linear", to.keras);
  const kernel =
    className === "Dense" ? weights.next([undefined, units]) : pointwise(weights.next([1, undefined, units]));
  const [columns] = kernel.shape;
  to.tensors.push(f32(`${name}.weight`, [units, columns], toRows(kernel.data, columns, units)));
  if (bias) to.tensors.push(f32(`${name}.bias`, [units], weights.next([units]).data));
  weights.end();
  const linear = { type: "linear", name, inputs: [inputs[0].name], bias };
  if (typeof activation === "string") {
    return [linear, { type: activation, name: `${name}/activation`, inputs: [name] }];
  }
  return [activation.name === "identity" ? linear : { ...linear, activation }];
}

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

function activationLayer(className: string, sequence: boolean, config: Config, keras: number | undefined): Activation {
  if (className === "Activation") return activationOf(config, "activation", "linear", keras);
  if (className === "Softmax") {
    config.lastAxis("axis", sequence);
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

function normLayer(to: Builder, layer: KerasLayer, config: Config, weights: Arrays): LayerSpec {
  const { name, inputs, className } = layer;
  const batch = className === "BatchNormalization";
  config.lastAxis("axis", inputs[0].sequence);
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
