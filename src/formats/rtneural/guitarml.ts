/**
 * GuitarML's JSON (Automated-GuitarAmpModelling; Proteus, NeuralPi) → Model: a state_dict of PyTorch as nested arrays, and the
 * constructor's arguments of `SimpleRNN`: one recurrent unit `rec`, a linear layer `lin`, and the first `skip` inputs added to
 * the output (CoreAudioML/networks.py).
 */

import { FormatError, ModelError } from "../../errors.ts";
import { type LayerSpec, type LayersOptions, layersToModel } from "../../layers.ts";
import type { Model } from "../../model.ts";
import type { OpTable } from "../../ops/core.ts";
import { MAX_SIZE } from "../../ops/op.ts";
import type { Tensor } from "../../tensor.ts";
import { type Field, show } from "../json.ts";
import { f32, firstColumns, numbers, shapeOf } from "../nested.ts";

/** torch.nn's names. */
const UNITS = new Map([
  ["RNN", "rnn"],
  ["GRU", "gru"],
  ["LSTM", "lstm"],
]);

export function readGuitarml(ops: OpTable, root: Field, options: LayersOptions): Model {
  const { model_data, state_dict } = root.fields(["model_data", "state_dict"]);
  const required = ["model", "input_size", "skip", "output_size", "unit_type", "num_layers", "hidden_size"] as const;
  const data = model_data.fields(required, ["bias_fl"]);
  const unit = UNITS.get(data.unit_type.string());
  for (const [field, fits] of [
    [data.model, data.model.string() === "SimpleRNN"],
    [data.unit_type, unit !== undefined],
  ] as const) {
    if (fits) continue;
    const hint = "Supported: SimpleRNN of LSTM, GRU or RNN.";
    throw new ModelError("ERR_UNSUPPORTED_OP", `${field.path}: ${show(field.value)} is not supported.`, { hint });
  }
  const [inputSize, outputSize, skip] = [data.input_size, data.output_size, data.skip].map((field, i) => {
    const size = field.integer(i === 2 ? 0 : 1);
    if (size > MAX_SIZE) throw field.as("ERR_LIMIT").error(`at most ${MAX_SIZE}`);
    return size;
  });
  // PyTorch would spread one column over all outputs; nobody trains that, and an add of ours takes equal sizes.
  if (skip !== 0 && (skip !== outputSize || skip > inputSize)) {
    throw new ModelError(
      "ERR_ATTRIBUTE",
      `${data.skip.path}: expected 0, or ${outputSize} columns of the input for as many outputs; got ${skip}`,
    );
  }
  const tensors = readStateDict(state_dict);
  const layers: LayerSpec[] = [
    {
      type: unit as string,
      name: "rec",
      inputSize,
      hiddenSize: data.hidden_size.integer(1),
      numLayers: data.num_layers.integer(1),
      bias: true,
    },
    { type: "linear", name: "lin", outFeatures: outputSize, bias: data.bias_fl ? truth(data.bias_fl) : true },
  ];
  if (skip > 0) {
    if (skip < inputSize) {
      if (tensors.has("skip.weight")) {
        throw new FormatError("ERR_DUPLICATE", "state_dict.skip.weight: the name is taken by the skip of the inputs.");
      }
      layers.push({ type: "linear", name: "skip", inputs: ["input"], bias: false });
      tensors.set("skip.weight", firstColumns("skip.weight", skip, inputSize));
    }
    layers.push({ type: "add", name: "output", inputs: ["lin", skip < inputSize ? "skip" : "input"] });
  }
  return layersToModel(ops, layers, tensors, {
    ...options,
    inputs: [{ name: "input", dtype: "F32", shape: [inputSize] }],
  });
}

function truth(field: Field): boolean {
  if (typeof field.value !== "boolean") throw field.error("true or false");
  return field.value;
}

/** A state_dict written as nested arrays, such as RTNeural's torch_helpers read: tensors by name. */
export function readStateDict(root: Field): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, field] of root.entries()) {
    if (name === "" || name.includes("\0")) throw field.as("ERR_NAME").error("a tensor name without NUL", show(name));
    const shape = shapeOf(field, 8);
    tensors.set(name, f32(name, shape, numbers(field, shape)));
  }
  return tensors;
}
