/** Records of the graph kernels; the kernels come next, until then these models run with variant "reference". */
import { ModelError } from "../../errors.ts";
import type { Node } from "../../model.ts";
import type { Lowering } from "../../program.ts";
export function lowerConcat(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerExpand(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerGather(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerPad(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerScatter(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerSlice(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerTile(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
export function lowerTranspose(_: Lowering, node: Node, ..._rest: unknown[]): void {
  throw new ModelError("ERR_VARIANT", `${node.op}: runs with variant "reference" only.`);
}
