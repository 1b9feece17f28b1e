/** activation, add, concat, last: operators without tensors. */

import { OP_ACTIVATE, OP_ADD, OP_COPY } from "../../assembly/abi.ts";
import type { ActivationSpec } from "../model.ts";
import { functionWords } from "./functions.ts";
import type { Op } from "./op.ts";

const WITHOUT_TENSORS = {
  inputSize: () => undefined,
  tensors: () => [],
  infer: (given: Readonly<Record<string, unknown>>) => ({ ...given }),
};

export const activation: Op = {
  ...WITHOUT_TENSORS,
  attrs: { function: { kind: "functions" } },
  inputs: 1,
  outputSize: (_, [size]) => size,
  infer: ({ activation, ...given }) => (activation === undefined ? given : { function: activation, ...given }),
  lower(to, node) {
    const x = to.value(node.inputs[0]);
    const y = to.define(node.outputs[0], x.size);
    const [f] = node.attrs.function as readonly ActivationSpec[];
    to.emit(OP_COPY, y.place, y.stride, 0, x.place, x.stride, x.size);
    to.emit(OP_ACTIVATE, y.place, y.stride, x.size, ...functionWords(f));
  },
};

export const add: Op = {
  ...WITHOUT_TENSORS,
  attrs: {},
  inputs: { atLeast: 2 },
  outputSize: (_, [size]) => size,
  lower(to, node) {
    const [first, ...rest] = node.inputs.map((name) => to.value(name));
    const y = to.define(node.outputs[0], first.size);
    let sum = first;
    for (const term of rest) {
      to.emit(OP_ADD, y.place, y.stride, sum.place, sum.stride, term.place, term.stride, y.size);
      sum = y;
    }
  },
};

export const concat: Op = {
  ...WITHOUT_TENSORS,
  attrs: {},
  inputs: { atLeast: 2 },
  outputSize: (_, sizes) => sizes.reduce((sum, size) => sum + size, 0),
  lower(to, node) {
    const parts = node.inputs.map((name) => to.value(name));
    const y = to.define(
      node.outputs[0],
      parts.reduce((sum, part) => sum + part.size, 0),
    );
    let column = 0;
    for (const x of parts) {
      to.emit(OP_COPY, y.place, y.stride, column * 4, x.place, x.stride, x.size);
      column += x.size;
    }
  },
};

/** The last valid step of the sequence. In a step it is the step itself; `session.run` gives only its last row. */
export const last: Op = {
  ...WITHOUT_TENSORS,
  attrs: {},
  inputs: 1,
  outputSize: (_, [size]) => size,
  lower(to, node) {
    to.alias(node.outputs[0], node.inputs[0]);
  },
};
