/**
 * Every record of a graph's program writes its own rows and nothing else: random graphs, planned for three rows and laid into
 * memory that is NaN wherever nothing belongs, record by record.
 */

import { describe, expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { relaxed, simd } from "../../build/kernels-graph.ts";
import type { Model } from "../../src/graph-entry.ts";
import { instantiate, type KernelBinary } from "../../src/kernels.ts";
import { GRAPH } from "../../src/ops/graph.ts";
import { loadWeights } from "../../src/pack.ts";
import { type Plan, planModel } from "../../src/plan.ts";
import { encodeProgram, type Operand, type Place, type ProgramRecord, paddedBytes } from "../../src/program.ts";
import { Runtime } from "../../src/runtime.ts";
import { seeded } from "../conformance/models.ts";
import { f32, graphModel } from "./model.ts";
import { randomGraph } from "./random.ts";
import { KERNELS } from "./variants.ts";

const ROWS = 3;
const GUARD = 256;

type Range = readonly [Place, number];

const rowsOf = (place: Operand, stride: Operand): Range[] =>
  typeof place === "number" ? [] : [[place, ROWS * (stride as number)]];

/** From the first to the last byte of each row that a move writes; its steps may go back. */
function moved([y, stride, , , rank, ...axes]: readonly Operand[]): Range[] {
  let [low, high] = [0, 4];
  for (let a = 0; a < (rank as number); a++) {
    const reach = (axes[3 * a + 1] as number) * ((axes[3 * a] as number) - 1);
    low += Math.min(reach, 0);
    high += Math.max(reach, 0);
  }
  const { region, offset } = y as Place;
  return Array.from({ length: ROWS }, (_, r) => [
    { region, offset: offset + r * (stride as number) + low },
    high - low,
  ]);
}

const CARRIES: readonly number[] = [abi.OP_RNN, abi.OP_GRU, abi.OP_LSTM];

/** A layer that carries writes its output, and rows that layers share; states are looked at by the caller. */
function carried(o: readonly Operand[]): Range[] {
  const at = (word: number) => o[word - 2];
  const h = paddedBytes(at(abi.C_WIDTH) as number);
  return [
    ...rowsOf(at(abi.C_Y), at(abi.C_Y_STRIDE)),
    ...rowsOf(at(abi.C_GX), at(abi.C_GX_STRIDE)),
    [at(abi.C_H_ROWS) as Place, ROWS * h],
    [at(abi.GRU_N_ROWS) as Place, ROWS * h],
  ];
}

/** What a record may write. */
function writes({ op, operands: o }: ProgramRecord): Range[] {
  const at = (word: number) => o[word - 2];
  if (op === abi.OP_STATE_WRITE || op === abi.OP_CHECK_COMPUTED) return [];
  if (op === abi.OP_KEEP) return [[o[0] as Place, ROWS * (o[1] as number)]];
  if (CARRIES.includes(op)) return carried(o);
  if (op === abi.OP_MOVE) return moved(o);
  if (op === abi.OP_TOP_K) return [...rowsOf(o[0], o[1]), ...rowsOf(o[2], o[3])];
  if (op !== abi.OP_SCAN) return rowsOf(o[0], o[1]);
  const [steps, count] = [at(abi.S_STEPS), at(abi.S_COUNT)] as number[];
  const cell = (word: number) => at(abi.S_CELL + word);
  const lstm = at(abi.S_CELL) === abi.OP_LSTM;
  const h = paddedBytes(cell(abi.C_WIDTH) as number);
  const c = lstm ? paddedBytes(cell(abi.C_HIDDEN) as number) : 0;
  return [
    ...rowsOf(at(abi.S_Y), at(abi.S_Y_STRIDE)),
    ...rowsOf(at(abi.S_HN), at(abi.S_HN_STRIDE)),
    ...rowsOf(at(abi.S_CN), at(abi.S_CN_STRIDE)),
    [at(abi.S_MEMBERS) as Place, count * abi.MEMBER_BYTES],
    [at(abi.S_STATES) as Place, count * (h + c)],
    [cell(abi.C_GX) as Place, steps * count * (cell(abi.C_GX_STRIDE) as number)],
    [cell(abi.C_H_ROWS) as Place, count * h],
    ...(lstm ? [[cell(abi.C_C_ROWS), count * c] as Range] : []),
    ...(at(abi.S_CELL) === abi.OP_GRU
      ? [[cell(abi.GRU_N_ROWS), count * paddedBytes(cell(abi.C_HIDDEN) as number)] as Range]
      : []),
  ];
}

/** A plan in memory of its own, each region between guards. */
function lay(model: Model, binary: KernelBinary) {
  const plan: Plan = planModel(GRAPH, model, ROWS);
  const runtime = new Runtime(instantiate(binary), GRAPH);
  const bases = new Map<string, number>();
  for (const [region, bytes] of Object.entries(plan.bytes))
    bases.set(region, runtime.allocate(bytes * (region === "state" ? ROWS : 1) + 2 * GUARD) + GUARD);
  const base = (region: string) => bases.get(region) as number;
  const program = runtime.allocate(1 << 16);
  const members = runtime.allocate(ROWS * abi.MEMBER_BYTES);
  const put = (record: ProgramRecord, rows: number) =>
    runtime.u32.set(encodeProgram([record], rows, base), program / 4);
  loadWeights(
    plan.load,
    model.tensors,
    runtime.f32,
    ({ region, offset }) => base(region) + offset,
    (record, rows) => {
      put(record, rows);
      runtime.kernels.execute(program, 0, rows);
    },
  );
  // What nobody writes is NaN: rows that are read before they are written, or past their end, show.
  for (const region of ["scratch", "gx", "hRows", "cRows", "nRows", "mRows", "kept"] as const) {
    const from = (base(region) - GUARD) / 4;
    runtime.f32.fill(NaN, from, from + (plan.bytes[region] + 2 * GUARD) / 4);
  }
  for (let j = 0; j < ROWS; j++) runtime.u32.set([base("state") + j * plan.bytes.state, 1], members / 4 + 2 * j);
  const run = (record: ProgramRecord) => {
    put(record, ROWS);
    return runtime.kernels.executeGroup(program, members, ROWS, 1);
  };
  return { plan, runtime, base, program, members, run };
}

/** What random graphs lack: where, topK, and ids that are computed behind a layer that carries. */
function handMade(): Model {
  const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i));
  return graphModel({
    inputs: [{ name: "x", dtype: "F32", shape: [1, 5] }],
    nodes: [
      { op: "constant", name: "x0", attrs: { shape: [1] }, tensors: { value: f32([1], [0]) } },
      {
        op: "gru",
        name: "rnn",
        inputs: ["x"],
        attrs: { inputSize: 5, hiddenSize: 3, bias: false },
        tensors: { weight_ih_l0: f32([9, 5], numbers(45)), weight_hh_l0: f32([9, 3], numbers(27)) },
      },
      { op: "cast", name: "ids", inputs: ["rnn"], attrs: { to: "I32" } },
      { op: "gather", name: "rows", inputs: ["x", "ids"], attrs: { axis: 1 } },
      { op: "greater", name: "more", inputs: ["rnn", "x0"] },
      { op: "where", name: "chosen", inputs: ["more", "rnn", "x0"] },
      { op: "topK", name: "top", inputs: ["rows"], outputs: ["values", "places"], attrs: { k: 2 } },
      { op: "cast", name: "y", inputs: ["places"], attrs: { to: "F32" } },
    ],
    outputs: ["chosen", "values", "y"],
  });
}

const modelOf = (name: string) => (name === "hand made" ? handMade() : randomGraph(name));
const MODELS = ["hand made", ...Array.from({ length: 60 }, (_, i) => `guarded ${i}`)];

describe.each(KERNELS)("records of graphs, %s", (variant) => {
  it.each(MODELS)("write only their own rows: %s", (name) => {
    const model = modelOf(name);
    const { plan, runtime, base, program, run } = lay(model, variant === "simd" ? simd : relaxed);
    const random = seeded(`${name} x`);
    const [input] = plan.inputs;
    const from = (base("io") + input.place.offset) / 4;
    for (let r = 0; r < ROWS; r++)
      for (let i = 0; i < input.size; i++) runtime.f32[from + (r * input.stride) / 4 + i] = random() - 0.5;
    for (const record of plan.program) {
      const before = runtime.u32.slice();
      expect(run(record)).toBe(0);
      const after = runtime.u32;
      const own = writes(record).map(([{ region, offset }, bytes]) => [
        base(region) + offset,
        base(region) + offset + bytes,
      ]);
      if (record.op === abi.OP_STATE_WRITE || CARRIES.includes(record.op))
        own.push([base("state"), base("state") + ROWS * plan.bytes.state]);
      // The record itself, and the scan's place in it.
      own.push([program, program + (1 << 16)], [abi.SOLO, abi.SOLO + abi.MEMBER_BYTES]);
      for (let i = 0; i < before.length; i++) {
        if (after[i] === before[i] || own.some(([start, end]) => i * 4 >= start && i * 4 < end)) continue;
        throw new Error(`opcode ${record.op}: byte ${i * 4} was written, outside ${own.map((one) => one.join("…"))}`);
      }
    }
    // And nothing of the NaN around came into what was computed.
    for (const { place, stride, size } of plan.outputs) {
      for (let r = 0; r < ROWS; r++) {
        const row = (base(place.region) + place.offset + r * stride) / 4;
        expect(runtime.f32.subarray(row, row + size).every(Number.isFinite)).toBe(true);
      }
    }
  });
});

it("every opcode of graphs is guarded", () => {
  const met = new Set(MODELS.flatMap((name) => planModel(GRAPH, modelOf(name), 1).program.map(({ op }) => op)));
  const opcodes = Object.entries(abi).filter(
    ([name, value]) => name.startsWith("OP_") && (value as number) >= 32 && (value as number) < 128,
  );
  expect(opcodes.filter(([, value]) => !met.has(value as number))).toEqual([]);
});

describe("the buffers of a graph", () => {
  it("are given out again: a chain takes those of two values, however long it is", () => {
    const model = randomGraph("buffers");
    expect(planModel(GRAPH, model, 1).bytes.scratch).toBeGreaterThan(0);
    const chain = (length: number) => {
      const x = { name: "x", dtype: "F32" as const, shape: [8, 8] };
      const nodes = Array.from({ length }, (_, i) => ({
        name: `t${i}`,
        op: "transpose",
        inputs: [i === 0 ? "x" : `t${i - 1}`],
        outputs: [`t${i}`],
        attrs: { perm: [1, 0] },
      }));
      const y = { ...x, name: `t${length - 1}` };
      return planModel(
        GRAPH,
        { inputs: [x], outputs: [y], nodes, tensors: new Map(), states: [], info: {}, warnings: [] },
        4,
      ).bytes.scratch;
    };
    expect(chain(40)).toBe(chain(4));
  });
});
