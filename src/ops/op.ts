/**
 * What one row of the operator table says: attributes with defaults and where they follow from, tensors, states, and how the
 * node becomes records. Readers, the plan and the session all go by this table; a new layer is a new row.
 */

import { ModelError } from "../errors.ts";
import type { PlanFrame } from "../frame.ts";
import type { ActivationSpec, AttrValue, Node, StateInfo } from "../model.ts";
import type { Lowering, ProgramRecord } from "../program.ts";
import type { Tensor } from "../tensor.ts";
import { FUNCTIONS, type FunctionRule } from "./functions.ts";

export type Attrs = Readonly<Record<string, AttrValue>>;

export interface AttrRule {
  /**
   * size: an integer ≥ 1. count: ≥ 0. integer: of any sign; integers: a list of them. number: ≥ 0, real: of any sign.
   * functions: as many ActivationSpecs as `functions` says, or that for each direction. A list: one of these strings.
   */
  readonly kind:
    | "size"
    | "count"
    | "integer"
    | "integers"
    | "number"
    | "real"
    | "boolean"
    | "functions"
    | readonly string[];
  /** The functions that it may name: those of the core unless said. */
  readonly known?: Readonly<Record<string, FunctionRule>>;
  readonly functions?: number;
  /** Without a default it must be given or follow from the tensors, unless `optional`. */
  readonly default?: AttrValue;
  readonly optional?: boolean;
  /** Suffix of a tensor, axis of its shape, and what divides it; without an axis, whether the tensor is there. */
  readonly from?: readonly [suffix: string, axis?: number, divisor?: number];
  /** Largest size, where it is less than that of all. */
  readonly max?: number;
  /** It is the size of the node's input. */
  readonly input?: boolean;
}

/** A tensor of a node, by suffix. */
export interface TensorRule {
  readonly suffix: string;
  readonly shape: readonly number[];
  readonly optional?: boolean;
  /** Any that widens to f32 unless said. */
  readonly dtype?: "F32" | "I32";
  /** It multiplies vectors: it may be I8 with a scale for each row. */
  readonly matrix?: boolean;
}

/** A value of a graph: row-major, contiguous; where it is a `constant`, its tensor. */
export interface Shaped {
  readonly shape: readonly number[];
  readonly dtype: "F32" | "I32";
  readonly tensor?: Tensor;
}

/** Rejects the node: what was expected, and what was got. */
export type Refuse = (expected: string, got: unknown) => never;

export interface Op {
  readonly attrs: Readonly<Record<string, AttrRule>>;
  /** Several inputs: two or more. Otherwise one. */
  readonly several?: boolean;
  /** Its input is ids. */
  readonly ids?: boolean;
  tensors?(attrs: Attrs): readonly TensorRule[];
  /** Tensors that files carry for training only, which change no prediction. */
  readonly ignored?: readonly string[];
  /** Size of the output, from the inputs' sizes, where it is not the first of these: for rows whose values have one axis. */
  size?(attrs: Attrs, inputs: readonly number[]): number;
  /** Shape and dtype of every output, from those of the inputs ("" has none); throws through `refuse`. */
  shape?(node: Node, inputs: readonly (Shaped | undefined)[], refuse: Refuse): readonly Shaped[];
  /** Suffix and (layers × directions, size) of each state. */
  states?(attrs: Attrs): readonly { readonly suffix: string; readonly shape: readonly [number, number] }[];
  lower(to: Lowering, node: Node): void;
  /** Of `constant`, which every table of graphs has: what graphs need beside their operators (src/ops/graph/support.ts). */
  readonly graph?: GraphSupport;
}

export interface GraphSupport {
  /** Throws unless every state's output has its shape, and its initial value too, and steps are taken one by one. */
  checkStates(
    values: ReadonlyMap<string, Shaped>,
    states: readonly StateInfo[],
    tensors: ReadonlyMap<string, Tensor>,
    sequenceNode: string | undefined,
  ): void;
  extend(frame: PlanFrame): PlanExtension;
}

export interface PlanExtension {
  readonly lowering: Partial<Lowering>;
  /** Before the first node, after each, and with what stands behind the last. */
  begin(): void;
  after(node: Node): void;
  end(copies: ProgramRecord[]): void;
}

export const SIZE: AttrRule = { kind: "size" };
export const FLAG: AttrRule = { kind: "boolean", default: false };

/** Largest size of a layer: addresses stay far below 2³² (the largest vocabularies have about 2.6e5 entries). */
export const MAX_SIZE = 2 ** 22;

/** The size that the node's input must have; undefined where any will do. */
export function inputSize({ attrs }: Op, values: Readonly<Record<string, unknown>>): number | undefined {
  const key = Object.keys(attrs).find((name) => attrs[name].input);
  return key === undefined ? undefined : (values[key] as number | undefined);
}

/** Adds what follows from the layer's tensors and the size of its input; what is given wins, and is checked against them later. */
export function inferAttrs(
  op: Op,
  given: Readonly<Record<string, unknown>>,
  shapeOf: (suffix: string) => readonly number[] | undefined,
  input?: number,
): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const [key, rule] of Object.entries(op.attrs)) {
    const [suffix, axis, divisor = 1] = rule.from ?? [];
    const shape = suffix === undefined ? undefined : shapeOf(suffix);
    if (suffix !== undefined && axis === undefined) all[key] = shape !== undefined;
    else if (shape !== undefined) all[key] = shape[axis as number] / divisor;
    else if (rule.input) all[key] = input;
  }
  for (const key of Object.keys(given)) if (given[key] !== undefined) all[key] = given[key];
  return all;
}

/** All attributes of a node, checked and with defaults. `where` begins the messages: `rnn (gru)`. */
export function resolveAttrs(
  op: Op,
  given: Readonly<Record<string, unknown>>,
  where: string,
): Record<string, AttrValue> {
  const attrs: Record<string, AttrValue> = {};
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(op.attrs, key)) continue;
    const hint = `It has ${Object.keys(op.attrs).join(", ") || "none"}.`;
    throw new ModelError("ERR_ATTRIBUTE", `${where}: unknown attribute "${key}".`, { node: where, hint });
  }
  for (const [key, rule] of Object.entries(op.attrs)) {
    const value = given[key] === undefined ? rule.default : given[key];
    if (value !== undefined) attrs[key] = checkAttr(value, rule, where, key, attrs.bidirectional ? 2 : 1);
    else if (!rule.optional) {
      throw new ModelError("ERR_SIZE_UNKNOWN", `${where}: ${key} is not given, nor by its tensors.`, {
        node: where,
        hint: `Is its name their prefix? Else add ${key}.`,
      });
    }
  }
  return attrs;
}

const isInteger = (value: unknown, min: number, max: number) =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max;

function checkAttr(
  value: unknown,
  { kind, functions = 1, max = MAX_SIZE, known: table = FUNCTIONS }: AttrRule,
  node: string,
  key: string,
  directions: number,
): AttrValue {
  const check = (fits: boolean, expected: string) => {
    if (fits) return;
    const message = `${node}: ${key}: expected ${expected}; got ${JSON.stringify(value)}`;
    throw new ModelError("ERR_ATTRIBUTE", message, { node });
  };
  if (kind === "functions") {
    const list = Array.isArray(value) ? value : [value];
    check([functions, directions * functions].includes(list.length), `${functions} for each direction`);
    return list.map((item) => {
      const spec: ActivationSpec = typeof item === "string" ? { name: item } : item;
      const names = Object.keys(table);
      check(names.includes(spec?.name), `one of ${names.join(", ")}`);
      const [, ...defaults] = table[spec.name];
      const parameters = (["alpha", "beta"] as const).slice(0, defaults.length);
      const { name, ...given } = spec;
      const values = Object.fromEntries(parameters.map((one, i) => [one, given[one] ?? defaults[i]]));
      const known = Object.keys(given).every((one) => Object.hasOwn(values, one));
      check(
        known && Object.values(values).every(Number.isFinite),
        `${name} with ${parameters.join(", ") || "nothing beside its name"}`,
      );
      return { name, ...values };
    });
  }
  if (kind === "boolean") check(typeof value === "boolean", "true or false");
  else if (typeof kind !== "string")
    check(kind.includes(value as string), kind.map((name) => `"${name}"`).join(" or "));
  else if (kind === "number" || kind === "real") {
    const least = kind === "real" ? -Infinity : 0;
    check(Number.isFinite(value) && (value as number) >= least, `a finite number${least ? "" : " ≥ 0"}`);
  } else if (kind === "integers")
    check(Array.isArray(value) && value.every((one) => isInteger(one, -max, max)), "a list of integers");
  else {
    const least = { size: 1, count: 0, integer: -max }[kind];
    check(isInteger(value, least, max), `an integer in ${least} … ${max}`);
  }
  return value as AttrValue;
}
