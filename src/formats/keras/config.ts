/**
 * A model's config → its layers in an order that runs, each with the names of those that it reads: sequential and functional
 * models of Keras 2 and 3. One node for each layer; nested models, shared layers and calls with arguments are refused by name.
 */

import { ModelError } from "../../errors.ts";
import { type Field, show } from "../json.ts";

/** A layer of the config. */
export interface ConfigLayer {
  readonly className: string;
  readonly name: string;
  readonly config: Field;
  /** Names of layers; none for an input. */
  readonly inputs: readonly string[];
}

export interface ModelConfig {
  /** In the order of the file, in which weights of .keras files are numbered. */
  readonly layers: readonly ConfigLayer[];
  readonly outputs: readonly string[];
}

const SEQUENTIAL = "Sequential";
const FUNCTIONAL = ["Functional", "Model"];

export function readModelConfig(root: Field): ModelConfig {
  const members = membersOf(root);
  const className = needed(root, members, "class_name").string();
  if (className !== SEQUENTIAL && !FUNCTIONAL.includes(className)) {
    const message = `model: class ${show(className)} is not supported.`;
    throw new ModelError("ERR_UNSUPPORTED_OP", message, { hint: "Supported: Sequential, Functional." });
  }
  checkOrigin("model", className, members);
  const config = needed(root, members, "config");
  // Keras before 2.2.3 wrote a sequential model as its list of layers.
  const fields = Array.isArray(config.value) ? undefined : membersOf(config);
  const list = fields ? needed(config, fields, "layers") : config;
  const seen = new Set<string>();
  const layers = list.items().map((field): ConfigLayer => {
    const own = membersOf(field);
    const layerConfig = needed(field, own, "config");
    const name = (own.get("name") ?? needed(layerConfig, membersOf(layerConfig), "name")).string();
    if (name === "" || name.includes("\0")) throw field.as("ERR_NAME").error("a layer's name without NUL", show(name));
    if (seen.has(name)) throw field.as("ERR_DUPLICATE").error("every name once", show(name));
    seen.add(name);
    const className = needed(field, own, "class_name").string();
    checkOrigin(name, className, own);
    const nodes = own.get("inbound_nodes");
    return { className, name, config: layerConfig, inputs: nodes ? inputsOf(name, nodes) : [] };
  });
  if (layers.length === 0) throw list.error("one layer or more");
  if (className === SEQUENTIAL || fields === undefined) return chain(layers);
  const outputs = references(needed(config, fields, "output_layers"));
  return { layers: sorted(layers), outputs };
}

/** Keras 3 says where a class comes from: one of the author's own may have any name. */
export function checkOrigin(name: string, className: string, members: ReadonlyMap<string, Field>): void {
  const module = members.get("module")?.value ?? null;
  const registered = members.get("registered_name")?.value ?? null;
  const keras = module === null || (typeof module === "string" && /^(tf_)?keras(\.|$)/.test(module));
  if (keras && (registered === null || registered === className)) return;
  throw new ModelError(
    "ERR_UNSUPPORTED_OP",
    `${name}: layer ${show(registered ?? className)} of ${show(module)} is not Keras's own, and not supported.`,
    { node: name },
  );
}

/** Each layer reads the one before it; the first reads the input, which newer files list. */
function chain(layers: readonly ConfigLayer[]): ModelConfig {
  const first = layers[0].className === "InputLayer" ? [] : [inputFor(layers[0])];
  const all = [...first, ...layers];
  const linked = all.map((layer, i) => ({ ...layer, inputs: i === 0 ? [] : [all[i - 1].name] }));
  return { layers: linked, outputs: [linked[linked.length - 1].name] };
}

/** An input that only the first layer tells of. */
function inputFor({ config }: ConfigLayer): ConfigLayer {
  return { className: "InputLayer", name: "input", config, inputs: [] };
}

function membersOf(field: Field): Map<string, Field> {
  return new Map(field.entries());
}

function needed(field: Field, members: ReadonlyMap<string, Field>, key: string): Field {
  const found = members.get(key);
  if (found === undefined) throw field.error(`a field "${key}"`, "none");
  return found;
}

/** The layers that a layer's one node reads. Keras 2 lists [name, node, tensor, arguments]; Keras 3 has args and kwargs. */
function inputsOf(name: string, nodes: Field): string[] {
  const list = nodes.items();
  if (list.length === 0) return [];
  if (list.length > 1) throw refused(name, "is used more than once, which is not supported");
  const [node] = list;
  if (Array.isArray(node.value)) return references(node);
  const members = membersOf(node);
  for (const [key, field] of members.get("kwargs")?.entries() ?? []) {
    if (field.value === null || field.value === false) continue;
    throw refused(name, `is called with ${key}, which is not supported`);
  }
  const args = needed(node, members, "args").items();
  if (args.length !== 1) throw refused(name, `is called with ${args.length} arguments; expected one`);
  const tensors = Array.isArray(args[0].value) ? args[0].items() : args;
  return tensors.map((field) => {
    const tensor = membersOf(field);
    if (tensor.get("class_name")?.value !== "__keras_tensor__") throw refused(name, "is called with more than tensors");
    const config = needed(field, tensor, "config");
    return reference(needed(config, membersOf(config), "keras_history"));
  });
}

function refused(name: string, what: string): ModelError {
  return new ModelError("ERR_GRAPH", `${name}: the layer ${what}.`, { node: name });
}

/** One reference, or a list of them. */
function references(field: Field): string[] {
  const items = field.items();
  return typeof items[0]?.value === "string" ? [reference(field)] : items.map(reference);
}

/** [name, node, tensor, arguments]: the first node and its first tensor, without arguments. */
function reference(field: Field): string {
  const [name, node, tensor, args] = field.items();
  if (name === undefined) throw field.error("a layer's name");
  const plain = [node, tensor].every((one) => one === undefined || one.integer(0) === 0);
  if (!plain || (args !== undefined && args.entries().length > 0)) {
    throw refused(name.string(), "is read in another way than by its first output, which is not supported");
  }
  return name.string();
}

/** In topological order: files hold the order in which layers were made, which is nearly always it. */
function sorted(layers: readonly ConfigLayer[]): ConfigLayer[] {
  const done = new Set<string>();
  const order: ConfigLayer[] = [];
  let left = layers;
  while (left.length > 0) {
    const ready = left.filter(({ inputs }) => inputs.every((name) => done.has(name)));
    if (ready.length === 0) {
      const [{ name, inputs }] = left;
      const missing = inputs.find((one) => !layers.some((layer) => layer.name === one));
      throw refused(name, missing === undefined ? "is part of a circle" : `reads ${show(missing)}, which is no layer`);
    }
    for (const layer of ready) {
      done.add(layer.name);
      order.push(layer);
    }
    left = left.filter(({ name }) => !done.has(name));
  }
  return order;
}
