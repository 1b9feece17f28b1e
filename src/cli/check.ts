/** `sluice check`: does a model give what training saved? If not, the convention that is another, and what to do. */

import { createSession, type SessionOptions } from "../all.ts";
import { parseNpz } from "../formats/npz.ts";
import { gapsOf, sizeOfGap, worstOf } from "./compare.ts";
import { nativeBytes } from "./convert.ts";
import { readEitherWay } from "./expected.ts";
import { nameError, readBytes, readOrGuess, type WeightsOptions } from "./file.ts";
import { findFits } from "./search.ts";
import { checkVariant, numberOption, UsageError } from "./usage.ts";
import { factsOf, reportOf } from "./verdict.ts";
import { refuseInputs, write } from "./write.ts";

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
  refuseInputs(output, [path, expect]);
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
  if (output !== undefined && right !== undefined) await write(output, nativeBytes(right));
  const facts = factsOf({ path, read, expect, saved, tolerance, ok, gaps, found, output: right && output });
  process.stdout.write(json ? `${JSON.stringify(facts, undefined, 2)}\n` : reportOf(facts));
  if (!ok) process.exitCode = 1;
}
