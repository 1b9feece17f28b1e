/** Element by element with NumPy's broadcasting: arithmetic, comparisons, where, functions, casts. */

import { F_NOT, F_TO_FLOAT, F_TO_INTEGER } from "../../../assembly/abi.ts";
import type { ActivationSpec } from "../../model.ts";
import type { Op, Shaped } from "../op.ts";
import { GRAPH_FUNCTIONS, graphFunctionWords } from "./functions.ts";
import { lowerBinary, lowerUnary, lowerWhere } from "./lower.ts";
import type { GraphLowering } from "./lowering.ts";
import { alike, broadcastOf, inputsOf, oneInput } from "./shape.ts";

const COMPARISONS = ["greater", "greaterEqual", "less", "lessEqual", "equal", "logicalAnd", "logicalOr"];

/** Functions of one dtype; the others have both. */
const ONLY: Readonly<Record<string, Shaped["dtype"]>> = {
  pow: "F32",
  prelu: "F32",
  logicalAnd: "I32",
  logicalOr: "I32",
};

/** Two inputs of one dtype; more where the function is associative. */
function broadcasting(name: string, most = 2): Op {
  const only = ONLY[name];
  return {
    attrs: {},
    several: true,
    shape(node, inputs, refuse) {
      const all = inputsOf(node, inputs, refuse, [2, most]);
      const dtype = alike(all, refuse);
      if (only !== undefined && dtype !== only) refuse(`inputs of ${only}`, dtype);
      return [{ shape: broadcastOf(all, refuse), dtype: COMPARISONS.includes(name) ? "I32" : dtype }];
    },
    lower: (to: GraphLowering, node) => lowerBinary(to, node, name),
  };
}

export const add = broadcasting("add", Infinity);
export const sub = broadcasting("sub");
export const mul = broadcasting("mul", Infinity);
export const div = broadcasting("div");
export const pow = broadcasting("pow");
export const minimum = broadcasting("minimum", Infinity);
export const maximum = broadcasting("maximum", Infinity);
export const greater = broadcasting("greater");
export const greaterEqual = broadcasting("greaterEqual");
export const less = broadcasting("less");
export const lessEqual = broadcasting("lessEqual");
export const equal = broadcasting("equal");
export const logicalAnd = broadcasting("logicalAnd");
export const logicalOr = broadcasting("logicalOr");

/** x where it is not negative, else slope · x. The slope broadcasts to x. */
export const prelu: Op = {
  ...broadcasting("prelu"),
  shape(node, inputs, refuse) {
    const [x, slope] = inputsOf(node, inputs, refuse, [2, 2], "F32");
    const shape = broadcastOf([x, slope], refuse);
    if (`${shape}` !== `${x.shape}`) refuse(`a slope that broadcasts to (${x.shape})`, `(${slope.shape})`);
    return [{ shape, dtype: "F32" }];
  },
};

export const where: Op = {
  attrs: {},
  shape(node, inputs, refuse) {
    const [condition, a, b] = inputsOf(node, inputs, refuse, [3, 3]);
    if (condition.dtype !== "I32") refuse(`"${node.inputs[0]}" of I32`, condition.dtype);
    return [{ shape: broadcastOf([condition, a, b], refuse), dtype: alike([a, b], refuse) }];
  },
  lower: lowerWhere,
};

export const activation: Op = {
  attrs: { function: { kind: "functions", known: GRAPH_FUNCTIONS } },
  shape: (node, inputs, refuse) => [{ shape: oneInput(node, inputs, refuse, "F32").shape, dtype: "F32" }],
  size: (_, [size]) => size,
  lower: (to: GraphLowering, node) =>
    lowerUnary(to, node, graphFunctionWords((node.attrs.function as readonly ActivationSpec[])[0])),
};

export const logicalNot: Op = {
  attrs: {},
  shape: (node, inputs, refuse) => [{ shape: oneInput(node, inputs, refuse, "I32").shape, dtype: "I32" }],
  lower: (to: GraphLowering, node) => lowerUnary(to, node, [F_NOT, 0, 0]),
};

export const cast: Op = {
  attrs: { to: { kind: ["F32", "I32"] } },
  shape: (node, inputs, refuse) => [
    { shape: oneInput(node, inputs, refuse).shape, dtype: node.attrs.to as Shaped["dtype"] },
  ],
  lower(to: GraphLowering, node) {
    const { dtype } = to.shaped(node.inputs[0]);
    if (dtype === node.attrs.to) to.alias(node.outputs[0], node.inputs[0]);
    else lowerUnary(to, node, [dtype === "F32" ? F_TO_INTEGER : F_TO_FLOAT, 0, 0]);
  },
};
