/**
 * Runs a Model in plain TypeScript: walks its nodes in order with the functions of src/reference/ and owns the states.
 * It is the back end where WebAssembly or SIMD is missing, and the oracle of the tests. Everything is f64 except what
 * crosses the io regions and States, which is f32. Rows are small arrays, made as it runs.
 */

import { STATUS_ID, STATUS_OK, STATUS_STEPS } from "../assembly/abi.ts";
import type { Engine, IoRegion, States } from "./engine.ts";
import { ModelError } from "./errors.ts";
import { type ActivationSpec, type Model, type Node, tensorKey, type ValueInfo } from "./model.ts";
import { activation } from "./reference/activation.ts";
import { embedding } from "./reference/embedding.ts";
import { gruStep } from "./reference/gru.ts";
import { linear } from "./reference/linear.ts";
import { lstmStep } from "./reference/lstm.ts";
import { batchNorm, layerNorm } from "./reference/norm.ts";
import { rnnStep } from "./reference/rnn.ts";
import { logSoftmax, softmax } from "./reference/softmax.ts";
import { elements, type Tensor, toF32 } from "./tensor.ts";

type Row = Float64Array;

/** The rows of a value: t · count + j is step t of the j-th member. Past its length there are holes; map skips them. */
type Value = Row[];

/** Who takes part in an execution: how many steps the j-th member takes, and its states. */
interface Call {
  readonly lengths: readonly number[];
  /** [j][index in model.states], to be changed in place */
  readonly states: readonly Row[][];
}

/** A node with its weights: the values of its inputs → the value of its output. */
type Run = (inputs: Value[], call: Call) => Value;

/** A tensor of a node, by its suffix. */
type Lookup = (suffix: string) => Float64Array;

interface ReferenceStates extends States {
  /** [member][index in model.states] */
  readonly values: Row[][];
  readonly traces: ReadonlyMap<string, Trace> | undefined;
}

/** The last `steps` rows of a value, oldest first. */
interface Trace {
  readonly size: number;
  readonly steps: number;
  readonly rows: Row[];
}

/** What is read here of the attributes of operators that know no time. */
interface RowAttrs {
  readonly bias: boolean;
  readonly affine: boolean;
  readonly eps: number;
  readonly embeddingDim: number;
}

interface RecurrentAttrs {
  readonly numLayers: number;
  readonly bidirectional: boolean;
  readonly reverse: boolean;
  readonly bias: boolean;
  readonly nonlinearity: string;
  readonly projSize: number;
  readonly peephole: boolean;
  readonly activations?: readonly ActivationSpec[];
}

/** Runs up to `rows` rows (steps × members) at once, until more are reserved. */
export function createReferenceEngine(model: Model, options: { rows: number }): Engine {
  const weights: Float64Array[] = [];
  const runs = model.nodes.map((node) =>
    prepare(model, node, (suffix) => {
      const weight = toF64(model.tensors.get(tensorKey(node.name, suffix)) as Tensor);
      weights.push(weight);
      return weight;
    }),
  );
  const initial = model.states.map((state) => {
    const tensor = state.initial === undefined ? undefined : model.tensors.get(state.initial);
    return tensor ? toF64(tensor) : new Float64Array(elements(state.shape));
  });

  let rows = 0;
  let inputs: IoRegion[] = [];
  let outputs: IoRegion[] = [];
  function reserve(wanted: number): void {
    if (wanted <= rows) return;
    rows = wanted;
    inputs = model.inputs.map((info) => region(info, rows));
    outputs = model.outputs.map((info) => region(info, rows));
  }
  reserve(options.rows);

  /** Adds every node's output to the values that are known; false where an id is out of range. */
  function walk(known: Map<string, Value>, call: Call): boolean {
    return model.nodes.every((node, i) => {
      const args = node.inputs.map((name) => known.get(name) as Value);
      if (node.op === "embedding" && !idsFit(args[0], node.attrs.numEmbeddings as number)) return false;
      known.set(node.outputs[0], runs[i](args, call));
      return true;
    });
  }

  /** Empty traces of what the kernels trace; a step over zeros tells the sizes. */
  function createTraces(steps: number): Map<string, Trace> {
    const known = new Map(model.inputs.map((info) => [info.name, [new Float64Array(rowSize(info))]]));
    walk(known, { lengths: [1], states: [copyOf(initial)] });
    const names = model.nodes.filter(({ op }) => op !== "embedding").map(({ outputs }) => outputs[0]);
    return new Map(names.map((name) => [name, { size: (known.get(name) as Value)[0].length, steps, rows: [] }]));
  }

  const engine: Engine = {
    variant: "reference",
    get bytes() {
      const io = byteLength([...inputs, ...outputs].map(({ data }) => data));
      return { weights: byteLength(weights), programs: 0, io, scratch: 0, statePerStream: byteLength(initial) };
    },
    get rows() {
      return rows;
    },
    get inputs() {
      return inputs;
    },
    get outputs() {
      return outputs;
    },
    reserve,
    createStates: (count, traceSteps = 0) =>
      createStates(count, initial, traceSteps > 0 ? createTraces(traceSteps) : undefined),
    execute: (states, steps) => engine.executeGroup(states, null, 0, 1, steps, null),
    executeGroup(states, members, first, count, steps, lengths) {
      if (steps * count > rows) return STATUS_STEPS;
      const { values, traces = [] } = states as ReferenceStates;
      const own = [...(members ?? values.keys())].slice(first, first + count);
      // Copies, which become the members' own when nothing can fail any more.
      const call: Call = {
        lengths: own.map((_, j) => lengths?.[first + j] ?? steps),
        states: own.map((member) => copyOf(values[member])),
      };
      const known = new Map<string, Value>();
      for (const [i, info] of model.inputs.entries()) {
        known.set(info.name, readRows(inputs[i], rowSize(info), call.lengths, steps));
      }
      if (!walk(known, call)) return STATUS_ID;
      for (const [i, { name }] of model.outputs.entries()) writeRows(outputs[i], known.get(name) as Value);
      own.forEach((member, j) => {
        values[member] = call.states[j];
      });
      for (const [name, trace] of traces) {
        trace.rows.push(...(known.get(name) as Value).filter((_, r) => own[r % count] === 0));
        trace.rows.splice(0, trace.rows.length - trace.steps);
      }
      return STATUS_OK;
    },
    /** Nothing to give back: the garbage collector takes it. */
    dispose() {},
  };
  return engine;
}

function createStates(count: number, initial: Row[], traces: ReferenceStates["traces"]): ReferenceStates {
  const values = Array.from({ length: count }, () => copyOf(initial));
  return {
    count,
    values,
    traces,
    read(member, index, into) {
      into.set(values[member][index]);
    },
    write(member, index, from) {
      values[member][index].set(from);
    },
    reset(member) {
      values[member] = copyOf(initial);
    },
    copy(member, from, fromMember) {
      values[member] = copyOf((from as ReferenceStates).values[fromMember]);
    },
    trace: () => traces && new Map([...traces].map(([name, trace]) => [name, traceRows(trace)])),
    dispose() {
      values.length = 0;
    },
  };
}

function traceRows({ size, rows }: Trace): { shape: [number, number]; data: Float32Array } {
  return { shape: [rows.length, size], data: new Float32Array(concat(rows)) };
}

function concat(rows: Row[]): Row {
  return Float64Array.from(rows.flatMap((row) => [...row]));
}

function copyOf(states: Row[]): Row[] {
  return states.map((state) => state.slice());
}

function toF64(tensor: Tensor): Float64Array {
  return new Float64Array(toF32(tensor));
}

function byteLength(arrays: { readonly byteLength: number }[]): number {
  return arrays.reduce((sum, array) => sum + array.byteLength, 0);
}

/** Elements of one row; a free axis is an axis of rows. */
function rowSize({ shape }: ValueInfo): number {
  return elements(shape.filter((size) => typeof size === "number"));
}

function region(info: ValueInfo, rows: number): IoRegion {
  const size = rowSize(info);
  const stride = info.dtype === "I32" ? 1 : Math.ceil(size / 4) * 4;
  const data = info.dtype === "I32" ? new Int32Array(rows) : new Float32Array(rows * stride);
  return { data, stride, row: data.subarray(0, size) };
}

function readRows({ data, stride }: IoRegion, size: number, lengths: readonly number[], steps: number): Value {
  const value: Value = new Array(steps * lengths.length);
  lengths.forEach((length, j) => {
    for (let r = j; r < length * lengths.length; r += lengths.length) {
      value[r] = new Float64Array(data.subarray(r * stride, r * stride + size));
    }
  });
  return value;
}

function idsFit(ids: Value, count: number): boolean {
  return !ids.some(([id]) => id < 0 || id >= count);
}

function writeRows({ data, stride }: IoRegion, value: Value): void {
  value.forEach((row, r) => {
    data.set(row, r * stride);
  });
}

function prepare(model: Model, node: Node, tensorOf: Lookup): Run {
  if (node.op === "rnn" || node.op === "gru" || node.op === "lstm") return prepareRecurrent(model, node, tensorOf);
  const f = rowFunction(node, tensorOf);
  return (inputs) => inputs[0].map((_, r) => f(inputs.map((value) => value[r])));
}

/** An operator that knows no time: one row of each input → one row. */
function rowFunction({ name, op, attrs }: Node, tensorOf: Lookup): (inputs: Row[]) => Row {
  const { bias, affine, eps, embeddingDim } = attrs as unknown as RowAttrs;
  const [f] = ((attrs.function ?? attrs.activation ?? []) as ActivationSpec[]).map(activation);
  switch (op) {
    case "linear": {
      const weight = tensorOf("weight");
      const b = bias ? tensorOf("bias") : undefined;
      return f ? ([x]) => linear(x, weight, b).map(f) : ([x]) => linear(x, weight, b);
    }
    case "embedding": {
      const weight = tensorOf("weight");
      return ([[id]]) => embedding(id, weight, embeddingDim);
    }
    case "layerNorm": {
      const weight = affine ? tensorOf("weight") : undefined;
      const b = affine && bias ? tensorOf("bias") : undefined;
      return ([x]) => layerNorm(x, eps, weight, b);
    }
    case "batchNorm": {
      const mean = tensorOf("running_mean");
      const variance = tensorOf("running_var");
      const weight = affine ? tensorOf("weight") : undefined;
      const b = affine ? tensorOf("bias") : undefined;
      return ([x]) => batchNorm(x, mean, variance, eps, weight, b);
    }
    case "activation":
      return ([x]) => x.map(f);
    case "softmax":
      return ([x]) => softmax(x);
    case "logSoftmax":
      return ([x]) => logSoftmax(x);
    case "add":
      return (inputs) => inputs.reduce((sum, x) => sum.map((v, i) => v + x[i]));
    case "concat":
      return concat;
    case "last":
      return ([x]) => x;
  }
  const message = `node "${name}": expected an operator of the core kernels; got ${op}`;
  throw new ModelError("ERR_UNSUPPORTED_OP", message, { node: name });
}

/** All layers and directions of a recurrent node over each member's own steps. */
function prepareRecurrent(model: Model, node: Node, tensorOf: Lookup): Run {
  const { numLayers, bidirectional, reverse } = node.attrs as unknown as RecurrentAttrs;
  const directions = bidirectional ? 2 : 1;
  const cells = Array.from({ length: numLayers * directions }, (_, i) =>
    prepareCell(node, tensorOf, Math.floor(i / directions), i % directions),
  );
  const slots = (node.op === "lstm" ? ["h", "c"] : ["h"]).map((suffix) =>
    model.states.findIndex(({ name }) => name === tensorKey(node.name, suffix)),
  );
  return ([x], { lengths, states }) => {
    const count = lengths.length;
    let rows = x;
    for (let layer = 0; layer < numLayers; layer++) {
      const value: Value = new Array(x.length);
      for (let direction = 0; direction < directions; direction++) {
        const index = layer * directions + direction;
        const backward = reverse || direction === 1;
        lengths.forEach((length, j) => {
          const kept = slots.map((slot) => part(states[j][slot], index, cells.length));
          let state = kept;
          for (let step = 0; step < length; step++) {
            const r = (backward ? length - 1 - step : step) * count + j;
            state = cells[index](rows[r], state);
            value[r] ??= new Float64Array(directions * state[0].length);
            value[r].set(state[0], direction * state[0].length);
          }
          kept.forEach((data, i) => {
            data.set(state[i]);
          });
        });
      }
      rows = value;
    }
    return rows;
  };
}

/** Row `index` of a (count, n) matrix, in place. */
function part(matrix: Float64Array, index: number, count: number): Row {
  const n = matrix.length / count;
  return matrix.subarray(index * n, (index + 1) * n);
}

/** One step of one layer and direction: x, [h] or [h, c] → [h'] or [h', c'] */
type Cell = (x: Row, state: Row[]) => Row[];

function prepareCell({ op, attrs }: Node, tensorOf: Lookup, layer: number, direction: number): Cell {
  const { bias, nonlinearity, projSize, peephole, activations = [] } = attrs as unknown as RecurrentAttrs;
  const suffix = `_l${layer}${direction === 1 ? "_reverse" : ""}`;
  const weights = {
    weightIh: tensorOf(`weight_ih${suffix}`),
    weightHh: tensorOf(`weight_hh${suffix}`),
    biasIh: bias ? tensorOf(`bias_ih${suffix}`) : undefined,
    biasHh: bias ? tensorOf(`bias_hh${suffix}`) : undefined,
    weightHr: projSize ? tensorOf(`weight_hr${suffix}`) : undefined,
    peephole: peephole ? tensorOf(`weight_peephole${suffix}`) : undefined,
  };
  const functions = op === "rnn" ? 1 : op === "gru" ? 2 : 3;
  // One list serves both directions unless it is twice as long.
  const own = activations.slice(activations.length > functions ? direction * functions : 0);
  if (op === "rnn" && !own.length) own.push({ name: nonlinearity });
  const options = { ...attrs, activations: own.map(activation) };
  if (op === "rnn") return (x, [h]) => [rnnStep(x, h, weights, options)];
  if (op === "gru") return (x, [h]) => [gruStep(x, h, weights, options)];
  return (x, [h, c]) => {
    const next = lstmStep(x, { h, c }, weights, options);
    return [next.h, next.c];
  };
}
