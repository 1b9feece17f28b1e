/**
 * Watches a sensor: readings from a .csv file or standard input → alarms, one line each, on standard output. A sparkline of
 * the readings with the alarms under it goes to standard error; at a terminal it is there while they arrive.
 *
 *     npm run build
 *     npx tsx examples/anomaly/watch.ts readings.csv
 *     tail -n +1 -f readings.csv | npx tsx examples/anomaly/watch.ts --state sensor.state
 *
 * With --state the sensor's state is read from that file, where there is one, and kept in it at the end of the input and at
 * Ctrl-C: the alarms are the same in one piece or in several.
 */

import { createReadStream, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Detector } from "./detector.ts";
import { Picture } from "./picture.ts";
import { type Reading, readReadings } from "./readings.ts";
import { openSession } from "./session.ts";

const REDRAW = 100; // milliseconds

// What was typed wrong, or what the file has wrong, in one line.
process.on("uncaughtException", ({ message }) => {
  console.error(message);
  process.exit(1);
});
process.stdout.on("error", () => process.exit(0)); // `… | head` has what it wanted

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: "boolean", default: false }, state: { type: "string" } },
});
if (values.help) {
  console.log("npx tsx examples/anomaly/watch.ts [FILE.csv] [--state FILE]    (no file, or -: standard input)");
  process.exit(0);
}
if (positionals.length > 1) throw new TypeError(`expected one file, got ${positionals.length}`);
const [file = "-"] = positionals;
const source = file === "-" ? process.stdin.setEncoding("utf8") : createReadStream(file, "utf8");

const session = await openSession();
const detector = new Detector(session);
if (values.state !== undefined && existsSync(values.state)) detector.load(readFileSync(values.state));

const picture = new Picture();
const live = process.stderr.isTTY === true;
const before = detector.count;
let alarms = 0;
let drawn = 0;

let stopped = false;
const stop = () => {
  stopped = true;
  source.destroy();
};
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
try {
  for await (const reading of readReadings(source, file === "-" ? "standard input" : file)) {
    if (stopped) break;
    take(reading);
  }
} catch (error) {
  if (!stopped) throw error; // what a source says that was closed
}
end();

function take({ time, value }: Reading): void {
  const { surprise, loudness, alarm } = detector.score(value);
  picture.add(value, alarm);
  if (alarm) {
    alarms++;
    if (live) process.stderr.write("\r\x1b[K");
    const when = time || `reading ${detector.count}`;
    console.log(`${when}  ${value}  surprise ${surprise.toFixed(1)} bits, loudness ${loudness.toFixed(1)}`);
  }
  if (live && performance.now() - drawn > REDRAW) {
    process.stderr.write(`\r\x1b[K${picture.lines(columns())[0]}`);
    drawn = performance.now();
  }
}

function end(): void {
  if (values.state !== undefined) {
    writeFileSync(`${values.state}.new`, detector.save()); // a crash leaves the old state or the new one
    renameSync(`${values.state}.new`, values.state);
  }
  const [readings, marks] = picture.lines(columns());
  console.error(`${live ? "\r\x1b[K" : ""}${readings}${marks && `\n${marks}`}`);
  console.error(`${detector.count - before} readings, ${alarms} ${alarms === 1 ? "alarm" : "alarms"}`);
  session.dispose();
}

function columns(): number {
  return Math.max((process.stderr.columns ?? 80) - 1, 10);
}
