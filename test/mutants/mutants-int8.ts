/** Faults of int8: how vectors are quantised, the tiles, the panels, the file, the gates that must not be fused. */

import type { Mutant } from "./mutants.ts";

const TESTS = ["test/kernels/int8.test.ts", "test/conformance/int8-cells.test.ts", "test/hostile/quant.test.ts"];

const FAULTS: readonly Mutant[] = [
  {
    name: "int8: the middle is that of the first vector of numbers",
    file: "assembly/int8.ts",
    find: "  for (; at < kEnd; at += 4) {",
    replace: "  for (; at < x; at += 4) {",
  },
  {
    name: "int8: NaN is passed over",
    file: "assembly/int8.ts",
    find: "v128.store(scale, f32x4.add(f32x4.div(radius, limit), zero));",
    replace: "v128.store(scale, f32x4.div(radius, limit));",
  },
  {
    name: "int8: no least scale",
    file: "assembly/int8.ts",
    find: "f32x4.pmax(f32x4.sub(high, low), v128.load32_splat(LEAST))",
    replace: "f32x4.sub(high, low)",
  },
  {
    name: "int8: the middle is left out",
    file: "assembly/int8.ts",
    find: "const start = f32x4.add(v128.load(init), f32x4.mul(m, v128.load(p, 128)));",
    replace: "const start = v128.load(init);",
  },
  {
    name: "int8: a tile's third vector has the scale of the second",
    file: "assembly/int8.ts",
    find: "acc20, acc21, p, q + 64, both)",
    replace: "acc20, acc21, p, q + 32, both)",
  },
  {
    name: "int8: a tile's second half of a panel is its first",
    file: "assembly/int8.ts",
    find: "let at = p + 192 + (half >> 4) * VECTOR;",
    replace: "let at = p + 192;",
  },
  {
    name: "int8: the rows past n are written",
    file: "assembly/int8.ts",
    find: "if (bytes > i + 48) finish(",
    replace: "if (bytes > i) finish(",
  },
  {
    name: "int8: offsets of 63",
    file: "assembly/int8.ts",
    find: "-64 * sum",
    replace: "-63 * sum",
  },
  {
    name: "int8: the columns past k are not zero",
    file: "assembly/int8.ts",
    find: "there && j < k ? load<i8>(x + j) : 0",
    replace: "there ? load<i8>(x + j) : 0",
  },
  {
    name: "int8: r ∘ h is multiplied as h was quantised",
    file: "assembly/gru.ts",
    find: "    if (q != 0) quantize(q, nRows, bytes, hidden, count);\n",
    replace: "",
  },
  {
    name: "int8: an LSTM projects h as it was",
    file: "assembly/lstm.ts",
    find: "    if (q != 0) quantize(q, m, mStride, hidden, count);\n",
    replace: "",
  },
  {
    name: "int8: the gates of a GRU are fused in the relaxed build",
    file: "assembly/gru.ts",
    find: "plainGates<Rounded>(",
    replace: "plainGates<Fused>(",
  },
  {
    name: "int8: the gates of an LSTM are fused in the relaxed build",
    file: "assembly/lstm.ts",
    find: "bytes, count, q == 0);",
    replace: "bytes, count, true);",
  },
  {
    name: "int8: the softmax is fused in the relaxed build",
    file: "assembly/math.ts",
    find: "return expMinus<Rounded>(",
    replace: "return expMinus<Fused>(",
  },
  {
    name: "int8: a scale for all rows",
    file: "src/pack.ts",
    find: "address(scales) / 4, blocks, 1,",
    replace: "address(scales) / 4, blocks.map((block) => ({ ...block, firstRow: 0 })), 1,",
  },
  {
    name: "int8: weights are cut, not rounded",
    file: "src/quantize.ts",
    find: "Math.round(weights[i] / scale[r])",
    replace: "Math.trunc(weights[i] / scale[r])",
  },
  {
    name: "int8: a negative scale passes",
    file: "src/graph.ts",
    find: "!(s >= 0 && s < Infinity)",
    replace: "!(s < Infinity)",
  },
  {
    name: "int8: vectors may be quantised",
    file: "src/graph.ts",
    find: 'if (dtype !== "I8" || !matrix)',
    replace: 'if (dtype !== "I8")',
  },
  {
    name: "int8: any axis will do",
    file: "src/formats/native.ts",
    find: 'if (axis.integer(0) !== 0) throw axis.error("0, the rows");',
    replace: "axis.integer(0);",
  },
];

export const INT8: readonly Mutant[] = FAULTS.map((fault) => ({ ...fault, tests: TESTS }));
