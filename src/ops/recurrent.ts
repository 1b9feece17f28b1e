/**
 * rnn, gru and lstm: one node is a whole stack of layers and directions. Each (layer, direction) becomes a product of all
 * rows with W, then a recurrence over U (assembly/recurrence.ts).
 */

import { LANES, OP_GRU, OP_LSTM, OP_RNN } from "../../assembly/abi.ts";
import { ModelError } from "../errors.ts";
import { type ActivationSpec, type Node, tensorKey } from "../model.ts";
import type { Lowering, Operand } from "../plan.ts";
import { floatBits, functionWords } from "./functions.ts";
import { type AttrRule, type Attrs, firstGiven, type Op, type TensorRule } from "./op.ts";

const NONE = 0;

const COMMON: Record<string, AttrRule> = {
  inputSize: { kind: "size" },
  hiddenSize: { kind: "size" },
  numLayers: { kind: "size", default: 1 },
  bidirectional: { kind: "boolean", default: false },
  reverse: { kind: "boolean", default: false },
  bias: { kind: "boolean", default: true },
  activations: { kind: "functions", optional: true },
  clip: { kind: "number", optional: true },
};

/** What distinguishes the three cells. */
interface Cell {
  readonly opcode: number;
  readonly gates: number;
  readonly attrs: Record<string, AttrRule>;
  /** Functions of gates, candidate, output where `activations` does not say; a cell uses the last `functions` or all of them. */
  readonly defaults: (attrs: Attrs) => readonly ActivationSpec[];
  /** The cell's own operands after CELL_WORDS, and whether its plain gate pass serves. */
  readonly operands: (to: Lowering, layer: Layer) => { readonly words: Operand[]; readonly plain: boolean };
}

/** One (layer, direction) of a node. */
interface Layer {
  readonly node: Node;
  /** `_l0`, `_l1_reverse`. */
  readonly suffix: string;
  readonly hidden: number;
  /** Size of h: hidden, or projSize. */
  readonly width: number;
}

const SIGMOID = { name: "sigmoid" };
const TANH = { name: "tanh" };

function directions(attrs: Attrs): number {
  return attrs.bidirectional ? 2 : 1;
}

function width(attrs: Attrs): number {
  return (attrs.projSize as number) || (attrs.hiddenSize as number);
}

function suffixes(attrs: Attrs): string[] {
  const names: string[] = [];
  for (let k = 0; k < (attrs.numLayers as number); k++) {
    names.push(`_l${k}`);
    if (attrs.bidirectional) names.push(`_l${k}_reverse`);
  }
  return names;
}

function padded(size: number): number {
  return Math.ceil(size / LANES) * LANES;
}

function recurrent(cell: Cell, stateSuffixes: readonly string[]): Op {
  const { gates } = cell;
  return {
    attrs: { ...COMMON, ...cell.attrs },
    inputs: 1,
    inputSize: (attrs) => attrs.inputSize as number,
    outputSize: (attrs) => directions(attrs) * width(attrs),
    needsSequence: (attrs) => Boolean(attrs.bidirectional || attrs.reverse),

    states(attrs) {
      const count = (attrs.numLayers as number) * directions(attrs);
      return stateSuffixes.map((suffix) => ({
        suffix,
        shape: [count, suffix === "h" ? width(attrs) : (attrs.hiddenSize as number)] as const,
      }));
    },

    tensors(attrs) {
      const hidden = attrs.hiddenSize as number;
      const rules: TensorRule[] = [];
      for (const suffix of suffixes(attrs)) {
        const input = suffix.startsWith("_l0") ? (attrs.inputSize as number) : directions(attrs) * width(attrs);
        rules.push({ suffix: `weight_ih${suffix}`, shape: [gates * hidden, input] });
        rules.push({ suffix: `weight_hh${suffix}`, shape: [gates * hidden, width(attrs)] });
        if (attrs.bias) {
          rules.push({ suffix: `bias_ih${suffix}`, shape: [gates * hidden] });
          rules.push({ suffix: `bias_hh${suffix}`, shape: [gates * hidden] });
        }
        if (attrs.projSize) rules.push({ suffix: `weight_hr${suffix}`, shape: [attrs.projSize as number, hidden] });
        if (attrs.peephole) rules.push({ suffix: `weight_peephole${suffix}`, shape: [3 * hidden] });
      }
      for (const { suffix, shape } of this.states?.(attrs) ?? []) {
        rules.push({ suffix: `${suffix}0`, shape, optional: true, initial: suffix });
      }
      return rules;
    },

    infer(given, known) {
      const hh = known.shape("weight_hh_l0");
      const ih = known.shape("weight_ih_l0");
      const hr = known.shape("weight_hr_l0");
      const inferred: Record<string, unknown> = {
        hiddenSize: hh && hh[0] / gates,
        inputSize: firstGiven(ih?.[1], known.inputs[0]),
        bias: known.shape("bias_ih_l0") !== undefined || known.shape("bias_hh_l0") !== undefined,
      };
      if (cell.attrs.projSize !== undefined) inferred.projSize = hr?.[0] ?? 0;
      return { ...inferred, ...given };
    },

    lower(to, node) {
      const { attrs } = node;
      const hidden = attrs.hiddenSize as number;
      const layers = suffixes(attrs);
      const count = directions(attrs);
      const stateNames = stateSuffixes.map((suffix) => tensorKey(node.name, suffix));
      let input = node.inputs[0];
      for (let k = 0; k < layers.length; k += count) {
        const last = k + count === layers.length;
        const output = last ? node.outputs[0] : to.fresh();
        const y = to.define(output, count * width(attrs));
        for (let d = 0; d < count; d++) {
          const layer = { node, suffix: layers[k + d], hidden, width: width(attrs) };
          const gxStride = gates * padded(hidden) * 4;
          const gx = to.shared("gx", gxStride);
          inputProduct(to, layer, cell, input, { place: gx, stride: gxStride }, count);
          const { words, plain } = cell.operands(to, layer);
          const functions = functionsOf(cell, attrs, d, node);
          const fast = plain && attrs.clip === undefined && isDefault(functions, [SIGMOID, TANH, TANH]);
          const states = stateNames.map((name) => to.state(name, k + d));
          const hRows = to.shared("hRows", padded(width(attrs)) * 4);
          const head: Operand[] = [
            gx,
            gxStride,
            y.place,
            y.stride,
            d * width(attrs) * 4,
            states[0],
            states[1] ?? NONE,
            hRows,
            states.length > 1 ? to.shared("cRows", padded(hidden) * 4) : NONE,
            hidden,
            width(attrs),
            Number(d === 1 || attrs.reverse === true),
            floatBits((attrs.clip as number | undefined) ?? Infinity),
            Number(fast),
            ...functions.flatMap(functionWords),
          ];
          to.emit(cell.opcode, ...head, ...words);
        }
        input = output;
      }
    },
  };
}

/** gx ← W·x + b for every row: b_ih + b_hh, but for the n of a GRU whose reset comes after the product. */
function inputProduct(
  to: Lowering,
  { node, suffix, hidden }: Layer,
  { opcode, gates }: Cell,
  input: string,
  y: { readonly place: Operand; readonly stride: number },
  directions: number,
): void {
  const ih = tensorKey(node.name, `bias_ih${suffix}`);
  const hh = tensorKey(node.name, `bias_hh${suffix}`);
  const biases = Array.from({ length: gates }, (_, g) => {
    const separate = opcode === OP_GRU && g === 2 && node.attrs.resetAfter === true;
    const tensors = node.attrs.bias ? (separate ? [ih] : [ih, hh]) : [];
    return { tensors, firstRow: g * hidden, rows: hidden };
  });
  const weights = gateBlocks(tensorKey(node.name, `weight_ih${suffix}`), hidden, 0, gates);
  to.product(y, input, weights, biases, directions);
}

/** The row blocks of gates from … from + count − 1, each padded on its own. */
function gateBlocks(tensor: string, hidden: number, from: number, count: number) {
  return Array.from({ length: count }, (_, g) => ({ tensor, firstRow: (from + g) * hidden, rows: hidden }));
}

/** The functions of direction d: gates, candidate, output. */
function functionsOf(cell: Cell, attrs: Attrs, d: number, node: Node): readonly ActivationSpec[] {
  const defaults = cell.defaults(attrs);
  const given = attrs.activations as readonly ActivationSpec[] | undefined;
  const used = cell.opcode === OP_LSTM ? [0, 1, 2] : cell.opcode === OP_GRU ? [0, 1] : [1];
  if (given === undefined) return defaults;
  if (given.length !== used.length && given.length !== used.length * directions(attrs)) {
    throw new ModelError(
      "ERR_ATTRIBUTE",
      `${node.name}: activations: expected ${used.length} for each direction; got ${given.length}`,
      { node: node.name },
    );
  }
  const from = given.length > used.length ? d * used.length : 0;
  const functions = [...defaults];
  used.forEach((place, i) => {
    functions[place] = given[from + i];
  });
  return functions;
}

function isDefault(functions: readonly ActivationSpec[], expected: readonly ActivationSpec[]): boolean {
  return functions.every((f, i) => f.name === expected[i].name);
}

const rnnCell: Cell = {
  opcode: OP_RNN,
  gates: 1,
  attrs: { nonlinearity: { kind: ["tanh", "relu"], default: "tanh" } },
  defaults: (attrs) => [SIGMOID, { name: attrs.nonlinearity as string }, TANH],
  operands: (to, { node, suffix, hidden, width }) => ({
    words: [to.panels(gateBlocks(tensorKey(node.name, `weight_hh${suffix}`), hidden, 0, 1), width)],
    plain: false,
  }),
};

const gruCell: Cell = {
  opcode: OP_GRU,
  gates: 3,
  attrs: { resetAfter: { kind: "boolean", default: true } },
  defaults: () => [SIGMOID, TANH, TANH],
  operands(to, { node, suffix, hidden }) {
    const weights = tensorKey(node.name, `weight_hh${suffix}`);
    const bias = node.attrs.bias ? [tensorKey(node.name, `bias_hh${suffix}`)] : [];
    const after = node.attrs.resetAfter === true;
    return {
      words: [
        to.panels(gateBlocks(weights, hidden, 0, 2), hidden),
        to.panels(gateBlocks(weights, hidden, 2, 1), hidden),
        after ? to.vector([{ tensors: bias, firstRow: 2 * hidden, rows: hidden }]) : NONE,
        to.shared("nRows", padded(hidden) * 4),
      ],
      plain: after,
    };
  },
};

const lstmCell: Cell = {
  opcode: OP_LSTM,
  gates: 4,
  attrs: {
    projSize: { kind: "count", default: 0 },
    peephole: { kind: "boolean", default: false },
    coupledInputForget: { kind: "boolean", default: false },
  },
  defaults: () => [SIGMOID, TANH, TANH],
  operands(to, { node, suffix, hidden, width }) {
    const { projSize, peephole, coupledInputForget } = node.attrs;
    const peepholes = tensorKey(node.name, `weight_peephole${suffix}`);
    return {
      words: [
        to.panels(gateBlocks(tensorKey(node.name, `weight_hh${suffix}`), hidden, 0, 4), width),
        peephole
          ? to.vector([0, 1, 2].map((p) => ({ tensors: [peepholes], firstRow: p * hidden, rows: hidden })))
          : NONE,
        Number(coupledInputForget),
        projSize
          ? to.panels([{ tensor: tensorKey(node.name, `weight_hr${suffix}`), firstRow: 0, rows: width }], hidden)
          : NONE,
        projSize ? to.vector([{ tensors: [], firstRow: 0, rows: width }]) : NONE,
        projSize ? to.shared("mRows", padded(hidden) * 4) : NONE,
      ],
      plain: !peephole && !coupledInputForget,
    };
  },
};

export const rnn = recurrent(rnnCell, ["h"]);
export const gru = recurrent(gruCell, ["h"]);
export const lstm = recurrent(lstmCell, ["h", "c"]);
