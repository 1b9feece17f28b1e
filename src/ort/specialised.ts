/** A function of an ONNX file at one set of shapes, in memory: tensors in, tensors out, nothing kept between calls. */

import type { SpecialisedFunction } from "../formats/onnx/function.ts";
import type { Numbers, Output } from "../ports.ts";
import type { Session } from "../session.ts";
import type { Stream } from "../stream.ts";
import { fromNumbers, Tensor, type TensorData, type TensorType } from "./tensor.ts";

/** What was fed, checked. */
export interface Feed {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** A session gives f32: 2²⁴ may be 2²⁴ + 1 that was rounded. */
const MOST = 2 ** 24 - 1;

export class Specialised {
  readonly #session: Session;
  readonly #stream: Stream;
  readonly #inputs: readonly string[];
  /** As the file calls them. */
  readonly #outputs: readonly { readonly name: string; readonly type: TensorType }[];
  readonly #read: SpecialisedFunction;
  /** Sizes of every input, and the elements of those that are fixed. */
  readonly #key: ReadonlyMap<string, Pick<Feed, "dims"> & { readonly data: TensorData | undefined }>;

  constructor(
    read: SpecialisedFunction,
    session: Session,
    feeds: ReadonlyMap<string, Feed>,
    fixed: ReadonlySet<string>,
    outputs: readonly { readonly name: string; readonly type: TensorType }[],
  ) {
    this.#session = session;
    this.#stream = session.stream();
    this.#read = read;
    this.#inputs = read.model.inputs.map(({ name }) => name);
    this.#outputs = outputs;
    this.#key = new Map(
      [...feeds].map(([name, { dims, data }]) => [
        name,
        { dims: [...dims], data: fixed.has(name) ? data.slice() : undefined },
      ]),
    );
  }

  /** Is this what it was specialised for? */
  fits(feeds: ReadonlyMap<string, Feed>): boolean {
    for (const [name, { dims, data }] of feeds) {
      const key = this.#key.get(name);
      if (!key || key.dims.length !== dims.length) return false;
      for (let i = 0; i < dims.length; i++) if (dims[i] !== key.dims[i]) return false;
      if (!key.data) continue;
      for (let i = 0; i < data.length; i++) if (data[i] !== key.data[i]) return false;
    }
    return true;
  }

  run(feeds: ReadonlyMap<string, Feed>): Map<string, Tensor> {
    const stream = this.#stream;
    stream.reset();
    const xs = Object.fromEntries(this.#inputs.map((name) => [name, numbersOf(name, feeds.get(name) as Feed)]));
    const ys: Output = stream.step(xs);
    const { model, shapes } = this.#read;
    return new Map(
      this.#outputs.map(({ name, type }, i) => {
        const y = ys instanceof Float32Array ? ys : ys[model.outputs[i].name];
        if (!type.startsWith("float") && y.some((x) => Math.abs(x) > MOST))
          throw new RangeError(`"${name}" expected integers up to ${MOST}, got larger ones`);
        return [name, new Tensor(type, fromNumbers(type, y), [...shapes[i]])];
      }),
    );
  }

  dispose(): void {
    this.#session.dispose();
  }
}

/** Elements as the kernels take them: f32, or integers of 32 bits. */
function numbersOf(name: string, { type, data }: Feed): Numbers {
  if (data instanceof Float32Array || data instanceof Int32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  if (type === "bool") return Int32Array.from(data as Uint8Array, (x) => Number(x !== 0));
  const numbers = Int32Array.from(data as ArrayLike<number | bigint>, Number);
  for (let i = 0; i < numbers.length; i++)
    if (numbers[i] !== Number(data[i]))
      throw new RangeError(`"${name}" expected ${type} that fit 32 bits, got ${data[i]}`);
  return numbers;
}
