/** One GRU or LSTM layer in every runtime: a step in each call, and a sequence of 100 in each call. */

import type { Model } from "../../src/index.ts";
import { expectedOf, rowsOf, running, STEPS, stepping } from "../contestants.ts";
import { compare, sluice } from "../harness.ts";
import { nativeStep } from "../native.ts";
import type { Context, Row, Table } from "../report.ts";
import { type Cell, modelOf, square } from "../shapes.ts";
import { ortOf } from "./ort.ts";
import { tfjsOf } from "./tfjs.ts";

const SIZES = [16, 64, 128, 256, 512, 1024];
/** How many times Sluice's time the others are to take at least: a step, and a step of a sequence. */
const GOALS: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  "onnxruntime-web, step": { 16: 60, 64: 12, 128: 5.5, 256: 2.3, 512: 1.7, 1024: 1.2 },
  "onnxruntime-node, step": { 16: 40, 64: 10, 128: 3.5, 256: 1.5, 512: 1, 1024: 1 },
  "onnxruntime-web, sequence": { 16: 1.3, 64: 1.3, 128: 1.3, 256: 1.3, 512: 1.3, 1024: 1 },
};

/** Sluice's way: a step, or a sequence, in each call. */
function oursOf(model: Model, steps: number) {
  const session = sluice.createSessionSync(model);
  const expected = expectedOf(model, rowsOf(model, STEPS));
  const one = steps === 1 ? stepping("sluice", model, session, expected) : running("sluice", model, session, expected);
  return { session, one, expected };
}

async function measureOne(cell: Cell, size: number, steps: number, { effort, limits }: Context): Promise<Row> {
  const model = modelOf(square(cell, size));
  const { session, one, expected } = oursOf(model, steps);
  // TensorFlow.js has the GRU with the reset gate before the product alone: it is compared with Sluice's of that form.
  const likeTensorFlow = cell === "lstm" ? model : modelOf(square(cell, size, { resetAfter: false }));
  const before = cell === "lstm" ? undefined : oursOf(likeTensorFlow, steps);
  const rivals = [
    await ortOf("onnxruntime-web", model, expected, steps),
    await ortOf("onnxruntime-node", model, expected, steps),
    await tfjsOf(likeTensorFlow, before?.expected ?? expected, steps),
  ];
  const timings = await compare([one, ...rivals, ...(before ? [before.one] : [])], effort);
  for (const rival of rivals) await rival.dispose();
  const { variant } = session.info;
  session.dispose();
  before?.session.dispose();

  const [ours, web, node, tfjs, oursBefore = ours] = timings;
  const native = steps === 1 ? nativeStep(cell, size, limits) : undefined;
  const form = steps === 1 ? "step" : "sequence";
  const goal = (name: string) => {
    const least = GOALS[`${name}, ${form}`]?.[size];
    return least && `≥ ${least}`;
  };
  return {
    H: size,
    cell: cell.toUpperCase(),
    build: variant,
    sluice: ours,
    "onnxruntime-web": web,
    "web ÷ sluice": web.median / ours.median,
    "goal web": goal("onnxruntime-web"),
    "onnxruntime-node": node,
    "node ÷ sluice": node.median / ours.median,
    ...(form === "step" ? { "goal node": goal("onnxruntime-node") } : {}),
    "tensorflow.js wasm": tfjs,
    "tensorflow.js ÷ sluice": tfjs.median / oursBefore.median,
    ...(form === "step" ? { "sluice ÷ native": native && ours.median / native } : {}),
    checksums: timings.map(({ checksum }) => checksum.toFixed(3)).join(" "),
  };
}

export async function layers(context: Context): Promise<Table[]> {
  const tables: Table[] = [];
  for (const steps of [1, STEPS]) {
    const rows: Row[] = [];
    for (const cell of ["gru", "lstm"] as const) {
      for (const size of SIZES.slice(0, context.quick ? 2 : undefined)) {
        rows.push(await measureOne(cell, size, steps, context));
      }
    }
    const what = steps === 1 ? "µs per step, a step in each call" : `µs per step, a sequence of ${STEPS} in each call`;
    tables.push({ title: `${what}, in = out = H, state carried from call to call`, rows });
  }
  return tables;
}
