/**
 * The same readings scored twice: once undisturbed, once while workers and sensors are killed with SIGKILL at random moments
 * and started again. The two score logs must be equal, sensor by sensor, byte for byte.
 *
 *     npm run chaos -- [KILLS] [SENSORS] [READINGS]
 */

import { open } from "./names.js";
import { scoresOf } from "./scores.js";
import { start, startServer } from "./start.js";

const WORKERS = 2;
const PAUSE = 150; // milliseconds between two rounds of readings while it is disturbed
const BETWEEN = 250; // milliseconds between two kills, on average

const [kills = 100, sensors = 10, readings = 400] = process.argv.slice(2).map(Number);
const quiet = await fleet(0, 0);
const disturbed = await fleet(kills, PAUSE);
const same = [...quiet.log].filter(([sensor, scores]) => scores.join("\n") === disturbed.log.get(sensor)?.join("\n"));
console.log(`${sensors} sensors, ${readings} readings each; ${quiet.seconds.toFixed(1)} s undisturbed`);
console.log(
  `${disturbed.killed} kills, ${disturbed.early} of them before the last score; ${same.length} of ${sensors} logs equal`,
);
process.exit(same.length === sensors && quiet.log.size === sensors && disturbed.log.size === sensors ? 0 : 1);

async function fleet(wanted, pause) {
  const server = await startServer();
  const { connection, js, manager } = await open(server.port);
  const processes = new Map(); // a slot → its process
  const slots = ["sensors", ...Array.from({ length: WORKERS }, (_, i) => `worker ${i}`)];
  const launch = (slot) => {
    const args =
      slot === "sensors" ? ["sensors.js", server.port, sensors, readings, pause] : ["worker.js", server.port];
    processes.set(slot, start(...args));
  };
  slots.forEach(launch);

  const started = performance.now();
  let [killed, early] = [0, 0];
  for (let done = false; !done || killed < wanted; ) {
    if (killed < wanted) {
      await new Promise((resolve) => setTimeout(resolve, 2 * BETWEEN * Math.random()));
      const slot = slots[Math.floor(Math.random() * slots.length)];
      processes.get(slot).kill("SIGKILL");
      launch(slot);
      killed++;
      if (!done) early++;
    } else await new Promise((resolve) => setTimeout(resolve, 50));
    done = (await manager.streams.info("SCORES")).state.messages >= sensors * readings;
  }
  const seconds = (performance.now() - started) / 1000;
  if (wanted > 0) await new Promise((resolve) => setTimeout(resolve, 3000)); // what is redelivered after the last score

  const log = new Map();
  const { messages } = (await manager.streams.info("SCORES")).state;
  let count = 0;
  for await (const { sensor, text } of await scoresOf(js, manager)) {
    if (!log.has(sensor)) log.set(sensor, []);
    log.get(sensor).push(text);
    if (++count === messages) break;
  }
  for (const child of processes.values()) child.kill("SIGKILL");
  await connection.close();
  await server.stop();
  return { log, killed, early, seconds };
}
