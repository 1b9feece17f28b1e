/** The table of the core kernel set: one row per operator, in lowerCamel PyTorch names. A new layer is a new row. */

import { activation, add, concat, last } from "./elementwise.ts";
import { batchNorm, layerNorm, logSoftmax, softmax } from "./norm.ts";
import type { Op } from "./op.ts";
import { embedding, linear } from "./product.ts";
import { gru, lstm, rnn } from "./recurrent.ts";

export type OpTable = Readonly<Record<string, Op>>;

export const CORE: OpTable = {
  rnn,
  gru,
  lstm,
  linear,
  embedding,
  layerNorm,
  batchNorm,
  activation,
  softmax,
  logSoftmax,
  add,
  concat,
  last,
};
