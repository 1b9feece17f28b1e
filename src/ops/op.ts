/**
 * What one row of the operator table says: attributes with defaults, tensors, shapes, states, how sizes are inferred, and
 * how the node becomes records. Readers, the plan and the reference all go by this table; a new layer is a new row.
 */

import { ModelError } from "../errors.ts";
import type { ActivationSpec, AttrValue, Node } from "../model.ts";
import type { Lowering } from "../plan.ts";
import { FUNCTIONS } from "./functions.ts";

export type Attrs = Readonly<Record<string, AttrValue>>;

/** size: an integer ≥ 1. count: an integer ≥ 0. functions: a list of ActivationSpec. */
export interface AttrRule {
  readonly kind: "size" | "count" | "number" | "boolean" | "functions" | readonly string[];
  /** Absent: the attribute must be given, unless `optional`. */
  readonly default?: AttrValue;
  readonly optional?: boolean;
}

/** A tensor of a node, by suffix. `initial` marks the initial value of that state. */
export interface TensorRule {
  readonly suffix: string;
  readonly shape: readonly number[];
  readonly optional?: boolean;
  readonly initial?: string;
}

/** What `modelFromLayers` knows of a layer when sizes are missing. */
export interface Known {
  /** Size of each input. */
  readonly inputs: readonly (number | undefined)[];
  /** Shape of the layer's tensor, where there is one. */
  shape(suffix: string): readonly number[] | undefined;
}

export interface Op {
  readonly attrs: Readonly<Record<string, AttrRule>>;
  /** How many inputs: exactly, or at least. Ids are the I32 inputs of an embedding. */
  readonly inputs: number | { readonly atLeast: number };
  readonly ids?: boolean;
  tensors(attrs: Attrs): readonly TensorRule[];
  /** Tensors that files carry for training only, which change no prediction. */
  readonly ignored?: readonly string[];
  /** Size of the input that the attributes ask for; undefined where any will do. */
  inputSize(attrs: Attrs): number | undefined;
  outputSize(attrs: Attrs, inputs: readonly number[]): number;
  /** Suffix and (layers × directions, size) of each state. */
  states?(attrs: Attrs): readonly { readonly suffix: string; readonly shape: readonly [number, number] }[];
  /** Needs the whole sequence: a direction that runs backwards over the stream axis. */
  needsSequence?(attrs: Attrs): boolean;
  /** Attributes that follow from what is known; those given win and are checked against the tensors later. */
  infer(given: Readonly<Record<string, unknown>>, known: Known): Record<string, unknown>;
  lower(to: Lowering, node: Node): void;
}

/** All attributes of a node, checked and with defaults. `where` begins the messages: `rnn (gru)`. */
export function resolveAttrs(op: Op, given: ReadonlyMap<string, unknown>, where: string): Record<string, AttrValue> {
  const attrs: Record<string, AttrValue> = {};
  for (const key of given.keys()) {
    if (!Object.hasOwn(op.attrs, key)) {
      const hint = `It has ${Object.keys(op.attrs).join(", ") || "none"}.`;
      throw new ModelError("ERR_ATTRIBUTE", `${where}: unknown attribute "${key}".`, { node: where, hint });
    }
  }
  for (const [key, rule] of Object.entries(op.attrs)) {
    const value = given.get(key) ?? rule.default;
    if (value === undefined) {
      if (rule.optional) continue;
      throw new ModelError("ERR_SIZE_UNKNOWN", `${where}: ${key} is not given and does not follow from the tensors.`, {
        node: where,
        hint: `Add ${key} to the layer.`,
      });
    }
    attrs[key] = checkAttr(value, rule, `${where}: ${key}`, where);
  }
  return attrs;
}

function checkAttr(value: unknown, rule: AttrRule, what: string, node: string): AttrValue {
  const { kind } = rule;
  const refuse = (expected: string) =>
    new ModelError("ERR_ATTRIBUTE", `${what}: expected ${expected}; got ${JSON.stringify(value)}`, { node });
  if (kind === "functions") return checkFunctions(value, what, node);
  if (kind === "boolean") {
    if (typeof value !== "boolean") throw refuse("true or false");
    return value;
  }
  if (typeof kind !== "string") {
    if (typeof value !== "string" || !kind.includes(value)) throw refuse(kind.map((name) => `"${name}"`).join(" or "));
    return value;
  }
  if (typeof value !== "number" || !Number.isFinite(value)) throw refuse("a finite number");
  if (kind !== "number" && (!Number.isInteger(value) || value < (kind === "size" ? 1 : 0) || value > MAX_SIZE)) {
    throw refuse(`an integer in ${kind === "size" ? 1 : 0} … ${MAX_SIZE}`);
  }
  if (kind === "number" && value < 0) throw refuse("a number ≥ 0");
  return value;
}

/** Largest size of a layer: addresses stay far below 2³² (the largest vocabularies have about 2.6e5 entries). */
const MAX_SIZE = 2 ** 22;

function checkFunctions(value: unknown, what: string, node: string): readonly ActivationSpec[] {
  const list = Array.isArray(value) ? value : [value];
  return list.map((item): ActivationSpec => {
    const spec = typeof item === "string" ? { name: item } : item;
    const name = typeof spec === "object" && spec !== null ? (spec as ActivationSpec).name : undefined;
    if (typeof name !== "string" || !Object.hasOwn(FUNCTIONS, name)) {
      throw new ModelError(
        "ERR_ATTRIBUTE",
        `${what}: expected one of ${Object.keys(FUNCTIONS).join(", ")}; got ${JSON.stringify(item)}`,
        { node },
      );
    }
    const rule = FUNCTIONS[name];
    const result: Record<string, unknown> = { name };
    for (const key of Object.keys(spec)) {
      if (key !== "name" && !(rule.parameters as readonly string[]).includes(key)) {
        throw new ModelError("ERR_ATTRIBUTE", `${what}: ${name} has no "${key}".`, { node });
      }
    }
    rule.parameters.forEach((parameter, i) => {
      const number = (spec as ActivationSpec)[parameter] ?? rule.defaults[i];
      if (typeof number !== "number" || !Number.isFinite(number)) {
        throw new ModelError("ERR_ATTRIBUTE", `${what}: ${name} needs a finite ${parameter}; got ${number}`, { node });
      }
      result[parameter] = number;
    });
    return result as unknown as ActivationSpec;
  });
}

/** Exactly one of each size: what the attributes say, or what the tensors do. */
export function firstGiven<T>(...values: (T | undefined)[]): T | undefined {
  return values.find((value) => value !== undefined);
}
