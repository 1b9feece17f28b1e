/** CSV text ↔ rows of numbers: comma-separated lines as they arrive, the shortest decimal of an f32 on the way out. */

import type { Columns } from "./columns.ts";

/** A line longer than this is no row. Largest realistic: 200 KB, 10,000 columns. */
const LINE_LIMIT = 2 ** 24;

/** Decimal, with or without an exponent, as every CSV writer has it; no hexadecimal, no separators of thousands. */
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const SPECIAL = /^([+-]?)(nan|inf(?:inity)?)$/i;

/** The number that a cell says, or undefined. Infinity is a word: digits past f64 stay finite, so that a range refuses them. */
export function parseNumber(cell: string): number | undefined {
  if (NUMBER.test(cell)) return Math.min(Math.max(Number(cell), -Number.MAX_VALUE), Number.MAX_VALUE);
  const [, sign, word] = SPECIAL.exec(cell) ?? [];
  if (word === undefined) return undefined;
  return word.toLowerCase() === "nan" ? NaN : sign === "-" ? -Infinity : Infinity;
}

/**
 * Chunks of text → batches of rows, (rows, columns.size) each: all lines that a chunk completes. Empty lines are skipped,
 * and so is a first line of as many cells without any number, a header.
 * @throws Error `input.csv:3: expected 8 numbers; got 7`, after the rows before it
 */
export async function* readCsv(
  chunks: AsyncIterable<string>,
  name: string,
  columns: Columns,
): AsyncGenerator<Float32Array, void> {
  let number = 0;
  let first = true;
  let rest = "";

  function readLine(line: string, into: number[]): void {
    const text = line.trim(); // takes \r and a byte order mark away too
    number++;
    if (text === "") return;
    const cells = text.split(",");
    const values = cells.map((cell) => parseNumber(cell.trim()));
    if (cells.length !== columns.size) {
      const expected = columns.size === 1 ? "1 number" : `${columns.size} numbers`;
      const hint = cells.length === 1 && /[;\t ]/.test(text) ? ". Commas separate the columns." : "";
      throw new Error(`${name}:${number}: expected ${expected}; got ${cells.length}${hint}`);
    }
    const header = first && values.every((value) => value === undefined);
    first = false;
    if (header) return;
    values.forEach((value, i) => {
      const expected = value === undefined ? "a number" : columns.refuse(i, value);
      if (expected === undefined) return;
      throw new Error(`${name}:${number}: column ${i + 1}: expected ${expected}; got ${JSON.stringify(cells[i])}`);
    });
    for (const value of values as number[]) into.push(value);
  }

  function* readLines(lines: readonly string[]): Generator<Float32Array, void> {
    const numbers: number[] = [];
    try {
      for (const line of lines) readLine(line, numbers);
    } catch (error) {
      if (numbers.length > 0) yield Float32Array.from(numbers);
      throw error;
    }
    if (numbers.length > 0) yield Float32Array.from(numbers);
  }

  for await (const chunk of chunks) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() as string;
    yield* readLines(lines);
    if (rest.length > LINE_LIMIT) {
      throw new Error(`${name}:${number + 1}: expected a line of at most ${LINE_LIMIT} characters; got more`);
    }
  }
  yield* readLines([rest]);
}

/** The shortest decimal that reads back as the same f32: six digits always survive, nine always suffice. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (Math.abs(value) === Infinity) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0";
  let short = value;
  for (let digits = 6; digits <= 9; digits++) {
    short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) break;
  }
  return String(short);
}
