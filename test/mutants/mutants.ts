/** The faults that the tests must see: each replaces one piece of a source file by another that builds. */

import { ASSEMBLY } from "./mutants-assembly.ts";
import { SOURCES } from "./mutants-src.ts";

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

export const MUTANTS: readonly Mutant[] = [...ASSEMBLY, ...SOURCES];
