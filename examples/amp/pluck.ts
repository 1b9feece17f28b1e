/** Nothing → a plucked low E (82.4 Hz): noise in a delay line that a two-sample mean damps (Karplus and Strong, 1983). */
export function pluck(length: number, sampleRate: number): Float32Array<ArrayBuffer> {
  const period = Math.round(sampleRate / 82.4);
  const y = new Float32Array(length);
  let seed = 1;
  for (let t = 0; t < length; t++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    y[t] = t <= period ? (seed / 2 ** 31) * 0.5 : 0.498 * (y[t - period] + y[t - period - 1]);
  }
  return y;
}
