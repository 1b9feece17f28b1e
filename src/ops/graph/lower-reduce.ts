/** Records of the graph kernels; the kernels come next, until then these models run with variant "reference". */
import { ModelError } from "../../errors.ts";
import type { Node } from "../../model.ts";
import type { Lowering } from "../../program.ts";
export function lowerBatchNorm(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerLayerNorm(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerReduce(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerSoftmax(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerTopK(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
