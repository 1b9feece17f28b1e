/**
 * Calls that must fail: the class or code of the error, what its message names, and that the state afterwards is, bit for
 * bit, the state before.
 */

import type { Model } from "../../src/index.ts";
import { type Case, type Implementation, withSession } from "./cases.ts";
import { expectBytes, expectSameState } from "./compare.ts";
import { argument } from "./drive.ts";
import { type Expected, FAILURES, type Failure, I, NUMBERS, x } from "./failing-calls.ts";
import { randomInputs, randomModel, randomState, type State, seeded, uniform } from "./models.ts";

export function failures(implementation: Implementation): Case[] {
  const cases = Object.entries(FAILURES).flatMap(([group, { layers, options, calls }]) =>
    Object.entries(calls).map(([what, failure]) => ({
      name: `failures/${group}/${what}`,
      run() {
        const models = [group, `${group} with other weights`].map((seed) => randomModel(seed, layers, options));
        check(implementation, models, failure);
      },
    })),
  );
  return [
    ...cases,
    { name: "failures/disposed", run: () => checkDisposed(implementation) },
    { name: "failures/options", run: () => checkOptions(implementation) },
  ];
}

/** `other` has the same graph and other weights: its state is another model's. */
function check(implementation: Implementation, [model, other]: readonly Model[], [call, expected]: Failure): void {
  const random = seeded("failures");
  const foreign = withSession(implementation, other, (session) => session.stream().save());
  withSession(implementation, model, (session) => {
    const [stream, group] = [session.stream(), session.group(5)];
    // Not the initial state, so that a reset would show.
    stream.setState(randomState(model, 1, random));
    for (let i = 0; i < 5; i++) group.setState(i, randomState(model, 1, random));
    stream.step(argument(model.inputs, randomInputs(model, 1, random)));
    group.step(argument(model.inputs, randomInputs(model, 5, random)));
    const states = (): State[] => [stream.state, ...[0, 1, 2, 3, 4].map((i) => group.state(i))];
    const [before, saved, twin] = [states(), stream.save(), stream.clone()];
    expectError(() => call({ model, session, stream, group, foreign }), expected);
    for (const [i, state] of states().entries()) {
      expectSameState(i === 0 ? "the stream" : `member ${i - 1}`, state, before[i]);
    }
    expectBytes("the saved state", stream.save(), saved);
    // Both go on as if the call had not been.
    const next = argument(model.inputs, randomInputs(model, 1, random));
    stream.step(next);
    twin.step(next);
    expectSameState("after the next step", stream.state, twin.state);
  });
}

/** Every use of what is disposed of is refused, again and again; disposing twice is not. */
function checkDisposed(implementation: Implementation): void {
  const model = randomModel("disposed", NUMBERS);
  const session = implementation.createSession(model);
  const input = uniform(seeded("disposed"), I);
  const [one, two, group] = [session.stream(), session.stream(), session.group(2)];
  one.dispose();
  one.dispose();
  for (const use of [
    () => one.step(input),
    () => one.run(input),
    () => one.state,
    () => one.reset(),
    () => one.save(),
    () => one.clone(),
  ]) {
    expectError(use, "ERR_DISPOSED stream");
  }
  two.step(input);
  group.dispose();
  expectError(() => group.step(x(2 * I)), "ERR_DISPOSED group");
  session.dispose();
  session.dispose();
  for (const use of [() => session.stream(), () => session.group(2), () => session.run(input)]) {
    expectError(use, "ERR_DISPOSED session");
  }
  expectError(() => two.step(input), "ERR_DISPOSED");
}

function checkOptions(implementation: Implementation): void {
  const model = randomModel("maxSteps", NUMBERS);
  for (const maxSteps of [0, -1, 1.5, Number.NaN]) {
    expectError(() => implementation.createSession(model, { maxSteps }), `RangeError "maxSteps" ${maxSteps}`);
  }
  for (const runtime of [null, {}, 1])
    expectError(() => implementation.createSession(model, { runtime } as object), 'TypeError "runtime" Runtime');
  expectError(
    () => implementation.createSession(model, { maxSteps: 4, precison: "int8" } as object),
    'RangeError "options" variant, wasm, maxSteps, precision, runtime precison',
  );
}

function expectError(call: () => unknown, expected: Expected): void {
  const [kind, ...fragments] = expected.split(" ");
  let error: unknown;
  try {
    call();
  } catch (thrown) {
    error = thrown;
  }
  if (error === undefined) throw new Error(`expected ${kind}, got no error`);
  const { name, code, message } = error as Error & { code?: string };
  const got = kind.startsWith("ERR_") ? code : name;
  if (!kind.split("|").includes(got as string)) throw new Error(`expected ${kind}, got ${code ?? name}: ${message}`);
  const missing = fragments.filter((fragment) => !message.includes(fragment));
  if (!kind.startsWith("ERR_")) missing.push(...["expected", "got"].filter((word) => !message.includes(word)));
  if (missing.length > 0) throw new Error(`expected a message with ${missing.join(" and ")}, got: ${message}`);
}
