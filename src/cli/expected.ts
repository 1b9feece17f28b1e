/** Arrays that training saved (IO.npz) → what a model must give: inputs, outputs and states by name, time first. */

import { FormatError, type Model, type Numbers, type State, type StateInfo, type Tensor } from "../all.ts";
import { checkGraph } from "../graph.ts";
import { GRAPH } from "../ops/graph.ts";
import { elements, shapeText, toF32 } from "../tensor.ts";
import { sizeOf } from "./columns.ts";

/** (T, B, size) of every input and output; of an output with `last`, (B, size). */
export interface Expected {
  readonly steps: number;
  readonly batch: number;
  readonly lengths?: readonly number[];
  readonly inputs: Readonly<Record<string, Numbers>>;
  readonly state: State;
  readonly outputs: readonly ExpectedOutput[];
  readonly finals: readonly ExpectedState[];
}

export interface ExpectedOutput {
  /** In the file. */
  readonly name: string;
  /** Of the model's outputs. */
  readonly index: number;
  readonly size: number;
  readonly data: Float64Array;
  /** The last valid step of each sequence alone. */
  readonly last: boolean;
  /** The model itself gives but that. */
  readonly collapsed: boolean;
}

export interface ExpectedState {
  readonly name: string;
  readonly state: string;
  readonly data: Float64Array;
}

/** The arrays as they are said to stand, and with time and batch the other way around. */
export interface Saved {
  readonly batchFirst: boolean;
  readonly expected?: Expected;
  /** Why they cannot stand as they are said to. */
  readonly problem?: FormatError;
  readonly turned?: Expected;
}

/** @throws FormatError where the arrays fit neither way */
export function readEitherWay(model: Model, arrays: ReadonlyMap<string, Tensor>, said: boolean | undefined): Saved {
  const batchFirst = said ?? batchFirstOf(arrays);
  const [expected, turned] = [batchFirst, !batchFirst].map((first) => {
    try {
      return readExpected(model, arrays, first);
    } catch (error) {
      if (error instanceof FormatError) return error;
      throw error;
    }
  });
  if (expected instanceof FormatError) {
    if (turned instanceof FormatError) throw expected;
    return { batchFirst, problem: expected, turned };
  }
  // One sequence either way: there is nothing to turn.
  const same = turned instanceof FormatError || (expected.batch === 1 && turned.batch === 1);
  return { batchFirst, expected, ...(!same && { turned }) };
}

/**
 * What the file says of the model.
 * @throws FormatError ERR_NAME for arrays that are missing or unknown, ERR_SHAPE and ERR_DTYPE for those that do not fit
 */
export function readExpected(model: Model, arrays: ReadonlyMap<string, Tensor>, batchFirst: boolean): Expected {
  const used = new Set(["batch_first"]);
  const find = (keys: readonly string[]) => {
    const name = keys.find((key) => arrays.has(key));
    if (name !== undefined) used.add(name);
    return name === undefined ? undefined : arrays.get(name);
  };
  const { values } = checkGraph(GRAPH, model);

  let lead: readonly number[] | undefined;
  let leadName = "";
  const inputs: Record<string, Numbers> = {};
  for (const input of model.inputs) {
    const keys = keysOf(input.name, model.inputs.length, ["x", "input"]);
    const array = find(keys);
    if (array === undefined) throw missing(keys, arrays);
    const axes = leadOf(array, input.shape, sizeOf(input));
    lead ??= axes;
    leadName ||= array.name;
    if (`${axes}` !== `${lead}`) {
      throw wrongShape(array, `${shapeText(lead)} first, as ${leadName} has`);
    }
    const turned = batchFirst ? turn(numbersOf(array), axes, sizeOf(input)) : numbersOf(array);
    inputs[input.name] = typed(array, input.dtype, turned);
  }
  const [steps, batch] = countsOf(lead ?? [], batchFirst);

  const outputs = model.outputs.flatMap((output, index): ExpectedOutput[] => {
    const array = find(keysOf(output.name, model.outputs.length, ["y", "output"]));
    if (array === undefined) return [];
    const size = sizeOf(output);
    const collapsed = values.get(output.name)?.collapsed ?? false;
    const every = !collapsed && fits(array, lead ?? [], size);
    if (!every && !fits(array, batch === 1 ? [] : [batch], size)) {
      const all = shapeText([...(collapsed ? [batch] : (lead ?? [])), size]);
      throw wrongShape(array, collapsed ? all : `${all}, or the last step, ${shapeText([batch, size])}`);
    }
    const numbers = numbersOf(array);
    const data = every && batchFirst ? turn(numbers, lead ?? [], size) : numbers;
    return [{ name: array.name, index, size, data, last: !every, collapsed }];
  });
  if (outputs.length === 0) {
    throw missing(
      model.outputs.flatMap(({ name }) => keysOf(name, model.outputs.length, ["y", "output"])),
      arrays,
    );
  }

  const state: State = {};
  const finals: ExpectedState[] = [];
  for (const info of model.states) {
    const [first, final] = stateKeys(info, model.states).map(find);
    if (first) state[info.name] = Float32Array.from(stateOf(first, info, batch));
    if (final) finals.push({ name: final.name, state: info.name, data: stateOf(final, info, batch) });
  }

  const counts = find(["lengths"]);
  const lengths = counts && Array.from(integersOf(counts));
  if (counts && (lengths?.length !== batch || lengths.some((one) => one < 0 || one > steps))) {
    throw wrongShape(counts, `(${batch}), numbers in 0…${steps}`);
  }
  const unknown = [...arrays.keys()].filter((name) => !used.has(name));
  if (unknown.length > 0) {
    const known = [...model.inputs, ...model.outputs].map(({ name }) => name);
    const states = model.states.flatMap((info) => stateKeys(info, model.states).map((keys) => keys[0]));
    const all = new Set(["x", "y", ...known, ...states, "lengths", "batch_first"]);
    throw failure("ERR_NAME", unknown[0], `one of ${[...all].join(", ")}`, "an array that says nothing of the model");
  }
  return { steps, batch, lengths, inputs, state, outputs, finals };
}

/** `batch_first` of the file: 0 or 1. */
export function batchFirstOf(arrays: ReadonlyMap<string, Tensor>): boolean {
  const array = arrays.get("batch_first");
  return array !== undefined && Number(array.data[0]) !== 0;
}

/** An input or output goes by its own name, the only one also by a short one. */
function keysOf(name: string, count: number, short: readonly string[]): string[] {
  return count === 1 ? [...new Set([name, ...short])] : [name];
}

/** Names of a state before and after: `rnn.h0`, and `h0` where one state alone ends so; a graph's own state has the names of its input and output. */
function stateKeys({ name, input, output }: StateInfo, all: readonly StateInfo[]): [string[], string[]] {
  if (input !== undefined) return [[input], [output ?? name]];
  const short = name.slice(name.lastIndexOf(".") + 1);
  const single = all.filter((one) => one.name === short || one.name.endsWith(`.${short}`)).length === 1;
  const keys = (end: string) => [...new Set([`${name}${end}`, ...(single ? [`${short}${end}`] : [])])];
  return [keys("0"), keys("n")];
}

/** The axes of time and batch: what stands before the shape of a row, or before axes that hold as many numbers. */
function leadOf(array: Tensor, shape: readonly (number | string)[], size: number): readonly number[] {
  const row = shape.filter((axis) => typeof axis === "number");
  const rest = array.shape.length - row.length;
  const exact = rest >= 0 && rest <= 2 && `${array.shape.slice(rest)}` === `${row}`;
  if (exact) return array.shape.slice(0, rest);
  for (const count of [2, 1, 0]) {
    if (array.shape.length >= count && elements(array.shape.slice(count)) === size) return array.shape.slice(0, count);
  }
  const text = (...axes: string[]) => `(${[...axes, ...row].join(", ")})`;
  throw wrongShape(array, `${text("T")} or ${text("T", "B")}`);
}

function countsOf(lead: readonly number[], batchFirst: boolean): [steps: number, batch: number] {
  const [first = 1, second] = lead;
  if (second === undefined) return [first, 1];
  return batchFirst ? [second, first] : [first, second];
}

/** Has it rows of `size` numbers along these axes? Axes of 1 make no difference. */
function fits({ shape }: Tensor, lead: readonly number[], size: number): boolean {
  const axes = shape.filter((axis) => axis !== 1);
  const first = lead.filter((axis) => axis !== 1);
  return elements(shape) === elements(lead) * size && `${axes.slice(0, first.length)}` === `${first}`;
}

/** (A, B, size) → (B, A, size) */
function turn(data: Float64Array, [a, b]: readonly number[], size: number): Float64Array {
  if (a === undefined || b === undefined) return data;
  const out = new Float64Array(data.length);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) out.set(data.subarray((i * b + j) * size, (i * b + j + 1) * size), (j * a + i) * size);
  }
  return out;
}

function stateOf(array: Tensor, { shape, input }: StateInfo, batch: number): Float64Array {
  const expected = input === undefined ? [shape[0], batch, ...shape.slice(1)] : [batch, ...shape];
  const plain = (axes: readonly number[]) => `${axes.filter((axis) => axis !== 1)}`;
  if (plain(array.shape) === plain(expected)) return numbersOf(array);
  throw wrongShape(array, shapeText(expected));
}

function numbersOf(array: Tensor): Float64Array {
  const { data, dtype } = array;
  return Float64Array.from(dtype === "F16" || dtype === "BF16" ? toF32(array) : (data as ArrayLike<number>), Number);
}

function integersOf(array: Tensor): Float64Array {
  const numbers = numbersOf(array);
  const wrong = numbers.find((one) => !Number.isInteger(one) || Math.abs(one) >= 2 ** 31);
  if (wrong === undefined) return numbers;
  throw failure("ERR_DTYPE", array.name, "integers of 32 bits", `${wrong}`);
}

function typed(array: Tensor, dtype: "F32" | "I32", numbers: Float64Array): Numbers {
  if (dtype === "F32") return Float32Array.from(numbers);
  integersOf(array);
  return Int32Array.from(numbers);
}

function failure(code: "ERR_NAME" | "ERR_SHAPE" | "ERR_DTYPE", name: string, expected: string, got: string) {
  return new FormatError(code, `${name}: expected ${expected}; got ${got}`, { path: name });
}

function missing(keys: readonly string[], arrays: ReadonlyMap<string, Tensor>): FormatError {
  return failure("ERR_NAME", keys[0], `an array called ${keys.join(" or ")}`, [...arrays.keys()].join(", ") || "none");
}

function wrongShape(array: Tensor, expected: string): FormatError {
  return failure("ERR_SHAPE", array.name, expected, shapeText(array.shape));
}
