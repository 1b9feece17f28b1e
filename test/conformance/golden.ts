/**
 * The golden files: what PyTorch computed in double precision, ours (test/golden, make.py says how they are made) and those
 * of SLUICE_VECTORS. Each is run as a batch, and each of its sequences alone through a stream, step by step and in chunks.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type LayerSpec, type Model, modelFromLayers, type Tensor } from "../../src/index.ts";
import { toF32 } from "../../src/tensor.ts";
import { GOLDEN, NO_VECTORS, readJson, readVector, safetensorsIn, VECTORS } from "../vectors.ts";
import { type Case, type Implementation, withSession } from "./cases.ts";
import { expectClose, expectNames } from "./compare.ts";
import { column, memberState, type Outcome, ones, runStream } from "./drive.ts";
import { type Data, type State, tensorMap } from "./models.ts";

/** `__metadata__.case`. A cell is one module of torch.nn; a Model has `layers`. */
interface About {
  readonly cell: "RNN" | "GRU" | "LSTM" | "Model";
  readonly layers?: readonly LayerSpec[];
  readonly input_size: number;
  readonly hidden_size: number;
  readonly num_layers: number;
  readonly bidirectional: boolean;
  readonly bias: boolean;
  readonly nonlinearity: "tanh" | "relu" | null;
  readonly proj_size: number;
  /** Keys without `_l0`: a GRUCell and the like. */
  readonly cell_module?: boolean;
  readonly seq_len: number;
  readonly batch: number;
  readonly lengths?: readonly number[] | null;
  readonly tolerance: number;
}

export interface Golden {
  readonly about: About;
  readonly model: Model;
  readonly input: Data;
  /** Empty where the model's own initial state is meant. */
  readonly initial: State;
  readonly truth: { readonly output: Float64Array; readonly state: Readonly<Record<string, Float64Array>> };
}

/** How many there are: a file that is lost on the way is a failure. */
const OUTSIDE_COUNT = 46;

export function golden(implementation: Implementation): Case[] {
  const cases: Case[] = [{ name: "golden/manifest", run: checkManifest }];
  for (const path of safetensorsIn(GOLDEN)) cases.push(...casesOf("golden", path, implementation));
  if (!VECTORS) return [...cases, { name: "pytorch/all", run() {}, skip: NO_VECTORS }];
  const outside = outsideGolden();
  cases.push({
    name: "pytorch/count",
    run() {
      if (outside.length !== OUTSIDE_COUNT) throw new Error(`expected ${OUTSIDE_COUNT} files, got ${outside.length}`);
    },
  });
  for (const path of outside) cases.push(...casesOf("pytorch", path, implementation));
  return cases;
}

/** The files of SLUICE_VECTORS, where it is set. */
export function outsideGolden(): string[] {
  return VECTORS ? safetensorsIn(join(VECTORS, "golden/pytorch")) : [];
}

function casesOf(group: string, path: string, implementation: Implementation): Case[] {
  const name = `${group}/${basename(path, ".safetensors")}`;
  return [
    { name: `${name}/run`, run: () => checkRun(readGolden(path), implementation) },
    { name: `${name}/stream`, run: () => checkStream(readGolden(path), implementation) },
  ];
}

/** The files are those of the manifest, bit for bit. */
function checkManifest(): void {
  const { cases } = readJson(GOLDEN, "manifest.json") as { cases: { file: string; sha256: string }[] };
  const files = safetensorsIn(GOLDEN);
  expectNames(
    "test/golden",
    files.map((path) => basename(path)),
    cases.map(({ file }) => file),
  );
  for (const { file, sha256 } of cases) {
    const hash = createHash("sha256")
      .update(readFileSync(join(GOLDEN, file)))
      .digest("hex");
    if (hash !== sha256) throw new Error(`test/golden/${file}: expected sha256 ${sha256}, got ${hash}`);
  }
}

export function checkRun({ about, model, input, initial, truth }: Golden, implementation: Implementation): void {
  const { batch, lengths, tolerance } = about;
  withSession(implementation, model, (session) => {
    const state = Object.keys(initial).length > 0 ? initial : undefined;
    const result = session.run(input, { batch, lengths: lengths ? Int32Array.from(lengths) : undefined, state });
    expectClose("output", result.output, truth.output, tolerance);
    expectNames("state", Object.keys(result.state), Object.keys(truth.state));
    for (const name of Object.keys(truth.state)) expectClose(name, result.state[name], truth.state[name], tolerance);
  });
}

/** Where a reverse direction forbids a stream, that it is refused by name. */
export function checkStream({ about, model, input, initial, truth }: Golden, implementation: Implementation): void {
  const { seq_len: T, batch: B, lengths, tolerance } = about;
  withSession(implementation, model, (session) => {
    if (model.nodes.some(({ attrs }) => attrs.bidirectional || attrs.reverse)) {
      expectSequenceModel(() => session.stream());
      return;
    }
    const stream = session.stream();
    for (let b = 0; b < B; b++) {
      const length = lengths?.[b] ?? T;
      if (length === 0) continue;
      const x = column(input, T, B, b, length);
      for (const chunks of [ones(length), length > 3 ? [2, length - 3, 1] : [length]]) {
        stream.reset();
        stream.setState(Object.keys(initial).length > 0 ? memberState(initial, B, b, model) : {});
        const outcome = runStream(stream, model, [x], chunks);
        const what = `sequence ${b} in chunks of ${chunks}`;
        expectOutcome(what, outcome, model, truth, { T, B, b, length, tolerance });
      }
    }
    stream.dispose();
  });
}

function expectOutcome(
  what: string,
  { outputs, state }: Outcome,
  model: Model,
  truth: Golden["truth"],
  { T, B, b, length, tolerance }: { T: number; B: number; b: number; length: number; tolerance: number },
): void {
  const output = column(truth.output, T, B, b, length);
  expectClose(`${what}: output`, outputs[model.outputs[0].name], output, tolerance);
  for (const { name, shape } of model.states) {
    expectClose(`${what}: ${name}`, state[name], column(truth.state[name], shape[0], B, b), tolerance);
  }
}

function expectSequenceModel(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_SEQUENCE_MODEL") return;
    throw error;
  }
  throw new Error("stream(): expected ERR_SEQUENCE_MODEL of a model with a reverse direction, got a stream");
}

export function readGolden(path: string): Golden {
  const vector = readVector(path);
  const about = vector.about as About;
  const { tensors } = vector;
  const weights: Tensor[] = [];
  const initial: State = {};
  const state: Record<string, Float64Array> = {};
  for (const [key, tensor] of tensors) {
    const [kind, name] = [key.slice(0, key.indexOf(".")), key.slice(key.indexOf(".") + 1)];
    if (kind === "weights") weights.push({ ...tensor, name: about.cell_module ? `${name}_l0` : name });
    else if (kind === "initial") initial[name] = toF32(tensor);
    else if (kind === "final") state[name] = truthOf(tensor);
    else if (key === "h0" || key === "c0") initial[key[0]] = toF32(tensor);
    else if (key === "h_n" || key === "c_n") state[key[0]] = truthOf(tensor);
  }
  const input = (tensors.get("input") as Tensor).data as Data;
  const output = truthOf(tensors.get("output") as Tensor);
  const model = modelFromLayers([...(about.layers ?? [layerOf(about)])], tensorMap(weights));
  return { about, model, input, initial, truth: { output, state } };
}

function truthOf({ name, dtype, data }: Tensor): Float64Array {
  if (data instanceof Float64Array) return data;
  throw new Error(`${name}: expected F64, got ${dtype}`);
}

function layerOf(about: About): LayerSpec {
  const shared = {
    name: "",
    inputSize: about.input_size,
    hiddenSize: about.hidden_size,
    numLayers: about.num_layers,
    bidirectional: about.bidirectional,
    bias: about.bias,
  };
  if (about.cell === "RNN") return { type: "rnn", ...shared, nonlinearity: about.nonlinearity ?? "tanh" };
  if (about.cell === "GRU") return { type: "gru", ...shared };
  return { type: "lstm", ...shared, projSize: about.proj_size };
}
