/** Faults in what ONNX files and RTNeural's convolutions become: cells that are written out, constants, integers, the past. */

import type { Mutant } from "./mutants.ts";

const ONNX: readonly Mutant[] = [
  {
    name: "cells: a gru's reset is always after the product",
    file: "src/formats/onnx/cells.ts",
    find: "{ resetAfter: apart !== undefined }",
    replace: "{ resetAfter: true }",
  },
  {
    name: "cells: the recurrent bias of a gru is left out",
    file: "src/formats/onnx/cells.ts",
    find: "if (apart) recurrent.set(apart, rows - hidden);",
    replace: "",
  },
  {
    name: "cells: any number less z will do",
    file: "src/formats/onnx/cells.ts",
    find: "!places && data?.length === 1 && data[0] === 1",
    replace: "!places && data?.length === 1",
  },
  {
    name: "cells: n is scaled by any value",
    file: "src/formats/onnx/cells.ts",
    find: "if (one && isOne(one) && same === z)",
    replace: "if (one && isOne(one))",
  },
  {
    name: "linear: a part begins at the beginning",
    file: "src/formats/onnx/linear.ts",
    find: "inner(step.input(0), start + before)",
    replace: "inner(step.input(0), start)",
  },
  {
    name: "linear: alpha of Gemm is 1",
    file: "src/formats/onnx/linear.ts",
    find: '!step.int("transA", 0) && step.float("alpha", 1) === 1',
    replace: '!step.int("transA", 0)',
  },
  {
    name: "linear: sums of any length",
    file: "src/formats/onnx/linear.ts",
    find: "if (--to.left < 0) return false;",
    replace: "if (to.left === -1) return false;",
  },
  {
    name: "onnx: several rows are joined as one",
    file: "src/formats/onnx/emitter.ts",
    find: 'if (before > 1 && !this.has("concat", "axis"))',
    replace: 'if (before > 4096 && !this.has("concat", "axis"))',
  },
  {
    name: "onnx: known outputs come after the names",
    file: "src/formats/onnx/emitter.ts",
    find: "for (const { value } of outputs) this.name(value);",
    replace: "",
  },
  {
    name: "onnx: a condition is the number that it was",
    file: "src/formats/onnx/elementwise.ts",
    find: 'else if (kind === "BOOL") {',
    replace: "else if (kind === undefined) {",
  },
  {
    name: "onnx: a row of integers is an embedding",
    file: "src/formats/onnx/moves.ts",
    find: 'x.data && x.kind === "F32" && x.shape.length === 2',
    replace: "x.data && x.shape.length === 2",
  },
  {
    name: "conv: padding before one column does not count",
    file: "src/ops/graph/lower-window.ts",
    find: "kernel[1] === 1 && padding[1] === 0)",
    replace: "kernel[1] === 1)",
  },
].map((mutant) => ({ ...mutant, tests: ["test/formats/onnx/operators.test.ts"] }));

const MASKS: readonly Mutant[] = [
  {
    name: "graph: a constant may be no number",
    file: "src/graph.ts",
    find: "? [NaN] :",
    replace: "? [] :",
  },
  {
    name: "graph: a constant may not be infinite",
    file: "src/graph.ts",
    find: "constants.has(name)",
    replace: "false",
  },
].map((mutant) => ({ ...mutant, tests: ["test/formats/onnx/transformer.test.ts"] }));

const CONVOLUTIONS: readonly Mutant[] = [
  {
    name: "rtneural: the past does not move on",
    file: "src/formats/rtneural/conv.ts",
    find: "(axis === 2 ? 1 : 0)), sizes }",
    replace: "0), sizes }",
  },
  {
    name: "rtneural: a kernel's last place is its first",
    file: "src/formats/rtneural/conv.ts",
    find: "taps + k] =",
    replace: "taps + (taps - 1 - k)] =",
  },
  {
    name: "rtneural: more is padded before than behind",
    file: "src/formats/rtneural/conv.ts",
    find: "const before = Math.floor(total / 2);",
    replace: "const before = Math.ceil(total / 2);",
  },
  {
    name: "rtneural: features are dilated too",
    file: "src/formats/rtneural/conv.ts",
    find: "dilation: [dilation, 1],",
    replace: "dilation: [dilation, dilation],",
  },
  {
    name: "rtneural: whole frames are never told",
    file: "src/formats/rtneural/layers.ts",
    find: "time !== undefined && before !== undefined && time < before",
    replace: "time !== undefined && before !== undefined && time < 0",
  },
  {
    name: "zip: a member past the directory is read",
    file: "src/formats/zip.ts",
    find: "next !== undefined && next.local > start",
    replace: "next !== undefined && next.local < 0",
  },
].map((mutant) => ({
  ...mutant,
  tests: mutant.name.startsWith("zip")
    ? ["test/hostile/zip.test.ts"]
    : ["test/formats/rtneural.test.ts", "test/hostile/rtneural.test.ts"],
}));

export const GRAPHS: readonly Mutant[] = [...ONNX, ...MASKS, ...CONVOLUTIONS];
