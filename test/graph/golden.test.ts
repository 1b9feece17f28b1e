/**
 * Every operator of the graph set against what PyTorch and NumPy computed in double precision (test/golden/graph, make.py says
 * how), in the reference and in both builds of the kernels. Each case runs alone, as three steps at once and as a group of
 * three, which must give the bits of the first.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Model, Tensor } from "../../src/graph-entry.ts";
import { GRAPH } from "../../src/ops/graph.ts";
import { elements } from "../../src/tensor.ts";
import { expectBits, expectClose, scaleOf } from "../conformance/compare.ts";
import { GOLDEN, readJson, readVector, safetensorsIn } from "../vectors.ts";
import { graphModel, type NodeSpec } from "./model.ts";
import { open, VARIANTS } from "./variants.ts";

const FOLDER = join(GOLDEN, "graph");

interface Case {
  readonly name: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly inputs: readonly ({ readonly constant: boolean } | null)[];
  readonly outputs: number;
  readonly tolerance: number;
}

type Data = Float32Array | Int32Array;

/** A model of the one node; what is an integer at the end is cast, since outputs are numbers. */
function read(op: string, one: Case, tensors: ReadonlyMap<string, Tensor>) {
  const nodes: NodeSpec[] = [];
  const inputs: Model["inputs"][number][] = [];
  const given: Record<string, Data> = {};
  const names = one.inputs.map((input, i) => {
    if (input === null) return "";
    const { dtype, shape, data } = tensors.get(`${one.name}.in.${i}`) as Tensor;
    const name = `x${i}`;
    if (input.constant)
      nodes.push({ op: "constant", name, attrs: { shape, dtype }, tensors: { value: { dtype, shape, data } } });
    else {
      inputs.push({ name, dtype: dtype as "F32", shape });
      given[name] = data as Data;
    }
    return name;
  });
  if (inputs.length === 0) {
    inputs.push({ name: "unused", dtype: "F32", shape: [1] });
    given.unused = Float32Array.of(0);
  }
  const prefix = `${one.name}.tensor.`;
  const own = [...tensors]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, tensor]) => [key.slice(prefix.length), tensor]);
  const outputs = Array.from({ length: one.outputs }, (_, i) => `y${i}`);
  nodes.push({ op, name: "node", inputs: names, outputs, attrs: one.attrs, tensors: Object.fromEntries(own) });
  const truth = outputs.map((name, i) => {
    const { dtype, shape, data } = tensors.get(`${one.name}.out.${i}`) as Tensor;
    if (dtype === "I32") nodes.push({ op: "cast", name: `${name}f`, inputs: [name], attrs: { to: "F32" } });
    return { name: dtype === "I32" ? `${name}f` : name, shape, data: Float64Array.from(data as Float64Array) };
  });
  const model = graphModel({ inputs, nodes, outputs: truth.map(({ name }) => name) });
  return { model, given, truth };
}

function record<T>(result: unknown, names: readonly string[]): Record<string, T> {
  return names.length === 1 ? { [names[0]]: result as T } : (result as Record<string, T>);
}

const thrice = <T extends Data>(data: T): T => {
  const all = data instanceof Int32Array ? new Int32Array(data.length * 3) : new Float32Array(data.length * 3);
  for (let i = 0; i < 3; i++) all.set(data, i * data.length);
  return all as T;
};

const files = safetensorsIn(FOLDER).map((path) => {
  const { about, tensors } = readVector(path);
  return { ...(about as { readonly op: string; readonly cases: readonly Case[] }), tensors };
});

describe("the golden files of the graph operators", () => {
  it("are those of the manifest", () => {
    const { cases } = readJson(FOLDER, "manifest.json") as { cases: { file: string; cases: number; sha256: string }[] };
    expect(cases.map(({ file }) => file).sort()).toEqual(safetensorsIn(FOLDER).map((path) => basename(path)));
    for (const { file, sha256 } of cases) {
      const hash = createHash("sha256")
        .update(readFileSync(join(FOLDER, file)))
        .digest("hex");
      expect(hash, file).toBe(sha256);
    }
  });

  it("have eight cases or more for every operator", () => {
    // `last` is nothing in a step: test/conformance has it.
    const ops = Object.keys(GRAPH).filter((op) => op !== "last");
    expect(files.map(({ op }) => op).sort()).toEqual(ops.sort());
    for (const { op, cases } of files) expect(cases.length, op).toBeGreaterThanOrEqual(8);
  });
});

describe.each(VARIANTS)("%s", (variant) => {
  describe.each(files)("$op", ({ op, cases, tensors }) => {
    it.each(cases)("$name", (one) => {
      const { model, given, truth } = read(op, one, tensors);
      const names = truth.map(({ name }) => name);
      truth.forEach(({ shape }, i) => {
        expect(model.outputs[i].shape).toEqual(shape);
      });
      const session = open(model, variant);
      const { outputs } = session.run(given);
      for (const { name, data } of truth) expectClose(name, outputs[name], data, one.tolerance * scaleOf(finite(data)));
      const many = Object.fromEntries(Object.entries(given).map(([name, data]) => [name, thrice(data)]));
      const stream = session.stream();
      const group = session.group(3);
      const inputs = model.inputs.length === 1 ? Object.values(many)[0] : many;
      for (const rows of [stream.run(inputs as Float32Array), group.step(inputs as Float32Array)]) {
        const by = record<Float32Array>(rows, names);
        for (const { name, shape } of truth)
          expectBits(name, by[name], thrice(outputs[name].subarray(0, elements(shape))));
      }
      session.dispose();
    });
  });
});

function finite(data: Float64Array): Float64Array {
  return data.filter(Number.isFinite);
}
