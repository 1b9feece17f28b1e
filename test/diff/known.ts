/** Differences that are no bugs of ours, each with its reason. */

import type { File, Node } from "../formats/onnx/writer.ts";

export interface Outcome {
  /** theirs: ONNX Runtime does not run it; refused: we do not, by name; failed: another error of ours. */
  readonly kind: "same" | "differs" | "theirs" | "refused" | "failed";
  readonly message: string;
  readonly output?: string;
}

export interface Known {
  readonly kind: Outcome["kind"];
  readonly reason: string;
  fits(file: File, outcome: Outcome): boolean;
}

const has = ({ nodes = [] }: File, op: string): boolean => (nodes as readonly Node[]).some((node) => node.op === op);

export const KNOWN: readonly Known[] = [
  {
    kind: "theirs",
    reason: "ONNX Runtime's RNN has not all of ONNX's functions",
    fits: (file, { message }) => has(file, "RNN") && message.includes("Invalid activation attribute"),
  },
  {
    kind: "differs",
    reason: "Softplus in ONNX Runtime's cells is infinite from 89 on, where e^x overflows",
    fits: ({ nodes = [] }, { message }) =>
      /theirs (-?Infinity|NaN)/.test(message) &&
      (nodes as readonly Node[]).some(({ attrs = {} }) => /softplus/i.test(String(attrs.activations))),
  },
  {
    kind: "refused",
    reason: "ReduceSum and ReduceMax of computed integers have no kernel",
    fits: (_, { message }) => /ERR_UNSUPPORTED_OP .*Reduce(Sum|Max).* got computed integers/.test(message),
  },
];
