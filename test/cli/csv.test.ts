/** CSV lines → rows however they are cut into chunks, and the shortest decimals of f32. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Columns } from "../../src/cli/columns.ts";
import { numberText, parseNumber, readCsv } from "../../src/cli/csv.ts";

function columns(size: number): Columns {
  return { size, refuse: (_, value) => (value >= 1000 ? "less than 1000" : undefined) };
}

async function* each(chunks: readonly string[]) {
  yield* chunks;
}

/** The rows of all batches, and the message of the error at the end. */
async function read(chunks: readonly string[], size: number): Promise<{ rows: number[]; error?: string }> {
  const rows: number[] = [];
  try {
    for await (const batch of readCsv(each(chunks), "a.csv", columns(size))) rows.push(...batch);
  } catch (error) {
    return { rows, error: (error as Error).message };
  }
  return { rows };
}

describe("CSV text", () => {
  it("gives the same rows however it is cut", async () => {
    const text = "\ufeffx,y\r\n1,2\r\n\r\n -3.5 ,4e-2\n.5,+6.\n7,8";
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length)), async (cuts) => {
        const ends = [...new Set([0, ...cuts, text.length])].sort((a, b) => a - b);
        const chunks = ends.slice(1).map((end, i) => text.slice(ends[i], end));
        const rows = [1, 2, -3.5, 4e-2, 0.5, 6, 7, 8].map(Math.fround);
        expect(await read(chunks, 2)).toEqual({ rows });
      }),
    );
  });

  it("comes out as soon as a line is complete", async () => {
    const rows = readCsv(each(["1,2\n3,", "4\n5,6\n7", ",8"]), "a.csv", columns(2));
    const batches: number[][] = [];
    for await (const batch of rows) batches.push([...batch]);
    expect(batches).toEqual([
      [1, 2],
      [3, 4, 5, 6],
      [7, 8],
    ]);
  });

  it("may be nothing but a header, or nothing", async () => {
    expect(await read(["a,b\n"], 2)).toEqual({ rows: [] });
    expect(await read([], 2)).toEqual({ rows: [] });
  });

  it.each([
    ["a header of another width", "a,b,c\n1,2\n", [], "a.csv:1: expected 2 numbers; got 3"],
    ["a second header", "a,b\nc,d\n", [], 'a.csv:2: column 1: expected a number; got "c"'],
    ["words after numbers", "1,2\na,b\n", [1, 2], 'a.csv:2: column 1: expected a number; got "a"'],
    ["other separators", "1;2\n", [], "a.csv:1: expected 2 numbers; got 1. Commas separate the columns."],
    ["half a header", "a,2\n", [], 'a.csv:1: column 1: expected a number; got "a"'],
    ["a word", "1,2\n3,four\n", [1, 2], 'a.csv:2: column 2: expected a number; got "four"'],
    ["an empty cell", "1,2\n3,\n", [1, 2], 'a.csv:2: column 2: expected a number; got ""'],
    ["what a column refuses", "1,2\n3,1000\n", [1, 2], 'a.csv:2: column 2: expected less than 1000; got "1000"'],
    ["a comma too many", "1,2\n\n3,4,\n", [1, 2], "a.csv:3: expected 2 numbers; got 3"],
  ])("is refused with line and column after the rows before: %s", async (_, text, rows, error) => {
    expect(await read([text], 2)).toEqual({ rows, error });
  });

  it("of one endless line is refused before it fills the memory", async () => {
    const { error } = await read(Array(40).fill("1".repeat(2 ** 20)), 1);
    expect(error).toBe("a.csv:1: expected a line of at most 16777216 characters; got more");
  });
});

describe("a number in a cell", () => {
  it.each([
    ["1", 1], ["-1.5", -1.5], ["+2.", 2], [".5", 0.5], ["1e3", 1000], ["1E-3", 0.001], ["007", 7],
    ["nan", NaN], ["-NaN", NaN], ["inf", Infinity], ["-Infinity", -Infinity],
    ["1e400", Number.MAX_VALUE], ["-1e400", -Number.MAX_VALUE],
  ])("%s is one", (text, value) => expect(parseNumber(text)).toBe(value)); // biome-ignore format: a table

  it.each(["", "-", ".", "e3", "1e", "0x10", "1_000", "1 2", "1,5", "١", "null", "true", "infinite", `${"1".repeat(1e5)}x`])(
    "%j is none",
    (text) => expect(parseNumber(text)).toBeUndefined(),
  ); // biome-ignore format: a table
});

describe("the decimal of an f32", () => {
  it("reads back as the same f32, and no shorter one does", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = numberText(value);
        expect(Math.fround(parseNumber(text) as number)).toBe(value);
        const digits = text.replace(/e.*|[-.]/g, "").replace(/^0+|0+$/g, "").length;
        if (digits > 6) expect(Math.fround(Number(value.toPrecision(digits - 1)))).not.toBe(value);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    [0.1, "0.1"], [1 / 3, "0.33333334"], [16777216, "16777216"], [1e-10, "1e-10"], [3.4028235e38, "3.4028235e+38"],
    [-0, "-0"], [NaN, "nan"], [Infinity, "inf"], [-Infinity, "-inf"],
  ])("of %d is %s", (value, text) => expect(numberText(Math.fround(value))).toBe(text)); // biome-ignore format: a table
});
