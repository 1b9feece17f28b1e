/** The calls that must fail, each with the error that it must give. */

import type { Model, Session, Stream, StreamGroup } from "../../src/index.ts";
import type { Layer } from "./models.ts";
import { cell } from "./random-recurrent.ts";

/** What an error must be: the class, or either of two, or the `code`; then words that its message must have. */
export type Expected = `${"TypeError" | "RangeError" | "ERR_"}${string}`;

interface FailureSubject {
  readonly model: Model;
  readonly session: Session;
  readonly stream: Stream;
  /** Five members. */
  readonly group: StreamGroup;
  /** The saved state of a model of the same shape with other weights. */
  readonly foreign: Uint8Array;
}

export type Failure = readonly [call: (subject: FailureSubject) => unknown, expected: Expected];
type Failures = Readonly<Record<string, Failure>>;

export const I = 8;
const O = 5;

export const NUMBERS: readonly Layer[] = [
  cell("lstm", I, 6, { name: "lstm", numLayers: 2 }),
  { type: "linear", name: "head", inFeatures: 6, outFeatures: O },
];

const IDS: readonly Layer[] = [
  { type: "embedding", name: "embed", numEmbeddings: 65, embeddingDim: 4, inputs: ["tokens"] },
  cell("gru", 4, O, { name: "gru" }),
];

const SEVERAL: readonly Layer[] = [
  { type: "embedding", name: "embed", numEmbeddings: 65, embeddingDim: 3, inputs: ["token"] },
  { type: "concat", name: "both", inputs: ["embed", "pitch"] },
  cell("gru", 5, O, { name: "gru" }),
  { type: "linear", name: "head", inFeatures: O, outFeatures: 3 },
];

const TOKENS = { name: "tokens", dtype: "I32" as const, shape: [] };

function input(name: string, size: number) {
  return { name, dtype: "F32" as const, shape: [size] };
}

export const x = (length: number) => new Float32Array(length).fill(0.5);
const wrong = (value: unknown) => value as Float32Array;

/** Of a model with an input of 8 numbers and an output of 5. */
const NUMBER_FAILURES: Failures = {
  "step with too few numbers": [({ stream }) => stream.step(x(7)), 'RangeError "x" 8 7'],
  "step with too many numbers": [({ stream }) => stream.step(x(9)), 'RangeError "x" 8 9'],
  "step with no numbers": [({ stream }) => stream.step(x(0)), 'RangeError "x" 8 0'],
  "step with an Array": [
    ({ stream }) => stream.step(wrong([1, 2, 3, 4, 5, 6, 7, 8])),
    'TypeError "x" Float32Array Array',
  ],
  "step with f64": [({ stream }) => stream.step(wrong(new Float64Array(I))), 'TypeError "x" Float32Array Float64Array'],
  "step with ids": [({ stream }) => stream.step(new Int32Array(I)), 'TypeError "x" Float32Array Int32Array'],
  "step with null": [({ stream }) => stream.step(wrong(null)), 'TypeError "x"'],
  "step with a number": [({ stream }) => stream.step(wrong(1)), 'TypeError "x"'],
  "step with a y too short": [({ stream }) => stream.step(x(I), x(O - 1)), 'RangeError "y" 5 4'],
  "step with a y of f64": [
    ({ stream }) => stream.step(x(I), wrong(new Float64Array(O))),
    'TypeError "y" Float32Array Float64Array',
  ],
  "run with a part of a row": [({ stream }) => stream.run(x(3 * I + 1)), 'RangeError "x" 24 25'],
  "run with an Array": [({ stream }) => stream.run(wrong([1])), 'TypeError "x" Float32Array Array'],
  "run with ys too short": [({ stream }) => stream.run(x(3 * I), x(3 * O - 1)), 'RangeError "y" 15 14'],
  "group.step with a row missing": [({ group }) => group.step(x(4 * I)), 'RangeError "x" 40 32'],
  "group.step with ys too short": [({ group }) => group.step(x(5 * I), x(4 * O)), 'RangeError "y" 25 20'],
  "group.run with a part of a step": [({ group }) => group.run(x(9 * I)), 'RangeError "x" 40 72'],
  "group.step with a member twice": [
    ({ group }) => group.step(x(3 * I), undefined, Int32Array.of(1, 4, 1)),
    'RangeError "members"',
  ],
  "group.step with a member past the end": [
    ({ group }) => group.step(x(2 * I), undefined, Int32Array.of(0, 5)),
    'RangeError "members" 5',
  ],
  "group.step with a member below 0": [
    ({ group }) => group.step(x(2 * I), undefined, Int32Array.of(2, -1)),
    'RangeError "members" -1',
  ],
  "group.step with too many members": [
    ({ group }) => group.step(x(6 * I), undefined, Int32Array.of(0, 1, 2, 3, 4, 0)),
    'RangeError "members"',
  ],
  "group.step with members and rows that differ": [
    ({ group }) => group.step(x(5 * I), undefined, Int32Array.of(0, 1)),
    'RangeError "x" 16 40',
  ],
  "group.step with members in an Array": [
    ({ group }) => group.step(x(I), undefined, [0] as unknown as Int32Array),
    'TypeError "members" Int32Array Array',
  ],
  "group.reset of a member that is not there": [({ group }) => group.reset(5), "RangeError 5"],
  "group.state of a member that is not there": [({ group }) => group.state(-1), "RangeError -1"],
  "group.save of a member that is not there": [({ group }) => group.save(1.5), "RangeError 1.5"],
  "load of another model's state": [({ stream, foreign }) => stream.load(foreign), "ERR_STATE"],
  "group.load of another model's state": [({ group, foreign }) => group.load(2, foreign), "ERR_STATE"],
  "load of nothing": [({ stream }) => stream.load(new Uint8Array()), "ERR_STATE_BYTES"],
  "load of a state cut short": [({ stream }) => stream.load(stream.save().slice(0, -1)), "ERR_STATE_BYTES"],
  "load of a state cut inside its header": [({ stream }) => stream.load(stream.save().slice(0, 6)), "ERR_STATE_BYTES"],
  "load of a state that is too long": [
    ({ stream }) => stream.load(Uint8Array.of(...stream.save(), 0)),
    "ERR_STATE_BYTES",
  ],
  "load of other bytes": [({ stream }) => stream.load(stream.save().fill(0x55, 0, 4)), "ERR_STATE_BYTES"],
  "load of an Array": [({ stream }) => stream.load([] as unknown as Uint8Array), "TypeError Uint8Array"],
  "setState with a wrong length": [
    ({ stream }) => stream.setState({ "lstm.h": x(12), "lstm.c": x(11) }),
    "RangeError lstm.c 12 11",
  ],
  "setState with an unknown name": [
    ({ stream }) => stream.setState({ "lstm.h": x(12), h: x(12) }),
    'RangeError "h" lstm.h',
  ],
  "setState with an Array": [
    ({ stream }) => stream.setState({ "lstm.h": x(12), "lstm.c": wrong([1]) }),
    "TypeError lstm.c Float32Array Array",
  ],
  "group.setState with a wrong length": [
    ({ group }) => group.setState(2, { "lstm.h": x(12), "lstm.c": x(24) }),
    "RangeError lstm.c 12 24",
  ],
  "save into too few bytes": [({ stream }) => stream.save(new Uint8Array(40)), 'RangeError "into" 40'],
  "stream from a state of a wrong length": [
    ({ session }) => session.stream({ state: { "lstm.h": x(13) } }),
    "RangeError lstm.h 12 13",
  ],
  "a group of none": [({ session }) => session.group(0), 'RangeError "n" 0'],
  "a group of a half": [({ session }) => session.group(1.5), 'RangeError "n" 1.5'],
  "warmup for ever": [({ session }) => session.warmup(Infinity), 'RangeError "n" 0 Infinity'],
  "warmup of a text": [({ session }) => session.warmup("5" as never), 'RangeError "n" 0 5'],
  "session.run with the state in a Map": [
    ({ session }) => session.run(x(I), { state: new Map() as never }),
    'TypeError "state" record Map',
  ],
  "setState with nothing": [({ stream }) => stream.setState(undefined as never), 'TypeError "state" record undefined'],
  "setState with a Map": [({ stream }) => stream.setState(new Map() as never), 'TypeError "state" record Map'],
  "session.run with an option misspelt": [
    ({ session }) => session.run(x(4 * I), { lenghts: [4] } as object),
    'RangeError "options" batch, lengths, state, batchFirst, keep lenghts',
  ],
  "session.stream with an option misspelt": [
    ({ session }) => session.stream({ states: {} } as object),
    'RangeError "options" state, trace, traceSteps states',
  ],
  "session.run with a part of a row": [({ session }) => session.run(x(17)), "RangeError 17"],
  "session.run with a part of a batch": [({ session }) => session.run(x(3 * I), { batch: 2 }), "RangeError 24"],
  "session.run with a length too large": [
    ({ session }) => session.run(x(4 * I), { batch: 2, lengths: Int32Array.of(2, 3) }),
    'RangeError "lengths" 3',
  ],
  "session.run with a length below 0": [
    ({ session }) => session.run(x(4 * I), { batch: 2, lengths: Int32Array.of(-1, 2) }),
    'RangeError "lengths" -1',
  ],
  "session.run with a length missing": [
    ({ session }) => session.run(x(4 * I), { batch: 2, lengths: Int32Array.of(2) }),
    'RangeError "lengths" 2 1',
  ],
  "session.run with one sequence's state for two": [
    ({ session }) => session.run(x(4 * I), { batch: 2, state: { "lstm.h": x(12) } }),
    "RangeError lstm.h 24 12",
  ],
  "session.run with a batch of none": [({ session }) => session.run(x(I), { batch: 0 }), 'RangeError "batch" 0'],
  "session.run with lengths beside sequences": [
    ({ session }) => session.run([x(I), x(2 * I)], { lengths: [1, 1] }),
    'TypeError|RangeError "lengths"',
  ],
  "session.run with a part of a row in a sequence": [({ session }) => session.run([x(I), x(I + 3)]), 'RangeError "x"'],
  "session.run with an Array": [
    ({ session }) => session.run([1, 2, 3, 4, 5, 6, 7, 8] as never),
    'TypeError "x" Float32Array',
  ],
  "session.run with a state that is not there": [
    ({ session }) => session.run(x(I), { state: { h: x(12) } }),
    'RangeError "h" lstm.h',
  ],
  "session.run with an input that is not there": [
    ({ session }) => session.run({ tokens: x(I) } as never),
    "RangeError tokens",
  ],
};

const ids = (...values: number[]) => Int32Array.from(values);
const late = (id: number) => new Int32Array(100).fill(3).fill(id, 90, 91);

/** Of a model whose input is ids below 65. */
const ID_FAILURES: Failures = {
  "step with an id past the end": [({ stream }) => stream.step(ids(65)), 'RangeError "tokens" 0…64 65'],
  "step with an id below 0": [({ stream }) => stream.step(ids(-1)), 'RangeError "tokens" 0…64 -1'],
  "step with a number past the end": [({ stream }) => stream.step(65 as never), 'RangeError "tokens" 0…64 65'],
  "step with a number between two ids": [({ stream }) => stream.step(1.5 as never), 'RangeError "tokens" 1.5'],
  "step with floats": [({ stream }) => stream.step(x(1)), "TypeError Int32Array Float32Array"],
  "step with two ids": [({ stream }) => stream.step(ids(1, 2)), "RangeError 1 2"],
  "run with a wrong id in the middle": [({ stream }) => stream.run(ids(1, 2, 65, 3)), 'RangeError "tokens" 0…64 65'],
  "run with a wrong id in a later chunk": [({ stream }) => stream.run(late(70)), 'RangeError "tokens" 0…64 70'],
  "group.step with a wrong id": [
    ({ group }) => group.step(ids(0, 1, 2, 3, 2 ** 31 - 1)),
    'RangeError "tokens" 0…64 2147483647',
  ],
  "group.run with a wrong id in a later chunk": [
    ({ group }) => group.run(late(-(2 ** 31))),
    'RangeError "tokens" 0…64 -2147483648',
  ],
  "session.run with a wrong id in a later chunk": [
    ({ session }) => session.run(late(65)),
    'RangeError "tokens" 0…64 65',
  ],
  "step in place of a wrong id": [
    ({ stream }) => {
      stream.input[0] = 65;
      return stream.step();
    },
    'RangeError "tokens" 0…64',
  ],
  "step with NaN": [({ stream }) => stream.step(Number.NaN), 'RangeError "tokens" 0…64 NaN'],
  "session.run of sequences with a wrong id": [
    ({ session }) => session.run([ids(1, 2), ids(3, -5)]),
    'RangeError "tokens" 0…64 -5',
  ],
};

const several = (more: object) => more as Record<string, Float32Array>;
const token = ids(1);
const pitch = x(2);

/** Of a model with the inputs `token`, an id below 65, and `pitch` of 2, and the outputs `gru` of 5 and `head` of 3. */
const RECORD_FAILURES: Failures = {
  "step with an input missing": [({ stream }) => stream.step(several({ token })), 'TypeError "pitch" Float32Array'],
  "step with an input too many": [({ stream }) => stream.step(several({ token, pitch, x: pitch })), 'RangeError "x"'],
  "step with a wrong second input": [({ stream }) => stream.step({ token, pitch: x(3) }), 'RangeError "pitch" 2 3'],
  "step with a wrong id": [({ stream }) => stream.step({ pitch, token: ids(65) }), 'RangeError "token" 0…64 65'],
  "step with an array": [({ stream }) => stream.step(pitch), "TypeError token pitch Float32Array"],
  "step with an output missing": [
    ({ stream }) => stream.step({ token, pitch }, { head: x(3) }),
    'TypeError "gru" Float32Array undefined',
  ],
  "run with inputs of unequal lengths": [
    ({ stream }) => stream.run({ token: ids(1, 2, 3), pitch: x(8) }),
    'RangeError "pitch" 6 8',
  ],
  "run with an output too short": [
    ({ stream }) => stream.run({ token, pitch }, { head: x(3), gru: x(4) }),
    'RangeError "gru" 5 4',
  ],
  "run with an array": [({ stream }) => stream.run(pitch), "TypeError"],
  "group.step with a wrong second input": [
    ({ group }) => group.step({ token: ids(1, 2, 3, 4, 5), pitch: x(9) }),
    'RangeError "pitch" 10 9',
  ],
  "session.run with an input missing": [({ session }) => session.run({ pitch }), 'TypeError "token" Int32Array'],
  "session.run with sequences of unequal lengths": [
    ({ session }) => session.run({ token: [ids(1, 2), ids(3)], pitch: [x(4), x(4)] }),
    'RangeError "pitch" 2 4',
  ],
};

/** The models, and the calls of each. */
export const FAILURES = {
  numbers: { layers: NUMBERS, options: { inputs: [input("x", I)] }, calls: NUMBER_FAILURES },
  ids: { layers: IDS, options: { inputs: [TOKENS] }, calls: ID_FAILURES },
  records: {
    layers: SEVERAL,
    options: { inputs: [{ ...TOKENS, name: "token" }, input("pitch", 2)], outputs: ["head", "gru"] },
    calls: RECORD_FAILURES,
  },
};
