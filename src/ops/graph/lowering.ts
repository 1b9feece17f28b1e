/** What the rows of graph operators may do beyond those of the core. */

import type { Block, Lowering, Operand, Place, Rows } from "../../program.ts";
import type { Shaped } from "../op.ts";

export interface GraphLowering extends Lowering {
  /** Shape and dtype of a value. */
  shaped(name: string): Shaped;
  /** Bytes that live as long as the node, whatever the rows. */
  scratch(bytes: number): Place;
  /** Integers in the weights. */
  integers(values: readonly number[]): Place;
  /** A tensor as it is, row by row, as numbers unless it is ids. */
  tensor(name: string, size: number, ids?: boolean): Place;
  /** The same for records that run while loading. */
  matrix(tensor: string, size: number): Place;
  /** A record that runs once, after what was loaded before it. */
  once(op: number, ...operands: Operand[]): void;
  /** `bytes` of weights that such a record writes. */
  weights(bytes: number): Place;
  /** As panels, in f32 whatever the tensor is: kernels of graphs multiply no bytes. */
  wide(blocks: readonly Block[], columns: number, units?: boolean): Place;
  /** A value that stands in the weights, the same for all rows. */
  constant(name: string, tensor: string): void;
  /** A second name for a value, or for `size` elements of it from `first` on. */
  alias(name: string, of: string, first?: number, size?: number): void;
  /** The rows of `of` under a new name, where this node is the last that reads them; else new rows. */
  overwrite(name: string, of: string): Rows;
  /** A record that may find an id out of range. Its last two operands, where the states stand as they were, are added. */
  check(op: number, ...operands: Operand[]): void;
}
