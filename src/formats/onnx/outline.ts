/** What an ONNX file lists: its inputs, and how often it has each operator, in branches too. Nothing is specialised. */

import type { Outline } from "../format.ts";
import { OPERATORS } from "./operators.ts";
import type { OnnxFile, OnnxGraph } from "./proto.ts";

export function outlineOf({ graph }: OnnxFile): Outline {
  const counts = new Map<string, number>();
  count(graph, counts);
  return {
    inputs: graph.inputs
      .filter(({ name }) => !graph.initializers.has(name))
      .map(({ name, shape = ["?"] }) => ({ name, shape: shape.map((axis) => (axis === "" ? "?" : axis)) })),
    parts: [...counts].map(([name, times]) => ({ name, count: times, supported: isSupported(name) })),
  };
}

/** Branches lie as deep as protobuf messages may. */
function count({ nodes }: OnnxGraph, counts: Map<string, number>): void {
  for (const { domain, op, attributes } of nodes) {
    const name = domain === "" ? op : `${domain}.${op}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const { type, value } of attributes.values()) if (type === "graph") count(value, counts);
  }
}

function isSupported(name: string): boolean {
  return name === "If" || Object.hasOwn(OPERATORS, name);
}
