/**
 * Walks a program over linear memory: one call from JavaScript runs a whole step, or t steps, of the whole model, for
 * one stream or for a group.
 *
 * Data flow   program (abi.ts) → a kernel for each record → io, scratch, states
 * Cost        no allocation, no import, no state of its own but the solo entry at SOLO
 */

import {
  OP_ACTIVATE, OP_ADD, OP_CHECK_IDS, OP_COPY, OP_END, OP_GRU, OP_LAYER_NORM, OP_LINEAR, OP_LOG_SOFTMAX, OP_LOOKUP,
  OP_LSTM, OP_PACK, OP_PACK_INT8, OP_RNN, OP_SCALE_SHIFT, OP_SOFTMAX, OP_TRACE, SOLO, STATUS_OK, STATUS_STEPS,
} from "./abi";
import { activate, zeroPadding } from "./activation";
import { graphRecord } from "./graph/records";
import { packInt8, product, quantize } from "./int8";
import { setMember } from "./members";
import { layerNorm, logSoftmax, softmax } from "./norm";
import { pack } from "./pack";
import { recurrence } from "./recurrence";
import { add, checkIds, copyRows, lookup, paddedCount, scaleShift, trace, word, wordAt } from "./rows";

/** First byte after the module's own static data: only the debug build has any. */
export function heap_base(): usize {
  return __heap_base;
}

/** 1 in the relaxed builds, 0 in the others; 2 more in those that have the graph set. */
export function relaxed(): u32 {
  const set: u32 = isDefined(GRAPH) ? 2 : 0;
  return (ASC_FEATURE_RELAXED_SIMD ? 1 : 0) | set;
}

/** One stream takes t steps; row s of io is step s. Returns a status. */
export function execute(program: usize, stream: usize, t: u32): i32 {
  setMember(SOLO, 0, stream, t);
  return walk(program, SOLO, 1, t);
}

/** n members take up to t steps together, each its own number (a table of MEMBER_BYTES entries: state address, steps). */
export function executeGroup(program: usize, members: usize, n: u32, t: u32): i32 {
  return walk(program, members, n, t);
}

function walk(program: usize, members: usize, n: usize, t: usize): i32 {
  assert(program % 16 == 0, "program: expected a 16-byte aligned address");
  if (<u64>t * n > word(program, 0)) return STATUS_STEPS;
  const rows = t * n;
  let record = program + 4;
  for (let op = word(record, 0); op != OP_END; op = word(record, 0)) {
    switch (op) {
      case OP_END:
        return STATUS_OK;
      case OP_CHECK_IDS: {
        const status = checkIds(word(record, 2), word(record, 3), word(record, 4), rows);
        if (status != STATUS_OK) return status;
        break;
      }
      case OP_LINEAR:
        linear(record, rows);
        break;
      case OP_LOOKUP:
        lookup(word(record, 2), word(record, 3), word(record, 4), word(record, 5), word(record, 6), word(record, 7), rows);
        break;
      case OP_ACTIVATE:
        activateRows(word(record, 2), word(record, 3), word(record, 4), wordAt(record, 5), rows);
        break;
      case OP_LAYER_NORM:
        layerNorm(
          word(record, 2), word(record, 3), word(record, 4), word(record, 5), word(record, 6), word(record, 7),
          word(record, 8), load<f32>(wordAt(record, 9)), rows,
        );
        break;
      case OP_SCALE_SHIFT:
        scaleShift(
          word(record, 2), word(record, 3), word(record, 4), word(record, 5), word(record, 6), word(record, 7),
          word(record, 8), rows,
        );
        break;
      case OP_SOFTMAX:
        softmax(word(record, 2), word(record, 3), word(record, 4), word(record, 5), word(record, 6), rows);
        break;
      case OP_LOG_SOFTMAX:
        logSoftmax(word(record, 2), word(record, 3), word(record, 4), word(record, 5), word(record, 6), rows);
        break;
      case OP_ADD:
        add(
          word(record, 2), word(record, 3), word(record, 4), word(record, 5), word(record, 6), word(record, 7),
          word(record, 8), rows,
        );
        break;
      case OP_COPY:
        copyRows(
          word(record, 2) + word(record, 4), word(record, 3), word(record, 5), word(record, 6), word(record, 7), rows,
        );
        break;
      case OP_TRACE:
        trace(
          word(record, 2) + word(record, 4), word(record, 3), word(record, 5), word(record, 6), word(record, 7) != 0,
          word(record, 8), word(record, 9), word(record, 10), rows,
        );
        break;
      case OP_PACK:
        pack(word(record, 2), word(record, 3), word(record, 4), word(record, 5), word(record, 6) != 0);
        break;
      case OP_PACK_INT8:
        packInt8(word(record, 2), word(record, 3), word(record, 4), word(record, 5), word(record, 6));
        break;
      case OP_RNN:
      case OP_GRU:
      case OP_LSTM:
        recurrence(op, record, members, n, rows);
        break;
      default: {
        // The build says with `--use GRAPH=1` that it has the graph set; another compiles none of it.
        if (isDefined(GRAPH)) {
          const status = graphRecord(op, record, members, n, rows);
          if (status != STATUS_OK) return status;
        } else unreachable();
      }
    }
    record += word(record, 1) << 2;
  }
  return STATUS_OK;
}

function linear(record: usize, rows: usize): void {
  const k = word(record, 7);
  const x = word(record, 8);
  const xStride = word(record, 9);
  const q = word(record, 10);
  if (q != 0) quantize(q, x, xStride, k, rows);
  product(word(record, 2), word(record, 3), word(record, 5), 0, word(record, 4), x, xStride, word(record, 6), k, rows, q);
}

function activateRows(y: usize, yStride: usize, n: usize, f: usize, rows: usize): void {
  const padded = paddedCount(n);
  for (; rows > 0; rows--) {
    activate(y, padded, f, Infinity);
    zeroPadding(y, n);
    y += yStride;
  }
}
