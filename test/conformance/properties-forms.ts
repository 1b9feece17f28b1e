/** Properties of the ways to call: into a given array, in place, by name, with a number, traced, in a shared memory. */

import { createRuntimeSync } from "../../src/index.ts";
import { withSession } from "./cases.ts";
import { expectBits, expectNumbers, expectSameState } from "./compare.ts";
import { argument, byName, ones, rows, runStream, width } from "./drive.ts";
import type { Data, State } from "./models.ts";
import { expectSame, type Property } from "./subject.ts";

export const forms: Record<string, Property> = {
  "a given y is filled and returned, and nothing given is changed"({ model, session, inputs }) {
    const xs = inputs(3);
    const before = xs.map((data) => data.slice());
    const room = (count: number) => {
      const made = model.outputs.map((info): [string, Float32Array] => [
        info.name,
        new Float32Array(count * width(info)),
      ]);
      return (made.length === 1 ? made[0][1] : Object.fromEntries(made)) as Float32Array & State;
    };
    const [a, b] = [session.stream(), session.stream()];
    const x = argument(model.inputs, rows(model, xs, 0, 1));
    const three = argument(model.inputs, xs);
    const y = room(1);
    if ((a.step(x, y) as unknown) !== y) throw new Error("step(x, y): expected y");
    expectSameState("step into y", byName(model.outputs, y), byName(model.outputs, b.step(x)));
    const ys = room(3);
    const given = byName(model.outputs, a.run(three, ys));
    for (const { name } of model.outputs) {
      if (given[name] !== byName(model.outputs, ys)[name]) throw new Error("run(xs, ys): expected ys");
    }
    expectSameState("run into ys", given, byName(model.outputs, b.run(three)));
    const group = session.group(3);
    const yg = room(3);
    group.step(three, yg);
    const kept = Object.entries(byName(model.outputs, yg)).map(([name, value]) => [name, value.slice()] as const);
    expectSameState(
      "group.step into ys",
      Object.fromEntries(kept),
      byName(model.outputs, session.group(3).step(three)),
    );
    group.step(three);
    expectSameState("the ys of an earlier step", byName(model.outputs, yg), Object.fromEntries(kept));
    for (const [i, data] of before.entries()) expectNumbers("x afterwards", Array.from(xs[i]), Array.from(data));
  },

  "a step in place is a step"({ model, session, inputs }) {
    if (model.inputs.length > 1) return;
    const [xs] = inputs(5);
    const [place, stream] = [session.stream(), session.stream()];
    for (let t = 0; t < 5; t++) {
      const [x] = rows(model, [xs], t, 1);
      place.input.set(x);
      const y = byName(model.outputs, place.step());
      const expected = byName(model.outputs, stream.step(x));
      expectSameState(`step ${t}`, y, expected);
      expectBits(`step ${t}: output`, place.output, expected[model.outputs[0].name]);
    }
    expectSameState("state", place.state, stream.state);
  },

  "a record by name, and a number, are as good as an array"({ model, session, inputs }) {
    const xs = inputs(4);
    const expected = runStream(session.stream(), model, xs, ones(4));
    const record = (data: readonly Data[]) => Object.fromEntries(model.inputs.map(({ name }, i) => [name, data[i]]));
    const [stream, single] = [session.stream(), session.stream()];
    for (let t = 0; t < 4; t++) {
      const row = rows(model, xs, t, 1);
      stream.step(record(row));
      const numbers = model.inputs.map((info, i) => (width(info) === 1 ? row[i][0] : row[i]));
      if (model.inputs.length === 1) single.step(numbers[0]);
      else single.step(Object.fromEntries(model.inputs.map(({ name }, i) => [name, numbers[i]])));
    }
    expectSameState("step by name", stream.state, expected.state);
    expectSameState("step with numbers", single.state, expected.state);
    const ran = session.run(record(xs));
    expectSame("run by name", { outputs: ran.outputs, state: ran.state }, expected);
  },

  "a traced stream has the same bits, and the trace is what it did"({ model, session, inputs }) {
    const xs = inputs(9);
    const expected = runStream(session.stream(), model, xs, ones(9));
    const traced = session.stream({ trace: true, traceSteps: 4 });
    expectSame("traced", runStream(traced, model, xs, [1, 2, 3, 1, 1, 1]), expected);
    const trace = traced.trace();
    for (const { name } of model.outputs) {
      const size = expected.outputs[name].length / 9;
      const kept = trace.get(name);
      expectNumbers(`trace of ${name}`, kept?.shape ?? [], [4, size]);
      expectBits(`trace of ${name}`, kept?.data as Float32Array, expected.outputs[name].slice(5 * size));
    }
  },

  "sessions in one memory do not touch"({ model, session, inputs }, implementation) {
    const { variant } = session.info;
    const runtime = createRuntimeSync({ variant });
    if (runtime === undefined && variant !== "reference") throw new Error(`createRuntimeSync: expected ${variant}`);
    const xs = inputs(8);
    const expected = runStream(session.stream(), model, xs, ones(8));
    withSession(
      implementation,
      model,
      (first) => {
        const stream = first.stream();
        const parts = [0, 1, 2, 3].map((i) => {
          // Another session comes and goes between the steps, and grows the memory of both.
          withSession(
            implementation,
            model,
            (second) => {
              second.group(50 * 4 ** i);
              expectSame("the second", runStream(second.stream(), model, xs, [3, 5]), expected);
            },
            { runtime },
          );
          return runStream(stream, model, rows(model, xs, 2 * i, 2), [1, 1]).outputs;
        });
        expectSameState("the first", stream.state, expected.state);
        parts.forEach((part, i) => {
          for (const { name } of model.outputs) {
            const size = expected.outputs[name].length / 8;
            expectBits(
              `the first: ${name}`,
              part[name],
              expected.outputs[name].slice(2 * i * size, 2 * (i + 1) * size),
            );
          }
        });
      },
      { runtime },
    );
  },
};
