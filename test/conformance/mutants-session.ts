/** Faults in how a model is driven: a sound session with some of its calls replaced. */

import type { Model, Session, Stream, StreamGroup } from "../../src/index.ts";
import type { Mutant } from "./mutants-model.ts";

/** `target` with some members replaced; everything else is called on `target` itself. */
function replaced<T extends object>(target: T, members: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(members, key)) return members[key as keyof T];
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function withStreams(change: (stream: Stream, session: Session) => Partial<Record<keyof Stream, unknown>>) {
  const wrap = (stream: Stream, session: Session): Stream => {
    const members = change(stream, session);
    return replaced(stream, { clone: () => wrap(stream.clone(), session), ...members });
  };
  return (session: Session): Session =>
    replaced(session, {
      stream: (options: Parameters<Session["stream"]>[0]) => wrap(session.stream(options), session),
    });
}

function withGroups(
  change: (group: StreamGroup, n: number, model: Model) => Partial<Record<keyof StreamGroup, unknown>>,
) {
  return (session: Session, model: Model): Session =>
    replaced(session, {
      group(n: number) {
        const group = session.group(n);
        return replaced(group, change(group, n, model));
      },
    });
}

type Result = ReturnType<Session["run"]>;
type RunOptions = NonNullable<Parameters<Session["run"]>[1]>;

function withRuns(change: (run: (options: RunOptions) => Result, options: RunOptions, model: Model) => Result) {
  return (session: Session, model: Model): Session =>
    replaced(session, {
      run: (xs: Parameters<Session["run"]>[0], options: RunOptions = {}) =>
        change((changed) => session.run(xs, changed), options, model),
    });
}

const moved = (lengths: RunOptions["lengths"], by: number) =>
  lengths && Int32Array.from(lengths, (length) => Math.max(length + by, 0));

/** The output, from its last step to its first. */
function turned(result: Result, model: Model): Result {
  const [T] = result.shape;
  const row = result.output.length / T;
  const output = result.output.map((_, i) => result.output[(T - 1 - Math.floor(i / row)) * row + (i % row)]);
  return { ...result, output, outputs: { [model.outputs[0].name]: output } };
}

/** The state under another order of its rows: (layers × directions) reversed. */
function rowsReversed(result: Result, model: Model): Result {
  const state = Object.fromEntries(
    model.states.map(({ name, shape }) => {
      const [rows, width] = [shape[0], result.state[name].length / shape[0]];
      const out = Array.from({ length: rows }, (_, r) => [
        ...result.state[name].slice((rows - 1 - r) * width, (rows - r) * width),
      ]);
      return [name, Float32Array.from(out.flat())];
    }),
  );
  return { ...result, state };
}

const nudged = (y: Float32Array) => y.map((v) => v * (1 + 2 ** -22));

export const DRIVEN: readonly Mutant[] = [
  {
    fault: "lengths one too short",
    red: ["golden/gru_ragged", "properties/gru/a row", "random/lstm/plain"],
    session: withRuns((run, options) => run({ ...options, lengths: moved(options.lengths, -1) })),
  },
  {
    fault: "lengths are not looked at",
    red: ["golden/lstm_ragged", "properties/lstm/a row", "random/gru/resetAfter"],
    session: withRuns((run, { lengths: _, ...options }) => run(options)),
  },
  {
    fault: "the given state is not looked at",
    red: ["golden/gru", "properties/gru/session.run"],
    session: withRuns((run, { state: _, ...options }) => run(options)),
  },
  {
    fault: "layers of the state in another order",
    red: ["golden/gru", "random/rnn/tanh"],
    session: withRuns((run, options, model) => rowsReversed(run(options), model)),
  },
  {
    fault: "batchFirst is not looked at",
    red: ["properties/gru/batchFirst"],
    session: withRuns((run, { batchFirst: _, ...options }) => run(options)),
  },
  {
    fault: "precision of 1e-5",
    red: ["golden/gru", "random/lstm/size", "functions/sigmoid/error"],
    session: withRuns((run, options) => {
      const result = run(options);
      const outputs = Object.fromEntries(
        Object.entries(result.outputs).map(([name, y]) => [name, y.map((v) => v * (1 + 1e-5))]),
      );
      return { ...result, outputs, output: result.output.map((v) => v * (1 + 1e-5)) };
    }),
  },
  {
    fault: "stream.run does not write its state back",
    red: ["golden/gru", "properties/gru/a run is its steps", "properties/lstm/a run is any chunks"],
    session: withStreams((stream) => ({
      run(xs: Float32Array, ys?: Float32Array) {
        const before = stream.state;
        const y = stream.run(xs, ys);
        stream.setState(before);
        return y;
      },
    })),
  },
  {
    fault: "stream.run has other last bits",
    red: ["properties/rnn/a run is its steps", "properties/words/a run is any"],
    session: withStreams((stream) => ({
      run: (xs: Float32Array) => nudged(stream.run(xs) as Float32Array),
    })),
  },
  {
    fault: "a chunk begins from zero",
    red: ["properties/gru/runs longer"],
    session: withStreams((stream) => ({
      run(xs: Float32Array) {
        const y = stream.run(xs);
        if (xs.length > 64 * 5) stream.reset();
        return y;
      },
    })),
  },
  {
    fault: "reset does nothing",
    red: ["properties/gru/reset", "isolation/gru/a stream beside it"],
    session: withStreams(() => ({ reset() {} })),
  },
  {
    fault: "reset is zero",
    red: ["properties/lstm/reset"],
    session: withStreams((stream) => ({
      reset: () =>
        stream.setState(
          Object.fromEntries(Object.entries(stream.state).map(([name, value]) => [name, value.map(() => 0)])),
        ),
    })),
  },
  {
    fault: "a clone is the stream itself",
    red: ["properties/gru/a clone"],
    session: withStreams((stream) => ({ clone: () => stream })),
  },
  { fault: "load does nothing", red: ["properties/lstm/state set"], session: withStreams(() => ({ load() {} })) },
  {
    fault: "a failed step resets",
    red: ["failures/numbers/step", "failures/ids/step"],
    session: withStreams((stream) => ({
      step(...given: Parameters<Stream["step"]>) {
        try {
          return stream.step(...given);
        } catch (error) {
          stream.reset();
          throw error;
        }
      },
    })),
  },
  {
    fault: "a failed run keeps its first half",
    red: ["failures/ids/run with a wrong id"],
    session: withStreams((stream) => ({
      run(xs: Int32Array, ys?: Float32Array) {
        try {
          return stream.run(xs, ys);
        } catch (error) {
          if (xs instanceof Int32Array) stream.step(xs.slice(0, 1));
          throw error;
        }
      },
    })),
  },
  {
    fault: "a group takes members in their own order",
    red: ["properties/gru/only the members"],
    session: withGroups((group) => ({
      step: (xs: Float32Array, ys: Float32Array | undefined, members?: Int32Array) =>
        group.step(xs, ys, members?.slice().sort()),
    })),
  },
  {
    fault: "the last member's state is not written back",
    red: ["properties/lstm/a member"],
    session: withGroups((group, n) => ({
      run(xs: Float32Array) {
        const before = group.state(n - 1);
        const y = group.run(xs);
        group.setState(n - 1, before);
        return y;
      },
    })),
  },
  {
    fault: "a NaN spreads over a group",
    red: ["isolation/gru/its neighbours"],
    session: withGroups((group) => ({
      run(xs: Float32Array) {
        const y = group.run(xs) as Float32Array;
        return y.some(Number.isNaN) ? y.fill(Number.NaN) : y;
      },
    })),
  },
  {
    fault: "ids are not checked before the first step",
    red: ["failures/ids/group.run"],
    session: withGroups((group, n) => ({
      run(xs: Int32Array) {
        if (xs instanceof Int32Array) group.step(xs.slice(0, n));
        return group.run(xs);
      },
    })),
  },
  {
    fault: "a reverse direction begins in the padding",
    red: ["golden/gru_reverse_ragged", "whole/stack", "random/lstm/plain/bidirectional"],
    session: withRuns((run, { lengths, ...options }, model) => {
      const result = run({ ...options, batch: options.batch ?? lengths?.length });
      const [T, B] = result.shape;
      for (const { name } of model.outputs) {
        const size = result.outputs[name].length / (T * B);
        for (let row = 0; row < T * B; row++) {
          const past = lengths !== undefined && Math.floor(row / B) >= lengths[row % B];
          if (past) result.outputs[name].fill(0, row * size, (row + 1) * size);
        }
      }
      return result;
    }),
  },
  {
    fault: "the two directions exchanged in the output",
    red: ["golden/gru_bidir", "random/rnn/tanh/bidirectional", "onnxruntime"],
    session: withRuns((run, options, model) => {
      const result = run(options);
      if (!model.nodes[model.nodes.length - 1].attrs.bidirectional) return result;
      const size = result.shape[2];
      const output = result.output.map((_, i) => result.output[(i % size < size / 2 ? i : i - size) + size / 2]);
      return { ...result, output, outputs: { [model.outputs[0].name]: output } };
    }),
  },
  {
    fault: "reverse outputs in the order in which they are computed",
    red: ["golden/gru_reverse", "random/gru/resetAfter/reverse", "onnxruntime", "whole/gru/reverse"],
    session: withRuns((run, options, model) => {
      const { reverse, computedOrder } = model.nodes[model.nodes.length - 1].attrs;
      const result = run(options);
      return reverse && !computedOrder ? turned(result, model) : result;
    }),
  },
  {
    fault: "outputs in the order in which they are computed put back in the order of time",
    red: ["random/gru/resetAfter/reverse-computed", "keras", "whole/gru/reverse"],
    session: withRuns((run, options, model) => {
      const { reverse, computedOrder } = model.nodes[model.nodes.length - 1].attrs;
      const result = run(options);
      return reverse && computedOrder ? turned(result, model) : result;
    }),
  },
  {
    fault: 'keep "last" is the last row',
    red: ["properties/gru/keep"],
    session: withRuns((run, { keep, ...options }) => {
      const result = run(options);
      if (keep !== "last") return result;
      const take = (y: Float32Array) => y.slice(-y.length / result.shape[0]);
      const outputs = Object.fromEntries(Object.entries(result.outputs).map(([name, y]) => [name, take(y)]));
      return { ...result, output: take(result.output), outputs };
    }),
  },
  {
    fault: "a given y stays empty",
    red: ["properties/gru/a given y"],
    session: withStreams((stream) => ({ step: (x: Float32Array) => stream.step(x) })),
  },
  {
    fault: "a trace takes a step",
    red: ["properties/gru/a traced stream"],
    session: withStreams((stream) => ({
      trace() {
        stream.step(new Float32Array(stream.input.length));
        return stream.trace();
      },
    })),
  },
  {
    fault: "every step needs more memory",
    red: ["properties/gru/steps do not grow memory"],
    session: (session) => {
      let steps = 0;
      const counted = withStreams((stream) => ({
        step(...given: Parameters<Stream["step"]>) {
          steps++;
          return stream.step(...given);
        },
      }))(session);
      return new Proxy(counted, {
        get(target, key) {
          if (key !== "info") return Reflect.get(target, key);
          return { ...session.info, bytes: { ...session.info.bytes, scratch: steps } };
        },
      });
    },
  },
  {
    fault: "the fourth of a tile has other last bits",
    red: ["properties/gru/a member", "properties/lstm/a member"],
    session: withGroups((group, n, model) => ({
      run(xs: Float32Array) {
        const y = group.run(xs) as Float32Array;
        const row = model.outputs[0].shape[0] as number;
        return n < 4 ? y : y.map((v, i) => (Math.floor(i / row) % n === 3 ? v * (1 + 2 ** -22) : v));
      },
    })),
  },
  {
    fault: "a member that is not named takes a step, too",
    red: ["properties/gru/only the members"],
    session: withGroups((group) => ({
      step(xs: Float32Array, ys?: Float32Array, members?: Int32Array) {
        const y = group.step(xs, ys, members);
        if (members && !members.includes(0))
          group.step(xs.slice(0, xs.length / members.length), undefined, Int32Array.of(0));
        return y;
      },
    })),
  },
];
