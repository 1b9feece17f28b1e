/**
 * Runs a Model in plain TypeScript: walks its nodes in order with the functions of src/reference/, one member's whole
 * sequence after the other. It is the back end where WebAssembly or SIMD is missing, and the oracle of the tests.
 * Everything is f64 except what crosses the io regions and States, which is f32. Nothing here checks a model: the graph
 * has been checked, so a tensor that is not there is one that its node does without.
 */

import { STATUS_ID, STATUS_OK, STATUS_STEPS } from "../assembly/abi.ts";
import type { Engine, IoRegion, States } from "./engine.ts";
import { ModelError } from "./errors.ts";
import { type ActivationSpec, type Model, type Node, tensorKey, type ValueInfo } from "./model.ts";
import { ACTIVATIONS, activation } from "./reference/activation.ts";
import { embedding } from "./reference/embedding.ts";
import { gruStep } from "./reference/gru.ts";
import { linear } from "./reference/linear.ts";
import { lstmStep } from "./reference/lstm.ts";
import { batchNorm, layerNorm } from "./reference/norm.ts";
import { type CellWeights, rnnStep } from "./reference/rnn.ts";
import { logSoftmax, softmax } from "./reference/softmax.ts";
import { elements, toF32 } from "./tensor.ts";

type Row = Float64Array;

/** A tensor of a node, by its suffix. */
type Lookup = (suffix: string) => Row | undefined;

/** All values over a sequence, by name, and the states after it, in the order of `model.states`. */
interface Walk {
  readonly values: ReadonlyMap<string, Row[]>;
  readonly states: Row[];
}

interface ReferenceStates extends States {
  /** [member][index in model.states]: replaced, never changed in place, for members share what is equal. */
  readonly members: Row[][];
  /** Keeps what member 0 did, where it is traced. */
  record(walk: Walk): void;
}

/** Runs up to `rows` rows (steps × members) at once, until more are reserved. */
export function createReferenceEngine(model: Model, options: { rows: number }): Engine {
  const weights = new Map([...model.tensors].map(([key, tensor]) => [key, new Float64Array(toF32(tensor))]));
  const initial = model.states.map(
    (state) => weights.get(state.initial as string) ?? new Float64Array(elements(state.shape)),
  );
  const io = (rows: number) => ({
    rows,
    inputs: model.inputs.map((info) => region(info, rows)),
    outputs: model.outputs.map((info) => region(info, rows)),
  });

  /** `length` steps of the j-th of `count` sequences; undefined where an id is out of range. */
  function walk(before: Row[], length: number, j = 0, count = 1): Walk | undefined {
    const read = (from: IoRegion) => Array.from({ length }, (_, t) => new Float64Array(rowOf(from, t * count + j)));
    const values = new Map(model.inputs.map(({ name }, i): [string, Row[]] => [name, read(engine.inputs[i])]));
    const states = new Map(model.states.map(({ name }, i) => [name, before[i].slice()]));
    for (const node of model.nodes) {
      const inputs = node.inputs.map((name) => values.get(name) as Row[]);
      const tensorOf = (suffix: string) => weights.get(tensorKey(node.name, suffix));
      const ids = node.op === "embedding" ? inputs[0] : [];
      if (ids.some(([id]) => id < 0 || id >= (node.attrs.numEmbeddings as number))) return undefined;
      const own = ["h", "c"].flatMap((suffix) => states.get(tensorKey(node.name, suffix)) ?? []);
      const run = node.op in CELLS ? recurrent : rowwise;
      values.set(node.outputs[0], run(node, tensorOf, inputs, own));
    }
    return { values, states: [...states.values()] };
  }

  const engine: Engine = {
    variant: "reference",
    ...io(options.rows),
    reserve(rows) {
      if (rows > engine.rows) Object.assign(engine, io(rows));
    },
    get bytes() {
      return {
        weights: byteLength([...weights.values()]),
        programs: 0,
        io: byteLength([...engine.inputs, ...engine.outputs].map(({ data }) => data)),
        scratch: 0,
        statePerStream: byteLength(initial),
      };
    },
    createStates(count, traceSteps = 0): ReferenceStates {
      const members = new Array<Row[]>(count).fill(initial);
      const traced = model.nodes.filter(({ op }) => traceSteps > 0 && op !== "embedding");
      const traces = traced.map(({ outputs: [name] }) => ({ name, rows: [] as Row[] }));
      return {
        count,
        members,
        read(member, index, into, b, count) {
          const [rows, size] = model.states[index].shape;
          const state = members[member][index];
          for (let r = 0; r < rows; r++) into.set(state.subarray(r * size, (r + 1) * size), (r * count + b) * size);
        },
        write(member, index, from, b, count) {
          const [rows, size] = model.states[index].shape;
          const row = (r: number) => from.subarray((r * count + b) * size, (r * count + b + 1) * size);
          const state = Float64Array.from({ length: rows * size }, (_, i) => row(Math.floor(i / size))[i % size]);
          members[member] = members[member].map((old, i) => (i === index ? state : old));
        },
        reset(member) {
          members[member] = initial;
        },
        copy(member, from, fromMember) {
          members[member] = (from as ReferenceStates).members[fromMember];
        },
        record({ values }) {
          for (const { name, rows } of traces) {
            rows.push(...(values.get(name) as Row[]));
            rows.splice(0, rows.length - traceSteps);
          }
        },
        trace() {
          if (traceSteps === 0) return undefined;
          return new Map(
            traces.map(({ name, rows }) => {
              const [{ length }] = sizes.get(name) as Row[];
              return [name, { shape: [rows.length, length], data: Float32Array.from(rows.flatMap((row) => [...row])) }];
            }),
          );
        },
        // Nothing to give back, here and below: the garbage collector takes it.
        dispose() {},
      };
    },
    execute: (states, steps) => engine.executeGroup(states, null, 0, 1, steps, null),
    executeGroup(states, list, first, count, steps, lengths) {
      if (steps * count > engine.rows) return STATUS_STEPS;
      const { members, record } = states as ReferenceStates;
      const own = Array.from({ length: count }, (_, j) => list?.[first + j] ?? first + j);
      const walks = own.map((member, j) => walk(members[member], lengths?.[first + j] ?? steps, j, count));
      if (walks.includes(undefined)) return STATUS_ID;
      (walks as Walk[]).forEach((walk, j) => {
        members[own[j]] = walk.states;
        if (own[j] === 0) record(walk);
        model.outputs.forEach(({ name }, i) => {
          walk.values.get(name)?.forEach((row, t) => {
            rowOf(engine.outputs[i], t * count + j).set(row);
          });
        });
      });
      return STATUS_OK;
    },
    dispose() {},
  };
  // The regions begin as zeros: a step over them tells the sizes of all values.
  const sizes = (walk(initial, 1) as Walk).values;
  return engine;
}

function byteLength(arrays: { readonly byteLength: number }[]): number {
  return arrays.reduce((sum, array) => sum + array.byteLength, 0);
}

/** A free axis of the shape is an axis of rows. */
function region({ dtype, shape }: ValueInfo, rows: number): IoRegion {
  const size = elements(shape.filter((axis) => typeof axis === "number"));
  const ids = dtype === "I32";
  const stride = ids ? 1 : Math.ceil(size / 4) * 4;
  const data = new (ids ? Int32Array : Float32Array)(rows * stride);
  return { data, stride, row: data.subarray(0, size) };
}

function rowOf({ data, stride, row }: IoRegion, r: number): IoRegion["row"] {
  return data.subarray(r * stride, r * stride + row.length);
}

function concat(...rows: Row[]): Row {
  return Float64Array.from(rows.flatMap((row) => [...row]));
}

/** Operators that know no time. */
function rowwise({ name, op, attrs }: Node, tensorOf: Lookup, inputs: Row[][]): Row[] {
  const [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(tensorOf) as Row[];
  const { eps, embeddingDim } = attrs as Record<string, number>;
  const specs = (attrs.function ?? attrs.activation ?? []) as ActivationSpec[];
  const [f = ACTIVATIONS.identity] = specs.map(activation);
  const operators: Record<string, (...inputs: Row[]) => Row> = {
    linear: (x) => linear(x, weight, bias).map(f),
    embedding: ([id]) => embedding(id, weight, embeddingDim),
    layerNorm: (x) => layerNorm(x, eps, weight, bias),
    batchNorm: (x) => batchNorm(x, mean, variance, eps, weight, bias),
    activation: (x) => x.map(f),
    softmax,
    logSoftmax,
    add: (...xs) => xs.reduce((sum, x) => sum.map((v, i) => v + x[i])),
    concat,
    last: (x) => x,
  };
  const operator = operators[op];
  if (!operator) throw new ModelError("ERR_UNSUPPORTED_OP", `node "${name}": ${op} is not supported.`, { node: name });
  return inputs[0].map((_, t) => operator(...inputs.map((rows) => rows[t])));
}

/** The cells, and how many functions each takes. */
const CELLS: Record<string, [step: typeof rnnStep, functions: number]> = {
  rnn: [rnnStep, 1],
  gru: [gruStep, 2],
  lstm: [lstmStep, 3],
};

/** In the order of CellWeights. */
const CELL_TENSORS = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "weight_peephole"];

interface RecurrentAttrs {
  readonly numLayers: number;
  readonly bidirectional: boolean;
  readonly reverse: boolean;
  readonly activations?: readonly ActivationSpec[];
}

/** A stack of layers and directions, whose states change in place. */
function recurrent({ op, attrs }: Node, tensorOf: Lookup, [x]: Row[][], states: Row[]): Row[] {
  const { numLayers, bidirectional, reverse, activations = [] } = attrs as unknown as RecurrentAttrs;
  const [step, functions] = CELLS[op];
  const suffixes = bidirectional ? ["", "_reverse"] : [""];
  let rows = x;
  for (let layer = 0, index = 0; layer < numLayers; layer++) {
    const directions = suffixes.map((suffix) => {
      const weights = CELL_TENSORS.map((tensor) => tensorOf(`${tensor}_l${layer}${suffix}`)) as unknown as CellWeights;
      // One list serves both directions unless it is twice as long.
      const own = suffix ? activations.slice(-functions) : activations;
      const options = { ...attrs, activations: own.map(activation) };
      const kept = states.map((state) => {
        const size = state.length / (numLayers * suffixes.length);
        return state.subarray(index * size, (index + 1) * size);
      });
      index++;
      let state = kept;
      const flip = (rows: Row[]) => (reverse || suffix ? [...rows].reverse() : rows);
      const hs = flip(rows).map((x) => {
        state = step(x, state, weights, options);
        return state[0];
      });
      kept.forEach((row, i) => {
        row.set(state[i]);
      });
      return flip(hs);
    });
    rows = rows.map((_, t) => concat(...directions.map((hs) => hs[t])));
  }
  return rows;
}
