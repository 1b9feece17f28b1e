/** What a plan takes together: an embedding with the product after it, a batch norm with the linear layer before it. */

import { describe, expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { foldBatchNorms } from "../../src/fold.ts";
import type { LayerSpec, Model, Tensor } from "../../src/index.ts";
import { CORE } from "../../src/ops/core.ts";
import { type Plan, planModel } from "../../src/plan.ts";
import type { ProgramRecord } from "../../src/program.ts";
import { randomModel } from "../conformance/models.ts";

const padded = (n: number) => Math.ceil(n / 4) * 4;

function opsOf(program: readonly ProgramRecord[]): number[] {
  return program.map(({ op }) => op);
}

/** Regions that records speak of. */
function regionsOf(program: readonly ProgramRecord[]): Set<string> {
  return new Set(program.flatMap(({ operands }) => operands.map((one) => (typeof one === "number" ? "" : one.region))));
}

describe("an embedding", () => {
  /** Products that are made while loading. */
  function foldings(plan: Plan) {
    return plan.load.flatMap((step) => (step.kind === "program" && step.record.op === abi.OP_LINEAR ? [step] : []));
  }
  /** V ids, rows of D, then a layer whose input product has n rows in each of `times` directions. */
  function model(V: number, D: number, H: number, bidirectional = false): Model {
    return randomModel("embedding", [
      { type: "embedding", name: "table", numEmbeddings: V, embeddingDim: D },
      { type: "rnn", name: "rnn", inputSize: D, hiddenSize: H, bidirectional },
    ]);
  }
  /** Is the product taken into the table? Then each direction looks its own rows up, and nothing multiplies. */
  function folded(plan: Plan): boolean {
    const ops = opsOf(plan.program);
    const lookups = ops.filter((op) => op === abi.OP_LOOKUP).length;
    const records = plan.program.filter(({ op }) => op === abi.OP_RNN);
    const cells = records.length;
    const products = records.filter(({ operands }) => operands[abi.C_W - 2] !== 0).length;
    expect([products, lookups]).toEqual(products === 0 ? [0, cells] : [cells, 1]);
    expect(foldings(plan).length).toBe(products === 0 ? cells : 0);
    return products === 0;
  }

  it("is taken into the next product exactly where that is no larger", () => {
    const seen = new Set<boolean>();
    for (const V of [2, 5, 8, 20]) {
      for (const D of [1, 4, 8, 20]) {
        for (const H of [1, 4, 8, 12]) {
          for (const bidirectional of [false, true]) {
            const times = bidirectional ? 2 : 1;
            const n = padded(H);
            const smaller = V * n * times <= V * D + n * D * times;
            seen.add(smaller);
            expect(folded(planModel(CORE, model(V, D, H, bidirectional), 4)), `V ${V}, D ${D}, H ${H}`).toBe(smaller);
          }
        }
      }
    }
    expect(seen.size).toBe(2);
  });

  it("taken in, its rows and the matrix stay only while loading", () => {
    const plan = planModel(CORE, model(8, 20, 12), 4);
    expect(folded(plan)).toBe(true);
    const [folding] = foldings(plan);
    expect(folding.rows).toBe(8);
    expect(regionsOf([folding.record])).toContain("temporary");
    expect(regionsOf(plan.program)).not.toContain("temporary");
  });

  it.each<[string, readonly LayerSpec[], readonly string[] | undefined]>([
    ["a norm", [{ type: "layerNorm", name: "norm", size: 20 }], undefined],
    ["an output", [{ type: "linear", name: "head", inFeatures: 20, outFeatures: 4 }], ["table", "head"]],
    [
      "two layers",
      [
        { type: "linear", name: "a", inFeatures: 20, outFeatures: 4, inputs: ["table"] },
        { type: "linear", name: "b", inFeatures: 20, outFeatures: 4, inputs: ["table"] },
      ],
      ["a", "b"],
    ],
  ])("whose rows go to %s is looked up once", (_, layers, outputs) => {
    const given = randomModel(
      "rows",
      [{ type: "embedding", name: "table", numEmbeddings: 8, embeddingDim: 20 }, ...layers],
      { outputs: outputs as string[] | undefined },
    );
    const plan = planModel(CORE, given, 4);
    expect(opsOf(plan.program).filter((op) => op === abi.OP_LOOKUP)).toHaveLength(1);
    expect(foldings(plan)).toEqual([]);
  });

  it("has its ids checked before anything else is done", () => {
    const plan = planModel(CORE, model(12, 16, 3), 4);
    const { place, stride } = plan.inputs[0];
    expect(plan.program[0]).toEqual({ op: abi.OP_CHECK_IDS, operands: [place, stride, 12] });
    expect(opsOf(plan.program).lastIndexOf(abi.OP_CHECK_IDS)).toBe(0);
  });
});

describe("a batch norm", () => {
  const linear: LayerSpec = { type: "linear", name: "in", inFeatures: 4, outFeatures: 7 };
  const norm: LayerSpec = { type: "batchNorm", name: "norm", size: 7 };
  const plans = (layers: readonly LayerSpec[], outputs?: string[]) =>
    opsOf(planModel(CORE, foldBatchNorms(randomModel("batch norm", layers, { outputs })), 4).program);

  it("goes into the linear layer before it", () => {
    expect(plans([linear, norm])).toEqual([abi.OP_LINEAR]);
    expect(plans([{ ...linear, bias: false }, norm])).toEqual([abi.OP_LINEAR]);
    expect(plans([linear, norm, { type: "activation", activation: "relu" }])).toEqual([
      abi.OP_LINEAR,
      abi.OP_COPY,
      abi.OP_ACTIVATE,
    ]);
  });

  it("two of them go into it one after the other", () => {
    expect(plans([linear, norm, { ...norm, name: "again" }])).toEqual([abi.OP_LINEAR]);
  });

  it.each<[string, readonly LayerSpec[], string[] | undefined]>([
    ["stands first", [norm], undefined],
    ["follows a recurrent layer", [{ type: "gru", name: "rnn", inputSize: 4, hiddenSize: 7 }, norm], undefined],
    ["follows a linear layer with a function", [{ ...linear, activation: "tanh" }, norm], undefined],
    ["follows an activation", [linear, { type: "activation", name: "f", activation: "tanh" }, norm], undefined],
    ["follows a linear layer that is an output", [linear, norm], ["in", "norm"]],
    [
      "follows a linear layer that something else reads",
      [linear, { ...norm, inputs: ["in"] }, { type: "add", inputs: ["in", "norm"] }],
      undefined,
    ],
  ])("that %s is a scale and a shift of its own", (_, layers, outputs) => {
    expect(plans(layers, outputs)).toContain(abi.OP_SCALE_SHIFT);
  });

  it("leaves the model that was given as it was", () => {
    const given = randomModel("batch norm", [linear, norm]);
    const text = () => {
      const numbers = [...given.tensors].map(([name, { data }]: [string, Tensor]) => [
        name,
        Array.from(data as Float32Array),
      ]);
      return JSON.stringify([given.nodes, numbers]);
    };
    const before = text();
    foldBatchNorms(given);
    expect(text()).toBe(before);
  });
});
