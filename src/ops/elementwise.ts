/** activation, add, concat, last: operators without tensors. */

import { OP_ACTIVATE, OP_ADD, OP_COPY } from "../../assembly/abi.ts";
import type { ActivationSpec } from "../model.ts";
import { functionWords } from "./functions.ts";
import type { Op } from "./op.ts";

export const activation: Op = {
  attrs: { function: { kind: "functions" } },
  lower(to, { inputs, outputs, attrs }) {
    const x = to.value(inputs[0]);
    const y = to.define(outputs[0], x.size);
    const [f] = attrs.function as readonly ActivationSpec[];
    to.emit(OP_COPY, y, 0, x, x.size);
    to.emit(OP_ACTIVATE, y, x.size, ...functionWords(f));
  },
};

export const add: Op = {
  attrs: {},
  several: true,
  lower(to, { inputs, outputs }) {
    const [first, ...rest] = inputs.map((name) => to.value(name));
    const y = to.define(outputs[0], first.size);
    let sum = first;
    for (const term of rest) {
      to.emit(OP_ADD, y, sum, term, y.size);
      sum = y;
    }
  },
};

const total = (sizes: readonly number[]) => sizes.reduce((sum, size) => sum + size, 0);

export const concat: Op = {
  attrs: {},
  several: true,
  size: (_, sizes) => total(sizes),
  lower(to, { inputs, outputs }) {
    const parts = inputs.map((name) => to.value(name));
    const y = to.define(outputs[0], total(parts.map(({ size }) => size)));
    let column = 0;
    for (const x of parts) {
      to.emit(OP_COPY, y, column * 4, x, x.size);
      column += x.size;
    }
  },
};

/** The last valid step of the sequence. In a step it is the step itself; `session.run` gives only its last row. */
export const last: Op = {
  attrs: {},
  lower: (to, { inputs, outputs }) => to.alias(outputs[0], inputs[0]),
};
