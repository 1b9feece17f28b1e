/**
 * A million streams of one model in one process: a group of 1,000,000 of GRU 8→32 advanced once, the time of it, and what
 * it takes beyond the bare process, xs and ys included. Bars: 2 s on one core, 400 MB.
 */

const before = process.memoryUsage.rss();
const { heading, short, sluice, spread, table } = await import("./harness.ts");
const { modelOf, uniform } = await import("./shapes.ts");

const STREAMS = 1_000_000;
const INPUT = 8;
const HIDDEN = 32;
/** Members whose first outputs are checked, spread over all. */
const CHECKED = 1000;

const model = modelOf({ name: "million", cell: "gru", inputSize: INPUT, hiddenSize: HIDDEN });
const session = sluice.createSessionSync(model);
const xs = new Float32Array(STREAMS * INPUT);
const random = uniform(1);
for (let i = 0; i < xs.length; i += 8000) xs.set(random(8000), i);
const ys = new Float32Array(STREAMS * HIDDEN);

const from = performance.now();
const group = session.group(STREAMS);
const created = performance.now() - from;
const times: number[] = [];
let checksum = 0;
const advance = () => {
  const start = performance.now();
  group.step(xs, ys);
  times.push(performance.now() - start);
  checksum += ys[0] + ys[ys.length - 1];
};
advance();

// Checked after the first step, since every state is at the initial one only once.
const reference = sluice.createSessionSync(model, { variant: "reference" });
for (let i = 0; i < CHECKED; i++) {
  const member = Math.floor((i * (STREAMS - 1)) / (CHECKED - 1));
  const expected = reference.run(xs.subarray(member * INPUT, (member + 1) * INPUT)).output;
  expected.forEach((y, k) => {
    const got = ys[member * HIDDEN + k];
    if (!(Math.abs(got - y) <= 5e-6)) throw new Error(`member ${member}: expected output ${k} to be ${y}; got ${got}.`);
  });
}
const taken = (process.memoryUsage.rss() - before) / 1e6;
while (times.length < 6) advance();

console.log(heading(`${STREAMS.toLocaleString("en")} streams of GRU ${INPUT}→${HIDDEN}, ${session.info.variant}`));
const { minimum, median, maximum } = spread(times.slice(1));
const rows = [
  ["creating the group, ms", created.toFixed(0), ""],
  ["first step of all, ms", times[0].toFixed(0), times[0] <= 2000 ? "within 2000" : "OVER 2000"],
  ["later steps, ms", `${median.toFixed(0)} (${minimum.toFixed(0)}–${maximum.toFixed(0)})`, ""],
  ["later steps, ns per stream", short((median * 1e6) / STREAMS), ""],
  ["memory beyond the bare process, MB", taken.toFixed(0), taken <= 400 ? "within 400" : "OVER 400"],
  ["of which states, xs, ys, MB", ((STREAMS * (HIDDEN + INPUT + HIDDEN) * 4) / 1e6).toFixed(0), ""],
  ["checksum", checksum.toFixed(6), ""],
];
console.log(table(["", "value", "bar"], rows));
if (times[0] > 2000 || taken > 400) process.exitCode = 1;
