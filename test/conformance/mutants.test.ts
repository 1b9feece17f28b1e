/**
 * The suite held to account: implementations that are wrong in one way each, made from the reference, and the groups of
 * cases that must each turn red. A case that turns red must be green for the reference without the fault.
 */

import { describe, it } from "vitest";
import { createSessionSync, type Model, type Session, type Stream, type StreamGroup } from "../../src/index.ts";
import type { Node } from "../../src/model.ts";
import { type Tensor, toF32 } from "../../src/tensor.ts";
import type { Case, Implementation, SessionOptions } from "./cases.ts";
import { casesOf } from "./suite.ts";

interface Mutant {
  readonly fault: string;
  /** Beginnings of case names; of each, at least one case must fail. */
  readonly red: readonly string[];
  readonly model?: (model: Model) => Model;
  readonly session?: (session: Session, model: Model) => Session;
}

// --- Faults in what is computed: the reference is given another model ------------------------------------------------

/** The model with some nodes' tensors changed; `change` sees the suffix without the node's name. */
function withTensors(op: string, change: (suffix: string, tensor: Tensor, node: Node) => Float32Array | undefined) {
  return (model: Model): Model => {
    const tensors = new Map(model.tensors);
    for (const node of model.nodes) {
      if (node.op !== op) continue;
      for (const [key, tensor] of model.tensors) {
        const prefix = node.name === "" ? "" : `${node.name}.`;
        if (!key.startsWith(prefix)) continue;
        const data = change(key.slice(prefix.length), tensor, node);
        if (data) tensors.set(key, { ...tensor, data });
      }
    }
    return { ...model, tensors };
  };
}

function withAttrs(op: string, change: (attrs: Node["attrs"]) => Node["attrs"]) {
  return (model: Model): Model => ({
    ...model,
    nodes: model.nodes.map((node) => (node.op === op ? { ...node, attrs: change(node.attrs) } : node)),
  });
}

/** Two gates change places in matrices and biases. */
function exchanged(op: string, a: number, b: number): (model: Model) => Model {
  return withTensors(op, (suffix, tensor, node) => {
    if (!/^(weight_ih|weight_hh|bias_ih|bias_hh)_l/.test(suffix)) return undefined;
    const block = ((node.attrs.hiddenSize as number) * (tensor.shape[1] ?? 1)) as number;
    const data = toF32(tensor).slice();
    const first = data.slice(a * block, (a + 1) * block);
    data.copyWithin(a * block, b * block, (b + 1) * block);
    data.set(first, b * block);
    return data;
  });
}

/** Every square block of U is transposed. */
function transposed(op: string): (model: Model) => Model {
  return withTensors(op, (suffix, tensor, node) => {
    const H = node.attrs.hiddenSize as number;
    if (!suffix.startsWith("weight_hh") || tensor.shape[1] !== H) return undefined;
    const data = toF32(tensor);
    return data.map((_, i) => {
      const [gate, row, column] = [Math.floor(i / (H * H)), Math.floor(i / H) % H, i % H];
      return data[gate * H * H + column * H + row];
    });
  });
}

function zeroed(op: string, pattern: RegExp, from = 0): (model: Model) => Model {
  return withTensors(op, (suffix, tensor, node) =>
    pattern.test(suffix)
      ? toF32(tensor)
          .slice()
          .fill(0, from * (node.attrs.hiddenSize as number))
      : undefined,
  );
}

const COMPUTED: readonly Mutant[] = [
  {
    fault: "gru: r and z exchanged",
    red: ["golden/gru", "random/gru/size", "onnxruntime", "keras/recurrent.GRU"],
    model: exchanged("gru", 0, 1),
  },
  {
    fault: "gru: z and n exchanged",
    red: ["golden/gru", "random/gru/size", "onnxruntime", "keras/recurrent.GRU"],
    model: exchanged("gru", 1, 2),
  },
  {
    fault: "lstm: i and f exchanged",
    red: ["golden/lstm", "random/lstm/size", "keras/recurrent.LSTM"],
    model: exchanged("lstm", 0, 1),
  },
  {
    fault: "lstm: g and o exchanged",
    red: ["golden/lstm", "random/lstm/size", "keras/recurrent.LSTM"],
    model: exchanged("lstm", 2, 3),
  },
  {
    fault: "lstm: i and o exchanged",
    red: ["golden/lstm", "random/lstm/size", "keras/recurrent.LSTM"],
    model: exchanged("lstm", 0, 3),
  },
  {
    fault: "rnn: U transposed",
    red: ["golden/rnn", "random/rnn/size", "keras/recurrent.SimpleRNN"],
    model: transposed("rnn"),
  },
  {
    fault: "gru: U transposed",
    red: ["golden/gru", "random/gru/size", "onnxruntime", "keras/recurrent.GRU"],
    model: transposed("gru"),
  },
  {
    fault: "lstm: U transposed",
    red: ["golden/lstm", "random/lstm/size", "keras/recurrent.LSTM"],
    model: transposed("lstm"),
  },
  {
    fault: "rnn: b_hh dropped",
    red: ["golden/rnn", "random/rnn/size", "random/rnn/relu"],
    model: zeroed("rnn", /^bias_hh/),
  },
  {
    fault: "gru: b_hn dropped",
    red: ["golden/gru", "random/gru/size", "random/gru/resetBefore"],
    model: zeroed("gru", /^bias_hh/, 2),
  },
  {
    fault: "gru: b_ih of the second layer dropped",
    red: ["golden/gru", "random/gru/resetAfter"],
    model: zeroed("gru", /^bias_ih_l1/),
  },
  { fault: "lstm: b_ih dropped", red: ["golden/lstm", "random/lstm/size"], model: zeroed("lstm", /^bias_ih/) },
  {
    fault: "lstm: b_hh of the reverse direction dropped",
    red: ["golden/lstm", "random/lstm/plain/bidirectional"],
    model: zeroed("lstm", /^bias_hh.*_reverse/),
  },
  {
    fault: "lstm: output peephole dropped",
    red: ["golden/lstm_peephole", "random/lstm/peephole"],
    model: zeroed("lstm", /^weight_peephole/, 2),
  },
  {
    fault: "gru: the reset is moved",
    red: ["golden/gru", "random/gru/size", "random/gru/resetBefore", "onnxruntime", "keras/recurrent.GRU"],
    model: withAttrs("gru", (attrs) => ({ ...attrs, resetAfter: !attrs.resetAfter })),
  },
  {
    fault: "rnn: relu is tanh",
    red: ["golden/rnn_relu", "random/rnn/relu"],
    model: withAttrs("rnn", (attrs) => ({ ...attrs, nonlinearity: "tanh" })),
  },
  ...["rnn", "gru", "lstm"].map(
    (op): Mutant => ({
      fault: `${op}: no clip`,
      red: [`golden/${op}`, `random/${op}`],
      model: withAttrs(op, ({ clip: _, ...attrs }) => attrs),
    }),
  ),
  {
    fault: "lstm: gates are not coupled",
    red: ["golden/lstm_coupled", "random/lstm/coupled"],
    model: withAttrs("lstm", (attrs) => ({ ...attrs, coupledInputForget: false })),
  },
  {
    fault: "lstm: the default functions",
    red: ["golden/lstm", "random/lstm/activation"],
    model: withAttrs("lstm", ({ activations: _, ...attrs }) => attrs),
  },
  {
    fault: "layerNorm: eps",
    red: ["random/layerNorm"],
    model: withAttrs("layerNorm", (attrs) => ({ ...attrs, eps: 1e-4 })),
  },
  {
    fault: "batchNorm: the mean is not subtracted",
    red: ["golden/model", "random/batchNorm"],
    model: zeroed("batchNorm", /^running_mean/),
  },
  {
    fault: "linear: no bias",
    red: ["golden/model", "random/linear/size", "random/graph"],
    model: zeroed("linear", /^bias/),
  },
  {
    fault: "softmax is logSoftmax",
    red: ["golden/model", "random/softmax"],
    model: (model) => ({
      ...model,
      nodes: model.nodes.map((node) => (node.op === "softmax" ? { ...node, op: "logSoftmax" } : node)),
    }),
  },
];

// --- Faults in how it is driven --------------------------------------------------------------------------------------

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

function withGroups(change: (group: StreamGroup, n: number) => Partial<Record<keyof StreamGroup, unknown>>) {
  return (session: Session): Session =>
    replaced(session, {
      group(n: number) {
        const group = session.group(n);
        return replaced(group, change(group, n));
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

const DRIVEN: readonly Mutant[] = [
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
];

// --- The test --------------------------------------------------------------------------------------------------------

function reference(model: Model, options?: SessionOptions): Session {
  return createSessionSync(model, { ...options, variant: "reference" });
}

/** A name of its own, so that the random cases ask the oracle. */
function implementation(mutant: Pick<Mutant, "model" | "session">): Implementation {
  return {
    name: "mutant",
    createSession(model, options) {
      const session = reference(mutant.model ? mutant.model(model) : model, options);
      return mutant.session ? mutant.session(session, model) : session;
    },
  };
}

/** The same cases of the reference without a fault. */
const sound = new Map(casesOf(implementation({})).map((one) => [one.name, one]));

/** Groups that cannot run here; one case stands for each. */
const skipped = new Set(
  [...sound.values()].filter(({ skip }) => skip !== undefined).map(({ name }) => name.split("/")[0]),
);

function firstRed(cases: readonly Case[]): Case | undefined {
  return cases.find(({ run }) => {
    try {
      run();
    } catch {
      return true;
    }
    return false;
  });
}

describe("the suite turns red", () => {
  for (const mutant of [...COMPUTED, ...DRIVEN]) {
    it(mutant.fault, () => {
      const cases = casesOf(implementation(mutant));
      for (const beginning of mutant.red) {
        const asked = cases.filter(({ name, skip }) => name.startsWith(beginning) && skip === undefined);
        if (asked.length === 0) {
          if (skipped.has(beginning.split("/")[0])) continue;
          throw new Error(`no case begins with ${beginning}`);
        }
        const red = firstRed(asked);
        if (!red) throw new Error(`all ${asked.length} cases of ${beginning} stay green`);
        (sound.get(red.name) as Case).run();
      }
    });
  }
});
