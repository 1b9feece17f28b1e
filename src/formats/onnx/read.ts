/**
 * An ONNX file → a Model: which axis of its inputs is the stream of steps, what is constant, what is state; then
 * specialisation (specialise.ts), then nodes (emitter.ts), then the checks that every Model passes (src/graph.ts).
 */

import { checkOneOf, checkOptions, kindOf, wrongKind } from "../../arguments.ts";
import { ModelError } from "../../errors.ts";
import { buildModel } from "../../graph.ts";
import type { Model, StateInfo } from "../../model.ts";
import { CORE, type OpTable } from "../../ops/core.ts";
import { GRAPH } from "../../ops/graph.ts";
import { elements } from "../../tensor.ts";
import type { Format } from "../format.ts";
import { show } from "../json.ts";
import { refuseLayers } from "../native.ts";
import { fuseCells } from "./cells.ts";
import { Emitter } from "./emitter.ts";
import { type Choice, choicesOf, constantsOf, type InputValue, inputsOf, valuesOf } from "./inputs.ts";
import { ONNX_LIMITS, type OnnxLimits } from "./limits.ts";
import { outlineOf } from "./outline.ts";
import { type Output, unpaired } from "./outputs.ts";
import { FIELDS, type OnnxFile, parseOnnx } from "./proto.ts";
import { resetWarnings } from "./reset.ts";
import { type Specialised, specialise } from "./specialise.ts";
import { checkInitials, lastOf, pairStates, type Said, States } from "./states.ts";
import type { Step } from "./step.ts";
import { type Constant, decodeTensor, type Files } from "./tensor.ts";
import { TIME, type Value } from "./value.ts";
import type { Message } from "./wire.ts";

/** What an input may be fixed to: one number, or as many as it has elements. */
export type ConstantInput = number | boolean | readonly number[] | Float32Array | Int32Array | BigInt64Array;

export interface ReadOnnxOptions {
  /** Sizes of inputs by name; "T" is the axis along which the model runs step by step. */
  readonly shapes?: Readonly<Record<string, readonly (number | string)[]>>;
  /** Inputs that are fixed when the model is read. */
  readonly constants?: Readonly<Record<string, ConstantInput>>;
  /** Inputs that are states: the output that comes back as each. */
  readonly state?: Readonly<Record<string, string>>;
  /** "after": the reset gate of every GRU applies after the product, whatever the file says. */
  readonly gruReset?: "after";
  /** The bytes of files that the model names: asked for plain relative names only. */
  readonly files?: Files;
  readonly limits?: Partial<OnnxLimits>;
  /** NaN or infinity among the parameters: "refuse" unless allowed. */
  readonly nonFinite?: "refuse" | "allow";
}

/** Of reading, and of loading, which passes its own on. */
const OPTIONS = "shapes constants state gruReset files limits nonFinite signal onProgress fetch".split(" ");

/**
 * Reads a model from the bytes of an ONNX file.
 * @throws FormatError for the bytes, ModelError for what they mean
 */
export function readOnnxModel(ops: OpTable, bytes: Uint8Array, options: ReadOnnxOptions = {}): Model {
  if (kindOf(bytes) !== "Uint8Array") throw wrongKind("bytes", "Uint8Array", bytes);
  checkOptions(options, OPTIONS);
  if (options.gruReset !== undefined) checkOneOf("gruReset", options.gruReset, ["after"]);
  const limits = { ...ONNX_LIMITS, ...options.limits };
  const file = parseOnnx(bytes, limits);
  const inputs = inputsOf(file.graph, options);
  const constants = constantsOf(inputs, options.constants);
  // Every axis that is tried reads the same tensors.
  const decode = decoder(limits, options.files);
  const reading = { ops, file, inputs, constants, options, limits, decode };
  let refusal: unknown;
  for (const choice of choicesOf(inputs, constants, options)) {
    try {
      return readAs(reading, choice).model;
    } catch (error) {
      // What another axis would make of it is no news: the first error that is not about the axis is.
      if (!(error instanceof ModelError)) throw error;
      if (choice.oneStep) continue;
      if (refusal === undefined || (refusal as ModelError).code === "ERR_SEQUENCE_AXIS") refusal = error;
    }
  }
  throw refusal;
}

/** Decodes each tensor once. */
export function decoder(limits: OnnxLimits, files: Files | undefined): (message: Message) => Constant {
  const decoded = new Map<Message, Constant>();
  return (message) => {
    const constant = decoded.get(message) ?? decodeTensor(message, limits, files);
    decoded.set(message, constant);
    return constant;
  };
}

export interface Reading {
  readonly ops: OpTable;
  /** Every input is given and every output taken in each call: nothing is state. */
  readonly stateless?: boolean;
  readonly file: OnnxFile;
  readonly inputs: readonly InputValue[];
  readonly constants: ReadonlyMap<string, Value>;
  readonly options: ReadOnnxOptions;
  readonly limits: OnnxLimits;
  decode(message: Message): Constant;
}

/** A Model, and the shapes that its outputs have in the file. */
export interface ReadGraph {
  readonly model: Model;
  readonly shapes: readonly (readonly number[])[];
}

export function readAs(reading: Reading, choice: Choice): ReadGraph {
  const { ops, file, inputs, constants, options, limits, decode, stateless } = reading;
  const states = new States(limits.states);
  const values = valuesOf(inputs, constants, choice, states);
  const { gruReset, nonFinite } = options;
  const circumstances = { inputs: values, states, limits, decode, eitherAxis: choice.whole === true, gruReset };
  const graph = specialise(file.graph, file.opsets, circumstances);
  const said: Said = { state: options.state, names: file.graph.outputs.map(({ name }) => name) };
  const free = values.some(({ shape, data }) => data === undefined && shape.includes(TIME));
  const { outputs, pairs, steps, warnings } = free
    ? streamed(graph, values, states, said, choice)
    : stateless
      ? unpaired(graph.outputs, fuseCells(live(graph)), said.names, circumstances)
      : { ...pairStates(values, graph.outputs, said), steps: fuseCells(live(graph)), warnings: [] };
  const all = live({ steps, outputs: [...outputs.map(({ value }) => value), ...pairs.map(({ output }) => output)] });
  const read = new Set(all.flatMap((step) => step.inputs));
  const used = values.filter(
    (value) =>
      read.has(value) || outputs.some((one) => one.value === value) || pairs.some((one) => one.input === value),
  );
  const idle = stateless
    ? []
    : values.filter((value) => !used.includes(value) && value.data === undefined && !value.lengths);
  const told = [
    ...warnings,
    ...idle.map(({ name }) => `input ${show(name)}: nothing reads it, so the model has no such input.`),
    ...resetWarnings(file.exporter, all, gruReset),
  ];
  const given = [...outputs];
  for (const { name, output } of pairs)
    if (!given.some(({ value }) => value === output)) given.push({ name, value: output });
  const emit = (table: OpTable): ReadGraph => {
    const emitter = new Emitter(
      table,
      used,
      all,
      given.map(({ value }) => value),
    );
    emitter.run();
    const names = emitter.publish(given);
    const core = table === CORE;
    const paired = pairs.map(({ input, output }): StateInfo => {
      const name = emitter.name(input);
      const back = names[given.findIndex(({ value }) => value === output)];
      return { name, shape: emitter.shape(input), input: name, output: back };
    });
    const ports = used
      .filter((value) => value.data === undefined && !value.lengths && !pairs.some(({ input }) => input === value))
      .map((value) => ({
        name: emitter.name(value),
        dtype: value.kind === "F32" ? ("F32" as const) : ("I32" as const),
        shape: core ? rowShape(value, emitter.shape(value)) : emitter.shape(value),
      }));
    const model = buildModel(
      table,
      { inputs: ports, nodes: emitter.nodes, tensors: emitter.tensors, states: paired },
      names.slice(0, outputs.length),
      { nonFinite },
    );
    return { model: { ...model, warnings: told }, shapes: outputs.map(({ value }) => value.shape) };
  };
  if (stateless) return emit(ops);
  // What the core has runs at any entry.
  try {
    return emit(CORE);
  } catch (error) {
    if (!(error instanceof ModelError) || ops === CORE || error.code === "ERR_NON_FINITE") throw error;
    return emit(ops);
  }
}

/** A row as the core has it: one axis of numbers, none for an id. */
function rowShape({ kind }: Value, shape: readonly number[]): number[] {
  const size = elements(shape);
  return kind === "F32" || size !== 1 ? [size] : [];
}

/** Outputs along the free axis. Final states are the session's to give, except those that are a last row. */
function streamed(
  graph: Specialised,
  values: readonly Value[],
  states: States,
  { state = {}, names }: Said,
  choice: Choice,
) {
  const steps = [...graph.steps];
  checkInitials(steps, choice.oneStep);
  const given = values.filter(({ places }) => places);
  for (const name of Object.keys(state))
    if (!given.some((value) => value.name === name))
      throw new ModelError(
        "ERR_SEQUENCE_AXIS",
        `${show(name)}: expected a state; got an input along the axis of steps.`,
      );
  const returned = new Set<Value>();
  for (const input of given) {
    const output = graph.outputs.find(
      (value, i) => states.isReturned(input, value) && (state[input.name] ?? names[i]) === names[i],
    );
    if (output) returned.add(output);
    else if (choice.oneStep || Object.hasOwn(state, input.name))
      throw new ModelError(
        "ERR_SEQUENCE_AXIS",
        `${show(input.name)}: expected an output that gives this state back; got none.`,
      );
  }
  const warnings: string[] = [];
  const outputs: Output[] = [];
  graph.outputs.forEach((value, i) => {
    const name = names[i];
    if (!value.places) outputs.push({ name, value });
    else if (!returned.has(value)) {
      if (states.holdsInput(value.data ?? new Float32Array(0)))
        throw new ModelError(
          "ERR_GRAPH",
          `${show(name)}: expected an output that is computed; got a state as it came.`,
        );
      const last = forward(value, states) ? lastOf(value, states, steps[0]) : undefined;
      if (last?.step) steps.push(last.step);
      if (last) outputs.push({ name, value: last });
      else warnings.push(`output ${show(name)}: a final state, which session.run gives as its state.`);
    }
  });
  if (outputs.length > 0) return { outputs, pairs: [], steps, warnings };
  // Nothing but states comes out: the rows that they are the last of do.
  const rows = steps.filter((step) => step.row.readsStates);
  const last = rows[rows.length - 1]?.outputs[0];
  if (!last) throw new ModelError("ERR_GRAPH", "outputs: expected one that is computed; got none.");
  return { outputs: [{ name: last.name || "output", value: last }], pairs: [], steps, warnings };
}

function forward(value: Value, states: States): boolean {
  const step = states.finalOf(value.data ?? new Float32Array(0));
  return step?.word("direction", "forward", "reverse", "bidirectional") === "forward";
}

/** Steps that an output needs, in their order. */
function live({ steps, outputs }: Pick<Specialised, "steps" | "outputs">): Step[] {
  const needed = new Set(outputs.flatMap(({ step }) => (step ? [step] : [])));
  for (let i = steps.length - 1; i >= 0; i--) {
    if (!needed.has(steps[i])) continue;
    for (const value of steps[i].inputs) if (value?.step) needed.add(value.step);
  }
  return steps.filter((step) => needed.has(step));
}

/** Its models are of the graph kernels. */
export const onnx: Format = {
  name: "ONNX",
  entry: "sluice/onnx",
  conventions:
    "gates z, r, h and i, o, f, c; weights (G·H, I); two biases; reset before the product unless linear_before_reset",
  matches,
  read(_, bytes, { layers, inputs, outputs, ignore: _unused, ...options } = {}) {
    refuseLayers({ layers, inputs, outputs });
    return readOnnxModel(GRAPH, bytes, options);
  },
  outline: (bytes) => outlineOf(parseOnnx(bytes, ONNX_LIMITS)),
};

/** ir_version, then the exporter, another field of the model, or the graph. */
function matches(bytes: Uint8Array): boolean {
  return bytes[0] === 0x08 && bytes[1] < 0x80 && FIELDS.includes(bytes[2]);
}
