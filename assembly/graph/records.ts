/** The records of the graph set: opcode → kernel. execute.ts comes here with what the core does not know. */

import {
  OP_BINARY, OP_CHECK_COMPUTED, OP_FILL, OP_GATHER, OP_KEEP, OP_LAYER_NORMS, OP_MOVE, OP_POOL, OP_PRODUCT, OP_REDUCE, OP_SCALE_SHIFT_LINES, OP_SCAN, OP_SELECT,
  OP_SOFTMAX_LINES, OP_STATE_READ, OP_STATE_WRITE, OP_TAPS, OP_TOP_K, OP_UNARY, STATUS_OK,
} from "../abi";
import { gemm } from "../gemm";
import { word } from "../rows";
import { binaryRows, selectRows } from "./elementwise";
import { unaryRows } from "./functions";
import { checkComputed, fillRows, gatherRows, keep, moveRows, readState, writeState } from "./move";
import { layerNormRows, reduceRows, scaleShiftRows, softmaxRows, topKRows } from "./reduce";
import { scan } from "./scan";
import { poolRows, tapsRows } from "./taps";

/** One record over all rows; n members. Returns a status. */
export function graphRecord(op: usize, record: usize, members: usize, n: usize, rows: usize): i32 {
  const a = word(record, 2);
  const b = word(record, 3);
  const c = word(record, 4);
  const d = word(record, 5);
  const e = word(record, 6);
  switch (op) {
    case OP_MOVE:
      moveRows(a, b, c, d, e, record + 28, rows);
      break;
    case OP_FILL:
      fillRows(a, b, c, <u32>d, rows);
      break;
    case OP_UNARY:
      unaryRows(a, b, c, d, e, record + 28, rows);
      break;
    case OP_BINARY:
      binaryRows(a, b, c, d, e, word(record, 7), <u32>word(record, 8), word(record, 9), record + 40, rows);
      break;
    case OP_SELECT:
      selectRows(a, b, c, d, e, word(record, 7), word(record, 8), word(record, 9), word(record, 10), rows);
      break;
    case OP_PRODUCT:
      for (let r: usize = 0; r < rows; r++) {
        gemm(
          a + r * b, c, e, 0, d, word(record, 9) + r * word(record, 10), word(record, 11), word(record, 7), word(record, 8),
          word(record, 12),
        );
      }
      break;
    case OP_TAPS:
      tapsRows(record, rows);
      break;
    case OP_REDUCE:
      reduceRows(a, b, c, d, e, word(record, 7), word(record, 8), word(record, 9), rows);
      break;
    case OP_TOP_K:
      topKRows(
        a, b, c, d, e, word(record, 7), word(record, 8), word(record, 9), word(record, 10), word(record, 11),
        word(record, 12) != 0, rows,
      );
      break;
    case OP_SOFTMAX_LINES:
      softmaxRows(a, b, c, d, e, word(record, 7), word(record, 8), word(record, 9) != 0, rows);
      break;
    case OP_LAYER_NORMS:
      layerNormRows(a, b, c, d, e, word(record, 7), word(record, 8), load<f32>(record, 36), word(record, 10), rows);
      break;
    case OP_SCALE_SHIFT_LINES:
      scaleShiftRows(a, b, c, d, e, word(record, 7), word(record, 8), word(record, 9), word(record, 10), rows);
      break;
    case OP_GATHER:
      gatherRows(
        a, b, c, d, e, word(record, 7), word(record, 8), word(record, 9), word(record, 10), word(record, 11), rows,
      );
      break;
    case OP_CHECK_COMPUTED:
      return checkComputed(a, b, c, <i32>d, <i32>e, word(record, 7), word(record, 8), members, n, rows);
    case OP_SCAN:
      scan(record, rows);
      break;
    case OP_STATE_READ:
      readState(a, b, c, d, members, n);
      break;
    case OP_STATE_WRITE:
      writeState(a, b, c, d, members, n);
      break;
    case OP_KEEP:
      keep(a, b, members, n);
      break;
    case OP_POOL:
      poolRows(
        a, b, c, d, e, word(record, 7), word(record, 8), word(record, 9), word(record, 10), word(record, 11),
        word(record, 12), word(record, 13), rows,
      );
      break;
    default:
      unreachable();
  }
  return STATUS_OK;
}
