/** What a recurrent layer's states and directions follow from. */

import type { Attrs } from "../op.ts";

export const directions = (attrs: Attrs) => (attrs.bidirectional ? 2 : 1);

/** Of an output: h, projected where it is. */
export const width = (attrs: Attrs) => (attrs.projSize || attrs.hiddenSize) as number;

/** Sizes of h, and of c. */
export const stateSizes = (op: string, attrs: Attrs) =>
  op === "lstm" ? [width(attrs), attrs.hiddenSize as number] : [width(attrs)];
