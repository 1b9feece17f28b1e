/** Faults in memory, members, sessions, streams and baked files. */

import type { Mutant } from "./mutants.ts";

const ARENA: readonly Mutant[] = [
  {
    name: "arena: views are not renewed after a growth",
    file: "src/arena.ts",
    find: "runtime.grown.add(renew);",
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
    find: "setRows(image, offset / 4, toF32(tensor), size)",
    replace: "setRows(image, offset / 4, toF32(tensor).subarray(0, size), size)",
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
    find: "for (const block of this.held) block.free();",
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
    find: "gaps[i - 1]?.end === at",
    replace: "gaps[i - 1]?.end <= at",
    tests: ["test/host/memory.test.ts"],
  },
  {
    name: "runtime: neighbouring gaps stay two",
    file: "src/runtime.ts",
    find: "gaps[i - 1]?.end === at",
    replace: "gaps[i - 1]?.end < 0",
    tests: ["test/host/memory.test.ts"],
  },
  {
    name: "runtime: the view of integers is not renewed after a growth",
    file: "src/runtime.ts",
    find: "this.u32 = new Uint32Array(memory.buffer);",
    replace: "",
  },
  {
    name: "runtime: sessions do not learn of a growth",
    file: "src/runtime.ts",
    find: "for (const renew of this.grown) renew();",
    replace: "",
  },
  {
    name: "stream: the short way does not check the length of x",
    file: "src/stream.ts",
    find: "      x.length === from.length &&\n",
    replace: "",
    tests: ["test/host/step.test.ts"],
  },
  {
    name: "group: the short way takes rows without their padding",
    file: "src/members.ts",
    find: "ys[at++] = to.data[j * to.stride + i]",
    replace: "ys[at++] = to.data[j * length + i]",
  },
  {
    name: "arena: what is left when rows grow is not given back",
    file: "src/arena.ts",
    find: "for (const block of old) block.free();",
    replace: "",
  },
  {
    name: "arena: a traced stream walks the program without a trace",
    file: "src/arena.ts",
    find: "traced === 0 ? program.at : traced",
    replace: "program.at",
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
    find: "else if (into && ids) data.fill(0, row, row + size);",
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
    find: "new Uint8Array(buffer, byteOffset, byteLength).forEach(word);",
    replace: "{}",
  },
  {
    name: "saved state: the hash knows no scales",
    file: "src/members.ts",
    find: "of scale ? [data, scale] : [data])",
    replace: "of [data])",
    tests: ["test/host/states.test.ts"],
  },
  {
    name: "run: a failure in the middle leaves the states of the steps before",
    file: "src/members.ts",
    find: "if (!this.core.fallible) return this.#run(course);",
    replace: "return this.#run(course);",
    tests: ["test/graph/fallible.test.ts"],
  },
  {
    name: "session.run: a view of memory is read after memory has grown",
    file: "src/ports.ts",
    find: "return array.buffer === inputs[0].row.buffer ? (array.slice() as A) : array;",
    replace: "return array;",
    tests: ["test/host/memory-views.test.ts"],
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
  {
    name: "members: a sequence model has room for one sequence of a batch",
    file: "src/members.ts",
    find: "engine.reserve(T * tile)",
    replace: "engine.reserve(T)",
  },
  {
    name: "saved state: in the order of the model, not of the names",
    file: "src/members.ts",
    find: `for (const name of Object.keys(state).sort()) {
      bytes.set`,
    replace: `for (const name of Object.keys(state)) {
      bytes.set`,
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
    find: "members.setState(state, 0, count);",
    replace: "",
  },
  {
    name: "session: a ragged list is padded to its first sequence",
    file: "src/session.ts",
    find: "Math.max(longest, one)",
    replace: "(longest || one)",
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
  {
    name: "session: a run gives nothing back",
    file: "src/session.ts",
    find: `} finally {
      members.dispose();`,
    replace: "} finally {",
    tests: ["test/host/memory.test.ts"],
  },
  {
    name: "stream: over goes on after its signal",
    file: "src/stream.ts",
    find: "of signal ? until(source, signal) : source)",
    replace: "of source)",
    tests: ["test/host/web-streams.test.ts"],
  },
];

const BAKED: readonly Mutant[] = [
  {
    name: "packed program: a run may be a word too long",
    file: "src/bake/packed.ts",
    find: "same < PACKED_RUN",
    replace: "same <= PACKED_RUN",
  },
  {
    name: "packed program: a run is taken from the word before",
    file: "src/bake/packed.ts",
    find: "(at - place)",
    replace: "(at - place + 1)",
  },
  {
    name: "data segments: one ends before its last byte",
    file: "src/bake/module.ts",
    find: "end = at + 1",
    replace: "end = at",
  },
  {
    name: "data segments: as many as there are gaps",
    file: "src/bake/module.ts",
    find: "Math.max(GAP, total / MOST_SEGMENTS)",
    replace: "GAP",
  },
].map((mutant) => ({ ...mutant, tests: ["test/bake/packed.test.ts"] }));

export const HOST: readonly Mutant[] = [...ARENA, ...MEMBERS, ...SESSION, ...BAKED];
