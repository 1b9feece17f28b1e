/**
 * What the suite is made of: cases, each a name and a function that throws where the implementation is wrong, and the
 * implementation that they are asked of.
 */

import type { createSessionSync, Model, Session } from "../../src/index.ts";

type SessionOptions = NonNullable<Parameters<typeof createSessionSync>[1]>;

export interface Implementation {
  /** What session.info.variant says. */
  readonly name: string;
  createSession(model: Model, options?: SessionOptions): Session;
  /** Full names of cases, each with the reason why it does not run. */
  readonly skips?: Readonly<Record<string, string>>;
}

export interface Case {
  /** `group/what/sizes`, unique. */
  readonly name: string;
  readonly run: () => void;
  /** Why it cannot run here. */
  readonly skip?: string;
}

/** The implementation's session for the length of `use`. */
export function withSession<T>(
  implementation: Pick<Implementation, "createSession">,
  model: Model,
  use: (session: Session) => T,
  options?: SessionOptions,
): T {
  const session = implementation.createSession(model, options);
  try {
    return use(session);
  } finally {
    session.dispose();
  }
}

/** Throws where two cases have one name, or where a skip names none. */
export function checkNames(cases: readonly Case[], skips: Implementation["skips"] = {}): void {
  const names = new Set<string>();
  for (const { name } of cases) {
    if (names.has(name)) throw new Error(`conformance: two cases are called ${name}`);
    names.add(name);
  }
  for (const name of Object.keys(skips)) {
    if (!names.has(name)) throw new Error(`conformance: the skip ${name} matches no case`);
  }
}
