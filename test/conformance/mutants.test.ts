/**
 * The suite held to account: each fault of mutants-model.ts and mutants-session.ts must turn red what it names, and a case
 * that turns red must be green without the fault.
 */

import { describe, expect, it } from "vitest";
import { createSessionSync } from "../../src/index.ts";
import { type Case, checkNames, type Implementation } from "./cases.ts";
import { COMPUTED, type Mutant } from "./mutants-model.ts";
import { DRIVEN } from "./mutants-session.ts";
import { casesOf } from "./suite.ts";

/** A name of its own, so that the random cases ask the oracle. */
function implementation(mutant: Pick<Mutant, "model" | "session">): Implementation {
  return {
    name: "mutant",
    createSession(model, options) {
      const given = mutant.model ? mutant.model(model) : model;
      const session = createSessionSync(given, { ...options, variant: "reference" });
      return mutant.session ? mutant.session(session, model) : session;
    },
  };
}

/** The same cases of the reference without a fault. */
const sound = new Map(casesOf(implementation({})).map((one) => [one.name, one]));

/** Groups that cannot run here; one case stands for each. */
const skipped = new Set(
  [...sound.values()].filter(({ skip }) => skip !== undefined).map(({ name }) => name.split("/")[0]),
);

function firstRed(cases: readonly Case[]): Case | undefined {
  return cases.find(({ run }) => {
    try {
      run();
    } catch {
      return true;
    }
    return false;
  });
}

describe("the suite turns red", () => {
  for (const mutant of [...COMPUTED, ...DRIVEN]) {
    it(mutant.fault, () => {
      const cases = casesOf(implementation(mutant));
      for (const beginning of mutant.red) {
        const asked = cases.filter(({ name, skip }) => name.startsWith(beginning) && skip === undefined);
        if (asked.length === 0) {
          if (skipped.has(beginning.split("/")[0])) continue;
          throw new Error(`no case begins with ${beginning}`);
        }
        const red = firstRed(asked);
        if (!red) throw new Error(`all ${asked.length} cases of ${beginning} stay green`);
        (sound.get(red.name) as Case).run();
      }
    });
  }
});

describe("the names of cases", () => {
  const cases = ["random/a", "random/b"].map((name) => ({ name, run() {} }));

  it("are unique", () => {
    expect(() => checkNames([...cases, cases[0]])).toThrow("two cases are called random/a");
  });

  it("are what a skip names, in full", () => {
    checkNames(cases, { "random/a": "a reason" });
    expect(() => checkNames(cases, { random: "a reason" })).toThrow("the skip random matches no case");
  });
});
