/** The inputs of a graph: their sizes, which are constant, which axis is the stream of steps, and which are states. */

import { wrong } from "../../arguments.ts";
import { ModelError } from "../../errors.ts";
import { elements } from "../../tensor.ts";
import { show } from "../json.ts";
import type { OnnxGraph, OnnxValue } from "./proto.ts";
import type { ConstantInput, ReadOnnxOptions } from "./read.ts";
import type { States } from "./states.ts";
import { elementType } from "./tensor.ts";
import { newElements, TIME, type Value, type ValueKind } from "./value.ts";

/** A free axis is its name; the caller's is "T". */
export interface InputValue {
  readonly name: string;
  readonly kind: ValueKind;
  readonly shape: readonly (number | string)[];
}

/** Which axis is taken for the stream of steps. */
export interface Choice {
  /** The free axis of this name; the others have size 1. */
  readonly symbol?: string;
  /** An axis that has size 1 in the file, by input. */
  readonly axis?: readonly [input: string, axis: number];
  readonly oneStep: boolean;
  /** All sizes are known: of one step of one sequence, either axis is the step. */
  readonly whole?: boolean;
}

const CALLERS = "T";

/** The inputs that have no value in the file, with what the caller says of their sizes. */
export function inputsOf(graph: OnnxGraph, { shapes = {}, constants = {}, state = {} }: ReadOnnxOptions): InputValue[] {
  const open = graph.inputs.filter(({ name }) => !graph.initializers.has(name) || Object.hasOwn(constants, name));
  for (const [what, given] of Object.entries({ shapes, constants, state })) {
    const names = open.map(({ name }) => name);
    for (const name of Object.keys(given)) {
      if (!names.includes(name)) throw wrong(what, names.join(", ") || "no names", show(name));
    }
  }
  // A size that the caller gives to a named axis holds wherever the name stands.
  const bound = new Map<string, number>();
  const said = open.map((value) => {
    const given = Object.hasOwn(shapes, value.name) ? shapes[value.name] : undefined;
    if (given === undefined) return value.shape;
    checkShape(value, given);
    value.shape?.forEach((axis, i) => {
      const size = given[i];
      if (typeof axis === "string" && axis !== "" && typeof size === "number") bound.set(axis, size);
    });
    return given;
  });
  return open.map((value, i) => {
    const shape = said[i];
    if (shape === undefined)
      throw new ModelError("ERR_SIZE_UNKNOWN", `${value.path}: the shape of ${show(value.name)} is not known.`, {
        hint: `Give it: shapes: { ${JSON.stringify(value.name)}: […] }.`,
      });
    return {
      name: value.name,
      kind: elementType(value.type, `input ${show(value.name)}`).kind,
      shape: shape.map((axis, k) =>
        typeof axis === "number" ? axis : (bound.get(axis) ?? (axis || `${value.name}:${k}`)),
      ),
    };
  });
}

function checkShape({ name, shape }: OnnxValue, given: readonly (number | string)[]): void {
  const fits =
    Array.isArray(given) &&
    given.every(
      (axis) => axis === CALLERS || (Number.isInteger(axis) && (axis as number) > 0 && (axis as number) < 2 ** 31),
    );
  if (!fits || given.length > 8) throw wrong("shapes", `sizes ≥ 1 and "T" for ${show(name)}`, given);
  if (shape && shape.length !== given.length)
    throw wrong("shapes", `${shape.length} axes for ${show(name)}`, given.length);
}

/** The values that the caller fixes. */
export function constantsOf(
  inputs: readonly InputValue[],
  given: Readonly<Record<string, ConstantInput>> = {},
): Map<string, Value> {
  return new Map(
    inputs
      .filter(({ name }) => Object.hasOwn(given, name))
      .map(({ name, kind, shape: axes }) => {
        const value = given[name];
        const list =
          typeof value === "number" || typeof value === "boolean" ? [Number(value)] : Array.from(value, Number);
        const free = axes.filter((axis) => typeof axis === "string").length;
        const rest = elements(axes.filter((axis) => typeof axis === "number"));
        const shape = axes.map((axis) => (typeof axis === "number" ? axis : free === 1 ? list.length / rest : 1));
        if (
          !shape.every(Number.isInteger) ||
          elements(shape) !== list.length ||
          !list.every((one) => !Number.isNaN(one) && (kind === "F32" || Number.isSafeInteger(one)))
        )
          throw wrong("constants", `${kind} of shape (${axes.join(", ")}) for ${show(name)}`, list.length);
        const data = newElements(kind, list.length);
        data.set(list);
        return [name, { name, kind, shape, data }];
      }),
  );
}

/** What to try, in order: each free axis; each axis of one step; no axis. */
export function choicesOf(
  inputs: readonly InputValue[],
  constants: ReadonlyMap<string, Value>,
  { shapes = {} }: ReadOnnxOptions,
): Choice[] {
  const open = inputs.filter(({ name }) => !constants.has(name));
  const symbols = [...new Set(open.flatMap(({ shape }) => shape.filter((axis) => typeof axis === "string")))];
  if (symbols.includes(CALLERS) && Object.values(shapes).some((shape) => shape.includes(CALLERS)))
    return [{ symbol: CALLERS, oneStep: false }];
  const free = Object.keys(shapes).length > 0 ? [] : symbols;
  const steps = open
    .slice(0, MOST_INPUTS)
    .flatMap(({ name, shape }) =>
      shape
        .slice(0, 2)
        .flatMap((axis, i) =>
          axis === 1 ? [{ axis: [name, i] as const, oneStep: true, whole: free.length === 0 }] : [],
        ),
    );
  // What is tried for one step alone may fail for any reason; the others tell why.
  return [
    ...free.slice(0, MOST_AXES).map((symbol): Choice => ({ symbol, oneStep: false })),
    ...steps,
    ...(free.length === 0 ? [{ oneStep: false }] : []),
  ];
}

/** Every axis that is tried is a walk of the graph. Largest realistic: 2 (batch and time), and 1 input that is no state. */
const MOST_AXES = 4;
const MOST_INPUTS = 2;

/** The values of inputs under a choice: sizes, the free axis, and what can only be a state. */
export function valuesOf(
  inputs: readonly InputValue[],
  constants: ReadonlyMap<string, Value>,
  { symbol, axis: chosen }: Choice,
  states: States,
): Value[] {
  const stream = symbol !== undefined || chosen !== undefined;
  return inputs.map(({ name, kind, shape: axes }) => {
    const constant = constants.get(name);
    if (constant) return constant;
    const shape = axes.map((axis, i) => {
      if (axis === symbol || (chosen?.[0] === name && chosen[1] === i)) return TIME;
      return typeof axis === "number" ? axis : 1;
    });
    if (!stream || shape.includes(TIME)) return { name, kind, shape };
    if (kind === "F32") return states.input(name, shape);
    return { name, kind, shape, lengths: true };
  });
}
