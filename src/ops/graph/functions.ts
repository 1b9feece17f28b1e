/** The functions of `activation` layers of a graph: those of the core and more. */

import {
  F_ABS,
  F_CEIL,
  F_CLIP,
  F_COS,
  F_ERF,
  F_EXP,
  F_FLOOR,
  F_GELU,
  F_GELU_TANH,
  F_HARD_SWISH,
  F_LOG,
  F_MISH,
  F_NEG,
  F_POW2,
  F_RECIPROCAL,
  F_ROUND,
  F_SIGN,
  F_SILU,
  F_SIN,
  F_SQRT,
} from "../../../assembly/abi.ts";
import type { ActivationSpec } from "../../model.ts";
import { FUNCTIONS, type FunctionRule, floatBits } from "../functions.ts";

/** Equations in docs/operators.md. */
export const GRAPH_FUNCTIONS: Readonly<Record<string, FunctionRule>> = {
  ...FUNCTIONS,
  abs: [F_ABS],
  neg: [F_NEG],
  exp: [F_EXP],
  log: [F_LOG],
  sqrt: [F_SQRT],
  reciprocal: [F_RECIPROCAL],
  erf: [F_ERF],
  gelu: [F_GELU],
  geluTanh: [F_GELU_TANH],
  floor: [F_FLOOR],
  ceil: [F_CEIL],
  round: [F_ROUND],
  sin: [F_SIN],
  cos: [F_COS],
  silu: [F_SILU],
  mish: [F_MISH],
  /** alpha … beta. */
  clip: [F_CLIP, NaN, NaN],
  pow2: [F_POW2],
  sign: [F_SIGN],
  hardSwish: [F_HARD_SWISH],
};

/** The three words of a function in a record. */
export function graphFunctionWords({ name, alpha = 0, beta = 0 }: ActivationSpec): [number, number, number] {
  return [GRAPH_FUNCTIONS[name][0], floatBits(alpha), floatBits(beta)];
}
