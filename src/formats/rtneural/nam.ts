/**
 * Neural Amp Modeler's .nam → Model, for its LSTMs. `weights` is one list: for each layer W (4H, I + H) row by row with the
 * gates i, f, g, o, b (4H), and the learned initial h (H) and c (H); then the head's weight (O, H) and bias (O)
 * (NeuralAmpModelerCore, NAM/lstm.cpp). The plugin warms a model up with zeros; here a stream begins with the file's state.
 */

import { ModelError } from "../../errors.ts";
import { type LayersOptions, layersToModel } from "../../layers.ts";
import type { Model } from "../../model.ts";
import type { OpTable } from "../../ops/core.ts";
import type { Tensor } from "../../tensor.ts";
import { type Field, show } from "../json.ts";
import { byName, f32, numbers } from "../nested.ts";

/** Largest sizes taken. Largest realistic: 64 units in 3 layers; what trains in an evening and runs in a plugin. */
const MOST = 4096;

export function readNam(ops: OpTable, root: Field, options: LayersOptions): Model {
  const fields = root.fields(["version", "architecture", "config", "weights"], ["metadata", "sample_rate"]);
  if (!/^0\.5\.\d+$/.test(fields.version.string())) throw fields.version.as("ERR_VERSION").error('"0.5.x"');
  const architecture = fields.architecture.string();
  if (architecture !== "LSTM") {
    const message = `architecture: expected "LSTM"; got ${show(architecture)}, which is not supported.`;
    throw new ModelError("ERR_UNSUPPORTED_OP", message, { node: "architecture" });
  }
  const sizes = ["input_size", "hidden_size", "num_layers"] as const;
  const config = fields.config.fields(sizes, ["in_channels", "out_channels"]);
  const size = (field: Field): number => {
    const value = field.integer(1);
    if (value > MOST) throw field.as("ERR_LIMIT").error(`at most ${MOST}`);
    return value;
  };
  const [I, H, L] = sizes.map((key) => size(config[key]));
  const O = config.out_channels ? size(config.out_channels) : 1;
  if (config.in_channels && config.in_channels.integer(1) !== I) throw config.in_channels.error(`input_size, ${I}`);
  const count = 4 * H * (I + H + 1) + 2 * H + (L - 1) * (4 * H * (2 * H + 1) + 2 * H) + O * (H + 1);
  const all = numbers(fields.weights, [count]);

  const tensors: Tensor[] = [];
  let at = 0;
  const take = (length: number) => {
    at += length;
    return all.subarray(at - length, at);
  };
  const add = (name: string, shape: readonly number[], data: Float32Array) => tensors.push(f32(name, shape, data));
  const [h0, c0] = [new Float32Array(L * H), new Float32Array(L * H)];
  for (let k = 0; k < L; k++) {
    const columns = k === 0 ? I : H;
    const both = take(4 * H * (columns + H));
    const part = (from: number, length: number) =>
      Float32Array.from({ length: 4 * H * length }, (_, i) => {
        const row = Math.floor(i / length);
        return both[row * (columns + H) + from + (i - row * length)];
      });
    add(`lstm.weight_ih_l${k}`, [4 * H, columns], part(0, columns));
    add(`lstm.weight_hh_l${k}`, [4 * H, H], part(columns, H));
    add(`lstm.bias_ih_l${k}`, [4 * H], take(4 * H));
    add(`lstm.bias_hh_l${k}`, [4 * H], new Float32Array(4 * H));
    h0.set(take(H), k * H);
    c0.set(take(H), k * H);
  }
  add("lstm.h0", [L, H], h0);
  add("lstm.c0", [L, H], c0);
  add("head.weight", [O, H], take(O * H));
  add("head.bias", [O], take(O));

  const rate = fields.sample_rate?.value == null ? undefined : fields.sample_rate.number();
  if (rate !== undefined && rate <= 0) throw (fields.sample_rate as Field).error("a rate > 0");
  return layersToModel(
    ops,
    [
      { type: "lstm", name: "lstm", numLayers: L },
      { type: "linear", name: "head" },
    ],
    byName(tensors),
    { ...options, ...(rate !== undefined && { info: { sampleRate: rate } }) },
  );
}
