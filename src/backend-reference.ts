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

/** What a member remembers: [index in model.states][layer and direction]. Rows are replaced, never changed. */
type Memory = Row[][];

/** A node with its weights: the rows of its inputs over a sequence → those of its output. Replaces its states' rows. */
type Run = (inputs: Row[][], memory: Memory) => Row[];

/** A tensor of a node, by its suffix. */
type Lookup = (suffix: string) => Row | undefined;

/** All values over a sequence, by name, and what is remembered after it. */
interface Walk {
  readonly values: ReadonlyMap<string, Row[]>;
  readonly memory: Memory;
}

interface ReferenceStates extends States {
  readonly members: Memory[];
  /** Keeps what member 0 did, where it is traced. */
  record(walk: Walk): void;
}

/** Runs up to `rows` rows (steps × members) at once, until more are reserved. */
export function createReferenceEngine(model: Model, options: { rows: number }): Engine {
  const weights = new Map([...model.tensors].map(([key, tensor]) => [key, new Float64Array(toF32(tensor))]));
  const nodes = model.nodes.map((node) => ({
    ...node,
    run: prepare(model, node, (suffix) =>
      // Nodes without a name share the bare keys: a bias that is there may be another's.
      node.attrs.bias === false && suffix.startsWith("bias") ? undefined : weights.get(tensorKey(node.name, suffix)),
    ),
  }));
  const initial = model.states.map(({ initial, shape: [count, size] }) => {
    const data = weights.get(initial as string) ?? new Float64Array(count * size);
    return Array.from({ length: count }, (_, r) => rowAt(data, size, r));
  });
  const io = (rows: number) => ({
    rows,
    inputs: model.inputs.map((info) => region(info, rows)),
    outputs: model.outputs.map((info) => region(info, rows)),
  });

  /** `length` steps of the j-th of `count` sequences; undefined where an id is out of range. */
  function walk(before: Memory, length: number, j = 0, count = 1): Walk | undefined {
    const values = new Map<string, Row[]>();
    for (const [i, { data, stride, row }] of engine.inputs.entries()) {
      const read = (_: unknown, t: number) => new Float64Array(rowAt(data, stride, t * count + j, row.length));
      values.set(model.inputs[i].name, Array.from({ length }, read));
    }
    const memory = before.map((rows) => [...rows]);
    for (const { op, attrs, inputs, outputs, run } of nodes) {
      const args = inputs.map((name) => values.get(name) as Row[]);
      if (op === "embedding" && args[0].some(([id]) => id < 0 || id >= (attrs.numEmbeddings as number))) return;
      values.set(outputs[0], run(args, memory));
    }
    return { values, memory };
  }

  const engine: Engine = {
    variant: "reference",
    precision: "f64",
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
        statePerStream: byteLength(initial.flat()),
      };
    },
    createStates(count, traceSteps = 0): ReferenceStates {
      const members = new Array<Memory>(count).fill(initial);
      const traced = nodes.filter(({ op }) => traceSteps > 0 && op !== "embedding");
      const traces = traced.map(({ outputs: [name] }) => ({ name, rows: [] as Row[] }));
      return {
        count,
        members,
        read(member, index, into, b, count) {
          members[member][index].forEach((row, r) => {
            into.set(row, (r * count + b) * row.length);
          });
        },
        write(member, index, from, b, count) {
          members[member] = [...members[member]];
          members[member][index] = members[member][index].map(
            ({ length }, r) => new Float64Array(rowAt(from, length, r * count + b)),
          );
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
        members[own[j]] = walk.memory;
        if (own[j] === 0) record(walk);
        engine.outputs.forEach(({ data, stride }, i) => {
          walk.values.get(model.outputs[i].name)?.forEach((row, t) => {
            data.set(row, (t * count + j) * stride);
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
  return { data, stride, row: rowAt(data, stride, 0, size) };
}

/** The first `size` elements of row r. */
function rowAt<T extends Row | IoRegion["data"]>(data: T, stride: number, r: number, size = stride): T {
  return data.subarray(r * stride, r * stride + size) as T;
}

function concat(...rows: Row[]): Row {
  return Float64Array.from(rows.flatMap((row) => [...row]));
}

function prepare(model: Model, node: Node, tensorOf: Lookup): Run {
  const { name, op, attrs } = node;
  if (op in CELLS) return recurrent(model, node, tensorOf);
  const [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(tensorOf) as Row[];
  const { eps, embeddingDim } = attrs as Record<string, number>;
  const scale = attrs.affine === false ? [] : [weight, bias];
  const specs = (attrs.function ?? attrs.activation ?? []) as ActivationSpec[];
  const [f = ACTIVATIONS.identity] = specs.map(activation);
  /** Operators that know no time: a row of each input → a row. */
  const operators: Record<string, (...inputs: Row[]) => Row> = {
    linear: (x) => linear(x, weight, bias).map(f),
    embedding: ([id]) => embedding(id, weight, embeddingDim),
    layerNorm: (x) => layerNorm(x, eps, ...scale),
    batchNorm: (x) => batchNorm(x, mean, variance, eps, ...scale),
    activation: (x) => x.map(f),
    softmax,
    logSoftmax,
    add: (...xs) => xs.reduce((sum, x) => sum.map((v, i) => v + x[i])),
    concat,
    last: (x) => x,
  };
  const operator = operators[op];
  if (!operator) throw new ModelError("ERR_UNSUPPORTED_OP", `node "${name}": ${op} is not supported.`, { node: name });
  return (inputs) => inputs[0].map((_, t) => operator(...inputs.map((rows) => rows[t])));
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

/** A stack of layers and directions. */
function recurrent(model: Model, { name, op, attrs }: Node, tensorOf: Lookup): Run {
  const { numLayers, bidirectional, reverse, activations = [] } = attrs as unknown as RecurrentAttrs;
  const [step, functions] = CELLS[op];
  const suffixes = bidirectional ? ["", "_reverse"] : [""];
  const names = model.states.map((state) => state.name);
  const slots = [tensorKey(name, "h"), tensorKey(name, "c")].map((key) => names.indexOf(key)).filter((i) => i >= 0);

  /** The directions of a layer, each over a sequence. */
  const layers = Array.from({ length: numLayers }, (_, layer) =>
    suffixes.map((suffix, direction) => {
      const weights = CELL_TENSORS.map((tensor) => tensorOf(`${tensor}_l${layer}${suffix}`)) as unknown as CellWeights;
      // One list serves both directions unless it is twice as long.
      const own = suffix ? activations.slice(-functions) : activations;
      const options = { ...attrs, activations: own.map(activation) };
      const flip = (rows: Row[]) => (reverse || suffix ? [...rows].reverse() : rows);
      const index = layer * suffixes.length + direction;
      return (xs: Row[], memory: Memory) => {
        let state = slots.map((slot) => memory[slot][index]);
        const hs = flip(xs).map((x) => {
          state = step(x, state, weights, options);
          return state[0];
        });
        slots.forEach((slot, i) => {
          memory[slot][index] = state[i];
        });
        return flip(hs);
      };
    }),
  );
  return ([x], memory) =>
    layers.reduce((xs, directions) => {
      const ys = directions.map((run) => run(xs, memory));
      return xs.map((_, t) => concat(...ys.map((y) => y[t])));
    }, x);
}
