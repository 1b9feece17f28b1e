/** Faults in the other kernels: products, rows, functions, the walk over programs, the baked entry points. */

import type { Mutant } from "./mutants.ts";

const GEMM: readonly Mutant[] = [
  {
    name: "gemm: after a tile x goes on by three vectors",
    file: "assembly/gemm.ts",
    find: "x += xStride * TILE;",
    replace: "x += xStride * (TILE - 1);",
  },
  {
    name: "gemm: after a tile the init stays where it is",
    file: "assembly/gemm.ts",
    find: "init += initStride * TILE;",
    replace: "",
  },
  {
    name: "gemm: a panel of 32 stands from 36 rows on",
    file: "assembly/gemm.ts",
    find: "while (n >= 32) {",
    replace: "while (n > 32) {",
  },
  {
    name: "gemm: in tiles a panel of 32 stands from 36 rows on",
    file: "assembly/gemm.ts",
    find: "n >= <usize>PANEL ?",
    replace: "n > <usize>PANEL ?",
  },
  {
    name: "pack: the matrix is not transposed within its panels",
    file: "assembly/gemm.ts",
    find: `for (let column: usize = 0; column < stride; column += 4) {
      for (let row: usize = 0; row < rows; row++) {`,
    replace: `for (let row: usize = 0; row < rows; row++) {
      for (let column: usize = 0; column < stride; column += 4) {`,
  },
  {
    name: "pack: each panel begins with the last row of the one before",
    file: "assembly/gemm.ts",
    find: "x += rows * stride;",
    replace: "x += (rows - 1) * stride;",
  },
  {
    name: "gemm: one vector at a time leaves out the last column",
    file: "assembly/gemm.ts",
    find: `const xEnd = x + (k << 2);
  while (n >= 32) {`,
    replace: `const xEnd = x + (k << 2) - 4;
  while (n >= 32) {`,
  },
  {
    name: "gemm: the last rows of a panel of 32 are those before them",
    file: "assembly/gemm.ts",
    find: "v128.store(y, acc7, 112);",
    replace: "v128.store(y, acc6, 112);",
  },
  {
    name: "gemm: the last rows of a panel of 16 are those before them",
    file: "assembly/gemm.ts",
    find: `v128.store(y, acc3, 48);
  return w;`,
    replace: `v128.store(y, acc2, 48);
  return w;`,
  },
  {
    name: "gemm: a panel of 8 has its first half twice",
    file: "assembly/gemm.ts",
    find: `acc1 = madd(v128.load(w, 16), xv, acc1);
    w += 32;`,
    replace: `acc1 = madd(v128.load(w, 0), xv, acc1);
    w += 32;`,
  },
  {
    name: "gemm: no panel of 4",
    file: "assembly/gemm.ts",
    find: "if (n >= 4) panel4(",
    replace: "if (n > 4) panel4(",
  },
  {
    name: "gemm: the third vector of a tile of 8 rows has its first half twice",
    file: "assembly/gemm.ts",
    find: "acc21 = madd(w1, xv, acc21);",
    replace: "acc21 = madd(w0, xv, acc21);",
  },
  {
    name: "gemm: the third vector of a tile of 4 rows is the second",
    file: "assembly/gemm.ts",
    find: "acc2 = madd(wv, v128.load32_splat(x2), acc2);",
    replace: "acc2 = madd(wv, v128.load32_splat(x1), acc2);",
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
    find: "nmadd(n, splat(LN2_LOW), nmadd(n, splat(LN2_HIGH), y))",
    replace: "nmadd(n, splat(LN2_HIGH), y)",
    tests: ["test/kernels/math.test.ts"],
  },
  {
    name: "exp: subnormal results flushed to zero",
    file: "assembly/math.ts",
    find: "const scale = i32x4.add(i32x4.shl(z, 23), splat(TWO_32));",
    replace: "const scale = i32x4.max_s(i32x4.add(i32x4.shl(z, 23), splat(TWO_32)), i32x4.splat(159 - 126 << 23));",
    tests: ["test/kernels/math.test.ts"],
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
    find: "if (status != STATUS_OK) return status;",
    replace: "",
  },
  {
    name: "execute: one stream takes one step",
    file: "assembly/execute.ts",
    find: "store<u32>(SOLO, <u32>t, 4);",
    replace: "store<u32>(SOLO, 1, 4);",
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
    find: "const padded = (n + 3) & ~3;",
    replace: "const padded = n & ~3;",
  },
];

const BAKE: readonly Mutant[] = [
  {
    name: "bake: run walks the program of step",
    file: "assembly/bake.ts",
    find: "load<u32>(HEADER + H_RUN)",
    replace: "load<u32>(HEADER + H_STEP)",
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
