/** Operators that multiply matrices: MatMul, Gemm, and the Einsum that is one of them. */

import { broadcast } from "../../reference/graph/tensor.ts";
import { elements } from "../../tensor.ts";
import type { OnnxOp, Step } from "./step.ts";
import { type Elements, type Value, vectorOf } from "./value.ts";

/** NumPy's matmul: a (…, M, K), b (…, K, N); a vector counts as a row on the left, a column on the right. */
function matmulShape(step: Step, a: readonly number[], b: readonly number[]): number[] {
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  const [M, K] = left.slice(-2);
  const [rows, N] = right.slice(-2);
  step.apart(left, [left.length - 1]);
  step.apart(right, [right.length - 2]);
  const batch = broadcast(left.slice(0, -2), right.slice(0, -2));
  if (K !== rows || !batch || K === undefined) throw step.shapeError("matrices (…, M, K) and (…, K, N)", a, b);
  return [...batch, ...(a.length === 1 ? [] : [M]), ...(b.length === 1 ? [] : [N])];
}

/** (rows, columns) → (columns, rows), times alpha. */
export function transposed(data: Elements, rows: number, columns: number, alpha = 1): Float32Array {
  const out = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = alpha * data[r * columns + c];
  return out;
}

const matmul: OnnxOp = {
  inputs: [2, 2],
  infer: (step) => {
    const [a, b] = [step.input(0), step.input(1)];
    step.floats32(a, b);
    return [{ kind: "F32", shape: matmulShape(step, a.shape, b.shape) }];
  },
  emit: (step, to) => {
    const [a, b] = [step.input(0), step.input(1)];
    if (!b.data || b.shape.length !== 2) to.node(step, "matmul", [a, b]);
    else {
      const [inFeatures, outFeatures] = b.shape;
      to.linear(step, { x: a, inFeatures, outFeatures, weight: transposed(b.data, inFeatures, outFeatures) });
    }
  },
};

const gemm: OnnxOp = {
  inputs: [2, 3],
  attrs: ["alpha", "beta", "transA", "transB"],
  infer: (step) => {
    const [a, b, c] = [step.input(0), step.input(1), step.inputs[2]];
    step.floats32(a, b, ...(c ? [c] : []));
    if (a.shape.length !== 2 || b.shape.length !== 2) throw step.shapeError("two matrices", a.shape, b.shape);
    const turn = (shape: readonly number[], name: string) => (step.int(name, 0) ? [...shape].reverse() : shape);
    const shape = matmulShape(step, turn(a.shape, "transA"), turn(b.shape, "transB"));
    if (c && `${broadcast(shape, c.shape)}` !== `${shape}`) throw step.shapeError("C that broadcasts", shape, c.shape);
    return [{ kind: "F32", shape }];
  },
  emit: (step, to) => {
    const [a, b, c] = [step.input(0), step.input(1), step.inputs[2]];
    const [alpha, beta] = [step.float("alpha", 1), step.float("beta", 1)];
    const columns = step.outputs[0].shape[1];
    const bias = c && vectorOf(c, columns, beta);
    if (step.int("transA", 0) !== 0 || !b.data || (c && !bias && beta !== 1))
      throw step.error("ERR_UNSUPPORTED_OP", "expected A as it is, B and beta · C known; got others.");
    const inFeatures = a.shape[1];
    const weight = step.int("transB", 0)
      ? Float32Array.from(b.data, (value) => alpha * value)
      : transposed(b.data, inFeatures, columns, alpha);
    to.linear(step, { x: a, inFeatures, outFeatures: columns, weight, bias, plus: bias ? undefined : c });
  },
};

/** An equation as its letters: "btgi,gih->btgh". */
function equation(step: Step): { a: string[]; b: string[]; out: string[] } {
  const match = /^([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)$/.exec(step.text("equation").replace(/ /g, ""));
  if (!match) throw step.error("ERR_ATTRIBUTE", 'equation: expected two inputs and an output, such as "bi,io->bo".');
  const [a, b, out] = match.slice(1).map((letters) => [...letters]);
  if (
    [a, b, out].some((letters) => new Set(letters).size !== letters.length) ||
    out.some((one) => !a.includes(one) && !b.includes(one))
  )
    throw step.error("ERR_ATTRIBUTE", "equation: expected each letter once in an input, and from one in the output.");
  return { a, b, out };
}

/** Letters by what they are to a product: in both and the output, summed over, of one side alone. */
function roles({ a, b, out }: ReturnType<typeof equation>) {
  return {
    batch: a.filter((one) => b.includes(one) && out.includes(one)),
    sum: a.filter((one) => b.includes(one) && !out.includes(one)),
    left: a.filter((one) => !b.includes(one)),
    right: b.filter((one) => !a.includes(one)),
  };
}

const einsum: OnnxOp = {
  since: 12,
  inputs: [2, 2],
  attrs: ["equation"],
  infer: (step) => {
    const letters = equation(step);
    const [x, y] = [step.input(0), step.input(1)];
    step.floats32(x, y);
    const sizes = new Map<string, number>();
    for (const [names, value] of [
      [letters.a, x],
      [letters.b, y],
    ] as const) {
      if (names.length !== value.shape.length) throw step.shapeError(`${names.length} axes`, value.shape);
      names.forEach((name, i) => {
        if ((sizes.get(name) ?? value.shape[i]) !== value.shape[i])
          throw step.shapeError("equal sizes", x.shape, y.shape);
        sizes.set(name, value.shape[i]);
      });
    }
    const { sum, left, right } = roles(letters);
    step.apart(
      sum.map((name) => sizes.get(name) as number),
      sum.map((_, i) => i),
    );
    if ([...left, ...right].every((name) => letters.out.includes(name)))
      return [{ kind: "F32", shape: letters.out.map((name) => sizes.get(name) as number) }];
    throw step.error("ERR_ATTRIBUTE", "equation: expected sums over letters of both inputs alone.");
  },
  // a (batch, left, sum) · b (batch, sum, right) → (batch, left, right), and back to the order that is asked for.
  emit: (step, to) => {
    const letters = equation(step);
    const { batch, sum, left, right } = roles(letters);
    const [x, y] = [step.input(0), step.input(1)];
    const size = new Map([
      ...letters.a.map((name, i) => [name, to.shape(x)[i]] as const),
      ...letters.b.map((name, i) => [name, to.shape(y)[i]] as const),
    ]);
    const sizes = (names: string[]) => names.map((name) => size.get(name) as number);
    const total = (names: string[]) => elements(sizes(names));
    const ordered = (value: Value, from: string[], order: string[]) => {
      const perm = order.map((name) => from.indexOf(name));
      return to.transposed(step, value, perm);
    };
    const matrix = (value: Value, from: string[], rows: string[], columns: string[]) => {
      const shape = [...sizes(batch), total(rows), total(columns)];
      return to.reshaped(step, ordered(value, from, [...batch, ...rows, ...columns]), shape);
    };
    const a = matrix(x, letters.a, left, sum);
    const b = matrix(y, letters.b, sum, right);
    const product = to.extra(step, "matmul", [a, b], [...sizes(batch), total(left), total(right)]);
    const names = [...batch, ...left, ...right];
    const full = to.reshaped(step, product, sizes(names));
    to.same(step, ordered(full, names, letters.out));
  },
};

export const PRODUCTS: Readonly<Record<string, OnnxOp>> = { MatMul: matmul, Gemm: gemm, Einsum: einsum };
