/** Faults in the other kernels: products, rows, functions, the walk over programs, the baked entry points. */

import type { Mutant } from "./mutants.ts";

const GEMM: readonly Mutant[] = [
  {
    name: "gemm: after a tile x goes on by a vector less",
    file: "assembly/gemm.ts",
    find: `      yRow += yStride * tileVectors();
      initRow += initStride * tileVectors();
      xRow += xStride * tileVectors();`,
    replace: `      yRow += yStride * tileVectors();
      initRow += initStride * tileVectors();
      xRow += xStride * (tileVectors() - 1);`,
  },
  {
    name: "gemm: after a tile the init stays where it is",
    file: "assembly/gemm.ts",
    find: `      yRow += yStride * tileVectors();
      initRow += initStride * tileVectors();`,
    replace: "      yRow += yStride * tileVectors();",
  },
  {
    name: "gemm: the second panel begins on the first one's output",
    file: "assembly/gemm.ts",
    find: `y += bytes;
    init += bytes;
    w += bytes * k;
    n -= panel;`,
    replace: `init += bytes;
    w += bytes * k;
    n -= panel;`,
  },
  {
    name: "gemm: a panel of 24 begins its last third with the init of the second",
    file: "assembly/gemm.ts",
    find: "panel24(y, 32, y + 64, init, (k == 0 ? init : y) + 64,",
    replace: "panel24(y, 32, y + 64, init, (k == 0 ? init : y) + 32,",
  },
  {
    name: "pack: panels of units where a matrix has none",
    file: "assembly/pack.ts",
    find: "const rows = units ? panelUnits(n / 3) * 3 : panelRows(n);",
    replace: "const rows = units || n == 56 ? panelUnits(n / 3) * 3 : panelRows(n);",
  },
  {
    name: "gemmUnits: a tile's z begins with r",
    file: "assembly/gemm.ts",
    find: "tiles(yRow + next, yStride, initRow + next, initStride, w + bytes,",
    replace: "tiles(yRow + next, yStride, initRow, initStride, w + bytes,",
  },
  {
    name: "gemmUnits: a tile's n without its bias",
    file: "assembly/gemm.ts",
    find: "tiles(nRow, nStride, initN, 0,",
    replace: "tiles(nRow, nStride, nRow, nStride,",
  },
  {
    name: "gemmUnits: the biases of the first units for all",
    file: "assembly/gemm.ts",
    find: `initN += bytes;
    w += wStride * k;`,
    replace: "w += wStride * k;",
  },
  {
    name: "gemmUnitsBoth: the biases of the first units for all",
    file: "assembly/gemm.ts",
    find: "initN + at, w + unit",
    replace: "initN, w + unit",
  },
  {
    name: "gemmUnitsBoth: the second units take the U of the first",
    file: "assembly/gemm.ts",
    find: "u + unit * uUnit",
    replace: "u",
  },
  {
    name: "gemmUnitsBoth: back, all panels are of sixteen units",
    file: "assembly/gemm.ts",
    find: "(unit & 4 ? 4 : unit & 8 ? 8 : 16)",
    replace: "16",
    tests: ["test/conformance/relaxed.test.ts"],
  },
  {
    name: "panel12: U_n·h begins with W_n·x",
    file: "assembly/panels-thirds.ts",
    find: `v128.store(yX, a2, 0);
    a2 = v128.load(initN, 0);
`,
    replace: "v128.store(yX, a2, 0);\n",
  },
  {
    name: "panel48: the second product has as many columns as the first",
    file: "assembly/panels-thirds.ts",
    find: `k = kh;
    v128.store(yX, a8, 0);`,
    replace: "v128.store(yX, a8, 0);",
    tests: ["test/conformance/relaxed.test.ts"],
  },
  {
    name: "panel48: the call for the first product writes n where the second leaves it",
    file: "assembly/panels-thirds.ts",
    find: "panel48(y, next, yX, init, init + (next << 1), 0, 0, 0, w, x, k);",
    replace: "panel48(y, next, yN, init, init + (next << 1), 0, 0, 0, w, x, k);",
  },
  {
    name: "panel32: the second product does not go on from the first's sums",
    file: "assembly/panels.ts",
    find: "    panel32(y, init, 0, 0, 0, w, x, k);\n    init = y;\n",
    replace: "    panel32(y, init, 0, 0, 0, w, x, k);\n",
  },
  {
    name: "pack: of four rows the third is the second",
    file: "assembly/pack.ts",
    find: "four = v128.load_lane<f32>(from + stride * 2, four, 2);",
    replace: "four = v128.load_lane<f32>(from + stride, four, 2);",
  },
  {
    name: "pack: each panel begins with the last row of the one before",
    file: "assembly/pack.ts",
    find: "x += (rows - 1) * stride;",
    replace: "x += (rows - 2) * stride;",
  },
  {
    name: "panels: 48 rows leave out the columns past a multiple of four in the relaxed build",
    file: "assembly/panels-thirds.ts",
    find: "k &= 3;",
    replace: "k = 0;",
    tests: ["test/conformance/relaxed.test.ts"],
  },
  {
    name: "panels: the third of four columns takes the second element of x",
    file: "assembly/panels-thirds.ts",
    find: "v128.shuffle<i32>(four, four, 2, 2, 2, 2)",
    replace: "v128.shuffle<i32>(four, four, 1, 1, 1, 1)",
    tests: ["test/conformance/relaxed.test.ts"],
  },
  {
    name: "panels: the last rows of 32 are those before them",
    file: "assembly/panels.ts",
    find: "v128.store(y, a7, 112);",
    replace: "v128.store(y, a6, 112);",
  },
  {
    name: "panels: the last rows of 16 are those before them",
    file: "assembly/panels.ts",
    find: `v128.store(y, a3, 48);
}

export function panel8`,
    replace: `v128.store(y, a2, 48);
}

export function panel8`,
  },
  {
    name: "panels: 8 rows have their first half twice",
    file: "assembly/panels.ts",
    find: `a1 = madd(v128.load(w, 16), s, a1);
      w += 32;`,
    replace: `a1 = madd(v128.load(w, 0), s, a1);
      w += 32;`,
  },
  {
    name: "gemmBoth: the second panel takes the U of the first",
    file: "assembly/gemm.ts",
    find: "u += bytes * kh;",
    replace: "",
  },
  {
    name: "panels: of 48 rows that take two products the last third forgets the first",
    file: "assembly/gemm.ts",
    find: "init, (k == 0 ? init : y) + 128,",
    replace: "init, init + 128,",
  },
  {
    name: "gemm: the third vector of a tile of 8 rows has its first half twice, with FMA",
    file: "assembly/gemm-tiles.ts",
    find: "a21 = madd(w1, s, a21);\n    s = v128.load32_splat(x3);\n    a30 = madd(w0, s, a30);\n    a31 = madd(w1, s, a31);\n    s = v128.load32_splat(x4);",
    replace:
      "a21 = madd(w0, s, a21);\n    s = v128.load32_splat(x3);\n    a30 = madd(w0, s, a30);\n    a31 = madd(w1, s, a31);\n    s = v128.load32_splat(x4);",
    tests: ["test/conformance/relaxed.test.ts"],
  },
  {
    name: "gemm: the third vector of a tile of 8 rows has its first half twice, without FMA",
    file: "assembly/gemm-tiles.ts",
    find: "a21 = madd(w1, s, a21);\n    s = v128.load32_splat(x3);\n    a30 = madd(w0, s, a30);\n    a31 = madd(w1, s, a31);\n    w += wStride;",
    replace:
      "a21 = madd(w0, s, a21);\n    s = v128.load32_splat(x3);\n    a30 = madd(w0, s, a30);\n    a31 = madd(w1, s, a31);\n    w += wStride;",
    tests: ["test/conformance/simd.test.ts"],
  },
  {
    name: "gemm: a tile of 4 rows counts as 8",
    file: "assembly/gemm-tiles.ts",
    find: "if (rows >= 8) tile8x4(",
    replace: "if (rows >= 4) tile8x4(",
  },
];

const ROWS: readonly Mutant[] = [
  {
    name: "add: the first term twice",
    file: "assembly/rows.ts",
    find: "f32x4.add(v128.load(a + i), v128.load(b + i))",
    replace: "f32x4.add(v128.load(a + i), v128.load(a + i))",
  },
  {
    name: "ids: one past the last is let through",
    file: "assembly/rows.ts",
    find: "load<u32>(ids) >= count",
    replace: "load<u32>(ids) > count",
  },
  {
    name: "lookup: the last vector of a row is left out",
    file: "assembly/rows.ts",
    find: "* tableStride, tableStride);",
    replace: "* tableStride, tableStride - 16);",
  },
  {
    name: "copy: the last element after the vectors is left out",
    file: "assembly/rows.ts",
    find: "for (; n > 0; n--) {",
    replace: "for (; n > 1; n--) {",
  },
  {
    name: "batch norm: no shift",
    file: "assembly/rows.ts",
    find: "f32x4.add(f32x4.mul(v128.load(scale + i), v128.load(x + i)), v128.load(shift + i))",
    replace: "f32x4.mul(v128.load(scale + i), v128.load(x + i))",
  },
  {
    name: "trace: each run begins at the first row of the ring",
    file: "assembly/rows.ts",
    find: "((seen + s) % capacity)",
    replace: "(s % capacity)",
  },
  {
    name: "layer norm: the variance is the unbiased one",
    file: "assembly/norm.ts",
    find: "sqrt<f64>(squares / n + eps)",
    replace: "sqrt<f64>(squares / (n - 1) + eps)",
  },
  {
    name: "layer norm: eps outside the root",
    file: "assembly/norm.ts",
    find: "sqrt<f64>(squares / n + eps)",
    replace: "(sqrt<f64>(squares / n) + eps)",
  },
  {
    name: "softmax: the largest element is not subtracted",
    file: "assembly/norm.ts",
    find: "f32x4.splat(max)",
    replace: "f32x4.splat(0)",
  },
  {
    name: "log-softmax: the logarithm of the sum and 1",
    file: "assembly/norm.ts",
    find: "log(exponentials(y, x, n, max))",
    replace: "log(exponentials(y, x, n, max) + 1)",
  },
];

const FUNCTIONS: readonly Mutant[] = [
  {
    name: "sigmoid: the two signs exchanged",
    file: "assembly/math.ts",
    find: "v128.bitselect(s, splat(ONE), i32x4.shr_s(x, 31))",
    replace: "v128.bitselect(splat(ONE), s, i32x4.shr_s(x, 31))",
  },
  {
    name: "exp: ln 2 without its low part",
    file: "assembly/math.ts",
    find: "plus<T>(n, splat(LN2_LOW), plus<T>(n, splat(LN2_HIGH), x))",
    replace: "plus<T>(n, splat(LN2_HIGH), x)",
    tests: ["test/kernels/math.test.ts"],
  },
  {
    name: "exp: subnormal results flushed to zero",
    file: "assembly/math.ts",
    find: "power(z, TWO_32))",
    replace: "i32x4.max_s(power(z, TWO_32), i32x4.splat((159 - 126) << 23)))",
    tests: ["test/kernels/math.test.ts"],
  },
  {
    name: "gates: e⁻ˣ of a gate is limited on one side",
    file: "assembly/math.ts",
    find: "f32x4.pmax(f32x4.pmin(v128.load(x + i), splat(GATE_LIMIT)), splat(MINUS_GATE_LIMIT))",
    replace: "f32x4.pmin(v128.load(x + i), splat(GATE_LIMIT))",
    tests: ["test/host/step.test.ts"],
  },
  {
    name: "gates: e⁻ˣ of a gate is limited on one side, fused",
    file: "assembly/math.ts",
    find: "a = f32x4.pmax(a, limit);\n      b = f32x4.pmax(b, limit);",
    replace: "",
    tests: ["test/host/step.test.ts"],
  },
  {
    name: "gates: the last vector of an odd number is left out",
    file: "assembly/math.ts",
    find: "for (let i: usize = 0; i < bytes; i += 32) {",
    replace: "for (let i: usize = 0; i + 16 < bytes; i += 32) {",
  },
  {
    name: "gates: the last vector of an odd number takes the next row's first with it",
    file: "assembly/math.ts",
    find: "i + 16 < bytes ? i + 16 : i",
    replace: "i + 16",
  },
  {
    name: "log: its series ends early",
    file: "assembly/math.ts",
    find: "let k: f64 = 21",
    replace: "let k: f64 = 5",
  },
  {
    name: "fma: factors and term exchanged in the relaxed build",
    file: "assembly/math.ts",
    find: "f32x4.relaxed_madd(a, b, c)",
    replace: "f32x4.relaxed_madd(c, b, a)",
    tests: ["test/conformance/relaxed.test.ts"],
  },
  {
    name: "clip: from above alone",
    file: "assembly/activation.ts",
    find: "f32x4.pmax(f32x4.pmin(v128.load(y), high), low)",
    replace: "f32x4.pmin(v128.load(y), high)",
  },
  {
    name: "relu: NaN becomes 0",
    file: "assembly/activation.ts",
    find: "f32x4.pmax(x, zero)",
    replace: "f32x4.pmax(zero, x)",
  },
  {
    name: "hardSigmoid: alpha and beta exchanged",
    file: "assembly/activation.ts",
    find: "f32x4.add(f32x4.mul(alpha, x), beta), zero), one)",
    replace: "f32x4.add(f32x4.mul(beta, x), alpha), zero), one)",
  },
  {
    name: "softplus: the third of four lanes twice",
    file: "assembly/activation.ts",
    find: "f32x4.extract_lane(s, 3)",
    replace: "f32x4.extract_lane(s, 2)",
  },
];

const EXECUTE: readonly Mutant[] = [
  {
    name: "execute: more rows than planned run",
    file: "assembly/execute.ts",
    find: "if (<u64>t * n > word(program, 0)) return STATUS_STEPS;",
    replace: "",
    tests: ["test/kernels/status.test.ts"],
  },
  {
    name: "execute: rows are counted in 32 bits",
    file: "assembly/execute.ts",
    find: "<u64>t * n >",
    replace: "t * n >",
    tests: ["test/kernels/status.test.ts"],
  },
  {
    name: "execute: as many rows as planned are too many",
    file: "assembly/execute.ts",
    find: "<u64>t * n >",
    replace: "<u64>t * n >=",
  },
  {
    name: "execute: the ids' status is not looked at",
    file: "assembly/execute.ts",
    find: "word(record, 4), rows);\n        if (status != STATUS_OK) return status;",
    replace: "word(record, 4), rows);",
  },
  {
    name: "execute: one stream takes one step",
    file: "assembly/execute.ts",
    find: "setMember(SOLO, 0, stream, t);",
    replace: "setMember(SOLO, 0, stream, 1);",
  },
  {
    name: "concat: all parts in the first column",
    file: "assembly/execute.ts",
    find: `copyRows(
          word(record, 2) + word(record, 4)`,
    replace: `copyRows(
          word(record, 2)`,
  },
  {
    name: "activation layer: the last elements are left out",
    file: "assembly/execute.ts",
    find: "const padded = paddedCount(n);",
    replace: "const padded = n & ~3;",
  },
];

const BAKE: readonly Mutant[] = [
  {
    name: "bake: run walks the program of step",
    file: "assembly/bake.ts",
    find: "execute(load<u32>(HEADER + H_RUN)",
    replace: "execute(load<u32>(HEADER + H_STEP)",
  },
  {
    name: "bake: outputs are inputs",
    file: "assembly/bake.ts",
    find: "load<u32>(HEADER + H_OUTPUTS), H_PORTS",
    replace: "load<u32>(HEADER + H_OUTPUTS), 0",
  },
  {
    name: "bake: a port past the last has an address",
    file: "assembly/bake.ts",
    find: "i < min<u32>(count, H_PORTS)",
    replace: "i <= min<u32>(count, H_PORTS)",
  },
  {
    name: "bake: inputs past those that are listed are outputs",
    file: "assembly/bake.ts",
    find: "min<u32>(count, H_PORTS)",
    replace: "count",
  },
  {
    name: "bake: reset copies the state over the initial state",
    file: "assembly/bake.ts",
    find: "load<u32>(HEADER + H_STATE), load<u32>(HEADER + H_INITIAL)",
    replace: "load<u32>(HEADER + H_INITIAL), load<u32>(HEADER + H_STATE)",
  },
  {
    name: "bake: any version is understood",
    file: "assembly/bake.ts",
    find: " && load<u32>(HEADER + H_VERSION) == BAKE_VERSION",
    replace: "",
  },
].map((mutant) => ({ ...mutant, tests: ["test/kernels/bake.test.ts"] }));

export const KERNELS: readonly Mutant[] = [...GEMM, ...ROWS, ...FUNCTIONS, ...EXECUTE, ...BAKE];
