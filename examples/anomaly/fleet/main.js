/**
 * The whole fleet on this machine, live: a NATS server, sensors, workers, and each sensor's line on the terminal.
 *
 *     npm ci && npm run fleet -- [SENSORS] [WORKERS] [READINGS]      Ctrl-C ends it
 */

import { open } from "./names.js";
import { scoresOf } from "./scores.js";
import { keep, startServer } from "./start.js";

const BARS = "▁▂▃▄▅▆▇█";
const WIDTH = 60;
const live = process.stdout.isTTY === true;
const REDRAW = 200; // milliseconds

const [sensors = 12, workers = 2, readings = 3000] = process.argv.slice(2).map(Number);
const server = await startServer();
const { js, manager, connection } = await open(server.port);
const processes = [keep("sensors.js", server.port, sensors, readings, 5)];
for (let i = 0; i < workers; i++) processes.push(keep("worker.js", server.port));
process.once("SIGINT", () => end().then(() => process.exit(0)));

const rows = new Map(); // sensor → { loudnesses, marks, alarms }, the last WIDTH of them
let [count, drawn, height] = [0, 0, 0];
const started = performance.now();
for await (const { sensor, text } of scoresOf(js, manager)) {
  const { loudness, alarm } = JSON.parse(text);
  if (!rows.has(sensor)) rows.set(sensor, { loudnesses: [], marks: [], alarms: 0 });
  const row = rows.get(sensor);
  row.loudnesses.push(loudness);
  row.marks.push(alarm);
  if (alarm) row.alarms++;
  if (row.loudnesses.length > WIDTH) {
    row.loudnesses.shift();
    row.marks.shift();
  }
  count++;
  if (performance.now() - drawn > REDRAW || count === sensors * readings) draw();
  if (count === sensors * readings) break;
}
await end();
process.exit(0);

function draw() {
  const text = [...rows]
    .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
    .map(([sensor, row]) => {
      const line = row.loudnesses.map((loudness, i) =>
        row.marks[i] ? "▲" : BARS[Math.min(Math.floor(2 * loudness), BARS.length - 1)],
      );
      return `${sensor.padEnd(10)} ${line.join("").padEnd(WIDTH)} ${row.alarms} alarms`;
    });
  const rate = Math.round(count / ((performance.now() - started) / 1000));
  text.push(`${count} scores, ${rate} a second, ${workers} workers`);
  const up = height > 0 && live ? `\x1b[${height}A` : "";
  if (live || count === sensors * readings)
    process.stdout.write(`${up}${text.map((line) => `${line}${live ? "\x1b[K" : ""}\n`).join("")}`);
  height = text.length;
  drawn = performance.now();
}

async function end() {
  for (const child of processes) child.stop();
  await connection.close();
  await server.stop();
}
