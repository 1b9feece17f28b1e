/**
 * Every opcode writes its outputs and nothing else, and reads its inputs and nothing else, at all sizes around the edges of
 * vectors, panels and tiles. Padding: rows are padded with zeros to LANES, and so are the outputs of kernels that write whole
 * vectors; OP_LINEAR has its own file.
 */

import { describe, expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { below, type Random, seeded, uniform } from "../conformance/models.ts";
import {
  BUILDS,
  floatWord,
  gatePanels,
  gateVector,
  Machine,
  padded,
  panels,
  type Range,
  unitPanels,
} from "./machine.ts";

const MAX_ROWS = 9;
const MAX_SIZE = 40;
const FUNCTIONS = Object.keys(abi).filter((name) => name.startsWith("F_")).length;

interface Trial {
  readonly record: readonly number[];
  /** What may be written. */
  readonly outputs: readonly Range[];
  /** Of the outputs, what must hold finite numbers afterwards. */
  readonly results: readonly Range[];
  /** And what must hold zeros. */
  readonly zeros?: readonly Range[];
  /** [state address, steps] of each member; one member that takes all rows where absent. */
  readonly members?: readonly (readonly [number, number])[];
}

const number = (random: Random) => () => 4 * random() - 2;

/** The first n elements of `count` rows, and what pads each to a whole vector. */
function rowsOf(at: number, stride: number, n: number, count: number) {
  const rows = Array.from({ length: count }, (_, r) => at + r * stride);
  return {
    exact: rows.map((row): Range => [row, row + n * 4]),
    whole: rows.map((row): Range => [row, row + padded(n) * 4]),
    padding: rows.map((row): Range => [row + n * 4, row + padded(n) * 4]),
  };
}

/** x and y of n elements with strides that leave some room between rows; x's padding is zeros. */
function mapped(machine: Machine, random: Random, n: number, rows: number) {
  const xStride = padded(n) * 4 + 16 * below(random, 3);
  const yStride = padded(n) * 4 + 16 * below(random, 3);
  const x = machine.rows(rows, n, xStride, padded(n) - n, number(random));
  const y = machine.take(rows * yStride);
  return { x, xStride, y, yStride, ...rowsOf(y, yStride, n, rows) };
}

function vector(machine: Machine, random: Random, n: number): number {
  return machine.rows(1, n, padded(n) * 4, padded(n) - n, number(random));
}

/** Operators that a row goes through on its own: what they do with n elements of each of `rows` rows. */
const ROW_OPERATORS: Readonly<Record<string, (machine: Machine, random: Random, n: number, rows: number) => Trial>> = {
  OP_CHECK_IDS(machine, _, n, rows) {
    const ids = machine.take(rows * 4);
    for (let r = 0; r < rows; r++) machine.u32[ids / 4 + r] = r % n;
    return { record: [abi.OP_CHECK_IDS, ids, 4, n], outputs: [], results: [] };
  },
  OP_LOOKUP(machine, random, n, rows) {
    const { y, yStride, whole } = mapped(machine, random, n, rows);
    const count = 1 + below(random, MAX_ROWS);
    const table = machine.rows(count, n, padded(n) * 4, padded(n) - n, number(random));
    const ids = machine.take(rows * 4);
    for (let r = 0; r < rows; r++) machine.u32[ids / 4 + r] = below(random, count);
    return {
      record: [abi.OP_LOOKUP, y, yStride, table, padded(n) * 4, ids, 4],
      outputs: whole,
      results: whole,
    };
  },
  OP_ACTIVATE(machine, random, n, rows) {
    const stride = padded(n) * 4 + 16 * below(random, 3);
    const y = machine.rows(rows, n, stride, 0, number(random));
    const f = below(random, FUNCTIONS);
    const { exact, whole, padding } = rowsOf(y, stride, n, rows);
    return {
      record: [abi.OP_ACTIVATE, y, stride, n, f, floatWord(0.3), floatWord(0.7)],
      outputs: whole,
      results: exact,
      zeros: padding,
    };
  },
  OP_LAYER_NORM(machine, random, n, rows) {
    const { x, xStride, y, yStride, exact } = mapped(machine, random, n, rows);
    const [weight, bias] = [0, 1].map(() => (below(random, 2) ? vector(machine, random, n) : 0));
    return {
      record: [abi.OP_LAYER_NORM, y, yStride, x, xStride, n, weight, bias, floatWord(1e-5)],
      outputs: exact,
      results: exact,
    };
  },
  OP_SCALE_SHIFT(machine, random, n, rows) {
    const { x, xStride, y, yStride, whole, padding } = mapped(machine, random, n, rows);
    const [scale, shift] = [0, 1].map(() => vector(machine, random, n));
    return {
      record: [abi.OP_SCALE_SHIFT, y, yStride, x, xStride, n, scale, shift],
      outputs: whole,
      results: whole,
      zeros: padding,
    };
  },
  OP_SOFTMAX(machine, random, n, rows) {
    const { x, xStride, y, yStride, whole, padding } = mapped(machine, random, n, rows);
    return { record: [abi.OP_SOFTMAX, y, yStride, x, xStride, n], outputs: whole, results: whole, zeros: padding };
  },
  OP_LOG_SOFTMAX(machine, random, n, rows) {
    const { x, xStride, y, yStride, whole, padding } = mapped(machine, random, n, rows);
    return { record: [abi.OP_LOG_SOFTMAX, y, yStride, x, xStride, n], outputs: whole, results: whole, zeros: padding };
  },
  OP_ADD(machine, random, n, rows) {
    const { x, xStride, y, yStride, whole, padding } = mapped(machine, random, n, rows);
    const b = machine.rows(rows, n, padded(n) * 4, padded(n) - n, number(random));
    return {
      record: [abi.OP_ADD, y, yStride, x, xStride, b, padded(n) * 4, n],
      outputs: whole,
      results: whole,
      zeros: padding,
    };
  },
  OP_COPY(machine, random, n, rows) {
    const column = below(random, 11);
    const stride = padded(n + column) * 4 + 16;
    const x = machine.rows(rows, n, padded(n) * 4 + 16, 0, number(random));
    const y = machine.take(rows * stride);
    const { exact } = rowsOf(y + column * 4, stride, n, rows);
    return {
      record: [abi.OP_COPY, y, stride, column * 4, x, padded(n) * 4 + 16, n],
      outputs: exact,
      results: exact,
    };
  },
  OP_PACK(machine, random, n, rows) {
    // Here rows are columns: a matrix (n, k), whole vectors of its rows.
    const [size, k] = [padded(n), rows];
    const x = machine.rows(1, size * k, size * k * 4, 0, number(random));
    const y = machine.take(size * k * 4);
    const results: Range[] = [[y, y + size * k * 4]];
    return { record: [abi.OP_PACK, y, x, size, k], outputs: results, results };
  },
  OP_TRACE(machine, random, n, rows) {
    const [capacity, column, seen, advance] = [
      1 + below(random, 12),
      below(random, 7),
      below(random, 30),
      below(random, 2),
    ];
    const stride = padded(n + column) * 4;
    const x = machine.rows(rows, n, padded(n) * 4 + 16, 0, number(random));
    const ring = machine.take(capacity * stride);
    const counter = machine.take(4);
    machine.u32[counter / 4] = seen;
    const results = Array.from({ length: rows }, (_, s): Range => {
      const row = ring + ((seen + s) % capacity) * stride + column * 4;
      return [row, row + n * 4];
    });
    return {
      record: [abi.OP_TRACE, ring, stride, column * 4, capacity, counter, advance, x, padded(n) * 4 + 16, n],
      outputs: advance ? [...results, [counter, counter + 4]] : results,
      results,
    };
  },
};

describe.each(BUILDS)("the %s build", (build) => {
  it.each(Object.entries(ROW_OPERATORS))("%s, n 1 … 40, rows 1 … 9", (name, make) => {
    const machine = new Machine(build);
    const random = seeded(name);
    for (let n = 1; n <= MAX_SIZE; n++) {
      for (let rows = 1; rows <= MAX_ROWS; rows++) {
        machine.clear();
        const { record, outputs, results, zeros = [] } = make(machine, random, n, rows);
        const program = machine.program(rows, record);
        machine.expectWrites(outputs, () => machine.exports.executeGroup(program, 0, 1, rows));
        machine.expectFinite(...results);
        for (const [from, to] of zeros) machine.expectZero(from, to);
      }
    }
  });
});

/** What varies from cell to cell besides sizes. */
interface Shape {
  readonly hidden: number;
  /** Elements of h: P where an LSTM projects. */
  readonly width: number;
  readonly lengths: readonly number[];
  /** Plain: the gate pass in registers. */
  readonly plain: boolean;
  readonly reverse: boolean;
}

/** A cell's record over members of the given lengths, with the input products in place or its own to make. */
function cell(machine: Machine, random: Random, op: number, gates: number, shape: Shape): Trial {
  const { hidden, width, lengths, plain, reverse } = shape;
  const coin = () => below(random, 2) === 1;
  const count = lengths.length;
  const steps = Math.max(...lengths);
  const rows = count * steps;
  const H = padded(hidden) * 4;
  const P = padded(width) * 4;

  // Padding of gx is zeros, as OP_LINEAR over padded weights leaves it; rows past a member's length are anything.
  const gxStride = gates * H + 16 * below(random, 2);
  const gx = machine.take(rows * gxStride);
  const taken = (row: number) => Math.floor(row / count) < lengths[row % count];
  for (let row = 0; row < rows; row++) {
    if (!taken(row)) continue;
    for (let g = 0; g < gates; g++) {
      const at = (gx + row * gxStride + g * H) / 4;
      machine.f32.fill(0, at, at + padded(hidden));
      for (let i = 0; i < hidden; i++) machine.f32[at + i] = number(random)();
    }
  }
  const column = 4 * below(random, 6);
  const yStride = padded(width + 5) * 4 + 16;
  const y = machine.take(rows * yStride);
  const results: Range[] = [];
  const outputs: Range[] = [];
  for (let row = 0; row < rows; row++) {
    const at = y + row * yStride + column;
    outputs.push([at, at + width * 4], [gx + row * gxStride, gx + row * gxStride + gates * H]);
    if (taken(row)) results.push([at, at + width * 4]);
  }

  const lstm = op === abi.OP_LSTM;
  const hOffset = 16;
  const cOffset = hOffset + P + 16;
  const zeros: Range[] = [];
  const states = lengths.map((length) => {
    const state = machine.take(cOffset + H + 16);
    const parts: (readonly [number, number])[] = [[state + hOffset, width]];
    if (lstm) parts.push([state + cOffset, hidden]);
    for (const [at, n] of parts) {
      for (let i = 0; i < padded(n); i++) machine.f32[at / 4 + i] = i < n ? number(random)() / 2 : 0;
      outputs.push([at, at + padded(n) * 4]);
      results.push([at, at + n * 4]);
      zeros.push([at + n * 4, at + padded(n) * 4]);
    }
    return [state, length] as const;
  });
  const scratch = (bytes: number) => {
    const at = machine.take(count * bytes);
    outputs.push([at, at + count * bytes]);
    return at;
  };

  const record: number[] = new Array(abi.CELL_WORDS - 1).fill(0);
  record[0] = op;
  // Offsets count the record's second word too, its length, which Machine.program puts in.
  const set = (offset: number, value: number) => {
    record[offset - 1] = value;
  };
  set(abi.C_GX, gx);
  set(abi.C_GX_STRIDE, gxStride);
  set(abi.C_Y, y);
  set(abi.C_Y_STRIDE, yStride);
  set(abi.C_Y_COLUMN, column);
  set(abi.C_H, hOffset | 1);
  set(abi.C_C, lstm ? cOffset | 1 : 0);
  set(abi.C_H_ROWS, scratch(P));
  set(abi.C_C_ROWS, lstm ? scratch(H) : 0);
  set(abi.C_HIDDEN, hidden);
  set(abi.C_WIDTH, width);
  set(abi.C_REVERSE, Number(reverse));
  set(abi.C_CLIP, floatWord(plain || coin() ? Infinity : 1.5));
  set(abi.C_PLAIN, Number(plain));
  const functions = plain
    ? [abi.F_SIGMOID, abi.F_TANH, abi.F_TANH]
    : Array.from({ length: 3 }, () => below(random, FUNCTIONS));
  functions.forEach((f, i) => {
    set(abi.C_GATE + i * abi.FUNCTION_WORDS, f);
    set(abi.C_GATE + i * abi.FUNCTION_WORDS + 1, floatWord(0.2));
    set(abi.C_GATE + i * abi.FUNCTION_WORDS + 2, floatWord(0.5));
  });

  const weights = (n: number, k: number) => uniform(random, n * k, -0.4, 0.4);
  const u = (gatesOf: number) => machine.put(gatePanels(weights(gatesOf * hidden, width), gatesOf, hidden, width));
  const biases = () => machine.put(gateVector(weights(hidden, 1), 1, hidden));
  if (coin()) {
    const k = 1 + below(random, 9);
    const own = weights(gates * hidden, k);
    set(abi.C_X, machine.rows(rows, k, padded(k) * 4, 0, number(random)));
    set(abi.C_X_STRIDE, padded(k) * 4);
    set(abi.C_K, k);
    set(
      abi.C_W,
      machine.put(op === abi.OP_GRU && plain ? unitPanels(own, hidden, k) : gatePanels(own, gates, hidden, k)),
    );
    set(abi.C_BIAS, machine.put(gateVector(weights(gates * hidden, 1), gates, hidden)));
  }
  if (op === abi.OP_RNN) record.push(u(1));
  else if (op === abi.OP_GRU) {
    const after = plain || coin();
    if (plain) record.push(machine.put(unitPanels(weights(3 * hidden, width), hidden, width)), 0);
    else record.push(u(2), u(1));
    record.push(after ? biases() : 0, scratch(H));
  } else {
    const projects = width !== hidden || coin();
    record.push(
      u(4),
      !plain && coin() ? machine.put(gateVector(weights(3 * hidden, 1), 3, hidden)) : 0,
      Number(!plain && coin()),
      projects ? machine.put(panels(weights(width, hidden), width, hidden)) : 0,
      projects ? machine.put(new Float32Array(padded(width))) : 0,
      projects ? scratch(H) : 0,
    );
  }
  return { record, outputs, results, zeros, members: states };
}

/** Opcode and gates. */
const CELLS = {
  OP_RNN: [abi.OP_RNN, 1],
  OP_GRU: [abi.OP_GRU, 3],
  OP_LSTM: [abi.OP_LSTM, 4],
} as const;

/** Alone, several together, and members of different lengths, which go one after another; none at all. */
const LENGTHS = [[1], [3], [1, 1], [2, 2, 2, 2], [1, 1, 1, 1, 1, 1, 1, 1, 1], [3, 1, 2], [0, 2], [2, 0, 2, 1]] as const;

describe.each(BUILDS)("the %s build", (build) => {
  it.each(Object.entries(CELLS))("%s, H 1 … 40, one to nine members, forwards and back", (name, [op, gates]) => {
    const machine = new Machine(build, 3);
    const random = seeded(name);
    for (let hidden = 1; hidden <= MAX_SIZE; hidden++) {
      LENGTHS.forEach((lengths, i) => {
        const width = op === abi.OP_LSTM && below(random, 2) === 1 ? 1 + below(random, MAX_SIZE) : hidden;
        const plain = op !== abi.OP_RNN && below(random, 2) === 1;
        machine.clear();
        const trial = cell(machine, random, op, gates, {
          hidden,
          width,
          lengths,
          plain,
          reverse: i % 2 === 1,
        });
        const { record, outputs, results, zeros = [], members = [] } = trial;
        const steps = Math.max(...lengths);
        const program = machine.program(members.length * steps, record);
        const table = machine.members(members);
        machine.expectWrites(outputs, () => machine.exports.executeGroup(program, table, members.length, steps));
        machine.expectFinite(...results);
        for (const [from, to] of zeros) machine.expectZero(from, to);
      });
    }
  });

  it("execute writes the solo entry too", () => {
    const machine = new Machine(build);
    const random = seeded("solo");
    const shape = { hidden: 6, width: 6, lengths: [4], plain: true, reverse: false };
    const { record, outputs, results, members = [] } = cell(machine, random, abi.OP_GRU, 3, shape);
    const program = machine.program(4, record);
    const solo: Range = [abi.SOLO, abi.SOLO + abi.MEMBER_BYTES];
    machine.expectWrites([...outputs, solo], () => machine.exports.execute(program, members[0][0], 4));
    machine.expectFinite(...results);
    expect([machine.u32[abi.SOLO / 4], machine.u32[abi.SOLO / 4 + 1]]).toEqual([members[0][0], 4]);
  });
});

it("every opcode is guarded", () => {
  const names = Object.keys(abi).filter((name) => name.startsWith("OP_"));
  const guarded = [...Object.keys(ROW_OPERATORS), ...Object.keys(CELLS), "OP_LINEAR", "OP_END"];
  // test/kernels/int8.test.ts guards this.
  guarded.push("OP_PACK_INT8");
  // test/graph/guards.test.ts those of graphs, 32 … 127.
  const own = names.filter((name) => Math.floor((abi as unknown as Record<string, number>)[name] / 32) % 4 === 0);
  expect(own.sort()).toEqual(guarded.sort());
});
