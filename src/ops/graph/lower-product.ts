/** Records of the graph kernels; the kernels come next, until then these models run with variant "reference". */
import { ModelError } from "../../errors.ts";
import type { Node } from "../../model.ts";
import type { Lowering } from "../../program.ts";
export function lowerLinear(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerMatmul(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
