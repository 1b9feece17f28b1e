/** The faults that the tests must see: each replaces one piece of a source file by another that builds. */

import { CELLS } from "./mutants-cells.ts";
import { HOST } from "./mutants-host.ts";
import { INT8 } from "./mutants-int8.ts";
import { KERNELS } from "./mutants-kernels.ts";
import { PLANNING } from "./mutants-plan.ts";
import { READERS } from "./mutants-readers.ts";

export interface Mutant {
  /** What is wrong, unique. */
  readonly name: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Test files or folders, asked one after another; the conformance suite of the simd build where absent. */
  readonly tests?: readonly string[];
}

export const MUTANTS: readonly Mutant[] = [...CELLS, ...KERNELS, ...PLANNING, ...HOST, ...READERS, ...INT8];
