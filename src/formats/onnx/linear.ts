/**
 * What a row of numbers is a linear function of: sums of products with known matrices, and parts of them, as one matrix for
 * each value that it reads and one vector. So written-out cells are found whatever way their gates were stacked or cut.
 */

import { elements } from "../../tensor.ts";
import { sliceRanges, splitParts } from "./moves.ts";
import type { Value } from "./value.ts";

/** `rows` numbers: the sum of matrices (rows, columns) times values, and a vector. */
export interface Linear {
  readonly products: ReadonlyMap<Value, Float64Array>;
  readonly bias: Float64Array;
}

/** Terms and parts of a sum: a file may add a value to itself over and over. Largest realistic: 12. */
const TERMS = 64;

/** A value without the names that it has under other shapes. */
export function base(value: Value): Value {
  let one = value;
  while (!one.data && one.step?.row.renames) one = one.step.input(0);
  return one;
}

/** The value as a linear function of others, where it is one row and a sum of products; undefined where it is not. */
export function linearOf(value: Value): Linear | undefined {
  const rows = elements(value.shape);
  const linear = { products: new Map<Value, Float64Array>(), bias: new Float64Array(rows), left: TERMS };
  return collect(value, 0, linear) ? linear : undefined;
}

interface Growing {
  readonly products: Map<Value, Float64Array>;
  readonly bias: Float64Array;
  left: number;
}

/** Adds elements start … start + rows − 1 of a value that is one row. */
function collect(value: Value, start: number, to: Growing): boolean {
  const { step, data, shape, places } = value;
  const rows = to.bias.length;
  const size = elements(shape);
  if (--to.left < 0) return false;
  if (data) {
    if (places || (data.length !== 1 && data.length < start + rows)) return false;
    for (let r = 0; r < rows; r++) to.bias[r] += data[data.length === 1 ? 0 : start + r];
    return true;
  }
  if (!step || (shape[shape.length - 1] !== size && !step.row.renames)) return false;
  const inner = (one: Value, from: number) => collect(one, from, to);
  if (step.row.renames) return inner(step.input(0), start);
  switch (step.node.op) {
    case "Add":
      return step.inputs.every((one) => one && (one.data || elements(one.shape) === size) && inner(one, start));
    case "Split": {
      const { axis, sizes } = splitParts(step);
      const index = step.outputs.findIndex(({ name }) => name === value.name);
      const before = sizes.slice(0, index).reduce((sum, one) => sum + one, 0);
      return oneRow(step.input(0), axis) && inner(step.input(0), start + before);
    }
    case "Slice": {
      const from = step.input(0);
      const range = sliceRanges(step)[from.shape.length - 1];
      return oneRow(from, from.shape.length - 1) && range.step === 1 && inner(from, start + range.start);
    }
    case "MatMul":
      return product(step.input(0), step.input(1), false, start, to);
    case "Gemm": {
      const plain = !step.int("transA", 0) && step.float("alpha", 1) === 1 && step.float("beta", 1) === 1;
      const c = step.inputs[2];
      return (
        plain &&
        product(step.input(0), step.input(1), step.int("transB", 0) !== 0, start, to) &&
        (!c || ((c.data !== undefined || elements(c.shape) === size) && inner(c, start)))
      );
    }
    default:
      return false;
  }
}

/** All its elements stand along the axis, which is the last. */
const oneRow = ({ shape }: Value, axis: number): boolean =>
  axis === shape.length - 1 && elements(shape) === shape[axis];

/** x · W, of W (columns, N), or its transpose, the columns of the result from `start` on. Parts of a Concat are values apart. */
function product(x: Value, W: Value, turned: boolean, start: number, to: Growing): boolean {
  const { data } = W;
  const columns = x.shape[x.shape.length - 1];
  if (!data || W.shape.length !== 2 || elements(x.shape) !== columns) return false;
  const [rows, N] = [to.bias.length, W.shape[turned ? 0 : 1]];
  const whole = base(x);
  const parts =
    !whole.data && whole.step?.node.op === "Concat" && whole.shape[whole.shape.length - 1] === columns
      ? (whole.step.inputs as Value[])
      : [x];
  let first = 0;
  for (const part of parts) {
    const width = elements(part.shape);
    const operand = base(part);
    if (operand.data) return false;
    const sum = to.products.get(operand) ?? new Float64Array(rows * width);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < width; c++) {
        const [row, column] = [first + c, start + r];
        sum[r * width + c] += data[turned ? column * columns + row : row * N + column];
      }
    }
    to.products.set(operand, sum);
    first += width;
  }
  return true;
}
