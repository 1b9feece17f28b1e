/**
 * SimpleRNN, GRU, LSTM, their cuDNN forms and Bidirectional → rnn, gru and lstm (keras/src/layers/rnn; keras 2's recurrent.py
 * and wrappers.py).
 */

import type { LayerSpec } from "../../layers.ts";
import type { ActivationSpec } from "../../model.ts";
import type { Tensor } from "../../tensor.ts";
import type { Arrays } from "./arrays.ts";
import type { Builder, KerasLayer, Value } from "./builder.ts";
import { checkOrigin } from "./config.ts";
import { activationOf, Config } from "./fields.ts";
import { type CellType, cellTensors, fromCudnn, GATES } from "./weights.ts";

export const CELLS = new Map<string, CellType>([
  ["SimpleRNN", "rnn"],
  ["GRU", "gru"],
  ["LSTM", "lstm"],
  ["CuDNNGRU", "gru"],
  ["CuDNNLSTM", "lstm"],
  ["UnifiedGRU", "gru"],
  ["UnifiedLSTM", "lstm"],
]);

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
  weights: Arrays,
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
    kernel = { shape: kernel.shape, data: fromCudnn(kernel.data, inputSize, units, gates) };
    recurrent = { shape: recurrent.shape, data: fromCudnn(recurrent.data, units, units, gates) };
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
  const { type, units: hiddenSize, useBias: bias, functions } = cell;
  const usual = functions.every(({ name }, i) => name === (i === 0 && type !== "rnn" ? "sigmoid" : "tanh"));
  const activations = usual ? {} : { activations: functions };
  return { type, name, inputs: [input], hiddenSize, bias, ...activations, ...(type === "gru" && { resetAfter }) };
}

export function addRecurrent(to: Builder, layer: KerasLayer, config: Config, weights: Arrays): Value {
  const { name, className, inputs } = layer;
  const cell = readRecurrent(to, className, config);
  if (!inputs[0].sequence) throw config.error("expected a sequence; got one row.");
  if (cell.backwards && cell.sequences && inputs[0].masked) {
    throw config.error(
      "go_backwards with return_sequences after a mask is not supported: Keras leaves the mask in the order of the inputs.",
    );
  }
  const [tensors, resetAfter] = recurrentTensors(cell, name, "_l0", weights);
  weights.end();
  to.tensors.push(...tensors);
  const spec = cellSpec(cell, name, inputs[0].name, resetAfter);
  to.layers.push(cell.backwards ? { ...spec, reverse: true, computedOrder: true } : spec);
  return cell.sequences ? { name, sequence: true } : lastOf(to, name);
}

function lastOf(to: Builder, name: string): Value {
  to.layers.push({ type: "last", name: `${name}/last`, inputs: [name] });
  return { name: `${name}/last`, sequence: false };
}

/** The layer inside a wrapper; Keras writes the same record as for a layer of the model. */
export function innerLayer(config: Config, key: string, inputs: readonly Value[]): KerasLayer {
  const field = config.take(key);
  if (field === undefined) throw config.field.error(`a field "${key}"`, "none");
  const members = new Map(field.entries());
  const className = members.get("class_name")?.string() ?? "";
  const inner = members.get("config");
  checkOrigin(config.layer, className, members);
  if (inner === undefined) throw field.error('a field "config"', "none");
  return { className, name: new Map(inner.entries()).get("name")?.string() ?? className, config: inner, inputs };
}

export function addBidirectional(to: Builder, layer: KerasLayer, config: Config, weights: Arrays): Value {
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
  // One node where it can say both; Keras 3 writes the backward layer's config in any case.
  const alike = JSON.stringify({ ...first, backwards: true }) === JSON.stringify(back);
  const joined = mode === "concat" && alike;
  const names = joined ? [name, name] : [`${name}/forward`, `${name}/backward`];
  const after = [first, back].map((cell, i) => {
    const suffix = joined && i === 1 ? "_l0_reverse" : "_l0";
    const [tensors, resetAfter] = recurrentTensors(cell, names[i], suffix, weights);
    to.tensors.push(...tensors);
    return resetAfter;
  });
  weights.end();
  // Only sequences are turned back: of one that gives its last output alone it is the one computed last.
  const order = first.sequences ? {} : { computedOrder: true };
  if (joined && after[0] === after[1]) {
    to.layers.push({ ...cellSpec(first, name, input.name, after[0]), bidirectional: true, ...order });
    return first.sequences ? { name, sequence: true } : lastOf(to, name);
  }
  to.layers.push(cellSpec(first, names[0], input.name, after[0]));
  to.layers.push({ ...cellSpec(back, names[1], input.name, after[1]), reverse: true, ...order });
  const both = first.sequences ? names : names.map((one) => lastOf(to, one).name);
  const merged = mode === "ave" ? `${name}/sum` : name;
  to.layers.push({ type: mode === "concat" ? "concat" : "add", name: merged, inputs: both });
  if (mode === "ave") to.layers.push({ type: "activation", name, activation: { name: "affine", alpha: 0.5, beta: 0 } });
  return { name, sequence: first.sequences };
}
