/** Plans as plain data, without WebAssembly: places and sizes, what is folded and when, words of the programs. */

import { describe, expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { type Model, quantizeModel } from "../../src/index.ts";
import { CORE } from "../../src/ops/core.ts";
import { type Plan, planModel } from "../../src/plan.ts";
import { encodeProgram, int8Bytes, type Place, type ProgramRecord } from "../../src/program.ts";
import { randomModel } from "../conformance/models.ts";

const padded = (n: number) => Math.ceil(n / 4) * 4;
const vectors = (n: number) => padded(n) * 4;

const chain = randomModel("chain", [
  { type: "gru", name: "rnn", inputSize: 5, hiddenSize: 6, numLayers: 2 },
  { type: "layerNorm", name: "norm", size: 6 },
  { type: "linear", name: "head", inFeatures: 6, outFeatures: 3, activation: "sigmoid" },
]);
const tokens = randomModel("tokens", [
  { type: "embedding", name: "table", numEmbeddings: 12, embeddingDim: 16 },
  { type: "lstm", name: "rnn", inputSize: 16, hiddenSize: 3, projSize: 2, peephole: true },
  { type: "logSoftmax" },
]);
const graph = randomModel("graph", [
  { type: "linear", name: "in", inFeatures: 4, outFeatures: 7 },
  { type: "batchNorm", name: "norm", size: 7 },
  { type: "rnn", name: "rnn", inputSize: 7, hiddenSize: 7, bidirectional: true },
  { type: "linear", name: "down", inFeatures: 14, outFeatures: 7 },
  { type: "add", name: "sum", inputs: ["down", "norm"] },
  { type: "concat", name: "all", inputs: ["sum", "in"] },
  { type: "softmax" },
]);
const models: Readonly<Record<string, Model>> = {
  chain,
  tokens,
  graph,
  "an int8 chain": quantizeModel(chain),
  "int8 tokens": quantizeModel(tokens),
  "an int8 graph": quantizeModel(graph),
};

const CELLS: readonly number[] = [abi.OP_RNN, abi.OP_GRU, abi.OP_LSTM];

interface Extent {
  readonly what: string;
  readonly region: string;
  readonly from: number;
  readonly to: number;
}

/** Every piece of memory that a plan speaks of, once. */
function extents(plan: Plan): Extent[] {
  const all: Extent[] = [];
  const add = (what: string, { region, offset }: Place, bytes: number) =>
    all.push({ what, region, from: offset, to: offset + bytes });
  const rowsOf = (blocks: readonly { readonly rows: number }[]) =>
    blocks.reduce((sum, { rows }) => sum + padded(rows), 0);
  for (const step of plan.load) {
    if (step.kind === "table") add("table", step.at, step.lookup.count * vectors(step.lookup.size));
    else if (step.kind === "normalisation") {
      for (const at of [step.at, step.shift]) add("norm", at, vectors(step.node.attrs.size as number));
    } else if (step.kind === "rows") {
      // Matrices stand in one place by turns, until they are packed.
      if (step.at.region !== "matrix") add("vector", step.at, rowsOf(step.blocks) * step.columns * 4);
    } else if (step.kind === "integers") {
      add("constant", step.at, 16);
    } else if (step.kind === "int8") {
      // So do they as bytes, with their scales behind them.
      const n = rowsOf(step.blocks);
      expect(step.scales.offset).toBeGreaterThanOrEqual(step.at.offset + n * step.columns);
      expect(step.scales.offset + n * 4).toBeLessThanOrEqual(plan.bytes.matrix);
    } else {
      const { op, operands } = step.record;
      if (op === abi.OP_PACK_INT8)
        add("int8 panels", operands[0] as Place, int8Bytes(operands[3] as number, operands[4] as number));
      else if (op === abi.OP_PACK)
        add("panels", operands[0] as Place, (operands[2] as number) * (operands[3] as number) * 4);
      else add("folded table", operands[0] as Place, step.rows * (operands[1] as number));
    }
  }
  for (const { place, stride } of plan.inputs) add("input", place, plan.rows * stride);
  for (const { place, stride } of plan.outputs) add("output", place, plan.rows * stride);
  for (const { name, offset, rows, stride } of plan.states) add(name, { region: "state", offset }, rows * stride);
  // Rows of values between nodes; what is written twice, in place, counts once.
  const values = new Map<number, Extent>();
  for (const { op, operands } of plan.program) {
    const y = CELLS.includes(op) ? abi.C_Y - 2 : 0;
    const [place, stride] = [operands[y] as Place, operands[y + 1] as number];
    if (place.region !== "scratch") continue;
    values.set(place.offset, { what: "value", ...place, from: place.offset, to: place.offset + plan.rows * stride });
  }
  return [...all, ...values.values()];
}

/** The records of the program, and those that loading runs. */
function recordsOf(plan: Plan): ProgramRecord[] {
  return [...plan.program, ...plan.load.flatMap((step) => (step.kind === "program" ? [step.record] : []))];
}

function operandPlaces(program: readonly ProgramRecord[]): Place[] {
  return program.flatMap(({ operands }) => operands.filter((one): one is Place => typeof one !== "number"));
}

function opsOf(program: readonly ProgramRecord[]): number[] {
  return program.map(({ op }) => op);
}

describe.each(Object.entries(models))("the plan of %s", (_, model) => {
  const plan = planModel(CORE, model, 24);

  it("is plain data", () => {
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it("lets no two pieces overlap, and none end outside its region", () => {
    const all = extents(plan).sort((a, b) => (a.region < b.region ? -1 : a.region > b.region ? 1 : a.from - b.from));
    expect(all.length).toBeGreaterThan(5);
    all.forEach(({ region, from, to }, i) => {
      expect(to).toBeGreaterThan(from);
      expect(to).toBeLessThanOrEqual(plan.bytes[region as keyof Plan["bytes"]]);
      const next = all[i + 1];
      if (next?.region === region) expect(to, `${all[i].what} before ${next.what}`).toBeLessThanOrEqual(next.from);
    });
  });

  it("aligns every place to a vector and every region to a cache line", () => {
    for (const { from } of extents(plan)) expect(from % 16).toBe(0);
    for (const { offset } of operandPlaces(recordsOf(plan))) {
      expect(offset % 16).toBe(0);
    }
    for (const bytes of Object.values(plan.bytes)) expect(bytes % 64).toBe(0);
    for (const { stride } of plan.states) expect(stride % 16).toBe(0);
    for (const [i, { stride }] of [...plan.inputs, ...plan.outputs].entries()) {
      expect(stride % 16 === 0 || model.inputs[i].dtype === "I32").toBe(true);
    }
  });

  it("keeps weights and states where they are, whatever the rows", () => {
    for (const rows of [1, 64, 5000]) {
      const other = planModel(CORE, model, rows);
      expect(other.rows).toBe(rows);
      expect(other.load).toEqual(plan.load);
      expect(other.states).toEqual(plan.states);
      expect(other.bytes.weights).toBe(plan.bytes.weights);
      expect(other.bytes.state).toBe(plan.bytes.state);
      expect(opsOf(other.program)).toEqual(opsOf(plan.program));
    }
  });

  it("asks for memory in proportion to the rows", () => {
    const rows = (count: number) => {
      const { io, scratch, gx } = planModel(CORE, model, count).bytes;
      return io + scratch + gx;
    };
    expect(rows(640)).toBeGreaterThan(9 * rows(64));
    expect(rows(640)).toBeLessThanOrEqual(10 * rows(64));
  });

  it("reads weights that some pack has written", () => {
    const starts = extents(plan).filter(({ region }) => region === "weights" || region === "temporary");
    const known = new Set(starts.map(({ region, from }) => `${region} ${from}`));
    for (const { region, offset } of operandPlaces(recordsOf(plan))) {
      if (region === "weights" || region === "temporary") expect(known).toContain(`${region} ${offset}`);
    }
  });

  it("traces the same records in the same order", () => {
    const traced = planModel(CORE, model, 24, 8);
    expect(opsOf(traced.program)).toEqual(opsOf(plan.program));
    expect(opsOf(traced.traced.filter(({ op }) => op !== abi.OP_TRACE))).toEqual(opsOf(plan.program));
    expect(traced.load).toEqual(plan.load);
    const traces = traced.traced.filter(({ op }) => op === abi.OP_TRACE);
    expect(traces.length).toBe(traced.traces.length);
    // Only the last one advances the counter.
    expect(traces.map(({ operands }) => operands[5])).toEqual(traces.map((_, i) => Number(i === traces.length - 1)));
  });
});

describe("the plan of a small chain", () => {
  const plan = planModel(CORE, chain, 8);

  it("is these records", () => {
    const { OP_LINEAR, OP_GRU, OP_LAYER_NORM, OP_ACTIVATE } = abi;
    expect(opsOf(plan.program)).toEqual([OP_GRU, OP_GRU, OP_LAYER_NORM, OP_LINEAR, OP_ACTIVATE]);
  });

  it("holds rows of inputs, outputs and states in these sizes", () => {
    expect(plan.inputs.map(({ stride, size }) => [stride, size])).toEqual([[32, 5]]);
    expect(plan.outputs.map(({ stride, size }) => [stride, size])).toEqual([[16, 3]]);
    expect(plan.states).toEqual([{ name: "rnn.h", offset: 0, rows: 2, size: 6, stride: 32 }]);
    expect(plan.bytes.state).toBe(64);
    expect(plan.bytes.gx).toBe(8 * 3 * 32);
  });

  it("packs each gate as a block of its own", () => {
    const matrices = plan.load.flatMap((step) =>
      step.kind === "rows" && step.at.region === "matrix"
        ? [[step.blocks.map(({ tensors, firstRow, rows }) => [...tensors, firstRow, rows]), step.columns]]
        : [],
    );
    expect(matrices).toEqual([
      [[0, 6, 12].map((row) => ["rnn.weight_ih_l0", row, 6]), 5],
      [[0, 6, 12].map((row) => ["rnn.weight_hh_l0", row, 6]), 6],
      [[0, 6, 12].map((row) => ["rnn.weight_ih_l1", row, 6]), 6],
      [[0, 6, 12].map((row) => ["rnn.weight_hh_l1", row, 6]), 6],
      [[["head.weight", 0, 3]], 6],
    ]);
    // Each is packed before the next takes its place.
    const turns = plan.load.flatMap((step) => {
      if (step.kind === "rows" && step.at.region === "matrix") return ["matrix"];
      return step.kind === "program" && step.record.op === abi.OP_PACK ? ["pack"] : [];
    });
    expect(turns).toEqual(matrices.flatMap(() => ["matrix", "pack"]));
    const largest = Math.max(
      ...plan.load.map((step) =>
        "columns" in step && step.at.region === "matrix"
          ? 4 * step.columns * step.blocks.reduce((sum, { rows }) => sum + padded(rows), 0)
          : 0,
      ),
    );
    expect(plan.bytes.matrix).toBeGreaterThanOrEqual(largest);
  });

  it("becomes words: rows, then records with their lengths, states relative to the stream", () => {
    const bases: Record<string, number> = {
      weights: 0x1000,
      io: 0x2000,
      scratch: 0x3000,
      gx: 0x4000,
      hRows: 0x5000,
      nRows: 0x6000,
    };
    const words = encodeProgram(plan.program, plan.rows, (region) => bases[region]);
    expect(words[0]).toBe(8);
    let at = 1;
    for (const { op, operands } of plan.program) {
      expect([words[at], words[at + 1]]).toEqual([op, operands.length + 2]);
      operands.forEach((operand, i) => {
        const word = words[at + 2 + i];
        if (typeof operand === "number") expect(word).toBe(operand);
        else if (operand.region === "state") expect(word).toBe(operand.offset + 1);
        else expect(word).toBe(bases[operand.region] + operand.offset);
      });
      at += words[at + 1];
    }
    expect([...words.subarray(at)]).toEqual([abi.OP_END, 0]);
    const gru = plan.program.findIndex(({ op }) => op === abi.OP_GRU);
    expect(plan.program[gru].operands.length + 2).toBe(abi.GRU_WORDS);
    expect(plan.program[gru].operands[abi.C_H - 2]).toEqual({ region: "state", offset: 0 });
  });

  it("plans no row twice where a node only renames", () => {
    const last = randomModel("last", [
      { type: "gru", name: "rnn", inputSize: 5, hiddenSize: 6 },
      { type: "linear", name: "head", inFeatures: 6, outFeatures: 3 },
      { type: "last" },
    ]);
    const { program, bytes } = planModel(CORE, last, 8);
    expect(opsOf(program)).toEqual([abi.OP_GRU, abi.OP_LINEAR, abi.OP_COPY]);
    expect(bytes.scratch).toBe(8 * 32 + 8 * 16);
  });
});
