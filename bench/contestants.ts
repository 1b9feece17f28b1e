/**
 * A model and inputs for it → the ways in which Sluice runs it: a step of one stream, a sequence, single steps of several
 * streams, a group; each with what the reference says to its first outputs.
 */

import type { Model, Numbers, Session } from "../src/index.ts";
import { type Contestant, sluice } from "./harness.ts";
import type { Build } from "./limit.ts";
import { uniform } from "./shapes.ts";

/** Steps of the inputs that one stream goes through, over and over. */
export const STEPS = 100;
/** Members and steps of a group whose inputs differ and whose first outputs are checked. */
const GROUP_STEPS = 2;
const CHECKED_MEMBERS = 8;
/** Parameters times steps that the reference may take: about two seconds. */
const CHECKED_WORK = 5e8;

/** A session of each build that this engine runs. */
export function sessionsOf(model: Model): (readonly [Build, Session])[] {
  return (["simd", "relaxed"] as const).flatMap((variant) => {
    try {
      return [[variant, sluice.createSessionSync(model, { variant })] as const];
    } catch (error) {
      if ((error as { code?: string }).code === "ERR_VARIANT") return [];
      throw error;
    }
  });
}

const sizeOf = (shape: readonly (number | string)[]) => shape.reduce<number>((product, n) => product * Number(n), 1);
const inputSizeOf = (model: Model) => sizeOf(model.inputs[0].shape);
const outputSizeOf = (model: Model) => sizeOf(model.outputs[0].shape);

/** `count` random rows of the model's input: numbers in −1 … 1, or ids. */
export function rowsOf(model: Model, count: number): Numbers {
  const xs = uniform(count)(count * inputSizeOf(model));
  if (model.inputs[0].dtype === "F32") return xs;
  const ids = Number(model.nodes.find(({ op }) => op === "embedding")?.attrs.numEmbeddings);
  return Int32Array.from(xs, (x) => Math.abs(x) * (ids - 1));
}

/** Rows of xs, `count` of them in each. */
export function split(model: Model, xs: Numbers, count = 1): Numbers[] {
  const length = count * inputSizeOf(model);
  return Array.from({ length: xs.length / length }, (_, i) => xs.slice(i * length, (i + 1) * length));
}

/** The reference's outputs for the first rows of xs, as many as it answers in a moment. */
export function expectedOf(model: Model, xs: Numbers): Float32Array {
  const weights = [...model.tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  const rows = Math.max(2, Math.min(xs.length / inputSizeOf(model), Math.floor(CHECKED_WORK / weights)));
  const session = sluice.createSessionSync(model, { variant: "reference" });
  const { output } = session.run(xs.slice(0, rows * inputSizeOf(model)));
  session.dispose();
  return output;
}

/** Arrays that single steps take in turn, a power of two: a hundred would fill the first cache, and a caller has one. */
const TURNS = 8;

/** One step in each turn, from an array into another. */
export function stepping(name: string, model: Model, session: Session, expected: Float32Array): Contestant {
  const stream = session.stream();
  const rows = split(model, rowsOf(model, STEPS));
  const y = new Float32Array(outputSizeOf(model));
  const last = y.length - 1;
  let t = 0;
  return {
    name,
    steps: 1,
    expected,
    first: () => Float32Array.from(rows.flatMap((x) => [...stream.step(x)])),
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) {
        t = (t + 1) & (TURNS - 1);
        sum += stream.step(rows[t], y)[last];
      }
      return sum;
    },
  };
}

/** One step in each turn, from `stream.input` to `stream.output`: nothing is copied. */
export function steppingInPlace(name: string, model: Model, session: Session, expected: Float32Array): Contestant {
  const stream = session.stream();
  const { input, output } = stream;
  const rows = split(model, rowsOf(model, STEPS));
  const last = output.length - 1;
  const step = (x: Numbers) => {
    input.set(x);
    return [...stream.step()];
  };
  return {
    name: `${name}, in place`,
    steps: 1,
    expected,
    first: () => Float32Array.from(rows.flatMap(step)),
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) {
        stream.step();
        sum += output[last];
      }
      return sum;
    },
  };
}

/** A sequence of `steps` in each turn. */
export function running(
  name: string,
  model: Model,
  session: Session,
  expected: Float32Array,
  steps = STEPS,
): Contestant {
  const stream = session.stream();
  const xs = rowsOf(model, STEPS);
  const turn = steps <= STEPS ? xs.slice(0, steps * inputSizeOf(model)) : rowsOf(model, steps);
  const ys = new Float32Array(steps * outputSizeOf(model));
  return {
    name,
    steps,
    expected,
    first: () => stream.run(xs),
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) sum += stream.run(turn, ys)[ys.length - 1];
      return sum;
    },
  };
}

/** What the first members of n answer to two rows each, member after member in each row. */
function groupExpected(model: Model, xs: Numbers, n: number): Float32Array {
  const checked = Math.min(n, CHECKED_MEMBERS);
  const length = inputSizeOf(model);
  const session = sluice.createSessionSync(model, { variant: "reference" });
  const some = new Float32Array(GROUP_STEPS * checked * length);
  for (let t = 0; t < GROUP_STEPS; t++) {
    some.set(xs.subarray(t * n * length, (t * n + checked) * length), t * checked * length);
  }
  const { output } = session.run(some, { batch: checked });
  session.dispose();
  return output;
}

function firstMembers(model: Model, ys: Float32Array, n: number): Float32Array {
  const length = outputSizeOf(model);
  const checked = Math.min(n, CHECKED_MEMBERS) * length;
  const some = new Float32Array(GROUP_STEPS * checked);
  for (let t = 0; t < GROUP_STEPS; t++) some.set(ys.subarray(t * n * length, t * n * length + checked), t * checked);
  return some;
}

/** A step of n streams one after another in each turn. */
export function singles(name: string, model: Model, session: Session, n: number): Contestant {
  const streams = Array.from({ length: n }, () => session.stream());
  const xs = rowsOf(model, GROUP_STEPS * n);
  const rows = split(model, xs);
  const y = new Float32Array(outputSizeOf(model));
  let t = 0;
  return {
    name,
    steps: n,
    expected: groupExpected(model, xs, n),
    first: () => {
      const ys = rows.flatMap((x, i) => [...streams[i % n].step(x)]);
      return firstMembers(model, Float32Array.from(ys), n);
    },
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) {
        for (let j = 0; j < n; j++) sum += streams[j].step(rows[t++ % rows.length], y)[y.length - 1];
      }
      return sum;
    },
  };
}

/** A step of a group of n in each turn. */
export function grouped(name: string, model: Model, session: Session, n: number): Contestant {
  const group = session.group(n);
  const xs = rowsOf(model, GROUP_STEPS * n);
  const rows = split(model, xs, n);
  const ys = new Float32Array(n * outputSizeOf(model));
  let t = 0;
  return {
    name,
    steps: n,
    expected: groupExpected(model, xs, n),
    first: () => firstMembers(model, group.run(xs), n),
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) sum += group.step(rows[t++ % GROUP_STEPS], ys)[ys.length - 1];
      return sum;
    },
  };
}
