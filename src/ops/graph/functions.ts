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

const plain = (number: number): FunctionRule => ({ number, parameters: [], defaults: [] });

/** Equations in docs/operators.md. */
export const GRAPH_FUNCTIONS: Readonly<Record<string, FunctionRule>> = {
  ...FUNCTIONS,
  abs: plain(F_ABS),
  neg: plain(F_NEG),
  exp: plain(F_EXP),
  log: plain(F_LOG),
  sqrt: plain(F_SQRT),
  reciprocal: plain(F_RECIPROCAL),
  erf: plain(F_ERF),
  gelu: plain(F_GELU),
  geluTanh: plain(F_GELU_TANH),
  floor: plain(F_FLOOR),
  ceil: plain(F_CEIL),
  round: plain(F_ROUND),
  sin: plain(F_SIN),
  cos: plain(F_COS),
  silu: plain(F_SILU),
  mish: plain(F_MISH),
  /** alpha … beta. */
  clip: { number: F_CLIP, parameters: ["alpha", "beta"], defaults: [undefined, undefined] },
  pow2: plain(F_POW2),
  sign: plain(F_SIGN),
  hardSwish: plain(F_HARD_SWISH),
};

/** The three words of a function in a record. */
export function graphFunctionWords({ name, alpha = 0, beta = 0 }: ActivationSpec): [number, number, number] {
  return [GRAPH_FUNCTIONS[name].number, floatBits(alpha), floatBits(beta)];
}
