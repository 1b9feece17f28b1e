/** A layer's config in Keras's words → values: what is used is taken, what changes no prediction is known by name, the rest is refused. */

import { ModelError } from "../../errors.ts";
import type { ActivationSpec } from "../../model.ts";
import { type Field, show } from "../json.ts";

/** Training, and how a result is computed, not which. */
const NEUTRAL = [
  "name",
  "trainable",
  "dtype",
  "build_config",
  "batch_input_shape",
  "batch_shape",
  "input_dtype",
  "dynamic",
  "autocast",
  "seed",
  "noise_shape",
  "implementation",
  "unroll",
  "dropout",
  "recurrent_dropout",
  "unit_forget_bias",
  "stateful",
  "return_state",
  "lora_rank",
  "quantization_config",
  "use_cudnn",
  "activity_regularizer",
  "momentum",
  "synchronized",
  "renorm",
  "virtual_batch_size",
  "fused",
  "input_length",
  "input_dim",
  "sparse",
];
const NEUTRAL_ENDINGS = /_(initializer|regularizer|constraint)$/;

/** Values that mean "as if it were not there". */
const ABSENT: readonly unknown[] = [null, false];

/** Trained in another precision, run in f32. */
const PRECISIONS = ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"];

/** One layer's config. Fields are taken one by one; `end` refuses what is left. */
export class Config {
  private readonly fields: Map<string, Field>;

  constructor(
    readonly field: Field,
    readonly layer: string,
  ) {
    this.fields = new Map(field.entries());
  }

  error(what: string): ModelError {
    return new ModelError("ERR_ATTRIBUTE", `${this.layer}: ${what}`, { node: this.layer });
  }

  take(key: string): Field | undefined {
    const field = this.fields.get(key);
    this.fields.delete(key);
    return field;
  }

  /** Whether the field says something. */
  has(key: string): boolean {
    const field = this.fields.get(key);
    return field !== undefined && field.value !== null;
  }

  boolean(key: string, fallback: boolean): boolean {
    const field = this.take(key);
    if (field === undefined) return fallback;
    // TensorFlow.js and early Keras write null for what a layer does not do.
    if (field.value === null) return false;
    if (typeof field.value !== "boolean") throw field.error("true or false");
    return field.value;
  }

  number(key: string, fallback: number): number {
    const field = this.take(key);
    if (field === undefined || field.value === null) return fallback;
    return field.number();
  }

  size(key: string): number {
    const field = this.take(key);
    if (field === undefined) throw this.field.error(`a field "${key}"`, "none");
    return field.integer(1);
  }

  /** The one value that is supported, or nothing said. */
  only(key: string, ...supported: readonly (string | number | boolean | null)[]): void {
    const value = this.take(key)?.value;
    if (value === undefined || supported.includes(value as null)) return;
    throw this.error(`${key} ${show(value)} is not supported; expected ${supported.join(" or ")}.`);
  }

  /** The last axis: −1, or its number, 2 of a sequence and 1 of single rows. Keras 2 writes a list for some layers. */
  lastAxis(key: string, sequence: boolean): void {
    const field = this.take(key);
    if (field === undefined) return;
    const value = Array.isArray(field.value) && field.value.length === 1 ? field.value[0] : field.value;
    if (value === -1 || value === (sequence ? 2 : 1)) return;
    throw this.error(`${key} ${show(value)} is not supported; expected the last axis.`);
  }

  /** What is left must change nothing. Gives a warning about the precision, if there is one to give. */
  end(): string[] {
    const dtype = this.take("dtype");
    for (const [key, field] of this.fields) {
      if (NEUTRAL.includes(key) || NEUTRAL_ENDINGS.test(key) || ABSENT.includes(field.value)) continue;
      throw this.error(`${key} ${show(field.value)} is not supported.`);
    }
    const name = precision(dtype);
    if (name === undefined || name === "float32" || name === "int32" || name === "int64") return [];
    if (PRECISIONS.includes(name)) return [`${this.layer}: trained in ${name}, runs in f32.`];
    throw this.error(`dtype ${show(name)} is not supported.`);
  }
}

/** Keras 2 writes a name, Keras 3 a record of a policy. */
function precision(dtype: Field | undefined): string | undefined {
  if (dtype === undefined || dtype.value === null) return undefined;
  if (typeof dtype.value === "string") return dtype.value;
  const config = new Map(dtype.entries()).get("config");
  return config && new Map(config.entries()).get("name")?.string();
}

/** Keras's names of functions; undefined for what other operators do. hard_sigmoid: see below. */
const FUNCTIONS = new Map<string, ActivationSpec>([
  ["linear", { name: "identity" }],
  ["sigmoid", { name: "sigmoid" }],
  ["tanh", { name: "tanh" }],
  ["relu", { name: "relu" }],
  ["elu", { name: "elu", alpha: 1 }],
  ["softplus", { name: "softplus" }],
  ["softsign", { name: "softsign" }],
  ["leaky_relu", { name: "leakyRelu", alpha: 0.2 }],
]);

/** softmax and log_softmax are operators of their own. */
export type Activation = ActivationSpec | "softmax" | "logSoftmax";

/**
 * A function by its name. hard_sigmoid is clip(0.2 x + 0.5) until Keras 2 and in TensorFlow.js, relu6(x + 3) / 6 from Keras 3 on:
 * `keras` is the major version of the file, undefined where it does not say.
 */
export function activationOf(config: Config, key: string, fallback: string, keras: number | undefined): Activation {
  const field = config.take(key);
  if (field === undefined || field.value === null)
    return activationNamed(config, key, field ? "linear" : fallback, keras);
  if (typeof field.value !== "string") throw config.error(`${key} of its own is not supported.`);
  return activationNamed(config, key, field.value, keras);
}

function activationNamed(config: Config, key: string, name: string, keras: number | undefined): Activation {
  if (name === "softmax") return "softmax";
  if (name === "log_softmax") return "logSoftmax";
  if (name === "hard_sigmoid" || name === "hardSigmoid") {
    if (keras === undefined)
      throw config.error("hard_sigmoid depends on Keras's version, which the file does not say.");
    return { name: "hardSigmoid", alpha: keras < 3 ? 0.2 : 1 / 6, beta: 0.5 };
  }
  const found = FUNCTIONS.get(name);
  if (found === undefined) throw config.error(`${key} ${show(name)} is not supported.`);
  return found;
}
