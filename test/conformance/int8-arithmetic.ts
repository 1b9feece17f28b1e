/**
 * The arithmetic of an int8 session in plain TypeScript, from docs/numerics.md alone: what the kernels of both builds must
 * give, bit for bit. f32 operations are f64 operations rounded (Figueroa 1995: exact for +, −, · and ÷).
 */

const f = Math.fround;

/** A matrix as I8 rows with a scale for each. */
export interface Quantized {
  readonly data: Int8Array;
  readonly scale: Float32Array;
}

export function quantizeRows(weights: Float32Array, rows: number): Quantized {
  const columns = weights.length / rows;
  const data = new Int8Array(weights.length);
  const scale = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    const row = weights.subarray(r * columns, (r + 1) * columns);
    scale[r] = row.reduce((max, w) => Math.max(max, Math.abs(w)), 0) / 127;
    row.forEach((w, i) => {
      data[r * columns + i] = scale[r] === 0 ? 0 : Math.round(w / scale[r]);
    });
  }
  return { data, scale };
}

/** Half to even, for |v| < 2²². */
function round(v: number): number {
  const low = Math.floor(v);
  if (v - low !== 0.5) return Math.round(v);
  return low % 2 === 0 ? low : low + 1;
}

/** init + W · x; a vector with NaN or infinity gives NaN. */
export function product({ data, scale }: Quantized, x: Float32Array, init: Float32Array): Float32Array {
  if (!x.every(Number.isFinite)) return init.map(() => NaN);
  const low = f(x.reduce((least, v) => Math.min(least, v)) * 0.5);
  const high = f(x.reduce((most, v) => Math.max(most, v)) * 0.5);
  const middle = f(high + low);
  const radius = Math.max(f(high - low), 2 ** -100);
  const inverse = f(63 / radius);
  const s = f(radius / 63);
  const q = Array.from(x, (v) => round(f(f(v - middle) * inverse)) + 64);
  if (q.some((v) => !(v >= 1 && v <= 127))) throw new Error(`expected 1 … 127; got ${q}`);
  return init.map((start, i) => {
    let sum = 0;
    let ones = 0;
    q.forEach((v, j) => {
      const w = data[i * x.length + j];
      sum += w * (v - 64);
      ones += w;
    });
    return f(f(start + f(middle * f(scale[i] * ones))) + f(f(sum) * f(s * scale[i])));
  });
}

// Coefficients of e^r − 1 and of its reduction (src/coefficients.ts says where they come from).
const LN2_HIGH = 0.693145751953125;
const LN2_LOW = f(1.428606765330187e-6);
const Q = [0.5, 0.16666541993618011, 0.04166628047823906, 0.008366644382476807, 0.0013946554390713573].map(f);

/** 2ⁿ and q with e^−x = 2ⁿ · (1 − q). */
function exponential(x: number): [s: number, q: number] {
  const n = f(f(12582912 - f(x * f(Math.LOG2E))) - 12582912);
  const r = f(f(n * LN2_LOW) + f(f(n * LN2_HIGH) + x));
  const whole = f(f(r + 2 ** -32) - 2 ** -32);
  const r2 = f(whole * whole);
  const even = f(f(Q[4] * r2) + f(Q[2] - f(Q[3] * r)));
  const p = f(f(even * r2) + f(Q[0] - f(Q[1] * r)));
  return [2 ** n, f(r - f(p * r2))];
}

/** e^−x, |x| limited to 60. */
function decay(x: number): number {
  const [s, q] = exponential(Math.max(-60, Math.min(60, x)));
  return f(s - f(s * q));
}

/** A state as it is kept. */
const kept = (x: number) => f(f(x + f(1e-24)) - f(1e-24));

/** tanh(x) as a quotient. */
function tanhParts(x: number): [top: number, bottom: number] {
  const y = f(2 * Math.min(Math.abs(x), f(9.1)));
  const [s, q] = exponential(y);
  const top = f(f(s * q) + f(1 - s));
  return [x < 0 || Object.is(x, -0) ? -top : top, f(f(1 + s) - f(s * q))];
}

function tanh(x: number): number {
  const [top, bottom] = tanhParts(x);
  return f(top / bottom);
}

/** σ(g) · x. */
const sigmoidTimes = (g: number, x: number) => f(x / f(decay(g) + 1));

/** σ(g) · tanh(x). */
function sigmoidTanh(g: number, x: number): number {
  const [top, bottom] = tanhParts(x);
  return f(top / f(bottom * f(decay(g) + 1)));
}

/** σ(z) · h + (1 − σ(z)) · tanh(x). */
function blend(z: number, x: number, h: number): number {
  const e = decay(z);
  const [top, bottom] = tanhParts(x);
  return f(f(f(top * e) + f(h * bottom)) / f(bottom * f(e + 1)));
}

/** 1 / (1 + e^−x), for cells whose gates are not merged. */
function sigmoid(x: number): number {
  const [power, q] = exponential(Math.min(Math.abs(x), 104.5));
  const s = f(f(f(1 - q) * f(power * 2 ** 32)) * 2 ** -32);
  return f((x < 0 || Object.is(x, -0) ? s : 1) / f(s + 1));
}

export interface CellWeights {
  readonly input: Quantized;
  readonly hidden: Quantized;
  readonly biasInput: Float32Array;
  readonly biasHidden: Float32Array;
}

/** The rows of gates `from` … `to` − 1 of a matrix. */
function gatesOf({ data, scale }: Quantized, H: number, from: number, to: number): Quantized {
  return { data: data.subarray(from * H * H, to * H * H), scale: scale.subarray(from * H, to * H) };
}

const sums = (a: Float32Array, b: Float32Array) => a.map((v, i) => f(v + b[i]));

export function rnnStep(x: Float32Array, h: Float32Array, w: CellWeights): Float32Array {
  return product(w.hidden, h, product(w.input, x, sums(w.biasInput, w.biasHidden))).map(tanh);
}

export function gruStep(x: Float32Array, h: Float32Array, w: CellWeights, resetAfter: boolean): Float32Array {
  const H = h.length;
  const both = sums(w.biasInput, w.biasHidden);
  if (resetAfter) both.set(w.biasInput.subarray(2 * H), 2 * H);
  const gx = product(w.input, x, both);
  const [r, z] = [0, 1].map((gate) => {
    const from = gate * H;
    return product(gatesOf(w.hidden, H, gate, gate + 1), h, gx.subarray(from, from + H));
  });
  const U = gatesOf(w.hidden, H, 2, 3);
  const n = gx.subarray(2 * H);
  if (resetAfter) {
    const hidden = product(U, h, w.biasHidden.subarray(2 * H));
    return h.map((v, i) => kept(blend(z[i], f(n[i] + sigmoidTimes(r[i], hidden[i])), v)));
  }
  const reset = h.map((v, i) => f(sigmoid(r[i]) * v));
  return product(U, reset, n).map((v, i) => {
    const t = tanh(v);
    return f(f(sigmoid(z[i]) * f(h[i] - t)) + t);
  });
}

export function lstmStep(x: Float32Array, [h, c]: Float32Array[], w: CellWeights): Float32Array[] {
  const H = h.length;
  const gates = product(w.hidden, h, product(w.input, x, sums(w.biasInput, w.biasHidden)));
  const at = (gate: number, i: number) => gates[gate * H + i];
  const next = c.map((v, i) => kept(f(sigmoidTimes(at(1, i), v) + sigmoidTanh(at(0, i), at(2, i)))));
  return [next.map((v, i) => sigmoidTanh(at(3, i), v)), next];
}
