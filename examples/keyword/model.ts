/**
 * The constants of a GRU model of ML-KWS-for-MCU → a Model: frames of 10 coefficients → GRU → linear → 12 logits, after every
 * frame. TensorFlow's GRUCell has one matrix for [x, h] and the gates r and u, another for [x, r ∘ h] and the candidate.
 */

import { type Model, modelFromLayers, type Tensor } from "sluice/npz";

export const LABELS = ["silence", "unknown", "yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"];

/** Coefficients of a frame. */
export const COEFFICIENTS = 10;

/** Samples at 16 kHz from one frame to the next, by the size of the GRU: as their authors trained the three. */
const STRIDES: ReadonlyMap<number, number> = new Map([
  [154, 640],
  [250, 320],
  [400, 320],
]);

/** That of a model of `keywordModel`. */
export function strideOf({ states }: Model): number {
  const H = states[0].shape[1];
  const stride = STRIDES.get(H);
  if (stride === undefined) throw new Error(`expected GRU_S, GRU_M or GRU_L (154, 250 or 400 units), got ${H} units`);
  return stride;
}

/** Constants are known by their shapes, whatever their names: (H, 12) tells H, and then all are different. */
export function keywordModel(arrays: ReadonlyMap<string, Tensor>): Model {
  const all = [...arrays.values()];
  const one = (...shape: readonly (number | undefined)[]): Tensor => {
    const found = all.filter(
      (tensor) =>
        tensor.shape.length === shape.length && shape.every((size, i) => (size ?? tensor.shape[i]) === tensor.shape[i]),
    );
    if (found.length === 1) return found[0];
    const names = all.map(({ name, shape }) => `${name} (${shape.join(", ")})`).join(", ");
    throw new Error(`expected one array of shape (${shape.map((size) => size ?? "H").join(", ")}), got ${names}`);
  };
  const head = one(undefined, LABELS.length);
  const H = head.shape[0];
  const I = COEFFICIENTS;
  const gates = one(I + H, 2 * H).data as Float32Array;
  const candidate = one(I + H, H).data as Float32Array;
  const gatesBias = one(2 * H).data as Float32Array;
  const candidateBias = one(H).data as Float32Array;

  /** Row r of the rows r, z, n, and column c of [x, h]. */
  const weight = (r: number, c: number) => (r < 2 * H ? gates[c * 2 * H + r] : candidate[c * H + r - 2 * H]);
  return modelFromLayers(
    [
      { type: "gru", name: "rnn", resetAfter: false },
      { type: "linear", name: "head" },
    ],
    new Map([
      matrix("rnn.weight_ih_l0", 3 * H, I, weight),
      matrix("rnn.weight_hh_l0", 3 * H, H, (row, column) => weight(row, I + column)),
      vector("rnn.bias_ih_l0", Float32Array.of(...gatesBias, ...candidateBias)),
      vector("rnn.bias_hh_l0", new Float32Array(3 * H)),
      matrix(
        "head.weight",
        LABELS.length,
        H,
        (row, column) => (head.data as Float32Array)[column * LABELS.length + row],
      ),
      vector("head.bias", one(LABELS.length).data as Float32Array),
    ]),
  );
}

function matrix(
  name: string,
  rows: number,
  columns: number,
  at: (row: number, column: number) => number,
): [string, Tensor] {
  const data = Float32Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns));
  return [name, { name, dtype: "F32", shape: [rows, columns], data }];
}

function vector(name: string, data: Float32Array): [string, Tensor] {
  return [name, { name, dtype: "F32", shape: [data.length], data }];
}
