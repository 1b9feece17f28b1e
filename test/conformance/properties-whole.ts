/**
 * Properties of models that need their whole sequence: a row of a ragged batch is that sequence alone, bit for bit, and a
 * direction that runs backwards is the same layer over the sequence in reverse.
 */

import { createRuntimeSync, type Model, modelFromLayers, type Session } from "../../src/index.ts";
import { type Case, type Implementation, withSession } from "./cases.ts";
import { expectBits, expectNumbers, expectSameState } from "./compare.ts";
import { argument, batchOf, column, memberState, ones, runSession, runStream } from "./drive.ts";
import { type Layer, type Random, randomInputs, randomModel, randomState, seeded, tensorMap } from "./models.ts";
import { cell } from "./random-recurrent.ts";

const MODELS: readonly { name: string; layers: readonly Layer[]; initial?: boolean }[] = [
  { name: "rnn", layers: [cell("rnn", 5, 6, { reverse: true })] },
  { name: "gru", layers: [cell("gru", 3, 9, { bidirectional: true, numLayers: 2 })], initial: true },
  { name: "lstm", layers: [cell("lstm", 6, 17, { bidirectional: true, projSize: 5 })] },
  {
    name: "stack",
    layers: [
      { type: "linear", name: "in", inFeatures: 5, outFeatures: 6, activation: "tanh" },
      cell("lstm", 6, 7, { name: "a", bidirectional: true }),
      cell("gru", 14, 33, { name: "b", reverse: true }),
      cell("rnn", 33, 5, { name: "c" }),
      { type: "logSoftmax", name: "soft" },
    ],
  },
  {
    name: "computed",
    layers: [
      cell("gru", 5, 7, { name: "a", reverse: true, computedOrder: true }),
      cell("lstm", 7, 6, { name: "b", bidirectional: true, computedOrder: true, numLayers: 2 }),
      cell("rnn", 12, 5, { name: "c", reverse: true, computedOrder: true }),
    ],
  },
];

/** Ragged, with an empty one; longer than an execution of 64; more rows than one tile of sequences takes. */
const BATCHES = [[9, 0, 3, 9, 1], [1], [130, 64, 65, 1], Array.from({ length: 40 }, (_, b) => 25 + (b % 9))];

export function whole(implementation: Implementation): Case[] {
  const alone = MODELS.map(({ name, layers, initial }) => ({
    name: `whole/${name}/a row of a ragged batch is that sequence alone`,
    run() {
      const model = randomModel(name, layers, { initial });
      withSession(implementation, model, (session) => {
        const random = seeded(name);
        // Longer and shorter again: what a longer one left behind must not show.
        for (const lengths of [...BATCHES, ...BATCHES]) expectAlone(session, model, random, lengths);
      });
    },
  }));
  const reversed = (["rnn", "gru", "lstm"] as const).map((type) => ({
    name: `whole/${type}/reverse is the layer over the sequence in reverse`,
    run: () => expectReversed(implementation, type),
  }));
  return [
    ...alone,
    ...reversed,
    { name: "whole/last", run: () => expectLast(implementation) },
    { name: "whole/longer and longer sequences", run: () => expectBounded(implementation) },
  ];
}

/** A layer `last`: one row for each sequence in a run, every row in a stream, where each step may be the last. */
function expectLast(implementation: Implementation): void {
  const head = { type: "linear", name: "head", inFeatures: 7, outFeatures: 3 };
  const every = randomModel("last", [cell("gru", 5, 7, { name: "gru" }), head]);
  const last = modelFromLayers(
    [cell("gru", 5, 7, { name: "gru" }), { type: "last", name: "end" }, head],
    tensorMap([...every.tensors.values()]),
  );
  const lengths = [6, 0, 4, 66];
  const random = seeded("last inputs");
  const sequences = lengths.map((length) => randomInputs(every, length, random));
  const xs = argument(every.inputs, batchOf(every, sequences, lengths, 66));
  const expected = withSession(implementation, every, (session) => session.run(xs, { lengths, keep: "last" }));
  withSession(implementation, last, (session) => {
    const got = session.run(xs, { lengths });
    expectBits("output", got.output, expected.output);
    expectNumbers("shape", got.shape, [4, 3]);
    expectSameState("state", got.state, expected.state);
    const alone = withSession(implementation, every, (other) => runStream(other.stream(), every, sequences[0], [6]));
    expectSameState("steps", runStream(session.stream(), last, sequences[0], ones(6)).outputs, alone.outputs);
    expectSameState("a run of a stream", runStream(session.stream(), last, sequences[0], [6]).outputs, alone.outputs);
  });
}

/** A session plans again for a longer sequence than any before: what it had is given back. */
function expectBounded(implementation: Implementation): void {
  const model = randomModel("bounded", [cell("gru", 4, 16, { bidirectional: true })]);
  const random = seeded("bounded");
  const { variant } = withSession(implementation, model, (session) => session.info);
  const memoryFor = (lengths: readonly number[]) => {
    const runtime = createRuntimeSync({ variant });
    const use = (session: Session) => {
      for (const length of lengths) session.run(argument(model.inputs, randomInputs(model, length, random)));
    };
    withSession(implementation, model, use, { runtime });
    return runtime?.memoryBytes ?? 0;
  };
  const longest = memoryFor([400]);
  const longer = memoryFor(Array.from({ length: 40 }, (_, i) => 10 * (i + 1)));
  if (longer > 3 * longest) throw new Error(`memory: expected at most ${3 * longest} bytes, got ${longer}`);
}

/** The other sequences hold NaN and the noise past the lengths too: neither may come through. */
function expectAlone(session: Session, model: Model, random: Random, lengths: readonly number[]): void {
  const [T, B] = [Math.max(...lengths), lengths.length];
  const poisoned = B > 1 ? B - 1 : -1;
  const sequences = lengths.map((length, b) => {
    const xs = randomInputs(model, length, random);
    return b === poisoned ? xs.map((data) => data.fill(Number.NaN)) : xs;
  });
  const state = randomState(model, B, random);
  const inputs = argument(model.inputs, batchOf(model, sequences, lengths, T, Number.NaN));
  const result = session.run(inputs, { batch: B, lengths: Int32Array.from(lengths), state });
  lengths.forEach((length, b) => {
    const what = `sequence ${b} of ${length} in a batch of ${lengths}`;
    const first = memberState(state, B, b, model);
    const alone = length > 0 ? runSession(session, model, sequences[b], first) : { outputs: {}, state: first };
    expectSameState(`${what}: state`, memberState(result.state, B, b, model), alone.state);
    for (const { name } of model.outputs) {
      const got = column(result.outputs[name], T, B, b);
      const expected = new Float32Array(got.length);
      expected.set(alone.outputs[name] ?? []);
      expectBits(`${what}: ${name}`, got, expected);
    }
  });
}

function expectReversed(implementation: Implementation, type: "rnn" | "gru" | "lstm"): void {
  const T = 7;
  const forward = randomModel(type, [cell(type, 5, 9)]);
  const tensors = tensorMap([...forward.tensors.values()]);
  const random = seeded(type);
  const [x] = randomInputs(forward, T, random);
  const state = randomState(forward, 1, random);
  const expected = withSession(implementation, forward, (session) =>
    runSession(session, forward, [mirrored(x, T)], state),
  );
  for (const computedOrder of [false, true]) {
    const backward = modelFromLayers([cell(type, 5, 9, { reverse: true, computedOrder })], tensors);
    const got = withSession(implementation, backward, (session) => runSession(session, backward, [x], state));
    const output = got.outputs[backward.outputs[0].name];
    const computed = computedOrder ? output : mirrored(output, T);
    expectBits("output", computed, expected.outputs[forward.outputs[0].name]);
    expectSameState("state", got.state, expected.state);
  }
}

/** The rows of (T, …) from the last to the first. */
function mirrored<A extends Float32Array | Int32Array>(data: A, T: number): A {
  const size = data.length / T;
  const out = data.slice() as A;
  for (let t = 0; t < T; t++) out.set(data.subarray(t * size, (t + 1) * size), (T - 1 - t) * size);
  return out;
}
