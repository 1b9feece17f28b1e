/**
 * Model → Plan: where every byte lies, and the programs that the kernels walk. Plain data; it knows shapes and places,
 * never numbers, and is printed and tested without WebAssembly.
 *
 * A place is a region and an offset; the arena turns it into an address when it knows where its regions lie. Buffers are
 * planned for `rows` rows (steps × members). Weights keep their places whatever `rows` is, so a session that needs room for
 * more rows plans again and packs nothing twice.
 */

import { OP_COPY, OP_TRACE } from "../assembly/abi.ts";
import { createFrame, type Load, type StatePlan } from "./frame.ts";
import { checkGraph } from "./graph.ts";
import type { Model } from "./model.ts";
import type { OpTable } from "./ops/core.ts";
import { type ProgramRecord, paddedBytes, type Region, type Rows, record } from "./program.ts";

export interface Plan {
  readonly rows: number;
  /** What every execution walks. */
  readonly program: readonly ProgramRecord[];
  /** The program with a trace of every node's output; the same kernels in the same order, so the same bits. */
  readonly traced: readonly ProgramRecord[];
  /** How the weights come into memory, in this order. */
  readonly load: readonly Load[];
  readonly inputs: readonly Rows[];
  readonly outputs: readonly Rows[];
  readonly states: readonly StatePlan[];
  /** The values that a trace shows: their columns in a step's row of the ring. */
  readonly traces: readonly { readonly name: string; readonly column: number; readonly size: number }[];
  /** A ring of `steps` rows, `stride` bytes apart, and the offset of the count of steps seen. */
  readonly ring: { readonly steps: number; readonly stride: number; readonly counter: number };
  readonly bytes: Readonly<Record<Region, number>>;
}

export function planModel(ops: OpTable, model: Model, rows: number, traceSteps = 0): Plan {
  const graph = checkGraph(ops, model);
  const frame = createFrame(model, graph.values, rows);
  const { bytes, inputs, outputs, states, load, checks, body, to, take } = frame;
  const more = ops.constant?.graph?.extend(frame);
  Object.assign(to, more?.lowering);
  // A trace shows every node's output but an embedding's rows, which may never exist.
  const traces: Plan["traces"][number][] = [];
  let column = 0;
  for (const { op, outputs } of traceSteps > 0 ? model.nodes : []) {
    const [name] = outputs;
    const value = graph.values.get(name);
    if (op === "embedding" || op === "constant" || value?.ids !== false) continue;
    traces.push({ name, column, size: value.size });
    column += value.size;
  }
  const stride = paddedBytes(column);
  const ring = take("ring", traceSteps * stride);
  const counter = take("ring", 4);

  more?.begin();
  const traced: ProgramRecord[] = [...body];
  for (const node of model.nodes) {
    const from = body.length;
    ops[node.op].lower(to, node);
    traced.push(...body.slice(from));
    more?.after(node);
    const one = traces.find(({ name }) => name === node.outputs[0]);
    if (one === undefined) continue;
    const x = to.value(one.name);
    const last = Number(one === traces[traces.length - 1]);
    traced.push(record(OP_TRACE, ring, stride, one.column * 4, traceSteps, counter, last, x, x.size));
  }
  const copies: ProgramRecord[] = [];
  for (const [name, y] of outputs) {
    const x = to.value(name);
    if (x !== y) copies.push(record(OP_COPY, y, 0, x, x.size));
  }
  more?.end(copies);

  return {
    rows,
    program: [...checks, ...body, ...copies],
    traced: [...checks, ...traced, ...copies],
    load,
    inputs,
    outputs: [...outputs.values()],
    states,
    traces,
    ring: { steps: traceSteps, stride, counter: counter.offset },
    bytes,
  };
}
