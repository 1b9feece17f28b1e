/**
 * Every shape in every build of the kernels that this engine runs: a step of one stream, a sequence of 100, a group of 64.
 *
 * One process runs all shapes, so the calls into WebAssembly are those of a program with many models: at H = 8 about
 * 0.01 µs slower than with one. An argument picks shapes: `npm run bench -- guitar`.
 */

import type { Model, Session } from "../src/index.ts";
import { type Contestant, compare, heading, short, sluice, table, timingText } from "./harness.ts";
import { MODELS, modelOf, products, type Shape, SQUARES, shapeText, uniform } from "./shapes.ts";

const STEPS = 100;
const MEMBERS = 64;
/** Steps of a group that are checked. */
const GROUP_STEPS = 4;

/** The rows of xs as arrays of their own. */
function frames(xs: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: xs.length / size }, (_, t) => xs.slice(t * size, (t + 1) * size));
}

function stepOf(name: string, session: Session, xs: Float32Array, { inputSize, hiddenSize }: Shape): Contestant {
  const stream = session.stream();
  const rows = frames(xs, inputSize);
  const y = new Float32Array(hiddenSize);
  let t = 0;
  return {
    name,
    steps: 1,
    first: () => Float32Array.from(rows.flatMap((x) => [...stream.step(x)])),
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) sum += stream.step(rows[t++ % STEPS], y)[0];
      return sum;
    },
  };
}

function runOf(name: string, session: Session, xs: Float32Array, { hiddenSize }: Shape): Contestant {
  const stream = session.stream();
  const ys = new Float32Array(STEPS * hiddenSize);
  return {
    name,
    steps: STEPS,
    first: () => stream.run(xs),
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) sum += stream.run(xs, ys)[ys.length - 1];
      return sum;
    },
  };
}

function groupOf(name: string, session: Session, xs: Float32Array, { inputSize, hiddenSize }: Shape): Contestant {
  const group = session.group(MEMBERS);
  const rows = frames(xs, MEMBERS * inputSize);
  const ys = new Float32Array(MEMBERS * hiddenSize);
  let t = 0;
  return {
    name,
    steps: MEMBERS,
    first: () => group.run(xs),
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) sum += group.step(rows[t++ % GROUP_STEPS], ys)[ys.length - 1];
      return sum;
    },
  };
}

function sessionsOf(model: Model): Session[] {
  return (["simd", "relaxed"] as const).flatMap((variant) => {
    try {
      return [sluice.createSessionSync(model, { variant })];
    } catch (error) {
      if ((error as { code?: string }).code === "ERR_VARIANT") return [];
      throw error;
    }
  });
}

async function measure(shape: Shape): Promise<string[][]> {
  const model = modelOf(shape);
  const random = uniform(1);
  const xs = random(STEPS * shape.inputSize);
  const groupXs = random(GROUP_STEPS * MEMBERS * shape.inputSize);
  const reference = sluice.createSessionSync(model, { variant: "reference" });
  const expected = reference.run(xs).output;
  const groupExpected = reference.run(groupXs, { batch: MEMBERS }).output;
  const sessions = sessionsOf(model);
  const all = (of: typeof stepOf, input: Float32Array) =>
    sessions.map((session) => of(session.info.variant, session, input, shape));
  const steps = await compare(all(stepOf, xs), expected);
  const runs = await compare(all(runOf, xs), expected);
  const groups = await compare(all(groupOf, groupXs), groupExpected);
  for (const session of [reference, ...sessions]) session.dispose();
  return steps.map((step, i) => [
    shapeText(shape),
    step.name,
    timingText(step),
    (products(shape) / step.median / 1e3).toFixed(1),
    shape.rate === undefined ? "" : short(1e6 / (shape.rate * step.median)),
    timingText(runs[i]),
    timingText(groups[i]),
    step.ratio.toFixed(2),
    (step.checksum + runs[i].checksum + groups[i].checksum).toFixed(3),
  ]);
}

const rows: string[][] = [];
const wanted = process.argv[2] ?? "";
for (const shape of [...MODELS, ...SQUARES]) {
  if (shapeText(shape).includes(wanted)) rows.push(...(await measure(shape)));
}
console.log(heading("GRU and LSTM, µs per step: median (minimum–maximum); run and group per step of one stream"));
const head = ["shape", "build", "step", "GMAC/s", "× real time"];
console.log(table([...head, `run of ${STEPS}`, `group of ${MEMBERS}`, "step ÷ simd", "checksum"], rows));
