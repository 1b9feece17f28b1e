/**
 * RNN, GRU, LSTM → rnn, gru, lstm. The one place where ONNX's orders turn into ours: gates z, r, h → r, z, n and i, o, f, c →
 * i, f, g, o, peepholes i, o, f → i, f, o; biases (D, 2·G·H) → bias_ih and bias_hh; a direction → its own tensors.
 */

import type { ActivationSpec, AttrValue } from "../../model.ts";
import { show } from "../json.ts";
import type { Step } from "./step.ts";
import type { Elements } from "./value.ts";
import { TIME, type Value } from "./value.ts";

interface Cell {
  readonly op: string;
  /** The place of each of our gates in ONNX's order. */
  readonly gates: readonly number[];
  /** Names of its functions, by default. */
  readonly functions: readonly string[];
  readonly states: readonly ("h" | "c")[];
  readonly attrs: readonly string[];
}

const CELLS: Readonly<Record<string, Cell>> = {
  RNN: { op: "rnn", gates: [0], functions: ["Tanh"], states: ["h"], attrs: [] },
  GRU: { op: "gru", gates: [1, 0, 2], functions: ["Sigmoid", "Tanh"], states: ["h"], attrs: ["linear_before_reset"] },
  LSTM: {
    op: "lstm",
    gates: [0, 2, 3, 1],
    functions: ["Sigmoid", "Tanh", "Tanh"],
    states: ["h", "c"],
    attrs: ["input_forget"],
  },
};

/** Our functions, and ONNX's defaults of alpha and beta; NaN where it has the parameter and no default. */
const FUNCTIONS: readonly (readonly [name: string, alpha?: number, beta?: number])[] = [
  ["relu"],
  ["tanh"],
  ["sigmoid"],
  ["affine", Number.NaN, Number.NaN],
  ["leakyRelu", 0.01],
  ["thresholdedRelu", 1],
  ["scaledTanh", Number.NaN, Number.NaN],
  ["hardSigmoid", 0.2, 0.5],
  ["elu", 1],
  ["softsign"],
  ["softplus"],
];

/** What a recurrent node says, all of it checked. */
export interface Recurrent {
  readonly op: string;
  readonly attrs: Readonly<Record<string, AttrValue>>;
  readonly tensors: readonly (readonly [suffix: string, shape: readonly number[], data: Float32Array])[];
  readonly states: readonly ("h" | "c")[];
  readonly directions: number;
  readonly hidden: number;
  readonly batchFirst: boolean;
}

interface Sizes {
  readonly cell: Cell;
  readonly T: number;
  readonly N: number;
  readonly I: number;
  readonly H: number;
  readonly D: number;
  readonly layout: number;
}

function sizesOf(step: Step): Sizes {
  const cell = CELLS[step.node.op];
  const x = step.input(0);
  const [W, R] = [step.input(1), step.input(2)];
  if (x.shape.length !== 3 || W.shape.length !== 3 || R.shape.length !== 3)
    throw step.shapeError("X, W and R of three axes", x.shape, W.shape, R.shape);
  if (![x, W, R].every(({ kind }) => kind === "F32")) throw step.error("ERR_DTYPE", "expected X, W and R of floats.");
  if (step.has("layout") && step.version < 14)
    throw step.error("ERR_ATTRIBUTE", `layout: expected none before opset 14.`);
  const layout = step.int("layout", 0, 0, 1);
  const [T, N] = layout === 1 ? [x.shape[1], x.shape[0]] : x.shape;
  const I = x.shape[2];
  // Of one step of one sequence, either axis is the step.
  step.apart(x.shape, step.reading.eitherAxis && T === 1 ? [2] : [layout === 1 ? 0 : 1, 2]);
  const H = step.int("hidden_size", R.shape[2], 1, 2 ** 22);
  const D = step.word("direction", "forward", "reverse", "bidirectional") === "bidirectional" ? 2 : 1;
  const rows = cell.gates.length * H;
  const expect = (name: string, value: Value | undefined, ...shape: number[]) => {
    if (value && `${value.shape}` !== `${shape}`)
      throw step.shapeError(`${name} of shape (${shape.join(", ")})`, value.shape);
    if (value && name !== "sequence_lens" && value.kind !== "F32")
      throw step.error("ERR_DTYPE", `${name}: expected floats.`);
  };
  expect("W", W, D, rows, I);
  expect("R", R, D, rows, H);
  expect("B", step.inputs[3], D, 2 * rows);
  expect("sequence_lens", step.inputs[4], N);
  const state = stateShape(layout, N, D, H);
  expect("initial_h", step.inputs[5], ...state);
  expect("initial_c", step.inputs[6], ...state);
  expect("P", step.inputs[7], D, 3 * H);
  if (T === 0 || N === 0) throw step.shapeError("at least one step and sequence", x.shape);
  return { cell, T, N, I, H, D, layout };
}

/** A state is never along the free axis: it has one sequence. */
function stateShape(layout: number, N: number, D: number, H: number): number[] {
  const batch = N === TIME ? 1 : N;
  return layout === 1 ? [batch, D, H] : [D, batch, H];
}

/** Sequences all of the same length as x, or of lengths that the session is given. */
function checkLengths(step: Step, T: number): void {
  const lengths = step.inputs[4];
  if (!lengths || lengths.lengths) return;
  if (lengths.kind !== "I32") throw step.error("ERR_DTYPE", "sequence_lens: expected integers.");
  const data = step.known(4, "sequence_lens") as Elements;
  if (data.every((length) => length === T)) return;
  throw step.error(
    "ERR_SHAPE",
    `sequence_lens: expected ${T === TIME ? "an input" : `${T}, as many as X has steps`}; got ${data.join(", ")}.`,
    "Sequences of different lengths are an option of session.run.",
  );
}

/** The functions of all directions; alpha and beta go to those that have them, in their order. */
function functionsOf(step: Step, { cell, D }: Sizes): ActivationSpec[] | undefined {
  const alphas = [...(step.floats("activation_alpha") ?? [])];
  const betas = [...(step.floats("activation_beta") ?? [])];
  const given = step.strings("activations");
  if (given === undefined && alphas.length + betas.length === 0) return undefined;
  const count = D * cell.functions.length;
  const names = given ?? [...cell.functions, ...cell.functions].slice(0, count);
  if (names.length !== count)
    throw step.error("ERR_ATTRIBUTE", `activations: expected ${count} functions; got ${names.length}.`);
  const specs = names.map((name): ActivationSpec => {
    const found = FUNCTIONS.find(([ours]) => ours.toLowerCase() === name.toLowerCase());
    if (!found) throw step.error("ERR_ATTRIBUTE", `activations: expected functions that ONNX has; got ${show(name)}.`);
    const [ours, ...defaults] = found;
    const values = defaults.map((value, i) => (i === 0 ? alphas : betas).shift() ?? value);
    if (!values.every(Number.isFinite))
      throw step.error("ERR_ATTRIBUTE", `activations: expected finite alpha and beta for ${show(name)}.`);
    const [alpha, beta] = values;
    return { name: ours, ...(alpha !== undefined && { alpha }), ...(beta !== undefined && { beta }) };
  });
  if (alphas.length + betas.length > 0)
    throw step.error(
      "ERR_ATTRIBUTE",
      "activation_alpha and activation_beta: expected as many as the functions take; got more.",
    );
  return specs;
}

/** Blocks of `size` elements of direction d, in our order of gates. */
function blocks(data: Elements, order: readonly number[], start: number, size: number): Float32Array {
  const out = new Float32Array(order.length * size);
  order.forEach((from, to) => {
    out.set(data.subarray(start + from * size, start + (from + 1) * size), to * size);
  });
  return out;
}

export function readRecurrent(step: Step): Recurrent {
  const sizes = sizesOf(step);
  const { cell, I, H, D, layout } = sizes;
  const { op, gates } = cell;
  const [W, R, B, P] = [1, 2, 3, 7].map((i) => step.known(i, ["", "W", "R", "B", "", "", "", "P"][i]));
  const direction = step.word("direction", "forward", "reverse", "bidirectional");
  const activations = functionsOf(step, sizes);
  const clip = step.has("clip") ? step.float("clip", 0) : undefined;
  if (clip !== undefined && clip <= 0) throw step.error("ERR_ATTRIBUTE", `clip: expected a number > 0; got ${clip}.`);
  const rows = gates.length * H;
  const tensors: [string, readonly number[], Float32Array][] = [];
  for (let d = 0; d < D; d++) {
    const set = (name: string, data: Float32Array, ...shape: number[]) =>
      tensors.push([`${name}_l0${d === 1 ? "_reverse" : ""}`, shape, data]);
    set("weight_ih", blocks(W as Elements, gates, d * rows * I, H * I), rows, I);
    set("weight_hh", blocks(R as Elements, gates, d * rows * H, H * H), rows, H);
    if (B) {
      set("bias_ih", blocks(B, gates, 2 * d * rows, H), rows);
      set("bias_hh", blocks(B, gates, (2 * d + 1) * rows, H), rows);
    }
    if (P) set("weight_peephole", blocks(P, [0, 2, 1], 3 * d * H, H), 3 * H);
  }
  const reset = step.int("linear_before_reset", 0, 0, 1) === 1 || step.reading.gruReset === "after";
  return {
    op,
    attrs: {
      inputSize: I,
      hiddenSize: H,
      bidirectional: D === 2,
      reverse: direction === "reverse",
      bias: B !== undefined,
      ...(activations && { activations }),
      ...(clip !== undefined && { clip }),
      ...(op === "gru" && { resetAfter: reset }),
      ...(op === "lstm" && { peephole: P !== undefined, coupledInputForget: step.int("input_forget", 0, 0, 1) === 1 }),
    },
    tensors,
    states: cell.states,
    directions: D,
    hidden: H,
    batchFirst: layout === 1,
  };
}

/** The attributes of each operator, beside those that all have. */
export const OWN_ATTRS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(CELLS).map(([op, { attrs }]) => [op, attrs]),
);

/** Shapes of Y, Y_h and Y_c; everything that shapes can get wrong is checked. */
export function recurrentShapes(step: Step): number[][] {
  const { T, N, H, D, layout, cell } = sizesOf(step);
  checkLengths(step, T);
  const state = stateShape(layout, N, D, H);
  return [layout === 1 ? [N, T, D, H] : [T, D, N, H], ...cell.states.map(() => state)];
}
