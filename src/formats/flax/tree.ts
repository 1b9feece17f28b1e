/**
 * Flax's parameter tree → the tensors of a state_dict. Paths end in what a module calls its parameters (flax/linen/recurrent.py,
 * linear.py, normalization.py; nnx/nn/recurrent.py): gates lie in submodules of their own or side by side in one matrix,
 * kernels are (in, out). A module's path without `params` and `cell`, joined by dots, is the name of its layer.
 */

import { ModelError } from "../../errors.ts";
import { elements, shapeText, type Tensor, toF32 } from "../../tensor.ts";
import { show } from "../json.ts";

/** Parameters of one module by their path below it: `ir/kernel`. */
type Module = Map<string, Tensor>;

/** The gates of a cell in our order, by the names of their submodules on the input's and the state's side. */
const CELLS: readonly { readonly gates: readonly (readonly [input: string, state: string])[] }[] = [
  {
    gates: [
      ["ir", "hr"],
      ["iz", "hz"],
      ["in", "hn"],
    ],
  },
  {
    gates: [
      ["ii", "hi"],
      ["if", "hf"],
      ["ig", "hg"],
      ["io", "ho"],
    ],
  },
  {
    gates: [
      ["ii", "hi"],
      ["if_", "hf"],
      ["ig", "hg"],
      ["io", "ho"],
    ],
  },
  { gates: [["i", "h"]] },
];

/** All gates in one matrix, side by side: NNX. */
const FUSED = ["dense_i", "dense_h"] as const;

const SUBMODULES = new Set([...CELLS.flatMap(({ gates }) => gates.flat()), ...FUSED]);

/** Of the tree of a training state: what is no parameter. */
export const BESIDE = ["step", "opt_state"];

/** @throws ModelError that names the module */
export function treeToStateDict(tensors: Iterable<Tensor>, ignore: readonly string[] = []): Map<string, Tensor> {
  const cells = new Map<string, Module>();
  const modules = new Map<string, Module>();
  for (const tensor of tensors) {
    const { name } = tensor;
    if (ignore.includes(name)) continue;
    const parts = name.split(name.includes("/") ? "/" : ".");
    if (parts.length > 1 && BESIDE.includes(parts[0])) continue;
    const from = ["params", "batch_stats"].includes(parts[0]) ? 1 : 0;
    const isGate = parts.length - from > 1 && SUBMODULES.has(parts.at(-2) as string);
    const split = parts.length - (isGate ? 2 : 1);
    const group = isGate ? cells : modules;
    const path = parts.slice(from, split).join("/");
    const module = group.get(path) ?? new Map();
    const key = parts.slice(split).join("/");
    if (module.has(key)) throw wrong(path, `${show(name)} is there under another path too`);
    group.set(path, module.set(key, tensor));
  }
  const out = new Map<string, Tensor>();
  const put = (module: string, name: string, shape: readonly number[], data: Float32Array) => {
    const key = module === "" ? name : `${module}.${name}`;
    if (out.has(key)) throw wrong(module, `another module gives ${show(key)} too`);
    out.set(key, { name: key, dtype: "F32", shape, data });
  };
  for (const [path, module] of cells) addCell(path, module, put);
  for (const [path, module] of modules) addModule(path, module, put);
  return out;
}

type Put = (module: string, name: string, shape: readonly number[], data: Float32Array) => void;

function wrong(path: string, what: string, hint?: string): ModelError {
  return new ModelError("ERR_UNSUPPORTED_OP", `${show(path)}: ${what}.`, { node: path, hint });
}

function addCell(path: string, module: Module, put: Put): void {
  const names = new Set([...module.keys()].map((key) => key.slice(0, key.indexOf("/"))));
  const found = CELLS.find(
    ({ gates }) => names.size === 2 * gates.length && gates.flat().every((one) => names.has(one)),
  );
  const fused = FUSED.every((one) => names.has(one)) && names.size === 2;
  if (found === undefined && !fused) throw wrong(path, `a cell of ${[...names].join(", ")} is not supported`, KNOWN);
  const gates = found?.gates ?? [FUSED];
  // GRUCell stands below RNN as `cell`, a direction of Bidirectional as `forward_rnn/cell`.
  const parts = path.split("/");
  if (parts.at(-1) === "cell") parts.pop();
  const direction = ["forward_rnn", "backward_rnn"].indexOf(parts.at(-1) as string);
  if (direction >= 0) parts.pop();
  const layer = parts.join(".");
  const suffix = direction === 1 ? "_l0_reverse" : "_l0";

  const left = new Map(module);
  const side = (k: 0 | 1, what: "kernel" | "bias") =>
    gates.map((gate) => {
      const key = `${gate[k]}/${what}`;
      left.delete(key);
      return module.get(key);
    });
  const kernels = [side(0, "kernel"), side(1, "kernel")];
  const biases = [side(0, "bias"), side(1, "bias")];
  for (const key of left.keys()) throw wrong(path, `${show(key)} is not known`, KNOWN);
  // (in, H) for each gate, or (in, gates · H) for all of them.
  const hidden = kernels[1][0]?.shape[0] ?? 0;
  const columns = kernels[0][0]?.shape[0] ?? 0;
  const rows = fused ? (kernels[1][0]?.shape[1] ?? 0) : gates.length * hidden;
  if (fused && ![1, 3, 4].includes(rows / hidden)) {
    throw wrong(path, `a cell of ${rows} rows and state ${hidden} is not supported`, KNOWN);
  }
  [columns, hidden].forEach((size, k) => {
    const parts = kernels[k].map((kernel, i) => rowsOf(path, gates[i][k], kernel, size, rows / gates.length));
    put(layer, `weight_${k === 0 ? "ih" : "hh"}${suffix}`, [rows, size], concat(parts));
  });
  if (biases.flat().every((bias) => bias === undefined)) return;
  biases.forEach((side, k) => {
    // A gate without a bias has zeros: our layers have both biases or none.
    const parts = side.map((bias, i) => vectorOf(path, gates[i][k], bias, rows / gates.length));
    put(layer, `bias_${k === 0 ? "ih" : "hh"}${suffix}`, [rows], concat(parts));
  });
}

const KNOWN = "Supported: GRUCell, LSTMCell, OptimizedLSTMCell, SimpleCell of linen and nnx.";

/** (in, out) → rows of the output. */
function rowsOf(path: string, gate: string, kernel: Tensor | undefined, columns: number, rows: number): Float32Array {
  if (kernel === undefined) throw wrong(path, `${gate} has no kernel`);
  if (kernel.shape.length !== 2 || kernel.shape[0] !== columns || kernel.shape[1] !== rows) {
    const message = `${kernel.name}: expected shape ${shapeText([columns, rows])}; got ${shapeText(kernel.shape)}.`;
    throw new ModelError("ERR_SHAPE", message, { tensor: kernel.name });
  }
  const data = toF32(kernel);
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[i * columns + j] = data[j * rows + i];
  return out;
}

function vectorOf(path: string, gate: string, bias: Tensor | undefined, size: number): Float32Array {
  if (bias === undefined) return new Float32Array(size);
  if (bias.shape.length === 1 && bias.shape[0] === size) return toF32(bias);
  const message = `${show(path)}: expected ${gate}/bias of shape ${shapeText([size])}; got ${shapeText(bias.shape)}.`;
  throw new ModelError("ERR_SHAPE", message, { tensor: bias.name });
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A dense layer, an embedding or a norm; what PyTorch calls their parameters. */
const NAMES: Readonly<Record<string, string>> = {
  embedding: "weight",
  scale: "weight",
  bias: "bias",
  mean: "running_mean",
  var: "running_var",
};

function addModule(path: string, module: Module, put: Put): void {
  const layer = path.replaceAll("/", ".");
  for (const [key, tensor] of module) {
    const { shape } = tensor;
    if (key === "kernel" && shape.length === 2) {
      put(layer, "weight", [shape[1], shape[0]], rowsOf(path, key, tensor, shape[0], shape[1]));
    } else if (Object.hasOwn(NAMES, key) && elements(shape) > 0) {
      put(layer, NAMES[key], shape, toF32(tensor));
    } else {
      const hint = "Supported: recurrent cells, Dense, Embed, LayerNorm, BatchNorm. Name it in ignore to leave it out.";
      throw wrong(path, `${show(key)} of shape ${shapeText(shape)} is not known`, hint);
    }
  }
}
