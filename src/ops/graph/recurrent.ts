/**
 * rnn, gru, lstm of a graph. They carry their state over steps as the core's do, or scan an axis of their own input within one
 * execution: [x (T, B, I), h0?, c0?] → [y (T, B, D · H), hn?, cn?], the states (layers · directions, B, H).
 */

import type { Op, Shaped } from "../op.ts";
import { gru as coreGru, lstm as coreLstm, rnn as coreRnn } from "../recurrent.ts";
import { lowerScan } from "./lower-scan.ts";
import type { GraphLowering } from "./lowering.ts";
import { directions, stateSizes, width } from "./scan-attrs.ts";
import { inputsOf, sizeOf } from "./shape.ts";

function scanning(core: Op): Op {
  return {
    ...core,
    attrs: { ...core.attrs, scan: { kind: "boolean", optional: true } },
    states: (attrs) => (attrs.scan ? [] : (core.states?.(attrs) ?? [])),
    shape(node, inputs, refuse) {
      const { attrs, op } = node;
      if (attrs.bidirectional && attrs.reverse) refuse("bidirectional or reverse", "both");
      const [x] = inputsOf(node, inputs.slice(0, 1), refuse, [1, 1], "F32");
      const size = attrs.inputSize as number;
      const features = directions(attrs) * width(attrs);
      if (!attrs.scan) {
        if (inputs.length !== 1 || sizeOf(x) !== size || x.shape[x.shape.length - 1] !== size)
          refuse(`one input of ${size} numbers`, `${inputs.length} of (${x.shape})`);
        return [{ shape: [...x.shape.slice(0, -1), features], dtype: "F32" }];
      }
      if (attrs.computedOrder) refuse("outputs at their inputs' steps", "computedOrder");
      if (x.shape.length !== 3 || x.shape[2] !== size) refuse(`(T, B, ${size})`, `(${x.shape})`);
      const [T, B] = x.shape;
      const count = (attrs.numLayers as number) * directions(attrs);
      const states = stateSizes(op, attrs).map((size): Shaped => ({ shape: [count, B, size], dtype: "F32" }));
      if (inputs.length > 1 + states.length) refuse(`1 … ${1 + states.length} inputs`, inputs.length);
      states.forEach((state, i) => {
        const got = inputs[1 + i];
        if (got && (`${got.shape}` !== `${state.shape}` || got.dtype !== "F32"))
          refuse(`a state of (${state.shape})`, `(${got.shape}) of ${got.dtype}`);
      });
      return [{ shape: [T, B, features], dtype: "F32" }, ...states];
    },
    lower: (to: GraphLowering, node) => (node.attrs.scan ? lowerScan(to, node) : core.lower(to, node)),
  };
}

export const rnn = scanning(coreRnn);
export const gru = scanning(coreGru);
export const lstm = scanning(coreLstm);
