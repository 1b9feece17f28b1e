/** Config and weights by layer → Model. TensorFlow.js files have the same config and end here too. */

import { ModelError } from "../../errors.ts";
import { type LayersOptions, layersToModel } from "../../layers.ts";
import type { Model, ValueInfo } from "../../model.ts";
import type { OpTable } from "../../ops/core.ts";
import type { Tensor } from "../../tensor.ts";
import type { Outline } from "../format.ts";
import type { Field } from "../json.ts";
import { byName } from "../nested.ts";
import type { Builder, Value } from "./builder.ts";
import { type ConfigLayer, readModelConfig } from "./config.ts";
import { Config } from "./fields.ts";
import { addLayer, isKnownLayer } from "./layers.ts";

/** Gives the weights of each layer in Keras's order; `layers` in the order of the file. */
export type WeightsOf = (layers: readonly ConfigLayer[]) => ReadonlyMap<string, readonly Tensor[]>;

/** Limits of a config. Sorting layers takes their number squared. Largest realistic: 1,000, a deep network of separate layers. */
const MOST_LAYERS = 4096;

export function kerasModel(
  ops: OpTable,
  root: Field,
  weightsOf: WeightsOf,
  keras: number | undefined,
  options: LayersOptions,
): Model {
  const { layers, outputs } = readModelConfig(root);
  if (layers.length > MOST_LAYERS) throw root.as("ERR_LIMIT").error(`at most ${MOST_LAYERS} layers`, layers.length);
  const weights = weightsOf(layers);
  const ignore = options.ignore ?? [];
  const builder: Builder = { layers: [], tensors: [], warnings: [], keras, ignore };
  const values = new Map<string, Value>();
  const inputs: ValueInfo[] = [];
  for (const layer of layers) {
    if (layer.className === "InputLayer") {
      const ids = layers.some((one) => one.className === "Embedding" && one.inputs.includes(layer.name));
      const [input, sequence] = readInput(layer, ids);
      inputs.push(input);
      values.set(layer.name, { name: layer.name, sequence });
      continue;
    }
    const from = layer.inputs.map((name) => values.get(name) as Value);
    if (from.length === 0)
      throw new ModelError("ERR_GRAPH", `${layer.name}: the layer reads nothing.`, { node: layer.name });
    values.set(layer.name, addLayer(builder, { ...layer, inputs: from }, weights.get(layer.name) ?? []));
  }
  const names = outputs.map((name) => {
    const value = values.get(name);
    if (value) return value.name;
    throw new ModelError("ERR_GRAPH", `output_layers: expected names of layers; got ${JSON.stringify(name)}.`);
  });
  const model = layersToModel(ops, builder.layers, byName(builder.tensors), {
    nonFinite: options.nonFinite,
    inputs,
    outputs: names,
  });
  return { ...model, warnings: builder.warnings };
}

/** Its layers by class, and the shapes of its inputs. */
export function kerasOutline(root: Field): Outline {
  const { layers } = readModelConfig(root);
  const counts = new Map<string, number>();
  for (const { className } of layers) counts.set(className, (counts.get(className) ?? 0) + 1);
  return {
    inputs: layers
      .filter(({ inputs }) => inputs.length === 0)
      .map(({ name, config }) => {
        const fields = new Config(config, name);
        const shape = (fields.take("batch_shape") ?? fields.take("batch_input_shape"))?.items() ?? [];
        return { name, shape: shape.map(({ value }) => (typeof value === "number" ? value : "?")) };
      }),
    parts: [...counts].map(([name, count]) => ({ name, count, supported: isKnownLayer(name) })),
  };
}

/** (batch, features) or (batch, time, features); ids are (batch) or (batch, time). */
function readInput({ config, name }: ConfigLayer, ids: boolean): [input: ValueInfo, sequence: boolean] {
  const fields = new Config(config, `${name} (InputLayer)`);
  const shape = (fields.take("batch_shape") ?? fields.take("batch_input_shape"))?.items();
  if (ids && shape === undefined) return [{ name, dtype: "I32", shape: [] }, true];
  const rank = shape?.length ?? 0;
  if (shape === undefined || rank < (ids ? 1 : 2) || rank > (ids ? 2 : 3)) {
    throw fields.error(`expected a shape of batch, time and ${ids ? "one id" : "features"}; got ${rank} axes.`);
  }
  if (ids) return [{ name, dtype: "I32", shape: [] }, rank === 2];
  const size = shape[rank - 1];
  if (size.value === null) throw fields.error("expected features of a known number; got none.");
  return [{ name, dtype: "F32", shape: [size.integer(1)] }, rank === 3];
}
