/** Recurrent steps → nodes that carry their state along the stream, or scan an axis of their own input within one execution. */

import { elements } from "../../tensor.ts";
import type { Attrs, Emitter, NodeTensor } from "./emitter.ts";
import { OWN_ATTRS, type Recurrent, readRecurrent, recurrentShapes } from "./recurrent.ts";
import type { OnnxOp, Step } from "./step.ts";
import { TIME, type Value } from "./value.ts";

/** A layer that keeps its state from step to step, where its steps are those of the stream; else it scans its own input. */
function emitRecurrent(to: Emitter, step: Step): void {
  const layer = readRecurrent(step);
  if (step.input(0).shape.includes(TIME)) carry(to, step, layer);
  else scan(to, step, layer);
}

function carry(to: Emitter, step: Step, { op, attrs, tensors, states, directions, hidden }: Recurrent): void {
  const x = step.input(0);
  const shape = to.shape(x);
  if (elements(shape) !== shape[2]) throw step.shapeError("one sequence along the free axis", x.shape);
  const list = [...tensors];
  states.forEach((state, i) => {
    const initial = step.inputs[5 + i];
    if (initial?.data && !initial.places && initial.data.some((value) => value !== 0))
      list.push([`${state}0`, [directions, hidden], initial.data as Float32Array]);
  });
  const [output] = step.outputs;
  const y: Value = { name: output.name, kind: "F32", shape: [1, 1, directions * hidden] };
  to.layer(step, op, [x], attrs, list, [y]);
  to.same(step, y);
}

/** One step of a layer from given states: x, h, and c of an lstm → h', c', whatever their shapes. */
export function emitStep(
  to: Emitter,
  step: Step,
  op: string,
  values: readonly Value[],
  attrs: Attrs,
  tensors: readonly NodeTensor[],
): void {
  if (!to.has(op, "scan")) throw step.error("ERR_UNSUPPORTED_OP", "scans its own input, which these kernels do not.");
  const inputs = values.map((value) => to.reshaped(step, value, [1, 1, elements(to.shape(value))]));
  const [h, c] = step.outputs.map(
    (value): Value => ({ name: value.name, kind: "F32", shape: [1, 1, elements(value.shape)] }),
  );
  to.layer(step, op, inputs, { ...attrs, scan: true }, tensors, c ? [h, undefined, c] : [h]);
  to.same(step, h);
  if (c) to.same(step, c, step.outputs[1]);
}

function scan(
  to: Emitter,
  step: Step,
  { op, attrs, tensors, states, directions: D, hidden: H, batchFirst }: Recurrent,
): void {
  if (!to.has(op, "scan")) throw step.error("ERR_UNSUPPORTED_OP", "scans its own input, which these kernels do not.");
  const turned = (value: Value) => (batchFirst ? to.transposed(step, value, [1, 0, 2]) : value);
  const x = turned(step.input(0));
  const [T, N] = to.shape(x);
  const inputs = states.map((_, i) => {
    const initial = step.inputs[5 + i];
    return initial && !initial.data?.every((value) => value === 0) ? turned(initial) : undefined;
  });
  while (inputs.length > 0 && inputs[inputs.length - 1] === undefined) inputs.pop();
  const name = (i: number) => step.outputs[i]?.name || `${step.outputs[0].name}.${i}`;
  const y: Value = { name: name(0), kind: "F32", shape: [T, N, D * H] };
  const finals = states.map((_, i): Value => ({ name: name(i + 1), kind: "F32", shape: [D, N, H] }));
  const used = finals.map((value, i) => (step.outputs[i + 1] && to.used(step.outputs[i + 1]) ? value : undefined));
  while (used.length > 0 && used[used.length - 1] === undefined) used.pop();
  to.layer(step, op, [x, ...inputs], { ...attrs, scan: true }, [...tensors], [y, ...used]);
  if (batchFirst) to.same(step, to.transposed(step, y, [1, 0, 2]));
  else to.same(step, to.transposed(step, to.reshaped(step, y, [T, N, D, H]), [0, 2, 1, 3]));
  used.forEach((value, i) => {
    if (value) to.same(step, turned(value), step.outputs[i + 1]);
  });
}

const recurrent = (name: string): OnnxOp => ({
  inputs: [3, name === "LSTM" ? 8 : 6],
  outputs: name === "LSTM" ? 3 : 2,
  attrs: [
    "hidden_size",
    "direction",
    "layout",
    "activations",
    "activation_alpha",
    "activation_beta",
    "clip",
    ...OWN_ATTRS[name],
  ],
  readsStates: [4, 5, 6],
  infer: (step) => recurrentShapes(step).map((shape) => ({ kind: "F32", shape })),
  emit: (step, to) => emitRecurrent(to, step),
});

export const RECURRENT: Readonly<Record<string, OnnxOp>> = Object.fromEntries(
  Object.keys(OWN_ATTRS).map((name) => [name, recurrent(name)]),
);
