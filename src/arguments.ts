/** The checks of what a caller passes: a TypeError or RangeError `"name" expected X, got Y`. */

/** "Float32Array", "Array", "String": what a message calls a value, and what it is whatever realm made it. */
export function kindOf(value: unknown): string {
  return value === null || value === undefined ? `${value}` : Object.prototype.toString.call(value).slice(8, -1);
}

export function wrong(name: string, expected: string | number, got: unknown): RangeError {
  return new RangeError(`"${name}" expected ${expected}, got ${got}`);
}

export function wrongKind(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`"${name}" expected ${expected}, got ${kindOf(value)}`);
}

/** Throws unless `value` is an integer in min … max. */
export function checkInteger(name: string, value: unknown, min: number, max = Infinity): asserts value is number {
  if (!(Number.isInteger(value) && (value as number) >= min && (value as number) <= max)) {
    throw wrong(name, max === Infinity ? `an integer ≥ ${min}` : `${min}…${max}`, value);
  }
}

export function checkOneOf(name: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw wrong(name, known.join(", "), value);
}

/** One that is misspelt would leave numbers as they are without it. */
export function checkOptions(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) checkOneOf("options", name, known);
}
