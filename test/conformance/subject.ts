/** What a property is asked of: a model in a session, with inputs from a seed. */

import type { Model, Session } from "../../src/index.ts";
import type { Implementation } from "./cases.ts";
import { expectSameState } from "./compare.ts";
import type { Outcome } from "./drive.ts";
import type { Data, Random } from "./models.ts";

export interface Subject {
  readonly model: Model;
  readonly session: Session;
  readonly random: Random;
  /** Rows for every input. */
  readonly inputs: (count: number) => Data[];
}

export type Property = (subject: Subject, implementation: Implementation) => void;

export function expectSame(what: string, got: Outcome, expected: Outcome): void {
  expectSameState(what, got.outputs, expected.outputs);
  expectSameState(`${what}: state`, got.state, expected.state);
}
