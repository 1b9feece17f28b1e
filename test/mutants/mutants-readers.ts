/** Faults in the reference, in widening, and in what the readers of files refuse. */

import type { Mutant } from "./mutants.ts";

const REFERENCE: readonly Mutant[] = [
  {
    name: "reference: r and z of a gru exchanged",
    file: "src/reference/gru.ts",
    find: "const [r, z] = [0, H]",
    replace: "const [z, r] = [0, H]",
  },
  {
    name: "reference: b_hn of a gru outside the reset",
    file: "src/reference/gru.ts",
    find: "const reset = (v: Float64Array) => v.map((_, j) => r[j] * v[j]);",
    replace:
      "const b = biasHh?.subarray(2 * H);\n" +
      "  const reset = (v: Float64Array) => v.map((_, j) => r[j] * (v[j] - (b?.[j] ?? 0)) + (b?.[j] ?? 0));",
  },
  {
    name: "reference: the peephole of o sees the old c",
    file: "src/reference/lstm.ts",
    find: "peep(2 * H + j, cell)",
    replace: "peep(2 * H + j, c[j])",
  },
  {
    name: "reference: f and g of an lstm exchanged",
    file: "src/reference/lstm.ts",
    find: "return f * cell + i * g;",
    replace: "return g * cell + i * f;",
  },
  {
    name: "reference: eps outside the root",
    file: "src/reference/norm.ts",
    find: "Math.sqrt(variance[i] + eps)",
    replace: "(Math.sqrt(variance[i]) + eps)",
  },
  {
    name: "reference: the largest element is not subtracted",
    file: "src/reference/softmax.ts",
    find: "const max = x.reduce((a, b) => Math.max(a, b));",
    replace: "const max = 0;",
  },
  {
    name: "reference: a reverse direction's outputs stay in its own order",
    file: "src/backend-reference.ts",
    find: "return flip(hs);",
    replace: "return hs;",
  },
  {
    name: "reference: no state is written back",
    file: "src/backend-reference.ts",
    find: "memory[slot][index] = state[i];",
    replace: "",
  },
  {
    name: "reference: members take all steps, whatever their lengths",
    file: "src/backend-reference.ts",
    find: "lengths?.[first + j] ?? steps",
    replace: "steps",
  },
  {
    name: "reference: more rows than there is room for run",
    file: "src/backend-reference.ts",
    find: "if (steps * count > engine.rows) return STATUS_STEPS;",
    replace: "",
  },
  {
    name: "reference: a trace keeps every step",
    file: "src/backend-reference.ts",
    find: "rows.splice(0, rows.length - traceSteps);",
    replace: "",
  },
].map((mutant) => ({ ...mutant, tests: ["test/reference", "test/conformance/reference.test.ts"] }));

const FORMATS: readonly Mutant[] = [
  {
    name: "tensor: BF16 widens to half its exponent",
    file: "src/tensor.ts",
    find: "(data[i] as number) << 16",
    replace: "(data[i] as number) << 15",
  },
  {
    name: "tensor: subnormal F16 are half as large",
    file: "src/tensor.ts",
    find: "sign * fraction * 2 ** -24",
    replace: "sign * fraction * 2 ** -25",
  },
  {
    name: "safetensors: overlaps and holes are let through",
    file: "src/formats/safetensors.ts",
    find: "begin !== covered",
    replace: "begin < 0",
  },
  {
    name: "safetensors: overlaps are let through",
    file: "src/formats/safetensors.ts",
    find: "begin !== covered",
    replace: "begin > covered",
  },
  {
    name: "safetensors: bytes after the last tensor are let through",
    file: "src/formats/safetensors.ts",
    find: "covered !== dataBytes",
    replace: "covered > dataBytes",
  },
  {
    name: "safetensors: more bytes than the shape says are let through",
    file: "src/formats/safetensors.ts",
    find: "end - begin !== size",
    replace: "end - begin < size",
  },
  {
    name: "safetensors: a range may pass the end",
    file: "src/formats/safetensors.ts",
    find: "end > dataBytes",
    replace: "begin > dataBytes",
  },
  {
    name: "json: of two equal keys the last counts",
    file: "src/formats/json.ts",
    find: "if (map.has(key))",
    replace: "if (map.size < 0)",
  },
].map((mutant) => ({
  ...mutant,
  tests: ["test/formats/safetensors.test.ts", "test/hostile/safetensors.test.ts", "test/hostile/json.test.ts"],
}));

export const READERS: readonly Mutant[] = [...REFERENCE, ...FORMATS];
