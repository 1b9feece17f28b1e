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
    find: "return computedOrder ? hs : flip(hs);",
    replace: "return hs;",
  },
  {
    name: "reference: outputs in the order of computation stand at their inputs' steps",
    file: "src/backend-reference.ts",
    find: "return computedOrder ? hs : flip(hs);",
    replace: "return flip(hs);",
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
    find: "bits[i] = value << 16",
    replace: "bits[i] = value << 15",
  },
  {
    name: "tensor: subnormal F16 are half as large",
    file: "src/tensor.ts",
    find: "out[i] *= 2 ** 112",
    replace: "out[i] *= (value & 0x7c00) === 0 ? 2 ** 111 : 2 ** 112",
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

const KERAS: readonly Mutant[] = [
  {
    name: "keras: outputs of go_backwards are put back in the order of time",
    file: "src/formats/keras/recurrent.ts",
    find: "{ ...spec, reverse: true, computedOrder: true }",
    replace: "{ ...spec, reverse: true }",
  },
  {
    name: "keras: a mask ends at the next layer",
    file: "src/formats/keras/layers.ts",
    find: "{ ...value, masked: true }",
    replace: "value",
  },
  {
    name: "keras: r and z of a gru stay in Keras's order",
    file: "src/formats/keras/weights.ts",
    find: "gru: [1, 0, 2]",
    replace: "gru: [0, 1, 2]",
  },
  {
    name: "keras: the second row of a gru's bias is dropped",
    file: "src/formats/keras/weights.ts",
    find: "bias.length > rows ?",
    replace: "bias.length < 0 ?",
  },
  {
    name: "keras: hard_sigmoid is Keras 3's in every file",
    file: "src/formats/keras/fields.ts",
    find: "keras < 3 ? 0.2 : 1 / 6",
    replace: "keras < 0 ? 0.2 : 1 / 6",
  },
  {
    name: "keras: cuDNN's kernels stay in its order",
    file: "src/formats/keras/weights.ts",
    find: "const k = j * columns + i;",
    replace: "const k = i * size + j;",
  },
  {
    name: "keras: one half of cuDNN's bias counts",
    file: "src/formats/keras/recurrent.ts",
    find: "one + found.data[rows + i]",
    replace: "one",
  },
  {
    name: "keras: the last step of a backward layer stands for the first",
    file: "src/formats/keras/recurrent.ts",
    find: "first.sequences ? {} : { computedOrder: true }",
    replace: "{}",
  },
  {
    name: "hdf5: chunks past the shape run over",
    file: "src/formats/hdf5/data.ts",
    find: "if (!inside) continue;",
    replace: "",
  },
  {
    name: "hdf5: bytes stay shuffled",
    file: "src/formats/hdf5/data.ts",
    find: "out[i * elementSize + k] = data[k * count + i]",
    replace: "out[i * elementSize + k] = data[i * elementSize + k]",
  },
  {
    name: "hdf5: a checksum is let through",
    file: "src/formats/hdf5/tree.ts",
    find: "if (got !== expected) throw c.error(`the checksum",
    replace: "if (got < 0) throw c.error(`the checksum",
  },
  {
    name: "hdf5: parts may be reached twice",
    file: "src/formats/hdf5/tree.ts",
    find: "if (this.seen.has(c.at))",
    replace: "if (this.seen.has(-1))",
  },
].map((mutant) => ({ ...mutant, tests: ["test/formats/keras.test.ts", "test/hostile/keras.test.ts"] }));

const RTNEURAL: readonly Mutant[] = [
  {
    name: "nam: the learned h is that of c",
    file: "src/formats/rtneural/nam.ts",
    find: "h0.set(take(H), k * H);\n    c0.set(take(H), k * H);",
    replace: "c0.set(take(H), k * H);\n    h0.set(take(H), k * H);",
  },
  {
    name: "guitarml: the skip is dropped",
    file: "src/formats/rtneural/guitarml.ts",
    find: "if (skip > 0) {",
    replace: "if (skip < 0) {",
  },
  {
    name: "rnnoise: the inputs of noise_gru in another order",
    file: "src/formats/rtneural/rnnoise.ts",
    find: '["noise_gru", true, "input_dense", "vad_gru", "features"]',
    replace: '["noise_gru", true, "vad_gru", "input_dense", "features"]',
  },
  {
    name: "rtneural: a slope of prelu for all",
    file: "src/formats/rtneural/layers.ts",
    find: "slope.every((one) => one === slope[0])",
    replace: "slope.length > 0",
  },
  {
    name: "nested: rows may be long",
    file: "src/formats/nested.ts",
    find: "value.length !== shape[axis]",
    replace: "value.length < shape[axis]",
  },
].map((mutant) => ({ ...mutant, tests: ["test/formats/rtneural.test.ts", "test/hostile/rtneural.test.ts"] }));

const ONNX: readonly Mutant[] = [
  {
    name: "specialise: what folding makes is not counted",
    file: "src/formats/onnx/specialise.ts",
    find: "this.folded += elements(shape);",
    replace: "",
  },
  {
    name: "specialise: the file may ask for any number of elements more",
    file: "src/formats/onnx/specialise.ts",
    find: "FOLDED_EACH * this.own",
    replace: "2 ** 30",
  },
  {
    name: "specialise: a weight may be in any number of nodes",
    file: "src/formats/onnx/specialise.ts",
    find: "this.repeated += value.data.length",
    replace: "this.repeated += 0",
  },
  {
    name: "states: as many elements as the file asks for",
    file: "src/formats/onnx/states.ts",
    find: "if (this.next > this.most + 1)",
    replace: "if (this.next < 0)",
  },
  {
    name: "specialise: a tensor that is read twice is two",
    file: "src/formats/onnx/specialise.ts",
    find: "if (!this.decoded.has(message)) this.own",
    replace: "this.own",
  },
].map((mutant) => ({ ...mutant, tests: ["test/hostile/onnx.test.ts"] }));

export const READERS: readonly Mutant[] = [...REFERENCE, ...FORMATS, ...KERAS, ...RTNEURAL, ...ONNX];
