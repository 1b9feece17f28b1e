/**
 * The HDF5 of a Keras file → each layer's weights in Keras's order. Until Keras 2, and in .h5 files of Keras 3, lists of names
 * are attributes (legacy_h5_format.py); in .weights.h5 and .keras files groups are numbered by class (saving_lib.py).
 */

import { FormatError } from "../../errors.ts";
import type { Tensor } from "../../tensor.ts";
import type { Data } from "../hdf5/data.ts";
import type { Dataset, Group } from "../hdf5/tree.ts";
import { show } from "../json.ts";
import type { ConfigLayer } from "./config.ts";

export type Weights = Map<string, Tensor[]>;

/** An attribute's texts; lists above 64 KB are cut into KEY0, KEY1, … */
export function texts({ attributes }: Group, key: string, data: Data): string[] | undefined {
  const whole = attributes.get(key);
  if (whole !== undefined) return data.text(whole);
  const parts: string[] = [];
  for (let i = 0; ; i++) {
    const part = attributes.get(`${key}${i}`);
    if (part === undefined) return i === 0 ? undefined : parts;
    parts.push(...data.text(part));
  }
}

function failure(path: string, expected: string, got: string): FormatError {
  return new FormatError("ERR_HDF5", `${path || "/"}: expected ${expected}; got ${got}`, { path });
}

/** Weights by the lists of names: the order of a list counts, never the names. */
export function legacyWeights(root: Group, names: readonly string[], data: Data): Weights {
  const weights: Weights = new Map();
  for (const name of names) {
    const group = root.groups.get(name);
    if (group === undefined) throw failure(root.path, `a group ${show(name)} of layer_names`, "none");
    if (weights.has(name))
      throw new FormatError("ERR_DUPLICATE", `${root.path || "/"}: layer_names has ${show(name)} twice.`);
    const listed = texts(group, "weight_names", data);
    if (listed === undefined) throw failure(group.path, "an attribute weight_names", "none");
    const found = new Set(listed.map((path) => datasetAt(group, path)));
    checkAllUsed(group, found);
    if (found.size !== listed.length) throw failure(group.path, "every weight once", "one twice");
    weights.set(
      name,
      listed.map((path) => ({ ...data.tensor(datasetAt(group, path)), name: path })),
    );
  }
  for (const [name, group] of root.groups) {
    if (!weights.has(name)) checkAllUsed(group, new Set());
  }
  return weights;
}

/** `lstm/kernel:0`: the path from the layer's group. */
function datasetAt(group: Group, path: string): Dataset {
  const parts = path.split("/");
  const last = parts.pop() as string;
  let at: Group | undefined = group;
  for (const part of parts) at = at?.groups.get(part);
  const found = at?.datasets.get(last);
  if (found === undefined) throw failure(group.path, `a dataset ${show(path)} of weight_names`, "none");
  return found;
}

function checkAllUsed(group: Group, used: ReadonlySet<Dataset>): void {
  for (const dataset of group.datasets.values()) {
    if (!used.has(dataset)) throw failure(dataset.path, "a dataset that a layer lists", "one that none does");
  }
  for (const child of group.groups.values()) checkAllUsed(child, used);
}

/** Keras 3's groups under `layers`: gru, gru_1, … by class, in the order of the model. */
export function numberedWeights(root: Group, layers: readonly ConfigLayer[], data: Data): Weights {
  const container = containerOf(root);
  const weights: Weights = new Map();
  const counts = new Map<string, number>();
  const used = new Set<string>();
  for (const { className, name } of layers) {
    const key = snakeCase(className);
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    const path = count === 0 ? key : `${key}_${count}`;
    const group = container.groups.get(path);
    used.add(path);
    weights.set(name, group === undefined ? [] : inOrder(group, data));
  }
  const rest = [...container.groups].find(([key, group]) => !used.has(key) && inOrder(group, data).length > 0);
  if (rest !== undefined) throw failure(rest[1].path, "a group that a layer of the config has", "one that none has");
  return weights;
}

/** The same without a config: by the layer's name, an attribute, else by the group's. */
export function namedWeights(root: Group, data: Data): Weights {
  const weights: Weights = new Map();
  for (const [key, group] of containerOf(root).groups) {
    const mark = group.groups.get("vars")?.attributes.get("name");
    const name = mark ? data.text(mark)[0] : key;
    if (weights.has(name))
      throw new FormatError("ERR_DUPLICATE", `${group.path}: another layer is called ${show(name)}.`);
    weights.set(name, inOrder(group, data));
  }
  return weights;
}

/** Beside it: what the optimizer keeps, and variables of the model itself, of which there are none. */
function containerOf(root: Group): Group {
  const container = root.groups.get("layers");
  if (container === undefined) throw failure(root.path, 'layer_names, or a group "layers"', "neither");
  for (const [key, group] of root.groups) {
    if (key !== "layers" && key !== "optimizer") checkAllUsed(group, new Set());
  }
  return container;
}

/** Parts of a layer, in the order in which Keras lists their weights. */
const PARTS = ["cell", "forward_layer", "backward_layer", "layer"];

/** A layer's variables 0, 1, …, then those of its parts. Seeds of dropout are none. */
function inOrder(group: Group, data: Data): Tensor[] {
  const vars = group.groups.get("vars");
  const own = [...(vars?.datasets ?? [])].map((_, i) => {
    const dataset = vars?.datasets.get(`${i}`);
    if (dataset === undefined) throw failure(vars?.path ?? "", `a variable ${i}`, "none");
    return data.tensor(dataset);
  });
  if (group.datasets.size > 0 || (vars?.groups.size ?? 0) > 0)
    throw failure(group.path, "variables in vars alone", "others");
  for (const [key, child] of group.groups) {
    if (key === "vars" || key === "seed_generator" || PARTS.includes(key)) continue;
    checkAllUsed(child, new Set());
  }
  return [
    ...own,
    ...PARTS.flatMap((part) => {
      const child = group.groups.get(part);
      return child ? inOrder(child, data) : [];
    }),
  ];
}

/** Keras's to_snake_case: LSTM → lstm, SimpleRNN → simple_rnn, TimeDistributed → time_distributed. */
function snakeCase(name: string): string {
  return name
    .replace(/\W+/g, "")
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}
