/**
 * Long lives: streams and sessions that are made and disposed of, and the steps of one stream, while linear memory, the heap
 * and the process are watched. Exit code 1 where one of them grows after the warm-up, three tenths.
 *
 *     npm run soak -- [--streams 1000000] [--sessions 10000] [--steps 1000000000]
 */

import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createRuntimeSync, createSessionSync, type Runtime } from "../../src/index.ts";
import { randomModel, seeded, uniform } from "../conformance/models.ts";

/** Tenths in which the engine's own heap finds its size. */
const WARM = 3;

/** What may be there after the warm-up beyond what was there at its end, collected: nothing that grows stays below it. */
const HEAP = 2 ** 20;
const RESIDENT = 16 * 2 ** 20;

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "1000000" },
    sessions: { type: "string", default: "10000" },
    steps: { type: "string", default: "1000000000" },
  },
});
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

interface Sample {
  readonly linear: number;
  readonly heap: number;
  readonly resident: number;
}

/** Runs `count` cycles in tenths and prints what memory was after each; says whether it stayed. */
function soak(what: string, count: number, linear: () => number, cycles: (count: number) => void): boolean {
  if (!(Number.isInteger(count) && count >= 10)) throw new Error(`--${what}: expected an integer ≥ 10; got ${count}`);
  const samples: Sample[] = [];
  const started = performance.now();
  for (let tenth = 0; tenth < 10; tenth++) {
    cycles(Math.floor((count * (tenth + 1)) / 10) - Math.floor((count * tenth) / 10));
    collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    samples.push({ linear: linear(), heap: heapUsed + external, resident: rss });
  }
  const seconds = (performance.now() - started) / 1000;
  const most = (from: number, to: number, key: keyof Sample) =>
    Math.max(...samples.slice(from, to).map((sample) => sample[key]));
  const growth = (key: keyof Sample) => most(WARM, 10, key) - most(0, WARM, key);
  const constant = growth("linear") <= 0 && growth("heap") < HEAP && growth("resident") < RESIDENT;
  const kilobytes = (bytes: number) => `${(bytes / 1024).toFixed(0)} KB`;
  const part = (key: keyof Sample) => `${kilobytes(most(0, WARM, key))} (+${kilobytes(Math.max(0, growth(key)))})`;
  console.log(
    `${constant ? "constant" : "GROWS   "} ${count} ${what}, ${seconds.toFixed(1)} s: ` +
      `linear memory ${part("linear")}, heap ${part("heap")}, process ${part("resident")}`,
  );
  return constant;
}

const model = randomModel("soak", [
  { type: "gru", name: "rnn", inputSize: 4, hiddenSize: 8 },
  { type: "linear", name: "head", inFeatures: 8, outFeatures: 2 },
]);
const frame = uniform(seeded("frame"), 4);
const y = new Float32Array(2);
const runtime = createRuntimeSync() as Runtime;
const session = createSessionSync(model, { runtime });
const linear = () => runtime.memoryBytes;

const fine = [
  soak("streams", Number(values.streams), linear, (count) => {
    for (let i = 0; i < count; i++) {
      const one = session.stream();
      one.step(frame, y);
      one.dispose();
    }
  }),
  soak("sessions", Number(values.sessions), linear, (count) => {
    for (let i = 0; i < count; i++) {
      const one = createSessionSync(model, { runtime });
      one.stream().step(frame, y);
      one.dispose();
    }
  }),
  // Each with an instance and a memory of its own, which the engine takes back when it collects.
  soak(
    "sessions",
    Number(values.sessions),
    () => 0,
    (count) => {
      for (let i = 0; i < count; i++) {
        const one = createSessionSync(model);
        one.stream().step(frame, y);
        one.dispose();
      }
    },
  ),
];

const stream = session.stream();
fine.push(
  soak("steps", Number(values.steps), linear, (count) => {
    for (let i = 0; i < count; i++) {
      frame[i & 3] = y[i & 1];
      stream.step(frame, y);
    }
  }),
);
// A state as good as new: what it saved goes on with the same bits elsewhere.
const other = session.stream();
other.load(stream.save());
const [a, b] = [stream, other].map((one) => new Uint32Array(one.step(frame).buffer));
const same = stream.state["rnn.h"].every((h) => Math.abs(h) <= 1) && a[0] === b[0] && a[1] === b[1];
console.log(same ? "the state is finite and moves" : "the state is NOT as it should be");
process.exitCode = same && fine.every(Boolean) ? 0 : 1;
