/** `sluice check`: does a model give what training saved? If not, the convention that is another, and what to do. */

import { writeFile } from "node:fs/promises";
import { createSession, FormatError, type Model, type SessionOptions, type Tensor } from "../all.ts";
import { parseNpz } from "../formats/npz.ts";
import { gapsOf, sizeOfGap, worstOf } from "./compare.ts";
import { nativeBytes } from "./convert.ts";
import { batchFirstOf, type Expected, readExpected } from "./expected.ts";
import { nameError, readBytes, readOrGuess, type WeightsOptions } from "./file.ts";
import { findFits } from "./search.ts";
import { checkVariant, numberOption, UsageError } from "./usage.ts";
import { factsOf, reportOf } from "./verdict.ts";

export interface CheckOptions extends WeightsOptions {
  readonly expect?: string;
  readonly tolerance?: string;
  readonly "batch-first"?: boolean;
  readonly output?: string;
  readonly variant?: string;
  readonly json?: boolean;
}

/** Two programs in f32 that add in different orders stay within this over some hundred steps. */
const TOLERANCE = 1e-4;

export async function check(path: string, options: CheckOptions): Promise<void> {
  const { expect, output, json = false } = options;
  if (expect === undefined) throw new UsageError("expected --expect IO.npz; got none");
  const tolerance = numberOption("tolerance", options.tolerance, { otherwise: TOLERANCE, integer: false });
  const variant = checkVariant(options.variant) as SessionOptions["variant"];
  const read = await readOrGuess(path, options);
  const { model } = read;
  const saved = await readBytes(expect, (bytes) => readEitherWay(model, parseNpz(bytes), options["batch-first"]));

  const session = await createSession(model, { variant });
  const gaps = saved.expected && gapsOf(session, saved.expected);
  session.dispose();
  const ok = gaps !== undefined && sizeOfGap(worstOf(gaps)) <= tolerance;
  const found = ok ? undefined : findFits({ model, ...saved, tolerance, variant });
  const [fit] = found?.fits ?? [];
  // Shapes that fit neither way with any change are what is wrong, not the model.
  if (saved.problem !== undefined && fit === undefined) throw nameError(expect, saved.problem);
  const right = ok ? model : fit?.model;
  if (output !== undefined && right !== undefined) {
    await writeFile(output, nativeBytes(right)).catch((error) => {
      throw nameError(output, error);
    });
  }
  const facts = factsOf({ path, read, expect, saved, tolerance, ok, gaps, found, output: right && output });
  process.stdout.write(json ? `${JSON.stringify(facts, undefined, 2)}\n` : reportOf(facts));
  if (!ok) process.exitCode = 1;
}

/** The arrays as they are said to stand, and with time and batch the other way around. */
export interface Saved {
  readonly batchFirst: boolean;
  readonly expected?: Expected;
  /** Why they cannot stand as they are said to. */
  readonly problem?: FormatError;
  readonly turned?: Expected;
}

function readEitherWay(model: Model, arrays: ReadonlyMap<string, Tensor>, said: boolean | undefined): Saved {
  const batchFirst = said ?? batchFirstOf(arrays);
  const [expected, turned] = [batchFirst, !batchFirst].map((first) => {
    try {
      return readExpected(model, arrays, first);
    } catch (error) {
      if (error instanceof FormatError) return error;
      throw error;
    }
  });
  if (expected instanceof FormatError) {
    if (turned instanceof FormatError) throw expected;
    return { batchFirst, problem: expected, turned };
  }
  // One sequence either way: there is nothing to turn.
  const same = turned instanceof FormatError || (expected.batch === 1 && turned.batch === 1);
  return { batchFirst, expected, ...(!same && { turned }) };
}
