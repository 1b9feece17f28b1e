/** Properties of sequences: steps, chunks, executions of maxSteps, ragged batches and the forms in which they come. */

import type { Model, Session } from "../../src/index.ts";
import { withSession } from "./cases.ts";
import { expectBits, expectNumbers, expectSameState } from "./compare.ts";
import {
  argument,
  batchOf,
  byName,
  column,
  concatenated,
  memberState,
  ones,
  runSession,
  runStream,
  width,
} from "./drive.ts";
import { below, type Random, randomState } from "./models.ts";
import { expectSame, type Property, type Subject } from "./subject.ts";

/** Steps around one and two executions of 64, which is the default of maxSteps. */
const LENGTHS = [63, 64, 65, 130];

export const sequences: Record<string, Property> = {
  "a run is its steps"({ model, session, inputs }) {
    const xs = inputs(9);
    expectSame("run", runStream(session.stream(), model, xs, [9]), runStream(session.stream(), model, xs, ones(9)));
  },

  "a run is any chunks of it"({ model, session, random, inputs }) {
    const xs = inputs(23);
    const expected = runStream(session.stream(), model, xs, ones(23));
    for (let i = 0; i < 5; i++) {
      const chunks = cuts(random, 23);
      expectSame(`chunks of ${chunks}`, runStream(session.stream(), model, xs, chunks), expected);
    }
  },

  "a run of no steps is nothing"({ model, session, random, inputs }) {
    const state = randomState(model, 1, random);
    const stream = session.stream({ state });
    const none = argument(model.inputs, inputs(0));
    const ys = byName(model.outputs, stream.run(none));
    const result = session.run(none, { state });
    for (const { name } of model.outputs) expectNumbers(name, [ys[name].length, result.outputs[name].length], [0, 0]);
    expectSameState("stream.run", stream.state, state);
    expectSameState("session.run", result.state, state);
    const empty = session.run(none, { batch: 3, keep: "last" });
    for (const info of model.outputs)
      expectBits(info.name, empty.outputs[info.name], new Float32Array(3 * width(info)));
  },

  "session.run is the steps of a stream"({ model, session, random, inputs }) {
    const xs = inputs(9);
    expectSame(
      "from the initial state",
      runSession(session, model, xs),
      runStream(session.stream(), model, xs, ones(9)),
    );
    const state = randomState(model, 1, random);
    const stream = session.stream({ state });
    expectSame("from a given state", runSession(session, model, xs, state), runStream(stream, model, xs, ones(9)));
  },

  "runs longer than an execution are cut without a trace"({ model, session, random, inputs }, implementation) {
    for (const length of LENGTHS) {
      const xs = inputs(length);
      const expected = runStream(session.stream(), model, xs, ones(length));
      expectSame(`stream.run of ${length}`, runStream(session.stream(), model, xs, [length]), expected);
      expectSame(`session.run of ${length}`, runSession(session, model, xs), expected);
    }
    const xs = inputs(20);
    const expected = runStream(session.stream(), model, xs, ones(20));
    for (const maxSteps of [1, 2, 7]) {
      withSession(
        implementation,
        model,
        (short) => {
          expectSame(`run, maxSteps ${maxSteps}`, runStream(short.stream(), model, xs, [20]), expected);
          expectSame(`chunks, maxSteps ${maxSteps}`, runStream(short.stream(), model, xs, cuts(random, 20)), expected);
          expectSame(`session.run, maxSteps ${maxSteps}`, runSession(short, model, xs), expected);
          expectBatch(short, model, random, inputs, [20, 3, 7, 0, 8]);
        },
        { maxSteps },
      );
    }
  },

  "a row of a ragged batch is that sequence alone"({ model, session, random, inputs }) {
    expectBatch(session, model, random, inputs, [9, 0, 3, 9, 1]);
    expectBatch(session, model, random, inputs, [4, 4]);
    expectBatch(session, model, random, inputs, [5, 66, 64, 130, 0, 65]);
  },

  "what stands in the inputs does not come into a run"({ model, session, random, inputs }) {
    const lengths = [0, 3, 1];
    const xs = argument(model.inputs, batchOf(model, lengths.map(inputs), lengths, 3));
    const options = { batch: 3, lengths, state: randomState(model, 3, random) };
    const expected = session.run(xs, options);
    const stream = session.stream();
    stream.input.fill(stream.input instanceof Int32Array ? 999 : Number.NaN);
    const got = session.run(xs, options);
    expectSameState("outputs", got.outputs, expected.outputs);
    expectSameState("state", got.state, expected.state);
  },

  "batchFirst exchanges the first two axes"({ model, session, inputs }) {
    const [T, B] = [4, 3];
    const sequences = Array.from({ length: B }, () => inputs(T));
    const lengths = Int32Array.from([4, 0, 2]);
    const timeFirst = session.run(
      argument(
        model.inputs,
        batchOf(
          model,
          sequences,
          ones(B).map(() => T),
          T,
        ),
      ),
      { batch: B, lengths },
    );
    const joinedInputs = model.inputs.map((_, i) => concatenated(sequences.map((sequence) => sequence[i])));
    const batchFirst = session.run(argument(model.inputs, joinedInputs), { batch: B, lengths, batchFirst: true });
    for (const { name } of model.outputs) {
      const expected = concatenated(Array.from({ length: B }, (_, b) => column(timeFirst.outputs[name], T, B, b)));
      expectBits(name, batchFirst.outputs[name], expected as Float32Array);
    }
    expectSameState("state", batchFirst.state, timeFirst.state);
    expectNumbers("shape", batchFirst.shape.slice(0, 2), [B, T]);
    expectNumbers("shape", timeFirst.shape.slice(0, 2), [T, B]);
    expectNumbers("lengths", [...batchFirst.lengths], [...lengths]);
  },

  'keep "last" is the last valid row'({ model, session, inputs }) {
    const lengths = [4, 0, 1, 3];
    const T = 4;
    const B = lengths.length;
    const rowsOf = lengths.map(() => inputs(T));
    const xs = argument(model.inputs, batchOf(model, rowsOf, lengths, T));
    const options = { batch: B, lengths: Int32Array.from(lengths) };
    const all = session.run(xs, options);
    const last = session.run(xs, { ...options, keep: "last" });
    for (const { name } of model.outputs) {
      const expected = lengths.map((length, b) => {
        const alone = column(all.outputs[name], T, B, b);
        const size = alone.length / T;
        return length === 0 ? new Float32Array(size) : alone.slice((length - 1) * size, length * size);
      });
      expectBits(name, last.outputs[name], concatenated(expected));
    }
    expectSameState("state", last.state, all.state);
    const sequences = model.inputs.map((_, i) => rowsOf.map((sequence) => sequence[i]));
    const batchFirst = argument(model.inputs, sequences.map(concatenated));
    const same = session.run(batchFirst, { ...options, batchFirst: true, keep: "last" });
    expectSameState("batchFirst", same.outputs, last.outputs);
    expectNumbers("shape", same.shape, last.shape);
  },

  "an array of sequences is a ragged batch"({ model, session, inputs }) {
    if (model.inputs.length > 1) return;
    const lengths = [3, 5, 1];
    const sequences = lengths.map(inputs);
    const ragged = session.run(sequences.map(([x]) => x) as Float32Array[]);
    const batch = session.run(batchOf(model, sequences, lengths, 5)[0], {
      batch: 3,
      lengths: Int32Array.from(lengths),
    });
    expectNumbers("lengths", [...ragged.lengths], lengths);
    expectNumbers("shape", ragged.shape, batch.shape);
    expectBits("output", ragged.output, batch.output);
    expectSameState("state", ragged.state, batch.state);
  },
};

/** Each sequence of a ragged batch against a stream of its own; what lies past a length is noise on the way in. */
function expectBatch(
  session: Session,
  model: Model,
  random: Random,
  inputs: Subject["inputs"],
  lengths: readonly number[],
): void {
  const [T, B] = [Math.max(...lengths), lengths.length];
  const sequences = lengths.map((length) => inputs(Math.max(length, 1)));
  const state = randomState(model, B, random);
  const xs = argument(model.inputs, batchOf(model, sequences, lengths, T, Number.NaN));
  const result = session.run(xs, { batch: B, lengths: Int32Array.from(lengths), state });
  lengths.forEach((length, b) => {
    const what = `sequence ${b} of ${length} in a batch of ${lengths}`;
    const stream = session.stream({ state: memberState(state, B, b, model) });
    const alone = runStream(stream, model, sequences[b], ones(length));
    stream.dispose();
    expectSameState(`${what}: state`, memberState(result.state, B, b, model), alone.state);
    for (const info of model.outputs) {
      const expected = new Float32Array(T * width(info));
      if (length > 0) expected.set(alone.outputs[info.name]);
      expectBits(`${what}: ${info.name}`, column(result.outputs[info.name], T, B, b), expected);
    }
  });
}

/** Numbers ≥ 1 that add up to `total`. */
function cuts(random: Random, total: number): number[] {
  const out: number[] = [];
  for (let left = total; left > 0; left -= out[out.length - 1]) out.push(1 + below(random, Math.min(left, 7)));
  return out;
}
