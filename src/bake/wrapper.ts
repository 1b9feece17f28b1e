/**
 * A planned model → what its .wasm says about itself, the ES module that runs it, and that module's types. Names come from
 * files: they stand in JSON texts alone, in ASCII, and in no comment.
 */

import { BAKE_VERSION } from "../../assembly/abi.ts";
import type { Variant } from "../engine.ts";
import type { Graph } from "../graph.ts";
import { stateHead } from "../members.ts";
import { isQuantized, type Model, type ValueInfo } from "../model.ts";
import type { Plan } from "../plan.ts";
import { portsOf } from "../ports.ts";
import type { Description, PortInfo } from "./baked.ts";

/** @param packed - the model with the weights that the file holds */
export function describe(
  model: Model,
  packed: Model,
  graph: Graph,
  plan: Plan,
  variant: Exclude<Variant, "reference">,
): Description {
  const ids = portsOf(model, model.inputs).map((port) => port.ids);
  const sequence = graph.sequenceNode !== undefined;
  return {
    version: BAKE_VERSION,
    variant,
    precision: isQuantized(packed) ? "int8" : "f32",
    maxSteps: plan.rows,
    sequence,
    inputs: model.inputs.map(
      (input, i): PortInfo => ({ ...input, stride: plan.inputs[i].stride, ...(ids[i] && { ids: ids[i] }) }),
    ),
    outputs: model.outputs.map(
      (output, i): PortInfo => ({
        ...output,
        stride: plan.outputs[i].stride,
        ...(graph.values.get(output.name)?.collapsed && { last: true }),
      }),
    ),
    states: model.states.map(({ name, shape }, i) => {
      const { rows, offset, stride } = plan.states[i];
      return { name, shape, rows, offset, stride };
    }),
    head: [...stateHead(model)],
    info: model.info,
  };
}

/** JSON in ASCII: what is invisible or turns text around is escaped, so bytes and characters are the same. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** @param code - src/bake/baked.ts as one text without exports */
export function program(description: Description, name: string, code: string): string {
  return `${MADE}
${code}
const description = ${asciiJson(description)};

export const { inputs, outputs, states, info } = description;

export function create(source) {
  return createBaked(description, source);
}

export async function load(source = new URL(${asciiJson(`./${encodeURIComponent(name)}.wasm`)}, import.meta.url)) {
  return loadBaked(description, source);
}
`;
}

/** The first line of both files: what has it may be written over. */
export const MADE = "// Made by sluice bake.";

/** What `create` takes. */
const BINARY = "WebAssembly.Module | Uint8Array | ArrayBuffer";

export function declarations({ sequence, inputs, outputs, states }: Description): string {
  const array = ({ dtype }: ValueInfo) => (dtype === "I32" ? "Int32Array" : "Float32Array");
  const frame = (port: PortInfo) =>
    port.shape.every((axis) => axis === 1 || typeof axis === "string") ? `${array(port)} | number` : array(port);
  const record = (ports: readonly { readonly name: string }[], type: (i: number) => string, mark = "") =>
    `{ ${ports.map(({ name }, i) => `${mark}${asciiJson(name)}: ${type(i)}`).join("; ")} }`;
  const one = (ports: readonly PortInfo[], type: (port: PortInfo) => string, mark = "readonly ") =>
    ports.length === 1 ? type(ports[0]) : record(ports, (i) => type(ports[i]), mark);
  const value = "{ readonly name: string; readonly dtype: string; readonly shape: readonly (number | string)[] }";
  const ys = one(outputs, array, "");
  const state = states.length === 0 ? "Record<string, never>" : record(states, () => "Float32Array");
  const methods = sequence
    ? `  /** A whole sequence (T, …), row-major, from the initial state; T at most maxSteps. */
  run(xs: ${one(inputs, array)}): ${ys};
`
    : `  /** One time step. No allocation when y is given. */
  step(x: ${one(inputs, frame)}, y?: ${ys}): ${ys};
  /** T time steps (T, …), row-major: the same bits as T calls of step. */
  run(xs: ${one(inputs, array)}, ys?: ${ys}): ${ys};
  /** Steps through an async source of frames. */
  over(source: AsyncIterable<${one(inputs, frame)}>, options?: { readonly signal?: AbortSignal }): AsyncGenerator<${ys}, void>;
  /** Back to the initial state. */
  reset(): void;
  /** Copies of all states, (layers × directions, 1, H) each. */
  get state(): ${state};
  setState(state: Partial<${state}>): void;
  /** The state as bytes: what a stream of the package saves of this model, and loads. */
  save(into?: Uint8Array): Uint8Array;
  load(bytes: Uint8Array): void;
`;
  return `${MADE}

/** One stream of the model, in a memory of its own. */
export interface Baked {
${methods}}

export declare const inputs: readonly (${value} & { readonly ids?: number })[];
export declare const outputs: readonly (${value})[];
export declare const states: readonly { readonly name: string; readonly shape: readonly number[] }[];
/** What the model's file says about the data: vocabulary, labels, sampleRate, mean, std. */
export declare const info: {
  readonly vocabulary?: readonly string[];
  readonly labels?: readonly string[];
  readonly sampleRate?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly description?: string;
  readonly license?: string;
};

/** From a compiled module (Workers, edge functions: import it) or bytes. */
export declare function create(source: ${BINARY}): Baked;
/** From the .wasm beside this file, or a URL, Response, module or bytes. */
export declare function load(source?: ${BINARY} | URL | Response): Promise<Baked>;
`;
}
