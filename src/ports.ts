/** The callers' arrays: found by input or output name, and checked before anything is written. */

import { checkInteger, wrong, wrongKind } from "./arguments.ts";
import type { Engine } from "./engine.ts";
import { rowSize } from "./graph.ts";
import type { Model, ValueInfo } from "./model.ts";
import { ARRAYS } from "./tensor.ts";

/** Elements of an input: Float32Array, or Int32Array for ids and integers. */
export type Numbers = Float32Array | Int32Array;

/** What a step takes: an array of the input's dtype, a number where the input has one element, a record by input name. */
export type StepInput = Numbers | number | Readonly<Record<string, Numbers | number>>;

/** The output of a step or run: an array where the model has one output, else a record by output name. */
export type Output = Float32Array | Record<string, Float32Array>;

/** An input or output as the host sees it. */
export interface Port {
  readonly name: string;
  readonly dtype: ValueInfo["dtype"];
  /** Elements of one row. */
  readonly size: number;
  /** Ids run from 0 to ids − 1; undefined for numbers. */
  readonly ids: number | undefined;
}

export function portsOf(model: Model, values: readonly ValueInfo[]): Port[] {
  return values.map(({ name, dtype, shape }) => {
    const tables = model.nodes.filter(({ op, inputs }) => op === "embedding" && inputs[0] === name);
    const ids = tables.length > 0 ? Math.min(...tables.map(({ attrs }) => attrs.numEmbeddings as number)) : undefined;
    return { name, dtype, size: rowSize(shape), ids };
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (value instanceof Float32Array || value instanceof Int32Array) return false;
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value);
}

/** Is it a record by name? Throws unless it names only ports, or there is one port that it may stand for. */
export function checkNames(ports: readonly Port[], given: unknown, what: string): given is Record<string, unknown> {
  if (!isRecord(given)) {
    if (ports.length === 1) return false;
    throw wrongKind(what, `a record of ${namesOf(ports)}`, given);
  }
  for (const name in given)
    if (!ports.some((port) => port.name === name)) throw wrong(what, namesOf(ports), `"${name}"`);
  return true;
}

function namesOf(ports: readonly Port[]): string {
  return ports.map(({ name }) => name).join(", ");
}

/** What was given for each port: by name from a record, or as it is where there is one port. */
export function byPort<T>(ports: readonly Port[], given: unknown, what: string): T[] {
  return checkNames(ports, given, what) ? ports.map(({ name }) => given[name] as T) : [given as T];
}

/** The arrays as the caller gets them: the one alone, or several by name. */
export function outputOf(ports: readonly Port[], arrays: readonly Float32Array[]): Output {
  return ports.length === 1 ? arrays[0] : Object.fromEntries(ports.map(({ name }, i) => [name, arrays[i]]));
}

/**
 * Throws unless `x` is the port's typed array of `rows` rows with ids in range.
 * @throws TypeError `"input" expected Float32Array, got Array`
 * @throws RangeError `"input" expected length 8, got 7`, `"tokens" expected 0…64, got 65`
 */
export function checkRows(
  x: unknown,
  { dtype, size, ids, name }: Port,
  rows: number,
  what = name,
): asserts x is Numbers {
  const Expected = ARRAYS[dtype];
  if (!(x instanceof Expected)) throw wrongKind(what, Expected.name, x);
  if (x.length !== rows * size) throw wrong(what, `length ${rows * size}`, x.length);
  if (ids !== undefined)
    for (let i = 0; i < x.length; i++) if (x[i] < 0 || x[i] >= ids) throw wrong(name, `0…${ids - 1}`, x[i]);
}

/** A copy of what lies in the session's memory, which may grow or be written before it is read. */
export function apart<A extends Numbers>(array: A, { inputs }: Engine): A {
  return array.buffer === inputs[0].row.buffer ? (array.slice() as A) : array;
}

/** Throws unless `x` may stand for the one element of the port. */
export function checkNumber(x: number, { dtype, size, ids, name }: Port): void {
  if (size !== 1) throw wrongKind(name, `${ARRAYS[dtype].name} of ${size}`, x);
  if (ids !== undefined) checkInteger(name, x, 0, ids - 1);
  else if (dtype === "I32") checkInteger(name, x, -(2 ** 31), 2 ** 31 - 1);
}
