/**
 * What turns two arrays of numbers into a pass or a failure: within a tolerance, bit for bit, or in units of the last
 * place. A failure says which values, where the worst one is, both numbers, and the difference in units of the tolerance.
 */

type Numbers = ArrayLike<number>;

/** NaN equals NaN, an infinity only itself; any other number must be within `tolerance` of what is expected. */
export function expectClose(what: string, got: Numbers, expected: Numbers, tolerance: number): void {
  expectLength(what, got, expected);
  let outside = 0;
  let worst = -1;
  let worstRatio = 0;
  for (let i = 0; i < expected.length; i++) {
    const ratio = distance(got[i], expected[i]) / tolerance;
    if (ratio > 1) outside++;
    if (ratio > worstRatio) {
      worst = i;
      worstRatio = ratio;
    }
  }
  if (outside === 0) return;
  throw new Error(
    `${what}: ${outside} of ${expected.length} values outside tolerance ${tolerance}; ` +
      `worst at [${worst}]: expected ${expected[worst]}, got ${got[worst]}, ${worstRatio.toPrecision(3)} tolerances apart`,
  );
}

/** The same bits; NaN equals NaN of any payload, which WebAssembly leaves open. */
export function expectBits(what: string, got: Float32Array, expected: Float32Array): void {
  expectLength(what, got, expected);
  const gotBits = bits(got);
  const expectedBits = bits(expected);
  let different = 0;
  let first = -1;
  for (let i = 0; i < expected.length; i++) {
    if (gotBits[i] === expectedBits[i] || (Number.isNaN(got[i]) && Number.isNaN(expected[i]))) continue;
    if (different === 0) first = i;
    different++;
  }
  if (different === 0) return;
  throw new Error(
    `${what}: ${different} of ${expected.length} values have other bits; ` +
      `first at [${first}]: expected ${expected[first]}, got ${got[first]}, ` +
      `${(distance(got[first], expected[first]) / ulp(expected[first])).toPrecision(3)} ulp apart`,
  );
}

/** The same names, and the same bits under each. */
export function expectSameState(
  what: string,
  got: Readonly<Record<string, Float32Array>>,
  expected: Readonly<Record<string, Float32Array>>,
): void {
  expectNames(what, Object.keys(got), Object.keys(expected));
  for (const name of Object.keys(expected)) expectBits(`${what} ${name}`, got[name], expected[name]);
}

/** At most `limit` units in the last place of the true value, in f32. */
export function expectUlp(what: string, inputs: Numbers, got: Numbers, truth: Numbers, limit: number): void {
  expectLength(what, got, truth);
  let worst = -1;
  let worstUlp = limit;
  for (let i = 0; i < truth.length; i++) {
    const error = distance(got[i], truth[i]) / ulp(truth[i]);
    if (error > worstUlp) {
      worst = i;
      worstUlp = error;
    }
  }
  if (worst < 0) return;
  throw new Error(
    `${what}: at ${inputs[worst]}: expected ${truth[worst]}, got ${got[worst]}, ${worstUlp.toPrecision(3)} ulp apart; ` +
      `expected at most ${limit}`,
  );
}

export function expectBytes(what: string, got: Uint8Array, expected: Uint8Array): void {
  if (got.length !== expected.length || got.some((byte, i) => byte !== expected[i])) {
    throw new Error(`${what}: expected the bytes ${expected}; got ${got}`);
  }
}

export function expectNumbers(what: string, got: readonly number[], expected: readonly number[]): void {
  if (got.join() !== expected.join()) throw new Error(`${what}: expected ${expected}; got ${got}`);
}

function expectLength(what: string, got: Numbers, expected: Numbers): void {
  if (got.length !== expected.length) throw new Error(`${what}: expected length ${expected.length}, got ${got.length}`);
}

export function expectNames(what: string, got: readonly string[], expected: readonly string[]): void {
  const [a, b] = [[...got].sort().join(", "), [...expected].sort().join(", ")];
  if (a !== b) throw new Error(`${what}: expected ${b}; got ${a}`);
}

/** The largest magnitude, at least 1: what an absolute tolerance is a multiple of. */
export function scaleOf(...arrays: Numbers[]): number {
  let scale = 1;
  for (const array of arrays) for (let i = 0; i < array.length; i++) scale = Math.max(scale, Math.abs(array[i]));
  return Number.isFinite(scale) ? scale : 1;
}

/** The f32 unit in the last place of x: 2⁻²³ of its power of two, 2⁻¹⁴⁹ below 2⁻¹²⁶. */
export function ulp(x: number): number {
  const magnitude = Math.abs(x);
  if (!(magnitude > 2 ** -126)) return 2 ** -149;
  const exponent = Math.floor(Math.log2(magnitude));
  // log2 rounds up next to a power of two.
  return 2 ** ((2 ** exponent > magnitude ? exponent - 1 : exponent) - 23);
}

function distance(got: number, expected: number): number {
  if (Object.is(got, expected) || got === expected || (Number.isNaN(got) && Number.isNaN(expected))) return 0;
  const difference = Math.abs(got - expected);
  return Number.isNaN(difference) ? Infinity : difference;
}

function bits(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
