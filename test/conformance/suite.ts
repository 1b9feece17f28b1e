/**
 * The conformance suite: a function of an implementation. Whatever runs models, by whatever means, is asked the same cases
 * and compared with PyTorch, with other people's operator tests, with the reference in f64, and with itself.
 */

import { describe, it } from "vitest";
import { modelFromLayers } from "../../src/index.ts";
import { type Case, checkNames, type Implementation, withSession } from "./cases.ts";
import { failures } from "./failures.ts";
import { functions } from "./functions.ts";
import { golden } from "./golden.ts";
import { int8 } from "./int8.ts";
import { isolation } from "./isolation.ts";
import { keras } from "./keras.ts";
import { onnxruntime } from "./onnxruntime.ts";
import { properties } from "./properties.ts";
import { whole } from "./properties-whole.ts";
import { random } from "./random.ts";

type Group = (implementation: Implementation) => Case[];

const GROUPS: readonly Group[] = [
  info,
  golden,
  onnxruntime,
  keras,
  random,
  properties,
  whole,
  isolation,
  failures,
  functions,
];

/** What int8 sessions are asked: nothing that is as close to the truth as f32. */
export const INT8_GROUPS: readonly Group[] = [info, int8, properties, whole, isolation, failures];

/** What runs is what is meant: a variant that fell back on another would pass everything else. */
function info(implementation: Implementation): Case[] {
  const check = () => {
    const model = modelFromLayers([{ type: "softmax", name: "soft" }], new Map(), {
      inputs: [{ name: "x", dtype: "F32", shape: [4] }],
    });
    const { variant } = withSession(implementation, model, (session) => session.info);
    if (variant !== implementation.name)
      throw new Error(`info.variant: expected ${implementation.name}, got ${variant}`);
  };
  return [{ name: "info/variant", run: check }];
}

/** Every case of the suite. */
export function casesOf(implementation: Implementation, groups = GROUPS): Case[] {
  return groups.flatMap((group) => group(implementation));
}

/** Registers every case with the test runner, those that are skipped with the reason in their names. */
export function conformance(implementation: Implementation, groups = GROUPS, how = ""): void {
  const { name, skips = {} } = implementation;
  const cases = casesOf(implementation, groups);
  checkNames(cases, skips);
  describe(`${name}${how} conforms`, () => {
    for (const one of cases) {
      const reason = one.skip ?? skips[one.name];
      if (reason === undefined) it(one.name, one.run);
      else it.skip(`${one.name} (${reason})`, one.run);
    }
  });
}
