/** The records of the graph set: opcode → kernel. execute.ts comes here with what the core does not know. */

import {
  OP_BINARY, OP_CHECK_COMPUTED, OP_FILL, OP_GATHER, OP_KEEP, OP_LAYER_NORMS, OP_MOVE, OP_POOL, OP_PRODUCT, OP_REDUCE, OP_SCALE_SHIFT_LINES, OP_SCAN, OP_SELECT,
  OP_SOFTMAX_LINES, OP_STATE_READ, OP_STATE_WRITE, OP_TAPS, OP_TOP_K, OP_UNARY, STATUS_OK, T_A,
} from "../abi";
import { gemm } from "../gemm";
import { layerNorm } from "../norm";
import { word, wordAt } from "../rows";
import { binary, select } from "./elementwise";
import { unary } from "./functions";
import { checkComputed, fill, gather, keep, move, readState, writeState } from "./move";
import { reduce, scaleShift, softmax, topK } from "./reduce";
import { scan } from "./scan";
import { pool, taps } from "./taps";

/** One record over all rows; n members. Returns a status. */
export function graphRecord(op: usize, record: usize, members: usize, n: usize, rows: usize): i32 {
  const a = word(record, 2);
  const b = word(record, 3);
  const c = word(record, 4);
  const d = word(record, 5);
  switch (op) {
    case OP_CHECK_COMPUTED:
      return checkComputed(
        a, b, c, <i32>d, <i32>word(record, 6), word(record, 7), word(record, 8), members, n, rows,
      );
    case OP_STATE_READ:
      readState(a, b, c, d, members, n);
      break;
    case OP_STATE_WRITE:
      writeState(a, b, c, d, members, n);
      break;
    case OP_KEEP:
      keep(a, b, members, n);
      break;
    default:
      for (let r: usize = 0; r < rows; r++) rowRecord(op, record, r);
  }
  return STATUS_OK;
}

/** What a record does with row r. Its operands begin with places and strides: of y, of x, and of a third value where it reads one. */
function rowRecord(op: usize, record: usize, r: usize): void {
  const y = rowAt(record, 2, r);
  const x = rowAt(record, 4, r);
  switch (op) {
    case OP_MOVE:
      move(y, x, word(record, 6), wordAt(record, 7));
      break;
    case OP_FILL:
      fill(y, word(record, 4), <u32>word(record, 5));
      break;
    case OP_UNARY:
      unary(y, x, word(record, 6), wordAt(record, 7));
      break;
    case OP_BINARY:
      binary(y, x, rowAt(record, 6, r), <u32>word(record, 8), word(record, 9), wordAt(record, 10));
      break;
    case OP_SELECT:
      select(y, x, rowAt(record, 6, r), rowAt(record, 8, r), word(record, 10));
      break;
    case OP_PRODUCT:
      gemm(
        y, word(record, 6), word(record, 8), 0, word(record, 7), x, word(record, 11), word(record, 9), word(record, 10),
        word(record, 12),
      );
      break;
    case OP_TAPS:
      taps(record, y, x, rowAt(record, T_A, r));
      break;
    case OP_REDUCE:
      reduce(y, x, word(record, 6), word(record, 7), word(record, 8), word(record, 9));
      break;
    case OP_TOP_K:
      topK(
        y, x, rowAt(record, 6, r), word(record, 8), word(record, 9), word(record, 10), word(record, 11),
        word(record, 12) != 0,
      );
      break;
    case OP_SOFTMAX_LINES:
      softmax(y, x, word(record, 6), word(record, 7), word(record, 8), word(record, 9) != 0);
      break;
    case OP_LAYER_NORMS: {
      const n = word(record, 6);
      layerNorm(y, n << 2, x, n << 2, n, word(record, 7), word(record, 8), load<f32>(wordAt(record, 9)), word(record, 10));
      break;
    }
    case OP_SCALE_SHIFT_LINES:
      scaleShift(y, x, word(record, 6), word(record, 7), word(record, 8), word(record, 9), word(record, 10));
      break;
    case OP_GATHER:
      gather(y, x, rowAt(record, 6, r), word(record, 8), word(record, 9), word(record, 10), word(record, 11));
      break;
    case OP_SCAN:
      scan(record, r, y, x);
      break;
    case OP_POOL:
      pool(
        y, x, word(record, 6), word(record, 7), word(record, 8), word(record, 9), word(record, 10), word(record, 11),
        word(record, 12), word(record, 13),
      );
      break;
    default:
      unreachable();
  }
}

/** Row r of the value whose place and stride stand at word i. */
// @ts-ignore: decorator
@inline
function rowAt(record: usize, i: usize, r: usize): usize {
  return word(record, i) + r * word(record, i + 1);
}
