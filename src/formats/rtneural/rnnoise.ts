/**
 * RNNoise's weights as text (rnnoise-nu, .rnnn) → Model. A line of head; then, for each of six layers in a fixed order, inputs,
 * outputs and activation, the kernel, a GRU's recurrent kernel, and the bias, all as integers of 8 bits that stand for 1/256.
 * GRUs have one row of bias and their reset before the product (rnnoise 0.1, src/rnn.c).
 */

import { FormatError } from "../../errors.ts";
import { type LayerSpec, type LayersOptions, layersToModel } from "../../layers.ts";
import type { Model } from "../../model.ts";
import type { OpTable } from "../../ops/core.ts";
import type { Tensor } from "../../tensor.ts";
import { show } from "../json.ts";
import { cellTensors, toRows } from "../keras/weights.ts";
import { byName, f32 } from "../nested.ts";

/** How a file begins. */
export const RNNOISE_HEAD = "rnnoise-nu model file version ";

const ACTIVATIONS = ["tanh", "sigmoid", "relu"];

/** The C code has buffers of this size for a layer's output (MAX_NEURONS) and takes no larger layer. */
const MOST = 128;

/** In the order of the file: what each layer reads. The graph runs denoise_output before vad_output too. */
const LAYERS: readonly (readonly [name: string, gru: boolean, ...inputs: string[]])[] = [
  ["input_dense", false, "features"],
  ["vad_gru", true, "input_dense"],
  ["noise_gru", true, "input_dense", "vad_gru", "features"],
  ["denoise_gru", true, "vad_gru", "noise_gru", "features"],
  ["denoise_output", false, "denoise_gru"],
  ["vad_output", false, "vad_gru"],
];

export function readRnnoise(ops: OpTable, text: string, options: LayersOptions): Model {
  const tokens = new Tokens(text);
  const layers: LayerSpec[] = [];
  const tensors: Tensor[] = [];
  const sizes = new Map<string, number>();
  for (const [name, gru, ...inputs] of LAYERS) {
    const inputSize = tokens.integer(`${name}: inputs`, 1, MOST);
    const size = tokens.integer(`${name}: outputs`, 1, MOST);
    const activation = ACTIVATIONS[tokens.integer(`${name}: activation`, 0, 2)];
    if (name === "input_dense") sizes.set("features", inputSize);
    const expected = inputs.reduce((sum, input) => sum + (sizes.get(input) as number), 0);
    if (inputSize !== expected) {
      throw new FormatError(
        "ERR_SHAPE",
        `${name}: expected ${expected} inputs, ${inputs.join(" + ")}; got ${inputSize}`,
        {
          path: name,
        },
      );
    }
    sizes.set(name, size);
    const weights = (part: string, count: number) => tokens.weights(`${name}: ${part}`, count);
    let from = inputs;
    if (inputs.length > 1) {
      from = [`${name}.inputs`];
      layers.push({ type: "concat", name: from[0], inputs });
    }
    if (gru) {
      const kernel = weights("kernel", inputSize * 3 * size);
      const recurrent = weights("recurrent kernel", size * 3 * size);
      const bias = weights("bias", 3 * size);
      layers.push({ type: "gru", name, inputs: from, resetAfter: false, activations: ["sigmoid", activation] });
      tensors.push(...cellTensors("gru", { inputSize, hiddenSize: size, kernel, recurrent, bias }, name));
    } else {
      const kernel = weights("kernel", inputSize * size);
      layers.push({ type: "linear", name, inputs: from, activation });
      tensors.push(
        f32(`${name}.weight`, [size, inputSize], toRows(kernel, inputSize, size)),
        f32(`${name}.bias`, [size], weights("bias", size)),
      );
    }
  }
  tokens.end();
  return layersToModel(ops, layers, byName(tensors), {
    ...options,
    inputs: [{ name: "features", dtype: "F32", shape: [sizes.get("features") as number] }],
    outputs: ["denoise_output", "vad_output"],
  });
}

/** Integers between white space, after the first line. */
class Tokens {
  private readonly word = /[^ \t\r\n]+/g;

  constructor(private readonly text: string) {
    const line = /^[^\n]*/.exec(text)?.[0].trimEnd() ?? "";
    if (line !== `${RNNOISE_HEAD}1`) {
      throw new FormatError("ERR_VERSION", `line 1: expected ${RNNOISE_HEAD}1; got ${show(line)}`, { offset: 0 });
    }
    this.word.lastIndex = line.length;
  }

  integer(what: string, min: number, max: number): number {
    const found = this.word.exec(this.text);
    const expected = `${what}: expected an integer in ${min} … ${max}`;
    if (found === null) {
      throw new FormatError("ERR_TRUNCATED", `${expected}; got the end`, { path: what, offset: this.text.length });
    }
    const [word] = found;
    const value = /^-?\d{1,4}$/.test(word) ? Number(word) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new FormatError("ERR_HEADER", `${expected}; got ${show(word)}`, { path: what, offset: found.index });
  }

  weights(what: string, count: number): Float32Array {
    const data = new Float32Array(count); // at most 128 · 3 · 128
    for (let i = 0; i < count; i++) data[i] = this.integer(what, -128, 127) / 256;
    return data;
  }

  end(): void {
    const found = this.word.exec(this.text);
    if (found === null) return;
    const { 0: word, index } = found;
    throw new FormatError("ERR_SIZE", `file: expected the end after six layers; got ${show(word)}`, { offset: index });
  }
}
