/** A tensor as onnxruntime-web has it: a type, a typed array, and its sizes. Only tensors in memory, and only of numbers. */

import { kindOf } from "../arguments.ts";
import { SessionError } from "../errors.ts";

/** The number of a type in ONNX files, and the array that holds it. */
const TYPES = {
  float32: { number: 1, array: Float32Array },
  uint8: { number: 2, array: Uint8Array },
  int8: { number: 3, array: Int8Array },
  uint16: { number: 4, array: Uint16Array },
  int16: { number: 5, array: Int16Array },
  int32: { number: 6, array: Int32Array },
  int64: { number: 7, array: BigInt64Array },
  bool: { number: 9, array: Uint8Array },
  float64: { number: 11, array: Float64Array },
  uint32: { number: 12, array: Uint32Array },
} as const;

export type TensorType = keyof typeof TYPES;

export type TensorData =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint32Array;

/** What a constructor takes as elements. */
export type TensorElements = TensorData | Uint8ClampedArray | readonly (number | bigint | boolean)[];

const names = () => Object.keys(TYPES).join(", ");

/** A type that is supported; float16, uint64 and strings are not. */
export function isTensorType(type: unknown): type is TensorType {
  return typeof type === "string" && Object.hasOwn(TYPES, type);
}

/** The type of a number in a file; undefined where it is not supported. */
export function typeOf(number: number | undefined): TensorType | undefined {
  return (Object.keys(TYPES) as TensorType[]).find((type) => TYPES[type].number === number);
}

/** Is it the array of this type? */
export function isDataOf(type: TensorType, data: unknown): data is TensorData {
  return data instanceof TYPES[type].array;
}

/** Numbers as elements of a type. */
export function fromNumbers(type: TensorType, numbers: Float32Array): TensorData {
  if (type === "float32") return numbers;
  if (type === "int64") return BigInt64Array.from(numbers, BigInt);
  return TYPES[type].array.from(numbers);
}

export class Tensor<T extends TensorType = TensorType> {
  readonly type: T;
  readonly dims: readonly number[];
  /** Elements. */
  readonly size: number;
  readonly location = "cpu";
  #data: TensorData | undefined;

  /**
   * From a type and elements, or from a typed array (or booleans) alone, which says the type. Without `dims` it has one axis.
   *
   * @throws TypeError, RangeError for elements that are no such type, or not as many as `dims` say
   * @example
   * const sr = new Tensor("int64", [16000n], []);
   * const frame = new Tensor(new Float32Array(512), [1, 512]);
   */
  constructor(type: T, data: TensorElements, dims?: readonly number[]);
  constructor(data: TensorData | Uint8ClampedArray | readonly boolean[], dims?: readonly number[]);
  constructor(first: T | TensorElements, second?: TensorElements | readonly number[], third?: readonly number[]) {
    const typed = typeof first === "string";
    const type = typed ? first : typeOfData(first);
    if (!isTensorType(type)) throw new TypeError(`"type" expected ${names()}; got ${type}`);
    const data = elementsOf(type, typed ? second : first);
    const dims = (typed ? third : (second as readonly number[] | undefined)) ?? [data.length];
    if (!Array.isArray(dims) || !dims.every((size) => Number.isSafeInteger(size) && size >= 0))
      throw new TypeError(`"dims" expected an array of sizes, got ${Array.isArray(dims) ? dims : kindOf(dims)}`);
    const size = dims.reduce((product, axis) => product * axis, 1);
    if (size !== data.length)
      throw new RangeError(`"data" expected ${size} elements for dims (${dims.join(", ")}), got ${data.length}`);
    this.type = type as T;
    this.dims = dims;
    this.size = size;
    this.#data = data;
  }

  /** The elements themselves, no copy. */
  get data(): TensorData {
    if (this.#data) return this.#data;
    throw new SessionError("ERR_DISPOSED", "tensor: expected a live one; it is disposed.");
  }

  async getData(): Promise<TensorData> {
    return this.data;
  }

  /** The same elements under other sizes. */
  reshape(dims: readonly number[]): Tensor<T> {
    return new Tensor(this.type, this.data, dims);
  }

  /** Lets go of the elements; idempotent. */
  dispose(): void {
    this.#data = undefined;
  }
}

/** uint8 stands before bool, which has the same array. */
function typeOfData(data: unknown): string {
  if (data instanceof Uint8ClampedArray) return "uint8";
  if (Array.isArray(data)) return typeof data[0] === "boolean" ? "bool" : `an array of ${typeof data[0]}s`;
  return Object.keys(TYPES).find((type) => isDataOf(type as TensorType, data)) ?? kindOf(data);
}

function elementsOf(type: TensorType, data: unknown): TensorData {
  if (isDataOf(type, data)) return data;
  if (type === "uint8" && data instanceof Uint8ClampedArray) return Uint8Array.from(data);
  if (!Array.isArray(data)) throw new TypeError(`"data" expected ${TYPES[type].array.name}, got ${kindOf(data)}`);
  if (type === "int64") return BigInt64Array.from(data, BigInt);
  if (data.some((one) => typeof one !== "number" && typeof one !== "boolean"))
    throw new TypeError(`"data" expected numbers for ${type}, got others`);
  return TYPES[type].array.from(data);
}
