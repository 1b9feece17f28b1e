/**
 * The same readings scored twice: once undisturbed, once while the server, workers and sensors are killed with SIGKILL at
 * random points and started again. The two score logs must be equal, sensor by sensor, byte for byte: nothing lost, nothing
 * twice.
 *
 *     npm run chaos -- [KILLS] [SENSORS] [READINGS] [SEED]
 *
 * A point is a number of scores in the log and up to 15 ms after it; points and the order of who is asked for come from the
 * seed. The first in that order that is running is killed, so that no kill falls on a process that has not begun.
 */

import { open } from "./names.js";
import { scoresOf } from "./scores.js";
import { keep, startServer } from "./start.js";

const WORKERS = 2;
const PAUSE = 250; // milliseconds between two rounds of readings while it is disturbed
const LATE = 15; // milliseconds after a point, at most
const AFTER = 3000; // milliseconds for what is redelivered after the last score

const [kills = 100, sensors = 10, readings = 400, seed = 1] = process.argv.slice(2).map(Number);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const quiet = await fleet([], 0);
const random = generator(seed);
const points = Array.from({ length: kills }, () => Math.floor(random() * sensors * readings * 0.95));
const disturbed = await fleet(
  points.sort((a, b) => a - b),
  PAUSE,
);
const same = [...quiet.log].filter(([sensor, scores]) => scores.join("\n") === disturbed.log.get(sensor)?.join("\n"));
const { server, sensors: ofSensors, ...workers } = disturbed.killed;
const ofWorkers = Object.values(workers).reduce((a, b) => a + b);
console.log(`${sensors} sensors, ${readings} readings each; ${quiet.seconds.toFixed(1)} s undisturbed`);
console.log(
  `${server + ofSensors + ofWorkers} kills (server ${server}, sensors ${ofSensors}, workers ${ofWorkers}), ` +
    `${disturbed.early} of them before the last score, ${disturbed.seconds.toFixed(1)} s; ` +
    `${same.length} of ${sensors} logs equal`,
);
const whole = [quiet, disturbed].every(
  ({ log }) => log.size === sensors && [...log.values()].every(({ length }) => length === readings),
);
process.exit(whole && same.length === sensors ? 0 : 1);

async function fleet(points, pause) {
  const server = await startServer();
  let { manager } = await open(server.port);
  const programs = { sensors: keep("sensors.js", server.port, sensors, readings, pause) };
  for (let i = 0; i < WORKERS; i++) programs[`worker ${i}`] = keep("worker.js", server.port);
  const killed = Object.fromEntries(["server", ...Object.keys(programs)].map((name) => [name, 0]));
  const scored = async () => (await manager.streams.info("SCORES")).state.messages;

  const started = performance.now();
  let early = 0;
  const total = sensors * readings;
  const due = [...points];
  for (let count = 0; count < total; count = await scored()) {
    if (due.length === 0 || count < due[0]) {
      await wait(5);
      continue;
    }
    const names = shuffled(Object.keys(killed));
    await wait(LATE * random());
    const name = names.find((one) => one === "server" || programs[one].ready);
    if (name === "server") {
      await server.restart();
      ({ manager } = await open(server.port));
    } else programs[name].kill();
    due.shift();
    killed[name]++;
    if ((await scored()) < total) early++;
  }
  const seconds = (performance.now() - started) / 1000;
  if (points.length > 0) await wait(AFTER);

  const { js, connection, manager: last } = await open(server.port);
  const log = new Map();
  const { messages } = (await last.streams.info("SCORES")).state;
  let count = 0;
  for await (const { sensor, text } of scoresOf(js, last)) {
    if (!log.has(sensor)) log.set(sensor, []);
    log.get(sensor).push(text);
    if (++count === messages) break;
  }
  for (const program of Object.values(programs)) program.stop();
  await connection.close();
  await server.stop();
  return { log, killed, early, seconds };
}

function shuffled(list) {
  const order = [...list];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Numbers in [0, 1), the same for the same seed: mulberry32 (T. Ettinger, public domain). */
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
