/** Small models made in tests: tensors of given shapes. */

import type { Tensor } from "../src/index.ts";

/** Tensors by shape, filled with numbers that differ. */
export function tensors(shapes: Readonly<Record<string, readonly number[]>>): Map<string, Tensor> {
  let seed = 1;
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
        seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
        return seed / 2 ** 31 - 0.5;
      });
      return [name, { name, dtype: "F32", shape, data }];
    }),
  );
}
