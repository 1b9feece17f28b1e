/**
 * The one thing that is known by who made a file, and it only warns: PyTorch's exporter of torch ≥ 2.9 leaves
 * linear_before_reset at 0 for nn.GRU, whose reset gate applies after the product (github.com/microsoft/onnxscript/issues/2852,
 * github.com/pytorch/pytorch/issues/189225). Such a file is wrong in every runtime; it runs as it is written.
 */

import type { Exporter } from "./proto.ts";
import type { Step } from "./step.ts";

export function resetWarnings(
  { name, version }: Exporter,
  steps: readonly Step[],
  gruReset: "after" | undefined,
): string[] {
  if (name !== "pytorch" || gruReset === "after") return [];
  return steps
    .filter(({ node }) => node.op === "GRU")
    .filter((step) => step.int("linear_before_reset", 0) === 0)
    .map(
      ({ node }) =>
        `${node.text}: linear_before_reset is 0, but nn.GRU resets after the product; the exporter of torch ≥ 2.9 leaves it out` +
        ` (this file says ${version || "no version"}). It runs as written; gruReset: "after" corrects it.`,
    );
}
