/**
 * A Model: a graph of nodes in topological order plus named tensors. Plain data: it can be printed, compared and written
 * to a file. A chain of layers is the simplest graph. Readers and `modelFromLayers` make one; the plan reads it.
 */

import type { Tensor } from "./tensor.ts";

/** An input or output. The shape excludes the stream and batch axes; the free axis of a sequence model is its name. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: "F32" | "I32";
  readonly shape: readonly (number | string)[];
}

/** A function of the cell or of an `activation` layer: f(x; alpha, beta), see docs/layers.md. */
export interface ActivationSpec {
  readonly name: string;
  readonly alpha?: number;
  readonly beta?: number;
}

export type AttrValue = number | boolean | string | readonly number[] | readonly ActivationSpec[];

/** One operator. Its tensors are the model's tensors called `name` + "." + suffix (the bare suffix where name is empty). */
export interface Node {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: Readonly<Record<string, AttrValue>>;
}

/** A state that persists over steps, without the batch axis: (layers × directions, H) for a recurrent node. */
export interface StateInfo {
  readonly name: string;
  readonly shape: readonly number[];
  /** The graph input and output that this state pairs, where it is not a recurrent node's own. */
  readonly input?: string;
  readonly output?: string;
  /** The tensor that holds its initial value; zero where there is none. */
  readonly initial?: string;
}

/** What the file or the user says about the data. Nothing here changes how the graph runs. */
export interface ModelInfo {
  /** One string per id. */
  readonly vocabulary?: readonly string[];
  /** One string per output element. */
  readonly labels?: readonly string[];
  /** Hz. */
  readonly sampleRate?: number;
  /** What was subtracted from and divided out of each input element before training; the caller applies it. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly description?: string;
  readonly license?: string;
}

export interface Model {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodes: readonly Node[];
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly states: readonly StateInfo[];
  readonly info: ModelInfo;
  readonly warnings: readonly string[];
}

/** The key of a node's tensor: PyTorch's state_dict names, `rnn.weight_ih_l0`. */
export function tensorKey(node: string, suffix: string): string {
  return node === "" ? suffix : `${node}.${suffix}`;
}

/** Does the model hold weights that are quantised already? */
export function isQuantized({ tensors }: Pick<Model, "tensors">): boolean {
  return [...tensors.values()].some(({ scale }) => scale !== undefined);
}

/** How often each value is read: by nodes, as an output of the model, as what a state becomes. */
export function countUses({
  nodes,
  outputs,
  states,
}: Pick<Model, "nodes" | "outputs" | "states">): Map<string, number> {
  const uses = new Map<string, number>();
  const ends = [...outputs.map(({ name }) => name), ...states.flatMap(({ output }) => output ?? [])];
  const names = [...nodes.flatMap(({ inputs }) => inputs), ...ends];
  for (const name of names) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}
