/** Records of the graph kernels; the kernels come next, until then these models run with variant "reference". */
import { ModelError } from "../../errors.ts";
import type { Node } from "../../model.ts";
import type { Lowering } from "../../program.ts";
export function lowerBinary(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerUnary(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerWhere(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
