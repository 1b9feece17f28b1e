/** Products of matrices that are both values of the graph. */

import { at, broadcast, build, type Dense } from "./tensor.ts";

/** NumPy's matmul: the last two axes are multiplied, the others broadcast; a vector loses the axis that it got. */
export function matmul(a: Dense, b: Dense): Float64Array {
  const left: Dense = a.shape.length === 1 ? { ...a, shape: [1, ...a.shape] } : a;
  const right: Dense = b.shape.length === 1 ? { ...b, shape: [...b.shape, 1] } : b;
  const [m, k] = left.shape.slice(-2);
  const n = right.shape[right.shape.length - 1];
  const batch = broadcast(left.shape.slice(0, -2), right.shape.slice(0, -2)) as number[];
  return build([...batch, m, n], (index) => {
    const outer = index.slice(0, -2);
    const [row, column] = index.slice(-2);
    let sum = 0;
    // An axis of one is no broadcast here, but its only index is 0 all the same.
    for (let i = 0; i < k; i++) sum += at(left, [...outer, row, i]) * at(right, [...outer, i, column]);
    return sum;
  });
}
