/** Names → windows: the weights of a frame before its transform. */

import { checkInteger, checkSamples, type Samples } from "./arguments.ts";

export type WindowName = "hann" | "sqrt-hann" | "hamming" | "blackman" | "vorbis" | "rectangular";

const cosine = (x: number) => Math.cos(2 * Math.PI * x);

/** Of x = n / length in [0, 1). Sources: scipy.signal.windows; Vorbis I specification, §1.3.2. */
const WINDOWS = new Map<WindowName, (x: number) => number>([
  ["hann", (x) => 0.5 - 0.5 * cosine(x)],
  ["sqrt-hann", (x) => Math.sin(Math.PI * x)],
  ["hamming", (x) => 0.54 - 0.46 * cosine(x)],
  ["blackman", (x) => 0.42 - 0.5 * cosine(x) + 0.08 * cosine(2 * x)],
  ["vorbis", (x) => Math.sin((Math.PI / 2) * Math.sin(Math.PI * x) ** 2)],
  ["rectangular", () => 1],
]);

/**
 * A periodic window, as torch.hann_window and its like give it: w[n] = f(n / length). `vorbis` is taken at n + ½, as its
 * specification says. For a symmetric window of n numbers, add the first number of a periodic one of n − 1 at the end.
 * @throws {@link RangeError} `"name" expected hann, sqrt-hann, …; got hanning`
 * @example
 * const window = makeWindow("hann", 400);
 */
export function makeWindow(name: WindowName, length: number): Float64Array {
  const weight = WINDOWS.get(name);
  if (weight === undefined) throw new RangeError(`"name" expected ${[...WINDOWS.keys()].join(", ")}; got ${name}`);
  checkInteger("length", length, 1, 2 ** 20);
  const middle = name === "vorbis" ? 0.5 : 0;
  return Float64Array.from({ length }, (_, n) => weight((n + middle) / length));
}

/** @internal A window by name, or a copy of the caller's own. */
export function windowOf(window: WindowName | Samples, length: number): Float64Array {
  if (typeof window === "string") return makeWindow(window, length);
  checkSamples("window", window, length);
  return Float64Array.from(window);
}
