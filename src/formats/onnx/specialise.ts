/**
 * Walks a graph in its order with the shapes of its inputs known: what can be known before it runs is folded away (shapes,
 * conditions, constants), what is left are steps. Under a budget: a file decides neither how long this takes nor how much
 * memory.
 */

import { FormatError, ModelError } from "../../errors.ts";
import { elements } from "../../tensor.ts";
import { show } from "../json.ts";
import type { OnnxLimits } from "./limits.ts";
import { OPERATORS } from "./operators.ts";
import type { OnnxGraph, OnnxNode } from "./proto.ts";
import { lastOf, type States } from "./states.ts";
import { type Reading, Step } from "./step.ts";
import type { Constant } from "./tensor.ts";
import { axesText, type Elements, type Info, TIME, type Value } from "./value.ts";
import type { Message } from "./wire.ts";

export interface Specialised {
  readonly steps: readonly Step[];
  readonly outputs: readonly Value[];
}

export interface Circumstances {
  readonly inputs: readonly Value[];
  readonly states: States;
  readonly limits: OnnxLimits;
  decode(message: Message): Constant;
  readonly eitherAxis: boolean;
  readonly gruReset: "after" | undefined;
}

/** For each element that the file gives, beyond the limits (limits.ts): work and memory are in proportion to the file. */
const FOLDED_EACH = 16;
const REPEATED_EACH = 128;

/** The opsets that are known: 7 … 26. */
const OPSETS = [7, 26] as const;

export function specialise(graph: OnnxGraph, opsets: ReadonlyMap<string, number>, given: Circumstances): Specialised {
  const version = opsets.get("") ?? 0;
  if (version < OPSETS[0] || version > OPSETS[1]) {
    const got = opsets.has("") ? version : "none";
    const hint = version > 0 && version < OPSETS[0] ? "Convert it with onnx.version_converter." : undefined;
    throw new FormatError("ERR_VERSION", `model.opset_import: expected opset ${OPSETS.join(" … ")}; got ${got}`, {
      path: "model.opset_import",
      hint,
    });
  }
  const walk = new Walk(version, given);
  const scope = new Scope();
  for (const value of given.inputs) scope.set(value.name, value);
  return { outputs: walk.graph(graph, scope), steps: walk.steps };
}

/** Values by name. A branch sees those around it, and they do not see its own. */
class Scope {
  private readonly values = new Map<string, Value>();

  constructor(private readonly outer?: Scope) {}

  get(name: string): Value | undefined {
    let scope: Scope | undefined = this;
    let value: Value | undefined;
    for (; scope && !value; scope = scope.outer) value = scope.values.get(name);
    return value;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  set(name: string, value: Value): void {
    this.values.set(name, value);
  }
}

class Walk {
  readonly steps: Step[] = [];
  private nodes = 0;
  /** Elements that the file gives, that folding made, and that more than one step reads. */
  private own = 0;
  private folded = 0;
  private repeated = 0;
  private readonly decoded = new Set<Message>();
  /** Known elements that a step reads. */
  private readonly read = new Set<Elements>();
  private readonly reading: Reading;

  constructor(
    private readonly version: number,
    private readonly given: Circumstances,
  ) {
    const { eitherAxis, gruReset } = given;
    this.reading = { decode: (message) => this.decode(message), eitherAxis, gruReset };
  }

  private decode(message: Message): Constant {
    const constant = this.given.decode(message);
    if (!this.decoded.has(message)) this.own += constant.data.length;
    this.decoded.add(message);
    return constant;
  }

  /** Defines in `scope` what the graph computes, and gives its outputs. */
  graph(graph: OnnxGraph, scope: Scope): Value[] {
    for (const [name, message] of graph.initializers) {
      // An input that the file gives a value has it, unless the caller fixed another.
      if (!scope.has(name)) scope.set(name, { name, ...this.decode(message) });
    }
    const needed = needs(graph, scope);
    graph.nodes.forEach((node, i) => {
      if (needed[i]) this.node(node, scope, graph);
    });
    return graph.outputs.map(({ name, path }) => {
      const value = scope.get(name);
      if (value) return value;
      throw new FormatError("ERR_GRAPH", `${path}: expected an output that a node computes; got ${show(name)}`, {
        path,
      });
    });
  }

  private node(node: OnnxNode, scope: Scope, graph: OnnxGraph): void {
    const { limits } = this.given;
    if (++this.nodes > limits.nodes) throw tooMuch(node, `${limits.nodes} nodes`);
    const inputs = node.inputs.map((name) => {
      if (name === "") return undefined;
      const value = scope.get(name);
      if (value) return value;
      const later = graph.nodes.some(({ outputs }) => outputs.includes(name));
      const got = later ? "a later node's output, or its own" : "no input and no node's output";
      throw new ModelError("ERR_GRAPH", `${node.text}: expected ${show(name)} defined before it; got ${got}.`, {
        node: node.name,
      });
    });
    if (node.domain === "" && node.op === "If") this.branch(node, inputs, scope);
    else this.operator(node, inputs, scope);
  }

  /** The branch that is taken, in place of the If. */
  private branch(node: OnnxNode, inputs: readonly (Value | undefined)[], scope: Scope): void {
    const error = (code: "ERR_UNSUPPORTED_OP" | "ERR_GRAPH", message: string, hint?: string) =>
      new ModelError(code, `${node.text}: ${message}`, { node: node.name, hint });
    const [condition] = inputs;
    if (inputs.length !== 1 || condition?.kind !== "BOOL") throw error("ERR_GRAPH", "expected one condition, BOOL.");
    if (condition.data?.length !== 1) {
      const hint = "Give what it depends on: shapes, constants.";
      throw error("ERR_UNSUPPORTED_OP", "expected a condition that is known before it runs; got a computed one.", hint);
    }
    const branches = ["else_branch", "then_branch"].map((name) => node.attributes.get(name));
    if (node.attributes.size !== 2 || !branches.every((branch) => branch?.type === "graph"))
      throw error("ERR_GRAPH", "expected then_branch and else_branch, and nothing else.");
    const branch = branches[condition.data[0]]?.value as OnnxGraph;
    if (branch.inputs.length > 0 || branch.outputs.length !== node.outputs.length)
      throw error("ERR_GRAPH", `expected branches without inputs, with ${node.outputs.length} outputs.`);
    const outputs = this.graph(branch, new Scope(scope));
    node.outputs.forEach((name, i) => {
      scope.set(name, outputs[i]);
    });
  }

  private operator(node: OnnxNode, inputs: (Value | undefined)[], scope: Scope): void {
    const { states } = this.given;
    if (node.domain !== "" || !Object.hasOwn(OPERATORS, node.op)) {
      const name = node.domain === "" ? node.op : `${node.domain}.${node.op}`;
      throw new ModelError("ERR_UNSUPPORTED_OP", `${node.text}: operator ${show(name)} is not supported.`, {
        node: node.name,
        hint: "docs/onnx.md lists those that are.",
      });
    }
    const row = OPERATORS[node.op];
    const step = new Step(node, row, this.version, this.reading);
    const { since = 7, inputs: count, outputs: most = 1, attrs = [] } = row;
    if (this.version < since)
      throw step.error("ERR_UNSUPPORTED_OP", `expected opset ${since} or later; got ${this.version}.`);
    if (inputs.length < count[0] || inputs.length > count[1] || inputs.slice(0, count[0]).includes(undefined))
      throw step.error("ERR_GRAPH", `expected ${count[0]} … ${count[1]} inputs; got ${inputs.filter(Boolean).length}.`);
    for (const name of node.attributes.keys()) {
      if (!attrs.includes(name)) throw step.error("ERR_ATTRIBUTE", `unknown attribute ${show(name)}.`);
    }
    step.inputs = inputs;
    const moved = row.moves && movesPlaces(inputs, node.op);
    if (!moved) step.inputs = inputs.map((value, i) => this.computed(value, step, i));
    const infos = row.infer(step).slice(0, Math.min(most, node.outputs.length));
    for (const { shape } of infos) this.check(step, shape);
    const known = moved || row.shapesOnly || step.inputs.every((value) => !value || value.data);
    const data = known && row.fold ? this.fold(step, infos) : undefined;
    if (!data) this.checkTime(step);
    const finals = data ? undefined : states.finals(step, infos);
    step.outputs = infos.map((info, i) => ({
      ...info,
      name: node.outputs[i],
      ...(data && { data: data[i], places: moved || undefined }),
      ...(finals?.[i] && { data: finals[i], places: true }),
      ...(!data && { step }),
    }));
    if (!data) {
      this.repeat(step);
      this.steps.push(step);
    }
    node.outputs.forEach((name, i) => {
      if (name === "") return;
      if (step.outputs[i]) scope.set(name, step.outputs[i]);
    });
  }

  /** A final state that something computes with is the last row of what its node gives. */
  private computed(value: Value | undefined, step: Step, i: number): Value | undefined {
    const outside = value?.places === true || value?.lengths === true;
    if (!value || !outside || step.row.readsStates?.includes(i)) return value;
    const last = value.places ? lastOf(value, this.given.states, step) : undefined;
    if (last?.step) this.steps.push(last.step);
    if (last) return last;
    throw step.error(
      "ERR_SEQUENCE_AXIS",
      `reads ${show(value.name)}, which has no free axis; only recurrent nodes may, as a state or as lengths.`,
      "Fix it with constants, or give all sizes with shapes.",
    );
  }

  private check(step: Step, shape: readonly number[]): void {
    const { limits } = this.given;
    const sizes = shape.filter((size) => size !== TIME);
    if (shape.length - sizes.length > 1) throw step.freeAxis(`expected one free axis; got ${axesText(shape)}.`);
    if (shape.length > limits.rank || elements(sizes) > limits.elements)
      throw tooMuch(step.node, `${limits.rank} axes and ${limits.elements} elements`, axesText(shape));
  }

  private fold(step: Step, infos: readonly Info[]): Elements[] | undefined {
    for (const { shape } of infos) {
      step.apart(
        shape,
        shape.map((_, axis) => axis),
      );
      this.folded += elements(shape);
    }
    const most = this.given.limits.folded + FOLDED_EACH * this.own;
    if (this.folded > most) throw tooMuch(step.node, `${most} elements folded`);
    return step.row.fold?.(step, infos);
  }

  /** A node's weights are its own, so a file could name one weight in every node. */
  private repeat(step: Step): void {
    for (const value of step.inputs) {
      if (!value?.data || value.places) continue;
      if (this.read.has(value.data)) this.repeated += value.data.length;
      this.read.add(value.data);
    }
    const most = this.given.limits.repeated + REPEATED_EACH * this.own;
    if (this.repeated > most) throw tooMuch(step.node, `${most} elements that an earlier node reads too`);
  }

  /** Along the free axis every row is computed alone: rows, or what is left of them after the last was taken. */
  private checkTime(step: Step): void {
    const rows = step.inputs.filter(
      (value): value is Value => value !== undefined && value.data === undefined && !value.lengths,
    );
    const timed = rows.filter(({ shape }) => shape.includes(TIME));
    if (timed.length === 0) return;
    if (timed.length < rows.length)
      throw step.freeAxis("mixes rows of the free axis T with a value that has no such axis.");
  }
}

/** A limit of the walk, in the same words for all. */
function tooMuch({ text }: OnnxNode, most: string, got = "more"): FormatError {
  return new FormatError("ERR_LIMIT", `${text}: expected at most ${most}; got ${got}`);
}

/** A move of places: of everything that Concat joins, of the first input of all others. */
function movesPlaces(inputs: readonly (Value | undefined)[], op: string): boolean {
  if (op === "Concat") return inputs.every((value) => value?.places);
  return (
    inputs[0]?.places === true &&
    inputs.slice(1).every((value) => !value || (value.data !== undefined && !value.places))
  );
}

/** Which nodes the outputs need; every name is defined once. */
function needs(graph: OnnxGraph, scope: Scope): boolean[] {
  const defined = new Set<string>();
  for (const { text, outputs, name: node } of graph.nodes) {
    for (const name of outputs) {
      if (name === "") continue;
      if (defined.has(name) || scope.has(name))
        throw new ModelError(
          "ERR_GRAPH",
          `${text}: expected a new name for its output; got ${show(name)}, which is taken.`,
          { node },
        );
      defined.add(name);
    }
  }
  const names = new Set(graph.outputs.map(({ name }) => name));
  const needed = new Array<boolean>(graph.nodes.length).fill(false);
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (!node.outputs.some((name) => names.has(name))) continue;
    needed[i] = true;
    addReads(node, names);
  }
  return needed;
}

/** All names that a node reads, with those that its branches may read. */
function addReads({ inputs, attributes }: OnnxNode, names: Set<string>): void {
  for (const name of inputs) names.add(name);
  for (const { type, value } of attributes.values()) {
    if (type !== "graph") continue;
    for (const node of value.nodes) addReads(node, names);
    for (const { name } of value.outputs) names.add(name);
  }
}
