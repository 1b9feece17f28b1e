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

/** A node with its weights: the rows of its inputs over a sequence → those of its output. Changes its states in place. */
type Run = (inputs: Row[][], states: Row[]) => Row[];

/** A tensor of a node, by its suffix. */
type Lookup = (suffix: string) => Row | undefined;

/** All values over a sequence, by name, and the states after it, in the order of `model.states`. */
interface Walk {
  readonly values: ReadonlyMap<string, Row[]>;
  readonly states: Row[];
}

interface ReferenceStates extends States {
  /** [member][index in model.states]: replaced, never changed in place, for they share what is equal. */
  readonly members: Row[][];
  /** Takes note of steps of member 0. */
  record(walk: Walk): void;
}

/** Runs up to `rows` rows (steps × members) at once, until more are reserved. */
export function createReferenceEngine(model: Model, options: { rows: number }): Engine {
  const weights = new Map([...model.tensors].map(([key, tensor]) => [key, new Float64Array(toF32(tensor))]));
  const runs = model.nodes.map((node) => prepare(model, node, (suffix) => weights.get(tensorKey(node.name, suffix))));
  const initial = model.states.map(
    (state) => weights.get(state.initial as string) ?? new Float64Array(elements(state.shape)),
  );
  const traced = model.nodes.filter(({ op }) => op !== "embedding").map(({ outputs }) => outputs[0]);

  const io = (rows: number) => ({
    rows,
    inputs: model.inputs.map((info) => region(info, rows)),
    outputs: model.outputs.map((info) => region(info, rows)),
  });

  /** All nodes over `length` steps of the j-th of `count` sequences; undefined where an id is out of range. */
  function walk(before: Row[], length: number, j = 0, count = 1): Walk | undefined {
    const read = (from: IoRegion) => Array.from({ length }, (_, t) => new Float64Array(rowOf(from, t * count + j)));
    const values = new Map(model.inputs.map(({ name }, i) => [name, read(engine.inputs[i])]));
    const states = before.map((state) => state.slice());
    for (const [i, { op, attrs, inputs, outputs }] of model.nodes.entries()) {
      const args = inputs.map((name) => values.get(name) as Row[]);
      if (op === "embedding" && args[0].some(([id]) => id < 0 || id >= (attrs.numEmbeddings as number))) return;
      values.set(outputs[0], runs[i](args, states));
    }
    return { values, states };
  }

  const engine = {
    variant: "reference" as const,
    ...io(options.rows),
    reserve(rows: number): void {
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
    createStates(count: number, traceSteps = 0): ReferenceStates {
      const members = new Array<Row[]>(count).fill(initial);
      const traces = new Map(traced.map((name) => [name, [] as Row[]]));
      return {
        count,
        members,
        read(member, index, into) {
          into.set(members[member][index]);
        },
        write(member, index, from) {
          members[member] = members[member].map((state, i) => (i === index ? new Float64Array(from) : state));
        },
        reset(member) {
          members[member] = initial;
        },
        copy(member, from, fromMember) {
          members[member] = (from as ReferenceStates).members[fromMember];
        },
        record({ values }) {
          for (const [name, rows] of traces) {
            rows.push(...(values.get(name) as Row[]));
            rows.splice(0, rows.length - traceSteps);
          }
        },
        trace() {
          if (traceSteps === 0) return undefined;
          return new Map(
            [...traces].map(([name, rows]) => [
              name,
              { shape: [rows.length, sizes.get(name)[0].length], data: new Float32Array(concat(...rows)) },
            ]),
          );
        },
        /** Nothing to give back, here and below: the garbage collector takes it. */
        dispose() {},
      };
    },
    execute: (states: States, steps: number): number => engine.executeGroup(states, null, 0, 1, steps, null),
    executeGroup(
      states: States,
      list: Int32Array | null,
      first: number,
      count: number,
      steps: number,
      lengths: Int32Array | null,
    ): number {
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
  // The regions begin with zeros: a step over them tells the sizes of all values.
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

function prepare(model: Model, node: Node, tensorOf: Lookup): Run {
  if (node.op in CELLS) return recurrent(model, node, tensorOf);
  const f = rowFunction(node, tensorOf);
  return (inputs) => inputs[0].map((_, t) => f(...inputs.map((rows) => rows[t])));
}

/** An operator that knows no time: one row of each input → one row. */
function rowFunction({ name, op, attrs }: Node, tensorOf: Lookup): (...inputs: Row[]) => Row {
  const [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(tensorOf) as Row[];
  const { eps, embeddingDim } = attrs as Record<string, number>;
  const specs = (attrs.function ?? attrs.activation ?? []) as ActivationSpec[];
  const [f = ACTIVATIONS.identity] = specs.map(activation);
  const functions: Record<string, (...inputs: Row[]) => Row> = {
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
  if (op in functions) return functions[op];
  const message = `node "${name}": expected an operator of the core kernels; got ${op}`;
  throw new ModelError("ERR_UNSUPPORTED_OP", message, { node: name });
}

/** The cells, and how many functions each has. */
const CELLS = {
  rnn: { step: rnnStep, functions: 1 },
  gru: { step: gruStep, functions: 2 },
  lstm: { step: lstmStep, functions: 3 },
};

/** In the order of CellWeights. */
const CELL_TENSORS = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "weight_peephole"];

interface RecurrentAttrs {
  readonly numLayers: number;
  readonly bidirectional: boolean;
  readonly reverse: boolean;
  readonly activations?: readonly ActivationSpec[];
}

function recurrent(model: Model, { name, op, attrs }: Node, tensorOf: Lookup): Run {
  const { numLayers, bidirectional, reverse, activations = [] } = attrs as unknown as RecurrentAttrs;
  const { step, functions } = CELLS[op as keyof typeof CELLS];
  const keys = [tensorKey(name, "h"), tensorKey(name, "c")];
  const own = model.states.flatMap((state, slot) =>
    keys.includes(state.name) ? [{ slot, size: state.shape[1] }] : [],
  );

  /** One direction of a layer; `index` is its row in the states. */
  function direction(layer: number, suffix: string, index: number) {
    const weights = CELL_TENSORS.map((tensor) => tensorOf(`${tensor}_l${layer}${suffix}`)) as unknown as CellWeights;
    // One list serves both directions unless it is twice as long.
    const specs = suffix ? activations.slice(-functions) : activations;
    const options = { ...attrs, activations: specs.map(activation) };
    const flip = (rows: Row[]) => (reverse || suffix ? [...rows].reverse() : rows);
    return (xs: Row[], states: Row[]): Row[] => {
      const kept = own.map(({ slot, size }) => states[slot].subarray(index * size, (index + 1) * size));
      let state = kept;
      const hs = flip(xs).map((x) => {
        state = step(x, state, weights, options);
        return state[0];
      });
      kept.forEach((data, i) => {
        data.set(state[i]);
      });
      return flip(hs);
    };
  }

  const suffixes = bidirectional ? ["", "_reverse"] : [""];
  const layers = Array.from({ length: numLayers }, (_, layer) =>
    suffixes.map((suffix, d) => direction(layer, suffix, layer * suffixes.length + d)),
  );
  return ([x], states) =>
    layers.reduce((xs, directions) => {
      const ys = directions.map((run) => run(xs, states));
      return xs.map((_, t) => concat(...ys.map((y) => y[t])));
    }, x);
}
