/** The table of ONNX's operators: one row for each that is supported. Another is refused by name. */

import { CONSTANTS } from "./constants.ts";
import { ELEMENTWISE } from "./elementwise.ts";
import { RECURRENT } from "./emit-recurrent.ts";
import { MOVES } from "./moves.ts";
import { NORMS } from "./norm.ts";
import { PRODUCTS } from "./product.ts";
import { REDUCERS } from "./reduce.ts";
import { RENAMES } from "./renames.ts";
import type { OnnxOp } from "./step.ts";
import { WINDOWS } from "./window.ts";

export const OPERATORS: Readonly<Record<string, OnnxOp>> = {
  ...CONSTANTS,
  ...RENAMES,
  ...MOVES,
  ...ELEMENTWISE,
  ...PRODUCTS,
  ...NORMS,
  ...RECURRENT,
  ...WINDOWS,
  ...REDUCERS,
};
