/** The outputs of a graph that keeps no state, as numbers: what a session gives. */

import { type OnnxOp, type Reading, Step } from "./step.ts";
import type { Value } from "./value.ts";

/** An output under the name that it has in the file. */
export interface Output {
  readonly name: string;
  readonly value: Value;
}

const CAST: OnnxOp = {
  inputs: [1, 1],
  infer: (step) => [{ kind: "F32", shape: step.input(0).shape }],
  emit: (step, to) => to.node(step, "cast", [step.input(0)], { to: "F32" }),
};

/** Each output of the graph, nothing of it a state; integers and booleans become numbers at the end. */
export function unpaired(values: readonly Value[], steps: readonly Step[], names: readonly string[], reading: Reading) {
  const casts: Step[] = [];
  const outputs = values.map((value, i): Output => {
    const name = names[i];
    if (value.kind === "F32") return { name, value };
    const node = {
      text: `${name} (Cast)`,
      name,
      op: "Cast",
      domain: "",
      inputs: [],
      outputs: [],
      attributes: new Map(),
    };
    const step = new Step(node, CAST, 0, reading);
    step.inputs = [value];
    step.outputs = [{ ...CAST.infer(step)[0], name, step }];
    casts.push(step);
    return { name, value: step.outputs[0] };
  });
  return { outputs, pairs: [], steps: [...steps, ...casts], warnings: [] };
}
