/**
 * InferenceSession as onnxruntime-web has it, over Sluice: bytes → a function (src/formats/onnx/function.ts), specialised at the
 * first run for the shapes that are fed, again at others.
 */

import { kindOf, wrongKind } from "../arguments.ts";
import { FormatError, ModelError, SessionError } from "../errors.ts";
import { type OnnxFunction, readOnnxFunction } from "../formats/onnx/function.ts";
import type { OnnxValue } from "../formats/onnx/proto.ts";
import { createRuntime, createSession } from "../graph-entry.ts";
import { loadBytes } from "../load.ts";
import { GRAPH } from "../ops/graph.ts";
import type { Runtime } from "../runtime.ts";
import { shapeText } from "../tensor.ts";
import { env } from "./env.ts";
import { type Feed, Specialised } from "./specialised.ts";
import { isDataOf, isTensorType, Tensor, type TensorType, typeOf } from "./tensor.ts";

/** Options of `create`. Those of onnxruntime-web that are not here are accepted, and without effect. */
export interface SessionOptions {
  /** Files that the model names, by those names. */
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array | ArrayBuffer | string }[];
  readonly [name: string]: unknown;
}

export interface ValueMetadata {
  readonly name: string;
  readonly isTensor: true;
  readonly type: TensorType;
  /** A free axis is its name. */
  readonly shape: readonly (number | string)[];
}

export type Feeds = Readonly<Record<string, Pick<Tensor, "type" | "dims" | "data">>>;

/** Names of outputs; or by name null, or a tensor that the output is copied to. */
export type Fetches = readonly string[] | Readonly<Record<string, Tensor | null>>;

/** Shapes that are kept ready. Largest realistic: 3, the sizes of chunks that Silero VAD 4 takes. */
const MOST_SHAPES = 4;
/** Elements of an input of integers that may be fixed. Largest realistic: 8, the pads of a four-axis value. */
const MOST_FIXED = 64;

export class InferenceSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
  readonly #read: OnnxFunction;
  readonly #runtime: Runtime | undefined;
  /** In the order in which they were made: the oldest goes first. */
  readonly #ready: Specialised[] = [];
  /** Inputs whose values decide about shapes and branches, as far as is known. */
  #fixed: ReadonlySet<string> = new Set();
  #released = false;

  /** Use `InferenceSession.create`. */
  private constructor(read: OnnxFunction, runtime: Runtime | undefined) {
    this.#read = read;
    this.#runtime = runtime;
    this.inputMetadata = read.inputs.map(metadataOf);
    this.outputMetadata = read.outputs.map(metadataOf);
    this.inputNames = read.inputs.map(({ name }) => name);
    this.outputNames = read.outputs.map(({ name }) => name);
  }

  /**
   * Reads a model: its bytes, or a path or URL that the caller gives. No address is taken from a file.
   *
   * @throws FormatError when the bytes are wrong, ModelError ERR_DTYPE for an input or output of a type that is not supported
   * @example
   * const session = await InferenceSession.create(await (await fetch("model.onnx")).arrayBuffer());
   */
  static async create(
    model: string | ArrayBufferLike | Uint8Array,
    optionsOrOffset?: SessionOptions | number,
    length?: number,
    more?: SessionOptions,
  ): Promise<InferenceSession> {
    const options = (typeof optionsOrOffset === "number" ? more : optionsOrOffset) ?? {};
    const offset = typeof optionsOrOffset === "number" ? optionsOrOffset : 0;
    if (typeof options !== "object") throw wrongKind("options", "a record", options);
    let bytes: Uint8Array;
    if (typeof model === "string") bytes = await loadBytes(model);
    else if (model instanceof Uint8Array) bytes = model;
    else if (/^(Shared)?ArrayBuffer$/.test(kindOf(model))) bytes = new Uint8Array(model, offset, length);
    else throw wrongKind("model", "a path, URL or bytes", model);
    const files = new Map<string, Uint8Array>();
    for (const { path, data } of options.externalData ?? [])
      files.set(path.replace(/^\.\//, ""), data instanceof Uint8Array ? data : await loadBytes(data));
    const file = (name: string) => {
      const found = files.get(name);
      if (found) return found;
      throw new FormatError("ERR_EXTERNAL_DATA", `${name}: expected its bytes in externalData; got none`);
    };
    const read = readOnnxFunction(GRAPH, bytes, file);
    return new InferenceSession(read, await createRuntime());
  }

  /**
   * Runs the model once. The first run, and one with other sizes than before, specialises it first, which takes as long as reading
   * a model.
   *
   * @param feeds - a tensor for every input
   * @param fetches - which outputs, all unless given
   * @throws TypeError, RangeError for feeds and fetches, ModelError for what is not supported, SessionError when released
   * @example
   * const { output } = await session.run({ input: new Tensor("float32", frame, [1, 576]), state, sr });
   */
  async run(feeds: Feeds, fetches?: Fetches | object, _options?: object): Promise<Record<string, Tensor>> {
    this.#checkLive();
    const wanted = this.#wanted(fetches);
    const fed = this.#feeds(feeds);
    const outputs = (this.#ready.findLast((one) => one.fits(fed)) ?? (await this.#specialise(fed))).run(fed);
    return Object.fromEntries(
      wanted.map(([name, into]) => {
        const tensor = outputs.get(name) as Tensor;
        if (!into) return [name, tensor];
        if (into.type !== tensor.type || into.size !== tensor.size)
          throw new TypeError(`"${name}" expected ${textOf(tensor)}, got ${textOf(into)}`);
        into.data.set(tensor.data as never);
        return [name, into];
      }),
    );
  }

  /** Gives all memory back; idempotent. */
  async release(): Promise<void> {
    this.#released = true;
    for (const one of this.#ready.splice(0)) one.dispose();
  }

  #checkLive(): void {
    if (this.#released) throw new SessionError("ERR_DISPOSED", "session: expected a live one; it is released.");
  }

  /** Nothing is profiled. */
  startProfiling(): void {}

  endProfiling(): void {}

  #wanted(fetches: Fetches | object | undefined): [name: string, into: Tensor | null][] {
    const { outputNames } = this;
    const all = outputNames.map((name): [string, null] => [name, null]);
    if (fetches === undefined) return all;
    if (typeof fetches !== "object" || fetches === null || fetches instanceof Tensor)
      throw wrongKind("fetches", "names of outputs, or a record by them", fetches);
    if (!Array.isArray(fetches)) {
      // Without a name of an output they are the options of the run.
      const named = Object.entries(fetches).filter(([name]) => outputNames.includes(name));
      return named.length === 0 ? all : named.map(([name, into]) => [name, into instanceof Tensor ? into : null]);
    }
    if (fetches.length === 0) throw new RangeError(`"fetches" expected names of outputs, got none`);
    for (const name of fetches)
      if (!outputNames.includes(name))
        throw new RangeError(`"fetches" expected ${outputNames.join(", ")}, got ${name}`);
    return fetches.map((name) => [name, null]);
  }

  /** What is fed, by name, checked against what the file says of its inputs. */
  #feeds(feeds: Feeds): Map<string, Feed> {
    if (typeof feeds !== "object" || feeds === null || feeds instanceof Tensor || Array.isArray(feeds))
      throw wrongKind("feeds", `a record of ${this.inputNames.join(", ")}`, feeds);
    for (const name of Object.keys(feeds))
      if (!this.inputNames.includes(name))
        throw new RangeError(`"feeds" expected ${this.inputNames.join(", ")}, got ${name}`);
    return new Map(
      this.inputMetadata.map(({ name, type }, i) => {
        const { shape } = this.#read.inputs[i];
        const fed = Object.hasOwn(feeds, name) ? feeds[name] : undefined;
        if (typeof fed !== "object" || fed === null || !Array.isArray(fed.dims) || !isTensorType(fed.type))
          throw new TypeError(`"feeds" expected a Tensor for ${name}, got ${kindOf(fed)}`);
        const { data, dims } = fed;
        if (fed.type !== type) throw new TypeError(`"${name}" expected a tensor of ${type}, got ${fed.type}`);
        if (!isDataOf(type, data) || data.length !== dims.reduce((product, size) => product * size, 1))
          throw new TypeError(`"${name}" expected as many elements of ${type} as (${dims.join(", ")}) say, got others`);
        // One element may come with axes where the file has none, as onnxruntime allows.
        if (shape?.length === 0 && data.length === 1) return [name, { type, dims: [], data }];
        if (data.length === 0) throw new RangeError(`"${name}" expected elements, got none`);
        const known = shape ?? dims;
        if (dims.length !== known.length || !known.every((axis, k) => typeof axis === "string" || axis === dims[k]))
          throw new RangeError(`"${name}" expected shape ${shapeText(known)}, got ${shapeText(dims)}`);
        return [name, { type, dims, data }];
      }),
    );
  }

  /**
   * Integers that decide about shapes or branches have to be known: inputs of few integers are fixed, first those that were
   * before, then one at a time, then all of them, until the model can be read.
   */
  async #specialise(feeds: ReadonlyMap<string, Feed>): Promise<Specialised> {
    const open = [...feeds].filter(([, { type, data }]) => !type.startsWith("float") && data.length <= MOST_FIXED);
    const names = open.map(([name]) => name);
    const choices = [[...this.#fixed]];
    if (names.length > 1) choices.push(...names.map((name) => [name]));
    if (names.length > 0) choices.push(names);
    let refusal: unknown;
    for (const choice of choices) {
      const fixed = new Set(choice);
      try {
        const one = await this.#as(feeds, fixed);
        if (this.#released) one.dispose();
        this.#checkLive();
        this.#fixed = fixed;
        this.#ready.push(one);
        if (this.#ready.length > MOST_SHAPES) this.#ready.shift()?.dispose();
        return one;
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        refusal = error;
      }
    }
    throw refusal;
  }

  async #as(feeds: ReadonlyMap<string, Feed>, fixed: ReadonlySet<string>): Promise<Specialised> {
    const entries = [...feeds];
    const read = this.#read.specialise({
      shapes: Object.fromEntries(entries.map(([name, { dims }]) => [name, dims])),
      constants: Object.fromEntries(
        entries
          .filter(([name]) => fixed.has(name))
          .map(([name, { data }]) => [name, Array.from<number | bigint, number>(data, Number)]),
      ),
    });
    const session = await createSession(read.model, { maxSteps: 1, runtime: this.#runtime });
    if (env.logLevel !== "error" && env.logLevel !== "fatal")
      for (const text of read.model.warnings) console.warn(text);
    return new Specialised(read, session, feeds, fixed, this.outputMetadata);
  }
}

function metadataOf({ name, type: number, shape = [] }: OnnxValue): ValueMetadata {
  const type = typeOf(number);
  if (type) return { name, isTensor: true, type, shape };
  throw new ModelError(
    "ERR_DTYPE",
    `${name}: expected float, double, bool or integers up to int64; got type ${number}.`,
  );
}

function textOf({ type, dims }: Tensor): string {
  return `${type} ${shapeText(dims)}`;
}
