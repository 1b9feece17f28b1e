/**
 * Sluice beside ONNX Runtime, in one process, with the same weights: onnxruntime-web (WebAssembly, one thread) and
 * onnxruntime-node (native, one thread). A step carries its state as each does it: inside the stream, or as a tensor from
 * one call to the next. Outputs are compared before anything is timed.
 */

import type { Model } from "../../src/index.ts";
import { type Contestant, compare, heading, sluice, type Timing, table, timingText } from "../harness.ts";
import { modelOf, uniform } from "../shapes.ts";
import { onnxOf } from "./onnx.ts";

/** What both packages share of onnxruntime-common; declared here so that the main package type-checks without them. */
interface OrtTensor {
  readonly data: Float32Array;
}
type Feeds = Record<string, OrtTensor>;
interface OrtSession {
  run(feeds: Feeds): Promise<Feeds>;
  release(): Promise<void>;
}
interface Ort {
  readonly env: { readonly wasm: { numThreads?: number } };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OrtTensor;
  readonly InferenceSession: { create(bytes: Uint8Array, options: object): Promise<OrtSession> };
}

const STEPS = 100;
const SIZES = [16, 64, 128, 256, 512];
const RUNTIMES = [
  { name: "onnxruntime-web", options: { executionProviders: ["wasm"] } },
  { name: "onnxruntime-node", options: { executionProviders: ["cpu"], intraOpNumThreads: 1, interOpNumThreads: 1 } },
];

function sluiceOf(model: Model, size: number, xs: Float32Array, rowsPerTurn: number): Contestant {
  const session = sluice.createSessionSync(model);
  const stream = session.stream();
  const rows = split(xs, rowsPerTurn * size);
  const ys = new Float32Array(rowsPerTurn * size);
  let next = 0;
  const turn = () => {
    const x = rows[next++ % rows.length];
    return rowsPerTurn === 1 ? stream.step(x, ys) : stream.run(x, ys);
  };
  return {
    name: `sluice (${session.info.variant})`,
    steps: rowsPerTurn,
    first: () => Float32Array.from(rows.flatMap(() => [...turn()])),
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) sum += turn()[ys.length - 1];
      return sum;
    },
  };
}

async function ortOf(
  { name, options }: (typeof RUNTIMES)[number],
  model: Model,
  size: number,
  xs: Float32Array,
  rowsPerTurn: number,
): Promise<Contestant & { readonly session: OrtSession }> {
  const ort: Ort = await import(name);
  ort.env.wasm.numThreads = 1;
  const whole = rowsPerTurn > 1;
  const session = await ort.InferenceSession.create(onnxOf(model, rowsPerTurn, whole), options);
  const rows = split(xs, rowsPerTurn * size).map((x) => new ort.Tensor("float32", x, [rowsPerTurn, 1, size]));
  const states = model.nodes[0].op === "gru" ? ["h"] : ["h", "c"];
  const feeds: Feeds = {};
  for (const s of states) feeds[`initial_${s}`] = new ort.Tensor("float32", new Float32Array(size), [1, 1, size]);
  let next = 0;
  const turn = async () => {
    feeds.X = rows[next++ % rows.length];
    const results = await session.run(feeds);
    for (const s of states) feeds[`initial_${s}`] = results[`Y_${s}`];
    return results[whole ? "Y" : "Y_h"].data;
  };
  return {
    name,
    session,
    steps: rowsPerTurn,
    async first() {
      const outputs: number[] = [];
      for (let i = 0; i < rows.length; i++) outputs.push(...(await turn()));
      return Float32Array.from(outputs);
    },
    async run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) sum += (await turn())[rowsPerTurn * size - 1];
      return sum;
    },
  };
}

function split(xs: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: xs.length / size }, (_, i) => xs.slice(i * size, (i + 1) * size));
}

async function measure(cell: "gru" | "lstm", size: number, rowsPerTurn: number): Promise<Timing[]> {
  const model = modelOf({ name: "square", cell, inputSize: size, hiddenSize: size });
  const xs = uniform(1)(STEPS * size);
  // Within 5e-6 of the reference each, so within 1e-5 of one another.
  const expected = sluice.createSessionSync(model, { variant: "reference" }).run(xs).output;
  const rivals = await Promise.all(RUNTIMES.map((runtime) => ortOf(runtime, model, size, xs, rowsPerTurn)));
  const timings = await compare([sluiceOf(model, size, xs, rowsPerTurn), ...rivals], expected);
  for (const { session } of rivals) await session.release();
  return timings;
}

const versions = RUNTIMES.map(({ name }) => `${name} 1.30.0`).join(", ");
console.log(heading(`Sluice, ${versions}; µs per step: median (minimum–maximum), and how many times Sluice's median`));
for (const rowsPerTurn of [1, STEPS]) {
  const lines: string[][] = [];
  let names: string[] = [];
  for (const cell of ["gru", "lstm"] as const) {
    for (const size of SIZES) {
      const timings = await measure(cell, size, rowsPerTurn);
      names = timings.map(({ name }) => name);
      lines.push([
        `${cell.toUpperCase()} ${size}`,
        ...timings.map((timing, i) => timingText(timing) + (i === 0 ? "" : ` ${timing.ratio.toFixed(1)}×`)),
        timings.map(({ checksum }) => checksum.toFixed(3)).join(" "),
      ]);
    }
  }
  console.log(table([rowsPerTurn === 1 ? "one step" : `sequence of ${STEPS}`, ...names, "checksums"], lines));
}
