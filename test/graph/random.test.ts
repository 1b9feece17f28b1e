/**
 * Random graphs: both builds against the reference, and against themselves: a run is its steps, a group its members, a row
 * never touches another; and no value's bytes are given out again while somebody still reads them, or all this would fail.
 */

import { describe, expect, it } from "vitest";
import type { Session } from "../../src/graph-entry.ts";
import { elements } from "../../src/tensor.ts";
import { expectBits, expectClose, scaleOf } from "../conformance/compare.ts";
import { seeded } from "../conformance/models.ts";
import { RULE_NAMES, randomGraph } from "./random.ts";
import { KERNELS, open } from "./variants.ts";

const COUNT = 150;
const T = 3;

const graphs = Array.from({ length: COUNT }, (_, i) => {
  const name = `graph ${i}`;
  const model = randomGraph(name);
  const random = seeded(`${name} x`);
  const size = elements(model.inputs[0].shape as number[]);
  return { name, model, size, xs: Float32Array.from({ length: T * size }, () => random() * 2 - 1) };
});

const whole = (session: Session, xs: Float32Array) => session.run(xs).outputs;

describe.each(KERNELS)("random graphs, %s", (variant) => {
  it.each(graphs)("$name", ({ model, size, xs }) => {
    const session = open(model, variant);
    const got = whole(session, xs);
    const truth = whole(open(model, "reference"), xs);
    for (const name of Object.keys(truth)) expectClose(name, got[name], truth[name], 2e-5 * scaleOf(truth[name]));
    const names = model.outputs.map(({ name }) => name);
    const byName = (y: unknown) => (names.length === 1 ? { [names[0]]: y } : y) as Record<string, Float32Array>;
    const stream = session.stream();
    const group = session.group(2);
    for (let t = 0; t < T; t++) {
      const x = xs.subarray(t * size, (t + 1) * size);
      const alone = byName(stream.step(x));
      const other = x.map((v, i) => (i === 0 ? NaN : -v));
      const both = byName(group.step(Float32Array.of(...other, ...x)));
      for (const { name, shape } of model.outputs) {
        const n = elements(shape as number[]);
        expectBits(`${name}, step ${t}`, alone[name], got[name].slice(t * n, (t + 1) * n));
        expectBits(`${name} of a member, step ${t}`, both[name].slice(n), alone[name]);
      }
    }
    session.dispose();
  });
});

describe("random graphs", () => {
  it("have every operator that they may have", () => {
    const ops = new Set(graphs.flatMap(({ model }) => model.nodes.map(({ op }) => op)));
    expect(RULE_NAMES.length).toBeGreaterThan(20);
    for (const op of [
      "conv",
      "convTranspose",
      "gru",
      "lstm",
      "rnn",
      "matmul",
      "linear",
      "softmax",
      "scatterCache",
      "pad",
      "maxPool",
      "avgPool",
    ])
      expect(ops, op).toContain(op);
    expect(graphs.filter(({ model }) => model.states.length > 0).length).toBeGreaterThan(20);
  });
});
