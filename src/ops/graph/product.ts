/** linear over the last axis of any shape, and the product of two values. */

import { broadcast } from "../../reference/graph/tensor.ts";
import type { Op } from "../op.ts";
import { linear as coreLinear } from "../product.ts";
import { lowerLinear, lowerMatmul } from "./lower-product.ts";
import type { GraphLowering } from "./lowering.ts";
import { inputsOf, numbers, oneInput } from "./shape.ts";

export const linear: Op = {
  ...coreLinear,
  shape(node, inputs, refuse) {
    const { shape } = oneInput(node, inputs, refuse, "F32");
    const { inFeatures, outFeatures } = node.attrs as Record<string, number>;
    if (shape[shape.length - 1] !== inFeatures) refuse(`a last axis of ${inFeatures}`, `(${shape})`);
    return numbers([...shape.slice(0, -1), outFeatures]);
  },
  lower: (to: GraphLowering, node) => lowerLinear(to, node, coreLinear),
};

export const matmul: Op = {
  attrs: {},
  shape(node, inputs, refuse) {
    const [a, b] = inputsOf(node, inputs, refuse, [2, 2], "F32").map(({ shape }) => shape);
    const text = () => `(${a}) and (${b})`;
    if (a.length === 0 || b.length === 0) refuse("matrices or vectors", text());
    const [m, k] = [a[a.length - 2], a[a.length - 1]];
    const [kb, n] = b.length === 1 ? [b[0], undefined] : [b[b.length - 2], b[b.length - 1]];
    if (k !== kb) refuse(`${k} rows of the second for ${k} columns of the first`, text());
    const batch = broadcast(a.slice(0, -2), b.slice(0, -2)) ?? refuse("batches that broadcast", text());
    return numbers([...batch, m, n].filter((size) => size !== undefined));
  },
  lower: lowerMatmul,
};
