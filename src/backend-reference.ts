/**
 * Runs a Model in plain TypeScript: walks its nodes in order with the functions of src/reference/, one member's whole
 * sequence after the other. It is the back end where WebAssembly or SIMD is missing, and the oracle of the tests.
 * Everything is f64 except what crosses the io regions and States, which is f32. Nothing here checks a model: the graph
 * has been checked, so a tensor that is not there is one that its node does without.
 */

import { STATUS_ID, STATUS_OK, STATUS_STEPS } from "../assembly/abi.ts";
import type { Engine, IoRegion, States } from "./engine.ts";
import { ModelError, SessionError } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { type ActivationSpec, type Model, type Node, tensorKey, type ValueInfo } from "./model.ts";
import type { Shaped } from "./ops/op.ts";
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

/** Members of one stream, group or run: past this V8 keeps the list as a dictionary, and ends the process where that is full. */
const MEMBERS = 2 ** 25;

/** What a member remembers: [index in model.states][layer and direction]. Rows are replaced, never changed. */
type Memory = Row[][];

/** A node with its weights: the rows of its inputs over a sequence → those of each output. Replaces its states' rows. */
type Run = (inputs: Row[][], memory: Memory, length: number) => Row[][] | undefined;

/** A tensor of a node, by its suffix. */
type Lookup = (suffix: string) => Row | undefined;

/**
 * The node over one row of each input, from what is known of its inputs, its tensors, and the shape of its first output.
 * undefined: an id is out of range.
 */
export type NodeReference = (
  node: Node,
  inputs: readonly (Shaped | undefined)[],
  tensorOf: Lookup,
  shape: readonly number[],
) => (...inputs: readonly Row[]) => readonly Row[] | undefined;

/** Operators beside the core's, or in their place, and the values of the model's graph, which they ask for. */
interface Known {
  readonly nodes?: Readonly<Record<string, NodeReference>>;
  readonly values?: Graph["values"];
}

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
export function createReferenceEngine(model: Model, options: Known & { rows: number }): Engine {
  const weights = new Map(
    [...model.tensors].map(([key, tensor]) => [
      key,
      Float64Array.from(tensor.dtype === "I32" ? (tensor.data as Int32Array) : toF32(tensor)),
    ]),
  );
  const nodes = model.nodes.map((node) => ({
    ...node,
    run: prepare(
      model,
      node,
      (suffix) =>
        // Nodes without a name share the bare keys: a bias that is there may be another's.
        node.attrs.bias === false && suffix.startsWith("bias") ? undefined : weights.get(tensorKey(node.name, suffix)),
      options,
    ),
  }));
  const initial = model.states.map(({ initial, shape, input }) => {
    const data = weights.get(initial as string) ?? new Float64Array(elements(shape));
    const [count, size] = input === undefined ? shape : [1, data.length];
    return Array.from({ length: count }, (_, r) => rowAt(data, size, r));
  });
  const paired = [...model.states.entries()].filter(([, { input }]) => input !== undefined);
  const io = (rows: number) => ({
    rows,
    inputs: model.inputs.map((info) => region(info, rows)),
    outputs: model.outputs.map((info) => region(info, rows)),
  });

  /** `length` steps of the j-th of `count` sequences; undefined where an id is out of range. */
  function walk(before: Memory, length: number, j = 0, count = 1): Walk | undefined {
    if (paired.length === 0 || length < 2) return advance(before, length, j, count);
    // What an output of a step gives is an input of the next: one step at a time.
    const values = new Map<string, Row[]>();
    let memory = before;
    for (let t = 0; t < length; t++) {
      const step = advance(memory, 1, t * count + j, count);
      if (step === undefined) return;
      memory = step.memory;
      for (const [name, rows] of step.values) values.set(name, [...(values.get(name) ?? []), ...rows]);
    }
    return { values, memory };
  }

  function advance(before: Memory, length: number, j: number, count: number): Walk | undefined {
    const values = new Map<string, Row[]>();
    for (const [i, { data, stride, row }] of engine.inputs.entries()) {
      const read = (_: unknown, t: number) => new Float64Array(rowAt(data, stride, t * count + j, row.length));
      values.set(model.inputs[i].name, Array.from({ length }, read));
    }
    const memory = before.map((rows) => [...rows]);
    for (const [i, { input }] of paired) values.set(input as string, memory[i]);
    for (const { op, attrs, inputs, outputs, run } of nodes) {
      const args = inputs.map((name) => values.get(name) as Row[]);
      if (
        op === "embedding" &&
        args[0].some((ids) => ids.some((id) => id < 0 || id >= (attrs.numEmbeddings as number)))
      )
        return;
      const ys = run(args, memory, length);
      if (ys === undefined) return;
      for (const [i, name] of outputs.entries()) if (name !== "") values.set(name, ys[i]);
    }
    // A member that takes no step keeps its states.
    if (length > 0) for (const [i, { output }] of paired) memory[i] = (values.get(output as string) as Row[]).slice();
    return { values, memory };
  }

  const engine: Engine = {
    variant: "reference",
    precision: "f64",
    ...io(options.rows),
    reserve(rows) {
      if (rows > engine.rows) Object.assign(engine, io(rows));
    },
    bytes() {
      return {
        weights: byteLength([...weights.values()]),
        programs: 0,
        io: byteLength([...engine.inputs, ...engine.outputs].map(({ data }) => data)),
        scratch: 0,
        statePerStream: byteLength(initial.flat()),
      };
    },
    createStates(count, traceSteps = 0): ReferenceStates {
      if (count > MEMBERS) {
        throw new SessionError("ERR_MEMORY", `members: expected at most ${MEMBERS}; got ${count}.`);
      }
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
  const stride = ids && size === 1 ? 1 : Math.ceil(size / 4) * 4;
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

function prepare(model: Model, node: Node, tensorOf: Lookup, { nodes, values }: Known): Run {
  const { name, op, attrs } = node;
  if (op in CELLS && !attrs.scan) return recurrent(model, node, tensorOf);
  if (nodes) {
    const reference = nodes[op](
      node,
      node.inputs.map((input) => values?.get(input)),
      tensorOf,
      values?.get(node.outputs[0])?.shape ?? [],
    );
    return (inputs, _, length) => {
      const steps = Array.from({ length }, (_, t) => reference(...inputs.map((rows) => rows?.[t])));
      if (steps.includes(undefined)) return undefined;
      return node.outputs.map((_, i) => (steps as Row[][]).map((ys) => ys[i]));
    };
  }
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
  return (inputs) => [inputs[0].map((_, t) => operator(...inputs.map((rows) => rows[t])))];
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
  readonly computedOrder?: boolean;
  readonly activations?: readonly ActivationSpec[];
}

/** A stack of layers and directions. */
function recurrent(model: Model, { name, op, attrs }: Node, tensorOf: Lookup): Run {
  const { numLayers, bidirectional, reverse, computedOrder, activations = [] } = attrs as unknown as RecurrentAttrs;
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
        return computedOrder ? hs : flip(hs);
      };
    }),
  );
  return ([x], memory) => [
    layers.reduce((xs, directions) => {
      const ys = directions.map((run) => run(xs, memory));
      return xs.map((_, t) => concat(...ys.map((y) => y[t])));
    }, x),
  ];
}
