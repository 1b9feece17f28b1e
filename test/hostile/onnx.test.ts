/** Malformed ONNX files (onnx.ts): each gives its one error; and what no table has: every prefix, and files with random bytes changed. */

import { describe, expect, it } from "vitest";
import { formatOf } from "../../src/all.ts";
import { FormatError, ModelError, readModel } from "../../src/onnx.ts";
import { CASES, EXTERNAL, VALID } from "./onnx.ts";

function failure(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

const known = (error: unknown) => error instanceof FormatError || error instanceof ModelError;

describe("a malformed ONNX file", () => {
  it.each(CASES.map(([name, ...rest]) => [name, rest] as const))("%s", (_, [file, code, message, options]) => {
    const error = failure(() => readModel(file, options));
    expect(known(error), `${error}`).toBe(true);
    const { code: got, message: said } = error as FormatError;
    expect(`${got}: ${said}`).toContain(message);
    expect(got).toBe(`ERR_${code}`);
  });

  it("has a name of its own in the table", () => {
    const names = CASES.map(([name]) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(CASES.length).toBeGreaterThan(350);
  });

  it("is told from safetensors whose header is as long as an ONNX file begins", () => {
    expect(formatOf(VALID).name).toBe("ONNX");
    expect(formatOf(Uint8Array.from([8, 1, 0x12, 0, 0, 0, 0, 0, 0x7b, 0x7d])).name).toBe("safetensors");
  });

  it("cut anywhere is an error of ours", () => {
    for (let length = 0; length < VALID.length; length++) {
      const error = failure(() => readModel(VALID.slice(0, length)));
      expect(known(error), `${length} bytes: ${error}`).toBe(true);
    }
    expect(failure(() => readModel(VALID))).toBe(undefined);
  });

  it("with bytes changed at random is a Model or an error of ours", { timeout: 60_000 }, () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return Math.floor((seed / 2 ** 31) * below);
    };
    const sources = [VALID, ...CASES.map(([, file]) => file).filter(({ length }) => length < 2000)];
    for (let round = 0; round < 4000; round++) {
      const file = sources[random(sources.length)].slice();
      for (let i = random(4) + 1; i > 0 && file.length > 0; i--) file[random(file.length)] = random(256);
      const error = failure(() => readModel(file));
      if (error !== undefined) expect(known(error), `round ${round}: ${(error as Error)?.stack}`).toBe(true);
    }
  });

  it("read with wrong arguments is the caller's error", () => {
    const cases: readonly (readonly [unknown, string])[] = [
      [() => readModel("x" as never), '"bytes" expected Uint8Array, got String'],
      [() => readModel(VALID, { gruReset: "before" as never }), '"gruReset" expected after, got before'],
      [() => readModel(VALID, { shapes: { z: [1] } }), '"shapes" expected x, got "z"'],
      [() => readModel(VALID, { shapes: { x: [1, 2] } }), '"shapes" expected 3 axes for "x", got 2'],
      [
        () => readModel(VALID, { shapes: { x: ["batch", 1, 2] } }),
        '"shapes" expected sizes ≥ 1 and "T" for "x", got batch,1,2',
      ],
      [() => readModel(VALID, { shapes: { x: [0, 1, 2] } }), '"shapes" expected sizes ≥ 1'],
      [() => readModel(VALID, { constants: { y: 1 } }), '"constants" expected x, got "y"'],
      [
        () => readModel(VALID, { constants: { x: [1, 2, 3] } }),
        '"constants" expected F32 of shape (T, 1, 2) for "x", got 3',
      ],
      [
        () => readModel(EXTERNAL, { files: () => "text" as never }),
        '"files" expected Uint8Array for "w.bin", got String',
      ],
      [() => readModel(VALID, { state: { h: "y" } }), '"state" expected x, got "h"'],
    ];
    for (const [run, message] of cases) {
      const error = failure(run as () => unknown);
      expect(
        [TypeError, RangeError].some((kind) => error instanceof kind),
        message,
      ).toBe(true);
      expect((error as Error).message).toContain(message);
    }
  });
});
