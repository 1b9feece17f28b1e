/** The bytes of a model file → what it holds, as `sluice inspect` reports it. */

import {
  createSession,
  type Format,
  formatOf,
  type LayerSpec,
  type Model,
  ModelError,
  type Node,
  type Outline,
  readModel,
  type Session,
  type StateInfo,
  type Tensor,
} from "../all.ts";
import { checkGraph } from "../graph.ts";
import { tensorKey } from "../model.ts";
import { GRAPH } from "../ops/graph.ts";
import { inferAttrs, resolveAttrs } from "../ops/op.ts";
import { codeOf } from "./code.ts";
import { type Convention, conventionsOf } from "./conventions.ts";
import { entryOf } from "./convert.ts";
import { filesBeside, type GraphOptions } from "./file.ts";
import { guessChain } from "./guess.ts";

/** What `--json` prints, and the report says in words. */
export interface Facts {
  readonly file: string;
  readonly bytes: number;
  /** The format: `ONNX`. */
  readonly reader: string;
  /** With its graph, or weights alone. */
  readonly format: "graph" | "weights";
  readonly tensors: readonly Pick<Tensor, "name" | "dtype" | "shape">[];
  readonly guess?: Guess;
  /** Absent where the guessed layers do not fit the tensors. */
  readonly model?: ModelFacts;
}

/** Of a file that is refused. */
export interface Refused extends Outline {
  readonly file: string;
  readonly bytes: number;
  readonly reader: string;
  readonly problem: string;
}

/** Layers by names and shapes, and what these do not tell. */
export interface Guess {
  readonly layers: readonly LayerSpec[];
  /** One list for each layer. */
  readonly unknown: readonly (readonly string[])[];
  readonly unknownOfAll: readonly string[];
  /** Why the guess does not run. */
  readonly problem?: string;
}

export interface ModelFacts extends Pick<Model, "inputs" | "outputs" | "states" | "info" | "warnings"> {
  readonly parameters: number;
  readonly layers: readonly LayerFacts[];
  readonly conventions: readonly Convention[];
  /** Why the model needs its whole sequence; absent where it streams. */
  readonly needsSequence?: string;
  readonly memory: Session["info"];
  readonly code: readonly string[];
}

export interface LayerFacts extends Node {
  /** The attributes without which it would be another layer. */
  readonly notable: Node["attrs"];
  /** Elements of a row of each input ("id" for ids), and of the output. */
  readonly from: readonly (number | "id")[];
  readonly to: number;
  readonly parameters: number;
  readonly states: readonly StateInfo[];
}

/** What the user said of a file of weights. */
export interface Said {
  readonly layers?: readonly LayerSpec[];
  readonly ignore?: readonly string[];
  readonly graph?: GraphOptions;
}

/** `tensors`: undefined where the file's format always has a graph. */
export async function factsOf(
  path: string,
  bytes: Uint8Array,
  tensors: ReadonlyMap<string, Tensor> | undefined,
  said: Said,
): Promise<Facts> {
  const format = formatOf(bytes);
  const head = (held: ReadonlyMap<string, Tensor>) => ({
    file: path,
    bytes: bytes.length,
    reader: format.name,
    tensors: [...held.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape })),
  });
  try {
    const model = readModel(bytes, {
      layers: said.layers,
      ignore: said.ignore,
      ...said.graph,
      files: filesBeside(path),
    });
    return {
      ...head(tensors ?? model.tensors),
      format: said.layers ? "weights" : "graph",
      model: await modelFacts(path, model, format, said),
    };
  } catch (error) {
    if (tensors === undefined || (error as ModelError).code !== "ERR_LAYERS_NEEDED") throw error;
  }
  const guess = guessOf(tensors, format);
  try {
    const model = readModel(bytes, { layers: guess.layers, ignore: said.ignore });
    const guessed = { ...said, layers: guess.layers };
    return { ...head(tensors), format: "weights", guess, model: await modelFacts(path, model, format, guessed) };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { ...head(tensors), format: "weights", guess: { ...guess, problem: error.message } };
  }
}

function guessOf(tensors: ReadonlyMap<string, Tensor>, { eps }: Format): Guess {
  const layers = guessChain(tensors, eps);
  const unknown = layers.map(({ type }) => {
    if (type === "rnn") return ["nonlinearity: tanh is assumed, it may be relu"];
    if (type === "gru") return ["resetAfter: true is assumed, as in PyTorch"];
    if (type === "linear") return ["activation after it: none is assumed"];
    if (type === "embedding") return ["an embedding is assumed, it may be linear without bias"];
    if (type === "layerNorm" || type === "batchNorm") return [`eps: ${eps ?? 1e-5} is assumed`];
    return [];
  });
  const initial = [...tensors.keys()].some((name) => /(^|\.)[hc]0$/.test(name));
  return {
    layers,
    unknown,
    unknownOfAll: [
      "order: a chain that fits the sizes is assumed, each layer reading the one before it",
      ...(initial ? [] : ["initial states: zero is assumed"]),
    ],
  };
}

async function modelFacts(path: string, model: Model, format: Format, said: Said): Promise<ModelFacts> {
  const { inputs, outputs, states, info, warnings } = model;
  const session = await createSession(model);
  let needsSequence: string | undefined;
  try {
    session.stream();
  } catch (error) {
    if ((error as ModelError).code !== "ERR_SEQUENCE_MODEL") throw error;
    needsSequence = (error as ModelError).message;
  }
  const facts = layerFacts(model);
  return {
    inputs,
    outputs,
    states,
    info,
    warnings,
    parameters: facts.reduce((sum, { parameters }) => sum + parameters, 0),
    layers: facts,
    conventions: conventionsOf(model, format),
    needsSequence,
    memory: session.info,
    code: codeOf(path, model, {
      ...said,
      entry: format.entry === "sluice" ? entryOf(model) : format.entry,
      files: format.files,
      needsSequence: needsSequence !== undefined,
    }),
  };
}

/** What the operator table says of every node; an attribute that it can do without is not notable. */
function layerFacts(model: Model): LayerFacts[] {
  const { values } = checkGraph(GRAPH, model);
  const sizeOfValue = (name: string) => {
    const input = model.inputs.find((one) => one.name === name);
    return input?.dtype === "I32" ? "id" : (values.get(name)?.size ?? 0);
  };
  return model.nodes.map((node) => {
    const { name, op, attrs } = node;
    const row = GRAPH[op];
    const from = node.inputs.filter((input) => input !== "").map(sizeOfValue);
    const tensorOf = (suffix: string) => model.tensors.get(tensorKey(name, suffix));
    const own = (row.states?.(attrs) ?? []).map(({ suffix }) => tensorKey(name, suffix));
    const build = (given: Node["attrs"]): Node["attrs"] =>
      resolveAttrs(
        row,
        inferAttrs(row, given, (suffix) => tensorOf(suffix)?.shape, from[0] === "id" ? undefined : from[0]),
        name,
      );
    return {
      ...node,
      notable: notableOf(node, build),
      from,
      to: values.get(node.outputs.find((output) => output !== "") ?? "")?.size ?? 0,
      parameters: (row.tensors?.(attrs) ?? []).reduce(
        (sum, { suffix }) => sum + (tensorOf(suffix)?.data.length ?? 0),
        0,
      ),
      states: model.states.filter((state) => own.includes(state.name)),
    };
  });
}

/** What tensors tell is worth telling where it is unusual. */
const USUAL: Node["attrs"] = { bias: true, affine: true, projSize: 0 };

function notableOf({ attrs }: Node, build: (attrs: Node["attrs"]) => Node["attrs"]): Node["attrs"] {
  const entries = Object.entries(attrs).filter(([key, value]) => {
    if (key in USUAL) return USUAL[key] !== value;
    const { [key]: _, ...rest } = attrs;
    try {
      return JSON.stringify(build(rest)[key]) !== JSON.stringify(value);
    } catch {
      return true;
    }
  });
  return Object.fromEntries(entries);
}
