/**
 * Random graphs over all supported operators, and random cells along a free axis: every build gives what the reference gives.
 * `npm run diff` compares the same models with ONNX Runtime.
 */

import { describe, expect, it } from "vitest";
import { relaxed } from "../../../build/kernels-graph.ts";
import { bytesOfText } from "../../../src/binary-text.ts";
import { ModelError } from "../../../src/errors.ts";
import { createRuntimeSync } from "../../../src/onnx.ts";
import { drawModel } from "../../diff/graphs.ts";
import { KNOWN } from "../../diff/known.ts";
import { distance, type Outputs, pastLength, runOurs } from "../../diff/ours.ts";

const VARIANTS = WebAssembly.validate(bytesOfText(relaxed.join("")))
  ? (["simd", "relaxed"] as const)
  : (["simd"] as const);
const MODELS = 240;

describe("random models", () => {
  it("run in every build as in the reference, or are refused for a reason on the list", () => {
    const runtimes = VARIANTS.map((variant) => createRuntimeSync({ variant }));
    const wrong: string[] = [];
    let ran = 0;
    for (let number = 0; number < MODELS; number++) {
      const { drawn } = drawModel(7, number);
      let outputs: Outputs[];
      try {
        outputs = runOurs(drawn, runtimes);
      } catch (error) {
        const message = `${(error as ModelError).code} ${(error as Error).message}`;
        const refused = { kind: "refused", message } as const;
        const known =
          error instanceof ModelError && KNOWN.some((one) => one.kind === "refused" && one.fits(drawn.file, refused));
        if (!known) wrong.push(`${number}: ${message}`);
        continue;
      }
      ran++;
      const [reference, ...others] = outputs;
      for (const [name, y] of reference) {
        for (const one of others)
          if (!(distance(one.get(name), y, pastLength(drawn, name, y.length)) <= 1)) wrong.push(`${number}: ${name}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(ran).toBeGreaterThan(0.9 * MODELS);
  });
});
