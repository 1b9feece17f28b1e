/** CSV text, chunk by chunk → readings: the last cell of a line is the number, what stands before it says when. */

export interface Reading {
  /** Empty where a line has a number only. */
  readonly time: string;
  readonly value: number;
}

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/** A longer line is no reading. Largest realistic: a hundred characters. */
const LINE_LIMIT = 4096;

/**
 * Empty lines are skipped, and so is a first line without a number, a header.
 * @throws Error `input.csv:3: expected a number in the last column; got "off"`
 */
export async function* readReadings(chunks: AsyncIterable<string>, name: string): AsyncGenerator<Reading, void> {
  let line = 0;
  let rest = "";

  function* read(lines: readonly string[]): Generator<Reading, void> {
    for (const text of lines) {
      line++;
      const cells = text.trim().split(",");
      const cell = cells.pop() as string;
      const isNumber = NUMBER.test(cell.trim());
      if (text.trim() === "" || (line === 1 && !isNumber)) continue;
      if (!isNumber || !Number.isFinite(Number(cell)))
        throw new Error(`${name}:${line}: expected a number in the last column; got ${JSON.stringify(cell)}`);
      yield { time: cells.join(" ").trim(), value: Number(cell) };
    }
  }

  for await (const chunk of chunks) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() as string;
    yield* read(lines);
    if (rest.length > LINE_LIMIT) throw new Error(`${name}:${line + 1}: expected at most ${LINE_LIMIT} characters`);
  }
  yield* read([rest]);
}
