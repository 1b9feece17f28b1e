/**
 * rnn, gru and lstm: one node is a whole stack of layers and directions. Each (layer, direction) becomes one record: the
 * input products of all rows with W, then a recurrence over U (assembly/recurrence.ts).
 */

import { OP_GRU, OP_LSTM, OP_RNN } from "../../assembly/abi.ts";
import { type ActivationSpec, tensorKey } from "../model.ts";
import { type Block, type Lowering, type Operand, paddedBytes } from "../program.ts";
import { floatBits, functionWords } from "./functions.ts";
import { type AttrRule, type Attrs, FLAG, type Op, SIZE, type TensorRule } from "./op.ts";

/** An operand that is not there. */
const NONE = 0;

/** What distinguishes the three cells. */
interface Cell {
  readonly opcode: number;
  /** The gates of the tensors in the order that the kernels have them. */
  readonly order: readonly number[];
  readonly states: readonly string[];
  /** Which of gate, candidate and output function `activations` lists. */
  readonly functions: readonly number[];
  readonly attrs: Readonly<Record<string, AttrRule>>;
  /** A plain f32 cell has its matrices by units (assembly/gemm.ts). */
  readonly units: boolean;
  /** The gate pass that stays in registers serves, as far as the attributes go. */
  plain(attrs: Attrs): boolean;
  /** The operands after those that all cells share. */
  operands(to: Lowering, layer: Layer): readonly Operand[];
}

/** One (layer, direction) of a node. */
interface Layer {
  readonly attrs: Attrs;
  readonly hidden: number;
  /** Size of h: hidden, or projSize. */
  readonly width: number;
  /** W and U by units. */
  readonly units: boolean;
  /** The gates of U. */
  readonly gates: readonly Block[];
  /** The tensor of this layer and direction: `weight_ih` → `rnn.weight_ih_l0_reverse`. */
  key(tensor: string): string;
}

const rowsOf = (tensor: string, size: number, gates: readonly number[]): Block[] =>
  gates.map((g) => ({ tensors: [tensor], firstRow: g * size, rows: size }));

const width = (attrs: Attrs) => (attrs.projSize || attrs.hiddenSize) as number;
const directions = (attrs: Attrs) => (attrs.bidirectional ? 2 : 1);

/** `_l0`, `_l0_reverse`, `_l1`, … */
export function suffixes(attrs: Attrs): string[] {
  const layers = Array.from({ length: attrs.numLayers as number }, (_, k) => `_l${k}`);
  return attrs.bidirectional ? layers.flatMap((layer) => [layer, `${layer}_reverse`]) : layers;
}

function recurrent(cell: Cell): Op {
  const { order } = cell;
  const gates = order.length;
  return {
    attrs: {
      inputSize: { ...SIZE, from: ["weight_ih_l0", 1], input: true },
      hiddenSize: { ...SIZE, from: ["weight_hh_l0", 0, gates] },
      // Each layer is rules and records before its tensors are looked for. Largest realistic: 12, a speech recogniser.
      numLayers: { ...SIZE, default: 1, max: 256 },
      bidirectional: FLAG,
      reverse: FLAG,
      computedOrder: { kind: "boolean", optional: true },
      bias: { kind: "boolean", default: true, from: ["bias_ih_l0"] },
      activations: { kind: "functions", functions: cell.functions.length, optional: true },
      clip: { kind: "number", optional: true },
      ...cell.attrs,
    },
    size: (attrs) => directions(attrs) * width(attrs),

    states(attrs) {
      const count = (attrs.numLayers as number) * directions(attrs);
      return cell.states.map((suffix) => ({
        suffix,
        shape: [count, suffix === "h" ? width(attrs) : (attrs.hiddenSize as number)],
      }));
    },

    tensors(attrs) {
      const hidden = attrs.hiddenSize as number;
      const rules: TensorRule[] = suffixes(attrs).flatMap((suffix) => {
        const input = suffix.startsWith("_l0") ? (attrs.inputSize as number) : directions(attrs) * width(attrs);
        const all: [unknown, string, ...number[]][] = [
          [true, "weight_ih", gates * hidden, input],
          [true, "weight_hh", gates * hidden, width(attrs)],
          [attrs.bias, "bias_ih", gates * hidden],
          [attrs.bias, "bias_hh", gates * hidden],
          [attrs.projSize, "weight_hr", width(attrs), hidden],
          [attrs.peephole, "weight_peephole", 3 * hidden],
        ];
        return all
          .filter(([there]) => there)
          .map(([, name, ...shape]) => ({ suffix: name + suffix, shape, matrix: MATRICES.includes(name) }));
      });
      const initial = this.states?.(attrs) ?? [];
      return [...rules, ...initial.map(({ suffix, shape }) => ({ suffix: `${suffix}0`, shape, optional: true }))];
    },

    lower(to, node) {
      const { attrs } = node;
      const hidden = attrs.hiddenSize as number;
      const layers = suffixes(attrs);
      const count = directions(attrs);
      const rows = gates * paddedBytes(hidden);
      const gx = { place: to.shared("gx", rows), stride: rows };
      let input = node.inputs[0];
      for (let k = 0; k < layers.length; k += count) {
        const output = k + count === layers.length ? node.outputs[0] : to.fresh();
        const y = to.define(output, count * width(attrs));
        for (let d = 0; d < count; d++) {
          const key = (tensor: string) => tensorKey(node.name, tensor + layers[k + d]);
          const functions = functionsOf(cell, attrs, d);
          const plain =
            cell.plain(attrs) && attrs.clip === undefined && functions.map(({ name }) => name).join() === PLAIN;
          // b_ih + b_hh, but for the n of a GRU whose reset comes after the product.
          const bias = rowsOf(key("bias_ih"), hidden, order).map((block, g) => ({
            ...block,
            tensors: !attrs.bias ? [] : attrs.resetAfter && g === 2 ? block.tensors : [key("bias_ih"), key("bias_hh")],
          }));
          const q = to.quantized(key("weight_hh"), Math.max(hidden, width(attrs)));
          const units = cell.units && plain && q === NONE;
          const weights = rowsOf(key("weight_ih"), hidden, order);
          const [h, c] = cell.states.map((suffix) => to.state(tensorKey(node.name, suffix), k + d));
          to.emit(
            cell.opcode,
            gx,
            y,
            d * width(attrs) * 4,
            h,
            c ?? NONE,
            to.shared("hRows", paddedBytes(width(attrs))),
            c ? to.shared("cRows", paddedBytes(hidden)) : NONE,
            hidden,
            width(attrs),
            Number(d === 1 || attrs.reverse) * (attrs.computedOrder ? 2 : 1),
            floatBits((attrs.clip as number | undefined) ?? Infinity),
            Number(plain),
            q,
            ...to.input(gx, input, weights, bias, count, units),
            ...functions.flatMap(functionWords),
            ...cell.operands(to, {
              attrs,
              hidden,
              width: width(attrs),
              units,
              gates: rowsOf(key("weight_hh"), hidden, order),
              key,
            }),
          );
        }
        input = output;
      }
    },
  };
}

const PLAIN = "sigmoid,tanh,tanh";
const MATRICES = ["weight_ih", "weight_hh", "weight_hr"];

/** The functions of direction d: gates, candidate, output. */
function functionsOf(cell: Cell, attrs: Attrs, d: number): ActivationSpec[] {
  const functions: ActivationSpec[] = ["sigmoid", (attrs.nonlinearity as string) ?? "tanh", "tanh"].map((name) => ({
    name,
  }));
  const given = (attrs.activations ?? []) as readonly ActivationSpec[];
  const from = given.length > cell.functions.length ? d * cell.functions.length : 0;
  cell.functions.forEach((place, i) => {
    functions[place] = given[from + i] ?? functions[place];
  });
  return functions;
}

export const rnn = recurrent({
  opcode: OP_RNN,
  order: [0],
  states: ["h"],
  functions: [1],
  attrs: { nonlinearity: { kind: ["tanh", "relu"], default: "tanh" } },
  units: false,
  plain: () => false,
  operands: (to, { hidden, gates }) => [to.panels(gates, hidden)],
});

export const gru = recurrent({
  opcode: OP_GRU,
  order: [0, 1, 2],
  states: ["h"],
  functions: [0, 1],
  attrs: { resetAfter: { kind: "boolean", default: true } },
  units: true,
  plain: (attrs) => attrs.resetAfter === true,
  operands: (to, { attrs, hidden, units, gates, key }) => [
    to.panels(units ? gates : gates.slice(0, 2), hidden, units),
    units ? NONE : to.panels(gates.slice(2), hidden),
    attrs.resetAfter
      ? to.vector([{ tensors: attrs.bias ? [key("bias_hh")] : [], firstRow: 2 * hidden, rows: hidden }])
      : NONE,
    to.shared("nRows", paddedBytes(hidden)),
    // GRU_BACK.
    0,
  ],
});

export const lstm = recurrent({
  opcode: OP_LSTM,
  // i, f, o, g: the three sigmoids lie side by side.
  order: [0, 1, 3, 2],
  states: ["h", "c"],
  functions: [0, 1, 2],
  attrs: {
    projSize: { kind: "count", default: 0, from: ["weight_hr_l0", 0] },
    peephole: FLAG,
    coupledInputForget: FLAG,
  },
  units: false,
  plain: (attrs) => !attrs.peephole && !attrs.coupledInputForget,
  operands: (to, { attrs, hidden, width, gates, key }) => [
    to.panels(gates, width),
    attrs.peephole ? to.vector(rowsOf(key("weight_peephole"), hidden, [0, 1, 2])) : NONE,
    Number(attrs.coupledInputForget),
    ...(attrs.projSize
      ? [
          to.panels(rowsOf(key("weight_hr"), width, [0]), hidden),
          to.vector([{ tensors: [], firstRow: 0, rows: width }]),
          to.shared("mRows", paddedBytes(hidden)),
        ]
      : [NONE, NONE, NONE]),
  ],
});
