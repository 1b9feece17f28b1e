/** The faults that the tests must see: each replaces one piece of a source file by another that builds. */

import { CELLS } from "./mutants-cells.ts";
import { GRAPHS } from "./mutants-graphs.ts";
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

export const MUTANTS: readonly Mutant[] = [...CELLS, ...KERNELS, ...PLANNING, ...HOST, ...READERS, ...INT8, ...GRAPHS];

/** What is wrong with the table: a name that stands twice, a text that does not stand in its file once. */
export function staleMutants(read: (file: string) => string, mutants: readonly Mutant[] = MUTANTS): string[] {
  const names = new Set<string>();
  return mutants.flatMap(({ name, file, find, replace }) => {
    if (names.has(name)) return [`${name}: there is another of this name`];
    names.add(name);
    if (find === replace) return [`${name}: it changes nothing`];
    const count = read(file).split(find).length - 1;
    return count === 1 ? [] : [`${name}: expected its text once in ${file}; got ${count}`];
  });
}
