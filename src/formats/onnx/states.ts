/**
 * The states of a graph that runs along a free axis. Their elements are numbered: an input h0 is folded as the numbers of its
 * elements, a recurrent node's final state has numbers too, and both only move (Slice, Concat, Transpose …). So what of h0
 * reaches which node, and what of it comes back in which output, is known element by element before anything runs.
 */

import { FormatError, ModelError } from "../../errors.ts";
import { elements } from "../../tensor.ts";
import { show } from "../json.ts";
import { type OnnxOp, Step } from "./step.ts";
import { type Elements, type Info, TIME, type Value } from "./value.ts";

/** Numbers first … first + count − 1 are an input's elements, or the final state of a recurrent node. */
interface Range {
  readonly first: number;
  readonly count: number;
  readonly input?: Value;
  readonly step?: Step;
  /** 1: Y_h, 2: Y_c. */
  readonly output?: number;
}

export class States {
  private readonly ranges: Range[] = [];
  private next = 1;

  /** @param most - elements of all */
  constructor(private readonly most: number) {}

  private number(what: string, count: number, rest: Omit<Range, "first" | "count">): Float64Array {
    const first = this.next;
    this.next += count;
    if (this.next > this.most + 1)
      throw new FormatError(
        "ERR_LIMIT",
        `${what}: expected at most ${this.most} elements of states; got ${this.next - 1}`,
      );
    this.ranges.push({ first, count, ...rest });
    return Float64Array.from({ length: count }, (_, i) => first + i);
  }

  /** An input that only recurrent nodes may read. */
  input(name: string, shape: readonly number[]): Value {
    const value: Value = { name, kind: "F32", shape, places: true, data: new Float64Array(0) };
    return { ...value, data: this.number(`input ${show(name)}`, elements(shape), { input: value }) };
  }

  /** Numbers for the final states of a step that runs along the free axis. */
  finals(step: Step, infos: readonly Info[]): (Elements | undefined)[] | undefined {
    if (!step.row.readsStates || !step.input(0).shape.includes(TIME)) return undefined;
    return infos.map(({ shape }, output) =>
      output === 0 ? undefined : this.number(step.node.text, elements(shape), { step, output }),
    );
  }

  /** The range that a number belongs to. */
  private find(number: number): Range {
    let [low, high] = [0, this.ranges.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.ranges[middle].first <= number) low = middle;
      else high = middle - 1;
    }
    return this.ranges[low];
  }

  /** The step whose whole final h these numbers are, in its order. */
  finalOf(data: Elements): Step | undefined {
    if (data.length === 0) return undefined;
    const { first, count, step, output } = this.find(data[0]);
    if (output !== 1 || count !== data.length || data[0] !== first) return undefined;
    return data.every((number, i) => number === first + i) ? step : undefined;
  }

  /** An output that comes back as an input: element by element what the recurrent nodes made of it. */
  isReturned(input: Value, output: Value): boolean {
    const [from, to] = [input.data as Elements, output.data as Elements];
    if (!output.places || `${input.shape}` !== `${output.shape}`) return false;
    return from.every((number, i) => {
      const { step, output: which = 0, first } = this.find(to[i]);
      const initial = step?.inputs[4 + which];
      return initial?.places === true && initial.data?.[to[i] - first] === number;
    });
  }

  /** Is an element of these an input's own? */
  holdsInput(data: Elements): boolean {
    return data.some((number) => this.find(number).input !== undefined);
  }
}

/** Each element of a state belongs to one node; `steps` are the recurrent nodes. */
export function checkInitials(steps: readonly Step[], oneStep: boolean): void {
  const seen = new Set<number>();
  if (oneStep && !steps.some(({ row }) => row.readsStates))
    throw new ModelError("ERR_SEQUENCE_AXIS", "model: expected a recurrent node; got none.");
  for (const step of steps) {
    if (!step.row.readsStates) continue;
    for (const i of [5, 6]) {
      const initial = step.inputs[i];
      if (oneStep && !initial?.places && i - 4 < step.outputs.length + 1 && (i === 5 || step.node.op === "LSTM"))
        throw step.error("ERR_SEQUENCE_AXIS", "begins anew in every call: its initial state is no input.");
      if (!initial?.places) continue;
      for (const number of initial.data as Elements) {
        if (seen.has(number))
          throw step.error("ERR_GRAPH", `shares ${show(initial.name)} with another node, as its initial state.`);
        seen.add(number);
      }
    }
  }
}

const LAST: OnnxOp = {
  inputs: [1, 1],
  infer: (step) => [{ kind: "F32", shape: step.input(0).shape.filter((size) => size !== TIME) }],
  emit: (step, to) => to.last(step, step.input(0)),
};

/** The final h of a node that runs forward, computed as the last row of its Y. */
export function lastOf(
  value: Value,
  states: States,
  { version, reading }: Pick<Step, "version" | "reading">,
): Value | undefined {
  const step = states.finalOf(value.data as Elements);
  if (step === undefined) return undefined;
  if (step.word("direction", "forward", "reverse", "bidirectional") !== "forward") {
    throw new ModelError(
      "ERR_UNSUPPORTED_OP",
      `${step.node.text}: the final state of a reverse direction is not an output of a row; only session.run gives it.`,
      { node: step.node.name, hint: "Give shapes, so that the whole sequence is one execution." },
    );
  }
  const last = new Step({ ...step.node, op: "Y_h" }, LAST, version, reading);
  last.inputs = [step.outputs[0]];
  last.outputs = [{ name: value.name, kind: "F32", shape: value.shape, step: last }];
  return last.outputs[0];
}

/** What the caller says of states, and the names of the graph's outputs. */
export interface Said {
  readonly state?: Readonly<Record<string, string>>;
  readonly names: readonly string[];
}

export interface Pair {
  /** Of the output. */
  readonly name: string;
  readonly input: Value;
  readonly output: Value;
}

/** Of a graph without a free axis: inputs that come back as outputs, by what the caller says, else by name and shape. */
export function pairStates(
  inputs: readonly Value[],
  outputs: readonly Value[],
  { state = {}, names }: Said,
): { outputs: { name: string; value: Value }[]; pairs: Pair[] } {
  const pairs: Pair[] = [];
  const taken = new Set<number>();
  for (const input of inputs) {
    if (input.kind !== "F32" || input.data) continue;
    const alike = (i: number) => outputs[i].kind === "F32" && `${outputs[i].shape}` === `${input.shape}`;
    const told = Object.hasOwn(state, input.name);
    const i = told
      ? names.indexOf(state[input.name])
      : names.findIndex(
          (name, i) => !taken.has(i) && alike(i) && core(name) !== undefined && core(name) === core(input.name),
        );
    if (told && (i < 0 || taken.has(i) || !alike(i)))
      throw new ModelError(
        "ERR_GRAPH",
        `${show(input.name)}: expected an output of its shape as its state; got ${show(state[input.name])}.`,
      );
    if (i < 0) continue;
    taken.add(i);
    pairs.push({ name: names[i], input, output: outputs[i] });
  }
  // Of a bare cell, whose outputs are all states, these are what it gives as well.
  const bare = taken.size === outputs.length;
  return {
    pairs,
    outputs: outputs.flatMap((value, i) => (taken.has(i) && !bare ? [] : [{ name: names[i], value }])),
  };
}

/** Words that say before or after, and words for a state. */
const AROUND = /^(in|out|input|output|new|next|prev|previous|n|initial|final|last|updated|0)$/;
const STATE = /^(h|c|s|hx|cx|hs|cs|state|states|hidden|cell|cache|caches|memory|mem|buffer|context)$/;

/**
 * What is left of a state's name without the words for before and after: `h0`, `hn` → `h`; `conv_cache_out` → `conv cache`.
 * Undefined where no word says that it is a state: `audio_in` and `audio_out` are none.
 */
function core(name: string): string | undefined {
  const words = name
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .map((word) => word.replace(/^(h|c|s|state|hidden|cell|cache)(0|n|t)$/, "$1"))
    .filter((word) => word !== "" && !AROUND.test(word));
  return words.some((word) => STATE.test(word)) ? words.join(" ") : undefined;
}
