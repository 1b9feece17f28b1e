/** Faults in the host, the readers and the reference. */

import type { Mutant } from "./mutants.ts";

const PACK: readonly Mutant[] = [
  {
    name: "pack: of two biases the first alone",
    file: "src/pack.ts",
    find: "memory[at + i] += source[i];",
    replace: "memory[at + i] += 0;",
  },
  {
    name: "pack: every gate is the first",
    file: "src/pack.ts",
    find: "firstRow * columns, (firstRow + rows) * columns",
    replace: "0, rows * columns",
  },
  {
    name: "pack: the padding of a matrix is what was there",
    file: "src/pack.ts",
    find: "memory.fill(0, at, end);",
    replace: "",
    tests: ["test/host/states.test.ts"],
  },
  {
    name: "batch norm: no eps",
    file: "src/pack.ts",
    find: "Math.sqrt(v + (attrs.eps as number))",
    replace: "Math.sqrt(v)",
  },
  {
    name: "batch norm: the mean is not scaled",
    file: "src/pack.ts",
    find: "mean[i] * scale",
    replace: "mean[i]",
  },
  {
    name: "batch norm: folded with the scale of the column",
    file: "src/fold.ts",
    find: "scale[Math.floor(i / columns)]",
    replace: "scale[(i % columns) % scale.length]",
  },
  {
    name: "batch norm: folded without scaling the bias",
    file: "src/fold.ts",
    find: "scale[i] * (bias?.[i] ?? 0)",
    replace: "(bias?.[i] ?? 0)",
  },
  {
    name: "batch norm: folded across an activation",
    file: "src/fold.ts",
    find: " && !attrs.activation",
    replace: "",
  },
  {
    name: "batch norm: folded though the linear layer has another reader",
    file: "src/fold.ts",
    find: "model.nodes.filter(({ inputs }) => inputs.includes(input)).length > 1 ||",
    replace: "",
  },
];

const LOWERING: readonly Mutant[] = [
  {
    name: "gru: b_hn twice",
    file: "src/ops/recurrent.ts",
    find: "attrs.resetAfter && g === 2 ? block.tensors : ",
    replace: "",
  },
  {
    name: "gru: no b_hn",
    file: "src/ops/recurrent.ts",
    find: 'tensors: attrs.bias ? [key("bias_hh")] : []',
    replace: "tensors: []",
  },
  {
    name: "gru: U_n is U_z",
    file: "src/ops/recurrent.ts",
    find: "hidden, 2, 1)",
    replace: "hidden, 1, 1)",
  },
  {
    name: "gru: the reset comes after the product, whatever the model says",
    file: "src/ops/recurrent.ts",
    find: "attrs.resetAfter === true",
    replace: "attrs.numLayers !== 0",
  },
  {
    name: "lstm: peepholes ignored",
    file: "src/ops/recurrent.ts",
    find: "!attrs.peephole && ",
    replace: "",
  },
  {
    name: "recurrent: clip ignored beside the usual functions",
    file: "src/ops/recurrent.ts",
    find: " && attrs.clip === undefined",
    replace: "",
  },
  {
    name: "recurrent: both directions have the functions of the first",
    file: "src/ops/recurrent.ts",
    find: "? d * cell.functions.length : 0",
    replace: "? 0 : 0",
  },
  {
    name: "recurrent: the second direction stands after H columns, not P",
    file: "src/ops/recurrent.ts",
    find: "d * width(attrs) * 4",
    replace: "d * hidden * 4",
  },
  {
    name: "recurrent: the directions of a layer share a state",
    file: "src/ops/recurrent.ts",
    find: "to.state(tensorKey(node.name, suffix), k + d)",
    replace: "to.state(tensorKey(node.name, suffix), k)",
  },
  {
    name: "recurrent: the second direction runs forward",
    file: "src/ops/recurrent.ts",
    find: "Number(d === 1 || attrs.reverse)",
    replace: "Number(attrs.reverse)",
  },
  {
    name: "functions: hardSigmoid has the slope of ONNX",
    file: "src/ops/functions.ts",
    find: "both(F_HARD_SIGMOID, 1 / 6, 0.5)",
    replace: "both(F_HARD_SIGMOID, 0.2, 0.5)",
  },
  {
    name: "functions: alpha and beta exchanged",
    file: "src/ops/functions.ts",
    find: "floatBits(alpha), floatBits(beta)",
    replace: "floatBits(beta), floatBits(alpha)",
  },
  {
    name: "norms: eps is 1e-3 where the model does not say it",
    file: "src/ops/norm.ts",
    find: "default: 1e-5",
    replace: "default: 1e-3",
  },
  {
    name: "concat: every part in the same column",
    file: "src/ops/elementwise.ts",
    find: "column += x.size;",
    replace: "",
  },
  {
    name: "add: of three terms the first and the last",
    file: "src/ops/elementwise.ts",
    find: "sum = y;",
    replace: "",
  },
];

const PLAN: readonly Mutant[] = [
  {
    name: "embedding: folded with rows that are not padded",
    file: "src/plan.ts",
    find: 'table("temporary", lookup), paddedBytes(size))',
    replace: 'table("temporary", lookup), size * 4)',
  },
  {
    name: "embedding: a folded one is looked up in rows of its own size",
    file: "src/plan.ts",
    find: "folded, stride, from.place, from.stride",
    replace: "folded, paddedBytes(size), from.place, from.stride",
  },
  {
    name: "embedding: folded where that is larger",
    file: "src/plan.ts",
    find: "lookup.count * n * times > lookup.size",
    replace: "lookup.count * n * times < lookup.size",
    tests: ["test/plan"],
  },
  {
    name: "plan: all layers have the state of the first",
    file: "src/plan.ts",
    find: "offset: offset + row * stride",
    replace: "offset",
  },
  {
    name: "plan: ids are checked at the end",
    file: "src/plan.ts",
    find: "program: [...checks, ...body, ...copies]",
    replace: "program: [...body, ...checks, ...copies]",
  },
  {
    name: "plan: scratch for one row",
    file: "src/plan.ts",
    find: "align(rows * stride, 64)",
    replace: "align(stride, 64)",
  },
  {
    name: "plan: an output that is another name is not copied",
    file: "src/plan.ts",
    find: "program: [...checks, ...body, ...copies]",
    replace: "program: [...checks, ...body]",
    tests: ["test/host/states.test.ts"],
  },
];

const ARENA: readonly Mutant[] = [
  {
    name: "arena: views are not renewed after a growth",
    file: "src/arena.ts",
    find: "if (inputs[0].data.length === 0) renew();",
    replace: "",
  },
  {
    name: "arena: the stored initial state is ignored",
    file: "src/arena.ts",
    find: "if (image.some((value) => value !== 0)) ",
    replace: "if (count < 0) ",
  },
  {
    name: "arena: the first layer alone has an initial state",
    file: "src/arena.ts",
    find: "for (let r = 0; r < rows; r++) image.set(",
    replace: "for (let r = 0; r < 1; r++) image.set(",
  },
  {
    name: "arena: a group's step takes the first members, not those that are named",
    file: "src/arena.ts",
    find: "(indices === null ? j : indices[j])",
    replace: "j",
  },
  {
    name: "arena: each piece of a batch begins with the first lengths",
    file: "src/arena.ts",
    find: "lengths === null ? steps : lengths[j]",
    replace: "lengths === null ? steps : lengths[j - first]",
  },
  {
    name: "arena: a trace begins with the first row of its ring",
    file: "src/arena.ts",
    find: "((seen - steps + s) % capacity)",
    replace: "s",
  },
  {
    name: "arena: a trace that is not full begins with the row after its last",
    file: "src/arena.ts",
    find: "((seen - steps + s) % capacity)",
    replace: "((seen + s) % capacity)",
    tests: ["test/host/states.test.ts"],
  },
  {
    name: "arena: states are not given back",
    file: "src/arena.ts",
    find: "this.#block.free();",
    replace: "",
  },
  {
    name: "arena: weights are not given back",
    file: "src/arena.ts",
    find: "weights.free();",
    replace: "",
    tests: ["test/host/memory.test.ts"],
  },
  {
    name: "runtime: memory is not zeroed before it is used again",
    file: "src/runtime.ts",
    find: "this.#fresh = Math.max(this.#fresh, at + size);",
    replace: "",
  },
  {
    name: "runtime: gaps with something between them become one",
    file: "src/runtime.ts",
    find: "before.end === gap.start",
    replace: "before.end <= gap.start",
  },
  {
    name: "runtime: neighbouring gaps stay two",
    file: "src/runtime.ts",
    find: "before.end === gap.start",
    replace: "before.end > gap.start",
    tests: ["test/host/memory.test.ts"],
  },
  {
    name: "runtime: the view of integers is not renewed after a growth",
    file: "src/runtime.ts",
    find: "if (this.#u32.length === 0) this.#u32 = ",
    replace: "if (this.#u32.length < 0) this.#u32 = ",
  },
];

const MEMBERS: readonly Mutant[] = [
  {
    name: "members: a piece is a step longer than an execution",
    file: "src/members.ts",
    find: "Math.floor(engine.rows / n);",
    replace: "Math.floor(engine.rows / n) + 1;",
  },
  {
    name: "members: the last piece is as long as the others",
    file: "src/members.ts",
    find: "const some = Math.min(chunk, T - t);",
    replace: "const some = chunk;",
  },
  {
    name: "members: a length counts from the beginning of each piece",
    file: "src/members.ts",
    find: "Math.max(lengths[j] - t, 0)",
    replace: "lengths[j]",
  },
  {
    name: "members: an id past a sequence's end is looked up",
    file: "src/members.ts",
    find: "else if (into && ids) data[row] = 0;",
    replace: "",
  },
  {
    name: "members: batchFirst has the layout of one sequence",
    file: "src/members.ts",
    find: "batchFirst ? T * size : size",
    replace: "size",
  },
  {
    name: "members: outputs past a length are not zero",
    file: "src/members.ts",
    find: "if (s < length) {",
    replace: "if (s < length || !into) {",
  },
  {
    name: "state: its length is not checked",
    file: "src/members.ts",
    find: "if (values.length !== size) ",
    replace: "if (size < 0) ",
  },
  {
    name: "state: unknown names are let through",
    file: "src/members.ts",
    find: 'if (!info) throw wrong("state", ',
    replace: 'if (!info) continue; else if (!info) throw wrong("state", ',
  },
  {
    name: "saved state: another model's is taken",
    file: "src/members.ts",
    find: "if (head[2] !== expected[2] || head[3] !== expected[3]) {",
    replace: "if (head[2] !== expected[2] && head[3] === 0) {",
  },
  {
    name: "saved state: the hash knows no weights",
    file: "src/members.ts",
    find: "new Uint8Array(data.buffer, data.byteOffset, data.byteLength).forEach(word);",
    replace: "",
  },
  {
    name: "saved state: any version is taken",
    file: "src/members.ts",
    find: "if (head[1] !== VERSION)",
    replace: "if (head[1] < 0)",
    tests: ["test/host/states.test.ts"],
  },
  {
    name: "saved state: bytes after it are let through",
    file: "src/members.ts",
    find: "if (bytes.length !== size || ",
    replace: "if (bytes.length < size || ",
  },
];

const SESSION: readonly Mutant[] = [
  {
    name: "group: a member may be named twice",
    file: "src/group.ts",
    find: "if (this.#calls[i] === this.#call) ",
    replace: "if (this.#call < 0) ",
  },
  {
    name: "inputs: the id after the last is let through",
    file: "src/ports.ts",
    find: "x[i] >= ids",
    replace: "x[i] > ids",
  },
  {
    name: "inputs: more numbers than rows are let through",
    file: "src/ports.ts",
    find: "x.length !== rows * size",
    replace: "x.length < rows * size",
  },
  {
    name: 'session: keep "last" is the row after it',
    file: "src/session.ts",
    find: "(length - 1) * count + j",
    replace: "length * count + j",
  },
  {
    name: "session: lengths longer than the batch are let through",
    file: "src/session.ts",
    find: 'checkInteger("lengths", counted[j], 0, steps)',
    replace: 'checkInteger("lengths", counted[j], 0)',
  },
  {
    name: "session: the given state is ignored",
    file: "src/session.ts",
    find: "if (state !== undefined) members.setState(state, 0, count);",
    replace: "",
  },
  {
    name: "session: a ragged list is padded to its first sequence",
    file: "src/session.ts",
    find: "Math.max(...(counted as number[]))",
    replace: "(counted as number[])[0]",
  },
  {
    name: "stream: a clone begins anew",
    file: "src/stream.ts",
    find: "stream.#members.states.copy(0, states, 0);",
    replace: "",
  },
  {
    name: "stream: a step's output is the region itself",
    file: "src/stream.ts",
    find: "copy ? row.slice() : row",
    replace: "row",
  },
];

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

export const SOURCES: readonly Mutant[] = [
  ...PACK,
  ...LOWERING,
  ...PLAN,
  ...ARENA,
  ...MEMBERS,
  ...SESSION,
  ...REFERENCE,
  ...FORMATS,
];
