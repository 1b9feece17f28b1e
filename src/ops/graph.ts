/** The table of the graph kernel set: the core's layers over shapes of any rank, and the operators of graphs. docs/operators.md shows it. */

import { CORE, type OpTable } from "./core.ts";
import {
  activation,
  add,
  cast,
  div,
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  maximum,
  minimum,
  mul,
  pow,
  prelu,
  sub,
  where,
} from "./graph/elementwise.ts";
import {
  concat,
  constant,
  embedding,
  expand,
  gather,
  pad,
  reshape,
  scatterCache,
  slice,
  tile,
  transpose,
} from "./graph/move.ts";
import { linear, matmul } from "./graph/product.ts";
import { gru, lstm, rnn } from "./graph/recurrent.ts";
import { argMax, batchNorm, layerNorm, logSoftmax, max, mean, softmax, sum, topK } from "./graph/reduce.ts";
import { oneInput } from "./graph/shape.ts";
import { avgPool, conv, convTranspose, maxPool } from "./graph/window.ts";
import type { Op } from "./op.ts";

const last: Op = {
  ...CORE.last,
  shape: (node, inputs, refuse) => [oneInput(node, inputs, refuse, "F32")],
};

export const GRAPH: OpTable = {
  // of the core
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
  // of graphs
  constant,
  sub,
  mul,
  div,
  pow,
  minimum,
  maximum,
  greater,
  greaterEqual,
  less,
  lessEqual,
  equal,
  logicalAnd,
  logicalOr,
  logicalNot,
  where,
  prelu,
  cast,
  matmul,
  conv,
  convTranspose,
  maxPool,
  avgPool,
  mean,
  sum,
  max,
  argMax,
  topK,
  pad,
  slice,
  gather,
  reshape,
  transpose,
  expand,
  tile,
  scatterCache,
};
