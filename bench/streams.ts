/**
 * Very many streams of one model in one process, which bench/tables/memory.ts starts: a group of GRU 8→32 advanced a few times,
 * the time of it, and what it takes beyond the bare process, xs and ys included. Prints rows of a table as JSON.
 */

const before = process.memoryUsage.rss();
const { sluice, spread } = await import("./harness.ts");
const { modelOf, recurrent, uniform } = await import("./shapes.ts");

const COUNT = Number(process.argv[2] ?? 1_000_000);
const INPUT = 8;
const HIDDEN = 32;
/** Members whose first outputs are checked, spread over all. */
const CHECKED = 1000;

const model = modelOf({ name: "many", parts: [recurrent("gru", "rnn", INPUT, HIDDEN)] });
const session = sluice.createSessionSync(model);
const xs = new Float32Array(COUNT * INPUT);
const random = uniform(1);
for (let i = 0; i < xs.length; i += 8000) xs.set(random(8000), i);
const ys = new Float32Array(COUNT * HIDDEN);

const from = performance.now();
const group = session.group(COUNT);
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
  const member = Math.floor((i * (COUNT - 1)) / (CHECKED - 1));
  const expected = reference.run(xs.subarray(member * INPUT, (member + 1) * INPUT)).output;
  expected.forEach((y, k) => {
    const got = ys[member * HIDDEN + k];
    if (!(Math.abs(got - y) <= 5e-6)) throw new Error(`member ${member}: expected output ${k} to be ${y}; got ${got}.`);
  });
}
const taken = (process.memoryUsage.rss() - before) / 1e6;
while (times.length < 6) advance();

const later = spread(times.slice(1));
console.log(
  JSON.stringify([
    {
      streams: COUNT,
      "creating the group, ms": created,
      "first step of all, ms": times[0],
      "later steps, ms": later,
      "ns per stream": (later.median * 1e6) / COUNT,
      "MB beyond the bare process": taken,
      "of which states, xs, ys": (COUNT * (HIDDEN + INPUT + HIDDEN) * 4) / 1e6,
      checksum,
    },
  ]),
);
