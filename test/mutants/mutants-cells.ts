/** Faults in the cells and in how they are carried over time. */

import type { Mutant } from "./mutants.ts";

const GRU: readonly Mutant[] = [
  {
    name: "gru: r and z exchanged",
    file: "assembly/gru.ts",
    find: "sigmoidTimesV(v128.load(gates + at + i), v128.load(nRow + i))",
    replace: "sigmoidTimesV(v128.load(z + at + i), v128.load(nRow + i))",
  },
  {
    name: "gru: z weighs the new state",
    file: "assembly/gru.ts",
    find: "blendV<T>(v128.load(z + at + i),",
    replace: "blendV<T>(f32x4.div(f32x4.splat(1), v128.load(z + at + i)),",
  },
  {
    name: "gru: in the general form r does not reach U_n h",
    file: "assembly/gru.ts",
    find: "mulAdd(v128.load(gates + i), v128.load(nHidden + i), v128.load(n + i))",
    replace: "f32x4.add(v128.load(nHidden + i), v128.load(n + i))",
  },
  {
    name: "gru: the reset before the product takes z",
    file: "assembly/gru.ts",
    find: "f32x4.mul(v128.load(gates + i), v128.load(h + i))",
    replace: "f32x4.mul(v128.load(gates + bytes + i), v128.load(h + i))",
  },
  {
    name: "gru: in the general form n has the function of the gates",
    file: "assembly/gru.ts",
    find: "wordAt(record, C_CANDIDATE), clip",
    replace: "wordAt(record, C_GATE), clip",
  },
];

const LSTM: readonly Mutant[] = [
  {
    name: "lstm: i and f exchanged",
    file: "assembly/lstm.ts",
    find: `const input = sigmoidTanhV(v128.load(i + at + k), v128.load(g + at + k), v128.load(mRow + k));
      v128.store(cRow + k, keptV(f32x4.add(sigmoidTimesV(v128.load(f + at + k),`,
    replace: `const input = sigmoidTanhV(v128.load(f + at + k), v128.load(g + at + k), v128.load(mRow + k));
      v128.store(cRow + k, keptV(f32x4.add(sigmoidTimesV(v128.load(i + at + k),`,
  },
  {
    name: "lstm: the peephole of o sees the old c",
    file: "assembly/lstm.ts",
    find: `  for (let k: usize = 0; k < bytes; k += 16) {
    const input = f32x4.mul(v128.load(i + k), v128.load(g + k));
    v128.store(c + k, mulAdd(v128.load(f + k), v128.load(c + k), input));
  }
  zeroPadding(c, hidden);
  if (peephole != 0) addProduct(o, peephole + (bytes << 1), c, bytes);`,
    replace: `  if (peephole != 0) addProduct(o, peephole + (bytes << 1), c, bytes);
  for (let k: usize = 0; k < bytes; k += 16) {
    const input = f32x4.mul(v128.load(i + k), v128.load(g + k));
    v128.store(c + k, mulAdd(v128.load(f + k), v128.load(c + k), input));
  }
  zeroPadding(c, hidden);`,
  },
  {
    name: "lstm: the peepholes of i and f exchanged",
    file: "assembly/lstm.ts",
    find: `addProduct(i, peephole, c, bytes);
    addProduct(f, peephole + bytes, c, bytes);`,
    replace: `addProduct(f, peephole, c, bytes);
    addProduct(i, peephole + bytes, c, bytes);`,
  },
  {
    name: "lstm: a coupled f is i",
    file: "assembly/lstm.ts",
    find: "f32x4.sub(f32x4.splat(1), v128.load(x + k))",
    replace: "v128.load(x + k)",
  },
  {
    name: "lstm: clip limits what enters the output function",
    file: "assembly/lstm.ts",
    find: "wordAt(record, C_OUTPUT), Infinity",
    replace: "wordAt(record, C_OUTPUT), clip",
  },
  {
    name: "lstm: the projection takes as many columns as it has rows",
    file: "assembly/lstm.ts",
    find: "projection, m, mStride, rows, hidden, count",
    replace: "projection, m, mStride, rows, width, count",
  },
  {
    name: "rnn: clip ignored",
    file: "assembly/rnn.ts",
    find: "const clip = load<f32>(wordAt(record, C_CLIP));",
    replace: "const clip: f32 = Infinity;",
  },
];

const RECURRENCE: readonly Mutant[] = [
  {
    name: "recurrence: reverse begins a step too late",
    file: "assembly/recurrence.ts",
    find: "(reverse ? steps - 1 - s : s)",
    replace: "(reverse ? steps - s : s)",
  },
  {
    name: "recurrence: the last member of a group keeps its h",
    file: "assembly/recurrence.ts",
    find: "copyVectors(state + hOffset, h + i * hBytes, hBytes);",
    replace: "if (i + 1 < count) copyVectors(state + hOffset, h + i * hBytes, hBytes);",
  },
  {
    name: "recurrence: the members of a group keep their c",
    file: "assembly/recurrence.ts",
    find: "copyVectors(state + cOffset, c + i * cBytes, cBytes);",
    replace: "",
  },
  {
    name: "recurrence: every member begins with the c of the first",
    file: "assembly/recurrence.ts",
    find: "copyVectors(c + i * cBytes, state + cOffset, cBytes);",
    replace: "copyVectors(c + i * cBytes, memberState(members, 0) + cOffset, cBytes);",
  },
  {
    name: "recurrence: members of unlike lengths advance together",
    file: "assembly/recurrence.ts",
    find: "sameSteps(members, n) ? n : 1",
    replace: "n",
  },
  {
    name: "recurrence: both directions write to the first columns",
    file: "assembly/recurrence.ts",
    find: "(reverse == 2 ? s * n + j : row) * yStride + word(record, C_Y_COLUMN)",
    replace: "(reverse == 2 ? s * n + j : row) * yStride",
  },
  {
    name: "recurrence: states that lie in any order are taken to ascend evenly",
    file: "assembly/recurrence.ts",
    find: "if (memberState(members, i) - memberState(members, i - 1) != stride) return 0;",
    replace: "",
  },
  {
    name: "recurrence: both directions of a step write to the first columns",
    file: "assembly/recurrence.ts",
    find: "yRow * word(record, C_Y_STRIDE) + word(record, C_Y_COLUMN)",
    replace: "yRow * word(record, C_Y_STRIDE)",
  },
  {
    name: "recurrence: outputs in the order of computation stand at their inputs' steps",
    file: "assembly/recurrence.ts",
    find: "(reverse == 2 ? s * n + j : row)",
    replace: "row",
  },
  {
    name: "recurrence: in a run with few inputs, outputs in the order of computation stand at their inputs' steps",
    file: "assembly/recurrence.ts",
    find: "const yRow = reverse == 2 ? s : row;",
    replace: "const yRow = row;",
  },
  {
    name: "recurrence: a run with few inputs goes forwards only",
    file: "assembly/recurrence.ts",
    find: "const row = reverse ? steps - 1 - s : s;",
    replace: "const row = s;",
  },
  {
    name: "recurrence: a run with few inputs reads its first row only",
    file: "assembly/recurrence.ts",
    find: "gruAlone(record, word(record, C_X) + row * word(record, C_X_STRIDE), h,",
    replace: "gruAlone(record, word(record, C_X), h,",
  },
  {
    name: "recurrence: a group's input products with the bias of r for n",
    file: "assembly/recurrence.ts",
    find: "bias, 0, bias + rz,",
    replace: "bias, 0, bias,",
  },
  {
    name: "sums: the second member of a small group has the first one's input",
    file: "assembly/sums.ts",
    find: "x += word(record, C_X_STRIDE);",
    replace: "",
  },
  {
    name: "recurrence: two members make a run of one",
    file: "assembly/recurrence.ts",
    find: "if (both && units && n == 1) {",
    replace: "if (both && units) {",
  },
];

export const CELLS: readonly Mutant[] = [...GRU, ...LSTM, ...RECURRENCE];
