/**
 * Calls that must fail: the class or code of the error, what its message names, and that the state afterwards is, bit for
 * bit, the state before.
 */

import type { Model, Session, Stream, StreamGroup } from "../../src/index.ts";
import { type Case, type Implementation, withSession } from "./cases.ts";
import { expectBytes, expectSameState } from "./compare.ts";
import { argument } from "./drive.ts";
import { type Layer, randomInputs, randomModel, randomState, type State, seeded, uniform } from "./models.ts";
import { cell } from "./random-recurrent.ts";

/** What an error must be: the class or the `code`, and what its message says. */
type Expected = readonly [kind: "TypeError" | "RangeError" | `ERR_${string}`, ...fragments: string[]];

interface Subject {
  readonly model: Model;
  readonly session: Session;
  readonly stream: Stream;
  /** Five members. */
  readonly group: StreamGroup;
  /** Two sequences' worth of another model's saved state. */
  readonly foreign: Uint8Array;
}

interface Failure {
  readonly what: string;
  readonly call: (subject: Subject) => unknown;
  readonly expected: Expected;
}

const I = 8;
const O = 5;

const NUMBERS: readonly Layer[] = [
  cell("lstm", I, 6, { name: "lstm", numLayers: 2 }),
  { type: "linear", name: "head", inFeatures: 6, outFeatures: O },
];

const IDS: readonly Layer[] = [
  { type: "embedding", name: "embed", numEmbeddings: 65, embeddingDim: 4, inputs: ["tokens"] },
  cell("gru", 4, O, { name: "gru" }),
];

const x = (length: number) => new Float32Array(length).fill(0.5);
const wrong = (value: unknown) => value as Float32Array;

/** Of a model with an input of 8 numbers and an output of 5. */
const NUMBER_FAILURES: readonly Failure[] = [
  {
    what: "step with too few numbers",
    call: ({ stream }) => stream.step(x(7)),
    expected: ["RangeError", '"x"', "8", "7"],
  },
  {
    what: "step with too many numbers",
    call: ({ stream }) => stream.step(x(9)),
    expected: ["RangeError", '"x"', "8", "9"],
  },
  { what: "step with no numbers", call: ({ stream }) => stream.step(x(0)), expected: ["RangeError", '"x"', "8", "0"] },
  {
    what: "step with an Array",
    call: ({ stream }) => stream.step(wrong([1, 2, 3, 4, 5, 6, 7, 8])),
    expected: ["TypeError", '"x"', "Float32Array", "Array"],
  },
  {
    what: "step with f64",
    call: ({ stream }) => stream.step(wrong(new Float64Array(I))),
    expected: ["TypeError", '"x"', "Float32Array", "Float64Array"],
  },
  {
    what: "step with ids",
    call: ({ stream }) => stream.step(new Int32Array(I)),
    expected: ["TypeError", '"x"', "Float32Array", "Int32Array"],
  },
  { what: "step with null", call: ({ stream }) => stream.step(wrong(null)), expected: ["TypeError", '"x"'] },
  { what: "step with a number", call: ({ stream }) => stream.step(wrong(1)), expected: ["TypeError", '"x"'] },
  {
    what: "step with a y too short",
    call: ({ stream }) => stream.step(x(I), x(O - 1)),
    expected: ["RangeError", '"y"', "5", "4"],
  },
  {
    what: "step with a y of f64",
    call: ({ stream }) => stream.step(x(I), wrong(new Float64Array(O))),
    expected: ["TypeError", '"y"', "Float32Array", "Float64Array"],
  },
  {
    what: "run with a part of a row",
    call: ({ stream }) => stream.run(x(3 * I + 1)),
    expected: ["RangeError", '"x"', "24", "25"],
  },
  {
    what: "run with an Array",
    call: ({ stream }) => stream.run(wrong([1])),
    expected: ["TypeError", '"x"', "Float32Array", "Array"],
  },
  {
    what: "run with ys too short",
    call: ({ stream }) => stream.run(x(3 * I), x(3 * O - 1)),
    expected: ["RangeError", '"y"', "15", "14"],
  },
  {
    what: "group.step with a row missing",
    call: ({ group }) => group.step(x(4 * I)),
    expected: ["RangeError", '"x"', "40", "32"],
  },
  {
    what: "group.step with ys too short",
    call: ({ group }) => group.step(x(5 * I), x(4 * O)),
    expected: ["RangeError", '"y"', "25", "20"],
  },
  {
    what: "group.run with a part of a step",
    call: ({ group }) => group.run(x(9 * I)),
    expected: ["RangeError", '"x"', "40", "72"],
  },
  {
    what: "group.step with a member twice",
    call: ({ group }) => group.step(x(3 * I), undefined, Int32Array.of(1, 4, 1)),
    expected: ["RangeError", '"members"'],
  },
  {
    what: "group.step with a member past the end",
    call: ({ group }) => group.step(x(2 * I), undefined, Int32Array.of(0, 5)),
    expected: ["RangeError", '"members"', "5"],
  },
  {
    what: "group.step with a member below 0",
    call: ({ group }) => group.step(x(2 * I), undefined, Int32Array.of(2, -1)),
    expected: ["RangeError", '"members"', "-1"],
  },
  {
    what: "group.step with too many members",
    call: ({ group }) => group.step(x(6 * I), undefined, Int32Array.of(0, 1, 2, 3, 4, 0)),
    expected: ["RangeError", '"members"'],
  },
  {
    what: "group.step with members and rows that differ",
    call: ({ group }) => group.step(x(5 * I), undefined, Int32Array.of(0, 1)),
    expected: ["RangeError", '"x"', "16", "40"],
  },
  {
    what: "group.step with members in an Array",
    call: ({ group }) => group.step(x(I), undefined, [0] as unknown as Int32Array),
    expected: ["TypeError", '"members"', "Int32Array", "Array"],
  },
  {
    what: "group.reset of a member that is not there",
    call: ({ group }) => group.reset(5),
    expected: ["RangeError", "5"],
  },
  {
    what: "group.state of a member that is not there",
    call: ({ group }) => group.state(-1),
    expected: ["RangeError", "-1"],
  },
  {
    what: "group.save of a member that is not there",
    call: ({ group }) => group.save(1.5),
    expected: ["RangeError", "1.5"],
  },
  {
    what: "load of another model's state",
    call: ({ stream, foreign }) => stream.load(foreign),
    expected: ["ERR_STATE"],
  },
  {
    what: "group.load of another model's state",
    call: ({ group, foreign }) => group.load(2, foreign),
    expected: ["ERR_STATE"],
  },
  { what: "load of nothing", call: ({ stream }) => stream.load(new Uint8Array()), expected: ["ERR_STATE_BYTES"] },
  {
    what: "load of a state cut short",
    call: ({ stream }) => stream.load(stream.save().slice(0, -1)),
    expected: ["ERR_STATE_BYTES"],
  },
  {
    what: "load of a state cut inside its header",
    call: ({ stream }) => stream.load(stream.save().slice(0, 6)),
    expected: ["ERR_STATE_BYTES"],
  },
  {
    what: "load of a state that is too long",
    call: ({ stream }) => stream.load(Uint8Array.of(...stream.save(), 0)),
    expected: ["ERR_STATE_BYTES"],
  },
  {
    what: "load of other bytes",
    call: ({ stream }) => stream.load(stream.save().fill(0x55, 0, 4)),
    expected: ["ERR_STATE_BYTES"],
  },
  {
    what: "load of an Array",
    call: ({ stream }) => stream.load([] as unknown as Uint8Array),
    expected: ["TypeError", "Uint8Array"],
  },
  {
    what: "setState with a wrong length",
    call: ({ stream }) => stream.setState({ "lstm.h": x(12), "lstm.c": x(11) }),
    expected: ["RangeError", "lstm.c", "12", "11"],
  },
  {
    what: "setState with an unknown name",
    call: ({ stream }) => stream.setState({ "lstm.h": x(12), h: x(12) }),
    expected: ["RangeError", '"h"', "lstm.h"],
  },
  {
    what: "setState with an Array",
    call: ({ stream }) => stream.setState({ "lstm.h": x(12), "lstm.c": wrong([1]) }),
    expected: ["TypeError", "lstm.c", "Float32Array", "Array"],
  },
  {
    what: "group.setState with a wrong length",
    call: ({ group }) => group.setState(2, { "lstm.h": x(12), "lstm.c": x(24) }),
    expected: ["RangeError", "lstm.c", "12", "24"],
  },
  {
    what: "save into too few bytes",
    call: ({ stream }) => stream.save(new Uint8Array(40)),
    expected: ["RangeError", '"into"', "40"],
  },
  {
    what: "stream from a state of a wrong length",
    call: ({ session }) => session.stream({ state: { "lstm.h": x(13) } }),
    expected: ["RangeError", "lstm.h", "12", "13"],
  },
  { what: "a group of none", call: ({ session }) => session.group(0), expected: ["RangeError", '"n"', "0"] },
  { what: "a group of a half", call: ({ session }) => session.group(1.5), expected: ["RangeError", '"n"', "1.5"] },
  {
    what: "session.run with a part of a row",
    call: ({ session }) => session.run(x(17)),
    expected: ["RangeError", "17"],
  },
  {
    what: "session.run with a part of a batch",
    call: ({ session }) => session.run(x(3 * I), { batch: 2 }),
    expected: ["RangeError", "24"],
  },
  {
    what: "session.run with a length too large",
    call: ({ session }) => session.run(x(4 * I), { batch: 2, lengths: Int32Array.of(2, 3) }),
    expected: ["RangeError", '"lengths"', "3"],
  },
  {
    what: "session.run with a length below 0",
    call: ({ session }) => session.run(x(4 * I), { batch: 2, lengths: Int32Array.of(-1, 2) }),
    expected: ["RangeError", '"lengths"', "-1"],
  },
  {
    what: "session.run with a length missing",
    call: ({ session }) => session.run(x(4 * I), { batch: 2, lengths: Int32Array.of(2) }),
    expected: ["RangeError", '"lengths"', "2", "1"],
  },
  {
    what: "session.run with one sequence's state for two",
    call: ({ session }) => session.run(x(4 * I), { batch: 2, state: { "lstm.h": x(12) } }),
    expected: ["RangeError", "lstm.h", "24", "12"],
  },
  {
    what: "session.run with an input that is not there",
    call: ({ session }) => session.run({ tokens: x(I) } as never),
    expected: ["RangeError", "tokens"],
  },
];

const ids = (...values: number[]) => Int32Array.from(values);
const late = (id: number) => new Int32Array(100).fill(3).fill(id, 90, 91);

/** Of a model whose input is ids below 65. */
const ID_FAILURES: readonly Failure[] = [
  {
    what: "step with an id past the end",
    call: ({ stream }) => stream.step(ids(65)),
    expected: ["RangeError", '"tokens"', "0…64", "65"],
  },
  {
    what: "step with an id below 0",
    call: ({ stream }) => stream.step(ids(-1)),
    expected: ["RangeError", '"tokens"', "0…64", "-1"],
  },
  {
    what: "step with a number past the end",
    call: ({ stream }) => stream.step(65 as never),
    expected: ["RangeError", '"tokens"', "0…64", "65"],
  },
  {
    what: "step with a number between two ids",
    call: ({ stream }) => stream.step(1.5 as never),
    expected: ["RangeError", '"tokens"', "1.5"],
  },
  {
    what: "step with floats",
    call: ({ stream }) => stream.step(x(1)),
    expected: ["TypeError", "Int32Array", "Float32Array"],
  },
  { what: "step with two ids", call: ({ stream }) => stream.step(ids(1, 2)), expected: ["RangeError", "1", "2"] },
  {
    what: "run with a wrong id in the middle",
    call: ({ stream }) => stream.run(ids(1, 2, 65, 3)),
    expected: ["RangeError", '"tokens"', "0…64", "65"],
  },
  {
    what: "run with a wrong id in a later chunk",
    call: ({ stream }) => stream.run(late(70)),
    expected: ["RangeError", '"tokens"', "0…64", "70"],
  },
  {
    what: "group.step with a wrong id",
    call: ({ group }) => group.step(ids(0, 1, 2, 3, 2 ** 31 - 1)),
    expected: ["RangeError", '"tokens"', "0…64", "2147483647"],
  },
  {
    what: "group.run with a wrong id in a later chunk",
    call: ({ group }) => group.run(late(-(2 ** 31))),
    expected: ["RangeError", '"tokens"', "0…64", "-2147483648"],
  },
  {
    what: "session.run with a wrong id in a later chunk",
    call: ({ session }) => session.run(late(65)),
    expected: ["RangeError", '"tokens"', "0…64", "65"],
  },
];

export function failures(implementation: Implementation): Case[] {
  const of = (group: string, layers: readonly Layer[], inputs: Model["inputs"], list: readonly Failure[]): Case[] =>
    list.map((failure) => ({
      name: `failures/${group}/${failure.what}`,
      run: () => check(implementation, randomModel(group, layers, { inputs }), failure),
    }));
  return [
    ...of("numbers", NUMBERS, [{ name: "x", dtype: "F32", shape: [I] }], NUMBER_FAILURES),
    ...of("ids", IDS, [{ name: "tokens", dtype: "I32", shape: [] }], ID_FAILURES),
    { name: "failures/disposed", run: () => checkDisposed(implementation) },
  ];
}

function check(implementation: Implementation, model: Model, { call, expected }: Failure): void {
  const random = seeded("failures");
  const other = randomModel("other weights", NUMBERS);
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
    states().forEach((state, i) => expectSameState(i === 0 ? "the stream" : `member ${i - 1}`, state, before[i]));
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
    expectError(use, ["ERR_DISPOSED", "stream"]);
  }
  two.step(input);
  group.dispose();
  expectError(() => group.step(x(2 * I)), ["ERR_DISPOSED", "group"]);
  session.dispose();
  session.dispose();
  for (const use of [() => session.stream(), () => session.group(2), () => session.run(input)]) {
    expectError(use, ["ERR_DISPOSED", "session"]);
  }
  expectError(() => two.step(input), ["ERR_DISPOSED"]);
}

export function expectError(call: () => unknown, [kind, ...fragments]: Expected): void {
  let error: unknown;
  try {
    call();
  } catch (thrown) {
    error = thrown;
  }
  if (error === undefined) throw new Error(`expected ${kind}, got no error`);
  const { name, code, message } = error as Error & { code?: string };
  if ((kind.startsWith("ERR_") ? code : name) !== kind)
    throw new Error(`expected ${kind}, got ${code ?? name}: ${message}`);
  const missing = fragments.filter((fragment) => !message.includes(fragment));
  if (!kind.startsWith("ERR_")) missing.push(...["expected", "got"].filter((word) => !message.includes(word)));
  if (missing.length > 0) throw new Error(`expected a message with ${missing.join(" and ")}, got: ${message}`);
}
