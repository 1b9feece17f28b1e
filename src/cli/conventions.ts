/** A model and the format that it was read from → the conventions that decide its numbers, one line for each. */

import type { ActivationSpec, Format, Model } from "../all.ts";

export interface Convention {
  /** A layer, or the format. */
  readonly of: string;
  readonly what: string;
}

export function conventionsOf({ nodes }: Pick<Model, "nodes">, { name, conventions }: Format): Convention[] {
  const layers = nodes.flatMap(({ name, op, attrs }): Convention[] => {
    if (op !== "rnn" && op !== "gru" && op !== "lstm") return [];
    const [gates] = (attrs.activations ?? [{ name: "sigmoid" }]) as readonly ActivationSpec[];
    const what = [
      ...(op === "gru" ? [`reset gate ${attrs.resetAfter ? "after" : "before"} the product`] : []),
      ...(op === "rnn" ? [] : [`gates ${functionText(gates)}`]),
      ...(attrs.bias ? [] : ["no bias"]),
    ];
    return what.length === 0 ? [] : [{ of: name || op, what: what.join("; ") }];
  });
  return [{ of: name, what: conventions }, ...layers];
}

/** `hardSigmoid, 0.2 x + 0.5` */
function functionText({ name, alpha = 1 / 6, beta = 0.5 }: ActivationSpec): string {
  return name === "hardSigmoid" ? `${name}, ${Number(alpha.toPrecision(6))} x + ${beta}` : name;
}
